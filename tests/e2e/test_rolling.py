"""Every service is replaced under load, replica by replica, as a rollout in Kubernetes does it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.front_door import FrontDoor, front_door
from tests.e2e.load import Replacing, again_and_again, endings
from tests.e2e.sender import Sender
from tests.e2e.sides import Sides, sides_of
from tests.e2e.stage import Stage, note, staged, webhook
from tests.e2e.test_kills import going_on
from tests.support.processes import ServiceProcess

pytestmark = pytest.mark.e2e

_CONCURRENCY = 8
_IN_HAND_MAX = 2 * _CONCURRENCY
"""As many may wait as run."""
_KEY = {"apikey": "key-of-a-test"}
_ENV = {"LOCK_LEASE_SECONDS": "10", "WORKER_CONCURRENCY": str(_CONCURRENCY)}
_CONSUMERS = {"document_worker": "VMH", "beteiligte_worker": "VMH", "calendar_worker": "CALENDAR"}


class Callers:
    """Whoever asks the gateway with a key: for a calendar, and for something from Advoware."""

    def __init__(self, session: aiohttp.ClientSession, url: str, sides: Sides) -> None:
        self._session = session
        self._url = url
        self._sides = sides
        self.answers: Counter[str] = Counter()

    async def calendar(self, number: int) -> None:
        """An appointment is entered, and its owner's calendar synced."""
        kuerzel = self._sides.appointment(number)
        for _ in range(5):
            if await self._ask("POST", "/advoware/calendar/sync", json={"kuerzel": kuerzel}) == 200:
                return
            await asyncio.sleep(1)

    async def proxy(self, _number: int) -> None:
        """A question to Advoware."""
        await self._ask("GET", "/advoware/proxy", params={"endpoint": "employees"})

    async def _ask(self, method: str, path: str, **more: Any) -> int:
        try:
            async with self._session.request(method, self._url + path, headers=_KEY, **more) as answer:
                await answer.read()
                bare = answer.status == 503 and "Retry-After" not in answer.headers
                self.answers[f"{path} {answer.status}{' unguided' if bare else ''}"] += 1
                return answer.status
        except (aiohttp.ClientError, OSError) as failed:
            self.answers[f"{path} {type(failed).__name__}"] += 1
            return 0


class Rollout:
    """Replicas by service, and their replacement."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self.replicas: dict[str, list[ServiceProcess]] = {}
        self.all: list[ServiceProcess] = []
        self._make: dict[str, Callable[[], ServiceProcess]] = {}
        self.slowest_s = 0.0

    async def begin(self, make: Callable[[], ServiceProcess], *, replicas: int) -> None:
        """So many replicas, ready."""
        made = [make() for _ in range(replicas)]
        await asyncio.gather(*(one.start() for one in made))
        self._make[made[0].module] = make
        self.replicas[made[0].module] = made
        self.all += made
        self._tell()

    async def replace_all(self, module: str) -> None:
        """One after the other: a new one is ready before an old one is told to go, which ends with 0 and in time."""
        for old in list(self.replicas[module]):
            new = await self._make[module]().start()
            self.all.append(new)
            self.replicas[module].append(new)
            self._tell()
            await self._door.look()
            began = asyncio.get_running_loop().time()
            assert await old.terminate() == 0, old.last_words()
            self.slowest_s = max(self.slowest_s, asyncio.get_running_loop().time() - began)
            self.replicas[module].remove(old)
            self._tell()

    def _tell(self) -> None:
        self._door.known(*self.replicas.get("gateway", []))

    def workers(self, module: str) -> list[ServiceProcess]:
        """All that there ever were of a service."""
        return [one for one in self.all if one.module == module]


@pytest.mark.parametrize("rounds", [pytest.param(1, id="1"), pytest.param(4, id="4", marks=[pytest.mark.slow])])
@pytest.mark.timeout(400)
async def test_every_service_is_replaced_under_load(tmp_path: Path, rounds: int) -> None:
    """P1, P2, P13: nothing but 2xx, or 503 with Retry-After; few redeliveries; everything accepted is done, once."""
    async with (
        staged(tmp_path) as stage,
        sides_of(stage) as sides,
        front_door() as door,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session,
    ):
        documents = stage.documents(120, owners=4)
        rollout = Rollout(door)
        await asyncio.gather(
            rollout.begin(stage.gateway, replicas=2),
            rollout.begin(lambda: stage.worker(**_ENV), replicas=2),
            rollout.begin(lambda: sides.beteiligte_worker(**_ENV), replicas=2),
            rollout.begin(lambda: sides.calendar_worker(**_ENV), replicas=2),
            rollout.begin(sides.proxy, replicas=2),
            rollout.begin(sides.console, replicas=1),
        )
        await door.look()
        sender = Sender(session, door.url, webhook("CDokumente.update"), retry_s=2.0)
        parties = Sender(session, door.url, webhook("CBeteiligte.create"), retry_s=2.0)
        callers = Callers(session, door.url, sides)
        replacing = Replacing(stage, sender, documents)

        async def party(number: int) -> None:
            await parties.send(sides.party(number))

        async with (
            going_on(again_and_again(replacing.change, per_s=10)),
            going_on(again_and_again(party, per_s=1)),
            going_on(again_and_again(callers.calendar, per_s=1)),
            going_on(again_and_again(callers.proxy, per_s=5)),
        ):
            await stage.until(lambda: sender.accepted.total() > 10, what="work")
            for _ in range(rounds):
                for module in list(rollout.replicas):
                    await rollout.replace_all(module)
        note(f"the slowest to stop took {rollout.slowest_s:.1f} s; {door.refused} connections that nobody took")
        await _judge_answers([sender, parties], callers)
        await stage.quiet()
        for consumer, stream in _CONSUMERS.items():
            workers = rollout.workers(consumer)
            again, asked = await _redeliveries(stage, stream, consumer, workers)
            note(f"{consumer}: {again} redeliveries, {asked} of them asked for; {dict(endings(workers))}")
            assert again - asked <= rounds * 2 * _IN_HAND_MAX
        assert sender.accepted + parties.accepted - await stage.events() == {}
        assert stage.out_of_step() == []
        assert sides.wrong() == []
        assert replacing.uploaded_twice() == 0
        assert await stage.dead() == []


async def _judge_answers(senders: list[Sender], callers: Callers) -> None:
    note(f"{[dict(sender.answers) for sender in senders]}, {dict(callers.answers)}")
    for sender in senders:
        assert set(sender.answers) <= {200, 503}
        assert sender.unguided == 0
        assert sender.lost == {}
    assert {answer for answer in callers.answers if not answer.endswith((" 200", " 503"))} == set()


async def _redeliveries(stage: Stage, stream: str, consumer: str, workers: list[ServiceProcess]) -> tuple[int, int]:
    """Once it has nothing left: how often a message came again, and how often a worker had asked for that."""
    async with asyncio.timeout(60):
        while True:
            info = await stage._api(f"CONSUMER.INFO.{stream}.{consumer}")
            if info["num_pending"] + info["num_ack_pending"] == 0:
                break
            await asyncio.sleep(0.1)
    messages = sum(row["subject"] in info["config"]["filter_subjects"] for row in await stage.stored(stream))
    asked = sum(count for how, count in endings(workers).items() if how.startswith("retry"))
    return int(info["delivered"]["consumer_seq"]) - messages, asked
