"""Where a message lies, from its reply subject."""

import pytest

from shared.runtime.pull_loop import Position, position_of


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("$JS.ACK.VMH.document_worker.3.17.5.1700000000000000000.4", Position("VMH", 17, 3, 4)),
        ("$JS.ACK.hub.ACC.VMH.document_worker.3.17.5.1700000000000000000.8.rnd", Position("VMH", 17, 3, 8)),
        ("$JS.ACK._.ACC.VMH.document_worker.1.9.5.1700000000000000000.0", Position("VMH", 9, 1)),
    ],
)
def test_position(reply: str, expected: Position) -> None:
    """With and without domain and account, as ADR-15 has both."""
    assert position_of(reply) == expected
