"""Everything that a process logs, for tests that look for what must not be there."""

import contextlib
import io
import logging
from collections.abc import Iterator

from shared.telemetry.logs import JsonFormatter, LineFormatter


@contextlib.contextmanager
def every_line() -> Iterator[io.StringIO]:
    """Every log line of every logger, libraries included, as JSON and as a person reads it."""
    stream = io.StringIO()
    handlers = [logging.StreamHandler(stream), logging.StreamHandler(stream)]
    handlers[0].setFormatter(JsonFormatter("anyone"))
    handlers[1].setFormatter(LineFormatter())
    root, nats = logging.getLogger(), logging.getLogger("nats")
    level = root.level
    root.setLevel(logging.DEBUG)
    nats.setLevel(logging.CRITICAL)  # as setup_logging has it
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield stream
    finally:
        for handler in handlers:
            root.removeHandler(handler)
        root.setLevel(level)
        nats.setLevel(logging.NOTSET)
