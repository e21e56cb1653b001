"""Advoware's handshake without a network: what is signed, what is sent, how answers and settings are read."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.clients.advoware_auth import (
    SAFETY,
    Credentials,
    Places,
    Token,
    identity_of,
    read_discovery,
    read_token,
    signature,
    token_request,
)
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.redis_cache import RedisSettings
from shared.settings import Secret, SettingsError, load

NOW = datetime(2026, 8, 30, 12, 0, 0, tzinfo=UTC)
LIFETIME = timedelta(minutes=55)
KEY = "dGVzdC1zZWNyZXQta2V5"
OTHER_KEY = "bm9jaC1laW4tR2VoZWltbmlz"
PASSWORD = "Kennw0rt-zeisig"
VECTOR = "o7rz9KmoXZs550HfzO6ffiG17XwiPmlBHlksUYKZ3jcfolELow51Fw5KlrQqCK5y41aIValDjrh1iQ2GZ2WtqQ=="
ENVIRON = {
    "ADVOWARE_APP_ID": "app-123",
    "ADVOWARE_API_KEY": KEY,
    "ADVOWARE_KANZLEI": "kanzlei-1",
    "ADVOWARE_DATABASE": "ADVOWARE",
    "ADVOWARE_USER": "SB",
    "ADVOWARE_PASSWORD": PASSWORD,
}


def credentials(**changes: Any) -> Credentials:
    return load(Credentials, ENVIRON | changes)


def told(**members: Any) -> bytes:
    return json.dumps({"access_token": "t-1", **members}).encode()


# What is sent


def test_the_signature_is_the_independent_clients() -> None:
    """The published vector: the key is base64, the text is `product:app:nonce:timestamp`."""
    made = signature(Secret(KEY), product=64, app_id="app-123", nonce="nonce-abc", timestamp="2026-08-30T00:00:00.000Z")
    assert made == VECTOR


def test_a_token_request_has_the_vendors_ten_members() -> None:
    """Names and types as on the vendor's page; the signature is over the very nonce and time that are sent."""
    request = token_request(credentials(), nonce="nonce-abc", now=NOW)
    stamp = "2026-08-30T12:00:00.0000000Z"
    assert request == {
        "AppID": "app-123",
        "Kanzlei": "kanzlei-1",
        "Database": "ADVOWARE",
        "User": "SB",
        "Role": 2,
        "Product": 64,
        "Password": PASSWORD,
        "Nonce": "nonce-abc",
        "HMAC512Signature": signature(Secret(KEY), product=64, app_id="app-123", nonce="nonce-abc", timestamp=stamp),
        "RequestTimeStamp": stamp,
    }


