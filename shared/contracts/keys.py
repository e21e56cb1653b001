"""Keys of KV buckets and tokens of subjects: which characters survive, and how the others do."""

import base64
import re

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def token(segment: str) -> str:
    """One segment as NATS allows it: as it is, or base64url with a leading `=`."""
    if _PLAIN.fullmatch(segment):
        return segment
    return "=" + base64.urlsafe_b64encode(segment.encode()).decode().rstrip("=")


def key(*segments: str) -> str:
    """`document_sync.CDokumente.<id>` and the like."""
    return ".".join(token(segment) for segment in segments)


def segments_of(joined: str) -> list[str]:
    """The segments that `key` was given."""
    return [_plain(part) for part in joined.split(".")]


def _plain(part: str) -> str:
    if not part.startswith("="):
        return part
    encoded = part[1:]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
