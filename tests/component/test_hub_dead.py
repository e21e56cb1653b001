"""`hub dead` and `hub replay`: listed, shown, published again, dropped."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from console.desk.dead import Filters, page, show
from shared.runtime.service import Service
from tests.support.hub import CANARY, TRACE_ID, bury, define, hub, letter
from tests.support.office import stored


async def _some(service: Service) -> None:
    await bury(
        service,
        [
            letter(1),
            letter(2, kind="Refused", reason="21 of 60 are gone"),
            letter(3, subject="vmh.beteiligte.update"),
            letter(4, kind="Malformed", reason="entity_id is missing", body=f'{{"name":"{CANARY}"}}'.encode()),
            letter(5, subject="vmh.raeumungsklage.create"),
        ],
    )


async def _deeds(service: Service) -> list[tuple[str, str, str, int]]:
    told = [(row["subject"], msgspec.json.decode(row["body"])) for row in await stored(service, "AUDIT")]
    return [(subject.removeprefix("audit.operator."), one["who"], one["about"], one["count"]) for subject, one in told]


async def test_newest_first_with_filters(service: Service) -> None:
    """By subject with wildcards, kind, reason and age; the total is that of the subject."""
    await _some(service)

    async def numbers(**filters: object) -> list[int]:
        found = await page(service.bus, Filters(**filters), wanted=10)  # type: ignore[arg-type]
        return [one.sequence for one in found.letters]

    now = datetime.now(UTC)
    assert await numbers() == [5, 4, 3, 2, 1]
    assert await numbers(subject="vmh.document.*") == [4, 2, 1]
    assert await numbers(subject="*.*.update") == [4, 3, 2, 1]
    assert await numbers(kind="refused") == [2]
    assert await numbers(reason="413") == [5, 3, 1]
    assert await numbers(newer=now - timedelta(minutes=5)) == [5, 4, 3, 2, 1]
    assert await numbers(newer=now + timedelta(minutes=5)) == []
    assert await numbers(older=now - timedelta(minutes=5)) == []
    assert await numbers(older=now + timedelta(minutes=5), kind="Refused") == [2]
    found = await page(service.bus, Filters(subject="vmh.document.*"), wanted=1)
    assert (len(found.letters), found.total) == (1, 3)
    [then] = (await page(service.bus, Filters(subject="vmh.document.*"), wanted=1, before=4)).letters
    assert then.sequence == 2


async def test_a_letter_says_what_is_known_of_it(service: Service) -> None:
    """P10: identity, reason, where it lay; of foreign headers the names, of the body the size, not what they say."""
    await _some(service)
    found = await show(service.bus, 1)
    assert found is not None
    assert (found.entity_type, found.entity_id, found.kind, found.attempts) == ("CDokumente", "d1", "Rejected", 3)
    assert (found.event_id, found.from_stream, found.from_sequence, found.trace_id) == ("e1", "VMH", 1, TRACE_ID)
    assert found.other_headers == ["X-Foreign"]
    assert found.size_bytes > 20
    unread = await show(service.bus, 4)
    assert unread is not None
    assert (unread.entity_type, unread.entity_id) == ("", "")
    assert CANARY not in msgspec.json.encode([found, unread]).decode()
    assert await show(service.bus, 6) is None


async def test_ls_and_show_at_the_command_line(service: Service) -> None:
    """Columns in a pipe, JSON for programs, exit code 1 for a letter that is not there."""
    await _some(service)
    url = service.bus.settings.nats_url
    plain = await hub(url, "dead", "ls", "--subject", "vmh.document.*", "--limit", "2")
    assert plain.code == 0
    lines = plain.out.splitlines()
    assert lines[0].split()[:4] == ["SEQUENCE", "AT", "SUBJECT", "RECORD"]
    assert ["cannot be read" in line for line in lines[1:]] == [True, False]
    assert "CDokumente d2" in lines[2]
    assert "2 of 3 that lie there; the next page: --before 2" in plain.err
    told = await hub(url, "dead", "ls", "--kind", "Refused", "--newer", "1h", "--json")
    assert [one["sequence"] for one in told.json["letters"]] == [2]
    shown = await hub(url, "dead", "show", "1")
    assert "reason         xai upload_file: 413" in shown.out
    missing = await hub(url, "dead", "show", "77")
    assert (missing.code, missing.err) == (1, "hub: there is no dead letter 77\n")
    wrong = await hub(url, "dead", "ls", "--newer", "yesterday")
    assert (wrong.code, wrong.out) == (2, "")
    assert "is no moment" in wrong.err
    assert CANARY not in plain.out + told.out + shown.out


async def test_replay_asks_and_is_recorded(service: Service) -> None:
    """Dry run and a no do nothing; a yes publishes exactly these again, with the same event id and a new message id."""
    await _some(service)
    url = service.bus.settings.nats_url
    dry = await hub(url, "dead", "replay", "--all", "--subject", "vmh.document.*", "--dry-run", "--json")
    assert dry.json == {"dry_run": True, "deed": "replay", "sequences": [1, 2, 4]}
    no = await hub(url, "dead", "replay", "1", stdin="n\n")
    assert (no.code, no.err) == (1, "Publish 1 event(s) again? [y/N] hub: nothing was done\n")
    silent = await hub(url, "dead", "replay", "1")
    assert (silent.code, "--yes skips the question" in silent.err) == (1, True)
    assert await stored(service, "VMH") == []
    assert await stored(service, "AUDIT") == []

    done = await hub(url, "dead", "replay", "1", "3", "99", "--json", stdin="y\n")
    assert (done.code, done.json) == (1, {"done": [1, 3], "gone": [99]})
    first, second = await stored(service, "VMH")
    assert (first["subject"], second["subject"]) == ("vmh.document.update", "vmh.beteiligte.update")
    assert first["headers"]["ce-id"] == first["headers"]["Hub-Replay-Of"] == "e1"
    assert first["headers"]["Nats-Msg-Id"].startswith("replay:")
    assert "Hub-Error" not in first["headers"]
    assert await _deeds(service) == [("replay", "anna", "dead 1 3 99", 3)]
    assert len(await stored(service, "DEAD")) == 5


async def test_replay_and_drop(service: Service) -> None:
    """With --drop a letter goes once its event is stored; both deeds are recorded."""
    await _some(service)
    done = await hub(
        service.bus.settings.nats_url,
        "dead",
        "replay",
        "--all",
        "--kind",
        "Rejected",
        "--drop",
        "--yes",
        "--rate",
        "20",
    )
    assert (done.code, done.out) == (0, "published again: 3\n")
    assert len(await stored(service, "VMH")) == 3
    assert [one.sequence for one in (await page(service.bus, Filters(), wanted=9)).letters] == [4, 2]
    assert [(deed, count) for deed, _, _, count in await _deeds(service)] == [("replay", 3), ("drop", 3)]


async def test_drop_removes_exactly_those(service: Service) -> None:
    """By number or by filter; never all by an oversight; a letter that is gone already is said."""
    await _some(service)
    url = service.bus.settings.nats_url
    nothing = await hub(url, "dead", "drop", "--yes")
    assert (nothing.code, "Give sequence numbers, or --all" in nothing.err) == (2, True)
    both = await hub(url, "dead", "drop", "1", "--all", "--yes")
    assert both.code == 2
    dry = await hub(url, "dead", "drop", "2", "--dry-run")
    assert dry.out == "would drop 1 dead letter(s), 2\n"
    done = await hub(url, "dead", "drop", "2", "--yes")
    assert (done.code, done.out) == (0, "dropped: 1\n")
    again = await hub(url, "dead", "drop", "2", "--yes")
    assert (again.code, again.out) == (1, "dropped: 0; gone already: 1\n")
    await hub(url, "dead", "drop", "--all", "--subject", "vmh.document.update", "--yes")
    assert [one.sequence for one in (await page(service.bus, Filters(), wanted=9)).letters] == [5, 3]
    deeds = await _deeds(service)
    assert deeds[0] == ("drop", "anna", "dead 2", 1)
    assert deeds[-1] == ("drop", "anna", "dead subject=vmh.document.update", 2)


async def _events(service: Service) -> None:
    nc = service.bus.nc
    for number in range(6):
        await nc.request("vmh.document.update", b'{"entity_id":"d1"}', headers={"ce-id": f"e{number}", "X": "y"})
    await nc.request("vmh.document.update", b'{"entity_id":"d2"}')
    # The same event once more, as a schedule publishes it after a failure, and as a replay.
    await nc.request("vmh.document.update", b'{"entity_id":"d1"}', headers={"ce-id": "e1", "Hub-Attempts": "2"})
    await nc.request("vmh.document.update", b'{"entity_id":"d1"}', headers={"ce-id": "e9", "Hub-Replay-Of": "e2"})
    await nc.request("vmh.account.update", b'{"entity_id":"a1"}')
    await define(service)


async def test_stored_events_once_each(service: Service) -> None:
    """P1: each event once, with a new message id and its own event id; never a schedule's definition."""
    await _events(service)
    url = service.bus.settings.nats_url
    dry = await hub(url, "replay", "--subject", "vmh.>", "--since", "1h", "--dry-run", "--json")
    assert (dry.code, dry.json["published"]) == (0, 0)
    assert dry.json["subjects"] == {"vmh.document.update": 7, "vmh.account.update": 1}
    assert len(await stored(service, "VMH")) == 11
    done = await hub(url, "replay", "--subject", "vmh.document.*", "--since", "1h", "--rate", "50", "--yes", "--json")
    assert (done.code, done.json["published"]) == (0, 7)
    again = (await stored(service, "VMH"))[11:]
    assert [row["headers"]["Hub-Replay-Of"] for row in again] == ["e0", "e1", "e2", "e3", "e4", "e5", "VMH-7"]
    assert len({row["headers"]["Nats-Msg-Id"] for row in again}) == 7
    assert {row["headers"].get("X") for row in again[:6]} == {"y"}
    assert [(deed, count) for deed, _, _, count in await _deeds(service)] == [("replay", 7)]
    # What was published again is the same event, and is not published twice as often the next time.
    more = await hub(url, "replay", "--subject", "vmh.document.*", "--since", "1h", "--dry-run", "--json")
    assert more.json["subjects"] == {"vmh.document.update": 7}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("--subject", "history.>", "--since", "1h"), 2, "no stream keeps history.>"),
        (("--subject", "vmh.document.*", "--since", "1h"), 1, "no stored event matches"),
        (("--subject", "vmh.document.*", "--since", "soon"), 2, "is no moment"),
    ],
)
async def test_what_cannot_be_replayed(service: Service, args: tuple[str, ...], code: int, says: str) -> None:
    """A sentence, an exit code, and nothing published."""
    done = await hub(service.bus.settings.nats_url, "replay", *args, "--yes")
    assert (done.code, says in done.err) == (code, True)


async def test_replay_keeps_the_rate(service: Service) -> None:
    """Ten a second are ten a second."""
    await _events(service)
    began = service.clock.monotonic()
    await hub(
        service.bus.settings.nats_url, "replay", "--subject", "vmh.document.*", "--since", "1h", "--rate", "5", "--yes"
    )
    assert service.clock.monotonic() - began > 6 / 5
    times = [row["headers"].get("Hub-Replay-Of") for row in await stored(service, "VMH")]
    assert times.count("e3") == 1
