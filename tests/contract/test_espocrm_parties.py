"""The simulated EspoCRM's parties: mails, phones, addresses, accounts, tasks, and the lists of a sweep."""

import json
from typing import Any

import aiohttp
import pytest

from simulators.espocrm import EntityType, Field, Refused, Schema, firm_schema
from simulators.espocrm.contact_fields import international
from simulators.espocrm.firm import system_types
from simulators.espocrm.kinds import NAME, address, of_type, people, reachable, varchars
from tests.contract.test_espocrm_simulator import comparable, receiving, samples, subscribe, the_firm

Json = dict[str, Any]
IBAN, OTHER_IBAN = "DE89370400440532013000", "GB82WEST12345698765432"
LOOSE = firm_schema(international_phones=False)


def mail(value: str, *, primary: bool = False, opted_out: bool = False, invalid: bool = False) -> Json:
    """An item of emailAddressData as a read shows it."""
    flags = {"primary": primary, "optOut": opted_out, "invalid": invalid}
    return {"emailAddress": value, "lower": value.lower(), **flags}


def phone(value: str, kind: str = "Mobile", *, primary: bool = False, opted_out: bool = False) -> Json:
    """An item of phoneNumberData as a read shows it."""
    return {"phoneNumber": value, "type": kind, "primary": primary, "optOut": opted_out, "invalid": False}


async def asked(http: aiohttp.ClientSession, method: str, path: str, body: object = None) -> tuple[int, Any, str]:
    """Status, body and X-Status-Reason."""
    async with http.request(method, path, json=body) as answer:
        raw = await answer.read()
        return answer.status, json.loads(raw) if raw else None, answer.headers.get("X-Status-Reason", "")


async def done(http: aiohttp.ClientSession, method: str, path: str, body: object = None) -> Any:
    """The body of a good answer."""
    status, found, reason = await asked(http, method, path, body)
    assert status == 200, reason
    return found


async def found_ids(http: aiohttp.ClientSession, entity_type: str, **search: object) -> list[str]:
    async with http.get(entity_type, params={"searchParams": json.dumps(search)}) as answer:
        assert answer.status == 200, answer.headers
        return [row["id"] for row in (await answer.json())["list"]]


# E-mail addresses and phone numbers.


def recorded_types() -> tuple[EntityType, ...]:
    """Account and Contact of the recorded instance, as far as their recorded records show them."""
    times = (
        Field(name="createdAt", type="datetime", read_only=True),
        Field(name="modifiedAt", type="datetime", read_only=True),
    )
    linked = tuple(Field(name=name, type="link") for name in ("account", "campaign", "originalLead"))
    by, changed_by, assigned = people()
    streamed = Field(name="streamUpdatedAt", type="datetime", read_only=True)
    account = EntityType(
        name="Account",
        fields=(
            NAME,
            *varchars("website"),
            *reachable(),
            *varchars("type", "industry", "sicCode"),
            *address("billingAddress"),
            *address("shippingAddress"),
            *of_type("text", "description"),
            *times,
            streamed,
            linked[1],
            *(by, changed_by, assigned),
            linked[2],
        ),
        versioned=True,
        duplicate_check=("name",),
    )
    contact = EntityType(
        name="Contact",
        fields=(
            NAME,
            *varchars("salutationName", "firstName", "lastName", "title"),
            *of_type("text", "description"),
            *reachable(),
            *of_type("bool", "doNotCall"),
            *address("address"),
            *of_type("bool", "accountIsInactive"),
            *varchars("accountType"),
            *times,
            *of_type("bool", "hasPortalUser"),
            *varchars("middleName"),
            streamed,
            *(linked[0], linked[1], by, changed_by),
        ),
        duplicate_check=("name",),
    )
    return account, contact


@pytest.mark.parametrize("entity_type", ["Account", "Contact"])
async def test_recorded_records(entity_type: str) -> None:
    """A found record has the recorded attributes in the recorded order: primaries and their flags, no data arrays."""
    recorded = samples("parties")["found"][entity_type]
    schema = Schema(types=(*system_types(), *recorded_types()), hash_hook=False, link_hook=False)
    async with the_firm(schema=schema, api_keys={"demo": "sync"}) as (espo, http):
        row = {**recorded, "createdById": espo.actor("sync").id}
        espo.seed({"records": {entity_type: [row]}})
        status, (found,), reason = await asked(http, "POST", entity_type, {"name": recorded["name"]})
        assert (status, reason) == (409, "duplicate")
        shown = {name: found[name] for name in found if name in recorded}
        assert comparable(shown) == comparable(row)
        assert not any(name.endswith("Data") for name in found)


