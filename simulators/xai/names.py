"""File names as they come in a multipart part's Content-Disposition."""

import re
import urllib.parse

_PARAMETER = re.compile(
    r';\s*(?P<key>[\w!#$&+.^`|~*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;]*))', re.DOTALL
)
_ODD = re.compile(r"[\x00-\x1f\x7f/\\]")
_LONGEST_BYTES = 255


def disposition(header: str) -> dict[str, str]:
    """The parameters of a Content-Disposition, names in lower case.

    A quoted value loses its backslashes (RFC 9110) and is else left as it was sent: percent signs in a plain
    `filename` are part of the name. `filename*` (RFC 8187) is decoded and wins over `filename`.
    """
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        quoted, bare = match["quoted"], match["bare"]
        found[match["key"].lower()] = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if bare is None else bare.strip()
    extended = found.pop("filename*", None)
    if extended is not None and extended.count("'") >= 2:
        charset, _language, value = extended.split("'", 2)
        try:
            found["filename"] = urllib.parse.unquote(value, encoding=charset or "utf-8", errors="replace")
        except LookupError:
            found["filename"] = urllib.parse.unquote(value)
    return {key: _clean(value) for key, value in found.items()}


def is_odd(name: str) -> bool:
    """Whether a careful server might refuse the name: control characters, slashes, more than 255 bytes."""
    return _ODD.search(name) is not None or len(name.encode()) > _LONGEST_BYTES


def _clean(value: str) -> str:
    # aiohttp hands on bytes that are no UTF-8 as lone surrogates, which no JSON can carry.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
