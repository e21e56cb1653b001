"""Bank accounts, from any state: two models that behave like the vendors, and what must hold whatever they hold."""

import contextlib
import copy
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.fields.bankverbindungen import ATTRIBUTES, BY_ATTRIBUTE, advoware_konto, espocrm_konto, is_iban
from beteiligte_worker.model.bankverbindungen import AgreedKonto, BankverbindungenPlan
from beteiligte_worker.model.notice import NoticeKind
from beteiligte_worker.plan.bankverbindungen import agree_bankverbindungen, plan_bankverbindungen, with_receipts

Json = dict[str, Any]
Agreed = tuple[AgreedKonto, ...]
ROW_FIELDS = ("iban", "bic", "kontoinhaber", "bank")


class Crash(Exception):
    """The process dies before this write."""


class World:
    """EspoCRM and Advoware, as far as accounts go."""

    def __init__(self, records: list[Json], rows: list[Json]) -> None:
        self.records: dict[str, Json] = {record["id"]: record for record in records}
        self.rows: dict[int, Json] = {row["id"]: row for row in rows}
        self.left = 1000

    def plan(self, agreed: Agreed | None) -> BankverbindungenPlan:
        records, rows = map(espocrm_konto, self.records.values()), map(advoware_konto, self.rows.values())
        return plan_bankverbindungen(records, rows, agreed, party_id="p1", betnr=10001)

    def run(self, agreed: Agreed | None) -> tuple[BankverbindungenPlan, Agreed]:
        todo = self.plan(agreed)
        self.apply(todo)
        records, rows = map(espocrm_konto, self.records.values()), map(advoware_konto, self.rows.values())
        return todo, agree_bankverbindungen(records, rows, agreed, todo)

    def apply(self, todo: BankverbindungenPlan) -> None:
        there = {}
        for post in todo.posts:
            self.write()
            assert post.body.keys() <= {*ROW_FIELDS}
            number = max(self.rows, default=0) + 100
            self.rows[number] = {**dict.fromkeys(ROW_FIELDS), **post.body, "id": number, "rowId": "R"}
            there[post.espocrm_id] = advoware_konto(self.rows[number])
        for update in with_receipts(todo, there).updates:
            self.write()
            for name, value in update.attributes.items():
                assert name in ATTRIBUTES
                assert name not in BY_ATTRIBUTE or BY_ATTRIBUTE[name].accepts(value)
            self.records[update.espocrm_id].update(update.attributes)

    def write(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1


IDS = ("65f1c0ffee0000001", "65f1c0ffee0000002", "65f1c0ffee0000003", "65f1c0ffee0000004")
GOOD = ("DE89370400440532013000", "AT611904300234573201", "DE02120300000000202051")
GOOD_IBANS = st.sampled_from([None, "", *GOOD])
ANY_IBANS = st.sampled_from([None, "", "de89 3704 0044 0532 0130 00", *GOOD, "DE88370400440532013000", "unbekannt"])
BICS = st.sampled_from([None, "", "COBADEFFXXX", "COBADEFF"])
TEXTS = st.sampled_from([None, "", "Jörg Müßig", " Müller & Söhne GmbH"])
ROW_IDS = st.integers(1, 5)
A_RECORD = st.fixed_dictionaries(
    {
        "iban": GOOD_IBANS,
        "bic": BICS,
        "kontoinhaber": TEXTS,
        "bankname": TEXTS,
        "istAktiv": st.sampled_from([None, True, True, False]),
        "advowareKontoId": st.none() | ROW_IDS,
        "syncStatus": st.sampled_from([None, "clean", "unclean", "failed"]),
    }
)
A_ROW = st.fixed_dictionaries(
    {
        "rowId": st.just("R"),
        "iban": ANY_IBANS,
        "bic": BICS | st.just("Sparkasse"),
        "kontoinhaber": TEXTS | st.just("ß" * 256),
        "bank": TEXTS,
        "kontoNr": st.sampled_from([None, "", "532013000"]),
    }
)


@st.composite
def remembered(draw: st.DrawFn) -> AgreedKonto:
    """What a run may have left, of sides that are quite different by now."""
    values = espocrm_konto({"id": "x", **draw(A_RECORD)}).values
    names = draw(st.frozensets(st.sampled_from([*BY_ATTRIBUTE])))
    return AgreedKonto(
        espocrm_id=draw(st.sampled_from(IDS)), advoware_id=draw(ROW_IDS), values={name: values[name] for name in names}
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any state of both sides."""
    records = draw(st.dictionaries(st.sampled_from(IDS), A_RECORD, max_size=4))
    rows = draw(st.dictionaries(ROW_IDS, A_ROW, max_size=5))
    return World(
        [{"id": key, **one} for key, one in records.items()], [{"id": key, **one} for key, one in rows.items()]
    )


AGREED = st.none() | st.lists(remembered(), max_size=4, unique_by=lambda pair: pair.espocrm_id).map(tuple)


@given(worlds(), AGREED)
def test_the_second_run_writes_nothing(world: World, agreed: Agreed | None) -> None:
    """From any state one run reaches the end, and what stands then keeps standing."""
    first, agreed = world.run(agreed)
    todo, again = world.run(agreed)
    assert todo.writes == {}
    assert again == agreed
    # What stands has the same key before and after the writes, or it would be told twice.
    standing = tuple(one for one in first.notices if one.kind is not NoticeKind.IBAN_CHANGED)
    assert todo.notices == standing == world.plan(again).notices


@given(worlds(), AGREED)
def test_a_crash_at_any_write_changes_nothing_of_the_end(world: World, agreed: Agreed | None) -> None:
    """Dead before the n-th write with nothing remembered, then run again: the same two sides, the same memory."""
    whole = copy.deepcopy(world)
    todo, wanted = whole.run(agreed)
    for writes in range(sum(todo.writes.values()) + 1):
        broken = copy.deepcopy(world)
        broken.left = writes
        with contextlib.suppress(Crash):
            broken.apply(broken.plan(agreed))
        broken.left = 1000
        _, remembered_now = broken.run(agreed)
        assert (broken.records, broken.rows) == (whole.records, whole.rows)
        assert remembered_now == wanted


@given(worlds(), AGREED)
def test_nothing_typed_is_lost(world: World, agreed: Agreed | None) -> None:
    """Advoware's rows stay as they are, no record comes or goes, and what is replaced was agreed before."""
    before = copy.deepcopy(world)
    world.run(agreed)
    values = {pair.espocrm_id: pair.values for pair in agreed or ()}
    assert before.records.keys() == world.records.keys()
    assert before.rows.items() <= world.rows.items()
    for espocrm_id, record in world.records.items():
        old = espocrm_konto(before.records[espocrm_id]).values
        for name, new in espocrm_konto(record).values.items():
            assert old[name] in (None, new, values.get(espocrm_id, {}).get(name))


@given(worlds(), AGREED)
def test_no_iban_is_posted_that_is_there_or_wrong(world: World, agreed: Agreed | None) -> None:
    """Whatever stands twice in Advoware afterwards stood there twice before."""
    before = Counter(advoware_konto(row).values["iban"] for row in world.rows.values())
    todo, _ = world.run(agreed)
    posted = [str(post.body["iban"]) for post in todo.posts]
    assert all(map(is_iban, posted))
    assert len({*posted} - before.keys()) == len(posted)