async def test_a_party_with_mails_and_phones() -> None:
    """A single read has the data arrays, primary first and defaults filled in; a list has the primaries only."""
    async with the_firm() as (_, http):
        mails = [{"emailAddress": "Zweite@Kanzlei.example"}, {"emailAddress": "Eva@kanzlei.example", "primary": True}]
        phones = [{"phoneNumber": "+49 511 1234567", "type": "Office"}, {"phoneNumber": "+491701234567"}]
        body = {"lastName": "Muster", "firstName": "Eva", "emailAddressData": mails, "phoneNumberData": phones}
        made = await done(http, "POST", "CBeteiligte", body)
        path = f"CBeteiligte/{made['id']}"
        seen = await done(http, "GET", path)
        wanted = [mail("Eva@kanzlei.example", primary=True), mail("Zweite@Kanzlei.example")]
        assert seen["emailAddressData"] == made["emailAddressData"] == wanted
        assert seen["phoneNumberData"] == [phone("+495111234567", "Office", primary=True), phone("+491701234567")]
        assert [list(seen[f"{name}Data"][0]) for name in ("emailAddress", "phoneNumber")] == [
            ["emailAddress", "lower", "primary", "optOut", "invalid"],
            ["phoneNumber", "type", "primary", "optOut", "invalid"],
        ]
        assert (seen["emailAddress"], seen["phoneNumber"]) == ("Eva@kanzlei.example", "+495111234567")
        # The answer to the create is not read anew: the address as the vendor compared it, flags not there yet.
        assert made["emailAddress"] == "eva@kanzlei.example"
        assert "emailAddressIsOptedOut" not in made
        assert seen["emailAddressIsOptedOut"] is False
        for query in ("", "?select=id,emailAddress,phoneNumber,emailAddressData,phoneNumberData"):
            (line,) = (await done(http, "GET", f"CBeteiligte{query}"))["list"]
            assert (line["emailAddress"], line["phoneNumber"]) == ("Eva@kanzlei.example", "+495111234567")
            assert not {"emailAddressData", "phoneNumberData"} & line.keys()


async def test_a_party_without_any() -> None:
    """Without an address the arrays are empty, the primary and its flags null."""
    async with the_firm() as (espo, http):
        seen = await done(http, "GET", f"CBeteiligte/{espo.insert('CBeteiligte', {'name': 'P'})['id']}")
        assert (seen["emailAddressData"], seen["phoneNumberData"]) == ([], [])
        assert [seen[f"emailAddress{end}"] for end in ("", "IsOptedOut", "IsInvalid")] == [None, None, None]


SETS: list[tuple[str, object, list[Json]]] = [
    (
        "replaces the set",
        [{"emailAddress": "c@x.example", "primary": True}, {"emailAddress": "b@x.example"}],
        [mail("c@x.example", primary=True), mail("b@x.example")],
    ),
    ("no primary: the first", [{"emailAddress": "b@x.example"}], [mail("b@x.example", primary=True)]),
    (
        "two primaries: the last",
        [{"emailAddress": "a@x.example", "primary": True}, {"emailAddress": "c@x.example", "primary": True}],
        [mail("c@x.example", primary=True), mail("a@x.example")],
    ),
    (
        "two primaries, the last was it before",
        [{"emailAddress": "c@x.example", "primary": True}, {"emailAddress": "a@x.example", "primary": True}],
        [mail("a@x.example", primary=True), mail("c@x.example")],
    ),
    (
        "the same in another case is the same, in its new spelling",
        [{"emailAddress": "A@X.example", "primary": True, "optOut": True}],
        [mail("A@X.example", primary=True, opted_out=True)],
    ),
    (
        "twice in different case: once, the later spelling",
        [{"emailAddress": "C@x.example", "primary": True}, {"emailAddress": "c@X.example", "primary": True}],
        [mail("c@X.example", primary=True)],
    ),
    (
        "twice, the later one not primary: nobody is",
        [{"emailAddress": "C@x.example", "primary": True}, {"emailAddress": "c@x.example", "primary": False}],
        [mail("c@x.example")],
    ),
    ("empty items count for nothing", [{"emailAddress": ""}, {"emailAddress": "b@x.example"}], [mail("b@x.example")]),
    ("empty: all gone", [], []),
    ("null: nothing happens", None, [mail("a@x.example", primary=True), mail("b@x.example")]),
]


@pytest.mark.parametrize(("data", "expected"), [row[1:] for row in SETS], ids=[row[0] for row in SETS])
async def test_the_array_replaces_the_set(data: object, expected: list[Json]) -> None:
    """What a PUT of emailAddressData makes of a@x.example (primary) and b@x.example."""
    async with the_firm() as (espo, http):
        start = [{"emailAddress": "a@x.example", "primary": True}, {"emailAddress": "b@x.example"}]
        path = f"CBeteiligte/{espo.insert('CBeteiligte', {'name': 'P', 'emailAddressData': start})['id']}"
        await done(http, "PUT", path, {"emailAddressData": data})
        seen = await done(http, "GET", path)
        assert seen["emailAddressData"] == expected
        assert seen["emailAddress"] == next((item["emailAddress"] for item in expected if item["primary"]), None)


PRIMARIES: list[tuple[str, object, list[Json]]] = [
    ("new: takes the place", "c@x.example", [mail("c@x.example", primary=True), mail("b@x.example")]),
    ("a second one moves up, the old primary goes", "B@x.example", [mail("b@x.example", primary=True)]),
    ("only the case differs: stays", "A@x.example", [mail("a@x.example", primary=True), mail("b@x.example")]),
    ("the same: stays", " a@x.example ", [mail("a@x.example", primary=True), mail("b@x.example")]),
    ("null: goes, nobody follows", None, [mail("b@x.example")]),
    ("empty: goes, nobody follows", "", [mail("b@x.example")]),
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in PRIMARIES], ids=[row[0] for row in PRIMARIES])
async def test_only_the_primary_is_set(value: object, expected: list[Json]) -> None:
    """What a PUT of emailAddress alone makes of a@x.example (primary) and b@x.example: the primary is replaced."""
    async with the_firm() as (espo, http):
        start = [{"emailAddress": "a@x.example", "primary": True}, {"emailAddress": "b@x.example"}]
        path = f"CBeteiligte/{espo.insert('CBeteiligte', {'name': 'P', 'emailAddressData': start})['id']}"
        answered = await done(http, "PUT", path, {"emailAddress": value})
        assert (await done(http, "GET", path))["emailAddressData"] == expected
        # The array in the answer is the one from before the save.
        assert answered["emailAddressData"] == [mail("a@x.example", primary=True), mail("b@x.example")]


