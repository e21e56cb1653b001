"""The EspoCRM client against the simulator."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from shared.clients.espocrm import Espocrm as Client
from shared.clients.espocrm import EspocrmSettings
from shared.clients.http import Tools
from shared.clock import SystemClock
from shared.outcomes.errors import Misconfigured, NotFound, RateLimited, Rejected, Unauthorized, Unavailable
from shared.settings import Secret
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracer
from simulators.espocrm import Espocrm
from simulators.faults import Fault
from simulators.harness import serve


def client_for(url: str, key: str = "demo") -> Client:
    return Client(
        EspocrmSettings(espocrm_api_base_url=f"{url}/api/v1/", espocrm_api_key=Secret(key)),
        Tools(clock=SystemClock(), tracer=Tracer(), metrics=Metrics("test", "0")),
    )


@pytest.fixture
def crm() -> Espocrm:
    """Empty."""
    return Espocrm(tick_s=None)


@pytest.fixture
async def url(crm: Espocrm) -> AsyncIterator[str]:
    """Where it is."""
    async with serve(crm) as root:
        yield root


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    """With the right key."""
    async with client_for(url).open() as opened:
        yield opened


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400])
async def test_paging_of_links(crm: Espocrm, client: Client, count: int) -> None:
    """Exact multiples of the page too: each record once, and no page more than it needs."""
    owner = str(crm.insert("Account", {"name": "Süd"})["id"])
    ids = {str(crm.insert("CDokumente", {"name": f"{number}"})["id"]) for number in range(count)}
    for document in ids:
        crm.relate("CDokumente", document, "accounts", owner)
    found = await client.linked("Account", owner, "dokumentes", select=["id"], most=1000)
    assert len(found) == count
    assert {row["id"] for row in found} == ids
    assert len(crm.log.rows()) == count // 200 + 1


async def test_more_than_wanted_is_refused(crm: Espocrm, client: Client) -> None:
    """P12: an owner with too many links is told, not loaded for ever."""
    owner = str(crm.insert("Account", {"name": "Süd"})["id"])
    for number in range(200):
        crm.relate("Account", owner, "dokumentes", str(crm.insert("CDokumente", {"name": f"{number}"})["id"]))
    with pytest.raises(Rejected, match="more than 199 linked"):
        await client.linked("Account", owner, "dokumentes", select=["id"], most=199)


async def test_get_update_and_gone(crm: Espocrm, client: Client) -> None:
    """Odd values come and go as they are; a deleted record is NotFound for reading and for writing."""
    odd = "Müller ./. \"Straße\" 5 \\ 'x' & 日本"
    document = str(crm.insert("CDokumente", {"name": odd})["id"])
    assert (await client.get("CDokumente", document))["name"] == odd
    after = await client.update("CDokumente", document, {"xaiCollections": ["c2", "c1"], "xaiSyncError": odd})
    assert (after["xaiCollections"], after["xaiSyncError"]) == (["c2", "c1"], odd)
    assert after["name"] == odd
    crm.remove("CDokumente", document)
    with pytest.raises(NotFound):
        await client.get("CDokumente", document)
    with pytest.raises(NotFound):
        await client.update("CDokumente", document, {"xaiSyncError": None})


async def test_search(crm: Espocrm, client: Client) -> None:
    """Filters keep their types, deleted records are never in it, a page is at most 200."""
    ids = [str(crm.insert("CDokumente", {"name": f"Ö{n}", "xaiSyncStatus": "unclean"})["id"]) for n in range(3)]
    crm.remove("CDokumente", ids[0])
    crm.insert("CDokumente", {"name": "andere", "xaiSyncStatus": "clean"})
    where = [{"type": "in", "attribute": "xaiSyncStatus", "value": ["unclean", "failed"]}]
    page = await client.search("CDokumente", select=["id", "name"], where=where, max_size=5000)
    assert {row["id"] for row in page.list} == set(ids[1:])
    assert {"id", "name"} <= set(page.list[0])
    assert "xaiSyncStatus" not in page.list[0]


async def test_a_validation_error_names_the_field_and_not_the_value(crm: Espocrm, client: Client) -> None:
    """P10: the reason goes into dead letters, what was written does not."""
    document = str(crm.insert("CDokumente", {"name": "x"})["id"])
    with pytest.raises(Rejected) as refused:
        await client.update("CDokumente", document, {"xaiSyncStatus": "Kanarienvogel"})
    assert refused.value.status == 400
    assert "field xaiSyncStatus of CDokumente" in refused.value.reason
    assert "Kanarienvogel" not in refused.value.reason


async def test_a_wrong_key_and_the_lock_out(url: str) -> None:
    """401 is Unauthorized; after too many EspoCRM shuts the address out with an empty 403, which is a pause."""
    async with client_for(url, "wrong").open() as stranger:
        for _ in range(11):
            with pytest.raises(Unauthorized):
                await stranger.get("CDokumente", "d1")
        with pytest.raises(RateLimited) as locked_out:
            await stranger.get("CDokumente", "d1")
        assert locked_out.value.after_s > 60


async def test_an_unknown_entity_type_is_a_wrong_setting(client: Client) -> None:
    """An entity type that EspoCRM does not have is a wrong setting, not a record that is gone: nothing is undone."""
    with pytest.raises(Misconfigured):
        await client.get("NoSuchEntity", "d1")


async def test_maintenance_is_unavailable(crm: Espocrm, client: Client) -> None:
    """P7: an upgrade of EspoCRM is waited for."""
    crm.maintenance = True
    with pytest.raises(Unavailable):
        await client.get("CDokumente", "d1")


@pytest.mark.parametrize("size", [0, 1, 300_000])
async def test_download(crm: Espocrm, client: Client, size: int) -> None:
    """Bytes and hashes are the attachment's."""
    content = bytes(number % 251 for number in range(size))
    attachment = crm.attach("Klage Größe.pdf", "application/pdf", content)
    got = await client.download(attachment, max_bytes=size)
    with got.body as body:
        assert body.read() == content
    assert (got.size_bytes, got.sha256) == (size, hashlib.sha256(content).hexdigest())


async def test_a_file_that_is_too_large_is_not_fetched(crm: Espocrm, client: Client) -> None:
    """413 as the vendors mean it, with both sizes."""
    attachment = crm.attach("a", "text/plain", b"x" * (3 * 1024 * 1024))
    with pytest.raises(Rejected, match="3 MB, allowed are 1 MB") as refused:
        await client.download(attachment, max_bytes=1024 * 1024)
    assert refused.value.status == 413


async def test_half_a_download_is_unavailable(crm: Espocrm, client: Client) -> None:
    """A cut file must never be taken for the whole."""
    attachment = crm.attach("a", "text/plain", b"x" * 500_000)
    crm.faults.add(Fault(kind="cut_answer"))
    with pytest.raises(Unavailable):
        await client.download(attachment, max_bytes=10**6)
    with pytest.raises(NotFound):
        await client.download("nix", max_bytes=1)


async def test_an_update_is_repeated_when_its_answer_is_lost(crm: Espocrm, client: Client) -> None:
    """The same values again are no change."""
    document = str(crm.insert("CDokumente", {"name": "x"})["id"])
    crm.faults.add(Fault(kind="lost", method="PUT"))
    assert (await client.update("CDokumente", document, {"xaiSyncError": "y"}))["xaiSyncError"] == "y"
    assert [row.method for row in crm.log.rows()] == ["PUT", "PUT"]
