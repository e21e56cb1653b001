"""The fields of every record as data: kind, default, which writes store them. One file, as most are assumed."""

from typing import Literal

import msgspec

Kind = Literal["text", "int", "flag", "bool", "date", "datetime", "time"]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. `put` says whether PUT stores it; POST stores all. A required one refuses null and blank."""

    name: str
    kind: Kind = "text"
    put: bool = True
    default: object = None
    required: bool = False
    least: int = -(2**31)
    most: int = 2**31 - 1


Table = tuple[Field, ...]


def _texts(*names: str, put: bool = True) -> Table:
    return tuple(Field(name=name, put=put) for name in names)


# Names of the first line are seen in public documents of clients, the others assumed; so is what PUT stores.
BETEILIGTER: Table = (
    Field(name="name", required=True),
    *_texts("vorname", "rechtsform", "anrede", "titel", "bAnrede", "zusatz"),
    Field(name="geburtsdatum", kind="datetime"),
    *_texts("art", "kurzname", "geburtsname", "familienstand", "handelsRegisterNummer", "registergericht", put=False),
)

KOMMUNIKATION: Table = (
    *_texts("tlf", "bemerkung"),
    Field(name="kommKz", kind="int", put=False, required=True, least=1, most=12),
    Field(name="online", kind="bool", default=False),
)

# The names of the twelve are not published; what they mean is assumed: 1 telephone, 2 fax, 3 mail, 4 internet.
KOMM_ART_OF_KOMM_KZ = {1: 1, 2: 2, 3: 1, 4: 3, 5: 4, 6: 1, 7: 2, 8: 3, 9: 1, 10: 1, 11: 3, 12: 3}

ADRESSE: Table = (
    *_texts("strasse", "plz", "ort", "anschrift"),
    *_texts("land", "postfach", "postfachPLZ", "bemerkung", put=False),
    Field(name="standardAnschrift", kind="bool", put=False, default=False),
    Field(name="gueltigVon", kind="datetime", put=False),
    Field(name="gueltigBis", kind="datetime", put=False),
    Field(name="reihenfolgeIndex", kind="int", put=False),
)

BANKVERBINDUNG: Table = _texts("bank", "kontoNr", "blz", "iban", "bic", "kontoinhaber", "mandatsreferenz", put=False)

TERMIN: Table = (
    Field(name="text", default=""),
    Field(name="notiz", default=""),
    Field(name="ort", default=""),
    Field(name="datum", kind="date", required=True),
    Field(name="uhrzeitVon", kind="time"),
    Field(name="datumBis", kind="date"),
    Field(name="uhrzeitBis", kind="time"),
    Field(name="dauertermin", kind="flag", default=0),
    Field(name="turnus", kind="int", default=0, least=0, most=999),
    Field(name="turnusArt", kind="int", default=0, least=0, most=4),
    Field(name="anwalt", default=""),
    Field(name="privat", kind="flag", default=0),
    Field(name="abwesenheit", kind="flag", default=0),
    Field(name="nr", kind="int", default=0, least=0),
    Field(name="erinnerung", kind="flag", default=0),
    Field(name="erinnerungsDatum", kind="datetime"),
)
# Set by the server; a write may carry them and is not heard.
TERMIN_READ_ONLY = ("frNr", "sb", "azRubrum", "zuletztGeaendertAm", "special")

MITARBEITER: Table = (
    Field(name="kuerzel", required=True),
    *_texts("name", "vorname", "eMail"),
    Field(name="aktiv", kind="bool", default=True),
)

AKTE: Table = (
    Field(name="aktenzeichen", required=True),
    *_texts("kurzRubrum", "mandant", "sachbearbeiter"),
    Field(name="ablage", kind="flag", default=0),
)

HISTORY: Table = (
    Field(name="text", required=True),
    Field(name="datum", kind="datetime"),
    Field(name="dokument"),
)