async def test_the_answer_to_a_put_echoes() -> None:
    """A PUT answers the array as it was sent; only the next read shows what is stored."""
    async with the_firm() as (espo, http):
        path = f"CBeteiligte/{espo.insert('CBeteiligte', {'name': 'P', 'phoneNumber': '+495111234567'})['id']}"
        sent = [{"phoneNumber": "+491701234567"}]
        answered = await done(http, "PUT", path, {"phoneNumberData": sent})
        assert (answered["phoneNumberData"], answered["phoneNumber"]) == (sent, "+491701234567")
        assert (await done(http, "GET", path))["phoneNumberData"] == [phone("+491701234567", primary=True)]
        answered = await done(http, "PUT", path, {"phoneNumberData": []})
        assert (answered["phoneNumberData"], answered["phoneNumber"]) == ([], "+491701234567")
        assert (await done(http, "GET", path))["phoneNumber"] is None


async def test_a_number_is_shared() -> None:
    """Type and flags belong to the number: changed on one party, they are changed on the other, which fires nothing."""
    async with the_firm() as (espo, _), receiving() as (receiver, url):
        one, two = (espo.insert("CBeteiligte", {"name": n, "phoneNumber": "+495111234567"})["id"] for n in "AB")
        subscribe(espo, url, "CBeteiligte.update")
        changed = {"phoneNumber": "+495111234567", "type": "Fax", "optOut": True, "primary": True}
        espo.save("CBeteiligte", one, {"phoneNumberData": [changed]})
        other = espo.get("CBeteiligte", two) or {}
        assert other["phoneNumberData"] == [phone("+495111234567", "Fax", primary=True, opted_out=True)]
        await espo.tick()
        assert [item["id"] for _, body in receiver.got for item in body] == [one]


async def test_flags_of_the_primary() -> None:
    """emailAddressIsOptedOut and IsInvalid write through to the primary address."""
    async with the_firm() as (espo, http):
        path = f"CBeteiligte/{espo.insert('CBeteiligte', {'name': 'P', 'emailAddress': 'a@x.example'})['id']}"
        await done(http, "PUT", path, {"emailAddressIsOptedOut": True, "emailAddressIsInvalid": True})
        seen = await done(http, "GET", path)
        assert seen["emailAddressData"] == [mail("a@x.example", primary=True, opted_out=True, invalid=True)]
        assert (seen["emailAddressIsOptedOut"], seen["emailAddressIsInvalid"]) == (True, True)


REFUSED: list[tuple[Json, str]] = [
    ({"emailAddress": "nobody"}, "emailAddress, type: emailAddress"),
    ({"emailAddress": "müller@x.example"}, "emailAddress, type: emailAddress"),
    ({"emailAddress": "a@localhost"}, "emailAddress, type: emailAddress"),
    ({"emailAddressData": [{"emailAddress": " a@x.example"}]}, "emailAddress, type: emailAddress"),
    ({"emailAddressData": ["a@x.example"]}, "emailAddress, type: emailAddress"),
    (
        {"emailAddressData": [{"emailAddress": f"{n}@x.example"} for n in range(11)]},
        "emailAddress, type: maxCount",
    ),
    ({"emailAddress": f"a@{'x' * 60}.{'x' * 60}.{'x' * 60}.{'x' * 60}.{'x' * 15}"}, "emailAddress, type: maxLength"),
    ({"phoneNumber": "0511 1234567"}, "phoneNumber, type: valid"),
    ({"phoneNumber": "+49 511 Kanzlei"}, "phoneNumber, type: valid"),
    ({"phoneNumber": "+49"}, "phoneNumber, type: valid"),
    ({"phoneNumberData": [{"phoneNumber": ""}]}, "phoneNumber, type: valid"),
    ({"phoneNumberData": [{"phoneNumber": "+495111234567", "type": "Privat"}]}, "phoneNumber, type: valid"),
    ({"phoneNumberData": [{"phoneNumber": f"+4951112345{n}"} for n in range(10, 21)]}, "phoneNumber, type: maxCount"),
]


@pytest.mark.parametrize(("body", "expected"), REFUSED, ids=[str(row[0])[:40] for row in REFUSED])
async def test_addresses_are_refused(body: Json, expected: str) -> None:
    """A mail or phone that the vendor does not take is a 400 that names field and validation; nothing is stored."""
    async with the_firm() as (espo, http):
        status, found, reason = await asked(http, "POST", "CBeteiligte", {"name": "P", **body})
        assert (status, reason) == (
            400,
            f"Field validation failure; entityType: CBeteiligte, field: {expected}.",
        )
        assert found["messageTranslation"]["data"]["type"] == expected.rpartition(" ")[2]
        assert espo.list_ids("CBeteiligte") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+49 511 / 123-45.67", "+495111234567"),
        ("+49 (0)511 1234567", "+495111234567"),
        ("+1 (202) 555-0100", "+12025550100"),
        ("0511 1234567", "0511 1234567"),
        ("+49 511 x", "+49 511 x"),
    ],
)
def test_numbers_with_a_plus_become_international(text: str, expected: str) -> None:
    """A number with a plus loses what stands between its digits; any other stays as it is."""
    assert international(text) == expected


