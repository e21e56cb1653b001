"""`python -m document_worker` works; `python -m document_worker plan <EntityType> <id>` shows what it would do."""

import argparse
import functools
import sys

import msgspec

from document_worker.app import main, show_plan
from document_worker.settings import Settings
from shared.contracts.events import EntityEvent
from shared.runtime.service import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m document_worker")
    commands = parser.add_subparsers(dest="command")
    plan = commands.add_parser("plan", help="print the writes that a run of one entity would make now; write nothing")
    plan.add_argument("entity_type", help="CDokumente, Raeumungsklage, Account or CBeteiligte")
    plan.add_argument("entity_id")
    given = parser.parse_args()
    work = main
    if given.command == "plan":
        try:
            event = msgspec.convert({"entity_id": given.entity_id, "entity_type": given.entity_type}, EntityEvent)
        except msgspec.ValidationError:
            parser.error("entity_type is a name; entity_id is 1 to 36 of A-Z a-z 0-9 _ -")
        work = functools.partial(show_plan, event=event)
    sys.exit(
        run(
            "document_worker",
            Settings,
            work,
            bus_of=lambda settings: settings.nats,
            log_level_of=lambda settings: settings.log.log_level,
            # What a plan prints is for the reader or the next command alone.
            logs=sys.stderr if given.command == "plan" else None,
        )
    )
