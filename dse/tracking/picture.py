"""A picture of the front for the run's description, where no script runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def draw_front(points: Sequence[Sequence[float]], metric: str, path: Path) -> None:
    """Write a PNG: rows are (LUT, metric, on the front, measured)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    kinds = (
        ([p for p in points if not p[2] and p[3]], "#8f8e87", "#8f8e87", "measured"),
        ([p for p in points if not p[2] and not p[3]], "none", "#8f8e87", "estimated only"),
        ([p for p in points if p[2]], "#2a78d6", "#2a78d6", "on the front"),
    )
    for rows, face, edge, label in kinds:
        if rows:
            x, y = [r[0] for r in rows], [r[1] for r in rows]
            axes.scatter(x, y, s=34, facecolors=face, edgecolors=edge, label=label)
    if all(p[0] > 0 for p in points):
        axes.set_xscale("log")
    axes.set_xlabel("LUT")
    axes.set_ylabel(metric.replace("$", ""))
    axes.grid(color="#e1e0d9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path)
