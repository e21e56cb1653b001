"""Who is let in: real signatures of EspoCRM 9.2.7, forged ones, and keys."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth import Auth
from shared.settings import NamedSecrets, Secret

SAMPLES = Path(__file__).parents[2] / "samples" / "webhooks"
BODY = (SAMPLES / "create.json").read_bytes()
HEADERS: dict[str, str] = json.loads((SAMPLES / "create.headers.json").read_text(encoding="utf-8"))
SECRETS: dict[str, str] = json.loads((SAMPLES / "secrets.json").read_text(encoding="utf-8"))
[(WEBHOOK, SECRET)] = SECRETS.items()

AUTH = Auth(
    NamedSecrets({WEBHOOK: Secret(SECRET), "other": Secret("another secret")}),
    NamedSecrets({"kong": Secret("key one"), "curl": Secret("key of the second, ö")}),
)


def signature(webhook_id: bytes = WEBHOOK.encode(), secret: str = SECRET, body: bytes = BODY) -> str:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    return base64.b64encode(webhook_id + b":" + digest).decode()


def test_a_recorded_delivery_has_the_length_it_was_sent_with() -> None:
    """The sample is the body byte for byte: a changed byte would make every other test here meaningless."""
    assert len(BODY) == int(HEADERS["Content-Length"]) == 396


@pytest.mark.parametrize("names", [("Signature",), ("X-Signature",), ("Signature", "X-Signature")])
def test_a_recorded_signature_is_accepted(names: tuple[str, ...]) -> None:
    """EspoCRM's own signatures, newer and older form, name the webhook."""
    assert AUTH.caller({name: HEADERS[name] for name in names}, BODY) == WEBHOOK


@pytest.mark.parametrize("name", ["Signature", "X-Signature"])
@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b" ", BODY.replace(b"WH 1", b"WH 2")])
def test_another_body_is_refused(name: str, body: bytes) -> None:
    """One changed byte makes the signature worthless."""
    assert AUTH.caller({name: HEADERS[name]}, body) is None


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "not base64!",
        "ümlaut",
        "\udcff",
        base64.b64encode(b"").decode(),
        base64.b64encode(b":").decode(),
        base64.b64encode(WEBHOOK.encode()).decode(),
        base64.b64encode(WEBHOOK.encode() + b":").decode(),
        base64.b64encode(b"\xff\xfe:\xff").decode(),
        signature(secret="wrong"),
        signature(b"unknown"),
        signature(b"other"),
        signature(b""),
        signature(b"unknown", secret="the secret of a webhook that does not exist"),
        signature().lower(),
        HEADERS["X-Signature"],
    ],
)
def test_a_forged_signature_is_refused(forged: str) -> None:
    """Wrong secret, unknown webhook, the older form in the newer header, garbage: nobody."""
    assert AUTH.caller({"Signature": forged}, BODY) is None


def test_the_newer_signature_decides() -> None:
    """A good older signature does not heal a wrong newer one."""
    assert AUTH.caller({"Signature": signature(secret="wrong"), "X-Signature": HEADERS["X-Signature"]}, BODY) is None
    assert AUTH.caller({"Signature": HEADERS["Signature"], "X-Signature": "x"}, BODY) == WEBHOOK


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("key one", "kong"),
        ("key of the second, ö", "curl"),
        ("", None),
        ("key", None),
        ("key one ", None),
        ("\udcff", None),
    ],
)
def test_a_key_names_its_caller(key: str, name: str | None) -> None:
    """Each key lets its own caller in, whichever place it has, and nothing else does."""
    assert AUTH.caller({"apikey": key}, b"") == name


def test_a_key_is_enough_beside_a_signature_that_cannot_be_checked() -> None:
    """EspoCRM signs also what goes through an API gateway whose key is all that the hub was given."""
    only_keys = Auth(NamedSecrets({}), NamedSecrets({"kong": Secret("key one")}))
    assert only_keys.caller({**HEADERS, "apikey": "key one"}, BODY) == "kong"
    assert only_keys.caller(HEADERS, BODY) is None


def test_without_any_header_nobody_is_let_in() -> None:
    """No signature and no key is nobody, also when no keys are configured."""
    assert AUTH.caller({}, BODY) is None
    assert Auth(NamedSecrets({}), NamedSecrets({})).caller({"apikey": ""}, b"") is None


@given(st.text(), st.text(), st.text(), st.binary())
def test_any_headers_are_refused_and_never_raise(newer: str, older: str, key: str, body: bytes) -> None:
    """Whatever somebody sends who has no secret, the answer is no."""
    assert AUTH.caller({"Signature": newer, "X-Signature": older, "apikey": key}, body) is None
    assert AUTH.caller({"X-Signature": older}, body) is None


@given(st.binary(), st.binary(max_size=80))
def test_any_decoded_signature_is_refused_and_never_raises(decoded: bytes, body: bytes) -> None:
    """Well-formed base64 of anything is no more than garbage."""
    for name in ("Signature", "X-Signature"):
        assert AUTH.caller({name: base64.b64encode(decoded).decode()}, body) is None
        assert AUTH.caller({name: base64.b64encode(WEBHOOK.encode() + b":" + decoded).decode()}, body) is None


@given(st.binary(), st.text(min_size=1))
def test_every_signed_body_is_accepted(body: bytes, secret: str) -> None:
    """The round trip holds for any body and any secret that UTF-8 can write."""
    try:
        auth = Auth(NamedSecrets({"w": Secret(secret)}), NamedSecrets({}))
    except UnicodeEncodeError:
        return
    assert auth.caller({"Signature": signature(b"w", secret, body)}, body) == "w"
