"""The console's pages over HTTP: what deeds leave behind, what is shown, and in which words."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from console.desk.reading import count
from console.web.guard import CSP
from console.web.language import preferred
from console.web.spark import spark
from console.web.words import LANGUAGES
from local_stack.nats_server import NatsServer
from shared.contracts.topology import LOCKS, VMH
from shared.outcomes.reason import Reason
from shared.runtime.bus import NatsSettings
from shared.runtime.schedule import Cron
from shared.runtime.schedule import Schedules as Crons
from shared.runtime.service import Service, serve, start
from shared.state.kv import Bucket
from shared.state.locks import Locks
from tests.support.console import TOKEN, Answer, Reader, another, bury, deeds, reading, remember
from tests.support.free_ports import free_port
from tests.support.office import stored
from tests.support.processes import processes

PAGES = ("/", "/flows", "/entity", "/dead", "/locks", "/schedules", "/log")
CANARY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def service(nats_server: NatsServer) -> AsyncIterator[Service]:
    """A connected service with the console's name."""
    async with start("console", NatsSettings(nats_url=nats_server.url), {}) as started:
        yield started


@pytest.fixture
async def reader(service: Service) -> AsyncIterator[Reader]:
    """In front of the page, not logged in."""
    async with reading(service) as made:
        yield made


# Deeds


async def test_dead_letters_are_found_replayed_and_dropped(service: Service, reader: Reader) -> None:
    """P6: one by its button, several by their ticks; pressed twice is once; each deed is recorded with the name."""
    for number in (1, 2, 3):
        await bury(service, f"doc{number}", number)
    await bury(service, "party9", 9, subject="vmh.beteiligte.update", kind="Bug", reason="KeyError")
    await reader.log_in("Anna Admin")
    assert "4 von 4" in (await reader.get("/dead")).plain
    assert "party9" not in (await reader.get("/dead?subject=vmh.document.*")).text
    assert "doc1" not in (await reader.get("/dead?kind=Bug")).text
    assert "doc1" not in (await reader.get("/dead?older=1d")).text
    assert "Ein Fehler im Hub" in (await reader.get("/dead/4")).text
    shown = await reader.do("/dead/replay", only="1", sequence=["2"], once="0123456789ab")
    assert "Erneut veröffentlicht" in shown.text
    await reader.do("/dead/replay", only="1", once="0123456789ab")
    again = [row for row in await stored(service, VMH.name) if row["headers"].get("Hub-Replay-Of")]
    assert [(row["subject"], row["headers"]["Hub-Replay-Of"]) for row in again] == [("vmh.document.update", "event-1")]
    assert "Es ist nichts ausgewählt" in (await reader.do("/dead/replay")).text
    asked = await reader.do("/dead/drop", sequence=["2", "3"])
    assert "Auswahl endgültig verwerfen (2)?" in asked.text
    assert len(await stored_letters(service)) == 4
    assert "Verworfen" in (await reader.do("/dead/drop", sequence=["2", "3"], sure="yes")).text
    assert await stored_letters(service) == ["1", "4"]
    assert "manche Einträge" in (await reader.do("/dead/drop", sequence=["2"], sure="yes")).text
    told = [(row["who"], row["deed"], row["about"], row["count"]) for row in await deeds(service)]
    assert told == [
        ("Anna Admin", "replay", "dead 1", 1),
        ("Anna Admin", "replay", "dead 1", 1),
        ("Anna Admin", "drop", "dead 2 3", 2),
        ("Anna Admin", "drop", "dead 2", 1),
    ]


async def stored_letters(service: Service) -> list[str]:
    """Sequences that the page of all letters shows are those in the stream."""
    info = await service.bus.api("STREAM.INFO.DEAD", {"deleted_details": True})
    state = info["state"]
    gone = set(state.get("deleted") or [])
    return [str(one) for one in range(state["first_seq"], state["last_seq"] + 1) if one not in gone]


