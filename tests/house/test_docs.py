"""What the docs say of subjects, settings, metrics, reasons, guarantees and files is what the code has."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import Counter, Gauge, Histogram

from console.metrics import ConsoleMetrics
from shared.contracts.events import AuditEvent, CalendarEvent, EntityEvent, SweepEvent
from shared.contracts.proxy import METHODS, SERVICE, AuditRecord, ProxyRequest, subject
from shared.contracts.subjects import SUBJECTS, Subject
from shared.contracts.topology import BUCKETS, STREAMS
from shared.outcomes.errors import HubError
from shared.outcomes.reason import Reason
from shared.runtime.history import Record
from shared.settings import load
from shared.telemetry.metrics import Metrics
from simulators.google_calendar import GoogleCalendar
from tests.house.guarantees import current, names
from tests.house.repo import (
    PACKAGES,
    ROOT,
    SERVICES,
    anchors,
    bare,
    codes,
    fenced,
    name_of,
    pages,
    prose,
    read,
    rows,
    section,
)
from tests.house.tree import shown, tree
from tests.house.variables import SETTINGS, variables
from tests.support.google import google_account

_SUBJECTS = "docs/subjects.md"
_CONFIGURATION = "docs/configuration.md"
_OPERATIONS = "docs/operations.md"
_GUARANTEES = "docs/guarantees.md"


def _table(page: str, heading: str) -> list[list[str]]:
    found = rows(section(read(page), heading))
    assert found, f"{page}: no table below {heading!r}"
    return found


# Registries


def test_every_subject_is_documented_as_it_is() -> None:
    """Name, contract, publisher and owner of each subject stand in the table, and no others."""
    documented = [tuple(bare(cell) for cell in row[:4]) for row in _table(_SUBJECTS, "Subjects")]
    registered = [(one.name, one.event.__name__, one.published_by, one.owner) for one in SUBJECTS]
    assert documented == registered


def test_every_request_is_documented_as_it_is() -> None:
    """Subject, contract and owner of each request to the proxy stand in the table, and no others."""
    documented = [tuple(bare(cell) for cell in row[:3]) for row in _table(_SUBJECTS, "Requests")]
    assert documented == [(subject(method), ProxyRequest.__name__, SERVICE) for method in METHODS]


_CONTRACTS = (EntityEvent, SweepEvent, AuditEvent, CalendarEvent, ProxyRequest, AuditRecord, Record)


@pytest.mark.parametrize("contract", _CONTRACTS)
def test_every_member_of_a_contract_is_documented(contract: type[msgspec.Struct]) -> None:
    """The table of a contract names its members, in their order."""
    heading = "History record" if contract is Record else contract.__name__
    documented = [bare(row[0]) for row in _table(_SUBJECTS, heading)]
    assert documented == [field.name for field in msgspec.structs.fields(contract)]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_events_carry_identity_only(subject: Subject[Any]) -> None:
    """No member of an event could hold a client's data."""
    identity = {"entity_id", "entity_type", "kuerzel", "action", "source", "received_at", "begun_at", "after"}
    wishes = {"force", "heal", "full_content"}
    assert {field.name for field in msgspec.structs.fields(subject.event)} <= identity | wishes


def test_every_stream_and_bucket_is_documented() -> None:
    """Names and subjects of streams, and names of buckets, stand in their tables."""
    streams = {bare(row[0]): codes(row[1]) for row in _table(_SUBJECTS, "Streams")}
    assert streams == {one.name: list(one.subjects) for one in STREAMS}
    assert {bare(row[0]) for row in _table(_SUBJECTS, "Buckets")} == {one.name for one in BUCKETS}


def _documented_variables() -> dict[str, list[str]]:
    found = [row for row in rows(read(_CONFIGURATION)) if re.fullmatch(r"`[A-Z][A-Z0-9_]+`", row[0])]
    names = [bare(row[0]) for row in found]
    assert len(names) == len(set(names)), "a variable stands twice"
    return {bare(row[0]): row for row in found}


