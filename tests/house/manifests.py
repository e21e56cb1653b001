"""The manifests as a cluster would get them, and whether each object is one that it would take."""

import functools
import importlib.resources
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import yaml
from referencing import Registry, Resource

from tests.house.repo import ROOT, read

Object = dict[str, Any]

FOLDER = "deploy/kubernetes"
OVERLAYS = ("production", "demo")
MINORS = ("1.34", "1.37")
"""The oldest Kubernetes that has all we use (`preStop.sleep`), and the newest that kubernetes-validate knows."""

_CUSTOM = "tests/samples/kubernetes/custom-resources.json"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_FACTORS = {"m": 0.001, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """The pods of one workload."""

    of: str
    labels: dict[str, str]
    spec: Object

    @property
    def containers(self) -> list[Object]:
        """All of them, sidecars and what runs before too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        """Number by name."""
        return {port["name"]: port["containerPort"] for one in self.containers for port in one.get("ports", [])}

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether it has all of these labels."""
        return all(self.labels.get(name) == value for name, value in labels.items())


def rendered(folder: str) -> list[Object]:
    """Every object of a kustomization, as `kubectl apply -k` would send it; a warning is an error."""
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run(
        [str(kubectl), "kustomize", str(ROOT / FOLDER / folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [one for one in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if one]


def title(one: Object) -> str:
    """How an object is called in a sentence."""
    return f"{one['kind']} {one['metadata']['name']}"


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Object]:
    """The objects of these kinds."""
    return [one for one in objects if one["kind"] in kinds]


def named(objects: Sequence[Object], kind: str, name: str) -> Object:
    """The one object of this kind and name."""
    return next(one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)


def pods(objects: Sequence[Object]) -> list[Pod]:
    """What the workloads would run."""
    found = []
    for one in of_kind(objects, "Deployment", "StatefulSet", "DaemonSet", "Job"):
        template = one["spec"]["template"]
        found.append(Pod(of=title(one), labels=template["metadata"]["labels"], spec=template["spec"]))
    return found


def quantity(text: object) -> float | None:
    """A quantity as a number; None where it is none. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""
    found = _QUANTITY.fullmatch(str(text))
    return float(found[1]) * (_FACTORS | _BINARY).get(found[2] or "", 1) if found else None


# What a cluster refuses


def schema_problems(objects: Sequence[Object], minor: str) -> list[str]:
    """Every field that Kubernetes or a custom resource does not have, and every value of a wrong type.

    kubernetes-validate's own `validate` reports the one error it likes best and so hides a misspelt field behind
    another; its strict schemas are read here directly, and every error is told.
    """
    custom = json.loads(read(_CUSTOM))
    problems = []
    for one in objects:
        schema = custom.get(f"{one['apiVersion']} {one['kind']}")
        if schema is not None:
            told = {"apiVersion", "kind", "metadata", "spec"} ^ one.keys()
            problems += [f"{title(one)}: {name} is missing or unknown" for name in sorted(told)]
            errors = jsonschema.Draft202012Validator(schema).iter_errors(one.get("spec", {}))
        else:
            validator = _validator(minor, one["kind"], one["apiVersion"])
            if validator is None:
                problems.append(f"{title(one)}: Kubernetes {minor} has no {one['apiVersion']} {one['kind']}")
                continue
            errors = validator.iter_errors(one)
        problems += [f"{title(one)}: {_place(error)}: {error.message}" for error in errors]
    return problems


def _place(error: jsonschema.ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path)


@functools.cache
def _validator(minor: str, kind: str, api_version: str) -> jsonschema.Draft202012Validator | None:
    folder = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{minor}.0-local-strict"
    group, _, version = api_version.rpartition("/")
    suffix = f"{group.partition('.')[0]}-{version}" if group else version
    try:
        schema = json.loads((folder / f"{kind.lower()}-{suffix}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    registry: Registry[Any] = _definitions(minor) @ Registry()
    return jsonschema.Draft202012Validator(schema, registry=registry)


@functools.cache
def _definitions(minor: str) -> Resource[Any]:
    folder = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{minor}.0-local-strict"
    return Resource.from_contents(json.loads((folder / "_definitions.json").read_text(encoding="utf-8")))


def api_problems(objects: Sequence[Object]) -> list[str]:
    """What an API server refuses beyond types: names, labels, quantities, contradictions, the same object twice."""
    problems = []
    seen: set[tuple[str, str]] = set()
    for one in objects:
        name = one["metadata"]["name"]
        if not _NAME.fullmatch(name):
            problems.append(f"{title(one)}: no DNS label")
        if (one["kind"], name) in seen:
            problems.append(f"{title(one)}: stands twice")
        seen.add((one["kind"], name))
        problems += [f"{title(one)}: label {value!r}" for value in _labels(one) if not _LABEL.fullmatch(str(value))]
        problems += [f"{title(one)}: {text!r} is no quantity" for text in _quantities(one) if quantity(text) is None]
        if one["kind"] == "PodDisruptionBudget" and {"minAvailable", "maxUnavailable"} <= one["spec"].keys():
            problems.append(f"{title(one)}: minAvailable and maxUnavailable")
    for pod in pods(objects):
        names = [port["name"] for one in pod.containers for port in one.get("ports", [])]
        problems += [f"{pod.of}: port {name} has more than 15 characters" for name in names if len(name) > 15]
        problems += [f"{pod.of}: two ports are called {name}" for name in set(names) if names.count(name) > 1]
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])} | _claims(objects)
        mounts = [mount for one in pod.containers for mount in one.get("volumeMounts", [])]
        problems += [f"{pod.of}: no volume {mount['name']}" for mount in mounts if mount["name"] not in volumes]
    return problems


def _claims(objects: Sequence[Object]) -> set[str]:
    sets = of_kind(objects, "StatefulSet")
    return {claim["metadata"]["name"] for one in sets for claim in one["spec"].get("volumeClaimTemplates", [])}


def _labels(one: Object) -> Iterator[object]:
    yield from one["metadata"].get("labels", {}).values()
    if isinstance(template := one.get("spec", {}).get("template"), dict):
        yield from template.get("metadata", {}).get("labels", {}).values()


def _quantities(node: object) -> Iterator[object]:
    """What stands where a quantity is wanted, anywhere inside."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("limits", "requests") and isinstance(value, dict):
                yield from value.values()
            elif name == "sizeLimit":
                yield value
            else:
                yield from _quantities(value)
    elif isinstance(node, list):
        for value in node:
            yield from _quantities(value)
