"""Mails and phones, when people edit both sides and the process dies between any two writes."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.support.kommunikation import (
    NUMBERS,
    TEXTS,
    TYPES,
    AgreedOnes,
    World,
    kontakte,
    synced,
    synced_without_twins,
    typed,
    worlds,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]
Edit = Callable[[World, Draw], None]


def _type_value(world: World, draw: Draw) -> None:
    if world.rows:
        draw(st.sampled_from(world.rows))["tlf"] = draw(typed)


def _add_entry(world: World, draw: Draw) -> None:
    world.ids += 1
    row = {"id": world.ids, "kommKz": draw(NUMBERS), "tlf": draw(typed), "bemerkung": draw(st.sampled_from(TEXTS))}
    world.rows.append({"rowId": f"r{world.ids}", "online": False, **row})


def _remove_entry(world: World, draw: Draw) -> None:
    if world.rows:
        world.rows.remove(draw(st.sampled_from(world.rows)))


def _change_komm_kz(world: World, draw: Draw) -> None:
    if world.rows:
        draw(st.sampled_from(world.rows))["kommKz"] = draw(NUMBERS)


def _clear_note(world: World, draw: Draw) -> None:
    if world.rows:
        draw(st.sampled_from(world.rows))["bemerkung"] = draw(st.sampled_from(TEXTS))


def _copy_entry(world: World, draw: Draw) -> None:
    if world.rows:
        world.ids += 1
        world.rows.append({**draw(st.sampled_from(world.rows)), "id": world.ids, "rowId": f"r{world.ids}"})


def _edit_espocrm(world: World, draw: Draw) -> None:
    """Staff save the form: any set again."""
    kept = [one for one in world.kontakte() if draw(st.booleans())]
    new = [one for one in draw(kontakte()) if one.value.lower() not in {had.value.lower() for had in kept}]
    world.party.update(World([*kept, *new], ()).party)
    for rows in world.party.values():
        for place, row in enumerate(rows):
            row["primary"] = row["primary"] and not any(other["primary"] for other in rows[:place])


def _retype(world: World, draw: Draw) -> None:
    if world.party["phoneNumberData"]:
        draw(st.sampled_from(world.party["phoneNumberData"]))["type"] = draw(st.sampled_from(TYPES))


EDITS: tuple[Edit, ...] = (
    _type_value,
    _type_value,
    _add_entry,
    _remove_entry,
    _change_komm_kz,
    _clear_note,
    _copy_entry,
    _edit_espocrm,
    _retype,
    _retype,
)


@st.composite
def edited(draw: st.DrawFn) -> tuple[World, AgreedOnes]:
    """A state that was in step, or never was, and what people have done to it on both sides since."""
    world = draw(worlds)
    agreed = draw(st.sampled_from((None, "in step")))
    memory = synced(world, None) if agreed else None
    for edit in draw(st.lists(st.sampled_from(EDITS), max_size=4)):
        edit(world, draw)
    return world, memory


def state(world: World) -> tuple[object, ...]:
    """What counts of both sides; the ids of new entries do not."""
    rows = sorted((row["kommKz"], row["tlf"] or "", row["bemerkung"] or "", row["online"]) for row in world.rows)
    return sorted(map(repr, world.kontakte())), rows


@settings(max_examples=60)
@given(edited(), st.booleans())
def test_a_crash_between_any_two_writes_is_finished_by_the_next_run(
    start: tuple[World, AgreedOnes], post_first: bool
) -> None:
    """Wherever the run dies, the next one ends where it would have; with nothing new remembered in between."""
    world, agreed = start
    whole = copy.deepcopy(world)
    todo = whole.plan(agreed)
    whole.apply(todo)
    event(f"writes {min(len(world.writes(todo)), 4)}")
    for count in range(1, len(world.writes(todo)) + 1):
        dying = copy.deepcopy(world)
        for write in dying.writes(todo, post_first=post_first)[:count]:
            write()
        dying.apply(dying.plan(agreed))
        assert state(dying) == state(whole), count
        assert dying.plan(dying.agree()).writes == {}


@settings(max_examples=60)
@given(edited(), st.data())
def test_people_and_runs_in_any_order_end_in_step(start: tuple[World, AgreedOnes], data: st.DataObject) -> None:
    """Runs that die anywhere, people in between: one whole run later both sides agree, and nothing came twice."""
    world, agreed = start
    for _ in range(data.draw(st.integers(1, 2))):
        writes = world.writes(world.plan(agreed))
        for write in writes[: data.draw(st.integers(0, len(writes)))]:
            write()
        data.draw(st.sampled_from(EDITS))(world, data.draw)
    assert world.plan(synced_without_twins(world, agreed)).writes == {}
