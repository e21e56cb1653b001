"""The simulated vendor: its routes, and what tests may look at and do."""

import hashlib

from aiohttp import web

from simulators.advoware import answers, paths, shown
from simulators.advoware.answers import JsonObject, Refused
from simulators.advoware.clock import from_utc, utc
from simulators.advoware.control import control_routes
from simulators.advoware.credentials import Credentials
from simulators.advoware.dokumente import blocks
from simulators.advoware.seeding import plant
from simulators.advoware.staff import Staff
from simulators.advoware.state import State
from simulators.advoware.switches import Switches
from simulators.faults import Faults
from simulators.harness import RequestLog


class Advoware:
    """Advoware's configurator, security gateway and data API of one firm on one port."""

    name = "advoware"

    def __init__(
        self,
        *,
        credentials: Credentials = Credentials(),  # noqa: B008  frozen, so one for all is safe
        switches: Switches = Switches(),  # noqa: B008
        seed: int = 0,
    ) -> None:
        self.faults = Faults(seed)
        self.log = RequestLog()
        self._state = State(switches, credentials, seed)
        self.staff = Staff(self._state)
        """What a user does at Advoware's screen."""
        self._desk = paths.Desk(self._state)

    @property
    def switches(self) -> Switches:
        """May be set at any time; tokens that are out keep their end."""
        return self._state.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._state.switches = switches

    @property
    def credentials(self) -> Credentials:
        """The only ones that get a token."""
        return self._state.credentials

    @property
    def database_online(self) -> bool:
        """Offline, tokens and data calls are refused with 503."""
        return self._state.database_online

    @database_online.setter
    def database_online(self, online: bool) -> None:
        self._state.database_online = online

    def token_requests(self) -> int:
        """How often a token was asked for since the start or the last reset, refused requests included."""
        return self._state.tokens.requests

    def expire_tokens(self) -> int:
        """Every token is 401 from now on; says how many were still known."""
        return self._state.tokens.expire_all()

    def now(self) -> float:
        """The simulator's clock, in seconds since the epoch."""
        return self._state.clock.now()

    def advance(self, seconds: float) -> None:
        """Moves the simulator's clock; negative is back."""
        self._state.clock.advance(seconds)

    def set_clock(self, instant: str) -> None:
        """Sets the clock to an ISO instant with Z; it runs on from there. Raises ValueError."""
        self._state.clock.set(from_utc(instant))

    def beteiligter(self, betnr: int) -> JsonObject:
        """A party as stored, with `kommunikation`, `adressen`, `bankverbindungen`. Raises KeyError."""
        party = self._state.beteiligte[betnr]
        return {
            **shown.beteiligter_row(self._state, party),
            "kommunikation": [shown.kommunikation(party, one) for one in party.kommunikationen.values()],
            "adressen": [shown.part(party, one) for one in party.adressen.values()],
            "bankverbindungen": [shown.part(party, one) for one in party.bankverbindungen.values()],
        }

    def beteiligte(self) -> list[JsonObject]:
        """All parties, oldest first."""
        return [self.beteiligter(betnr) for betnr in self._state.beteiligte]

    def termin(self, frnr: int) -> JsonObject:
        """An appointment as the single GET shows it. Raises KeyError."""
        return shown.termin(self._state, self._state.termine[frnr], in_list=False)

    def termine(self) -> list[JsonObject]:
        """All appointments, oldest first."""
        return [self.termin(frnr) for frnr in self._state.termine]

    def dokument_sha256(self, number: int) -> str:
        """What its bytes hash to. Raises KeyError."""
        sha256 = hashlib.sha256()
        for block in blocks(self._state.dokumente[number]):
            sha256.update(block)
        return sha256.hexdigest()

    def routes(self) -> list[web.RouteDef]:
        """One for all: aiohttp's own router minds the case of paths, Advoware's does not."""
        return [web.route("*", "/{path:.*}", self._answer)]

    def control_routes(self) -> list[web.RouteDef]:
        return control_routes(self._state, self.staff)

    def error(self, status: int) -> web.Response:
        """An error in the switch's shape; a 429 says when to come back only if the switch is on."""
        refused = answers.error(status, shape=self.switches.error_shape)
        if status == 429 and self.switches.retry_after:
            refused.headers["Retry-After"] = "1"
        return refused

    def dump(self) -> object:
        state = self._state
        return {
            "switches": self.switches,
            "now": utc(self.now()),
            "database_online": self.database_online,
            "token_requests": self.token_requests(),
            "tokens_issued": state.tokens.issued,
            "beteiligte": self.beteiligte(),
            "termine": self.termine(),
            "mitarbeiter": list(state.mitarbeiter.values()),
            "akten": [{**shown.akte(one), "history": one.history} for one in state.akten.values()],
            "dokumente": list(state.dokumente.values()),
        }

    def seed(self, data: dict[str, object]) -> object:
        """As in simulators.advoware.seeding; answers the new numbers. Raises msgspec.ValidationError."""
        return plant(self._state, self.staff, data)

    def reset(self) -> None:
        self._state.forget()

    async def run(self) -> None:
        """Nothing to do: tokens end by the clock."""

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            return await self._desk.answer(request)
        except Refused as refused:
            return answers.error(refused.status, refused.message, self.switches.error_shape)
