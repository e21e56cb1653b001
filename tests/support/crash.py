"""Death at a chosen await: what `kill -9` does to a run, without losing the process."""

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The run is dead. Not an Exception, so that nothing in it can catch it and go on."""


class DiesAfter(Generic[T]):
    """Awaits something and dies when it has been resumed `steps` times; lives when it needs fewer."""

    def __init__(self, work: Awaitable[T], steps: int | None) -> None:
        self._work = work
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        resumed = 0
        value: Any = None
        thrown: BaseException | None = None
        while True:
            if resumed == self._steps:
                thrown = Killed()
            try:
                waiting = inner.throw(thrown) if thrown is not None else inner.send(value)
            except StopIteration as done:
                result: T = done.value
                return result
            assert not isinstance(thrown, Killed), "it caught its own death"
            resumed += 1
            value, thrown = None, None
            try:
                value = yield waiting
            except BaseException as failed:
                thrown = failed
