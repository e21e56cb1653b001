"""The Advoware client against the simulator: every call, what Advoware ignores and refuses, and what its words mean."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec
import pytest
from aiohttp import web

from shared.clients.advoware import API
from shared.clients.advoware import Advoware as Client
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.redis_cache import RedisSettings
from shared.outcomes.errors import (
    Halt,
    HubError,
    Misconfigured,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from shared.runtime.service import serve as serve_app
from shared.settings import Secret
from simulators.advoware import Advoware
from simulators.faults import Fault
from simulators.harness import serve
from tests.support.advoware import advoware_settings
from tests.support.advoware_process import Process

NO_REDIS = RedisSettings(redis_host="127.0.0.1", redis_port=9)
"""Nobody listens there: all of this holds without Redis."""
TOKEN = "/api/v1/Token"
URL = "/AdvonetConfigurator/api/Url"
DATA = f"{API}.*"
DAY = date(2026, 3, 2)
TERMIN: dict[str, Any] = {
    "text": "Besprechung",
    "datum": "2026-03-02",
    "uhrzeitVon": "10:00",
    "uhrzeitBis": "11:00",
    "anwalt": "SB",
}


class Line(NamedTuple):
    """A client, the vendor at the other end, and what the client's process has."""

    vendor: Advoware
    client: Client
    process: Process
    url: str

    def asked(self, path: str = "") -> list[str]:
        """`METHOD path` of what the vendor heard, of one path or all."""
        return [f"{row.method} {row.path}" for row in self.vendor.log.rows() if path in row.path]

    def data(self) -> list[str]:
        return self.asked(API)


@contextlib.asynccontextmanager
async def opened(vendor: Advoware, **changes: Any) -> AsyncIterator[Line]:
    """`changes` are made to the settings; those of an account to its credentials."""
    process = Process(NO_REDIS)
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(vendor))
        settings = changed(advoware_settings(url, timeout_s=2.0), url, changes)
        yield Line(vendor, await stack.enter_async_context(process.client(settings)), process, url)


def changed(settings: AdvowareSettings, url: str, changes: Mapping[str, Any]) -> AdvowareSettings:
    said = {name: value.format(url) if isinstance(value, str) else value for name, value in changes.items()}
    account = {name: said.pop(name) for name in list(said) if name in settings.credentials.__struct_fields__}
    credentials = msgspec.structs.replace(settings.credentials, **account)
    return msgspec.structs.replace(settings, credentials=credentials, **said)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """With the right credentials."""
    async with opened(Advoware()) as ready:
        yield ready


def switch(vendor: Advoware, **changes: Any) -> None:
    vendor.switches = msgspec.structs.replace(vendor.switches, **changes)


# Beteiligte and what hangs on them


async def test_a_party_comes_and_goes_as_it_is(line: Line) -> None:
    """Created, read and changed whole; what PUT does not store stays, without a word; a deleted one is NotFound."""
    made = await line.client.create_beteiligter({"name": 'Müßig & Söhne "X"', "vorname": "Jörg", "art": "M"})
    bet_nr = made["betNr"]
    before = await line.client.beteiligter(bet_nr)
    assert before == {**made, "kommunikation": []}
    assert (before["name"], before["art"]) == ('Müßig & Söhne "X"', "M")
    await line.client.update_beteiligter(bet_nr, {**before, "vorname": "Ömer", "art": "G", "unbekannt": 1})
    after = await line.client.beteiligter(bet_nr)
    assert (after["vorname"], after["art"], after["name"]) == ("Ömer", "M", before["name"])
    assert after["rowId"] != before["rowId"]
    assert "unbekannt" not in after
    line.vendor.staff.remove_beteiligter(bet_nr)
    with pytest.raises(NotFound):
        await line.client.beteiligter(bet_nr)
    with pytest.raises(NotFound):
        await line.client.update_beteiligter(bet_nr, after)


