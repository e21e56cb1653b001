"""What the manifests say of each other: every name leads somewhere, and nothing stands there for nobody."""

from collections.abc import Iterator, Mapping, Sequence

from tests.house.manifests import Object, Pod, of_kind, pods, title

Keys = Mapping[str, set[str]]


def link_problems(objects: Sequence[Object]) -> list[str]:
    """Every reference that leads nowhere, and every account, setting and secret that nobody uses."""
    return [
        *_selectors(objects),
        *_services(objects),
        *_ingresses(objects),
        *_policies(objects),
        *_scalers(objects),
        *_monitors(objects),
        *_contents(objects),
        *_accounts(objects),
    ]


def _selected(objects: Sequence[Object], selector: Object) -> list[Pod]:
    return [pod for pod in pods(objects) if fits(selector, pod.labels)]


def fits(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects something with these labels."""
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", "only In is read here"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


def _named_in(selector: Object) -> list[Object]:
    """A selector taken apart: each name in a list must select something by itself."""
    lists = selector.get("matchExpressions", [])
    alone = {key: value for key, value in selector.items() if key != "matchExpressions"}
    taken = [
        {"matchExpressions": [{"key": rule["key"], "operator": "In", "values": [value]}]}
        for rule in lists
        for value in rule["values"]
    ]
    return [*taken, *([alone] if alone or not taken else [])]


def _selectors(objects: Sequence[Object]) -> Iterator[str]:
    for one in of_kind(objects, "Deployment", "StatefulSet"):
        if not fits(one["spec"]["selector"], one["spec"]["template"]["metadata"]["labels"]):
            yield f"{title(one)}: selects none of its own pods"
        if len(_selected(objects, one["spec"]["selector"])) > 1:
            yield f"{title(one)}: selects another's pods"
        if one["kind"] == "StatefulSet" and one["spec"]["serviceName"] not in _names(objects, "Service"):
            yield f"{title(one)}: no Service {one['spec']['serviceName']}"
    for one in of_kind(objects, "PodDisruptionBudget"):
        if len(_selected(objects, one["spec"]["selector"])) != 1:
            yield f"{title(one)}: selects nobody, or several"


def _services(objects: Sequence[Object]) -> Iterator[str]:
    for one in of_kind(objects, "Service"):
        found = _selected(objects, {"matchLabels": one["spec"]["selector"]})
        if not found:
            yield f"{title(one)}: selects nobody"
        for pod in found:
            for port in one["spec"]["ports"]:
                if port["targetPort"] not in (*pod.ports, *pod.ports.values()):
                    yield f"{title(one)}: {pod.of} has no port {port['targetPort']}"


def _ingresses(objects: Sequence[Object]) -> Iterator[str]:
    services = {one["metadata"]["name"]: one["spec"]["ports"] for one in of_kind(objects, "Service")}
    for one in of_kind(objects, "Ingress"):
        if {host for tls in one["spec"]["tls"] for host in tls["hosts"]} != {r["host"] for r in one["spec"]["rules"]}:
            yield f"{title(one)}: a host without TLS"
        for rule in one["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = [port["name"] for port in services.get(backend["name"], [])]
                if backend["port"].get("name") not in ports:
                    yield f"{title(one)}: no Service {backend['name']} with that port"


def _policies(objects: Sequence[Object]) -> Iterator[str]:
    policies = of_kind(objects, "NetworkPolicy")
    everything = [one for one in policies if one["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
    if policies and not everything:
        yield "NetworkPolicy: nothing is refused by default"
    for one in policies:
        spec = one["spec"]
        for name in _named_in(spec["podSelector"]):
            if one not in everything and pods(objects) and not _selected(objects, name):
                yield f"{title(one)}: {name} selects nobody"
        for rule in spec.get("ingress", []):
            yield from _rule(objects, one, rule, rule.get("from", []), _selected(objects, spec["podSelector"]))
        for rule in spec.get("egress", []):
            for peer in rule.get("to", []):
                theirs = _here(objects, peer)
                yield from _rule(objects, one, rule, [peer], theirs)


def _here(objects: Sequence[Object], peer: Object) -> list[Pod]:
    """The pods of this namespace that a peer means."""
    if "podSelector" not in peer or "namespaceSelector" in peer:
        return []
    return _selected(objects, peer["podSelector"])


def _rule(objects: Sequence[Object], one: Object, rule: Object, peers: list[Object], at: list[Pod]) -> Iterator[str]:
    """A rule names its peers and its ports; peers of this namespace exist, and so do the ports of who is asked."""
    if not peers or not rule.get("ports"):
        yield f"{title(one)}: a rule for everybody or for every port"
    for peer in peers:
        if not peer:
            yield f"{title(one)}: a peer that is everybody"
        if pods(objects) and "podSelector" in peer and "namespaceSelector" not in peer:
            for name in _named_in(peer["podSelector"]):
                if not _selected(objects, name):
                    yield f"{title(one)}: {name} selects nobody"
    for port in rule.get("ports", []):
        for pod in at:
            if port["port"] not in pod.ports.values():
                yield f"{title(one)}: {pod.of} has no port {port['port']}"


def _scalers(objects: Sequence[Object]) -> Iterator[str]:
    deployments = {one["metadata"]["name"]: one for one in of_kind(objects, "Deployment")}
    targets: list[str] = []
    for one in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        target = one["spec"]["scaleTargetRef"]["name"]
        targets.append(target)
        if target not in deployments:
            yield f"{title(one)}: no Deployment {target}"
        elif "replicas" in deployments[target]["spec"]:
            yield f"{title(one)}: {target} says its replicas itself"
    yield from (f"{name} has two scalers" for name in sorted(set(targets)) if targets.count(name) > 1)
    logins = {one["metadata"]["name"]: one for one in of_kind(objects, "TriggerAuthentication")}
    maps = _maps(objects)
    for one in of_kind(objects, "ScaledObject"):
        for trigger in one["spec"]["triggers"]:
            if (wanted := trigger["authenticationRef"]["name"]) not in logins:
                yield f"{title(one)}: no TriggerAuthentication {wanted}"
    for one in logins.values():
        for source in one["spec"]["configMapTargetRef"]:
            if source["key"] not in maps.get(source["name"], ()):
                yield f"{title(one)}: no ConfigMap {source['name']} with {source['key']}"


def _monitors(objects: Sequence[Object]) -> Iterator[str]:
    for one in of_kind(objects, "PodMonitor"):
        found = _selected(objects, one["spec"]["selector"])
        if not found:
            yield f"{title(one)}: selects nobody"
        for pod in found:
            for endpoint in one["spec"]["podMetricsEndpoints"]:
                if endpoint["port"] not in pod.ports:
                    yield f"{title(one)}: {pod.of} has no port {endpoint['port']}"


# ConfigMaps and Secrets


def secrets(objects: Sequence[Object]) -> Keys:
    """Keys by name: of Secrets that are here, and of those that External Secrets will make."""
    found = {one["metadata"]["name"]: set(one.get("data", {})) for one in of_kind(objects, "Secret")}
    for one in of_kind(objects, "ExternalSecret"):
        target = one["spec"]["target"]
        fetched = {row["secretKey"] for row in one["spec"]["data"]}
        found[target["name"]] = set(target.get("template", {}).get("data", {})) or fetched
    return found


def _maps(objects: Sequence[Object]) -> Keys:
    return {one["metadata"]["name"]: set(one["data"]) for one in of_kind(objects, "ConfigMap")}


def mounted(volume: Object) -> list[Object]:
    """The Secrets in a volume, each with `name`, and `items` where only some keys are taken."""
    alone = volume.get("secret")
    inside = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
    return ([{**alone, "name": alone["secretName"]}] if alone else []) + inside


def _contents(objects: Sequence[Object]) -> Iterator[str]:
    known, maps = secrets(objects), _maps(objects)
    used_secrets: set[str] = set()
    used_maps = {
        source["name"]
        for one in of_kind(objects, "TriggerAuthentication")
        for source in one["spec"]["configMapTargetRef"]
    }
    for pod in pods(objects):
        for source in (source for one in pod.containers for source in one.get("envFrom", [])):
            name = source["configMapRef"]["name"]
            used_maps.add(name)
            if name not in maps:
                yield f"{pod.of}: no ConfigMap {name}"
        for secret in (secret for volume in pod.spec.get("volumes", []) for secret in mounted(volume)):
            used_secrets.add(secret["name"])
            if secret["name"] not in known and not secret.get("optional"):
                yield f"{pod.of}: no Secret {secret['name']}"
            for item in secret.get("items", []):
                if secret["name"] in known and item["key"] not in known[secret["name"]]:
                    yield f"{pod.of}: Secret {secret['name']} has no key {item['key']}"
    yield from (f"ConfigMap {name}: nobody reads it" for name in sorted(maps.keys() - used_maps))
    yield from (f"Secret {name}: nobody reads it" for name in sorted(known.keys() - used_secrets))


def _accounts(objects: Sequence[Object]) -> Iterator[str]:
    used = {pod.spec.get("serviceAccountName") for pod in pods(objects)}
    known = _names(objects, "ServiceAccount")
    yield from (f"no ServiceAccount {name}" for name in sorted(str(name) for name in used - known))
    yield from (f"ServiceAccount {name}: nobody uses it" for name in sorted(known - used))


def _names(objects: Sequence[Object], kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in of_kind(objects, kind)}
