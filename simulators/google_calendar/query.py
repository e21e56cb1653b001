"""The query of a request, read by kinds. Everything that is not as the reference has it is a 400."""

import datetime as dt
from collections.abc import Iterable

from multidict import MultiMapping

from simulators.google_calendar.answers import bad
from simulators.google_calendar.clock import instant
from simulators.google_calendar.marks import Asked
from simulators.google_calendar.methods import COMMON, Method
from simulators.google_calendar.times import is_zone

_FLAGS = {"true": True, "false": False}
_NOT_FINGERPRINTED = COMMON | {"pageToken", "maxResults", "syncToken"}


class Query:
    """Parameters by name; each reader raises Refused(400) that names the parameter."""

    def __init__(self, given: MultiMapping[str]) -> None:
        self._given = given

    def check_names(self, method: Method) -> None:
        """Raises Refused(400) for a parameter that the method does not have."""
        for name in self._given:
            if name not in method.parameters and name not in COMMON:
                raise bad(f"Unknown parameter: {name}", parameter=name)

    def has(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str | None:
        """None when it is absent or empty."""
        return self._given.get(name) or None

    def texts(self, name: str) -> list[str]:
        return list(self._given.getall(name, []))

    def flag(self, name: str) -> bool | None:
        """`true` or `false`."""
        value = self.text(name)
        if value is not None and value not in _FLAGS:
            raise bad(f"Invalid boolean value: '{value}'.", parameter=name)
        return None if value is None else _FLAGS[value]

    def number(self, name: str, *, least: int = 1, most: int = 2**31 - 1) -> int | None:
        """A whole number in a range."""
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise bad(f"Invalid value '{value}'. It must be a number from {least} to {most}.", parameter=name)
        return int(value)

    def instant(self, name: str) -> dt.datetime | None:
        """RFC 3339 with its offset. A plus sign that was not percent-encoded has become a space and is refused."""
        value = self.text(name)
        try:
            return None if value is None else instant(value).replace(microsecond=0)
        except ValueError:
            raise bad("Bad Request", "badRequest", parameter=name) from None

    def word(self, name: str, words: Iterable[str]) -> str | None:
        """One of some words."""
        value = self.text(name)
        if value is not None and value not in words:
            raise bad(f"Invalid string value: '{value}'. Allowed values: {list(words)}", parameter=name)
        return value

    def zone(self, name: str = "timeZone") -> str | None:
        """An IANA name."""
        value = self.text(name)
        if value is not None and not is_zone(value):
            raise bad(f"Invalid time zone: {value}", parameter=name)
        return value

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Repeated `key=value`."""
        found = []
        for value in self.texts(name):
            key, equals, text = value.partition("=")
            if not key or not equals:
                raise bad("Invalid extended property filter.", parameter=name)
            found.append((key, text))
        return found

    def asked(self, names: frozenset[str] | None = None) -> Asked:
        """What was asked, as far as it tells one list from another; only these names where some are given."""
        return tuple(
            sorted(
                (name, value)
                for name, value in self._given.items()
                if name not in _NOT_FINGERPRINTED and (names is None or name in names)
            )
        )
