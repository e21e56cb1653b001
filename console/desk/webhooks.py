"""EspoCRM's webhooks to the gateway's doors: which there ought to be, which there are, and making them so.

Source: https://docs.espocrm.com/administration/webhooks/. Their secrets go into a file that the operator names, and
nowhere else.
"""

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from console.desk.deeds import Operator
from console.desk.webhook_plan import Finding, GatewayUrl, Hook, doors_of, examined, judged
from console.desk.workers import replicas
from shared.clients.espocrm import PAGE_MAX, Espocrm, EspocrmSettings
from shared.clients.http import HttpClient, Tools
from shared.clock import Clock
from shared.contracts.keys import key
from shared.contracts.operator import Check, DoctorAnswer
from shared.contracts.topology import SNAPSHOTS
from shared.outcomes.errors import HubError, NotFound, Rejected, Unavailable
from shared.runtime.bus import Bus
from shared.runtime.service import version
from shared.settings import Secret
from shared.state.kv import Bucket
from shared.state.snapshots import Snapshots
from shared.telemetry.metrics import Metrics
from shared.telemetry.tracing import About, tracing

GATEWAY = "gateway"
_KIND = "Webhook"
_EXAMINED = "espocrm"
_SELECT = ("event", "url", "isActive", "skipOwn")
_KEPT = key("console", "webhooks")


class EspocrmSays(Exception):
    """EspoCRM did not do it; the text is one sentence."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a webhook."""

    id: str
    event: str
    url: str


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """In the bucket `snapshots`, under `console.webhooks`: the secrets' ids, which are the webhooks' own."""

    at: str
    gateway_url: str
    webhooks: tuple[Kept, ...]


async def doors(bus: Bus) -> dict[str, str]:
    """The gateway's doors for EspoCRM, as it announces them, each with its event."""
    found = [one.facts for one in await replicas(bus) if one.service == GATEWAY and one.facts is not None]
    return doors_of(door for facts in found for door in facts.doors)


class Webhooks:
    """EspoCRM's, of one API user. Built by `webhooks_of`; everything raises EspocrmSays."""

    def __init__(self, espocrm: Espocrm, http: HttpClient) -> None:
        self._espocrm = espocrm
        self._http = http

    async def all(self) -> list[Hook]:
        """One's own, oldest first; an administrator's key sees everybody's."""
        found: list[Hook] = []
        with _plainly():
            while True:
                page = await self._espocrm.search(_KIND, select=_SELECT, offset=len(found))
                found += msgspec.convert(page.list, list[Hook])
                if len(page.list) < PAGE_MAX:
                    return found

    async def create(self, attributes: Mapping[str, Any]) -> str:
        """Its id."""
        try:
            with _plainly():
                return await self._espocrm.create(_KIND, attributes)
        except EspocrmSays as failed:
            if isinstance(failed.__cause__, Unavailable):
                raise EspocrmSays(f"{failed}; whether it was created is unknown: the same again looks first") from None
            raise

    async def change(self, webhook_id: str, changes: Mapping[str, Any]) -> None:
        """Writes these attributes."""
        with _plainly():
            await self._espocrm.update(_KIND, webhook_id, changes)

    async def delete(self, webhook_id: str) -> None:
        """For good; nothing happens when it is gone."""
        with _plainly(), contextlib.suppress(NotFound):
            await self._http.call("DELETE", f"/{_KIND}/{webhook_id}", operation=f"delete {_KIND}")

    async def secret(self, webhook_id: str) -> Secret:
        """What it signs with; EspoCRM tells its owner."""
        with _plainly():
            record = await self._espocrm.get(_KIND, webhook_id)
        if not record.get("secretKey"):
            raise EspocrmSays(f"EspoCRM does not tell the secret of {webhook_id}")
        return Secret(str(record["secretKey"]))


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except HubError as failed:
        detail = f" {failed.detail}" if isinstance(failed, Rejected) and failed.detail else ""
        raise EspocrmSays(f"{failed.reason}{detail}") from failed
    except msgspec.MsgspecError as failed:
        raise EspocrmSays("EspoCRM's answer cannot be read") from failed


