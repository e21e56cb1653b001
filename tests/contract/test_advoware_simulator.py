"""The simulated Advoware answers as its clients expect, refuses what it refuses, has open questions both ways."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import tracemalloc
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from simulators.advoware import Advoware, Credentials, Switches
from simulators.faults import Fault
from simulators.harness import serve

SAMPLES = Path(__file__).parents[1] / "samples" / "advoware"
ADVONET = "/api/v1/advonet"
TOKEN = "/api/v1/Token"
HOUR_S = 3600.0


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def token_request(advoware: Advoware, **changes: Any) -> dict[str, Any]:
    """A right token request at the simulator's time; `changes` come after the signing, None takes a member out."""
    given = advoware.credentials
    now = dt.datetime.fromtimestamp(advoware.now(), tz=dt.UTC)
    body: dict[str, Any] = {
        "AppID": given.app_id,
        "Kanzlei": given.kanzlei,
        "Database": given.database,
        "User": given.user,
        "Role": 2,
        "Product": 64,
        "Password": given.password,
        "Nonce": str(uuid.uuid4()),
        "RequestTimeStamp": f"{now:%Y-%m-%dT%H:%M:%S.%f}0Z",
    }
    body |= {name: changes.pop(name) for name in ("Nonce", "RequestTimeStamp") if changes.get(name)}
    message = f"{body['Product']}:{body['AppID']}:{body['Nonce']}:{body['RequestTimeStamp']}"
    digest = hmac.digest(base64.b64decode(given.api_key), message.encode(), hashlib.sha512)
    body["HMAC512Signature"] = base64.b64encode(digest).decode()
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


class Client:
    """As few lines as a client can have; every call answers (status, JSON or text)."""

    def __init__(self, session: aiohttp.ClientSession, advoware: Advoware) -> None:
        self.session = session
        self._advoware = advoware
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        path = path if path.startswith("/") else f"{ADVONET}/{path}"
        async with self.session.request(method, path, **{"headers": self.headers, **more}) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type.endswith("json") else text

    async def token(self, **changes: Any) -> tuple[int, Any]:
        return await self.call("POST", TOKEN, json=token_request(self._advoware, **changes), headers={})

    async def log_in(self) -> None:
        status, body = await self.token()
        assert status == 200, body
        self.headers = {"Authorization": f"Bearer {body['access_token']}"}

    async def get(self, path: str, **query: Any) -> Any:
        status, body = await self.call("GET", path, params=query)
        assert status == 200, body
        return body

    async def post(self, path: str, **fields: Any) -> Any:
        status, body = await self.call("POST", path, json=fields)
        assert status == 200, body
        return body

    async def put(self, path: str, fields: dict[str, Any], **query: Any) -> Any:
        status, body = await self.call("PUT", path, json=fields, params=query)
        assert status == 200, body
        return body


@pytest.fixture
def advoware() -> Advoware:
    return Advoware()


@pytest.fixture
async def stranger(advoware: Advoware) -> AsyncIterator[Client]:
    async with serve(advoware) as url, aiohttp.ClientSession(url) as session:
        yield Client(session, advoware)


@pytest.fixture
async def client(stranger: Client) -> Client:
    await stranger.log_in()
    return stranger


# Discovery


async def test_discovery_points_at_the_simulator_itself(stranger: Client, advoware: Advoware) -> None:
    """The three URLs of the vendor's page, each with its slash; connectorUrl is null, absent or a string."""
    path, root = "/AdvonetConfigurator/api/Url", f"{stranger.session._base_url}/"
    body = await stranger.get(path, Kanzlei="demo")
    assert body.keys() == sample("discovery")["body"].keys()
    assert body == {"relayUrl": root, "connectorUrl": None, "securityGateway": root}
    assert all(url.endswith("/") for url in sample("discovery")["body"].values())
    advoware.switches = Switches(connector="missing")
    assert "connectorUrl" not in await stranger.get(path, Kanzlei="demo")
    advoware.switches = Switches(connector="own")
    assert (await stranger.get(path, Kanzlei="demo"))["connectorUrl"] == f"{root}connector/"
    for query in ({"Kanzlei": "andere"}, {}):
        status, body = await stranger.call("GET", path, params=query)
        assert status == 404
        assert "ist nicht registriert" in body["message"]


async def test_a_connector_must_be_used_where_there_is_one(client: Client, advoware: Advoware) -> None:
    """With a connector the relay refuses data; without one there is no such path."""
    assert (await client.call("GET", f"/connector{ADVONET}/Mitarbeiter"))[0] == 404
    advoware.switches = Switches(connector="own")
    assert await client.get(f"/connector{ADVONET}/Mitarbeiter") == []
    assert (await client.call("GET", "Mitarbeiter"))[0] == 403
    assert (await client.token())[0] == 200


# Token


async def test_the_known_signature_is_the_right_one() -> None:
    """The test vector of a public client is accepted at its own instant, and any other signature is not."""
    vector = sample("signature")
    credentials = Credentials(app_id=vector["app_id"], api_key=vector["api_key"])
    advoware = Advoware(credentials=credentials, switches=Switches(nonce_shape="any"))
    advoware.set_clock(vector["timestamp"])
    known = {"Nonce": vector["nonce"], "RequestTimeStamp": vector["timestamp"]}
    body = token_request(advoware, **known)
    assert body["HMAC512Signature"] == vector["signature"]
    assert body["Product"] == vector["product"]
    async with serve(advoware) as url, aiohttp.ClientSession(url) as session:
        client = Client(session, advoware)
        wrong = vector["signature"].replace("o7rz", "O7rz")
        assert (await client.token(**known, HMAC512Signature=wrong))[0] == 401
        assert (await client.token(**known))[0] == 200


async def test_a_token_is_long_opaque_and_says_when_it_ends(stranger: Client, advoware: Advoware) -> None:
    """`access_token` and `expiration_utc` with seven fraction digits and Z, an hour from now."""
    status, body = await stranger.token()
    assert (status, body.keys()) == (200, {"access_token", "expiration_utc"})
    assert len(body["access_token"]) >= 512
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", body["expiration_utc"])
    ends = dt.datetime.fromisoformat(body["expiration_utc"]).timestamp()
    assert ends - advoware.now() == pytest.approx(HOUR_S, abs=5)
    assert (await stranger.token())[1]["access_token"] != body["access_token"]


async def test_the_end_of_a_token_comes_in_variants(stranger: Client, advoware: Advoware) -> None:
    """`expires_in` seconds instead, or nothing at all, and any lifetime."""
    advoware.switches = Switches(expiry_form="expires_in", token_lifetime_s=90)
    body = (await stranger.token())[1]
    assert (body.keys(), body["expires_in"]) == ({"access_token", "expires_in"}, 90)
    advoware.switches = Switches(expiry_form="none")
    assert (await stranger.token())[1].keys() == {"access_token"}


