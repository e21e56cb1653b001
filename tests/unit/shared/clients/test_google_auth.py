"""Google's log-in without a network: the key file, what it signs, how answers and settings are read."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from shared.clients.google_auth import (
    LIFETIME,
    SAFETY,
    SCOPE,
    Token,
    assertion,
    is_fit_for_secrets,
    read_key,
    read_token,
)
from shared.clients.google_calendar import GoogleCalendarSettings
from shared.settings import Secret, SettingsError, load
from simulators.google_calendar.keys import is_signed, key_file, private_key
from tests.support.google import google_account

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
URL = "https://oauth2.googleapis.com"
NAME = "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH"


def key_text(**changes: Any) -> bytes:
    """The key file with some members changed; None leaves one out."""
    whole = {**key_file(google_account(), URL), **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def claims(text: str) -> Any:
    body = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def elliptic_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def locked_key() -> str:
    return (
        private_key(google_account())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"zeisig"),
        )
        .decode()
    )


# What is sent


@pytest.mark.parametrize("subject", ["", "sb@kanzlei.example"])
def test_an_assertion_is_what_google_asks_for(subject: str) -> None:
    """RS256 under the account's key; issuer, scope, audience, an hour; the user only where one is meant."""
    made = assertion(read_key(key_text()), subject=subject, now=NOW)
    head, body, seal = made.split(".")
    padded = seal + "=" * (-len(seal) % 4)
    signed = f"{head}.{body}".encode()
    assert is_signed(private_key(google_account()).public_key(), signed, base64.urlsafe_b64decode(padded))
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": google_account().private_key_id}
    expected = {
        "iss": google_account().client_email,
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
    }
    assert claims(made) == expected | ({"sub": subject} if subject else {})


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_its_times_do_not_depend_on_the_clocks_zone(hours: int) -> None:
    """The instant counts."""
    key = read_key(key_text())
    told = claims(assertion(key, subject="", now=NOW.astimezone(timezone(timedelta(hours=hours)))))
    assert told["iat"] == int(NOW.timestamp())


# What comes back


@pytest.mark.parametrize(
    ("members", "used"),
    [
        ({"expires_in": 3599}, timedelta(seconds=3599) - SAFETY),
        ({}, LIFETIME - SAFETY),
        ({"expires_in": "3599"}, LIFETIME - SAFETY),
        ({"expires_in": None}, LIFETIME - SAFETY),
        ({"expires_in": 10**30}, LIFETIME - SAFETY),
        ({"expires_in": 1e308}, LIFETIME - SAFETY),
        ({"expires_in": 60}, timedelta(seconds=30)),
        ({"expires_in": 0}, timedelta()),
        ({"expires_in": -5}, timedelta()),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(members: dict[str, Any], used: timedelta) -> None:
    """What Google says, less a margin; a short-lived one for half its life."""
    body = json.dumps({"access_token": "ya29.c.x", "token_type": "Bearer", **members}).encode()
    assert read_token(body, now=NOW) == Token(Secret("ya29.c.x"), NOW + used)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b'{"id_token": "x"}',
        b'{"access_token": null}',
        b'{"access_token": " "}',
        b'{"access_token": "a\\r\\nX: y"}',
        '{"access_token": "ä"}'.encode(),
    ],
)
def test_an_answer_without_a_token_says_so(body: bytes) -> None:
    """And quotes nothing of it."""
    with pytest.raises(ValueError, match=r"^the answer (is no JSON object|holds no access_token)$"):
        read_token(body, now=NOW)


@given(
    st.binary(max_size=60) | st.dictionaries(st.text(), st.none() | st.floats() | st.text()).map(msgspec.json.encode)
)
def test_reading_a_token_is_total(body: bytes) -> None:
    """Any answer is a token or a ValueError."""
    with contextlib.suppress(ValueError):
        assert read_token(body, now=NOW).value.reveal()


# The key file


