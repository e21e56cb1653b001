"""The configurator: where the firm's relay, connector and security gateway are."""

from aiohttp import web

from simulators.advoware.answers import JsonObject, Refused, answer
from simulators.advoware.handshake import NOT_REGISTERED
from simulators.advoware.state import State

CONNECTOR = "/connector"


class Configurator:
    """Handler of `GET /AdvonetConfigurator/api/Url` (vendor's page "API-Startseite"). Open to everybody."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def url(self, request: web.Request) -> web.Response:
        """All three are this simulator, each with its slash at the end. Raises Refused(404) for an unknown Kanzlei."""
        kanzlei = {name.lower(): value for name, value in request.query.items()}.get("kanzlei", "")
        if kanzlei != self._state.credentials.kanzlei:
            raise Refused(404, NOT_REGISTERED)
        root = f"{request.scheme}://{request.host}"
        body: JsonObject = {"relayUrl": f"{root}/", "connectorUrl": None, "securityGateway": f"{root}/"}
        if self._state.switches.connector == "missing":
            del body["connectorUrl"]
        elif self._state.switches.connector == "own":
            body["connectorUrl"] = f"{root}{CONNECTOR}/"
        return answer(body)