@pytest.mark.parametrize(
    "name",
    [
        *("AppID", "Kanzlei", "Database", "User", "Password", "Nonce", "HMAC512Signature", "RequestTimeStamp"),
        *("Role", "Product"),
    ],
)
async def test_every_member_must_be_there_and_of_its_type(stranger: Client, name: str) -> None:
    """A member that is missing or of another type is 400 and named."""
    whole = token_request(stranger._advoware)
    wrong: Any
    for wrong in (None, True, [], "64" if name in ("Role", "Product") else 64):
        body = {**whole, name: wrong}
        if wrong is None:
            del body[name]
        status, answer = await stranger.call("POST", TOKEN, json=body, headers={})
        assert status == 400, wrong
        assert name in answer["message"]


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"AppID": "andere"}, 403, "freigeschaltet"),
        ({"Kanzlei": "andere"}, 404, "ist nicht registriert"),
        ({"Database": "ANDERE"}, 503, "ist nicht angemeldet"),
        ({"User": "XX"}, 401, "Falscher Name oder falsches Kennwort"),
        ({"Password": "falsch"}, 401, "Falscher Name oder falsches Kennwort"),
        ({"Role": 1}, 403, "Role"),
        ({"Product": 1}, 403, "Product"),
        ({"HMAC512Signature": "AAAA"}, 401, "HMAC512Signature"),
        ({"HMAC512Signature": "ä"}, 401, "HMAC512Signature"),
        ({"Nonce": "nonce-abc"}, 400, "Nonce"),
        ({"RequestTimeStamp": "2026-08-30T00:00:00.000Z"}, 401, "RequestTimeStamp"),
        ({"RequestTimeStamp": "2026-08-30T00:00:00+00:00"}, 400, "RequestTimeStamp"),
        ({"RequestTimeStamp": "2026-08-30T00:00:00"}, 400, "RequestTimeStamp"),
    ],
)
async def test_a_wrong_token_request_is_refused(
    stranger: Client, advoware: Advoware, changes: dict[str, Any], status: int, text: str
) -> None:
    """Each with the vendor's word where one is known; one status for all by switch."""
    given, body = await stranger.token(**changes)
    assert given == status
    assert text in body["message"]
    advoware.switches = Switches(token_refusal_status=500)
    given, body = await stranger.token(**changes)
    assert given == 500
    assert text in body["message"]


async def test_a_nonce_is_good_for_once(stranger: Client) -> None:
    """The same nonce again is 401, in other letters too; a request that was not signed uses none up."""
    nonce = str(uuid.uuid4())
    assert (await stranger.token(Nonce=nonce, HMAC512Signature="AAAA"))[0] == 401
    assert (await stranger.token(Nonce=nonce))[0] == 200
    for again in (nonce, nonce.upper()):
        status, body = await stranger.token(Nonce=again)
        assert (status, body["message"]) == (401, "Nonce was used before.")


@pytest.mark.parametrize(("off_s", "status"), [(-310, 401), (-290, 200), (290, 200), (310, 401)])
async def test_a_timestamp_may_be_five_minutes_off(
    stranger: Client, advoware: Advoware, off_s: int, status: int
) -> None:
    """Measured by the simulator's clock, in both directions, with any number of fraction digits up to seven."""
    at = dt.datetime.fromtimestamp(advoware.now() + off_s, tz=dt.UTC)
    for text in (f"{at:%Y-%m-%dT%H:%M:%S}Z", f"{at:%Y-%m-%dT%H:%M:%S}.123Z", f"{at:%Y-%m-%dT%H:%M:%S}.1234567Z"):
        assert (await stranger.token(RequestTimeStamp=text))[0] == status


async def test_a_product_can_be_withdrawn_and_a_database_go_offline(client: Client, advoware: Advoware) -> None:
    """Without a licence there is no token; an offline database refuses tokens and data."""
    advoware.switches = Switches(licensed=False)
    status, body = await client.token()
    assert status == 403
    assert "freigeschaltet" in body["message"]
    advoware.switches = Switches()
    advoware.database_online = False
    for status, body in (await client.token(), await client.call("GET", "Mitarbeiter")):
        assert status == 503
        assert "ist nicht angemeldet" in body["message"]
    assert (await client.call("PUT", "/_sim/database", json={"online": True}))[1] == {"online": True}
    assert await client.get("Mitarbeiter") == []


async def test_data_wants_a_live_token(client: Client, advoware: Advoware) -> None:
    """Without a token, with a wrong, an expired or an ended one every data route is 401 and says Bearer."""
    assert await client.get("Mitarbeiter") == []
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
        async with client.session.get(f"{ADVONET}/Mitarbeiter", headers=headers) as answer:
            assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    advoware.advance(HOUR_S + 1)
    assert (await client.call("GET", "Beteiligte/1"))[0] == 401
    await client.log_in()
    assert advoware.expire_tokens() == 2
    assert (await client.call("GET", "Beteiligte/1"))[0] == 401
    await client.log_in()
    assert (await client.call("DELETE", "/_sim/tokens"))[1] == {"expired": 1}
    assert (await client.call("GET", "Mitarbeiter"))[0] == 401


async def test_several_tokens_live_side_by_side_or_not(stranger: Client, advoware: Advoware) -> None:
    """A new token leaves the earlier ones alive, unless the switch says one per user."""
    await stranger.log_in()
    await stranger.token()
    assert await stranger.get("Mitarbeiter") == []
    advoware.switches = Switches(one_token_per_user=True)
    await stranger.token()
    assert (await stranger.call("GET", "Mitarbeiter"))[0] == 401


async def test_token_requests_are_counted(stranger: Client, advoware: Advoware) -> None:
    """Refused ones too, in the vendor object and over HTTP, from zero after a reset."""
    await stranger.token()
    await stranger.token(Password="falsch")
    state = await stranger.get("/_sim/state")
    assert (advoware.token_requests(), state["token_requests"], state["tokens_issued"]) == (2, 2, 1)
    advoware.reset()
    assert advoware.token_requests() == 0


# Paths and errors


async def test_paths_match_in_any_case(client: Client, advoware: Advoware) -> None:
    """As ASP.NET matches them, with or without a slash at the end."""
    betnr = advoware.staff.add_beteiligter(name="Müßig")
    for path in (f"/API/V1/ADVONET/BETEILIGTE/{betnr}", f"{ADVONET}/beteiligte/{betnr}/"):
        assert (await client.get(path))["betNr"] == betnr


async def test_unknown_paths_methods_and_records(client: Client) -> None:
    """404 and 405 in ASP.NET's words, also without a token; 404 for a record, 400 for a number that is none."""
    for path in ("/api/v1/advonet/appointments", "/", "/api/v2/Token"):
        status, body = await client.call("GET", path, headers={})
        assert status == 404
        assert body["message"] == f"No HTTP resource was found that matches the request URI '{path}'."
    for method, path in (("PATCH", "Termine"), ("DELETE", TOKEN), ("POST", "Mitarbeiter"), ("GET", TOKEN)):
        status, body = await client.call(method, path, headers={})
        assert status == 405
        assert body["message"] == f"The requested resource does not support http method '{method}'."
    assert (await client.call("GET", "Beteiligte/1"))[0] == 404
    for number in ("abc", "99999999999", "1.5"):
        assert (await client.call("GET", f"Beteiligte/{number}"))[0] == 400


