"""`hub erase`: what the hub keeps of one record, and its removal."""

from typing import TYPE_CHECKING, Any

from console.hub.options import DryRun, EntityId, EntityType, Json, Yes
from console.hub.run import Line, Nothing, run
from console.hub.say import Column, number

if TYPE_CHECKING:
    from console.desk.erase import Kept


def erase(
    entity_type: EntityType, entity_id: EntityId, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Remove all that is kept of a record.

    What the hub remembers of it, its journal, its history and its dead letters; not what EspoCRM, Advoware, xAI and
    Google hold. Do it when the record is gone there: a later run would remember it again. Asks first, and is recorded.
    Exit code 1 where nothing is kept, while somebody works on the record, and while a write about it is open.
    """

    async def work(line: Line) -> None:
        from console.desk.erase import InUse, kept
        from console.desk.erase import erase as erased

        try:
            found = await kept(line.bus, entity_type, entity_id)
        except InUse as used:
            raise Nothing(f"{used}; nothing was done") from None
        if not found.total:
            raise Nothing(f"nothing is kept of {entity_type} {entity_id}")
        if as_json and dry_run:
            line.voice.data({"dry_run": True, "kept": found})
            return
        if not as_json:
            _say(line, found)
        if dry_run:
            line.voice.dry(f"remove {number(found.total)} of {entity_type} {entity_id}")
            return
        await line.confirm(f"Remove them for good? {entity_type} {entity_id}", yes=yes)
        async with line.operator() as operator:
            await erased(operator, found)
        if as_json:
            line.voice.data({"erased": found})
        else:
            line.voice.text(f"removed {number(found.total)} of {entity_type} {entity_id}")

    run(work, as_json=as_json)


def _say(line: Line, found: "Kept") -> None:
    rows: list[tuple[str, Any]] = [("snapshots", name) for name in found.snapshots]
    rows += [("idempotency", name) for name in found.idempotency]
    rows += [("HISTORY", f"{number(found.history)} runs")] if found.history else []
    rows += [("DEAD", f"letter {sequence}") for sequence in found.letters]
    line.voice.table(rows, [Column("in", lambda row: row[0]), Column("what", lambda row: row[1])])
