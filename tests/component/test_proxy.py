"""The road to Advoware: what goes in at the gateway's door, and in which shape the answer comes out."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest
from yarl import URL

from local_stack.nats_server import NatsServer
from shared.clients.redis_cache import RedisSettings
from simulators.advoware import Credentials
from simulators.faults import Fault
from tests.support.advoware import API_KEY, Road, open_road
from tests.support.bad_endpoints import BAD_ENDPOINTS
from tests.support.odd_advoware import OddAdvoware

NO_REDIS = RedisSettings(redis_port=1)
"""The token is then kept in the process, which is all the same here."""
LOCKED_DOWN = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@pytest.fixture
async def vendor() -> OddAdvoware:
    """The simulator behind `road`."""
    return OddAdvoware()


@pytest.fixture
async def road(nats_server: NatsServer, vendor: OddAdvoware) -> AsyncIterator[Road]:
    """One proxy that forwards everything that is asked for in these tests."""
    allow = "GET **, POST Odd/*, PUT Odd/**, DELETE Odd/echo, POST Termine"
    async with open_road(nats_server.url, NO_REDIS, allow=allow, advoware=vendor) as opened:
        yield opened


async def failing(road: Road, endpoint: str | None, *, method: str = "GET", **more: Any) -> tuple[int, str, str]:
    """Status, sentence and Advoware's own status of an answer that is nothing but an error."""
    status, body, headers = await road.ask(endpoint, method=method, **more)
    told = json.loads(body)
    assert list(told) == ["error"]
    assert headers["Content-Type"] == "application/json"
    assert b"Traceback" not in body
    return status, told["error"], headers.get("Hub-Advoware-Status", "")


