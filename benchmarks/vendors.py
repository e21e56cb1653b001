"""Simulated EspoCRM and xAI in a process of their own: `python -m benchmarks.vendors` takes orders over HTTP."""

import asyncio
import contextlib
import os
import signal

from aiohttp import web

from simulators.espocrm import Espocrm
from simulators.harness import serve
from simulators.xai import Switches, Xai

_MB = 1024 * 1024


class Vendors:
    """Both vendors, without an own webhook sender, and what a benchmark asks of them."""

    def __init__(self) -> None:
        self.espocrm = Espocrm(tick_s=None)
        self.xai = Xai(switches=Switches(max_file_bytes=512 * _MB, keep_content_up_to_bytes=0))
        self._urls: dict[str, str] = {}
        self._owners: list[str] = []

    async def make(self, request: web.Request) -> web.Response:
        """So many documents of so many bytes, each with its own content, over the newest owners; their ids."""
        count, size = int(request.query["count"]), int(request.query["bytes"])
        made = []
        for number in range(count):
            seed = int(request.query["seed"]) + number
            attachment = self.espocrm.attach_generated("Klage.pdf", "application/pdf", size, seed=seed)
            made.append(str(self.espocrm.insert("CDokumente", {"name": "Klage", "dokumentId": attachment})["id"]))
            self.espocrm.relate("CDokumente", made[-1], "raeumungsklages", self._owners[number % len(self._owners)])
        return web.json_response({"documents": made})

    async def owners(self, _request: web.Request) -> web.Response:
        """Three owners for the documents made from now on; their ids."""
        self._owners = [str(self.espocrm.insert("Raeumungsklage", {"name": name})["id"]) for name in "ABC"]
        return web.json_response({"owners": self._owners})

    async def parties(self, request: web.Request) -> web.Response:
        """So many parties more that are in step; the ids of these."""
        first, count = int(request.query["first"]), int(request.query["count"])
        record = {"firstName": "Jürgen", "lastName": "Müßig", "syncStatus": "clean"}
        made = [
            str(self.espocrm.insert("CBeteiligte", {**record, "betnr": first + number})["id"])
            for number in range(count)
        ]
        return web.json_response({"parties": made})

    async def state(self, _request: web.Request) -> web.Response:
        """What both have, in numbers."""
        rows = [self.espocrm.get("CDokumente", row) or {} for row in self.espocrm.list_ids("CDokumente")]
        return web.json_response(
            {
                "clean": sum(row.get("xaiSyncStatus") == "clean" for row in rows),
                "documents": len(rows),
                "files": len(self.xai.live_files()),
                **self._urls,
            }
        )

    async def run(self, port: int) -> None:
        """Serves until SIGTERM."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with contextlib.AsyncExitStack() as stack:
            self._urls = {
                "espocrm": await stack.enter_async_context(serve(self.espocrm)),
                "xai": await stack.enter_async_context(serve(self.xai)),
            }
            app = web.Application()
            app.add_routes(
                [
                    web.post("/owners", self.owners),
                    web.post("/make", self.make),
                    web.post("/parties", self.parties),
                    web.get("/readyz", self.state),
                ]
            )
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            await stop.wait()
            await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(Vendors().run(int(os.environ["PORT"])))
