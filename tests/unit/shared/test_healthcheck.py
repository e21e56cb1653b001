"""The probe of a container: the right port, and the right answer."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

import gateway.settings
from shared.healthcheck import DOORS, OTHERS, port_of
from shared.runtime.health import HealthSettings
from tests.support.free_ports import free_port


async def _probe(*arguments: str, environ: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shared.healthcheck", *arguments, env=environ, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@asynccontextmanager
async def _answering(status: int, body: bytes) -> AsyncIterator[str]:
    async def readyz(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    app = web.Application()
    app.add_routes([web.get("/readyz", readyz)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield str(runner.addresses[0][1])
    await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (200, b'{"status":"ready","service":"gateway"}', 0, "ready\n"),
        (503, b'{"status":"not ready","problems":{"nats":"NATS is away"}}', 1, "not ready: nats NATS is away\n"),
        (500, b"oops", 1, "answered 500\n"),
        (503, b"[]", 1, "answered 503\n"),
    ],
)
async def test_it_says_what_readyz_says(status: int, body: bytes, code: int, said: str) -> None:
    """0 for 200 and for nothing else, and the sentence that helps."""
    async with _answering(status, body) as port:
        assert await _probe("gateway", environ={"GATEWAY_PORT": port, "HEALTH_PORT": "1"}) == (code, said)
        assert await _probe(environ={"HEALTH_PORT": port}) == (code, said)


async def test_nobody_there_is_not_ready() -> None:
    """A service that has not begun to listen."""
    port = free_port()
    code, said = await _probe(environ={"HEALTH_PORT": str(port)})
    assert (code, said) == (1, f"nobody answers on port {port} (ConnectionRefusedError)\n")


@pytest.mark.parametrize("port", ["x", "-1", "70000"])
async def test_a_port_that_is_none_is_not_ready(port: str) -> None:
    """Whatever stands in the variable, the probe ends with a sentence and not with a traceback."""
    code, said = await _probe(environ={"HEALTH_PORT": port})
    assert code == 1
    assert "port" in said


def test_the_usual_ports_are_the_services_own() -> None:
    """Without a variable the probe knocks where the service listens."""
    usual = {field.name: field.default for field in msgspec.structs.fields(gateway.settings.Settings)}
    assert DOORS["gateway"].usual == usual["gateway_port"]
    assert OTHERS.usual == HealthSettings().health_port
    assert port_of("gateway", {"GATEWAY_PORT": " 3999 ", "HEALTH_PORT": "8999"}) == 3999
    assert port_of("document_worker", {"GATEWAY_PORT": "3999", "HEALTH_PORT": ""}) == 8081
