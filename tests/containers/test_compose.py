"""The compose stack from `up` to `down`, with simulated vendors. The tests run in the order in which they stand."""

import functools
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from local_stack.environment import WEBHOOKS
from local_stack.ports import pick
from simulators.espocrm.delivery import signatures
from tests.containers.engine import docker, until

pytestmark = [pytest.mark.containers, pytest.mark.timeout(400)]

_ONCE = {"prepare", "topology", "firm"}
_DOCUMENT = "67a1b2c3d4e5f6a7b"
_ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode() or None)
print(urllib.request.urlopen(request).read().decode())
"""


class Stack:
    """One project of containers, on ports of its own."""

    def __init__(self) -> None:
        self.name = f"hubtest{secrets.token_hex(4)}"
        gateway = pick()
        console = pick(given=(gateway,))
        self.gateway = f"http://127.0.0.1:{gateway}"
        self.console = f"http://127.0.0.1:{console}"
        ports = {"GATEWAY_PORT": str(gateway), "CONSOLE_PORT": str(console)}
        self._environ = {**os.environ, **ports, "COMPOSE_PROJECT_NAME": self.name}

    def compose(self, *arguments: str) -> str:
        """`docker compose …` as a person types it."""
        return docker("compose", "--profile", "demo", *arguments, environ=self._environ)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each, by service."""
        ids = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}").split()
        found = json.loads(docker("inspect", *ids)) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def vendor(self, port: int, path: str, body: object = None) -> Any:
        """A control route of a simulated vendor: nobody outside reaches it, so it is asked from inside."""
        data = None if body is None else json.dumps(body)
        url = f"http://127.0.0.1:{port}/_sim/{path}"
        return json.loads(docker("exec", self.containers()["simulators"]["Id"], "python", "-c", _ASK, url, data or ""))

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of a request through the published port; 0 is no answer."""
        request = urllib.request.Request(self.gateway + path, body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def documents(self) -> dict[str, dict[str, Any]]:
        """EspoCRM's documents by id."""
        return {row["id"]: row for row in self.vendor(3121, "state")["records"]["CDokumente"]}


@pytest.fixture(scope="module")
def stack(image: str, demo_image: str) -> Iterator[Stack]:
    """Up and healthy."""
    stack = Stack()
    try:
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "240")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "30")


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest, stack: Stack) -> Iterator[None]:
    """What the containers said last, beside a test that fails."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        sys.stdout.write(stack.compose("logs", "--no-color", "--tail", "25"))


def test_the_invented_firm_comes_into_step(stack: Stack) -> None:
    """`docker compose --profile demo up --wait` is a hub at work: EspoCRM's own webhooks reach it, and it syncs."""

    def in_step() -> bool:
        states = [row["xaiSyncStatus"] for row in stack.documents().values()]
        return len(states) == 20 and states.count("clean") == 17 and states.count("failed") == 1

    until(in_step, "not in step", seconds=90)
    assert len(stack.vendor(3122, "state")["files"]) >= 17


def test_a_signed_webhook_through_the_published_port_reaches_xai(stack: Stack) -> None:
    """P1: 200 from outside, and the file of a document that nobody else has told of is at xAI."""
    attachment = {
        "name": "outside.txt",
        "type": "text/plain",
        "content": "YSB0ZXh0IHRoYXQgb25seSB0aGlzIHRlc3QgZmlsZXM=",
    }
    made = stack.vendor(3121, "seed", {"attachments": [attachment]})["attachments"][0]
    row = {"id": _DOCUMENT, "name": "outside.txt", "dokumentId": made}
    stack.vendor(
        3121,
        "seed",
        {"records": {"CDokumente": [row]}, "links": [["CDokumente", _DOCUMENT, "accounts", "acc-nebelhoehe"]]},
    )
    webhook = next(hook for hook in WEBHOOKS if hook.path.endswith("document/create"))
    body = json.dumps([{"id": _DOCUMENT}]).encode()
    assert stack.post(webhook.path, body, signatures(webhook.id, "not the secret", body)) == 401
    assert stack.post(webhook.path, body, signatures(webhook.id, webhook.secret, body)) == 200
    until(lambda: stack.documents()[_DOCUMENT]["xaiSyncStatus"] == "clean", "the document is not in step")
    assert stack.documents()[_DOCUMENT]["xaiId"] in {one["id"] for one in stack.vendor(3122, "state")["files"]}


