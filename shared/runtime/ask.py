"""Asking a microservice of ours: its reply, or in which way there was none."""

from collections.abc import Mapping

from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from shared.outcomes.errors import Unavailable
from shared.runtime.bus import Bus
from shared.runtime.microservice import CODE_HEADER, ERROR_HEADER, Reply


class Nobody(Unavailable):
    """No replica of the service is there."""


class TooLate(Unavailable):
    """A replica may have heard us; whether it did what it was asked is unknown."""


class TooLarge(Exception):
    """The request does not fit into a message."""


async def ask(bus: Bus, subject: str, body: bytes, *, headers: Mapping[str, str], timeout_s: float) -> Reply:
    """The reply, also when it is an error. Raises Nobody, TooLate, TooLarge."""
    if not bus.connected:
        raise Nobody("NATS is away")
    try:
        answer = await bus.requests.request(subject, body, timeout_s=timeout_s, headers=dict(headers))
    except NoRespondersError:
        raise Nobody(f"nobody answers on {subject}") from None
    except MaxPayloadError:
        raise TooLarge from None
    except NatsTimeoutError:
        raise TooLate(f"no answer on {subject} in time") from None
    except (NatsError, OSError) as failed:
        raise TooLate(f"no answer on {subject} ({type(failed).__name__})") from None
    told = answer.headers or {}
    code = told.get(CODE_HEADER, "")
    return Reply(answer.data, told, int(code) if code.isdecimal() else 0, told.get(ERROR_HEADER, ""))