@pytest.mark.parametrize("shown", ["stored", "zero", "null"])
async def test_kommunikationen(line: Line, shown: str) -> None:
    """Read with the party; `kommKz` stays as it was created, whatever a PUT says of it and a GET shows of it."""
    switch(line.vendor, komm_kz_shown=shown)
    bet_nr = (await line.client.create_beteiligter({"name": "A"}))["betNr"]
    made = await line.client.create_kommunikation(
        bet_nr, {"tlf": "+49 511 1", "bemerkung": "früh", "kommKz": 1, "online": True}
    )
    assert (made["tlf"], made["bemerkung"], made["kommKz"], made["online"]) == ("+49 511 1", "früh", 1, True)
    change = {"tlf": "+49 511 2", "bemerkung": "spät", "kommKz": 4, "online": False}
    await line.client.update_kommunikation(bet_nr, made["id"], change)
    [read] = (await line.client.beteiligter(bet_nr))["kommunikation"]
    assert (read["id"], read["tlf"], read["bemerkung"], read["online"]) == (made["id"], "+49 511 2", "spät", False)
    assert read["kommKz"] == {"stored": 1, "zero": 0, "null": None}[shown]
    assert read["rowId"] != made["rowId"]


async def test_adressen(line: Line) -> None:
    """All fields count at the creation, four of them afterwards."""
    bet_nr = (await line.client.create_beteiligter({"name": "A"}))["betNr"]
    assert await line.client.adressen(bet_nr) == []
    made = await line.client.create_adresse(
        bet_nr, {"strasse": "Weg 1", "ort": "Übersee", "land": "D", "bemerkung": "id-1"}
    )
    change = {
        "strasse": "Weg 2",
        "plz": "00000",
        "ort": "Ort",
        "anschrift": "A\nWeg 2",
        "land": "A",
        "bemerkung": "id-2",
    }
    await line.client.update_adresse(bet_nr, made["id"], change)
    [read] = await line.client.adressen(bet_nr)
    assert (read["strasse"], read["plz"], read["ort"], read["anschrift"]) == ("Weg 2", "00000", "Ort", "A\nWeg 2")
    assert (read["land"], read["bemerkung"], read["id"]) == ("D", "id-1", made["id"])


async def test_bankverbindungen(line: Line) -> None:
    """Created and listed; there is no more to them."""
    bet_nr = (await line.client.create_beteiligter({"name": "A"}))["betNr"]
    made = await line.client.create_bankverbindung(bet_nr, {"iban": "DE02120300000000202051", "bank": "Müsterbank"})
    assert await line.client.bankverbindungen(bet_nr) == [made]
    assert made["bank"] == "Müsterbank"


async def test_what_advoware_never_deletes_has_no_delete(line: Line) -> None:
    """Advoware answers 403 or 405, so only appointments can be deleted here."""
    assert [name for name in dir(Client) if "delete" in name or "remove" in name] == ["delete_termin"]
    bet_nr = line.vendor.staff.add_beteiligter(name="A")
    parts = {
        f"Kommunikationen/{line.vendor.staff.add_kommunikation(bet_nr, kommKz=1)}": 403,
        f"Adressen/{line.vendor.staff.add_adresse(bet_nr)}": 403,
        f"Bankverbindungen/{line.vendor.staff.add_bankverbindung(bet_nr)}": 405,
    }
    before = line.vendor.beteiligter(bet_nr)
    for part, status in parts.items():
        with pytest.raises(Rejected) as refused:
            await raw(line, "DELETE", f"{API}Beteiligte/{bet_nr}/{part}")
        assert refused.value.status == status
    assert line.vendor.beteiligter(bet_nr) == before


@pytest.mark.parametrize("put_answers", ["record", "nothing"])
async def test_a_put_counts_whatever_it_answers(line: Line, put_answers: str) -> None:
    """With the record or with an empty body: the write was done, and is sent once."""
    switch(line.vendor, put_answers=put_answers)
    staff = line.vendor.staff
    bet_nr, fr_nr = staff.add_beteiligter(name="A"), staff.add_termin(**TERMIN)
    adresse, number = staff.add_adresse(bet_nr), staff.add_kommunikation(bet_nr, kommKz=1)
    await line.client.update_beteiligter(bet_nr, {"name": "B"})
    await line.client.update_adresse(bet_nr, adresse, {"ort": "B"})
    await line.client.update_kommunikation(bet_nr, number, {"tlf": "B"})
    await line.client.update_termin(fr_nr, {**TERMIN, "text": "B"})
    party: Any = line.vendor.beteiligter(bet_nr)
    assert (party["name"], party["adressen"][0]["ort"], party["kommunikation"][0]["tlf"]) == ("B", "B", "B")
    assert line.vendor.termin(fr_nr)["text"] == "B"
    assert len(line.data()) == 4