async def test_a_lock_is_broken_after_a_question(service: Service, reader: Reader) -> None:
    """Only the run that was shown loses it, and it is recorded."""
    bucket = Bucket(service.bus.requests, LOCKS.name)
    locks = Locks(bucket, holder="worker@host.1", clock=service.clock, lease_s=30, epoch=1)
    assert await locks.acquire("document_sync.CDokumente.a1", run="run-1", on_lost=lambda: None)
    await reader.log_in()
    page = (await reader.get("/locks")).text
    assert "worker@host.1" in page
    [since] = re.findall(r'name="since" value="([^"]+)"', page)
    shown = {"key": "document_sync.CDokumente.a1", "run": "run-1", "since": since}
    assert "Dieser Lauf hält die Sperre nicht mehr" in (await reader.do("/locks/break", **(shown | {"run": "x"}))).text
    assert "Sperre lösen?" in (await reader.do("/locks/break", **shown)).text
    assert await deeds(service) == []
    assert "Die Sperre ist gelöst" in (await reader.do("/locks/break", **shown, sure="yes")).text
    assert "Niemand hält eine Sperre" in (await reader.get("/locks")).text
    assert [(row["deed"], row["about"].split()[1]) for row in await deeds(service)] == [("break", shown["key"])]


async def test_schedules_are_triggered_paused_and_resumed(service: Service, reader: Reader) -> None:
    """Each is recorded; a second pause says that it is so already."""
    cron = Cron(
        name="vmh.cron.document_sweep",
        expression="0 */15 * * * *",
        target="vmh.document.sweep",
        timezone="Europe/Berlin",
    )
    await Crons(service.bus, service.publisher).ensure(cron, stream=VMH.name)
    await reader.log_in()
    assert "0 */15 * * * *" in (await reader.get("/schedules")).text
    assert "Ausgelöst" in (await reader.do("/schedules/trigger", name=cron.name)).text
    assert "Der Zeitplan ruht" in (await reader.do("/schedules/pause", name=cron.name)).text
    assert "Das ist schon so" in (await reader.do("/schedules/pause", name=cron.name)).text
    assert "Der Zeitplan läuft wieder" in (await reader.do("/schedules/resume", name=cron.name)).text
    assert "gibt es nicht mehr" in (await reader.do("/schedules/trigger", name="vmh.cron.nothing")).text
    assert [row["deed"] for row in await deeds(service)] == ["trigger", "pause", "resume"]
    assert await count(service.bus, VMH.name, subject="vmh.document.sweep") == 1


async def test_a_records_sync_can_be_asked_for(service: Service, reader: Reader) -> None:
    """Its event is published and recorded; what cannot be an id is refused."""
    await reader.log_in()
    assert "Der Abgleich ist angestoßen" in (await reader.do("/entity/CDokumente/a1/sync")).text
    assert [row["subject"] for row in await stored(service, VMH.name)] == ["vmh.document.update"]
    assert "keine gültige Kennung" in (await reader.do("/entity/CDokumente/a%20b/sync")).text
    assert (await reader.do("/entity/Nothing/a1/sync")).status == 404
    assert [(row["deed"], row["about"]) for row in await deeds(service)] == [("sync", "CDokumente a1")]


# What is shown


async def test_the_timeline_tells_all_that_is_kept(service: Service, reader: Reader) -> None:
    """P15: outcome, reason and its plain sentence, tries, vendor calls with ms, coalesced, trace."""
    calls = [{"vendor": "xai", "operation": "upload", "status": 201, "ms": 345.0}]
    await remember(service, "CDokumente", "a1", 1, outcome="retry", reason="Unavailable: xai: no answer", attempt=2)
    await remember(service, "CDokumente", "a1", 2, attempt=3, calls=calls, coalesced=7, plan={"upload": 1})
    await reader.log_in()
    assert (await reader.get("/entity?id=a1")).headers["Location"] == "/entity/CDokumente/a1"
    page = await reader.get("/entity/CDokumente/a1")
    for word in (
        "In Ordnung",
        "Neuer Inhalt ging an xAI.",
        "uploaded",
        "Versuch 3",
        "gilt für 7 weitere",
        "345",
        "201",
    ):
        assert word in page.plain, word
    for word in ("neuer Versuch", "Der Hub versucht es drei Tage lang", "Unavailable: xai: no answer", "event-1"):
        assert word in page.plain, word
    assert f'href="/trace/{2:032x}"' in page.text
    assert "upload" in (await reader.get(f"/trace/{2:032x}")).plain
    assert (await reader.get(f"/trace/{77:032x}")).status == 404
    assert (await reader.get("/entity/CDokumente/unknown")).status == 404
    assert (await reader.get(f"/entity?id={2:032x}")).headers["Location"] == f"/trace/{2:032x}"


