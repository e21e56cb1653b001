"""What staff read: German, without a character that EspoCRM refuses, and the same news under the same key."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beteiligte_worker.model.notice import Notice, NoticeKind
from beteiligte_worker.plan.notices import description, failure_text, gone_text, headline
from shared.outcomes import errors
from shared.outcomes.errors import HubError

WORDS = st.text(max_size=12)
NOTICES = st.builds(
    Notice,
    kind=st.sampled_from(NoticeKind),
    about=st.sampled_from(["CBeteiligte.a", "CBeteiligte.b", "CAdressen.a"]),
    fields=st.lists(st.sampled_from(["lastName", "titel"]), max_size=2).map(tuple),
    details=st.lists(st.tuples(WORDS, WORDS), max_size=3).map(tuple),
)


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_has_a_headline_and_a_text(kind: NoticeKind) -> None:
    """EspoCRM refuses `<`, `>` and `=` in a task's name, and one of more than 255 characters."""
    notice = Notice(kind=kind, about="CBeteiligte.a")
    assert headline(notice).startswith("Advoware-Abgleich: ")
    assert not set("<>=") & set(headline(notice))
    assert len(headline(notice)) <= 255
    assert description(notice).endswith(".")


def test_the_headline_tells_no_value() -> None:
    """It is shown in lists and mails; the values stand in the task's text."""
    details = (("EspoCRM", "Müßig"), ("Advoware", ""))
    notice = Notice(kind=NoticeKind.CONFLICT, about="CBeteiligte.a", fields=("lastName",), details=details)
    assert "Müßig" not in headline(notice)
    assert description(notice).splitlines()[-2:] == ["EspoCRM: Müßig", "Advoware: –"]


@given(one=NOTICES, other=NOTICES)
def test_the_key_is_the_news(one: Notice, other: Notice) -> None:
    """P2: the same news has the same key, and another record, field or value another one."""
    same = (one.kind, one.about, one.fields, one.details) == (other.kind, other.about, other.fields, other.details)
    if same:
        assert one.key == other.key
    elif "=" not in str(one.details) + str(other.details) and "\\x00" not in repr(one) + repr(other):
        assert one.key != other.key


@given(notice=NOTICES, value=st.text(alphabet="KanrievoglÄß", min_size=6, max_size=9))
def test_the_key_holds_no_value(notice: Notice, value: str) -> None:
    """P10: it becomes part of a task's marker and of a journal's key."""
    told = Notice(kind=notice.kind, about=notice.about, fields=notice.fields, details=(("Nachname", value),))
    assert value not in told.key
    assert set(told.key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


FAILURES: dict[str, tuple[HubError, str]] = {
    "parked": (errors.Parked("party: lost"), "Unklar, ob"),
    "refused": (errors.Refused("30 of 40"), "Zur Sicherheit angehalten"),
    "rejected": (errors.Rejected("400 from advoware", status=400), "Die Daten wurden abgelehnt"),
    "not found": (errors.NotFound("404 from advoware"), "Die Daten wurden abgelehnt"),
    "away": (errors.Unavailable("503"), "zurzeit nicht erreichbar"),
    "busy": (errors.Busy("taken"), "zurzeit nicht erreichbar"),
    "too fast": (errors.RateLimited("429", after_s=1), "zurzeit nicht erreichbar"),
    "no key": (errors.Unauthorized("401"), "zurzeit nicht erreichbar"),
    "crashed": (errors.Crashed("died"), "Der Abgleich ist fehlgeschlagen"),
    "a bug": (HubError("an error in the hub; see its log"), "Der Abgleich ist fehlgeschlagen"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_a_german_sentence_and_then_the_reason(name: str) -> None:
    """P6: staff read the first, whoever helps them the second."""
    error, sentence = FAILURES[name]
    text = failure_text(error)
    assert sentence in text
    assert text.endswith(f" ({error.reason})")


def test_a_vendors_own_words_stand_behind_the_reason() -> None:
    """`detail` may quote the vendor and goes nowhere but into the record."""
    text = failure_text(errors.Rejected("400 from advoware", status=400, detail="Feld name fehlt"))
    assert text.endswith("(400 from advoware: Feld name fehlt)")


def test_failures_are_told_apart() -> None:
    """Five sentences for the five kinds of ending, and one for a party that is gone."""
    first_words = sorted({failure_text(error).split(".")[0] for error, _ in FAILURES.values()} | {gone_text()})
    assert len(first_words) == 6
    assert all(one != other for one, other in pairwise(first_words))
