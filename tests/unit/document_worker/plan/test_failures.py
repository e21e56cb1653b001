"""What staff read when a document could not be synced."""

import pytest

from document_worker.model import Owner
from document_worker.plan.failures import failure_text, index_failure_text, waiting_text
from shared.outcomes.errors import (
    Crashed,
    HubError,
    Malformed,
    NotFound,
    Parked,
    RateLimited,
    Refused,
    Rejected,
    TooManyDead,
    Unauthorized,
    Unavailable,
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Rejected("xai upload_file: 413", status=413, detail="too big"), "zu groß. (xai upload_file: 413: too big)"),
        (Rejected("the file is too large: 600 MB", status=413), "zu groß. (the file is too large: 600 MB)"),
        (
            Rejected("xai upload_file: 400", status=400, detail="bad name"),
            "abgelehnt. (xai upload_file: 400: bad name)",
        ),
        (NotFound("espocrm download: 404"), "abgelehnt. (espocrm download: 404)"),
        (Parked("two objects"), "Bitte an die Technik wenden. (two objects)"),
        (Unavailable("xai upload_file: 503"), "Es wird automatisch weiter versucht. (xai upload_file: 503)"),
        (RateLimited("xai: 429", after_s=3), "Es wird automatisch weiter versucht. (xai: 429)"),
        (Unauthorized("xai: 401"), "Es wird automatisch weiter versucht. (xai: 401)"),
        (TooManyDead("20"), "Es wird automatisch weiter versucht. (20)"),
        (Crashed("10 times"), "fehlgeschlagen. (10 times)"),
        (Refused("no"), "fehlgeschlagen. (no)"),
        (Malformed("no"), "fehlgeschlagen. (no)"),
        (HubError("an error in the hub"), "fehlgeschlagen. (an error in the hub)"),
    ],
)
def test_one_german_sentence_and_the_reason(error: HubError, expected: str) -> None:
    """A person sees what it means first, and what to tell the technician last."""
    text = failure_text(error)
    assert text.endswith(expected)
    assert text[0].isupper()


def test_xais_own_words_about_indexing() -> None:
    """The document is stored, and why it cannot be searched."""
    assert index_failure_text("encrypted").endswith("kann aber nicht durchsucht werden. (encrypted)")


def test_what_is_waited_for() -> None:
    """Kinds of owners once each, and no names."""
    owners = [Owner(entity_type=kind, id="o1", collection_id=None) for kind in ("CBeteiligte", "Account", "Account")]
    assert "(Account, CBeteiligte)" in waiting_text(owners)
