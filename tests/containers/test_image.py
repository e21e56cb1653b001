"""The image: small, without a shell or pip of ours, not root, and whole."""

import json
import re

import pytest

from tests.containers.engine import ROOT, docker, ran

pytestmark = pytest.mark.containers

_IMAGE_MAX_MB = 150.0
_BASE_MB = 53.0
"""gcr.io/distroless/python3-debian12, uncompressed, as published; where tests run another may stand in for it."""
_LOCKED_DOWN = ("--read-only", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")

_IMPORT_ALL = """
import importlib, pathlib, sys
names = []
for package in sys.argv[1:]:
    for path in sorted(pathlib.Path("/opt/hub", package).rglob("*.py")):
        if path.name not in ("__main__.py", "leash.py"):
            names.append(".".join(path.relative_to("/opt/hub").with_suffix("").parts).removesuffix(".__init__"))
for name in names:
    importlib.import_module(name)
print(len(names), sys.version_info[:2])
"""
_LOOK = """
import json, os, pathlib
TOOLS = ("sh", "bash", "dash", "pip", "pip3", "gcc", "cc", "make", "uv", "apt", "apt-get", "curl", "wget")
places = [pathlib.Path(folder, tool) for folder in ("/bin", "/usr/bin", "/usr/local/bin") for tool in TOOLS]
ours = list(pathlib.Path("/opt").rglob("*"))
libraries = lambda name: name.endswith(".so") or ".so." in name
programs = [p for p in ours if p.is_file() and not libraries(p.name) and p.read_bytes()[:4] in (b"\\x7fELF", b"#!/b")]
packages = pathlib.Path("/opt/packages")
print(json.dumps({
    "tools": sorted(str(place) for place in places if place.exists()),
    "packages": sorted(path.name for path in packages.iterdir()) if packages.is_dir() else [],
    "programs": sorted(str(path) for path in programs),
    "tests": sorted(str(path) for path in ours if path.is_dir() and path.name in ("test", "tests")),
}))
"""


def _base() -> str:
    found = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]


def _size_mb(image: str) -> float:
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def test_the_image_is_small(image: str) -> None:
    """What is laid on the base leaves the image below 150 MB, uncompressed."""
    ours = _size_mb(image) - _size_mb(_base())
    assert 0 < ours < _IMAGE_MAX_MB - _BASE_MB, f"our layers have {ours:.1f} MB"


def test_it_runs_as_nobody_and_nothing_stands_before_python(image: str) -> None:
    """A numeric user, no entry point of the base, SIGTERM, and labels that say what it is."""
    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert config["User"] == "65532:65532"
    assert not config.get("Entrypoint")
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert config["Labels"]["org.opencontainers.image.title"] == "bitbylaw-hub"
    assert {"version", "revision", "description"} <= {
        name.removeprefix("org.opencontainers.image.") for name in config["Labels"]
    }


def test_no_shell_no_pip_no_build_tools_are_laid_on_the_base(image: str) -> None:
    """There is no program that the base has not brought, and the real one brings Python only."""
    code, said = ran(image, "python", "-c", _LOOK)
    before, base = ran(_base(), "-c", _LOOK, options=("--entrypoint", "/usr/bin/python3"))
    assert (code, before) == (0, 0), said + base
    seen, had = json.loads(said), json.loads(base)
    assert seen["tools"] == had["tools"]
    assert seen["programs"] == []
    assert seen["tests"] == []
    assert not {"pip", "setuptools", "wheel", "uv", "hatchling", "pytest"} & set(seen["packages"])


def test_every_module_can_be_imported_in_a_locked_down_container(image: str) -> None:
    """Nothing that was left out is missed: read-only, no network, no rights, an arbitrary user."""
    packages = [
        "gateway",
        "document_worker",
        "beteiligte_worker",
        "calendar_worker",
        "advoware_proxy",
        "console",
        "shared",
    ]
    options = (*_LOCKED_DOWN, "--user", "12345:12345")
    code, said = ran(image, "python", "-W", "error", "-c", _IMPORT_ALL, *packages, options=options)
    assert code == 0, said
    assert int(said.split()[0]) > 150


def test_simulators_are_in_the_demo_image_only(image: str, demo_image: str) -> None:
    """What is for the demo cannot be started in production."""
    assert ran(image, "python", "-c", "import simulators")[0] == 1
    code, said = ran(demo_image, "python", "-c", _IMPORT_ALL, "simulators", options=_LOCKED_DOWN)
    assert code == 0, said


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("gateway", "GATEWAY_WEBHOOK_SECRETS and GATEWAY_API_KEYS are missing"),
        ("document_worker", "XAI_API_KEY is missing"),
        ("calendar_worker", "ADVOWARE_PASSWORD is missing"),
        ("console", "CONSOLE_TOKEN and CONSOLE_USER_HEADER are missing"),
    ],
)
def test_a_missing_secret_is_named(image: str, service: str, says: str) -> None:
    """P11: nothing starts without its secrets, and the container's log says which."""
    code, said = ran(image, "python", "-m", service, options=_LOCKED_DOWN)
    assert code == 78
    assert says in said


def test_hub_is_a_command_in_it(image: str) -> None:
    """Operators need no Python of their own."""
    code, said = ran(image, "hub", "--version", options=_LOCKED_DOWN)
    assert code == 0, said
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said)