def test_the_console_answers_at_its_published_port(stack: Stack) -> None:
    """And sends strangers to the log-in."""
    with urllib.request.urlopen(stack.console, timeout=10) as answer:
        assert answer.status == 200
        assert answer.url.endswith("/login")


def test_every_container_is_locked_down(stack: Stack) -> None:
    """As the engine runs it: read-only, no rights, not root, bounded; and two doors, on loopback."""
    published: dict[str, set[str]] = {}
    for service, one in stack.containers().items():
        host = one["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["Memory"] > 0, service
        assert any("no-new-privileges" in option for option in host["SecurityOpt"]), service
        assert "NET_RAW" in host["CapDrop"] or "ALL" in host["CapDrop"], service
        assert service == "prepare" or one["Config"]["User"].startswith("65532"), service
        ports = one["NetworkSettings"]["Ports"] or {}
        published |= {service: {door["HostIp"] for doors in ports.values() for door in doors or ()}}
    assert {service: hosts for service, hosts in published.items() if hosts} == {
        "gateway": {"127.0.0.1"},
        "console": {"127.0.0.1"},
    }


def test_a_service_sees_its_own_credentials_only(stack: Stack) -> None:
    """Least privilege ends where files are shared: nobody but `prepare` sees the keys, and nobody another's."""
    held: dict[str, list[str]] = {}
    for service, one in stack.containers().items():
        held[service] = [mount["Name"] for mount in one["Mounts"] if mount.get("Name", "").endswith("credentials")]
    own = {
        service: [f"{stack.name}_{service}_credentials"]
        for service in held
        if not {service} & {*_ONCE, "nats", "redis", "simulators"}
    }
    assert {service: held[service] for service in own} == own
    assert held["nats"] == held["redis"] == held["simulators"] == held["firm"] == []


def test_a_restart_of_the_broker_heals(stack: Stack) -> None:
    """P7: no container but the broker is started anew, and the next webhook is worked on."""
    before = {service: one["State"]["StartedAt"] for service, one in stack.containers().items()}
    docker("restart", stack.containers()["nats"]["Id"])
    document, was = next((key, row) for key, row in stack.documents().items() if row["xaiSyncStatus"] == "clean")
    body = json.dumps([{"id": document}]).encode()
    door = "/vmh/webhook/document/update"
    until(lambda: stack.post(door, body, {"apikey": "demo"}) == 200, "the gateway does not heal")
    made = stack.vendor(3121, "user", {"do": "attach", "name": "new.txt", "type": "text/plain", "content": "bmV3"})
    change = {"do": "save", "entityType": "CDokumente", "id": document, "attributes": {"dokumentId": made["id"]}}
    stack.vendor(3121, "user", change)

    def synced() -> bool:
        stack.vendor(3121, "queue/due", {})  # a webhook that was turned away is sent again after ten minutes: now
        return bool(stack.documents()[document]["xaiSyncedHash"] != was["xaiSyncedHash"])

    until(synced, "the new file is not at xAI")

    def probe(service: str) -> bool:
        door = ("gateway",) if service == "gateway" else ()
        try:
            docker("exec", stack.containers()[service]["Id"], "python", "-m", "shared.healthcheck", *door)
        except Exception:
            return False
        return True

    services = set(before) - _ONCE - {"nats", "redis", "simulators"}
    for service in services:
        until(functools.partial(probe, service), f"{service} does not heal")
    after = {service: one["State"]["StartedAt"] for service, one in stack.containers().items()}
    assert {service for service in services if before[service] != after[service]} == set()


def test_sigterm_ends_each_container_with_0(stack: Stack) -> None:
    """P13: each ends by itself within its grace."""
    stack.compose("stop")
    found = stack.containers()
    assert len(found) == 12
    wrong = {service: one for service, one in found.items() if one["State"]["ExitCode"] != 0}
    assert {service: docker("logs", "--tail", "5", one["Id"]) for service, one in wrong.items()} == {}


def test_down_leaves_nothing(stack: Stack) -> None:
    """No container, volume or network of it stays."""
    stack.compose("down", "--volumes")
    mine = f"label=com.docker.compose.project={stack.name}"
    assert docker("ps", "--all", "--quiet", "--filter", mine) == ""
    assert docker("volume", "ls", "--quiet", "--filter", mine) == ""
    assert docker("network", "ls", "--quiet", "--filter", mine) == ""