async def test_loose_numbers() -> None:
    """Without international numbers a national one is taken as it stands, but no slash and at most 36 characters."""
    async with the_firm(schema=LOOSE) as (_, http):
        made = await done(http, "POST", "CBeteiligte", {"name": "P", "phoneNumber": " (0511) 123-4567 "})
        assert made["phoneNumberData"] == [phone("(0511) 123-4567", primary=True)]
        for number, kind in (("0511/1234567", "valid"), ("1" * 37, "maxLength")):
            status, _, reason = await asked(http, "PUT", f"CBeteiligte/{made['id']}", {"phoneNumber": number})
            assert (status, reason.endswith(f"type: {kind}.")) == (400, True)


async def test_phone_metadata() -> None:
    """The types of a number stand in the metadata, and the one that a number without a type gets."""
    async with the_firm() as (_, http):
        field = await done(http, "GET", "Metadata?key=entityDefs.CBeteiligte.fields.phoneNumber")
        assert field == {
            "type": "phone",
            "typeList": ["Mobile", "Office", "Home", "Fax", "Other"],
            "defaultType": "Mobile",
        }


async def test_staff_and_control_routes() -> None:
    """Staff may insert, save, remove and restore a party with its mails; they survive deletion, not a reset."""
    async with the_firm() as (espo, http):
        espo.seed({"records": {"User": [{"id": "u1", "name": "Anna", "userName": "anna", "type": "regular"}]}})
        seeded = {"id": "p1", "name": "P", "phoneNumberData": [{"phoneNumber": "0511 1", "type": "Fax"}]}
        espo.seed({"records": {"CBeteiligte": [seeded]}})
        assert (espo.get("CBeteiligte", "p1") or {})["phoneNumberData"] == [phone("0511 1", "Fax", primary=True)]
        step = {"do": "insert", "entityType": "CBeteiligte", "user": "anna"}
        mails = {"emailAddressData": [{"emailAddress": "a@x.example"}]}
        made = await done(http, "POST", "/_sim/user", {**step, "attributes": {"lastName": "M", **mails}})
        assert (made["createdById"], made["emailAddressData"]) == ("u1", [mail("a@x.example", primary=True)])
        espo.save("CBeteiligte", made["id"], {"emailAddress": "b@x.example"}, user="anna")
        espo.remove("CBeteiligte", made["id"])
        espo.restore("CBeteiligte", made["id"])
        kept = espo.get("CBeteiligte", made["id"]) or {}
        assert (kept["emailAddressData"], kept["modifiedByName"]) == ([mail("b@x.example", primary=True)], "Admin")
        espo.reset()
        assert espo.insert("CBeteiligte", {"name": "neu"})["emailAddressData"] == []
        with pytest.raises(Refused, match="type: valid"):
            espo.insert("CBeteiligte", {"name": "x", "phoneNumber": "0511"})


# The other fields of a party, and the firm's hooks.

VALUES: list[tuple[str, object, object]] = [
    ("firmenname", "  Muster GmbH ", "Muster GmbH"),
    ("titel", "", None),
    ("firstName", "x" * 101, "maxLength"),
    ("lastName", "a<b", "pattern"),
    ("kommunikationHash", "0" * 16, "0" * 16),
    ("kommunikationHash", "0" * 17, "maxLength"),
    ("dateOfBirth", "1970-02-28", "1970-02-28"),
    ("dateOfBirth", "1970-02-30", "valid"),
    ("dateOfBirth", "28.02.1970", "valid"),
    ("dateOfBirth", "", None),
    ("betnr", 104711, 104711),
    ("betnr", "104711", "valid"),
    ("syncRetryCount", None, None),
    ("syncStatus", "deleted_in_advoware", "deleted_in_advoware"),
    ("syncStatus", "done", "valid"),
    ("salutationName", "Frau", "Frau"),
    ("salutationName", "", None),
    ("salutationName", "Mr.", "valid"),
    ("advowareLastSync", "2026-01-02T08:00:00+01:00", "2026-01-02 07:00:00"),
    ("advowareLastSync", "2026-13-01 00:00:00", "valid"),
    ("syncNextRetry", "2026-01-02 07:00:00", "2026-01-02 07:00:00"),
    ("syncErrorMessage", "zwei\nZeilen ", "zwei\nZeilen "),
    ("syncErrorMessage", "", None),
]


@pytest.mark.parametrize(("field", "value", "expected"), VALUES, ids=[f"{row[0]}={str(row[1])[:20]}" for row in VALUES])
async def test_values_of_a_party(field: str, value: object, expected: object) -> None:
    """Every field of a party takes, normalises or refuses values as its type does."""
    async with the_firm() as (espo, http):
        path = f"CBeteiligte/{espo.insert('CBeteiligte', {'name': 'P'})['id']}"
        status, found, reason = await asked(http, "PUT", path, {field: value})
        if status == 200:
            assert found[field] == (await done(http, "GET", path))[field] == expected
        else:
            assert (status, reason.endswith(f"field: {field}, type: {expected}.")) == (400, True)