@pytest.mark.parametrize(
    ("shape", "kind"),
    [("message", "application/json"), ("problem", "application/problem+json"), ("text", "text/plain")],
)
async def test_errors_come_in_variants(client: Client, advoware: Advoware, shape: Any, kind: str) -> None:
    """The vendor's error body is not published: a message, ProblemDetails, or plain text."""
    advoware.switches = Switches(error_shape=shape)
    async with client.session.get(f"{ADVONET}/Beteiligte/1", headers=client.headers) as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (404, kind)
    key = {"message": "message", "problem": "title"}.get(shape)
    assert (json.loads(text)[key] if key else text) == "Not found"


async def test_a_body_must_be_a_json_object_of_right_types(client: Client, advoware: Advoware) -> None:
    """415 without a JSON content type, 400 for broken JSON, another value, or a field of the wrong type."""
    path = f"{ADVONET}/Beteiligte"
    for body, kind, status in (
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"name": "\xfc"}', "application/json", 400),
        (b'{"name":' + b"[" * 100_000, "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b'{"name": "A"}', "text/plain", 415),
    ):
        headers = {**client.headers, "Content-Type": kind}
        assert (await client.call("POST", path, data=body, headers=headers))[0] == status
    for wrong in (
        {},
        {"name": " "},
        {"name": 1},
        {"name": "A", "vorname": []},
        {"name": "A", "geburtsdatum": "9.3.71"},
    ):
        status, answer = await client.call("POST", path, json=wrong)
        assert (status, list(answer)) == (400, ["message"])
    assert advoware.beteiligte() == []


async def test_faults_speak_advoware(client: Client, advoware: Advoware) -> None:
    """The harness's faults come in the vendor's shape; Retry-After only by switch or by the fault."""
    advoware.faults.add(Fault(kind="expired"))
    assert (await client.call("GET", "Mitarbeiter"))[0] == 401
    advoware.faults.add(Fault(kind="error", status=503))
    assert await client.call("GET", "Mitarbeiter") == (503, {"message": "The service is unavailable."})
    for switch, header in ((False, None), (True, "1")):
        advoware.switches = Switches(retry_after=switch)
        advoware.faults.add(Fault(kind="rate_limited"))
        async with client.session.get(f"{ADVONET}/Mitarbeiter", headers=client.headers) as answer:
            assert (answer.status, answer.headers.get("Retry-After")) == (429, header)


# Beteiligte


PERSON = {
    "name": "Müßig",
    "vorname": "Jörg",
    "rechtsform": "Natürliche Person",
    "anrede": "Herr",
    "titel": "Dr.",
    "bAnrede": "Sehr geehrter Herr Dr. Müßig,",
    "zusatz": None,
    "geburtsdatum": "1971-03-09T00:00:00",
}
READ_ONLY = {
    "art": "A",
    "kurzname": "Müß",
    "geburtsname": "Mus",
    "familienstand": "ledig",
    "handelsRegisterNummer": "HRB 0000",
    "registergericht": "Musterstadt",
}


async def test_a_beteiligter_is_created_with_every_field(client: Client) -> None:
    """POST stores all of the table and answers the party; GET shows the same."""
    made = await client.post("Beteiligte", **PERSON, **READ_ONLY, colour="red", betNr=7)
    assert made == await client.get(f"Beteiligte/{made['betNr']}")
    assert made.items() >= {**PERSON, **READ_ONLY}.items()
    assert set(made) == {*PERSON, *READ_ONLY, "betNr", "rowId", "geaendertAm", "kommunikation"}
    assert isinstance(made["betNr"], int)
    assert made["betNr"] != 7
    assert re.fullmatch(r"[A-Z]{40}", made["rowId"])
    assert (made["kommunikation"], made["geaendertAm"][-1]) == ([], "Z")


async def test_put_stores_some_and_ignores_the_rest_in_silence(client: Client, advoware: Advoware) -> None:
    """Stored fields change, read-only and unknown ones do not, and nothing is said of it; rowId moves each time."""
    made = await client.post("Beteiligte", **PERSON, **READ_ONLY)
    path = f"Beteiligte/{made['betNr']}"
    whole = {
        **made,
        "name": "Mußig",
        "vorname": None,
        "kurzname": "X",
        "betNr": 1,
        "colour": "red",
        "kommunikation": [1],
    }
    advoware.advance(60)
    put = await client.put(path, whole)
    assert put == await client.get(path)
    assert put["geaendertAm"] > made["geaendertAm"]
    assert put == {**made, "name": "Mußig", "vorname": None, "rowId": put["rowId"], "geaendertAm": put["geaendertAm"]}
    again = await client.put(path, put)
    assert len({made["rowId"], put["rowId"], again["rowId"]}) == 3
    assert (await client.call("PUT", path, json={**made, "kurzname": 5}))[0] == 400
    assert (await client.call("PUT", path, json={**made, "name": None}))[0] == 400
    assert (await client.call("PUT", "Beteiligte/1", json=made))[0] == 404


async def test_what_put_lacks_is_reset_or_kept(client: Client, advoware: Advoware) -> None:
    """A partial body loses the stored fields that it lacks, or keeps them by switch; read-only ones stay either way."""
    made = await client.post("Beteiligte", **PERSON, **READ_ONLY)
    path = f"Beteiligte/{made['betNr']}"
    advoware.switches = Switches(put_missing="kept")
    assert (await client.put(path, {"name": "A"})).items() >= {**PERSON, **READ_ONLY, "name": "A"}.items()
    advoware.switches = Switches()
    put = await client.put(path, {"name": "A"})
    assert put.items() >= {**dict.fromkeys(PERSON), **READ_ONLY, "name": "A"}.items()


async def test_switches_of_put(client: Client, advoware: Advoware) -> None:
    """PUT may answer nothing, store other fields, and refuse a stale rowId."""
    made = await client.post("Beteiligte", **PERSON)
    path = f"Beteiligte/{made['betNr']}"
    advoware.switches = Switches(put_answers="nothing", beteiligte_put_stores=("kurzname",))
    assert await client.put(path, {**made, "name": "B", "kurzname": "K"}) == ""
    now = await client.get(path)
    assert (now["name"], now["kurzname"]) == ("Müßig", "K")
    advoware.switches = Switches(check_row_id=True)
    assert (await client.call("PUT", path, json=made))[0] == 409
    assert (await client.get(path)) == now
    after = await client.put(path, now)
    assert (await client.put(path, {"name": "ohne rowId"}))["rowId"] != after["rowId"]


