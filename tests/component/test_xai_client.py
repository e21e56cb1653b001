"""The xAI client against the simulator, with what xAI leaves undocumented read both ways."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shared.clients.http import Tools
from shared.clients.spool import Content, Spool
from shared.clients.xai import Xai as Client
from shared.clients.xai import XaiSettings, safe_name
from shared.clock import SystemClock
from shared.outcomes.errors import NotFound, Rejected, Unauthorized, Unavailable
from shared.settings import Secret
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer
from simulators.faults import Fault
from simulators.harness import serve
from simulators.xai import Switches, Xai


@contextlib.asynccontextmanager
async def opened(vendor: Xai, *, key: str = "demo", management_key: str = "demo") -> AsyncIterator[Client]:
    async with serve(vendor) as url:
        settings = XaiSettings(
            xai_api_key=Secret(key),
            xai_management_key=Secret(management_key),
            xai_files_url=url,
            xai_management_url=url,
        )
        tools = Tools(clock=SystemClock(), tracer=Tracer(), metrics=Metrics("test", "0"))
        async with Client(settings, tools).open() as client:
            yield client


@pytest.fixture
def vendor() -> Xai:
    """Empty."""
    return Xai()


@pytest.fixture
async def client(vendor: Xai) -> AsyncIterator[Client]:
    """With the right keys."""
    async with opened(vendor) as ready:
        yield ready


def content(data: bytes = b"Klageschrift") -> Content:
    spool = Spool()
    spool.write(data)
    return spool.close()


def switch(vendor: Xai, **changes: Any) -> None:
    vendor.switches = msgspec.structs.replace(vendor.switches, **changes)


@pytest.mark.parametrize(
    "name",
    [
        "Klage.pdf",
        "Müller ./. Straße 5.pdf",
        'a"b;c=d\r\nX: y.pdf',
        "日本語 📎.pdf",
        "x" * 500,
        "",
        "..",
        "a;filename=b",
    ],
)
async def test_upload(vendor: Xai, client: Client, name: str) -> None:
    """Bytes and purpose arrive as they are, the name as safe_name has it."""
    file_id = await client.upload_file(name, content(b"\x00\xff bytes"), purpose="hub:CDokumente:d1:abc")
    [file] = vendor.live_files()
    assert (file.id, file.name, file.purpose) == (file_id, safe_name(name), "hub:CDokumente:d1:abc")
    assert vendor.content(file_id) == b"\x00\xff bytes"
    assert await client.file_exists(file_id)
    assert await client.sha256_of(file_id) == hashlib.sha256(b"\x00\xff bytes").hexdigest()


async def test_an_upload_is_never_repeated_by_itself(vendor: Xai, client: Client) -> None:
    """P2: a lost answer is the journal's business."""
    vendor.faults.add(Fault(kind="lost", method="POST"))
    with pytest.raises(Unavailable):
        await client.upload_file("a", content(), purpose="p")
    assert len(vendor.live_files()) == 1
    assert len(vendor.log.writes()) == 1


@pytest.mark.parametrize("token_on_last_page", [True, False])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200])
async def test_paging_of_files(vendor: Xai, client: Client, count: int, token_on_last_page: bool) -> None:
    """Exact multiples of the page too, whether or not the last page carries a token."""
    switch(vendor, token_on_last_page=token_on_last_page)
    vendor.seed({"files": [{"name": f"{number}.txt", "text": "x"} for number in range(count)]})
    found = await client.files_since(0)
    assert sorted(file.id for file in found) == sorted(file.id for file in vendor.live_files())
    assert len(vendor.log.rows()) <= count // 100 + 1


async def test_files_since_stops_looking(vendor: Xai, client: Client) -> None:
    """Older files are neither returned nor paged through."""
    vendor.seed({"files": [{"name": f"{number}.txt", "text": "x"} for number in range(250)]})
    vendor.advance(3600)
    new = await client.upload_file("neu", content(), purpose="p")
    [file] = [file for file in vendor.live_files() if file.id == new]
    vendor.log.clear()
    assert [found.id for found in await client.files_since(file.created_at)] == [new]
    assert len(vendor.log.rows()) == 1


