"""An appointment in the form that both sides are compared in: when it is, what it says, how Google shows it."""

import hashlib
from datetime import date, datetime
from typing import Literal

import msgspec

Freq = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


class Timed(msgspec.Struct, frozen=True, kw_only=True, tag="timed"):
    """From a minute to a minute of the firm's wall clock, without a zone; `end` is never before `start`."""

    start: datetime
    end: datetime


class AllDay(msgspec.Struct, frozen=True, kw_only=True, tag="all_day"):
    """Whole days, both included. A span from 00:00 to 23:59 is always this and never `Timed`."""

    first: date
    last: date


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """Every `interval` days, weeks, months or years from the first occurrence on."""

    freq: Freq
    interval: int
    until: date | None = None
    """The last day of the series; None: it is endless."""


class When(msgspec.Struct, frozen=True, kw_only=True):
    """The span, and the rule of a series, each of whose occurrences then ends on the day it starts."""

    span: Timed | AllDay
    recurrence: Recurrence | None = None

    @property
    def first_day(self) -> date:
        """The day it starts, a series the first time."""
        return self.span.start.date() if isinstance(self.span, Timed) else self.span.first

    @property
    def last_day(self) -> date | None:
        """The day it ends, a series the last time; None: endless. An end at midnight counts to the day it begins."""
        if self.recurrence is not None:
            return self.recurrence.until
        return self.span.end.date() if isinstance(self.span, Timed) else self.span.last


class What(msgspec.Struct, frozen=True, kw_only=True):
    """What an appointment says, under Advoware's names. Lines end in LF, without blanks at any end."""

    text: str = ""
    """The subject, without the reference of an Akte behind it."""
    notiz: str = ""
    ort: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """How Google shows a Termin; this goes from Advoware to Google only."""

    suffix: str = ""
    """Exactly what stands behind the text in Google: a blank and the reference of the Akte in brackets, or nothing."""
    private: bool = False
    full: bool = True
    """False: a fixed text instead of what it says."""


def print_of(part: When | What | Shown) -> str:
    """A fingerprint, 16 hexadecimal digits: the same for equal parts, in every process and version."""
    return hashlib.sha256(msgspec.json.encode((type(part).__name__, part), order="deterministic")).hexdigest()[:16]
