"""Making things that a vendor would happily make twice: each through the journal, each found again by its marker."""

import contextlib
import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from beteiligte_worker.effects.deps import Deps
from beteiligte_worker.effects.keys import STEP
from beteiligte_worker.fields import adressen as address_fields
from beteiligte_worker.fields import bankverbindungen as account_fields
from beteiligte_worker.fields.kommunikation import advoware_body, advoware_eintrag
from beteiligte_worker.fields.names import BET_NR
from beteiligte_worker.fields.stammdaten import ATTRIBUTES
from beteiligte_worker.model.adressen import AdresseCreate, AdressePost
from beteiligte_worker.model.bankverbindungen import KontoPost
from beteiligte_worker.model.kommunikation import KommunikationPost
from beteiligte_worker.model.party import Seen
from beteiligte_worker.plan.party import known
from beteiligte_worker.plan.stammdaten import new_beteiligter
from shared.clients.espocrm import PAGE_MAX
from shared.contracts.events import EntityEvent
from shared.outcomes.errors import Parked, Rejected, Unavailable
from shared.state.idempotency import Effect, Look, Row, Send

_PAGES_MAX = 50
_SKEW_S = 600

PARTY_EFFECT = "party"


def party_effect(event: EntityEvent, fields: Mapping[str, Any]) -> Effect:
    """The one party that an EspoCRM record may have in Advoware, whatever its fields are by now."""
    return _effect(event, PARTY_EFFECT, "party", marker=_mark(fields))


async def create_party(fields: Mapping[str, Any], gone: Sequence[str], event: EntityEvent, deps: Deps) -> int:
    """A party in Advoware; its number. A lost answer is found again only where Advoware can list parties."""

    async def send() -> str:
        made = await deps.advoware.create_beteiligter(fields)
        number = made.get("betNr")
        if not isinstance(number, int):
            raise Unavailable("advoware create Beteiligter: the answer holds no betNr")
        return str(number)

    async def look(row: Row) -> list[str]:
        if not deps.advoware_lists:
            raise Parked("beteiligte_sync party: the answer was lost, and Advoware cannot be searched")
        since = row.since.timestamp() - _SKEW_S
        found = [number for number in await _listed(row.marker, since, deps) if number not in gone]
        return await _nobodys(found, row.marker, event, deps) if found else []

    effect = party_effect(event, fields)
    made = await deps.journal.perform(effect, send=send, look=look, visible_after_s=deps.visible_after_s, gone=gone)
    return int(made)


async def reach_advoware(deps: Deps) -> None:
    """Raises Unavailable while Advoware is away.

    A POST into an outage leaves an intent open, and where Advoware cannot list parties, only a person can close it.
    A read that fails costs nothing. What it answers does not matter.
    """
    with contextlib.suppress(Rejected):
        await deps.advoware.mitarbeiter()


async def create_kommunikation(
    bet_nr: int, body: KommunikationPost, before: Collection[str], event: EntityEvent, deps: Deps
) -> None:
    """An entry of a party. `before` are the ids of those that were there already: none of them is the wanted one."""
    fields = advoware_body(body)

    async def send() -> str:
        return _id(await deps.advoware.create_kommunikation(bet_nr, fields), "Kommunikation")

    async def look(_row: Row) -> list[str]:
        party = await deps.advoware.beteiligter(bet_nr)
        rows = [advoware_eintrag(row) for row in party.get("kommunikation") or ()]
        return [str(row.id) for row in rows if row.bemerkung == body.bemerkung and str(row.id) not in before]

    await _make(_contact_effect(event, bet_nr, body.bemerkung or ""), send, look, deps)


async def create_adresse(
    bet_nr: int, post: AdressePost, before: Collection[str], event: EntityEvent, deps: Deps
) -> int:
    """An address of a party; its id."""

    async def send() -> str:
        return _id(await deps.advoware.create_adresse(bet_nr, post.body), "Adresse")

    async def look(_row: Row) -> list[str]:
        rows = [address_fields.advoware_adresse(row) for row in await deps.advoware.adressen(bet_nr)]
        return [str(row.id) for row in rows if row.marker == post.espocrm_id and str(row.id) not in before]

    return int(await _make(_address_effect(event, bet_nr, post.espocrm_id), send, look, deps))


async def create_konto(bet_nr: int, post: KontoPost, before: Collection[str], event: EntityEvent, deps: Deps) -> int:
    """An account of a party; its id."""
    wanted = post.sent.get("iban")

    async def send() -> str:
        return _id(await deps.advoware.create_bankverbindung(bet_nr, post.body), "Bankverbindung")

    async def look(_row: Row) -> list[str]:
        rows = [account_fields.advoware_konto(row) for row in await deps.advoware.bankverbindungen(bet_nr)]
        return [str(row.id) for row in rows if row.values.get("iban") == wanted and str(row.id) not in before]

    return int(await _make(_account_effect(event, bet_nr, wanted), send, look, deps))


async def mirror_adresse(create: AdresseCreate, before: Collection[str], event: EntityEvent, deps: Deps) -> None:
    """A `CAdressen` for an address that people made in Advoware."""
    names = deps.names
    attributes = names.theirs({**create.attributes, names.parent_id: event.entity_id})

    async def send() -> str:
        return await deps.espocrm.create(names.beteiligte_address_entity, attributes)

    async def look(_row: Row) -> list[str]:
        id_name, parent = names.select("advowareAdressId", names.parent_id)
        where: list[Mapping[str, Any]] = [
            {"type": "equals", "attribute": id_name, "value": create.advoware_id},
            {"type": "equals", "attribute": parent, "value": event.entity_id},
        ]
        page = await deps.espocrm.search(names.beteiligte_address_entity, select=["id"], where=where)
        return [str(record["id"]) for record in page.list if str(record["id"]) not in before]

    await _make(_mirror_effect(event, create.advoware_id), send, look, deps)


