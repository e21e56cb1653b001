"""The door that starts a calendar sync, over HTTP against a real NATS server."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.app import build
from gateway.settings import Settings
from local_stack.nats_server import NatsServer
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, serve, start
from shared.settings import load
from tests.support.office import stored

PATH = "/advoware/calendar/sync"
KEY = {"apikey": "key-for-tests"}
ENVIRON = {"GATEWAY_WEBHOOK_SECRETS": "hook:signing-key", "GATEWAY_API_KEYS": "curl:key-for-tests"}


class Door:
    """A client before a running gateway."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, url: str) -> None:
        self.service = service
        self._session = session
        self._url = url

    async def ask(self, body: object, headers: dict[str, str] = KEY) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON and headers of the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._session.post(self._url, data=data, headers=headers) as answer:
            return answer.status, await answer.json(), dict(answer.headers)

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Subject and body of what is stored, without its time."""
        rows = [(row["subject"], json.loads(row["body"])) for row in await stored(self.service, "CALENDAR")]
        return [
            (subject, {name: value for name, value in body.items() if name != "received_at"}) for subject, body in rows
        ]


@pytest.fixture
async def door(nats_server: NatsServer) -> AsyncIterator[Door]:
    """A gateway on a free port."""
    async with contextlib.AsyncExitStack() as stack:
        service = await stack.enter_async_context(start("gateway", NatsSettings(nats_url=nats_server.url), {}))
        app = build(load(Settings, ENVIRON), service)
        port = await stack.enter_async_context(serve(app, "127.0.0.1", 0, grace_s=0.5))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Door(service, session, f"http://127.0.0.1:{port}{PATH}")


@pytest.mark.parametrize("body", [b"", {}, {"kuerzel": "ALL", "full_content": True}, {"kuerzel": "all", "x": 1}])
async def test_everybody_is_triggered(door: Door, body: object) -> None:
    """P1: 200 once the event is stored; both members are optional, others do not matter."""
    status, answer, _ = await door.ask(body)
    assert (status, answer["status"], answer["kuerzel"]) == (200, "triggered", "ALL")
    assert set(answer) == {"status", "kuerzel", "message"}
    [(subject, event)] = await door.events()
    assert subject == "calendar.sync.all"
    full = body.get("full_content") if isinstance(body, dict) else None
    assert event == {"kuerzel": "ALL", "full_content": full, "source": "webhook", "force": False}


async def test_one_employee_is_triggered(door: Door) -> None:
    """The event goes to that calendar alone, with what was asked for."""
    status, answer, _ = await door.ask({"kuerzel": "Öz", "full_content": False})
    assert (status, answer["kuerzel"]) == (200, "Öz")
    assert await door.events() == [
        ("calendar.sync.employee", {"kuerzel": "Öz", "full_content": False, "source": "webhook", "force": False})
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        {"kuerzel": ""},
        {"kuerzel": "a b"},
        {"kuerzel": "SB\n"},
        {"kuerzel": "../x"},
        {"kuerzel": "x" * 21},
        {"kuerzel": 5},
        {"full_content": "yes"},
        {"force": True},
        {"kuerzel": "SB", "force": False},
        b"[" * 15_000,
    ],
)
async def test_what_cannot_be_read_is_400(door: Door, body: object) -> None:
    """Nothing is published; force is an operator's word and not taken here."""
    status, answer, _ = await door.ask(body)
    assert status == 400
    assert list(answer) == ["error"]
    assert await door.events() == []


@pytest.mark.parametrize("headers", [{}, {"apikey": "wrong"}, {"Signature": "aG9vazp4"}])
async def test_without_a_key_nobody_gets_in(door: Door, headers: dict[str, str]) -> None:
    """P11: a key, and nothing else."""
    status, answer, _ = await door.ask({"kuerzel": "SB"}, headers)
    assert (status, list(answer)) == (401, ["error"])
    assert await door.events() == []


async def test_a_body_too_large_is_413(door: Door) -> None:
    """P12: nobody needs more than a few members."""
    status, _, _ = await door.ask({"x": "y" * 20_000})
    assert status == 413


async def test_without_nats_it_is_503(door: Door, nats_server: NatsServer) -> None:
    """P1: what is not stored is not triggered, and the caller may try again."""
    nats_server.stop()
    status, answer, headers = await door.ask({})
    assert (status, answer, headers["Retry-After"]) == (503, {"error": "not stored, send it again"}, "2")