async def test_names_are_composed() -> None:
    """A person is called by first and last name, a company by its own; a name that is sent stands; none is a 400."""
    async with the_firm() as (_, http):
        person = await done(http, "POST", "CBeteiligte", {"firstName": "Eva", "lastName": "Muster"})
        assert person["name"] == "Eva Muster"
        changed = await done(http, "PUT", f"CBeteiligte/{person['id']}", {"lastName": "Neu"})
        assert changed["name"] == "Eva Neu"
        company = await done(http, "POST", "CBeteiligte", {"firmenname": "Muster GmbH", "lastName": "Muster"})
        assert company["name"] == "Muster GmbH"
        assert (await done(http, "POST", "CBeteiligte", {"name": "N", "lastName": "M"}))["name"] == "N"
        status, _, reason = await asked(http, "POST", "CBeteiligte", {"titel": "Dr."})
        assert (status, reason.endswith("field: name, type: required.")) == (400, True)


async def test_a_changed_party_is_dirty() -> None:
    """A new party is pending_sync, a changed one dirty; the sync's own fields change no state, a sent one stands."""
    async with the_firm() as (espo, http):
        party = espo.insert("CBeteiligte", {"name": "P"})
        assert party["syncStatus"] == "pending_sync"
        path = f"CBeteiligte/{party['id']}"
        clean = {"syncStatus": "clean", "titel": "Dr.", "advowareRowId": "R1", "betnr": 7}
        assert (await done(http, "PUT", path, clean))["syncStatus"] == "clean"
        own = {"advowareLastSync": "2026-01-01 00:00:00", "xaiCollectionId": "c", "titel": "Dr."}
        assert (await done(http, "PUT", path, own))["syncStatus"] == "clean"
        assert espo.save("CBeteiligte", party["id"], {"phoneNumber": "+495111234567"})["syncStatus"] == "dirty"
    async with the_firm(schema=firm_schema(party_hooks=False)) as (espo, _):
        party = espo.insert("CBeteiligte", {"name": "P", "syncStatus": "clean"})
        assert espo.save("CBeteiligte", party["id"], {"titel": "Dr."})["syncStatus"] == "clean"


async def test_stale_versions_of_mails() -> None:
    """With concurrency control on, a stale number and a changed array is 409 with the stored array."""
    async with the_firm(schema=firm_schema(versioned=True)) as (espo, http):
        party = espo.insert("CBeteiligte", {"name": "P", "emailAddress": "a@x.example"})
        espo.save("CBeteiligte", party["id"], {"titel": "Dr."})
        stale = {"X-Version-Number": "1"}
        url = f"CBeteiligte/{party['id']}"
        async with http.put(url, json={"emailAddressData": []}, headers=stale) as answer:
            assert (answer.status, answer.headers["X-Status-Reason"]) == (409, "modified")
            assert (await answer.json())["values"] == {"emailAddressData": [mail("a@x.example", primary=True)]}
        async with http.put(url, json={"emailAddressData": party["emailAddressData"]}, headers=stale) as answer:
            assert answer.status == 200


# Accounts, addresses, tasks, notifications.


async def test_accounts_of_a_party() -> None:
    """An IBAN is put in form and its checksum checked, a BIC has 8 or 11 characters, one account is the standard."""
    async with the_firm() as (espo, http):
        party = espo.insert("CBeteiligte", {"name": "P"})
        body = {"name": "Giro", "iban": "de89 3704 0044 0532 0130 00", "bic": "cobadeff", "istStandard": True}
        first = await done(http, "POST", "CBankverbindungen", {**body, "beteiligteId": party["id"]})
        assert (first["iban"], first["bic"], first["istAktiv"]) == (IBAN, "COBADEFF", True)
        assert (first["beteiligteName"], "advowareKontoId" in first) == ("P", False)
        second = {"name": "Anderkonto", "iban": OTHER_IBAN, "istStandard": True, "beteiligteId": party["id"]}
        await done(http, "POST", "CBankverbindungen", second)
        linked = await done(http, "GET", f"CBeteiligte/{party['id']}/bankverbindungens?orderBy=name&order=asc")
        assert [(row["name"], row["istStandard"]) for row in linked["list"]] == [("Anderkonto", True), ("Giro", False)]
        for changes, reason in (
            ({"iban": "DE00370400440532013000"}, "invalidIbanChecksum"),
            ({"iban": "no iban"}, "invalidIbanChecksum"),
            ({"iban": "1" * 35}, "field: iban, type: maxLength."),
            ({"bic": "COBA"}, "field: bic, type: pattern."),
            ({"syncStatus": "dirty"}, "field: syncStatus, type: valid."),
        ):
            status, _, said = await asked(http, "PUT", f"CBankverbindungen/{first['id']}", changes)
            assert (status, said.endswith(reason)) == (400, True)
        status, *_ = await asked(http, "PUT", f"CBankverbindungen/{first['id']}", {"beteiligteId": "nobody"})
        assert status == 403
        synced = {"advowareKontoId": 12, "advowareLastSync": "2026-01-01 00:00:00", "syncStatus": "clean"}
        assert synced.items() <= (await done(http, "PUT", f"CBankverbindungen/{first['id']}", synced)).items()
        assert (espo.get("CBeteiligte", party["id"]) or {})["syncStatus"] == "pending_sync"