async def raw(road: Road, query: str, *, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    """One request whose query is sent as it stands here."""
    url = URL(f"{road.gateway_url}/advoware/proxy?{query}", encoded=True)
    async with road.http.request(method, url, headers={"apikey": API_KEY}, data=body) as answer:
        return answer.status, await answer.read()


# What comes out


async def test_json_comes_wrapped(road: Road) -> None:
    """The demo's `?endpoint=employees` answers `{"result": …}`, whole as Advoware said it."""
    road.advoware.seed({"firm": True})
    status, body, headers = await road.ask("employees")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    told = json.loads(body)
    assert list(told) == ["result"]
    assert [row["kuerzel"] for row in told["result"]] == ["AI", "PM", "RO", "SB", "XY"]
    assert headers.items() >= LOCKED_DOWN.items()
    assert int(headers["Content-Length"]) == len(body)
    assert road.data_calls() == ["GET /api/v1/advonet/Mitarbeiter"]


async def test_an_answer_has_one_of_three_shapes(road: Road) -> None:
    """JSON wrapped, nothing as null, everything else as it is; P11: and none of it can run as a page of ours."""
    for endpoint, body, content_type in (
        ("Odd/empty", b'{"result":null}', "application/json"),
        ("Odd/nothing", b'{"result":null}', "application/json"),
        ("Odd/problem", b'{"result":{"a":1}}', "application/json"),
        ("Odd/page", b"<script>alert(1)</script>", "text/html"),
        ("Odd/untyped", b"abc", "application/octet-stream"),
        ("Odd/announced/3", b"012", "application/pdf"),
        ("Odd/announced/0", b'{"result":null}', "application/json"),
        ("Odd/chunked/3", b"012", "application/pdf"),
    ):
        status, said, headers = await road.ask(endpoint)
        assert (endpoint, status, said, headers["Content-Type"]) == (endpoint, 200, body, content_type)
        assert headers.items() >= LOCKED_DOWN.items()


async def test_what_calls_itself_json_and_is_not_is_502(road: Road) -> None:
    """Wrapped into `{"result": …}` it would be no JSON either; after a write nobody knows what it means."""
    said = "Advoware's answer is not the JSON it says it is"
    for endpoint in ("Odd/cut", "Odd/twice", "Odd/latin", "Odd/deep"):
        assert await failing(road, endpoint) == (502, said, "")
    unknown = f"{said}; whether it was done is unknown"
    assert await failing(road, "Odd/cut", method="PUT", json={}) == (502, unknown, "")


async def test_advowares_refusal_is_502_with_its_status(road: Road, vendor: OddAdvoware) -> None:
    """Its 404 is not ours: that would say that the door is missing. P10: what it wrote stays inside."""
    vendor.quoted = "Mandant Kanarienvogel fehlt"
    for status in (400, 403, 404, 405, 409, 410, 418, 422):
        assert await failing(road, f"Odd/quote/{status}") == (502, f"Advoware answered {status}", str(status))


async def test_a_record_that_is_not_there_is_502_with_404(road: Road) -> None:
    """A caller tells by the header that the number is wrong."""
    assert await failing(road, "Beteiligte/4711") == (502, "Advoware answered 404", "404")


async def test_advowares_failure_is_502_without_a_status_of_its_own(road: Road, vendor: OddAdvoware) -> None:
    """A caller may try again; of a write it is told that nobody knows."""
    vendor.quoted = "Mandant Kanarienvogel"
    for status in (500, 502, 503, 504):
        said = f"Advoware gave no usable answer: advoware raw {{}}: {status}"
        assert await failing(road, f"Odd/quote/{status}") == (502, said.format("GET"), "")
        unknown = said.format("PUT") + "; whether it was done is unknown"
        assert await failing(road, f"Odd/quote/{status}", method="PUT") == (502, unknown, "")


async def test_a_redirect_is_not_followed(road: Road) -> None:
    """P11: our token goes nowhere but to the data base URL."""
    status, said, _ = await failing(road, "Odd/moved")
    assert (status, said) == (502, "Advoware gave no usable answer: advoware raw GET: 302")


async def test_an_answer_that_was_cut_is_502(road: Road) -> None:
    """Half of it is no answer."""
    road.advoware.faults.add(Fault(kind="cut_answer", path=".*/Mitarbeiter"))
    status, said, _ = await failing(road, "employees")
    assert (status, said.partition(" (")[0]) == (502, "Advoware gave no usable answer: advoware raw GET: no answer")
    assert len(road.data_calls()) == 1


async def test_a_lost_answer_is_502(road: Road) -> None:
    """After a read the caller may try again."""
    road.advoware.faults.add(Fault(kind="lost", path=".*/Mitarbeiter", times=None))
    status, said, _ = await failing(road, "employees")
    assert (status, said.partition(" (")[0]) == (502, "Advoware gave no usable answer: advoware raw GET: no answer")


async def test_a_pause_that_advoware_asks_for_is_503_with_its_length(road: Road) -> None:
    """P7: callers wait as long as Advoware says, and it is left alone until then."""
    road.advoware.faults.add(Fault(kind="rate_limited", path=".*/Mitarbeiter", retry_after_s=17))
    for _ in range(2):
        status, body, headers = await road.ask("employees")
        assert (status, json.loads(body)) == (503, {"error": "Advoware asks to wait"})
        assert headers["Retry-After"] == "17"
    assert len(road.data_calls()) == 1


async def test_an_offline_database_is_503_for_the_vendors_own_seventy_seconds(road: Road) -> None:
    """P7: "ist nicht angemeldet" means that the firm's server is off, and is no refusal."""
    assert isinstance(road.advoware, OddAdvoware)
    road.advoware.database_online = False
    status, body, headers = await road.ask("employees")
    assert (status, json.loads(body), headers["Retry-After"]) == (503, {"error": "Advoware asks to wait"}, "70")


async def test_wrong_credentials_are_502_and_asked_for_once(nats_server: NatsServer) -> None:
    """P7: an account is not locked by a caller's insisting."""
    async with open_road(nats_server.url, NO_REDIS, account=Credentials(password="wrong")) as road:
        for _ in range(3):
            assert await failing(road, "employees") == (502, "Advoware does not accept the hub's credentials", "")
        assert road.data_calls() == []
        assert road.advoware.token_requests() == 1


async def test_a_firm_that_nobody_knows_is_not_a_record_that_is_missing(nats_server: NatsServer) -> None:
    """The configurator's 404 is about our settings: no caller may take it for Advoware's 404 of a record."""
    async with open_road(nats_server.url, NO_REDIS, account=Credentials(kanzlei="nobody")) as road:
        status, _, advoware_status = await failing(road, "Beteiligte/1")
        assert (status, advoware_status) == (502, "")


async def test_more_requests_than_connections_wait_for_their_turn(
    nats_server: NatsServer, vendor: OddAdvoware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: a busy Advoware is waited for up to the request's own limit, and not taken for one that is away."""
    monkeypatch.setattr("shared.clients.http._CONNECT_S", 0.3)
    async with open_road(nats_server.url, NO_REDIS, advoware=vendor) as road, asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(road.ask("Odd/wait")) for _ in range(80)]
        await vendor.until_arrived(64)
        done, _ = await asyncio.wait(asked, timeout=0.6, return_when=asyncio.FIRST_COMPLETED)
        vendor.gate.set()
        assert done == set()
    assert {task.result()[0] for task in asked} == {200}


async def test_a_token_that_ended_early_is_renewed_once(road: Road) -> None:
    """A caller does not notice."""
    assert (await road.ask("employees"))[0] == 200
    road.advoware.expire_tokens()
    assert (await road.ask("employees"))[0] == 200
    assert road.advoware.token_requests() == 2


async def test_a_slow_advoware_is_504_before_the_caller_gives_up(nats_server: NatsServer, vendor: OddAdvoware) -> None:
    """P12: the proxy answers before its own limit is over; of a write it is told that nobody knows."""
    async with open_road(nats_server.url, NO_REDIS, allow="GET **, PUT **", timeout_s=1, advoware=vendor) as road:
        began = asyncio.get_running_loop().time()
        read, write = await asyncio.gather(failing(road, "Odd/wait"), failing(road, "Odd/wait", method="PUT", json={}))
        took_s = asyncio.get_running_loop().time() - began
        vendor.gate.set()
    said = "Advoware did not answer in time"
    assert (read, write) == ((504, said, ""), (504, f"{said}; whether it was done is unknown", ""))
    assert took_s < 1


# Who may come in


async def test_without_a_good_key_there_is_no_way_in(road: Road) -> None:
    """P11: 401 before anything is looked at, and nothing reaches the proxy."""
    for key in (None, "", "wrong", API_KEY + "x", API_KEY[:-1], API_KEY.upper()):
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert await failing(road, "../x", method=method, key=key) == (401, "no valid apikey", "")
    assert road.advoware.log.rows() == []
    assert "hub_proxy_requests_total{" not in road.proxies[0].metrics.render().decode()


async def test_a_webhooks_signature_is_no_key(nats_server: NatsServer) -> None:
    """P11: what lets EspoCRM report a change does not let it ask Advoware."""
    from tests.component.test_gateway import signed

    async with open_road(nats_server.url, NO_REDIS) as road:
        for header in ("Signature", "X-Signature"):
            headers = {header: signed(b"{}")["Signature"]}
            url = f"{road.gateway_url}/advoware/proxy?endpoint=employees"
            async with road.http.get(url, headers=headers, data=b"{}") as answer:
                assert answer.status == 401
        assert road.advoware.log.rows() == []


async def test_other_methods_do_not_exist(road: Road) -> None:
    """HEAD neither: it would cost Advoware a whole answer."""
    for method in ("PATCH", "HEAD", "OPTIONS", "TRACE"):
        status, _, headers = await road.ask("employees", method=method)
        assert status == 405
        assert {name.strip() for name in headers["Allow"].split(",")} == {"GET", "POST", "PUT", "DELETE"}
    assert road.advoware.log.rows() == []


async def test_the_endpoint_is_asked_for_exactly_once(road: Road) -> None:
    """400 in the firm's own words where it is missing."""
    required = b'{"error":"Endpoint required as query param"}'
    for query in ("", "endpoint=", "endpoint", "Endpoint=employees", "x=1"):
        assert await raw(road, query) == (400, required)
    for query in ("endpoint=employees&endpoint=Akten", "endpoint=employees&endpoint=", "endpoint=&endpoint=Akten"):
        assert await raw(road, query) == (400, b'{"error":"endpoint stands twice"}')
    assert road.advoware.log.rows() == []


async def test_no_bad_endpoint_gets_through_the_door(nats_server: NatsServer) -> None:
    """P11: each is 400, also when all is allowed, as one method or another, and Advoware never hears of it."""
    everything = "GET **, POST **, PUT **, DELETE **"
    async with open_road(nats_server.url, NO_REDIS, allow=everything) as road:

        async def asked(told: str, method: str) -> tuple[str, int]:
            return told, (await raw(road, f"endpoint={quote(told, safe='')}", method=method))[0]

        for method in ("GET", "PUT"):  # not all at once: the door and the proxy take 256
            answers = await asyncio.gather(*(asked(told, method) for told in BAD_ENDPOINTS))
            assert {status for _, status in answers} == {400}, [told for told, status in answers if status != 400]
        assert road.advoware.log.rows() == []


async def test_an_endpoint_is_decoded_once_and_never_again(nats_server: NatsServer) -> None:
    """P11: what the query's own encoding hides is seen, and what it leaves is not taken off."""
    async with open_road(nats_server.url, NO_REDIS, allow="GET **") as road:
        hidden = [told for told in BAD_ENDPOINTS if "%" in told and unquote(told, errors="replace") in BAD_ENDPOINTS]
        hidden += ["%2e%2e%2fToken", "%2e%2e/Token", "..%5cToken", "%2fapi%2fv1%2f..%2f..%2fx", "Akten%00", "Akten%0a"]
        hidden += ["+Akten", "Akten+1", "%252e%252e%252fToken", "%25252e%25252e/Token", "%c0%ae%c0%ae/Token", "%ff"]
        for told in hidden:
            assert (told, (await raw(road, f"endpoint={told}"))[0]) == (told, 400)
        assert road.advoware.log.rows() == []
        assert (await raw(road, "endpoint=%61kten%2F1"))[0] == 502  # plain, encoded without need
        assert road.data_calls() == ["GET /api/v1/advonet/akten/1"]


async def test_what_the_list_does_not_name_is_403(nats_server: NatsServer) -> None:
    """P11: in every spelling, while what it names passes in every spelling."""
    async with open_road(nats_server.url, NO_REDIS, allow="GET Mitarbeiter, PUT Akten/*") as road:
        refused = "the allow-list (ADVOWARE_PROXY_ALLOW) does not name this method and endpoint"
        for endpoint in (
            "Akten",
            "/akten",
            "api/v1/advonet/Akten",
            "api/v1/Mitarbeiter",
            "api/v1/Token",
            "MitarbeiterX",
        ):
            assert await failing(road, endpoint) == (403, refused, "")
        for method in ("POST", "PUT", "DELETE"):
            assert await failing(road, "employees", method=method) == (403, refused, "")
        assert road.advoware.log.rows() == []
        for endpoint in ("employees", "Mitarbeiter", "/mitarbeiter", "API/v1/Advonet/Mitarbeiter"):
            assert (await road.ask(endpoint))[0] == 200


# What is passed on


async def test_query_parameters_arrive_unchanged(road: Road) -> None:
    """Umlauts, blanks, signs that mean something in a query, repeated names, in the order they came."""
    pairs = [
        ("name", "Müller & Söhne"),
        ("b", "a&b=c"),
        ("a", "1"),
        ("a", "2"),
        ("leer", ""),
        ("plus", "1+1=2"),
        ("prozent", "100%25"),
        ("pfad", "../x?y#z"),
        ("zeile", "a\r\nb"),
        ("null", "\0"),
        ("größe", "½ ✓ 𝄞"),
        ("Endpoint", "../x"),
    ]
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    before, after = "&".join(query.split("&")[:5]), "&".join(query.split("&")[5:])
    status, body = await raw(road, f"{before}&endpoint=Odd/echo&{after}")
    assert status == 200
    assert json.loads(body)["result"]["query"] == [list(pair) for pair in pairs]
    assert road.data_calls() == ["GET /api/v1/advonet/Odd/echo"]


async def test_too_many_parameters_are_400(road: Road) -> None:
    """P12: fifty, and eight thousand characters."""
    assert (await raw(road, "endpoint=Odd/echo&" + "&".join(f"a{n}=1" for n in range(50))))[0] == 200
    assert (await raw(road, "endpoint=Odd/echo&" + "&".join(f"a{n}=1" for n in range(51))))[0] == 400
    assert (await raw(road, "endpoint=Odd/echo&=1"))[0] == 400
    assert len(road.data_calls()) == 1


async def test_a_json_body_arrives_as_it_was_sent(road: Road, vendor: OddAdvoware) -> None:
    """No number is rounded and no name is reordered on the way."""
    bodies = [b'{"text":"\xc3\xbc", "n":1.10}', b" [1, 2]\n", b"null", b'"x"', b"1e400", b'{"a":1,"a":2}']
    for body in bodies:
        for method in ("POST", "PUT"):
            assert (await raw(road, "endpoint=Odd/echo", method=method, body=body))[0] == 200
    assert [seen.strip() for seen in vendor.seen_bodies] == [body.strip() for body in bodies for _ in range(2)]


async def test_a_body_that_is_no_json_is_400(road: Road) -> None:
    """Advoware never sees it."""
    bodies = [b"{", b"text", b"{'a':1}", b"NaN", b'{"a":1}x', b"\xff", b'"\xff"', b'["\xed\xa0\x80"]', b"[" * 99_999]
    for body in bodies:
        status, said = await raw(road, "endpoint=Odd/echo", method="POST", body=body)
        assert (body[:20], status, said) == (body[:20], 400, b'{"error":"the body is not JSON"}')
    assert road.advoware.log.rows() == []


async def test_a_body_where_none_belongs_is_400(road: Road) -> None:
    """Advoware would ignore it, and the caller would believe otherwise."""
    for method in ("GET", "DELETE"):
        assert await failing(road, "Odd/echo", method=method, json={}) == (400, f"{method} takes no body", "")
    assert road.advoware.log.rows() == []


async def test_a_body_has_a_limit(road: Road, vendor: OddAdvoware) -> None:
    """P12: half a megabyte arrives, a byte more is 413, announced or not."""
    largest = b'"' + b"x" * (512 * 1024 - 2) + b'"'
    assert (await raw(road, "endpoint=Odd/echo", method="POST", body=largest))[0] == 200
    assert vendor.seen_bodies == [largest]
    assert (await raw(road, "endpoint=Odd/echo", method="POST", body=largest + b" "))[0] == 413

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b" " * 8192

    assert (await failing(road, "Odd/echo", method="POST", data=unannounced()))[0] == 413
    assert len(road.data_calls()) == 1


async def test_a_write_reaches_advoware_when_it_is_allowed(road: Road) -> None:
    """POST creates, and the answer is Advoware's; PUT and DELETE of the same are refused by the list."""
    assert isinstance(road.advoware, OddAdvoware)
    termin = {
        "text": "Besprechung",
        "datum": "2030-01-02",
        "uhrzeitVon": "10:00",
        "uhrzeitBis": "11:00",
        "anwalt": "SB",
    }
    status, body, _ = await road.ask("Termine", method="POST", json=termin)
    assert status == 200
    number = json.loads(body)["result"]
    assert road.advoware.termin(number)["text"] == "Besprechung"
    for method in ("PUT", "DELETE"):
        assert (await road.ask("Termine", method=method, params={"frnr": number}))[0] == 403
    assert [row.method for row in road.advoware.log.writes() if row.path != "/api/v1/Token"] == ["POST"]


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [
        ("POST", "lost", 0),
        ("PUT", "lost", 0),
        ("DELETE", "lost", 0),
        ("PUT", "cut_answer", 0),
        ("PUT", "error", 503),
        ("DELETE", "error", 500),
    ],
)
async def test_a_write_is_sent_once_whatever_happens(road: Road, method: str, kind: Any, status: int) -> None:
    """P2: nobody knows whether the first one was heard, so there is no second, and the caller is told."""
    road.advoware.faults.add(Fault(kind=kind, status=status, path=".*/Odd/echo"))
    answered, said, _ = await failing(road, "Odd/echo", method=method)
    assert answered == 502
    assert said.endswith("; whether it was done is unknown")
    assert road.data_calls() == [f"{method} /api/v1/advonet/Odd/echo"]


