"""Audits against both simulators: what is found, what is deleted, and that a sync then has nothing to do."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from calendar_worker.effects.audit import run_audit
from calendar_worker.effects.keys import employee_key
from calendar_worker.model.audit import Asked
from calendar_worker.plan.audit.report import as_json, exit_code, lines
from local_stack.nats_server import NatsServer
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import CalendarEvent
from shared.contracts.subjects import CALENDAR_SYNC_EMPLOYEE
from shared.outcomes.outcome import Skip
from shared.runtime.exclusive import Exclusive, locks_of
from shared.runtime.service import Service
from shared.state.locks import Locks
from simulators.advoware import Advoware
from simulators.faults import Fault
from simulators.harness import serve
from tests.support.advoware import advoware_settings
from tests.support.audits import Office
from tests.support.calendars import add_event, add_termin, at, day, open_calendars
from tests.support.google import google_calendar
from tests.support.processes import ROOT


@pytest.fixture
async def locks(service: Service) -> Locks:
    """As the command has them."""
    return await locks_of(service, lease_s=30)


@pytest.fixture
async def office(service: Service, redis: RedisSettings, locks: Locks) -> AsyncIterator[Office]:
    """Both vendors, with one employee; syncs and audits take turns."""
    async with open_calendars(service, redis) as opened:
        yield Office(opened, Exclusive(locks))


async def test_a_calendar_in_step_has_no_findings(office: Office) -> None:
    """Both ways, a series, whole days, an event that has no form in Advoware, and everybody's Termin."""
    calendars = office.calendars
    add_termin(calendars)
    add_termin(calendars, text="Fest", anwalt="ALLE")
    add_termin(calendars, text="Jour fixe", dauertermin=1, turnus=1, turnusArt=2, datumBis=day(60))
    await office.in_step()
    add_event(calendars)
    add_event(calendars, summary="Sport", recurrence=["RRULE:FREQ=WEEKLY;BYDAY=MO,WE"])
    await office.in_step()
    assert await office.findings() == []
    report = await office.audit("verify")
    assert (report.counts["pairs"], report.counts["left_in_google"]) == (4, 1)


@pytest.mark.parametrize("apply", [False, True])
async def test_verify_finds_drift_and_heals_by_the_ordinary_sync_alone(
    office: Office, service: Service, apply: bool
) -> None:
    """P16: what differs is told by ids and parts, nothing is written, and with --apply the sync is asked for."""
    calendars = office.calendars
    first, second, third = (add_termin(calendars, text=name) for name in ("A", "B", "C"))
    await office.in_step()
    calendars.advoware.staff.change_termin(first, text="Geheimnis")
    calendars.google.staff.move_event(calendars.calendar_id(), calendars.event_of(second)["id"], at(3, "09:00"))
    calendars.advoware.staff.remove_termin(third)
    fourth = add_termin(calendars, text="D")
    event = add_event(calendars)
    calendars.forget_logs()
    report = await office.audit("verify", apply=apply)
    assert calendars.writes() == []
    assert {(one.kind, one.fr_nrs, one.parts) for one in report.findings} == {
        ("differs", (first,), ("google.what",)),
        ("differs", (second,), ("advoware.when",)),
        ("event_left_over", (third,), ()),
        ("event_missing", (fourth,), ()),
        ("termin_missing", (), ()),
    }
    assert [one.event_ids for one in report.findings if one.kind == "termin_missing"] == [(event,)]
    assert report.done == ({"sync_asked_for": 1} if apply else {})
    told = "\n".join(lines(Asked(command="verify", kuerzel="SB"), [report]))
    assert "Geheimnis" not in told
    assert "Mittagessen" not in told
    stored = (await service.bus.api("STREAM.INFO.CALENDAR"))["state"]["messages"]
    assert stored == int(apply)
    if apply:
        event_sent = await _only_event(service)
        assert (event_sent.kuerzel, event_sent.force, event_sent.source) == ("SB", False, "audit")
        await office.in_step()
        await office.is_clean_and_quiet()


async def _only_event(service: Service) -> CalendarEvent:
    message = await service.bus.api("STREAM.MSG.GET.CALENDAR", {"last_by_subj": CALENDAR_SYNC_EMPLOYEE.name})
    body = base64.b64decode(message["message"]["data"])
    return msgspec.json.decode(body, type=CalendarEvent)


