"""What people type into parties: real-looking, odd, and refused; and what each of it means, known and not computed."""

from typing import Any

from hypothesis import strategies as st

from shared.contracts.subjects import (
    BETEILIGTE_CREATE,
    BETEILIGTE_DELETE,
    BETEILIGTE_SYNC_CHECK,
    BETEILIGTE_UPDATE,
)
from simulators.faults import Fault

_FUND = "Grundstücksverwaltungsgesellschaft Süd mbH & Co. Immobilien-Fonds Nr. 12 Kommanditgesellschaft in Abwicklung"
"""Longer than the 100 letters of a last name."""

STAMMDATEN = (
    # EspoCRM, Advoware, label in tasks
    ("salutationName", "anrede", "Anrede"),
    ("titel", "titel", "Titel"),
    ("rechtsform", "rechtsform", "Rechtsform"),
    ("dateOfBirth", "geburtsdatum", "Geburtsdatum"),
    ("handelsregisterNummer", "handelsRegisterNummer", "Handelsregisternummer"),
    ("registergericht", "registergericht", "Registergericht"),
)

_IN_ESPOCRM: dict[str, list[str | None]] = {
    "firstName": ["Jürgen", "Zoë Änne", "", None],
    "lastName": ["Müßig", "Weiß-Öztürk", " Meier ", "", None],
    "firmenname": ["Bau & Söhne GmbH", _FUND, "", None],
    "salutationName": ["Herr", "Frau", "Divers", None],
    "titel": ["Dr.", "Prof. Dr. h. c.", "", None],
    "rechtsform": ["GmbH", "AG", "", None],
    "dateOfBirth": ["1961-02-03", "1899-12-31", None],
    "handelsregisterNummer": ["HRB 12345", "HRA 9 ", "", None],
    "registergericht": ["Amtsgericht Köln", None],
}
_IN_ADVOWARE: dict[str, list[str | None]] = {
    "name": ["Müßig", "Weiß-Öztürk", " Müßig", "<Erben> Müßig", _FUND, "Bau & Söhne GmbH", "Ö" * 300],
    "vorname": ["Jürgen", "Zoë Änne", "", None, "J" * 120],
    "anrede": ["Herr", "Frau", "Eheleute", "", None],
    "titel": ["Dr.", "Dr. jur.", "", None],
    "rechtsform": ["GmbH", "e. K.", None],
    "geburtsdatum": ["1961-02-03T00:00:00", "1899-12-31", "2001-01-01T12:30:00", None],
    "handelsRegisterNummer": ["HRB 12345", "HRB 777", "", None],
    "registergericht": ["Amtsgericht Köln", "Amtsgericht Würzburg", None],
}


def _changes(pool: dict[str, list[str | None]]) -> st.SearchStrategy[dict[str, str | None]]:
    one = st.sampled_from([(name, value) for name, values in pool.items() for value in values])
    return st.lists(one, min_size=1, max_size=3).map(dict)


