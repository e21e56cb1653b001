"""The list of attributes, and what the docs say of it."""

import pkgutil
import re
from importlib import import_module
from typing import get_args

import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable

from shared.telemetry.attributes import Attribute, processing, sending, serving
from tests.house.repo import read, section

NAMES = get_args(Attribute)


def test_every_attribute_is_documented() -> None:
    """docs/telemetry.md has a row for each, in the order of the list, which is that of the alphabet."""
    rows = re.findall(r"^\| `([^`]+)` \|", section(read("docs/telemetry.md"), "Attributes"), re.MULTILINE)
    assert rows == list(NAMES) == sorted(NAMES)


def test_names_are_the_conventions_or_visibly_ours() -> None:
    """Whatever is outside our two name spaces is an attribute that OpenTelemetry's own package knows."""
    known = {
        value
        for package in (incubating, stable)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        for value in vars(import_module(module.name)).values()
        if isinstance(value, str)
    }
    foreign = [name for name in NAMES if not name.startswith(("hub.", "messaging.nats."))]
    assert "peer.service" in known  # deprecated ones too, which the package does not tell apart
    assert [name for name in foreign if name not in known] == []


def test_what_is_common_is_in_the_list() -> None:
    """The beginnings of producer, consumer and server spans."""
    assert {*sending("s"), *processing("s"), *serving("POST", "/p")} <= set(NAMES)
    assert sending("s")["messaging.operation.type"] == "send"
    assert processing("s")["messaging.operation.type"] == "process"
