"""Dead letters: the event as it was, with the reason; and how one is published again."""

from collections.abc import Mapping

import msgspec
from nats.aio.msg import Msg

from shared.contracts.envelope import ATTEMPTS, MSG_ID, REPLAY_OF, event_id_of
from shared.runtime.publisher import Publisher
from shared.runtime.pull_loop import Position

ERROR = "Hub-Error"
REASON = "Hub-Reason"
SUBJECT = "Hub-Subject"
STREAM = "Hub-Stream"
SEQUENCE = "Hub-Sequence"

_OF_THE_BROKER = ("nats-expected-", "nats-schedule", "nats-ttl", "nats-rollup", "nats-msg-id")


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to understand an event that was given up on, and to try it again."""

    subject: str
    body: bytes
    headers: Mapping[str, str]
    kind: str
    reason: str
    attempts: int
    stream: str
    sequence: int
    consumer: str


def letter_of(message: Msg, position: Position, *, consumer: str, kind: str, reason: str, attempts: int) -> DeadLetter:
    """What is kept of a message that is given up on."""
    return DeadLetter(
        subject=message.subject,
        body=message.data,
        headers=message.headers or {},
        kind=kind,
        reason=reason,
        attempts=attempts,
        stream=position.stream,
        sequence=position.sequence,
        consumer=consumer,
    )


class DeadLetters:
    """Stores dead letters and replays them."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def store(self, letter: DeadLetter) -> None:
        """Stores it once, however often this is called for the same message. Raises Unavailable."""
        event_id = event_id_of(letter.headers, f"{letter.stream}-{letter.sequence}")
        headers = as_they_were(letter.headers) | {
            "ce-id": event_id,
            MSG_ID: f"dead:{letter.stream}:{letter.consumer}:{letter.sequence}",
            ERROR: letter.kind,
            REASON: letter.reason,
            ATTEMPTS: str(letter.attempts),
            SUBJECT: letter.subject,
            STREAM: letter.stream,
            SEQUENCE: str(letter.sequence),
        }
        await self._publisher.store(f"dead.{letter.subject}", letter.body, headers)

    async def replay(self, subject: str, body: bytes, headers: Mapping[str, str], *, replay_id: str) -> None:
        """Publishes a dead letter's event again: same event id, new message id, a fresh count of attempts."""
        again = {
            name: value
            for name, value in as_they_were(headers).items()
            if name not in (ERROR, REASON, ATTEMPTS, SUBJECT, STREAM, SEQUENCE)
        }
        again[MSG_ID] = f"replay:{replay_id}"
        again[REPLAY_OF] = event_id_of(headers, f"{headers.get(STREAM)}-{headers.get(SEQUENCE)}")
        await self._publisher.store(subject, body, again)


def as_they_were(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that tell the broker to do something."""
    return {name: str(value) for name, value in headers.items() if not name.lower().startswith(_OF_THE_BROKER)}
