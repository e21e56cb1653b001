"""Restarts a service when its files change."""

from collections.abc import Callable, Mapping
from pathlib import Path

from watchfiles import PythonFilter, awatch

from local_stack.processes import Child, ChildFailed, Supervisor

_ROOT = Path(__file__).resolve().parent.parent
_CONCERNS = {
    "gateway": ("gateway",),
    "document_worker": ("document_worker",),
    "beteiligte_worker": ("beteiligte_worker",),
    "calendar_worker": ("calendar_worker",),
    "advoware_proxy": ("advoware_proxy",),
    "console": ("console",),
    "shared": ("gateway", "document_worker", "beteiligte_worker", "calendar_worker", "advoware_proxy", "console"),
    "simulators": ("simulators",),
}


def concerned(paths: set[Path]) -> list[str]:
    """The services that a change of these files concerns."""
    packages = {path.relative_to(_ROOT).parts[0] for path in paths}
    return sorted({service for package in packages for service in _CONCERNS.get(package, ())})


async def reload(children: Mapping[str, Child], supervisor: Supervisor, say: Callable[[str], None]) -> None:
    """Watches until cancelled. A service that does not come up again waits for the next change."""
    async for changes in awatch(*(_ROOT / name for name in _CONCERNS), watch_filter=PythonFilter()):
        paths = {Path(path) for _, path in changes}
        changed = ", ".join(sorted(str(path.relative_to(_ROOT)) for path in paths)[:3])
        for name in concerned(paths):
            say(f"{changed} changed: restarting {name}")
            try:
                await supervisor.restart(children[name])
            except ChildFailed as failed:
                say(str(failed))
            else:
                say(f"{name} is up again")
