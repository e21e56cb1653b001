"""Names that come from a keyboard and go into a subject: what is none of them never reaches NATS. Pure."""

import re

_SUBJECT = re.compile(r"(?:[^\s.*>\x00-\x1f]+|\*)(?:\.(?:[^\s.*>\x00-\x1f]+|\*))*(?:\.>)?|>")
_KEY = re.compile(r"[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*", re.ASCII)
_KEYS = re.compile(r"(?:[-/_=a-zA-Z0-9]+|\*)(?:\.(?:[-/_=a-zA-Z0-9]+|\*))*(?:\.>)?|>", re.ASCII)
_NAME = re.compile(r"[-_a-zA-Z0-9]+", re.ASCII)
_LENGTH_MAX = 256


class BadName(ValueError):
    """The text is one sentence for whoever typed it."""


def subject(text: str) -> str:
    """A subject, with or without wildcards."""
    return _checked(text, _SUBJECT, "subject: words with dots between them, * for one word, > for the rest")


def key(text: str) -> str:
    """A bucket's key."""
    return _checked(text, _KEY, "key: words of A-Z a-z 0-9 - _ = / with dots between them")


def keys(text: str) -> str:
    """A pattern of keys."""
    return _checked(text, _KEYS, "pattern of keys: words with dots between them, * for one word, > for the rest")


def name(text: str) -> str:
    """A stream's, a consumer's or a service's."""
    return _checked(text, _NAME, "name: A-Z a-z 0-9 - _")


def _checked(text: str, pattern: re.Pattern[str], what: str) -> str:
    if len(text) <= _LENGTH_MAX and pattern.fullmatch(text):
        return text
    raise BadName(f"{text[:40]!r} is no {what}")
