"""What NATS says when a user may not do something: apart from the answer, which then never comes."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator

import msgspec
from nats.errors import Error as NatsError

_log = logging.getLogger(__name__)

_SAID = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE)
_INBOX = "_inbox."
_API_TOKENS = 4
_OTHER_TOKENS = 2
_TOLD_MAX = 50
"""So many families of subjects are told of in the log, once each."""


class NotPermitted(NatsError):
    """NATS refuses what was asked; the text is one sentence without ids."""


class Refusal(msgspec.Struct, frozen=True):
    """What was refused. nats-py hands on the server's words in lower case."""

    verb: str
    """`publish` or `subscription`."""
    subject: str

    @property
    def family(self) -> str:
        """The subject's first tokens: those behind them may be somebody's id."""
        return family_of(self.subject)


class Refusals:
    """The refusals of one connection."""

    def __init__(self) -> None:
        self._asking: list[tuple[str, asyncio.Timeout]] = []
        self._is_deaf = False
        """It may not even hear replies: then every request waits in vain."""
        self._told: set[str] = set()

    def heard(self, error: Exception) -> bool:
        """To be told of every error of the connection; whether it was a refusal."""
        refusal = read(error)
        if refusal is None:
            return False
        self._is_deaf |= refusal.verb == "subscription" and refusal.subject.startswith(_INBOX)
        for subject, scope in self._asking:
            if (self._is_deaf or subject == refusal.subject) and not scope.expired():
                scope.reschedule(asyncio.get_running_loop().time())
        told = f"{refusal.verb} {refusal.family}"
        if told not in self._told and len(self._told) < _TOLD_MAX:
            self._told.add(told)
            _log.error("NATS does not permit this user", extra={"verb": refusal.verb, "subject": refusal.family})
        return True

    def disconnected(self) -> None:
        """The next connection may be allowed more."""
        self._is_deaf = False

    @contextlib.asynccontextmanager
    async def ending(self, subject: str) -> AsyncIterator[None]:
        """What is asked on `subject` inside ends with NotPermitted as soon as NATS has refused it."""
        if self._is_deaf:
            raise _deaf()
        scope = asyncio.timeout(None)
        asking = (subject.lower(), scope)
        self._asking.append(asking)
        try:
            async with scope:
                yield
        except TimeoutError:
            if scope.expired() and self._is_deaf:
                raise _deaf() from None
            if scope.expired():
                raise not_permitted(subject) from None
            raise
        finally:
            self._asking.remove(asking)


def _deaf() -> NotPermitted:
    return NotPermitted("NATS does not permit replies to this service: NATS_CREDS is another's")


def read(error: Exception | None) -> Refusal | None:
    """None where the error is about something else."""
    found = _SAID.search(str(error)) if error is not None else None
    return Refusal(found[1].lower(), found[2].lower()) if found else None


def is_refused(last_error: Exception | None, subject: str) -> bool:
    """Whether the connection's last error was that it may not publish there."""
    refusal = read(last_error)
    return refusal is not None and (refusal.verb, refusal.subject) == ("publish", subject.lower())


def family_of(subject: str) -> str:
    """The first tokens of a subject."""
    tokens = subject.split(".")
    kept = _API_TOKENS if subject.lower().startswith("$js.api.") else _OTHER_TOKENS
    return ".".join(tokens[:kept])


def not_permitted(subject: str) -> NotPermitted:
    """For a subject that was asked on."""
    return NotPermitted(f"NATS does not permit {family_of(subject)} to this user")
