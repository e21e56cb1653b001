"""The road to Advoware as it runs at the firm: gateway, proxies, Redis, and the simulator behind them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
import msgspec

from advoware_proxy.app import main as proxy_main
from advoware_proxy.settings import ProxySettings
from advoware_proxy.settings import Settings as ProxyServiceSettings
from gateway.app import build as build_gateway
from gateway.settings import Keys
from gateway.settings import Settings as GatewaySettings
from shared.clients.advoware import Advoware as AdvowareClient
from shared.clients.advoware_auth import Credentials
from shared.clients.advoware_session import AdvowareSettings
from shared.clients.http import Tools
from shared.clients.redis_cache import RedisCache, RedisSettings
from shared.contracts.proxy import subject
from shared.runtime.ask import ask
from shared.runtime.bus import NatsSettings
from shared.runtime.health import HealthSettings
from shared.runtime.microservice import Reply
from shared.runtime.service import LogSettings, Service, serve, start
from shared.settings import NamedSecrets, Secret
from simulators.advoware import Advoware
from simulators.advoware import Credentials as Account
from simulators.harness import serve as simulate
from tests.support.guarded import connected

API_KEY = "kPz7-key-of-kanzlei"


def advoware_settings(url: str, *, timeout_s: float = 10.0, account: Account = Account()) -> AdvowareSettings:  # noqa: B008
    """By discovery, with the simulator's own credentials, or those of another account."""
    return AdvowareSettings(
        credentials=Credentials(
            advoware_app_id=account.app_id,
            advoware_api_key=Secret(account.api_key),
            advoware_kanzlei=account.kanzlei,
            advoware_database=account.database,
            advoware_user=account.user,
            advoware_password=Secret(account.password),
        ),
        advoware_discovery_url=f"{url}/AdvonetConfigurator/api/Url",
        advoware_api_timeout_seconds=timeout_s,
    )


@contextlib.asynccontextmanager
async def advoware_client(
    service: Service, url: str, redis: RedisSettings, *, holder: str = "worker"
) -> AsyncIterator[AdvowareClient]:
    """A client as a worker has one."""
    tools = Tools(clock=service.clock, tracer=service.tracer, metrics=service.metrics)
    cache = RedisCache(redis, metrics=service.metrics)
    async with (
        cache.open(),
        AdvowareClient(advoware_settings(url), cache, tools, holder=holder).open() as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def proxy_replica(
    nats_url: str,
    advoware: AdvowareSettings,
    redis: RedisSettings,
    proxy: ProxySettings,
    *,
    environ: Mapping[str, str] = {},
    creds: Callable[[str], str] | None = None,
) -> AsyncIterator[Service]:
    """One replica of the proxy, answering; drained at the end. `environ` is what telemetry reads."""
    nats = NatsSettings(nats_url=nats_url, nats_creds=creds("advoware_proxy") if creds is not None else None)
    asker = NatsSettings(nats_url=nats_url, nats_creds=creds("operator") if creds is not None else None)
    settings = ProxyServiceSettings(
        nats=nats,
        log=LogSettings(),
        health=HealthSettings(health_port=0),
        redis=redis,
        advoware=advoware,
        proxy=proxy,
    )
    async with start("advoware_proxy", nats, environ) as service, asyncio.TaskGroup() as tasks:
        tasks.create_task(proxy_main(settings, service))
        try:
            await _listening(service, asker)
            yield service
        finally:
            service.stopping.set()


async def _listening(service: Service, asker: NatsSettings) -> None:
    """Returns when this replica answers pings: its requests are heard from then on."""
    async with connected(asker, "hub") as bus, asyncio.timeout(10):
        while True:
            inbox = await bus.nc.subscribe(bus.nc.new_inbox())
            await bus.nc.publish("$SRV.INFO.advoware_proxy", b"", reply=inbox.subject)
            with contextlib.suppress(Exception):
                while True:
                    told = msgspec.json.decode((await inbox.next_msg(timeout=0.1)).data)
                    if told["metadata"]["holder"] == service.holder:
                        return


class Road(msgspec.Struct, frozen=True):
    """What a test holds in its hands."""

    advoware: Advoware
    advoware_url: str
    proxies: list[Service]
    gateway: Service
    gateway_url: str
    http: aiohttp.ClientSession

    async def ask(
        self, endpoint: str | None, *, method: str = "GET", key: str | None = API_KEY, **more: object
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of one request at the gateway's door."""
        params = dict(more.pop("params", None) or {})  # type: ignore[call-overload]
        if endpoint is not None:
            params["endpoint"] = endpoint
        headers = {"apikey": key} if key else {}
        url = f"{self.gateway_url}/advoware/proxy"
        async with self.http.request(method, url, params=params, headers=headers, **more) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.read(), dict(answer.headers)

    async def tell(
        self, method: str, asked: object, *, headers: Mapping[str, str] = {}, timeout_s: float = 20.0
    ) -> Reply:
        """The proxy's own reply over NATS; `asked` is the request's JSON, or its bytes as they are."""
        body = asked if isinstance(asked, bytes) else msgspec.json.encode(asked)
        return await ask(self.gateway.bus, subject(method), body, headers=headers, timeout_s=timeout_s)

    def data_calls(self) -> list[str]:
        """What reached Advoware's data API, as `METHOD path`."""
        rows = self.advoware.log.rows()
        return [f"{row.method} {row.path}" for row in rows if not _of_the_handshake(row.path)]


def _of_the_handshake(path: str) -> bool:
    return path in ("/api/v1/Token", "/AdvonetConfigurator/api/Url")


@contextlib.asynccontextmanager
async def open_road(
    nats_url: str,
    redis: RedisSettings,
    *,
    replicas: int = 1,
    allow: str = "GET **",
    per_minute: int = 100_000,
    timeout_s: float = 10.0,
    advoware: Advoware | None = None,
    account: Account = Account(),  # noqa: B008
    keys: Mapping[str, str] = {"kanzlei": API_KEY},
    environ: Mapping[str, str] = {},
    creds: Callable[[str], str] | None = None,
) -> AsyncIterator[Road]:
    """Simulator, proxies and gateway, all in this process, each with a connection of its own.

    `creds` names the credentials file of each, where the broker asks for one.
    """
    vendor = advoware or Advoware()
    proxy = ProxySettings(advoware_proxy_allow=allow, advoware_proxy_rate_per_minute=per_minute)
    nats = NatsSettings(nats_url=nats_url, nats_creds=creds("gateway") if creds is not None else None)
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(simulate(vendor))
        settings = advoware_settings(url, timeout_s=timeout_s, account=account)
        proxies = [
            await stack.enter_async_context(
                proxy_replica(nats_url, settings, redis, proxy, environ=environ, creds=creds)
            )
            for _ in range(replicas)
        ]
        gateway = await stack.enter_async_context(start("gateway", nats, environ))
        known = Keys(gateway_api_keys=NamedSecrets({name: Secret(key) for name, key in keys.items()}))
        told = GatewaySettings(nats=nats, log=LogSettings(), health=HealthSettings(health_port=0), keys=known)
        app = build_gateway(told, gateway)
        port = await stack.enter_async_context(serve(app, "127.0.0.1", 0, grace_s=0.5))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        )
        yield Road(vendor, url, proxies, gateway, f"http://127.0.0.1:{port}", http)
