"""Credentials against a real server: made and rotated with `hub`, taken by a reload; two firms; TLS."""

import asyncio
import contextlib
import datetime as dt
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console.desk.credentials import Folder
from local_stack.nats_server import NatsServer, find_binary
from shared.contracts.permissions import OPERATOR, SERVICES, USERS
from shared.contracts.topology import STREAMS
from shared.runtime.bus import Bus, MissingPart, NatsSettings
from shared.runtime.service import start
from tests.support.guarded import Guarded, connected, guarded
from tests.support.hub import hub, until
from tests.support.processes import ROOT

_DEPLOY = ROOT / "deploy" / "nats"


async def reload(server: NatsServer) -> None:
    """`nats-server --signal reload`, as an operator does."""
    done = await asyncio.create_subprocess_exec(str(find_binary()), "--signal", f"reload={server.pid}")
    assert await done.wait() == 0


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Guarded]:
    """A broker that knows users, with its streams."""
    with guarded(tmp_path) as made:
        await made.make_topology()
        yield made


# Rotation


async def test_a_rotated_key_is_good_at_once_and_the_old_one_no_more_after_a_reload(broker: Guarded) -> None:
    """The new file can be handed out first, so nobody is cut off who has it; the old one then ends for good."""
    old = shutil.copy(broker.creds("gateway"), broker.folder / "old.creds")
    async with (
        start("gateway", broker.settings("gateway"), {}) as gateway,
        connected(broker.settings("console"), "console") as console,
    ):
        rotated = await hub(broker.url, "credentials", "rotate", str(broker.folder), "gateway")
        assert (rotated.code, rotated.out.split()[1]) == (0, "gateway.creds")
        async with connected(broker.settings("gateway"), "gateway") as second:
            await second.api("INFO")
            await reload(broker.server)
            async with asyncio.timeout(10):
                await gateway.stopping.wait()
            assert gateway.cut_off
            await second.api("INFO")
        assert console.connected
    with pytest.raises(MissingPart, match="refused the connection"):
        async with connected(NatsSettings(nats_url=broker.url, nats_creds=str(old)), "gateway"):
            pass


