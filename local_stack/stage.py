"""The story on the screen, and what stays up afterwards: where to look, what to try, and each delivery as it ends."""

from datetime import datetime

import aiohttp

from local_stack.broker import Broker, Ended, JetStreamRefused
from local_stack.calendars import TEXT as APPOINTMENT
from local_stack.door import PATH
from local_stack.environment import API_KEY, CONSOLE_LOGIN, Addresses
from local_stack.expect import NotInStep
from local_stack.papers import csv
from local_stack.parties import NAME, PARTY
from local_stack.story import DOCUMENTS, Ending, Story
from local_stack.table import Screen, summary
from local_stack.vendors import LOST, Espocrm, Refused

_WITHIN_S = 60.0
_USUAL_NATS = "nats://127.0.0.1:4222"


class Stage:
    """Plays the story once."""

    def __init__(self, screen: Screen, session: aiohttp.ClientSession, broker: Broker, *, at: Addresses) -> None:
        self._screen = screen
        self._broker = broker
        self._at = at
        self._session = session
        self._espocrm = Espocrm(session, at.espocrm)
        self._ending: Ending | None = None

    async def play(self) -> bool:
        """Whether it ended as it should; if not, why is on the screen."""
        story = Story(self._session, self._broker, at=self._at, view=self._screen)
        try:
            with self._screen.live():
                self._ending = await story.tell(within_s=_WITHIN_S)
        except NotInStep as wrong:
            self._screen.trouble(str(wrong))
            return False
        except (*LOST, Refused, JetStreamRefused) as lost:
            self._screen.trouble(f"the story broke off: {type(lost).__name__}: {lost}")
            return False
        self._screen.conclude(self._ending.rows, self._ending.runs)
        self._screen.say(summary(self._ending.rows, self._ending.took_s))
        self._screen.say(
            f"{NAME} is number {self._ending.party.bet_nr} in Advoware; her new phone there is in EspoCRM."
        )
        self._screen.say(f"{APPOINTMENT} stands in Advoware and in Google, on the day that Google moved it to.")
        self._screen.say(f"Advoware named {self._ending.employees} employees through the gateway.")
        return True

    async def stay(self) -> None:
        """Prints where to look and what to try, and from then on a line for each delivery that ends."""
        at = self._at
        doors = (at.gateway, at.health, at.beteiligte_health, at.calendar_health, at.proxy_health, at.console_health)
        lines = [
            "",
            f"  doors      {at.gateway}/docs",
            f"  console    {at.console}, log in with {CONSOLE_LOGIN}",
            f"  ready      {'   '.join(f'{door}/readyz' for door in doors)}",
            f"  metrics    {'   '.join(f'{door}/metrics' for door in doors)}",
            f"  EspoCRM    {at.espocrm}/_sim/state",
            f"  xAI        {at.xai}/_sim/state",
            f"  Advoware   {at.advoware}/_sim/state",
            f"  NATS       {at.nats}",
            f"  Redis      {at.redis}",
            "",
        ]
        if self._ending is not None:
            lines += await self._try(self._ending)
        lines += ["Each line below is a delivery that has ended. Ctrl-C stops everything.", ""]
        for line in lines:
            self._screen.say(line)
        names = {row.document_id: row.name for row in self._ending.rows} if self._ending else {}
        if self._ending is not None:
            names[self._ending.party.id] = NAME
        await self._broker.follow(lambda ended: self._screen.say(_told(ended, names)))

    async def _try(self, ending: Ending) -> list[str]:
        """A webhook, two changes by staff, an event on the bus, a question to Advoware, all calendars at once."""
        clean = [key for key, paper in ending.papers.items() if paper.content and paper.owners and not paper.removed]
        changing = next(key for key, paper in ending.papers.items() if paper.changed is not None)
        newer = csv("Monat;Soll;Haben", "2026-07;640;640", "2026-08;640;0", "2026-09;640;640", "2026-10;640;640")
        name = ending.papers[changing].name
        file_id = await self._espocrm.attach(name, newer)
        save = f'{{"do":"save","entityType":"{DOCUMENTS}","id":"{changing}","attributes":{{"dokumentId":"{file_id}"}}}}'
        party = f'"entityType":"{PARTY}","id":"{ending.party.id}"'
        rename = f'{{"do":"save",{party},"attributes":{{"lastName":"Ährenfeld-Groß"}}}}'
        door = f"{self._at.gateway}/vmh/webhook/document/update"
        server = "" if self._at.nats == _USUAL_NATS else f"--server {self._at.nats} "
        return [
            "Try, in another terminal:",
            "  a webhook by hand, with the key:",
            f"    curl -H 'apikey: {API_KEY}' -d '[{{\"id\":\"{clean[0]}\"}}]' {door}",
            f"  staff replace the file of “{name}”:",
            f"    curl -d '{save}' {self._at.espocrm}/_sim/user",
            f"  staff rename {NAME}, and Advoware follows:",
            f"    curl -d '{rename}' {self._at.espocrm}/_sim/user",
            "  an event on the bus, with the nats command:",
            f'    nats {server}pub vmh.document.update \'{{"entity_id":"{clean[1]}"}}\'',
            "  Advoware's employees, through the gateway:",
            f"    curl -H 'apikey: {API_KEY}' '{self._at.gateway}{PATH}'",
            "  the sync of everybody's calendar:",
            f"    curl -H 'apikey: {API_KEY}' -d '{{}}' {self._at.gateway}/advoware/calendar/sync",
            "",
        ]


def _told(ended: Ended, names: dict[str, str]) -> str:
    who = names.get(ended.entity_id, f"{ended.entity_type} {ended.entity_id}")
    writes = ", ".join(f"{name} {count}" for name, count in ended.plan.items())
    done = f"{ended.outcome}, {ended.reason}{f' ({writes})' if writes else ''}"
    clock = datetime.fromisoformat(ended.at).astimezone().strftime("%H:%M:%S")
    return f"  {clock} {ended.subject}  {who}: {done}, {ended.duration_ms:.0f} ms"
