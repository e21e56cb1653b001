"""The topology's data: what must never slip."""

import pytest

from shared.contracts.subjects import SUBJECTS
from shared.contracts.topology import (
    ADVISORIES,
    BUCKETS,
    DEAD,
    HISTORY,
    STREAMS,
    VMH,
    Bucket,
    Stream,
    consumer_config,
)


def matches(pattern: str, subject: str) -> bool:
    """NATS' own rule for `>`."""
    prefix = pattern.removesuffix(">")
    return subject.startswith(prefix) if pattern.endswith(">") else subject == pattern


def test_every_subject_lies_in_exactly_one_stream() -> None:
    """An event that no stream takes would be lost, one that two take would run twice."""
    for subject in SUBJECTS:
        assert [s.name for s in STREAMS for p in s.subjects if matches(p, subject.name)] == [
            "CALENDAR" if subject.name.startswith("calendar.") else "VMH"
        ]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
@pytest.mark.parametrize("replicas", [1, 3])
def test_streams(stream: Stream, replicas: int) -> None:
    """On disk, as many copies as set, bounded by age, ids of messages remembered for two minutes."""
    config = stream.config(replicas)
    assert config["storage"] == "file"
    assert config["num_replicas"] == replicas
    assert isinstance(config["max_age"], int)
    assert config["max_age"] >= 30 * 24 * 3600 * 10**9
    assert config["duplicate_window"] == 120 * 10**9
    assert config["retention"] == "limits"
    assert config["allow_msg_ttl"] is True


def test_only_streams_of_events_have_schedules() -> None:
    """Cron and long retries lie where their targets are; a stream of events not yet worked on drops none for room."""
    assert [stream.name for stream in STREAMS if stream.config(1)["allow_msg_schedules"]] == ["VMH", "CALENDAR"]
    assert VMH.config(1)["max_msgs"] == -1
    assert VMH.config(1)["max_msgs_per_subject"] == -1


def test_bounds_of_what_only_grows() -> None:
    """P12: dead letters, history and advisories have an end; an entity's history is its last hundred."""
    assert HISTORY.config(1)["max_msgs_per_subject"] == 100
    for stream in (DEAD, HISTORY, ADVISORIES):
        assert isinstance(stream.config(1)["max_msgs"], int)
        assert stream.max_msgs > 0


@pytest.mark.parametrize("bucket", BUCKETS, ids=lambda bucket: bucket.name)
def test_buckets_are_what_clients_know_as_buckets(bucket: Bucket) -> None:
    """`nats kv` and nats-py find them: name, subjects, one value per key; per-key TTL; exact deletes allowed."""
    config = bucket.config(1)
    assert config["name"] == f"KV_{bucket.name}"
    assert config["subjects"] == [f"$KV.{bucket.name}.>"]
    assert config["max_msgs_per_subject"] == 1
    assert config["discard"] == "new"
    assert config["allow_direct"] is True
    assert config["allow_rollup_hdrs"] is True
    assert config["allow_msg_ttl"] is True
    assert config["deny_delete"] is False


def test_a_consumer_never_has_a_backoff_list() -> None:
    """The broker's own backoff would redeliver while we work; attempts are counted by us."""
    config = consumer_config("w", ["vmh.b.c", "vmh.a.c"], ack_wait_s=30, replicas=3)
    assert "backoff" not in config
    assert config["durable_name"] == config["name"] == "w"
    assert config["filter_subjects"] == ["vmh.a.c", "vmh.b.c"]
    assert config["ack_policy"] == "explicit"
    assert config["ack_wait"] == 30 * 10**9
    assert config["num_replicas"] == 3
    assert isinstance(config["max_deliver"], int)
    assert config["max_deliver"] > 1000
