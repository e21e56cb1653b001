"""`hub webhooks`: EspoCRM's webhooks made to fit the gateway's doors, against the simulated EspoCRM."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.app import facts_of
from gateway.settings import Keys, Settings
from local_stack.nats_server import NatsServer
from shared.runtime.bus import NatsSettings
from shared.runtime.service import Service, start
from shared.settings import NamedSecrets, Secret, load
from simulators.espocrm import Espocrm
from simulators.faults import Fault
from simulators.harness import serve
from tests.support.hub import CANARY, Done, answering, hub
from tests.support.office import stored

GATEWAY = "https://hub.example/in"
TYPES = {
    "document": "CDokumente",
    "beteiligte": "CBeteiligte",
    "bankverbindungen": "CBankverbindungen",
    "raeumungsklage": "Raeumungsklage",
    "account": "Account",
}
WANTED = {
    f"{kind}.{action}": f"{GATEWAY}/vmh/webhook/{family}/{action}"
    for family, kind in TYPES.items()
    for action in ("create", "update", "delete")
}


class World:
    """An EspoCRM, a gateway that is there, and the command between them."""

    def __init__(self, service: Service, espocrm: Espocrm, url: str) -> None:
        self.service = service
        self.espocrm = espocrm
        self.environ = {"ESPOCRM_API_BASE_URL": f"{url}/api/v1", "ESPOCRM_API_KEY": "key-of-the-hub"}

    async def hub(self, *args: str, stdin: str = "", **more: str) -> Done:
        """`hub webhooks …`. Whatever it says, no secret is in it."""
        url = self.service.bus.settings.nats_url
        done = await hub(url, "webhooks", *args, stdin=stdin, **(self.environ | more))
        shown = done.out + done.err
        assert not [row for row in self.rows(deleted=True) if row["secretKey"] in shown]
        assert "key-of-the-hub" not in shown
        return done

    async def ensure(self, *args: str, **more: str) -> Done:
        """The same for `ensure` at the usual address, without a question."""
        return await self.hub("ensure", "--gateway-url", GATEWAY, "--yes", *args, **more)

    def rows(self, *, deleted: bool = False) -> list[dict[str, Any]]:
        """EspoCRM's webhooks."""
        found: Any = self.espocrm.dump()
        return [row for row in found["webhooks"] if deleted or not row["deleted"]]

    def plant(self, event: str, url: str, **more: Any) -> str:
        """A webhook that somebody made; its id."""
        made: Any = self.espocrm.seed({"webhooks": [{"event": event, "url": url, "skipOwn": True, **more}]})
        return str(made["webhooks"][0]["id"])


@pytest.fixture
async def service(nats_server: NatsServer) -> AsyncIterator[Service]:
    """A connected service with the gateway's name."""
    async with start("gateway", NatsSettings(nats_url=nats_server.url), {}) as started:
        yield started


@pytest.fixture
async def world(service: Service) -> AsyncIterator[World]:
    """An EspoCRM without webhooks, and a gateway that says which doors it has."""
    keys = Keys(gateway_webhook_secrets=NamedSecrets({"hook-of-old": Secret("x")}))
    espocrm = Espocrm(api_keys={"key-of-the-hub": "hub"}, tick_s=None)
    async with serve(espocrm) as url, answering(service, facts=facts_of(keys)):
        yield World(service, espocrm, url)


def left_in(folder: Path) -> list[str]:
    """Files of secrets, whole or begun."""
    return [file.name for file in folder.glob("*hooks*")]


async def deeds(service: Service) -> list[tuple[str, str, int]]:
    """What operators did."""
    told = [msgspec.json.decode(row["body"]) for row in await stored(service, "AUDIT")]
    return [(one["deed"], one["about"], one["count"]) for one in told]


async def remembered(service: Service) -> Any:
    """What the bucket keeps of the webhooks, unwrapped."""
    message = await service.bus.nc.jetstream().get_last_msg("KV_snapshots", "$KV.snapshots.console.webhooks")
    return msgspec.json.decode(message.data or b"")["state"]


