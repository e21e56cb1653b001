"""Dead letters: the event as it was, once, and published again on request."""

import msgspec

from shared.contracts.envelope import unseal
from shared.contracts.events import EntityEvent
from shared.contracts.subjects import DOCUMENT_UPDATE
from shared.runtime.dead_letter import DeadLetter, DeadLetters
from shared.runtime.service import Service
from tests.support.office import stored

LETTER = DeadLetter(
    subject="vmh.document.update",
    body=b'{"entity_id": "d1", "X": "\xc3\xbc"}\n',
    headers={
        "ce-id": "e1",
        "ce-time": "2026-03-01T12:00:00.000+00:00",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "X-Foreign": "a, b: c",
        "Nats-Msg-Id": "e1",
        "Nats-Expected-Stream": "VMH",
        "Nats-TTL": "5s",
        "Nats-Schedule": "@at 2030-01-01T00:00:00Z",
        "Nats-Rollup": "all",
    },
    kind="Rejected",
    reason="xai upload_file: 413",
    attempts=3,
    stream="VMH",
    sequence=17,
    consumer="document_worker",
)


async def test_as_it_was_and_why(service: Service) -> None:
    """Body unchanged, headers unchanged but for those that tell the broker to do something, and the reason."""
    await DeadLetters(service.publisher).store(LETTER)
    [letter] = await stored(service, "DEAD")
    assert letter["subject"] == "dead.vmh.document.update"
    assert letter["body"] == LETTER.body
    assert letter["headers"] == {
        "ce-id": "e1",
        "ce-time": "2026-03-01T12:00:00.000+00:00",
        "traceparent": LETTER.headers["traceparent"],
        "X-Foreign": "a, b: c",
        "Nats-Msg-Id": "dead:VMH:document_worker:17",
        "Hub-Error": "Rejected",
        "Hub-Reason": "xai upload_file: 413",
        "Hub-Attempts": "3",
        "Hub-Subject": "vmh.document.update",
        "Hub-Stream": "VMH",
        "Hub-Sequence": "17",
    }


async def test_once_per_message_and_consumer(service: Service) -> None:
    """Settled twice is one letter; two services that give up on one message are two."""
    letters = DeadLetters(service.publisher)
    for _ in range(3):
        await letters.store(LETTER)
    await letters.store(msgspec.structs.replace(LETTER, consumer="other_worker"))
    await letters.store(msgspec.structs.replace(LETTER, sequence=18))
    assert len(await stored(service, "DEAD")) == 3


async def test_a_letter_for_a_letter_of_any_client(service: Service) -> None:
    """An event without headers, with an empty body or an odd subject is kept as well."""
    letters = DeadLetters(service.publisher)
    await letters.store(msgspec.structs.replace(LETTER, headers={}, body=b"", reason="the body is not JSON"))
    [letter] = await stored(service, "DEAD")
    assert not letter["body"]
    assert letter["headers"]["Hub-Reason"] == "the body is not JSON"


async def replayed(service: Service, letter: DeadLetter, *, replay_id: str = "r1") -> dict[str, str]:
    """Stores, replays, and returns the new event's headers."""
    letters = DeadLetters(service.publisher)
    await letters.store(letter)
    dead = (await stored(service, "DEAD"))[-1]
    await letters.replay(letter.subject, dead["body"], dead["headers"], replay_id=replay_id)
    event = (await stored(service, "VMH"))[-1]
    assert event["subject"] == letter.subject
    assert event["body"] == letter.body
    return {str(name): str(value) for name, value in event["headers"].items()}


async def test_replay(service: Service) -> None:
    """Same event id, new message id, a fresh count, and a note of what it repeats."""
    headers = await replayed(service, LETTER)
    assert headers == {
        "ce-id": "e1",
        "ce-time": "2026-03-01T12:00:00.000+00:00",
        "traceparent": LETTER.headers["traceparent"],
        "X-Foreign": "a, b: c",
        "Nats-Msg-Id": "replay:r1",
        "Hub-Replay-Of": "e1",
    }
    opened = unseal(DOCUMENT_UPDATE, headers, b'{"entity_id":"d1"}', position="VMH-99")
    assert opened.event == EntityEvent(entity_id="d1", entity_type="CDokumente", action="update", source="replay")
    assert (opened.event_id, opened.failures, opened.replay_of) == ("e1", 0, "e1")


async def test_replay_of_an_event_that_had_no_id(service: Service) -> None:
    """`nats pub` sets none: its id in history and log was its place in the stream, and the replay names that."""
    headers = await replayed(service, msgspec.structs.replace(LETTER, headers={}))
    opened = unseal(DOCUMENT_UPDATE, headers, b'{"entity_id":"d1"}', position="VMH-99")
    assert opened.replay_of == "VMH-17"


async def test_replay_of_an_event_known_by_its_message_id(service: Service) -> None:
    """A publisher that sets only `Nats-Msg-Id` has named its event so."""
    headers = await replayed(service, msgspec.structs.replace(LETTER, headers={"Nats-Msg-Id": "import-7"}))
    opened = unseal(DOCUMENT_UPDATE, headers, b'{"entity_id":"d1"}', position="VMH-99")
    assert opened.replay_of == "import-7"


async def test_a_double_click_replays_once(service: Service) -> None:
    """One replay id is one event."""
    letters = DeadLetters(service.publisher)
    await letters.store(LETTER)
    [dead] = await stored(service, "DEAD")
    for _ in range(2):
        await letters.replay("vmh.document.update", dead["body"], dead["headers"], replay_id="r1")
    assert len(await stored(service, "VMH")) == 1
