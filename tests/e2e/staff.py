"""Staff at work: random changes to documents and their links, each told on the bus as the gateway would."""

import asyncio
import random

from tests.e2e.judge import LINKS
from tests.e2e.stage import Stage

_OFTEN_USED = (b"Mandatsbedingungen", b"Vollmacht", b"Deckblatt")
_SUBJECTS = {"Raeumungsklage": "raeumungsklage", "Account": "account", "CBeteiligte": "beteiligte"}


class Staff:
    """Makes, files, replaces, links, unlinks and removes documents. The same seed makes the same decisions."""

    def __init__(self, stage: Stage, seed: int, *, most: int) -> None:
        self._stage = stage
        self._dice = random.Random(seed)
        self._most = most
        self._owners: list[tuple[str, str]] = []
        self.changes = 0
        self.contents: set[tuple[str, bytes]] = set()
        """Every content that a document has ever had: no more files than that may be at xAI."""

    async def begin(self) -> None:
        """Owners of each kind and the first documents."""
        for entity_type in LINKS:
            for number in range(2):
                self._owners.append((entity_type, self._stage.owner(entity_type, name=f"Akte {number}")))
        for _ in range(self._most // 2):
            await self._file_new()

    async def work(self, *, every_s: float) -> None:
        """Changes something again and again, until cancelled."""
        while True:
            await self.change()
            await asyncio.sleep(self._dice.uniform(0, 2 * every_s))

    async def change(self) -> None:
        """One change and its event."""
        self.changes += 1
        living = self._stage.espocrm.list_ids("CDokumente")
        if len(living) < self._most // 2:
            await self._file_new()
            return
        document = self._dice.choice(living)
        step = self._dice.choices(
            (self._replace, self._link, self._unlink, self._remove, self._say_again), weights=(8, 3, 3, 1, 2)
        )[0]
        await step(document)
        if len(living) < self._most and self._dice.random() < 0.3:
            await self._file_new()

    async def _file_new(self) -> None:
        content = self._content()
        document = self._stage.document(content)
        self.contents.add((document, content))
        await self._stage.say("vmh.document.create", document)
        await self._link(document)

    async def _replace(self, document: str) -> None:
        content = self._content()
        self._stage.replace_file(document, content)
        self.contents.add((document, content))
        await self._stage.say("vmh.document.update", document)

    async def _link(self, document: str) -> None:
        entity_type, owner = self._dice.choice(self._owners)
        self._stage.espocrm.relate("CDokumente", document, LINKS[entity_type], owner)
        await self._linked(document, entity_type, owner)

    async def _unlink(self, document: str) -> None:
        entity_type, owner = self._dice.choice(self._owners)
        self._stage.espocrm.unrelate("CDokumente", document, LINKS[entity_type], owner)
        await self._linked(document, entity_type, owner)

    async def _linked(self, document: str, entity_type: str, owner: str) -> None:
        await self._stage.say("vmh.document.update", document)
        await self._stage.say(f"vmh.{_SUBJECTS[entity_type]}.update", owner)

    async def _remove(self, document: str) -> None:
        self._stage.espocrm.remove("CDokumente", document)
        await self._stage.say("vmh.document.delete", document)

    async def _say_again(self, document: str) -> None:
        for _ in range(5):
            await self._stage.say("vmh.document.update", document)

    def _content(self) -> bytes:
        if self._dice.random() < 0.3:
            return self._dice.choice(_OFTEN_USED)
        return f"Fassung {self._dice.random()}".encode()
