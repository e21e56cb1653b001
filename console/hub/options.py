"""Options that several commands have."""

from typing import Annotated

import typer


def complete_types(incomplete: str) -> list[str]:
    """Entity types that begin so, for the shell."""
    from console.desk.identity import sync_subjects

    return sorted(kind for kind in sync_subjects() if kind.startswith(incomplete))


def complete_families(incomplete: str) -> list[str]:
    """Families that have a sweep."""
    from console.desk.identity import sweep_subjects

    return sorted(family for family in sweep_subjects() if family.startswith(incomplete))


def complete_buckets(incomplete: str) -> list[str]:
    """The hub's buckets."""
    from shared.contracts.topology import BUCKETS

    return [bucket.name for bucket in BUCKETS if bucket.name.startswith(incomplete)]


Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what comes, until Ctrl-C.")]
Force = Annotated[bool, typer.Option("--force", help="Pass the mass-change guard and a remembered failure, once.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Publish, and do not wait for the end.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Seconds to wait for the end; then exit code 1, and it goes on.")
]
Rate = Annotated[float, typer.Option("--rate", min=0.1, max=10_000, help="At most so many a second.")]
EntityType = Annotated[
    str,
    typer.Argument(help="EspoCRM's name of the type, such as CDokumente; or Employee.", autocompletion=complete_types),
]
EntityId = Annotated[str, typer.Argument(help="EspoCRM's id of the record; of an Employee the Kürzel.")]
Subject = Annotated[str, typer.Option("--subject", help="The event's subject; * is one part of it, > the rest.")]
