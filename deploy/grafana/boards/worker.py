"""A worker's board: how fast, why, behind what it waits, and which vendor it waits for."""

from typing import NamedTuple

from deploy.grafana.panels import Json, board, lines, logs, number, table, traces
from deploy.grafana.queries import of, or_zero, quantile, rate

_RUNNING = 'hub_lanes{state="running"}'
_IN_HAND = 'hub_lanes{state="in_hand"}'


class Worker(NamedTuple):
    """A worker, and the family of its audit."""

    service: str
    does: str
    family: str


WORKERS = (
    Worker("document_worker", "documents and their owners' collections, EspoCRM and xAI", "documents"),
    Worker("beteiligte_worker", "parties, both ways between EspoCRM and Advoware", "beteiligte"),
    Worker("calendar_worker", "employees' calendars, both ways between Advoware and Google", "calendar"),
)


def worker(one: Worker) -> Json:
    """The board of one worker."""
    name = one.service
    return board(
        f"hub-{name.replace('_', '-')}",
        f"Hub: {name}",
        f"What {name} does: {one.does}.",
        [
            ("Is all well?", _well(one)),
            ("Runs", _runs(name)),
            ("One at a time", _locks(name)),
            ("Vendors", _vendors(name)),
            ("Process", _process(name)),
            ("Why", _why(name)),
        ],
    )


def _well(one: Worker) -> list[Json]:
    name = one.service
    return [
        number("Replicas", "Processes that are there.", f'count(hub_build_info{{service="{name}"}})'),
        number(
            "Halted",
            "1 while it has stopped itself.",
            or_zero(f"max{of(name, 'hub_halted')}"),
            bad_above=1,
            runbook="HubHalted",
        ),
        number("Lag", "Events not yet settled.", f'max(hub_consumer_lag{{consumer="{name}"}})', runbook="HubLagGrows"),
        number(
            "Oldest event",
            "How long it has waited.",
            f'max(hub_oldest_pending_seconds{{consumer="{name}"}})',
            unit="s",
            bad_above=900,
            runbook="HubOldestPending",
        ),
        number(
            "Dead letters, 24 h",
            "Events given up.",
            or_zero(f"sum{of(name, 'increase(hub_dead_letters_total[24h])')}"),
            bad_above=1,
            runbook="HubDeadLetters",
        ),
        number(
            "Drift",
            "Records whose sides differed at the last audit.",
            f'max(hub_drift{{family="{one.family}"}})',
            bad_above=1,
            runbook="HubDrift",
        ),
        number("Being worked on", "Entities at this moment.", f"sum{of(name, _RUNNING)}"),
        number("Behind them", "Messages in hand that wait.", f"sum{of(name, _IN_HAND)}"),
    ]


def _runs(name: str) -> list[Json]:
    deliveries = of(name, rate("hub_deliveries_total"))
    seconds = of(name, rate("hub_delivery_seconds_bucket"))
    age = of(name, rate("hub_event_age_seconds_bucket"))
    return [
        lines(
            "By outcome", "How runs end.", (f"sum by (outcome) {deliveries}", "{{outcome}}"), unit="ops", stacked=True
        ),
        lines(
            "By reason",
            "Why. `coalesced` events were covered by a run that waited anyway.",
            (f"sum by (reason) {deliveries}", "{{reason}}"),
            unit="ops",
            stacked=True,
        ),
        lines(
            "Time of a run",
            "From start to settlement.",
            (quantile(0.5, seconds), "half"),
            (quantile(0.95, seconds), "95 of 100"),
            (quantile(0.99, seconds), "99 of 100"),
            unit="s",
            exemplars=True,
        ),
        lines(
            "What people wait",
            "From the event's time to the start of its run.",
            (quantile(0.5, age), "half"),
            (quantile(0.95, age), "95 of 100"),
            unit="s",
            exemplars=True,
        ),
        lines(
            "Came again",
            "Messages delivered before: lost answers, killed workers, hand-backs, retries.",
            (f"sum by (subject) {of(name, rate('hub_redeliveries_total'))}", "{{subject}}"),
            unit="ops",
        ),
        table(
            "Dead letters, 24 h",
            "By subject and kind.",
            f"sum by (subject, kind) {of(name, 'increase(hub_dead_letters_total[24h])')} > 0",
            width=8,
            runbook="HubDeadLetters",
        ),
    ]


def _locks(name: str) -> list[Json]:
    waits = of(name, rate("hub_lock_wait_seconds_bucket"))
    return [
        lines(
            "Lanes",
            "Entities being worked on, and messages behind them.",
            (f"sum by (state) {of(name, 'hub_lanes')}", "{{state}}"),
        ),
        lines(
            "Waiting for a lock",
            "From a message in hand to its entity's lock.",
            (quantile(0.5, waits), "half"),
            (quantile(0.95, waits), "95 of 100"),
            unit="s",
        ),
        lines(
            "Handed back, and lost",
            "Busy: another replica had the entity. Lost: the lease ran out, alert.",
            (f"sum{of(name, rate('hub_locks_busy_total'))}", "busy"),
            (f"sum{of(name, rate('hub_locks_lost_total'))}", "lost"),
            unit="ops",
            runbook="HubLocksLost",
        ),
    ]


def _vendors(name: str) -> list[Json]:
    calls = of(name, rate("hub_vendor_calls_total"))
    return [
        lines(
            "Calls by outcome",
            "`none` is no answer at all.",
            (f"sum by (vendor, outcome) {calls}", "{{vendor}} {{outcome}}"),
            unit="reqps",
            stacked=True,
            runbook="HubVendorFailing",
        ),
        lines(
            "Time of a call",
            "95 of 100, by vendor and operation.",
            (
                quantile(0.95, of(name, rate("hub_vendor_seconds_bucket")), "vendor", "operation"),
                "{{vendor}} {{operation}}",
            ),
            unit="s",
            exemplars=True,
            width=16,
        ),
    ]


def _process(name: str) -> list[Json]:
    late = quantile(0.99, of(name, rate("hub_event_loop_lag_seconds_bucket")), "instance")
    each = "{{instance}}"
    return [
        lines("Memory", "Resident.", (of(name, "process_resident_memory_bytes"), each), unit="bytes", width=6),
        lines("CPU", "Cores in use.", (of(name, rate("process_cpu_seconds_total")), each), width=6),
        lines(
            "Event loop",
            "How late timers are; 99 of 100. Above a second locks and probes suffer.",
            (late, each),
            unit="s",
            width=6,
            runbook="HubEventLoopLate",
        ),
        lines("Tasks", "Of the event loop. What only rises is a leak.", (of(name, "hub_tasks"), each), width=6),
    ]


def _why(name: str) -> list[Json]:
    return [
        logs(
            "Log",
            "All of it; with an id above, only the lines of that trace or event.",
            f'{{service_name="{name}"}} |= "$trace" | json',
        ),
        traces("Slow runs", "Longer than 5 s.", f"{{ resource.service.name = `{name}` && duration > 5s }}"),
    ]
