"""`hub webhooks`: EspoCRM's webhooks to the gateway's doors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from console.hub.options import DryRun, Json, Yes
from console.hub.run import EXIT_FOUND, Line, Nothing, Wrong, run
from console.hub.say import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from console.desk.webhook_plan import Finding, GatewayUrl, Hook
    from console.desk.webhooks import Webhooks
    from shared.clients.espocrm import EspocrmSettings
    from shared.contracts.operator import DoctorAnswer

app = typer.Typer(no_args_is_help=True, help="Webhooks: what EspoCRM tells the gateway.")

_TOOL = "hub"
_ESPOCRM = "ESPOCRM_API_"
_HARMLESS = ("ok", "foreign")
_PRUNED = ("double", "left over")


class _Wish(NamedTuple):
    """What `ensure` was given."""

    gateway_url: str
    file: Path | None
    prune: bool
    dry_run: bool
    yes: bool


@app.command("ls", epilog="Example: hub webhooks ls --gateway-url https://hub.example")
def ls(
    gateway_url: Annotated[
        str | None,
        typer.Option("--gateway-url", help="Where the doors are, from EspoCRM; else where `ensure` was last told."),
    ] = None,
    as_json: Json = False,
) -> None:
    """EspoCRM's webhooks to the gateway.

    Those that the gateway's doors need, and whatever else the hub's API user has. ESPOCRM_API_BASE_URL and
    ESPOCRM_API_KEY as the services have them. Exit code 1 where one is missing, differs, or is there twice.
    """

    async def work(line: Line) -> int:
        from console.desk.webhook_plan import GatewayUrl, judged
        from console.desk.webhooks import remembered, webhooks_of

        settings, environ = _espocrm()
        base = _base(gateway_url) if gateway_url else None
        doors = await _doors(line)
        if base is None and (memory := await remembered(line.bus)) is not None:
            base = GatewayUrl(memory.gateway_url)
        async with webhooks_of(settings, environ, clock=line.clock, source=_TOOL) as webhooks:
            found = judged(doors, await _all(webhooks), base)
        if as_json:
            line.voice.data({"gateway_url": base, "webhooks": found})
        else:
            _say(line, found)
        return _code(found)

    run(work, as_json=as_json)


@app.command("ensure", epilog="Example: hub webhooks ensure --gateway-url https://hub.example --write-secrets hooks")
def ensure(
    gateway_url: Annotated[str, typer.Option("--gateway-url", help="Where the gateway's doors are, from EspoCRM.")],
    write_secrets: Annotated[
        Path | None, typer.Option("--write-secrets", help="Write the value of GATEWAY_WEBHOOK_SECRETS into this file.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete doubles, and those to doors that are gone.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make EspoCRM's webhooks as they should be.

    Creates what is missing and corrects address, activity and skipOwn of ours; others stay as they are. Asks first,
    and is recorded. A file of secrets that is there already is only written over with --yes. Exit code 1 where
    something is still not as it should be.
    """

    wish = _Wish(gateway_url, file=write_secrets, prune=prune, dry_run=dry_run, yes=yes)
    run(lambda line: _ensure(line, wish), as_json=as_json)


async def _ensure(line: Line, wish: "_Wish") -> int:
    from console.desk.webhook_plan import judged
    from console.desk.webhooks import EspocrmSays, webhooks_of

    settings, environ = _espocrm()
    base = _base(wish.gateway_url)
    _refuse_file(wish.file, yes=wish.yes)
    doors = await _doors(line)
    async with webhooks_of(settings, environ, clock=line.clock, source=_TOOL) as webhooks:
        found = judged(doors, await _all(webhooks), base)
        todo = _todo(found, prune=wish.prune)
        if not line.voice.as_json:
            _say(line, found)
        if wish.dry_run:
            line.voice.dry(_told(todo))
            return 0
        if todo:
            await line.confirm(f"{_told(todo).capitalize()}?", yes=wish.yes)
        try:
            found = await _made_so(line, webhooks, doors, base, wish, todo)
        except EspocrmSays as failed:
            raise Nothing(str(failed)) from None
    _say_done(line, base, found, todo, wish.file)
    return _code(found)


async def _made_so(
    line: Line,
    webhooks: "Webhooks",
    doors: "Mapping[str, str]",
    base: "GatewayUrl",
    wish: "_Wish",
    todo: "Sequence[Finding]",
) -> "list[Finding]":
    """How it is afterwards, as EspoCRM tells it."""
    from console.desk.webhook_plan import judged
    from console.desk.webhooks import carry_out, remember, write_secrets

    async with line.operator() as operator:
        if todo or wish.file:
            secrets = ", their secrets into a file" if wish.file else ""
            await operator.record("webhooks", f"{base}: {_told(todo)}{secrets}", count=len(todo))
        if todo:
            with line.voice.progress("webhooks", len(todo)) as step:
                await carry_out(webhooks, todo, step)
        found = judged(doors, await webhooks.all(), base)
        await remember(operator, base, found)
        if wish.file is not None:
            ids = [one.id for one in found if one.is_at_door]
            try:
                await write_secrets(webhooks, ids, wish.file, is_replaced=wish.yes)
            except OSError as failed:
                raise Nothing(f"{wish.file} cannot be written: {failed.strerror}") from None
    return found