# Termine and employees


@pytest.mark.parametrize("created", ["number", "object"])
@pytest.mark.parametrize("single", ["object", "list"])
async def test_termine(line: Line, created: str, single: str) -> None:
    """Created, found by number and by days, replaced as a whole, deleted; each likely form of the answers is read."""
    switch(line.vendor, termin_created=created, termin_single=single)
    fr_nr = await line.client.create_termin({**TERMIN, "notiz": "eins\nzwei", "ort": "Büro"})
    assert fr_nr == line.vendor.termine()[0]["frNr"]
    read = await line.client.termin(fr_nr)
    assert read is not None
    assert (read["text"], read["notiz"], read["ort"]) == ("Besprechung", "eins\r\nzwei", "Büro")
    assert [row["frNr"] for row in await line.client.termine("sb", DAY, DAY)] == [fr_nr]
    assert await line.client.termine("PM", DAY, DAY) == []
    assert await line.client.termine("SB", date(2026, 3, 3), date(2026, 3, 4)) == []
    await line.client.update_termin(fr_nr, {**TERMIN, "text": "Neu"})
    read = await line.client.termin(fr_nr)
    assert read is not None
    assert (read["text"], read["ort"], read["frNr"]) == ("Neu", "", fr_nr)
    await line.client.delete_termin(fr_nr)
    assert line.vendor.termine() == []
    assert await line.client.termin(fr_nr) is None
    with pytest.raises(NotFound):
        await line.client.delete_termin(fr_nr)


async def test_a_virtual_termin_is_seen_and_left_alone(line: Line) -> None:
    """Its number is negative; Advoware refuses to change it with 403."""
    fr_nr = line.vendor.staff.add_termin(special=2, **TERMIN)
    assert [row["frNr"] for row in await line.client.termine("SB", DAY, DAY)] == [fr_nr]
    assert fr_nr < 0
    for call in (line.client.update_termin(fr_nr, TERMIN), line.client.delete_termin(fr_nr)):
        with pytest.raises(Rejected) as refused:
            await call
        assert refused.value.status == 403


async def test_mitarbeiter() -> None:
    """All of them, at the path of the setting; another path than Advoware has is NotFound."""
    vendor = Advoware()
    vendor.staff.add_mitarbeiter("SB", name="Süd")
    vendor.staff.add_mitarbeiter("PM")
    async with opened(vendor) as line:
        assert [row["kuerzel"] for row in await line.client.mitarbeiter()] == ["PM", "SB"]
    async with opened(vendor, advoware_employees_path="Angestellte") as line:
        with pytest.raises(NotFound):
            await line.client.mitarbeiter()
    assert line.data() == [f"GET {API}Mitarbeiter", f"GET {API}Angestellte"]


# Raw calls


async def raw(line: Line, method: str, path: str, **more: Any) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    answer = await line.client.raw(
        method, path, params=more.get("params", ()), json=more.get("json"), timeout_s=more.get("timeout_s", 5.0)
    )
    with answer.body as body:
        told = body.read()
    assert len(told) == answer.size_bytes
    return answer.status, answer.content_type, told


async def test_a_raw_call_is_answered_as_it_came(line: Line) -> None:
    """Status, type and bytes; parameters keep their order and may stand twice; a body goes out as JSON."""
    akte = line.vendor.staff.add_akte(aktenzeichen="1/26 Ä")
    status, kind, body = await raw(line, "GET", "/api/v1/Akten", params=[("Search", "ä"), ("a", "1"), ("a", "2 ü")])
    assert (status, kind) == (200, "application/json")
    assert [row["id"] for row in msgspec.json.decode(body)] == [akte]
    assert line.vendor.log.rows()[-1].query == "Search=ä&a=1&a=2 ü"
    status, _, body = await raw(line, "POST", f"{API}Akten/{akte}/History", json={"text": "ü"})
    assert msgspec.json.decode(body)["text"] == "ü"


@pytest.mark.parametrize("size", [0, 1, 512 * 1024, 512 * 1024 + 1, 3 * 1024 * 1024])
async def test_a_raw_answer_of_any_size(line: Line, size: int) -> None:
    """P12: a large one lies on the disk, each has the vendor's bytes."""
    number = line.vendor.staff.add_dokument(size)
    answer = await line.client.raw("GET", f"{API}Dokumente/{number}", params=(), json=None, timeout_s=5)
    on_disk: bool = getattr(answer.body, "_rolled")  # noqa: B009 - tempfile's own name
    assert on_disk == (size > 512 * 1024)
    with answer.body as body:
        assert len(body.read()) == answer.size_bytes == size


