"""What each NATS user may do: its own subjects, consumer, keys and inbox, and nothing else. Data, made from the tables.

A subject of JetStream's API that is missing here has no use in the hub. What cannot be narrower because the API's
subject does not say more is listed in `docs/how-to/credentials.md`.
Source of the API's subjects: https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from shared.contracts import proxy
from shared.contracts.keys import key
from shared.contracts.operator import doctor_subject, plan_subject
from shared.contracts.subjects import (
    BETEILIGTE_CREATE,
    BETEILIGTE_DELETE,
    BETEILIGTE_UPDATE,
    SUBJECTS,
    Subject,
)
from shared.contracts.topology import (
    AUDIT,
    BUCKETS,
    CALENDAR,
    DEAD,
    HISTORY,
    IDEMPOTENCY,
    LOCKS,
    SNAPSHOTS,
    STREAMS,
    VMH,
    Bucket,
    Stream,
)

_API = "$JS.API"
_SRV = ("PING", "INFO", "STATS")
"""What a NATS service is asked, by ADR-32 of nats-architecture-and-design."""
_ALL_STORES = tuple(stream.name for stream in STREAMS) + tuple(f"KV_{bucket.name}" for bucket in BUCKETS)


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects with wildcards. `subscribe_not` is taken out of `subscribe`."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    subscribe_not: tuple[str, ...] = ()
    replies: bool = False
    """May answer once to each request that it has received, wherever the asker listens."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A service with a durable consumer: what of the shared streams and buckets is its own."""

    name: str
    stream: Stream
    steps: tuple[str, ...]
    """How the keys of its locks, effects and snapshots begin."""
    memory: tuple[str, ...] = ()
    """Likewise, of snapshots only."""
    family: str
    """Whose audit it runs."""
    crons: tuple[str, ...]
    hears_too: tuple[Subject[Any], ...] = ()
    """Subjects that another worker owns."""

    @property
    def hears(self) -> tuple[Subject[Any], ...]:
        """What its consumer takes."""
        return tuple(subject for subject in SUBJECTS if subject.owner == self.name) + self.hears_too


WORKERS = (
    Worker(
        name="document_worker",
        stream=VMH,
        steps=("document_sync", "collection_sync"),
        memory=("collection_member",),
        family="documents",
        crons=("vmh.cron.document_sweep", "vmh.cron.document_audit"),
        # Parties own collections too.
        hears_too=(BETEILIGTE_CREATE, BETEILIGTE_UPDATE, BETEILIGTE_DELETE),
    ),
    Worker(
        name="beteiligte_worker",
        stream=VMH,
        steps=("beteiligte_sync",),
        family="beteiligte",
        crons=("vmh.cron.beteiligte_sweep", "vmh.cron.beteiligte_audit"),
    ),
    Worker(
        name="calendar_worker",
        stream=CALENDAR,
        steps=("calendar_sync",),
        family="calendar",
        crons=("calendar.cron.sync_all", "calendar.cron.audit"),
    ),
)

GATEWAY = "gateway"
PROXY = proxy.SERVICE
CONSOLE = "console"
OPERATOR = "operator"
SERVICES = (GATEWAY, *(worker.name for worker in WORKERS), PROXY, CONSOLE)


def inbox_prefix(name: str) -> str:
    """Where replies to a connection of that name arrive. Nobody reads another service's."""
    return f"_INBOX.{name}"


def _unique(subjects: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(subjects)))


def _every_service(name: str) -> list[str]:
    """Looking at the topology, which each does at its start and when it is probed; and its log lines."""
    return [
        f"{_API}.INFO",
        *(f"{_API}.STREAM.INFO.{store}" for store in _ALL_STORES),
        f"log.{name}.*",
    ]


def _heard(name: str, *more: str) -> tuple[str, ...]:
    """Replies to it, questions about it as `nats micro` asks them, and an operator's.

    No subject here ends with `*` where others have subjects too: NATS lets who may hear `a.*` subscribe to `a.>`.
    """
    questions = [f"$SRV.{verb}{whose}" for verb in _SRV for whose in ("", f".{name}", f".{name}.*")]
    return _unique([f"{inbox_prefix(name)}.>", *questions, doctor_subject(name), *more])


def _published_by(name: str) -> list[str]:
    return [subject.name for subject in SUBJECTS if name in subject.published_by.split(", ")]


