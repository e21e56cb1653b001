"""The manifests beside the code: settings, ports, probes, drains, vendors, consumers and the image's user."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

import advoware_proxy.app
import console.app
import gateway.app
import shared.runtime.operator
import shared.runtime.worker
import shared.telemetry.tracing
from gateway.calendar_door import PATH as CALENDAR_PATH
from gateway.proxy_door import PATH as PROXY_PATH
from gateway.webhooks import WEBHOOKS
from shared.contracts.permissions import WORKERS
from shared.runtime.health import Health
from shared.telemetry.metrics import Metrics
from tests.house.manifests import Object, Pod, named, of_kind, pods, quantity, title
from tests.house.manifests_links import fits, mounted, secrets
from tests.house.repo import SERVICES, read
from tests.house.variables import Variable

_EVERYBODYS = ("HUB_ENV", "TMPDIR", "OTEL_")
_VENDORS = ("ESPOCRM_", "XAI_", "ADVOWARE_", "GOOGLE_")
_APART = {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
LEFT_OUT = {"ADVOWARE_API_SECRET"}
"""A secret that few have: its file would have to be there for all."""

FLUSH_S = 2.0 + shared.telemetry.tracing._FLUSH_S
"""After a drain: what is buffered for NATS, and spans."""
DRAINS_S: Mapping[str, float] = {
    "gateway": gateway.app._NOTICE_S + gateway.app._GRACE_S,
    **{worker.name: shared.runtime.worker._GRACE_S for worker in WORKERS},
    "advoware_proxy": 2 * advoware_proxy.app._GRACE_S,
    "console": console.app._GRACE_S,
}


def hub_problems(objects: Sequence[Object], variables: Mapping[str, Variable]) -> list[str]:
    """Everything in which the manifests and the code differ."""
    found = {pod.labels.get("app.kubernetes.io/component"): pod for pod in pods(objects)}
    services = {name: found[name] for name in SERVICES if name in found}
    problems = [f"no Deployment of {name}" for name in SERVICES if name not in services]
    for name, pod in services.items():
        problems += _settings(objects, name, pod, variables)
        problems += _doors(objects, name, pod)
        problems += _drain(name, pod)
        problems += _rolls(objects, pod)
        problems += _reach(objects, name, pod, variables)
    if "document_worker" in services:
        problems += _spool(objects, services["document_worker"])
    return [*problems, *_consumers(objects), *_paths(objects), *_users(objects)]


def main_container(pod: Pod) -> Object:
    """The service's own; sidecars stand before it."""
    found: Object = pod.spec["containers"][0]
    return found


def environment(objects: Sequence[Object], container: Object) -> dict[str, str]:
    """What the process would see."""
    values: dict[str, str] = {}
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(objects, "ConfigMap")}
    for source in container.get("envFrom", []):
        values |= maps.get(source["configMapRef"]["name"], {})
    return values | {one["name"]: one["value"] for one in container.get("env", [])}


def files(objects: Sequence[Object], pod: Pod, container: Object) -> set[str]:
    """Paths of the secrets that the process would see."""
    volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
    known = secrets(objects)
    found = set()
    for mount in container["volumeMounts"]:
        for secret in mounted(volumes[mount["name"]]):
            paths = [item["path"] for item in secret.get("items", [])] or known.get(secret["name"], set())
            found |= {f"{mount['mountPath']}/{path}" for path in paths}
    return found


def _settings(objects: Sequence[Object], name: str, pod: Pod, variables: Mapping[str, Variable]) -> Iterator[str]:
    """Exactly the service's settings: no other, none left to chance, no secret in the open."""
    container = main_container(pod)
    given = environment(objects, container)
    there = files(objects, pod, container)
    own = {one.name: one for one in variables.values() if name in one.read_by}
    if container.get("command") != ["python", "-m", name]:
        yield f"{pod.of}: does not run {name}"
    for variable, value in given.items():
        secret = own.get(variable.removesuffix("_FILE"))
        if variable in own and own[variable].is_secret:
            yield f"{pod.of}: {variable} stands in the open"
        elif variable not in own and not variable.startswith(_EVERYBODYS) and not (secret and secret.is_secret):
            yield f"{pod.of}: {variable} is none of its settings"
        elif variable in own and own[variable].is_required and not value:
            yield f"{pod.of}: {variable} is empty"
        if value.startswith("/run/secrets/") and value not in there:
            yield f"{pod.of}: {variable} names {value}, which is not mounted"
    missing = own.keys() - {variable.removesuffix("_FILE") for variable in given} - LEFT_OUT
    yield from (f"{pod.of}: {variable} is not set" for variable in sorted(missing))
    documented = read("docs/configuration.md")
    for variable in (variable for one in pod.containers for variable in environment(objects, one)):
        names = {f"`{variable}`", f"`{variable.removesuffix('_FILE')}`"}
        if not variable.startswith(("TMPDIR", "OTEL_")) and not any(name in documented for name in names):
            yield f"{pod.of}: docs/configuration.md does not know {variable}"


