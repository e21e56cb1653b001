"""The console's page in a real browser: what people see, press and hear, by hand and by keyboard."""

import asyncio
import contextlib
import json
import logging
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import Page, expect

from local_stack.nats_server import NatsServer
from shared.contracts.audit import Report, report_key
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.contracts.topology import LOCKS, SNAPSHOTS, VMH
from shared.runtime.bus import NatsSettings
from shared.runtime.schedule import Cron
from shared.runtime.schedule import Schedules as Crons
from shared.runtime.service import Service, start
from shared.state.kv import Bucket
from shared.state.locks import Locks
from shared.telemetry.run import Call
from simulators.faults import Fault
from tests.support.browser import browsing, log_in, picture, serious
from tests.support.console import TOKEN, Reader, bury, deeds, reading, remember
from tests.support.office import Office, open_office, settled, working

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
RENEW = "CONSOLE_SCREENSHOTS"
"""Set to anything, it makes the tests write docs/console-*.png anew."""
PAGES = ("/", "/flows", "/entity", "/dead", "/locks", "/schedules", "/log")
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1, "is_mobile": True, "has_touch": True}


@pytest.fixture
async def console(nats_server: NatsServer) -> AsyncIterator[Reader]:
    """A running console, and its service's way to the bus under `.service`."""
    async with start("console", NatsSettings(nats_url=nats_server.url), {}) as started, reading(started) as reader:
        yield reader


@contextlib.asynccontextmanager
async def failed_document(service: Service) -> AsyncIterator[tuple[Office, str]]:
    """Vendors and a document worker; xAI has refused a document for good."""
    async with open_office(service) as office, working(service, office):
        document = office.document(owner=office.owner())
        office.xai.faults.add(Fault(kind="error", method="POST", path="/v1/files", status=400, times=None))
        await say(service, document)
        await settled(service)
        office.xai.faults.clear()
        yield office, document


async def say(service: Service, document: str) -> None:
    """A webhook's event."""
    event = DOCUMENT_UPDATE.decode(f'{{"entity_id": "{document}"}}'.encode())
    await service.publisher.publish(DOCUMENT_UPDATE, event)


async def test_a_failed_document_is_replayed_and_turns_clean_on_the_page(
    service: Service, console: Reader, tmp_path: Path
) -> None:
    """P6: the timeline says why it failed; a click on its dead letter; and without a reload all is well."""
    async with failed_document(service) as (office, document), browsing(console.url) as (context, _):
        page = await log_in(context)
        await page.fill("#find", document)
        await page.press("#find", "Enter")
        await page.wait_for_url(f"**/entity/CDokumente/{document}")
        await expect(page.locator("#h-state")).to_have_text("Gescheitert")
        await expect(page.locator("#state")).to_contain_text("Die Gegenseite hat abgelehnt")
        await expect(page.locator("#timeline li").first).to_contain_text("xAI")
        await picture(page, place(tmp_path, "console-timeline.png"))
        await page.evaluate("() => { globalThis.neverReloaded = true }")
        await page.click("#state button:has-text('Wiederholen')")
        await expect(page.locator("#notes")).to_have_text(re.compile("Erneut veröffentlicht"))
        await expect(page.locator("#h-state")).to_have_text("In Ordnung", timeout=15_000)
        await expect(page.locator("#timeline li").first).to_contain_text("Neuer Inhalt ging an xAI")
        await expect(page.locator("#said")).to_have_text("In Ordnung")
        assert await page.evaluate("() => globalThis.neverReloaded") is True
        assert office.record(document)["xaiSyncStatus"] == "clean"
        assert [(row["who"], row["deed"], row["about"]) for row in await deeds(service)] == [
            ("Anna Admin", "replay", "dead 1")
        ]


