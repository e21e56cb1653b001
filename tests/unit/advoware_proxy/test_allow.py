"""The allow-list: what its rules name, and what is said of rules that name nothing."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advoware_proxy.allow import allows, parse
from advoware_proxy.settings import ProxySettings
from shared.contracts.proxy import METHODS
from shared.settings import SettingsError, load

words = st.sampled_from(["a", "B", "akten", "Akten", "1", "a.b"])
patterns = st.lists(words | st.sampled_from(["*", "**"]), min_size=1, max_size=6).map("/".join)
names = st.lists(words, min_size=1, max_size=6).map("/".join)


def allowed(text: str, method: str, endpoint: str) -> bool:
    return allows(parse(text), method, endpoint)


@pytest.mark.parametrize("endpoint", ["Akten", "Beteiligte/104", "api/v1/Akten/1/a.b", "x" * 500])
def test_the_default_reads_everything_and_writes_nothing(endpoint: str) -> None:
    """P11: without a setting a caller can look at Advoware and change nothing in it."""
    default = load(ProxySettings, {}).advoware_proxy_allow
    assert allowed(default, "GET", endpoint)
    assert not any(allowed(default, method, endpoint) for method in METHODS if method != "GET")


@pytest.mark.parametrize(
    ("rule", "endpoint", "expected"),
    [
        ("GET Akten", "Akten", True),
        ("GET Akten", "akten", True),
        ("get AKTEN", "Akten", True),
        ("GET /Akten/", "Akten", True),
        ("GET   Akten", "Akten", True),
        ("GET Akten", "Akten/1", False),
        ("GET Akten", "Akte", False),
        ("GET Akten", "XAkten", False),
        ("GET Akten", "AktenX", False),
        ("GET Akten", "api/v1/Akten", False),
        ("GET api/v1/Akten", "api/v1/Akten", True),
        ("GET api/v1/Akten", "Akten", False),
        ("GET Akten/*", "Akten/1", True),
        ("GET Akten/*", "Akten", False),
        ("GET Akten/*", "Akten/1/History", False),
        ("GET Akten/*/History", "Akten/1/History", True),
        ("GET */1", "Akten/1", True),
        ("GET *", "Akten", True),
        ("GET *", "Akten/1", False),
        ("GET Akten/**", "Akten", True),
        ("GET Akten/**", "Akten/1/History", True),
        ("GET Akten/**", "AktenX", False),
        ("GET **/History", "History", True),
        ("GET **/History", "Akten/1/History", True),
        ("GET **/History", "Akten/History/1", False),
        ("GET Akten/**/2", "Akten/2", True),
        ("GET Akten/**/2", "Akten/1/1/2", True),
        ("GET **/**", "Akten", True),
        ("GET a.b", "axb", False),
        ("POST Akten", "Akten", False),
    ],
)
def test_a_rule_names_what_it_says(rule: str, endpoint: str, expected: bool) -> None:
    """`*` is one segment, `**` any number, everything else itself in any case."""
    assert allowed(rule, "GET", endpoint) is expected


@pytest.mark.parametrize(
    "text", ["GET Akten,PUT Akten/*", " GET Akten ,, PUT Akten/* ,", "GET Akten\n\n  PUT Akten/*\r\n"]
)
def test_rules_stand_on_lines_or_between_commas(text: str) -> None:
    """Blanks and empty ones do not matter."""
    assert len(parse(text)) == 2
    assert allowed(text, "GET", "Akten")
    assert allowed(text, "PUT", "Akten/1")
    assert not allowed(text, "PUT", "Akten")
    assert not allowed(text, "DELETE", "Akten/1")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("GET", 1),
        ("Akten", 1),
        ("GET Akten, PATCH Akten", 2),
        ("GET Akten\nPUT\nGET x", 2),
        ("GET Akten, PUT Ak*ten", 2),
        ("GET Akten, GET x, PUT Akten//1", 3),
        ("GET ***", 1),
        ("GET Akten?x=1", 1),
        ("GET Akten DELETE Akten", 1),
        ("HEAD Akten", 1),
        ("* Akten", 1),
        ("GET /", 1),
        ("GET Ärzte", 1),
        ("GET %2e%2e", 1),
    ],
)
def test_a_malformed_rule_is_named_by_its_number(text: str, number: int) -> None:
    """P11: a list that cannot be understood starts no proxy."""
    with pytest.raises(ValueError, match=f"^rule {number} "):
        parse(text)
    with pytest.raises(SettingsError) as wrong:
        load(ProxySettings, {"ADVOWARE_PROXY_ALLOW": text})
    [problem] = wrong.value.problems
    assert problem.startswith(f"ADVOWARE_PROXY_ALLOW is malformed: rule {number} ")


@pytest.mark.parametrize("text", ["", " , ,\n", "\n"])
def test_a_list_without_rules_is_malformed(text: str) -> None:
    """Nobody means to forward nothing."""
    with pytest.raises(ValueError, match="holds no rule"):
        parse(text)


@given(patterns, names)
def test_matching_agrees_with_regular_expressions(pattern: str, endpoint: str) -> None:
    """P11: a second reading of the same rule comes to the same answer."""
    parts = {"*": "[^/]+/", "**": "(?:[^/]+/)*"}
    oracle = "".join(parts.get(word, re.escape(word.lower()) + "/") for word in pattern.split("/"))
    expected = re.fullmatch(oracle, endpoint.lower() + "/") is not None
    assert allowed(f"GET {pattern}", "GET", endpoint) is expected
    assert not allowed(f"PUT {pattern}", "GET", endpoint)


def test_no_rule_takes_long() -> None:
    """P12: many `**` cost no more than a pass over the endpoint each."""
    rules = parse("GET " + "**/a/" * 20 + "b")
    began = time.process_time()
    assert not allows(rules, "GET", "/".join("a" * 256))
    assert time.process_time() - began < 0.5
