"""What staff read: headlines and texts of tasks, and the error text of a party. German; stays in EspoCRM."""

from collections.abc import Mapping

from beteiligte_worker.model.notice import Notice, NoticeKind
from shared.outcomes.errors import Halt, HubError, Parked, Refused, Rejected, Retry

_HEADLINES: Mapping[NoticeKind, str] = {
    NoticeKind.CONFLICT: "Advoware-Abgleich: widersprüchliche Änderungen",
    NoticeKind.FIELD_IGNORED: "Advoware-Abgleich: bitte in Advoware nachtragen",
    NoticeKind.VALUE_REFUSED: "Advoware-Abgleich: Angabe kann nicht übernommen werden",
    NoticeKind.ADDRESS_FIELD_UPDATE_REQUIRED: "Advoware-Abgleich: Adresse bitte in Advoware ändern",
    NoticeKind.ADDRESS_DELETE_REQUIRED: "Advoware-Abgleich: Adresse bitte in Advoware löschen",
    NoticeKind.ADDRESS_REACTIVATE_REQUIRED: "Advoware-Abgleich: Adresse bitte in Advoware neu anlegen",
    NoticeKind.READONLY_FIELD_CONFLICT: "Advoware-Abgleich: Adresse auf beiden Seiten geändert",
    NoticeKind.MISSING_IN_ADVOWARE: "Advoware-Abgleich: in Advoware nicht mehr vorhanden",
    NoticeKind.GENERAL_MANUAL_ACTION: "Advoware-Abgleich: bitte von Hand abgleichen",
    NoticeKind.IBAN_CHANGED: "Advoware-Abgleich: IBAN geändert, bitte prüfen",
    NoticeKind.PARTY_DELETE_REQUIRED: "Advoware-Abgleich: Beteiligten bitte in Advoware löschen",
    NoticeKind.PARTY_GONE: "Advoware-Abgleich: Beteiligter in Advoware gelöscht",
    NoticeKind.CREATE_UNKNOWN: "Advoware-Abgleich: bitte prüfen, ob der Beteiligte angelegt wurde",
    NoticeKind.GIVEN_UP: "Advoware-Abgleich: fehlgeschlagen",
}
_TEXTS: Mapping[NoticeKind, str] = {
    NoticeKind.CONFLICT: (
        "Die Angabe wurde in EspoCRM und in Advoware verschieden geändert. Der Wert aus EspoCRM gilt jetzt auf beiden "
        "Seiten. Wenn der andere richtig ist, bitte in EspoCRM eintragen."
    ),
    NoticeKind.FIELD_IGNORED: (
        "Advoware speichert diese Angabe nicht über seine Schnittstelle. Bitte dort von Hand eintragen."
    ),
    NoticeKind.VALUE_REFUSED: (
        "Die Angabe aus Advoware passt nicht in das Feld in EspoCRM. Bitte auf einer der beiden Seiten berichtigen."
    ),
    NoticeKind.ADDRESS_FIELD_UPDATE_REQUIRED: (
        "Diese Felder einer Adresse lassen sich in Advoware nur von Hand ändern. Bitte dort eintragen."
    ),
    NoticeKind.ADDRESS_DELETE_REQUIRED: (
        "Die Adresse wurde in EspoCRM gelöscht oder deaktiviert. Advoware erlaubt das nur von Hand. Bitte dort löschen."
    ),
    NoticeKind.ADDRESS_REACTIVATE_REQUIRED: (
        "Die Adresse wurde in EspoCRM wieder aktiviert und ist in Advoware nicht mehr vorhanden. Bitte dort neu "
        "anlegen."
    ),
    NoticeKind.READONLY_FIELD_CONFLICT: (
        "Die Angabe wurde auf beiden Seiten geändert und lässt sich in Advoware nur von Hand ändern. Es gilt der Wert "
        "aus Advoware."
    ),
    NoticeKind.MISSING_IN_ADVOWARE: (
        "Der Eintrag war abgeglichen und ist in Advoware nicht mehr vorhanden. In EspoCRM wurde nichts gelöscht."
    ),
    NoticeKind.GENERAL_MANUAL_ACTION: "Die beiden Seiten unterscheiden sich und lassen sich nur von Hand abgleichen.",
    NoticeKind.IBAN_CHANGED: (
        "Die IBAN wurde in Advoware geändert und nach EspoCRM übernommen. Bitte vor der nächsten Zahlung prüfen, ob "
        "sie stimmt."
    ),
    NoticeKind.PARTY_DELETE_REQUIRED: (
        "Der Beteiligte wurde in EspoCRM gelöscht. In Advoware wird nie automatisch gelöscht. Bitte dort von Hand "
        "löschen, wenn das gewollt ist."
    ),
    NoticeKind.PARTY_GONE: (
        "Der Beteiligte ist in Advoware nicht mehr vorhanden. In EspoCRM wurde nichts gelöscht. Soll er neu angelegt "
        "werden, bitte die Beteiligtennummer in EspoCRM leeren."
    ),
    NoticeKind.CREATE_UNKNOWN: (
        "Beim Anlegen in Advoware ging die Antwort verloren. Bitte in Advoware nachsehen und, wenn der Beteiligte da "
        "ist, seine Nummer in EspoCRM eintragen. Es wird nichts doppelt angelegt."
    ),
    NoticeKind.GIVEN_UP: (
        "Der Abgleich ist fünfmal fehlgeschlagen und ruht einen Tag. Eine Änderung am Beteiligten startet ihn sofort."
    ),
}


def headline(notice: Notice) -> str:
    """A task's name. EspoCRM refuses `<`, `>` and `=` in it; there are none."""
    return _HEADLINES[notice.kind]


def description(notice: Notice) -> str:
    """A task's text: what happened, what to do, and the values."""
    lines = [f"{label}: {value or '–'}" for label, value in notice.details]
    return "\n".join([_TEXTS[notice.kind], *(["", *lines] if lines else [])])


def failure_text(error: HubError) -> str:
    """One German sentence for the record, then the technical reason."""
    told = f" ({error.reason}{': ' + error.detail if error.detail else ''})"
    match error:
        case Parked():
            return "Unklar, ob die Daten in Advoware schon angelegt wurden. Bitte dort nachsehen." + told
        case Refused():
            return "Zur Sicherheit angehalten: auffällig viele Änderungen auf einmal." + told
        case Rejected():
            return "Die Daten wurden abgelehnt." + told
        case Retry() | Halt():
            return "Advoware oder EspoCRM ist zurzeit nicht erreichbar. Es wird automatisch weiter versucht." + told
        case _:
            return "Der Abgleich ist fehlgeschlagen." + told


def gone_text() -> str:
    """For a party that Advoware no longer has."""
    return "In Advoware nicht mehr vorhanden."
