"""A figure that was measured, and whether it is what it must be."""

import msgspec

from benchmarks.targets import TARGETS, Target


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row's values. Numbers are medians of the rounds where there are rounds."""

    name: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    """In the sense of its row: cost of ours by cost of the peer's, or the peer's by ours where more is better."""
    cpu_us: float | None = None
    """CPU per operation of our processes, the broker not counted."""
    peer_cpu_us: float | None = None
    note: str = ""

    @property
    def target(self) -> Target:
        """Its row."""
        return next(target for target in TARGETS if target.name == self.name)

    @property
    def is_met(self) -> bool | None:
        """None where nothing is asked."""
        target = self.target
        value = self.ours if target.judged == "ours" else self.ratio
        if value is None or (target.at_most is None and target.at_least is None):
            return None
        return value <= target.at_most if target.at_most is not None else value >= (target.at_least or 0.0)