async def test_a_raw_answer_that_is_too_large_is_given_up(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: nothing of it is kept, and a success that cannot be carried is no refusal."""
    monkeypatch.setattr("shared.clients.http.ANSWER_MAX_BYTES", 700_000)
    number = line.vendor.staff.add_dokument(2_000_000)
    with pytest.raises(Unavailable, match="larger than"):
        await raw(line, "GET", f"{API}Dokumente/{number}")


async def test_a_raw_answer_that_is_cut_leaves_nothing_behind(line: Line) -> None:
    """Half an answer is none, and its file on the disk is closed at once, not when somebody collects the garbage."""
    seen: list[bytes] = []

    async def half(request: web.Request) -> web.StreamResponse:
        cut = web.StreamResponse(headers={"Content-Length": "2000000"})
        await cut.prepare(request)
        await cut.write(b"x" * 1_500_000)
        seen.append(b"half")
        assert request.transport is not None
        request.transport.close()
        return cut

    async with answering(half) as other:
        with pytest.raises(Unavailable, match="no answer"):
            await raw(other, "GET", f"{API}Dokumente/1")
    gc.collect()  # an open file would speak up here, as an error
    assert seen


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_a_raw_call_is_sent_once(line: Line, method: str) -> None:
    """P2: whoever asked decides whether to ask again."""
    await line.client.mitarbeiter()  # not on a kept connection: aiohttp would ask twice on one that was closed
    line.vendor.faults.add(Fault(kind="error", status=503, path=DATA, times=None))
    with pytest.raises(Unavailable):
        await raw(line, method, f"{API}Termine", json={} if method in ("PUT", "POST") else None)
    assert len(line.data()) == 2


async def test_a_raw_call_is_sent_once_more_after_a_401(line: Line) -> None:
    """The token had ended before the work, so nothing was done."""
    await line.client.mitarbeiter()
    line.vendor.expire_tokens()
    status, _, body = await raw(line, "POST", f"{API}Beteiligte", json={"name": "A"})
    assert status == 200
    assert [row["betNr"] for row in line.vendor.beteiligte()] == [msgspec.json.decode(body)["betNr"]]


async def test_a_raw_call_has_its_own_patience(line: Line) -> None:
    """The caller's time-out counts, not the setting's."""
    await line.client.mitarbeiter()
    line.vendor.faults.add(Fault(kind="late", delay_s=1.0, path=DATA))
    with pytest.raises(Unavailable, match="TimeoutError"):
        await raw(line, "GET", f"{API}Mitarbeiter", timeout_s=0.1)


# Where Advoware is


@pytest.mark.parametrize("connector", ["null", "missing", "own"])
async def test_discovery(connector: str) -> None:
    """The firm's connector must be used where it has one, else the relay; asked once for many calls."""
    vendor = Advoware()
    switch(vendor, connector=connector)
    async with opened(vendor) as line:
        for _ in range(5):
            await line.client.mitarbeiter()
    prefix = "/connector" if connector == "own" else ""
    assert line.asked() == [f"GET {URL}", f"POST {TOKEN}", *[f"GET {prefix}{API}Mitarbeiter"] * 5]


async def test_a_storm_on_a_cold_start_asks_for_the_way_once() -> None:
    """P4: two hundred calls at once are one discovery and one token."""
    async with opened(Advoware()) as line:
        await asyncio.gather(*(line.client.mitarbeiter() for _ in range(200)))
    assert (len(line.asked(URL)), len(line.asked(TOKEN)), len(line.data())) == (1, 1, 200)


async def test_a_fixed_address_needs_no_discovery() -> None:
    """With both addresses set the configurator is never asked; slashes at their ends do no harm."""
    async with opened(Advoware(), advoware_api_base_url="{}/", advoware_auth_url="{}/") as line:
        await line.client.mitarbeiter()
    assert line.asked() == [f"POST {TOKEN}", f"GET {API}Mitarbeiter"]


async def test_a_gateway_of_the_settings_goes_before_the_named_one() -> None:
    """ADVOWARE_AUTH_URL wins over what discovery names."""
    async with serve(Advoware()) as elsewhere, opened(Advoware(), advoware_auth_url=elsewhere) as line:
        with pytest.raises(Unauthorized):  # the other's tokens are not this one's
            await line.client.mitarbeiter()
    assert line.asked(TOKEN) == []


async def test_the_way_is_asked_for_once_an_hour_and_an_old_one_is_better_than_none(line: Line) -> None:
    """P7: the configurator may be away for as long as it likes, once it has answered."""
    await line.client.mitarbeiter()
    line.process.clock.ahead_s += 3599
    line.vendor.advance(3599)
    await line.client.mitarbeiter()
    assert len(line.asked(URL)) == 1
    line.process.clock.ahead_s += 2
    for fault in (Fault(kind="error", status=500, path=URL), Fault(kind="error", status=404, path=URL)):
        line.vendor.faults.add(fault)
        await line.client.mitarbeiter()
        await line.client.mitarbeiter()
        line.process.clock.ahead_s += 3601
        line.vendor.advance(3601)
    await line.client.mitarbeiter()
    assert len(line.asked(URL)) == 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"relayUrl": "http://127.0.0.1:9/"}, "securityGateway is not a URL"),
        ({"relayUrl": None, "securityGateway": "http://127.0.0.1:9/"}, "relayUrl is not a URL"),
        ([], "no JSON object"),
    ],
)
async def test_a_configurator_that_talks_nonsense(answer: object, said: str) -> None:
    """Unavailable, with what was wrong and without what it said."""

    async def nonsense(_request: web.Request) -> web.Response:
        return web.json_response(answer)

    async with answering(nonsense, discovery=nonsense) as line:
        with pytest.raises(Unavailable, match=f"advoware discover: .*{said}"):
            await line.client.mitarbeiter()


