"""compose.yaml and the Dockerfile, held to the code without a container engine."""

import functools
import re
from typing import Any

import pytest
import yaml

from tests.house.repo import ROOT, SERVICES, read
from tests.house.variables import variables

_OF_OTHERS = {"nats", "redis", "otel-collector", "tempo", "loki", "prometheus", "nats-exporter", "grafana"}
_ALL = {"HUB_ENV", "TMPDIR"}
"""Read by all, and no field of any settings."""
_ONCE = {"prepare", "topology", "firm", "hub"}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # the library has no types
    """Reads Compose's own tags as what they stand before."""


def _plain(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


_Loader.add_multi_constructor("!", _plain)


@functools.cache
def _compose(name: str = "compose.yaml") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(read(name), Loader=_Loader)
    return loaded


def _services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = _compose()["services"]
    return found


def test_every_service_is_in_it() -> None:
    """One container each, with the command that everybody knows."""
    found = _services()
    assert {service: found[service]["command"] for service in SERVICES} == {
        service: ["python", "-m", service] for service in SERVICES
    }


@pytest.mark.parametrize("name", sorted(_services()))
def test_a_container_is_locked_down(name: str) -> None:
    """Read-only, no rights, no new ones, bounded in memory, logs and the time to stop."""
    container = _services()[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", container["mem_limit"])
    assert re.fullmatch(r"\d+s", container["stop_grace_period"])
    assert container["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


@pytest.mark.parametrize("name", sorted(set(_services()) - _OF_OTHERS - _ONCE - {"simulators"}))
def test_a_service_starts_after_what_it_needs_and_is_probed(name: str) -> None:
    """Streams are there before it starts, and it counts as up when it is ready."""
    container = _services()[name]
    assert container["depends_on"]["topology"] == {"condition": "service_completed_successfully"}
    wanted = ["CMD", "python", "-m", "shared.healthcheck", *(["gateway"] if name == "gateway" else [])]
    assert container["healthcheck"]["test"] == wanted
    assert container["volumes"][0] == f"{name}_credentials:/run/nats:ro"


def test_only_doors_for_people_and_espocrm_are_published_and_on_loopback() -> None:
    """Everything else is reached from inside."""
    doors = {name: container["ports"] for name, container in _services().items() if "ports" in container}
    assert set(doors) == {"gateway", "console", "grafana"}
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port) for ports in doors.values() for port in ports)


def test_images_are_pinned() -> None:
    """By a tag with a version; ours are made here."""
    for name in _OF_OTHERS:
        assert re.fullmatch(r"docker\.io/[a-z/-]+:v?\d+[\w.-]*", _services()[name]["image"]), name
    bases = re.findall(r"^ARG (?:BUILDER|BASE)=(\S+)$", read("Dockerfile"), re.MULTILINE)
    assert len(bases) == 2
    assert all(re.search(r":[\w.-]*\w$", base) and not base.endswith("latest") for base in bases)


def test_every_secret_of_a_service_is_a_file_of_its_own() -> None:
    """Each is one that the service reads as a secret, mounted and named; none stands in the environment."""
    known = variables()
    for name in SERVICES:
        container = _services()[name]
        environment = container["environment"]
        files = {key.removesuffix("_FILE"): value for key, value in environment.items() if key.endswith("_FILE")}
        assert files == {secret: f"/run/secrets/{secret}" for secret in files}
        assert {*container.get("secrets", ())} - {"GOOGLE_SERVICE_ACCOUNT"} == {*files}
        assert all(known[secret].is_secret and name in known[secret].read_by for secret in files), name
        assert not {variable for variable in environment if variable in known and known[variable].is_secret}
        unknown = {key for key in environment if key not in known and not key.startswith("OTEL_")} - _ALL
        assert {key.removesuffix("_FILE") for key in unknown} == {*files}, name


def test_secrets_are_kept_out_of_the_repository_and_of_the_image() -> None:
    """Neither git nor the build sees them."""
    assert {"/hub.env", "/secrets/"} <= {*read(".gitignore").splitlines()}
    allowed = [line.removeprefix("!") for line in read(".dockerignore").splitlines() if line.startswith("!")]
    assert read(".dockerignore").splitlines()[1] == "*"
    assert not {"secrets", "hub.env", ".env", "deploy", "tests"} & {*allowed}


def test_the_demo_is_the_demo() -> None:
    """Every service gets made-up secrets, says so by name, and does not start without the simulated vendors."""
    demo = _compose("compose.override.yaml")["services"]
    for name in SERVICES:
        assert demo[name]["environment"]["HUB_ENV"] == "demo"
        assert demo[name]["env_file"] == [".env.example"]
        assert {"simulators", "firm"} & {*demo[name]["depends_on"]}
        assert _services()[name]["environment"]["HUB_ENV"] == "production"
    assert _services()["simulators"]["profiles"] == demo["firm"]["profiles"] == ["demo"]


def test_what_is_mounted_is_there() -> None:
    """Files and folders that containers read from this repository."""
    found = _compose()
    paths = [one["file"] for one in found["configs"].values()]
    paths += [
        volume.partition(":")[0]
        for container in found["services"].values()
        for volume in container.get("volumes", ())
        if volume.startswith("./")
    ]
    assert len(paths) > 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_image_runs_as_the_user_that_volumes_are_given_to() -> None:
    """One number in the Dockerfile, in `prepare` and in compose.yaml."""
    image = re.findall(r"^USER (\S+)$", read("Dockerfile"), re.MULTILINE)
    prepare = re.findall(r"^USER = (\d+)$", read("deploy/compose/prepare.py"), re.MULTILINE)
    assert image == ["65532:65532"]
    assert prepare == ["65532"]
    assert {_services()[name]["user"] for name in ("nats", "redis")} == {"65532:65532"}


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").glob("[glopt]*/**/*.y*ml")), ids=lambda path: path.name)
def test_a_file_for_others_can_be_read(path: Any) -> None:
    """YAML of Prometheus, Tempo, Loki, Grafana and the collector is YAML."""
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_prometheus_asks_every_service() -> None:
    """Where it listens in the compose stack."""
    scraped = yaml.safe_load(read("deploy/prometheus/prometheus.yml"))["scrape_configs"]
    hub = next(one for one in scraped if one["job_name"] == "hub")
    ports = {service: "3111" if service == "gateway" else "8081" for service in SERVICES}
    assert set(hub["static_configs"][0]["targets"]) == {f"{service}:{port}" for service, port in ports.items()}
