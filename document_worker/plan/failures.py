"""What staff read in EspoCRM when a document could not be synced."""

from collections.abc import Sequence

from document_worker.model import Owner
from shared.outcomes.errors import Halt, HubError, Parked, Rejected, Retry


def failure_text(error: HubError) -> str:
    """One German sentence for the record, then the technical reason. It stays in EspoCRM and goes nowhere else."""
    told = f" ({error.reason}{': ' + error.detail if error.detail else ''})"
    match error:
        case Rejected(status=413):
            return "Die Datei ist für die Dokumentensuche zu groß." + told
        case Rejected():
            return "Die Dokumentensuche hat das Dokument abgelehnt." + told
        case Parked():
            return "Unklar, ob die Datei schon übertragen wurde. Bitte an die Technik wenden." + told
        case Retry() | Halt():
            return "Die Dokumentensuche ist zurzeit nicht erreichbar. Es wird automatisch weiter versucht." + told
        case _:
            return "Die Synchronisation ist fehlgeschlagen." + told


def waiting_text(owners: Sequence[Owner]) -> str:
    """For a document whose owner has no collection yet."""
    kinds = ", ".join(sorted({owner.entity_type for owner in owners}))
    return f"Wartet darauf, dass die Sammlung angelegt wird ({kinds}). Das geschieht automatisch."


def index_failure_text(told: str) -> str:
    """For a file that xAI holds and cannot make searchable; `told` are its own words."""
    return f"Das Dokument ist abgelegt, kann aber nicht durchsucht werden. ({told})"