@given(st.timedeltas(timedelta(), timedelta(days=20_000)), st.integers(min_value=-12, max_value=14))
def test_the_timestamp_is_utc_with_seven_digits(later: timedelta, hours: int) -> None:
    """As in the vendor's sample, whatever the clock's zone, and it names the same instant."""
    now = (NOW + later).astimezone(timezone(timedelta(hours=hours)))
    stamp = str(token_request(credentials(), nonce="n", now=now)["RequestTimeStamp"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", stamp)
    assert datetime.fromisoformat(stamp) == now


def test_a_secret_takes_the_keys_place() -> None:
    """Where ADVOWARE_API_SECRET is set it signs, and the key does not."""
    by_key = token_request(credentials(), nonce="n", now=NOW)
    by_secret = token_request(credentials(ADVOWARE_API_SECRET=OTHER_KEY), nonce="n", now=NOW)
    as_key = token_request(credentials(ADVOWARE_API_KEY=OTHER_KEY), nonce="n", now=NOW)
    assert by_secret == as_key
    assert by_secret["HMAC512Signature"] != by_key["HMAC512Signature"]


def test_role_and_product_are_settings() -> None:
    """Both are sent as numbers, and the product is signed."""
    request = token_request(credentials(ADVOWARE_ROLE="3", ADVOWARE_PRODUCT_ID="1"), nonce="n", now=NOW)
    assert (request["Role"], request["Product"]) == (3, 1)
    assert request["HMAC512Signature"] == signature(
        Secret(KEY), product=1, app_id="app-123", nonce="n", timestamp=str(request["RequestTimeStamp"])
    )


# Tokens


@pytest.mark.parametrize(
    ("members", "lives"),
    [
        ({"expiration_utc": "2026-08-30T13:00:00.000Z"}, timedelta(hours=1)),
        ({"expiration_utc": "2026-08-30T13:00:00.0000000Z"}, timedelta(hours=1)),
        ({"expiration_utc": "2026-08-30T13:00:00.1234567Z"}, timedelta(hours=1, microseconds=123456)),
        ({"expiration_utc": "2026-08-30T13:00:00Z"}, timedelta(hours=1)),
        ({"expiration_utc": "2026-08-30T13:00:00.000"}, timedelta(hours=1)),
        ({"expiration_utc": "2026-08-30T15:00:00+02:00"}, timedelta(hours=1)),
        ({"expiration_utc": "2026-08-30T13:00:00Z", "expires_in": 60}, timedelta(hours=1)),
        ({"expires_in": 3600}, timedelta(hours=1)),
        ({"expires_in": 150.5}, timedelta(seconds=150.5)),
        ({"expiration_utc": None, "expires_in": 3600}, timedelta(hours=1)),
        ({}, LIFETIME),
        ({"expires_in": "soon"}, LIFETIME),
        ({"expiration_utc": None, "expires_in": None}, LIFETIME),
    ],
)
def test_until_when_a_token_is_used(members: dict[str, Any], lives: timedelta) -> None:
    """Its own expiry counts, then its seconds, then the setting; two minutes before that we stop using it."""
    assert read_token(told(**members), now=NOW, lifetime=LIFETIME) == Token(Secret("t-1"), NOW + lives - SAFETY)


@pytest.mark.parametrize(
    "at",
    ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59", "9999-12-31T23:59:59-05:00", "2126-01-01T00:00:00Z"],
)
def test_a_token_for_ever_is_used_for_a_day(at: str) -> None:
    """P12: .NET's last instant means `no end`; neither our clock nor Redis has to count that far."""
    token = read_token(told(expiration_utc=at), now=NOW, lifetime=LIFETIME)
    assert token.usable_until == NOW + timedelta(days=1) - SAFETY


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON object"),
        (b"null", "no JSON object"),
        (b"[]", "no JSON object"),
        (b'"t-1"', "no JSON object"),
        (b"<html>zeisig</html>", "no JSON object"),
        (b'{"access_token": "t-1"', "no JSON object"),
        (b"\xff\xfe{}", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (b"{}", "no access_token"),
        (b'{"access_token": null}', "no access_token"),
        (b'{"access_token": ""}', "no access_token"),
        (b'{"access_token": "   "}', "no access_token"),
        (b'{"access_token": 17}', "no access_token"),
        (b'{"access_token": ["zeisig"]}', "no access_token"),
        ('{"access_token": "zeisig-ä"}'.encode(), "no access_token"),
        (b'{"access_token": "zeisig\\r\\nX-Injected: 1"}', "no access_token"),
        (told(expiration_utc="zeisig"), "expiration_utc is not a time"),
        (told(expiration_utc=""), "expiration_utc is not a time"),
        (told(expiration_utc="2026-08-30T25:00:00Z"), "expiration_utc is not a time"),
        (told(expiration_utc="2026-08-30T12:02:00Z"), "expires too soon"),
        (told(expiration_utc="2026-08-30T11:59:59Z"), "expires too soon"),
        (told(expiration_utc="0001-01-01T00:00:00"), "expires too soon"),
        (told(expiration_utc="0001-01-01T00:00:00+14:00"), "expires too soon"),
        (told(expires_in=120), "expires too soon"),
        (told(expires_in=0), "expires too soon"),
        (told(expires_in=-1), "expires too soon"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_token_that_is_none(body: bytes, said: str) -> None:
    """P10: an answer that cannot be used is named by its fault, and never quoted."""
    with pytest.raises(ValueError, match=said) as wrong:
        read_token(body, now=NOW, lifetime=LIFETIME)
    assert "zeisig" not in str(wrong.value)
    assert wrong.value.__cause__ is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("access_token", "expiration_utc", "expires_in"), JSON)))
@example({"access_token": "x", "expiration_utc": "0001-01-01T00:00:00Z"})
@example({"access_token": "x", "expires_in": 10**400})
@example({"access_token": "x", "expires_in": 1e308})
def test_any_answer_is_a_usable_token_or_a_valueerror(members: dict[str, Any]) -> None:
    """Whatever the gateway answers, a token that comes out of it can be sent and is usable now."""
    try:
        body = json.dumps(members).encode()
        token = read_token(body, now=NOW, lifetime=LIFETIME)
    except ValueError:
        return
    assert token.value.reveal().isascii()
    assert token.value.reveal().isprintable()
    assert NOW < token.usable_until <= NOW + timedelta(days=1)


@given(st.binary())
def test_any_bytes_are_no_crash(body: bytes) -> None:
    """Both answers are read or refused with a ValueError."""
    for read in (
        lambda: read_token(body, now=NOW, lifetime=LIFETIME),
        lambda: read_discovery(body, insecure=True),
    ):
        with pytest.raises(ValueError, match=r"answer|URL"):
            read()


@given(st.integers(min_value=0, max_value=7), st.timedeltas(timedelta(minutes=3), timedelta(hours=20)))
def test_an_expiry_with_any_number_of_digits(digits: int, lives: timedelta) -> None:
    """Fractions of 0 to 7 digits, with `Z` and without, are the same instant."""
    at = NOW + timedelta(seconds=int(lives.total_seconds()))
    fraction = "." + "0" * digits if digits else ""
    for zone in ("Z", ""):
        text = f"{at:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"
        assert read_token(told(expiration_utc=text), now=NOW, lifetime=LIFETIME).usable_until == at - SAFETY


# Discovery

GATEWAY = "https://security.example/"


@pytest.mark.parametrize(
    ("members", "data"),
    [
        ({"relayUrl": "https://relay.example:90/", "connectorUrl": None}, "https://relay.example:90"),
        ({"relayUrl": "https://relay.example:90/"}, "https://relay.example:90"),
        ({"relayUrl": "https://relay.example/", "connectorUrl": ""}, "https://relay.example"),
        ({"relayUrl": "https://relay.example/", "connectorUrl": "https://own.example:88/"}, "https://own.example:88"),
        ({"relayUrl": None, "connectorUrl": "https://own.example/firm/"}, "https://own.example/firm"),
        ({"relayUrl": "  https://relay.example  "}, "https://relay.example"),
        ({"relayUrl": "HTTPS://relay.example/"}, "HTTPS://relay.example"),
    ],
)
def test_where_the_data_is(members: dict[str, Any], data: str) -> None:
    """The connector where the firm has one, else the relay; no slash at the end."""
    body = json.dumps({"securityGateway": GATEWAY, **members}).encode()
    assert read_discovery(body, insecure=False) == Places(data, "https://security.example")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "relayUrl is not a URL"),
        ({"relayUrl": None, "connectorUrl": None}, "relayUrl is not a URL"),
        ({"relayUrl": 90}, "relayUrl is not a URL"),
        ({"relayUrl": "relay.example"}, "relayUrl is not a URL"),
        ({"relayUrl": "ftp://relay.example"}, "relayUrl is not a URL"),
        ({"relayUrl": "https://"}, "relayUrl is not a URL"),
        ({"relayUrl": "https://[zeisig"}, "relayUrl is not a URL"),
        ({"relayUrl": "https://[zeisig]/"}, "relayUrl is not a URL"),
        ({"relayUrl": "https://relay.example:zeisig/"}, "relayUrl is not a URL"),
        ({"relayUrl": "https://relay.example:99999/"}, "relayUrl is not a URL"),
        ({"relayUrl": "https://relay.example/?zeisig="}, "relayUrl is not a URL"),
        ({"relayUrl": "https://relay.example/#zeisig"}, "relayUrl is not a URL"),
        ({"relayUrl": "http://relay.example"}, "relayUrl is not https"),
        ({"relayUrl": "https://relay.example", "connectorUrl": "http://own.example"}, "connectorUrl is not https"),
        ({"relayUrl": "https://relay.example", "securityGateway": "http://s.example"}, "securityGateway is not https"),
        ({"relayUrl": "https://relay.example", "securityGateway": None}, "securityGateway is not a URL"),
    ],
)
def test_places_that_are_none(members: dict[str, Any], said: str) -> None:
    """P11: a password goes to these hosts, so a plain or unreadable address is refused, by its name and unquoted."""
    with pytest.raises(ValueError, match=said) as wrong:
        read_discovery(json.dumps({"securityGateway": GATEWAY, **members}).encode(), insecure=False)
    assert "zeisig" not in str(wrong.value)