@contextlib.asynccontextmanager
async def webhooks_of(
    settings: EspocrmSettings, environ: Mapping[str, str], *, clock: Clock, source: str
) -> AsyncIterator[Webhooks]:
    """EspoCRM, with connections held open."""
    metrics = Metrics(source, version())
    about = About(service=source, version=version(), instance=f"{source}.{secrets.token_hex(4)}")
    async with tracing(about, environ, metrics) as tracer:
        tools = Tools(clock=clock, tracer=tracer, metrics=metrics)
        http = HttpClient(
            "espocrm",
            settings.espocrm_api_base_url,
            secret=settings.espocrm_api_key,
            secret_header=("X-Api-Key", ""),
            timeout_s=settings.espocrm_api_timeout_seconds,
            tools=tools,
        )
        async with Espocrm(settings, tools).open() as espocrm, http.open():
            yield Webhooks(espocrm, http)


def unseen(why: str) -> DoctorAnswer:
    """Nobody has looked, and that is no problem."""
    return DoctorAnswer(service=_EXAMINED, checks=(Check(name="webhooks", ok=True, said=why),))


async def check(bus: Bus, webhooks: Webhooks) -> DoctorAnswer:
    """Whether all that the gateway's doors need is there, and the gateway has the secrets of it."""
    gateways = [one.facts for one in await replicas(bus) if one.service == GATEWAY and one.facts is not None]
    memory = await remembered(bus)
    try:
        hooks = await webhooks.all()
    except EspocrmSays as failed:
        return DoctorAnswer(service=_EXAMINED, checks=(Check(name="webhooks", ok=False, said=str(failed)),))
    doors = doors_of(door for facts in gateways for door in facts.doors)
    found = judged(doors, hooks, GatewayUrl(memory.gateway_url) if memory else None)
    known = [set(facts.webhooks) for facts in gateways]
    return DoctorAnswer(service=_EXAMINED, checks=examined(found, set.intersection(*known) if known else None))


async def carry_out(webhooks: Webhooks, todo: Sequence[Finding], step: Callable[[], None]) -> None:
    """Creates what is missing, corrects what differs, deletes the rest of `todo`; the order is that of `todo`."""
    for finding in todo:
        if finding.verdict == "missing":
            await webhooks.create(finding.changes)
        elif finding.verdict == "differs":
            await webhooks.change(finding.id, finding.changes)
        else:
            await webhooks.delete(finding.id)
        step()


async def remember(operator: Operator, base: GatewayUrl, found: Sequence[Finding]) -> None:
    """Keeps ids, events and addresses of those that are as they should be."""
    kept = tuple(Kept(id=one.id, event=one.event, url=one.url) for one in found if one.verdict == "ok")
    at = operator.clock.now().isoformat(timespec="milliseconds")
    memory = Memory(at=at, gateway_url=base, webhooks=kept)
    await Snapshots(Bucket(operator.bus.requests, SNAPSHOTS.name)).write(_KEPT, memory)


async def remembered(bus: Bus) -> Memory | None:
    """What was kept last."""
    return await Snapshots(Bucket(bus.requests, SNAPSHOTS.name)).read(_KEPT, Memory)


async def write_secrets(webhooks: Webhooks, ids: Sequence[str], file: Path, *, is_replaced: bool) -> None:
    """The value of GATEWAY_WEBHOOK_SECRETS, for the file's owner alone; whole or not at all. Raises OSError."""
    lines = [f"{one}:{(await webhooks.secret(one)).reveal()}" for one in ids]
    beside = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as writing:
            writing.write(",".join(lines) + "\n")
            writing.flush()
            os.fsync(writing.fileno())
        if is_replaced:
            beside.replace(file)
        else:
            os.link(beside, file)
    finally:
        beside.unlink(missing_ok=True)
