"""Every path of the vendor, and who may pass: open ones, and those that want a live token."""

from aiohttp import web

from simulators.advoware.akten import AktenApi
from simulators.advoware.answers import Refused
from simulators.advoware.beteiligte import BeteiligteApi
from simulators.advoware.discovery import CONNECTOR, Configurator
from simulators.advoware.dokumente import DokumenteApi
from simulators.advoware.handshake import NOT_ONLINE, Gateway
from simulators.advoware.mitarbeiter import MitarbeiterApi
from simulators.advoware.parts import AdressenApi, BankverbindungenApi, KommunikationenApi
from simulators.advoware.routing import Call, Path, forbidden, pick
from simulators.advoware.state import State
from simulators.advoware.termine import TermineApi

_ADVONET = "/api/v1/advonet"
_BETEILIGTER = f"{_ADVONET}/Beteiligte/{{betnr}}"


class Desk:
    """Takes a request to its handler."""

    def __init__(self, state: State) -> None:
        self._state = state
        configurator, gateway = Configurator(state), Gateway(state)
        self._open = [
            Path("/AdvonetConfigurator/api/Url", GET=lambda call: configurator.url(call.request)),
            Path("/api/v1/Token", POST=lambda call: gateway.token(call.request)),
        ]
        self._data = [*_party_paths(state), *_other_paths(state)]

    async def answer(self, request: web.Request) -> web.Response:
        """Raises Refused: 404 and 405 come before 401, as routing comes before authorization."""
        path, by_connector = _plain(request.path)
        if any(one.match(path) is not None for one in self._open) and not by_connector:
            handler, places = pick(self._open, request.method, path)
            return await handler(Call(request, places, ""))
        if by_connector and self._state.switches.connector != "own":
            raise Refused(404)
        handler, places = pick(self._data, request.method, path)
        user = self._user(request)
        if not by_connector and self._state.switches.connector == "own":
            raise Refused(403, "Data of this Kanzlei is served by its connector.")
        if not self._state.database_online:
            raise Refused(503, NOT_ONLINE)
        return await handler(Call(request, places, user))

    def _user(self, request: web.Request) -> str:
        """Whose token it is. Raises Refused(401)."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._state.tokens.user_of(token.strip(), self._state.clock.now())
        if scheme.lower() != "bearer" or user is None:
            raise Refused(401)
        return user


def _party_paths(state: State) -> list[Path]:
    parties, adressen = BeteiligteApi(state), AdressenApi(state)
    kommunikationen, banken = KommunikationenApi(state), BankverbindungenApi(state)
    return [
        Path(f"{_ADVONET}/Beteiligte", GET=parties.page, POST=parties.create),
        Path(_BETEILIGTER, GET=parties.get, PUT=parties.update, DELETE=forbidden),
        Path(f"{_BETEILIGTER}/Kommunikationen", POST=kommunikationen.create),
        Path(f"{_BETEILIGTER}/Kommunikationen/{{id}}", PUT=kommunikationen.update, DELETE=forbidden),
        Path(f"{_BETEILIGTER}/Adressen", GET=adressen.list, POST=adressen.create),
        Path(f"{_BETEILIGTER}/Adressen/{{id}}", PUT=adressen.update, DELETE=forbidden),
        Path(f"{_BETEILIGTER}/Bankverbindungen", GET=banken.list, POST=banken.create),
        # A path without methods: 405, as for one account there is no call at all.
        Path(f"{_BETEILIGTER}/Bankverbindungen/{{id}}"),
    ]


def _other_paths(state: State) -> list[Path]:
    termine, mitarbeiter = TermineApi(state), MitarbeiterApi(state)
    akten, dokumente = AktenApi(state), DokumenteApi(state)
    both = [
        path
        for root in ("/api/v1", _ADVONET)
        for path in (Path(f"{root}/Akten", GET=akten.list), Path(f"{root}/Akten/{{id}}", GET=akten.get))
    ]
    return [
        *both,
        Path(f"{_ADVONET}/Akten/{{id}}/History", GET=akten.history, POST=akten.add_history),
        Path(f"{_ADVONET}/Termine", GET=termine.get, POST=termine.create, PUT=termine.update, DELETE=termine.delete),
        Path(f"{_ADVONET}/Mitarbeiter", GET=mitarbeiter.list),
        Path(f"{_ADVONET}/Dokumente/{{id}}", GET=dokumente.get),
    ]


def _plain(path: str) -> tuple[str, bool]:
    """The path without the connector's prefix, and whether it had one."""
    if path.lower().startswith(f"{CONNECTOR}/"):
        return path[len(CONNECTOR) :], True
    return path, False
