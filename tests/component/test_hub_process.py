"""The command `hub` as people start it: as a process, on a terminal, in a pipe."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from shared.runtime.service import Service
from tests.support.hub import (
    COMMANDS,
    ROOT,
    TRACE_ID,
    answering,
    bury,
    environment_of,
    hub_process,
    interrupted,
    letter,
    make_busy,
    record,
    remember,
    started_hub,
)

_AS_PROCESSES: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("flows",), 0, "vmh.document.update"),
    (("history", "CDokumente", "d1"), 0, "uploaded"),
    (("plan", "CDokumente", "d1"), 0, "xai: upload the file of d1"),
    (("sync", "CDokumente", "d1", "--no-wait", "--json"), 0, '"subject":"vmh.document.update"'),
    (("sweep", "document", "--no-wait", "--json"), 0, '"subject":"vmh.document.sweep"'),
    (("dead", "ls"), 0, "CDokumente d1"),
    (("dead", "show", "1"), 0, "X-Foreign"),
    (("dead", "replay", "1", "--yes"), 0, "published again: 1"),
    (("dead", "drop", "1", "--yes"), 0, "dropped: 1"),
    (("replay", "--subject", "vmh.document.*", "--since", "1h", "--yes"), 0, "vmh.document.update"),
    (("logs",), 2, ""),
    (("trace", TRACE_ID), 0, "upload_file"),
    (("state", "ls"), 0, "snapshots"),
    (("state", "get", "snapshots", "a.B.c.d.e"), 0, "text, 13"),
    (("state", "set", "snapshots", "a.b", "{}", "--yes"), 0, "revision"),
    (("state", "rm", "snapshots", "a.b", "--yes"), 0, "revision"),
    (("locks", "ls"), 0, "a.B.c.d.e"),
    (("locks", "break", "a.B.c.d.e", "--yes"), 0, "taken from"),
    (("cron", "ls"), 0, "0 */15 * * * * Europe/Berlin"),
    (("cron", "pause", "document_sweep", "--yes"), 0, "rests"),
    (("cron", "resume", "document_sweep", "--yes"), 0, "fires again"),
    (("cron", "trigger", "document_sweep"), 0, "published vmh.document.sweep"),
    (("streams", "ls"), 0, "KV_snapshots"),
    (("streams", "info", "VMH"), 0, "vmh.>"),
    (("streams", "consumers"), 0, ""),
    (("workers",), 0, "document_worker@"),
    (("intents",), 0, ""),
    (("doctor",), 0, "nats-server"),
    (("audit", "documents", "--last"), 1, ""),
    (("topology", "ensure"), 0, ""),
    (("topology", "check"), 0, ""),
    (("credentials", "make", "FOLDER"), 0, "document_worker"),
    (("credentials", "rotate", "FOLDER", "document_worker"), 0, "document_worker"),
    (("credentials", "ls", "FOLDER"), 0, "document_worker"),
    (("erase", "CDokumente", "d1", "--yes"), 0, ""),
    (("webhooks", "ls"), 78, ""),
    (("webhooks", "ensure", "--gateway-url", "https://hub.example"), 78, ""),
)


async def test_every_command_as_a_process(service: Service, tmp_path: Path) -> None:
    """P6: started as people start it, each does its work and says so."""
    assert {names for names in COMMANDS if names not in (("up",), ("dev",))} == {
        names for names in COMMANDS for args, _, _ in _AS_PROCESSES if args[: len(names)] == names
    }
    await make_busy(service)
    async with answering(service):
        for args, code, says in _AS_PROCESSES:
            done = await hub_process(
                service.bus.settings.nats_url, *(one.replace("FOLDER", str(tmp_path)) for one in args)
            )
            assert (done.code, says in done.out) == (code, True), (args, done)
            assert "Traceback" not in done.err


async def test_a_terminal_gets_a_table(service: Service) -> None:
    """Coloured, between rules, and a progress bar on bulk work; a question is heard before its answer."""
    await bury(service, [letter(number) for number in range(1, 40)])
    url = service.bus.settings.nats_url
    shown = await asyncio.to_thread(_on_a_terminal, url, "dead", "ls")
    assert "─" in shown
    assert "CDokumente d39" in shown
    await remember(service, "CDokumente.d1", record("e1"), record("e2", outcome="dead", reason="Rejected: no"))
    shown = await asyncio.to_thread(_on_a_terminal, url, "history", "CDokumente", "d1")
    assert "\x1b[32mdone" in shown
    assert "\x1b[31mdead" in shown
    shown = await asyncio.to_thread(_on_a_terminal, url, "dead", "drop", "--all", answer="y\n")
    assert "Remove 39 dead letter(s) for good? [y/N]" in shown
    assert "39/39" in shown
    assert "dropped: 39" in shown


def _on_a_terminal(url: str, *args: str, answer: str = "") -> str:
    """What a terminal of 160 columns shows of it."""
    main, end = pty.openpty()
    environ = environment_of(url, TERM="xterm-256color", COLUMNS="160")
    process = subprocess.Popen(
        [sys.executable, "-m", "console.hub", *args], cwd=ROOT, env=environ, stdin=end, stdout=end, stderr=end
    )
    os.close(end)
    shown = b""
    try:
        while True:
            try:
                some = os.read(main, 65_536)
            except OSError:
                break
            shown += some
            if answer and b"[y/N]" in shown:
                os.write(main, answer.encode())
                answer = ""
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(main)
    return shown.decode()


async def test_ctrl_c_at_a_question(service: Service) -> None:
    """Exit code 130, and nothing done."""
    await bury(service, [letter(1)])
    async with started_hub(service.bus.settings.nats_url, "dead", "drop", "1") as process, asyncio.timeout(20):
        assert process.stderr is not None
        await process.stderr.readuntil(b"[y/N] ")
        assert (await interrupted(process))[0] == 130
    assert (await service.bus.api("STREAM.INFO.DEAD"))["state"]["messages"] == 1


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("hub de", ["dev", "dead"]),
        ("hub dead re", ["replay"]),
        ("hub sync CB", ["CBankverbindungen", "CBeteiligte"]),
        ("hub sweep d", ["document"]),
        ("hub audit d", ["documents"]),
        ("hub state get sn", ["snapshots"]),
    ],
)
async def test_the_shell_completes(words: str, wanted: list[str]) -> None:
    """Commands, entity types, families, buckets; without NATS."""
    at = str(len(words.split()) - 1)
    done = await hub_process("nats://127.0.0.1:1", _HUB_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=at)
    assert done.out.split() == wanted


async def test_a_pipe_that_closes(service: Service) -> None:
    """`hub dead ls | head -1` ends without a traceback."""
    await bury(service, [letter(number) for number in range(1, 200)])
    command = f"{sys.executable} -m console.hub dead ls -n 10000 --json | head -c 10"
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        shell=True,
        cwd=ROOT,
        env=environment_of(service.bus.settings.nats_url),
        capture_output=True,
        check=False,
    )
    assert done.stdout[:9] == b'{"letters'
    assert b"Traceback" not in done.stderr