def test_plain_http_is_for_those_who_came_by_it() -> None:
    """A configurator that was asked by http, which only a simulator is, may name http."""
    body = json.dumps({"relayUrl": "http://127.0.0.1:1/", "securityGateway": "http://127.0.0.1:1/"}).encode()
    assert read_discovery(body, insecure=True) == Places("http://127.0.0.1:1", "http://127.0.0.1:1")


# Settings


def problems(settings: type[msgspec.Struct], environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as wrong:
        load(settings, environ)
    return wrong.value.problems


@pytest.mark.parametrize("bad", ["zeisig", "dGVzdC1zZWNyZXQta2V", "dGVz dA==", "täst", "dGVzdC1_-w=="])
def test_a_key_that_is_no_base64_is_named(bad: str) -> None:
    """At start, and by its name alone: half a key is a secret too."""
    assert problems(Credentials, ENVIRON | {"ADVOWARE_API_KEY": bad}) == [
        "ADVOWARE_API_KEY is malformed: expected base64"
    ]
    assert problems(Credentials, ENVIRON | {"ADVOWARE_API_SECRET": bad}) == [
        "ADVOWARE_API_SECRET is malformed: expected base64"
    ]


def test_both_keys_malformed_are_both_named() -> None:
    """Everything wrong is said at once."""
    [both] = problems(Credentials, ENVIRON | {"ADVOWARE_API_KEY": "zeisig", "ADVOWARE_API_SECRET": "zeisig"})
    assert both == "ADVOWARE_API_KEY and ADVOWARE_API_SECRET are malformed: expected base64"


def test_everything_wrong_is_said_at_once() -> None:
    """One start, one complete list, without a value in it."""
    environ = {
        "ADVOWARE_ROLE": "zeisig",
        "ADVOWARE_API_BASE_URL": "zeisig",
        "ADVOWARE_DISCOVERY_URL": "ftp://zeisig",
        "ADVOWARE_AUTH_URL": "zeisig",
        "ADVOWARE_TOKEN_LIFETIME_MINUTES": "2",
        "ADVOWARE_API_TIMEOUT_SECONDS": "0",
        "ADVOWARE_EMPLOYEES_PATH": "Mitarbeiter?aktiv=zeisig",
    }
    said = problems(AdvowareSettings, environ)
    missing = ("APP_ID", "API_KEY", "KANZLEI", "DATABASE", "USER", "PASSWORD")
    assert {problem.partition(" is ")[0] for problem in said} == environ.keys() | {f"ADVOWARE_{n}" for n in missing}
    assert len(said) == 13
    assert "zeisig" not in "".join(said)


def test_defaults() -> None:
    """What a firm need not set: the vendor's configurator, role 2, product 64, 55 minutes, 30 seconds."""
    settings = load(AdvowareSettings, ENVIRON)
    assert settings.advoware_discovery_url == "https://www2.advo-net.net/AdvonetConfigurator/api/Url"
    assert (settings.advoware_api_base_url, settings.advoware_auth_url) == ("", "")
    assert (settings.credentials.advoware_role, settings.credentials.advoware_product_id) == (2, 64)
    assert settings.advoware_token_lifetime_minutes == 55
    assert settings.advoware_api_timeout_seconds == 30
    assert settings.advoware_employees_path == "Mitarbeiter"
    assert settings.credentials.advoware_api_secret is None


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost:6379",
        "redis:/localhost",
        "redis://host:zeisig/1",
        "redis://host:99999/1",
        "redis://:zeisig/word@host:6379/1",
        "redis://:zeisig#word@host:6379/1",
        "redis://[zeisig/1",
        "redis://host/1?socket_timeout=zeisig",
    ],
)
def test_a_malformed_redis_url_is_named(url: str) -> None:
    """At start, and not by its value: a password stands in it."""
    [said] = problems(RedisSettings, {"REDIS_URL": url})
    assert said.startswith("REDIS_URL is malformed")
    assert "zeisig" not in said


