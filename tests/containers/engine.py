"""The container engine as its command line has it."""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 600.0


class Failed(Exception):
    """A command ended with another code than 0; the text has its last words."""


def docker(*arguments: str, environ: Mapping[str, str] | None = None, timeout_s: float = _TIMEOUT_S) -> str:
    """The standard output of `docker …`, run in the repository. Raises Failed."""
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode != 0:
        raise Failed(f"docker {' '.join(arguments)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def ran(image: str, *command: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """How a command in a new container ended: exit code and all that it said."""
    name = docker("create", *options, image, *command).strip().splitlines()[-1]
    try:
        docker("start", name)
        code = int(docker("wait", name))
        said = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
        return code, said.stdout + said.stderr
    finally:
        docker("rm", "--force", name)


def until(is_so: Callable[[], bool], what: str, *, seconds: float = 60.0) -> None:
    """Returns once it is so. Raises AssertionError: containers tell nobody, so they are asked again and again."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.25)
