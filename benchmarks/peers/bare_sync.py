"""Bare aiohttp making the calls of a document's sync, 32 documents at a time: no lock, journal, memory or history."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.peers.place import PORT

_AT_ONCE = 32
_ESPOCRM = {"X-Api-Key": "demo"}
_XAI = {"Authorization": "Bearer demo"}
_SEARCH = {"select": ["id", "xaiCollectionId"], "orderBy": "createdAt", "order": "asc", "offset": 0, "maxSize": 200}
_PAGE = {"searchParams": json.dumps(_SEARCH, separators=(",", ":"))}


class Syncer:
    """One order: the documents of a batch."""

    def __init__(self, session: aiohttp.ClientSession, espocrm: str, xai: str) -> None:
        self._session = session
        self._api = f"{espocrm}/api/v1"
        self._xai = xai
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def sync(self, document: str) -> None:
        """The calls that the worker makes for a new document with one owner, in its order."""
        async with self._free:
            record = await self._espocrm("GET", f"/CDokumente/{document}")
            links = ("raeumungsklages", "accounts", "beteiligtes")
            pages = [await self._espocrm("GET", f"/CDokumente/{document}/{link}", query=_PAGE) for link in links]
            collection = pages[0]["list"][0]["xaiCollectionId"]
            await self._management("GET", f"/v1/collections/{collection}")
            content = await self._download(record["dokumentId"])
            digest, md5 = hashlib.sha256(content).hexdigest(), hashlib.md5(content, usedforsecurity=False).hexdigest()
            await self._espocrm("PUT", f"/CDokumente/{document}", {"xaiSyncStatus": "pending_sync"})
            file_id = await self._upload(content, f"{document}:{digest}")
            await self._management("GET", f"/v1/collections/{collection}/documents/{file_id}", missing=True)
            await self._management("POST", f"/v1/collections/{collection}/documents/{file_id}", {})
            changes = {"xaiId": file_id, "xaiCollections": [collection], "xaiSyncedHash": md5, "fileStatus": "synced"}
            await self._espocrm("PUT", f"/CDokumente/{document}", {**changes, "xaiSyncStatus": "clean"})

    async def _espocrm(self, method: str, path: str, body: object = None, query: Mapping[str, str] = {}) -> Any:
        url = self._api + path
        async with self._session.request(method, url, params=query, json=body, headers=_ESPOCRM) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _management(self, method: str, path: str, body: object = None, *, missing: bool = False) -> Any:
        async with self._session.request(method, self._xai + path, json=body, headers=_XAI) as answer:
            if not (missing and answer.status == 404):
                answer.raise_for_status()
            return json.loads(await answer.read() or b"{}")

    async def _download(self, attachment: str) -> bytes:
        url = f"{self._api}/Attachment/file/{attachment}"
        async with self._session.get(url, headers=_ESPOCRM) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def _upload(self, content: bytes, purpose: str) -> str:
        form = aiohttp.FormData()
        form.add_field("purpose", purpose)
        form.add_field("file", content, filename="Klage.pdf", content_type="application/octet-stream")
        async with self._session.post(f"{self._xai}/v1/files", data=form, headers=_XAI) as answer:
            answer.raise_for_status()
            return str((await answer.json())["id"])


async def main() -> web.Application:
    """Takes orders at /sync."""
    session = aiohttp.ClientSession()

    async def sync(request: web.Request) -> web.Response:
        order = await request.json()
        syncer = Syncer(session, order["espocrm"], order["xai"])
        await asyncio.gather(*(syncer.sync(document) for document in order["documents"]))
        return web.Response()

    async def ready(_request: web.Request) -> web.Response:
        return web.Response()

    async def close(_app: web.Application) -> None:
        await session.close()

    app = web.Application()
    app.on_cleanup.append(close)
    app.add_routes([web.post("/sync", sync), web.get("/readyz", ready)])
    return app


if __name__ == "__main__":
    web.run_app(main(), host="127.0.0.1", port=PORT, access_log=None, print=None)
