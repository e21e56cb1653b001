"""A day at the firm: documents, a party, an appointment; staff change their minds, and the hub keeps all in step."""

import asyncio
import contextlib
import time
from typing import Protocol

import aiohttp
import msgspec

from local_stack.broker import Broker
from local_stack.calendars import Calendars
from local_stack.door import Shut, employees
from local_stack.environment import WEBHOOKS, Addresses
from local_stack.expect import BUSY, Finding, NotInStep, Row, World, findings, rows
from local_stack.firm import OWNERS, PAPERS, Paper
from local_stack.parties import Parties, Party
from local_stack.vendors import LOST, Advoware, Espocrm, Google, Xai

DOCUMENTS = "CDokumente"
_LOOK_EVERY_S = 0.15


class View(Protocol):
    """Where the story is shown."""

    def say(self, line: str) -> None:
        """Something has happened."""

    def show(self, found: list[Row], runs: dict[str, int]) -> None:
        """Where the documents stand."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How the story ended."""

    papers: dict[str, Paper]
    """By document id."""
    rows: list[Row]
    runs: dict[str, int]
    took_s: float
    party: Party
    employees: int
    """As Advoware named them through the gateway."""


class Story:
    """The firm, its staff, and what is expected of the hub."""

    def __init__(self, session: aiohttp.ClientSession, broker: Broker, *, at: Addresses, view: View) -> None:
        self._session = session
        self._espocrm = Espocrm(session, at.espocrm)
        self._xai = Xai(session, at.xai)
        self._advoware = Advoware(session, at.advoware)
        self._google = Google(session, at.google)
        self._broker = broker
        self._at = at
        self._view = view
        self._papers: dict[str, Paper] = {}

    async def tell(self, *, within_s: float) -> Ending:
        """From the empty system to a sweep that finds nothing to do, a party and an appointment on both sides, and
        Advoware's employees.

        Raises NotInStep.
        """
        began = time.monotonic()
        until = began + within_s
        await self._found()
        self._view.say(f"Staff file {len(PAPERS)} documents.")
        await self._file()
        await self._in_step(until, after=False)
        self._view.say("Staff replace a file, link one document, unlink another, and delete a third.")
        await self._change()
        await self._in_step(until, after=True)
        took_s = time.monotonic() - began
        await self._sweep(until)
        party = await Parties(self._espocrm, self._advoware, self._broker, self._view.say).tell(until)
        await Calendars(self._google, self._advoware, self._broker, self._view.say).tell(until)
        named = await self._ask_advoware()
        found = rows(self._papers, await self._world(), after=True)
        runs = await self._broker.runs()
        return Ending(papers=self._papers, rows=found, runs=runs, took_s=took_s, party=party, employees=named)

    async def _found(self) -> None:
        """The firm as it was before: owners, EspoCRM's webhooks, and what is in Advoware."""
        records: dict[str, list[dict[str, str]]] = {}
        for owner in OWNERS:
            records.setdefault(owner.kind[0], []).append({"id": owner.id, "name": owner.name})
        webhooks = [
            {"id": hook.id, "secretKey": hook.secret, "event": hook.event, "url": self._at.gateway + hook.path}
            for hook in WEBHOOKS
        ]
        await asyncio.gather(self._espocrm.seed({"records": records, "webhooks": webhooks}), self._advoware.plant())

    async def _file(self) -> None:
        for paper in PAPERS:
            attributes = {"name": paper.name}
            if paper.content is not None:
                attributes["dokumentId"] = await self._espocrm.attach(paper.name, paper.content)
            document_id = await self._espocrm.insert(DOCUMENTS, attributes)
            self._papers[document_id] = paper
            for owner in paper.owners:
                await self._espocrm.link("relate", document_id, owner.kind[1], owner.id)

    async def _change(self) -> None:
        for document_id, paper in self._papers.items():
            if paper.changed is not None:
                file_id = await self._espocrm.attach(paper.name, paper.changed)
                await self._espocrm.save(DOCUMENTS, document_id, {"dokumentId": file_id})
            for owner in paper.linked:
                await self._espocrm.link("relate", document_id, owner.kind[1], owner.id)
            for owner in paper.unlinked:
                await self._espocrm.link("unrelate", document_id, owner.kind[1], owner.id)
            if paper.removed:
                await self._espocrm.remove(DOCUMENTS, document_id)

    async def _world(self) -> World:
        espocrm, xai = await asyncio.gather(self._espocrm.state(), self._xai.state())
        return World(espocrm=espocrm, xai=xai)

    async def _in_step(self, until: float, *, after: bool) -> None:
        """Returns once everything is as expected and nothing is under way any more."""
        began = time.monotonic()
        wrong = [BUSY]
        while time.monotonic() < until:
            with contextlib.suppress(*LOST):  # a service that is just restarted is asked again
                # Asked first: what is seen afterwards cannot change any more.
                quiet = await self._espocrm.waiting() == 0 and await self._broker.idle()
                world = await self._world()
                self._view.show(rows(self._papers, world, after=after), await self._broker.runs())
                wrong = findings(self._papers, world, after=after)
                if quiet and not wrong:
                    return
            await asyncio.sleep(_LOOK_EVERY_S)
        raise NotInStep(wrong or [BUSY], time.monotonic() - began)

    async def _sweep(self, until: float) -> None:
        """A sweep must find nothing to do: not one write at either vendor."""
        self._view.say("A sweep looks for what webhooks may have missed.")
        began, before = time.monotonic(), await self._broker.sweeps()
        await asyncio.gather(self._espocrm.forget_log(), self._xai.forget_log())
        await self._broker.publish("vmh.document.sweep", b"{}")
        while not (await self._broker.sweeps() > before and await self._broker.idle()):
            if time.monotonic() > until:
                raise NotInStep([BUSY], time.monotonic() - began)
            await asyncio.sleep(_LOOK_EVERY_S)
        for name, vendor in (("EspoCRM", self._espocrm), ("xAI", self._xai)):
            if writes := await vendor.writes():
                found = Finding(about=f"sweep, {name}", expected="no writes", found=", ".join(writes[:5]))
                raise NotInStep([found], time.monotonic() - began)

    async def _ask_advoware(self) -> int:
        """Once: who has just started must answer at once."""
        self._view.say("A script asks Advoware for the firm's employees, through the gateway.")
        try:
            return await employees(self._session, self._at.gateway)
        except Shut as shut:
            found = Finding(about="Advoware, through the gateway", expected="200 with employees", found=str(shut))
            raise NotInStep([found], 0) from None
