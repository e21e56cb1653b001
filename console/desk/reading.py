"""Reading streams by direct get, from either end, in batches: never a whole stream to show one page of it.

Source: ADR-31 of https://github.com/nats-io/nats-architecture-and-design (batched direct get).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.contracts.topology import Config
from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus

_PATIENCE_S = 5.0
_BATCH = 500
_WINDOW_MAX = 1 << 20
_OURS = ("Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A stored message; `headers` are its publisher's."""

    stream: str
    sequence: int
    subject: str
    at: datetime
    headers: dict[str, str]
    body: bytes


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Some messages in order, and how many more would match."""

    messages: list[Message]
    pending: int = 0


async def batch(bus: Bus, stream: str, wanted: Config) -> Batch:
    """One request to `$JS.API.DIRECT.GET.<stream>`; `wanted` must hold `batch`. Raises Unavailable."""
    heard: asyncio.Queue[Msg] = asyncio.Queue()

    async def hear(message: Msg) -> None:
        heard.put_nowait(message)

    inbox = bus.nc.new_inbox()
    found: list[Message] = []
    try:
        subscription = await bus.nc.subscribe(inbox, cb=hear)
        try:
            await bus.nc.publish(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(wanted), reply=inbox)
            while True:
                async with asyncio.timeout(_PATIENCE_S):
                    message = await heard.get()
                headers = message.headers or {}
                if "Nats-Sequence" in headers:
                    found.append(_message(headers, message.data))
                    continue
                return Batch(messages=found, pending=_pending(stream, headers))
        finally:
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()
    except TimeoutError:
        raise Unavailable(f"stream {stream} does not answer in time") from None
    except (NatsError, OSError) as failed:
        raise Unavailable(f"NATS does not answer ({type(failed).__name__})") from None


def _pending(stream: str, headers: dict[str, str]) -> int:
    match headers.get("Status"):
        case "204":
            return int(headers.get("Nats-Num-Pending", "0"))
        case "404":
            return 0
        case "503":
            raise Unavailable(f"stream {stream} is not there, or does not answer")
        case status:
            raise Unavailable(f"stream {stream} answered {status}")


def _message(headers: dict[str, str], body: bytes) -> Message:
    return Message(
        stream=headers["Nats-Stream"],
        sequence=int(headers["Nats-Sequence"]),
        subject=headers["Nats-Subject"],
        at=datetime.fromisoformat(headers["Nats-Time-Stamp"]),
        headers={name: str(value) for name, value in headers.items() if name not in _OURS},
        body=body,
    )


async def one(bus: Bus, stream: str, sequence: int) -> Message | None:
    """The message at exactly this place."""
    if sequence < 1:
        return None
    found = (await batch(bus, stream, {"seq": sequence, "batch": 1})).messages
    return found[0] if found and found[0].sequence == sequence else None


async def last(bus: Bus, stream: str, subject: str) -> Message | None:
    """The newest message of a subject without wildcards."""
    found = (await batch(bus, stream, {"multi_last": [subject], "batch": 1})).messages
    return found[0] if found else None


async def at_or_after(bus: Bus, stream: str, moment: datetime) -> int | None:
    """Where the messages from a moment on begin; None when there are none."""
    start = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    found = (await batch(bus, stream, {"start_time": start, "batch": 1})).messages
    return found[0].sequence if found else None


async def count(bus: Bus, stream: str, *, subject: str = ">", start: int = 1) -> int:
    """How many messages lie from `start` on."""
    first = await batch(bus, stream, _from(start, 1, subject))
    return len(first.messages) + first.pending


async def ends(bus: Bus, stream: str) -> tuple[int, int]:
    """The first and the last sequence; the first is greater where the stream is empty."""
    state = (await bus.api(f"STREAM.INFO.{stream}"))["state"]
    return max(1, state["first_seq"]), state["last_seq"]


async def forward(
    bus: Bus, stream: str, *, start: int = 1, up_to: int | None = None, subject: str = ">"
) -> AsyncIterator[Message]:
    """The messages in order, from `start` to `up_to`."""
    while up_to is None or start <= up_to:
        size = _BATCH if up_to is None else min(_BATCH, up_to - start + 1)
        some = await batch(bus, stream, _from(start, size, subject))
        for message in some.messages:
            if up_to is not None and message.sequence > up_to:
                return
            yield message
        if not some.messages or not some.pending:
            return
        start = some.messages[-1].sequence + 1


async def newest(
    bus: Bus,
    stream: str,
    *,
    wanted: int,
    subject: str = ">",
    before: int | None = None,
    since: datetime | None = None,
    keep: Callable[[Message], bool] = lambda _: True,
) -> list[Message]:
    """The newest messages first, at most `wanted`, older than sequence `before` and not older than `since`.

    Reads backward in windows, which grow while they hold little that is kept.
    """
    first, end = await ends(bus, stream)
    end = min(end, before - 1) if before is not None else end
    window = max(1, wanted)
    found: list[Message] = []
    while end >= first and len(found) < wanted:
        start = max(first, end - window + 1)
        had = len(found)
        some = [message async for message in forward(bus, stream, start=start, up_to=end, subject=subject)]
        for message in reversed(some):
            if since is not None and message.at < since:
                return found
            if keep(message):
                found.append(message)
            if len(found) == wanted:
                return found
        end = start - 1
        if len(found) - had < wanted // 2 + 1:
            window = min(window * 2, _WINDOW_MAX)
    return found


def _from(start: int, size: int, subject: str) -> Config:
    wanted: Config = {"seq": max(1, start), "batch": size}
    return wanted if subject == ">" else wanted | {"next_by_subj": subject}