async def settle_met(seen: Seen, event: EntityEvent, deps: Deps) -> None:
    """Closes the intents of things that were found at their vendor before anybody looked for them.

    A run has died between making one and noting it; the next one met it with our marker. Only what nobody remembers
    yet can be such a thing.
    """
    advoware, base, bet_nr = seen.advoware, known(seen), seen.bet_nr
    if advoware is None or bet_nr is None:
        return
    if base.kommunikation is None:
        await deps.journal.settle(party_effect(event, {}), str(bet_nr))
    entries = {row.id for row in base.kommunikation or ()}
    for entry in advoware.eintraege:
        if entry.id not in entries and entry.bemerkung:
            await deps.journal.settle(_contact_effect(event, bet_nr, entry.bemerkung), str(entry.id))
    addresses = {pair.advoware_id for pair in base.adressen or ()}
    for row in advoware.adressen:
        if row.id not in addresses and row.marker:
            await deps.journal.settle(_address_effect(event, bet_nr, row.marker), str(row.id))
    await _settle_mirrored(seen, addresses, event, deps)
    accounts = {pair.advoware_id for pair in base.konten or ()}
    for konto in advoware.konten:
        if konto.id not in accounts:
            await deps.journal.settle(_account_effect(event, bet_nr, konto.values.get("iban")), str(konto.id))


async def _settle_mirrored(seen: Seen, known_ids: Collection[int], event: EntityEvent, deps: Deps) -> None:
    for mirror in seen.espocrm.adressen if seen.espocrm is not None else ():
        if mirror.advoware_id is not None and mirror.advoware_id not in known_ids:
            await deps.journal.settle(_mirror_effect(event, mirror.advoware_id), mirror.id)


async def _make(effect: Effect, send: Send, look: Look, deps: Deps) -> str:
    """Makes what is wanted and was not found on either side.

    An earlier receipt for the same thing is therefore one of an object that people have changed or taken away since.
    """
    served = await deps.journal.receipt(effect)
    return await deps.journal.perform(
        effect,
        send=send,
        look=look,
        visible_after_s=deps.visible_after_s,
        gone=[served] if served is not None else [],
    )


def _id(made: Mapping[str, Any], what: str) -> str:
    number = made.get("id")
    if not isinstance(number, int):
        raise Unavailable(f"advoware create {what}: the answer holds no id")
    return str(number)


def _hash(*parts: object) -> str:
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:32]


def _contact_effect(event: EntityEvent, bet_nr: int, bemerkung: str) -> Effect:
    content = _hash(bet_nr, bemerkung)
    return _effect(event, "kommunikation", content, marker=content)


def _address_effect(event: EntityEvent, bet_nr: int, espocrm_id: str) -> Effect:
    return _effect(event, "adresse", _hash(bet_nr, espocrm_id), marker=espocrm_id)


def _mirror_effect(event: EntityEvent, advoware_id: int) -> Effect:
    return _effect(event, "mirror_adresse", str(advoware_id), marker=str(advoware_id))


def _account_effect(event: EntityEvent, bet_nr: int, iban: object) -> Effect:
    content = _hash(bet_nr, iban)
    return _effect(event, "bankverbindung", content, marker=content)


def _effect(event: EntityEvent, name: str, content: str, *, marker: str) -> Effect:
    return Effect(
        step=STEP,
        entity_type="CBeteiligte",
        entity_id=event.entity_id,
        name=name,
        content=content,
        marker=marker,
    )


async def _nobodys(found: Sequence[str], marker: str, event: EntityEvent, deps: Deps) -> list[str]:
    """Those of the found ones that are no other party's. Raises Parked where they may be one's that has no number yet:
    two clients of one name must not become one.
    """
    names, numbers = deps.names, [int(number) for number in found]
    number_name = names.select(BET_NR)[0]
    held: list[Mapping[str, Any]] = [{"type": "in", "attribute": number_name, "value": numbers}]
    linked = await deps.espocrm.search(names.beteiligte_entity, select=names.select("id", BET_NR), where=held)
    taken = {str(names.own(record)[BET_NR]) for record in linked.list if record["id"] != event.entity_id}
    free = [number for number in found if number not in taken]
    without: list[Mapping[str, Any]] = [{"type": "isNull", "attribute": number_name}]
    for page in range(_PAGES_MAX if free else 0):
        rows = await deps.espocrm.search(
            names.beteiligte_entity, select=names.select("id", *ATTRIBUTES), where=without, offset=page * PAGE_MAX
        )
        others = [names.own(record) for record in rows.list if record["id"] != event.entity_id]
        if any(_mark(new_beteiligter(other)) == marker for other in others):
            raise Parked(
                "beteiligte_sync party: the answer was lost, and another party without a number looks the same"
            )
        if len(rows.list) < PAGE_MAX:
            break
    return free


async def _listed(marker: str, since: float, deps: Deps) -> list[str]:
    """Parties made or changed since then that look like the one we sent."""
    found: list[str] = []
    for page in range(_PAGES_MAX):
        rows = await deps.advoware.beteiligte(
            offset=page * PAGE_MAX,
            limit=PAGE_MAX,
            changed_since=datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        found += [str(row["betNr"]) for row in rows if _mark(row) == marker]
        if len(rows) < PAGE_MAX:
            break
    return found


def _mark(fields: Mapping[str, Any]) -> str:
    """What tells a party from others, without saying who it is: the journal holds no names."""
    told = "\0".join(str(fields.get(name) or "")[:200].strip() for name in ("name", "vorname", "geburtsdatum"))
    return hashlib.sha256(told.encode()).hexdigest()[:32]