async def test_nobody_deletes_a_beteiligter_but_staff(client: Client, advoware: Advoware) -> None:
    """DELETE is 403; staff's deletion makes it 404 with all that hung on it."""
    betnr = advoware.staff.add_beteiligter(name="Groß")
    assert (await client.call("DELETE", f"Beteiligte/{betnr}"))[0] == 403
    await client.get(f"Beteiligte/{betnr}")
    advoware.staff.remove_beteiligter(betnr)
    for method, path in (("GET", ""), ("PUT", ""), ("GET", "/Adressen"), ("POST", "/Kommunikationen")):
        assert (await client.call(method, f"Beteiligte/{betnr}{path}", json={}))[0] == 404


async def test_staff_moves_the_row_id(client: Client, advoware: Advoware) -> None:
    """A change at the screen moves rowId and geaendertAm, also in fields that the API cannot write."""
    betnr = advoware.staff.add_beteiligter(name="Groß")
    before = await client.get(f"Beteiligte/{betnr}")
    advoware.advance(1)
    advoware.staff.change_beteiligter(betnr, kurzname="Gr")
    after = await client.get(f"Beteiligte/{betnr}")
    assert (after["kurzname"], after["name"]) == ("Gr", "Groß")
    assert after["rowId"] != before["rowId"]
    assert after["geaendertAm"] > before["geaendertAm"]


async def test_switch_party_timestamps(client: Client, advoware: Advoware) -> None:
    """UTC with Z, or the firm's wall clock without an offset."""
    advoware.set_clock("2026-07-01T10:00:00Z")
    await client.log_in()
    made = await client.post("Beteiligte", name="A")
    assert made["geaendertAm"].startswith("2026-07-01T10:00:0")
    advoware.switches = Switches(party_timestamps="local")
    local = (await client.get(f"Beteiligte/{made['betNr']}"))["geaendertAm"]
    assert local.startswith("2026-07-01T12:00:0")
    assert not local.endswith("Z")


async def test_switch_beteiligte_list(client: Client, advoware: Advoware) -> None:
    """Off it is 405; on it pages by betNr with limit and offset, and filters by geaendertSeit."""
    assert (await client.call("GET", "Beteiligte"))[0] == 405
    advoware.switches = Switches(beteiligte_list=True)
    made = [advoware.staff.add_beteiligter(name=f"P{number}") for number in range(5)]
    rows = [row for offset in (0, 2, 4, 6) for row in await client.get("Beteiligte", limit="2", offset=str(offset))]
    assert [row["betNr"] for row in rows] == made
    assert rows[0]["rowId"] == advoware.beteiligter(made[0])["rowId"]
    assert "kommunikation" not in rows[0]
    advoware.advance(100)
    advoware.staff.change_beteiligter(made[3])
    since = advoware.beteiligter(made[3])["geaendertAm"]
    assert [row["betNr"] for row in await client.get("Beteiligte", geaendertSeit=str(since))] == [made[3]]
    assert len(await client.get("Beteiligte", geaendertSeit="2020-01-31")) == 5
    for wrong in ({"limit": "0"}, {"limit": "1001"}, {"offset": "-1"}, {"limit": "x"}, {"geaendertSeit": "gestern"}):
        assert (await client.call("GET", "Beteiligte", params=wrong))[0] == 400


# Kommunikationen


async def test_a_kommunikation_is_part_of_its_beteiligter(client: Client, advoware: Advoware) -> None:
    """POST takes four fields and derives kommArt; reading is the party's answer; the party's rowId and time stay."""
    betnr = advoware.staff.add_beteiligter(name="Groß")
    before = await client.get(f"Beteiligte/{betnr}")
    path = f"Beteiligte/{betnr}/Kommunikationen"
    advoware.advance(5)
    made = await client.post(path, tlf="gross@post.example", bemerkung="privat", kommKz=8, online=True, kommArt=9)
    assert made.items() >= {"betNr": betnr, "tlf": "gross@post.example", "kommKz": 8, "kommArt": 3}.items()
    assert set(made) == {"id", "betNr", "rowId", "kommArt", "kommKz", "tlf", "bemerkung", "online"}
    assert await client.get(f"Beteiligte/{betnr}") == {**before, "kommunikation": [made]}
    put = await client.put(f"{path}/{made['id']}", {"tlf": None, "bemerkung": "leer", "online": False, "kommKz": 1})
    assert put == {**made, "tlf": None, "bemerkung": "leer", "online": False, "rowId": put["rowId"]}
    assert put["rowId"] != made["rowId"]
    assert await client.get(f"Beteiligte/{betnr}") == {**before, "kommunikation": [put]}


