"""A container engine, or a skip that says why; and the image, built once."""

import os
import shutil

import pytest

from tests.containers.engine import docker
from tests.support.containers import engine_answers, wanted


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips where there is none, unless somebody asked for containers."""
    missing = "" if shutil.which("docker") else "there is no `docker` on the path"
    missing = missing or ("" if engine_answers() else "no container engine answers (DOCKER_HOST, or its usual socket)")
    if missing and wanted(os.environ) == "containers":
        pytest.fail(missing)
    if missing:
        pytest.skip(f"NOT TESTED, image and compose stack: {missing}")


@pytest.fixture(scope="session")
def image(engine: None) -> str:
    """The image of this tree."""
    docker("build", "--quiet", "--tag", "bitbylaw-hub", ".")
    return "bitbylaw-hub"


@pytest.fixture(scope="session")
def demo_image(image: str) -> str:
    """The same with simulated vendors."""
    docker("build", "--quiet", "--target", "demo", "--tag", "bitbylaw-hub-demo", ".")
    return "bitbylaw-hub-demo"
