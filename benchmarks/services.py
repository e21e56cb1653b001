"""All services of the hub with simulated vendors, each a child whose start was timed."""

import contextlib
from collections.abc import AsyncIterator

from benchmarks.children import Child, Room
from local_stack.environment import choose_ports, environments

SERVICES = ("gateway", "document_worker", "beteiligte_worker", "calendar_worker", "advoware_proxy", "console")
_ANY = (
    "GATEWAY_PORT",
    "HEALTH_PORT",
    "BETEILIGTE_HEALTH_PORT",
    "CALENDAR_HEALTH_PORT",
    "ADVOWARE_PROXY_HEALTH_PORT",
    "CONSOLE_PORT",
    "CONSOLE_HEALTH_PORT",
    "NATS_PORT",
    "REDIS_PORT",
    "SIM_ESPOCRM_PORT",
    "SIM_XAI_PORT",
    "SIM_ADVOWARE_PORT",
    "SIM_GOOGLE_PORT",
)


@contextlib.asynccontextmanager
async def started(room: Room) -> AsyncIterator[dict[str, Child]]:
    """All of them, ready, one after the other; ended in the end."""
    given = {**dict.fromkeys(_ANY, "0"), "LOCAL_STACK_DIR": str(room.directory)}
    ports = choose_ports(given)
    wanted = environments(given, ports, credentials=room.directory)
    url = f"http://127.0.0.1:{ports.google}/_sim/log"
    simulators = room.ready_at(url, "simulators", wanted["simulators"], port=ports.google)
    await simulators.start()
    services = {}
    for name in SERVICES:
        environ = {**wanted[name], "NATS_URL": room.nats.url, "NATS_CREDS": ""}  # the room's broker has no doors
        port_name = "GATEWAY_PORT" if name == "gateway" else "HEALTH_PORT"
        services[name] = room.child(name, port_name=port_name, **environ)
        await services[name].start()
    try:
        yield services
    finally:
        for child in (*services.values(), simulators):
            await child.stop()
