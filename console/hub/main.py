"""The command `hub`: its commands and their help."""

from typing import Annotated

import typer

from console.hub import credentials, cron, dead, local, locks, logs, look, state, streams, topology, webhooks
from console.hub.audit import audit
from console.hub.erase import erase
from console.hub.history import history
from console.hub.replay import replay
from console.hub.sync import plan, sweep, sync

_EXIT_CODES = (
    "Exit codes: 0 done · 1 something was found or failed · 2 usage · 69 NATS is not there · 78 settings · 130 Ctrl-C. "
    "NATS_URL and NATS_CREDS say where NATS is, HUB_TIMEZONE whose clock is shown, HUB_OPERATOR who acts."
)

app = typer.Typer(
    name="hub",
    help="The hub at work: what happened, what waits, and what to do about it.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    # A traceback with values in it would show what must not be shown.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback()
def _hub(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=lambda asked: _say_version() if asked else None, help="Its version."
        ),
    ] = False,
) -> None:
    pass


def _say_version() -> None:
    from shared.runtime.service import version

    typer.echo(version())
    raise typer.Exit


app.command("up", epilog="Example: hub up")(local.up)
app.command("dev", epilog="Example: hub dev")(local.dev)
app.command("flows", epilog="Example: hub flows")(look.flows)
app.command("history", epilog="Example: hub history CDokumente doc456 --calls")(history)
app.command("plan", epilog="Example: hub plan CBeteiligte bet456")(plan)
app.command("sync", epilog="Example: hub sync CDokumente doc456")(sync)
app.command("sweep", epilog="Example: hub sweep document")(sweep)
app.command("audit", epilog="Example: hub audit documents")(audit)
app.add_typer(dead.app, name="dead")
app.command("replay", epilog="Example: hub replay --subject 'vmh.document.*' --since 2h --rate 20")(replay)
app.command("logs", epilog="Example: hub logs -f --level warning --service document_worker")(logs.logs)
app.command("trace", epilog="Example: hub trace 4bf92f3577b34da6a3ce929d0e0e4736")(logs.trace)
app.add_typer(state.app, name="state")
app.command("erase", epilog="Example: hub erase CDokumente doc456 --dry-run")(erase)
app.add_typer(locks.app, name="locks")
app.add_typer(cron.app, name="cron")
app.add_typer(streams.app, name="streams")
app.add_typer(topology.app, name="topology")
app.add_typer(credentials.app, name="credentials")
app.add_typer(webhooks.app, name="webhooks")
app.command("workers", epilog="Example: hub workers")(look.workers)
app.command("intents", epilog="Example: hub intents CBeteiligte --older 1h")(look.intents)
app.command("doctor", epilog="Example: hub doctor")(look.doctor)


def main() -> None:
    """The console script."""
    app(prog_name="hub")
