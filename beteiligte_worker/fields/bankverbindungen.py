"""Bankverbindungen: which field of EspoCRM belongs to which of Advoware, and how their values compare.

EspoCRM's names are the firm's, Advoware's are assumed. docs/assumptions.md says which.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from beteiligte_worker.model.bankverbindungen import AdvowareKonto, EspoKonto, Values
from beteiligte_worker.model.stammdaten import Value

ENTITY = "CBankverbindungen"
Kind = Literal["text", "iban", "bic"]
# ISO 13616: country, two check digits, and at most 30 more.
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
# ISO 9362: institution, country, place, and perhaps a branch.
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
_HEAD_OFFICE = "XXX"


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One field on both sides."""

    espocrm: str
    advoware: str
    label: str
    """What staff call it."""
    kind: Kind = "text"
    max_length: int = 255

    def accepts(self, value: Value) -> bool:
        """Whether EspoCRM would store it. One refused value fails the whole record, so it is asked first.

        Source: EspoCRM 9.2.7, application/Espo/Classes/FieldValidators; the firm's hook checks the IBAN.
        """
        if value is None:
            return True
        text = str(value)
        if self.kind == "iban":
            return is_iban(text)
        if self.kind == "bic":
            return _BIC.fullmatch(text) is not None
        return len(text) <= self.max_length


IBAN = Pair(espocrm="iban", advoware="iban", label="IBAN", kind="iban")
PAIRS = (
    IBAN,
    Pair(espocrm="bic", advoware="bic", label="BIC", kind="bic"),
    Pair(espocrm="kontoinhaber", advoware="kontoinhaber", label="Kontoinhaber"),
    Pair(espocrm="bankname", advoware="bank", label="Bank"),
)
BY_ATTRIBUTE = {pair.espocrm: pair for pair in PAIRS}
ATTRIBUTES = (*BY_ATTRIBUTE, "istAktiv", "advowareKontoId", "syncStatus")
"""EspoCRM's attributes that this part reads."""


def espocrm_konto(record: Mapping[str, Any]) -> EspoKonto:
    """A record as EspoCRM answers it. Only `istAktiv: false` switches it off. KeyError without an id."""
    told = str(record.get("advowareKontoId") or "")
    return EspoKonto(
        id=str(record["id"]),
        values={pair.espocrm: normal(record.get(pair.espocrm), pair.kind) for pair in PAIRS},
        is_active=record.get("istAktiv") is not False,
        advoware_id=(int(told) or None) if told.isascii() and told.isdigit() else None,
        sync_status=str(record["syncStatus"]) if record.get("syncStatus") else None,
    )


def advoware_konto(row: Mapping[str, Any]) -> AdvowareKonto:
    """A row as Advoware answers it. KeyError or ValueError without a number."""
    return AdvowareKonto(
        id=int(row["id"]),
        row_id=str(row.get("rowId") or ""),
        values={pair.espocrm: normal(row.get(pair.advoware), pair.kind) for pair in PAIRS},
        konto_nr=normal(row.get("kontoNr"), "text"),
        blz=normal(row.get("blz"), "text"),
    )


def normal(value: object, kind: Kind) -> str | None:
    """What is compared, and written: text without blanks around it, an IBAN and a BIC in capitals without any.

    A BIC's XXX is left out: it says the head office, which the eight letters say as well (ISO 9362).
    """
    text = "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n").strip()
    if kind != "text":
        text = "".join(text.split()).upper()
    if kind == "bic" and len(text) == 11:
        text = text.removesuffix(_HEAD_OFFICE)
    return text or None


def advoware_body(values: Values) -> dict[str, str]:
    """A new row, by Advoware's names; nothing that is empty."""
    return {BY_ATTRIBUTE[name].advoware: str(value) for name, value in values.items() if value is not None}


def is_iban(text: str) -> bool:
    """Whether the check digits are right, and so what EspoCRM takes. ISO 13616: the remainder by 97 is 1."""
    if not _IBAN.fullmatch(text):
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1
