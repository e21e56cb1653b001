"""`hub state`: the hub's buckets."""

import sys
from typing import Annotated

import typer

from console.hub.options import DryRun, Json, Yes, complete_buckets
from console.hub.run import EXIT_FOUND, Line, Nothing, Wrong, run
from console.hub.say import Column, number, size

app = typer.Typer(no_args_is_help=True, help="What the hub remembers, in its buckets.")

Bucket = Annotated[str, typer.Argument(help="locks, idempotency or snapshots.", autocompletion=complete_buckets)]
Key = Annotated[str, typer.Argument(help="The key, as `hub state ls` shows it.")]


@app.command("ls", epilog="Example: hub state ls snapshots 'document_sync.CDokumente.*'")
def ls(
    bucket: Annotated[
        str | None, typer.Argument(help="Without it the buckets.", autocompletion=complete_buckets)
    ] = None,
    pattern: Annotated[str, typer.Argument(help="Which keys; * is one part of a key, > the rest.")] = ">",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """The buckets, or a bucket's keys."""

    async def work(line: Line) -> None:
        from console.desk.state import buckets, keys

        if bucket is None:
            every = await buckets(line.bus)
            if as_json:
                line.voice.data(every)
                return
            columns = [
                Column("bucket", lambda one: one.name),
                Column("keys", lambda one: number(one.keys), right=True),
                Column("size", lambda one: size(one.size_bytes), right=True),
                Column("holds", lambda one: one.description),
            ]
            line.voice.table(every, columns)
            return
        found = await keys(line.bus, bucket, pattern)
        if as_json:
            line.voice.data({"keys": found[:limit], "total": len(found)})
            return
        for key in found[:limit]:
            line.voice.text(key)
        if len(found) > limit or not found:
            line.voice.note(f"{number(min(limit, len(found)))} of {number(len(found))} keys")

    run(work, as_json=as_json)


@app.command("get", epilog="Example: hub state get locks document_sync.CDokumente.doc456")
def get(
    bucket: Bucket,
    key: Key,
    raw: Annotated[
        bool, typer.Option("--raw", help="The value itself. It may be personal data, so this is recorded.")
    ] = False,
    as_json: Json = False,
) -> None:
    """A value, as a shape.

    Its members, with types and lengths in place of contents. Exit code 1 where there is none.
    """

    async def work(line: Line) -> None:
        from console.desk.state import get as got
        from console.desk.state import reveal

        if raw:
            async with line.operator() as operator:
                value = await reveal(operator, bucket, key)
            if value is None:
                raise Nothing(f"{bucket} has no {key}")
            sys.stdout.buffer.write(value + b"\n")
            return
        found = await got(line.bus, bucket, key)
        if found is None:
            raise Nothing(f"{bucket} has no {key}")
        if not as_json:
            line.voice.note(f"revision {found.revision}, {size(found.size_bytes)}")
        line.voice.data(found if as_json else found.shape)

    run(work, as_json=as_json)


@app.command("set", epilog="Example: hub state set snapshots document_sync.CDokumente.doc456 - --revision 12 < value")
def put(
    bucket: Bucket,
    key: Key,
    value: Annotated[str, typer.Argument(help="The value; - reads it from standard input, which needs --yes.")],
    *,
    revision: Annotated[
        int | None, typer.Option("--revision", min=0, help="Only over this revision; 0: only where there is none.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Write a value by hand.

    Asks first, and is recorded. Exit code 1 where the key has moved on.
    """

    async def work(line: Line) -> None:
        from console.desk.state import get as got
        from console.desk.state import put as written

        body = value.encode()
        if value == "-":
            if not (yes or dry_run):
                raise Wrong("a value from standard input needs --yes: there is nobody to ask")
            body = sys.stdin.buffer.read()
        before = await got(line.bus, bucket, key)
        over = f"over revision {before.revision}" if before is not None else "where there is none"
        if dry_run:
            line.voice.dry(f"write {size(len(body))} to {bucket} {key}, {over}")
            return
        await line.confirm(f"Write {size(len(body))} to {bucket} {key}, {over}?", yes=yes)
        at = revision if revision is not None else (before.revision if before is not None else 0)
        async with line.operator() as operator:
            done = await written(operator, bucket, key, body, revision=at)
        if done is None:
            raise Nothing(f"{bucket} {key} has moved on; nothing was written")
        _say_written(line, done.revision, as_json=as_json)

    run(work, as_json=as_json)


@app.command("rm", epilog="Example: hub state rm idempotency beteiligte_sync.CBeteiligte.bet456.party.party")
def rm(bucket: Bucket, key: Key, dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> None:
    """Remove a value.

    Exactly the revision that is there now. Asks first, and is recorded. Exit code 1 where there is none.
    """

    async def work(line: Line) -> int:
        from console.desk.state import get as got
        from console.desk.state import remove

        found = await got(line.bus, bucket, key)
        if found is None:
            raise Nothing(f"{bucket} has no {key}")
        if dry_run:
            line.voice.dry(f"remove {bucket} {key}, revision {found.revision}, {size(found.size_bytes)}")
            return 0
        await line.confirm(f"Remove {bucket} {key}, revision {found.revision}?", yes=yes)
        async with line.operator() as operator:
            if not await remove(operator, bucket, key, revision=found.revision):
                line.voice.note(f"hub: {bucket} {key} has moved on; nothing was removed")
                return EXIT_FOUND
        _say_written(line, found.revision, as_json=as_json)
        return 0

    run(work, as_json=as_json)


def _say_written(line: Line, revision: int, *, as_json: bool) -> None:
    if as_json:
        line.voice.data({"revision": revision})
    else:
        line.voice.text(f"revision {revision}")
