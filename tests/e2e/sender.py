"""EspoCRM's webhook sender, one record per request, with its signature and its rules for sending again."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterable

import aiohttp

from local_stack.environment import Webhook
from simulators.espocrm.delivery import signatures
from simulators.espocrm.queue import MAX_ATTEMPTS, RETRIED

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)


class Sender:
    """Sends and keeps book. EspoCRM's own pause of ten minutes is `retry_s` here."""

    def __init__(self, session: aiohttp.ClientSession, url: str, webhook: Webhook, *, retry_s: float) -> None:
        self._session = session
        self._url = url + webhook.path
        self._webhook = webhook
        self._retry_s = retry_s
        self._numbers = itertools.count(1)
        self.answers: Counter[int] = Counter()
        """Requests by status; 0 is no connection, 408 no answer in time."""
        self.unguided = 0
        """Answers of 503 that did not say when to come again."""
        self.accepted_at: list[float] = []
        """When, in unix seconds."""
        self.accepted: Counter[str] = Counter()
        """How often each record's webhook was answered with 200."""
        self.lost: Counter[str] = Counter()
        """Given up on, as EspoCRM does after four tries, or at once after a status that it takes for final."""
        self.finally_told: Counter[int] = Counter()
        """The last answers of those."""

    async def send(self, entity_id: str) -> None:
        """One webhook, until it is taken or given up on."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            status = await self._post(entity_id)
            self.answers[status] += 1
            if status == 200:
                self.accepted_at.append(time.time())
                self.accepted[entity_id] += 1
                return
            if status not in RETRIED or attempt == MAX_ATTEMPTS:
                self.lost[entity_id] += 1
                self.finally_told[status] += 1
                return
            await asyncio.sleep(self._retry_s)

    async def send_all(self, entity_ids: Iterable[str], *, per_s: float) -> None:
        """Open loop: a new one every 1/per_s seconds, whatever became of those before."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for number, entity_id in enumerate(entity_ids):
                tasks.create_task(self.send(entity_id))
                await asyncio.sleep(max(0.0, began + (number + 1) / per_s - loop.time()))

    async def _post(self, entity_id: str) -> int:
        body = json.dumps([{"description": f"Fassung {next(self._numbers)}", "id": entity_id}]).encode()
        headers = {
            "Content-Type": "application/json",
            **signatures(self._webhook.id, self._webhook.secret, body),
        }
        try:
            async with self._session.post(self._url, data=body, headers=headers, timeout=_TIMEOUT) as answer:
                await answer.read()
                self.unguided += answer.status == 503 and "Retry-After" not in answer.headers
                return answer.status
        except TimeoutError:
            return 408
        except (aiohttp.ClientError, OSError):
            return 0
