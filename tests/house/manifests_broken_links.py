"""More manifests with one fault each: what leads nowhere, and what differs from the code."""

from collections.abc import Mapping

from tests.house.manifests import Object, named
from tests.house.manifests_broken import Break, Check, drop, hub, put, setting, take
from tests.house.manifests_links import link_problems

_WORKER = ("Deployment", "document-worker")
_GATEWAY = ("Deployment", "gateway")
_CONSOLE = ("Deployment", "console")
_LAG = ("ScaledObject", "document-worker")
_RULES = ("NetworkPolicy", "document-worker")
_HUB = "spec.template.spec.containers.hub"
_VOLUMES = "spec.template.spec.volumes"
_GRACE = "spec.template.spec.terminationGracePeriodSeconds"
_TRIGGER = "spec.triggers.0"


def _everywhere(objects: list[Object]) -> None:
    """Out to addresses inside, too."""
    named(objects, *_RULES)["spec"]["egress"][0]["to"][0]["ipBlock"]["except"].clear()


LINKS: Mapping[str, tuple[Break, str]] = {
    "own pods": (put(_WORKER, "spec.selector.matchLabels", {"a": "b"}), "selects none of its own pods"),
    "budget": (
        put(("PodDisruptionBudget", "gateway"), "spec.selector.matchLabels", {"a": "b"}),
        "PodDisruptionBudget gateway: selects nobody",
    ),
    "service": (put(("Service", "gateway"), "spec.selector", {"a": "b"}), "Service gateway: selects nobody"),
    "service's port": (put(("Service", "redis"), "spec.ports.0.targetPort", 6380), "has no port 6380"),
    "backend": (
        put(("Ingress", "gateway"), "spec.rules.0.http.paths.0.backend.service.name", "gate"),
        "no Service gate with that port",
    ),
    "no TLS": (put(("Ingress", "console"), "spec.tls.0.hosts", ["other.example"]), "a host without TLS"),
    "open by default": (drop("NetworkPolicy", "nothing-by-default"), "nothing is refused by default"),
    "policy for nobody": (
        put(("NetworkPolicy", "redis"), "spec.podSelector.matchLabels", {"a": "b"}),
        "NetworkPolicy redis: {'matchLabels': {'a': 'b'}} selects nobody",
    ),
    "policy with one stranger": (
        put(("NetworkPolicy", "every-service"), "spec.podSelector.matchExpressions.0.values.0", "gatway"),
        "gatway",
    ),
    "peer that is nobody": (
        put(("NetworkPolicy", "redis"), "spec.ingress.0.from.0.podSelector.matchExpressions.0.values.0", "worker"),
        "NetworkPolicy redis",
    ),
    "peer that is everybody": (
        put(("NetworkPolicy", "redis"), "spec.ingress.0.from", [{}]),
        "a peer that is everybody",
    ),
    "every port": (take(("NetworkPolicy", "redis"), "spec.ingress.0.ports"), "for everybody or for every port"),
    "a port that nobody has": (
        put(("NetworkPolicy", "gateway"), "spec.ingress.0.ports.0.port", 8080),
        "Deployment gateway has no port 8080",
    ),
    "scaled Deployment": (put(_LAG, "spec.scaleTargetRef.name", "worker"), "no Deployment worker"),
    "two scalers": (put(_LAG, "spec.scaleTargetRef.name", "gateway"), "gateway has two scalers"),
    "replicas beside a scaler": (put(_WORKER, "spec.replicas", 2), "says its replicas itself"),
    "log-in of a scaler": (put(_LAG, f"{_TRIGGER}.authenticationRef.name", "bus"), "no TriggerAuthentication bus"),
    "its key": (
        put(("TriggerAuthentication", "nats"), "spec.configMapTargetRef.0.key", "account"),
        "no ConfigMap nats-account with account",
    ),
    "monitor for nobody": (
        put(("PodMonitor", "console"), "spec.selector.matchLabels", {"a": "b"}),
        "PodMonitor console: selects nobody",
    ),
    "monitored port": (put(("PodMonitor", "console"), "spec.podMetricsEndpoints.0.port", "metrics"), "no port metrics"),
    "ConfigMap": (put(_WORKER, f"{_HUB}.envFrom.0.configMapRef.name", "hub"), "no ConfigMap hub"),
    "Secret": (drop("ExternalSecret", "xai"), "no Secret xai"),
    "its key is missing": (
        put(("ExternalSecret", "xai"), "spec.data.0.secretKey", "XAI_KEY"),
        "Secret xai has no key XAI_API_KEY",
    ),
    "Secret for nobody": (put(("ExternalSecret", "xai"), "spec.target.name", "x-ai"), "Secret x-ai: nobody reads it"),
    "ServiceAccount": (drop("ServiceAccount", "redis"), "no ServiceAccount redis"),
}

