"""`hub` against the whole hub: every command as a process, every answer from real services."""

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest

from shared.clock import SystemClock
from shared.contracts.topology import LOCKS
from shared.state.kv import Bucket
from shared.state.locks import Locks
from shared.state.request import Requests
from tests.support.free_ports import free_port
from tests.support.hub import ROOT, environment_of

pytestmark = pytest.mark.e2e

_PORTS = (
    *("HEALTH_PORT", "BETEILIGTE_HEALTH_PORT", "CALENDAR_HEALTH_PORT", "ADVOWARE_PROXY_HEALTH_PORT", "GATEWAY_PORT"),
    *(
        "CONSOLE_PORT",
        "CONSOLE_HEALTH_PORT",
        "REDIS_PORT",
        "SIM_ESPOCRM_PORT",
        "SIM_XAI_PORT",
        "SIM_ADVOWARE_PORT",
        "SIM_GOOGLE_PORT",
    ),
)
_STAYS = "Each line below is a delivery"


class Hub:
    """The command, in the environment of an operator."""

    def __init__(self, url: str, *, espocrm: str, gateway: str) -> None:
        self.espocrm = espocrm
        self.gateway = gateway
        self.url = url
        self.environ = environment_of(url, HUB_ENV="demo")

    def __call__(self, *args: str, code: int = 0) -> str:
        """Its standard output; fails when it ends otherwise."""
        done = subprocess.run(
            [sys.executable, "-m", "console.hub", *args],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (args, done)
        return done.stdout

    def keyed(self) -> "Hub":
        """The same with EspoCRM's key at hand."""
        other = Hub(self.url, espocrm=self.espocrm, gateway=self.gateway)
        other.environ |= {"ESPOCRM_API_BASE_URL": f"{self.espocrm}/api/v1", "ESPOCRM_API_KEY": "demo"}
        return other

    def json(self, *args: str, code: int = 0) -> Any:
        """Its one document."""
        return json.loads(self(*args, "--json", code=code))

    def at_espocrm(self, method: str, path: str, body: object = None) -> Any:
        """What EspoCRM, or its staff, is asked past the hub."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Api-Key": "demo"}
        request = urllib.request.Request(self.espocrm + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())


@contextlib.contextmanager
def _stack(mode: str, folder: Path) -> Iterator[tuple[Hub, Path]]:
    """`hub up` or `hub dev` with its story told, and what it says; ended by Ctrl-C."""
    ports = {name: str(free_port()) for name in ("NATS_PORT", "SIM_ESPOCRM_PORT", "GATEWAY_PORT")}
    url = f"nats://127.0.0.1:{ports['NATS_PORT']}"
    environ = environment_of(url, LOCAL_STACK_DIR=str(folder), **(dict.fromkeys(_PORTS, "0") | ports))
    log = folder / "hub.log"
    with log.open("wb") as said:
        stack = subprocess.Popen(
            [sys.executable, "-m", "console.hub", mode], cwd=ROOT, env=environ, stdout=said, stderr=said
        )
    try:
        _until(lambda: _STAYS in log.read_text(encoding="utf-8"), stack, log)
        yield (
            Hub(
                url,
                espocrm=f"http://127.0.0.1:{ports['SIM_ESPOCRM_PORT']}",
                gateway=f"http://127.0.0.1:{ports['GATEWAY_PORT']}",
            ),
            log,
        )
        stack.send_signal(signal.SIGINT)
        assert stack.wait(60) == 0
    finally:
        if stack.poll() is None:
            stack.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                stack.wait(20)
        stack.kill()
        stack.wait()


def _until(
    holds: Callable[[], object], stack: "subprocess.Popen[bytes] | None" = None, log: Path | None = None
) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        told = log.read_text(encoding="utf-8") if log else ""
        assert stack is None or stack.poll() is None, told
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """`hub up`, with its story told."""
    with _stack("up", tmp_path_factory.mktemp("stack")) as (opened, _):
        yield opened


def _replicas(hub: Hub) -> dict[str, str]:
    """Which one answers for each service."""
    return {one["service"]: one["holder"] for one in hub.json("workers")}


def test_dev_restarts_what_changes(tmp_path: Path) -> None:
    """A file of the gateway's that is touched restarts the gateway; Ctrl-C ends it with 0."""
    with _stack("dev", tmp_path) as (hub, log):
        before = _replicas(hub)
        os.utime(ROOT / "gateway" / "answers.py")
        _until(lambda: "restarting gateway" in log.read_text(encoding="utf-8"))
        _until(lambda: _replicas(hub).get("gateway") not in (None, before["gateway"]))


def _a(hub: Hub, kind: str) -> str:
    step = {"CDokumente": "document_sync", "CBeteiligte": "beteiligte_sync"}[kind]
    key: str = hub.json("state", "ls", "snapshots", f"{step}.{kind}.*")["keys"][0]
    return key.rpartition(".")[2]


def test_all_is_well(hub: Hub) -> None:
    """P6, P16: every service answers the doctor, says what it hears, and has no lag; schedules have a next run."""
    told = {one["service"]: one["checks"] for one in hub.json("doctor")}
    assert told.keys() >= {"nats", "gateway", "document_worker", "beteiligte_worker", "advoware_proxy"}
    checks = {check["name"] for checks in told.values() for check in checks}
    assert checks >= {
        "nats-server",
        "topology",
        "services",
        "espocrm",
        "xai files",
        "advoware",
        "google",
        "redis",
        "BETEILIGTE_NOTIFY_USER_ID",
        "versions",
    }
    assert {one["service"] for one in hub.json("workers")} == told.keys() - {"nats", "espocrm"}
    flows = {flow["subject"]: flow for flow in hub.json("flows")}
    assert "POST /vmh/webhook/document/update" in flows["vmh.document.update"]["doors"]
    [hearer] = flows["vmh.document.update"]["hearers"]
    assert (hearer["handler"], hearer["lag"]) == ("on_document", 0)
    assert all(one["next_at"] for one in hub.json("cron", "ls"))
    assert {one["name"] for one in hub.json("streams", "ls")} >= {"VMH", "DEAD", "HISTORY", "AUDIT"}
    assert any(one["name"] == "document_worker" for one in hub.json("streams", "consumers", "VMH"))
    assert "VMH" in hub("streams", "info", "VMH")
    assert hub.json("locks", "ls") == []
    assert hub.json("intents") == []


def test_a_records_story(hub: Hub) -> None:
    """P14, P15: history, plan, sync, trace of a document and of a party, whose two services are both waited for."""
    document, party = _a(hub, "CDokumente"), _a(hub, "CBeteiligte")
    assert hub.json("history", "CDokumente", document)
    assert [one["answer"]["service"] for one in hub.json("plan", "CBeteiligte", party)] == [
        *("beteiligte_worker", "document_worker")
    ]
    done = hub.json("sync", "CDokumente", document)
    [run] = done["runs"]
    assert (run["record"]["outcome"], run["record"]["event_id"]) == ("skip", done["event"]["event_id"])
    assert "espocrm: get CDokumente" in hub("trace", run["record"]["trace_id"])
    both = hub.json("sync", "CBeteiligte", party)
    services = {one["record"]["worker"].partition("@")[0] for one in both["runs"]}
    assert services == {"beteiligte_worker", "document_worker"}
    assert "text, " in hub("state", "get", "snapshots", f"beteiligte_sync.CBeteiligte.{party}")


def test_sweeps_and_schedules(hub: Hub) -> None:
    """P8: a sweep of each family, followed to its end; a paused schedule is a finding of the doctor."""
    for family in ("document", "beteiligte", "calendar"):
        assert hub.json("sweep", family)["in_time"]
    hub("cron", "pause", "document_sweep", "--yes")
    hub("doctor", code=1)
    hub("cron", "resume", "document_sweep", "--yes")
    hub("doctor")
    assert hub.json("cron", "trigger", "document_sweep")["subject"] == "vmh.document.sweep"


def test_the_dead_letter_of_the_story(hub: Hub) -> None:
    """P6: the document that is too large: shown, published again, failed again, told in its history, dropped."""
    [letter] = hub.json("dead", "ls")["letters"]
    assert (letter["kind"], "413" in letter["reason"]) == ("Rejected", True)
    assert letter["entity_id"] in hub("dead", "show", str(letter["sequence"]))
    assert hub.json("dead", "ls", "--subject", "vmh.account.*", "--older", "1d")["letters"] == []
    assert hub.json("dead", "replay", "--all", "--reason", "413", "--dry-run")["dry_run"]
    hub("dead", "replay", str(letter["sequence"]), "--drop", "--yes")
    _until(lambda: hub.json("dead", "ls")["letters"])
    runs = hub.json("history", "CDokumente", letter["entity_id"])
    assert runs[-1]["record"]["replay_of"] == letter["event_id"]
    hub("dead", "drop", "--all", "--kind", "Rejected", "--yes")
    assert hub.json("dead", "ls")["letters"] == []


def test_events_once_more_and_a_live_log(hub: Hub) -> None:
    """P5: all documents' events again; the log tells each run while it happens, and nothing is written anywhere."""
    command = [sys.executable, "-m", "console.hub", "logs", "-f", "--service", "document_worker", "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=hub.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as logs:
        try:
            assert logs.stderr is not None
            assert logs.stdout is not None
            assert logs.stderr.readline() == "listening\n"
            done = hub.json("replay", "--subject", "vmh.document.update", "--since", "1h", "--rate", "500", "--yes")
            assert done["published"] > 10
            lines = [json.loads(logs.stdout.readline()) for _ in range(10)]
            assert {line["message"] for line in lines} == {"delivery"}
            assert {line["fields"]["outcome"] for line in lines} == {"skip"}
            logs.send_signal(signal.SIGINT)
            assert logs.wait(20) == 130
        finally:
            logs.kill()


async def _hold(url: str, key: str) -> None:
    """A lock of a worker that has just died."""
    connection = await nats.connect(url)
    requests = Requests(connection)
    await requests.start()
    locks = Locks(
        Bucket(requests, LOCKS.name), holder="document_worker@gone.1", lease_s=60, clock=SystemClock(), epoch=1
    )
    assert await locks.acquire(key, run="r1", on_lost=lambda: None) is not None
    await connection.close()


def test_a_lock_is_broken(hub: Hub) -> None:
    """P3: one that its holder does not give back is listed, not taken without a yes, then taken; and it is recorded."""
    asyncio.run(_hold(hub.environ["NATS_URL"], "document_sync.CDokumente.held"))
    [lock] = hub.json("locks", "ls")
    assert (lock["key"], lock["holder"]) == ("document_sync.CDokumente.held", "document_worker@gone.1")
    hub("locks", "break", lock["key"], code=1)
    hub("locks", "break", lock["key"], "--yes")
    assert hub.json("locks", "ls") == []


def _drifting(hub: Hub) -> set[str]:
    """The documents that an audit finds, of which there are some."""
    return {one["entity_id"] for one in hub.json("audit", "documents", code=1)["report"]["drifts"]}


def test_audits_of_all_families(hub: Hub) -> None:
    """P16: a file that was replaced without a webhook is drift of exactly that document, and is healed by its sync."""
    for family in ("beteiligte", "calendar"):
        report = hub.json("audit", family)["report"]
        assert (report["checked"] > 0, report["drifting"], report["unknown"]) == (True, 0, 0)
    too_large = _drifting(hub)
    assert len(too_large) == 1, "the story's document that xAI refuses"
    document = _a(hub, "CDokumente")
    content = base64.b64encode(b"Replik").decode()
    step = {"do": "attach", "name": "Replik.pdf", "type": "application/pdf", "content": content}
    file = hub.at_espocrm("POST", "/_sim/user", step)["id"]
    change = {"do": "save", "entityType": "CDokumente", "id": document, "attributes": {"dokumentId": file}}
    hub.at_espocrm("POST", "/_sim/user", change | {"silent": True})
    assert _drifting(hub) - too_large == {document}
    assert document in hub("audit", "documents", "--last", code=1)
    assert document in hub("audit", "documents", "--heal")
    _until(lambda: hub.json("history", "CDokumente", document)[-1]["record"]["outcome"] == "done")
    assert _drifting(hub) == too_large


def test_webhooks_are_made_to_fit_the_doors(hub: Hub, tmp_path: Path) -> None:
    """P4, P10: the story's lack skipOwn; one is gone. Then all fit, and the secrets are in the file alone."""
    at = ("--gateway-url", hub.gateway)
    assert "not looked at" in hub("doctor")
    hub = hub.keyed()
    assert "tells of our own writes" in hub("doctor", code=1)
    listed = hub.json("webhooks", "ls", *at, code=1)["webhooks"]
    assert {one["verdict"] for one in listed} == {"differs", "foreign"}
    assert {one["event"] for one in listed if one["verdict"] == "foreign"} == {"Entity.link", "Entity.unlink"}
    assert hub.at_espocrm("DELETE", f"/api/v1/Webhook/{listed[0]['id']}")
    assert "create 1, correct 14, delete 0" in hub("webhooks", "ensure", *at, "--dry-run")
    file = tmp_path / "hooks"
    hub("webhooks", "ensure", *at, "--write-secrets", str(file), "--yes")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(re.findall(r"[\w-]+:[\w-]+", file.read_text(encoding="utf-8"))) == 17
    fitting = hub.json("webhooks", "ls")
    assert sum(one["verdict"] == "ok" for one in fitting["webhooks"]) == 15
    ill = {
        check["name"]: check["said"] for one in hub.json("doctor", code=1) for check in one["checks"] if not check["ok"]
    }
    assert ill.keys() == {f"webhook {listed[0]['event']}"}, "made anew, so the gateway does not have its secret yet"
    memory = hub("state", "get", "snapshots", "console.webhooks", "--raw")
    pairs = [pair.split(":") for pair in file.read_text(encoding="utf-8").strip().split(",")]
    assert len([one for one, _ in pairs if one in memory]) == 15
    assert [secret for _, secret in pairs if secret in memory + json.dumps(fitting)] == []


async def _recorded(url: str) -> list[str]:
    """The subjects of all that operators did."""
    connection = await nats.connect(url)
    found = await connection.request("$JS.API.STREAM.INFO.AUDIT", b'{"subjects_filter": "audit.operator.>"}')
    await connection.close()
    return list(json.loads(found.data)["state"]["subjects"])


def test_what_was_done_is_recorded(hub: Hub) -> None:
    """P11: by name; a value that was asked for by hand as well."""
    party = _a(hub, "CBeteiligte")
    assert json.loads(hub("state", "get", "snapshots", f"beteiligte_sync.CBeteiligte.{party}", "--raw"))["fence"]
    hub("state", "set", "snapshots", "test.key", "{}", "--yes")
    hub("state", "rm", "snapshots", "test.key", "--yes")
    assert hub.json("streams", "info", "AUDIT")["messages"] >= 3
    done = {subject.rpartition(".")[2] for subject in asyncio.run(_recorded(hub.environ["NATS_URL"]))}
    assert done >= {"sync", "sweep", "pause", "trigger", "drop", "replay", "break", "set", "rm", "reveal"}
    assert done >= {"audit", "webhooks"}
