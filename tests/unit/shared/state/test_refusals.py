"""A connection that may not hear replies: nobody waits in vain, and the next connection starts afresh."""

import pytest
from nats.errors import Error as NatsError

from shared.state.refusals import NotPermitted, Refusals

_DEAF = NatsError("nats: 'Permissions Violation for Subscription to \"_INBOX.gateway.abc.*\"'")


async def test_a_deaf_connection_is_told_before_it_asks() -> None:
    """The refusal came when the inbox was opened: a question asked later would wait for its whole time."""
    refusals = Refusals()
    assert refusals.heard(_DEAF)
    with pytest.raises(NotPermitted, match="NATS_CREDS is another's"):
        async with refusals.ending("$JS.API.INFO"):
            pytest.fail("it was asked")


async def test_another_connection_may_be_allowed_more() -> None:
    """Permissions were mended and the server restarted: the service recovers without a restart of its own."""
    refusals = Refusals()
    refusals.heard(_DEAF)
    refusals.disconnected()
    async with refusals.ending("$JS.API.INFO"):
        pass
