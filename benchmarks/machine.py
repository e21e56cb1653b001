"""Which code was measured on what: without that a figure says nothing."""

import os
import platform
import subprocess
from pathlib import Path

import msgspec
import psutil

ROOT = Path(__file__).parents[1]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and what. No names of hosts."""

    commit: str
    """With a `+` when the working tree had changes."""
    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str
    busy: float
    """Share of the cores that others used in the second before: above 0.1 the rates are theirs as much as ours."""


def look() -> Machine:
    """This machine, now; takes a second."""
    return Machine(
        commit=_git("rev-parse", "--short=12", "HEAD") + ("+" if _git("status", "--porcelain") else ""),
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        busy=round(psutil.cpu_percent(interval=1.0) / 100, 2),
    )


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:  # no git, or sources without it
        return ""
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
