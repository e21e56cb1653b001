"""Which webhooks EspoCRM ought to have, beside those that it has. Pure.

Source: https://docs.espocrm.com/administration/webhooks/.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, NewType
from urllib.parse import urlsplit

import msgspec

from shared.contracts.events import EntityEvent
from shared.contracts.operator import Check, Door
from shared.contracts.subjects import SUBJECTS

_PREFIX = "/vmh/webhook/"

Verdict = Literal["ok", "missing", "differs", "double", "left over", "foreign"]
GatewayUrl = NewType("GatewayUrl", str)
"""Where the doors are, from EspoCRM; without a slash at its end."""


class Hook(msgspec.Struct, frozen=True, rename="camel"):
    """A webhook as EspoCRM lists it."""

    id: str
    event: str | None = None
    url: str | None = None
    is_active: bool | None = True
    skip_own: bool | None = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, there or wanted. The URL is without what may be a secret in it."""

    event: str
    verdict: Verdict
    url: str = ""
    id: str = ""
    said: str = ""
    changes: dict[str, Any] = msgspec.field(default_factory=dict)
    """What is to be written: all of it where it is missing."""
    is_at_door: bool = False
    """Whether it goes to a door of this gateway, which so needs its secret."""


def gateway_url(text: str) -> GatewayUrl:
    """Raises ValueError with a sentence."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        is_one = False
    if not is_one or not text.isprintable() or " " in text:
        raise ValueError("--gateway-url is the address of the gateway's doors, such as https://hub.example")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("--gateway-url has neither a query nor a password: EspoCRM shows it to its users")
    return GatewayUrl(text.rstrip("/"))


def doors_of(announced: Iterable[Door]) -> dict[str, str]:
    """The doors for EspoCRM by their path, and the event of each; "" where EspoCRM has none itself."""
    return {door.path: _event(door) for door in announced if _is_webhook(door)}


def _is_webhook(door: Door) -> bool:
    return door.method == "POST" and door.path.startswith(_PREFIX)


def _event(door: Door) -> str:
    name = "vmh." + door.path.removeprefix(_PREFIX).replace("/", ".")
    for subject in SUBJECTS:
        if subject.name == name and subject.event is EntityEvent and name in door.publishes:
            return f"{subject.defaults['entity_type']}.{subject.defaults['action']}"
    return ""


def judged(doors: Mapping[str, str], hooks: Sequence[Hook], base: GatewayUrl | None) -> list[Finding]:
    """Each webhook that is wanted, then the others. Without `base` every address of a door is right."""
    found: list[Finding] = []
    seen: set[str] = set()
    for path, event in doors.items():
        if not event:
            continue
        same = [hook for hook in hooks if hook.event == event and _path(hook).endswith(path)]
        # The best one is kept; of equals the oldest, whose secret the gateway may have already.
        same.sort(key=lambda hook: len(_changes(hook, path, base)) + ("url" in _changes(hook, path, base)))
        found.append(_wanted(event, path, same[0] if same else None, base))
        found += [_other(hook, doors, base, double_of=same[0]) for hook in same[1:]]
        seen.update(hook.id for hook in same)
    return found + [_other(hook, doors, base) for hook in hooks if hook.id not in seen]


def examined(found: Sequence[Finding], known: AbstractSet[str] | None) -> tuple[Check, ...]:
    """What the doctor says of them; `known`: whose secrets every gateway has. None: no gateway is there."""
    if known is None:
        return (Check(name="webhooks", ok=False, said="no gateway is there to say which doors it has"),)
    ill: list[Check] = []
    for one in found:
        said = "" if one.verdict in ("ok", "foreign") else f"{one.verdict} {one.said}".strip()
        if one.verdict == "ok" and one.id not in known:
            said = f"GATEWAY_WEBHOOK_SECRETS does not have the secret of {one.id}, so the gateway refuses it"
        if said:
            ill.append(Check(name=f"webhook {one.event}", ok=False, said=said))
    well = Check(name="webhooks", ok=True, said=f"{sum(one.verdict == 'ok' for one in found)} as they should be")
    return tuple(ill) or (well,)


def _wanted(event: str, path: str, hook: Hook | None, base: GatewayUrl | None) -> Finding:
    if hook is None:
        whole = {"event": event, "url": f"{base}{path}", "isActive": True, "skipOwn": True}
        return Finding(event=event, verdict="missing", url=f"{base or '…'}{path}", changes=whole)
    changes = _changes(hook, path, base)
    said = {"url": "goes elsewhere", "isActive": "is switched off", "skipOwn": "tells of our own writes"}
    return Finding(
        event=event,
        verdict="differs" if changes else "ok",
        url=_shown(hook.url),
        id=hook.id,
        said=", ".join(said[name] for name in changes),
        changes=changes,
        is_at_door="url" not in changes,
    )


def _changes(hook: Hook, path: str, base: GatewayUrl | None) -> dict[str, Any]:
    wanted = {"url": f"{base}{path}" if base else hook.url, "isActive": True, "skipOwn": True}
    has = {"url": hook.url, "isActive": hook.is_active, "skipOwn": hook.skip_own}
    return {name: value for name, value in wanted.items() if has[name] != value}


def _other(hook: Hook, doors: Mapping[str, str], base: GatewayUrl | None, *, double_of: Hook | None = None) -> Finding:
    url = hook.url or ""
    is_at_door = base is not None and any(url == base + path for path in doors)
    verdict: Verdict = "foreign"
    said = "at our door, but not one of those that are made here" if is_at_door else ""
    if double_of is not None and base is not None and _host(hook.url) != _host(base):
        said = "the same event, to another gateway"
    elif double_of is not None:
        verdict, said = "double", f"beside {double_of.id}"
    elif base is not None and url.startswith(base + _PREFIX) and not is_at_door:
        verdict, said = "left over", "the gateway has no such door"
    return Finding(
        event=hook.event or "", verdict=verdict, url=_shown(url), id=hook.id, said=said, is_at_door=is_at_door
    )


def _path(hook: Hook) -> str:
    try:
        return urlsplit(hook.url or "").path.rstrip("/")
    except ValueError:
        return ""


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").hostname or ""
    except ValueError:
        return ""


def _shown(url: str | None) -> str:
    """Others have tokens in their addresses."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return "…"
    hidden = "?…" if parts.query or parts.fragment else ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}{hidden}" if host else "…"
