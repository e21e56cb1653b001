"""Streams, buckets and consumers in numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from console.desk.names import name
from shared.contracts.topology import BUCKETS, STREAMS
from shared.runtime.bus import ApiError, Bus

_NOWHERE = datetime(1, 1, 2, tzinfo=UTC)
"""The server says year 1 where there is no message."""
_NS = 1_000_000_000


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A stream; a bucket is one too."""

    name: str
    description: str
    subjects: list[str]
    messages: int
    size_bytes: int
    first_sequence: int
    last_sequence: int
    first_at: datetime | None
    last_at: datetime | None
    distinct_subjects: int
    consumers: int
    replicas: int
    max_age_s: float
    max_messages: int
    max_per_subject: int
    expected: bool
    """Whether it is one of the hub's."""


class ConsumerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer. `lag` is what is not settled: `pending` not delivered yet, `ack_pending` in hand."""

    stream: str
    name: str
    subjects: list[str]
    lag: int
    pending: int
    ack_pending: int
    redelivered: int
    pulls_waiting: int
    last_delivered_at: datetime | None
    last_settled_at: datetime | None
    is_paused: bool


async def streams(bus: Bus) -> list[StreamInfo]:
    """All of the account, the hub's first."""
    known = [stream.name for stream in STREAMS] + [f"KV_{bucket.name}" for bucket in BUCKETS]
    found = [_stream(info, known) for info in await _all(bus, "STREAM.LIST", "streams")]
    return sorted(found, key=lambda one: (known.index(one.name) if one.name in known else len(known), one.name))


async def stream(bus: Bus, called: str) -> StreamInfo | None:
    """One, by its name, or a bucket's without `KV_`."""
    found = [one for one in await streams(bus) if one.name in (called, f"KV_{called}")]
    return found[0] if found else None


async def consumers(bus: Bus, *, of: str | None = None) -> list[ConsumerInfo]:
    """All of one stream, or of all the hub's streams that exist. Raises BadName, and ApiError where it is none."""
    names = [name(of)] if of else [stream.name for stream in STREAMS]
    found: list[ConsumerInfo] = []
    for wanted in names:
        try:
            found += [_consumer(info) for info in await _all(bus, f"CONSUMER.LIST.{wanted}", "consumers")]
        except ApiError:
            if of:
                raise
    return found


async def hearers(bus: Bus, subject: str) -> list[str]:
    """The services whose durable consumers take a subject."""
    return sorted({one.name for one in await consumers(bus) if any(_takes(has, subject) for has in one.subjects)})


def _takes(pattern: str, subject: str) -> bool:
    """Whether a subject falls under a pattern with `*` and `>`."""
    has, wanted = pattern.split("."), subject.split(".")
    for at, part in enumerate(has):
        if part == ">":
            return len(wanted) > at
        if at >= len(wanted) or part not in ("*", wanted[at]):
            return False
    return len(has) == len(wanted)


async def _all(bus: Bus, subject: str, member: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await bus.api(subject, {"offset": len(found)} if found else None)
        some = page.get(member) or []
        found += some
        if not some or len(found) >= page.get("total", 0):
            return found


def _stream(info: dict[str, Any], known: list[str]) -> StreamInfo:
    config, state = info["config"], info["state"]
    return StreamInfo(
        name=config["name"],
        description=config.get("description", ""),
        subjects=config.get("subjects") or [],
        messages=state["messages"],
        size_bytes=state["bytes"],
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        first_at=_at(state.get("first_ts")) if state["messages"] else None,
        last_at=_at(state.get("last_ts")),
        distinct_subjects=state.get("num_subjects", 0),
        consumers=state.get("consumer_count", 0),
        replicas=config.get("num_replicas", 1),
        max_age_s=config.get("max_age", 0) / _NS,
        max_messages=config.get("max_msgs", -1),
        max_per_subject=config.get("max_msgs_per_subject", -1),
        expected=config["name"] in known,
    )


def _consumer(info: dict[str, Any]) -> ConsumerInfo:
    config = info["config"]
    subjects = config.get("filter_subjects") or ([config["filter_subject"]] if config.get("filter_subject") else [">"])
    pending, ack_pending = info.get("num_pending", 0), info.get("num_ack_pending", 0)
    return ConsumerInfo(
        stream=info["stream_name"],
        name=info["name"],
        subjects=subjects,
        lag=pending + ack_pending,
        pending=pending,
        ack_pending=ack_pending,
        redelivered=info.get("num_redelivered", 0),
        pulls_waiting=info.get("num_waiting", 0),
        last_delivered_at=_at(info.get("delivered", {}).get("last_active")),
        last_settled_at=_at(info.get("ack_floor", {}).get("last_active")),
        is_paused=bool(info.get("paused")),
    )


def _at(text: str | None) -> datetime | None:
    at = datetime.fromisoformat(text) if text else None
    return at if at is not None and at - _NOWHERE > timedelta(0) else None
