"""An appointment on both sides: entered in Advoware, moved in Google, and the hub keeps both in step."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from local_stack.broker import Broker
from local_stack.expect import BUSY, Finding, Json, NotInStep
from local_stack.vendors import LOST, Advoware, Google

EMPLOYEE_SYNC = "calendar.sync.employee"
KUERZEL = "SB"
TEXT = "Ortstermin Föhrenrain"

_AHEAD, _LATER = 9, 10
"""Days from now: where it is entered, and where it is moved to."""
_LOOK_EVERY_S = 0.15


class Calendars:
    """The part of the story that is about calendars."""

    def __init__(self, google: Google, advoware: Advoware, broker: Broker, say: Callable[[str], None]) -> None:
        self._google = google
        self._advoware = advoware
        self._broker = broker
        self._say = say

    async def tell(self, until: float) -> None:
        """From a Termin that only Advoware has to a move in Google that has come back. Raises NotInStep."""
        self._say(f"Somebody enters an appointment of {KUERZEL} in Advoware; the calendars are synced.")
        entered = {"anwalt": KUERZEL, "text": TEXT, "datum": _day(_AHEAD), "uhrzeitVon": "09:00", "uhrzeitBis": "10:30"}
        await self._advoware.act("add_termin", entered)
        calendar_id, event_id = await self._in_step(until, _day(_AHEAD))
        self._say(f"Google has it in AW-{KUERZEL}. {KUERZEL} moves it there by a day; the next sync finds that.")
        start = datetime.fromisoformat(f"{_day(_LATER)}T09:00:00").astimezone(UTC).isoformat()
        await self._google.act("move_event", {"calendar_id": calendar_id, "event_id": event_id, "start": start})
        await self._in_step(until, datetime.fromisoformat(start).date().isoformat())

    async def _in_step(self, until: float, day: str) -> tuple[str, str]:
        """Asks for a sync; the ids of calendar and event once both sides have the appointment on that day."""
        began = time.monotonic()
        await self._broker.publish(EMPLOYEE_SYNC, msgspec.json.encode({"kuerzel": KUERZEL}))
        wrong = [BUSY]
        while time.monotonic() < until:
            with contextlib.suppress(*LOST):  # a service that is just restarted is asked again
                quiet = await self._broker.idle()
                google, advoware = await asyncio.gather(self._google.state(), self._advoware.state())
                calendar_id, event = _event(google)
                wrong = differing(event, _termin(advoware), day)
                if quiet and not wrong and event is not None:
                    return calendar_id, str(event["id"])
            await asyncio.sleep(_LOOK_EVERY_S)
        raise NotInStep(wrong or [BUSY], time.monotonic() - began)


def differing(event: Json | None, termin: Json | None, day: str) -> list[Finding]:
    """What is not as it should be; none when both sides have the appointment on that day."""
    found = {
        "Advoware": "no such Termin" if termin is None else str(termin["datum"])[:10],
        "Google": "no such event" if event is None else str(event["start"].get("dateTime"))[:10],
    }
    return [
        Finding(about=f"{TEXT}, {vendor}", expected=day, found=told) for vendor, told in found.items() if told != day
    ]


def _event(google: Json) -> tuple[str, Json | None]:
    for calendar in google["calendars"]:
        if calendar["summary"] == f"AW-{KUERZEL}":
            living = [one for one in calendar["events"] if one["status"] != "cancelled" and one.get("summary") == TEXT]
            return calendar["id"], living[0] if len(living) == 1 else None
    return "", None


def _termin(advoware: Json) -> Json | None:
    found = [one for one in advoware["termine"] if one["text"] == TEXT]
    return found[0] if len(found) == 1 else None


def _day(ahead: int) -> str:
    return (datetime.now(UTC) + timedelta(days=ahead)).date().isoformat()
