"""Log lines: their fields, and that no exception's text gets into them."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from shared.telemetry.logs import JsonFormatter, LineFormatter, LiveLog, setup_logging
from shared.telemetry.run import Run, enter_run, leave_run
from shared.telemetry.traces import Tracer

CANARY = "Mandant Müller"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    logger = logging.getLogger()
    before = (logger.handlers[:], logger.level)
    yield logger
    logger.handlers[:] = before[0]
    logger.setLevel(before[1])
    for name in (
        "nats",
        "aiohttp.access",
        "asyncio",
        "opentelemetry.exporter",
        "opentelemetry.sdk._shared_internal",
        "urllib3",
    ):
        logging.getLogger(name).setLevel(logging.NOTSET)


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def record(message: str = "delivery", **extra: object) -> logging.LogRecord:
    return logging.getLogger("t").makeRecord("t", logging.WARNING, "f.py", 1, message, (), None, extra=extra)


def failed() -> logging.LogRecord:
    def inner() -> None:
        raise ValueError(f"cannot read {CANARY}")

    try:
        try:
            inner()
        except ValueError as cause:
            raise RuntimeError(CANARY) from cause
    except RuntimeError:
        return logging.getLogger("t").makeRecord("t", logging.ERROR, "f.py", 1, "bug", (), sys.exc_info())
    raise AssertionError


def test_one_json_object_per_line() -> None:
    """Time in UTC, level, service, message and what the call added."""
    line = JsonFormatter("document_worker").format(record(outcome="done", calls=3, plan={"upload": 1}))
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "warning",
        "service": "document_worker",
        "message": "delivery",
        "outcome": "done",
        "calls": 3,
        "plan": {"upload": 1},
    }


def test_every_line_within_a_run_has_its_ids() -> None:
    """P14: the event id and the trace id are in each line of a run, and in none outside."""
    token = enter_run(Run(event_id="e-1", trace_id="t-1"))
    try:
        told = json.loads(JsonFormatter("s").format(record()))
    finally:
        leave_run(token)
    assert (told["event_id"], told["trace_id"]) == ("e-1", "t-1")
    assert "event_id" not in json.loads(JsonFormatter("s").format(record()))


def test_every_line_within_a_span_has_its_ids() -> None:
    """P14: from a line to its trace, and to the very span in it; the gateway's lines too, which belong to no run."""
    tracer = Tracer()
    with tracer.span("webhook"), tracer.span("publish") as span:
        told = json.loads(JsonFormatter("s").format(record()))
    assert (told["trace_id"], told["span_id"]) == (span.trace.trace_id, span.trace.span_id)
    assert {"trace_id", "span_id"}.isdisjoint(json.loads(JsonFormatter("s").format(record())))


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_levels_are_called_as_loki_calls_them(level: str) -> None:
    """Lower case, and words that its level detection knows."""
    made = logging.getLogger("t").makeRecord("t", logging.getLevelNamesMapping()[level.upper()], "f", 1, "m", (), None)
    assert json.loads(JsonFormatter("s").format(made))["level"] == level


@pytest.mark.parametrize("formatter", [JsonFormatter("s"), LineFormatter()])
def test_an_exception_shows_where_and_not_what(formatter: logging.Formatter) -> None:
    """P10: an exception's own text may hold a client's name; frames do not."""
    line = formatter.format(failed())
    assert "Müller" not in line
    assert "cannot read" not in line
    assert "RuntimeError" in line
    assert "test_logs.py:" in line


def test_frames_are_a_list_of_places() -> None:
    """`file:line function`, outermost first."""
    told = json.loads(JsonFormatter("s").format(failed()))
    assert told["error"] == "RuntimeError"
    assert all(frame.rsplit(" ", 1)[1] == "failed" for frame in told["traceback"])


def test_what_cannot_be_json_does_not_break_the_line() -> None:
    """An odd extra is shown as Python shows it."""
    assert "object" in json.loads(JsonFormatter("s").format(record(thing=object())))["thing"]


def test_json_off_and_lines_on_a_terminal(root: logging.Logger) -> None:
    """A person reads lines, a collector reads JSON."""
    plain, watched = io.StringIO(), Terminal()
    setup_logging("s", "info", plain)
    logging.getLogger("x").info("hello", extra={"n": 1})
    logging.getLogger("x").debug("unheard")
    setup_logging("s", "debug", watched)
    logging.getLogger("x").debug("hello", extra={"n": 1})
    assert json.loads(plain.getvalue())["n"] == 1
    assert watched.getvalue().rstrip().endswith("debug   hello  n=1")


def test_nats_own_lines_stay_out(root: logging.Logger) -> None:
    """nats-py logs a failed callback with its values; what it says at error level must not come through."""
    stream = io.StringIO()
    setup_logging("s", "debug", stream)
    logging.getLogger("nats.aio.client").error("nats: encountered error", exc_info=ValueError(CANARY))
    assert stream.getvalue() == ""


def test_every_place_gets_the_same_line() -> None:
    """It is made once, and that leaves no trace in another form of it."""
    line = record(outcome="done")
    first = JsonFormatter("s").format(line)
    assert JsonFormatter("s").format(line) == first
    assert "as_json" not in LineFormatter().format(line)
    sent: list[bytes] = []
    LiveLog("s", lambda _level, told: sent.append(told)).handle(line)
    assert sent == [first.encode()]


def test_a_live_line_never_breaks_its_caller() -> None:
    """What the sender raises is dropped; debug lines are not sent."""
    sent: list[tuple[str, bytes]] = []

    def send(level: str, line: bytes) -> None:
        sent.append((level, line))
        raise RuntimeError("no connection")

    live = LiveLog("s", send)
    live.handle(record())
    assert live.level == logging.INFO
    [(level, line)] = sent
    assert level == "warning"
    assert json.loads(line)["message"] == "delivery"