async def test_hostile_names_are_shown_and_do_nothing(service: Service, reader: Reader) -> None:
    """Reasons, ids, subjects, holders, log lines, the log-in's own name: all of them are text."""
    await bury(service, "a1", 1, kind=CANARY[:40], reason=CANARY, headers={"ce-id": CANARY, CANARY[1:7]: "x"})
    await remember(service, CANARY, CANARY, 2, reason=CANARY, worker=CANARY, event_id=CANARY, trace_id='"><i>')
    await remember(service, "CDokumente", "a1", 3, outcome=CANARY, subject=CANARY, plan={CANARY: 1}, replay_of=CANARY)
    line = b'{"time":"2026-01-01T00:00:00+00:00","level":"error","service":"<b>","message":"<img src=x>","x<i>":"<u>"}'
    for number, at in enumerate(
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "soon"), 10
    ):
        await remember(service, "CDokumente", "a1", number, at=at)
    await service.publisher.store("history.odd", b"{}", {"Nats-Msg-Id": "odd"})
    await Bucket(service.bus.requests, "snapshots").put("audit.calendar", b"{}")
    await reader.log_in(CANARY)
    await service.bus.nc.publish("log.x.error", line)
    await asyncio.sleep(1.2)
    quoted = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%3E%3Cimg%20src=x%20onerror=alert(2)%3E"
    paths = (
        *PAGES,
        "/dead/1",
        "/entity/CDokumente/a1",
        f"/entity/{quoted}/{quoted}",
        f"/entity?id={quoted}&type=",
        f"/dead?reason={quoted}",
    )
    for path in paths:
        answer = await reader.get(path)
        assert answer.status in (200, 303), path
        assert not re.search(r"<script>|<img src=x|<i>|<u>|<b>|\"'>", answer.text), path
    assert "&lt;img src=x&gt;" in (await reader.get("/log")).text
    assert "&lt;script&gt;" in (await reader.get("/dead")).text


async def test_the_log_is_filtered(service: Service, reader: Reader) -> None:
    """By level, service, trace and record."""
    await reader.log_in()
    await asyncio.sleep(0.2)
    for level, name, trace in (("info", "gateway", "aa"), ("error", "document_worker", "bb")):
        line = {"time": "2026-01-01T00:00:00+00:00", "level": level, "service": name, "message": f"m-{name}"}
        await service.bus.nc.publish(f"log.{name}.{level}", json.dumps(line | {"trace_id": trace}).encode())
    await asyncio.sleep(0.3)
    assert {"m-gateway", "m-document_worker"} <= set((await reader.get("/log")).plain.split())
    for query in ("level=error", "service=document_worker", "trace=bb"):
        page = (await reader.get(f"/log?{query}")).plain
        assert "m-document_worker" in page, query
        assert "m-gateway" not in page, query


async def test_an_open_page_hears_of_changes(service: Service, reader: Reader) -> None:
    """Within a second or so; a page that is old already hears at once; a log-out ends it."""
    await reader.log_in()
    count = re.findall(r'data-count="(\d+)"', (await reader.get("/entity/CDokumente/a1")).text)[0]
    url = f"{reader.url}/live?view=entity:CDokumente/a1&count={count}"
    session = reader._session
    async with session.get(url) as stream, asyncio.timeout(10):
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store"
        assert (await stream.content.readuntil(b"\n\n")).startswith(b"retry")
        await remember(service, "CDokumente", "other", 1)
        await remember(service, "CDokumente", "a1", 2)
        assert await stream.content.readuntil(b"\n\n") == b"event: changed\ndata:\n\n"
        async with session.get(url) as old:
            await old.content.readuntil(b"\n\n")
            assert await old.content.readuntil(b"\n\n") == b"event: changed\ndata:\n\n"
        await reader.do("/logout")
        await remember(service, "CDokumente", "a1", 3)
        told = await stream.content.read()
        assert told.endswith(b"event: over\ndata:\n\n")


async def test_an_open_page_does_not_keep_the_console_from_stopping(service: Service) -> None:
    """P13: streams end when the service does."""
    loop = asyncio.get_running_loop()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with reading(service) as reader:
            async with session.post(f"{reader.url}/login", data={"token": TOKEN}) as answer:
                assert answer.status == 200
            stream = await session.get(f"{reader.url}/live?view=overview&count=0")
            began = loop.time()
        assert loop.time() - began < 5
        stream.close()


# Words and numbers


