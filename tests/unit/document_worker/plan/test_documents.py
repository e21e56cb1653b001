"""One document's plan: a table of its rows, and the property that a plan carried out leaves nothing to plan."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from document_worker.model import Attachment, Base, Dokument, Facts, Indexed, Owner, Plan, Seen
from document_worker.plan.documents import (
    begun,
    candidate,
    known,
    needs_content,
    needs_file_check,
    needs_indexing_check,
    new_collections,
    plan_document,
    rests,
    wanted,
    with_file,
)
from shared.outcomes.reason import Reason

ONE = Facts(size_bytes=3, md5="m1", sha256="s1")
TWO = Facts(size_bytes=4, md5="m2", sha256="s2")
NOW = 1_800_000_000.0

CLEAN = Dokument(
    id="d",
    attachment_id="a1",
    file_name="Klage.pdf",
    xai_id="f1",
    collections=("c1",),
    synced_hash="m1",
    status="clean",
    error=None,
    file_status="synced",
    md5="m1",
)
NEW = msgspec.structs.replace(CLEAN, xai_id=None, collections=(), synced_hash=None, status=None, file_status="new")
OWNER = Owner(entity_type="Raeumungsklage", id="o1", collection_id="c1")
OTHER = Owner(entity_type="Account", id="o2", collection_id="c2")
NAKED = Owner(entity_type="Account", id="o3", collection_id=None)
BASE = Base(
    looked_at="a1",
    attachment_id="a1",
    file_id="f1",
    facts=ONE,
    attached=(Attachment("c1", "f1"),),
    indexed=True,
    synced_at=NOW - 60,
)


def seen(dokument: Dokument | None = CLEAN, *, owners: tuple[Owner, ...] = (OWNER,), **more: Any) -> Seen:
    return Seen(entity_id="d", now=NOW, dokument=dokument, owners=owners, **{"base": BASE, **more})


T = TypeVar("T", Dokument, Base, Seen, Owner)


def change(struct: T, **changes: Any) -> T:
    return msgspec.structs.replace(struct, **changes)


ROWS: list[tuple[str, Seen, Reason, Mapping[str, int]]] = [
    ("in step", seen(), Reason.IN_STEP, {}),
    (
        "new content of a new document",
        seen(NEW, base=None, content=ONE),
        Reason.UPLOADED,
        {"mark_pending": 1, "upload": 1, "attach": 1, "write_back": 4},
    ),
    (
        "a new file",
        seen(change(CLEAN, attachment_id="a2", md5="m2"), content=TWO),
        Reason.UPLOADED,
        {"mark_pending": 1, "upload": 1, "attach": 1, "detach": 1, "write_back": 3},
    ),
    (
        "a new file that was uploaded before a crash",
        seen(change(CLEAN, attachment_id="a2", md5="m2"), content=TWO, stored_id="f2"),
        Reason.COLLECTIONS_CHANGED,
        {"mark_pending": 1, "attach": 1, "detach": 1, "write_back": 3},
    ),
    ("same bytes again", seen(change(CLEAN, attachment_id="a2"), content=ONE), Reason.LEARNED, {}),
    (
        "same bytes again, and the hook has set the status",
        seen(change(CLEAN, attachment_id="a2", status="unclean", file_status="changed"), content=ONE),
        Reason.FIELDS_CORRECTED,
        {"write_back": 2},
    ),
    ("no file", seen(change(NEW, attachment_id=None), base=None), Reason.NO_FILE, {"write_back": 1}),
    (
        "no file, and told so before",
        seen(change(NEW, attachment_id=None, status="no_sync"), base=Base()),
        Reason.NO_FILE,
        {},
    ),
    ("no owner", seen(NEW, owners=(), base=None), Reason.NO_COLLECTION_WANTED, {"write_back": 1}),
    (
        "an owner without a collection",
        seen(NEW, owners=(NAKED,), base=None),
        Reason.COLLECTION_NOT_READY,
        {"ask_owners": 1, "write_back": 2},
    ),
    (
        "an owner whose collection xAI has lost",
        seen(NEW, base=None, collections_gone=frozenset({"c1"})),
        Reason.COLLECTION_NOT_READY,
        {"ask_owners": 1, "write_back": 2},
    ),
    (
        "pending while one of two owners lacks",
        seen(owners=(OWNER, NAKED)),
        Reason.FIELDS_CORRECTED,
        {"ask_owners": 1, "write_back": 2},
    ),
    (
        "a second owner",
        seen(owners=(OWNER, OTHER)),
        Reason.COLLECTIONS_CHANGED,
        {"mark_pending": 1, "attach": 1, "write_back": 2},
    ),
    (
        "unlinked from one of two",
        seen(
            change(CLEAN, collections=("c1", "c2")),
            base=change(BASE, attached=(Attachment("c1", "f1"), Attachment("c2", "f1"))),
        ),
        Reason.COLLECTIONS_CHANGED,
        {"mark_pending": 1, "detach": 1, "write_back": 2},
    ),
    (
        "unlinked from the last",
        seen(owners=()),
        Reason.DETACHED,
        {"mark_pending": 1, "detach": 1, "write_back": 2},
    ),
    (
        "the file was taken away",
        seen(change(CLEAN, attachment_id=None)),
        Reason.DETACHED,
        {"mark_pending": 1, "detach": 1, "write_back": 2},
    ),
    (
        "xAI has lost the file that a new collection needs",
        seen(owners=(OWNER, OTHER), file_gone=True, content=ONE),
        Reason.UPLOADED,
        {"mark_pending": 1, "upload": 1, "attach": 2, "detach": 1, "write_back": 3},
    ),
    ("deleted", seen(None, owners=()), Reason.DETACHED, {"detach": 1}),
    ("deleted and undone", seen(None, owners=(), base=change(BASE, attached=(), gone=True)), Reason.IN_STEP, {}),
    ("deleted and never synced", seen(None, owners=(), base=None), Reason.NEVER_SYNCED, {}),
    ("deleted and never attached", seen(None, owners=(), base=Base(looked_at="a1")), Reason.LEARNED, {}),
    (
        "restored",
        seen(base=change(BASE, attached=(), gone=True)),
        Reason.COLLECTIONS_CHANGED,
        {"mark_pending": 1, "attach": 1, "write_back": 1},
    ),
    (
        "failed is cleared when it works again",
        seen(change(CLEAN, status="failed", error="zu groß"), base=change(BASE, failed="a0")),
        Reason.FIELDS_CORRECTED,
        {"write_back": 2},
    ),
    ("an error text is cleared", seen(change(CLEAN, error="alt")), Reason.FIELDS_CORRECTED, {"write_back": 1}),
    (
        "fields that drifted",
        seen(change(CLEAN, xai_id="x", collections=("c9",), synced_hash="x", file_status="changed")),
        Reason.FIELDS_CORRECTED,
        {"write_back": 4},
    ),
    (
        "collections in another order",
        seen(
            change(CLEAN, collections=("c2", "c1")),
            owners=(OTHER, OWNER),
            base=change(BASE, attached=(Attachment("c1", "f1"), Attachment("c2", "f1"))),
        ),
        Reason.IN_STEP,
        {},
    ),
    (
        "synced by the firm's earlier engine",
        seen(base=None, indexing=(Indexed(collection_id="c1", state="done"),)),
        Reason.LEARNED,
        {},
    ),
    (
        "synced by the firm's earlier engine, another file since",
        seen(change(CLEAN, attachment_id="a2", md5="m2", status="unclean"), base=None, content=TWO),
        Reason.UPLOADED,
        {"mark_pending": 1, "upload": 1, "attach": 1, "detach": 1, "write_back": 3},
    ),
    (
        "synced by the firm's earlier engine, unlinked since",
        seen(owners=(), base=None),
        Reason.DETACHED,
        {"mark_pending": 1, "detach": 1, "write_back": 2},
    ),
    (
        "begun and not finished",
        seen(base=change(BASE, attached=(), begun=(Attachment("c1", "f0"),)), owners=()),
        Reason.DETACHED,
        {"mark_pending": 1, "detach": 1, "write_back": 2},
    ),
    (
        "taken out by hand while it is watched",
        seen(base=change(BASE, indexed=False), indexing=(Indexed(collection_id="c1", state="lost"),)),
        Reason.COLLECTIONS_CHANGED,
        {"mark_pending": 1, "attach": 1, "write_back": 1},
    ),
    (
        "still being indexed",
        seen(base=change(BASE, indexed=False), indexing=(Indexed(collection_id="c1", state="under_way"),)),
        Reason.IN_STEP,
        {},
    ),
    (
        "indexed",
        seen(base=change(BASE, indexed=False), indexing=(Indexed(collection_id="c1", state="done"),)),
        Reason.LEARNED,
        {},
    ),
    (
        "not indexed: once more",
        seen(base=change(BASE, indexed=False), indexing=(Indexed(collection_id="c1", state="failed"),)),
        Reason.REINDEXED,
        {"reindex": 1},
    ),
    (
        "not indexed: shown",
        seen(
            base=change(BASE, indexed=False, reindexed=2),
            indexing=(Indexed(collection_id="c1", state="failed", error="encrypted"),),
        ),
        Reason.NOT_INDEXED,
        {"write_back": 2},
    ),
    (
        "this very file failed for good",
        seen(change(CLEAN, attachment_id="a2", status="failed", error="zu groß"), base=change(BASE, failed="a2")),
        Reason.KNOWN_FAILURE,
        {},
    ),
    (
        "this very file failed for good, and the owner is another",
        seen(
            change(CLEAN, attachment_id="a2", status="failed", error="zu groß"),
            owners=(OTHER,),
            base=change(BASE, failed="a2"),
        ),
        Reason.DETACHED,
        {"detach": 1},
    ),
    (
        "not indexed within a day",
        seen(
            base=change(BASE, indexed=False, synced_at=NOW - 25 * 3600),
            indexing=(Indexed(collection_id="c1", state="under_way"),),
        ),
        Reason.NOT_INDEXED,
        {"write_back": 2},
    ),
]


@pytest.mark.parametrize(("world", "reason", "writes"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rows(world: Seen, reason: Reason, writes: Mapping[str, int]) -> None:
    """What is seen, why, and how much is done about it."""
    todo = plan_document(world)
    assert (todo.reason, todo.writes) == (reason, writes)


def test_what_is_written_back_of_a_new_document() -> None:
    """Every field that the firm's screens show; the xAI id only when it is a fact."""
    todo = with_file(plan_document(seen(NEW, base=None, content=ONE)), "f9")
    assert todo.write_back == {
        "xai_id": "f9",
        "collections": ["c1"],
        "synced_hash": "m1",
        "status": "clean",
        "file_status": "synced",
    }
    assert todo.remember == Base(
        looked_at="a1",
        attachment_id="a1",
        file_id="f9",
        facts=ONE,
        attached=(Attachment("c1", "f9"),),
        synced_at=NOW,
    )


