"""NATS JetStream, as prometheus-nats-exporter tells it with the prefix `nats_`."""

from deploy.grafana.panels import Json, board, lines, number, table
from deploy.grafana.queries import by_service, or_zero, rate

_LEADER = 'is_stream_leader="true"'
_CONSUMERS = 'is_consumer_leader="true",consumer_name=~".*_worker"'

_FULLEST = "max(nats_server_total_message_bytes / (nats_server_max_storage > 0))"
_WITHOUT_LEADER = (
    "count(count by (account, stream_name) (nats_stream_total_messages) "
    f"unless count by (account, stream_name) (nats_stream_total_messages{{{_LEADER}}}))"
)


def broker() -> Json:
    """Servers, streams, consumers."""
    return board(
        "hub-nats",
        "Hub: NATS",
        "Servers, streams and consumers, from prometheus-nats-exporter with the official Helm chart's prefix nats_.",
        [("Is all well?", _well()), ("Streams", _streams()), ("Consumers", _consumers()), ("Servers", _servers())],
    )


def _well() -> list[Json]:
    return [
        number("Servers", "With JetStream.", "count(nats_server_total_streams)", runbook="NatsServerMissing"),
        number(
            "Leader",
            "Of the cluster; 1 is right.",
            or_zero('count(nats_server_total_streams{is_meta_leader="true"})'),
            runbook="NatsNoQuorum",
        ),
        number(
            "Streams without leader",
            "They take and hand out nothing.",
            or_zero(_WITHOUT_LEADER),
            bad_above=1,
            runbook="NatsStreamWithoutLeader",
        ),
        number(
            "Storage",
            "Share of what JetStream may use, the fullest server.",
            _FULLEST,
            unit="percentunit",
            bad_above=0.8,
            runbook="NatsStorageFilling",
        ),
        number(
            "JetStream off",
            "Servers that have switched it off.",
            or_zero("sum(nats_server_jetstream_disabled)"),
            bad_above=1,
            runbook="NatsJetStreamDisabled",
        ),
        number(
            "Slow clients, 24 h",
            "That were cut off.",
            or_zero("sum(increase(nats_varz_slow_consumers[24h]))"),
            bad_above=1,
            runbook="NatsSlowConsumers",
        ),
        number(
            "Off NATS",
            "Processes of the hub without a connection.",
            or_zero("count(hub_nats_up == 0)"),
            bad_above=1,
            runbook="HubNatsAway",
        ),
    ]


def _streams() -> list[Json]:
    return [
        lines(
            "Messages",
            "By stream; KV_… are buckets.",
            (f"max by (stream_name) (nats_stream_total_messages{{{_LEADER}}})", "{{stream_name}}"),
        ),
        lines(
            "Size",
            "By stream, one copy.",
            (f"max by (stream_name) (nats_stream_total_bytes{{{_LEADER}}})", "{{stream_name}}"),
            unit="bytes",
        ),
        lines(
            "Written",
            "Messages a second, by stream.",
            (f"max by (stream_name) ({rate(f'nats_stream_last_seq{{{_LEADER}}}')})", "{{stream_name}}"),
            unit="ops",
        ),
    ]


def _consumers() -> list[Json]:
    def each(metric: str) -> tuple[str, str]:
        return f"max by (consumer_name) ({metric}{{{_CONSUMERS}}})", "{{consumer_name}}"

    return [
        lines("Pending", "Not handed out yet.", each("nats_consumer_num_pending"), runbook="HubLagGrows"),
        lines(
            "In hand",
            "Handed out and not settled; at 2,000 nothing more is handed out.",
            each("nats_consumer_num_ack_pending"),
            runbook="NatsConsumerFull",
        ),
        lines("Delivered again", "Of those in hand.", each("nats_consumer_num_redelivered")),
        lines(
            "Pulls waiting",
            "Open requests of workers; 0 for long means that nobody asks.",
            each("nats_consumer_num_waiting"),
        ),
        lines(
            "Connected",
            "Processes of the hub on NATS.",
            (f"sum by (service) {by_service('hub_nats_up')}", "{{service}}"),
            runbook="HubNatsAway",
        ),
        table(
            "Settled up to",
            "Sequence below which everything is settled.",
            f"max by (stream_name, consumer_name) (nats_consumer_ack_floor_stream_seq{{{_CONSUMERS}}})",
            width=8,
        ),
    ]


def _servers() -> list[Json]:
    return [
        lines(
            "Storage",
            "Bytes in JetStream by server.",
            ("nats_server_total_message_bytes", "{{server_name}}"),
            unit="bytes",
            runbook="NatsStorageFilling",
        ),
        lines("Memory", "By server.", ("nats_varz_mem", "{{server_id}}"), unit="bytes"),
        lines("CPU", "Percent of a core, by server.", ("nats_varz_cpu", "{{server_id}}"), unit="percent"),
        lines("Connections", "By server.", ("nats_varz_connections", "{{server_id}}")),
        lines(
            "Messages in and out",
            "A second, all servers.",
            (f"sum({rate('nats_varz_in_msgs')})", "in"),
            (f"sum({rate('nats_varz_out_msgs')})", "out"),
            unit="ops",
        ),
    ]
