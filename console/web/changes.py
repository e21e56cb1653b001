"""What has changed since a page was made, and who waits to hear of it."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence

_KEPT = 20_000


class Changes:
    """Topics with the number of their last change."""

    def __init__(self) -> None:
        self.count = 0
        """Of all changes so far; a page carries the number it was made at."""
        self._last: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    @property
    def waiting(self) -> int:
        """How many places are listened to."""
        return sum(len(events) for events in self._waiting.values())

    def tell(self, topic: str) -> None:
        """Something of this topic is different now."""
        self.count += 1
        self._last[topic] = self.count
        self._last.move_to_end(topic)
        if len(self._last) > _KEPT:
            self._last.popitem(last=False)
        for event in self._waiting.get(topic, ()):
            event.set()

    def since(self, topics: Sequence[str], count: int) -> bool:
        """Whether a page of that number is old. A number from before our start always is."""
        return count > self.count or any(self._last.get(topic, 0) > count for topic in topics)

    @contextlib.contextmanager
    def hearing(self, topics: Sequence[str]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of them changes."""
        event = asyncio.Event()
        for topic in topics:
            self._waiting.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._waiting[topic].discard(event)
                if not self._waiting[topic]:
                    del self._waiting[topic]