async def test_what_cannot_be_done_with_a_kommunikation(client: Client, advoware: Advoware) -> None:
    """No GET, DELETE is 403, kommKz is required from 1 to 12, and another party's entry is 404."""
    betnr, other = advoware.staff.add_beteiligter(name="A"), advoware.staff.add_beteiligter(name="B")
    number = advoware.staff.add_kommunikation(betnr, kommKz=1, tlf="1")
    path = f"Beteiligte/{betnr}/Kommunikationen"
    for method, where, status in (
        ("GET", path, 405),
        ("GET", f"{path}/{number}", 405),
        ("DELETE", f"{path}/{number}", 403),
        ("PUT", f"Beteiligte/{other}/Kommunikationen/{number}", 404),
        ("PUT", f"{path}/999", 404),
    ):
        assert (await client.call(method, where, json={}))[0] == status, where
    for wrong in (
        {},
        {"kommKz": 0},
        {"kommKz": 13},
        {"kommKz": "1"},
        {"kommKz": 1, "online": 1},
        {"kommKz": 1, "tlf": 5},
    ):
        assert (await client.call("POST", path, json=wrong))[0] == 400, wrong
    assert len(advoware.beteiligter(betnr)["kommunikation"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(("switch", "shown"), [("zero", 0), ("null", None)])
async def test_switch_komm_kz_shown(client: Client, advoware: Advoware, switch: Any, shown: int | None) -> None:
    """GET may hide kommKz as 0 or null, while it is stored."""
    betnr = advoware.staff.add_beteiligter(name="A")
    made = await client.post(f"Beteiligte/{betnr}/Kommunikationen", kommKz=4, tlf="a@b.example")
    advoware.switches = Switches(komm_kz_shown=switch)
    (row,) = (await client.get(f"Beteiligte/{betnr}"))["kommunikation"]
    assert row == {**made, "kommKz": shown, "kommArt": shown}
    advoware.switches = Switches()
    assert (await client.get(f"Beteiligte/{betnr}"))["kommunikation"] == [made]


async def test_staff_can_do_more_with_a_kommunikation(client: Client, advoware: Advoware) -> None:
    """Change its kommKz, empty it, delete it; its rowId moves, the party's does not."""
    betnr = advoware.staff.add_beteiligter(name="A")
    number = advoware.staff.add_kommunikation(betnr, kommKz=1, tlf="1")
    before = await client.get(f"Beteiligte/{betnr}")
    advoware.staff.change_kommunikation(betnr, number, kommKz=3, tlf="")
    after = await client.get(f"Beteiligte/{betnr}")
    assert (after["kommunikation"][0]["kommKz"], after["kommunikation"][0]["tlf"]) == (3, "")
    assert after["kommunikation"][0]["rowId"] != before["kommunikation"][0]["rowId"]
    assert after["rowId"] == before["rowId"]
    advoware.staff.remove_kommunikation(betnr, number)
    assert (await client.get(f"Beteiligte/{betnr}")) == {**before, "kommunikation": []}


# Adressen and Bankverbindungen


ADRESSE = {
    "strasse": "Lärchenweg 3",
    "plz": "00000",
    "ort": "Übersehen",
    "anschrift": "Jörg Müßig\nLärchenweg 3\n00000 Übersehen",
    "land": "D",
    "postfach": "12",
    "postfachPLZ": "00001",
    "bemerkung": "EspoCRM-ID: 1",
    "standardAnschrift": True,
    "gueltigVon": "2026-01-01T00:00:00",
    "gueltigBis": "2026-12-31T00:00:00",
    "reihenfolgeIndex": 4,
}


async def test_an_adresse_is_written_whole_once_and_in_four_fields_after(client: Client, advoware: Advoware) -> None:
    """POST stores everything; PUT stores strasse, plz, ort, anschrift and ignores the rest; DELETE is 403."""
    betnr = advoware.staff.add_beteiligter(name="Müßig")
    party, path = await client.get(f"Beteiligte/{betnr}"), f"Beteiligte/{betnr}/Adressen"
    made = await client.post(path, **ADRESSE)
    assert made == {**ADRESSE, "id": made["id"], "betNr": betnr, "rowId": made["rowId"]}
    four = {"strasse": "Am Markt 1", "plz": "00009", "ort": "Ä", "anschrift": "A\nB"}
    rest = {"land": "A", "postfach": "", "bemerkung": "x", "standardAnschrift": False, "gueltigBis": None}
    put = await client.put(f"{path}/{made['id']}", {**made, **four, **rest, "reihenfolgeIndex": 1})
    assert put == {**made, **four, "rowId": put["rowId"]}
    assert put["rowId"] != made["rowId"]
    assert await client.get(path) == [put]
    assert (await client.call("DELETE", f"{path}/{made['id']}"))[0] == 403
    assert (await client.call("GET", f"{path}/{made['id']}"))[0] == 405
    assert (await client.call("PUT", f"{path}/999", json=four))[0] == 404
    assert await client.get(f"Beteiligte/{betnr}") == party


async def test_switch_adressen_put_key(client: Client, advoware: Advoware) -> None:
    """PUT finds an Adresse by its id, or by its reihenfolgeIndex."""
    betnr = advoware.staff.add_beteiligter(name="Müßig")
    path = f"Beteiligte/{betnr}/Adressen"
    first, second = await client.post(path, ort="A"), await client.post(path, ort="B")
    assert (first["reihenfolgeIndex"], second["reihenfolgeIndex"]) == (1, 2)
    advoware.switches = Switches(adressen_put_key="reihenfolgeIndex")
    assert (await client.put(f"{path}/2", {"ort": "C"}))["id"] == second["id"]
    assert (await client.call("PUT", f"{path}/99", json={"ort": "C"}))[0] == 404


async def test_a_bankverbindung_is_only_ever_created(client: Client, advoware: Advoware) -> None:
    """GET lists, POST creates, PUT and DELETE are 405; only staff changes and removes."""
    betnr = advoware.staff.add_beteiligter(name="Müßig")
    path = f"Beteiligte/{betnr}/Bankverbindungen"
    fields = {
        "bank": "Musterbank",
        "iban": "DE02120300000000202051",
        "bic": "BYLADEM1001",
        "kontoinhaber": "Jörg Müßig",
    }
    made = await client.post(path, **fields)
    assert made.items() >= {**fields, "betNr": betnr, "kontoNr": None, "blz": None, "mandatsreferenz": None}.items()
    for method in ("PUT", "DELETE"):
        assert (await client.call(method, f"{path}/{made['id']}", json=fields))[0] == 405
    assert await client.get(path) == [made]
    advoware.staff.change_bankverbindung(betnr, made["id"], bank="Andere")
    (row,) = await client.get(path)
    assert (row["bank"], row["rowId"] == made["rowId"]) == ("Andere", False)
    advoware.staff.remove_bankverbindung(betnr, made["id"])
    assert await client.get(path) == []


# Termine


TERMIN: dict[str, Any] = {
    "text": "Besprechung",
    "datum": "2026-03-10",
    "uhrzeitVon": "10:00",
    "uhrzeitBis": "11:00",
    "anwalt": "SB",
}


async def test_a_termin_is_created_read_replaced_and_deleted(client: Client, advoware: Advoware) -> None:
    """POST answers the bare number, frnr finds it, PUT replaces it whole, DELETE ends it."""
    number = await client.post("Termine", **TERMIN, notiz="eins\nzwei\r\ndrei", ort="Büro", betreff="kein Feld")
    assert isinstance(number, int)
    made = await client.get("Termine", frnr=str(number))
    expected = {**TERMIN, "frNr": number, "uhrzeitVon": "10:00:00", "uhrzeitBis": "11:00:00", "sb": "demo"}
    expected |= {"datum": "2026-03-10T10:00:00", "datumBis": "2026-03-10T11:00:00", "special": 0, "azRubrum": ""}
    assert made.items() >= {**expected, "notiz": "eins\r\nzwei\r\ndrei", "dauertermin": 0, "nr": 0}.items()
    assert "betreff" not in made
    assert made["zuletztGeaendertAm"].endswith("Z")
    advoware.advance(60)
    put = await client.put("Termine", {**made, "text": "Neu", "sb": "XX", "special": 3, "frNr": 1}, frnr=str(number))
    assert put == {**made, "text": "Neu", "zuletztGeaendertAm": put["zuletztGeaendertAm"]}
    assert put["zuletztGeaendertAm"] > made["zuletztGeaendertAm"]
    put = await client.put("Termine", {"datum": "2026-03-11", "text": "Rest fehlt"}, frnr=str(number))
    assert (put["ort"], put["notiz"], put["uhrzeitVon"], put["anwalt"]) == ("", "", None, "")
    assert (await client.call("DELETE", "Termine", params={"frnr": number}))[0] == 200
    for method in ("GET", "PUT", "DELETE"):
        assert (await client.call(method, "Termine", params={"frnr": number}, json=TERMIN))[0] == 404


async def test_frnr_is_all_lower_case(client: Client, advoware: Advoware) -> None:
    """`frNr` is not heard: GET answers the whole list, PUT and DELETE have no number."""
    first, second = await client.post("Termine", **TERMIN), await client.post("Termine", **TERMIN)
    rows = await client.get("Termine", frNr=str(first))
    assert [row["frNr"] for row in rows] == [first, second]
    for method in ("PUT", "DELETE"):
        assert (await client.call(method, "Termine", params={"frNr": first}, json=TERMIN))[0] == 400
    assert len(advoware.termine()) == 2


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (("2026-03-01", "2026-03-09"), False),
        (("2026-03-01", "2026-03-10"), True),
        (("2026-03-11", "2026-03-11"), True),
        (("2026-03-12", "2026-03-31"), True),
        (("2026-03-13", "2026-03-31"), False),
    ],
)
async def test_the_window_looks_at_the_days_of_a_termin(client: Client, window: tuple[str, str], found: bool) -> None:
    """Both ends count, and any day between start and end is enough."""
    await client.post("Termine", **{**TERMIN, "datumBis": "2026-03-12"})
    rows = await client.get("Termine", kuerzel="SB", **{"from": window[0], "to": window[1]})
    assert bool(rows) is found


