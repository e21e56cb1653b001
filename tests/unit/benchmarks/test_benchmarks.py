"""The benchmarks' table: what it must show, when a target is met, and what it leaves behind."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from benchmarks.__main__ import MEASURE, SILENCE
from benchmarks.figure import Figure
from benchmarks.history import PATH, Run, append, read
from benchmarks.load import Order
from benchmarks.machine import ROOT, look
from benchmarks.page import PAGE, current
from benchmarks.rounds import Sample, in_turns, middle
from benchmarks.table import markdown
from benchmarks.targets import TARGETS, WORKS

_PROMISED = {
    "gateway.cpu": "≤ 1.25×",
    "latency.p50": "≤ 4 ms",
    "latency.p99": "≤ 10 ms",
    "silence.ms": "≤ 10 ms",
    "path.cpu": "≤ 1 ms",
    "path.peer": "≤ 1.6×",
    "path.rate": "≥ 2000 /s",
    "consumer.faststream": "≥ 3×",
    "burst.seconds": "≤ 20 s",
    "burst.twice": "≤ 0",
    "storm.runs": "≤ 3",
    "storm.dead": "≤ 0",
    "document.rate": "≥ 0.7×",
    "memory.idle": "≤ 80 MB",
    "memory.document": "≤ 64 MB",
    "start.seconds": "≤ 1 s",
}
"""What the hub promises about its speed and size."""


def test_every_promise_is_a_row() -> None:
    """Each with its bound; further rows have none."""
    assert {target.name: target.told().strip() for target in TARGETS if target.told() != "–"} == _PROMISED


def test_every_row_is_measured() -> None:
    """What `--only` takes is what there is a measurement for."""
    assert {*MEASURE, SILENCE} == set(WORKS)


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure(name="gateway.cpu", ours=300, peer=250, ratio=1.2), True),
        (Figure(name="gateway.cpu", ours=1, peer=250, ratio=1.3), False),
        (Figure(name="path.rate", ours=1_999), False),
        (Figure(name="path.rate", ours=2_000), True),
        (Figure(name="burst.twice", ours=0), True),
        (Figure(name="storm.runs", ours=4), False),
        (Figure(name="consumer.raw", ours=1, ratio=0.01), None),
    ],
)
def test_a_bound_is_judged_by_what_it_speaks_of(figure: Figure, is_met: bool | None) -> None:
    """The ratio or our own figure; a row without a bound is not judged."""
    assert figure.is_met is is_met


def test_the_table_has_a_line_per_figure() -> None:
    """With NO where a target is missed."""
    lines = markdown([Figure(name="path.rate", ours=1_200), Figure(name="start.seconds", ours=0.5)]).splitlines()
    assert len(lines) == 4
    assert lines[2].endswith("| ≥ 2000 /s | NO |")
    assert lines[3].endswith("| ≤ 1 s | yes |")


async def test_sides_take_turns_and_the_first_round_does_not_count() -> None:
    """Every other round goes backwards, so that neither side is always the one after the other."""
    order: list[str] = []

    def side(name: str) -> "asyncio.Future[Sample]":
        order.append(name)
        done: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        done.set_result(Sample(per_s=len(order), cpu_us=1))
        return done

    first, second = await in_turns(lambda: side("a"), lambda: side("b"), rounds=3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert [sample.per_s for sample in first] == [3, 6, 7]
    assert middle(second).per_s == 5


def test_a_run_becomes_a_line_that_can_be_read(tmp_path: Path) -> None:
    """With commit and machine, and no more of the machine than that."""
    run = Run(
        at="2026-11-22T08:30:01+00:00", seconds=240.5, machine=look(), figures=[Figure(name="storm.runs", ours=3)]
    )
    append(run, tmp_path / "history.jsonl")
    append(run, tmp_path / "history.jsonl")
    assert read(tmp_path / "history.jsonl") == [run, run]
    assert set(msgspec.to_builtins(run.machine)) == {
        "commit",
        "cpu",
        "cores",
        "memory_gb",
        "system",
        "python",
        "busy",
    }


def test_the_newest_run_goes_into_the_page() -> None:
    """Between its marks and nowhere else; a second time changes nothing."""
    run = Run(
        at="2026-11-22T08:30:01+00:00", seconds=240.5, machine=look(), figures=[Figure(name="storm.runs", ours=3)]
    )
    text = PAGE.read_text(encoding="utf-8")
    written = current(text, run)
    assert "1,000 events of one entity, handler 1 s: runs | 3 |" in written
    assert written.partition("<!-- run -->")[0] == text.partition("<!-- run -->")[0]
    assert written.partition("<!-- /run -->")[2] == text.partition("<!-- /run -->")[2]
    assert current(written, run) == written


def test_the_history_can_be_read() -> None:
    """Every line of it, and each figure has its row."""
    assert all(figure.target for run in read(PATH) for figure in run.figures)


@pytest.mark.parametrize("per_s", [0.0, 400.0])
async def test_the_sender_sends_what_it_is_asked_to(per_s: float) -> None:
    """So many requests, whole, and counted by status; in an open loop not faster than asked."""
    bodies: list[bytes] = []

    async def receive(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(status=503 if len(bodies) % 10 == 0 else 200, text="told")

    app = web.Application()
    order = Order(port=0, connections=8, count=200, per_s=per_s, entities=50)
    app.add_routes([web.post(order.path, receive)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told = msgspec.structs.replace(order, port=runner.addresses[0][1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.load",
        msgspec.json.encode(told).decode(),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    await runner.cleanup()
    outcome = json.loads(out)
    assert outcome["sent"] == 200
    assert outcome["by_status"] == {"200": 180, "503": 20}
    assert outcome["seconds"] >= (0.49 if per_s else 0)
    assert len({json.loads(body)[0]["id"] for body in bodies}) == 50


def test_the_command_explains_itself() -> None:
    """`python -m benchmarks --help` names what can be measured alone; an unknown name is refused."""
    command = [sys.executable, "-m", "benchmarks"]
    helped = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(name in helped.stdout for name in ("--only", "--json", "silence"))
    refused = subprocess.run([*command, "--only", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "there is no nothing" in " ".join(refused.stderr.split())
