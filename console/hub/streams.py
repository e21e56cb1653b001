"""`hub streams`: streams and consumers in numbers."""

from typing import Annotated

import typer

from console.hub.options import Json
from console.hub.run import Line, Nothing, record_of, run
from console.hub.say import Column, number, size

app = typer.Typer(no_args_is_help=True, help="Streams and their consumers.")

Stream = Annotated[str, typer.Argument(help="The stream's name, or a bucket's.")]


@app.command("ls", epilog="Example: hub streams ls")
def ls(as_json: Json = False) -> None:
    """All streams and buckets."""

    async def work(line: Line) -> None:
        from console.desk.streams import streams

        found = await streams(line.bus)
        if as_json:
            line.voice.data(found)
            return
        columns = [
            Column("stream", lambda one: one.name),
            Column("messages", lambda one: number(one.messages), right=True),
            Column("size", lambda one: size(one.size_bytes), right=True),
            Column("consumers", lambda one: one.consumers, right=True),
            Column("newest", lambda one: line.voice.when(one.last_at)),
            Column("holds", lambda one: one.description if one.expected else "not of the hub"),
        ]
        line.voice.table(found, columns, empty="no streams: no service has ever been started here")

    run(work, as_json=as_json)


@app.command("info", epilog="Example: hub streams info VMH")
def info(name: Stream, as_json: Json = False) -> None:
    """One stream.

    Exit code 1 where there is none.
    """

    async def work(line: Line) -> None:
        from console.desk.streams import stream

        found = await stream(line.bus, name)
        if found is None:
            raise Nothing(f"there is no stream {name}; `hub streams ls` shows which there are")
        if as_json:
            line.voice.data(found)
            return
        told = record_of(found) | {
            "subjects": " ".join(found.subjects),
            "first_at": line.voice.when(found.first_at),
            "last_at": line.voice.when(found.last_at),
            "size_bytes": size(found.size_bytes),
        }
        line.voice.facts([(key.replace("_", " "), value) for key, value in told.items()])

    run(work, as_json=as_json)


@app.command("consumers", epilog="Example: hub streams consumers VMH")
def consumers(
    name: Annotated[str | None, typer.Argument(help="Of this stream; without it of all.")] = None,
    as_json: Json = False,
) -> None:
    """What waits, and what is in hand."""

    async def work(line: Line) -> None:
        from console.desk.streams import consumers as all_of

        found = await all_of(line.bus, of=name)
        if as_json:
            line.voice.data(found)
            return
        columns = [
            Column("stream", lambda one: one.stream),
            Column("consumer", lambda one: f"{one.name}{' (paused)' if one.is_paused else ''}"),
            Column("lag", lambda one: number(one.lag), right=True),
            Column("waiting", lambda one: number(one.pending), right=True),
            Column("in hand", lambda one: number(one.ack_pending), right=True),
            Column("handed back", lambda one: number(one.redelivered), right=True),
            Column("pulls", lambda one: one.pulls_waiting, right=True),
            Column("delivered", lambda one: line.voice.when(one.last_delivered_at)),
            Column("settled", lambda one: line.voice.when(one.last_settled_at)),
        ]
        line.voice.table(found, columns, empty="no consumers: no worker has ever been started here")

    run(work, as_json=as_json)
