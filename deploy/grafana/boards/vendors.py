"""The vendors, as the hub meets them: EspoCRM, xAI, Advoware, Google."""

from deploy.grafana.panels import Json, board, lines, logs, number, table, traces
from deploy.grafana.queries import by_service, or_zero, quantile, rate

_LIMITED = 'hub_vendor_calls_total{outcome="429"}'
VENDORS = ("espocrm", "xai", "advoware", "google_calendar")


def vendors() -> Json:
    """All vendors side by side."""
    return board(
        "hub-vendors",
        "Hub: vendors",
        "How EspoCRM, xAI, Advoware and Google answer, and what that does to the hub.",
        [
            ("Failures within 10 minutes", [_failing(one) for one in VENDORS]),
            ("Calls", [*_calls(), *_what_of_it()]),
            ("Why", _why()),
        ],
    )


def _failing(vendor: str) -> Json:
    return number(
        vendor,
        "Share of calls with 5xx or without an answer. Events wait and are tried again by themselves.",
        or_zero(f'hub:vendor_failures:ratio10m{{vendor="{vendor}"}}'),
        unit="percentunit",
        bad_above=0.5,
        runbook="HubVendorFailing",
    ) | {"gridPos": {"x": 0, "y": 0, "w": 6, "h": 4}}


def _calls() -> list[Json]:
    return [
        lines(
            "By outcome",
            "`429`: asked to wait. `none`: no answer.",
            (f"sum by (vendor, outcome) ({rate('hub_vendor_calls_total')})", "{{vendor}} {{outcome}}"),
            unit="reqps",
            stacked=True,
            width=12,
            runbook="HubVendorFailing",
        ),
        lines(
            "Failures",
            "Share of 5xx and of no answers.",
            ("hub:vendor_failures:ratio10m", "{{vendor}}"),
            unit="percentunit",
            width=12,
            runbook="HubVendorFailing",
        ),
        lines(
            "Time",
            "Half and 95 of 100, by vendor.",
            (quantile(0.5, rate("hub_vendor_seconds_bucket"), "vendor"), "{{vendor}} half"),
            (quantile(0.95, rate("hub_vendor_seconds_bucket"), "vendor"), "{{vendor}} 95 of 100"),
            unit="s",
            exemplars=True,
            width=12,
        ),
        lines(
            "Asked to wait",
            "429 a second.",
            (f"sum by (vendor) ({rate(_LIMITED)})", "{{vendor}}"),
            unit="reqps",
            width=12,
            runbook="HubVendorLimits",
        ),
    ]


def _what_of_it() -> list[Json]:
    return [
        table(
            "Calls, 24 h",
            "By operation and outcome.",
            "sum by (vendor, operation, outcome) (increase(hub_vendor_calls_total[24h])) > 0",
        ),
        table(
            "Slowest operations, 24 h",
            "95 of 100, in seconds.",
            quantile(0.95, "rate(hub_vendor_seconds_bucket[24h])", "vendor", "operation"),
            unit="s",
        ),
        lines(
            "Halted",
            "1 while a consumer has stopped itself: wrong credentials, a wrong name, too many dead letters.",
            (f"max by (service, kind) {by_service('hub_halted')}", "{{service}} {{kind}}"),
            width=12,
            runbook="HubHalted",
        ),
        lines(
            "Dead letters",
            "By kind. `Rejected` is a vendor's no to one record.",
            (f"sum by (kind) ({rate('hub_dead_letters_total')})", "{{kind}}"),
            unit="ops",
            exemplars=True,
            width=12,
            runbook="HubDeadLetters",
        ),
    ]


def _why() -> list[Json]:
    return [
        logs(
            "Runs that failed",
            "Their reason names vendor, operation and status, never a value.",
            '{service_name=~".+_worker"} |= "$trace" | json | outcome=~"retry|dead|halt"',
        ),
        traces(
            "Slow calls", "Longer than 5 s.", "{ resource.service.namespace = `hub` && kind = client && duration > 5s }"
        ),
    ]