def _worker(worker: Worker) -> Permissions:
    stream, name = worker.stream.name, worker.name
    family = worker.stream.subjects[0].removesuffix(">")
    keys = {
        LOCKS: worker.steps,
        IDEMPOTENCY: (*worker.steps, key("attempts", name)),
        SNAPSHOTS: worker.steps + worker.memory,
    }
    return Permissions(
        publish=_unique(
            [
                *_every_service(name),
                *(f"{_API}.CONSUMER.{verb}.{stream}.{name}" for verb in ("INFO", "CREATE", "MSG.NEXT")),
                *_acks(stream, name),
                *_published_by(name),
                *worker.crons,
                *(f"{_API}.DIRECT.GET.{stream}.{cron}" for cron in worker.crons),
                f"{family}retry.*",
                *(f"dead.{subject.name}" for subject in worker.hears),
                "history.*.*",
                *(subject for bucket, prefixes in keys.items() for subject in _bucket(bucket, prefixes)),
                *(f"$KV.{bucket.name}.{key('audit', worker.family)}" for bucket in (LOCKS, SNAPSHOTS)),
            ]
        ),
        subscribe=_heard(name, plan_subject(name)),
        replies=True,
    )


def _acks(stream: str, consumer: str) -> list[str]:
    """The second form has domain and account in it: a server may be told to use it."""
    return [f"$JS.ACK.{stream}.{consumer}.>", f"$JS.ACK.*.*.{stream}.{consumer}.>"]


def _bucket(bucket: Bucket, prefixes: Sequence[str]) -> list[str]:
    """Writing keys that begin so. Neither a leader's read nor an exact delete has the key in its subject."""
    return [
        *(f"$KV.{bucket.name}.{prefix}.>" for prefix in prefixes),
        f"{_API}.STREAM.MSG.GET.KV_{bucket.name}",
        f"{_API}.STREAM.MSG.DELETE.KV_{bucket.name}",
    ]


def _gateway() -> Permissions:
    return Permissions(
        publish=_unique(
            [
                *_every_service(GATEWAY),
                *_published_by(GATEWAY),
                *(proxy.subject(method) for method in proxy.METHODS),
                f"{proxy.REST}.>",
            ]
        ),
        subscribe=_heard(GATEWAY),
        replies=True,
    )


def _proxy() -> Permissions:
    writes = [method.lower() for method in proxy.METHODS if method != "GET"]
    return Permissions(
        publish=_unique([*_every_service(PROXY), *(f"audit.{PROXY}.{method}" for method in writes)]),
        subscribe=_heard(PROXY, *(proxy.subject(method) for method in proxy.METHODS), f"{proxy.REST}.>"),
        replies=True,
    )


def _console() -> Permissions:
    """An operator's page: reads streams, asks for syncs, replays, breaks locks, drops letters, pauses schedules."""
    shown = (VMH, CALENDAR, DEAD, HISTORY)
    read_whole = (*(stream.name for stream in shown), *(f"KV_{bucket.name}" for bucket in (LOCKS, IDEMPOTENCY)))
    return Permissions(
        publish=_unique(
            [
                *_every_service(CONSOLE),
                f"{_API}.STREAM.LIST",
                *(f"{_API}.CONSUMER.LIST.{stream.name}" for stream in STREAMS),
                # Also of those that operators make for a moment.
                *(f"{_API}.CONSUMER.INFO.{stream.name}.*" for stream in STREAMS),
                *(f"{_API}.DIRECT.GET.{store}" for store in read_whole),
                *(f"{_API}.STREAM.MSG.GET.KV_{bucket.name}" for bucket in (LOCKS, SNAPSHOTS)),
                *(f"{_API}.STREAM.MSG.DELETE.{store}" for store in (DEAD.name, f"KV_{LOCKS.name}")),
                *(subject.name for subject in SUBJECTS),
                *(cron for worker in WORKERS for cron in worker.crons),
                "audit.operator.*",
                *(f"$SRV.{verb}" for verb in _SRV),
            ]
        ),
        subscribe=_heard(CONSOLE, "log.>"),
        replies=True,
    )


def _operator() -> Permissions:
    """A person with `hub` and the `nats` command line.

    Everything that there is to do with streams and buckets, and no way to write what services have to say: histories,
    log lines, records of writes, replies.
    """
    families = [stream.subjects[0] for stream in STREAMS if stream.schedules]
    return Permissions(
        publish=_unique(
            [
                *families,
                f"{_API}.>",
                "$JS.ACK.>",
                "$JS.FC.>",
                "$JS.SNAPSHOT.>",
                *(f"$KV.{bucket.name}.>" for bucket in BUCKETS),
                "$SRV.>",
                *(subject(service) for subject in (plan_subject, doctor_subject) for service in SERVICES),
                *(proxy.subject(method) for method in proxy.METHODS),
                f"{AUDIT.name.lower()}.{OPERATOR}.*",
            ]
        ),
        subscribe=(">",),
        subscribe_not=_unique(f"{inbox_prefix(service)}.>" for service in SERVICES),
    )


USERS: Mapping[str, Permissions] = {
    GATEWAY: _gateway(),
    **{worker.name: _worker(worker) for worker in WORKERS},
    PROXY: _proxy(),
    CONSOLE: _console(),
    OPERATOR: _operator(),
}
"""By name: the services', and the one for people."""