def test_the_error_text_of_a_failure_is_cleared() -> None:
    """Staff must not read of a failure that is over."""
    todo = plan_document(seen(change(CLEAN, status="failed", error="zu groß"), base=change(BASE, failed="a0")))
    assert todo.write_back == {"status": "clean", "error": None}
    assert todo.remember is not None
    assert todo.remember.failed is None


def test_a_legacy_sync_is_known_from_espocrms_fields() -> None:
    """Where we remember nothing, xaiId, xaiCollections and the MD5 say where the document is."""
    assert known(seen(base=None)) == Base(
        attachment_id="a1",
        file_id="f1",
        facts=Facts(size_bytes=0, md5="m1", sha256=""),
        attached=(Attachment("c1", "f1"),),
    )
    assert known(seen(NEW, base=None)) == Base()
    assert known(seen(None, base=None)) == Base()
    assert not needs_content(seen(base=None))
    assert needs_content(seen(change(CLEAN, md5=None), base=None))


@pytest.mark.parametrize(
    ("world", "content", "file", "index"),
    [
        (seen(), False, False, False),
        (seen(NEW, base=None), True, False, False),
        (seen(change(CLEAN, attachment_id=None)), False, False, False),
        (seen(owners=()), False, False, False),
        (seen(owners=(NAKED,)), False, False, False),
        (seen(change(CLEAN, attachment_id="a2")), True, False, False),
        (seen(owners=(OWNER, OTHER)), False, True, False),
        (seen(base=change(BASE, indexed=False)), False, False, True),
        (seen(change(CLEAN, attachment_id="a2"), content=TWO, stored_id="f2"), True, True, False),
    ],
)
def test_vendors_are_asked_only_what_the_decision_needs(world: Seen, content: bool, file: bool, index: bool) -> None:
    """P5: a run that finds everything in step downloads nothing and asks xAI nothing."""
    assert needs_content(world) == content
    assert needs_file_check(world) == file
    assert needs_indexing_check(world) == index


