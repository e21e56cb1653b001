"""What became of earlier deliveries of one message, across replicas and restarts."""

import msgspec

from shared.contracts.keys import key
from shared.outcomes.settle import Attempts
from shared.state.kv import Bucket

_KEEP_S = 7 * 24 * 3600


class AttemptsLog:
    """Counts per consumer and message. One that never failed has no row, so the common case costs nothing."""

    def __init__(self, bucket: Bucket, *, consumer: str) -> None:
        self._bucket = bucket
        self._consumer = consumer

    async def read(self, stream: str, sequence: int, *, delivered: int, failures_before: int) -> Attempts:
        """The counts before delivery number `delivered`. `failures_before` is what an earlier message had used up."""
        entry = await self._bucket.get(self._key(stream, sequence)) if delivered > 1 else None
        return msgspec.json.decode(entry.value, type=Attempts) if entry else Attempts(failures=failures_before)

    async def write(self, stream: str, sequence: int, attempts: Attempts) -> None:
        """Keeps the counts for the next delivery."""
        await self._bucket.put(self._key(stream, sequence), msgspec.json.encode(attempts), ttl_s=_KEEP_S)

    def _key(self, stream: str, sequence: int) -> str:
        """Two services may hear the same message: the failures of one are none of the other."""
        return key("attempts", self._consumer, stream, str(sequence))
