"""Manifests with one fault each, and the words in which the checks say so."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tests.house.manifests import MINORS, Object, api_problems, named, of_kind, schema_problems
from tests.house.manifests_hub import hub_problems
from tests.house.manifests_security import hardening_problems, restricted_problems
from tests.house.variables import variables

Break = Callable[[list[Object]], None]
Check = Callable[[Sequence[Object]], list[str]]

_WORKER = ("Deployment", "document-worker")
_GATEWAY = ("Deployment", "gateway")
_POD = "spec.template.spec"
_HUB = f"{_POD}.containers.hub"
_SAFE = f"{_HUB}.securityContext"


def schema(objects: Sequence[Object]) -> list[str]:
    """Against the newest schemas."""
    return schema_problems(objects, MINORS[-1])


_variables = functools.cache(variables)


def hub(objects: Sequence[Object]) -> list[str]:
    """Beside the code."""
    return hub_problems(objects, _variables())


def put(of: tuple[str, str], path: str, value: object) -> Break:
    """Puts a value where a path leads; in a list by number, or by the name of what stands there."""

    def breaks(objects: list[Object]) -> None:
        node, last = _place(named(objects, *of), path)
        node[last] = value

    return breaks


def take(of: tuple[str, str], path: str) -> Break:
    """Takes away what stands where a path leads."""

    def breaks(objects: list[Object]) -> None:
        node, last = _place(named(objects, *of), path)
        del node[last]

    return breaks


def drop(kind: str, name: str) -> Break:
    """Leaves a whole object out."""
    return lambda objects: objects.remove(named(objects, kind, name))


def setting(group: str, name: str, value: str | None) -> Break:
    """Another value of a ConfigMap, or none."""

    def breaks(objects: list[Object]) -> None:
        data = one_map(objects, group)
        data[name] = value or ""
        if value is None:
            del data[name]

    return breaks


def one_map(objects: Sequence[Object], group: str) -> dict[str, str]:
    """The data of the one ConfigMap of that name, whatever its hash."""
    maps = of_kind(objects, "ConfigMap")
    (found,) = [one["data"] for one in maps if one["metadata"]["name"].rpartition("-")[0] == group]
    data: dict[str, str] = found
    return data


def _place(node: Any, path: str) -> tuple[Any, str | int]:
    *way, last = path.split(".")
    node = functools.reduce(_inner, way, node)
    return node, int(last) if isinstance(node, list) else last


def _inner(node: Any, part: str) -> Any:
    if not isinstance(node, list):
        return node.setdefault(part, {})
    return node[int(part)] if part.isdigit() else next(one for one in node if one["name"] == part)


def _both(objects: list[Object]) -> None:
    put(_WORKER, "spec.replica", 2)(objects)
    put(_WORKER, f"{_HUB}.ports.0.containerPort", "http")(objects)


def _twice(objects: list[Object]) -> None:
    objects.append(named(objects, *_WORKER))


BROKEN: dict[str, tuple[Break, Check, str]] = {
    # Schemas
    "misspelt field": (put(_WORKER, "spec.replica", 2), schema, "'replica' was unexpected"),
    "misspelt field behind another error": (_both, schema, "'replica' was unexpected"),
    "misspelt field deep inside": (put(_WORKER, f"{_HUB}.imagePullPolice", "Always"), schema, "'imagePullPolice' was"),
    "wrong type": (put(_WORKER, f"{_HUB}.ports.0.containerPort", "http"), schema, "'http' is not of type 'integer'"),
    "unknown kind": (put(_WORKER, "apiVersion", "apps/v2"), schema, "has no apps/v2 Deployment"),
    "misspelt field of KEDA": (
        put(("ScaledObject", "document-worker"), "spec.minReplicas", 1),
        schema,
        "'minReplicas' was unexpected",
    ),
    "misspelt metadata of its scaler": (
        put(("ScaledObject", "document-worker"), "spec.triggers.0.metadata.lagTreshold", "64"),
        schema,
        "'lagTreshold' was unexpected",
    ),
    "misspelt PodMonitor": (put(("PodMonitor", "gateway"), "spec.joblabel", "x"), schema, "'joblabel' was unexpected"),
    "misspelt ExternalSecret": (
        put(("ExternalSecret", "xai"), "spec.target.creationPolicy", "Own"),
        schema,
        "'Own' is not one of",
    ),
    # What an API server refuses besides
    "bad quantity": (put(_WORKER, f"{_HUB}.resources.limits.memory", "512MB"), api_problems, "'512MB' is no quantity"),
    "bad name": (put(_WORKER, "metadata.name", "document_worker"), api_problems, "no DNS label"),
    "bad label": (put(_WORKER, "metadata.labels.x", "a b"), api_problems, "label 'a b'"),
    "twice": (_twice, api_problems, "stands twice"),
    "budget with both": (
        put(("PodDisruptionBudget", "gateway"), "spec.minAvailable", 1),
        api_problems,
        "minAvailable and maxUnavailable",
    ),
    "long port name": (put(_WORKER, f"{_HUB}.ports.0.name", "probes-and-metrics"), api_problems, "more than 15"),
    "unknown volume": (put(_WORKER, f"{_HUB}.volumeMounts.0.name", "temp"), api_problems, "no volume temp"),
    # Restricted
    "host network": (put(_WORKER, f"{_POD}.hostNetwork", True), restricted_problems, "hostNetwork"),
    "sysctl": (
        put(_WORKER, f"{_POD}.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
        restricted_problems,
        "sysctl kernel.msgmax",
    ),
    "host path": (
        put(_WORKER, f"{_POD}.volumes.0", {"name": "tmp", "hostPath": {"path": "/"}}),
        restricted_problems,
        "volume of kind hostPath",
    ),
    "host port": (put(_WORKER, f"{_HUB}.ports.0.hostPort", 80), restricted_problems, "hostPort 80"),
    "probe of another host": (
        put(_WORKER, f"{_HUB}.livenessProbe.httpGet.host", "10.0.0.1"),
        restricted_problems,
        "a probe of host 10.0.0.1",
    ),
    "privileged": (put(_WORKER, f"{_SAFE}.privileged", True), restricted_problems, "privileged"),
    "escalation": (take(_WORKER, f"{_SAFE}.allowPrivilegeEscalation"), restricted_problems, "allowPrivilegeEscalation"),
    "capabilities kept": (put(_WORKER, f"{_SAFE}.capabilities", {}), restricted_problems, "ALL is not dropped"),
    "capabilities added": (
        put(_WORKER, f"{_SAFE}.capabilities", {"drop": ["ALL"], "add": ["SYS_TIME"]}),
        restricted_problems,
        "capabilities are added",
    ),
    "root": (put(_WORKER, f"{_POD}.securityContext.runAsUser", 0), restricted_problems, "runAsUser is 0"),
    "perhaps root": (take(_WORKER, f"{_POD}.securityContext.runAsNonRoot"), restricted_problems, "runAsNonRoot is not"),
    "root allowed by a container": (put(_WORKER, f"{_SAFE}.runAsNonRoot", False), restricted_problems, "is false"),
    "no seccomp": (take(_WORKER, f"{_POD}.securityContext.seccompProfile"), restricted_problems, "no seccompProfile"),
    "seccomp off": (
        put(_WORKER, f"{_SAFE}.seccompProfile", {"type": "Unconfined"}),
        restricted_problems,
        "hub: seccompProfile",
    ),
    "AppArmor off": (
        put(_WORKER, f"{_POD}.securityContext.appArmorProfile", {"type": "Unconfined"}),
        restricted_problems,
        "appArmorProfile",
    ),
    "SELinux": (
        put(_WORKER, f"{_SAFE}.seLinuxOptions", {"type": "spc_t", "user": "root"}),
        restricted_problems,
        "seLinuxOptions.type",
    ),
    "Windows host": (
        put(_WORKER, f"{_SAFE}.windowsOptions", {"hostProcess": True}),
        restricted_problems,
        "hostProcess",
    ),
    "proc": (put(_WORKER, f"{_SAFE}.procMount", "Unmasked"), restricted_problems, "procMount"),
    "sidecar": (
        put(_WORKER, f"{_POD}.initContainers", [{"name": "bad", "image": "x"}]),
        restricted_problems,
        "document-worker, bad: allowPrivilegeEscalation",
    ),
    # The house
    "token": (
        take(_WORKER, f"{_POD}.automountServiceAccountToken"),
        hardening_problems,
        "automountServiceAccountToken",
    ),
    "variables of Services": (take(_WORKER, f"{_POD}.enableServiceLinks"), hardening_problems, "enableServiceLinks"),
    "another's account": (put(_WORKER, f"{_POD}.serviceAccountName", "gateway"), hardening_problems, "not its own"),
    "no user": (take(_WORKER, f"{_POD}.securityContext.runAsUser"), hardening_problems, "no runAsUser"),
    "endless volume": (put(_WORKER, f"{_POD}.volumes.tmp.emptyDir", {}), hardening_problems, "has no sizeLimit"),
    "open secret": (
        put(_WORKER, f"{_POD}.volumes.nats.secret.defaultMode", 0o444),
        hardening_problems,
        "read by others",
    ),
    "writable root": (take(_WORKER, f"{_SAFE}.readOnlyRootFilesystem"), hardening_problems, "readOnlyRootFilesystem"),
    "memory": (put(_WORKER, f"{_HUB}.resources.limits.memory", "1Gi"), hardening_problems, "not the same"),
    "CPU limit": (put(_WORKER, f"{_HUB}.resources.limits.cpu", "1"), hardening_problems, "a CPU limit"),
    "no CPU request": (take(_WORKER, f"{_HUB}.resources.requests.cpu"), hardening_problems, "no CPU request"),
    "latest": (put(_WORKER, f"{_HUB}.image", "bitbylaw-hub:latest"), hardening_problems, "is not pinned"),
    "token of an account": (
        take(("ServiceAccount", "gateway"), "automountServiceAccountToken"),
        hardening_problems,
        "ServiceAccount gateway",
    ),
    "namespace": (put(("Namespace", "hub"), "metadata.labels", {}), hardening_problems, "pod security is not enforced"),
}