async def test_addresses_of_a_party() -> None:
    """An address is five attributes of their own with their own limits, and belongs to a party."""
    async with the_firm() as (espo, http):
        party = espo.insert("CBeteiligte", {"name": "P"})
        parts = {"adresseStreet": "Weg 1\nHinterhaus", "adresseCity": "Hannover", "adressePostalCode": "30159"}
        body = {"name": "Büro", "beteiligteId": party["id"], "adresseCountry": "", "validFrom": "2026-01-01", **parts}
        made = await done(http, "POST", "CAdressen", body)
        shown = [made[f"adresse{part}"] for part in ("Street", "City", "Country", "PostalCode")]
        assert shown == ["Weg 1\nHinterhaus", "Hannover", None, "30159"]
        assert (made["isActive"], made["isPrimary"]) == (True, False)
        assert espo.linked_ids("CBeteiligte", party["id"], "adressens") == [made["id"]]
        for name, length in (("Street", 256), ("City", 101), ("Country", 101), ("PostalCode", 41)):
            status, _, reason = await asked(http, "PUT", f"CAdressen/{made['id']}", {f"adresse{name}": "x" * length})
            assert (status, reason.endswith(f"field: adresse{name}, type: maxLength.")) == (400, True)


async def test_tasks_about_a_party() -> None:
    """A task needs a name and somebody whose it is, and may have a party that exists as its parent."""
    async with the_firm() as (espo, http):
        espo.seed({"records": {"User": [{"id": "u1", "name": "Anna", "userName": "anna"}]}})
        party = espo.insert("CBeteiligte", {"name": "P"})
        body = {
            "name": "Adresse in Advoware löschen",
            "description": "1. …",
            "priority": "High",
            "parentType": "CBeteiligte",
            "parentId": party["id"],
            "assignedUserId": "u1",
            "dateEnd": "2026-01-02 15:00:00",
        }
        made = await done(http, "POST", "Task", body)
        assert (made["status"], made["parentName"], made["assignedUserName"]) == ("Not Started", "P", "Anna")
        refusals: list[tuple[Json, int, str]] = [
            ({"assignedUserId": None}, 400, "field: assignedUser, type: required."),
            ({"name": ""}, 400, "field: name, type: required."),
            ({"priority": "Sofort"}, 400, "field: priority, type: valid."),
            ({"parentType": "CBankverbindungen"}, 400, "field: parent, type: valid."),
            ({"parentId": "gone"}, 403, "entity type: Task, link: parent."),
            ({"assignedUserId": "gone"}, 403, "entity type: Task, link: assignedUser."),
        ]
        for changes, status, said in refusals:
            found, _, reason = await asked(http, "POST", "Task", {**body, **changes})
            assert (found, reason.endswith(said)) == (status, True)
        assert await found_ids(
            http, "Task", where=[{"type": "equals", "attribute": "parentId", "value": party["id"]}]
        ) == [made["id"]]


async def test_notifications_are_ones_own() -> None:
    """An API user can create and edit none, and sees and deletes only its own."""
    async with the_firm() as (espo, http):
        own = {"type": "Message", "message": "für den Hub", "userId": espo.actor("hub").id}
        foreign = {"id": "n2", "type": "Message", "message": "für Anna", "userId": espo.actor("admin").id}
        espo.seed({"records": {"Notification": [{"id": "n1", **own}, foreign]}})
        assert await found_ids(http, "Notification") == ["n1"]
        refusals = [
            ("POST", "Notification", 403, "No create access."),
            ("PUT", "Notification/n1", 403, "No edit access."),
            ("GET", "Notification/n2", 403, "No 'read' access."),
            ("DELETE", "Notification/n2", 403, "No delete access."),
        ]
        for method, path, status, reason in refusals:
            assert (await asked(http, method, path, own)) == (status, None, reason)
        assert await done(http, "DELETE", "Notification/n1") is True


async def test_users_can_be_read() -> None:
    """An API user reads users and changes none."""
    async with the_firm() as (espo, http):
        user = await done(http, "GET", f"User/{espo.actor('hub').id}")
        assert (user["userName"], user["type"], user["isActive"]) == ("hub", "api", True)
        assert (await asked(http, "PUT", f"User/{user['id']}", {"name": "x"}))[0] == 403


# Webhooks.


async def test_webhooks_of_a_party() -> None:
    """Create tells what was set, update what changed, with the data arrays as they were sent; delete only the id."""
    async with the_firm() as (espo, http), receiving() as (receiver, url):
        kinds = ("create", "update", "delete", "fieldUpdate.phoneNumber", "fieldUpdate.syncStatus")
        subscribe(espo, url, *(f"CBeteiligte.{kind}" for kind in kinds))
        sent = [{"phoneNumber": "+49 511 1234567", "type": "Office"}]
        body = {"name": "P", "phoneNumberData": sent, "syncStatus": "clean"}
        made = await done(http, "POST", "CBeteiligte", body)
        path = f"CBeteiligte/{made['id']}"
        changed = [{"phoneNumber": "+495111234567", "type": "Fax", "primary": True}]
        await done(http, "PUT", path, {"phoneNumberData": changed, "syncStatus": "clean"})
        for _again in range(2):  # the second one changes nothing and is not told
            await done(http, "PUT", path, {"phoneNumberData": [], "syncStatus": "syncing"})
        await done(http, "DELETE", path)
        await espo.tick()
        got = {path.removeprefix("/CBeteiligte."): items for path, items in receiver.got}
        (created,) = got["create"]
        normal = [{"phoneNumber": "+495111234567", "type": "Office"}]
        assert (created["phoneNumberData"], created["phoneNumber"]) == (normal, "+495111234567")
        assert not {"emailAddress", "emailAddressData", "titel", "phoneNumberIsOptedOut"} & created.keys()
        by_hub = {"modifiedById": espo.actor("hub").id, "modifiedByName": "hub"}
        assert got["update"] == [
            {**by_hub, "phoneNumberData": changed, "id": made["id"]},
            {"syncStatus": "syncing", "phoneNumberData": [], "id": made["id"]},
        ]
        assert [item["phoneNumberData"] for item in got["fieldUpdate.phoneNumber"]] == [changed, []]
        assert list(got["fieldUpdate.phoneNumber"][0])[:2] == ["id", "phoneNumber"]
        assert got["fieldUpdate.syncStatus"] == [{"id": made["id"], "syncStatus": "syncing"}]
        assert got["delete"] == [{"id": made["id"]}]


