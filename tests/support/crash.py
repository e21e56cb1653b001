"""Death at a chosen await: what `kill -9` does to a run, without losing the process."""

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The run is dead. Not an Exception, so that nothing in it can catch it and go on."""


class Interrupted(Generic[T]):
    """Awaits something, and when it has been resumed `steps` times, something else happens in the world."""

    def __init__(self, work: Awaitable[T], steps: int, deed: Callable[[], None]) -> None:
        self._work = work
        self._steps = steps
        self._deed = deed

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        resumed = 0
        answer: Any = None
        thrown: BaseException | None = None
        while True:
            if resumed == self._steps:
                self._deed()
            try:
                waiting = inner.throw(thrown) if thrown is not None else inner.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            resumed += 1
            answer, thrown = None, None
            try:
                answer = yield waiting
            except BaseException as failed:
                thrown = failed


class DiesAfter(Generic[T]):
    """Awaits something and dies when it has been resumed `steps` times; lives when it needs fewer.

    `tidies`: it may await something more in a `finally`, such as giving back what other processes wait for.
    """

    def __init__(self, work: Awaitable[T], steps: int | None, *, tidies: bool = False) -> None:
        self._work = work
        self._steps = steps
        self._tidies = tidies

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        resumed = 0
        value: Any = None
        thrown: BaseException | None = None
        dead = False
        while True:
            if resumed == self._steps:
                thrown = Killed()
                dead = True
            try:
                waiting = inner.throw(thrown) if thrown is not None else inner.send(value)
            except StopIteration as done:
                assert not dead, "it caught its own death"
                result: T = done.value
                return result
            assert self._tidies or not dead, "it caught its own death"
            resumed += 1
            value, thrown = None, None
            try:
                value = yield waiting
            except BaseException as failed:
                thrown = failed