async def test_a_series_is_listed_once_while_it_runs(client: Client) -> None:
    """As its master, in every window that meets the series, up to 2037 when it never ends."""
    series = {**TERMIN, "dauertermin": 1, "turnus": 2, "turnusArt": 2, "datumBis": "2037-12-31"}
    number = await client.post("Termine", **series)
    for window in (("2026-03-01", "2026-03-31"), ("2030-01-01", "2030-01-02"), ("2037-12-31", "2038-01-01")):
        rows = await client.get("Termine", **{"from": window[0], "to": window[1]})
        assert [row["frNr"] for row in rows] == [number]
    assert (rows[0]["datum"], rows[0]["datumBis"]) == ("2026-03-10T10:00:00", "2037-12-31T11:00:00")
    assert (rows[0]["turnus"], rows[0]["turnusArt"], rows[0]["dauertermin"]) == (2, 2, 1)
    for window in (("2026-03-01", "2026-03-09"), ("2038-01-01", "2038-02-01")):
        assert await client.get("Termine", **{"from": window[0], "to": window[1]}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"datum": None},
        {"datum": "10.03.2026"},
        {"datum": "2026-03-10T10:00:00Z"},
        {"uhrzeitVon": "25:00"},
        {"uhrzeitVon": 10},
        {"uhrzeitBis": "09:00"},
        {"datumBis": "2026-03-09"},
        {"text": 5},
        {"privat": 2},
        {"privat": True},
        {"nr": 99},
        {"dauertermin": 1},
        {"dauertermin": 1, "turnus": 1},
        {"dauertermin": 1, "turnus": 0, "turnusArt": 2},
        {"dauertermin": 1, "turnus": 1, "turnusArt": 5},
        {"dauertermin": 1, "turnus": 1, "turnusArt": 1, "datumBis": "2026-03-09"},
        {"dauertermin": 1, "turnus": 1, "turnusArt": 1, "datumBis": "2026-04-09", "uhrzeitBis": "09:00"},
        {"dauertermin": 1, "turnus": 1, "turnusArt": 1, "uhrzeitVon": "00:00:00", "uhrzeitBis": "23:59:59"},
    ],
)
async def test_a_wrong_termin_is_refused(client: Client, advoware: Advoware, wrong: dict[str, Any]) -> None:
    """POST and PUT are 400 and change nothing."""
    number = await client.post("Termine", **TERMIN)
    before = advoware.termine()
    body = {**TERMIN, **wrong}
    assert (await client.call("POST", "Termine", json=body))[0] == 400
    assert (await client.call("PUT", "Termine", params={"frnr": number}, json=body))[0] == 400
    assert advoware.termine() == before


async def test_a_termin_may_lack_times(client: Client) -> None:
    """Without times the day alone counts; an occurrence of 23:59 hours is the longest."""
    number = await client.post("Termine", text="Ganz", datum="2026-03-10T00:00:00")
    one = await client.get("Termine", frnr=str(number))
    assert (one["uhrzeitVon"], one["uhrzeitBis"]) == (None, None)
    assert (one["datum"], one["datumBis"]) == ("2026-03-10T00:00:00", "2026-03-10T00:00:00")
    rule = {"dauertermin": 1, "turnus": 1, "turnusArt": 4, "datumBis": "2030-01-01"}
    await client.post("Termine", text="Tag", datum="2026-03-10", uhrzeitVon="00:00", uhrzeitBis="23:59", **rule)


async def test_the_list_of_an_employee(client: Client, advoware: Advoware) -> None:
    """Those of the Kürzel in any case, and everybody's unless the switch says otherwise; bad windows are 400."""
    for owner in ("SB", "PM", "", "ALLE", "Allgemein"):
        await client.post("Termine", **{**TERMIN, "anwalt": owner})
    rows = await client.get("Termine", kuerzel="sb")
    assert [row["anwalt"] for row in rows] == ["SB", "", "ALLE", "Allgemein"]
    advoware.switches = Switches(everybodys_in_lists=False)
    assert [row["anwalt"] for row in await client.get("Termine", kuerzel="SB")] == ["SB"]
    assert len(await client.get("Termine")) == 5
    for query in ({"from": "10.03.2026"}, {"to": "2026-03"}, {"from": "2026-03-02", "to": "2026-03-01"}, {"frnr": "x"}):
        assert (await client.call("GET", "Termine", params=query))[0] == 400


async def test_virtual_entries_are_listed_and_cannot_be_touched(client: Client, advoware: Advoware) -> None:
    """Their number is negative, their special 1 to 4; PUT and DELETE are 403."""
    numbers = [advoware.staff.add_termin(**TERMIN, special=special) for special in (1, 2, 3, 4)]
    rows = await client.get("Termine", kuerzel="SB", **{"from": "2026-03-01", "to": "2026-03-31"})
    assert sorted(row["special"] for row in rows) == [1, 2, 3, 4]
    assert {row["frNr"] for row in rows} == set(numbers)
    assert max(numbers) < 0
    for number in numbers:
        assert (await client.get("Termine", frnr=str(number)))["frNr"] == number
        for method in ("PUT", "DELETE"):
            assert (await client.call(method, "Termine", params={"frnr": number}, json=TERMIN))[0] == 403
    advoware.staff.remove_termin(numbers[0])
    assert len(advoware.termine()) == 3


async def test_private_entries_of_others_cannot_be_touched(client: Client, advoware: Advoware) -> None:
    """Only who owns or entered a private Termin may change it."""
    foreign = advoware.staff.add_termin(**TERMIN, privat=1)
    own = [
        advoware.staff.add_termin(**{**TERMIN, "anwalt": "Demo"}, privat=1, sb="SB"),
        advoware.staff.add_termin(**TERMIN, privat=1, sb="demo"),
        advoware.staff.add_termin(**TERMIN),
        await client.post("Termine", **TERMIN, privat=1),
    ]
    for method in ("PUT", "DELETE"):
        assert (await client.call(method, "Termine", params={"frnr": foreign}, json=TERMIN))[0] == 403
        for number in own:
            body = {**TERMIN, "privat": 1, "anwalt": "demo"}
            assert (await client.call(method, "Termine", params={"frnr": number}, json=body))[0] == 200
    assert [row["frNr"] for row in advoware.termine()] == [foreign]


