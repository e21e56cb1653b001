"""The proxy as a process of its own."""

from collections.abc import Mapping

from tests.support.processes import Processes, ServiceProcess

_ACCOUNT = {
    "ADVOWARE_APP_ID": "demo",
    "ADVOWARE_API_KEY": "ZGVtbw==",
    "ADVOWARE_KANZLEI": "demo",
    "ADVOWARE_DATABASE": "ADVOWARE",
    "ADVOWARE_USER": "demo",
    "ADVOWARE_PASSWORD": "demo",
}
"""The simulator's."""


def advoware_environ(url: str) -> dict[str, str]:
    """The way to a simulated Advoware, and an account there."""
    return {**_ACCOUNT, "ADVOWARE_DISCOVERY_URL": f"{url}/AdvonetConfigurator/api/Url"}


def proxy_environ(nats_url: str, advoware_url: str) -> dict[str, str]:
    """Enough to start, with the token kept in the process."""
    return {
        **advoware_environ(advoware_url),
        "HUB_ENV": "demo",
        "NATS_URL": nats_url,
        "REDIS_PORT": "1",
        "ADVOWARE_PROXY_RATE_PER_MINUTE": "100000",
    }


def proxy_process(
    children: Processes, nats_url: str, advoware_url: str, environ: Mapping[str, str] = {}
) -> ServiceProcess:
    """A replica that is not started yet."""
    settings = {**proxy_environ(nats_url, advoware_url), **environ}
    return children.service("advoware_proxy", settings, port_name="HEALTH_PORT")