@pytest.mark.parametrize(
    "url", ["redis://host", "redis://host:6380/2", "rediss://user:p%2Fw@host:6379/1", "unix:///run/redis.sock?db=1"]
)
def test_a_redis_url_is_taken(url: str) -> None:
    """All that the client understands."""
    assert load(RedisSettings, {"REDIS_URL": url}).redis_url == Secret(url)


# Secrets and identity


def test_secrets_never_print() -> None:
    """P10: neither settings nor tokens show a key, a password or a token."""
    settings = load(AdvowareSettings, ENVIRON | {"ADVOWARE_API_SECRET": OTHER_KEY})
    redis = load(RedisSettings, {"REDIS_URL": "redis://:zeisig-pw@host/1"})
    token = read_token(told(access_token="zeisig-token"), now=NOW, lifetime=LIFETIME)
    shown = f"{settings!r} {settings} {redis!r} {redis} {token!r} {token} {settings.credentials!r}"
    secrets = [KEY, OTHER_KEY, PASSWORD, "zeisig"]
    secrets += [base64.b64decode(key).decode() for key in (KEY, OTHER_KEY)]
    assert [secret for secret in secrets if secret in shown] == []
    assert "***" in shown


@pytest.mark.parametrize("name", ["ADVOWARE_KANZLEI", "ADVOWARE_DATABASE", "ADVOWARE_USER", "ADVOWARE_APP_ID"])
def test_another_account_has_another_identity(name: str) -> None:
    """Each part counts, and none of them can be read from it."""
    one, other = identity_of(credentials()), identity_of(credentials(**{name: "other-1"}))
    assert one != other
    assert re.fullmatch(r"[0-9a-f]{16}", one)
    assert one == identity_of(credentials(ADVOWARE_PASSWORD="new-1", ADVOWARE_API_KEY=OTHER_KEY))


@given(st.text(), st.text())
def test_parts_do_not_run_into_each_other(kanzlei: str, database: str) -> None:
    """`ab` with `c` is another account than `a` with `bc`."""

    def named(first: str, second: str) -> str:
        return identity_of(msgspec.structs.replace(credentials(), advoware_kanzlei=first, advoware_database=second))

    longer = f"{kanzlei}x"
    if (longer, database) != (kanzlei, f"x{database}") and "\0" not in kanzlei + database:
        assert named(longer, database) != named(kanzlei, f"x{database}")
