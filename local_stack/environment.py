"""Where everything listens, and each service's environment: made-up secrets, simulated vendors, loopback."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from local_stack.ports import HOST, choose

API_KEY = "demo"
_TICK_S = "0.5"
_XAI_MAX_FILE_MB = "20"


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """One per door."""

    gateway: int
    health: int
    nats: int
    espocrm: int
    xai: int


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
    nats: str
    espocrm: str
    xai: str


def choose_ports(environ: Mapping[str, str]) -> Ports:
    """The usual ports where they are free. Raises PortTaken and BadPort."""
    # The gateway's port stands in bookmarks and in EspoCRM: another one is somebody's choice, not ours.
    return Ports(
        gateway=choose(environ, "GATEWAY_PORT", 3111, insist=True),
        health=choose(environ, "HEALTH_PORT", 8081),
        nats=choose(environ, "NATS_PORT", 4222),
        espocrm=choose(environ, "SIM_ESPOCRM_PORT", 3121),
        xai=choose(environ, "SIM_XAI_PORT", 3122),
    )


def addresses(ports: Ports) -> Addresses:
    """The URLs that follow from the ports."""
    return Addresses(
        gateway=f"http://{HOST}:{ports.gateway}",
        health=f"http://{HOST}:{ports.health}",
        nats=f"nats://{HOST}:{ports.nats}",
        espocrm=f"http://{HOST}:{ports.espocrm}",
        xai=f"http://{HOST}:{ports.xai}",
    )


def _webhooks() -> tuple[Webhook, ...]:
    doors = [
        (f"{entity_type}.{action}", f"/vmh/webhook/{family}/{action}")
        for entity_type, family in (
            ("CDokumente", "document"),
            ("Raeumungsklage", "raeumungsklage"),
            ("Account", "account"),
        )
        for action in ("create", "update", "delete")
    ]
    doors += [(f"Entity.{action}", f"/vmh/webhook/entity/{action}") for action in ("link", "unlink")]
    return tuple(
        Webhook(id=f"demo-webhook-{number:02}", secret=f"demo-secret-{number:02}", event=event, path=path)
        for number, (event, path) in enumerate(doors, 1)
    )


WEBHOOKS = _webhooks()


def environments(environ: Mapping[str, str], ports: Ports) -> dict[str, dict[str, str]]:
    """The environment of each service.

    What we set wins over what is set outside, so that no real vendor is ever reached; the rest (LOG_LEVEL,
    WORKER_CONCURRENCY, OTEL_… and so on) goes through.
    """
    at = addresses(ports)
    common = {
        **environ,
        "HUB_ENV": "demo",
        "NATS_URL": at.nats,
        "NATS_CREDS": "",
        "NATS_REPLICAS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return {
        "simulators": {
            **common,
            "SIM_ESPOCRM_PORT": str(ports.espocrm),
            "SIM_XAI_PORT": str(ports.xai),
            "SIM_ESPOCRM_TICK_SECONDS": environ.get("SIM_ESPOCRM_TICK_SECONDS", _TICK_S),
            "SIM_ESPOCRM_RETRY_SECONDS": environ.get("SIM_ESPOCRM_RETRY_SECONDS", "5"),
            "SIM_XAI_MAX_FILE_MB": environ.get("SIM_XAI_MAX_FILE_MB", _XAI_MAX_FILE_MB),
        },
        "gateway": {
            **common,
            "GATEWAY_HOST": HOST,
            "GATEWAY_PORT": str(ports.gateway),
            "GATEWAY_API_KEYS": f"demo:{API_KEY}",
            "GATEWAY_WEBHOOK_SECRETS": ",".join(f"{webhook.id}:{webhook.secret}" for webhook in WEBHOOKS),
        },
        "document_worker": {
            **common,
            "HEALTH_HOST": HOST,
            "HEALTH_PORT": str(ports.health),
            "ESPOCRM_API_BASE_URL": f"{at.espocrm}/api/v1",
            "ESPOCRM_API_KEY": "demo",
            "XAI_API_KEY": "demo",
            "XAI_MANAGEMENT_KEY": "demo",
            "XAI_FILES_URL": at.xai,
            "XAI_MANAGEMENT_URL": at.xai,
        },
    }


def home(environ: Mapping[str, str]) -> Path:
    """Where logs, pids and the broker's store lie: `.run` below the current directory unless told otherwise."""
    return Path(environ.get("LOCAL_STACK_DIR", "").strip() or ".run").absolute()
