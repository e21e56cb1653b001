"""A sweep: a bounded look at what webhooks have missed in EspoCRM, and at Advoware, which has none."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import STEP, SWEEP_KEY, party_key
from beteiligte_worker.effects.tell import ask_party, tell_vanished
from beteiligte_worker.fields.names import AUTO_RESET, BET_NR, NEXT_RETRY, RETRIES, STATUS, bookkeeping, stamp
from beteiligte_worker.model.party import Base
from beteiligte_worker.model.sweep import ListedParty, Listing, SweepBase, SweepPlan, SweepSeen, SweptParty
from beteiligte_worker.plan.states import reset
from shared.clients.espocrm import PAGE_MAX, Record
from shared.clients.espocrm_paging import all_of, changed_since
from shared.contracts.keys import key, segments_of
from shared.contracts.vocabulary import PartySyncStatus
from shared.outcomes.errors import Refused

_PAGES_MAX = 25
_CHECKS_PER_RUN = 2_000
_SWEEPS_PER_DAY = 96
_TOGETHER = 8
_BEHIND_S = 60.0
_SKEW_S = 600.0
_UNFINISHED = (
    PartySyncStatus.PENDING_SYNC,
    PartySyncStatus.DIRTY,
    PartySyncStatus.SYNCING,
    PartySyncStatus.CONFLICT,
    PartySyncStatus.FAILED,
    PartySyncStatus.PERMANENTLY_FAILED,
)


class _Walked(msgspec.Struct, kw_only=True):
    checked: int
    ended_at: str
    vanished: list[str] = []
    returned: list[str] = []


async def load_sweep(deps: Deps) -> SweepSeen:
    """Lists unfinished and changed parties, owners of changed accounts and addresses, and some remembered parties."""
    before = await deps.snapshots.read(SWEEP_KEY, SweepBase) or SweepBase()
    unfinished = await _parties_with(_UNFINISHED, deps)
    changed, modified_since = await _changed(deps.names.beteiligte_entity, before.modified_since, _SELECT, deps)
    records = {str(record["id"]): record for record in (*unfinished, *changed)}
    accounts, accounts_since = await _parents(deps.names.beteiligte_bank_entity, before.accounts_since, deps)
    addresses, addresses_since = await _parents(deps.names.beteiligte_address_entity, before.addresses_since, deps)
    known = await _known(deps)
    due, walked_after = _turn(known, before.walked_after)
    walked = await _walk(known, before.known_after, due, deps)
    listed, listing = await _listed(before.listing, deps) if deps.advoware_lists else ([], Listing())
    bases = await _bases(list(records), deps)
    return SweepSeen(
        now=deps.clock.now().timestamp(),
        parties=tuple(
            SweptParty(id=party_id, keeping=bookkeeping(deps.names.own(record)), base=bases[party_id])
            for party_id, record in records.items()
        ),
        parents=tuple(sorted(accounts | addresses)),
        listed=tuple(listed),
        due=tuple(due),
        checked=walked.checked,
        vanished=tuple(walked.vanished),
        returned=tuple(walked.returned),
        progress=SweepBase(
            modified_since=modified_since,
            accounts_since=accounts_since,
            addresses_since=addresses_since,
            listing=listing,
            known_after=walked.ended_at,
            walked_after=walked_after,
        ),
    )


async def apply_sweep(todo: SweepPlan, seen: SweepSeen, deps: Deps) -> None:
    """Ends rests, publishes ordinary events, notes how far it has come. Raises Refused for what the guard held back."""
    keepings = {row.id: row.keeping for row in seen.parties}
    for party_id in todo.reset:
        changes = deps.names.theirs(reset(keepings[party_id], seen.now))
        await deps.espocrm.update(deps.names.beteiligte_entity, party_id, changes)
    for party_id in todo.parties:
        await ask_party(party_id, "sweep", deps)
    for party_id in todo.vanished:
        await tell_vanished(party_id, deps)
    await deps.snapshots.write(SWEEP_KEY, todo.progress)
    if todo.refused is not None:
        raise Refused(todo.refused)


_SELECT = ("id", "modifiedAt", STATUS, RETRIES, NEXT_RETRY, AUTO_RESET, BET_NR)


async def _parties_with(states: Sequence[str], deps: Deps) -> list[Record]:
    where = [{"type": "in", "attribute": deps.names.select(STATUS)[0], "value": list(states)}]
    select = deps.names.select(*_SELECT)
    return await all_of(deps.espocrm, deps.names.beteiligte_entity, select=select, where=where)


async def _changed(entity: str, since: str, select: Sequence[str], deps: Deps) -> tuple[list[Record], str]:
    return await changed_since(deps.espocrm, entity, since, select=deps.names.select(*select))


async def _parents(entity: str, since: str, deps: Deps) -> tuple[set[str], str]:
    """The parties of records changed after the watermark.

    The watermark stays a minute behind: what is saved in a second that was already read is found by the next sweep,
    and nothing is found for ever.
    """
    rows, last = await _changed(entity, since, ("id", "modifiedAt", deps.names.parent_id), deps)
    parent = deps.names.select(deps.names.parent_id)[0]
    found = {str(row[parent]) for row in rows if row.get(parent) and str(row["modifiedAt"]) > since}
    behind = stamp(deps.clock.now().timestamp() - _BEHIND_S) or ""
    return found, max(since, min(last, behind))


async def _known(deps: Deps) -> list[str]:
    keys = await deps.snapshots.keys(key(STEP, "CBeteiligte") + ".*")
    return sorted(segments_of(found)[-1] for found in keys)


async def _walk(known: Sequence[str], after: str, due: Sequence[str], deps: Deps) -> _Walked:
    """Asks EspoCRM for the next remembered parties, and for those that are `due`: which are gone, which are back."""
    batch = [party_id for party_id in known if party_id > after][:_CHECKS_PER_RUN]
    asked = sorted({*batch, *due})
    walked = _Walked(checked=len(asked), ended_at=batch[-1] if len(batch) == _CHECKS_PER_RUN else "")
    for start in range(0, len(asked), PAGE_MAX):
        chunk = asked[start : start + PAGE_MAX]
        where = [{"type": "in", "attribute": "id", "value": chunk}]
        page = await deps.espocrm.search(deps.names.beteiligte_entity, select=["id"], where=where)
        there = {str(record["id"]) for record in page.list}
        for party_id, base in (await _bases(chunk, deps)).items():
            gone = base is None or base.gone == "espocrm"
            if party_id not in there and not gone:
                walked.vanished.append(party_id)
            elif party_id in there and gone:
                walked.returned.append(party_id)
    return walked


def _turn(known: Sequence[str], after: str) -> tuple[list[str], str]:
    """The next parties to compare with Advoware: everyone once a day."""
    portion = -(-len(known) // _SWEEPS_PER_DAY)
    batch = [party_id for party_id in known if party_id > after][:portion]
    return batch, batch[-1] if batch and batch[-1] != known[-1] else ""


async def _listed(before: Listing, deps: Deps) -> tuple[list[ListedParty], Listing]:
    """Parties that Advoware lists as changed, with their ids in EspoCRM; and where to go on the next time.

    When to look from is told by our clock: whether Advoware's own instants are UTC is not known, and it refuses some.
    """
    now = datetime.fromtimestamp(deps.clock.now().timestamp() - _SKEW_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    until = before.until or now
    rows: list[Record] = []
    going_on = Listing(since=until)
    for _ in range(_PAGES_MAX):
        page = await deps.advoware.beteiligte(
            offset=before.offset + len(rows), limit=PAGE_MAX, changed_since=before.since
        )
        rows.extend(page)
        if len(page) < PAGE_MAX:
            break
    else:
        going_on = Listing(since=before.since, offset=before.offset + len(rows), until=until)
    found: list[ListedParty] = []
    for start in range(0, len(rows), PAGE_MAX):
        chunk = {int(row["betNr"]): str(row.get("rowId") or "") for row in rows[start : start + PAGE_MAX]}
        where: list[Mapping[str, Any]] = [
            {"type": "in", "attribute": deps.names.select(BET_NR)[0], "value": list(chunk)}
        ]
        linked = await deps.espocrm.search(
            deps.names.beteiligte_entity, select=deps.names.select("id", BET_NR), where=where
        )
        parties = {str(record["id"]): int(deps.names.own(record)[BET_NR]) for record in linked.list}
        bases = await _bases(list(parties), deps)
        found += [ListedParty(id=one, row_id=chunk[nr], base=bases[one]) for one, nr in parties.items()]
    return found, going_on


async def _bases(ids: Sequence[str], deps: Deps) -> dict[str, Base | None]:
    gate = asyncio.Semaphore(_TOGETHER)

    async def read(party_id: str) -> tuple[str, Base | None]:
        async with gate:
            return party_id, await deps.snapshots.read(party_key(party_id), Base)

    return dict(await asyncio.gather(*(read(party_id) for party_id in ids)))
