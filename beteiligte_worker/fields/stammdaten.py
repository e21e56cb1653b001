"""Stammdaten: which field of EspoCRM belongs to which of Advoware, and how their values compare.

The pairs are the firm's as far as they are known; docs/assumptions.md says which are not confirmed.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from beteiligte_worker.model.stammdaten import Value

Kind = Literal["text", "date"]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_BAD_CHARACTERS = frozenset("<>=")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One field on both sides."""

    espocrm: str
    advoware: str
    label: str
    """What staff call it."""
    kind: Kind = "text"
    max_length: int = 255
    options: tuple[str, ...] = ()
    """Where EspoCRM takes only these."""
    plain: bool = False
    """Where EspoCRM refuses `<`, `>` and `=`."""
    required: bool = False
    """Where Advoware refuses to be emptied."""

    def accepts(self, value: Value) -> bool:
        """Whether EspoCRM would store it. One refused value fails the whole record, so it is asked first.

        Source: EspoCRM 9.2.7, application/Espo/Classes/FieldValidators.
        """
        if value is None:
            return True
        text = str(value)
        if self.options and text not in self.options:
            return False
        if self.kind == "date" and not _DATE.fullmatch(text):
            return False
        return len(text) <= self.max_length and not (self.plain and _BAD_CHARACTERS & set(text))


NAME = "name"
"""A company's firmenname, a person's lastName: which it is, EspoCRM decides."""
FIRST_NAME = "firstName"

_COMPANY_NAME = Pair(espocrm="firmenname", advoware="name", label="Firmenname", plain=True, required=True)
_LAST_NAME = Pair(espocrm="lastName", advoware="name", label="Nachname", max_length=100, plain=True, required=True)
_FIRST_NAME = Pair(espocrm=FIRST_NAME, advoware="vorname", label="Vorname", max_length=100, plain=True)
_BOTH = (
    Pair(espocrm="salutationName", advoware="anrede", label="Anrede", options=("Herr", "Frau", "Divers")),
    Pair(espocrm="titel", advoware="titel", label="Titel"),
    Pair(espocrm="rechtsform", advoware="rechtsform", label="Rechtsform"),
    Pair(espocrm="dateOfBirth", advoware="geburtsdatum", label="Geburtsdatum", kind="date"),
    Pair(espocrm="handelsregisterNummer", advoware="handelsRegisterNummer", label="Handelsregisternummer"),
    Pair(espocrm="registergericht", advoware="registergericht", label="Registergericht"),
)
ATTRIBUTES = (_COMPANY_NAME.espocrm, _LAST_NAME.espocrm, *(pair.espocrm for pair in (_FIRST_NAME, *_BOTH)))
"""EspoCRM's attributes that this part reads."""


def is_company(party: Mapping[str, Any]) -> bool:
    """A party with a firmenname is a company."""
    return normal(party.get(_COMPANY_NAME.espocrm), "text") is not None


def pairs(*, company: bool) -> dict[str, Pair]:
    """The pairs in force, by the field's name in the snapshot."""
    named = {NAME: _COMPANY_NAME} if company else {NAME: _LAST_NAME, FIRST_NAME: _FIRST_NAME}
    return named | {pair.espocrm: pair for pair in _BOTH}


FIRST_NAME_PAIR = _FIRST_NAME


def normal(value: object, kind: Kind) -> Value:
    """What is compared: text without blanks around it, dates without a time, nothing as None.

    Line ends are Advoware's CRLF and EspoCRM's LF; Unicode letters stay as they are.
    """
    if value is None:
        return None
    text = str(value).replace("\r\n", "\n").strip()
    if kind == "date":
        text = text[:10]
    return text or None


def told(value: Value, kind: Kind) -> Value:
    """A normal value as Advoware wants it: a date is an instant there."""
    if kind == "date" and value is not None:
        return f"{value}T00:00:00"
    return value
