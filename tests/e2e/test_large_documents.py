"""Documents far larger than the worker's memory may grow."""

import hashlib
import sys
import time
from pathlib import Path

import pytest

from simulators.xai import Switches, Xai
from tests.e2e.stage import note, staged

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")]

_MB = 1024 * 1024
_GROWTH_KB = 64 * 1024


@pytest.mark.parametrize(
    "size_mb", [pytest.param(64), pytest.param(512, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
async def test_a_large_document_is_synced_in_constant_memory(tmp_path: Path, size_mb: int) -> None:
    """P12: the worker's memory grows by less than 64 MB over what it had when idle, and no spool file is left."""
    size = size_mb * _MB
    spool = tmp_path / "spool"
    spool.mkdir()
    xai = Xai(switches=Switches(max_file_bytes=size, keep_content_up_to_bytes=0))
    async with staged(tmp_path, xai=xai) as stage:
        worker = await stage.worker(TMPDIR=str(spool)).start()
        idle_kb = worker.memory_kb("VmHWM")
        attachment = stage.espocrm.attach_generated("Akte.pdf", "application/pdf", size, seed=size_mb)
        document = str(stage.espocrm.insert("CDokumente", {"name": "Akte", "dokumentId": attachment})["id"])
        stage.espocrm.relate("CDokumente", document, "raeumungsklages", stage.owner())
        began = time.monotonic()
        await stage.say("vmh.document.create", document)
        await stage.until(lambda: stage.record(document)["xaiSyncStatus"] == "clean", seconds=240, what="clean")
        await stage.settled()
        seconds = time.monotonic() - began
        most_kb = worker.memory_kb("VmHWM")
        note(f"{size_mb} MB in {seconds:.1f} s; {idle_kb / 1024:.1f} MB idle, at most {most_kb / 1024:.1f} MB")
        assert most_kb - idle_kb < _GROWTH_KB
        [file] = stage.xai.live_files()
        expected = hashlib.sha256()
        content = stage.espocrm.files.get(attachment)
        assert content is not None
        for block in content.blocks():
            expected.update(block)
        assert (file.bytes, file.sha256) == (size, expected.hexdigest())
        assert list(spool.iterdir()) == []
        await stage.quiet()
        await stage.one_more_sweep_writes_nothing()
