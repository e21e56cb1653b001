"""The demo's vendors and firm: `alive` asks whether the simulated vendors answer, `move-in` fills them, once."""

import asyncio
import sys

import aiohttp

from local_stack.environment import WEBHOOKS
from local_stack.firm import OWNERS, PAPERS
from local_stack.vendors import LOST, Advoware, Espocrm, Refused

PORTS = (3121, 3122, 3123, 3124)
VENDORS = "http://simulators"
GATEWAY = "http://gateway:3111"


async def alive() -> int:
    """0 when all four answer."""
    try:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            for port in PORTS:
                await (await session.get(f"http://127.0.0.1:{port}/_sim/faults")).release()
    except LOST as failed:
        sys.stdout.write(f"{type(failed).__name__}\n")
        return 1
    return 0


async def move_in() -> int:
    """EspoCRM's webhooks, owners and documents, and Advoware's firm; nothing where somebody lives already."""
    async with aiohttp.ClientSession() as session:
        espocrm = Espocrm(session, f"{VENDORS}:3121")
        if await espocrm.documents():
            return 0
        records: dict[str, list[dict[str, str]]] = {}
        for owner in OWNERS:
            records.setdefault(owner.kind[0], []).append({"id": owner.id, "name": owner.name})
        webhooks = [
            {"id": hook.id, "secretKey": hook.secret, "event": hook.event, "url": GATEWAY + hook.path}
            for hook in WEBHOOKS
        ]
        await espocrm.seed({"records": records, "webhooks": webhooks})
        await Advoware(session, f"{VENDORS}:3123").plant()
        for paper in PAPERS:
            attributes = {"name": paper.name}
            if paper.content is not None:
                attributes["dokumentId"] = await espocrm.attach(paper.name, paper.content)
            document_id = await espocrm.insert("CDokumente", attributes)
            for owner in paper.owners:
                await espocrm.link("relate", document_id, owner.kind[1], owner.id)
    sys.stdout.write(f"{len(PAPERS)} documents filed\n")
    return 0


async def main(deed: str) -> int:
    """The exit code."""
    try:
        return await (alive() if deed == "alive" else move_in())
    except (*LOST, Refused) as failed:
        sys.stdout.write(f"{type(failed).__name__}: {failed}\n")
        return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