async def test_a_termin_of_an_akte_carries_its_rubrum(client: Client, advoware: Advoware) -> None:
    """azRubrum names the Akte, and the list has it behind the text; a client that does not strip it doubles it."""
    akte = advoware.staff.add_akte(aktenzeichen="1/26", kurzRubrum="Müßig ./. Drossel")
    number = await client.post("Termine", **TERMIN, nr=akte)
    (row,) = await client.get("Termine", kuerzel="SB")
    assert row["azRubrum"] == "1/26 Müßig ./. Drossel"
    assert row["text"] == "Besprechung (1/26 Müßig ./. Drossel)"
    assert (await client.get("Termine", frnr=str(number)))["text"] == "Besprechung"
    for switch, text in (("always", row["text"]), ("never", "Besprechung")):
        advoware.switches = msgspec.convert({"rubrum_in_text": switch}, Switches)
        assert (await client.get("Termine", frnr=str(number)))["text"] == text
        assert (await client.get("Termine", kuerzel="SB"))[0]["text"] == text
    await client.put("Termine", row, frnr=str(number))
    assert advoware.termin(number)["text"] == row["text"]


@pytest.mark.parametrize(
    ("switch", "datum", "bis"),
    [
        ("date_time", "2026-03-10T10:00:00", "2026-03-10T11:00:00"),
        ("midnight", "2026-03-10T00:00:00", "2026-03-10T00:00:00"),
        ("date", "2026-03-10", "2026-03-10"),
    ],
)
async def test_switch_termin_datum(client: Client, advoware: Advoware, switch: Any, datum: str, bis: str) -> None:
    """Days come with their time, with midnight, or alone; each can be sent back as it came."""
    number = await client.post("Termine", **TERMIN)
    advoware.switches = Switches(termin_datum=switch)
    one = await client.get("Termine", frnr=str(number))
    assert (one["datum"], one["datumBis"], one["uhrzeitVon"]) == (datum, bis, "10:00:00")
    put = await client.put("Termine", one, frnr=str(number))
    assert {**put, "zuletztGeaendertAm": ""} == {**one, "zuletztGeaendertAm": ""}


async def test_switches_of_answers_to_termine(client: Client, advoware: Advoware) -> None:
    """POST may answer an object, one Termin may come in a list, PUT may answer nothing."""
    advoware.switches = Switches(termin_created="object", termin_single="list", put_answers="nothing")
    made = await client.post("Termine", **TERMIN)
    assert list(made) == ["frNr"]
    (row,) = await client.get("Termine", frnr=str(made["frNr"]))
    assert row["frNr"] == made["frNr"]
    assert await client.put("Termine", row, frnr=str(made["frNr"])) == ""
    assert await client.get("Termine", frnr="1") == []


async def test_staff_works_on_termine(client: Client, advoware: Advoware) -> None:
    """A user adds, changes what is named and removes; sb is the owner unless said."""
    number = advoware.staff.add_termin(**TERMIN, ort="Büro")
    before = await client.get("Termine", frnr=str(number))
    assert before["sb"] == "SB"
    advoware.advance(1)
    advoware.staff.change_termin(number, text="Verlegt", uhrzeitBis="12:00")
    after = await client.get("Termine", frnr=str(number))
    assert (after["text"], after["uhrzeitBis"], after["ort"]) == ("Verlegt", "12:00:00", "Büro")
    assert after["zuletztGeaendertAm"] > before["zuletztGeaendertAm"]
    advoware.staff.remove_termin(number)
    assert (await client.call("GET", "Termine", params={"frnr": number}))[0] == 404


# Mitarbeiter, Akten, Dokumente


async def test_mitarbeiter(client: Client, advoware: Advoware) -> None:
    """All or the active ones by Kürzel; eMail goes by switch."""
    staff = advoware.staff
    staff.add_mitarbeiter("SB", name="Birkenau", eMail="sb@kanzlei.example")
    staff.add_mitarbeiter("AI", name="Ißler")
    staff.change_mitarbeiter("SB", aktiv=False)
    assert [row["kuerzel"] for row in await client.get("Mitarbeiter")] == ["AI", "SB"]
    assert [row["kuerzel"] for row in await client.get("Mitarbeiter", aktiv="true")] == ["AI"]
    (row,) = await client.get("Mitarbeiter", aktiv="false")
    assert row == {"kuerzel": "SB", "name": "Birkenau", "vorname": None, "eMail": "sb@kanzlei.example", "aktiv": False}
    advoware.switches = Switches(employee_mail=False)
    assert "eMail" not in (await client.get("Mitarbeiter"))[1]
    staff.remove_mitarbeiter("SB")
    assert [row["kuerzel"] for row in await client.get("Mitarbeiter")] == ["AI"]


async def test_akten_and_their_history(client: Client, advoware: Advoware) -> None:
    """Search over reference, title and client; ablage says archived; history entries count from 1."""
    number = advoware.staff.add_akte(aktenzeichen="1/26", kurzRubrum="Müßig ./. Drossel", mandant="Müßig")
    advoware.staff.add_akte(aktenzeichen="2/26", mandant="Groß")
    assert [row["id"] for row in await client.get("/api/v1/Akten", Search="müß")] == [number]
    assert len(await client.get("/api/v1/Akten")) == 2
    one = await client.get(f"Akten/{number}")
    assert one == await client.get(f"/api/v1/Akten/{number}")
    assert one["ablage"] == 0
    advoware.staff.change_akte(number, ablage=1)
    assert (await client.get(f"Akten/{number}"))["ablage"] == 1
    entry = await client.post(f"Akten/{number}/History", text="Eingang", datum="2026-03-10")
    assert entry == {"hNr": 1, "text": "Eingang", "datum": "2026-03-10T00:00:00", "dokument": None, "sb": "demo"}
    assert (await client.post(f"Akten/{number}/History", text="Ausgang"))["hNr"] == 2
    assert [row["hNr"] for row in await client.get(f"Akten/{number}/History")] == [1, 2]
    assert (await client.call("POST", f"Akten/{number}/History", json={}))[0] == 400
    assert (await client.call("GET", "Akten/999"))[0] == 404


async def test_a_large_list_of_akten(client: Client, advoware: Advoware) -> None:
    """A seed makes as many as a test of large JSON answers needs."""
    advoware.seed({"akten_count": 20_000})
    rows = await client.get("/api/v1/Akten")
    assert len(rows) == 20_000
    assert len(json.dumps(rows)) > 2_000_000


@pytest.mark.parametrize("megabytes", [0, 5, 60])
async def test_a_document_streams_without_being_held(client: Client, advoware: Advoware, megabytes: int) -> None:
    """PDF bytes of the seeded size with their length and hash; neither side ever holds them."""
    size = megabytes * 1024 * 1024 + 7
    number = advoware.staff.add_dokument(size)
    sha256, count = hashlib.sha256(), 0
    tracemalloc.start()
    try:
        async with client.session.get(f"{ADVONET}/Dokumente/{number}", headers=client.headers) as answer:
            assert (answer.status, answer.content_type) == (200, "application/pdf")
            assert answer.content_length == size
            async for chunk in answer.content.iter_any():
                sha256.update(chunk)
                count += len(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, sha256.hexdigest()) == (size, advoware.dokument_sha256(number))
    assert peak < 4 * 1024 * 1024


