"""One owner's plan: its rows, and that a plan carried out leaves nothing to plan."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from document_worker.model import OwnerBase, OwnerPlan, OwnerSeen
from document_worker.plan.owners import plan_owner
from shared.outcomes.reason import Reason

BASE = OwnerBase(collection_id="c1")


def seen(**changes: Any) -> OwnerSeen:
    values: dict[str, Any] = {
        "entity_type": "Account",
        "entity_id": "o1",
        "exists": True,
        "name": "Müller",
        "collection_id": "c1",
        "has_documents": True,
        "document_ids": ("d1", "d2"),
        "members": {"c1": ("d1", "d2")},
        "base": BASE,
        "alive": frozenset({"c1"}),
    }
    return OwnerSeen(**{**values, **changes})


def plan(reason: Reason, **parts: Any) -> OwnerPlan:
    return OwnerPlan(reason=reason, **parts)


NOTHING_YET: dict[str, Any] = {"collection_id": None, "base": None, "alive": frozenset()}


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (seen(), plan(Reason.IN_STEP)),
        (seen(base=None), plan(Reason.IN_STEP, remember=BASE)),
        (seen(has_documents=False, document_ids=(), members={}), plan(Reason.IN_STEP)),
        (seen(**NOTHING_YET, has_documents=False, document_ids=(), members={}), plan(Reason.NO_DOCUMENTS)),
        (
            seen(**NOTHING_YET, members={}),
            plan(Reason.COLLECTION_CREATED, create=True, tell=("d1", "d2"), remember=OwnerBase()),
        ),
        (
            seen(**NOTHING_YET, document_ids=(), members={}),
            plan(Reason.COLLECTION_CREATED, create=True, remember=OwnerBase()),
        ),
        (
            seen(alive=frozenset(), document_ids=("d2",), members={"c1": ("d1",)}),
            plan(
                Reason.COLLECTION_CREATED,
                create=True,
                gone_collections=("c1", "c1"),
                tell=("d1", "d2"),
                remember=OwnerBase(),
            ),
        ),
        (seen(collection_id=None), plan(Reason.FIELDS_CORRECTED, store_id="c1")),
        (
            seen(collection_id="c9", alive=frozenset({"c1"})),
            plan(Reason.FIELDS_CORRECTED, store_id="c1"),
        ),
        (
            seen(collection_id="c2", alive=frozenset({"c1", "c2"}), members={"c1": (), "c2": ("d1", "d2")}),
            plan(Reason.IN_STEP, remember=OwnerBase(collection_id="c2")),
        ),
        (
            seen(collection_id="c2", alive=frozenset({"c1", "c2"}), members={"c1": ("d1", "d2"), "c2": ("d2",)}),
            plan(Reason.DOCUMENTS_TOLD, tell=("d1",), remember=OwnerBase(collection_id="c2")),
        ),
        (seen(document_ids=("d1", "d3")), plan(Reason.DOCUMENTS_TOLD, tell=("d2", "d3"))),
        (
            seen(document_ids=(), has_documents=False),
            plan(Reason.DOCUMENTS_TOLD, tell=("d1", "d2")),
        ),
        (
            seen(exists=False, document_ids=()),
            plan(Reason.COLLECTION_DELETED, delete="c1", tell=("d1", "d2"), remember=OwnerBase(gone=True)),
        ),
        (seen(exists=False, base=None), plan(Reason.NEVER_SYNCED)),
        (seen(exists=False, base=OwnerBase(gone=True)), plan(Reason.IN_STEP)),
        (
            seen(exists=False, base=OwnerBase(), members={}),
            plan(Reason.COLLECTION_DELETED, remember=OwnerBase(gone=True)),
        ),
        (
            seen(**{**NOTHING_YET, "base": OwnerBase(gone=True)}, members={}),
            plan(Reason.COLLECTION_CREATED, create=True, tell=("d1", "d2"), remember=OwnerBase()),
        ),
    ],
)
def test_rows(world: OwnerSeen, expected: OwnerPlan) -> None:
    """What is seen, and the whole plan."""
    assert plan_owner(world) == expected


ids = st.lists(st.sampled_from(["d1", "d2", "d3"]), unique=True).map(lambda found: tuple(sorted(found)))
collections = st.sampled_from([None, "c1", "c2"])


class World(msgspec.Struct):
    """EspoCRM, xAI and what we remember, as values."""

    exists: bool
    collection_id: str | None
    documents: tuple[str, ...]
    members: dict[str, set[str]]
    """By collection; only of those that live."""
    base: OwnerBase | None

    def look(self) -> OwnerSeen:
        """As `effects.owners.load_owner` looks."""
        known = {self.base.collection_id if self.base else None, self.collection_id if self.exists else None} - {None}
        return OwnerSeen(
            entity_type="Account",
            entity_id="o1",
            exists=self.exists,
            collection_id=self.collection_id if self.exists else None,
            has_documents=bool(self.documents),
            document_ids=self.documents if self.exists else (),
            members={cid: tuple(sorted(self.members.get(cid, ()))) for cid in known if cid},
            base=self.base,
            alive=frozenset(cid for cid in known if cid in self.members),
        )

    def carry_out(self, todo: OwnerPlan) -> None:
        """As `effects.owners.apply_owner` does; documents that are told look where they belong."""
        remember, store_id = todo.remember, todo.store_id
        if todo.create:
            store_id = f"made{len(self.members)}"
            self.members[store_id] = set()
            remember = OwnerBase(collection_id=store_id)
        if store_id is not None:
            self.collection_id = store_id
        if todo.delete is not None:
            self.members.pop(todo.delete, None)
        for document in todo.tell:
            for cid, inside in self.members.items():
                belongs = self.exists and cid == self.collection_id and document in self.documents
                (inside.add if belongs else inside.discard)(document)
        if remember is not None:
            self.base = remember


worlds = st.builds(
    World,
    exists=st.booleans(),
    collection_id=collections,
    documents=ids,
    members=st.dictionaries(st.sampled_from(["c1", "c2"]), ids.map(set)),
    base=st.none() | st.builds(OwnerBase, collection_id=collections) | st.just(OwnerBase(gone=True)),
)


@given(worlds)
def test_a_plan_carried_out_leaves_nothing_to_plan(world: World) -> None:
    """P5: the second plan writes nothing, and the collection holds what is linked."""
    world.carry_out(plan_owner(world.look()))
    second = plan_owner(world.look())
    assert second.writes == {}
    world.carry_out(second)
    assert plan_owner(world.look()).remember is None
    if world.exists and world.documents:
        assert world.collection_id in world.members
        assert world.members[world.collection_id or ""] == set(world.documents)


@given(worlds)
def test_only_documents_concerned_are_told(world: World) -> None:
    """P4: a change of links costs as many events as links have changed."""
    looked = world.look()
    todo = plan_owner(looked)
    inside = {document for members in looked.members.values() for document in members}
    assert set(todo.tell) <= {*looked.document_ids, *inside}
    if not (todo.create or todo.delete or todo.reason is Reason.COLLECTION_DELETED):
        here = set(looked.members.get(todo.store_id or looked.collection_id or "", ()))
        assert set(todo.tell) == (set(looked.document_ids) ^ here) | (inside - here)
