"""Pod Security Standards, level restricted, rule by rule; and what the house asks beyond it.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import re
from collections.abc import Sequence

from tests.house.manifests import Object, Pod, of_kind, pods, quantity

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
_SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_PINNED = re.compile(r".+(:\d+\.\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})")


def restricted_problems(objects: Sequence[Object]) -> list[str]:
    """Every rule of the level that a pod would break."""
    problems = []
    for pod in pods(objects):
        context = pod.spec.get("securityContext", {})
        problems += [f"{pod.of}: {told}" for told in (*_host(pod.spec), *_volumes(pod.spec), *_shared(context))]
        for one in pod.containers:
            told = [*_container(one, context), *_shared(one.get("securityContext", {})), *_reach(one)]
            problems += [f"{pod.of}, {one['name']}: {rule}" for rule in told]
    return problems


def _host(spec: Object) -> list[str]:
    told = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    sysctls = {one["name"] for one in spec.get("securityContext", {}).get("sysctls", [])}
    return told + [f"sysctl {name}" for name in sorted(sysctls - _SYSCTLS)]


def _volumes(spec: Object) -> list[str]:
    kinds = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
    return [f"volume of kind {kind}" for kind in sorted(kinds - _VOLUMES)]


def _shared(context: Object) -> list[str]:
    """What must not be said, neither of a pod nor of a container."""
    told = []
    if context.get("windowsOptions", {}).get("hostProcess"):
        told.append("hostProcess")
    if context.get("seLinuxOptions", {}).get("type") not in _SELINUX:
        told.append("seLinuxOptions.type")
    if {"user", "role"} & context.get("seLinuxOptions", {}).keys():
        told.append("seLinuxOptions.user or role")
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        told.append("appArmorProfile")
    if context.get("seccompProfile", {}).get("type", "RuntimeDefault") not in ("RuntimeDefault", "Localhost"):
        told.append("seccompProfile")
    if context.get("runAsUser") == 0:
        told.append("runAsUser is 0")
    if context.get("runAsNonRoot") is False:
        told.append("runAsNonRoot is false")
    return told


def _container(one: Object, pod: Object) -> list[str]:
    own = one.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    told = []
    if own.get("privileged"):
        told.append("privileged")
    if own.get("procMount", "Default") != "Default":
        told.append("procMount")
    if own.get("allowPrivilegeEscalation") is not False:
        told.append("allowPrivilegeEscalation is not false")
    if not (own.get("runAsNonRoot") or pod.get("runAsNonRoot")):
        told.append("runAsNonRoot is not true")
    if "seccompProfile" not in own and "seccompProfile" not in pod:
        told.append("no seccompProfile")
    if "ALL" not in capabilities.get("drop", []):
        told.append("capabilities: ALL is not dropped")
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        told.append("capabilities are added")
    return told


def _reach(one: Object) -> list[str]:
    """A container's own ways to the node: its ports there, and probes that are sent elsewhere."""
    told = [f"hostPort {port['hostPort']}" for port in one.get("ports", []) if port.get("hostPort")]
    lifecycle = one.get("lifecycle", {})
    doings = [one.get(name, {}) for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    doings += [lifecycle.get(name, {}) for name in ("postStart", "preStop")]
    hosts = [doing.get(way, {}).get("host") for doing in doings for way in ("httpGet", "tcpSocket")]
    return told + [f"a probe of host {host}" for host in hosts if host]


# The house


def hardening_problems(objects: Sequence[Object]) -> list[str]:
    """What the house asks beyond the standard: no token, nothing written but to volumes, bounded memory, one image."""
    problems = []
    for pod in pods(objects):
        problems += [f"{pod.of}: {told}" for told in _pod(pod)]
        for one in pod.containers:
            problems += [f"{pod.of}, {one['name']}: {told}" for told in _bounds(one)]
    for one in of_kind(objects, "ServiceAccount"):
        if one.get("automountServiceAccountToken") is not False:
            problems.append(f"ServiceAccount {one['metadata']['name']}: automountServiceAccountToken is not false")
    for one in of_kind(objects, "Namespace"):
        if one["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            problems.append(f"Namespace {one['metadata']['name']}: pod security is not enforced")
    return problems


def _pod(pod: Pod) -> list[str]:
    told = []
    if pod.spec.get("automountServiceAccountToken") is not False:
        told.append("automountServiceAccountToken is not false")
    if pod.spec.get("enableServiceLinks") is not False:
        told.append("enableServiceLinks is not false: a Service's variables would take the place of settings")
    if not isinstance(pod.spec.get("securityContext", {}).get("runAsUser"), int):
        told.append("no runAsUser")
    if pod.spec.get("serviceAccountName") != pod.labels.get("app.kubernetes.io/name"):
        told.append("not its own ServiceAccount")
    for volume in pod.spec.get("volumes", []):
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            told.append(f"volume {volume['name']} has no sizeLimit")
        secret = volume.get("secret") or volume.get("projected")
        if secret is not None and secret.get("defaultMode") != 0o440:
            told.append(f"volume {volume['name']} can be read by others")
    return told


def _bounds(one: Object) -> list[str]:
    resources = one.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    told = []
    if one.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
        told.append("readOnlyRootFilesystem is not true")
    if "memory" not in limits or quantity(limits["memory"]) != quantity(requests.get("memory")):
        told.append("memory: request and limit are not the same")
    if "cpu" in limits:
        told.append("a CPU limit, which only makes it slower")
    if "cpu" not in requests:
        told.append("no CPU request")
    if not _PINNED.fullmatch(one["image"]):
        told.append(f"image {one['image']} is not pinned")
    return told
