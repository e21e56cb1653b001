"""The console's page in this process, and somebody in front of it."""

import contextlib
import html
import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec

from console.app import opened
from console.settings import Settings
from shared.contracts.envelope import MSG_ID
from shared.contracts.keys import key
from shared.runtime.dead_letter import DeadLetter, DeadLetters
from shared.runtime.history import Record
from shared.runtime.service import Service
from shared.settings import load
from tests.support.office import stored

TOKEN = "a-token-for-tests-only"
ENVIRON = {"CONSOLE_TOKEN": TOKEN, "CONSOLE_PORT": "0", "HEALTH_PORT": "0"}


class Answer:
    """Status, headers and text of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], cookies: list[str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.cookies = cookies
        self.text = text

    @property
    def csrf(self) -> str:
        """The token that the page's forms carry."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, self.text[:500]
        return found[1]

    @property
    def plain(self) -> str:
        """What is read, without tags."""
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", self.text)))


class Reader:
    """A browser without a script: keeps cookies, follows nothing by itself."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def ask(self, method: str, path: str, form: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request."""
        async with self._session.request(
            method, self.url + path, data=form, headers=headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, answer.headers, answer.headers.getall("Set-Cookie", []), await answer.text())

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """A page."""
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, form: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """A form."""
        return await self.ask("POST", path, form, headers)

    async def log_in(self, name: str = "Anna Admin") -> Answer:
        """Types token and name."""
        answer = await self.post("/login", {"token": TOKEN, "name": name, "next": "/"})
        assert answer.status == 303, answer.text
        return answer

    async def do(self, path: str, **form: Any) -> Answer:
        """Presses a button: the form's token comes from a page, and the page after it is shown."""
        many = [
            (name, value)
            for name, values in form.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        answer = await self.post(path, [*many, ("csrf", (await self.get("/")).csrf)])
        return await self.get(answer.headers["Location"]) if answer.status == 303 else answer


@contextlib.asynccontextmanager
async def reading(service: Service, environ: Mapping[str, str] = ENVIRON) -> AsyncIterator[Reader]:
    """A console on a free port, and a reader who is not logged in."""
    async with opened(load(Settings, {**ENVIRON, **environ}), service) as port, another(port) as reader:
        yield reader


@contextlib.asynccontextmanager
async def another(port: int | str) -> AsyncIterator[Reader]:
    """One more reader."""
    url = port if isinstance(port, str) else f"http://127.0.0.1:{port}"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Reader(session, url)


async def bury(service: Service, entity_id: str, number: int = 1, **changes: Any) -> None:
    """A dead letter, as a worker would store it."""
    told: dict[str, Any] = {
        "subject": "vmh.document.update",
        "body": msgspec.json.encode({"entity_id": entity_id, "entity_type": "CDokumente"}),
        "headers": {"ce-id": f"event-{number}", "traceparent": f"00-{number:032x}-{number:016x}-01"},
        "kind": "Rejected",
        "reason": "xai answered 400 to upload",
        "attempts": 1,
        "stream": "VMH",
        "sequence": number,
        "consumer": "document_worker",
    }
    await DeadLetters(service.publisher).store(DeadLetter(**(told | changes)))


async def remember(
    service: Service, entity_type: str, entity_id: str, number: int = 1, *, ago_s: float = 0.0, **changes: Any
) -> None:
    """A record of the history."""
    told: dict[str, Any] = {
        "at": (service.clock.now() - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds"),
        "event_id": f"event-{number}",
        "subject": "vmh.document.update",
        "outcome": "done",
        "reason": "uploaded",
        "duration_ms": 12.5,
        "trace_id": f"{number:032x}",
        "worker": "document_worker@host.abc",
    }
    body = msgspec.json.encode(Record(**(told | changes)))
    await service.publisher.store(f"history.{key(entity_type, entity_id)}", body, {MSG_ID: f"h:{entity_id}:{number}"})


async def deeds(service: Service) -> list[dict[str, Any]]:
    """What the audit holds of operators."""
    rows = await stored(service, "AUDIT")
    return [msgspec.json.decode(row["body"]) for row in rows if row["subject"].startswith("audit.operator.")]
