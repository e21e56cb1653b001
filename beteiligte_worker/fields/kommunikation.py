"""Kommunikation: which kommKz is which type, our marker in `bemerkung`, how values compare, and both sides' rows.

The meanings of kommKz and kommArt are the firm's as far as they are known; docs/assumptions.md says which are not
confirmed. What EspoCRM takes: tag 9.2.7, application/Espo/Core/PhoneNumber/Sanitizer.php and
application/Espo/Classes/FieldValidators/{Email,Phone}Type.php.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import phonenumbers

from beteiligte_worker.model.kommunikation import Agreed, Eintrag, Kind, KommunikationPost, Kontakt, Marker, Note

Key = tuple[Kind, str]
"""What is the same value: kind, and the value in the form that is compared."""

MAX_COUNT = 10
"""EspoCRM takes so many mails, and so many phones, of one record."""


class KommKz(msgspec.Struct, frozen=True, kw_only=True):
    """One kommKz. Several are the same to EspoCRM; the one that is `written` stands for them when we make an entry."""

    number: int
    name: str
    kind: Kind
    type: str | None = None
    written: bool = False


PAIRS = (
    KommKz(number=1, name="TelGesch", kind="phone", type="Office", written=True),
    KommKz(number=2, name="FaxGesch", kind="phone", type="Fax", written=True),
    KommKz(number=3, name="Mobil", kind="phone", type="Mobile", written=True),
    KommKz(number=4, name="MailGesch", kind="mail", written=True),
    # 5, Internet, is no mail and no phone: such entries are left alone.
    KommKz(number=6, name="TelPrivat", kind="phone", type="Home", written=True),
    KommKz(number=7, name="FaxPrivat", kind="phone", type="Fax"),
    KommKz(number=8, name="MailPrivat", kind="mail"),
    KommKz(number=9, name="AutoTelefon", kind="phone", type="Mobile"),
    KommKz(number=10, name="Sonstige", kind="phone", type="Other", written=True),
    KommKz(number=11, name="EPost", kind="mail"),
    KommKz(number=12, name="beA", kind="mail"),
)
BY_NUMBER = {pair.number: pair for pair in PAIRS}
INTERNET = 5
KOMM_KZ_OF_KOMM_ART = {1: 1, 2: 2, 3: 4, 4: INTERNET}
"""kommArt is coarser: telephone, fax, mail, internet. Asked only where Advoware shows no kommKz."""

_WRITTEN = {(pair.kind, pair.type): pair.number for pair in PAIRS if pair.written}
_TYPES = {pair.type for pair in PAIRS if pair.kind == "phone"}


def same_type(kind: Kind, type_: str | None) -> str | None:
    """The type as it is compared: a phone without one is Mobile, as in EspoCRM, one of the firm's own is Other."""
    if kind == "mail":
        return None
    if type_ is None:
        return "Mobile"
    return type_ if type_ in _TYPES else "Other"


def komm_kz_for(kind: Kind, type_: str | None) -> int:
    """The kommKz of a new entry."""
    return _WRITTEN[kind, same_type(kind, type_)]


def komm_kz_of(eintrag: Eintrag, marker: Marker | None, agreed: Agreed | None = None) -> int | None:
    """The entry's own kommKz; where it shows none: the marker's, that of what we remember of the entry, kommArt's, and
    at last what the value looks like. None: nothing is known.
    """
    if eintrag.komm_kz in BY_NUMBER or eintrag.komm_kz == INTERNET:
        return eintrag.komm_kz
    if marker is not None:
        return marker.komm_kz
    if agreed is not None:
        return komm_kz_for(agreed.kind, agreed.type)
    if eintrag.komm_art in KOMM_KZ_OF_KOMM_ART:
        return KOMM_KZ_OF_KOMM_ART[eintrag.komm_art]
    text = visible(eintrag.tlf).casefold()
    if not text:
        return None
    if "@" in text:
        return 4
    return INTERNET if "://" in text or text.startswith("www.") else 1


# Markers

# A value is never empty, and a kommKz is one that we sync: everything else that looks similar is the text of staff.
_MARKER = re.compile(r"\[ESPOCRM(?::(?P<value>[A-Za-z0-9+/]+={0,2})|-SLOT):(?P<number>\d{1,2})\]", re.ASCII)


def read_note(bemerkung: str | None) -> Note:
    """Takes a `bemerkung` apart. The first well-formed marker counts, wherever it stands; never fails."""
    text = bemerkung or ""
    for found in _MARKER.finditer(text):
        marker = _marker(found["value"], int(found["number"]))
        if marker is not None:
            return Note(before=text[: found.start()], marker=marker, after=text[found.end() :])
    return Note(after=text)


def write_note(note: Note, marker: Marker) -> str:
    """The `bemerkung` with this marker in the old one's place; in front of a text that had none. No text is lost."""
    if marker.value is None:
        shown = f"[ESPOCRM-SLOT:{marker.komm_kz}]"
    else:
        shown = f"[ESPOCRM:{base64.b64encode(marker.value.encode()).decode()}:{marker.komm_kz}]"
    if note.marker is None and note.after:
        return f"{shown} {note.after}"
    return f"{note.before}{shown}{note.after}"


def _marker(encoded: str | None, number: int) -> Marker | None:
    if number not in BY_NUMBER:
        return None
    if encoded is None:
        return Marker(komm_kz=number, value=None)
    try:
        value = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Marker(komm_kz=number, value=value) if visible(value) else None


