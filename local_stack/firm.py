"""An invented law firm: who owns documents, its documents, and what happens to them. Names and texts are made up."""

import msgspec

from local_stack.papers import Content, Generated, csv, letter, mail, note

RAEUMUNGSKLAGE = ("Raeumungsklage", "raeumungsklages")
ACCOUNT = ("Account", "accounts")
BETEILIGTER = ("CBeteiligte", "beteiligtes")


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """A record that owns documents."""

    id: str
    kind: tuple[str, str]
    """Entity type, and a document's link to it."""
    name: str


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A document, and what happens to it after it was filed."""

    name: str
    content: Content | None = None
    owners: tuple[Owner, ...] = ()
    changed: Content | None = None
    """The file that replaces the first one."""
    linked: tuple[Owner, ...] = ()
    unlinked: tuple[Owner, ...] = ()
    removed: bool = False
    fails: bool = False
    """xAI refuses it."""

    def owners_then(self, *, after: bool) -> tuple[Owner, ...]:
        """Its owners, before or after all that happens."""
        if not after:
            return self.owners
        return () if self.removed else tuple(o for o in (*self.owners, *self.linked) if o not in self.unlinked)


NEBEL = Owner(id="rk-nebelhoehe", kind=RAEUMUNGSKLAGE, name="Räumungsklage Nebelhöhe 3")
DROSSEL = Owner(id="rk-drosselgruen", kind=RAEUMUNGSKLAGE, name="Räumungsklage Drosselgrün 12")
ERLEN = Owner(id="rk-erlenstieg", kind=RAEUMUNGSKLAGE, name="Räumungsklage Erlenstieg 40")
GENOSSEN = Owner(id="acc-nebelhoehe", kind=ACCOUNT, name="Baugenossenschaft Nebelhöhe eG")
VERWALTUNG = Owner(id="acc-drosselgruen", kind=ACCOUNT, name="Hausverwaltung Drosselgrün GmbH")
STIFTUNG = Owner(id="acc-foehrenrain", kind=ACCOUNT, name="Stiftung Föhrenrain")
MUSTER = Owner(id="bet-mustermuehle", kind=BETEILIGTER, name="Jördis Mustermühle")
BEISPIEL = Owner(id="bet-beispielhaeusen", kind=BETEILIGTER, name="Änne Beispielhäusen")

OWNERS = (NEBEL, DROSSEL, ERLEN, GENOSSEN, VERWALTUNG, STIFTUNG, MUSTER, BEISPIEL)
"""The Stiftung has no documents, so it gets no collection."""

_TERMS = letter(
    "Allgemeine Mandatsbedingungen",
    "Die Kanzlei bearbeitet das Mandat mit der gebotenen Sorgfalt.",
    "Die Vergütung richtet sich nach dem Gesetz, soweit nichts anderes vereinbart ist.",
)

PAPERS = (
    Paper(
        name="Mietvertrag Nebelhöhe 3.pdf",
        content=letter("Mietvertrag", "Mietobjekt: Nebelhöhe 3, zweites Obergeschoss.", "Die Miete beträgt 640 Euro."),
        owners=(NEBEL, GENOSSEN),
    ),
    Paper(
        name="Kündigung wegen Zahlungsverzugs.pdf",
        content=letter("Kündigung", "Hiermit kündigen wir das Mietverhältnis fristlos wegen Zahlungsverzugs."),
        owners=(NEBEL,),
    ),
    Paper(
        name="Klageschrift Nebelhöhe.pdf",
        content=letter("Klage auf Räumung und Herausgabe", "Es wird beantragt, die Wohnung geräumt herauszugeben."),
        owners=(NEBEL,),
    ),
    Paper(
        name="Mietkonto Nebelhöhe.csv",
        content=csv("Monat;Soll;Haben", "2026-07;640;640", "2026-08;640;0", "2026-09;640;0"),
        owners=(NEBEL, GENOSSEN),
        changed=csv("Monat;Soll;Haben", "2026-07;640;640", "2026-08;640;0", "2026-09;640;0", "2026-10;640;320"),
    ),
    Paper(
        name="Zustellungsnachweis.txt",
        content=note("Die Kündigung wurde am 4. September 2026 in den Briefkasten eingelegt."),
        owners=(NEBEL,),
        linked=(BEISPIEL,),
    ),
    Paper(
        name="Mietvertrag Drosselgrün 12.pdf",
        content=letter("Mietvertrag", "Mietobjekt: Drosselgrün 12, Erdgeschoss links.", "Haustiere nach Absprache."),
        owners=(DROSSEL, VERWALTUNG),
    ),
    Paper(
        name="Abmahnung Hausfrieden (Entwurf).pdf",
        content=letter("Abmahnung", "Wir fordern Sie auf, die Nachtruhe einzuhalten."),
        owners=(DROSSEL,),
        removed=True,
    ),
    Paper(name="Fotodokumentation Treppenhaus.pdf", content=Generated(6 * 1024 * 1024, seed=6), owners=(DROSSEL,)),
    Paper(
        name="Schriftwechsel Hausverwaltung.eml",
        content=mail("Rückstände Drosselgrün 12", "Anbei die Aufstellung der Rückstände bis einschließlich September."),
        owners=(DROSSEL, VERWALTUNG),
        unlinked=(VERWALTUNG,),
    ),
    Paper(
        name="Ladung zum Termin.pdf",
        content=letter("Ladung", "Termin zur mündlichen Verhandlung: 12. Januar 2027, 9.30 Uhr, Saal 4."),
        owners=(DROSSEL,),
    ),
    Paper(
        name="Vollmacht Mustermühle.pdf",
        content=letter("Vollmacht", "Zur Vertretung in Sachen Erlenstieg 40 wird Vollmacht erteilt."),
        owners=(MUSTER, ERLEN),
    ),
    Paper(name="Mandatsbedingungen Mustermühle.pdf", content=_TERMS, owners=(MUSTER,)),
    Paper(name="Mandatsbedingungen Beispielhäusen.pdf", content=_TERMS, owners=(BEISPIEL,)),
    Paper(
        name="Räumungstitel Erlenstieg.pdf",
        content=letter("Versäumnisurteil", "Der Beklagte wird verurteilt, die Wohnung zu räumen."),
        owners=(ERLEN,),
    ),
    Paper(
        name="Auftrag Gerichtsvollzieher.pdf",
        content=letter("Vollstreckungsauftrag", "Um Räumung nach dem Berliner Modell wird gebeten."),
        owners=(ERLEN, MUSTER),
    ),
    Paper(name="Begehung Erlenstieg.mp4", content=Generated(21 * 1024 * 1024, seed=21), owners=(ERLEN,), fails=True),
    Paper(
        name="Rechnung 2026-0147.pdf",
        content=letter("Kostenrechnung 2026-0147", "Verfahrensgebühr, Terminsgebühr, Auslagenpauschale."),
        owners=(GENOSSEN,),
    ),
    Paper(
        name="Gutachten Schimmelbefall.pdf",
        content=letter("Gutachten", "Ursache ist ein Baumangel, nicht das Lüftungsverhalten."),
        owners=(DROSSEL, BEISPIEL),
    ),
    Paper(name="Aktenvermerk ohne Akte.txt", content=note("Rückruf erbeten, Aktenzeichen folgt.")),
    Paper(name="Fristenzettel (Datei folgt)", owners=(ERLEN,)),
)