async def test_a_reload_gives_a_new_versions_permissions_to_who_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials file changes with an upgrade, and no connection is lost over it."""
    console_ = USERS["console"]
    before = tuple(subject for subject in console_.publish if not subject.endswith("STREAM.LIST"))
    older = {**USERS, "console": msgspec.structs.replace(console_, publish=before)}
    monkeypatch.setattr("console.desk.credentials.USERS", older)
    with guarded(tmp_path) as broker:
        monkeypatch.undo()
        await broker.make_topology()
        async with connected(broker.settings("console"), "console") as console:
            with pytest.raises(Exception, match="does not permit"):
                await console.api("STREAM.LIST")
            assert Folder(broker.folder, now=int(time.time())).make("HUB") == ["issued/HUB.jwt", "nats-auth.conf"]
            await reload(broker.server)

            async def may() -> bool:
                with contextlib.suppress(Exception):
                    return bool((await console.api("STREAM.LIST"))["streams"])
                return False

            await until(may)


# Firms


async def test_two_firms_on_one_server_see_nothing_of_each_other(tmp_path: Path) -> None:
    """Each has its streams, and its own users; the same subject is another one."""
    Folder(tmp_path / "credentials", now=int(time.time())).make("Kanzlei2")
    with guarded(tmp_path) as broker:
        await broker.make_topology()
        second = NatsSettings(nats_url=broker.url, nats_creds=str(broker.folder / "Kanzlei2" / "operator.creds"))
        made = await hub(broker.url, "topology", "check", NATS_CREDS=str(second.nats_creds))
        assert (made.code, made.out) == (1, "stream VMH: stream not found\n")
        async with (
            connected(second, "hub") as theirs,
            connected(broker.settings(OPERATOR), "hub") as ours,
        ):
            heard = await theirs.nc.subscribe(">")
            await theirs.nc.flush()
            await theirs.ensure_topology()
            await ours.nc.request("vmh.document.update", b'{"entity_id":"doc1"}')
            await theirs.nc.flush()
            subjects = []
            with contextlib.suppress(Exception):
                while True:
                    subjects.append((await heard.next_msg(timeout=0.2)).subject)
            assert "vmh.document.update" not in subjects
            assert (await theirs.api("STREAM.INFO.VMH"))["state"]["messages"] == 0
            assert (await ours.api("STREAM.INFO.VMH"))["state"]["messages"] == 1


# What is said


@pytest.mark.parametrize("of", ["nobody", "others"])
async def test_who_is_not_known_is_told_so_at_once(broker: Guarded, tmp_path: Path, of: str) -> None:
    """Without credentials, and with those of another installation: one sentence instead of a time-out."""
    Folder(tmp_path / "others", now=int(time.time())).make("HUB")
    creds = str(tmp_path / "others" / "gateway.creds") if of == "others" else None
    began = time.monotonic()
    with pytest.raises(MissingPart, match=r"refused the connection: it does not know this user, see NATS_CREDS$"):
        async with connected(NatsSettings(nats_url=broker.url, nats_creds=creds), "gateway"):
            pass
    assert time.monotonic() - began < 4.5


async def test_a_file_that_holds_no_credentials_is_named(broker: Guarded, tmp_path: Path) -> None:
    """Before NATS is asked."""
    (tmp_path / "none").write_text("nothing")
    for path, words in ((tmp_path / "none", "holds no credentials"), (tmp_path / "gone", "is not a file")):
        with pytest.raises(MissingPart, match=f"NATS_CREDS names .*{words}"):
            async with connected(NatsSettings(nats_url=broker.url, nats_creds=str(path)), "gateway"):
                pass


async def test_hub_makes_lists_and_refuses(tmp_path: Path) -> None:
    """The commands as people type them: no NATS is asked, and nothing is opened up by mistake."""
    nowhere = "nats://127.0.0.1:9"
    place = str(tmp_path / "nats")
    made = await hub(nowhere, "credentials", "make", place)
    assert made.code == 0
    assert {"gateway.creds", "operator.creds", "sys.creds", "nats-auth.conf"} <= set(made.out.split())
    assert (await hub(nowhere, "credentials", "make", place, "--json")).json == {"written": []}
    again = await hub(nowhere, "credentials", "make", place)
    assert (again.code, again.out, again.err) == (0, "", "all is there\n")
    listed = await hub(nowhere, "credentials", "ls", place, "--json")
    assert {row["user"] for row in listed.json} == {*USERS, "sys"}
    assert not re.search(r"\bS[OAU][A-Z2-7]{56}\b", listed.out), "a seed"
    assert set(SERVICES) <= {
        line.split()[1] for line in (await hub(nowhere, "credentials", "ls", place)).out.splitlines()
    }
    second = await hub(nowhere, "credentials", "make", place, "--account", "Kanzlei2")
    assert "Kanzlei2/gateway.creds" in second.out
    assert (await hub(nowhere, "credentials", "rotate", place, "sys")).code == 0
    unknown = await hub(nowhere, "credentials", "rotate", place, "nobody")
    assert (unknown.code, unknown.err.count("\n")) == (78, 1)
    opened = await hub(nowhere, "credentials", "make", place, "--open")
    assert (opened.code, opened.err) == (2, "hub: --open lets in everybody, so it needs HUB_ENV=demo\n")
    assert (await hub(nowhere, "credentials", "make", place, "--open", HUB_ENV="demo")).code == 0
    (tmp_path / "file").write_text("")
    unusable = await hub(nowhere, "credentials", "make", str(tmp_path / "file"))
    assert (unusable.code, unusable.err.count("\n")) == (78, 1)


async def test_a_process_without_its_streams_ends_with_69(tmp_path: Path) -> None:
    """Kubernetes starts it again, until an operator has made them."""
    with guarded(tmp_path) as broker:
        environ = {
            "HUB_ENV": "demo",
            "NATS_URL": broker.url,
            "NATS_CREDS": broker.creds("gateway"),
            "GATEWAY_PORT": "0",
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway"),
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **environ, "GATEWAY_API_KEYS": "demo:key-of-a-test"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(20):
            _, err = await process.communicate()
    assert process.returncode == 69
    assert err.decode().splitlines()[-1] == (
        "gateway: cannot start: stream VMH: stream not found, and this user may not change that: "
        "run `hub topology ensure` as an operator"
    )


# The shipped configuration, and TLS


class Authority:
    """A CA of this test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a test")])
        self.path = folder / "ca.crt"
        made = self._certificate(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
        self.path.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def sign(self) -> None:
        """`tls.crt` and `tls.key` for a server on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nats")])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        made = self._certificate(name, key.public_key(), alternative)
        (self.folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (self.folder / "tls.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )


@contextlib.contextmanager
def shipped(directory: Path, config: str, *, tls: Authority | None = None) -> Iterator[Guarded]:
    """A server with the repository's own configuration; only its ports and folders are the test's."""
    etc = directory / "etc"
    shutil.copytree(_DEPLOY, etc)
    if tls is not None:
        shutil.copytree(tls.folder, etc / "tls")
    for file in etc.glob("*.conf"):
        text = file.read_text().replace("/etc/nats/", f"{etc}/").replace("http: 8222", "http: 127.0.0.1:-1")
        file.write_text(text.replace('"/data"', f'"{directory}/data"'))
    folder = etc / "auth"
    Folder(folder, now=int(time.time())).make("HUB")
    server = NatsServer(directory / "nats", jetstream=False, extra=("-c", str(etc / config)))
    server.start()
    try:
        yield Guarded(server, folder, directory / "nats" / "nats-server.log")
    finally:
        server.kill()


async def test_the_shipped_configuration_is_one_that_works(tmp_path: Path) -> None:
    """As `deploy/nats/README.md` says it: credentials, server, topology, a service."""
    with shipped(tmp_path, "nats.conf") as broker:
        made = await hub(broker.url, "topology", "ensure", NATS_CREDS=broker.creds(OPERATOR))
        assert made.code == 0, made.err
        async with start("gateway", broker.settings("gateway"), {}) as gateway:
            assert await gateway.health.problems() == {}
            limits = await gateway.bus.api("INFO")
            assert limits["streams"] == len(STREAMS) + 3
            assert gateway.bus.nc.max_payload == 1024 * 1024


async def test_a_private_ca_vouches_for_nats(tmp_path: Path) -> None:
    """NATS_CA and `tls://`: connected, and again after a restart; whom that CA has not signed is not believed."""
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    ours.sign()
    with shipped(tmp_path, "tls.conf", tls=ours) as broker:
        url = broker.url.replace("nats://", "tls://")
        right = NatsSettings(nats_url=url, nats_creds=broker.creds(OPERATOR), nats_ca=str(ours.path))
        async with connected(right, "hub") as bus:
            await bus.ensure_topology()
            broker.server.kill()
            await broker.server.astart()
            await until(lambda: _answers(bus))
        asked = {"NATS_CREDS": broker.creds(OPERATOR), "NATS_CA": str(ours.path)}
        assert (await hub(url, "topology", "check", **asked)).code == 0
        for ca in (str(others.path), None):
            began = time.monotonic()
            with pytest.raises(MissingPart, match="its certificate is not believed, see NATS_CA"):
                async with connected(NatsSettings(nats_url=url, nats_creds=right.nats_creds, nats_ca=ca), "hub"):
                    pass
            assert time.monotonic() - began < 4.5


async def _answers(bus: Bus) -> bool:
    with contextlib.suppress(Exception):
        return bool(await bus.api("INFO"))
    return False


async def test_tls_is_not_given_up(broker: Guarded, tmp_path: Path) -> None:
    """A URL that says `tls://` and a server that offers none: one sentence, before anything is said to it."""
    url = broker.url.replace("nats://", "tls://")
    with pytest.raises(MissingPart, match="does not speak TLS, which its URL asks for"):
        async with connected(NatsSettings(nats_url=url, nats_creds=broker.creds("gateway")), "gateway"):
            pass
    (tmp_path / "no-ca").write_text("nothing")
    for path, words in ((tmp_path / "no-ca", "holds no certificate"), (tmp_path / "gone", "is not a file")):
        with pytest.raises(MissingPart, match=f"NATS_CA names .*{words}"):
            async with connected(NatsSettings(nats_url=url, nats_ca=str(path)), "gateway"):
                pass
