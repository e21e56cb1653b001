"""Where everything listens, and each service's environment: made-up secrets, simulated vendors, loopback."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from local_stack.ports import HOST, choose

API_KEY = "demo"
CONSOLE_LOGIN = "demo"
_TICK_S = "0.5"
_XAI_MAX_FILE_MB = "20"
_ADMIN_ID = "06b0301bb00000000"
"""The simulated EspoCRM's first user."""
_ADVOWARE_API_KEY = "ZGVtbw=="
"""`demo`, as base64 like the vendor's."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """One per door."""

    gateway: int
    health: int
    beteiligte_health: int
    calendar_health: int
    proxy_health: int
    console: int
    console_health: int
    nats: int
    redis: int
    espocrm: int
    xai: int
    advoware: int
    google: int


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription in EspoCRM, with an id and a secret that the gateway knows beforehand."""

    id: str
    secret: str
    event: str
    path: str


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where to find everything."""

    gateway: str
    health: str
    beteiligte_health: str
    calendar_health: str
    proxy_health: str
    console: str
    console_health: str
    nats: str
    redis: str
    espocrm: str
    xai: str
    advoware: str
    google: str


def choose_ports(environ: Mapping[str, str]) -> Ports:
    """The usual ports where they are free. Raises PortTaken and BadPort."""
    given: list[int] = []

    def chosen(name: str, usual: int, *, insist: bool = False) -> int:
        given.append(choose(environ, name, usual, insist=insist, given=given))
        return given[-1]

    # The gateway's port stands in bookmarks and in EspoCRM: another one is somebody's choice, not ours.
    return Ports(
        gateway=chosen("GATEWAY_PORT", 3111, insist=True),
        health=chosen("HEALTH_PORT", 8081),
        beteiligte_health=chosen("BETEILIGTE_HEALTH_PORT", 8083),
        calendar_health=chosen("CALENDAR_HEALTH_PORT", 8084),
        proxy_health=chosen("ADVOWARE_PROXY_HEALTH_PORT", 8082),
        console=chosen("CONSOLE_PORT", 3113),
        console_health=chosen("CONSOLE_HEALTH_PORT", 8085),
        nats=chosen("NATS_PORT", 4222),
        redis=chosen("REDIS_PORT", 6379),
        espocrm=chosen("SIM_ESPOCRM_PORT", 3121),
        xai=chosen("SIM_XAI_PORT", 3122),
        advoware=chosen("SIM_ADVOWARE_PORT", 3123),
        google=chosen("SIM_GOOGLE_PORT", 3124),
    )


def addresses(ports: Ports) -> Addresses:
    """The URLs that follow from the ports."""
    return Addresses(
        gateway=f"http://{HOST}:{ports.gateway}",
        health=f"http://{HOST}:{ports.health}",
        beteiligte_health=f"http://{HOST}:{ports.beteiligte_health}",
        calendar_health=f"http://{HOST}:{ports.calendar_health}",
        proxy_health=f"http://{HOST}:{ports.proxy_health}",
        console=f"http://{HOST}:{ports.console}",
        console_health=f"http://{HOST}:{ports.console_health}",
        nats=f"nats://{HOST}:{ports.nats}",
        redis=f"redis://{HOST}:{ports.redis}",
        espocrm=f"http://{HOST}:{ports.espocrm}",
        xai=f"http://{HOST}:{ports.xai}",
        advoware=f"http://{HOST}:{ports.advoware}",
        google=f"http://{HOST}:{ports.google}",
    )


def _webhooks() -> tuple[Webhook, ...]:
    doors = [
        (f"{entity_type}.{action}", f"/vmh/webhook/{family}/{action}")
        for entity_type, family in (
            ("CDokumente", "document"),
            ("Raeumungsklage", "raeumungsklage"),
            ("Account", "account"),
            ("CBeteiligte", "beteiligte"),
            ("CBankverbindungen", "bankverbindungen"),
        )
        for action in ("create", "update", "delete")
    ]
    doors += [(f"Entity.{action}", f"/vmh/webhook/entity/{action}") for action in ("link", "unlink")]
    return tuple(
        Webhook(id=f"demo-webhook-{number:02}", secret=f"demo-secret-{number:02}", event=event, path=path)
        for number, (event, path) in enumerate(doors, 1)
    )


WEBHOOKS = _webhooks()


def environments(environ: Mapping[str, str], ports: Ports, *, credentials: Path) -> dict[str, dict[str, str]]:
    """The environment of each service. `credentials` is the folder with the file of each.

    What we set wins over what is set outside, so that no real vendor is ever reached; the rest (LOG_LEVEL,
    WORKER_CONCURRENCY, OTEL_… and so on) goes through.
    """
    at = addresses(ports)
    common = {
        **environ,
        "HUB_ENV": "demo",
        "NATS_URL": at.nats,
        "NATS_CREDS": "",
        "NATS_CA": "",
        "NATS_REPLICAS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    services = _services(environ, ports, at)
    return {
        "hub": common,
        "simulators": {**common, **_simulators(environ, ports)},
        **{name: {**common, "NATS_CREDS": str(credentials / f"{name}.creds"), **own} for name, own in services.items()},
    }


def _services(environ: Mapping[str, str], ports: Ports, at: Addresses) -> dict[str, dict[str, str]]:
    """What each needs beside what all have."""
    return {
        "gateway": {
            "GATEWAY_HOST": HOST,
            "GATEWAY_PORT": str(ports.gateway),
            "GATEWAY_API_KEYS": f"demo:{API_KEY}",
            "GATEWAY_WEBHOOK_SECRETS": ",".join(f"{webhook.id}:{webhook.secret}" for webhook in WEBHOOKS),
        },
        "document_worker": {
            **_health(ports.health),
            **_espocrm(at),
            "XAI_API_KEY": "demo",
            "XAI_MANAGEMENT_KEY": "demo",
            "XAI_FILES_URL": at.xai,
            "XAI_MANAGEMENT_URL": at.xai,
        },
        "beteiligte_worker": {
            **_health(ports.beteiligte_health),
            **_espocrm(at),
            **_advoware(at, ports),
            "BETEILIGTE_NOTIFY_USER_ID": _ADMIN_ID,
            "ADVOWARE_LISTS_BETEILIGTE": "false",
        },
        "calendar_worker": {
            **_health(ports.calendar_health),
            **_advoware(at, ports),
            **_google(at, environ),
        },
        "advoware_proxy": {**_health(ports.proxy_health), **_advoware(at, ports)},
        "console": _console(ports),
    }


def _simulators(environ: Mapping[str, str], ports: Ports) -> dict[str, str]:
    return {
        "SIM_ESPOCRM_PORT": str(ports.espocrm),
        "SIM_XAI_PORT": str(ports.xai),
        "SIM_ADVOWARE_PORT": str(ports.advoware),
        "SIM_GOOGLE_PORT": str(ports.google),
        "SIM_GOOGLE_KEY_FILE": _google_key(environ),
        "SIM_ESPOCRM_TICK_SECONDS": environ.get("SIM_ESPOCRM_TICK_SECONDS", _TICK_S),
        "SIM_ESPOCRM_RETRY_SECONDS": environ.get("SIM_ESPOCRM_RETRY_SECONDS", "5"),
        "SIM_XAI_MAX_FILE_MB": environ.get("SIM_XAI_MAX_FILE_MB", _XAI_MAX_FILE_MB),
    }


def _console(ports: Ports) -> dict[str, str]:
    return {
        **_health(ports.console_health),
        "CONSOLE_HOST": HOST,
        "CONSOLE_PORT": str(ports.console),
        "CONSOLE_TOKEN": CONSOLE_LOGIN,
        "CONSOLE_USER_HEADER": "",
        "CONSOLE_TRUSTED_PROXIES": "",
    }


def _google(at: Addresses, environ: Mapping[str, str]) -> dict[str, str]:
    return {
        "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH": _google_key(environ),
        "GOOGLE_CALENDAR_SUBJECT": "",
        "GOOGLE_CALENDAR_BASE_URL": f"{at.google}/calendar/v3",
    }


def _google_key(environ: Mapping[str, str]) -> str:
    """The simulator leaves it there before it answers; the worker starts after that."""
    return str(home(environ) / "google-key.json")


def _health(port: int) -> dict[str, str]:
    return {"HEALTH_HOST": HOST, "HEALTH_PORT": str(port)}


def _espocrm(at: Addresses) -> dict[str, str]:
    return {"ESPOCRM_API_BASE_URL": f"{at.espocrm}/api/v1", "ESPOCRM_API_KEY": "demo"}


def _advoware(at: Addresses, ports: Ports) -> dict[str, str]:
    """The way to the simulated Advoware leads through its discovery: addresses set outside would come before it."""
    return {
        "REDIS_HOST": HOST,
        "REDIS_PORT": str(ports.redis),
        "REDIS_URL": "",
        "ADVOWARE_API_BASE_URL": "",
        "ADVOWARE_AUTH_URL": "",
        "ADVOWARE_DISCOVERY_URL": f"{at.advoware}/AdvonetConfigurator/api/Url",
        "ADVOWARE_APP_ID": "demo",
        "ADVOWARE_API_KEY": _ADVOWARE_API_KEY,
        "ADVOWARE_API_SECRET": "",
        "ADVOWARE_KANZLEI": "demo",
        "ADVOWARE_DATABASE": "ADVOWARE",
        "ADVOWARE_USER": "demo",
        "ADVOWARE_PASSWORD": "demo",
    }


def home(environ: Mapping[str, str]) -> Path:
    """Where logs, pids and the broker's store lie: `.run` below the current directory unless told otherwise."""
    return Path(environ.get("LOCAL_STACK_DIR", "").strip() or ".run").absolute()
