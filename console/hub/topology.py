"""`hub topology`: the streams and buckets that services find ready-made."""

import typer

from console.hub.options import Json
from console.hub.run import EXIT_FOUND, Line, run

app = typer.Typer(no_args_is_help=True, help="Streams and buckets as this version wants them.")


@app.command("ensure", epilog="Example: hub topology ensure, with NATS_CREDS=./nats/operator.creds")
def ensure(as_json: Json = False) -> None:
    """Make what is missing, correct what differs.

    With NATS_REPLICAS copies of each. Idempotent; a setting that this version does not know stays.
    """

    async def work(line: Line) -> None:
        await line.bus.ensure_topology()
        _say(line, None)

    run(work, as_json=as_json)


@app.command("check", epilog="Example: hub topology check")
def check(as_json: Json = False) -> None:
    """Say what is missing or differs.

    Changes nothing. Exit code 1 where something is not as this version wants it.
    """

    async def work(line: Line) -> int:
        problem = await line.bus.check_topology()
        _say(line, problem)
        return EXIT_FOUND if problem else 0

    run(work, as_json=as_json)


def _say(line: Line, problem: str | None) -> None:
    if line.voice.as_json:
        line.voice.data({"problem": problem})
    else:
        line.voice.text(problem or "streams and buckets are as this version wants them")
