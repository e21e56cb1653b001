"""The environment becomes one frozen struct per service; everything wrong with it is said at once.

A field's name in upper case is its variable. A secret may also be read from the file that `<NAME>_FILE` names.
A field whose type is a struct is a group and is read the same way.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

_MADE_UP = ("demo", "changeme", "example", "secret")


class Secret:
    """A value that never prints. `reveal` is called only where it leaves for its vendor."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class NamedSecrets:
    """`name:secret,name:secret` as a mapping. Prints the names only."""

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        self._secrets = dict(secrets)

    def __getitem__(self, name: str) -> Secret:
        return self._secrets[name]

    def __contains__(self, name: object) -> bool:
        return name in self._secrets

    def __len__(self) -> int:
        return len(self._secrets)

    def items(self) -> list[tuple[str, Secret]]:
        return list(self._secrets.items())

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name}: ***" for name in self._secrets) + "}"


class SettingsError(Exception):
    """The environment cannot be used. `problems` has one sentence per variable; no values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ  # noqa: TID251 - this is the one home of it


def load(settings: type[S], environ: Mapping[str, str]) -> S:
    """Reads one settings struct. Raises SettingsError with every missing and malformed variable.

    With HUB_ENV=demo, and only then, a missing secret is made up and a made-up one is accepted.
    """
    demo = environ.get("HUB_ENV") == "demo"
    problems: list[str] = []
    loaded = _load(settings, environ, demo=demo, problems=problems)
    if problems or loaded is None:
        raise SettingsError(problems)
    return loaded


def _load(settings: type[S], environ: Mapping[str, str], *, demo: bool, problems: list[str]) -> S | None:
    values: dict[str, Any] = {}
    found = len(problems)
    for field in msgspec.structs.fields(settings):
        bare = _bare(field.type)
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            values[field.name] = _load(bare, environ, demo=demo, problems=problems)
            continue
        name = field.name.upper()
        raw = _raw(name, bare, environ, problems)
        if raw is None:
            if demo and bare in (Secret, NamedSecrets):
                values[field.name] = Secret("demo") if bare is Secret else NamedSecrets({"demo": Secret("demo")})
            elif field.required:
                problems.append(f"{name} is missing")
            continue
        try:
            value = msgspec.convert(raw, field.type, strict=False, dec_hook=_decode)
        except msgspec.ValidationError as wrong:
            problems.append(f"{name} is malformed: {_without_path(wrong)}")
            continue
        if not demo and _is_made_up(value):
            problems.append(f"{name} is a made-up secret, which only HUB_ENV=demo allows")
        values[field.name] = value
    if len(problems) > found:
        return None
    try:
        return settings(**values)
    except ValueError as wrong:  # a struct's own __post_init__ looks across its fields
        problems.append(str(wrong))
        return None


def _raw(name: str, bare: object, environ: Mapping[str, str], problems: list[str]) -> str | None:
    value = environ.get(name, "").strip()
    if value:
        return value
    file = environ.get(f"{name}_FILE", "").strip()
    if not file or bare not in (Secret, NamedSecrets, Secret | None):
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except OSError as wrong:
        problems.append(f"{name}_FILE cannot be read: {wrong.strerror}")
    except UnicodeDecodeError:
        problems.append(f"{name}_FILE is not a text file")
    return None


def _bare(declared: object) -> object:
    return get_args(declared)[0] if get_origin(declared) is Annotated else declared


def _decode(wanted: type, raw: Any) -> Any:
    if wanted is Secret:
        return Secret(str(raw))
    if wanted is NamedSecrets:
        return _named_secrets(str(raw))
    raise NotImplementedError(wanted)


def _named_secrets(raw: str) -> NamedSecrets:
    secrets: dict[str, Secret] = {}
    for part in raw.split(","):
        name, colon, secret = part.strip().partition(":")
        if not (name and colon and secret):
            raise ValueError("expected name:secret,name:secret")
        if name in secrets:
            raise ValueError("a name stands twice")
        secrets[name] = Secret(secret)
    return NamedSecrets(secrets)


def _is_made_up(value: object) -> bool:
    if isinstance(value, Secret):
        return value.reveal().lower().startswith(_MADE_UP)
    return isinstance(value, NamedSecrets) and any(_is_made_up(secret) for _, secret in value.items())


def _without_path(wrong: Exception) -> str:
    """What was expected. Whatever was given is left out: it may be a secret in the wrong place."""
    return re.sub(r" value '.*'", " value", str(wrong).removesuffix(" - at `$`"), flags=re.DOTALL)