def test_both_languages_have_the_same_words() -> None:
    """Same keys, same places for values, no text left empty."""
    german, english = LANGUAGES["de"], LANGUAGES["en"]
    assert german.keys() == english.keys()
    for name in german:
        assert german[name].strip()
        assert english[name].strip()
        assert sorted(re.findall(r"\{\w+\}", german[name])) == sorted(re.findall(r"\{\w+\}", english[name])), name


def test_every_reason_and_kind_has_a_sentence() -> None:
    """As docs/operations.md has them."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    failures = text.partition("\n## Failures\n")[2].partition("\n## ")[0]
    kinds = set(re.findall(r"^\| `(\w+)` \|", failures, re.MULTILINE))
    words = LANGUAGES["de"]
    assert {name for name in words if name.startswith("reason.")} == {f"reason.{one}" for one in Reason}
    assert {name for name in words if name.startswith("kind.")} == {f"kind.{one}" for one in kinds}


def test_every_word_that_a_template_names_is_there() -> None:
    """And every word is used by a template or by code."""
    folder = Path(__file__).parents[2] / "console" / "web"
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in [*folder.rglob("*.html"), *folder.glob("*.py"), *folder.glob("views/*.py")]
    )
    named = set(re.findall(r"""\bt\(["']([a-z_.0-9A-Z]+)["'][,)]""", code))
    words = LANGUAGES["de"].keys()
    assert named <= words
    made = re.compile(r"^(?:nav|outcome|state|type|vendor|family|level|age|reason|kind|problem|trace\.from)[._]")
    assert [
        name for name in words if f'"{name}"' not in code and f"'{name}'" not in code and not made.match(name)
    ] == []


async def test_the_language_is_asked_for_or_chosen(reader: Reader) -> None:
    """German first; Accept-Language decides; a choice is remembered, also on the log-in page."""
    assert '<html lang="de">' in (await reader.get("/login")).text
    assert '<html lang="de">' in (await reader.get("/login", {"Accept-Language": "fr"})).text
    assert '<html lang="en">' in (await reader.get("/login", {"Accept-Language": "en-GB,en;q=0.9,de;q=0.8"})).text
    chosen = await reader.get("/login?next=%2Fdead&lang=en")
    assert (chosen.status, chosen.headers["Location"]) == (303, "/login?next=/dead")
    assert "HttpOnly" in chosen.cookies[0]
    assert '<html lang="en">' in (await reader.get("/login", {"Accept-Language": "de"})).text
    await reader.log_in()
    for path, title in zip(
        PAGES, ("Overview", "Flows", "Records", "Dead letters", "Locks", "Schedules", "Log"), strict=True
    ):
        assert f"<title>{title} · Hub</title>" in (await reader.get(path)).text


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        ("", "de"),
        ("en", "en"),
        ("en;q=0.5, de;q=0.6", "de"),
        ("en;q=x", "de"),
        ("*", "de"),
        ("EN-us", "en"),
        (",;,", "de"),
    ],
)
def test_accept_language_is_read(accepts: str, language: str) -> None:
    """Whatever stands there, some language comes of it."""
    assert preferred(accepts) == language


async def test_metrics_tell_what_only_the_console_sees(service: Service) -> None:
    """Dead letters by subject, open intents, drift by family, the age of a consumer's oldest event."""
    await bury(service, "a1")
    await bury(service, "p1", 2, subject="vmh.beteiligte.update")
    config = {"durable_name": "document_worker", "ack_policy": "explicit", "filter_subjects": ["vmh.document.update"]}
    await service.bus.api("CONSUMER.CREATE.VMH.document_worker", {"stream_name": "VMH", "config": config, "action": ""})
    report = b'{"fence":1,"state":{"family":"documents","begun_at":"x","ended_at":"y","checked":9,"drifting":4}}'
    await Bucket(service.bus.requests, "snapshots").put("audit.documents", report)
    at = "2026-01-01T00:00:00Z"
    row = {"state": "open", "since": at, "sent_at": at, "run": "r", "fence": 1, "generation": 1, "marker": ""}
    await Bucket(service.bus.requests, "idempotency").put(
        "document_sync.CDokumente.a1.upload.x", json.dumps(row).encode()
    )
    await service.publisher.store("vmh.document.update", b'{"entity_id":"a1"}', {"Nats-Msg-Id": "1"})
    await asyncio.sleep(1.1)
    async with reading(service) as reader:
        text = ""
        for _ in range(100):
            if 'hub_drift{family="documents"} 4.0' in (text := service.metrics.render().decode()):
                break
            await asyncio.sleep(0.05)
        assert 'hub_dead_letters_stored{subject="vmh.document.update"} 1.0' in text
        assert 'hub_dead_letters_stored{subject="vmh.beteiligte.update"} 1.0' in text
        assert "hub_open_intents 1.0" in text
        [age] = re.findall(r'hub_oldest_pending_seconds{consumer="document_worker"} ([\d.]+)', text)
        assert 1 <= float(age) < 60
        await reader.log_in()
        assert "Dokumente 9 4" in (await reader.get("/")).plain