# Ports, probes, drains


def _doors(objects: Sequence[Object], name: str, pod: Pod) -> Iterator[str]:
    """Ports and probes are where the service listens."""
    container = main_container(pod)
    given = environment(objects, container)
    wanted = {"http": given.get("GATEWAY_PORT" if name == "gateway" else "HEALTH_PORT")}
    if name == "console":
        wanted["page"] = given.get("CONSOLE_PORT")
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    if ports != wanted:
        yield f"{pod.of}: ports {ports} beside settings {wanted}"
    hosts = {variable: value for variable, value in given.items() if variable.endswith("_HOST")}
    for variable, value in hosts.items():
        if variable != "REDIS_HOST" and value != "0.0.0.0":
            yield f"{pod.of}: nobody outside reaches {variable}={value}"
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        asks = container.get(probe, {}).get("httpGet", {})
        if asks.get("path") != path or asks.get("port") != "http" or path not in _routes():
            yield f"{pod.of}: {probe} asks {asks}"


@functools.cache
def _routes() -> set[str]:
    return {route.path for route in Health("house", "0", Metrics("house", "0")).routes()}


def _drain(name: str, pod: Pod) -> Iterator[str]:
    """Enough time to stop in good order, and not much more."""
    pause_s = main_container(pod).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    needed_s = pause_s + DRAINS_S[name] + shared.runtime.operator._GRACE_S + FLUSH_S
    given_s = pod.spec.get("terminationGracePeriodSeconds", 30)
    if not needed_s <= given_s <= needed_s + 15:
        yield f"{pod.of}: stops in up to {needed_s:g} s and is given {given_s}"
    if bool(pause_s) != (name == "gateway"):
        yield f"{pod.of}: preStop is for the gateway, to which routers go on sending"


def _rolls(objects: Sequence[Object], pod: Pod) -> Iterator[str]:
    """A new replica is there before an old one goes; replicas stand apart; a drain takes one at a time."""
    spec = named(objects, *pod.of.split())["spec"]
    wanted = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    # With simulators in it a second pod would be a second world.
    if spec["strategy"] != wanted and len(pod.containers) == 1:
        yield f"{pod.of}: is rolled by {spec['strategy']}"
    if {one["topologyKey"] for one in pod.spec.get("topologySpreadConstraints", [])} != _APART:
        yield f"{pod.of}: may have all its replicas in one place"
    budgets = [
        one["spec"] for one in of_kind(objects, "PodDisruptionBudget") if fits(one["spec"]["selector"], pod.labels)
    ]
    kind = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    if spec.get("replicas") != 1 and not any(kind.items() <= budget.items() for budget in budgets):
        yield f"{pod.of}: a drain may take all of it, or hang"


# Who may reach whom


def _reach(objects: Sequence[Object], name: str, pod: Pod, variables: Mapping[str, Variable]) -> Iterator[str]:
    """Out to the internet goes who talks to a vendor, to Redis who has its settings; nobody else."""
    rules = list(_rules(objects, pod))
    own = {one.name for one in variables.values() if name in one.read_by}
    outside = {port["port"] for rule in rules for port in rule["ports"] if any("ipBlock" in to for to in rule["to"])}
    if outside != ({443} if any(variable.startswith(_VENDORS) for variable in own) else set()):
        yield f"{pod.of}: reaches ports {sorted(outside)} outside"
    ports = {port["port"] for rule in rules for port in rule["ports"]}
    if (6379 in ports) != ("REDIS_HOST" in own):
        yield f"{pod.of}: Redis, and its settings"
    redis = [one for one in of_kind(objects, "NetworkPolicy") if one["metadata"]["name"] == "redis"]
    let_in = [peer["podSelector"] for one in redis for rule in one["spec"]["ingress"] for peer in rule["from"]]
    if any(fits(selector, pod.labels) for selector in let_in) != ("REDIS_HOST" in own):
        yield f"{pod.of}: Redis lets in others than those with its settings"
    if not {53, 4222, 4318} <= ports:
        yield f"{pod.of}: cannot reach names, NATS or traces"
    for block in (to["ipBlock"] for rule in rules for to in rule["to"] if "ipBlock" in to):
        if not {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} <= set(block["except"]) and ":" not in block["cidr"]:
            yield f"{pod.of}: {block['cidr']} has addresses inside"