# A pure world, and the effects on it.

FILES = {"a1": ONE, "a2": ONE, "a3": TWO}
COLLECTIONS = ("c1", "c2", "c3")


class World(msgspec.Struct, kw_only=True):
    """EspoCRM, xAI and what we remember, as values."""

    dokument: Dokument | None
    owners: tuple[Owner, ...]
    base: Base | None
    stored: dict[str, Facts]
    """Files at xAI."""
    attached: set[Attachment]
    alive: set[str]
    """Collections at xAI."""
    receipts: dict[str, str]
    """The journal: content hash to file."""
    reindexed: int = 0

    def look(self) -> Seen:
        """As `effects.documents.load` looks."""
        found: Seen = Seen(
            entity_id="d", now=NOW, dokument=self.dokument, owners=tuple(sorted(self.owners)), base=self.base
        )
        if self.dokument is None:
            return Seen(entity_id="d", dokument=None, base=self.base)
        gone = frozenset(cid for cid in new_collections(found) if cid not in self.alive)
        found = change(found, collections_gone=gone)
        if needs_indexing_check(found):
            found = change(found, indexing=tuple(self._indexed(pair) for pair in known(found).attached))
        facts = FILES.get(self.dokument.attachment_id or "")
        if needs_content(found):
            assert facts is not None
            found = change(found, content=facts, stored_id=self.receipts.get(facts.sha256))
        held = candidate(found)
        if held is not None and needs_file_check(found):
            found = change(found, file_gone=held not in self.stored)
            if found.file_gone and found.content is None:
                found = change(found, content=facts)
        return found

    def _indexed(self, pair: Attachment) -> Indexed:
        return Indexed(collection_id=pair.collection_id, state="done" if pair in self.attached else "lost")

    def carry_out(self, todo: Plan, looked: Seen) -> Iterator[str]:
        """As `effects.documents.apply` does, one write at a time."""
        if todo.mark_pending:
            self._write({"status": "pending_sync"})
            yield "mark"
        if todo.upload:
            facts = looked.content
            assert facts is not None
            file_id = self.receipts.get(facts.sha256)
            if file_id is None or file_id == todo.gone_file:
                file_id = f"new{len(self.stored)}"
                self.stored[file_id] = facts
                yield "upload"
                self.receipts[facts.sha256] = file_id
                yield "receipt"
            todo = with_file(todo, file_id)
        if todo.attach:
            self.base = begun(looked, todo)
            yield "begin"
        for collection_id in todo.attach:
            assert collection_id in self.alive
            assert todo.file_id in self.stored
            self.attached.add(Attachment(collection_id, todo.file_id or ""))
            yield "attach"
        for _ in todo.reindex:
            self.reindexed += 1
            yield "reindex"
        for pair in todo.detach:
            self.attached.discard(pair)
            yield "detach"
        if todo.write_back:
            self._write(todo.write_back)
            yield "write back"
        if todo.remember is not None:
            self.base = todo.remember
            yield "remember"

    def _write(self, changes: Mapping[str, Any]) -> None:
        values = dict(changes)
        if "collections" in values:
            values["collections"] = tuple(values["collections"])
        assert self.dokument is not None
        self.dokument = change(self.dokument, **values)

    def run(self, *, steps: int | None = None) -> Plan:
        """One run; `steps` says after how many writes it dies."""
        looked = self.look()
        todo = plan_document(looked)
        for done, _ in enumerate(self.carry_out(todo, looked), start=1):
            if done == steps:
                break
        return todo

    def owners_answer(self) -> None:
        """Owners that were asked give themselves a collection."""
        made: list[Owner] = []
        for owner in self.owners:
            collection_id = owner.collection_id
            if collection_id is None or collection_id not in self.alive:
                collection_id = f"made_{owner.id}"
                self.alive.add(collection_id)
            made.append(change(owner, collection_id=collection_id))
        self.owners = tuple(made)


