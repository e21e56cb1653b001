"""Grafana's panels as plain dictionaries: a number, lines, a table, logs, traces, and a board of them.

The form is that of Grafana's dashboard JSON, https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/.
Where data come from is a variable of the board, so that one file fits every Grafana.
"""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

SCHEMA_VERSION = 41
"""Of Grafana 12; older versions from 10 on read it too."""
CONSOLE = "http://127.0.0.1:3113"
"""Where the links to the console lead."""
RUNBOOKS = "https://git.example/hub/docs/operations.md"
"""Where the links to docs/operations.md lead."""

_WIDTH = 24
_PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
_LOKI = {"type": "loki", "uid": "${loki}"}
_TEMPO = {"type": "tempo", "uid": "${tempo}"}
_GREEN, _RED = "green", "red"


def number(
    title: str, says: str, expr: str, *, unit: str = "short", bad_above: float | None = None, runbook: str = ""
) -> Json:
    """One present value; red above `bad_above`."""
    steps: list[Json] = [{"color": _GREEN, "value": None}]
    steps += [] if bad_above is None else [{"color": _RED, "value": bad_above}]
    return _panel(
        "stat",
        title,
        says,
        _PROMETHEUS,
        [_metric(expr, instant=True)],
        width=3,
        height=4,
        runbook=runbook,
        options={
            "reduceOptions": {"calcs": ["lastNotNull"]},
            "colorMode": "value" if bad_above is None else "background",
            "graphMode": "none",
        },
        defaults={"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}, "noValue": "–"},
    )


def lines(
    title: str,
    says: str,
    *series: tuple[str, str],
    unit: str = "short",
    exemplars: bool = False,
    stacked: bool = False,
    width: int = 8,
    runbook: str = "",
) -> Json:
    """Values over time; each series is an expression and its legend. Exemplars are dots that lead to a trace."""
    style = {"fillOpacity": 25 if stacked else 5, "showPoints": "never", "lineWidth": 1}
    return _panel(
        "timeseries",
        title,
        says,
        _PROMETHEUS,
        [_metric(expr, legend=legend, exemplars=exemplars) for expr, legend in series],
        width=width,
        height=8,
        runbook=runbook,
        options={
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        defaults={
            "unit": unit,
            "min": 0,
            "custom": style | {"stacking": {"mode": "normal" if stacked else "none", "group": "A"}},
        },
    )


def table(title: str, says: str, expr: str, *, unit: str = "short", width: int = 12, runbook: str = "") -> Json:
    """The present values, largest first, a column per label."""
    return _panel(
        "table",
        title,
        says,
        _PROMETHEUS,
        [_metric(expr, instant=True) | {"format": "table"}],
        width=width,
        height=8,
        runbook=runbook,
        options={"showHeader": True, "sortBy": [{"displayName": "Value", "desc": True}]},
        defaults={"unit": unit},
        transformations=[{"id": "organize", "options": {"excludeByName": {"Time": True}}}],
    )


def logs(title: str, says: str, query: str) -> Json:
    """Log lines; each has its trace."""
    options = {"showTime": True, "wrapLogMessage": True, "enableLogDetails": True, "sortOrder": "Descending"}
    targets = [{"refId": "A", "datasource": _LOKI, "expr": query, "queryType": "range"}]
    return _panel("logs", title, says, _LOKI, targets, width=24, height=10, options=options)


def traces(title: str, says: str, query: str) -> Json:
    """Traces that a TraceQL query finds."""
    target = {"refId": "A", "datasource": _TEMPO, "queryType": "traceql", "query": query, "limit": 20}
    return _panel("table", title, says, _TEMPO, [target | {"tableType": "traces"}], width=24, height=8)


def board(uid: str, title: str, says: str, rows: Sequence[tuple[str, Sequence[Json]]]) -> Json:
    """A whole dashboard: rows of panels, set one beside the other as far as they fit."""
    placed: list[Json] = []
    y = 0
    for heading, panels in rows:
        placed.append({"type": "row", "title": heading, "collapsed": False, "panels": [], "gridPos": _at(0, y, 24, 1)})
        y = _place(panels, placed, y + 1)
    return {
        "uid": uid,
        "title": title,
        "description": says,
        "tags": ["hub"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": []},
        "links": _board_links(),
        "panels": [{"id": number} | panel for number, panel in enumerate(placed, 1)],
    }


def _place(panels: Sequence[Json], placed: list[Json], y: int) -> int:
    x = below = 0
    for panel in panels:
        width, height = panel["gridPos"]["w"], panel["gridPos"]["h"]
        if x + width > _WIDTH:
            x, y, below = 0, y + below, 0
        placed.append(panel | {"gridPos": _at(x, y, width, height)})
        x, below = x + width, max(below, height)
    return y + below


def _at(x: int, y: int, width: int, height: int) -> Json:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(
    kind: str,
    title: str,
    says: str,
    source: Json,
    targets: list[Json],
    *,
    width: int,
    height: int,
    options: Json | None = None,
    defaults: Json | None = None,
    transformations: list[Json] | None = None,
    runbook: str = "",
) -> Json:
    named = [target | {"refId": chr(ord("A") + at)} for at, target in enumerate(targets)]
    links = [{"title": f"Runbook {runbook}", "url": f"${{runbooks:raw}}#{runbook.lower()}", "targetBlank": True}]
    return {
        "type": kind,
        "title": title,
        "description": says,
        "datasource": source,
        "gridPos": _at(0, 0, width, height),
        "targets": named,
        "options": options or {},
        "fieldConfig": {"defaults": defaults or {}, "overrides": []},
        "transformations": transformations or [],
        "links": links if runbook else [],
    }


def _metric(expr: str, *, legend: str = "", instant: bool = False, exemplars: bool = False) -> Json:
    asked = {"instant": True, "range": False} if instant else {"instant": False, "range": True}
    return {"datasource": _PROMETHEUS, "expr": expr, "legendFormat": legend or "__auto", "exemplar": exemplars} | asked


def _variables() -> list[Json]:
    sources = [
        {"name": kind, "label": kind.capitalize(), "type": "datasource", "query": kind, "hide": 0}
        | {"current": {"text": kind, "value": kind}}
        for kind in ("prometheus", "loki", "tempo")
    ]
    trace: Json = {"name": "trace", "label": "Trace or event id", "type": "textbox", "query": "", "hide": 0}
    constants = [
        {"name": name, "type": "constant", "query": value, "hide": 2, "current": {"text": value, "value": value}}
        for name, value in (("console", CONSOLE), ("runbooks", RUNBOOKS))
    ]
    return [*sources, trace | {"current": {"text": "", "value": ""}}, *constants]


def _board_links() -> list[Json]:
    elsewhere = [("Console", "${console:raw}"), ("Operations", "${runbooks:raw}")]
    others: Json = {"type": "dashboards", "title": "Hub", "tags": ["hub"], "asDropdown": True, "includeVars": False}
    return [others] + [
        {"type": "link", "title": title, "url": url, "targetBlank": True, "icon": "external link"}
        for title, url in elsewhere
    ]
