"""What may become a path at Advoware, and under which one name."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from advoware_proxy.endpoint import BadEndpoint, Endpoint, normalise
from tests.support.bad_endpoints import BAD_ENDPOINTS

BASE = "https://www2.advo-net.example:90"
_PATH = re.compile(r"/api/v1/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)

pieces = st.sampled_from(
    [
        "api",
        "API",
        "v1",
        "V1",
        "advonet",
        "Advonet",
        "Akten",
        "Beteiligte",
        "1",
        "104",
        "employees",
        "Employees",
        "a.b",
        "x-y",
        "_",
        "-",
        ".",
        "..",
        "...",
        "%2e",
        "%2f",
        ";",
        "?",
        "#",
        "@",
        ":",
        "~",
        "\\",
        "\x00",
        "é",
        "／",
        "．",
    ]
)
"""What a path may be made of; `split` leaves an empty piece where two blanks stand."""
paths = st.builds(
    lambda slash, segments: slash + "/".join(segments),
    st.sampled_from(["", "/", "//"]),
    st.lists(pieces | st.text(max_size=6), max_size=7),
)
plain = st.lists(st.from_regex(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?", fullmatch=True), min_size=1, max_size=5).map(
    "/".join
)


def name_of(told: str) -> Endpoint:
    return normalise(told, employees_path="Mitarbeiter")


@pytest.mark.parametrize("told", ["", *BAD_ENDPOINTS], ids=ascii)
def test_what_is_not_a_plain_path_is_refused(told: str) -> None:
    """P11: nothing is repaired or decoded, and the reason quotes nothing of it."""
    with pytest.raises(BadEndpoint) as refused:
        name_of(told)
    reason = str(refused.value)
    assert reason.startswith("endpoint ")
    assert len(told) < 5 or told not in reason


def test_the_table_is_worth_its_name() -> None:
    """It has no line twice, and more than the sixty that were asked for."""
    assert len(set(BAD_ENDPOINTS)) == len(BAD_ENDPOINTS) > 100


@pytest.mark.parametrize(
    ("told", "name", "path"),
    [
        ("Akten", "Akten", "/api/v1/advonet/Akten"),
        ("/Akten", "Akten", "/api/v1/advonet/Akten"),
        ("api/v1/advonet/Akten", "Akten", "/api/v1/advonet/Akten"),
        ("/api/v1/advonet/Akten", "Akten", "/api/v1/advonet/Akten"),
        ("API/V1/Advonet/Akten", "Akten", "/api/v1/advonet/Akten"),
        ("Beteiligte/104/Kommunikationen/7", "Beteiligte/104/Kommunikationen/7", None),
        ("api/v1/Akten", "api/v1/Akten", "/api/v1/Akten"),
        ("/aPi/V1/Akten/1", "api/v1/Akten/1", "/api/v1/Akten/1"),
        ("api/v1/advonetX", "api/v1/advonetX", "/api/v1/advonetX"),
        ("api", "api", "/api/v1/advonet/api"),
        ("api/v2/Akten", "api/v2/Akten", "/api/v1/advonet/api/v2/Akten"),
        ("v1/Akten", "v1/Akten", None),
        ("Dateien/Klage.pdf", "Dateien/Klage.pdf", None),
        ("Akten/a.b.c", "Akten/a.b.c", None),
        ("_-", "_-", None),
        ("A" * 512, "A" * 512, None),
        ("employees", "Mitarbeiter", None),
        ("/employees", "Mitarbeiter", None),
        ("Employees", "Mitarbeiter", None),
        ("api/v1/advonet/employees", "Mitarbeiter", None),
        ("api/v1/employees", "api/v1/employees", "/api/v1/employees"),
        ("employees/1", "employees/1", None),
    ],
)
def test_a_plain_path_has_one_name(told: str, name: str, path: str | None) -> None:
    """Spelled with or without its base, in any case of it, an endpoint is the same for the allow-list."""
    assert name_of(told) == Endpoint(name, path or f"/api/v1/advonet/{name}")


@pytest.mark.parametrize(
    ("employees_path", "path"),
    [
        ("Mitarbeiter", "/api/v1/advonet/Mitarbeiter"),
        ("/Stammdaten/Mitarbeiter", "/api/v1/advonet/Stammdaten/Mitarbeiter"),
        ("api/v1/Mitarbeiter", "/api/v1/Mitarbeiter"),
        ("API/v1/advonet/Mitarbeiter", "/api/v1/advonet/Mitarbeiter"),
        ("employees", "/api/v1/advonet/employees"),
    ],
)
def test_employees_stands_for_a_setting(employees_path: str, path: str) -> None:
    """Whatever the employees' path is called, wherever it lies, also by its own alias."""
    assert normalise("employees", employees_path=employees_path).path == path


def test_a_setting_that_is_no_path_is_refused_too() -> None:
    """The employees' path gets no more trust than a caller's."""
    with pytest.raises(BadEndpoint):
        normalise("employees", employees_path="Stamm//daten")


@given(paths | st.text(max_size=30))
@example("api/v1/advonet/api/v1/Akten")
@example("api/v1/advonet/employees")
@example("a..b")
def test_whatever_is_accepted_is_harmless(told: str) -> None:
    """P11: below /api/v1/, nothing to decode, one path per name, and a URL parser agrees about host and path."""
    try:
        endpoint = name_of(told)
    except BadEndpoint:
        return
    assert _PATH.fullmatch(endpoint.path)
    assert not any(odd in endpoint.path for odd in ("..", "//", "%", "?", "#", "\\", ";", "@", ":"))
    url = URL(BASE + endpoint.path)
    assert (url.host, url.port, url.raw_path, url.raw_query_string, url.raw_fragment) == (
        "www2.advo-net.example",
        90,
        endpoint.path,
        "",
        "",
    )
    assert name_of(endpoint.name) == endpoint
    assert name_of(endpoint.path) == endpoint


@given(plain, st.booleans(), st.sampled_from(["", "api/v1/advonet/", "API/v1/AdvoNet/"]))
def test_spelling_makes_no_difference(rest: str, slash: bool, base: str) -> None:
    """P11: a slash in front and the base in any case change neither name nor path."""
    bare = rest.lower().split("/")
    if bare[:2] == ["api", "v1"]:
        return
    assert name_of("/" * slash + base + rest) == name_of(rest)


@given(plain, plain)
def test_two_paths_never_share_a_name(one: str, other: str) -> None:
    """P11: what the allow-list and the audit call by one name is one path."""
    try:
        left, right = name_of(one), name_of(other)
    except BadEndpoint:
        return
    assert (left.name == right.name) == (left.path == right.path)
