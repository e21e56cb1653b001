"""The board that one looks at first: is all well, what comes in, what is done, what waits."""

from deploy.grafana.panels import Json, board, lines, logs, number, table, traces
from deploy.grafana.queries import by_service, or_zero, quantile, rate

_DOORS = 'door!~"advoware.*"'
SERVICES = "gateway|document_worker|beteiligte_worker|calendar_worker|advoware_proxy|console"


def overview() -> Json:
    """Everything at a glance."""
    return board(
        "hub-overview",
        "Hub: overview",
        "Is all well? What comes in, what is done, what waits, and how the vendors are.",
        [
            ("Is all well?", [*_well(), *_unfinished()]),
            ("What comes in", _incoming()),
            ("What is done", _done()),
            ("What waits", _waiting()),
            ("Services", _services()),
            ("Why", _why()),
        ],
    )


def _well() -> list[Json]:
    return [
        number("Alerts", "Alerts that fire now.", or_zero('count(ALERTS{alertstate="firing"})'), bad_above=1),
        number(
            "Services",
            "Of six that should be there.",
            "count(count by (service) (hub_build_info))",
            runbook="HubServiceAbsent",
        ),
        number(
            "Halted",
            "Consumers that have stopped themselves.",
            or_zero("sum(hub_halted)"),
            bad_above=1,
            runbook="HubHalted",
        ),
        number(
            "Oldest event",
            "How long the oldest unsettled event has waited.",
            "max(hub_oldest_pending_seconds)",
            unit="s",
            bad_above=900,
            runbook="HubOldestPending",
        ),
    ]


def _unfinished() -> list[Json]:
    return [
        number(
            "Dead letters",
            "That lie in the stream; each wants a look.",
            "sum(hub_dead_letters_stored)",
            bad_above=1,
            runbook="HubDeadLetters",
        ),
        number(
            "Open intents",
            "Writes of which nobody knows yet whether they were done.",
            "max(hub_open_intents)",
            bad_above=1,
            runbook="HubOpenIntents",
        ),
        number(
            "Drift",
            "Records whose sides differed at the last audit.",
            or_zero("sum(max by (family) (hub_drift))"),
            bad_above=1,
            runbook="HubDrift",
        ),
        number(
            "Off NATS",
            "Processes without a connection to NATS.",
            or_zero("count(hub_nats_up == 0)"),
            bad_above=1,
            runbook="HubNatsAway",
        ),
    ]


def _incoming() -> list[Json]:
    return [
        lines(
            "Webhooks by answer",
            "200 is stored; 503 is sent again by EspoCRM.",
            (f"sum by (status) ({rate(f'hub_webhooks_total{{{_DOORS}}}')})", "{{status}}"),
            unit="reqps",
            stacked=True,
            runbook="HubWebhooksUnavailable",
        ),
        lines(
            "Time to answer a webhook",
            "From the request's head to the answer. EspoCRM waits ten seconds.",
            (quantile(0.5, rate(f"hub_webhook_seconds_bucket{{{_DOORS}}}")), "half"),
            (quantile(0.99, rate(f"hub_webhook_seconds_bucket{{{_DOORS}}}")), "99 of 100"),
            unit="s",
            exemplars=True,
            runbook="HubWebhooksSlow",
        ),
        lines(
            "Events stored",
            "By subject; sweeps and syncs publish too.",
            (f"sum by (subject) ({rate('hub_events_published_total')})", "{{subject}}"),
            unit="ops",
            stacked=True,
        ),
    ]


def _done() -> list[Json]:
    return [
        lines(
            "Deliveries by outcome",
            "How runs end. `retry` is tried again by itself, `dead` needs a person.",
            (f"sum by (outcome) ({rate('hub_deliveries_total')})", "{{outcome}}"),
            unit="ops",
            stacked=True,
        ),
        lines(
            "What people wait",
            "From the event's time to the start of its run; 95 of 100.",
            (quantile(0.95, rate("hub_event_age_seconds_bucket"), "subject"), "{{subject}}"),
            unit="s",
            exemplars=True,
        ),
        table(
            "Reasons, last 24 hours",
            "Why deliveries ended as they did; the words stand in Operations, Reasons.",
            "sort_desc(sum by (outcome, reason) (increase(hub_deliveries_total[24h])) > 0)",
            width=8,
        ),
    ]


def _waiting() -> list[Json]:
    return [
        lines(
            "Lag",
            "Events not yet settled, all replicas.",
            ("max by (consumer) (hub_consumer_lag)", "{{consumer}}"),
            runbook="HubLagGrows",
        ),
        lines(
            "Oldest event by consumer",
            "Alert above 900 s.",
            ("max by (consumer) (hub_oldest_pending_seconds)", "{{consumer}}"),
            unit="s",
            runbook="HubOldestPending",
        ),
        table(
            "Dead letters that lie there",
            "By the event's subject. `hub dead ls` has them all.",
            "max by (subject) (hub_dead_letters_stored) > 0",
            width=8,
            runbook="HubDeadLetters",
        ),
    ]


def _services() -> list[Json]:
    return [
        table(
            "Versions",
            "Replicas by service and version; two versions mean a roll-out that goes on.",
            "count by (service, version) (hub_build_info)",
            width=8,
            runbook="HubVersionsMixed",
        ),
        lines(
            "Memory",
            "Resident, the largest replica.",
            (f"max by (service) {by_service('process_resident_memory_bytes')}", "{{service}}"),
            unit="bytes",
        ),
        lines(
            "CPU",
            "Cores in use.",
            (f"sum by (service) {by_service(rate('process_cpu_seconds_total'))}", "{{service}}"),
            unit="short",
        ),
    ]


def _why() -> list[Json]:
    return [
        logs(
            "Warnings and errors",
            "Of all services; with an id above, only those of that trace or event.",
            f'{{service_name=~"{SERVICES}"}} |= "$trace" | json | level=~"warning|error|critical"',
        ),
        logs(
            "Everything about one id",
            "Put a trace id, an event id or a record's id above; without one this is every line of every service.",
            f'{{service_name=~"{SERVICES}"}} |= "$trace" | json',
        ),
        traces(
            "Traces with an error, or longer than 10 s",
            "From the webhook to the last vendor call.",
            "{ resource.service.namespace = `hub` && (status = error || duration > 10s) }",
        ),
        lines(
            "History and spans not stored",
            "A second; the work itself was done.",
            (f"sum({rate('hub_history_lost_total')})", "history records"),
            (f"sum({rate('hub_spans_lost_total')})", "spans"),
            unit="ops",
            runbook="HubHistoryLost",
        ),
    ]
