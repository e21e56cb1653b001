"""The environment as settings: everything wrong is said at once, secrets are never said."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from document_worker.settings import Settings
from gateway.settings import Settings as GatewaySettings
from shared.settings import NamedSecrets, Secret, SettingsError, load


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A part, as services share them."""

    size: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.3
    level: Literal["low", "high"] = "low"


class Some(msgspec.Struct, frozen=True, kw_only=True):
    """A service's settings."""

    group: Group
    url: str
    token: Secret
    keys: NamedSecrets
    note: str | None = None


GOOD = {"URL": "http://x", "TOKEN": "tok-9f8e7d", "KEYS": "a:k-1,b:k-2"}


def problems(environ: dict[str, str], settings: type[msgspec.Struct] = Some) -> list[str]:
    with pytest.raises(SettingsError) as wrong:
        load(settings, environ)
    assert str(wrong.value) == "\n".join(wrong.value.problems)
    return wrong.value.problems


def test_good() -> None:
    """Groups are read like fields; what is not set has its default."""
    loaded = load(Some, {**GOOD, "SIZE": "7"})
    assert loaded.group == Group(size=7)
    assert (loaded.url, loaded.token, loaded.note) == ("http://x", Secret("tok-9f8e7d"), None)
    assert loaded.keys.items() == [("a", Secret("k-1")), ("b", Secret("k-2"))]
    assert "a" in loaded.keys
    assert "c" not in loaded.keys
    assert len(loaded.keys) == 2


def test_everything_wrong_is_said_at_once() -> None:
    """One start, one complete list."""
    assert problems({"SIZE": "0", "SHARE": "x", "KEYS": "no-colon"}) == [
        "SIZE is malformed: Expected `int` >= 1",
        "SHARE is malformed: Expected `float`, got `str`",
        "URL is missing",
        "TOKEN is missing",
        "KEYS is malformed: expected name:secret,name:secret",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIZE", "11"),
        ("SIZE", "1.5"),
        ("SIZE", "drei"),
        ("SHARE", "1.01"),
        ("SHARE", "-0.1"),
        ("SHARE", "nan"),
        ("SHARE", "inf"),
        ("KEYS", "a:x,a:y"),
        ("KEYS", "a:"),
        ("KEYS", ":x"),
        ("KEYS", "a:x,,b:y"),
        ("LEVEL", "loud"),
    ],
)
def test_malformed(name: str, value: str) -> None:
    """A value out of range or of the wrong kind is refused by the variable's name."""
    [problem] = problems({**GOOD, name: value})
    assert problem.startswith(f"{name} is malformed: ")


def test_blank_is_missing() -> None:
    """An empty variable in a manifest means that nobody set it."""
    assert problems({**GOOD, "URL": "  "}) == ["URL is missing"]


@pytest.mark.parametrize("value", ["demo", "Demo-key", "changeme", "CHANGEME1", "example", "secret", "secret-key"])
def test_made_up_secrets_are_refused(value: str) -> None:
    """P11: no start with a secret that stands in a manual."""
    assert problems({**GOOD, "TOKEN": value}) == ["TOKEN is a made-up secret, which only HUB_ENV=demo allows"]
    assert problems({**GOOD, "KEYS": f"a:k-1,b:{value}"}) == [
        "KEYS is a made-up secret, which only HUB_ENV=demo allows"
    ]
    assert load(Some, {**GOOD, "TOKEN": value, "HUB_ENV": "demo"}).token == Secret(value)


def test_demo_makes_secrets_up_and_nothing_else() -> None:
    """What is no secret must still be said."""
    loaded = load(Some, {"HUB_ENV": "demo", "URL": "http://x"})
    assert loaded.token.reveal() == "demo"
    assert loaded.keys.items() == [("demo", Secret("demo"))]
    assert problems({"HUB_ENV": "demo"}) == ["URL is missing"]


@pytest.mark.parametrize("env", ["", "production", "Demo", "DEMO", "test", "demo ", "1"])
def test_only_the_word_demo_is_demo(env: str) -> None:
    """P11: nearly demo is production."""
    assert problems({"HUB_ENV": env, "URL": "http://x"}) == ["TOKEN is missing", "KEYS is missing"]


def test_a_secret_from_a_file(tmp_path: Path) -> None:
    """As Kubernetes mounts them, with the newline that editors add; the variable itself wins."""
    file = tmp_path / "token"
    file.write_text("tök-from-file\n", encoding="utf-8")
    environ = {"URL": "http://x", "KEYS_FILE": str(tmp_path / "keys"), "TOKEN_FILE": str(file)}
    (tmp_path / "keys").write_text("a:k-1\n")
    assert load(Some, environ).token.reveal() == "tök-from-file"
    assert load(Some, environ).keys["a"].reveal() == "k-1"
    assert load(Some, {**environ, "TOKEN": "direct"}).token.reveal() == "direct"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Said with the system's words; an empty one is missing; made-up ones are refused from files too."""
    without = {name: value for name, value in GOOD.items() if name != "TOKEN"}
    [absent, missing] = problems({**without, "TOKEN_FILE": str(tmp_path / "absent")})
    assert absent == "TOKEN_FILE cannot be read: No such file or directory"
    assert missing == "TOKEN is missing"
    (tmp_path / "empty").write_text("\n")
    assert problems({**without, "TOKEN_FILE": str(tmp_path / "empty")}) == ["TOKEN is missing"]
    (tmp_path / "demo").write_text("demo")
    assert "made-up" in problems({**without, "TOKEN_FILE": str(tmp_path / "demo")})[0]