# How fast


async def test_each_caller_has_a_rate_of_its_own(nats_server: NatsServer) -> None:
    """P12: 429 with Retry-After for the one that asks too much; others, and callers on the bus, do not notice."""
    keys = {"eins": "kPz7-eins-eins", "zwei": "kPz7-zwei-zwei"}
    async with open_road(nats_server.url, NO_REDIS, per_minute=5, keys=keys) as road:
        statuses = [(await road.ask("employees", key=keys["eins"]))[0] for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        status, body, headers = await road.ask("employees", key=keys["eins"])
        assert (status, json.loads(body)) == (429, {"error": "too many requests from this caller"})
        assert headers["Retry-After"] in ("12", "11")
        assert (await road.ask("employees", key=keys["zwei"]))[0] == 200
        assert (await road.tell("GET", {"endpoint": "employees"})).code == 0
        assert len(road.data_calls()) == 7


async def test_what_is_refused_counts_as_well(nats_server: NatsServer) -> None:
    """P12: guessing endpoints is no faster than asking for them."""
    async with open_road(nats_server.url, NO_REDIS, per_minute=3) as road:
        assert [(await road.ask("../x"))[0] for _ in range(4)] == [400, 400, 400, 429]


# Who is not there


async def test_without_a_proxy_the_answer_is_503_at_once(nats_server: NatsServer) -> None:
    """P7: the caller is told when to come back."""
    async with open_road(nats_server.url, NO_REDIS, replicas=0) as road:
        status, body, headers = await road.ask("employees")
        assert (status, json.loads(body)) == (503, {"error": "the Advoware proxy is not there"})
        assert headers["Retry-After"] == "2"


async def test_without_nats_the_answer_is_503_and_then_it_works_again(road: Road, nats_server: NatsServer) -> None:
    """P7: nobody waits for a broker that is away, and nobody has to be restarted for it."""
    back = [asyncio.Event(), asyncio.Event()]
    for service, event in zip((road.gateway, road.proxies[0]), back, strict=True):
        service.bus.on_reconnect(event.set)
    assert (await road.ask("employees"))[0] == 200
    await asyncio.to_thread(nats_server.stop)
    async with asyncio.timeout(2):
        while road.gateway.bus.connected:  # noqa: ASYNC110 - nats-py has no event for it
            await asyncio.sleep(0.01)
        status, _, headers = await road.ask("employees")
    assert (status, headers["Retry-After"]) == (503, "2")
    await nats_server.astart()
    async with asyncio.timeout(10):
        await asyncio.gather(*(event.wait() for event in back))
    assert (await road.ask("employees"))[0] == 200


async def test_a_proxy_that_says_nothing_is_504(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P12: the gateway waits no longer than a caller would."""
    monkeypatch.setattr("gateway.proxy_door._WAIT_S", 0.2)
    async with open_road(nats_server.url, NO_REDIS, replicas=0) as road:
        deaf = await road.gateway.bus.nc.subscribe("advoware.proxy.get")
        assert await failing(road, "employees") == (504, "the Advoware proxy did not answer in time", "")
        await deaf.unsubscribe()


async def test_no_more_than_256_requests_are_in_work(nats_server: NatsServer, vendor: OddAdvoware) -> None:
    """P12: the next ones are refused at once with Retry-After, at the door and by the proxy itself."""
    async with open_road(nats_server.url, NO_REDIS, advoware=vendor, timeout_s=30) as road:

        async def knock() -> tuple[int, str]:
            status, _, headers = await road.ask("Odd/wait")
            return status, headers.get("Retry-After", "")

        async def tell() -> tuple[int, str]:
            reply = await road.tell("GET", {"endpoint": "Odd/wait"})
            return reply.code or 200, reply.headers.get("Retry-After", "")

        for asking in (knock, tell):
            vendor.gate.clear()
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(asking()) for _ in range(260)]
                done = asyncio.as_completed(asked)
                assert [await next(done) for _ in range(4)] == [(503, "2")] * 4
                vendor.gate.set()
            assert sorted(task.result() for task in asked) == [(200, "")] * 256 + [(503, "2")] * 4
        assert (await road.ask("employees"))[0] == 200
