"""Alerts ask for what there is, say what to do, fire when they should, and not otherwise."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.promql import asked, problems
from tests.house.repo import ROOT, anchors, name_of, read, section

_RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yaml"))
_TESTS = sorted((ROOT / "deploy/prometheus/tests").glob("*.yaml"))
_PAGE = "docs/operations.md"
_PROMTOOL = shutil.which("promtool")
_needs_promtool = pytest.mark.skipif(
    _PROMTOOL is None, reason="promtool is not installed (Debian and Ubuntu: apt install prometheus)"
)


def _rules() -> list[dict[str, Any]]:
    return [rule for path in _RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in _rules() if "alert" in rule}
RECORDED = {rule["record"]: asked(rule["expr"]).grouped for rule in _rules() if "record" in rule}


def test_there_are_alerts() -> None:
    """Otherwise all of the following holds of nothing; and no two have one name."""
    named = [rule["alert"] for rule in _rules() if "alert" in rule]
    assert len(named) > 30
    assert len(named) == len(set(named))


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule.get("alert") or rule.get("record"))
def test_a_rule_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    """Every metric and label of an expression is exported by the hub, by its processes or by the exporter of NATS."""
    assert problems(rule["expr"], RECORDED) == []


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_to_do(alert: str) -> None:
    """Severity, a summary, a description, and a runbook of its own with what it means, where to look, what to do, and
    when it is over."""
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    said = rule["annotations"]
    assert set(said) == {"summary", "description", "runbook_url"}
    assert len(said["summary"]) > 10
    assert len(said["description"]) > 10
    page, _, anchor = said["runbook_url"].partition("#")
    assert (page, anchor) == (_PAGE, alert.lower())
    assert anchor in anchors(read(page))
    runbook = section(read(page), alert)
    assert re.findall(r"^- \*\*(\w+):\*\* \S", runbook, re.MULTILINE) == ["Means", "Look", "Do", "Over"]


def test_every_runbook_has_its_alert() -> None:
    """No runbook outlives its alert."""
    assert re.findall(r"^### (\S+)$", section(read(_PAGE), "Alerts"), re.MULTILINE) == list(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_bad_series_and_a_good_one(alert: str) -> None:
    """One on which it fires and not too early; and all its metrics are in the day on which nothing is wrong."""
    own = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    found = [
        check["exp_samples"]
        for path in _TESTS
        for case in yaml.safe_load(path.read_text())["tests"]
        for check in case["promql_expr_test"]
        if check["expr"] == own
    ]
    assert found == [[], [{"labels": "{}", "value": 1}]]
    well = yaml.safe_load(read("deploy/prometheus/tests/well.yaml"))["tests"][0]
    there = {one["series"].partition("{")[0] for one in well["input_series"]}
    used = set(asked(ALERTS[alert]["expr"]).metrics)
    for name in used & RECORDED.keys():
        used |= set(asked(next(rule["expr"] for rule in _rules() if rule.get("record") == name)).metrics)
    assert used - RECORDED.keys() <= there


@_needs_promtool
@pytest.mark.parametrize("path", _RULES, ids=name_of)
def test_promtool_takes_the_rules(path: Path) -> None:
    """Syntax of expressions and of templates."""
    assert _promtool("check", "rules", str(path)) == ""


@_needs_promtool
@pytest.mark.parametrize("path", _TESTS, ids=name_of)
def test_alerts_fire_on_bad_series_and_only_there(path: Path) -> None:
    """P6: promtool runs the rules over each series."""
    assert _promtool("test", "rules", str(path)) == ""


def _promtool(*args: str) -> str:
    """What it complains about."""
    assert _PROMTOOL is not None
    done = subprocess.run([_PROMTOOL, *args], capture_output=True, text=True, check=False, timeout=100)
    return "" if done.returncode == 0 else done.stdout + done.stderr
