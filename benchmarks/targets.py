"""What is measured, and what it must reach: one row per figure."""

from typing import Literal

import msgspec

Judged = Literal["ours", "ratio"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    name: str
    """`<work>.<figure>`; the work is what `--only` takes."""
    what: str
    unit: str
    """Of our figure and the peer's."""
    at_most: float | None = None
    at_least: float | None = None
    judged: Judged = "ours"
    """What the bound speaks of. Without a bound a row is there to be seen."""

    @property
    def work(self) -> str:
        """The measurement it comes from."""
        return self.name.partition(".")[0]

    def told(self) -> str:
        """The bound, for people."""
        unit = "×" if self.judged == "ratio" else f" {self.unit}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g}{unit}"
        return f"≥ {self.at_least:g}{unit}" if self.at_least is not None else "–"


TARGETS: tuple[Target, ...] = (
    Target(
        name="gateway.cpu",
        what="webhook signed, checked, stored; beside aiohttp + js.publish without checks",
        unit="µs",
        at_most=1.25,
        judged="ratio",
    ),
    Target(name="gateway.two", what="two gateway processes beside one, requests/s", unit="/s"),
    Target(name="latency.p50", what="webhook to handler started, 50/s, worst of 5: median", unit="ms", at_most=4),
    Target(name="latency.p99", what="the same: 99 %", unit="ms", at_most=10),
    Target(name="path.cpu", what="whole path, CPU of gateway, broker and worker per event", unit="ms", at_most=1.0),
    Target(
        name="path.peer",
        what="the same beside FastAPI + FastStream",
        unit="ms",
        at_most=1.6,
        judged="ratio",
    ),
    Target(name="path.rate", what="whole path, events/s, sender on the same two cores", unit="/s", at_least=2_000),
    Target(
        name="consumer.faststream",
        what="consumer; beside FastStream keeping the same promises",
        unit="µs",
        at_least=3,
        judged="ratio",
    ),
    Target(name="consumer.plain", what="consumer; beside FastStream with none of them", unit="µs"),
    Target(name="consumer.raw", what="consumer; beside a bare pull loop", unit="µs"),
    Target(name="burst.seconds", what="10,000 webhooks over 1,000 documents, all synced", unit="s", at_most=20),
    Target(name="burst.twice", what="the same: files too many or missing at xAI", unit="", at_most=0),
    Target(name="storm.runs", what="1,000 events of one entity, handler 1 s: runs", unit="", at_most=3),
    Target(name="storm.dead", what="the same: dead letters", unit="", at_most=0),
    Target(
        name="document.rate",
        what="document synced; beside bare aiohttp making the same calls",
        unit="/s",
        at_least=0.7,
        judged="ratio",
    ),
    Target(name="silence.ms", what="a lone webhook after 60 s of silence", unit="ms", at_most=10),
    Target(name="memory.idle", what="idle worker, the largest of them", unit="MB", at_most=80),
    Target(name="memory.document", what="a document of 512 MB, growth", unit="MB", at_most=64),
    Target(name="start.seconds", what="start to ready, the slowest service", unit="s", at_most=1.0),
)

WORKS: tuple[str, ...] = tuple(dict.fromkeys(target.work for target in TARGETS))