FURNITURE: list[tuple[Any, ...]] = [
    ("add_contact", ("mail", "J.Muessig@Example.org", None)),
    ("add_contact", ("mail", "kanzlei@example.com", None)),
    ("add_contact", ("phone", "+49 (0)511 123456", "Office")),
    ("add_contact", ("phone", "+491701234567", "Mobile")),
    ("add_address_espocrm", {"street": "Große Straße 1", "code": "30159", "city": "Hannover", "country": "Österreich"}),
    ("add_account_espocrm", {"iban": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX", "holder": "J. Müßig"}),
]
"""What a party has that the firm has known for long."""
NEW_PARTIES = st.one_of(
    st.just({"lastName": "Müßig", "firstName": "Jürgen", "salutationName": "Herr", "dateOfBirth": "1961-02-03"}),
    st.just({"firmenname": "Bau & Söhne GmbH", "rechtsform": "GmbH", "handelsregisterNummer": "HRB 12345"}),
    st.just({"lastName": "Müßig"}),
    st.just({"firmenname": _FUND, "lastName": "Weiß-Öztürk", "firstName": ""}),
)

# Contacts. The second is what it means on both sides; None: EspoCRM does not take it.
MAILS: dict[str, str | None] = {
    "J.Muessig@Example.org": "j.muessig@example.org",
    "j.muessig@example.org": "j.muessig@example.org",
    "kanzlei@example.com": "kanzlei@example.com",
    "Office@example.de": "office@example.de",
    " kanzlei@example.com ": "kanzlei@example.com",
    "jürgen@müßig.de": None,
    "kein Anschluss": None,
}
PHONES: dict[str, str | None] = {
    "+49511123456": "+49511123456",
    "+49 (0)511 123456": "+49511123456",
    "0511/123456": "+49511123456",
    "+491701234567": "+491701234567",
    "0170-1234567": "+491701234567",
    "+43 1 2345678": "+4312345678",
    "Durchwahl 12": None,
    "12345": None,
}
_ESPOCRM_MAILS = [mail for mail, means in MAILS.items() if means is not None and mail == mail.strip()]
_ESPOCRM_PHONES = ["+49511123456", "+49 (0)511 123456", "+491701234567", "+43 1 2345678"]
TYPES = ("Mobile", "Office", "Home", "Fax", "Other")
KOMM_KZ = {1: "Office", 2: "Fax", 3: "Mobile", 6: "Home", 7: "Fax", 9: "Mobile", 10: "Other"}
"""Of phones; 4, 8, 11 and 12 are mails, 5 is neither."""
_NOTES = [None, "", "privat, nur abends", "siehe [ESPOCRM:x] Akte"]

_PLACES = [
    {"street": "Große Straße 1", "code": "30159", "city": "Hannover"},
    {"street": "GROSSE STR. 1", "code": "30159", "city": "Hannover"},
    {"street": "Am Markt 5\nHinterhaus", "code": "97070", "city": "Würzburg"},
    {"street": "", "code": "", "city": None},
]
_MORE = [
    {"country": "Österreich"},
    {"country": ""},
    {"box": "12 34", "box_code": "30001"},
    {"from": "1969-12-31", "until": None},
    {"until": "2020-12-31"},
    {"primary": True},
    {"primary": False},
    {"city": "<Hannover>"},
    {"code": "9" * 50},
]
_ADDRESS = st.sampled_from([*_PLACES, *_MORE])
ADDRESS_FIELDS = {
    # EspoCRM, Advoware, label in tasks
    "street": ("adresseStreet", "strasse", "Straße"),
    "code": ("adressePostalCode", "plz", "PLZ"),
    "city": ("adresseCity", "ort", "Ort"),
    "country": ("adresseCountry", "land", "Land"),
    "box": ("postfach", "postfach", "Postfach"),
    "box_code": ("postfachPLZ", "postfachPLZ", "PLZ des Postfachs"),
    "from": ("validFrom", "gueltigVon", "Gültig von"),
    "until": ("validUntil", "gueltigBis", "Gültig bis"),
    "primary": ("isPrimary", "standardAnschrift", "Standardanschrift"),
}
ACCOUNT_FIELDS = {
    "iban": ("iban", "iban", "IBAN"),
    "bic": ("bic", "bic", "BIC"),
    "holder": ("kontoinhaber", "kontoinhaber", "Kontoinhaber"),
    "bank": ("bankname", "bank", "Bank"),
}
_ACCOUNT = st.sampled_from(
    [
        {"iban": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX"},
        {"iban": "de89370400440532013000", "holder": "J. Müßig"},
        {"iban": "AT611904300234573201", "bank": "Österreichische Bank"},
        {"iban": None},
        {"bic": "COBADEFF", "holder": ""},
        {"holder": "Erbengemeinschaft Müßig", "bank": None},
        {"iban": "DE00 1234", "bic": "falsch"},
    ]
)

_INDEX = st.integers(0, 4)
_CONTACT = st.one_of(
    st.tuples(st.just("mail"), st.sampled_from(_ESPOCRM_MAILS), st.none()),
    st.tuples(st.just("phone"), st.sampled_from(_ESPOCRM_PHONES), st.sampled_from(TYPES)),
)
_ENTRY = st.one_of(
    st.tuples(st.sampled_from(list(MAILS)), st.sampled_from([4, 4, 8, 12])),
    st.tuples(st.sampled_from(list(PHONES)), st.sampled_from([1, 2, 3, 6, 10])),
    st.tuples(st.sampled_from(["www.müßig.de", "", None]), st.sampled_from([1, 5])),
)
DEEDS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("change_espocrm"), _changes(_IN_ESPOCRM)),
    st.tuples(st.just("change_advoware"), _changes(_IN_ADVOWARE)),
    st.tuples(st.just("add_contact"), _CONTACT),
    st.tuples(st.sampled_from(["replace_contact"]), _CONTACT, _INDEX),
    st.tuples(st.sampled_from(["remove_contact", "retype_contact", "prefer_contact"]), _INDEX),
    st.tuples(st.just("add_entry"), _ENTRY, st.sampled_from(_NOTES)),
    st.tuples(st.just("change_entry"), _ENTRY, _INDEX),
    st.tuples(st.sampled_from(["empty_entry", "remove_entry", "retype_entry", "annotate_entry"]), _INDEX),
    st.tuples(st.just("spoil_marker"), _INDEX),
    st.tuples(st.sampled_from(["add_address_espocrm", "add_address_advoware"]), _ADDRESS),
    st.tuples(st.sampled_from(["change_address_espocrm", "change_address_advoware"]), _ADDRESS, _INDEX),
    st.tuples(st.sampled_from(["remove_address_espocrm", "remove_address_advoware", "switch_address"]), _INDEX),
    st.tuples(st.sampled_from(["add_account_espocrm", "add_account_advoware"]), _ACCOUNT),
    st.tuples(st.sampled_from(["change_account_espocrm", "change_account_advoware"]), _ACCOUNT, _INDEX),
    st.tuples(st.sampled_from(["remove_account_espocrm", "remove_account_advoware", "switch_account"]), _INDEX),
    st.tuples(st.sampled_from(["delete_espocrm", "restore_espocrm", "delete_advoware", "clear_number"])),
    st.tuples(st.just("enter_number")),
)

SUBJECTS = st.sampled_from(
    [subject.name for subject in (BETEILIGTE_CREATE, BETEILIGTE_UPDATE, BETEILIGTE_DELETE, BETEILIGTE_SYNC_CHECK)]
)
FAULTS = st.builds(
    Fault,
    kind=st.sampled_from(["late", "lost", "lost", "cut_answer", "cut_request", "error", "rate_limited", "expired"]),
    method=st.sampled_from(["*", "POST", "PUT", "GET"]),
    path=st.sampled_from([".*", ".*", r".*/Beteiligte(/\d+)?", r".*/(Adressen|CAdressen).*", r".*/Kommunikationen.*"]),
    times=st.integers(1, 4),
    status=st.sampled_from([500, 503]),
    delay_s=st.just(0.02),
)


def meaning(kind: str, value: object) -> str | None:
    """What a value is the same as, on both sides; None: nothing that EspoCRM takes."""
    pool = MAILS if kind == "mail" else PHONES
    text = str(value or "")
    return text if text in pool.values() else pool.get(text, pool.get(text.strip()))


def plain(value: object) -> str | bool | None:
    """As it is compared: without blanks around it, days without a time, LF, nothing as None."""
    if value in (None, "", False):
        return None
    if value is True:
        return True
    text = str(value).replace("\r\n", "\n").strip()
    if len(text) == 19 and text[10] == "T":
        text = text[:10]
    return text or None


def plain_account(name: str, value: object) -> str | bool | None:
    """The same for accounts: an IBAN and a BIC without blanks, in capitals, a head office without XXX."""
    text = plain(value)
    if name in ("iban", "bic") and isinstance(text, str):
        text = "".join(text.split()).upper()
        text = text[:8] if name == "bic" and len(text) == 11 and text.endswith("XXX") else text
    return text
