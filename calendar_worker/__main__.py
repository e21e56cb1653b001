"""`python -m calendar_worker` works; `… plan <kuerzel>` shows what it would do, `… audit <command>` what is wrong."""

import argparse
import functools
import sys
from typing import get_args

import msgspec

from calendar_worker.app import main, show_audit, show_plan
from calendar_worker.model.audit import Asked, Command
from calendar_worker.settings import Settings
from shared.contracts.events import EVERYBODY, CalendarEvent
from shared.runtime.service import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m calendar_worker")
    commands = parser.add_subparsers(dest="command")
    plan = commands.add_parser("plan", help="print the writes that a run of one calendar would make; write nothing")
    plan.add_argument("kuerzel")
    audit = commands.add_parser(
        "audit", help="compare the sides, find and delete duplicates and orphans; exit 1: found"
    )
    audit.add_argument("audit", choices=get_args(Command), metavar="|".join(get_args(Command)))
    audit.add_argument("wanted", nargs="?", default="", help="of a query: frNr or event id")
    audit.add_argument("--kuerzel", default=EVERYBODY, help="one employee; without it all")
    audit.add_argument("--apply", action="store_true", help="carry it out: without it nothing is written")
    audit.add_argument("--force", action="store_true", help="pass the mass-change guard")
    audit.add_argument("--json", action="store_true")
    given = parser.parse_args()
    work = main
    codes: list[int] = []
    if given.command is not None:
        try:
            event = msgspec.convert({"kuerzel": given.kuerzel}, CalendarEvent)
        except msgspec.ValidationError:
            parser.error("kuerzel is 1 to 20 letters, digits, _ . -, beginning and ending with a letter or digit")
        work = functools.partial(show_plan, event=event)
    if given.command == "audit":
        if bool(given.wanted) != given.audit.startswith("query") or (
            given.audit == "query-frnr" and not (given.wanted.isascii() and given.wanted.isdigit())
        ):
            parser.error("query-frnr takes a number, query-event an id, the others neither")
        asked = Asked(
            command=given.audit, kuerzel=given.kuerzel, wanted=given.wanted, apply=given.apply, force=given.force
        )
        work = functools.partial(show_audit, asked=asked, json=given.json, ended=codes.append)
    code = run(
        "calendar_worker",
        Settings,
        work,
        bus_of=lambda settings: settings.nats,
        log_level_of=lambda settings: settings.log.log_level,
        # What a command prints is for the reader or the next command alone.
        logs=sys.stderr if given.command else None,
    )
    sys.exit(code or max(codes, default=0))
