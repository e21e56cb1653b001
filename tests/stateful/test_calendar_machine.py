"""Calendars under everything that can happen to them: edits on both sides, faults, lost answers, crashes, lost memory.

After the dust settles Advoware and Google agree as far as the policy says, nothing exists twice, nothing that a person
typed last is gone without a trace, what is not ours is untouched, and one more run writes nothing.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from local_stack.nats_server import NatsServer
from shared.outcomes.errors import HubError, Refused
from shared.outcomes.outcome import Done, Outcome
from simulators.advoware import Switches
from simulators.faults import Fault
from simulators.google_calendar import Switches as GoogleSwitches
from tests.stateful import calendar_values as values
from tests.stateful.calendar_memory import is_locked
from tests.stateful.calendar_oracle import (
    check_calendar,
    check_conflicts,
    check_deletions,
    check_nothing_lost,
    check_nothing_twice,
    check_untouched,
)
from tests.stateful.calendar_staff import Staff
from tests.stateful.calendar_world import ALL, COLLEAGUE, KUERZEL, ONE, World
from tests.stateful.deliveries import Delivery
from tests.stateful.intents import open_intents
from tests.stateful.machine import run_machine
from tests.support.calendars import lose_memory
from tests.support.redis import RedisPlace

_STEPS = st.none() | st.integers(0, 400)
_WORKER = st.integers(0, 1)
_DEEDS = st.lists(values.DEEDS, min_size=1, max_size=3)
_DAY_S = 24 * 3600.0
_ROUNDS = 6


class CalendarMachine(RuleBasedStateMachine):
    """Staff on both sides, vendors' bad days, and two workers."""

    nats_url = ""
    redis_url = ""

    @initialize(
        policy=st.sampled_from(["source_system_wins", "last_change_wins"]),
        write=st.sampled_from([True, True, True, False]),
        full=st.sampled_from([True, True, False]),
        switches=st.fixed_dictionaries(
            {
                "termin_datum": st.sampled_from(["date_time", "midnight", "date"]),
                "termin_created": st.sampled_from(["number", "object"]),
                "termin_single": st.sampled_from(["object", "list"]),
                "rubrum_in_text": st.sampled_from(["list", "always", "never"]),
                "everybodys_in_lists": st.booleans(),
                "put_answers": st.sampled_from(["record", "nothing"]),
            }
        ),
        at_google=st.fixed_dictionaries(
            {
                "revive": st.sampled_from(["forbidden", "ok"]),
                "cancelled_details": st.sampled_from(["documented", "never", "always"]),
            }
        ),
        first=st.lists(st.sampled_from(sorted(values.TERMINE)), max_size=3),
    )
    def open(
        self,
        policy: Any,
        write: bool,
        full: bool,
        switches: dict[str, Any],
        at_google: dict[str, Any],
        first: list[str],
    ) -> None:
        """Vendors with one set of undocumented behaviours, two workers, and a calendar that is in step."""
        self.world = World(self.nats_url, self.redis_url, Switches(**switches), policy=policy, write=write)
        self.world.full = full
        self.world.google.switches = GoogleSwitches(**at_google)
        self.staff = Staff(self.world)
        self.asked_all = False
        for shape in first:
            self.staff.do("add_termin", shape, "own")
        for _ in range(2):
            self._run(None, 0)

    def teardown(self) -> None:
        """Quiet, compare, and go."""
        if not hasattr(self, "world"):
            return
        try:
            self._quiet()
            for kuerzel in self._everybody():
                remembered = self.world.runner.run(self.world.memory(kuerzel))
                check_calendar(self.world, self.staff, kuerzel, remembered)
            check_nothing_twice(self.world, self.staff)
            check_nothing_lost(self.staff)
            check_deletions(self.staff)
            check_conflicts(self.world, self.staff)
            check_untouched(self.world, self.staff)
            self._nothing_left()
        finally:
            self.world.close()

    # Staff

    @rule(deeds=_DEEDS)
    def edit(self, deeds: list[tuple[Any, ...]]) -> None:
        for deed in deeds:
            self.staff.do(*deed)

    @rule(deeds=_DEEDS, worker=_WORKER)
    def edit_and_sync(self, deeds: list[tuple[Any, ...]], worker: int) -> None:
        self.edit(deeds)
        self._run(None, worker)

    @rule(index=st.integers(0, 7), field=st.sampled_from(["text", "notiz", "ort"]), google_first=st.booleans())
    def edit_both(self, index: int, field: str, google_first: bool) -> None:
        """The same of one appointment, mostly."""
        for name in ("retext_event", "retext_termin") if google_first else ("retext_termin", "retext_event"):
            self.staff.do(name, index, field)

    # Vendors' bad days

    @rule(fault=values.AT_ADVOWARE)
    def trouble_at_advoware(self, fault: Fault) -> None:
        self.world.advoware.faults.add(fault)

    @rule(fault=values.AT_GOOGLE, late=st.booleans(), reason=st.sampled_from(values.REASONS))
    def trouble_at_google(self, fault: Fault, late: bool, reason: Any) -> None:
        """`late`: an error is answered after the work was done."""
        google = self.world.google
        google.switches = msgspec.structs.replace(google.switches, reason_of_403=reason)
        if late and fault.kind == "error" and fault.status != 403:
            google.late_errors.add(fault)
        else:
            google.faults.add(fault)

    @rule(limit=st.sampled_from([None, 1, 2]), empty=st.integers(0, 2), scattered=st.booleans())
    def cut_pages(self, limit: int | None, empty: int, scattered: bool) -> None:
        google = self.world.google
        order: Any = "scattered" if scattered else "created"
        google.switches = msgspec.structs.replace(
            google.switches, page_limit=limit, empty_pages=empty, list_order=order
        )

    @rule(weeks=st.sampled_from([0, 1, 3, 16]), tokens_end=st.booleans())
    def time_goes_by(self, weeks: int, tokens_end: bool) -> None:
        """The window moves on."""
        self.world.clock.move(weeks * 7 * _DAY_S)
        if weeks:
            self.staff.memory.expected_gone.clear()
        if tokens_end:
            self.world.advoware.expire_tokens()
            self.world.google.expire_tokens()
            self.world.google.expire_sync_tokens()

    # The hub

    @rule(worker=_WORKER, steps=_STEPS)
    def run_calendar(self, worker: int, steps: int | None) -> None:
        """A delivery that lives, or dies at some await."""
        self._run(steps, worker)

    @rule(worker=_WORKER, steps=st.integers(0, 300), deed=values.DEEDS)
    def run_while_staff_work(self, worker: int, steps: int, deed: tuple[Any, ...]) -> None:
        """Somebody types while the hub works."""

        def meanwhile() -> None:
            self.staff.do(*deed, racing=True)

        self._deliver(_of(KUERZEL), worker, steps, meanwhile=meanwhile)

    @rule(worker=_WORKER, steps=_STEPS, order=st.randoms(use_true_random=False))
    def sync_all(self, worker: int, steps: int | None, order: Any) -> None:
        """The round, and all it asks for in any order, the first of it with a crash."""
        self.asked_all = True
        self._deliver((ALL, b"{}"), worker, None)
        queue = self.world.runner.run(self.world.queue())
        order.shuffle(queue)
        for number, delivery in enumerate(queue):
            self._deliver(delivery, worker, steps if number == 0 else None)

    @rule()
    def change_mode(self) -> None:
        """The firm decides anew whether texts go to Google."""
        self.world.full = not self.world.full

    @precondition(lambda self: self.staff.serial > 2)
    @rule()
    def lose_memory(self) -> None:
        self.world.runner.run(lose_memory(self.world.service))
        self.staff.lose_memory()

    def _run(self, steps: int | None, worker: int) -> Outcome | HubError | None:
        return self._deliver(_of(KUERZEL), worker, steps)

    def _deliver(
        self, delivery: Delivery, worker: int, steps: int | None, *, meanwhile: Any = None
    ) -> Outcome | HubError | None:
        ended = self.world.runner.run(self.world.run(delivery, worker, steps, meanwhile=meanwhile))
        self.staff.is_uncertain = bool(self.world.runner.run(open_intents(self.world.service)))
        remembered = self.world.runner.run(self.world.memory())
        self.staff.memory.conflicts |= {one.content: one for one in remembered.conflicts}
        is_whole = ended is not None and not isinstance(ended, HubError) and meanwhile is None
        is_ours = delivery[0] == ONE and KUERZEL.encode() in delivery[1]
        self.staff.memory.note_run(in_step=is_whole and is_ours and not remembered.failed)
        return ended

    # The end

    def _quiet(self) -> None:
        """No more faults; runs until one writes nothing. What the guard refuses, an operator lets pass."""
        world = self.world
        world.advoware.faults.clear()
        world.google.faults.clear()
        world.google.late_errors.clear()
        world.google.switches = msgspec.structs.replace(world.google.switches, page_limit=None, empty_pages=0)
        for _ in range(_ROUNDS):
            world.clock.move(_DAY_S)
            world.forget_requests()
            ended = []
            for kuerzel in self._everybody():
                outcome = self._deliver(_of(kuerzel), 0, None)
                if isinstance(outcome, Refused):
                    outcome = self._deliver(_of(kuerzel, force=True), 1, None)
                ended.append(outcome)
            if not world.changes() and not any(isinstance(one, HubError) for one in ended):
                return
        raise AssertionError(f"there is always something to write: {ended!r} {world.writes()}")

    def _everybody(self) -> list[str]:
        """Who has a calendar, or was to get one."""
        return [KUERZEL] + ([COLLEAGUE] if self.asked_all or self.world.calendar(COLLEAGUE) else [])

    def _nothing_left(self) -> None:
        """Invariants 1 and 8; and no write is of unknown fate."""
        self.world.forget_requests()
        ended = self._run(None, 1)
        assert not isinstance(ended, (Done, HubError)), ended
        assert self.world.writes() == []
        # Events whose change cannot go to Advoware now are asked for singly.
        may_wait = not self.world.full or any(is_locked(record) for record in self.world.termine().values())
        memory = self.world.runner.run(self.world.memory())
        waiting = sum(row.unseen for row in memory.rows.values()) + len(memory.failed) if may_wait else 0
        assert len(self.world.requests()) <= 3 + waiting, self.world.requests()
        assert self.world.runner.run(open_intents(self.world.service)) == []


def _of(kuerzel: str, **more: Any) -> Delivery:
    return ONE, msgspec.json.encode({"kuerzel": kuerzel, **more})


def _run(nats_server: NatsServer, redis_server: RedisPlace, *, examples: int, steps: int, derandomize: bool) -> None:
    places = {"nats_url": nats_server.url, "redis_url": redis_server.url}
    run_machine(CalendarMachine, examples=examples, steps=steps, derandomize=derandomize, **places)


@pytest.mark.timeout(300)
def test_calendars_agree_in_the_end(nats_server: NatsServer, redis_server: RedisPlace) -> None:
    """P2, P5, P9: whatever happens, both calendars agree, nothing exists twice or is lost, and one more run writes
    nothing. Invariants 1–9, 11, 14, 17–20, 22 and 24.
    """
    # The same ones each time: what the long profile finds becomes a test of its own.
    _run(nats_server, redis_server, examples=15, steps=15, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_calendars_agree_in_the_end_long(nats_server: NatsServer, redis_server: RedisPlace) -> None:
    """P2, P5, P9: the same for longer."""
    _run(nats_server, redis_server, examples=300, steps=40, derandomize=False)
