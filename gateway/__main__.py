"""`python -m gateway`."""

import sys

from gateway.app import main
from gateway.settings import Settings
from shared.runtime.service import run

if __name__ == "__main__":
    sys.exit(run("gateway", Settings, main, bus_of=lambda s: s.nats, log_level_of=lambda s: s.log.log_level))
