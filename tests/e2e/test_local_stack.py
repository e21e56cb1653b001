"""`python -m local_stack` as a person starts it: a process of its own, on ports of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_stack.parties import differing

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parent.parent.parent
_WORKERS = {"document_worker", "beteiligte_worker", "calendar_worker"}
_SERVICES = {"nats", "redis", "simulators", "gateway", *_WORKERS, "advoware_proxy", "console"}
_HEALTH = (
    "HEALTH_PORT",
    "BETEILIGTE_HEALTH_PORT",
    "CALENDAR_HEALTH_PORT",
    "ADVOWARE_PROXY_HEALTH_PORT",
    "CONSOLE_HEALTH_PORT",
)
_DOORS = ("GATEWAY_PORT", *_HEALTH, "CONSOLE_PORT", "NATS_PORT", "REDIS_PORT")
_VENDORS = ("SIM_ESPOCRM_PORT", "SIM_XAI_PORT", "SIM_ADVOWARE_PORT", "SIM_GOOGLE_PORT")
_ANY_PORT = dict.fromkeys((*_DOORS, *_VENDORS), "0")

_ELSEWHERE = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ADVOWARE_API_BASE_URL": "http://127.0.0.1:1",
    "ADVOWARE_AUTH_URL": "http://127.0.0.1:1",
    "ADVOWARE_API_SECRET": "bm90IGl0",
}


class LocalStack:
    """Starts stacks in a folder of the test's own, and ends what is left of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []

    def start(self, mode: str, **environ: str) -> subprocess.Popen[str]:
        """A stack on free ports; its output is piped."""
        env = {**os.environ, **_ANY_PORT, "LOCAL_STACK_DIR": str(self.folder), "PYTHONPATH": str(ROOT), **environ}
        command = [sys.executable, "-m", "local_stack", mode]
        started = subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._started.append(started)
        return started

    def pids(self) -> dict[str, int]:
        """The services that are up, as the stack has recorded them."""
        try:
            recorded: dict[str, int] = json.loads((self.folder / "pids.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return recorded

    def all_up(self) -> bool:
        """Whether every service is up."""
        return self.pids().keys() == _SERVICES

    def end(self) -> None:
        """Kills what is left."""
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    """Stacks of this test's own."""
    local_stack = LocalStack(tmp_path)
    yield local_stack
    local_stack.end()


def _until(holds: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """A process that nobody has buried yet (a zombie) does not live."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc").exists()
    return status.rpartition(")")[2].split()[0] != "Z"


def _said(process: subprocess.Popen[str], within_s: float) -> str:
    """All it has said, once it has ended."""
    return process.communicate(timeout=within_s)[0]


def test_the_demo_converges_and_ends_with_0(stack: LocalStack) -> None:
    """A person who types `make demo` sees the story end well, in plain text when nobody watches, with nothing left.

    A Redis and an Advoware that the person's shell names are not used. Each service has its own NATS user, and none
    asks for more than that user may.
    """
    demo = stack.start("demo", **_ELSEWHERE)
    said = _said(demo, within_s=90)
    assert demo.returncode == 0, said
    assert "16 documents in step, 1 failed as it should" in said
    assert "zu groß" in said
    assert "her new phone there is in EspoCRM" in said
    assert "stands in Advoware and in Google, on the day that Google moved it to" in said
    assert "Advoware named 5 employees through the gateway" in said
    assert "\x1b" not in said
    assert "Redis is away" not in (stack.folder / "logs" / "advoware_proxy.log").read_text(encoding="utf-8")
    assert "Violation" not in (stack.folder / "logs" / "nats.log").read_text(encoding="utf-8")
    assert {path.name for path in stack.folder.iterdir()} == {"logs", "google-key.json"}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_stops_everything(stack: LocalStack, signum: signal.Signals) -> None:
    """Ctrl-C, or a SIGTERM, while the story runs ends every service before the stack itself, which says so."""
    run = stack.start("run")
    _until(stack.all_up, within_s=60)
    pids = stack.pids()
    run.send_signal(signum)
    said = _said(run, within_s=30)
    assert run.returncode == 0, said
    assert said.splitlines()[-1] == "stopped"
    assert not [name for name, pid in pids.items() if _lives(pid)]


def test_a_taken_port_is_named(stack: LocalStack) -> None:
    """Where the gateway's port is in use, nothing is started, and one sentence says which and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run = stack.start("run", GATEWAY_PORT=str(port))
        said = _said(run, within_s=30)
    assert run.returncode == 69
    assert f"port {port} is taken" in said
    assert "GATEWAY_PORT=" in said
    assert len(said.splitlines()) == 1
    assert not stack.pids()


def test_the_usual_port_is_not_given_up_in_silence(stack: LocalStack) -> None:
    """Without GATEWAY_PORT the gateway is on 3111 or nowhere, since EspoCRM's webhooks point there."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 3111))
        except OSError:
            pass  # somebody else has it, which is just as good
        else:
            other.listen()
        run = stack.start("run", GATEWAY_PORT="")
        said = _said(run, within_s=30)
    assert run.returncode == 69
    assert "port 3111 is taken" in said


def test_a_killed_stack_takes_its_services_along(stack: LocalStack) -> None:
    """After kill -9 of the parent no service goes on holding ports and files."""
    run = stack.start("run")
    _until(stack.all_up, within_s=60)
    pids = stack.pids()
    run.kill()
    _until(lambda: not [name for name, pid in pids.items() if _lives(pid)], within_s=5)


def test_a_service_that_is_killed_comes_back_once(stack: LocalStack) -> None:
    """A worker that dies is reported with its last words and started again, and the stack still stops cleanly."""
    run = stack.start("run")
    _until(stack.all_up, within_s=60)
    killed = stack.pids()["document_worker"]
    os.kill(killed, signal.SIGKILL)
    _until(lambda: stack.pids().get("document_worker", killed) != killed, within_s=30)
    run.send_signal(signal.SIGINT)
    said = _said(run, within_s=30)
    assert "document_worker ended unexpectedly (SIGKILL)" in said
    assert run.returncode == 0, said


def test_a_dead_service_fails_the_demo(stack: LocalStack) -> None:
    """A demo that lost a service has shown nothing: it ends with an error and the service's last words."""
    demo = stack.start("demo")
    _until(stack.all_up, within_s=60)
    os.kill(stack.pids()["gateway"], signal.SIGKILL)
    said = _said(demo, within_s=30)
    assert demo.returncode == 1
    assert "gateway ended unexpectedly (SIGKILL)" in said


def test_a_shut_door_to_advoware_fails_the_demo(stack: LocalStack) -> None:
    """A demo whose question to Advoware is refused ends with an error that quotes the gateway's answer."""
    demo = stack.start("demo", ADVOWARE_PROXY_ALLOW="GET Termine")
    said = _said(demo, within_s=90)
    assert demo.returncode == 1
    assert "Advoware, through the gateway: expected 200 with employees; found 403" in said
    assert "Advoware named" not in said


def test_a_party_out_of_step_is_named() -> None:
    """What fails the demo's party: a status, a task, a phone that is missing on one side, a party that is not there."""
    record = {
        "syncStatus": "clean",
        "syncErrorMessage": None,
        "phoneNumberData": [{"phoneNumber": "+493023125001"}],
        "emailAddressData": [{"emailAddress": "ottilie@aehrenfeld.example"}],
    }
    row = {
        "vorname": "Ottilie",
        "name": "Ährenfeld",
        "kommunikation": [{"tlf": "+493023125001"}, {"tlf": "ottilie@aehrenfeld.example"}, {"tlf": None}],
        "adressen": [{"strasse": "Föhrenrain 7"}],
        "bankverbindungen": [{"iban": "DE89370400440532013000"}],
    }
    there = here = "+493023125001"
    assert differing(record, row, [], there=there, here=here) == []
    for broken in (
        differing(record | {"syncStatus": "failed"}, row, [], there=there, here=here),
        differing(record, row, [{}], there=there, here=here),
        differing(record, row, [], there="030 / 23125-002", here=here),
        differing(record, row, [], there=there, here="+493023125002"),
        differing(record, row | {"adressen": []}, [], there=there, here=here),
        differing(record, None, [], there=there, here=here),
    ):
        assert len(broken) == 1


def test_one_port_for_two_is_refused(stack: LocalStack) -> None:
    """Two doors on one port cannot both open: nothing is started, and the sentence names the second."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    run = stack.start("run", GATEWAY_PORT=port, REDIS_PORT=port)
    said = _said(run, within_s=30)
    assert run.returncode == 69
    assert f"port {port} is asked for twice" in said
    assert "REDIS_PORT=" in said


def test_a_wrong_setting_is_named_and_nothing_is_left(stack: LocalStack) -> None:
    """A service that refuses its settings ends the start: its own sentence is shown, with its exit code."""
    run = stack.start("run", WORKER_CONCURRENCY="0")
    said = _said(run, within_s=30)
    assert run.returncode == 78
    assert "WORKER_CONCURRENCY is malformed" in said
    assert not stack.pids()


def test_a_word_for_a_port_is_refused(stack: LocalStack) -> None:
    """A port that is none is a wrong setting, said in one sentence."""
    run = stack.start("run", NATS_PORT="many")
    assert "NATS_PORT is not a port" in _said(run, within_s=30)
    assert run.returncode == 78