def test_every_setting_is_documented_with_its_default_and_its_readers() -> None:
    """Each variable of a service's settings has a row that says what the code says."""
    documented = _documented_variables()
    for name, variable in variables().items():
        assert name in documented, f"{_CONFIGURATION} lacks {name}"
        default = "required" if variable.is_required else bare(documented[name][1])
        assert default == ("required" if variable.is_required else variable.default), name
        if variable.is_required:
            assert documented[name][1] == "required", name
        assert [bare(reader) for reader in documented[name][2].split(", ")] == list(variable.read_by), name


def test_no_variable_is_documented_that_nothing_reads() -> None:
    """What is in no service's settings is named by other code: simulators, the local stack, OpenTelemetry's own."""
    code = "".join(path.read_text(encoding="utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    strays = _documented_variables().keys() - variables().keys()
    assert [name for name in sorted(strays) if f'"{name}"' not in code and not name.startswith("OTEL_")] == []


def test_every_secret_is_marked() -> None:
    """◆ stands before what may come from a file, and before nothing else."""
    marked = {name for name, row in _documented_variables().items() if row[3].startswith("◆")}
    assert marked == {name for name, variable in variables().items() if variable.is_secret}


def test_every_setting_has_a_line_in_the_example() -> None:
    """`.env.example` names them all, and no others."""
    named = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", read(".env.example"), re.MULTILINE)
    assert sorted(named) == sorted({"HUB_ENV", *variables()})


@pytest.mark.parametrize("service", SETTINGS)
def test_the_example_is_a_working_environment(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each service starts with it as it stands, beside the key file that `make run` leaves."""
    key = tmp_path / ".run" / "google-key.json"
    key.parent.mkdir()
    GoogleCalendar(account=google_account()).write_key_file(key, "http://127.0.0.1:3124")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", read(".env.example"), re.MULTILINE)
    load(SETTINGS[service], {name: value.strip('"') for name, value in lines})


@pytest.mark.parametrize("service", SETTINGS)
def test_a_services_readme_names_all_its_settings(service: str) -> None:
    """The settings that a README lists are the service's own, and none is left out."""
    # The command line and the page are one package.
    folder = {"hub": "console"}.get(service, service)
    readers = {folder, "hub"} if folder == "console" else {folder}
    text = section(read(f"{folder}/README.md"), "Settings")
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text))
    own = {name for name, variable in variables().items() if readers & set(variable.read_by)}
    assert own <= named
    assert {name for name in named - own if not name.startswith(("OTEL_", "HUB_ENV"))} == set()


def test_every_metric_is_documented_with_its_labels() -> None:
    """Each metric has a row with the name that is scraped and its labels."""
    kinds = (Counter, Gauge, Histogram)
    metrics = Metrics("house", "0")
    ConsoleMetrics(metrics.registry)
    built: dict[str, list[str]] = {}
    for one in metrics.registry._collector_to_names:
        if isinstance(one, kinds):
            built[one._name + ("_total" if isinstance(one, Counter) else "")] = list(one._labelnames)
    documented = {bare(row[0]): codes(row[1]) for row in _table(_OPERATIONS, "Metrics")}
    assert documented == built


def test_every_reason_is_documented() -> None:
    """Each reason has a row that tells an operator what it means, in the order of the list."""
    assert [bare(row[0]) for row in _table(_OPERATIONS, "Reasons")] == [str(reason) for reason in Reason]


def test_every_word_for_failure_is_documented() -> None:
    """Each error that can end a delivery has a row."""

    def leaves(kind: type[HubError]) -> set[str]:
        inner = [one for one in kind.__subclasses__() if one.__module__ == "shared.outcomes.errors"]
        return {kind.__name__, *(name for one in inner for name in leaves(one))}

    documented = {bare(row[0]) for row in _table(_OPERATIONS, "Failures")}
    assert documented == leaves(HubError) - {"HubError", "Retry", "Terminal", "Halt"} | {"Bug"}


# Guarantees


def test_every_guarantee_names_tests_that_exist() -> None:
    """Each promise has its heading and at least one test, or says that it is not kept yet; all tests named exist."""
    text = read(_GUARANTEES)
    headings = re.findall(r"^## (P\d+) ", text, re.MULTILINE)
    assert headings == [f"P{number}" for number in range(1, 17)]
    existing = names()
    for full in re.findall(r"^## (P\d+ .*)$", text, re.MULTILINE):
        part = section(text, full)
        named = [code for code in codes(part) if "::" in code]
        assert named or "Not yet" in part, f"{full}: no test is named"
        assert [test for test in named if test not in existing] == [], full


def test_every_test_of_a_promise_is_listed() -> None:
    """A test whose docstring begins with `P1:` stands there; `python -m tests.house.guarantees` writes the lists."""
    assert read(_GUARANTEES) == current()


# Pages


def test_the_tree_is_current() -> None:
    """docs/architecture.md shows every module by its docstring; `python -m tests.house.tree` writes it."""
    assert shown() == tree()


@pytest.mark.parametrize(
    "package", [*PACKAGES, "simulators/advoware", "simulators/espocrm", "simulators/google_calendar", "simulators/xai"]
)
def test_every_package_has_a_readme(package: str) -> None:
    """A page beside the code says what it is for."""
    assert read(f"{package}/README.md").startswith("# ")


_HEADINGS = {
    "console": ("Does", "Commands", "Output", "Recorded", "Settings", "Run it alone"),
    "gateway": ("Does", "Listens to", "Answers", "Settings", "Run it alone"),
    "document_worker": (
        "Does",
        "Listens to",
        "Reads and writes",
        "Decision table",
        "Endings",
        "Settings",
        "Run it alone",
    ),
    "beteiligte_worker": (
        "Does",
        "Listens to",
        "Reads and writes",
        "Decision table",
        "States",
        "Tasks",
        "Endings",
        "Settings",
        "Run it alone",
    ),
    "calendar_worker": (
        "Does",
        "Listens to",
        "Reads and writes",
        "Decision table",
        "Endings",
        "Settings",
        "Run it alone",
    ),
    "advoware_proxy": ("Does", "Listens to", "Answers", "Decision table", "Settings", "Run it alone"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_readme_has_the_usual_headings(service: str) -> None:
    """Know one README, know them all."""
    found = re.findall(r"^## (.+)$", read(f"{service}/README.md"), re.MULTILINE)
    assert [heading for heading in found if heading in _HEADINGS[service]] == list(_HEADINGS[service])


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links to files and headings of the repository are whole; paths in code style exist."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", prose(text)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / path[1:] if path.startswith("/") else page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)}: {target}"
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), f"{name_of(page)}: {target}"
    for code in codes(text):
        if re.fullmatch(rf"(?:docs|tests|{'|'.join(PACKAGES)})/[\w./-]+\.(?:py|md|json)", code):
            assert (ROOT / code).exists(), f"{name_of(page)}: {code}"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    """A command that somebody types from a page works."""
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    typed = [*codes(text), *fenced(text).splitlines()]
    named = {found[1] for line in typed if (found := re.match(r"(?:\$ )?make ([a-z-]+)", line))}
    assert named <= targets


def test_decisions_are_numbered_without_gaps_and_have_their_parts() -> None:
    """0001, 0002, …, each with its number as title and context, decision and consequences."""
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [file.name[:4] for file in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith(f"# {file.name[:4]} "), file.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], file.name


def test_every_page_of_the_docs_is_linked() -> None:
    """Every page below docs/ can be reached from the tour, the README or a page that they link."""
    linked: set[Any] = set()
    for page in pages():
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                linked.add((ROOT / target[1:] if target.startswith("/") else page.parent / target).resolve())
    missing = [name_of(page) for page in (ROOT / "docs").rglob("*.md") if page.resolve() not in linked]
    assert [name for name in missing if name != "docs/index.md"] == []


def test_the_makefile_explains_every_target() -> None:
    """`make` alone prints a line per target."""
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE))
    assert set(phony[1].split()) - explained == {"remake"}