CODE: Mapping[str, tuple[Break, str]] = {
    "service left out": (drop(*_CONSOLE), "no Deployment of console"),
    "another module": (put(_WORKER, f"{_HUB}.command", ["python", "-m", "worker"]), "does not run document_worker"),
    "unknown setting": (setting("xai", "XAI_MAX_SIZE", "1"), "XAI_MAX_SIZE is none of its settings"),
    "another's setting": (
        put(_GATEWAY, f"{_HUB}.env.0", {"name": "CONSOLE_PORT", "value": "1"}),
        "CONSOLE_PORT is none of its settings",
    ),
    "setting left out": (setting("xai", "XAI_FILES_URL", None), "document-worker: XAI_FILES_URL is not set"),
    "required and empty": (setting("espocrm", "ESPOCRM_API_BASE_URL", ""), "ESPOCRM_API_BASE_URL is empty"),
    "secret in the open": (setting("xai", "XAI_API_KEY", "x"), "XAI_API_KEY stands in the open"),
    "file not mounted": (
        setting("xai", "XAI_API_KEY_FILE", "/run/secrets/hub/key"),
        "names /run/secrets/hub/key, which is not mounted",
    ),
    "setting that no page knows": (
        put(_GATEWAY, f"{_HUB}.env.0", {"name": "GATEWAY_COLOUR", "value": "1"}),
        "docs/configuration.md does not know GATEWAY_COLOUR",
    ),
    "port": (setting("gateway", "GATEWAY_PORT", "3112"), "beside settings {'http': '3112'}"),
    "loopback": (setting("hub", "HEALTH_HOST", "127.0.0.1"), "nobody outside reaches HEALTH_HOST"),
    "probe": (put(_WORKER, f"{_HUB}.livenessProbe.httpGet.path", "/readyz"), "document-worker: livenessProbe asks"),
    "no probe": (take(_WORKER, f"{_HUB}.startupProbe"), "document-worker: startupProbe asks {}"),
    "too little time": (put(_WORKER, _GRACE, 30), "and is given 30"),
    "far too much time": (put(_GATEWAY, _GRACE, 300), "and is given 300"),
    "no pause": (take(_GATEWAY, f"{_HUB}.lifecycle"), "preStop is for the gateway"),
    "rolled all at once": (
        put(_WORKER, "spec.strategy.rollingUpdate.maxUnavailable", "25%"),
        "document-worker: is rolled by",
    ),
    "one place": (take(_WORKER, "spec.template.spec.topologySpreadConstraints"), "all its replicas in one place"),
    "no budget": (drop("PodDisruptionBudget", "gateway"), "gateway: a drain may take all of it"),
    "budget that hangs": (
        take(("PodDisruptionBudget", "gateway"), "spec.unhealthyPodEvictionPolicy"),
        "gateway: a drain may take all of it, or hang",
    ),
    "spool": (put(_WORKER, f"{_VOLUMES}.tmp.emptyDir.sizeLimit", "1Gi"), "1Gi at /tmp do not hold"),
    "reaches inside": (_everywhere, "0.0.0.0/0 has addresses inside"),
    "reaches nobody outside": (take(_RULES, "spec.egress"), "document-worker: reaches ports []"),
    "reaches anybody": (
        put(("NetworkPolicy", "console"), "spec.egress.0.to.0", {"ipBlock": {"cidr": "::/0", "except": []}}),
        "console: reaches ports [3200] outside",
    ),
    "Redis without need": (
        put(("NetworkPolicy", "redis"), "spec.ingress.0.from.0.podSelector.matchExpressions.0.values.0", "gateway"),
        "gateway: Redis lets in others",
    ),
    "no names": (drop("NetworkPolicy", "every-service"), "cannot reach names, NATS or traces"),
    "door shut": (drop("Ingress", "gateway-to-advoware"), "Ingress: 0 ways to /advoware/proxy"),
    "door in two walls": (
        put(("Ingress", "gateway"), "spec.rules.0.http.paths.1.path", "/advoware/proxy"),
        "Ingress: 2 ways to /advoware/proxy",
    ),
    "writes repeated": (
        put(("Ingress", "gateway-to-advoware"), "metadata.annotations", {}),
        "Ingress gateway-to-advoware: a router may repeat a write",
    ),
    "metrics open": (
        put(("Ingress", "gateway"), "spec.rules.0.http.paths.0.path", "/"),
        "Ingress: /metrics is open",
    ),
    "another's consumer": (
        put(_LAG, f"{_TRIGGER}.metadata.consumer", "calendar_worker"),
        "VMH calendar_worker is not document-worker's consumer",
    ),
    "worker without a scaler": (drop(*_LAG), "not exactly one per worker"),
    "threshold": (put(_LAG, f"{_TRIGGER}.metadata.lagThreshold", "10"), "a threshold of 10"),
    "another user": (
        put(_WORKER, "spec.template.spec.securityContext.runAsUser", 10001),
        "does not run as the image's user",
    ),
    "another's credentials": (
        put(_WORKER, f"{_VOLUMES}.nats.secret.secretName", "nats-operator"),
        "has credentials",
    ),
}

BROKEN: Mapping[str, tuple[Break, Check, str]] = {
    **{name: (breaks, link_problems, words) for name, (breaks, words) in LINKS.items()},
    **{name: (breaks, hub, words) for name, (breaks, words) in CODE.items()},
}