# What its words mean

SHAPES = ["message", "problem", "text"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"advoware_password": Secret("falsch")}, Unauthorized),
        ({"advoware_user": "XX"}, Unauthorized),
        ({"advoware_app_id": "other"}, Unauthorized),
        ({"advoware_api_key": Secret("ZmFsc2No")}, Unauthorized),
        ({"advoware_product_id": 65}, Unauthorized),
        ({"advoware_role": 3}, Unauthorized),
        ({"advoware_kanzlei": "other"}, Halt),
        ({"advoware_database": "OTHER"}, RateLimited),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_wrong_credentials(wrong: dict[str, Any], word: type[HubError], shape: str) -> None:
    """P7: a wrong setting stops the consumer, whichever it is: no event is to blame. One database may come online."""
    vendor = Advoware()
    switch(vendor, error_shape=shape)
    async with opened(vendor, **wrong) as line:
        with pytest.raises(word) as refused:
            await line.client.beteiligter(1)
    assert line.data() == []
    assert refused.value.reason.startswith("advoware ")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_a_refused_token_is_nobodys_event(line: Line, status: int) -> None:
    """P7: whatever status the gateway refuses with, in whatever words: above all a 404 is no deleted party."""
    line.vendor.faults.add(Fault(kind="error", status=status, path=TOKEN, times=None))
    with pytest.raises(Unauthorized) as refused:
        await line.client.beteiligter(1)
    assert str(status) in refused.value.reason


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_a_refused_discovery_is_nobodys_event(line: Line, status: int) -> None:
    """P7: an address or a Kanzlei that the configurator does not know is a wrong setting, and no deleted party."""
    line.vendor.faults.add(Fault(kind="error", status=status, path=URL, times=None))
    with pytest.raises(Misconfigured) as refused:
        await line.client.beteiligter(1)
    assert str(status) in refused.value.reason


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [None, 400, 401, 403, 500, 503])
async def test_a_wrong_password_is_known_by_its_words(shape: str, status: int | None) -> None:
    """Advoware's words say more than its status, whose values nobody has published."""
    vendor = Advoware()
    switch(vendor, error_shape=shape, token_refusal_status=status)
    async with opened(vendor, advoware_password=Secret("falsch")) as line:
        with pytest.raises(Unauthorized):
            await line.client.mitarbeiter()


async def test_a_firm_without_the_licence(line: Line) -> None:
    """`freigeschaltet` is an operator's business, at any status."""
    switch(line.vendor, licensed=False)
    with pytest.raises(Unauthorized, match="licence"):
        await line.client.mitarbeiter()


