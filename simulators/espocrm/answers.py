"""The shapes in which EspoCRM answers: escaped JSON, empty errors with a reason in a header, Slim's HTML pages."""

import json
import re
import time
from email.utils import formatdate

from aiohttp import web

JSON = "application/json"
HTML = "text/html; charset=UTF-8"
_UNPRINTABLE = re.compile(r"[^ -~]")
_NO_BODY = object()


class Refused(Exception):
    """A request is refused. `reason` goes into X-Status-Reason (None: no such header), `body` is JSON if given."""

    def __init__(
        self, status: int, reason: str | None = None, *, body: object = _NO_BODY, content_type: str = JSON
    ) -> None:
        super().__init__(f"{status} {reason or ''}".strip())
        self.status = status
        self.reason = reason
        self.body = b"" if body is _NO_BODY else php_json(body)
        self.content_type = content_type
        self.headers: dict[str, str] = {}

    def answer(self) -> web.Response:
        headers = {"Content-Type": self.content_type, **self.headers}
        if self.reason is not None:
            # Core/Api/ErrorOutput blanks what is not printable.
            headers["X-Status-Reason"] = _UNPRINTABLE.sub(" ", self.reason)
        return web.Response(status=self.status, headers=headers, body=self.body)


def php_json(data: object) -> bytes:
    """JSON as PHP's json_encode writes it: ASCII only, slashes escaped, no blanks."""
    return json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode()


def success(data: object, status: int = 200) -> web.Response:
    """A good answer with the headers that every 2xx of the real server had."""
    return web.Response(status=status, headers={"Content-Type": JSON, **good_headers()}, body=php_json(data))


def empty_success() -> web.Response:
    """200 with nothing in it, as for an unknown metadata key."""
    return web.Response(status=200, headers={"Content-Type": JSON, **good_headers()}, body=b"")


def good_headers() -> dict[str, str]:
    """Of every 2xx: no caching, and the time the settings last changed."""
    return {
        "X-App-Timestamp": "1795359467",
        "Expires": "0",
        "Last-Modified": formatdate(time.time(), usegmt=True),
        "Cache-Control": "no-store, no-cache, must-revalidate, post-check=0, pre-check=0",
    }


def slim_page(status: int, title: str, headers: dict[str, str] | None = None) -> web.Response:
    """The framework's own HTML page: no route, or no such method on it."""
    page = (
        f'<!doctype html>\n<html lang="en">\n    <head>\n        <meta charset="utf-8">\n'
        f"        <title>{title}</title>\n    </head>\n    <body>\n        <h1>{title}</h1>\n"
        f'        <a href="#" onclick="window.history.back()">Go Back</a>\n    </body>\n</html>'
    )
    return web.Response(
        status=status,
        headers={"Content-Type": "text/html;charset=UTF-8", **(headers or {})},
        body=page.encode(),
    )


def invalid(entity_type: str, field: str, kind: str) -> Refused:
    """400 of the first field that fails its validation."""
    return Refused(
        400,
        f"Field validation failure; entityType: {entity_type}, field: {field}, type: {kind}.",
        body={
            "messageTranslation": {
                "label": "validationFailure",
                "scope": None,
                "data": {"field": field, "type": kind},
            }
        },
    )


def cannot_relate(entity_type: str, link: str, foreign_type: str) -> Refused:
    """403 of a belongsTo or file id that leads nowhere."""
    return Refused(
        403,
        f"Can't relate with non-existing record. entity type: {entity_type}, link: {link}.",
        body={
            "messageTranslation": {
                "label": "cannotRelateNonExisting",
                "scope": None,
                "data": {"foreignEntityType": foreign_type},
            }
        },
    )
