"""A sweep's plan: who is worth an event, who rests, and when a person must look first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from document_worker.model import Base, Owner, SweepBase, SweepPlan, SweepSeen, SweptDocument, SweptOwner
from document_worker.plan.sweep import plan_sweep

PROGRESS = SweepBase(modified_since="2026-03-01 12:00:00", owners_at={"Account": 200}, documents_after="d9")
OWNER = Owner(entity_type="Account", id="o1", collection_id="c1")
KNOWN = Base(looked_at="a1", attachment_id="a1")


def sweep(*, max_changes: int = 20, max_share: float = 0.3, force: bool = False, **found: Any) -> SweepPlan:
    values: dict[str, Any] = {
        "documents": (),
        "owners": (),
        "checked": 100,
        "vanished": (),
        "returned": (),
        "unindexed": (),
        "progress": PROGRESS,
    }
    return plan_sweep(SweepSeen(**{**values, **found}), max_changes=max_changes, max_share=max_share, force=force)


def document(status: str | None, base: Base | None, *, attachment_id: str | None = "a1", **more: Any) -> SweptDocument:
    return SweptDocument(id="d1", attachment_id=attachment_id, status=status, base=base, **more)


@pytest.mark.parametrize(
    ("row", "is_worth_it"),
    [
        (document("clean", KNOWN), False),
        (document("no_sync", KNOWN), False),
        (document(None, KNOWN), False),
        (document("clean", None), True),
        (document("clean", KNOWN, attachment_id="a2"), True),
        (document("clean", KNOWN, attachment_id=None), True),
        (document("clean", Base(looked_at="a1", gone=True)), True),
        (document("pending_sync", KNOWN), True),
        (document("unclean", KNOWN), True),
        (document("no_sync", KNOWN, linked_unsynced=True), True),
        (document("failed", None), True),
        (document("failed", KNOWN), True),
        (document("failed", Base(failed="a1")), False),
        (document("failed", Base(failed="a1"), linked_unsynced=True), False),
        (document("failed", Base(failed="a0")), True),
        (document("failed", Base(attachment_id="a1", index_error="encrypted")), False),
        (document("failed", Base(attachment_id="a0", index_error="encrypted")), True),
        (document("unclean", Base(failed="a1")), True),
    ],
)
def test_documents(row: SweptDocument, is_worth_it: bool) -> None:
    """P8: what changed without us is asked for; what failed for good rests until its file or status changes."""
    assert sweep(documents=(row,)).documents == (("d1",) if is_worth_it else ())


@pytest.mark.parametrize(
    ("collection_id", "documents", "members", "is_worth_it"),
    [
        ("c1", ("d1",), ("d1",), False),
        ("c1", (), (), False),
        (None, (), (), True),
        ("c1", ("d1", "d2"), ("d1",), True),
        ("c1", ("d1",), ("d1", "d2"), True),
        ("c1", ("d2", "d1"), ("d1", "d2"), False),
    ],
)
def test_owners(
    collection_id: str | None, documents: tuple[str, ...], members: tuple[str, ...], is_worth_it: bool
) -> None:
    """Links fire no webhooks, so an owner whose documents are not its collection's is asked."""
    owner = Owner(entity_type="Account", id="o1", collection_id=collection_id)
    row = SweptOwner(owner=owner, document_ids=documents, members=members)
    assert sweep(owners=(row,)).owners == ((owner,) if is_worth_it else ())


def test_everything_once_and_in_order() -> None:
    """A document found in several ways is one event; the progress is handed on."""
    todo = sweep(
        documents=(document("unclean", KNOWN),),
        owners=(SweptOwner(owner=OWNER, document_ids=("d1",), members=()),) * 2,
        returned=("d2", "d1"),
        unindexed=("d3", "d1"),
        vanished=("d9",),
    )
    assert todo == SweepPlan(documents=("d1", "d2", "d3"), vanished=("d9",), owners=(OWNER,), progress=PROGRESS)
    assert todo.writes == {"documents": 3, "vanished": 1, "owners": 1}
    assert sweep().writes == {}


@pytest.mark.parametrize(
    ("gone", "checked", "refused"),
    [
        (0, 0, False),
        (20, 20, False),
        (21, 21, True),
        (21, 70, False),
        (22, 70, True),
        (30, 100, False),
        (31, 100, True),
        (2000, 2000, True),
    ],
)
def test_the_guard(gone: int, checked: int, refused: bool) -> None:
    """P9: above number and share at once the vanished wait for a person, who is told the counts; others go on."""
    vanished = tuple(f"d{number}" for number in range(gone))
    row = document("unclean", KNOWN)
    todo = sweep(vanished=vanished, checked=checked, documents=(row,))
    assert todo.documents == ("d1",)
    if not refused:
        assert (len(todo.vanished), todo.refused) == (gone, None)
        return
    assert todo.vanished == ()
    assert todo.refused is not None
    assert todo.refused.startswith(f"{gone} of {checked} documents are gone in EspoCRM")
    assert '{"force": true}' in todo.refused
    forced = sweep(vanished=vanished, checked=checked, force=True)
    assert (len(forced.vanished), forced.refused) == (gone, None)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 50), st.floats(0, 1))
def test_the_guard_refuses_above_both_and_only_then(gone: int, others: int, max_changes: int, max_share: float) -> None:
    """As the settings' table says it; with force never."""
    checked = gone + others
    vanished = tuple(f"d{number}" for number in range(gone))
    above_both = gone > max_changes and checked > 0 and gone / checked > max_share
    limits: dict[str, Any] = {"max_changes": max_changes, "max_share": max_share}
    todo = sweep(vanished=vanished, checked=checked, **limits)
    assert (todo.refused is not None) == above_both
    assert todo.vanished == (() if above_both else vanished)
    assert sweep(vanished=vanished, checked=checked, force=True, **limits).vanished == vanished
