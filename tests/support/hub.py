"""The command `hub` as a child process, and what it finds: dead letters, histories, schedules, a service."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer
from typer.testing import CliRunner

from console.hub.main import app
from shared.contracts.operator import Door, Facts, Heard, PlanAnswer, PlanQuestion, Timer
from shared.contracts.topology import IDEMPOTENCY, LOCKS, SNAPSHOTS
from shared.outcomes.errors import Unavailable
from shared.runtime.dead_letter import DeadLetter, DeadLetters
from shared.runtime.history import Record
from shared.runtime.operator import attended
from shared.runtime.schedule import Cron, Schedules
from shared.runtime.service import Service
from shared.state.kv import Bucket
from shared.telemetry.run import Call

ROOT = Path(__file__).parents[2]
CANARY = "Kanarienvogel"
"""Stands wherever a client's data might, and must never be on a screen."""
TRACE_ID = "a" * 31 + "b"


def _commands(group: Any, *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *above, name)
        else:
            yield (*above, name), command


COMMANDS = dict(_commands(typer.main.get_command(app)))
"""Every command by its words."""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one document."""
        return json.loads(self.out)


def environment_of(url: str, **more: str) -> dict[str, str]:
    """What the command is started with."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "NATS_URL": url, "HUB_OPERATOR": "anna", "HUB_TIMEZONE": "Europe/Berlin", **more}


@contextlib.asynccontextmanager
async def started_hub(url: str, *args: str, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, running; killed in the end if it still does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "console.hub",
        *args,
        cwd=ROOT,
        env=environment_of(url, **more),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def interrupted(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Ctrl-C: its exit code, and what it still says on standard error."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    return process.returncode, err.decode()


async def hub_process(url: str, *args: str, stdin: str = "", **more: str) -> Done:
    """The command as people start it, to its end."""
    async with started_hub(url, *args, **more) as process, asyncio.timeout(30):
        out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def hub(url: str, *args: str, stdin: str = "", **more: str) -> Done:
    """The same in this process, in a thread and an event loop of its own, which is ten times as quick."""
    invoked = await asyncio.to_thread(CliRunner().invoke, app, list(args), input=stdin, env=environment_of(url, **more))
    if invoked.exception is not None and not isinstance(invoked.exception, SystemExit):
        raise invoked.exception
    return Done(invoked.exit_code, invoked.stdout, invoked.stderr)


async def until(check: Callable[[], Awaitable[bool]], *, seconds: float = 10.0) -> None:
    """Returns when it holds."""
    async with asyncio.timeout(seconds):
        while True:
            if await check():
                return
            await asyncio.sleep(0.05)


def letter(number: int, *, subject: str = "vmh.document.update", **more: Any) -> DeadLetter:
    """A dead letter of document d<number>, with a foreign header and a member that no contract knows."""
    told: dict[str, Any] = {
        "subject": subject,
        "body": json.dumps({"entity_id": f"d{number}", "name": CANARY}).encode(),
        "headers": {"ce-id": f"e{number}", "X-Foreign": CANARY, "traceparent": f"00-{TRACE_ID}-{'c' * 16}-01"},
        "kind": "Rejected",
        "reason": "xai upload_file: 413",
        "attempts": 3,
        "stream": "VMH",
        "sequence": number,
        "consumer": "document_worker",
    }
    return DeadLetter(**(told | more))


async def bury(service: Service, letters: Iterable[DeadLetter]) -> None:
    """Stores dead letters as a worker does, in order."""
    store = DeadLetters(service.publisher)
    for one in letters:
        await store.store(one)


def record(event_id: str, *, outcome: str = "done", reason: str = "uploaded", **more: Any) -> Record:
    """A run of a document's event."""
    told: dict[str, Any] = {
        "at": "2026-11-22T08:30:01.250+00:00",
        "event_id": event_id,
        "subject": "vmh.document.update",
        "outcome": outcome,
        "reason": reason,
        "plan": {"uploads": 1},
        "calls": [Call(vendor="xai", operation="upload_file", status=200, ms=12.5)],
        "duration_ms": 250.0,
        "trace_id": TRACE_ID,
        "worker": "document_worker@test.0a0b0c",
    }
    return Record(**(told | more))


async def remember(service: Service, entity: str, *records: Record) -> None:
    """Stores runs; `entity` is `CDokumente.d1`."""
    for one in records:
        await service.bus.nc.request(f"history.{entity}", msgspec.json.encode(one))


async def flood(service: Service, messages: Iterable[tuple[str, bytes, dict[str, str]]]) -> int:
    """Many messages quickly; returns how many, once all are stored."""
    sent = 0
    last: tuple[str, bytes, dict[str, str]] | None = None
    for message in messages:
        if last is not None:
            await service.bus.nc.publish(last[0], last[1], headers=last[2] or None)
        last = message
        sent += 1
        if sent % 2_000 == 0:
            await service.bus.nc.flush()
    assert last is not None
    # All that came before on this connection is stored when the broker answers the last one.
    await service.bus.nc.request(*last[:2], headers=last[2] or None, timeout=30)
    return sent


async def define(
    service: Service, *, expression: str = "0 */15 * * * *", name: str = "vmh.cron.document_sweep"
) -> None:
    """A schedule as a worker makes it."""
    cron = Cron(name=name, expression=expression, target="vmh.document.sweep", timezone="Europe/Berlin")
    await Schedules(service.bus, service.publisher).ensure(cron, stream="VMH")


FACTS = Facts(
    hears=(Heard(subject="vmh.document.update", handler="on_document"),),
    doors=(Door(method="POST", path="/vmh/webhook/document/update", publishes=("vmh.document.update",)),),
    timers=(
        Timer(
            name="vmh.cron.document_sweep",
            expression="0 */15 * * * *",
            target="vmh.document.sweep",
            timezone="Europe/Berlin",
        ),
    ),
    plans=("CDokumente",),
    stream="VMH",
)


@contextlib.asynccontextmanager
async def answering(
    service: Service, *, facts: Facts = FACTS, probes: Mapping[str, bool] | None = None, plans: bool = True
) -> AsyncIterator[None]:
    """A service that tells what it is, plans documents, and whose vendors are well or not."""

    async def plan(question: PlanQuestion) -> PlanAnswer:
        if question.entity_id == "away":
            raise Unavailable("espocrm does not answer")
        writes = (f"xai: upload the file of {question.entity_id}", "espocrm: set xaiId")
        return PlanAnswer(service=service.name, reason="uploaded", writes=writes)

    def probe(*, is_well: bool) -> Any:
        async def touch() -> None:
            if not is_well:
                raise Unavailable("xai answered 500")

        return touch

    touched = {name: probe(is_well=is_well) for name, is_well in (probes or {}).items()}
    async with (
        asyncio.TaskGroup() as tasks,
        attended(service, tasks, facts=facts, probes=touched, planner=plan if plans else None),
    ):
        yield


async def make_busy(service: Service) -> None:
    """A hub whose every store holds a canary where a client's data might be."""
    await bury(service, [letter(1), letter(2, body=CANARY.encode())])
    await remember(service, "CDokumente.d1", record("e1"))
    await define(service)
    nc = service.bus.nc
    body = json.dumps({"entity_id": "d1", "name": CANARY}).encode()
    await nc.request("vmh.document.update", body, headers={"X": CANARY})
    value = json.dumps({"fence": 1, "state": {"name": CANARY}}).encode()
    for bucket in (SNAPSHOTS.name, IDEMPOTENCY.name, LOCKS.name):
        await Bucket(service.bus.requests, bucket).put("a.B.c.d.e", value)