def vendor_writes(todo: Plan) -> dict[str, int]:
    """Everything but asking owners, which waits for them."""
    return {name: count for name, count in todo.writes.items() if name != "ask_owners"}


maybe = st.booleans()
owner_sets = st.lists(
    st.builds(
        Owner,
        entity_type=st.sampled_from(["Account", "Raeumungsklage"]),
        id=st.sampled_from(["o1", "o2", "o3"]),
        collection_id=st.sampled_from([None, *COLLECTIONS]),
    ),
    max_size=3,
    unique_by=lambda owner: owner.id,
)
dokumente = st.builds(
    Dokument,
    id=st.just("d"),
    attachment_id=st.sampled_from([None, *FILES]),
    file_name=st.just("Klage.pdf"),
    xai_id=st.sampled_from([None, "f1", "f2", "elsewhere"]),
    collections=st.lists(st.sampled_from(COLLECTIONS), unique=True).map(tuple),
    synced_hash=st.sampled_from([None, "m1", "m2"]),
    status=st.sampled_from([None, "no_sync", "pending_sync", "clean", "unclean", "failed"]),
    error=st.sampled_from([None, "alt"]),
    file_status=st.sampled_from([None, "new", "changed", "synced"]),
    md5=st.sampled_from([None, "m1", "m2"]),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any record, and a memory of it that is true as far as it goes."""
    dokument = draw(st.none() | dokumente)
    if dokument is not None and dokument.md5 is not None and dokument.attachment_id is not None:
        dokument = change(dokument, md5=FILES[dokument.attachment_id].md5)
    stored = {"f1": ONE, "f2": TWO}
    alive = set(draw(st.lists(st.sampled_from(COLLECTIONS), unique=True)))
    base = draw(st.none() | bases())
    attached: set[Attachment] = set()
    if base is not None:
        attached = {*base.attached, *(pair for pair in base.begun if draw(maybe))}
    elif dokument is not None and dokument.xai_id in stored:
        # The earlier engine's fields are true or absent.
        dokument = change(dokument, synced_hash=stored[dokument.xai_id].md5)
        attached = {Attachment(cid, dokument.xai_id or "") for cid in dokument.collections}
    elif dokument is not None:
        dokument = change(dokument, xai_id=None, collections=())
    alive |= {pair.collection_id for pair in attached}
    file_lost = draw(maybe)
    if file_lost:
        lost = draw(st.sampled_from(["f1", "f2"]))
        assume(not any(pair.file_id == lost for pair in attached))
        del stored[lost]
    receipts = {facts.sha256: file_id for file_id, facts in stored.items() if draw(maybe)}
    return World(
        dokument=dokument,
        owners=tuple(draw(owner_sets)),
        base=base,
        stored=stored,
        attached=attached,
        alive=alive,
        receipts=receipts,
    )


@st.composite
def bases(draw: st.DrawFn) -> Base:
    """What a run of ours may have left behind, also one that was killed."""
    pairs = st.lists(st.sampled_from(COLLECTIONS), unique=True)
    attachment_id = draw(st.sampled_from(sorted(FILES)))
    facts = FILES[attachment_id]
    file_id = "f1" if facts == ONE else "f2"
    begun_file = draw(st.sampled_from(["f1", "f2"]))
    gone = draw(maybe)
    if draw(st.integers(0, 3)) == 0:
        return Base(looked_at=attachment_id, failed=draw(st.sampled_from([None, attachment_id])))
    return Base(
        looked_at=attachment_id,
        attachment_id=attachment_id,
        file_id=file_id,
        facts=facts,
        attached=() if gone else tuple(Attachment(cid, file_id) for cid in sorted(draw(pairs))),
        begun=() if gone else tuple(Attachment(cid, begun_file) for cid in draw(pairs)),
        indexed=draw(maybe),
        gone=gone,
        failed=draw(st.sampled_from([None, *FILES])),
        synced_at=NOW - 60,
    )


def is_right(world: World) -> None:
    """The document is where it belongs, once, with the right bytes, and nowhere else; EspoCRM says so."""
    if world.dokument is None:
        assert world.attached == set()
        return
    dokument = world.dokument
    has_file = dokument.attachment_id is not None
    targets = {owner.collection_id for owner in world.owners if has_file and owner.collection_id in world.alive}
    assert {pair.collection_id for pair in world.attached} == targets
    assert len(world.attached) == len(targets)
    lacking = has_file and any(owner.collection_id not in world.alive for owner in world.owners)
    assert (dokument.error is not None) == lacking  # it says what is waited for
    if targets:
        [file_id] = {pair.file_id for pair in world.attached}
        assert world.stored[file_id].md5 == FILES[dokument.attachment_id or ""].md5
        assert dokument.xai_id == file_id
        assert sorted(dokument.collections) == sorted(cid for cid in targets if cid)
        assert dokument.file_status == "synced"
        assert dokument.synced_hash == world.stored[file_id].md5
    else:
        assert dokument.collections == ()
    assert dokument.status == ("pending_sync" if lacking else "clean" if targets else "no_sync")


@settings(max_examples=150)
@given(worlds())
def test_a_plan_carried_out_leaves_nothing_to_write(world: World) -> None:
    """P5: `plan(apply(plan(x)))` writes nothing at any vendor, and both sides are as they should be."""
    assume(not rests(world.look()))
    first = world.run()
    event(first.reason)
    second = plan_document(world.look())
    assert vendor_writes(second) == {}
    is_right(world)
    world.run()  # may still learn that xAI has indexed it
    last = plan_document(world.look())
    assert (vendor_writes(last), last.remember) == ({}, None)


@settings(max_examples=80)
@given(worlds())
def test_when_owners_have_answered_nobody_is_asked_any_more(world: World) -> None:
    """Asking owners comes to an end: they get their collections, and then nothing at all is left to do."""
    assume(not rests(world.look()))
    world.run()
    world.owners_answer()
    for _ in range(3):
        world.run()
    assert plan_document(world.look()).writes == {}
    is_right(world)


@settings(max_examples=150)
@given(worlds(), st.integers(1, 12))
def test_a_run_that_dies_anywhere_is_made_good_by_the_next(world: World, steps: int) -> None:
    """P2: after a death behind any write, two more runs put everything right, and no content is uploaded twice."""
    assume(not rests(world.look()))
    before = len(world.stored)
    world.run(steps=steps)
    at_death = {facts.sha256 for facts in world.stored.values()}
    lost_receipt = any(facts.sha256 not in world.receipts for facts in list(world.stored.values())[before:])
    if lost_receipt:  # the journal finds it by its marker
        file_id = list(world.stored)[-1]
        world.receipts[world.stored[file_id].sha256] = file_id
    after = len(world.stored)
    world.run()
    assert vendor_writes(plan_document(world.look())) == {}
    is_right(world)
    if after > before:
        assert len(world.stored) == after
    assert at_death <= {facts.sha256 for facts in world.stored.values()}


@settings(max_examples=80)
@given(worlds())
def test_a_document_that_failed_for_good_rests(world: World) -> None:
    """Its file is left alone, its earlier version leaves where it no longer belongs, and then nothing is to do."""
    if world.base is None or world.dokument is None or world.dokument.attachment_id is None:
        return
    world.base = change(world.base, failed=world.dokument.attachment_id)
    world.dokument = change(world.dokument, status="failed")
    if not wanted(world.look()):
        return
    assert rests(world.look())
    before = set(world.attached)
    todo = world.run()
    assert not todo.upload
    assert not todo.attach
    assert world.attached <= before
    last = plan_document(world.look())
    assert (vendor_writes(last), last.remember) == ({}, None)


@pytest.mark.parametrize("steps", range(1, 8))
def test_a_lost_file_that_was_uploaded_anew_before_a_death_stays_attached(steps: int) -> None:
    """xAI has lost the file; the run that makes it anew dies; the next adopts it and must not take it out again."""
    world = World(
        dokument=CLEAN,
        owners=(OWNER,),
        base=change(BASE, attached=(), gone=True),
        stored={},
        attached=set(),
        alive={"c1"},
        receipts={"s1": "f1"},
    )
    world.run(steps=steps)
    for file_id, facts in world.stored.items():
        world.receipts[facts.sha256] = file_id  # the journal finds it by its marker
    world.run()
    is_right(world)
    assert len(world.stored) == 1


@pytest.mark.parametrize("steps", range(1, 12))
def test_another_try_that_dies_is_not_forgotten(steps: int) -> None:
    """Staff sets `unclean` on what had failed for good; the run dies behind any write; the next one goes on."""
    world = World(
        dokument=change(NEW, status="unclean", error="alt"),
        owners=(OWNER,),
        base=Base(looked_at="a1", failed="a1"),
        stored={},
        attached=set(),
        alive={"c1"},
        receipts={},
    )
    world.run(steps=steps)
    for file_id, facts in world.stored.items():
        world.receipts[facts.sha256] = file_id  # the journal finds it by its marker
    for _ in range(2):
        world.run()
    is_right(world)
    assert len(world.stored) == 1


@given(worlds())
def test_a_plan_touches_only_what_is_wanted_or_ours(world: World) -> None:
    """It adds to wanted collections only and takes out only what we have put in."""
    looked = world.look()
    todo = plan_document(looked)
    ours = {*known(looked).attached, *known(looked).begun}
    assert set(todo.attach) <= set(wanted(looked))
    assert set(todo.detach) <= ours
    assert not {pair.collection_id for pair in todo.detach if pair.file_id == todo.file_id} & set(todo.attach)
    assert not (todo.upload and looked.content is None)
