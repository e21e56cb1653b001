"""`python -m document_worker` works; `python -m document_worker plan <EntityType> <id>` shows what it would do."""

import functools
import sys

from document_worker.app import PLANS, main, show_plan
from document_worker.settings import Settings
from shared.runtime.dry_run import wanted
from shared.runtime.service import run

if __name__ == "__main__":
    event = wanted("document_worker", PLANS, others=True)
    sys.exit(
        run(
            "document_worker",
            Settings,
            functools.partial(show_plan, event=event) if event else main,
            bus_of=lambda settings: settings.nats,
            log_level_of=lambda settings: settings.log.log_level,
            # What a plan prints is for the reader or the next command alone.
            logs=sys.stderr if event else None,
        )
    )