async def test_what_is_missing_is_created_once(world: World, tmp_path: Path) -> None:
    """P4, P10: fifteen with skipOwn; their secrets in one file for its owner alone, and only ids in NATS."""
    before = await world.hub("ls", "--gateway-url", GATEWAY, "--json")
    assert before.code == 1
    assert {(one["event"], one["url"], one["verdict"]) for one in before.json["webhooks"]} == {
        (event, url, "missing") for event, url in WANTED.items()
    }
    file = tmp_path / "hooks"
    done = await world.ensure("--write-secrets", str(file), "--json")
    assert (done.code, done.json["created"]) == (0, 15), done
    rows = world.rows()
    assert {row["event"]: row["url"] for row in rows} == WANTED
    assert all(row["skipOwn"] and row["isActive"] for row in rows)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dict(part.split(":") for part in file.read_text().strip().split(",")) == {
        row["id"]: row["secretKey"] for row in rows
    }
    kept = await remembered(world.service)
    assert {(one["id"], one["event"], one["url"]) for one in kept["webhooks"]} == {
        (row["id"], row["event"], row["url"]) for row in rows
    }
    for stream in ("KV_snapshots", "AUDIT"):
        for message in await stored(world.service, stream):
            assert not [row for row in rows if row["secretKey"].encode() in message["body"]]
    about = f"{GATEWAY}: create 15, correct 0, delete 0 webhook(s), their secrets into a file"
    assert await deeds(world.service) == [("webhooks", about, 15)]

    again = await world.ensure()
    assert (again.code, again.out.splitlines()[-1]) == (0, "nothing to do")
    assert len(world.rows(deleted=True)) == 15
    assert len(await deeds(world.service)) == 1
    assert (await world.hub("ls")).code == 0


async def test_the_gateway_reads_the_file(world: World, tmp_path: Path) -> None:
    """The file is what GATEWAY_WEBHOOK_SECRETS_FILE wants, and holds whatever comes to a door of ours."""
    by_hand = world.plant("CDokumente.fieldUpdate.name", f"{GATEWAY}/vmh/webhook/document/update")
    foreign = world.plant("Task.create", "https://elsewhere.example/x")
    file = tmp_path / "hooks"
    assert (await world.ensure("--write-secrets", str(file))).code == 0
    settings = load(Settings, {"GATEWAY_WEBHOOK_SECRETS_FILE": str(file), "NATS_URL": "nats://127.0.0.1:1"})
    secrets: NamedSecrets = settings.keys.gateway_webhook_secrets
    assert len(secrets) == 16
    assert by_hand in secrets
    assert foreign not in secrets


async def test_ours_are_corrected(world: World) -> None:
    """Address, activity and skipOwn; under the same id, so that its secret goes on."""
    moved = world.plant("CDokumente.create", "http://old.example/vmh/webhook/document/create")
    silent = world.plant("CDokumente.update", WANTED["CDokumente.update"], isActive=False)
    echoing = world.plant("CDokumente.delete", WANTED["CDokumente.delete"], skipOwn=False)
    told = await world.hub("ls", "--gateway-url", GATEWAY, "--json")
    said = {one["id"]: one["said"] for one in told.json["webhooks"] if one["verdict"] == "differs"}
    assert said == {moved: "goes elsewhere", silent: "is switched off", echoing: "tells of our own writes"}
    done = await world.ensure("--json")
    assert (done.code, done.json["created"], done.json["corrected"]) == (0, 12, 3)
    by_id = {row["id"]: row for row in world.rows()}
    assert by_id[moved]["url"] == WANTED["CDokumente.create"]
    assert all(by_id[one]["isActive"] and by_id[one]["skipOwn"] for one in (moved, silent, echoing))


