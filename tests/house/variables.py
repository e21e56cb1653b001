"""Every variable that a service reads, from its settings."""

from typing import Any, get_args, get_origin

import msgspec

import advoware_proxy.settings
import beteiligte_worker.settings
import calendar_worker.settings
import console.desk.connect
import console.settings
import document_worker.settings
import gateway.settings
from shared.settings import NamedSecrets, Secret

SETTINGS: dict[str, type[msgspec.Struct]] = {
    "gateway": gateway.settings.Settings,
    "document_worker": document_worker.settings.Settings,
    "beteiligte_worker": beteiligte_worker.settings.Settings,
    "calendar_worker": calendar_worker.settings.Settings,
    "advoware_proxy": advoware_proxy.settings.Settings,
    "console": console.settings.Settings,
    "hub": console.desk.connect.DeskSettings,
}


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of the environment."""

    name: str
    default: str
    """As the docs write it: `–` for none."""
    is_required: bool
    is_secret: bool
    meaning: str
    read_by: tuple[str, ...]


def variables() -> dict[str, Variable]:
    """By name, over all services."""
    found: dict[str, Variable] = {}
    for service, settings in SETTINGS.items():
        for variable in _of(settings, service):
            before = found.get(variable.name)
            readers = (*(before.read_by if before else ()), service)
            found[variable.name] = msgspec.structs.replace(variable, read_by=readers)
    return found


def _of(settings: type[msgspec.Struct], service: str) -> list[Variable]:
    found: list[Variable] = []
    for field in msgspec.structs.fields(settings):
        annotated = get_args(field.type) if get_origin(field.type) is not None else (field.type,)
        bare = annotated[0]
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            found += _of(bare, service)
            continue
        meta = [extra for extra in annotated if isinstance(extra, msgspec.Meta)]
        assert meta, f"{field.name} has no description"
        assert meta[0].description, f"{field.name} has no description"
        found.append(
            Variable(
                name=field.name.upper(),
                default=_shown(field.default),
                is_required=field.required,
                is_secret=not {bare, *get_args(bare)}.isdisjoint((Secret, NamedSecrets)),
                meaning=meta[0].description,
                read_by=(service,),
            )
        )
    return found


def _shown(default: Any) -> str:
    return "–" if default in (msgspec.NODEFAULT, None, "") else str(default)