async def test_verify_sees_what_a_sync_by_changes_does_not(office: Office) -> None:
    """A change that the sync token has passed by; healing lists the whole calendar again."""
    calendars = office.calendars
    number = add_termin(calendars)
    await office.in_step()
    calendars.google.staff.change_event(calendars.calendar_id(), calendars.event_of(number)["id"], summary="anders")
    listing = await calendars.deps.google.list_events(calendars.calendar_id(), None)
    await office.remember(sync_token=listing.sync_token)
    assert isinstance(await office.sync(), Skip)
    assert await office.findings() == ["differs sync"]
    await office.audit("verify", apply=True)
    await office.in_step()
    assert calendars.termin(number)["text"] == "anders"
    await office.is_clean_and_quiet()


# Guard, locks, failures.


async def test_the_guard_stops_mass_deletions(office: Office) -> None:
    """P9: above both limits nothing is deleted, unless somebody says --force."""
    calendars = office.calendars
    number = add_termin(calendars)
    await office.in_step()
    event = calendars.event_of(number)["id"]
    for _ in range(3):
        calendars.google.staff.copy_event(calendars.calendar_id(), event)
    await office.in_step()
    strict = {"guard_max_changes": 2, "guard_max_share": 0.3}
    calendars.forget_logs()
    report = await office.audit("delete-duplicates", apply=True, deps=strict)
    assert report.refused == "3 deletions in Google, and 4 pairs are known; look at it, and then say --force"
    assert (len(report.findings), report.done, calendars.writes()) == (3, {}, [])
    assert exit_code([report]) == 1
    assert not (await office.audit("find-duplicates", deps=strict)).refused
    forced = await office.audit("delete-duplicates", apply=True, force=True, deps=strict)
    assert forced.done == {"events_deleted": 3, "termine_deleted": 3}
    await office.is_clean_and_quiet()


async def test_a_side_that_suddenly_looks_empty_makes_no_orphans(office: Office) -> None:
    """Neither Advoware without Termine nor a calendar that answers 404."""
    calendars = office.calendars
    numbers = [add_termin(calendars, text=f"T{number}") for number in range(3)]
    await office.in_step()
    for number in numbers:
        calendars.advoware.staff.remove_termin(number)
    report = await office.audit("cleanup-orphaned", apply=True)
    assert report.refused.startswith("Advoware lists no Termin, and 3 are known; ")
    calendars.google.staff.delete_calendar(calendars.calendar_id())
    report = await office.audit("verify", apply=True, force=True)
    assert "404" in report.refused
    assert report.done == {}


async def test_what_writes_waits_for_the_employees_lock(office: Office, locks: Locks) -> None:
    """A sync has it: the audit is Busy and has written nothing; a dry run does not care."""
    calendars = office.calendars
    add_termin(calendars)
    await office.in_step()
    lease = await locks.acquire(employee_key("SB"), run="a sync", on_lost=lambda: None)
    assert lease is not None
    for command in ("verify", "delete-duplicates", "cleanup-orphaned"):
        asked = Asked(command=command, kuerzel="SB", apply=True)
        [report] = await run_audit(asked, calendars.deps, Exclusive(locks, patience_s=0.3))
        assert report.failed == "somebody else works on this entity"
        assert exit_code([report]) == 69
        await office.audit(command)
    await locks.release(lease)
    await office.audit("verify", apply=True)


async def test_a_vendor_that_is_away_midway_leaves_nothing_half_remembered(office: Office) -> None:
    """The deletion in Advoware gets no answer: a second audit or a sync ends it."""
    calendars = office.calendars
    number = add_termin(calendars)
    await office.in_step()
    calendars.google.staff.copy_event(calendars.calendar_id(), calendars.event_of(number)["id"])
    await office.in_step()
    calendars.advoware.faults.add(Fault(kind="error", method="DELETE", path=r".*/Termine", times=9))
    asked = Asked(command="delete-duplicates", kuerzel="SB", apply=True)
    [report] = await run_audit(asked, calendars.deps, office.alone)
    assert report.failed == "advoware delete Termin: 503"
    assert report.done == {"events_deleted": 1}
    calendars.advoware.faults.clear()
    await office.in_step()
    assert [one["frNr"] for one in calendars.termine()] == [number]
    await office.is_clean_and_quiet()


