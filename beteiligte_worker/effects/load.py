"""Reading the present of a party: EspoCRM's record with its accounts and addresses, Advoware's, what we remember."""

import asyncio
from collections.abc import Mapping
from typing import Any

from beteiligte_worker.effects.creating import party_effect
from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import party_key
from beteiligte_worker.fields import adressen, bankverbindungen, stammdaten
from beteiligte_worker.fields.kommunikation import advoware_eintrag, espocrm_kontakte
from beteiligte_worker.fields.names import OWN_ATTRIBUTES, bookkeeping
from beteiligte_worker.model.kommunikation import Kontakt
from beteiligte_worker.model.party import Advoware, Base, Espocrm, Seen
from shared.contracts.events import EntityEvent
from shared.outcomes.errors import Busy, Misconfigured, NotFound, Unavailable

_PARTS_MAX = 1_000


async def load(event: EntityEvent, deps: Deps) -> Seen:
    """Everything that the decision needs, as it is now."""
    base = await deps.snapshots.read(party_key(event.entity_id), Base)
    espocrm = await load_espocrm(event.entity_id, deps)
    bet_nr = await _number(event, espocrm, base, deps)
    assignee = espocrm.keeping.assigned_user_id if espocrm else base.assigned_user_id if base else None
    now = deps.clock.now()
    return Seen(
        entity_id=event.entity_id,
        now=now.timestamp(),
        today=now.astimezone(deps.timezone).date().isoformat(),
        asked=event.force or event.source in ("nats", "replay"),
        force=event.force,
        espocrm=espocrm,
        bet_nr=bet_nr,
        advoware=await load_advoware(bet_nr, deps) if bet_nr is not None else None,
        base=base,
        can_tell=bool(assignee or deps.notify_user_id),
    )


async def load_espocrm(party_id: str, deps: Deps) -> Espocrm | None:
    """EspoCRM's side; None when it has no such party (any more)."""
    names = deps.names
    try:
        record = names.own(await deps.espocrm.get(names.beteiligte_entity, party_id))
    except NotFound:
        return None
    _whole(record)
    try:
        accounts, addresses = await asyncio.gather(
            deps.espocrm.linked(
                names.beteiligte_entity,
                party_id,
                names.beteiligte_bank_link,
                select=names.select("id", *bankverbindungen.ATTRIBUTES),
                most=_PARTS_MAX,
            ),
            deps.espocrm.linked(
                names.beteiligte_entity,
                party_id,
                names.beteiligte_address_link,
                select=names.select("id", *adressen.ATTRIBUTES),
                most=_PARTS_MAX,
            ),
        )
    except NotFound:
        # Only the record itself can say that it is gone.
        raise Busy("the party was deleted while it was read") from None
    return Espocrm(
        keeping=bookkeeping(record),
        record=record,
        kontakte=_kontakte(record),
        adressen=tuple(adressen.espocrm_adresse(names.own(row)) for row in addresses),
        konten=tuple(bankverbindungen.espocrm_konto(names.own(row)) for row in accounts),
    )


async def load_advoware(bet_nr: int, deps: Deps) -> Advoware | None:
    """Advoware's side; None when it has no such party (any more)."""
    try:
        record = await deps.advoware.beteiligter(bet_nr)
    except NotFound:
        await _sane(deps)
        return None
    if not isinstance(record.get("kommunikation"), list):
        # Read as "none", this would empty the party in EspoCRM.
        raise Unavailable("advoware get Beteiligter: the answer has no array kommunikation")
    try:
        addresses, accounts = await asyncio.gather(
            deps.advoware.adressen(bet_nr), deps.advoware.bankverbindungen(bet_nr)
        )
    except NotFound:
        raise Busy("the party was deleted in Advoware while it was read") from None
    return Advoware(
        record=record,
        eintraege=tuple(advoware_eintrag(row) for row in record["kommunikation"]),
        adressen=tuple(adressen.advoware_adresse(row) for row in addresses),
        konten=tuple(bankverbindungen.advoware_konto(row) for row in accounts),
    )


def _whole(record: Mapping[str, Any]) -> None:
    """EspoCRM answers all attributes, empty ones too. Read as empty, one that it does not know would be emptied in
    Advoware, party by party. Raises Misconfigured.
    """
    missing = [name for name in (*stammdaten.ATTRIBUTES, *OWN_ATTRIBUTES) if name not in record]
    if missing:
        raise Misconfigured(f"espocrm: a party has no {', '.join(missing)} (see BETEILIGTE_FIELD_NAMES)")


def _kontakte(record: Mapping[str, Any]) -> tuple[Kontakt, ...]:
    try:
        return espocrm_kontakte(record)
    except ValueError as lacking:
        raise Unavailable(f"espocrm get CBeteiligte: {lacking}") from None


async def _number(event: EntityEvent, espocrm: Espocrm | None, base: Base | None, deps: Deps) -> int | None:
    """EspoCRM's number counts; without one, a party that we have made and whose number was not written down yet."""
    if espocrm is None:
        return base.bet_nr if base is not None else None
    if espocrm.keeping.bet_nr is not None:
        return espocrm.keeping.bet_nr
    made = await deps.journal.receipt(party_effect(event, {}))
    return int(made) if made is not None else None


async def _sane(deps: Deps) -> None:
    """A 404 is believed only of an Advoware that is otherwise itself: a wrong address answers 404 to everything.

    Raises Unavailable.
    """
    try:
        employees = await deps.advoware.mitarbeiter()
    except NotFound:
        employees = []
    if not employees:
        raise Unavailable("advoware: the party is not there, and neither is any employee")