async def test_a_database_that_is_not_online_is_waited_for(line: Line) -> None:
    """P7: seventy seconds, as the vendor's own client does; nobody asks before, then all goes on."""
    await line.client.mitarbeiter()
    line.vendor.database_online = False
    with pytest.raises(RateLimited) as told:
        await line.client.mitarbeiter()
    assert told.value.after_s == 70
    line.vendor.database_online = True
    heard = len(line.asked())
    with pytest.raises(RateLimited):
        await line.client.mitarbeiter()
    assert len(line.asked()) == heard
    line.process.clock.ahead_s += 71
    await line.client.mitarbeiter()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, Rejected),
        (403, Rejected),
        (404, NotFound),
        (405, Rejected),
        (409, Rejected),
        (413, Rejected),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_what_a_status_means(line: Line, status: int, word: type[HubError], shape: str) -> None:
    """403 and 409 refuse this one request; the reason has the call and the status, the detail the vendor's words."""
    switch(line.vendor, error_shape=shape)
    line.vendor.faults.add(Fault(kind="error", status=status, path=DATA, times=None))
    with pytest.raises(HubError) as failed:
        await line.client.create_beteiligter({"name": "Kanarienvogel"})
    assert type(failed.value).__mro__[:2].count(word) == 1
    assert failed.value.reason == f"advoware create Beteiligter: {status}"
    assert isinstance(failed.value, Rejected) is (word in (Rejected, NotFound))
    if isinstance(failed.value, Rejected):
        assert failed.value.status == status


async def test_a_record_that_was_changed_in_between(line: Line) -> None:
    """409 is Rejected with its status, so that a caller can read again."""
    switch(line.vendor, check_row_id=True)
    made = await line.client.create_beteiligter({"name": "A"})
    line.vendor.staff.change_beteiligter(made["betNr"], name="B")
    with pytest.raises(Rejected) as refused:
        await line.client.update_beteiligter(made["betNr"], made)
    assert refused.value.status == 409
    assert refused.value.detail


# Answers that cannot be read


@contextlib.asynccontextmanager
async def answering(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    *,
    discovery: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None,
) -> AsyncIterator[Line]:
    """A vendor that gives out tokens and answers all else as it is told: for what the simulator does not do."""

    async def url(request: web.Request) -> web.Response:
        root = f"http://{request.host}/"
        return web.json_response({"relayUrl": root, "securityGateway": root})

    async def token(_request: web.Request) -> web.Response:
        return web.json_response({"access_token": "t", "expires_in": 3600})

    app = web.Application()
    app.router.add_get(URL, discovery or url)
    app.router.add_post(TOKEN, token)
    app.router.add_route("*", "/{path:.*}", handler)
    process = Process(NO_REDIS)
    async with serve_app(app, "127.0.0.1", 0) as port:
        root = f"http://127.0.0.1:{port}"
        async with process.client(advoware_settings(root)) as client:
            yield Line(Advoware(), client, process, root)


Call = Callable[[Client], Awaitable[object]]
READS: dict[str, Call] = {
    "beteiligter": lambda client: client.beteiligter(1),
    "create_beteiligter": lambda client: client.create_beteiligter({"name": "A"}),
    "create_kommunikation": lambda client: client.create_kommunikation(1, {}),
    "create_adresse": lambda client: client.create_adresse(1, {}),
    "create_bankverbindung": lambda client: client.create_bankverbindung(1, {}),
    "adressen": lambda client: client.adressen(1),
    "bankverbindungen": lambda client: client.bankverbindungen(1),
    "termine": lambda client: client.termine("SB", DAY, DAY),
    "termin": lambda client: client.termin(1),
    "create_termin": lambda client: client.create_termin({}),
    "mitarbeiter": lambda client: client.mitarbeiter(),
}
WRITES: dict[str, Call] = {
    "update_beteiligter": lambda client: client.update_beteiligter(1, {}),
    "update_kommunikation": lambda client: client.update_kommunikation(1, 1, {}),
    "update_adresse": lambda client: client.update_adresse(1, 1, {}),
    "update_termin": lambda client: client.update_termin(1, {}),
    "delete_termin": lambda client: client.delete_termin(1),
}
GARBAGE = [b"<html>gewartet</html>", b'{"a": 1', b"\xff", b'"text"', b"[1]", b"true", b"[" * 5_000]


