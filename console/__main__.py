"""`python -m console`."""

import sys

from console.app import main
from console.settings import Settings
from shared.runtime.service import run

if __name__ == "__main__":
    sys.exit(run("console", Settings, main, bus_of=lambda s: s.nats, log_level_of=lambda s: s.log.log_level))
