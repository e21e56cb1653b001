"""The Kubernetes manifests are what a cluster would take, and what the code and its image need."""

import base64
import copy
import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.runtime.bus import _MINIMUM_SERVER
from shared.settings import load
from simulators.google_calendar import GoogleCalendar
from tests.house import manifests_broken, manifests_broken_links
from tests.house.manifests import (
    FOLDER,
    MINORS,
    OVERLAYS,
    Object,
    api_problems,
    of_kind,
    pods,
    quantity,
    rendered,
    schema_problems,
)
from tests.house.manifests_broken import one_map
from tests.house.manifests_hub import LEFT_OUT, environment, hub_problems, main_container
from tests.house.manifests_links import link_problems, mounted, secrets
from tests.house.manifests_security import hardening_problems, restricted_problems
from tests.house.repo import SERVICES, bare, codes, read, rows, section
from tests.house.variables import SETTINGS, variables
from tests.support.google import google_account

_FOLDERS = (*(f"overlays/{name}" for name in OVERLAYS), "nats")


@functools.cache
def _rendered(folder: str) -> list[Object]:
    return rendered(folder)


@pytest.fixture(params=_FOLDERS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """Every object of one folder."""
    return copy.deepcopy(_rendered(request.param))


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Object]:
    """Every object of one overlay."""
    return copy.deepcopy(_rendered(f"overlays/{request.param}"))


@pytest.fixture
def production() -> list[Object]:
    """Every object in production, to be broken."""
    return copy.deepcopy(_rendered("overlays/production"))


# As they are


@pytest.mark.parametrize("minor", MINORS)
def test_every_object_fits_its_schema(objects: list[Object], minor: str) -> None:
    """No unknown field and no wrong type, by Kubernetes' strict schemas and those of custom resources."""
    assert schema_problems(objects, minor) == []


def test_every_object_is_one_that_an_api_server_takes(objects: list[Object]) -> None:
    """Names, labels, quantities, ports and volumes."""
    assert api_problems(objects) == []


def test_every_pod_is_restricted(objects: list[Object]) -> None:
    """P11: Pod Security Standards, level restricted; and no token, a read-only root, bounded memory, pinned images."""
    assert restricted_problems(objects) + hardening_problems(objects) == []


def test_every_reference_leads_somewhere(objects: list[Object]) -> None:
    """Selectors, ports, targets, ConfigMaps, Secrets with their keys, accounts; and none stands for nobody."""
    assert link_problems(objects) == []


