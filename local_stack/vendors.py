"""The simulated vendors as seen by their control routes: what staff do, what there is, what was written."""

import base64
from typing import Any

import aiohttp
import msgspec
from nats.errors import Error as NatsError

from local_stack.papers import Content, Held

Json = dict[str, Any]
LOST = (aiohttp.ClientError, NatsError, OSError, TimeoutError)
"""How it shows that the other side is away."""
_PATIENCE = aiohttp.ClientTimeout(total=30)


class Refused(Exception):
    """A simulator did not take what it was asked."""


class Xai:
    """The simulated xAI's state and log."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def state(self) -> Json:
        """Files and collections."""
        state: Json = await self._ask("GET", "state")
        return state

    async def forget_log(self) -> None:
        """From here on, `writes` counts anew."""
        await self._ask("DELETE", "log")

    async def writes(self) -> list[str]:
        """The requests that could have changed something, as `METHOD path`."""
        rows: list[Json] = await self._ask("GET", "log?writes=1")
        return [f"{row['method']} {row['path']}" for row in rows]

    async def _ask(self, method: str, route: str, body: object = None) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        url = f"{self._url}/_sim/{route}"
        async with self._session.request(method, url, data=data, timeout=_PATIENCE) as answer:
            read = await answer.read()
            if answer.status != 200:
                raise Refused(f"{method} {url}: {answer.status} {read[:300].decode(errors='replace')}")
            return msgspec.json.decode(read)


class Google(Xai):
    """The simulated Google's, and a user at its screen."""

    async def act(self, deed: str, fields: Json) -> None:
        """A user does something there."""
        await self._ask("POST", f"staff/{deed}", fields)


class Advoware(Xai):
    """The simulated Advoware's, and the firm in it."""

    async def act(self, deed: str, fields: Json) -> None:
        """A user does something at its screen."""
        await self._ask("POST", f"staff/{deed}", fields)

    async def plant(self) -> None:
        """Puts an invented firm in: employees, parties, matters, appointments."""
        await self._ask("POST", "seed", {"firm": True})


class Espocrm(Xai):
    """The simulated EspoCRM's, and a user at its screen."""

    async def seed(self, data: Json) -> None:
        """Puts records and webhooks in, past all checks."""
        await self._ask("POST", "seed", data)

    async def insert(self, entity_type: str, attributes: Json) -> str:
        """A new record's id."""
        made = await self._user({"do": "insert", "entityType": entity_type, "attributes": attributes})
        return str(made["id"])

    async def save(self, entity_type: str, record_id: str, attributes: Json) -> None:
        """Changes a record."""
        await self._user({"do": "save", "entityType": entity_type, "id": record_id, "attributes": attributes})

    async def remove(self, entity_type: str, record_id: str) -> None:
        """Deletes a record."""
        await self._user({"do": "remove", "entityType": entity_type, "id": record_id})

    async def link(self, verb: str, document_id: str, link: str, owner_id: str) -> None:
        """`relate` or `unrelate` of a document and an owner."""
        place = {"entityType": "CDokumente", "id": document_id, "link": link, "otherId": owner_id}
        await self._user({"do": verb, **place})

    async def attach(self, name: str, content: Content) -> str:
        """A new attachment's id."""
        step: Json = {"do": "attach", "name": name, "type": content.mime}
        if isinstance(content, Held):
            step["content"] = base64.b64encode(content.data).decode()
        else:
            step |= {"sizeBytes": content.size_bytes, "seed": content.seed}
        return str((await self._user(step))["id"])

    async def documents(self) -> dict[str, Json]:
        """All documents by id, deleted ones too."""
        return {row["id"]: row for row in (await self.state())["records"]["CDokumente"]}

    async def waiting(self) -> int:
        """Events and deliveries that EspoCRM has not got rid of."""
        queue = await self._ask("GET", "queue")
        return int(queue["events"]) + int(queue["counts"].get("Pending", 0))

    async def _user(self, step: Json) -> Json:
        made: Json = await self._ask("POST", "user", step)
        return made
