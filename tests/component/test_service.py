"""A service's life as a process: what it says when it cannot start, with which code it ends, and how it stops."""

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_stack.nats_server import NatsServer
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE, RAEUMUNGSKLAGE_UPDATE
from shared.runtime.service import Service
from simulators.espocrm import Espocrm
from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Xai
from tests.support.office import history, settled, stored

ROOT = Path(__file__).parents[2]
NOWHERE = {
    "HUB_ENV": "demo",
    "ESPOCRM_API_BASE_URL": "http://127.0.0.1:9/api/v1",
    "HEALTH_PORT": "0",
}


@contextlib.asynccontextmanager
async def process(environ: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m document_worker`, ended by its pid whatever happens."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "document_worker",
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def end_of(environ: Mapping[str, str], *, seconds: float = 15) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    async with asyncio.timeout(seconds), process(environ) as started:
        out, err = await started.communicate()
        assert started.returncode is not None
        return started.returncode, out.decode(), err.decode()


def one_sentence(err: str) -> str:
    """The operator reads one line, and no traceback."""
    [line] = err.splitlines()
    assert "Traceback" not in err
    return line


async def test_missing_settings_are_all_said_at_once() -> None:
    """Exit 78 with every name that is missing, before anything is connected."""
    code, out, err = await end_of({})
    assert (code, out) == (78, "")
    for name in ("ESPOCRM_API_BASE_URL", "ESPOCRM_API_KEY", "XAI_API_KEY", "XAI_MANAGEMENT_KEY"):
        assert f"{name} is missing" in err
    assert err.startswith("document_worker: cannot start, 4 setting(s):")
    assert "Traceback" not in err


async def test_wrong_settings_name_the_variable_and_no_secret() -> None:
    """Exit 78; a made-up secret is refused, and no value of a secret is printed."""
    secrets = {"ESPOCRM_API_KEY": "secret-canary-1", "XAI_API_KEY": "k-canary-2", "XAI_MANAGEMENT_KEY": "k-canary-3"}
    code, out, err = await end_of(
        {"ESPOCRM_API_BASE_URL": "https://crm.example.com", "WORKER_CONCURRENCY": "many", **secrets}
    )
    assert code == 78
    for name in ("ESPOCRM_API_BASE_URL", "WORKER_CONCURRENCY", "ESPOCRM_API_KEY"):
        assert f"  {name} is" in err
    assert "canary" not in err + out


async def test_without_nats() -> None:
    """Exit 69 and one sentence."""
    code, _, err = await end_of({**NOWHERE, "NATS_URL": "nats://user:geheim@127.0.0.1:9"})
    assert code == 69
    assert one_sentence(err) == "document_worker: cannot start: NATS is not reachable at 127.0.0.1:9"


async def test_nats_without_jetstream(tmp_path: Path) -> None:
    """Exit 69 and one sentence that names the option."""
    server = NatsServer(tmp_path / "nats", jetstream=False)
    server.start()
    try:
        code, _, err = await end_of({**NOWHERE, "NATS_URL": server.url})
    finally:
        server.stop()
    assert code == 69
    assert "without JetStream" in one_sentence(err)
    assert "-js" in err


@contextlib.asynccontextmanager
async def old_server(version: str) -> AsyncIterator[str]:
    """Speaks as much NATS as a client needs to connect."""
    info = {
        "server_id": "OLD",
        "version": version,
        "proto": 1,
        "headers": True,
        "max_payload": 1048576,
        "jetstream": True,
    }

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(f"INFO {json.dumps(info)}\r\n".encode())
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("version", ["2.10.0", "2.13.9", "1.4.1"])
async def test_a_server_that_is_too_old(version: str) -> None:
    """Exit 69 and one sentence with both versions."""
    async with old_server(version) as url:
        code, _, err = await end_of({**NOWHERE, "NATS_URL": url})
    assert code == 69
    assert re.search(rf"nats-server {version} at \S*127\.0\.0\.1:\d+ is too old", one_sentence(err))
    assert "2.14 or later" in err


async def test_wrong_credentials_of_nats(tmp_path: Path) -> None:
    """Exit 69 and one sentence without the password."""
    server = NatsServer(tmp_path / "nats", extra=("--user", "hub", "--pass", "right"))
    server.start()
    try:
        code, _, err = await end_of({**NOWHERE, "NATS_URL": server.url.replace("//", "//hub:geheim@")})
    finally:
        server.stop()
    assert code == 69
    assert "geheim" not in one_sentence(err)


async def test_a_bad_cron_expression(nats_server: NatsServer) -> None:
    """Exit 69 with the broker's words: six fields, but no schedule."""
    environ = {**NOWHERE, "NATS_URL": nats_server.url, "DOCUMENT_SWEEP_CRON": "61 * * * * *"}
    code, _, err = await end_of(environ)
    assert code == 69
    assert "schedule" in err.splitlines()[-1]
    assert "Traceback" not in err


class Firm:
    """Both vendors and the environment that points a worker at them."""

    def __init__(self, espocrm: Espocrm, xai: Xai, environ: dict[str, str]) -> None:
        self.espocrm = espocrm
        self.xai = xai
        self.environ = environ

    def document(self, name: str) -> tuple[str, str]:
        """A document and its owner."""
        owner = str(self.espocrm.insert("Raeumungsklage", {"name": name})["id"])
        attachment = self.espocrm.attach(f"{name}.pdf", "application/pdf", name.encode())
        document = str(self.espocrm.insert("CDokumente", {"name": name, "dokumentId": attachment})["id"])
        self.espocrm.relate("CDokumente", document, "raeumungsklages", owner)
        return document, owner

    def status(self, document: str) -> Any:
        found = self.espocrm.get("CDokumente", document)
        assert found is not None
        return found["xaiSyncStatus"]

    def uploads(self) -> int:
        return sum(row.method == "POST" and row.path == "/v1/files" for row in self.xai.log.rows())


@pytest.fixture
async def firm(nats_server: NatsServer) -> AsyncIterator[Firm]:
    """Empty."""
    espocrm, xai = Espocrm(tick_s=None), Xai()
    async with serve(espocrm) as espocrm_url, serve(xai) as xai_url:
        environ = {
            "HUB_ENV": "demo",
            "NATS_URL": nats_server.url,
            "HEALTH_PORT": "0",
            "ESPOCRM_API_BASE_URL": f"{espocrm_url}/api/v1",
            "XAI_FILES_URL": xai_url,
            "XAI_MANAGEMENT_URL": xai_url,
            "WORKER_CONCURRENCY": "1",
        }
        yield Firm(espocrm, xai, environ)


async def until(true: Callable[[], bool], *, seconds: float = 15) -> None:
    """Waits for something outside this loop, which no event of ours can tell."""
    async with asyncio.timeout(seconds):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


async def test_sigterm_finishes_what_runs_and_hands_back_the_rest(service: Service, firm: Firm) -> None:
    """P13: the run in progress ends well, exit 0, nothing of it is delivered again; what waited is done by the next."""
    first, owner = firm.document("eins")
    second, other = firm.document("zwei")
    for entity in (owner, other):
        await service.publisher.publish(RAEUMUNGSKLAGE_UPDATE, EntityEvent(entity_id=entity))
    async with process(firm.environ) as worker:
        await settled(service)
        assert firm.status(first) == firm.status(second) == "clean"
        firm.xai.log.clear()
        firm.xai.faults.add(Fault(kind="late", method="POST", path="/v1/files", delay_s=0.5))
        for document in (first, second):
            attachment = firm.espocrm.attach("neu.pdf", "application/pdf", f"neu {document}".encode())
            firm.espocrm.save("CDokumente", document, {"dokumentId": attachment})
            await service.publisher.publish(DOCUMENT_UPDATE, EntityEvent(entity_id=document))
        await until(lambda: firm.uploads() == 1)
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            _, err = await worker.communicate()
    assert (worker.returncode, err) == (0, b"")
    assert firm.status(first) == "clean"
    assert firm.uploads() == 1
    before = len([row for row in await stored(service, "HISTORY") if first in row["subject"]])
    async with process(firm.environ) as worker:
        await settled(service)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 10) == 0
    assert firm.status(second) == "clean"
    assert firm.uploads() == 2
    assert len([row for row in await stored(service, "HISTORY") if first in row["subject"]]) == before
    assert {row["outcome"] for row in await history(service)} <= {"done", "skip"}


async def test_an_idle_service_is_ready_and_stops_at_once(service: Service, firm: Firm) -> None:
    """Probes answer on the port it logs; SIGTERM and SIGINT both end it with 0 within a moment."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        async with process(firm.environ) as worker:
            assert worker.stdout is not None
            async with asyncio.timeout(10):
                while b'"ready"' not in (line := await worker.stdout.readline()):
                    assert re.match(rb"\{.*\}\n$", line)
            worker.send_signal(signum)
            async with asyncio.timeout(5):
                out, err = await worker.communicate()
        assert (worker.returncode, err) == (0, b"")
        assert all(json.loads(line)["service"] == "document_worker" for line in out.splitlines())


async def test_a_port_that_is_taken(service: Service, firm: Firm) -> None:
    """Exit 69 and one sentence."""
    blocker = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    async with blocker:
        port = blocker.sockets[0].getsockname()[1]
        code, _, err = await end_of({**firm.environ, "HEALTH_PORT": str(port)})
    assert code == 69
    assert f"port {port}" in one_sentence(err)