async def test_everybody_and_queries(office: Office) -> None:
    """All employees, each with a report; a number or an id is answered by whoever knows it."""
    calendars = office.calendars
    calendars.advoware.staff.add_mitarbeiter(kuerzel="PM", name="Möhrle")
    number = add_termin(calendars, text="Geheimnis")
    await office.in_step()
    await office.sync("PM")
    event = calendars.event_of(number)["id"]
    reports = await run_audit(Asked(command="verify", kuerzel="ALL"), calendars.deps, office.alone)
    assert [(one.kuerzel, len(one.findings)) for one in reports] == [("PM", 0), ("SB", 0)]
    assert exit_code(reports) == 0
    for command, wanted in (("query-frnr", str(number)), ("query-event", event)):
        asked = Asked(command=command, kuerzel="ALL", wanted=wanted)  # type: ignore[arg-type]
        [report] = await run_audit(asked, calendars.deps, office.alone)
        assert report.kuerzel == "SB"
        assert report.facts[f"frNr {number}"] == "there, the employee's own"
        assert report.facts["since the last agreement"] == "advoware same, google same"
        assert "Geheimnis" not in repr(as_json(asked, [report]))
    for command, wanted in (("query-frnr", "99"), ("query-event", "nothing")):
        asked = Asked(command=command, kuerzel="ALL", wanted=wanted)  # type: ignore[arg-type]
        assert await run_audit(asked, calendars.deps, office.alone) == []
    calendars.advoware.staff.remove_termin(number)
    asked = Asked(command="query-frnr", kuerzel="ALL", wanted=str(number))
    [report] = await run_audit(asked, calendars.deps, office.alone)
    assert (report.facts[f"frNr {number}"], [one.kind for one in report.findings]) == ("gone", ["event_left_over"])
    [nobody] = await run_audit(Asked(command="verify", kuerzel="XY"), calendars.deps, office.alone)
    assert "no active employee" in nobody.refused


async def test_the_command(nats_server: NatsServer, tmp_path: Path) -> None:
    """As an operator has it: lines or JSON on standard output, and an exit code for a script."""
    advoware = Advoware()
    advoware.staff.add_mitarbeiter(kuerzel="SB", name="Birkenau")
    async with serve(advoware) as url, google_calendar() as (google, settings):
        account = advoware_settings(url).credentials
        environ = {
            "HUB_ENV": "demo",
            "NATS_URL": nats_server.url,
            "ADVOWARE_APP_ID": account.advoware_app_id,
            "ADVOWARE_API_KEY": account.advoware_api_key.reveal(),
            "ADVOWARE_KANZLEI": account.advoware_kanzlei,
            "ADVOWARE_DATABASE": account.advoware_database,
            "ADVOWARE_USER": account.advoware_user,
            "ADVOWARE_PASSWORD": account.advoware_password.reveal(),
            "ADVOWARE_DISCOVERY_URL": f"{url}/AdvonetConfigurator/api/Url",
            "GOOGLE_CALENDAR_BASE_URL": settings.google_calendar_base_url,
            "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH": settings.google_calendar_service_account_path,
        }
        code, told = await command(environ, "verify", "--json")
        assert (code, json.loads(told)["exit_code"]) == (1, 1)
        assert json.loads(told)["employees"][0]["findings"] == [{"kind": "calendar_missing", "cure": "sync"}]
        code, told = await command(environ, "find-orphaned", "--kuerzel", "SB")
        assert (code, told.splitlines()[0]) == (0, "SB: find-orphaned: nothing found")
        code, told = await command(environ, "verify", "--kuerzel", "SB", "--apply")
        assert (code, told.splitlines()[-1]) == (1, "  done: sync_asked_for 1")
        advoware.faults.add(Fault(kind="error", path=".*/Mitarbeiter", times=None))
        assert (await command(environ, "verify"))[0] == 69
        assert {row.path for row in google.log.writes()} == {"/token"}
        assert (await command({}, "verify"))[0] == 78


async def command(environ: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Runs it; its exit code, and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "calendar_worker", "audit", *arguments),
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()
