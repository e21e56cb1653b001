"""The picture of the last hour: a bar per minute, failures at its foot. Pure."""

from collections.abc import Sequence

import msgspec

WIDTH = 600
HEIGHT = 64
_GAP = 2


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A rectangle of the picture."""

    x: float
    y: float
    width: float
    height: float
    is_failed: bool = False


class Spark(msgspec.Struct, frozen=True, kw_only=True):
    """Rectangles, and the size of the highest minute."""

    bars: list[Bar]
    most: int
    width: int = WIDTH
    height: int = HEIGHT


def spark(minutes: Sequence[tuple[int, int]]) -> Spark:
    """Of each minute the runs, and how many of them failed."""
    most = max((runs for runs, _ in minutes), default=0)
    step = WIDTH / max(1, len(minutes))
    bars: list[Bar] = []
    for number, (runs, failed) in enumerate(minutes):
        for size, is_failed in ((runs, False), (failed, True)):
            if size:
                height = max(2.0, round(size / most * HEIGHT, 1))
                x, y = round(number * step, 1), round(HEIGHT - height, 1)
                bars.append(Bar(x=x, y=y, width=round(step - _GAP, 1), height=height, is_failed=is_failed))
    return Spark(bars=bars, most=most)