async def test_a_document_can_be_cut_and_missing(client: Client, advoware: Advoware) -> None:
    """A fault cuts the answer in half; an unknown number is 404."""
    number = advoware.staff.add_dokument(1_000_000)
    advoware.faults.add(Fault(kind="cut_answer"))
    with pytest.raises(aiohttp.ClientError):
        await client.call("GET", f"Dokumente/{number}")
    assert (await client.call("GET", "Dokumente/999"))[0] == 404


# Control


async def test_staff_refuses_what_no_screen_would_take(advoware: Advoware) -> None:
    """Misspelt fields and wrong values are ValueError, unknown numbers KeyError: a wrong test fails loudly."""
    staff = advoware.staff
    betnr = staff.add_beteiligter(name="A")
    wrong: tuple[Callable[[], object], ...] = (
        lambda: staff.add_beteiligter(nahme="A"),
        lambda: staff.add_beteiligter(name=5),
        lambda: staff.add_kommunikation(betnr, tlf="1"),
        lambda: staff.add_termin(text="ohne Tag"),
        lambda: staff.add_termin(**TERMIN, special=5),
        lambda: staff.add_termin(**{**TERMIN, "uhrzeitBis": "09:00"}),
        lambda: staff.add_dokument(-1),
    )
    for add in wrong:
        with pytest.raises(ValueError, match=r"\w"):
            add()
    with pytest.raises(KeyError):
        staff.remove_adresse(betnr, 1)


async def test_staff_over_http(client: Client, advoware: Advoware) -> None:
    """Every deed of staff is a POST below /_sim/staff with its arguments; what is wrong is 400 or 404."""

    async def do(deed: str, **arguments: Any) -> tuple[int, Any]:
        return await client.call("POST", f"/_sim/staff/{deed}", json=arguments)

    betnr = (await do("add_beteiligter", name="Groß"))[1]["made"]
    number = (await do("add_adresse", betnr=betnr, ort="A"))[1]["made"]
    assert await do("change_adresse", betnr=betnr, id=number, ort="B", land="D") == (200, {"made": None})
    assert (await client.get(f"Beteiligte/{betnr}/Adressen"))[0]["ort"] == "B"
    assert (await do("remove_adresse", betnr=betnr, id=number))[0] == 200
    assert (await do("add_termin", **TERMIN, special=1))[1]["made"] < 0
    assert (await do("add_mitarbeiter", kuerzel="SB", name="B"))[1] == {"made": "SB"}
    for deed, arguments, status in (
        ("explode", {}, 404),
        ("_add", {}, 404),
        ("__init__", {}, 404),
        ("remove_beteiligter", {"betnr": 1}, 404),
        ("remove_beteiligter", {}, 400),
        ("add_mitarbeiter", {"kuerzel": "SB"}, 400),
        ("add_beteiligter", {"nahme": "A"}, 400),
    ):
        assert (await do(deed, **arguments))[0] == status, deed
    assert all("/_sim" not in row.path for row in advoware.log.rows())


async def test_the_clock_over_http(client: Client, advoware: Advoware) -> None:
    """It can be set and moved; tokens end by it."""
    _, body = await client.call("POST", "/_sim/clock", json={"now": "2026-03-10T10:00:00Z", "advance_s": 60})
    assert body["now"].startswith("2026-03-10T10:01:0")
    await client.log_in()
    await client.call("POST", "/_sim/clock", json={"advance_s": HOUR_S + 1})
    assert (await client.call("GET", "Mitarbeiter"))[0] == 401
    for wrong in ({"now": "gestern"}, {"sooner": 1}):
        assert (await client.call("POST", "/_sim/clock", json=wrong))[0] == 400


async def test_switches_over_http(client: Client, advoware: Advoware) -> None:
    """PUT changes the named switches and leaves the others; unknown names and values are refused."""
    assert (await client.call("PUT", "/_sim/switches", json={"connector": "own"}))[0] == 200
    await client.call("PUT", "/_sim/switches", json={"token_lifetime_s": 5})
    assert advoware.switches == Switches(connector="own", token_lifetime_s=5)
    for wrong in ({"connector": "x"}, {"colour": "red"}, {"token_lifetime_s": -1}, {"token_refusal_status": 200}):
        assert (await client.call("PUT", "/_sim/switches", json=wrong))[0] == 400
    assert (await client.call("GET", "/_sim/switches"))[1] == msgspec.to_builtins(advoware.switches)


async def test_seed_state_and_reset(client: Client, advoware: Advoware) -> None:
    """Seed puts in single records or the made-up firm, state shows all, reset empties; numbers go on."""
    party = {"name": "Groß", "kommunikation": [{"kommKz": 1, "tlf": "1"}], "adressen": [{"ort": "A"}]}
    seed = {"beteiligte": [{**party, "bankverbindungen": [{"bank": "B"}]}], "termine": [TERMIN], "dokumente": [10]}
    status, made = await client.call("POST", "/_sim/seed", json={**seed, "mitarbeiter": [{"kuerzel": "ZZ"}]})
    assert status == 200
    (betnr,) = made["beteiligte"]
    shown = advoware.beteiligter(betnr)
    assert [len(shown[name]) for name in ("kommunikation", "adressen", "bankverbindungen")] == [1, 1, 1]  # type: ignore[arg-type]
    status, made = await client.call("POST", "/_sim/seed", json={"firm": True})
    assert (status, len(made["firm"]["beteiligte"])) == (200, 3)
    state = await client.get("/_sim/state")
    assert {row["kuerzel"] for row in state["mitarbeiter"]} >= {"SB", "PM", "AI", "ZZ"}
    assert (len(state["beteiligte"]), len(state["termine"]), len(state["dokumente"])) == (4, 8, 1)
    wrong: dict[str, Any]
    for wrong in (
        {"colour": []},
        {"beteiligte": [{}]},
        {"termine": [{"text": 1}]},
        {"mitarbeiter": [{"kuerzel": "SB"}]},
    ):
        assert (await client.call("POST", "/_sim/seed", json=wrong))[0] == 400
    assert (await client.call("POST", "/_sim/reset"))[0] == 200
    state = await client.get("/_sim/state")
    assert all(state[kind] == [] for kind in ("beteiligte", "termine", "mitarbeiter", "akten", "dokumente"))
    assert (await client.call("GET", "Mitarbeiter"))[0] == 401
    assert advoware.staff.add_beteiligter(name="A") > betnr


async def test_everything_follows_from_the_seed() -> None:
    """The same seed gives the same rowIds, so that a failing run can be repeated."""

    def row_id(seed: int) -> object:
        advoware = Advoware(seed=seed)
        return advoware.beteiligter(advoware.staff.add_beteiligter(name="A"))["rowId"]

    assert row_id(1) == row_id(1) != row_id(2)
