"""`hub streams`, `hub workers`, `hub flows`, `hub doctor`: the hub as a whole."""

import asyncio
import contextlib

from console.desk.flows import flows
from shared.contracts.operator import Facts
from shared.contracts.topology import consumer_config
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from tests.support.hub import answering, define, hub, record, remember


async def _consumer(service: Service) -> None:
    config = consumer_config("document_worker", ["vmh.document.update"], ack_wait_s=30, replicas=1)
    await service.bus.ensure_consumer("VMH", config)


async def test_streams_and_consumers(service: Service) -> None:
    """How much lies there, what waits; exit code 1 for a stream that is none."""
    url = service.bus.settings.nats_url
    await _consumer(service)
    for _ in range(3):
        await service.bus.nc.request("vmh.document.update", b'{"entity_id":"d1"}')
    listed = await hub(url, "streams", "ls", "--json")
    names = [one["name"] for one in listed.json]
    assert names == [
        "VMH",
        "CALENDAR",
        "DEAD",
        "HISTORY",
        "ADVISORIES",
        "AUDIT",
        "KV_locks",
        "KV_idempotency",
        "KV_snapshots",
    ]
    assert (listed.json[0]["messages"], listed.json[0]["consumers"], listed.json[0]["expected"]) == (3, 1, True)
    table = await hub(url, "streams", "ls")
    assert table.out.splitlines()[1].split()[:2] == ["VMH", "3"]
    info = await hub(url, "streams", "info", "snapshots")
    assert "name               KV_snapshots" in info.out
    missing = await hub(url, "streams", "info", "NONE")
    assert (missing.code, "there is no stream NONE" in missing.err) == (1, True)
    told = await hub(url, "streams", "consumers", "VMH", "--json")
    [one] = told.json
    assert (one["name"], one["lag"], one["pending"], one["subjects"]) == (
        "document_worker",
        3,
        3,
        ["vmh.document.update"],
    )
    wrong = await hub(url, "streams", "consumers", "NONE")
    assert (wrong.code, wrong.err) == (1, "hub: NATS refused: stream not found\n")


async def test_every_replica_answers(service: Service) -> None:
    """Two replicas and another service: version, since when, requests, errors; nobody there is no error."""
    url = service.bus.settings.nats_url
    empty = await hub(url, "workers")
    assert (empty.code, empty.out, empty.err) == (0, "", "nobody answers\n")
    async with contextlib.AsyncExitStack() as stack:
        settings = NatsSettings(nats_url=url)
        for name in ("document_worker", "gateway"):
            other = await stack.enter_async_context(start(name, settings, {}))
            await stack.enter_async_context(answering(other, facts=Facts(), plans=False))
        await stack.enter_async_context(answering(service))
        told = await hub(url, "workers", "--json")
        table = await hub(url, "workers")
    assert [one["service"] for one in told.json] == ["document_worker", "document_worker", "gateway"]
    assert {one["holder"].partition("@")[0] for one in told.json} == {"document_worker", "gateway"}
    assert [len(one["facts"]["hears"]) for one in told.json if one["service"] == "gateway"] == [0]
    assert table.out.splitlines()[0].split() == [
        *("SERVICE", "REPLICA", "VERSION", "SINCE", "SUBJECTS", "REQUESTS", "ERRORS")
    ]


async def test_what_flows_where(service: Service) -> None:
    """Door and schedule, subject, handler, lag, last outcome, in one place."""
    await _consumer(service)
    await define(service)
    await service.bus.nc.request("vmh.document.update", b'{"entity_id":"d1"}')
    await remember(service, "CDokumente.d1", record("e1", outcome="skip", reason="in_step"), record("e2"))
    async with answering(service):
        found = {flow.subject: flow for flow in await flows(service.bus, service.clock)}
        table = await hub(service.bus.settings.nats_url, "flows")
        told = await hub(service.bus.settings.nats_url, "flows", "--json")
    update = found["vmh.document.update"]
    assert update.doors == ["POST /vmh/webhook/document/update"]
    [hearer] = update.hearers
    assert (hearer.service, hearer.handler, hearer.replicas, hearer.lag) == ("document_worker", "on_document", 1, 1)
    assert (hearer.last_outcome, hearer.last_reason) == ("done", "uploaded")
    sweep = found["vmh.document.sweep"]
    assert sweep.schedules == ["vmh.cron.document_sweep 0 */15 * * * *"]
    assert [(one.service, one.lag) for one in sweep.hearers] == [("document_worker", None)]
    assert len(told.json) == len(found)
    assert "done uploaded" in table.out


async def test_the_doctor_asks_everybody(service: Service) -> None:
    """P16: NATS, topology, consumers without a worker, paused schedules, and each service's own checks."""
    url = service.bus.settings.nats_url
    async with answering(service, probes={"espocrm": True}):
        fresh = await hub(url, "doctor")
        assert (fresh.code, "schedule vmh.cron.document_sweep  problem  is not at the broker" in fresh.out) == (1, True)
        await define(service)
        well = await hub(url, "doctor", "--json")
        assert (well.code, [one["service"] for one in well.json]) == (0, ["nats", "document_worker", "espocrm"])
    async with answering(service, probes={"espocrm": True, "xai": False}):
        ill = await hub(url, "doctor")
    assert ill.code == 1
    found = {tuple(line.split()[:3]) for line in ill.out.splitlines()}
    assert {("document_worker", "espocrm", "ok"), ("document_worker", "xai", "problem")} <= found
    await _consumer(service)
    await hub(url, "cron", "pause", "document_sweep", "--yes")
    await service.bus.api("STREAM.DELETE.ADVISORIES")
    alone = await hub(url, "doctor", "--json")
    nats, _ = alone.json
    said = {check["name"]: check["said"] for check in nats["checks"] if not check["ok"]}
    assert said == {"topology": "stream ADVISORIES: stream not found", "services": "nobody answers"}
    await service.bus.ensure_topology()
    await service.bus.nc.request("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.VMH.document_worker", b"{}")
    alone = await hub(url, "doctor", "--json")
    said = {check["name"]: check["said"] for check in alone.json[0]["checks"] if not check["ok"]}
    assert said == {
        "consumer VMH document_worker": "nobody takes its events, 0 wait",
        "schedule vmh.cron.document_sweep": "is paused",
        "stream ADVISORIES": "the broker has given up on 1 events since yesterday, see its stream",
        "services": "nobody answers",
    }


async def test_a_service_that_says_nonsense(service: Service) -> None:
    """Facts of another version, or no answer at all, disturb nobody."""
    await asyncio.sleep(0)

    async def info(message: object) -> None:
        reply = getattr(message, "reply", "")
        await service.bus.nc.publish(reply, b'{"name":"odd","id":"1","metadata":{"facts":"{}x","holder":"h"}}')

    async def nonsense(message: object) -> None:
        await service.bus.nc.publish(getattr(message, "reply", ""), b"\xff")

    await service.bus.nc.subscribe("$SRV.INFO", cb=info)
    await service.bus.nc.subscribe("$SRV.INFO", cb=nonsense)
    await service.bus.nc.flush()
    told = await hub(service.bus.settings.nats_url, "workers", "--json")
    assert [(one["service"], one["facts"]) for one in told.json] == [("odd", None)]
    ill = await hub(service.bus.settings.nats_url, "doctor")
    assert (ill.code, "nobody answers there" in ill.out) == (1, True)