@pytest.mark.parametrize("count", [100, 200])
async def test_paging_of_a_collections_documents(vendor: Xai, client: Client, count: int) -> None:
    """All of them, each once."""
    files = [{"name": f"{number}.txt", "text": "x"} for number in range(count)]
    made: Any = vendor.seed({"files": files, "collections": [{"name": "c", "files": [f["name"] for f in files]}]})
    [collection] = vendor.collections
    assert made
    assert sorted(await client.attached(collection)) == sorted(vendor.attachments()[collection])


async def test_attaching_and_detaching(vendor: Xai, client: Client) -> None:
    """There, there again, out, out again: each end is the wanted one."""
    collection = await client.create_collection("Account - Süd", "EspoCRM Account/o1")
    file = await client.upload_file("a", content(), purpose="p")
    assert await client.document(collection, file) is None
    for re_add in ("noop", "conflict"):
        switch(vendor, re_add=re_add)
        for _ in range(2):
            await client.attach(collection, file)
        assert vendor.attachments() == {collection: [file]}
    found = await client.document(collection, file)
    assert found is not None
    assert found.indexing == "done"
    for detach_missing in ("not_found", "ok"):
        switch(vendor, detach_missing=detach_missing)
        for _ in range(2):
            await client.detach(collection, file)
        assert vendor.attachments() == {collection: []}
    assert await client.file_exists(file)


async def test_what_is_not_there(vendor: Xai, client: Client) -> None:
    """Looking says no, deleting is content, adding says NotFound."""
    collection = await client.create_collection("c", "d")
    file = await client.upload_file("a", content(), purpose="p")
    assert not await client.file_exists("file_nix")
    assert not await client.collection_exists("collection_nix")
    assert await client.sha256_of("file_nix") is None
    await client.delete_collection("collection_nix")
    with pytest.raises(NotFound):
        await client.attach(collection, "file_nix")
    with pytest.raises(NotFound):
        await client.attach("collection_nix", file)
    assert await client.collection_exists(collection)
    await client.delete_collection(collection)
    assert not await client.collection_exists(collection)


async def test_a_file_too_new_to_be_seen(vendor: Xai, client: Client) -> None:
    """xAI's hosts do not agree at once: NotFound first, then it is there."""
    switch(vendor, visibility_lag_ms=1000)
    collection = await client.create_collection("c", "d")
    file = await client.upload_file("a", content(), purpose="p")
    with pytest.raises(NotFound):
        await client.attach(collection, file)
    vendor.advance(1.1)
    await client.attach(collection, file)


@pytest.mark.parametrize("identifier", ["../files/x", "a/b", "a?b=c", "a#b", "%2e%2e", "ä", " "])
async def test_an_odd_id_stays_in_its_place(vendor: Xai, client: Client, identifier: str) -> None:
    """An id from a record cannot become another path."""
    assert not await client.file_exists(identifier)
    assert not await client.collection_exists(identifier)
    paths = [row.path for row in vendor.log.rows()]
    assert all(path.startswith(("/v1/files/", "/v1/collections/")) for path in paths)
    assert len(paths) == 2


async def test_wrong_keys(vendor: Xai) -> None:
    """A wrong API key is 400 with part of it quoted, a wrong management key 401: both are Unauthorized."""
    key = "xai-geheim-12345678"
    async with opened(vendor, key=key) as client:
        with pytest.raises(Unauthorized) as refused:
            await client.files_since(0)
        assert key[:6] not in refused.value.reason + refused.value.detail
    async with opened(vendor, management_key="wrong") as client:
        with pytest.raises(Unauthorized):
            await client.collection_exists("c")


@pytest.mark.parametrize("shape", ["sentence", "nested", "number", "text"])
async def test_errors_of_every_shape(vendor: Xai, client: Client, shape: str) -> None:
    """The word comes from the status, whatever the body looks like."""
    switch(vendor, management_errors=shape)
    with pytest.raises(Rejected) as refused:
        await client.create_collection("", "")
    assert refused.value.status == 400


async def test_a_413_is_rejected_with_xais_words(vendor: Xai, client: Client) -> None:
    """What staff reads in EspoCRM."""
    switch(vendor, max_file_bytes=5)
    with pytest.raises(Rejected) as refused:
        await client.upload_file("a", content(), purpose="p")
    assert refused.value.status == 413
    assert refused.value.detail


def test_switches_are_the_ones_tested() -> None:
    """The defaults that these tests start from."""
    assert Switches().re_add == "noop"
