"""Addresses, from any state: two models that behave like the vendors, and what must hold whatever they hold."""

import contextlib
import copy
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.adressen import (
    ATTRIBUTES,
    BY_ATTRIBUTE,
    PAIRS,
    advoware_adresse,
    anschrift,
    espocrm_adresse,
    marker,
    place,
)
from beteiligte_worker.model.adressen import AdressenPlan, AgreedAdresse
from beteiligte_worker.model.notice import NoticeKind
from beteiligte_worker.plan.adressen import agree_adressen, plan_adressen, with_receipts
from beteiligte_worker.plan.adressen.match import match_adressen

Json = dict[str, Any]
Agreed = tuple[AgreedAdresse, ...]
TODAY = "2026-03-10"
NEWS = {NoticeKind.CONFLICT, NoticeKind.READONLY_FIELD_CONFLICT}
PUT_STORES = {"strasse", "plz", "ort", "anschrift"}
ROW_FIELDS = {*(pair.advoware for pair in PAIRS), "anschrift", "bemerkung"}


class Crash(Exception):
    """The process dies before this write."""


class World:
    """EspoCRM and Advoware, as far as addresses go. `deaf`: what this Advoware's PUT ignores beside the known."""

    def __init__(self, records: list[Json], rows: list[Json], deaf: frozenset[str] = frozenset()) -> None:
        self.records: dict[str, Json] = {record["id"]: record for record in records}
        self.rows: dict[int, Json] = {row["id"]: row for row in rows}
        self.deaf = deaf
        self.left = 1000

    def plan(self, agreed: Agreed | None) -> AdressenPlan:
        return plan_adressen(
            map(espocrm_adresse, self.records.values()),
            map(advoware_adresse, self.rows.values()),
            agreed,
            party_id="p1",
            betnr=10001,
            today=TODAY,
        )

    def run(self, agreed: Agreed | None) -> tuple[AdressenPlan, Agreed]:
        todo = self.plan(agreed)
        self.apply(todo)
        return todo, agree_adressen(
            map(espocrm_adresse, self.records.values()),
            map(advoware_adresse, self.rows.values()),
            agreed,
            todo,
            today=TODAY,
        )

    def apply(self, todo: AdressenPlan) -> None:
        there = {}
        for post in todo.posts:
            there[post.espocrm_id] = advoware_adresse(self.post(dict(post.body)))
        for put in todo.puts:
            there[put.espocrm_id] = advoware_adresse(self.put(put.advoware_id, dict(put.body)))
        for create in todo.creates:
            self.write()
            assert create.attributes["advowareAdressId"] == create.advoware_id
            espocrm_id = f"new{len(self.records)}"
            self.records[espocrm_id] = {"id": espocrm_id, "isActive": True, **stored(dict(create.attributes))}
            assert self.records[espocrm_id]["name"]
        for update in with_receipts(todo, there).updates:
            self.write()
            assert update.espocrm_id in self.records
            self.records[update.espocrm_id].update(stored(dict(update.attributes)))

    def post(self, body: Json) -> Json:
        self.write()
        assert body.keys() <= ROW_FIELDS
        number = max(self.rows, default=0) + 100
        self.rows[number] = {**dict.fromkeys(ROW_FIELDS), **body, "id": number, "rowId": f"R{number}"}
        return self.rows[number]

    def put(self, number: int, body: Json) -> Json:
        self.write()
        row = self.rows[number]
        assert all(body[name] == row[name] for name in row.keys() - PUT_STORES)
        row.update({name: body.get(name) for name in PUT_STORES - self.deaf})
        row["rowId"] += "+"
        return row

    def write(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1

    def content(self) -> tuple[dict[str, Json], dict[int, Json]]:
        """Without what only counts writes."""
        return (
            {key: {n: v for n, v in one.items() if n != "advowareRowId"} for key, one in self.records.items()},
            {number: {n: v for n, v in row.items() if n != "rowId"} for number, row in self.rows.items()},
        )


def stored(attributes: Json) -> Json:
    """EspoCRM trims, makes nothing of empty text, and refuses what does not fit."""
    for name, value in attributes.items():
        assert name in ATTRIBUTES
        if name in BY_ATTRIBUTE:
            assert BY_ATTRIBUTE[name].accepts(value)
    return {name: (value.strip() or None) if isinstance(value, str) else value for name, value in attributes.items()}


IDS = ("65f1c0ffee0000001", "65f1c0ffee0000002", "65f1c0ffee0000003", "65f1c0ffee0000004", "65f1dead000000005")
STREETS = st.sampled_from([None, "", "Hauptstraße 5", "HAUPTSTR. 5 ", "Am Bühl 3", "Hinterhaus\r\nGroße Gasse 1"])
CODES = st.sampled_from([None, "79098", "20095 "])
CITIES = st.sampled_from([None, "", "Freiburg", "Köln", "Bad <X>"])
COUNTRIES = st.sampled_from([None, "", "Deutschland", "Österreich", "Ö" * 101])
BOXES = st.sampled_from([None, None, "12 34"])
DAYS = st.sampled_from([None, "1949-05-23", "2026-03-09", "2031-12-31"])
BLOCKS = st.sampled_from([None, "", "Hauptstraße 5\r\n79098 Freiburg", "Frau Weiß\r\nAm Bühl 3\r\nKöln", "Schließfach"])
ROW_IDS = st.integers(1, 5)


@st.composite
def a_record(draw: st.DrawFn) -> Json:
    """Nothing in it that EspoCRM could not hold."""
    return stored(
        {
            "name": draw(st.sampled_from(["Zuhause", "Am Bühl 3, 79098 Köln"])),
            "adresseStreet": draw(STREETS),
            "adressePostalCode": draw(CODES),
            "adresseCity": draw(CITIES.filter(lambda city: city is None or "<" not in city)),
            "adresseCountry": draw(COUNTRIES.filter(lambda country: country is None or len(country) < 100)),
            "postfach": draw(BOXES),
            "postfachPLZ": draw(CODES),
            "isPrimary": draw(st.sampled_from([None, True, False])),
            "validFrom": draw(DAYS),
            "validUntil": draw(DAYS),
            "isActive": draw(st.sampled_from([None, True, True, False])),
            "advowareAdressId": draw(st.none() | ROW_IDS),
            "advowareRowId": None,
            "syncStatus": draw(st.sampled_from([None, "clean", "unclean", "failed"])),
        }
    )


@st.composite
def a_row(draw: st.DrawFn) -> Json:
    """Whatever staff may have typed in Advoware."""
    days = DAYS.map(lambda day: day and f"{day}T00:00:00")
    return {
        "rowId": "R",
        "strasse": draw(STREETS),
        "plz": draw(CODES),
        "ort": draw(CITIES),
        "land": draw(COUNTRIES),
        "postfach": draw(BOXES),
        "postfachPLZ": draw(CODES),
        "standardAnschrift": draw(st.booleans()),
        "gueltigVon": draw(days),
        "gueltigBis": draw(days),
        "anschrift": draw(BLOCKS),
        "bemerkung": draw(st.sampled_from([None, None, "Nur vormittags", *map(marker, IDS)])),
        "reihenfolgeIndex": 1,
    }


@st.composite
def remembered(draw: st.DrawFn) -> AgreedAdresse:
    """What a run may have left, of sides that are quite different by now."""
    source = draw(st.one_of(a_record().map(lambda one: espocrm_adresse({"id": "x", **one}).values)))
    names = draw(st.frozensets(st.sampled_from([*BY_ATTRIBUTE])))
    ignored = draw(st.frozensets(st.sampled_from(["adresseStreet", "adressePostalCode", "adresseCity"])))
    return AgreedAdresse(
        espocrm_id=draw(st.sampled_from(IDS)),
        advoware_id=draw(ROW_IDS),
        values={name: source[name] for name in names},
        ignored={name: source[name] for name in ignored & names},
        kept_anschrift=draw(st.sampled_from([None, "Schließfach"])),
        deactivated=draw(st.booleans()),
    )


RECORDS = st.dictionaries(st.sampled_from(IDS[:4]), a_record(), max_size=3)
ROWS = st.dictionaries(ROW_IDS, a_row(), max_size=4)
AGREED = st.none() | st.lists(remembered(), max_size=4, unique_by=lambda pair: pair.espocrm_id).map(tuple)
DEAF = st.frozensets(st.sampled_from(sorted(PUT_STORES)), min_size=1)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any state of both sides."""
    records = [{"id": key, **record} for key, record in draw(RECORDS).items()]
    return World(records, [{"id": number, **row} for number, row in draw(ROWS).items()])


@given(worlds(), AGREED)
def test_the_second_run_writes_nothing(world: World, agreed: Agreed | None) -> None:
    """From any state one run reaches the end, and what stands then keeps standing."""
    first, agreed = world.run(agreed)
    todo, again = world.run(agreed)
    assert todo.writes == {}
    assert todo.conflicts == ()
    assert not NEWS & {notice.kind for notice in todo.notices}
    # What stands has the same key before and after the writes, or it would be told twice.
    of_new = {notice.key for notice in todo.notices if notice.about.startswith("CAdressen.new")}
    assert {notice.key for notice in first.notices if notice.kind not in NEWS} == (
        {notice.key for notice in todo.notices} - of_new
    )
    assert again == agreed
    assert world.plan(again).notices == todo.notices


@given(worlds(), AGREED, DEAF)
def test_what_advoware_ignores_is_sent_once(world: World, agreed: Agreed | None, deaf: frozenset[str]) -> None:
    """An Advoware that stores less than it should ends no loop: the second run only notes it, the third is empty."""
    world.deaf = deaf
    _, agreed = world.run(agreed)
    second, agreed = world.run(agreed)
    assert not second.puts
    assert not second.posts
    third, _ = world.run(agreed)
    assert third.writes == {}


@given(worlds(), AGREED)
def test_a_crash_at_any_write_changes_nothing_of_the_end(world: World, agreed: Agreed | None) -> None:
    """Dead before the n-th write with nothing remembered, then run again: the same two sides, the same memory."""
    whole = copy.deepcopy(world)
    todo, wanted = whole.run(agreed)
    for writes in range(sum(todo.writes.values()) + 3):
        broken = copy.deepcopy(world)
        broken.left = writes
        with contextlib.suppress(Crash):
            broken.apply(broken.plan(agreed))
        broken.left = 1000
        _, remembered_now = broken.run(agreed)
        assert broken.content() == whole.content()
        assert remembered_now == wanted


@given(worlds(), AGREED)
def test_nothing_typed_is_lost_in_silence(world: World, agreed: Agreed | None) -> None:
    """What a run replaces was agreed before, or is kept in a conflict; nothing is ever deleted."""
    before = copy.deepcopy(world)
    todo, _ = world.run(agreed)
    lost = Counter((conflict.field, conflict.lost) for conflict in todo.conflicts)
    base = {pair.espocrm_id: pair for pair in agreed or ()}
    sides = match_adressen(
        map(espocrm_adresse, before.records.values()), map(advoware_adresse, before.rows.values()), agreed
    )
    assert before.records.keys() <= world.records.keys()
    assert before.rows.keys() <= world.rows.keys()
    for espocrm_id, row in sides.partners.items():
        known = base.get(espocrm_id)
        values = known.values if known is not None and known.advoware_id == row.id else {}
        record_now = espocrm_adresse(world.records[espocrm_id]).values
        row_now = advoware_adresse(world.rows[row.id])
        for name, pair in BY_ATTRIBUTE.items():
            for old, new in (
                (sides.records[espocrm_id].values[name], record_now[name]),
                (row.values[name], row_now.values[name]),
            ):
                if old not in (None, new, values.get(name)):
                    assert lost[name, pair.shown(old)] > 0
        if row.anschrift not in (None, row_now.anschrift, anschrift(row.values)):
            names = [line for line in str(row.anschrift).split("\n") if line not in str(anschrift(row.values))]
            kept = all(line in str(row_now.anschrift).split("\n") for line in names)
            assert kept or lost["anschrift", str(row.anschrift)] > 0
    for number in before.rows.keys() - {row.id for row in sides.partners.values()}:
        assert world.rows[number] == before.rows[number]


@given(worlds())
def test_the_first_sync_makes_no_duplicates(world: World) -> None:
    """Never paired, nothing marked: afterwards each side has as many as the two had different ones before."""
    for record in world.records.values():
        record.update(advowareAdressId=None, isActive=True)
    for row in world.rows.values():
        # A town that EspoCRM refuses is another matter.
        row.update(bemerkung=None, ort=row["ort"] if row["ort"] != "Bad <X>" else "Köln")
    before = places_of(world)
    world.run(None)
    records, rows = places_of(world)
    assert records.total() == rows.total() == (before[0] | before[1]).total()


def places_of(world: World) -> tuple[Counter[object], Counter[object]]:
    """How often every place is there; nowhere does not count."""
    records = [place(espocrm_adresse(record).values) for record in world.records.values()]
    rows = [place(advoware_adresse(row).values) for row in world.rows.values()]
    return Counter(filter(None, records)), Counter(filter(None, rows))


@given(worlds(), AGREED)
def test_a_deleted_record_never_comes_back(world: World, agreed: Agreed | None) -> None:
    """Whichever record is deleted after a run, nothing is made of its row, and people are told while it is there."""
    _, agreed = world.run(agreed)
    for pair in agreed:
        after = copy.deepcopy(world)
        after.records.pop(pair.espocrm_id, None)
        todo, remembered_now = after.run(agreed)
        assert not todo.posts
        assert not todo.creates
        again, _ = after.run(remembered_now)
        assert again.writes == {}
        assert again.notices == tuple(notice for notice in todo.notices if notice.kind not in NEWS)
        freed = pair.advoware_id in after.rows and pair.advoware_id not in {one.advoware_id for one in remembered_now}
        assert not freed
