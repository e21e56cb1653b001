"""Addresses within the page."""

from aiohttp import web


def see(path: str) -> web.Response:
    """The answer to a deed: look there now."""
    return web.Response(status=303, headers={"Location": path})


def local_path(told: object, otherwise: str) -> str:
    """A path of this page and of no other place."""
    if isinstance(told, str) and told.startswith("/") and not told.startswith(("//", "/\\")) and told.isprintable():
        return told
    return otherwise
