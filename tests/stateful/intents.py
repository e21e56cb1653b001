"""What a state machine asks of the journal."""

import msgspec

from shared.contracts.topology import IDEMPOTENCY
from shared.runtime.service import Service
from shared.state.idempotency import Row
from shared.state.kv import Bucket


async def open_intents(service: Service) -> list[str]:
    """Keys of the journal's rows that are open: writes of unknown fate."""
    bucket = Bucket(service.bus.requests, IDEMPOTENCY.name)
    found = []
    for key in await bucket.keys(">"):
        entry = await bucket.get(key)
        row = msgspec.json.decode(entry.value, type=Row) if entry is not None else None
        if row is not None and row.state == "open":
            found.append(key)
    return sorted(found)
