"""Advoware and Google beside a stage: the services that stand between them and EspoCRM, and what staff do there."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from simulators.advoware import Advoware, Switches
from simulators.google_calendar import GoogleCalendar
from simulators.harness import serve
from tests.e2e.stage import Stage
from tests.support.calendars import linked_to
from tests.support.google import google_calendar
from tests.support.processes import ServiceProcess
from tests.support.proxy_process import proxy_environ

_EMPLOYEES = ("SB", "LR", "TK")
_NO_SWEEP = "0 0 0 1 1 *"


class Sides:
    """Both vendors. Staff enter parties in EspoCRM and appointments in Advoware."""

    def __init__(
        self, stage: Stage, advoware: Advoware, google: GoogleCalendar, advoware_url: str, google_env: dict[str, str]
    ) -> None:
        self._stage = stage
        self.advoware = advoware
        self.google = google
        self._advoware_url = advoware_url
        self._google_env = google_env
        for kuerzel in _EMPLOYEES:
            advoware.staff.add_mitarbeiter(kuerzel=kuerzel, name=kuerzel, eMail=f"{kuerzel.lower()}@kanzlei.example")
        self._parties: dict[str, str] = {}
        self._appointments: dict[int, str] = {}

    def beteiligte_worker(self, **environ: str) -> ServiceProcess:
        """Not started yet."""
        espocrm = {"ESPOCRM_API_BASE_URL": f"{self._stage.espocrm_url}/api/v1", "ESPOCRM_API_KEY": "demo"}
        own = {"ADVOWARE_LISTS_BETEILIGTE": "true", "BETEILIGTE_NOTIFY_USER_ID": self._stage.espocrm.actor("admin").id}
        return self._service("beteiligte_worker", espocrm | own | {"BETEILIGTE_SWEEP_CRON": _NO_SWEEP} | environ)

    def calendar_worker(self, **environ: str) -> ServiceProcess:
        """Not started yet."""
        own = {"CALENDAR_SYNC_CRON": _NO_SWEEP, "GUARD_MAX_CHANGES": "10000"}
        return self._service("calendar_worker", self._google_env | own | environ)

    def proxy(self, **environ: str) -> ServiceProcess:
        """Not started yet."""
        return self._service("advoware_proxy", environ)

    def console(self, **environ: str) -> ServiceProcess:
        """Not started yet; its port is that of its probes."""
        return self._service("console", {"CONSOLE_PORT": "0", "CONSOLE_TOKEN": "a-token-of-a-test"} | environ)

    def _service(self, name: str, environ: dict[str, str]) -> ServiceProcess:
        way = proxy_environ(self._stage.nats.url, self._advoware_url)
        settings = {**way, **self._stage._common(name), **environ}
        return self._stage._children.service(name, settings, port_name="HEALTH_PORT")

    def party(self, number: int) -> str:
        """Staff enter a party; its id."""
        attributes = {"firstName": "Ottilie", "lastName": f"Beispiel{number}"}
        party_id = str(self._stage.espocrm.insert("CBeteiligte", attributes)["id"])
        self._parties[party_id] = f"Beispiel{number}"
        return party_id

    def appointment(self, number: int) -> str:
        """Staff enter an appointment; whose it is."""
        kuerzel = _EMPLOYEES[number % len(_EMPLOYEES)]
        day = (datetime.now(UTC) + timedelta(days=1 + number % 300)).date().isoformat()
        number = self.advoware.staff.add_termin(
            anwalt=kuerzel, text=f"Termin {number}", datum=day, uhrzeitVon="09:00", uhrzeitBis="10:00"
        )
        self._appointments[number] = kuerzel
        return kuerzel

    def wrong(self) -> list[str]:
        """What is not there exactly once on the other side."""
        names = Counter(str(row["name"]) for row in self.advoware.beteiligte())
        wrong = [f"{party_id}: {names[name]} parties" for party_id, name in self._parties.items() if names[name] != 1]
        for party_id in self._parties:
            record = self._stage.espocrm.get("CBeteiligte", party_id) or {}
            if record["syncStatus"] != "clean":
                wrong.append(f"{party_id}: {record['syncStatus']}, {record['syncErrorMessage']}")
        calendars = [one for kuerzel in _EMPLOYEES for one in self.google.calendar_ids(f"AW-{kuerzel}")]
        events = Counter(linked_to(event) for calendar in calendars for event in self.google.events(calendar))
        wrong += [f"Termin {number}: {events[number]} events" for number in self._appointments if events[number] != 1]
        owned = set(self._appointments.values())
        return wrong if len(calendars) == len(owned) else [*wrong, f"{len(calendars)} calendars for {len(owned)}"]


@contextlib.asynccontextmanager
async def sides_of(stage: Stage) -> AsyncIterator[Sides]:
    """Both vendors over HTTP."""
    advoware = Advoware(switches=Switches(beteiligte_list=True))
    mails = [f"{kuerzel.lower()}@kanzlei.example" for kuerzel in _EMPLOYEES]
    async with serve(advoware) as advoware_url, google_calendar(users=mails) as (google, settings):
        google_env = {
            "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH": settings.google_calendar_service_account_path,
            "GOOGLE_CALENDAR_BASE_URL": settings.google_calendar_base_url,
        }
        yield Sides(stage, advoware, google, advoware_url, google_env)
