"""Parties under everything that can happen to them: edits on both sides, faults, lost answers, crashes, duplicates.

After the dust settles EspoCRM and Advoware agree as far as the policy says, nothing exists twice, nothing that a person
typed last is gone without a word, and one more run writes nothing.
"""

import os
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule

from local_stack.nats_server import NatsServer
from simulators.advoware import Switches
from simulators.faults import Fault
from tests.stateful import party_values as values
from tests.stateful.deliveries import Delivery
from tests.stateful.intents import open_intents
from tests.stateful.machine import run_machine
from tests.stateful.party_oracle import check_parties, check_tasks
from tests.stateful.party_staff import Staff
from tests.stateful.party_world import World
from tests.support.redis import RedisPlace

_UPDATE, _SWEEP = "vmh.beteiligte.update", "vmh.beteiligte.sweep"
_STEPS = st.none() | st.integers(0, 250)
_WORKER = st.integers(0, 1)
_DEEDS = st.lists(values.DEEDS, min_size=1, max_size=4)
_PARTIES_MAX = 3


class PartyMachine(RuleBasedStateMachine):
    """Staff on both sides, vendors' bad days, and two workers."""

    parties = Bundle("parties")

    nats_url = ""
    redis_url = ""

    @initialize(
        target=parties,
        lists=st.booleans(),
        shown=st.sampled_from(["stored", "zero", "null"]),
        put_missing=st.sampled_from(["reset", "kept"]),
        put_answers=st.sampled_from(["record", "nothing"]),
        timestamps=st.sampled_from(["utc", "local"]),
        fields=values.NEW_PARTIES,
    )
    def open(
        self, lists: bool, shown: Any, put_missing: Any, put_answers: Any, timestamps: Any, fields: dict[str, Any]
    ) -> str:
        """Vendors with one set of undocumented behaviours, two workers, and a party that is in step."""
        switches = Switches(
            beteiligte_list=lists,
            komm_kz_shown=shown,
            put_missing=put_missing,
            put_answers=put_answers,
            party_timestamps=timestamps,
        )
        self.world = World(self.nats_url, self.redis_url, switches)
        self.staff = Staff(self.world)
        return self._new_party(fields, known=True)

    def teardown(self) -> None:
        """Quiet, compare, and go."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.runner.run(self._quiet())
            check_parties(self.world, self.staff)
            check_tasks(self.world, self.staff)
            self.world.runner.run(self._nothing_left())
        finally:
            self.world.close()

    # Staff

    @precondition(lambda self: len(self.staff.parties) < _PARTIES_MAX)
    @rule(target=parties, fields=values.NEW_PARTIES, known=st.booleans())
    def new_party(self, fields: dict[str, Any], known: bool) -> str:
        return self._new_party(fields, known=known)

    def _new_party(self, fields: dict[str, Any], *, known: bool) -> str:
        """`known`: with all that belongs to a party, and synced before anything else happens to it."""
        party = self.staff.new_party(fields)
        if known:
            for name, *arguments in values.FURNITURE:
                self.staff.do(name, party, *arguments)
            for _ in range(2):
                self._run(_UPDATE, {"entity_id": party, "source": "nats"}, 0, None)
        return party

    @rule(party=parties, deeds=_DEEDS)
    def edit(self, party: str, deeds: list[tuple[Any, ...]]) -> None:
        for name, *arguments in deeds:
            self.staff.do(name, party, *arguments)

    @rule(party=parties, deeds=_DEEDS, worker=_WORKER)
    def edit_and_sync(self, party: str, deeds: list[tuple[Any, ...]], worker: int) -> None:
        self.edit(party, deeds)
        self._run(_UPDATE, {"entity_id": party, "source": "webhook"}, worker, None)

    # Vendors' bad days

    @rule(fault=values.FAULTS, at_advoware=st.booleans())
    def trouble(self, fault: Fault, at_advoware: bool) -> None:
        vendor = self.world.advoware if at_advoware else self.world.espocrm
        vendor.faults.add(fault)

    @rule(hours=st.sampled_from([1, 5, 25]), tokens_end=st.booleans())
    def time_goes_by(self, hours: int, tokens_end: bool) -> None:
        self.world.clock.move(hours * 3600.0)
        if tokens_end:
            self.world.advoware.expire_tokens()

    # The hub

    @rule(party=parties, subject=values.SUBJECTS)
    def webhook(self, party: str, subject: str) -> None:
        self.world.runner.run(self.world.publish(subject, party))

    @rule(party=parties, worker=_WORKER, steps=_STEPS, source=st.sampled_from(["webhook", "nats", "sweep"]))
    def run_party(self, party: str, worker: int, steps: int | None, source: str) -> None:
        """A delivery that lives, or dies at some await."""
        self._run(_UPDATE, {"entity_id": party, "source": source}, worker, steps)

    @rule(party=parties, worker=_WORKER, steps=st.integers(0, 150), deed=values.DEEDS)
    def run_party_while_staff_work(self, party: str, worker: int, steps: int, deed: tuple[Any, ...]) -> None:
        """Somebody types while the hub writes."""
        name, *arguments = deed
        delivery: Delivery = (_UPDATE, msgspec.json.encode({"entity_id": party, "source": "webhook"}))

        def meanwhile() -> None:
            self.staff.do(name, party, *arguments, racing=True)

        self.world.runner.run(self.world.run(delivery, worker, steps, meanwhile=meanwhile))
        self.staff.memory.note_tasks()

    @rule(worker=_WORKER, steps=_STEPS, order=st.randoms(use_true_random=False))
    def work_off_the_queue(self, worker: int, steps: int | None, order: Any) -> None:
        """Everything published since, in any order, the first of it with a crash."""
        queue = self.world.runner.run(self.world.queue())
        order.shuffle(queue)
        for number, delivery in enumerate(queue):
            self.world.runner.run(self.world.run(delivery, worker, steps if number == 0 else None))
        self.staff.memory.note_tasks()

    @rule(worker=_WORKER, steps=_STEPS)
    def sweep(self, worker: int, steps: int | None) -> None:
        self._run(_SWEEP, {}, worker, steps)

    def _run(self, subject: str, body: dict[str, Any], worker: int, steps: int | None) -> None:
        self.world.runner.run(self.world.run((subject, msgspec.json.encode(body)), worker, steps))
        self.staff.memory.note_tasks()

    # The end

    async def _quiet(self) -> None:
        """No more faults; sweeps and what they ask for until a whole round of all parties writes nothing."""
        self.world.espocrm.faults.clear()
        self.world.advoware.faults.clear()
        for _ in range(16):
            self.world.clock.move(6 * 3600.0)
            self.world.forget_writes()
            await self._round()
            if not self.world.writes():
                return
        raise AssertionError(f"there is always something to write: {self.world.writes()}")

    async def _round(self) -> None:
        """So many sweeps that each party has its turn; all that they ask for."""
        for _ in range(len(self.world.parties()) + 2):
            assert await self.world.run((_SWEEP, b"{}"), 0, None), self.world.dead
            rounds = 0
            while queue := await self.world.queue():
                rounds += 1
                assert rounds < 30, f"the queue never ends: {queue[:5]}"
                for delivery in queue:
                    await self.world.run(delivery, 1, None)
                    self.staff.memory.note_tasks()

    async def _nothing_left(self) -> None:
        self.world.forget_writes()
        for party in sorted(self.staff.parties):
            delivery: Delivery = (_UPDATE, msgspec.json.encode({"entity_id": party, "source": "webhook"}))
            await self.world.run(delivery, 0, None)
        assert self.world.writes() == []
        clean = [one for one in self.world.parties() if self.world.record("CBeteiligte", one)["syncStatus"] == "clean"]
        left = await open_intents(self.world.service)
        assert [key for key in left if any(one in key for one in clean)] == [], "in step, and a write of unknown fate"


def _run(nats_server: NatsServer, redis_server: RedisPlace, *, examples: int, steps: int) -> None:
    places = {"nats_url": nats_server.url, "redis_url": redis_server.url}
    run_machine(PartyMachine, examples=examples, steps=steps, derandomize="CI" in os.environ, **places)


@pytest.mark.timeout(300)
def test_parties_agree_in_the_end(nats_server: NatsServer, redis_server: RedisPlace) -> None:
    """P2, P5, P8: whatever happens, both sides agree, nothing exists twice, and one more run writes nothing."""
    _run(nats_server, redis_server, examples=15, steps=12)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_parties_agree_in_the_end_long(nats_server: NatsServer, redis_server: RedisPlace) -> None:
    """P2, P5, P8: the same for longer."""
    _run(nats_server, redis_server, examples=300, steps=40)
