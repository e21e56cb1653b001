"""`python -m gateway`."""

import contextlib
import functools
import sys

from gateway.app import main
from gateway.processes import Seat, SharedPort, run_all
from gateway.settings import Settings
from shared.runtime.bus import MissingPart
from shared.runtime.service import EXIT_MISSING_PART, run
from shared.settings import SettingsError, environment, load


def _one(seat: Seat | None = None) -> int:
    work = functools.partial(main, seat=seat)
    return run("gateway", Settings, work, bus_of=lambda s: s.nats, log_level_of=lambda s: s.log.log_level)


def _all() -> int:
    """One process, or as many as GATEWAY_PROCESSES says. Settings that are wrong are reported by the one."""
    with contextlib.suppress(SettingsError):
        settings = load(Settings, environment())
        if settings.gateway_processes > 1:
            try:
                port = SharedPort(settings.gateway_host, settings.gateway_port)
            except MissingPart as missing:
                sys.stderr.write(f"gateway: cannot start: {missing}\n")
                return EXIT_MISSING_PART
            return run_all(settings.gateway_processes, port, _one)
    return _one()


if __name__ == "__main__":
    sys.exit(_all())
