"""A plan as the list of writes it stands for: the dry run. Names of fields and ids, no values."""

from collections.abc import Iterable

from beteiligte_worker.fields.names import BET_NR, LAST_SYNC, PartyNames
from beteiligte_worker.model.adressen import AdresseUpdate
from beteiligte_worker.model.bankverbindungen import KontoUpdate
from beteiligte_worker.model.party import Plan, Seen


def party_writes(todo: Plan, seen: Seen, names: PartyNames) -> list[str]:
    """The writes of a party's plan, in their order. What the last one says is decided by what is read back."""
    record = f"espocrm PUT {names.beteiligte_entity}/{seen.entity_id}"
    if todo.refused is not None:
        return [f"refused: {todo.refused}"]
    lines = [f"espocrm POST Task ({notice.kind})" for notice in todo.notices]
    if todo.create is not None:
        return [
            *lines,
            f"{record} (syncStatus)",
            f"advoware POST Beteiligte ({_fields(todo.create)})",
            f"{record} ({BET_NR})",
            f"nats publish {names.beteiligte_entity} {seen.entity_id} sync_check",
        ]
    if todo.changes_data:
        lines += _changes(todo, seen, names, record)
        return [*lines, f"{record} ({LAST_SYNC}, syncStatus, …)"]
    return [*lines, *([f"{record} ({_fields(names.theirs(todo.final))})"] if todo.final else [])]


def _changes(todo: Plan, seen: Seen, names: PartyNames, record: str) -> list[str]:
    party = f"advoware PUT Beteiligte/{seen.bet_nr}"
    post = f"advoware POST Beteiligte/{seen.bet_nr}"
    contacts = ["emailAddressData", "phoneNumberData"] if todo.kommunikation.kontakte is not None else []
    first = sorted(names.theirs(dict.fromkeys(["syncStatus", *todo.stammdaten.to_espocrm, *contacts])))
    lines = [f"{record} ({', '.join(first)})"]
    if todo.stammdaten.to_advoware:
        lines.append(f"{party} ({_fields(todo.stammdaten.to_advoware)})")
    lines += [f"{party}/Kommunikationen/{put.id}" for put in todo.kommunikation.put]
    lines += [f"{post}/Kommunikationen" for _ in todo.kommunikation.post]
    lines += [f"{party}/Adressen/{put.advoware_id}" for put in todo.adressen.puts]
    lines += [f"{post}/Adressen" for _ in todo.adressen.posts]
    lines += [f"{post}/Bankverbindungen" for _ in todo.konten.posts]
    lines += [f"espocrm POST {names.beteiligte_address_entity}" for _ in todo.adressen.creates]
    addressed = [post.espocrm_id for post in todo.adressen.posts] + [put.espocrm_id for put in todo.adressen.puts]
    addresses = _updated(todo.adressen.updates, addressed, ("advowareAdressId", "advowareRowId"))
    accounts = _updated(todo.konten.updates, [post.espocrm_id for post in todo.konten.posts], ("advowareKontoId",))
    for entity, records in (
        (names.beteiligte_address_entity, addresses),
        (names.beteiligte_bank_entity, accounts),
    ):
        lines += [f"espocrm PUT {entity}/{one} ({_fields(names.theirs(told))})" for one, told in records.items()]
    return lines


def _updated(
    updates: Iterable[AdresseUpdate | KontoUpdate], written: Iterable[str], receipt: Iterable[str]
) -> dict[str, dict[str, None]]:
    """Attributes by record: those that change, and where a row was written in Advoware, what its answer brings."""
    found = {row.espocrm_id: dict.fromkeys(row.attributes) for row in updates}
    for espocrm_id in written:
        found.setdefault(espocrm_id, {}).update(dict.fromkeys(receipt))
    return dict(sorted(found.items()))


def _fields(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
