"""What becomes of a request: forwarded, and how, or refused, and why."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advoware_proxy.allow import parse
from advoware_proxy.plan import Forward, Refusal, plan, read
from shared.contracts.proxy import METHODS, PARAMS_MAX, Method, ProxyRequest

ALL = parse("GET **, POST **, PUT **, DELETE **")


def planned(method: Method, body: bytes | str, allow: str = "GET **, POST **, PUT **, DELETE **") -> Forward | Refusal:
    request = read(body if isinstance(body, bytes) else body.encode())
    assert isinstance(request, ProxyRequest), request
    return plan(method, request, parse(allow), employees_path="Mitarbeiter")


def test_the_shortest_request_is_complete() -> None:
    """`{"endpoint":"employees"}` reads the employees."""
    assert planned("GET", '{"endpoint":"employees"}') == Forward(
        method="GET", name="Mitarbeiter", path="/api/v1/advonet/Mitarbeiter", params=(), json=None
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b'{"endpoint":"\xff"}',
        b'{"endpoint":"\\ud800"}',
        b'{"endpoint":1}',
        b'{"endpoint":null}',
        b'{"endpoint":["Akten"]}',
        b'{"endpoint":"Akten","params":{"a":"b"}}',
        b'{"endpoint":"Akten","params":[["a"]]}',
        b'{"endpoint":"Akten","params":[["a",1]]}',
        b'{"endpoint":"Akten","params":[["a","b","c"]]}',
        b'{"endpoint":"Akten","timeout_s":0}',
        b'{"endpoint":"Akten","timeout_s":-1}',
        b'{"endpoint":"Akten","timeout_s":601}',
        b'{"endpoint":"Akten","timeout_s":NaN}',
        b'{"endpoint":"Akten","timeout_s":"5"}',
        b'{"endpoint":"Akten","body":nil}',
        b'{"endpoint":"Akten","body":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        msgspec.json.encode({"endpoint": "Akten", "params": [["a", "b"]] * (PARAMS_MAX + 1)}),
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_what_is_not_a_request_is_400(body: bytes) -> None:
    """Whatever comes over NATS, the answer is a sentence and never an exception."""
    refused = read(body)
    assert isinstance(refused, Refusal)
    assert refused.status == 400
    assert refused.reason.startswith("the request ")


def test_the_reason_quotes_no_value() -> None:
    """P10: a request that does not fit may hold a client's name in the wrong place."""
    for wrong in (
        '{"endpoint":{"Kanarienvogel":1}}',
        '{"endpoint":"Akten","params":["Kanarienvogel"]}',
        '{"endpoint":"Akten","timeout_s":"Kanarienvogel"}',
        '{"endpoint":"Akten","params":[["a",{"Kanarienvogel":1}]]}',
        '{"endpoint":"Akten",Kanarienvogel}',
    ):
        refused = read(wrong.encode())
        assert isinstance(refused, Refusal)
        assert "Kanarienvogel" not in refused.reason


def test_what_a_newer_caller_adds_is_tolerated() -> None:
    """Unknown members are no reason to refuse."""
    assert isinstance(planned("GET", '{"endpoint":"Akten","later":true}'), Forward)


def test_a_write_carries_its_body_as_it_is() -> None:
    """Not one byte is decoded and written anew: numbers and order stay what they were."""
    raw = b'{"b": 1.10, "a":1e400, "\\u00fc":12345678901234567890123}'
    todo = planned("PUT", b'{"endpoint":"Akten/1","body":' + raw + b"}")
    assert isinstance(todo, Forward)
    assert todo.json is not None
    assert bytes(todo.json) == raw
    assert todo.is_write


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("body", ["null", "{}", '{"a":1}'])
def test_a_body_where_none_belongs_is_400(method: Method, body: str) -> None:
    """Advoware would ignore it, and the caller would believe otherwise."""
    assert planned(method, f'{{"endpoint":"Akten","body":{body}}}') == Refusal(400, f"{method} takes no body")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("body", "sent"), [("", None), (',"body":null', b"null"), (',"body":[]', b"[]")])
def test_no_body_and_null_differ(method: Method, body: str, sent: bytes | None) -> None:
    """A write may come without a body."""
    todo = planned(method, f'{{"endpoint":"Akten"{body}}}')
    assert isinstance(todo, Forward)
    assert (None if todo.json is None else bytes(todo.json)) == sent


def test_parameters_keep_their_order_and_come_twice() -> None:
    """What stands in the query for Advoware is not ours to tidy up."""
    params = [["b", "1"], ["a", "ü &=%#"], ["b", "2"], ["leer", ""]]
    todo = planned("GET", msgspec.json.encode({"endpoint": "Akten", "params": params}))
    assert isinstance(todo, Forward)
    assert [list(pair) for pair in todo.params] == params


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ([["", "x"]], "a query parameter has no name"),
        ([["a", "x" * 8_192]], "the query is longer than 8192 characters"),
        ([["a" * 200, "x"]] * 50, "the query is longer than 8192 characters"),
    ],
)
def test_a_query_has_a_limit(params: list[list[str]], reason: str) -> None:
    """P12: and each parameter a name."""
    assert planned("GET", msgspec.json.encode({"endpoint": "Akten", "params": params})) == Refusal(400, reason)


@pytest.mark.parametrize("method", METHODS)
def test_only_what_the_list_names_is_forwarded(method: Method) -> None:
    """P11: another method or another endpoint is 403, and the reason names the setting, not the endpoint."""
    for endpoint in ("Akten", "Akten/2", "Beteiligte/1"):
        refused = planned(method, f'{{"endpoint":"{endpoint}"}}', allow=f"{method} Akten/1")
        assert isinstance(refused, Refusal)
        assert (refused.status, "ADVOWARE_PROXY_ALLOW" in refused.reason) == (403, True)
        assert endpoint not in refused.reason
    assert isinstance(planned(method, '{"endpoint":"/API/v1/ADVONET/akten/1"}', allow=f"{method} Akten/1"), Forward)


@given(st.sampled_from(METHODS), st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(), max_size=4))
def test_every_request_ends_one_way_or_the_other(method: Method, members: dict[str, Any]) -> None:
    """Total: no request makes the plan raise."""
    request = read(msgspec.json.encode({"endpoint": "Akten", **members}))
    if isinstance(request, ProxyRequest):
        assert isinstance(plan(method, request, ALL, employees_path="Mitarbeiter"), Forward | Refusal)