async def test_webhooks_of_a_new_primary() -> None:
    """A new primary is told in lower case beside the array that was sent; set alone it is told as sent, without one."""
    async with the_firm() as (espo, _), receiving() as (receiver, url):
        party = espo.insert("CBeteiligte", {"name": "P", "emailAddress": "a@x.example", "syncStatus": "dirty"})
        subscribe(espo, url, "CBeteiligte.update")
        sent = [{"emailAddress": "B@x.example", "primary": True}]
        espo.save("CBeteiligte", party["id"], {"emailAddressData": sent})
        espo.save("CBeteiligte", party["id"], {"emailAddress": "c@x.example"})
        await espo.tick()
        by_admin = {"modifiedById": espo.actor("admin").id, "modifiedByName": "Admin"}
        ((_, items),) = receiver.got
        assert items == [
            {**by_admin, "emailAddress": "b@x.example", "emailAddressData": sent, "id": party["id"]},
            {"emailAddress": "c@x.example", "id": party["id"]},
        ]


async def test_webhooks_of_an_account() -> None:
    """CBankverbindungen fires create, update, delete and fieldUpdate of its link, but not when linked at the party."""
    async with the_firm() as (espo, http), receiving() as (receiver, url):
        party = espo.insert("CBeteiligte", {"name": "P"})
        kinds = ("create", "update", "delete", "fieldUpdate.beteiligte")
        subscribe(espo, url, *(f"CBankverbindungen.{kind}" for kind in kinds))
        account = espo.insert("CBankverbindungen", {"name": "Giro", "iban": IBAN, "beteiligteId": party["id"]})
        await done(http, "PUT", f"CBankverbindungen/{account['id']}", {"beteiligteId": None})
        await done(http, "POST", f"CBeteiligte/{party['id']}/bankverbindungens", {"id": account["id"]})
        espo.remove("CBankverbindungen", account["id"])
        await espo.tick()
        got = {path.removeprefix("/CBankverbindungen."): items for path, items in receiver.got}
        (created,) = got["create"]
        assert (created["iban"], created["beteiligteId"], created["beteiligteName"]) == (IBAN, party["id"], "P")
        unlinked = {"beteiligteId": None, "beteiligteName": None}
        by_hub = {"modifiedById": espo.actor("hub").id, "modifiedByName": "hub"}
        assert got["update"] == [{**by_hub, **unlinked, "id": account["id"]}]
        assert got["fieldUpdate.beteiligte"] == [{"id": account["id"], **unlinked}]
        assert got["delete"] == [{"id": account["id"]}]
        assert espo.linked_ids("CBeteiligte", party["id"], "bankverbindungens") == []


# Lists of a sweep.

NOW, BEFORE, AFTER = "2026-01-01 12:00:00", "2026-01-01 11:59:59", "2026-01-01 12:00:01"
PARTIES: list[Json] = [
    {"id": "a", "name": "A", "syncStatus": "pending_sync", "modifiedAt": BEFORE, "syncNextRetry": None},
    {"id": "b", "name": "B", "syncStatus": "dirty", "modifiedAt": NOW, "advowareLastSync": BEFORE},
    {"id": "c", "name": "C", "syncStatus": "failed", "modifiedAt": AFTER, "syncNextRetry": AFTER},
    {"id": "d", "name": "D", "syncStatus": "failed", "modifiedAt": AFTER, "syncNextRetry": BEFORE},
    {"id": "e", "name": "E", "syncStatus": "permanently_failed", "modifiedAt": NOW, "syncAutoResetAt": BEFORE},
    {"id": "f", "name": "F", "syncStatus": "clean", "modifiedAt": NOW, "advowareLastSync": BEFORE, "betnr": 7},
    {"id": "g", "name": "G", "syncStatus": None, "modifiedAt": AFTER, "advowareLastSync": NOW},
]


def item(kind: str, attribute: str, value: object = None) -> Json:
    return {"type": kind, "attribute": attribute, **({} if value is None else {"value": value})}


def both(*items: Json) -> Json:
    return {"type": "and", "value": list(items)}


def either(*items: Json) -> Json:
    return {"type": "or", "value": list(items)}


