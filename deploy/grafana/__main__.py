"""Writes deploy/grafana/dashboards anew."""

import json
from pathlib import Path

from deploy.grafana.boards.broker import broker
from deploy.grafana.boards.doors import doors
from deploy.grafana.boards.overview import overview
from deploy.grafana.boards.vendors import vendors
from deploy.grafana.boards.worker import WORKERS, worker
from deploy.grafana.panels import Json

FOLDER = Path(__file__).parent / "dashboards"


def boards() -> dict[str, Json]:
    """All of them, by file name."""
    every = [overview(), doors(), *(worker(one) for one in WORKERS), vendors(), broker()]
    return {f"{one['uid']}.json": one for one in every}


def rendered(one: Json) -> str:
    """As the file has it."""
    return json.dumps(one, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes them all, and removes what is none of them."""
    every = boards()
    for stray in set(FOLDER.glob("*.json")) - {FOLDER / name for name in every}:
        stray.unlink()
    for name, one in every.items():
        (FOLDER / name).write_text(rendered(one), encoding="utf-8")


if __name__ == "__main__":
    main()