async def test_nothing_is_deleted_unless_asked_for(world: World) -> None:
    """Doubles and what is left over go with --prune and a yes; others' webhooks never, and their tokens stay unseen."""
    url = WANTED["CDokumente.create"]
    first, second = (world.plant("CDokumente.create", url) for _ in range(2))
    gone = world.plant("CDokumente.update", f"{GATEWAY}/vmh/webhook/akte/update")
    staging = world.plant("CDokumente.create", "https://staging.example/vmh/webhook/document/create")
    foreign = world.plant("Task.create", f"https://u:{CANARY}@elsewhere.example/x?token={CANARY}")
    kept = await world.ensure("--json")
    assert kept.code == 1
    verdicts = {one["id"]: one["verdict"] for one in kept.json["webhooks"] if one["verdict"] != "ok"}
    assert verdicts == {second: "double", gone: "left over", staging: "foreign", foreign: "foreign"}
    assert CANARY not in kept.out + (await world.hub("ls", "--gateway-url", GATEWAY)).out

    asked = await world.hub("ensure", "--gateway-url", GATEWAY, "--prune", stdin="n\n")
    assert (asked.code, "Create 0, correct 0, delete 2 webhook(s)? [y/N]" in asked.err) == (1, True)
    assert len(world.rows()) == 19
    assert (await world.ensure("--prune")).code == 0
    assert {row["id"] for row in world.rows()} >= {first, staging, foreign}
    assert len(world.rows()) == 17


async def test_a_dry_run_and_a_no_do_nothing(world: World, tmp_path: Path) -> None:
    """Neither at EspoCRM, nor in NATS, nor on the disk; nor where the file is there already."""
    file = tmp_path / "hooks"
    dry = await world.hub("ensure", "--gateway-url", GATEWAY, "--write-secrets", str(file), "--dry-run")
    assert (dry.code, dry.out.splitlines()[-1]) == (0, "would create 15, correct 0, delete 0 webhook(s)")
    no = await world.hub("ensure", "--gateway-url", GATEWAY, "--write-secrets", str(file), stdin="n\n")
    assert (no.code, "nothing was done" in no.err) == (1, True)
    assert not file.exists()
    file.write_text("older")
    there = await world.hub("ensure", "--gateway-url", GATEWAY, "--write-secrets", str(file), stdin="y\n")
    assert (there.code, "--yes writes over it" in there.err) == (1, True)
    assert (world.rows(deleted=True), await deeds(world.service), file.read_text()) == ([], [], "older")
    assert (await world.ensure("--write-secrets", str(file))).code == 0
    assert (stat.S_IMODE(file.stat().st_mode), file.read_text().count(",")) == (0o600, 14)
    assert left_in(tmp_path) == ["hooks"]


@pytest.mark.parametrize(
    ("args", "environ", "code", "says"),
    [
        (("ensure", "--gateway-url", "hub.example"), {}, 2, "--gateway-url is the address"),
        (("ensure", "--gateway-url", f"https://u:{CANARY}@hub.example"), {}, 2, "neither a query nor a password"),
        (("ensure", "--gateway-url", GATEWAY, "--write-secrets", "/no/such/folder/x"), {}, 2, "is no file"),
        (("ls",), {"ESPOCRM_API_KEY": ""}, 78, "ESPOCRM_API_KEY is missing"),
        (("ls",), {"ESPOCRM_API_KEY": "wrong"}, 1, "espocrm list Webhook: 401"),
        (("ls",), {"ESPOCRM_API_BASE_URL": "http://127.0.0.1:1/api/v1"}, 1, "espocrm list Webhook: no answer"),
    ],
)
async def test_what_cannot_be_is_one_sentence(
    world: World, args: tuple[str, ...], environ: dict[str, str], code: int, says: str
) -> None:
    """Usage, settings, a wrong key, an EspoCRM that is away."""
    done = await world.hub(*args, **environ)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert len(done.err.splitlines()) == 1
    assert CANARY not in done.err


