"""What any NATS client may publish: good events without headers are worked on, bad ones become dead letters."""

import json
from pathlib import Path

import pytest

from tests.e2e.stage import staged

pytestmark = pytest.mark.e2e

_BAD = {
    b"not json": "the body is not JSON",
    b"\xff\xfe": "the body is not JSON",
    b"{}": "entity_id is missing",
    b'{"id":"abc"}': "entity_id is missing",
    b'{"entity_id":""}': "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -",
    b'{"entity_id":"../etc/passwd"}': "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -",
    b'{"entity_id":"a b"}': "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -",
    b'{"entity_id":"vmh.>"}': "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -",
    b'{"entity_id":17}': "entity_id is not an id: 1 to 36 of A-Z a-z 0-9 _ -",
    b'{"entity_id":"abc","more":' + b"[" * 50_000: "the body is nested too deeply",
    b"[]": "the body does not fit: Expected `object`, got `array`",
}


async def test_bad_input_is_a_dead_letter_with_a_reason_and_disturbs_nobody(tmp_path: Path) -> None:
    """P6: every unreadable body ends in DEAD with a sentence, and good events beside them are worked on at once."""
    async with staged(tmp_path) as stage:
        documents = stage.documents(len(_BAD), owners=1)
        worker = await stage.worker().start()
        for _ in range(5):
            for document, bad in zip(documents, _BAD, strict=True):
                await stage.nc.publish("vmh.document.update", bad)
                await stage.nc.publish("vmh.document.update", json.dumps({"entity_id": document}).encode())
        await stage.stored_all()
        await stage.settled()
        letters = await stage.stored("DEAD")
        told = {row["body"]: row["headers"]["Hub-Reason"] for row in letters}
        assert told == _BAD
        assert len(letters) == 5 * len(_BAD)
        assert {row["headers"]["Hub-Error"] for row in letters} == {"Malformed"}
        assert {row["subject"] for row in letters} == {"dead.vmh.document.update"}
        assert (await worker.readiness()).status == 200
        assert stage.out_of_step() == []
        assert {row["worker"] for row in await stage.history()} != set()
