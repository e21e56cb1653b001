"""`hub credentials`: who may connect to NATS. Needs no NATS: it makes files."""

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.hub.options import Json
from console.hub.run import EXIT_SETTINGS, EXIT_USAGE
from console.hub.say import Column, Voice, complain

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.desk.credentials import Folder

app = typer.Typer(no_args_is_help=True, help="Who may connect to NATS: keys, credentials, the servers' file.")

Directory = Annotated[Path, typer.Argument(help="The folder with keys, credentials and the servers' file.")]
Account = Annotated[str, typer.Option("--account", help="The firm, as NATS separates them.")]


@app.command("make", epilog="Example: hub credentials make ./nats")
def make(
    directory: Directory,
    *,
    account: Account = "HUB",
    is_open: Annotated[
        bool, typer.Option("--open", help="Let in whoever brings none, as an operator. Only where HUB_ENV is demo.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make what is missing.

    Keys, one credentials file per service and one for operators, and nats-auth.conf for the servers. What exists stays;
    permissions become those of this version.
    """

    def work(folder: "Folder") -> None:
        from shared.settings import environment

        if is_open and environment().get("HUB_ENV") != "demo":
            complain("hub: --open lets in everybody, so it needs HUB_ENV=demo")
            raise typer.Exit(EXIT_USAGE)
        _say_written(folder.make(account, is_open=is_open), as_json=as_json)

    _in(directory, work)


@app.command("rotate", epilog="Example: hub credentials rotate ./nats gateway")
def rotate(
    directory: Directory,
    user: Annotated[str, typer.Argument(help="Whose key: a service, operator, or sys.")],
    *,
    account: Account = "HUB",
    as_json: Json = False,
) -> None:
    """Replace one user's key.

    The new file is good at once; the old key is refused as soon as the servers have read nats-auth.conf again.
    """
    firm = "SYS" if user == "sys" else account
    _in(directory, lambda folder: _say_written(folder.rotate(firm, user), as_json=as_json))


@app.command("ls", epilog="Example: hub credentials ls ./nats")
def ls(directory: Directory, as_json: Json = False) -> None:
    """All users and their public keys."""

    def work(folder: "Folder") -> None:
        found = folder.ls()
        voice = Voice(as_json=as_json, zone=UTC)
        if as_json:
            voice.data(found)
            return
        columns = [
            Column("account", lambda one: one.account),
            Column("user", lambda one: one.user),
            Column("since (UTC)", lambda one: voice.when(one.since)),
            Column("public key", lambda one: one.key),
        ]
        voice.table(found, columns)

    _in(directory, work)


def _in(directory: Path, work: "Callable[[Folder], None]") -> None:
    from console.desk.credentials import BadFolder, Folder
    from shared.clock import SystemClock

    try:
        work(Folder(directory, now=int(SystemClock().now().timestamp())))
    except (BadFolder, OSError) as wrong:
        complain(f"hub: {wrong if isinstance(wrong, BadFolder) else f'{directory} cannot be used: {wrong.strerror}'}")
        raise typer.Exit(EXIT_SETTINGS) from None


def _say_written(names: list[str], *, as_json: bool) -> None:
    if as_json:
        Voice(as_json=True, zone=UTC).data({"written": names})
        return
    for name in names:
        typer.echo(name)
    if not names:
        complain("all is there")
