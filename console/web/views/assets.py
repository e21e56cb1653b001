"""Style, script and icon, out of the package."""

from pathlib import PurePath

from aiohttp import web

from console.web.page import ASSETS

_FOR_EVER = "private, max-age=31536000, immutable"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Assets:
    """Read once; named by their content, so that a browser asks once."""

    def __init__(self) -> None:
        self._files = {path.name: path.read_bytes() for path in ASSETS.iterdir() if path.suffix in _KINDS}

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/assets/{name}", self._give)]

    async def _give(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            raise web.HTTPNotFound
        kind = _KINDS[PurePath(name).suffix]
        return web.Response(
            body=self._files[name], content_type=kind, charset="utf-8", headers={"Cache-Control": _FOR_EVER}
        )
