"""What something costs at several sizes."""

import msgspec


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One panel: cost over size."""

    name: str
    title: str
    size: str
    """What the x axis counts."""
    cost: str
    """What the y axis counts."""
    at: list[tuple[float, float]]
    """Size and cost."""
    is_per_piece: bool = False
    """The cost is that of one piece and ought to stay; else it is that of the whole and may grow as the size does."""
    note: str = ""

    @property
    def in_step(self) -> list[float]:
        """At each size the cost of which nobody could complain, by the cost of the smallest."""
        small, cost = self.at[0]
        return [cost if self.is_per_piece else cost * size / small for size, _ in self.at]

    @property
    def grows_too_fast(self) -> bool:
        """Whether the largest costs more than that, and a tenth for chance."""
        return self.at[-1][1] > self.in_step[-1] * 1.1