@pytest.mark.parametrize("name", READS)
async def test_an_answer_that_cannot_be_read_is_unavailable(name: str) -> None:
    """P2: a success whose body is not what was asked for says nothing about whether the work was done."""
    bodies = [*GARBAGE, *([] if name == "termin" else [b""])]
    left = list(bodies)

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=left.pop(0))

    async with answering(handler) as line:
        for _ in bodies:
            with pytest.raises(Unavailable) as failed:
                await READS[name](line.client)
            assert "gewartet" not in failed.value.reason + failed.value.detail
            assert failed.value.reason.startswith("advoware ")
    assert left == []


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_that_was_heard_is_done(name: str) -> None:
    """Who needs nothing from an answer does not fail over it."""
    left = [*GARBAGE, b""]

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=left.pop(0))

    async with answering(handler) as line:
        for _ in range(len(left)):
            await WRITES[name](line.client)


async def test_one_of_many_is_found(line: Line) -> None:
    """Advoware lists everything for a parameter it does not know: the right one is picked, or none."""
    rows = [{"frNr": number, "text": str(number)} for number in (1, 2, 3)]

    async def handler(_request: web.Request) -> web.Response:
        return web.json_response(rows)

    async with answering(handler) as other:
        assert await other.client.termin(2) == rows[1]
        assert await other.client.termin(4) is None


# What is repeated

LOSSES = ["lost", "cut_answer", "cut_request"]
POSTS = {name: call for name, call in READS.items() if name.startswith("create_")}


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("name", POSTS)
async def test_a_post_is_never_repeated(name: str, kind: Any) -> None:
    """P2: after a lost answer nobody knows whether it was heard; finding out is the journal's business."""
    vendor = Advoware()
    vendor.staff.add_beteiligter(name="A")
    async with opened(vendor) as line:
        await line.client.mitarbeiter()
        vendor.faults.add(Fault(kind=kind, method="POST", path=DATA, times=None))
        with pytest.raises(Unavailable):
            await POSTS[name](line.client)
        assert len([row for row in vendor.log.writes() if row.path != TOKEN]) == 1


@pytest.mark.parametrize("kind", LOSSES)
async def test_reads_puts_and_deletes_are_repeated(line: Line, kind: Any) -> None:
    """The same again is no change; that a repeated delete finds nothing is NotFound, as for whoever comes late."""
    fr_nr, bet_nr = line.vendor.staff.add_termin(**TERMIN), line.vendor.staff.add_beteiligter(name="A")
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: line.client.beteiligter(bet_nr),
        lambda: line.client.update_beteiligter(bet_nr, {"name": "B"}),
        lambda: line.client.update_termin(fr_nr, {**TERMIN, "text": "B"}),
        lambda: line.client.delete_termin(fr_nr),
    ]
    for call in calls:
        line.vendor.faults.add(Fault(kind=kind, path=DATA))
        with contextlib.suppress(NotFound):
            await call()
        assert line.vendor.faults.rules() == []
    assert line.vendor.beteiligter(bet_nr)["name"] == "B"
    assert line.vendor.termine() == []


async def test_a_token_request_that_got_no_answer_is_unavailable(line: Line) -> None:
    """P7: it is not repeated within the call, and the next one asks with a new nonce."""
    line.vendor.faults.add(Fault(kind="lost", path=TOKEN))
    with pytest.raises(Unavailable):
        await line.client.mitarbeiter()
    await line.client.mitarbeiter()
    assert line.vendor.token_requests() == 2


# Tokens that do not help


async def test_a_wrong_password_is_tried_once_a_minute() -> None:
    """Accounts get locked by more: a hundred calls at once and a hundred after them make one request."""
    vendor = Advoware()
    async with opened(vendor, advoware_password=Secret("falsch")) as line:
        for _ in range(2):
            told = await asyncio.gather(*(line.client.mitarbeiter() for _ in range(100)), return_exceptions=True)
            assert {type(one) for one in told} == {Unauthorized}
        assert vendor.token_requests() == 1
        line.process.clock.ahead_s += 59
        with pytest.raises(Unauthorized):
            await line.client.mitarbeiter()
        assert vendor.token_requests() == 1
        line.process.clock.ahead_s += 2
        with pytest.raises(Unauthorized):
            await line.client.mitarbeiter()
        assert vendor.token_requests() == 2


