"""The gateway beside aiohttp and js.publish, and two of its processes beside one."""

from benchmarks.children import Child, Room, send
from benchmarks.figure import Figure
from benchmarks.load import Order
from benchmarks.rounds import Sample, in_turns, middle, ratio_of_pairs
from benchmarks.webhook import SECRETS

_PAIRS = 24
_PAIR_S = 0.3
"""What else the machine does changes from second to second: many short pairs, each of which meets the same."""
_SECONDS = 1.5
_CONNECTIONS = 64


async def measure(room: Room) -> list[Figure]:
    """CPU per request, and requests per second."""
    ours = room.child("gateway", port_name="GATEWAY_PORT", GATEWAY_WEBHOOK_SECRETS=SECRETS)
    bare = room.child("benchmarks.peers.bare_gateway", port_name="PORT")
    two = room.child(
        "gateway",
        port_name="GATEWAY_PORT",
        GATEWAY_WEBHOOK_SECRETS=SECRETS,
        GATEWAY_PROCESSES="2",
        HEALTH_PORT="0",
    )
    for child in (ours, bare, two):
        await child.start()
    ours_all, bare_all = await in_turns(
        lambda: _round(room, ours, _PAIR_S), lambda: _round(room, bare, _PAIR_S), rounds=_PAIRS
    )
    one_all, two_all = await in_turns(lambda: _round(room, ours, _SECONDS), lambda: _round(room, two, _SECONDS))
    for child in (ours, bare, two):
        await child.stop()
    us, them, one, both = middle(ours_all), middle(bare_all), middle(one_all), middle(two_all)
    return [
        Figure(
            name="gateway.cpu",
            ours=us.cpu_us,
            peer=them.cpu_us,
            ratio=ratio_of_pairs([one.cpu_us for one in ours_all], [one.cpu_us for one in bare_all]),
            cpu_us=us.cpu_us,
            peer_cpu_us=them.cpu_us,
            note=f"{us.per_s:,.0f}/s beside {them.per_s:,.0f}/s; broker {us.broker_us:.0f} µs",
        ),
        Figure(
            name="gateway.two",
            ours=both.per_s,
            peer=one.per_s,
            ratio=both.per_s / one.per_s,
            cpu_us=both.cpu_us,
            peer_cpu_us=one.cpu_us,
            note="sender and broker use the same cores",
        ),
    ]


async def _round(room: Room, child: Child, seconds: float) -> Sample:
    cpu_s, broker_s = child.cpu_s(), room.broker_cpu_s()
    told = await send(Order(port=child.port, connections=_CONNECTIONS, seconds=seconds))
    if told.by_status.keys() != {"200"}:
        raise RuntimeError(f"{child.module} answered {told.by_status}")
    return Sample(
        per_s=told.sent / told.seconds,
        cpu_us=(child.cpu_s() - cpu_s) / told.sent * 1e6,
        broker_us=(room.broker_cpu_s() - broker_s) / told.sent * 1e6,
    )