# Values

_DASHES = "‐-―−"
# What people write between digits. Words (`Durchwahl`, `Büro`) are refused: carried, they would be lost unseen.
_NUMBER = re.compile(rf"[(\s]*(?:\+|0)[0-9\s()/.\-{_DASHES}]*")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# PHP's FILTER_VALIDATE_EMAIL without quoted local parts and addresses in [], which nobody has.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAIL = re.compile(rf"(?=.{{1,64}}@)(?=.{{1,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def visible(text: str | None) -> str:
    """Without blanks around it and without invisible characters, which come along when numbers are copied."""
    return "".join(char for char in text or "" if unicodedata.category(char) != "Cf").strip()


def key_of(kind: Kind, value: str | None) -> Key | None:
    """Equal keys are equal values. None: there is no value. What is no number compares as text."""
    text = visible(value)
    if not text:
        return None
    return kind, (e164(text) if kind == "phone" else None) or text.casefold()


def e164(text: str) -> str | None:
    """`+49 (0)511 / 123`, `0511-123`, `0049…` as `+49511123`; None where it cannot be said which number is meant.

    A number without its leading 0 lacks the area code: nobody knows which, so it is not made German.
    """
    if not _NUMBER.fullmatch(text):
        return None
    number = _formatted(text)
    if number is None or not _E164.fullmatch(number):
        return None
    # A second 0 behind +49 survives one reading and not two: EspoCRM, which reads it again, would store another number.
    return number if number == text or _formatted(number) == number else None


def for_espocrm(kind: Kind, value: str | None) -> str | None:
    """The value as EspoCRM takes it; None where it would refuse, and with it the whole save."""
    text = visible(value)
    if kind == "phone":
        return e164(text)
    return text if _MAIL.fullmatch(text) else None


def _formatted(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, "DE")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


# Rows

ATTRIBUTES = ("emailAddressData", "phoneNumberData")
"""EspoCRM's attributes that this part reads. Lists do not carry them: a party is read alone."""
FIELD: Mapping[Kind, str] = {"mail": "emailAddressData", "phone": "phoneNumberData"}
LABEL: Mapping[Kind, str] = {"mail": "E-Mail", "phone": "Telefon"}
"""What staff call it."""
_VALUE: Mapping[Kind, str] = {"mail": "emailAddress", "phone": "phoneNumber"}
_KINDS: tuple[Kind, ...] = ("mail", "phone")
_DIGITS = re.compile(r"-?[0-9]{1,18}")


def espocrm_kontakte(record: Mapping[str, Any]) -> tuple[Kontakt, ...]:
    """A party's mails and phones, in EspoCRM's order; null is none.

    Raises ValueError for a record that has an address and not the array: read so, all the others would look deleted.
    """
    found = []
    for kind in _KINDS:
        rows = record.get(FIELD[kind])
        if rows is None and record.get(_VALUE[kind]):
            raise ValueError(f"{FIELD[kind]} was not read")
        found += [_kontakt(kind, row) for row in rows or () if visible(_text(row.get(_VALUE[kind])))]
    return tuple(found)


def espocrm_changes(kontakte: Iterable[Kontakt], *, before: Iterable[Kontakt]) -> dict[str, list[dict[str, Any]]]:
    """The set as EspoCRM takes it; the array of a kind that is as `before` is left out."""
    new, old = tuple(kontakte), tuple(before)
    written = {}
    for kind in _KINDS:
        rows = [one for one in new if one.kind == kind]
        if rows != [one for one in old if one.kind == kind]:
            written[FIELD[kind]] = [_row(one) for one in rows]
    return written


def advoware_eintrag(row: Mapping[str, Any]) -> Eintrag:
    """An entry as Advoware answers it; what is not there is None. KeyError or ValueError without a number."""
    return Eintrag(
        id=int(row["id"]),
        row_id=_text(row.get("rowId")) or "",
        komm_kz=_number(row.get("kommKz")),
        komm_art=_number(row.get("kommArt")),
        tlf=_text(row.get("tlf")),
        bemerkung=_text(row.get("bemerkung")),
        online=bool(row.get("online")),
    )


def advoware_body(post: KommunikationPost) -> dict[str, Any]:
    """All four fields, by Advoware's names: of a POST, and of a PUT, which resets what it is not sent."""
    return {"tlf": post.tlf, "bemerkung": post.bemerkung, "kommKz": post.komm_kz, "online": post.online}


def _kontakt(kind: Kind, row: Mapping[str, Any]) -> Kontakt:
    return Kontakt(
        kind=kind,
        value=_text(row.get(_VALUE[kind])) or "",
        type=_text(row.get("type")) if kind == "phone" else None,
        primary=bool(row.get("primary")),
        opt_out=bool(row.get("optOut")),
        invalid=bool(row.get("invalid")),
    )


def _row(one: Kontakt) -> dict[str, Any]:
    """In the shape in which EspoCRM shows it, so that it sees at once what is unchanged."""
    special = {"lower": one.value.lower()} if one.kind == "mail" else {"type": one.type}
    return {
        _VALUE[one.kind]: one.value,
        **special,
        "primary": one.primary,
        "optOut": one.opt_out,
        "invalid": one.invalid,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int | None:
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if _DIGITS.fullmatch(text) else None