def test_the_manifests_agree_with_the_code(overlay: list[Object]) -> None:
    """Settings, ports, probes, drains, reach, consumers, users."""
    assert hub_problems(overlay, variables()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_what_its_deployment_gives_it(
    overlay: list[Object], service: str, tmp_path: Path
) -> None:
    """Its settings are read from the ConfigMaps and the mounted secrets without a complaint."""
    deployment = service.replace("_", "-")
    pod = next(pod for pod in pods(overlay) if pod.labels["app.kubernetes.io/name"] == deployment)
    environ = environment(overlay, main_container(pod))
    kept = {key: value for one in of_kind(overlay, "Secret") for key, value in one["data"].items()}
    for name in [name for name in environ if name.endswith("_FILE")]:
        secret = (
            base64.b64decode(kept[Path(environ[name]).name]).decode() if kept else _SECRETS.get(name, "bm90bWFkZXVw")
        )
        environ[name] = str(tmp_path / name)
        Path(environ[name]).write_text(secret, encoding="utf-8")
    if service == "calendar_worker":
        environ["GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH"] = str(tmp_path / "key.json")
        GoogleCalendar(account=google_account()).write_key_file(tmp_path / "key.json", "http://127.0.0.1:3124")
    load(SETTINGS[service], environ)


_SECRETS = {
    "GATEWAY_WEBHOOK_SECRETS_FILE": "656d5a1c:bm90bWFkZXVw",
    "GATEWAY_API_KEYS_FILE": "scripts:bm90bWFkZXVw",
    "REDIS_URL_FILE": "redis://:bm90bWFkZXVw@redis:6379/1",
}


def test_the_version_that_pods_show_is_their_images(production: list[Object]) -> None:
    """`app.kubernetes.io/version` and the image's tag are changed together; a digest says no version."""
    ours = [pod for pod in pods(production) if "bitbylaw-hub" in main_container(pod)["image"]]
    assert len(ours) == len(SERVICES) + 1
    for pod in ours:
        image = main_container(pod)["image"]
        assert "@sha256:" in image or image.endswith(f":{pod.labels['app.kubernetes.io/version']}")


def test_what_is_left_out_may_be() -> None:
    """No deployment sets it, and each is a secret that is not required."""
    known = variables()
    assert all(known[name].is_secret and not known[name].is_required for name in LEFT_OUT)


# NATS' own chart


def _values() -> Any:
    return yaml.safe_load(read(f"{FOLDER}/nats/values.yaml"))


def test_nats_is_what_the_hub_asks_for(production: list[Object]) -> None:
    """As many servers as copies, JetStream on a disk, TLS at both ends, users, and a version that has schedules."""
    config, environ = _values()["config"], one_map(production, "hub")
    assert environ["NATS_REPLICAS"] == str(config["cluster"]["replicas"])
    assert environ["NATS_URL"].startswith("tls://nats.nats.svc")
    assert config["nats"]["tls"]["enabled"]
    assert config["cluster"]["tls"]["enabled"]
    assert config["jetstream"]["enabled"]
    store = config["jetstream"]["fileStore"]
    assert 0 < (quantity(store["maxSize"]) or 0) < (quantity(store["pvc"]["size"]) or 0)
    assert config["merge"]["$include"].endswith("/nats-auth.conf")
    assert tuple(int(part) for part in _values()["container"]["image"]["tag"].split(".")[:2]) >= _MINIMUM_SERVER


def test_nats_pods_are_restricted() -> None:
    """P11: what the values merge into the chart's pods satisfies the level that its namespace enforces."""
    values = _values()
    assert values["natsBox"] == {"enabled": False}
    containers = [{"name": name, **values[name]["merge"]} for name in ("container", "reloader", "promExporter")]
    inner = {**values["podTemplate"]["merge"]["spec"], "containers": containers}
    template = {"metadata": {"labels": {}}, "spec": inner}
    servers: Object = {"kind": "StatefulSet", "metadata": {"name": "nats"}, "spec": {"template": template}}
    assert restricted_problems([servers]) == []


# The how-to


def _table(heading: str) -> list[list[str]]:
    found = rows(section(read("docs/how-to/run-in-kubernetes.md"), heading))
    assert found
    return found


def test_the_how_to_lists_every_secret(production: list[Object]) -> None:
    """Name, keys, and who mounts it."""
    users: dict[str, set[str]] = {}
    for pod in pods(production):
        for secret in (secret for volume in pod.spec["volumes"] for secret in mounted(volume)):
            users.setdefault(secret["name"], set()).add(pod.labels["app.kubernetes.io/name"])
    documented = {bare(row[0]): (set(codes(row[1])), set(row[2].split(", "))) for row in _table("Secrets")}
    assert documented == {name: (keys, users[name]) for name, keys in secrets(production).items()}


def test_the_how_to_lists_every_policy_with_its_ports(production: list[Object]) -> None:
    """What goes in and out, by port."""

    def ports(rules: list[Object]) -> set[str]:
        return {str(port["port"]) for rule in rules for port in rule["ports"]}

    specs = {one["metadata"]["name"]: one["spec"] for one in of_kind(production, "NetworkPolicy")}
    real = {name: [ports(spec.get("ingress", [])), ports(spec.get("egress", []))] for name, spec in specs.items()}
    documented = {bare(row[0]): [set(re.findall(r"\((\d+)\)", cell)) for cell in row[1:]] for row in _table("Network")}
    assert documented == real


def test_the_how_to_has_the_sizes_as_they_are(production: list[Object]) -> None:
    """Replicas, memory, CPU, room for files, time to stop."""
    scaled: dict[str, str] = {}
    for one in of_kind(production, "HorizontalPodAutoscaler", "ScaledObject"):
        spec = one["spec"]
        least = spec.get("minReplicas") or spec["minReplicaCount"]
        most = spec.get("maxReplicas") or spec["maxReplicaCount"]
        by = "CPU" if "minReplicas" in spec else "lag"
        scaled[spec["scaleTargetRef"]["name"]] = f"{least} to {most}, by {by}"
    real = {}
    for one in of_kind(production, "Deployment"):
        name, inner = one["metadata"]["name"], one["spec"]["template"]["spec"]
        asked = inner["containers"][0]["resources"]["requests"]
        rooms = [volume["emptyDir"]["sizeLimit"] for volume in inner["volumes"] if volume["name"] == "tmp"]
        replicas = scaled.get(name) or str(one["spec"]["replicas"])
        stop = str(inner.get("terminationGracePeriodSeconds", 30))
        real[name] = [replicas, asked["memory"], asked["cpu"], *(rooms or ["–"]), stop]
    assert {bare(row[0]): row[1:] for row in _table("Sizes")} == real


# Each check can fail


@pytest.mark.parametrize("fault", [*manifests_broken.BROKEN, *manifests_broken_links.BROKEN])
def test_a_broken_manifest_is_refused_in_the_right_words(production: list[Object], fault: str) -> None:
    """One fault, and the check that it is for says so; without it, the check has nothing to say."""
    breaks, check, words = {**manifests_broken.BROKEN, **manifests_broken_links.BROKEN}[fault]
    assert _whole(check) == []
    breaks(production)
    assert any(words in problem for problem in check(production))


@functools.cache
def _whole(check: manifests_broken.Check) -> list[str]:
    return check(_rendered("overlays/production"))


def test_no_fault_stands_in_both_tables() -> None:
    """So that none hides the other."""
    assert manifests_broken.BROKEN.keys() & manifests_broken_links.BROKEN.keys() == set()