async def test_a_password_that_is_right_again(line: Line) -> None:
    """P7: the consumer resumes by itself when the minute is over."""
    line.vendor.faults.add(Fault(kind="error", status=401, path=TOKEN))
    with pytest.raises(Unauthorized):
        await line.client.mitarbeiter()
    line.process.clock.ahead_s += 61
    await line.client.mitarbeiter()


async def test_a_gateway_that_is_away_is_asked_once_by_those_who_wait() -> None:
    """P7: a hundred calls at once fail together, not one after the other with a time-out each."""
    vendor = Advoware()
    async with opened(vendor, advoware_api_base_url="{}", advoware_auth_url="{}") as line:
        vendor.faults.add(Fault(kind="error", status=503, path=TOKEN, times=None))
        told = await asyncio.gather(*(line.client.mitarbeiter() for _ in range(100)), return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in told)
        assert len(line.asked(TOKEN)) == 1
        vendor.faults.clear()
        await line.client.mitarbeiter()


async def test_a_configurator_that_is_away_is_asked_once_by_those_who_wait() -> None:
    """P7: as for the gateway; three tries, as for any GET."""
    vendor = Advoware()
    async with opened(vendor) as line:
        vendor.faults.add(Fault(kind="error", status=503, path=URL, times=None))
        told = await asyncio.gather(*(line.client.mitarbeiter() for _ in range(100)), return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in told)
        assert len(line.asked(URL)) == 3
        vendor.faults.clear()
        await line.client.mitarbeiter()


async def test_a_fresh_token_that_does_not_help(line: Line) -> None:
    """P7: Unauthorized, and no third token is asked for within ten seconds, however many calls there are."""
    line.vendor.faults.add(Fault(kind="expired", path=DATA, times=None))
    told = await asyncio.gather(*(line.client.mitarbeiter() for _ in range(50)), return_exceptions=True)
    assert {type(one) for one in told} == {Unauthorized}
    asked = line.vendor.token_requests()
    assert asked <= 3
    for _ in range(10):
        with pytest.raises(Unauthorized):
            await line.client.mitarbeiter()
    assert line.vendor.token_requests() == asked
    line.vendor.faults.clear()
    await line.client.mitarbeiter()
    assert line.vendor.token_requests() == asked


async def test_a_refusal_is_not_forgotten_for_a_useless_token(line: Line) -> None:
    """A password that was just refused is not tried again after ten seconds, though a token proves useless too."""
    await line.client.mitarbeiter()
    tokens = line.client._session._tokens
    line.vendor.expire_tokens()
    line.vendor.faults.add(Fault(kind="error", status=401, path=TOKEN, times=None))
    with pytest.raises(Unauthorized):
        await line.client.mitarbeiter()
    tokens.useless()
    line.process.clock.ahead_s += 11
    with pytest.raises(Unauthorized):
        await line.client.mitarbeiter()
    assert len(line.asked(TOKEN)) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "no access_token"),
        (b"<html>", "no JSON object"),
        (b'{"access_token": "t", "expires_in": 60}', "expires too soon"),
        (b'{"access_token": "t", "expiration_utc": "0001-01-01T00:00:00"}', "expires too soon"),
    ],
)
async def test_a_token_answer_that_cannot_be_used(body: bytes, said: str) -> None:
    """P7: Unavailable, so it is tried again; never a crash."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    async def url(request: web.Request) -> web.Response:
        root = f"http://{request.host}/elsewhere/"
        return web.json_response({"relayUrl": root, "securityGateway": root})

    async with answering(handler, discovery=url) as line:
        with pytest.raises(Unavailable, match=said):
            await line.client.mitarbeiter()


@pytest.mark.parametrize("form", ["expiration_utc", "expires_in", "none"])
async def test_each_way_to_tell_an_expiry(line: Line, form: str) -> None:
    """The token is used until two minutes before its end, and then replaced without a refused call."""
    switch(line.vendor, expiry_form=form, token_lifetime_s=3300.0)
    for ahead_s, requests in ((0, 1), (53 * 60 - 5, 1), (53 * 60 + 5, 2)):
        line.vendor.advance(ahead_s - line.process.clock.ahead_s)
        line.process.clock.ahead_s = ahead_s
        await line.client.mitarbeiter()
        assert line.vendor.token_requests() == requests
    assert {row.status for row in line.vendor.log.rows()} == {200}
