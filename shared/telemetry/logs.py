"""Log lines: JSON when nobody watches, one readable line on a terminal; ids are added, values never are."""

import contextlib
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

import msgspec

from shared.telemetry.run import current_run
from shared.telemetry.traces import current_trace

_AS_JSON = "hub_as_json"
"""Kept with a record, as logging itself does with `exc_text`: one line goes to more than one place."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", _AS_JSON}
_NOISY = ("nats", "aiohttp.access", "asyncio", "urllib3")
# What they say with every batch while a collector is away, `telemetry/otlp.py` says once. Other warnings of the SDK
# are about its settings, and are heard.
_SAID_OTHERWISE = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")


def setup_logging(service: str, level: str, stream: TextIO = sys.stdout) -> None:
    """Sends all log lines of this process to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter() if stream.isatty() else JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in _SAID_OTHERWISE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # nats-py logs a failed callback with its values; our own error callback says it without.
    logging.getLogger("nats").setLevel(logging.CRITICAL)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Everything a line says beside level and message: the run's ids, the `extra` of the call, and where it broke."""
    fields: dict[str, object] = {}
    run = current_run()
    if run is not None:
        fields["event_id"] = run.event_id
        fields["trace_id"] = run.trace_id
    trace = current_trace()
    if trace is not None:
        fields["trace_id"] = trace.trace_id
        fields["span_id"] = trace.span_id
    fields.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = type(record.exc_info[1]).__name__
        fields["traceback"] = where(record.exc_info[1].__traceback__)
    return fields


def where(frames: TracebackType | None) -> list[str]:
    """A traceback without values: `file:line function`. An exception's own text may hold a client's name."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(frames)]


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        kept: str | None = getattr(record, _AS_JSON, None)
        if kept is None:
            kept = self._as_json(record)
            setattr(record, _AS_JSON, kept)
        return kept

    def _as_json(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
        }
        line.update(fields_of(record))
        return msgspec.json.encode(line, enc_hook=repr).decode()


class LineFormatter(logging.Formatter):
    """One line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{key}={value}" for key, value in fields_of(record).items() if key != "traceback")
        trace = "".join(f"\n    {line}" for line in _traceback_lines(record))
        return f"{clock} {record.levelname.lower():7} {record.getMessage()}  {fields}{trace}"


def _traceback_lines(record: logging.LogRecord) -> list[str]:
    return where(record.exc_info[1].__traceback__) if record.exc_info and record.exc_info[1] else []


class LiveLog(logging.Handler):
    """Hands each line, as JSON, to `send(level, line)`: that is how lines of all replicas reach one terminal."""

    def __init__(self, service: str, send: Callable[[str, bytes], None]) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonFormatter(service))
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):  # a log line must never break what it tells about
            self._send(record.levelname.lower(), self.format(record).encode())
