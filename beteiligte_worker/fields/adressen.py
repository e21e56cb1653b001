"""Adressen: which field of EspoCRM belongs to which of Advoware, how values compare, and what is made of them.

What POST and PUT store is the firm's own finding; the names are assumed. docs/assumptions.md says which.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from beteiligte_worker.model.adressen import AdvowareAdresse, EspoAdresse, Values
from beteiligte_worker.model.stammdaten import Value

ENTITY = "CAdressen"
Kind = Literal["text", "country", "date", "flag"]
Place = tuple[str, str, str, str]
_BAD_CHARACTERS = frozenset("<>=")
_NAME_LENGTH = 255
_MARKER = re.compile(r"EspoCRM[\s_-]?ID\s*:\s*([0-9A-Za-z_-]+)", re.IGNORECASE)
_HERE = "Deutschland"
_COUNTRIES = {
    **dict.fromkeys(("deutschland", "bundesrepublik deutschland", "germany", "brd", "de", "deu", "d"), _HERE),
    **dict.fromkeys(("österreich", "austria", "at", "aut", "a"), "Österreich"),
    **dict.fromkeys(("schweiz", "switzerland", "ch", "che"), "Schweiz"),
}
"""How people write the countries of most addresses. Whether Advoware has names or letters is not known, and the one is
as good as the other."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One field on both sides."""

    espocrm: str
    advoware: str
    label: str
    """What staff call it."""
    kind: Kind = "text"
    put: bool = False
    """Whether Advoware's PUT stores it; POST stores all."""
    max_length: int = 255
    plain: bool = False
    """Where EspoCRM refuses `<`, `>` and `=`."""

    def accepts(self, value: Value) -> bool:
        """Whether EspoCRM would store it. One refused value fails the whole record, so it is asked first.

        Source: EspoCRM 9.2.7, application/Espo/Classes/FieldValidators, Resources/metadata/fields/address.json.
        """
        if value is None or self.kind == "flag":
            return True
        text = str(value)
        if self.kind == "date":
            return is_date(text)
        return len(text) <= self.max_length and not (self.plain and _BAD_CHARACTERS & set(text))

    def shown(self, value: Value) -> str:
        """A normal value as staff read it."""
        if self.kind == "flag":
            return "ja" if value is True else "nein"
        text = "" if value is None else str(value)
        return ".".join(reversed(text.split("-"))) if self.kind == "date" and is_date(text) else text


STREET = Pair(espocrm="adresseStreet", advoware="strasse", label="Straße", put=True)
POSTAL_CODE = Pair(espocrm="adressePostalCode", advoware="plz", label="PLZ", put=True, max_length=40, plain=True)
CITY = Pair(espocrm="adresseCity", advoware="ort", label="Ort", put=True, max_length=100, plain=True)
COUNTRY = Pair(espocrm="adresseCountry", advoware="land", label="Land", kind="country", max_length=100, plain=True)
BOX = Pair(espocrm="postfach", advoware="postfach", label="Postfach")
BOX_CODE = Pair(espocrm="postfachPLZ", advoware="postfachPLZ", label="PLZ des Postfachs")
VALID_UNTIL = Pair(espocrm="validUntil", advoware="gueltigBis", label="Gültig bis", kind="date")
PAIRS = (
    STREET,
    POSTAL_CODE,
    CITY,
    COUNTRY,
    BOX,
    BOX_CODE,
    Pair(espocrm="isPrimary", advoware="standardAnschrift", label="Standardanschrift", kind="flag"),
    Pair(espocrm="validFrom", advoware="gueltigVon", label="Gültig von", kind="date"),
    VALID_UNTIL,
)
BY_ATTRIBUTE = {pair.espocrm: pair for pair in PAIRS}
ATTRIBUTES = (
    *("name", *BY_ATTRIBUTE),
    *("isActive", "advowareAdressId", "advowareRowId", "syncStatus"),
)
"""EspoCRM's attributes that this part reads."""


def espocrm_adresse(record: Mapping[str, Any]) -> EspoAdresse:
    """A record as EspoCRM answers it. Only `isActive: false` switches it off. KeyError without an id."""
    return EspoAdresse(
        id=str(record["id"]),
        values={pair.espocrm: normal(record.get(pair.espocrm), pair.kind) for pair in PAIRS},
        name=str(record.get("name") or ""),
        is_active=record.get("isActive") is not False,
        advoware_id=number(record.get("advowareAdressId")),
        advoware_row_id=_text(record.get("advowareRowId")),
        sync_status=_text(record.get("syncStatus")),
    )


def advoware_adresse(row: Mapping[str, Any]) -> AdvowareAdresse:
    """A row as Advoware answers it. KeyError or ValueError without a number."""
    return AdvowareAdresse(
        id=int(row["id"]),
        row_id=str(row.get("rowId") or ""),
        values={pair.espocrm: normal(row.get(pair.advoware), pair.kind) for pair in PAIRS},
        anschrift=_text(row.get("anschrift")),
        marker=marked(row.get("bemerkung")),
        body=dict(row),
    )


