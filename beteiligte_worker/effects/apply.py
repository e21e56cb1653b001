"""Carrying out a party's plan, part by part, in one fixed order; reading both sides back; and closing the books."""

from collections.abc import Mapping
from typing import Any

import msgspec

from beteiligte_worker.effects.creating import (
    create_adresse,
    create_kommunikation,
    create_konto,
    create_party,
    mirror_adresse,
    reach_advoware,
    settle_met,
)
from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import STEP, party_key
from beteiligte_worker.effects.load import load, load_advoware
from beteiligte_worker.effects.tell import ask_party, tell
from beteiligte_worker.fields.kommunikation import advoware_body, espocrm_changes
from beteiligte_worker.fields.names import BET_NR, STATUS
from beteiligte_worker.fields.stammdaten import ATTRIBUTES
from beteiligte_worker.model.notice import Notice
from beteiligte_worker.model.party import Advoware, Base, Espocrm, Plan, Seen
from beteiligte_worker.plan import adressen, bankverbindungen
from beteiligte_worker.plan.party import conclude, known, noted
from shared.contracts.events import EntityEvent
from shared.outcomes.errors import Busy, NotFound, Refused, Rejected


async def apply(todo: Plan, seen: Seen, event: EntityEvent, deps: Deps) -> None:
    """Carries out a plan; decides nothing."""
    if todo.refused is not None:
        raise Refused(todo.refused)
    if todo.create is not None:
        await _create(todo, todo.create, event, deps)
    elif todo.changes_data:
        await _change(todo, seen, event, deps)
    else:
        await _settle_books(todo, seen, event, deps)


async def _create(todo: Plan, fields: Mapping[str, Any], event: EntityEvent, deps: Deps) -> None:
    """Makes the party in Advoware and writes its number down. The rest is its next run's, which can compare."""
    await reach_advoware(deps)
    await _write(event.entity_id, {STATUS: todo.mark}, deps)
    gone = [str(todo.gone_bet_nr)] if todo.gone_bet_nr is not None else []
    bet_nr = await create_party(fields, gone, event, deps)
    await _write(event.entity_id, {BET_NR: bet_nr}, deps)
    await ask_party(event.entity_id, "beteiligte_worker", deps)


async def _settle_books(todo: Plan, seen: Seen, event: EntityEvent, deps: Deps) -> None:
    """Nothing to do but to tell, to correct our own fields, and to remember."""
    await _tell(todo.notices, known(seen).tellings, seen, event, deps)
    remember = todo.remember
    if todo.final:
        after = await _write(event.entity_id, todo.final, deps)
        if remember is not None:
            remember = msgspec.structs.replace(remember, modified_at=_seen_up_to(seen, after))
    if remember is not None:
        await settle_met(seen, event, deps)
        await _remember(remember, seen, event, deps)


async def _change(todo: Plan, seen: Seen, event: EntityEvent, deps: Deps) -> None:
    """Both sides: first what must not get lost, then EspoCRM's own fields, then Advoware, then what follows from it."""
    espocrm, advoware, bet_nr = seen.espocrm, seen.advoware, seen.bet_nr
    assert espocrm is not None
    assert advoware is not None
    assert bet_nr is not None
    await _tell(todo.notices, known(seen).tellings, seen, event, deps)
    base = noted(todo, seen)
    await deps.snapshots.write(party_key(event.entity_id), base)
    contacts = todo.kommunikation.kontakte
    first = {
        STATUS: todo.mark,
        **todo.stammdaten.to_espocrm,
        **(espocrm_changes(contacts, before=espocrm.kontakte) if contacts is not None else {}),
    }
    await _write(event.entity_id, first, deps)
    await _write_advoware(todo, advoware, bet_nr, event, deps)
    await _follow_in_espocrm(todo, espocrm, advoware, bet_nr, event, deps)
    await _close(todo, seen, base, event, deps)


async def _write_advoware(todo: Plan, advoware: Advoware, bet_nr: int, event: EntityEvent, deps: Deps) -> None:
    if todo.stammdaten.to_advoware:
        await deps.advoware.update_beteiligter(bet_nr, {**advoware.record, **todo.stammdaten.to_advoware})
    for put in todo.kommunikation.put:
        await deps.advoware.update_kommunikation(bet_nr, put.id, advoware_body(put.body))
    entries = {str(row.id) for row in advoware.eintraege}
    for body in todo.kommunikation.post:
        await create_kommunikation(bet_nr, body, entries, event, deps)
    for changed in todo.adressen.puts:
        await deps.advoware.update_adresse(bet_nr, changed.advoware_id, changed.body)