async def examined(line: Line) -> "DoctorAnswer":
    """What the doctor says of them. Raises SettingsError where one of the two settings is there, or is malformed."""
    from console.desk.webhooks import check, unseen, webhooks_of
    from shared.settings import environment

    if not any(name.startswith(_ESPOCRM) for name in environment()):
        return unseen(f"not looked at: {_ESPOCRM}BASE_URL and {_ESPOCRM}KEY are not set here")
    settings, environ = _espocrm()
    async with webhooks_of(settings, environ, clock=line.clock, source=_TOOL) as webhooks:
        return await check(line.bus, webhooks)


def _espocrm() -> "tuple[EspocrmSettings, Mapping[str, str]]":
    from shared.clients.espocrm import EspocrmSettings
    from shared.settings import environment, load

    environ = environment()
    return load(EspocrmSettings, environ), environ


def _base(text: str) -> "GatewayUrl":
    from console.desk.webhook_plan import gateway_url

    try:
        return gateway_url(text)
    except ValueError as wrong:
        raise Wrong(str(wrong)) from None


def _refuse_file(file: Path | None, *, yes: bool) -> None:
    """Before anything is created whose secret could then not be written."""
    if file is None:
        return
    if file.is_dir() or not file.parent.is_dir():
        raise Wrong(f"{file} is no file, or its folder is not there")
    if file.exists() and not yes:
        raise Nothing(f"{file} is there already, and nothing was done; --yes writes over it")


async def _doors(line: Line) -> dict[str, str]:
    from console.desk.webhooks import GATEWAY, doors

    found = await doors(line.bus)
    if not found:
        raise Nothing(f"{GATEWAY} is not there, so nobody says which doors it has; `hub workers` shows who is")
    return found


async def _all(webhooks: "Webhooks") -> "Sequence[Hook]":
    from console.desk.webhooks import EspocrmSays

    try:
        return await webhooks.all()
    except EspocrmSays as failed:
        raise Nothing(str(failed)) from None


def _todo(found: "Sequence[Finding]", *, prune: bool) -> "list[Finding]":
    """In the order in which nothing is lost: what is there is corrected before anything is deleted."""
    kinds = ("missing", "differs", *(_PRUNED if prune else ()))
    return sorted((one for one in found if one.verdict in kinds), key=lambda one: kinds.index(one.verdict))


def _told(todo: "Sequence[Finding]") -> str:
    created = sum(one.verdict == "missing" for one in todo)
    corrected = sum(one.verdict == "differs" for one in todo)
    return f"create {created}, correct {corrected}, delete {len(todo) - created - corrected} webhook(s)"


def _code(found: "Sequence[Finding]") -> int:
    return 0 if all(one.verdict in _HARMLESS for one in found) else EXIT_FOUND


def _say(line: Line, found: "Sequence[Finding]") -> None:
    columns = [
        Column("event", lambda one: one.event),
        Column("is", lambda one: one.verdict),
        Column("url", lambda one: one.url),
        Column("id", lambda one: one.id),
        Column("says", lambda one: one.said),
    ]
    line.voice.table(found, columns, empty="the gateway has no doors for EspoCRM")


def _say_done(
    line: Line, base: "GatewayUrl", found: "Sequence[Finding]", todo: "Sequence[Finding]", file: Path | None
) -> None:
    if line.voice.as_json:
        counts = {verdict: sum(one.verdict == verdict for one in todo) for verdict in ("missing", "differs")}
        told = {"created": counts["missing"], "corrected": counts["differs"]}
        told["deleted"] = len(todo) - sum(counts.values())
        named = str(file) if file else None
        line.voice.data({"gateway_url": base, **told, "secrets_file": named, "webhooks": found})
        return
    line.voice.text(f"{_told(todo)}: done" if todo else "nothing to do")
    if file is not None:
        line.voice.text(f"secrets of {sum(one.is_at_door for one in found)} webhooks are in {file}")
        line.voice.note("the gateway takes it as GATEWAY_WEBHOOK_SECRETS_FILE, at its next start")
    elif any(one.verdict == "missing" for one in todo):
        line.voice.note("the gateway refuses the new ones until it has their secrets: --write-secrets FILE")
    if any(one.verdict in _PRUNED for one in found):
        line.voice.note("doubles and what is left over stay; --prune deletes them")
    if any("skipOwn" in one.changes for one in found):
        line.voice.note("EspoCRM does not keep skipOwn: the key is not an API user's own")
