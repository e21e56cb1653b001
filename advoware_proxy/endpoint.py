"""From what a caller calls an endpoint to the one path that may be sent. Pure.

Everything unusual is refused instead of repaired: a path that needs decoding is a path that two programs read
differently.
"""

import re

import msgspec

_ADVONET = "/api/v1/advonet/"
_PUBLIC = "/api/v1/"
_SEGMENT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.ASCII)
"""Dots only one by one and inside: neither `..` nor what a Windows server strips."""
_LENGTH_MAX = 512
_ALIAS = "employees"


class BadEndpoint(ValueError):
    """Not an endpoint; the text says why and quotes nothing."""


class Endpoint(msgspec.Struct, frozen=True):
    """An endpoint that leaves the API's base path under no reading."""

    name: str
    """Canonical: relative to `/api/v1/advonet/`, or beginning with `api/v1/`. The allow-list is matched on this."""
    path: str
    """What is appended to the data base URL."""


def normalise(told: str, *, employees_path: str) -> Endpoint:
    """Raises BadEndpoint. `employees` stands for `employees_path`; one slash in front is tolerated.

    Advoware's server ignores the case of a path's fixed words, so the prefix is recognised in any case.
    """
    if not told:
        raise BadEndpoint("endpoint is empty")
    if len(told) > _LENGTH_MAX:
        raise BadEndpoint(f"endpoint is longer than {_LENGTH_MAX} characters")
    base, rest = _placed(_segments(told))
    if base == _ADVONET and [segment.lower() for segment in rest] == [_ALIAS]:
        base, rest = _placed(_segments(employees_path))
    joined = "/".join(rest)
    return Endpoint(joined if base == _ADVONET else f"api/v1/{joined}", base + joined)


def _segments(text: str) -> list[str]:
    segments = text.removeprefix("/").split("/")
    for segment in segments:
        if _SEGMENT.fullmatch(segment) is None:
            raise BadEndpoint("endpoint is not a plain path: segments of A-Z a-z 0-9 _ - . with single slashes between")
    return segments


def _placed(segments: list[str]) -> tuple[str, list[str]]:
    """Below which of the two bases it lies, and the rest of the way."""
    base, rest = _ADVONET, segments
    if _begins(segments, "api", "v1", "advonet"):
        rest = segments[3:]
        if _begins(rest, "api", "v1"):
            # Its name would be that of another endpoint, in the allow-list and in the audit.
            raise BadEndpoint("endpoint begins with api/v1 twice")
    elif _begins(segments, "api", "v1"):
        base, rest = _PUBLIC, segments[2:]
    if not rest:
        raise BadEndpoint("endpoint names the API itself, and nothing in it")
    return base, rest


def _begins(segments: list[str], *words: str) -> bool:
    return [segment.lower() for segment in segments[: len(words)]] == list(words)
