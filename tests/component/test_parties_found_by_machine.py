"""What the state machine of parties has found, each by itself."""

import contextlib

from beteiligte_worker.handlers import on_sweep
from shared.clients.redis_cache import RedisSettings
from shared.contracts.events import SweepEvent
from shared.outcomes.errors import HubError
from shared.runtime.service import Service
from shared.settings import Secret
from simulators.advoware import Switches
from simulators.faults import Fault
from tests.support.parties import open_parties
from tests.support.redis import RedisPlace

_ADMIN_ID = "06b0301bb00000000"


async def test_what_stands_is_told_once(service: Service, redis_server: RedisPlace) -> None:
    """P5: a run that writes does not forget what staff have been told, so the next one makes no second task."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis, notify_user_id=_ADMIN_ID) as parties:
        party = str(parties.espocrm.insert("CBeteiligte", {"firmenname": "Bau & Söhne GmbH"})["id"])
        parties.espocrm.insert("CBankverbindungen", {"name": "Konto", "kontoinhaber": "Müßig", "beteiligteId": party})
        for _ in range(4):
            await parties.sync(party)
        assert len(parties.espocrm.list_ids("Task")) == 1


async def test_two_clients_of_one_name_stay_two(service: Service, redis_server: RedisPlace) -> None:
    """P2: a party whose making failed does not take the one that was made for a namesake meanwhile."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis, lists=True, notify_user_id=_ADMIN_ID) as parties:
        first, second = (str(parties.espocrm.insert("CBeteiligte", {"lastName": "Müßig"})["id"]) for _ in range(2))
        parties.advoware.faults.add(Fault(kind="cut_request", method="POST", path=".*/Beteiligte"))
        for party in (first, second, first):
            with contextlib.suppress(HubError):
                await parties.sync(party)
        numbers = [(parties.espocrm.get("CBeteiligte", one) or {}).get("betnr") or 0 for one in (first, second)]
        assert sorted(numbers) == [row["betNr"] for row in parties.advoware.beteiligte()]
        assert len(set(numbers)) == 2


async def test_an_emptied_name_holds_up_nothing_else(service: Service, redis_server: RedisPlace) -> None:
    """Advoware refuses a party without a name: staff are told, and the rest of the party goes on being synced."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    async with open_parties(service, redis, notify_user_id=_ADMIN_ID) as parties:
        party = str(parties.espocrm.insert("CBeteiligte", {"firstName": "Zoë", "lastName": "Müßig"})["id"])
        for _ in range(2):
            await parties.sync(party)
        parties.espocrm.save("CBeteiligte", party, {"lastName": None, "titel": "Dr."})
        await parties.sync(party)
        (made,) = parties.advoware.beteiligte()
        assert (made["name"], made["titel"]) == ("Müßig", "Dr.")
        assert len(parties.espocrm.list_ids("Task")) == 1


async def test_a_sweep_asks_for_changes_by_its_own_clock(service: Service, redis_server: RedisPlace) -> None:
    """P8: an Advoware that dates its records without a zone does not take its own instants as a filter."""
    redis = RedisSettings(redis_url=Secret(redis_server.url))
    local = Switches(beteiligte_list=True, party_timestamps="local")
    async with open_parties(service, redis, switches=local, lists=True) as parties:
        party = str(parties.espocrm.insert("CBeteiligte", {"lastName": "Müßig"})["id"])
        for _ in range(2):
            await parties.sync(party)
        for _ in range(2):
            await on_sweep(SweepEvent(), parties.deps)
        asked = [row for row in parties.advoware.log.rows() if row.method == "GET" and row.path.endswith("/Beteiligte")]
        assert [row.status for row in asked] == [200, 200]
