"""aiohttp and nats-py's js.publish: takes a POST, checks nothing, stores it, answers."""

import nats
from aiohttp import web

from benchmarks.peers.place import NATS_URL, PORT, ensured
from benchmarks.webhook import PATH

_SUBJECT = "bare.events"


async def main() -> web.Application:
    """The application."""
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()
    await ensured(js, "BARE", "bare.>")

    async def receive(request: web.Request) -> web.Response:
        await js.publish(_SUBJECT, await request.read())
        return web.json_response({"status": "received"})

    async def ready(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.post(PATH, receive), web.get("/readyz", ready)])
    return app


if __name__ == "__main__":
    web.run_app(main(), host="127.0.0.1", port=PORT, access_log=None, print=None)