DUE = either(
    item("in", "syncStatus", ["pending_sync", "dirty"]),
    both(
        item("equals", "syncStatus", "failed"),
        either(item("isNull", "syncNextRetry"), item("lessThanOrEquals", "syncNextRetry", NOW)),
    ),
    both(item("equals", "syncStatus", "permanently_failed"), item("before", "syncAutoResetAt", NOW)),
)
SWEEPS: list[tuple[str, list[Json], str]] = [
    ("in", [item("in", "syncStatus", ["dirty", "failed"])], "bcd"),
    ("in nothing", [item("in", "syncStatus", [])], ""),
    ("notIn leaves null out", [item("notIn", "syncStatus", ["dirty", "failed"])], "aef"),
    ("equals a list", [item("equals", "syncStatus", ["clean", "dirty"])], "bf"),
    ("after", [item("after", "modifiedAt", NOW)], "cdg"),
    ("greaterThanOrEquals", [item("greaterThanOrEquals", "modifiedAt", NOW)], "befcdg"),
    ("between", [item("between", "modifiedAt", [BEFORE, NOW])], "abef"),
    ("isNull", [item("isNull", "advowareLastSync")], "aecd"),
    ("isNotNull", [item("isNotNull", "betnr")], "f"),
    ("or", [either(item("isNull", "syncStatus"), item("equals", "betnr", 7))], "fg"),
    ("and", [both(item("equals", "syncStatus", "failed"), item("after", "syncNextRetry", NOW))], "c"),
    ("all items at once", [item("equals", "syncStatus", "failed"), item("isNotNull", "syncNextRetry")], "cd"),
    ("what is due", [DUE], "abed"),
    ("due and not seen before", [DUE, item("after", "modifiedAt", NOW)], "d"),
]


@pytest.mark.parametrize(("where", "expected"), [row[1:] for row in SWEEPS], ids=[row[0] for row in SWEEPS])
async def test_where_of_a_sweep(where: list[Json], expected: str) -> None:
    """States, instants, nulls and groups find what the database would, oldest change first, id as tie-breaker."""
    async with the_firm() as (espo, http):
        espo.seed({"records": {"CBeteiligte": PARTIES}})
        found = await found_ids(http, "CBeteiligte", where=where, orderBy="modifiedAt", order="asc", select=["id"])
        assert "".join(found) == expected


async def test_where_in_a_query_string() -> None:
    """The same filter in PHP's brackets finds the same."""
    query = {
        "where[0][type]": "or",
        "where[0][value][0][type]": "in",
        "where[0][value][0][attribute]": "syncStatus",
        "where[0][value][0][value][0]": "dirty",
        "where[0][value][0][value][1]": "clean",
        "where[0][value][1][type]": "isNull",
        "where[0][value][1][attribute]": "syncStatus",
        "orderBy": "modifiedAt",
        "order": "desc",
    }
    async with the_firm() as (espo, http):
        espo.seed({"records": {"CBeteiligte": PARTIES}})
        async with http.get("CBeteiligte", params=query) as answer:
            assert [row["id"] for row in (await answer.json())["list"]] == ["g", "f", "b"]


async def test_pages_of_a_sweep() -> None:
    """450 parties come in pages of 200, each once; the last one is short; 201 is refused."""
    async with the_firm() as (espo, http):
        many = [{"id": f"p{n:03}", "name": f"{n}", "syncStatus": "dirty", "modifiedAt": NOW} for n in range(450)]
        espo.seed({"records": {"CBeteiligte": many}})
        seen: list[str] = []
        where = [item("equals", "syncStatus", "dirty")]
        for offset in (0, 200, 400):
            seen += await found_ids(
                http, "CBeteiligte", where=where, orderBy="modifiedAt", order="asc", offset=offset, maxSize=200
            )
        assert seen == [row["id"] for row in many]
        assert (await asked(http, "GET", "CBeteiligte?maxSize=201"))[0] == 403


MAILS: list[tuple[Json, str]] = [
    (item("equals", "emailAddress", "SECOND@x.example"), "a"),
    (item("in", "emailAddress", ["first@x.example", "b@x.example"]), "ab"),
    (item("notEquals", "emailAddress", "second@x.example"), "bc"),
    (item("notIn", "emailAddress", ["b@x.example"]), "ac"),
    (item("isNull", "emailAddress"), "c"),
    (item("isNotNull", "emailAddress"), "ab"),
    (item("startsWith", "emailAddress", "sec"), "a"),
    (item("notContains", "emailAddress", "first"), "bc"),
    (item("isTrue", "emailAddressIsOptedOut"), "b"),
    (item("isFalse", "emailAddressIsOptedOut"), "ac"),
    (item("equals", "phoneNumber", "+495111234567"), "a"),
    (item("notIn", "phoneNumber", ["+495111234567"]), "b"),
]


@pytest.mark.parametrize(("where", "expected"), MAILS, ids=[f"{row[0]['type']} {row[0]['attribute']}" for row in MAILS])
async def test_where_on_mails_and_phones(where: Json, expected: str) -> None:
    """A filter on an address looks at all that a party has; the order is that of the primaries."""
    two = [{"emailAddress": "First@x.example", "primary": True}, {"emailAddress": "second@x.example"}]
    opted = [{"emailAddress": "b@x.example", "primary": True, "optOut": True}]
    parties = [
        {"id": "a", "name": "A", "emailAddressData": two, "phoneNumber": "+495111234567"},
        {"id": "b", "name": "B", "emailAddressData": opted, "phoneNumber": "+491701234567"},
        {"id": "c", "name": "C"},
    ]
    async with the_firm() as (espo, http):
        espo.seed({"records": {"CBeteiligte": parties}})
        assert sorted(await found_ids(http, "CBeteiligte", where=[where])) == list(expected)
        by_mail = await found_ids(http, "CBeteiligte", orderBy="emailAddress", order="asc")
        assert by_mail == ["c", "b", "a"]
        status, *_ = await asked(http, "GET", "CBeteiligte?orderBy=emailAddressData")
        assert status == 400
