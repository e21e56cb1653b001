"""Streams, buckets and consumers as data. `runtime/bus` makes NATS agree with it."""

from collections.abc import Sequence

import msgspec

_DAY_S = 24 * 3600.0
_NS = 1_000_000_000

Config = dict[str, object]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A log of messages, kept for `max_age_s`."""

    name: str
    subjects: tuple[str, ...]
    description: str
    max_age_s: float
    max_msgs: int = -1
    """What exceeds it drops the oldest, so a stream of events not yet worked on has none: there age and disk bound.

    (`discard: new` would refuse the publisher instead, but a stream with schedules may not have it.)
    """
    max_msgs_per_subject: int = -1
    schedules: bool = False

    def config(self, replicas: int) -> Config:
        """As the JetStream API wants it."""
        return {
            "name": self.name,
            "description": self.description,
            "subjects": list(self.subjects),
            "retention": "limits",
            "storage": "file",
            "num_replicas": replicas,
            "max_age": int(self.max_age_s * _NS),
            "max_msgs": self.max_msgs,
            "max_msgs_per_subject": self.max_msgs_per_subject,
            "discard": "old",
            "duplicate_window": 120 * _NS,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "allow_msg_schedules": self.schedules,
        }


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A key-value bucket: the stream that NATS' clients and the `nats kv` command know as one.

    `deny_delete` is off, unlike in a bucket that a client makes: a lock is released by deleting exactly its own
    revision, which leaves no tombstone and cannot hit a later owner.
    """

    name: str
    description: str

    def config(self, replicas: int) -> Config:
        """As the JetStream API wants it."""
        return {
            "name": f"KV_{self.name}",
            "description": self.description,
            "subjects": [f"$KV.{self.name}.>"],
            "retention": "limits",
            "storage": "file",
            "num_replicas": replicas,
            "max_msgs_per_subject": 1,
            "discard": "new",
            "duplicate_window": 120 * _NS,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "allow_rollup_hdrs": True,
            "deny_delete": False,
        }


VMH = Stream(
    name="VMH",
    subjects=("vmh.>",),
    description="What happened in EspoCRM, and what shall be looked at",
    max_age_s=30 * _DAY_S,
    schedules=True,
)
CALENDAR = Stream(
    name="CALENDAR",
    subjects=("calendar.>",),
    description="Whose calendar shall be brought into step",
    max_age_s=30 * _DAY_S,
    schedules=True,
)
DEAD = Stream(
    name="DEAD",
    subjects=("dead.>",),
    description="Events given up on, as they were, with the reason",
    max_age_s=90 * _DAY_S,
    max_msgs=1_000_000,
)
HISTORY = Stream(
    name="HISTORY",
    subjects=("history.>",),
    description="What became of each delivery, by entity",
    max_age_s=90 * _DAY_S,
    max_msgs=10_000_000,
    max_msgs_per_subject=100,
)
ADVISORIES = Stream(
    name="ADVISORIES",
    subjects=(
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
        "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
    ),
    description="Second net under the dead letters",
    max_age_s=90 * _DAY_S,
    max_msgs=100_000,
)
AUDIT = Stream(
    name="AUDIT",
    subjects=("audit.>",),
    description="Who wrote to Advoware through the proxy, and what operators did",
    max_age_s=400 * _DAY_S,
    max_msgs=10_000_000,
)
STREAMS = (VMH, CALENDAR, DEAD, HISTORY, ADVISORIES, AUDIT)

LOCKS = Bucket(name="locks", description="Who works on which entity")
IDEMPOTENCY = Bucket(name="idempotency", description="Which effects are done or under way, and counted attempts")
SNAPSHOTS = Bucket(name="snapshots", description="The last agreed state of each entity")
BUCKETS = (LOCKS, IDEMPOTENCY, SNAPSHOTS)


def consumer_config(name: str, subjects: Sequence[str], *, ack_wait_s: float, replicas: int) -> Config:
    """One durable pull consumer per service and stream.

    Attempts are counted by us: `num_delivered` also counts what was handed back unread. `max_deliver` is the net
    under that, far above what our own counting allows.
    """
    return {
        "durable_name": name,
        "name": name,
        "filter_subjects": sorted(subjects),
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_wait": int(ack_wait_s * _NS),
        "max_deliver": 10_000,
        "max_ack_pending": 2_000,
        "max_waiting": 512,
        "num_replicas": replicas,
    }
