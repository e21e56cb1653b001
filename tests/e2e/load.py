"""A day at the firm in a hurry: every change is told through the gateway, and what came of all can be judged."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from tests.e2e.sender import Sender
from tests.e2e.stage import Stage
from tests.support.processes import ServiceProcess


async def again_and_again(work: Callable[[int], Awaitable[None]], *, per_s: float) -> None:
    """Open loop: a new one every 1/per_s seconds, whatever became of those before, until cancelled."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for number in itertools.count():
            tasks.create_task(_work(work, number))
            await asyncio.sleep(max(0.0, began + (number + 1) / per_s - loop.time()))


async def _work(work: Callable[[int], Awaitable[None]], number: int) -> None:
    await work(number)


class Replacing:
    """Staff replace files. Every content is new, so each may be uploaded once, ever."""

    def __init__(self, stage: Stage, sender: Sender, documents: Sequence[str]) -> None:
        self._stage = stage
        self._sender = sender
        self._documents = documents
        self.changes = 0

    async def change(self, number: int) -> None:
        """The next document gets another file, and EspoCRM tells of it."""
        document = self._documents[number % len(self._documents)]
        self._stage.replace_file(document, f"{document}, Fassung {number}".encode())
        self.changes += 1
        await self._sender.send(document)

    def uploaded_twice(self) -> int:
        """How many uploads too many xAI has seen: each document has had its first file and its new ones."""
        rows = [row for row in self._stage.xai.log.rows() if (row.method, row.path) == ("POST", "/v1/files")]
        return max(0, len(rows) - self.changes - len(self._documents))


def finished_at(workers: Iterable[ServiceProcess]) -> list[float]:
    """When deliveries have ended well, in unix seconds, by the workers' own log lines."""
    return sorted(
        datetime.fromisoformat(line["time"]).timestamp()
        for worker in workers
        for line in worker.said()
        if line.get("message") == "delivery" and line["outcome"] in ("done", "skip")
    )


def longest_gap_s(times: Iterable[float], *, since: float, until: float) -> float:
    """The longest time in between without any of them."""
    within = sorted(time for time in times if since <= time <= until)
    return max(after - before for before, after in itertools.pairwise([since, *within, until]))


def endings(workers: Iterable[ServiceProcess]) -> Counter[str]:
    """How deliveries ended, by outcome and the first word of the reason."""
    return Counter(
        f"{line['outcome']} {str(line['reason']).partition(':')[0]}"
        for worker in workers
        for line in worker.said()
        if line.get("message") == "delivery"
    )
