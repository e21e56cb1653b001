"""The doors: the gateway's webhooks, the way to Advoware, and the console."""

from deploy.grafana.panels import Json, board, lines, logs, number, table, traces
from deploy.grafana.queries import of, or_zero, quantile, rate


def doors() -> Json:
    """Gateway, Advoware proxy and console."""
    return board(
        "hub-doors",
        "Hub: gateway, proxy, console",
        "Who knocks, what they are answered, and how long they wait.",
        [
            ("Webhooks", [*_webhooks(), *_pace()]),
            ("Events", _events()),
            ("Requests to Advoware", _proxy()),
            ("Console", _console()),
            ("Process", _process()),
            ("Why", _why()),
        ],
    )


def _webhooks() -> list[Json]:
    return [
        number("Gateways", "Processes that are there.", 'count(hub_build_info{service="gateway"})'),
        number(
            "Not stored",
            "Share of 503 within 5 minutes.",
            or_zero("hub:webhooks_unavailable:ratio5m"),
            unit="percentunit",
            bad_above=0.1,
            runbook="HubWebhooksUnavailable",
        ),
        number(
            "Errors, 24 h",
            "Answers 500: bugs.",
            or_zero('sum(increase(hub_webhooks_total{status="500"}[24h]))'),
            bad_above=1,
            runbook="HubWebhookErrors",
        ),
        number(
            "Refused, 24 h",
            "401, 400 and 413.",
            or_zero('sum(increase(hub_webhooks_total{status=~"400|401|413"}[24h]))'),
            runbook="HubWebhooksRefused",
        ),
        table(
            "Answers, 24 h",
            "By door and status.",
            "sum by (door, status) (increase(hub_webhooks_total[24h])) > 0",
            runbook="HubWebhooksRefused",
        ),
    ]


def _pace() -> list[Json]:
    return [
        lines(
            "Rate by door",
            "Requests a second.",
            (f"sum by (door) ({rate('hub_webhooks_total')})", "{{door}}"),
            unit="reqps",
            stacked=True,
        ),
        lines(
            "Time by door",
            "99 of 100.",
            (quantile(0.99, rate("hub_webhook_seconds_bucket"), "door"), "{{door}}"),
            unit="s",
            exemplars=True,
            runbook="HubWebhooksSlow",
        ),
        lines(
            "Echoes",
            "Items that were the hub's own writes coming back; they go no further.",
            (f"sum by (door) ({rate('hub_webhook_echoes_total')})", "{{door}}"),
            unit="ops",
        ),
    ]


def _events() -> list[Json]:
    return [
        lines(
            "Stored",
            "By subject, all services.",
            (f"sum by (subject) ({rate('hub_events_published_total')})", "{{subject}}"),
            unit="ops",
            stacked=True,
        ),
        lines(
            "Not stored",
            "No confirmation from JetStream in time.",
            (f"sum by (subject) ({rate('hub_publish_failures_total')})", "{{subject}}"),
            unit="ops",
            exemplars=True,
            runbook="HubPublishFailures",
        ),
        lines(
            "Waiting for JetStream",
            "Publishes under way, by process; at 512 more are refused with 503.",
            ("hub_publishes_in_flight", "{{instance}}"),
            runbook="HubPublishFailures",
        ),
    ]


def _proxy() -> list[Json]:
    return [
        lines(
            "By status",
            "What callers are answered.",
            (f"sum by (method, status) ({rate('hub_proxy_requests_total')})", "{{method}} {{status}}"),
            unit="reqps",
            stacked=True,
            runbook="HubProxyFailing",
        ),
        lines(
            "Time",
            "From the request to its answer, without the rest of a large one.",
            (quantile(0.5, rate("hub_proxy_seconds_bucket"), "method"), "{{method}} half"),
            (quantile(0.95, rate("hub_proxy_seconds_bucket"), "method"), "{{method}} 95 of 100"),
            unit="s",
            exemplars=True,
        ),
        lines(
            "Redis",
            "1 while it answers; 0: each process keeps the Advoware token itself.",
            ("min by (keeps) (hub_redis_up)", "{{keeps}}"),
            runbook="HubRedisAway",
        ),
    ]


def _console() -> list[Json]:
    return [
        lines(
            "Log-ins",
            "By how they ended.",
            (f"sum by (outcome) ({rate('hub_console_logins_total')})", "{{outcome}}"),
            unit="ops",
            runbook="HubConsoleLoginsRefused",
        ),
        table(
            "Deeds, 30 days",
            "What people did on the page; the stream AUDIT says who and what.",
            "sum by (deed) (increase(hub_console_deeds_total[30d])) > 0",
            width=8,
        ),
    ]


def _process() -> list[Json]:
    def each(metric: str) -> list[tuple[str, str]]:
        return [(of(name, metric), f"{name} {{{{instance}}}}") for name in ("gateway", "advoware_proxy", "console")]

    late = [
        (f"histogram_quantile(0.99, {buckets})", legend)
        for buckets, legend in each(rate("hub_event_loop_lag_seconds_bucket"))
    ]
    return [
        lines("Memory", "Resident.", *each("process_resident_memory_bytes"), unit="bytes", width=6),
        lines("CPU", "Cores in use.", *each(rate("process_cpu_seconds_total")), width=6),
        lines("Event loop", "How late timers are; 99 of 100.", *late, unit="s", width=6, runbook="HubEventLoopLate"),
        lines("Tasks", "Of the event loop. What only rises is a leak.", *each("hub_tasks"), width=6),
    ]


def _why() -> list[Json]:
    return [
        logs(
            "Log",
            "Of gateway, proxy and console; with an id above, only the lines of that trace or event.",
            '{service_name=~"gateway|advoware_proxy|console"} |= "$trace" | json',
        ),
        traces(
            "Slow or failed requests",
            "Longer than a second, or with an error.",
            "{ resource.service.name =~ `gateway|advoware_proxy` && (status = error || duration > 1s) }",
        ),
    ]
