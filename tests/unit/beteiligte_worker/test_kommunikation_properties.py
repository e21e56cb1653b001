"""Mails and phones, from any state: what must hold whatever both sides hold and whatever we remember."""

from hypothesis import event, given

from beteiligte_worker.fields.kommunikation import BY_NUMBER, key_of, read_note
from beteiligte_worker.model.notice import NoticeKind
from beteiligte_worker.plan.kommunikation.sides import read_sides
from tests.support.kommunikation import (
    AgreedOnes,
    World,
    advoware_keys,
    espocrm_keys,
    held,
    memories,
    synced,
    synced_without_twins,
    worlds,
)


@given(worlds, memories)
def test_a_plan_carried_out_leaves_nothing_to_write(world: World, agreed: AgreedOnes) -> None:
    """From any state, and what both sides then say is stable: notices too, but for conflicts, which are news."""
    todo = world.plan(agreed)
    world.apply(todo)
    again = world.plan(world.agree())
    event("writes" if todo.writes else "rests")
    assert again.writes == {}
    assert again.conflicts == ()
    refused = {notice.key for notice in again.notices}
    assert refused == {notice.key for notice in todo.notices if notice.kind is NoticeKind.VALUE_REFUSED}


@given(worlds, memories)
def test_no_value_appears_twice_that_did_not_before(world: World, agreed: AgreedOnes) -> None:
    """On either side."""
    synced_without_twins(world, agreed)


@given(worlds, memories)
def test_what_stands_in_advoware_is_never_lost(world: World, agreed: AgreedOnes) -> None:
    """A value stays on a side, or is told as a conflict, or EspoCRM has deleted what both had. Texts stay."""
    before, keys = world.eintraege(), held(world, agreed)
    sides = read_sides(world.kontakte(), before, agreed, is_first=agreed is None)
    bases = {line.id: line.base for line in sides.lines}
    todo = world.plan(agreed)
    world.apply(todo)
    there = espocrm_keys(world).keys() | advoware_keys(world, world.agree()).keys()
    lost = {conflict.lost for conflict in todo.conflicts}
    after = {one.id: one for one in world.eintraege()}
    for one in before:
        key = keys.get(one.id)
        assert key is None or key in there or one.tlf in lost or key == bases[one.id]
        note, new = read_note(one.bemerkung), read_note(after[one.id].bemerkung)
        assert (new.before + new.after).strip() == (note.before + note.after).strip()
        assert after[one.id].online == one.online
        assert one.id in keys or after[one.id] == one


@given(worlds, memories)
def test_what_stands_in_espocrm_leaves_only_because_advoware_dropped_it(world: World, agreed: AgreedOnes) -> None:
    """A value of EspoCRM goes only where an entry had it and has it no longer; what is not touched stays as it is."""
    before, entries = world.kontakte(), world.eintraege()
    bases = {key_of(one.kind, one.value) for one in agreed or ()}
    for one in entries:
        marker = read_note(one.bemerkung).marker
        if marker is not None:
            bases.add(key_of(BY_NUMBER[marker.komm_kz].kind, marker.value))
    values = set(held(world, agreed).values())
    synced(world, agreed)
    after = {one.value: one for one in world.kontakte()}
    for was in before:
        key = key_of(was.kind, was.value)
        if was.value not in after:
            assert key in bases - values
        else:
            assert (after[was.value].opt_out, after[was.value].invalid) == (was.opt_out, was.invalid)


@given(worlds, memories)
def test_after_a_run_both_sides_hold_the_same(world: World, agreed: AgreedOnes) -> None:
    """All of EspoCRM's values, and of Advoware's all but those that are told as refused."""
    after = synced(world, agreed)
    told = {dict(one.details)["Advoware"] for one in world.plan(after).notices}
    lines = read_sides((), world.eintraege(), after).lines
    shared = {line.key for line in lines if line.key is not None and line.eintrag.tlf not in told}
    waiting = {line.base for line in lines if line.eintrag.tlf in told}
    assert shared <= espocrm_keys(world).keys() <= shared | waiting