async def seeded(service: Service) -> None:
    """Something on every page: made-up ids only."""
    calls = [Call(vendor="espocrm", operation="get CDokumente", status=200, ms=14.2)]
    upload = Call(vendor="xai", operation="upload_file", status=200, ms=412.0)
    down = Call(vendor="xai", operation="upload_file", status=0, ms=30_000.0)
    for number in range(1, 121):
        told: dict[str, Any] = {"calls": [*calls, upload], "attempt": 1, "coalesced": number % 5, "plan": {"upload": 1}}
        ago_s = 3_500 - 29 * number + 200 * (number % 7)
        await remember(service, "CDokumente", f"6b03803cea5{number:05}", number, ago_s=ago_s, **told)
    failed: dict[str, Any] = {
        "outcome": "retry",
        "reason": "Unavailable: xai upload_file: no answer",
        "calls": [*calls, down],
    }
    for number in range(50, 56):
        await remember(service, "CDokumente", "6b03803cea400007", number, ago_s=60 * (number - 40), **failed)
    dead: dict[str, Any] = {"outcome": "dead", "reason": "Rejected: xai upload_file: 400", "calls": [*calls, upload]}
    for number in range(60, 66):
        document = f"6b03803cea4{number:05}"
        await bury(service, document, number, reason="xai upload_file: 400")
        await remember(service, "CDokumente", document, number, **dead)
    refused: dict[str, Any] = {"kind": "Refused", "reason": "31 of 40 documents are gone in EspoCRM", "body": b"{}"}
    await bury(service, "", 70, subject="vmh.document.sweep", **refused)
    bucket = Bucket(service.bus.requests, LOCKS.name)
    locks = Locks(bucket, holder="document_worker@host-1.7f3a", clock=service.clock, lease_s=60, epoch=1)
    await locks.acquire("document_sync.CDokumente.6b03803cea400012", run="5d", on_lost=lambda: None)
    for name in ("document_sweep", "document_audit", "beteiligte_sweep"):
        target = f"vmh.{name.replace('_', '.')}"
        cron = Cron(name=f"vmh.cron.{name}", expression="0 */15 * * * *", target=target, timezone="Europe/Berlin")
        await Crons(service.bus, service.publisher).ensure(cron, stream=VMH.name)
    config = {"durable_name": "document_worker", "ack_policy": "explicit", "filter_subjects": ["vmh.document.update"]}
    await service.bus.api("CONSUMER.CREATE.VMH.document_worker", {"stream_name": "VMH", "config": config, "action": ""})
    report = Report(family="documents", begun_at="2026-11-22T01:00:00Z", ended_at="2026-11-22T01:02:00Z", checked=1_204)
    row = {"fence": 1, "state": msgspec.to_builtins(report) | {"drifting": 3}}
    await Bucket(service.bus.requests, SNAPSHOTS.name).put(report_key("documents"), json.dumps(row).encode())


@pytest.fixture
async def full(nats_server: NatsServer, service: Service) -> AsyncIterator[Reader]:
    """A console that has found something for every page."""
    await seeded(service)
    async with start("console", NatsSettings(nats_url=nats_server.url), {}) as started, reading(started) as reader:
        await asyncio.sleep(1.0)
        line = {
            "entity_type": "CDokumente",
            "entity_id": "6b03803cea400060",
            "outcome": "dead",
            "trace_id": f"{60:032x}",
        }
        logging.getLogger("seen").warning("delivery", extra=line)
        await asyncio.sleep(0.2)
        yield reader


_EVERY = (*PAGES, "/dead/1", "/entity/CDokumente/6b03803cea400060", f"/trace/{60:032x}")


async def test_no_page_shuts_anybody_out(full: Reader) -> None:
    """axe-core finds nothing serious on any page, nor in the dark; nothing shifts; nothing is wider than a phone."""
    found: dict[str, list[str]] = {}
    async with browsing(full.url) as (context, _):
        page = await context.new_page()
        await page.goto("/login")
        found["/login"] = await serious(page)
        await page.close()
        page = await log_in(context)
        for path in _EVERY:
            await page.emulate_media(color_scheme="light")
            await page.set_viewport_size({"width": 1200, "height": 800})
            await page.goto(path)
            assert await shifts(page) < 0.01, path
            assert await page.locator("h1").count() == 1, path
            found[path] = await serious(page)
            await page.emulate_media(color_scheme="dark")
            found[f"{path} dark"] = await serious(page, "color-contrast")
            await page.set_viewport_size({"width": 360, "height": 800})
            width = await page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
            assert width[0] <= width[1], f"{path} is wider than the screen: {width}"
    assert {path: told for path, told in found.items() if told} == {}


async def shifts(page: Page) -> float:
    """How much of the page has moved by itself."""
    return float(
        await page.evaluate(
            """() => new Promise((done) => {
                let sum = 0;
                new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; })
                    .observe({ type: "layout-shift", buffered: true });
                setTimeout(() => done(sum), 120);
            })"""
        )
    )


