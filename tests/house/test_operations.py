"""The operator's handbook: its commands exist, and no secret, stream or bucket is forgotten."""

import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from shared.contracts.topology import BUCKETS, STREAMS
from tests.house.repo import ROOT, codes, fenced, name_of, read, rows, section
from tests.house.variables import variables
from tests.support.hub import COMMANDS

_BACKUP = "docs/operations/backup.md"
_SECRETS = "docs/operations/secrets.md"
_PROTECTION = "docs/data-protection.md"
_PAGES = (
    ROOT / "docs/operations.md",
    *sorted((ROOT / "docs/operations").glob("*.md")),
    ROOT / _PROTECTION,
    *sorted((ROOT / "docs/how-to").glob("*.md")),
)
_CREDENTIALS = {"NATS_CREDS", "GOOGLE_CALENDAR_SERVICE_ACCOUNT_PATH"}
"""Secret by what lies at their path."""


def _typed(lines: Iterable[str]) -> Iterator[list[str]]:
    """The words of each `hub …` among lines, without what comes after a pipe or a comment."""
    for line in lines:
        for part in re.split(r"\s[|&;]+\s", line.strip().removeprefix("$ ")):
            found = re.match(r"(?:[A-Z_]+=\S+ |docker compose .* )*hub ([a-z].*)", part)
            if found:
                yield shlex.split(re.sub(r"\s+#.*", "", found[1]))


@pytest.mark.parametrize("page", _PAGES, ids=name_of)
def test_every_hub_command_on_a_page_exists(page: Path) -> None:
    """With each option; and a line to type has the arguments that the command wants."""
    text = page.read_text(encoding="utf-8")
    groups = {first for first, *rest in COMMANDS if rest}
    to_type = list(_typed(fenced(text).splitlines()))
    for words in (*to_type, *_typed(codes(text))):
        line = f"hub {' '.join(words)}"
        if words in ([name] for name in groups):
            continue
        names = tuple(words[: 2 if words[0] in groups else 1])
        assert names in COMMANDS, line
        rest = words[len(names) :]
        parameters = COMMANDS[names].params
        options = {option for one in parameters for option in one.opts} | {"--help", "-h"}
        assert {word for word in rest if re.match("--?[a-z]", word)} <= options, line
        needed = [one for one in parameters if one.param_type_name == "argument" and one.required]
        assert words not in to_type or len(rest) >= len(needed), line


def test_every_secret_has_its_paragraph() -> None:
    """Where it is issued, how it is changed without loss, how one sees that it worked; of each, and of no other."""
    secret = {name for name, variable in variables().items() if variable.is_secret} | _CREDENTIALS
    text = read(_SECRETS)
    headings = re.findall(r"^## ([A-Z][A-Z0-9_]+)$", text, re.MULTILINE)
    assert sorted(headings) == sorted(secret)
    for name in headings:
        parts = re.findall(r"^- \*\*(\w+):\*\* \S", section(text, name), re.MULTILINE)
        assert parts == ["Issued", "Change", "Verify"], name


def _stores() -> set[str]:
    return {one.name for one in STREAMS} | {one.name for one in BUCKETS}


def test_every_store_has_a_row_of_what_its_loss_means() -> None:
    """Each stream and bucket, in the table of disasters."""
    named = {code for row in rows(section(read(_BACKUP), "What is lost when it is lost")) for code in codes(row[0])}
    assert named >= _stores()


def test_every_store_is_backed_up_and_restored_but_locks() -> None:
    """Both loops name the same, and all there is."""
    loops = re.findall(r"for stream in ([^;]+); do\n\s*nats stream (backup|restore)", read(_BACKUP))
    wanted = [*(one.name for one in STREAMS), *(f"KV_{one.name}" for one in BUCKETS if one.name != "locks")]
    assert [(sorted(names.split()), verb) for names, verb in loops] == [
        (sorted(wanted), "backup"),
        (sorted(wanted), "restore"),
    ]


def test_every_store_has_a_row_of_what_it_holds() -> None:
    """Each stream and bucket says whether there are personal data in it, for how long, and who can read it."""
    found = rows(section(read(_PROTECTION), "What is stored where"))
    assert {code for row in found for code in codes(row[0])} >= _stores()
    assert [row[0] for row in found if len(row) != 5 or not all(row)] == []
    days = {one.name: f"{one.max_age_s / 86400:.0f} days" for one in STREAMS}
    for row in found:
        for name in codes(row[0]):
            assert days.get(name, "") in row[3], name


def test_the_rules_become_an_object_of_the_prometheus_operator() -> None:
    """What the page pipes into kubectl is whole, and loses no group."""
    loop = re.search(r"^   for rules in .*?^   done", read("docs/operations/install.md"), re.MULTILINE | re.DOTALL)
    assert loop
    done = subprocess.run(["/bin/sh", "-c", loop[0]], cwd=ROOT, capture_output=True, text=True, check=True)
    objects = list(yaml.safe_load_all(done.stdout))
    assert [(one["kind"], one["metadata"]["name"]) for one in objects] == [
        ("PrometheusRule", "hub"),
        ("PrometheusRule", "nats"),
    ]
    for one in objects:
        assert one["spec"] == yaml.safe_load(read(f"deploy/prometheus/rules/{one['metadata']['name']}.yaml"))
