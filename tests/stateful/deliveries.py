"""What a stream holds for a worker that is run by hand."""

from shared.runtime.service import Service

Delivery = tuple[str, bytes]
"""Subject and body."""


class Deliveries:
    """Events of one stream that nobody has handled yet, each once."""

    def __init__(self, service: Service, stream: str) -> None:
        self._service = service
        self._stream = stream
        self._handled = 0
        self._again: list[Delivery] = []

    async def skip(self) -> None:
        """What is there already is nobody's."""
        self._handled = await self._last()

    def again(self, delivery: Delivery) -> None:
        """One that failed for now, or whose worker died."""
        self._again.append(delivery)

    async def take(self) -> list[Delivery]:
        """Everything that was published or came back since it was last asked."""
        last = await self._last()
        found, self._again = self._again, []
        for sequence in range(self._handled + 1, last + 1):
            message = await self._service.bus.nc.jetstream().get_msg(self._stream, sequence)
            found.append((str(message.subject), message.data or b""))
        self._handled = last
        return list(dict.fromkeys(found))

    async def _last(self) -> int:
        state = (await self._service.bus.api(f"STREAM.INFO.{self._stream}"))["state"]
        return int(state["last_seq"])
