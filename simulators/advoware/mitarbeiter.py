"""Employees: one list."""

from aiohttp import web

from simulators.advoware import shown
from simulators.advoware.answers import answer
from simulators.advoware.routing import Call
from simulators.advoware.state import State


class MitarbeiterApi:
    """Handler of `/api/v1/advonet/Mitarbeiter`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def list(self, call: Call) -> web.Response:
        """All by Kürzel; `aktiv=true` or `aktiv=false` chooses."""
        wanted = call.request.query.get("aktiv", "").lower()
        rows = [
            shown.mitarbeiter(self._state, row)
            for _, row in sorted(self._state.mitarbeiter.items())
            if wanted not in ("true", "false") or row["aktiv"] is (wanted == "true")
        ]
        return answer(rows)
