"""How the database compares: text as utf8mb4_unicode_ci does, numbers as numbers, null with nothing."""

import functools
import re
import unicodedata
from collections.abc import Iterable

from simulators.espocrm.schema import Attribute

Key = tuple[int, float, str]


@functools.lru_cache(maxsize=50_000)
def folded(text: str) -> str:
    """Without case, accents and trailing blanks: what a comparison in EspoCRM's default collation sees."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).rstrip(" ")


def comparable(attribute: Attribute, value: object) -> float | str | None:
    """The value as the column compares it; null stays None."""
    if value is None:
        return None
    if attribute.kind in ("number", "bool"):
        return _number(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return folded(str(value))


def _number(value: object) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    leading = re.match(r"\s*-?\d+(\.\d+)?", str(value))
    return float(leading.group()) if leading else 0.0


def sort_key(value: object) -> Key:
    """Null first, as MariaDB sorts."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, folded(str(value)))


@functools.lru_cache(maxsize=2_000)
def like_pattern(pattern: str) -> re.Pattern[str]:
    """SQL LIKE as a regular expression: % is anything, _ one character."""
    translated = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in folded(pattern))
    return re.compile(translated, re.DOTALL)


def contains_any(have: object, wanted: Iterable[object]) -> bool:
    return isinstance(have, list) and any(item in have for item in wanted)
