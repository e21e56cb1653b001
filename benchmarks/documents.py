"""The document worker with its vendors, and documents to be synced."""

from typing import Any

import aiohttp
import msgspec

from benchmarks.broker import Broker
from benchmarks.children import Child, Room


class Documents:
    """Vendors, a worker, and what staff file."""

    def __init__(self, room: Room, session: aiohttp.ClientSession, broker: Broker) -> None:
        self._room = room
        self._session = session
        self._broker = broker
        self._seed = 0
        self.vendors = room.child("benchmarks.vendors", port_name="PORT")
        self.worker: Child | None = None

    async def open(self, **environ: str) -> Child:
        """Starts vendors and worker; the worker."""
        await self.vendors.start()
        state = await self.state()
        self.worker = self._room.child(
            "document_worker",
            port_name="HEALTH_PORT",
            ESPOCRM_API_BASE_URL=f"{state['espocrm']}/api/v1",
            ESPOCRM_API_KEY="demo",
            XAI_API_KEY="demo",
            XAI_MANAGEMENT_KEY="demo",
            XAI_FILES_URL=state["xai"],
            XAI_MANAGEMENT_URL=state["xai"],
            DOCUMENT_SWEEP_CRON="0 0 0 1 1 *",
            **environ,
        )
        await self.worker.start()
        return self.worker

    async def close(self) -> None:
        """Ends both."""
        if self.worker is not None:
            await self.worker.stop()
        await self.vendors.stop()

    async def state(self) -> dict[str, Any]:
        """Addresses and counts."""
        return await self._ask("GET", "/readyz")

    async def make(self, count: int, *, size_bytes: int) -> list[str]:
        """So many new documents, filed and linked to new owners that have their collections; their ids."""
        # New ones, because a collection that grows from round to round makes each later round dearer for the vendor.
        owners = (await self._ask("POST", "/owners"))["owners"]
        await self._make(len(owners), 1024)  # without a document an owner gets no collection
        await self.sync("vmh.raeumungsklage.update", owners)
        return await self._make(count, size_bytes)

    async def _make(self, count: int, size_bytes: int) -> list[str]:
        made = await self._ask("POST", f"/make?count={count}&bytes={size_bytes}&seed={self._seed}")
        self._seed += count
        documents: list[str] = made["documents"]
        return documents

    async def sync(self, subject: str, ids: list[str]) -> None:
        """An event each; returns when the worker has nothing left."""
        await self._broker.fill(subject, [msgspec.json.encode({"entity_id": one}) for one in ids])
        await self._broker.drained("VMH", "document_worker")

    async def _ask(self, method: str, path: str) -> dict[str, Any]:
        async with self._session.request(method, f"http://127.0.0.1:{self.vendors.port}{path}") as answer:
            answer.raise_for_status()
            told: dict[str, Any] = await answer.json()
            return told
