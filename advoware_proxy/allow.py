"""The allow-list: which methods on which endpoints are forwarded. Pure."""

import re

import msgspec

from shared.contracts.proxy import METHODS

_WORD = re.compile(r"\*\*?|[A-Za-z0-9_.-]+", re.ASCII)


class Rule(msgspec.Struct, frozen=True):
    """`METHOD pattern`: in the pattern `*` is one segment and `**` any number, none included."""

    method: str
    pattern: tuple[str, ...]


def parse(text: str) -> tuple[Rule, ...]:
    """Rules on lines or between commas. Raises ValueError with the rule's number."""
    rules = [part.strip() for line in text.splitlines() for part in line.split(",") if part.strip()]
    if not rules:
        raise ValueError("holds no rule; `GET **` allows reading everything")
    return tuple(_rule(number, rule) for number, rule in enumerate(rules, 1))


def allows(rules: tuple[Rule, ...], method: str, endpoint: str) -> bool:
    """Whether one of the rules names this. Case does not matter, as on Advoware's server."""
    segments = tuple(endpoint.lower().split("/"))
    return any(rule.method == method and _matches(rule.pattern, segments) for rule in rules)


def _rule(number: int, text: str) -> Rule:
    method, _, pattern = text.partition(" ")
    words = pattern.strip().strip("/").lower().split("/")
    if method.upper() not in METHODS:
        raise ValueError(f"rule {number} does not begin with {', '.join(METHODS)}")
    if not all(_WORD.fullmatch(word) for word in words):
        raise ValueError(f"rule {number} has no pattern of words, * and ** with slashes between")
    if words[:3] == ["api", "v1", "advonet"]:
        words = words[3:]  # as `endpoint.normalise` names what is asked for
    return Rule(method.upper(), tuple(words))


def _matches(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    """Word by word, with every number of segments that the words so far may have used up: no pattern takes long."""
    used = {0}
    for word in pattern:
        if word == "**":
            used = set(range(min(used), len(segments) + 1))
        else:
            used = {at + 1 for at in used if at < len(segments) and word in ("*", segments[at])}
        if not used:
            return False
    return len(segments) in used