async def test_espocrm_refuses_or_breaks_off(world: World) -> None:
    """Its own reason is told; a creation whose outcome is unknown is found by the next run, not made twice."""
    for number in range(40):
        world.plant("Task.create", f"https://elsewhere.example/{number}")
    full = await world.ensure()
    assert full.code == 1
    assert "espocrm create Webhook: 403 Webhook number per user exceeded the limit." in full.err
    assert "webhooks ended after 10 of 15" in full.err
    for row in world.rows():
        if row["event"] == "Task.create":
            world.espocrm.records.rows["Webhook"][row["id"]]["deleted"] = True
    world.espocrm.faults.add(Fault(kind="lost", method="POST", path=".*/Webhook"))
    lost = await world.ensure()
    assert (lost.code, "whether it was created is unknown" in lost.err) == (1, True)
    assert (await world.ensure()).code == 0
    assert {row["event"]: row["url"] for row in world.rows()} == WANTED
    assert len(world.rows()) == 15


async def test_an_administrators_key_cannot_skip_its_own(world: World) -> None:
    """EspoCRM drops skipOwn where a webhook has no owner: said, with exit code 1, rather than believed."""
    espocrm = Espocrm(api_keys={"key-of-the-hub": "admin"}, tick_s=None)
    async with serve(espocrm) as url:
        done = await world.ensure(ESPOCRM_API_BASE_URL=f"{url}/api/v1")
    assert done.code == 1
    assert "EspoCRM does not keep skipOwn" in done.err


async def test_nobody_says_which_doors_there_are(nats_server: NatsServer) -> None:
    """Without a gateway: one sentence, and nothing is asked of EspoCRM."""
    environ = {"ESPOCRM_API_BASE_URL": "http://127.0.0.1:1/api/v1", "ESPOCRM_API_KEY": "key-of-the-hub"}
    async with start("document_worker", NatsSettings(nats_url=nats_server.url), {}):
        done = await hub(nats_server.url, "webhooks", "ensure", "--gateway-url", GATEWAY, **environ)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("hub: gateway is not there")


async def test_the_doctor_looks_at_them(service: Service, world: World, tmp_path: Path) -> None:
    """P6: what is missing or refused by the gateway for want of its secret is a finding; without a key nobody looks."""

    async def told(**environ: str) -> dict[str, tuple[bool, str]]:
        done = await hub(service.bus.settings.nats_url, "doctor", "--json", **environ)
        [checks] = [one["checks"] for one in done.json if one["service"] == "espocrm"]
        assert done.code == (0 if all(one["ok"] for answer in done.json for one in answer["checks"]) else 1)
        return {one["name"]: (one["ok"], one["said"]) for one in checks}

    [(seen, said)] = (await told()).values()
    assert (seen, said.startswith("not looked at")) == (True, True)
    missing = await told(**world.environ)
    assert missing == {f"webhook {event}": (False, "missing") for event in WANTED}
    [(_, refused)] = (await told(**world.environ | {"ESPOCRM_API_KEY": "wrong"})).values()
    assert refused == "espocrm list Webhook: 401"

    await world.ensure()
    ids = {row["event"]: row["id"] for row in world.rows()}
    unknown = await told(**world.environ)
    assert unknown["webhook CDokumente.create"][1].startswith(
        f"GATEWAY_WEBHOOK_SECRETS does not have the secret of {ids['CDokumente.create']}"
    )


async def test_the_doctor_is_content(service: Service) -> None:
    """Every webhook is there, and every gateway that runs has its secret."""
    espocrm = Espocrm(api_keys={"key-of-the-hub": "hub"}, tick_s=None)
    seeded: Any = espocrm.seed(
        {"webhooks": [{"event": event, "url": url, "skipOwn": True} for event, url in WANTED.items()]}
    )
    keys = Keys(gateway_webhook_secrets=NamedSecrets({row["id"]: Secret("x") for row in seeded["webhooks"]}))
    async with serve(espocrm) as url, answering(service, facts=facts_of(keys)):
        environ = {"ESPOCRM_API_BASE_URL": f"{url}/api/v1", "ESPOCRM_API_KEY": "key-of-the-hub"}
        done = await hub(service.bus.settings.nats_url, "doctor", "--json", **environ)
    [checks] = [one["checks"] for one in done.json if one["service"] == "espocrm"]
    assert checks == [{"name": "webhooks", "ok": True, "said": "15 as they should be"}]