async def test_without_nats_the_page_says_so(service: Service, reader: Reader, nats_server: NatsServer) -> None:
    """503 and a sentence, no traceback; the log-in page stays."""
    await reader.log_in()
    nats_server.kill()
    answer = await reader.get("/dead")
    assert answer.status == 503
    assert "NATS antwortet nicht" in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["Content-Security-Policy"] == CSP
    assert (await reader.get("/login")).status == 303
    nats_server.start()


async def test_it_runs_as_a_service(nats_server: NatsServer, tmp_path: Path) -> None:
    """P13: exit 78 without a way in, ready soon, 0 after SIGTERM although a page is open."""
    with processes(tmp_path / "processes") as children:
        nobody = children.service("console", {"NATS_URL": nats_server.url}, port_name="HEALTH_PORT")
        nobody.spawn()
        assert await asyncio.to_thread(nobody._process.wait, 20) == 78  # type: ignore[union-attr]
        assert nobody.last_words().startswith("console: cannot start, 1 setting(s):\n  CONSOLE_TOKEN and ")
        page = free_port()
        environ = {"NATS_URL": nats_server.url, "CONSOLE_TOKEN": TOKEN, "CONSOLE_PORT": str(page)}
        console = await children.service("console", environ, port_name="HEALTH_PORT").start()
        async with another(f"http://127.0.0.1:{page}") as reader:
            await reader.log_in()
            stream = await reader._session.get(f"{reader.url}/live?view=overview&count=0")
            assert await console.terminate(seconds=10) == 0
            stream.close()
        assert TOKEN not in console.last_words()


async def test_a_trace_comes_from_tempo_where_there_is_one(service: Service) -> None:
    """P14: its spans as a tree, a link without the password; what Tempo does not know is 404 and says so."""
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    spans = [
        {"spanId": "aaaaaaaaaaaaaaaa", "name": "webhook", "startTimeUnixNano": "1", "endTimeUnixNano": "5000001"},
        {"spanId": "bbbbbbbbbbbbbbbb", "parentSpanId": "aaaaaaaaaaaaaaaa", "name": "<i>publish</i>"},
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "gateway"}}]}
    told = {"batches": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}

    async def tempo(request: web.Request) -> web.Response:
        known = request.match_info["id"] == trace_id
        return web.json_response(told) if known else web.Response(status=404)

    app = web.Application()
    app.add_routes([web.get("/api/traces/{id}", tempo)])
    async with serve(app, "127.0.0.1", 0) as port:
        url = f"http://operator:password@127.0.0.1:{port}"
        async with reading(service, {"TEMPO_URL": url}) as reader:
            await reader.log_in()
            page = await reader.get(f"/trace/{trace_id}")
            assert "Ebene 1: <i>publish</i>" in page.plain
            assert "<i>" not in page.text
            assert f'href="http://127.0.0.1:{port}/api/traces/{trace_id}"' in page.text
            assert "password" not in page.text
            assert (await reader.get("/trace/" + "0" * 32)).status == 404
    assert "Tempo does not answer" in (await gone(service, url, trace_id)).plain


async def gone(service: Service, url: str, trace_id: str) -> Answer:
    """A trace's page when nobody answers at Tempo's address."""
    async with start("console", service.bus.settings, {}) as other, reading(other, {"TEMPO_URL": url}) as reader:
        await reader.log_in()
        return await reader.get(f"/trace/{trace_id}")


def test_the_picture_of_an_hour() -> None:
    """A bar per minute as high as its runs, failures at its foot; an empty minute has none."""
    drawn = spark([(0, 0), (4, 1), (2, 0)])
    assert [(bar.height, bar.is_failed) for bar in drawn.bars] == [(64.0, False), (16.0, True), (32.0, False)]
    assert (drawn.most, spark([]).bars) == (4, [])
