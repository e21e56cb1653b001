"""A sweep decides: who is worth an event, who is reset, and when a human must look first."""

import msgspec
import pytest

from beteiligte_worker.fields.names import stamp
from beteiligte_worker.model.party import Base, Bookkeeping
from beteiligte_worker.model.sweep import ListedParty, SweepBase, SweepPlan, SweepSeen, SweptParty
from beteiligte_worker.plan.sweep import plan_sweep
from shared.contracts.vocabulary import PartySyncStatus

NOW = 1_800_000_000.0
HOUR = 3600.0
AGO = "2026-03-01 08:00:00"
PROGRESS = SweepBase(modified_since=AGO, known_after="p3")


def seen(**more: object) -> SweepSeen:
    nothing = SweepSeen(
        now=NOW,
        parties=(),
        parents=(),
        listed=(),
        due=(),
        checked=0,
        vanished=(),
        returned=(),
        progress=PROGRESS,
    )
    return msgspec.structs.replace(nothing, **more)


def swept(status: str, *, known: bool = True, modified_at: str = AGO, **keeping: object) -> SweptParty:
    base = Base(bet_nr=10001, modified_at=AGO) if known else None
    told = Bookkeeping(status=status, modified_at=modified_at)
    return SweptParty(id="p1", keeping=msgspec.structs.replace(told, **keeping), base=base)


def decide(found: SweepSeen, *, force: bool = False) -> SweepPlan:
    return plan_sweep(found, max_changes=20, max_share=0.3, force=force)


WORTH: dict[str, tuple[SweptParty, bool]] = {
    "new, its webhook lost": (swept("pending_sync", known=False), True),
    "changed, its webhook lost": (swept("dirty"), True),
    "a run died": (swept("syncing"), True),
    "a run died over a conflict": (swept("conflict"), True),
    "clean and as we left it": (swept("clean"), False),
    "clean and changed since": (swept("clean", modified_at="2026-03-01 08:00:01"), True),
    "clean and not remembered": (swept("clean", known=False), True),
    "no state at all": (swept("", known=False), True),
    "failed, not due": (swept("failed", retries=2, next_retry=NOW + 1), False),
    "failed, not due, but changed": (swept("failed", retries=2, next_retry=NOW + 1, modified_at="2026"), False),
    "failed and due": (swept("failed", retries=2, next_retry=NOW), True),
    "an outage, just now": (swept("failed", modified_at=str(stamp(NOW - 60))), False),
    "an outage, its event still tries": (swept("failed", modified_at=str(stamp(NOW - 5 * HOUR))), False),
    "an outage, its event must have been lost": (swept("failed", modified_at=str(stamp(NOW - 7 * HOUR))), True),
    "given up, not over": (swept("permanently_failed", retries=5, auto_reset=NOW + 1), False),
    "given up, over": (swept("permanently_failed", retries=5, auto_reset=NOW), True),
    "deleted in Advoware, as we left it": (swept("deleted_in_advoware"), False),
    "deleted in Advoware, changed since": (swept("deleted_in_advoware", modified_at="2026-03-02 00:00:00"), True),
}


@pytest.mark.parametrize("name", WORTH)
def test_who_is_worth_an_event(name: str) -> None:
    """P8: unfinished, due, changed or unknown ones; nobody who rests, and nobody who is as we left it."""
    row, worth = WORTH[name]
    assert decide(seen(parties=(row,))).parties == (("p1",) if worth else ())


@pytest.mark.parametrize("status", list(PartySyncStatus))
def test_only_given_up_parties_are_reset_and_only_when_their_day_is_over(status: PartySyncStatus) -> None:
    """The others' bookkeeping is their own run's."""
    over = swept(status, retries=5, auto_reset=NOW)
    assert decide(seen(parties=(over,))).reset == (("p1",) if status == "permanently_failed" else ())
    assert decide(seen(parties=(swept(status, retries=5, auto_reset=NOW + 1),))).reset == ()


@pytest.mark.parametrize("row_id", ["A", "B"])
@pytest.mark.parametrize("known", [True, False])
def test_a_listed_party_is_asked_when_its_row_id_is_another(row_id: str, known: bool) -> None:
    """P8: changed in Advoware, which has no webhooks; what we wrote ourselves is not taken for a change."""
    base = Base(bet_nr=10001, row_id="A") if known else None
    plan = decide(seen(listed=(ListedParty(id="p9", row_id=row_id, base=base),)))
    assert plan.parties == (() if known and row_id == "A" else ("p9",))


def test_each_party_is_asked_once() -> None:
    """However many ways it was found in; sorted, so that two sweeps read alike."""
    found = seen(
        parties=(swept("dirty"),),
        parents=("p1", "p0"),
        listed=(ListedParty(id="p1", row_id="B", base=None),),
        due=("p1", "p3"),
        returned=("p1", "p2"),
    )
    plan = decide(found)
    assert plan.parties == ("p0", "p1", "p2", "p3")
    assert plan.writes == {"parties": 4}
    assert plan.progress == PROGRESS


def test_a_sweep_that_finds_nothing_writes_nothing() -> None:
    """P5: and still notes how far it has come."""
    assert decide(seen(checked=500)) == SweepPlan(parties=(), vanished=(), reset=(), progress=PROGRESS)
    assert decide(seen(checked=500)).writes == {}


@pytest.mark.parametrize(
    ("vanished", "checked", "refused"),
    [(20, 20, False), (21, 21, True), (21, 70, False), (21, 69, True), (300, 1000, False), (301, 1000, True)],
)
def test_many_vanished_parties_wait_for_a_human(vanished: int, checked: int, refused: bool) -> None:
    """P9: refused above both limits, by count and by share; neither their turn nor their accounts are a way round."""
    gone = tuple(f"v{number}" for number in range(vanished))
    found = seen(checked=checked, vanished=gone, parties=(swept("dirty"),), due=("p3", "v1"), parents=("v2",))
    plan = decide(found)
    assert plan.vanished == (() if refused else gone)
    assert plan.parties == ("p1", "p3")
    assert (plan.refused is not None) == refused
    if plan.refused is not None:
        assert f"{vanished} of {checked}" in plan.refused
        assert '{"force": true}' in plan.refused
    forced = decide(found, force=True)
    assert (forced.vanished, forced.refused) == (gone, None)
