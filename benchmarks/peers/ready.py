"""A peer's /readyz, for whoever starts it."""

from aiohttp import web

from benchmarks.peers.place import PORT


async def say_ready() -> None:
    """From here on it answers 200."""

    async def ready(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/readyz", ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
