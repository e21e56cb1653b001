"""`python -m document_worker`"""

import sys

from document_worker.app import main
from document_worker.settings import Settings
from shared.runtime.service import run

if __name__ == "__main__":
    sys.exit(
        run(
            "document_worker",
            Settings,
            main,
            bus_of=lambda settings: settings.nats,
            log_level_of=lambda settings: settings.log.log_level,
        )
    )