async def test_everything_goes_by_keyboard(service: Service, full: Reader) -> None:
    """Log-in, search and replay without a mouse; where one stands can be seen; the focus is never lost."""
    document = "6b03803cea400061"
    async with browsing(full.url) as (context, _):
        page = await context.new_page()
        await page.goto("/dead")
        assert await focused(page) == "token"
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/dead")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Zum Inhalt"
        await press_until(page, "find")
        await page.keyboard.type(document)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/entity/CDokumente/{document}")
        await press_until(page, "Wiederholen")
        await page.keyboard.press("Enter")
        await expect(page.locator("#notes")).to_contain_text("Erneut veröffentlicht")
        assert await focused(page) == "notes"
        await press_until(page, "Wiederholen")
        # The page changes under the hands: the focus stays where it is.
        await remember(service, "CDokumente", document, 99, outcome="dead", reason="Rejected: again")
        await expect(page.locator("#timeline > ol > li")).to_have_count(2)
        assert await focused(page) in ("Jetzt abgleichen", "notes", "Wiederholen")
    assert [(row["who"], row["deed"]) for row in await deeds(service)] == [("token", "replay")]


async def focused(page: Page) -> str:
    """Id or text of what has the focus, which must be visible."""
    told = await page.evaluate(
        """() => { const one = document.activeElement; const style = getComputedStyle(one);
            return [one.id || one.textContent.trim(), style.outlineStyle, one.tagName] }"""
    )
    assert told[1] != "none" or told[0] == "notes", told
    return str(told[0])


async def press_until(page: Page, wanted: str, *, presses: int = 60) -> None:
    """Tab, until it is reached."""
    for _ in range(presses):
        await page.keyboard.press("Tab")
        if await focused(page) == wanted:
            return
    raise AssertionError(f"{wanted} is not reached by {presses} presses of Tab")


async def test_a_phone_has_one_column(full: Reader, tmp_path: Path) -> None:
    """Tables become cards with their labels. And a picture of the overview for the docs."""
    async with browsing(full.url, **PHONE) as (context, _):
        page = await log_in(context)
        await page.goto("/dead")
        # The page may put fresh rows in place of these at any time: those that have gone have no style.
        await expect(page.locator("tbody tr").first).to_have_css("display", "block")
        await picture(page, tmp_path / "phone.png")
    async with browsing(full.url, viewport={"width": 1200, "height": 900}) as (context, _):
        page = await log_in(context)
        await picture(page, place(tmp_path, "console-overview.png"))


async def test_it_works_without_a_script(service: Service, full: Reader) -> None:
    """Forms and links do; a deed is answered by a page that says so; dropping asks first."""
    async with browsing(full.url, java_script_enabled=False) as (context, _):
        page = await log_in(context)
        await page.goto("/dead")
        await page.click("tbody tr:nth-child(2) button")
        await expect(page.locator("#notes")).to_contain_text("Erneut veröffentlicht")
        await page.check("tbody tr:nth-child(1) input[type=checkbox]")
        await page.click("text=Ausgewählte verwerfen")
        await expect(page.locator("h1")).to_have_text("Auswahl endgültig verwerfen (1)?")
        await page.click("button.danger")
        await expect(page.locator("#notes")).to_contain_text("Verworfen")
        assert await page.locator("tbody tr").count() == 6
    assert [row["deed"] for row in await deeds(service)] == ["replay", "drop"]


async def test_an_open_list_is_kept_up_to_date(service: Service, full: Reader) -> None:
    """A new dead letter appears by itself, ticks stay; paused, the page rests until it is wanted again."""
    async with browsing(full.url) as (context, _):
        page = await log_in(context)
        await page.goto("/dead")
        await page.check("input[name=sequence][value='3']")
        await bury(service, "6b03803cea400090", 90)
        await expect(page.locator("tbody tr").first).to_contain_text("6b03803cea400090", timeout=10_000)
        assert await page.is_checked("input[name=sequence][value='3']")
        await page.click("#live")
        await expect(page.locator("#live")).to_have_text("Angehalten")
        await bury(service, "6b03803cea400091", 91)
        await asyncio.sleep(2)
        assert "6b03803cea400091" not in await page.inner_text("#letters")
        await page.click("#live")
        await expect(page.locator("tbody tr").first).to_contain_text("6b03803cea400091", timeout=10_000)
        await page.click("label.all input")
        await page.click("text=Ausgewählte wiederholen")
        await expect(page.locator("#notes")).to_contain_text("Erneut veröffentlicht")
    assert [(row["deed"], row["count"]) for row in await deeds(service)] == [("replay", 9)]


def place(tmp_path: Path, name: str) -> Path:
    """Where a picture goes: into the docs when they are to be renewed."""
    return (ROOT / "docs" if os.environ.get(RENEW) else tmp_path) / name