def test_a_key_file_is_read() -> None:
    """Who, and where the tokens are; a file without a token_uri means Google's."""
    assert read_key(key_text()).client_email == google_account().client_email
    assert read_key(key_text(token_uri="http://127.0.0.1:1/t")).token_uri == "http://127.0.0.1:1/t"
    assert read_key(key_text(token_uri=None)).token_uri == f"{URL}/token"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "is no key file of a service account"),
        (b"[1]", "is no key file of a service account"),
        (b"\xff\xfe", "is no key file of a service account"),
        (b"[" * 100_000, "is no key file of a service account"),
        (key_text(type="authorized_user"), "is no key file of a service account"),
        (key_text(client_email=None), "is no key file of a service account"),
        (key_text(client_email=""), "is no key file of a service account"),
        (key_text(private_key=None), "is no key file of a service account"),
        (key_text(private_key=7), "is no key file of a service account"),
        (key_text(private_key=""), "holds no usable RSA key"),
        (key_text(private_key="zeisig"), "holds no usable RSA key"),
        (key_text(private_key=elliptic_key()), "holds no usable RSA key"),
        (key_text(private_key=locked_key()), "holds no usable RSA key"),
        (key_text(token_uri="http://oauth2.googleapis.com/token"), "has a token_uri that is not https"),
        (key_text(token_uri=""), "has a token_uri that is not https"),
    ],
)
def test_a_bad_key_file_is_a_settings_error(tmp_path: Path, text: bytes, problem: str) -> None:
    """Said at start, beside the other variables that are wrong, without a word of the file."""
    path = tmp_path / "key.json"
    path.write_bytes(text)
    environ = {NAME: str(path), "GOOGLE_CALENDAR_BASE_URL": "https://www.googleapis.com/calendar/v3"}
    with pytest.raises(SettingsError) as refused:
        load(GoogleCalendarSettings, environ)
    assert refused.value.problems == [f"{NAME} {problem}"]


def test_an_unreadable_key_file_is_a_settings_error(tmp_path: Path) -> None:
    """Missing, or a folder: the reason, not the place."""
    for path in (tmp_path / "zeisig.json", tmp_path):
        with pytest.raises(SettingsError) as refused:
            load(GoogleCalendarSettings, {NAME: str(path)})
        [problem] = refused.value.problems
        assert problem.startswith(f"{NAME} cannot be read: ")
        assert str(tmp_path) not in problem
    with pytest.raises(SettingsError) as refused:
        load(GoogleCalendarSettings, {})
    assert refused.value.problems == [f"{NAME} is missing"]


# Settings


def test_the_defaults_are_googles(tmp_path: Path) -> None:
    """Without more than a key file the vendor is asked, in the account's own name."""
    path = tmp_path / "key.json"
    path.write_bytes(key_text())
    settings = load(GoogleCalendarSettings, {NAME: str(path)})
    assert settings.google_calendar_base_url == "https://www.googleapis.com/calendar/v3"
    assert settings.google_calendar_subject == ""
    assert google_account().private_key[30:60] not in f"{settings!r} {settings.key()!r}"


@pytest.mark.parametrize(
    "changes",
    [
        {"GOOGLE_CALENDAR_BASE_URL": "http://www.googleapis.com/calendar/v3"},
        {"GOOGLE_CALENDAR_BASE_URL": "www.googleapis.com"},
        {"GOOGLE_CALENDAR_SUBJECT": "zeisig"},
        {"GOOGLE_CALENDAR_SUBJECT": "a b@kanzlei.example"},
    ],
)
def test_a_bad_setting_names_its_variable_only(tmp_path: Path, changes: dict[str, str]) -> None:
    """P10: what was given may be a secret in the wrong place."""
    path = tmp_path / "key.json"
    path.write_bytes(key_text())
    with pytest.raises(SettingsError) as refused:
        load(GoogleCalendarSettings, {NAME: str(path), **changes})
    [problem] = refused.value.problems
    [(name, value)] = changes.items()
    assert problem.startswith(f"{name} is malformed")
    assert value not in problem


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("https://oauth2.googleapis.com/token", True),
        ("https://google.intern:8443", True),
        ("http://127.0.0.1:3124/token", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:3124/token", True),
        ("http://localhost:3124", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://google", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("https://user:pw@google.example", False),
        ("https://google.example?x=1", False),
        ("https://google.example#x", False),
        ("https://google.example:0", False),
        ("https://google.example:99999", False),
        ("https://", False),
        ("https://[::1", False),
        ("ftp://127.0.0.1", False),
        ("", False),
    ],
)
def test_where_keys_and_tokens_may_go(url: str, fit: bool) -> None:
    """Encrypted, or not off this machine."""
    assert is_fit_for_secrets(url) is fit


@given(st.text(max_size=40))
def test_any_text_is_fit_or_not(url: str) -> None:
    """Never an error."""
    assert is_fit_for_secrets(f"http://{url}") in (True, False)