def test_a_file_that_is_no_text_is_a_problem_too(tmp_path: Path) -> None:
    """Exit 78 with a sentence, not a traceback."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00k\x00e\x00y")
    without = {name: value for name, value in GOOD.items() if name != "TOKEN"}
    assert any("TOKEN" in problem for problem in problems({**without, "TOKEN_FILE": str(tmp_path / "binary")}))


def test_only_secrets_come_from_files(tmp_path: Path) -> None:
    """`URL_FILE` means nothing."""
    (tmp_path / "url").write_text("http://x")
    environ = {"TOKEN": "tok-1", "KEYS": "a:k", "URL_FILE": str(tmp_path / "url")}
    assert problems(environ) == ["URL is missing"]


@given(st.text(alphabet="abcXYZ0189", min_size=12))
def test_secrets_never_print(value: str) -> None:
    """P10: not by repr, str, format, in a struct, nor in the error about their neighbours."""
    loaded = load(Some, {"URL": "http://x", "TOKEN": f"z{value}", "KEYS": f"name1:z{value}"})
    for shown in (repr(loaded), str(loaded.token), f"{loaded.keys}", f"{loaded.token!r:>5}", str([loaded.token])):
        assert value not in shown
    assert "name1: ***" in repr(loaded.keys)
    assert value not in "\n".join(problems({"TOKEN": f"z{value}", "KEYS": f"{value}"}))


@pytest.mark.parametrize("name", ["URL", "TOKEN", "KEYS", "SIZE", "SHARE", "LEVEL"])
def test_problems_quote_no_value(name: str) -> None:
    """`SettingsError` promises one sentence per variable and no values."""
    canary = "Kanarienvogel"
    environ = {**GOOD, "KEYS": "x", name: canary}
    assert canary not in "\n".join(problems(environ))


def test_secrets_compare_by_value() -> None:
    """Two readings of one secret are equal, and usable in sets."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_the_services_name_what_they_lack() -> None:
    """An empty environment lists every required variable of a service and no other."""
    assert problems({}, Settings) == [
        f"{name} is missing"
        for name in ("ESPOCRM_API_BASE_URL", "ESPOCRM_API_KEY", "XAI_API_KEY", "XAI_MANAGEMENT_KEY")
    ]
    assert problems({}, GatewaySettings) == [
        "GATEWAY_WEBHOOK_SECRETS and GATEWAY_API_KEYS are missing: at least one must be set"
    ]


WORKER = {
    "ESPOCRM_API_BASE_URL": "https://crm.example.com/api/v1",
    "ESPOCRM_API_KEY": "k-1",
    "XAI_API_KEY": "k-2",
    "XAI_MANAGEMENT_KEY": "k-3",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ESPOCRM_API_BASE_URL", "crm.example.com/api/v1"),
        ("ESPOCRM_API_BASE_URL", "https://crm.example.com"),
        ("ESPOCRM_API_TIMEOUT_SECONDS", "0"),
        ("ESPOCRM_API_TIMEOUT_SECONDS", "nan"),
        ("XAI_MAX_FILE_SIZE_MB", "0"),
        ("WORKER_CONCURRENCY", "0"),
        ("WORKER_CONCURRENCY", "1001"),
        ("LOCK_LEASE_SECONDS", "0"),
        ("HEALTH_PORT", "65536"),
        ("NATS_REPLICAS", "6"),
        ("GUARD_MAX_SHARE", "1.5"),
        ("GUARD_MAX_SHARE", "nan"),
        ("GUARD_MAX_CHANGES", "-1"),
        ("DOCUMENT_SWEEP_CRON", "*/15 * * * *"),
        ("LOG_LEVEL", "trace"),
        ("COLLECTION_OWNERS", "Account:dokumentes"),
    ],
)
def test_the_document_workers_ranges(name: str, value: str) -> None:
    """What would make the worker misbehave is refused at start: a guard that is no number would never refuse."""
    [problem] = problems({**WORKER, name: value}, Settings)
    assert problem.startswith(f"{name} is malformed: ")


def test_the_document_workers_defaults() -> None:
    """Design 12's table."""
    loaded = load(Settings, WORKER)
    assert (loaded.nats.nats_url, loaded.nats.nats_replicas) == ("nats://127.0.0.1:4222", 1)
    assert (loaded.worker.worker_concurrency, loaded.worker.lock_ttl_seconds) == (32, 1800)
    assert loaded.worker.lock_lease_seconds == 30
    assert (loaded.guard.guard_max_changes, loaded.guard.guard_max_share) == (20, 0.3)
    assert loaded.schedule.hub_timezone == "Europe/Berlin"
    assert loaded.document_sweep_cron == "0 */15 * * * *"
    assert loaded.xai.xai_max_file_size_mb == 512
    assert loaded.health.health_port == 8081
