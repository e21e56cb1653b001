"""A made-up firm: employees, parties, matters and appointments. No real person is meant."""

import datetime as dt
from typing import Any

from simulators.advoware.answers import JsonObject
from simulators.advoware.staff import Staff

_EMPLOYEES: tuple[JsonObject, ...] = (
    {"kuerzel": "SB", "name": "Birkenau", "vorname": "Svea", "eMail": "sb@kanzlei.example"},
    {"kuerzel": "PM", "name": "Möhrle", "vorname": "Pascal", "eMail": "pm@kanzlei.example"},
    {"kuerzel": "AI", "name": "Ißler", "vorname": "Änne", "eMail": "ai@kanzlei.example"},
    {"kuerzel": "RO", "name": "Öhlschläger", "vorname": "Runa", "eMail": None},
    {"kuerzel": "XY", "name": "Ehemals", "vorname": "Yorick", "aktiv": False},
)


def plant_firm(staff: Staff, today: dt.date) -> JsonObject:
    """Puts the firm in, its appointments around `today`; answers the numbers by kind."""
    for row in _EMPLOYEES:
        staff.add_mitarbeiter(str(row["kuerzel"]), **{name: row[name] for name in row if name != "kuerzel"})
    akte = staff.add_akte(aktenzeichen="1/26", kurzRubrum="Müßig ./. Drossel", mandant="Müßig", sachbearbeiter="SB")
    staff.add_akte(aktenzeichen="2/26", kurzRubrum="Erlenhof GmbH ./. Groß", mandant="Erlenhof", ablage=1)
    return {
        "mitarbeiter": [row["kuerzel"] for row in _EMPLOYEES],
        "beteiligte": [_person(staff), _company(staff), staff.add_beteiligter(name="Groß", vorname="Zoë")],
        "termine": _termine(staff, today, akte),
    }


def _person(staff: Staff) -> int:
    betnr = staff.add_beteiligter(
        name="Müßig", vorname="Jörg", anrede="Herr", rechtsform="Natürliche Person", geburtsdatum="1971-03-09"
    )
    staff.add_kommunikation(betnr, kommKz=4, tlf="joerg.muessig@post.example", online=True)
    staff.add_kommunikation(betnr, kommKz=3, tlf="+49 151 0000000", bemerkung="nur nachmittags")
    staff.add_adresse(
        betnr,
        strasse="Lärchenweg 3",
        plz="00000",
        ort="Übersehen",
        anschrift="Jörg Müßig\nLärchenweg 3\n00000 Übersehen",
        land="D",
        standardAnschrift=True,
    )
    staff.add_bankverbindung(betnr, bank="Musterbank", iban="DE02120300000000202051", kontoinhaber="Jörg Müßig")
    return betnr


def _company(staff: Staff) -> int:
    betnr = staff.add_beteiligter(
        name="Erlenhof Wohnbau GmbH", rechtsform="GmbH", handelsRegisterNummer="HRB 0000", registergericht="Musterstadt"
    )
    staff.add_kommunikation(betnr, kommKz=1, tlf="+49 30 0000000", online=True)
    return betnr


def _termine(staff: Staff, today: dt.date, akte: int) -> list[int]:
    """Plain, linked, over several days, recurring, private, everybody's, and a virtual one."""

    def day(after: int) -> str:
        return (today + dt.timedelta(days=after)).isoformat()

    hour: dict[str, Any] = {"uhrzeitVon": "10:00", "uhrzeitBis": "11:00"}
    return [
        staff.add_termin(text="Besprechung", ort="Büro", datum=day(1), anwalt="SB", notiz="Akte\nmitbringen", **hour),
        staff.add_termin(text="Güteverhandlung", datum=day(3), anwalt="PM", nr=akte, **hour),
        staff.add_termin(
            text="Fortbildung", datum=day(5), datumBis=day(7), uhrzeitBis="23:59", abwesenheit=1, anwalt="AI"
        ),
        staff.add_termin(
            text="Jour fixe", datum=day(-14), datumBis="2037-12-31", dauertermin=1, turnus=1, turnusArt=2, **hour
        ),
        staff.add_termin(text="Arzt", datum=day(2), anwalt="SB", privat=1, **hour),
        staff.add_termin(text="Betriebsausflug", datum=day(30), anwalt="ALLE", **hour),
        staff.add_termin(text="Hinfahrt", datum=day(3), anwalt="PM", special=2, uhrzeitVon="09:00", uhrzeitBis="10:00"),
    ]