def normal(value: object, kind: Kind) -> Value:
    """What is compared: text without blanks around it and with LF, a country by its German name, dates without a time,
    nothing as None.

    A flag is True or None: who never touched it has not said no.
    """
    if kind == "flag":
        return True if value is True or str(value).lower() in {"1", "true"} else None
    text = _text(value)
    if text and kind == "country":
        return _COUNTRIES.get(text.casefold(), text)
    return text[:10] if text and kind == "date" else text


def told(value: Value, kind: Kind) -> Value:
    """A normal value as Advoware wants it: a date is an instant there, lines end in CRLF."""
    if kind == "flag":
        return value is True
    if value is None:
        return None
    return f"{value}T00:00:00" if kind == "date" else str(value).replace("\n", "\r\n")


def attributes(values: Values) -> dict[str, Value]:
    """Normal values as EspoCRM wants them."""
    return {name: value is True if BY_ATTRIBUTE[name].kind == "flag" else value for name, value in values.items()}


def marker(espocrm_id: str) -> str:
    """The `bemerkung` of a row that is made for a record. It can be written by the POST only, and so stays."""
    return f"EspoCRM-ID: {espocrm_id}"


def marked(bemerkung: object) -> str | None:
    """The EspoCRM id in a `bemerkung`, whatever staff have written around it."""
    found = _MARKER.search(bemerkung) if isinstance(bemerkung, str) else None
    return found[1] if found else None


def anschrift(values: Values) -> str | None:
    """The address as it stands on a letter, without the recipient: lines apart by LF."""
    lines = [*_delivered_to(values)]
    country = _get(values, COUNTRY)
    # On a letter within the country, the country is not written.
    if country and country != _HERE:
        lines.append(country)
    return "\n".join(lines) or None


def moved_anschrift(present: str | None, before: Iterable[Values], after: Values) -> tuple[str | None, bool]:
    """The block after a move, and whether something that people wrote is not in it any more.

    Where the present one holds an address that it may have been written for, only that part is replaced: above it
    stand names.
    """
    new = anschrift(after)
    if present in (None, new):
        return new, False
    for old in map(anschrift, before):
        if old is not None and f"\n{old}\n" in f"\n{present}\n":
            return f"\n{present}\n".replace(f"\n{old}\n", f"\n{new or ''}\n", 1).strip("\n") or None, False
    return new, True


def composed_name(values: Values, advoware_id: int) -> str:
    """What a record is called that nobody has named. EspoCRM asks for a name and takes no `<`, `>`, `=` in it."""
    text = ", ".join(", ".join(_delivered_to(values)).split("\n"))
    plain = "".join(character for character in text if character not in _BAD_CHARACTERS).strip(" ,")
    return plain[:_NAME_LENGTH].strip() or f"Adresse {advoware_id}"


def where(values: Values) -> tuple[tuple[str, str], ...]:
    """Label and value of what tells an address from others, for staff."""
    shown = ((pair.label, pair.shown(values.get(pair.espocrm))) for pair in (STREET, BOX, POSTAL_CODE, CITY))
    return tuple((label, value) for label, value in shown if value)


def place(values: Values) -> Place | None:
    """Where it is, in whatever spelling: the street, else the post-office box, else the town. None: nowhere."""
    city = canonical(_get(values, CITY))
    code = canonical(_get(values, POSTAL_CODE))
    if street := canonical(_get(values, STREET)):
        return "street", street, code, city
    box, box_code = canonical(_get(values, BOX)), canonical(_get(values, BOX_CODE))
    if box or box_code:
        return "box", box, box_code or code, city
    return ("town", "", code, city) if code or city else None


def canonical(value: Value) -> str:
    """Equal for `Hauptstraße 5`, `HAUPTSTR. 5` and `Haupt Strasse 5`. Numbers stay apart."""
    text = unicodedata.normalize("NFKC", str(value or "")).casefold().replace("strasse", "str")
    return re.sub(r"[\W_]+", "", re.sub(r"(?<=\d)[\W_]+(?=\d)", "x", text))


def is_usable(row: AdvowareAdresse, today: str) -> bool:
    """Whether it has not ended by `today`, YYYY-MM-DD."""
    until = _get(row.values, VALID_UNTIL)
    return not until or until >= today


def is_date(text: str) -> bool:
    """Whether it is a day of the calendar, YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def number(value: object) -> int | None:
    """An id of Advoware's as EspoCRM keeps it; 0 and what is no number are none."""
    text = str(value or "")
    return (int(text) or None) if text.isascii() and text.isdigit() else None


def _delivered_to(values: Values) -> tuple[str, ...]:
    """Street or box, and the town."""
    street, box, code = _get(values, STREET), _get(values, BOX), _get(values, POSTAL_CODE)
    if not street and box:
        code = _get(values, BOX_CODE) or code
    first = street or (f"Postfach {box}" if box else "")
    town = " ".join(part for part in (code, _get(values, CITY)) if part)
    return tuple(line for line in (first, town) if line)


def _get(values: Values, pair: Pair) -> str:
    value = values.get(pair.espocrm)
    return "" if value is None else str(value)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip() or None
