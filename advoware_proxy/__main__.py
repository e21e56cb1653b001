"""`python -m advoware_proxy`."""

import sys

from advoware_proxy.app import main
from advoware_proxy.settings import Settings
from shared.runtime.service import run

if __name__ == "__main__":
    sys.exit(run("advoware_proxy", Settings, main, bus_of=lambda s: s.nats, log_level_of=lambda s: s.log.log_level))
