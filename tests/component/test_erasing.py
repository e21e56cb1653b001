"""The recipe of docs/data-protection.md for a document's files at xAI, as it stands there, against the simulator."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from document_worker.handlers import on_document, on_owner
from shared.contracts.events import EntityEvent
from shared.runtime.service import Service
from simulators.harness import serve
from tests.support.office import open_office

_PAGE = Path(__file__).parents[2] / "docs/data-protection.md"
_MISSING = [tool for tool in ("sh", "curl", "jq") if shutil.which(tool) is None]


def _recipe(address: str, document_id: str) -> str:
    found = re.search(r"```sh\n(\s*next=\n.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the page has no recipe"
    # Pages of two, so that there is more than one.
    text = found[1].replace("https://api.x.ai", address).replace("limit=100", "limit=2").replace("-eq 100", "-eq 2")
    return text.replace("doc456", document_id)


@pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}")
async def test_all_files_of_a_document_are_found_and_those_of_others_are_not(service: Service) -> None:
    """P10: also those of earlier versions, which no collection has any more; over several pages."""
    async with open_office(service) as office, serve(office.xai) as address:
        owner = office.owner()
        documents = [office.document(f"Schrift {number}".encode(), owner=owner) for number in range(4)]
        await on_owner(EntityEvent(entity_id=owner, entity_type="Raeumungsklage"), office.deps)
        for document in documents:
            await on_document(EntityEvent(entity_id=document, entity_type="CDokumente"), office.deps)
        one = documents[1]
        before = office.record(one)["xaiId"]
        office.replace_file(one, b"Schrift 1, neu")
        await on_document(EntityEvent(entity_id=one, entity_type="CDokumente"), office.deps)
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            _recipe(address, one),
            env={"XAI_API_KEY": "demo", "PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        after = office.record(one)["xaiId"]
        assert before != after
        assert sorted(out.decode().split()) == sorted([before, after])
