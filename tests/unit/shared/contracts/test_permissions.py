"""Who may what on the bus: held against the tables it is made from, and against what the services run."""

from typing import Any

import pytest

from beteiligte_worker.handlers import ROUTES as BETEILIGTE
from calendar_worker.handlers import ROUTES as CALENDAR
from document_worker.handlers import ROUTES as DOCUMENTS
from shared.contracts.permissions import OPERATOR, SERVICES, USERS, WORKERS, Worker, inbox_prefix
from shared.contracts.subjects import SUBJECTS
from shared.contracts.topology import BUCKETS, STREAMS
from shared.runtime.route import Routes

_ROUTES: dict[str, Routes[Any]] = {
    "document_worker": DOCUMENTS,
    "beteiligte_worker": BETEILIGTE,
    "calendar_worker": CALENDAR,
}
_CHANGES = ("CREATE", "UPDATE", "DELETE", "PURGE", "RESTORE", "SNAPSHOT")


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_a_worker_may_bury_what_it_hears(worker: Worker) -> None:
    """The table names exactly the subjects that the service's own ROUTES take."""
    taken = {route.subject.name for route in _ROUTES[worker.name]}
    assert {subject.name for subject in worker.hears} == taken
    assert {f"dead.{name}" for name in taken} <= set(USERS[worker.name].publish)


def test_every_event_has_somebody_who_may_publish_it() -> None:
    """The service that the subject's row names, and the operator all of them."""
    known = {"schedule", "nobody yet: for the command line"}
    for subject in SUBJECTS:
        for publisher in subject.published_by.split(", "):
            assert publisher in known or subject.name in USERS[publisher].publish, (subject.name, publisher)
        family = f"{subject.name.partition('.')[0]}.>"
        assert family in USERS[OPERATOR].publish


def test_no_service_publishes_an_event_that_its_row_does_not_name() -> None:
    """But the console, which does what operators ask for."""
    for subject in SUBJECTS:
        for user in set(SERVICES) - {"console"}:
            named = user in subject.published_by.split(", ")
            assert (subject.name in USERS[user].publish) == named, (subject.name, user)


@pytest.mark.parametrize("user", SERVICES)
def test_no_service_changes_streams(user: str) -> None:
    """Making, correcting and emptying them is an operator's; no pattern of a service reaches the API's verbs."""
    for pattern in USERS[user].publish:
        assert not pattern.startswith(("$JS.API.>", "$JS.API.*", "$JS.>", "*", ">")), pattern
        assert not any(f".STREAM.{verb}." in pattern for verb in _CHANGES), pattern
        assert not pattern.endswith(".STREAM.>")


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_writes_only_keys_that_begin_with_its_own_words(user: str) -> None:
    """No bucket whole, and no prefix that two services share."""
    own = {pattern for pattern in USERS[user].publish if pattern.startswith("$KV.")}
    others = {pattern for other in SERVICES if other != user for pattern in USERS[other].publish}
    assert own.isdisjoint(others)
    assert own.isdisjoint({f"$KV.{bucket.name}.>" for bucket in BUCKETS})


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_hears_its_own_replies_only(user: str) -> None:
    """An inbox each, and no subject that ends with a star beside which others have subjects."""
    inboxes = [pattern for pattern in USERS[user].subscribe if pattern.startswith("_INBOX")]
    assert inboxes == [f"{inbox_prefix(user)}.>"]
    assert not any(pattern.endswith(".*") and user not in pattern for pattern in USERS[user].subscribe)


@pytest.mark.parametrize("user", SERVICES)
def test_nothing_of_a_stream_is_subscribed_to(user: str) -> None:
    """What is stored is read through JetStream, where a consumer or a read has a name."""
    families = {subject.partition(".")[0] for stream in STREAMS for subject in stream.subjects} - {"$JS"}
    assert not any(pattern.partition(".")[0] in families for pattern in USERS[user].subscribe)


def test_the_operator_cannot_write_what_services_say() -> None:
    """Histories, log lines, records of writes and replies are theirs."""
    for pattern in USERS[OPERATOR].publish:
        assert pattern.partition(".")[0] not in ("history", "log", "_INBOX", ">"), pattern
        assert pattern != "audit.>"
    assert set(USERS[OPERATOR].subscribe_not) == {f"{inbox_prefix(user)}.>" for user in SERVICES}