def _rules(objects: Sequence[Object], pod: Pod) -> Iterator[Object]:
    for one in of_kind(objects, "NetworkPolicy"):
        if fits(one["spec"]["podSelector"], pod.labels):
            yield from one["spec"].get("egress", [])


def _paths(objects: Sequence[Object]) -> Iterator[str]:
    """The Ingresses let through every door, and nothing but doors; and no router repeats a write to Advoware."""
    ingresses = of_kind(objects, "Ingress")
    paths = [
        (one, path)
        for one in ingresses
        for rule in one["spec"]["rules"]
        for path in rule["http"]["paths"]
        if path["backend"]["service"]["name"] == "gateway"
    ]

    def way(asked: str) -> list[Object]:
        return [one for one, path in paths if _leads(path, asked)]

    for door in (*WEBHOOKS, PROXY_PATH, CALENDAR_PATH) if ingresses else ():
        if len(way(door)) != 1:
            yield f"Ingress: {len(way(door))} ways to {door}"
    yield from (f"Ingress: {path} is open" for path in (*sorted(_routes()), "/docs", "/openapi.json", "/") if way(path))
    for one in way(PROXY_PATH):
        if one["metadata"]["annotations"].get("nginx.ingress.kubernetes.io/proxy-next-upstream") != "off":
            yield f"{title(one)}: a router may repeat a write"


def _leads(path: Object, asked: str) -> bool:
    begins = asked.startswith(path["path"].rstrip("/") + "/")
    return bool(asked == path["path"] or (path["pathType"] == "Prefix" and begins))


# NATS


def _consumers(objects: Sequence[Object]) -> Iterator[str]:
    """Who is scaled by lag is scaled by its own consumer's, and takes in hand what the threshold says."""
    scaled = of_kind(objects, "ScaledObject")
    streams = {worker.name.replace("_", "-"): (worker.stream.name, worker.name) for worker in WORKERS}
    if scaled and {one["spec"]["scaleTargetRef"]["name"] for one in scaled} != streams.keys():
        yield "ScaledObject: not exactly one per worker"
    for one in scaled:
        asks = one["spec"]["triggers"][0]["metadata"]
        target = one["spec"]["scaleTargetRef"]["name"]
        if (asks["stream"], asks["consumer"]) != streams.get(target):
            yield f"{title(one)}: {asks['stream']} {asks['consumer']} is not {target}'s consumer"
        workers = [pod for pod in pods(objects) if pod.labels["app.kubernetes.io/name"] == target]
        lanes = [environment(objects, main_container(pod))["WORKER_CONCURRENCY"] for pod in workers]
        if lanes != [str(int(asks["lagThreshold"]) // 2)]:
            yield f"{title(one)}: a threshold of {asks['lagThreshold']} beside {lanes} lanes"


def _users(objects: Sequence[Object]) -> Iterator[str]:
    """Each pod of the image runs as the image's user, and has its own credentials for NATS and no others."""
    user = re.search(r"^USER (\d+):(\d+)$", read("Dockerfile"), re.MULTILINE)
    for pod in pods(objects):
        name = pod.labels["app.kubernetes.io/name"]
        own = main_container(pod)
        if "bitbylaw-hub" not in own["image"]:
            continue
        context = pod.spec["securityContext"]
        if not user or (context.get("runAsUser"), context.get("runAsGroup")) != (int(user[1]), int(user[2])):
            yield f"{pod.of}: does not run as the image's user"
        wanted = "nats-operator" if name == "topology" else f"nats-{name}"
        held = [secret["name"] for volume in pod.spec["volumes"] for secret in mounted(volume)]
        if [one for one in held if one.startswith("nats-") and one != "nats-ca"] != [wanted]:
            yield f"{pod.of}: has credentials {held}"


def _spool(objects: Sequence[Object], pod: Pod) -> Iterator[str]:
    """Documents are spooled to /tmp: as many at once as there are lanes, each as large as xAI takes."""
    given = environment(objects, main_container(pod))
    needed = int(given["WORKER_CONCURRENCY"]) * int(given["XAI_MAX_FILE_SIZE_MB"]) * 2**20
    tmp = next(volume for volume in pod.spec["volumes"] if volume["name"] == "tmp")["emptyDir"]["sizeLimit"]
    mounts = {mount["name"]: mount["mountPath"] for mount in main_container(pod)["volumeMounts"]}
    if (quantity(tmp) or 0) < needed or given.get("TMPDIR") != mounts.get("tmp"):
        yield f"{pod.of}: {tmp} at {mounts.get('tmp')} do not hold {needed} bytes"
