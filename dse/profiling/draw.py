"""Pictures of a profile and of a comparison, by matplotlib, as SVG or PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dse.profiling.compare import Comparison, LayerError
from dse.profiling.ranges import Profile, Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOX, RANGE, EDGE, OWN = "#2a78d6", "#d9d7cd", "#0b0b0b", "#b8460e"
ROW_INCHES = 0.34
LONGEST_LABEL = 40


def draw_profile(profile: Profile, key: str) -> Figure:
    """Box plots of the magnitudes of all weights and biases (``parameters``) or of all outputs
    (``outputs``), on a scale of powers of two; behind each, from the step to the end of its type.
    """
    tensors = [t for t in profile.tensors if (t.key == "result") == (key == "outputs")]
    figure, axes = _figure(len(tensors), f"{profile.model}: {key}")
    for row, tensor in enumerate(tensors):
        low, high = math.log2(tensor.type.lsb), math.log2(max(-tensor.type.min, tensor.type.max))
        axes.barh(row, high - low, left=low, height=0.8, color=RANGE, zorder=1)
        if tensor.quantiles:
            axes.bxp([_box(tensor)], positions=[row], widths=0.5, **_BOX_STYLE)
    axes.set_yticks(range(len(tensors)), [_label(f"{t.layer} {t.key}") for t in tensors])
    axes.set_xlabel("|value|, zeros left out; grey: from the step to the end of the type")
    axes.xaxis.set_major_formatter(lambda value, _: f"$2^{{{value:g}}}$")
    axes.invert_yaxis()
    return figure


_BOX_STYLE: dict[str, Any] = {
    "orientation": "horizontal",
    "showfliers": False,
    "patch_artist": True,
    "boxprops": {"facecolor": BOX, "edgecolor": EDGE, "linewidth": 0.6},
    "medianprops": {"color": EDGE},
    "zorder": 2,
}


def draw_comparison(comparison: Comparison, most: int = 40) -> Figure:
    """Errors of the layers that add most: all up to here, and what each adds."""
    shown: Sequence[LayerError] = comparison.offenders[:most]
    figure, axes = _figure(len(shown), f"{comparison.model}: fixed point against float")
    rows = range(len(shown))
    axes.barh([r - 0.2 for r in rows], [e.relative for e in shown], 0.4, color=BOX, label="in all")
    axes.barh(
        [r + 0.2 for r in rows], [e.own for e in shown], 0.4, color=OWN, label="added by the layer"
    )
    axes.set_yticks(rows, [_label(e.layer) for e in shown])
    axes.set_xlabel("root mean square of the error / that of the float values")
    if any(e.relative > 0 or e.own > 0 for e in shown):
        axes.set_xscale("log")
    axes.legend(loc="lower right")
    axes.invert_yaxis()
    return figure


def svg(figure: Figure) -> str:
    """The picture as text; the same figure gives the same text."""
    return _saved(figure, "svg").decode("utf-8")


def png(figure: Figure) -> bytes:
    """The picture in pixels."""
    return _saved(figure, "png")


def _saved(figure: Figure, kind: str) -> bytes:
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "dse", "svg.fonttype": "none"}):
        figure.savefig(out, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()


def _figure(rows: int, title: str) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.4 + ROW_INCHES * max(rows, 1)), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set_title(_label(title), parse_math=False)
    axes.grid(visible=True, axis="x", color="#e1e0d9", zorder=0)
    axes.set_axisbelow(True)
    return figure, axes


def _label(name: str) -> str:
    """A name from outside: no mathematics, and not longer than a picture has room for."""
    text = name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
    return text.replace("$", r"\$")


def _box(tensor: Tensor) -> dict[str, float]:
    names = ("whislo", "q1", "med", "q3", "whishi")
    return {n: math.log2(q) for n, q in zip(names, tensor.quantiles, strict=True)}
