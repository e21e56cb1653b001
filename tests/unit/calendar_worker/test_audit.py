"""What audits find and take away, from tables: two vendors as dictionaries, no network."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_worker.model.audit import Asked, Audited, Command, Finding, Report
from calendar_worker.model.memory import Failure
from calendar_worker.plan.audit.decide import audit, is_for_the_sync
from calendar_worker.plan.audit.duplicates import duplicates
from calendar_worker.plan.audit.orphans import orphans
from calendar_worker.plan.audit.report import as_json, exit_code, line_of, rendered
from calendar_worker.plan.audit.verify import drift
from tests.unit.calendar_worker.audits import (
    PERSON,
    SYNC,
    a_pair,
    all_of,
    copied,
    forget,
    seen_whole,
)
from tests.unit.calendar_worker.world import NOW, TERMS, World, terms

# Verify.


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        (lambda world, number, _: world.change_termin(number, text="neu"), ("differs", ("google.what",))),
        (lambda world, _, event: world.change_event(event, location="Saal 3"), ("differs", ("advoware.what",))),
        (lambda world, _, event: world.change_event(event, visibility="private"), None),
        (lambda world, _, event: world.delete_event(event), ("termin_left_over", ())),
        (lambda world, number, _: world.termine.pop(number), ("event_left_over", ())),
        (lambda world, *_: world.add_termin(text="neu"), ("event_missing", ())),
        (lambda world, *_: world.add_event(), ("termin_missing", ())),
        (lambda world, _, event: forget(world, event), ("not_remembered", ())),
        (lambda *_: None, None),
    ],
)
def test_drift_is_what_a_sync_would_write(
    deed: Callable[[World, int, str], object], expected: tuple[str, tuple[str, ...]] | None
) -> None:
    """One thing at a time."""
    world, number, event = a_pair()
    world.add_termin(text="bleibt")
    world.run()
    deed(world, number, event)
    found = drift(seen_whole(world))
    assert [(one.kind, one.parts) for one in found] == ([expected] if expected else [])
    assert all(one.cure == SYNC for one in found)


def test_a_refused_plan_and_refused_writes_are_told() -> None:
    """The guard's is a person's; what a vendor has refused waits for its time, and no mail is told."""
    world = World()
    for number in range(5):
        world.add_termin(text=str(number))
    world.run()
    strict = msgspec.structs.replace(TERMS, max_changes=2, max_share=0.3)
    failure = Failure(key="share:a@b", attempts=2, next_at=NOW, content="", reason="google share calendar: 400")
    refused = {"share:a@b": failure, "event9": msgspec.structs.replace(failure, key="event9")}
    world.memory = msgspec.structs.replace(world.memory, failed=refused)
    found = drift(seen_whole(world, strict))
    assert [(one.kind, one.event_ids) for one in found] == [("write_refused", ("event9",)), ("write_refused", ())]
    assert "a@b" not in repr(found)
    for event in [*world.events][:3]:
        world.delete_event(event)
    assert [(one.kind, one.cure) for one in drift(seen_whole(world, strict))] == [("refused", PERSON)]
    report, _ = audit(Asked(command="verify", kuerzel="SB"), seen_whole(world, strict))
    assert not is_for_the_sync(report)


# The whole.


@given(
    deeds=st.lists(st.sampled_from(["termin", "event", "everybody", "copy", "edit", "drop"]), max_size=8),
    data=st.data(),
)
def test_a_world_in_step_is_clean_and_deletions_are_ours(deeds: list[str], data: st.DataObject) -> None:
    """Whatever people did: in step there is no drift and no orphan, and no Termin of staff's is ever taken away."""
    world = World()
    of_staff: set[int] = set()
    for deed in deeds:
        live = sorted(event.id for event in world.live())
        if deed == "termin":
            of_staff.add(world.add_termin())
        elif deed == "everybody":
            of_staff.add(world.add_termin(anwalt="ALLE"))
        elif deed == "event":
            world.add_event()
        elif live and deed == "copy":
            copied(world, data.draw(st.sampled_from(live)))
        elif live and deed == "edit":
            world.change_event(data.draw(st.sampled_from(live)), summary="anders")
        elif live:
            world.delete_event(data.draw(st.sampled_from(live)))
        world.run()
    world.run()
    audited = seen_whole(world)
    assert drift(audited) == ()
    assert orphans(audited).findings == ()
    found = duplicates(audited)
    assert not {one.termin.fr_nr for one in found.removals if one.termin is not None} & of_staff
    for removal in found.removals:
        assert removal.event is not None
        assert removal.termin is not None
        world.delete_event(removal.event.id)
        world.termine.pop(removal.termin.fr_nr)
        forget(world, removal.forget)
    assert [one for one in all_of(seen_whole(world)) if one[1] != PERSON] == []
    assert world.run().writes == {}


