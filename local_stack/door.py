"""The gateway's door to Advoware, as somebody's script uses it."""

from typing import Any

import aiohttp
import msgspec

from local_stack.environment import API_KEY

PATH = "/advoware/proxy?endpoint=employees"
_PATIENCE = aiohttp.ClientTimeout(total=30)
_SHOWN_MAX = 200


class Shut(Exception):
    """Not 200 with a list that has something in it; the text is what came instead."""


class _Answer(msgspec.Struct):
    result: list[Any]


async def employees(session: aiohttp.ClientSession, gateway: str) -> int:
    """How many employees Advoware names. Raises Shut."""
    async with session.get(gateway + PATH, headers={"apikey": API_KEY}, timeout=_PATIENCE) as answer:
        read = await answer.read()
        try:
            named = len(msgspec.json.decode(read, type=_Answer).result) if answer.status == 200 else 0
        except msgspec.MsgspecError:
            named = 0
        if named == 0:
            raise Shut(f"{answer.status} {read[:_SHOWN_MAX].decode(errors='replace')}")
        return named