async def _follow_in_espocrm(
    todo: Plan, espocrm: Espocrm, advoware: Advoware, bet_nr: int, event: EntityEvent, deps: Deps
) -> None:
    """New addresses and accounts in Advoware, and then the ids they got, where EspoCRM keeps them."""
    names = deps.names
    addresses = {str(row.id) for row in advoware.adressen}
    accounts = {str(row.id) for row in advoware.konten}
    adresse_ids = {
        post.espocrm_id: await create_adresse(bet_nr, post, addresses, event, deps) for post in todo.adressen.posts
    }
    adresse_ids |= {put.espocrm_id: put.advoware_id for put in todo.adressen.puts}
    konto_ids = {post.espocrm_id: await create_konto(bet_nr, post, accounts, event, deps) for post in todo.konten.posts}
    if adresse_ids or konto_ids:
        now = await load_advoware(bet_nr, deps)
        if now is None:
            raise Busy("the party was deleted in Advoware while it was written")
        rows = {row.id: row for row in now.adressen}
        kontos = {row.id: row for row in now.konten}
        todo = msgspec.structs.replace(
            todo,
            adressen=adressen.with_receipts(
                todo.adressen, {key: rows[number] for key, number in adresse_ids.items() if number in rows}
            ),
            konten=bankverbindungen.with_receipts(
                todo.konten, {key: kontos[number] for key, number in konto_ids.items() if number in kontos}
            ),
        )
    mirrored = {row.id for row in espocrm.adressen}
    for create in todo.adressen.creates:
        await mirror_adresse(create, mirrored, event, deps)
    for changed in todo.adressen.updates:
        await _update(names.beteiligte_address_entity, changed.espocrm_id, changed.attributes, deps)
    for account in todo.konten.updates:
        await _update(names.beteiligte_bank_entity, account.espocrm_id, account.attributes, deps)


async def _close(todo: Plan, seen: Seen, noted_base: Base, event: EntityEvent, deps: Deps) -> None:
    """Reads both sides back and writes down what they agree on."""
    before = msgspec.structs.replace(seen, base=noted_base)
    after = await load(event, deps)
    if after.espocrm is None or after.advoware is None:
        raise Busy("the party was deleted while it was synced")
    await settle_met(before, event, deps)
    end = conclude(todo, before, after)
    await _tell(end.notices, end.base.tellings, after, event, deps)
    base = end.base.with_told(*end.notices)
    if end.stuck:
        await deps.snapshots.write(party_key(event.entity_id), base)
        raise Rejected(f"written, and not there afterwards: {', '.join(end.stuck)}", status=0)
    record = await _write(event.entity_id, end.final, deps)
    await _remember(msgspec.structs.replace(base, modified_at=_seen_up_to(after, record)), seen, event, deps)


async def _remember(base: Base, seen: Seen, event: EntityEvent, deps: Deps) -> None:
    """The end of a run. Where an earlier one died on its way, intents that it left open have lost their sense now."""
    if known(seen).begun:
        left = await deps.journal.withdraw(STEP, "CBeteiligte", event.entity_id, older_than_s=deps.visible_after_s)
        base = msgspec.structs.replace(base, begun=left)
    await deps.snapshots.write(party_key(event.entity_id), base)


def _seen_up_to(seen: Seen, answer: Mapping[str, Any]) -> str:
    """EspoCRM's `modifiedAt` after our last write, if the answer to it holds nothing that we have not seen.

    Somebody who saved between our last look and that write made the party `dirty`, and we have just said `clean`: so
    nothing is remembered here, and the next sweep looks closer.
    """
    before = seen.espocrm.record if seen.espocrm is not None else {}
    same = all(answer.get(name) == before.get(name) for name in ATTRIBUTES)
    return str(answer.get("modifiedAt") or "") if same else ""


async def _tell(notices: tuple[Notice, ...], first: int, seen: Seen, event: EntityEvent, deps: Deps) -> None:
    if notices:
        keeping = seen.espocrm.keeping if seen.espocrm is not None else None
        assignee = keeping.assigned_user_id if keeping else seen.base.assigned_user_id if seen.base else None
        user_id = assignee or deps.notify_user_id
        assert user_id is not None, "can_tell said so"
        await tell(notices, event, deps, user_id=user_id, first=first, alive=keeping is not None)


async def _write(party_id: str, changes: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    try:
        record = await deps.espocrm.update(deps.names.beteiligte_entity, party_id, deps.names.theirs(changes))
    except NotFound:
        raise Busy("the party was deleted while it was synced") from None
    return deps.names.own(record)


async def _update(entity: str, record_id: str, changes: Mapping[str, Any], deps: Deps) -> None:
    try:
        await deps.espocrm.update(entity, record_id, deps.names.theirs(changes))
    except NotFound:
        raise Busy("an address or account was deleted while its party was synced") from None
