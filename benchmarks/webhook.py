"""EspoCRM's webhooks as bytes: a record of some 400 bytes, signed, ready to be sent."""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Sequence

PATH = "/vmh/webhook/document/update"
WEBHOOK_ID = "bench-webhook-01"
SECRET = "bench-secret-01"
SECRETS = f"{WEBHOOK_ID}:{SECRET}"
"""What the gateway is told."""


def entity_id(number: int) -> str:
    """17 hexadecimal digits, as EspoCRM makes them."""
    return f"{number:017x}"


def requests_for(path: str, ids: Sequence[str], *, records: int) -> Iterator[bytes]:
    """Requests without end, one entity after the other; made beforehand, so that sending them is cheap."""
    return itertools.cycle([_request(path, ids[start : start + records]) for start in range(0, len(ids), records)])


def _request(path: str, ids: Sequence[str]) -> bytes:
    body = json.dumps([_record(one) for one in ids], separators=(",", ":")).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    token = base64.b64encode(f"{WEBHOOK_ID}:{signature}".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Signature: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _record(entity_id: str) -> dict[str, object]:
    return {
        "id": entity_id,
        "name": f"Schriftsatz {entity_id}",
        "dokumentId": "0123456789abcdef2",
        "dokumentName": "Klageerwiderung.pdf",
        "modifiedAt": "2026-11-22 08:30:01",
        "modifiedById": "0123456789abcdef0",
        "modifiedByName": "Bench",
        "description": "Fristgebundener Schriftsatz; Anlage K1 bis K7 sind beigefügt und im Original nachgereicht.",
        "assignedUserId": "0123456789abcdef1",
        "status": "Aktiv",
        "versionNumber": 7,
    }
