"""Dashboards are what their source says, ask for what there is, and show everything the hub measures."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.__main__ import FOLDER, boards, rendered
from deploy.grafana.boards.overview import SERVICES as SHOWN
from deploy.grafana.boards.worker import WORKERS
from tests.house.promql import asked, own, problems
from tests.house.repo import SERVICES, anchors, functions, parse, read, summary
from tests.house.test_alerts import RECORDED

_BOARDS = boards()
_PROMTOOL = shutil.which("promtool")


def _panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _expressions(board: dict[str, Any]) -> list[str]:
    targets = [target for panel in _panels(board) for target in panel["targets"]]
    return [target["expr"] for target in targets if target["datasource"]["type"] == "prometheus"]


def test_the_files_are_what_the_source_says() -> None:
    """`python -m deploy.grafana` writes them."""
    files = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert files == {name: rendered(one) for name, one in _BOARDS.items()}


@pytest.mark.parametrize("name", _BOARDS)
def test_a_board_asks_for_what_there_is(name: str) -> None:
    """Every metric and label of a panel is exported by the hub, by its processes or by the exporter of NATS."""
    found = {expr: problems(expr, RECORDED) for expr in _expressions(_BOARDS[name])}
    assert {expr: said for expr, said in found.items() if said} == {}


@pytest.mark.parametrize("name", _BOARDS)
def test_a_board_can_be_read_and_installed_anywhere(name: str) -> None:
    """A stable uid, data sources by variables, a title, a text and a unit for every panel, no two in one place."""
    board = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert board["uid"] == name.removesuffix(".json")
    assert board["schemaVersion"] >= 36
    assert "id" not in board
    sources = {one["name"] for one in board["templating"]["list"] if one["type"] == "datasource"}
    assert sources == {"prometheus", "loki", "tempo"}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in _panels(board):
        assert len(panel["description"]) > 3, panel["title"]
        assert panel["targets"], panel["title"]
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert source["uid"] == f"${{{source['type']}}}", panel["title"]
        if panel["type"] in ("stat", "timeseries"):
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@pytest.mark.parametrize("name", _BOARDS)
def test_a_boards_links_lead_somewhere(name: str) -> None:
    """Each panel that has an alert leads to its runbook; each board to the console and to the handbook."""
    there = anchors(read("docs/operations.md"))
    for panel in _panels(_BOARDS[name]):
        for link in panel["links"]:
            assert link["url"].partition("#")[2] in there, panel["title"]
    urls = [link["url"] for link in _BOARDS[name]["links"] if link["type"] == "link"]
    assert urls == ["${console:raw}", "${runbooks:raw}"]


def test_everything_the_hub_measures_is_on_a_board() -> None:
    """What nobody looks at need not be measured."""
    shown = {name for board in _BOARDS.values() for expr in _expressions(board) for name in asked(expr).metrics}
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    for rule in _recorded():
        bases |= set(asked(rule).metrics)
    assert own() - bases == set()


def test_every_service_is_on_a_board() -> None:
    """A new worker gets its board, a new service its logs."""
    assert set(SHOWN.split("|")) == set(SERVICES)
    assert {one.service for one in WORKERS} == {name for name in SERVICES if name.endswith("_worker")}


def test_the_source_fits_on_a_few_screens() -> None:
    """A sentence per file, at most 300 lines each, at most 50 per function, as in the hub's own packages."""
    for path in sorted(FOLDER.parent.rglob("*.py")):
        assert len(summary(path)) > 5, path
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path
        long = [one.name for one in functions(parse(path)) if (one.end_lineno or 0) - one.lineno >= 50]
        assert long == [], path


@pytest.mark.skipif(_PROMTOOL is None, reason="promtool is not installed (Debian and Ubuntu: apt install prometheus)")
def test_promtool_takes_every_expression(tmp_path: Path) -> None:
    """As throw-away recording rules, with Grafana's variables filled in."""
    every = sorted({expr for board in _BOARDS.values() for expr in _expressions(board)})
    rules = [
        {"record": f"house:panel:{at}", "expr": expr.replace("$__rate_interval", "5m")} for at, expr in enumerate(every)
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    assert _PROMTOOL is not None
    done = subprocess.run([_PROMTOOL, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _recorded() -> list[str]:
    rules = yaml.safe_load(read("deploy/prometheus/rules/hub.yaml"))["groups"][0]["rules"]
    return [rule["expr"] for rule in rules if "record" in rule]
