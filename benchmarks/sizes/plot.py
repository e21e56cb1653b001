"""The curves as one picture."""

from pathlib import Path

from benchmarks.sizes.curve import Curve


def draw(curves: list[Curve], path: Path) -> None:
    """A panel per curve, both axes logarithmic; the dotted line is a cost in step with the work."""
    # Imported here because only whoever draws needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(curves), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, curve in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        sizes, costs = [size for size, _ in curve.at], [cost for _, cost in curve.at]
        panel.loglog(sizes, costs, marker="o", color="tab:blue", label="measured")
        panel.loglog(sizes, curve.in_step, linestyle=":", color="tab:gray", label="in step with the work")
        panel.set_ylim(min(costs) / 3, max(costs) * 3)
        panel.set_title(curve.title, fontsize=10)
        panel.set_xlabel(curve.size)
        panel.set_ylabel(curve.cost)
        panel.grid(visible=True, which="major", alpha=0.3)
        panel.legend(fontsize=8)
    figure.savefig(path, dpi=110)