# What is told.


def test_nothing_is_said_of_what_cannot_be_believed() -> None:
    """An unknown employee, a lost calendar, an empty side; --force believes the last."""
    world = World()
    for number in range(3):
        world.add_termin(text=str(number))
    world.run()
    world.termine.clear()
    asked = Asked(command="cleanup-orphaned", kuerzel="SB", apply=True)
    audited = seen_whole(world)
    report, decided = audit(asked, audited)
    assert report.refused.startswith("Advoware lists no Termin, and 3 are known")
    assert (decided.removals, exit_code([report])) == ((), 1)
    for changed in ({"kuerzel": ""}, {"lost": True}):
        seen = msgspec.structs.replace(audited.seen, terms=terms(force=True), **changed)
        assert audit(asked, Audited(seen=seen))[0].refused
    forced = msgspec.structs.replace(audited.seen, terms=terms(force=True))
    assert audit(asked, Audited(seen=forced))[0].refused == ""
    assert "7 of 3" in audit(asked, Audited(seen=forced, not_asked=7))[0].refused


@pytest.mark.parametrize("command", ["verify", "find-duplicates", "find-orphaned", "query-frnr", "query-event"])
def test_no_text_is_told(command: Command) -> None:
    """P10: ids, counts, names of parts, and reasons."""
    world, number, event = a_pair()
    world.change_termin(number, text="Geheimnis", notiz="Geheimnis")
    copied(world, event, summary="Geheimnis")
    wanted = {"query-frnr": str(number), "query-event": event}.get(command, "")
    asked = Asked(command=command, kuerzel="SB", wanted=wanted)
    report, _ = audit(asked, seen_whole(world))
    for json in (True, False):
        assert "Geheimnis" not in rendered(asked, [report], json=json)
    assert as_json(asked, [report])["exit_code"] == exit_code([report])


def test_how_findings_and_endings_are_told() -> None:
    """One line each; 0 nothing, 1 something, 69 not everything could be looked at."""
    finding = Finding(kind="differs", cure="sync", fr_nrs=(7,), event_ids=("e",), parts=("google.when",))
    assert line_of(finding) == "differs frNr 7 events/e (google.when); the ordinary sync puts it right"
    clean = Report(kuerzel="SB", counts={"pairs": 3, "events": 0})
    asked = Asked(command="verify", kuerzel="SB")
    assert rendered(asked, [clean], json=False) == "SB: verify: nothing found (pairs 3)\n"
    failed = Report(kuerzel="PM", failed="advoware: 503")
    found = Report(kuerzel="RO", findings=(finding,))
    assert [exit_code(one) for one in ([clean], [clean, found], [found, failed], [])] == [0, 1, 69, 0]
    assert rendered(asked, [failed], json=False) == "PM: verify: not known\n  not done: advoware: 503\n"
    nobody = Asked(command="query-frnr", kuerzel="ALL", wanted="9")
    assert rendered(nobody, [], json=False) == "query-frnr: nobody's calendar knows it\n"
