"""What is kept of each call to a vendor: metrics, and a line in the run that made it."""

import msgspec
from prometheus_client import Counter, Histogram

from shared.telemetry.metrics import Metrics
from shared.telemetry.run import Call, current_run
from shared.telemetry.traces import exemplar

_OF_A_RUN_MAX = 200


class _Known(msgspec.Struct, frozen=True):
    """What counts the calls of one operation that ended alike."""

    calls: Counter
    seconds: Histogram


class Calls:
    """The calls to one vendor."""

    def __init__(self, vendor: str, metrics: Metrics) -> None:
        self._vendor = vendor
        self._metrics = metrics
        self._known: dict[tuple[str, str], _Known] = {}

    def note(self, operation: str, status: int, seconds: float) -> None:
        """One call has ended; status 0: without an answer."""
        outcome = _outcome(status)
        known = self._known.get((operation, outcome)) or self._know(operation, outcome)
        known.calls.inc()
        known.seconds.observe(seconds, exemplar())
        run = current_run()
        if run is not None and len(run.calls) < _OF_A_RUN_MAX:
            run.calls.append(Call(vendor=self._vendor, operation=operation, status=status, ms=round(seconds * 1000, 1)))

    def _know(self, operation: str, outcome: str) -> _Known:
        known = self._known[operation, outcome] = _Known(
            self._metrics.vendor_calls.labels(self._vendor, operation, outcome),
            self._metrics.vendor_seconds.labels(self._vendor, operation),
        )
        return known


def _outcome(status: int) -> str:
    if status == 429:  # the one refusal that says nothing against the request
        return "429"
    return f"{status // 100}xx" if status else "none"
