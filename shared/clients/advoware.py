"""Advoware's API: parties with their Kommunikationen, Adressen, Bankverbindungen; Termine; Mitarbeiter; one raw call.

Source: https://support.stp.one/hc/de/articles/22362673851293-API-Startseite; paths and fields as the firm's earlier
system used them (docs/assumptions.md says what is not confirmed).

Advoware ignores what it does not store: a PUT that answers 200 may have changed nothing. Read back and compare.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any, TypeVar

import msgspec

from shared.clients.advoware_session import AdvowareSettings, RawAnswer, Session
from shared.clients.http import Params, Tools
from shared.clients.redis_cache import RedisCache
from shared.outcomes.errors import NotFound, Unavailable

API = "/api/v1/advonet/"

Record = dict[str, Any]
"""Members as Advoware spells them."""
T = TypeVar("T")


class _Numbered(msgspec.Struct):
    """A new Termin's number where it does not come alone."""

    frNr: int  # noqa: N815 - as Advoware spells it


class Advoware:
    """Advoware as the hub uses it. Every method raises the words of `outcomes/errors`.

    A POST is never repeated by itself: make it through the journal.
    """

    def __init__(self, settings: AdvowareSettings, cache: RedisCache, tools: Tools, *, holder: str) -> None:
        """`holder` names this process to the others that share the token."""
        self._cache = cache
        self._session = Session(settings, cache, tools, holder=holder)
        self._employees_path = settings.advoware_employees_path

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Advoware"]:
        """Holds the connections open."""
        async with self._session.open():
            yield self

    async def share_token(self) -> None:
        """Asks Redis, where processes share the token. Raises Unavailable while each has to log in by itself."""
        await self._cache.look()

    async def beteiligter(self, bet_nr: int) -> Record:
        """A party with its array `kommunikation`. Raises NotFound when it was deleted."""
        return await self._record("GET", f"Beteiligte/{bet_nr}", "get Beteiligter")

    async def beteiligte(self, *, offset: int, limit: int, changed_since: str = "") -> list[Record]:
        """A page of parties, where the firm's Advoware can list them; that it can is not confirmed."""
        params = [("offset", str(offset)), ("limit", str(limit))]
        if changed_since:
            params.append(("geaendertSeit", changed_since))
        return await self._list("Beteiligte", "list Beteiligte", params)

    async def create_beteiligter(self, fields: Mapping[str, Any]) -> Record:
        """A new party; as Advoware has stored it, with `betNr` and `rowId`."""
        return await self._record("POST", "Beteiligte", "create Beteiligter", json=fields)

    async def update_beteiligter(self, bet_nr: int, whole: Mapping[str, Any]) -> None:
        """Writes a party: the record as it was read, with the changes in it. What it left out would be reset."""
        await self._send("PUT", f"Beteiligte/{bet_nr}", "update Beteiligter", json=whole)

    async def create_kommunikation(self, bet_nr: int, fields: Mapping[str, Any]) -> Record:
        """A new entry with `tlf`, `bemerkung`, `kommKz`, `online`; its `id` stays, its `rowId` changes."""
        path = f"Beteiligte/{bet_nr}/Kommunikationen"
        return await self._record("POST", path, "create Kommunikation", json=fields)

    async def update_kommunikation(self, bet_nr: int, kommunikation_id: int, fields: Mapping[str, Any]) -> None:
        """Writes an entry. `kommKz` is ignored, and there is no delete."""
        path = f"Beteiligte/{bet_nr}/Kommunikationen/{kommunikation_id}"
        await self._send("PUT", path, "update Kommunikation", json=fields)

    async def adressen(self, bet_nr: int) -> list[Record]:
        """A party's addresses."""
        return await self._list(f"Beteiligte/{bet_nr}/Adressen", "list Adressen")

    async def create_adresse(self, bet_nr: int, fields: Mapping[str, Any]) -> Record:
        """A new address; only now can all of its fields be set."""
        return await self._record("POST", f"Beteiligte/{bet_nr}/Adressen", "create Adresse", json=fields)

    async def update_adresse(self, bet_nr: int, adresse_id: int, fields: Mapping[str, Any]) -> None:
        """Writes `strasse`, `plz`, `ort`, `anschrift`; the rest is ignored, and there is no delete."""
        path = f"Beteiligte/{bet_nr}/Adressen/{adresse_id}"
        await self._send("PUT", path, "update Adresse", json=fields)

    async def bankverbindungen(self, bet_nr: int) -> list[Record]:
        """A party's accounts."""
        return await self._list(f"Beteiligte/{bet_nr}/Bankverbindungen", "list Bankverbindungen")

    async def create_bankverbindung(self, bet_nr: int, fields: Mapping[str, Any]) -> Record:
        """A new account; it can be neither changed nor deleted."""
        path = f"Beteiligte/{bet_nr}/Bankverbindungen"
        return await self._record("POST", path, "create Bankverbindung", json=fields)

    async def termine(self, kuerzel: str, first: date, last: date) -> list[Record]:
        """An employee's appointments of these days; virtual ones have a negative `frNr`."""
        params = [("kuerzel", kuerzel), ("from", first.isoformat()), ("to", last.isoformat())]
        return await self._list("Termine", "list Termine", params)

    async def termin(self, fr_nr: int) -> Record | None:
        """One appointment; None when there is none of that number."""
        wanted: Any = Record | list[Record]
        try:
            found = await self._call("GET", "Termine", "get Termin", wanted, params=_frnr(fr_nr))
        except NotFound:
            return None
        # Asked with a parameter it does not know, Advoware lists everything: look at what came.
        rows: list[Record] = found if isinstance(found, list) else [found]
        return next((termin for termin in rows if termin.get("frNr") == fr_nr), None)

    async def create_termin(self, fields: Mapping[str, Any]) -> int:
        """A new appointment; its number."""
        wanted: Any = int | _Numbered
        made: int | _Numbered = await self._call("POST", "Termine", "create Termin", wanted, json=fields)
        return made.frNr if isinstance(made, _Numbered) else made

    async def update_termin(self, fr_nr: int, whole: Mapping[str, Any]) -> None:
        """Writes an appointment: the complete object, what it leaves out is reset."""
        await self._send("PUT", "Termine", "update Termin", params=_frnr(fr_nr), json=whole)

    async def delete_termin(self, fr_nr: int) -> None:
        """Deletes an appointment. Raises NotFound when it is gone already."""
        await self._send("DELETE", "Termine", "delete Termin", params=_frnr(fr_nr))

    async def mitarbeiter(self) -> list[Record]:
        """The employees, with their `kuerzel`."""
        return await self._list(self._employees_path, "list Mitarbeiter")

    async def raw(self, method: str, path: str, *, params: Params, json: object, timeout_s: float) -> RawAnswer:
        """Any call, its answer unread; see `Session.raw`."""
        return await self._session.raw(method, path, params=params, json=json, timeout_s=timeout_s)

    async def _record(self, method: str, path: str, operation: str, *, json: object = None) -> Record:
        return await self._call(method, path, operation, Record, json=json)

    async def _list(self, path: str, operation: str, params: Params = ()) -> list[Record]:
        return await self._call("GET", path, operation, list[Record], params=params)

    async def _call(
        self, method: str, path: str, operation: str, wanted: type[T], *, params: Params = (), json: object = None
    ) -> T:
        body = await self._send(method, path, operation, params=params, json=json)
        try:
            return msgspec.json.decode(body, type=wanted)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not a refusal: what was asked for may well have been done.
            raise Unavailable(f"advoware {operation}: the answer cannot be read") from None

    async def _send(self, method: str, path: str, operation: str, *, params: Params = (), json: object = None) -> bytes:
        whole = f"/{path}" if path.startswith("api/v1/") else API + path
        answer = await self._session.call(method, whole, operation=operation, params=params, json=json)
        return answer.body


def _frnr(fr_nr: int) -> Params:
    """All lower case: `frNr` is not understood, and without a filter the answer is everything."""
    return [("frnr", str(fr_nr))]
