"""``report.html``: one file that holds a run's data and the page that shows it.

No network, no storage, no links: it works from disk, and in the sandboxed frame that
MLflow shows artifacts in. Names from outside reach the page as text alone: Jinja
escapes them, the data are JSON in which no tag can end, the script writes text nodes,
and the page's own policy runs no script but ours.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from dse.dashboard.view import FIGURES, DesignView, RunView, StageView
from dse.pages import page_environment, policy_hash

_PAGE = Path(__file__).with_name("page")

_LABELS: Mapping[str, tuple[str, str, str]] = {
    "latency_ns": ("Latency", "ns", "Time from the first input to the output"),
    "latency_cycles": ("Latency", "cycles", "Clock cycles from input to output"),
    "interval_cycles": ("Interval", "cycles", "Cycles between two inputs (II)"),
    "resources": ("Largest share", "%", "Largest share of any one resource of the part"),
    "lut": ("LUT", "", "Look-up tables"),
    "ff": ("FF", "", "Flip-flops"),
    "dsp": ("DSP", "", "DSP blocks"),
    "bram_18k": ("BRAM", "18 Kb", "Block RAM in halves of 18 Kb"),
    "uram": ("URAM", "", "UltraRAM blocks"),
}
"""By figure: label, unit, explanation; in the order of the columns."""


def render(run: RunView, designs: Sequence[DesignView]) -> str:
    """The page of ``run`` with ``designs``; the same input gives the same text."""
    columns = _columns(run, designs)
    front = sorted((d for d in designs if d.on_front), key=_order)
    template = page_environment(_PAGE).get_template("report.html.j2")
    return template.render(
        run=run,
        columns=columns,
        front=[(d, [_cell(d, c["key"]) for c in columns]) for d in front],
        tiles=_tiles(run, designs, front),
        data=embed(_data(run, designs, columns)),
        style=_asset("report.css"),
        script=_asset("report.js"),
        policy=_policy(),
    )


def embed(data: Any) -> str:
    """JSON that is safe between script tags: nothing in it can end the element."""
    text = json.dumps(_finite(data), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(data: Any) -> Any:
    """The same with null for what JSON cannot say."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    return [_finite(v) for v in data] if isinstance(data, (list, tuple)) else data


@lru_cache
def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _policy() -> str:
    """Content security policy: our script and style by hash, and nothing from anywhere."""
    script, style = policy_hash(_asset("report.js")), policy_hash(_asset("report.css"))
    return f"default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'"


def _order(design: DesignView) -> tuple[float, float, int]:
    figures = design.figures()
    loss = math.inf if design.loss is None else design.loss
    return loss, figures.get("latency_cycles", math.inf), design.id


def _columns(run: RunView, designs: Sequence[DesignView]) -> list[dict[str, Any]]:
    """The metric and every figure that a design has; ``better`` is 1 for more, -1 for less."""
    known = set().union(*(d.figures() for d in designs)) if designs else set()
    better = 1 if run.maximise else -1
    metric = {"key": "metric", "label": run.metric, "unit": "", "note": "", "better": better}
    return [metric] + [
        {"key": key, "label": label, "unit": unit, "note": note, "better": -1}
        for key, (label, unit, note) in _LABELS.items()
        if key in known
    ]


def _figure(design: DesignView, key: str) -> float | None:
    if key == "metric":
        return design.value
    value = design.figures().get(key)
    return value * 100 if key == "resources" and value is not None else value


def _cell(design: DesignView, key: str) -> str:
    return format_figure(_figure(design, key), key)


def format_figure(value: float | None, key: str) -> str:
    """A figure as people read it; the script of the page writes the same."""
    if value is None or not math.isfinite(value):
        return "–"
    if key == "metric":
        return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"
    if key == "resources":
        return f"{value:.2f}"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _tiles(
    run: RunView, designs: Sequence[DesignView], front: Sequence[DesignView]
) -> list[tuple[str, str, str]]:
    """Key figures: label, value, unit."""
    states = [d.state for d in designs]
    tiles = [
        ("Designs on the front", str(len(front)), ""),
        ("Measured by " + run.tool, str(states.count("measured")), "designs"),
    ]
    if states.count("failed"):
        tiles.append(("Failed", str(states.count("failed")), "designs"))
    if front:
        tiles.append((f"Best {run.metric}", _cell(front[0], "metric"), ""))
        for key in ("latency_ns", "resources"):
            values = [v for d in front if (v := _figure(d, key)) is not None]
            if values:
                name = "Least latency" if key == "latency_ns" else "Smallest share of the part"
                tiles.append((name, format_figure(min(values), key), _LABELS[key][1]))
    return tiles


def _data(
    run: RunView, designs: Sequence[DesignView], columns: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    keys = [c["key"] for c in columns]
    return {
        "metric": run.metric,
        "columns": list(columns),
        "designs": [_design(d, keys) for d in sorted(designs, key=lambda d: d.id)],
    }


def _design(design: DesignView, keys: Sequence[str]) -> dict[str, Any]:
    return {
        "id": design.id,
        "front": design.on_front,
        "state": design.state,
        "best": {key: _figure(design, key) for key in keys},
        "estimate": {name: getattr(design.estimate, name) for name in FIGURES},
        "measured": {name: getattr(design.measured, name, None) for name in FIGURES},
        "shares": dict(design.shares),
        "sources": design.sources(),
        "knobs": dict(design.knobs),
        "stages": [_stage(s) for s in design.stages],
        "config": design.config,
        "checks": dict(design.checks),
        "failure": design.failure,
    }


def _stage(stage: StageView) -> dict[str, Any]:
    names = ("lut", "ff", "dsp", "bram_18k", "latency_cycles", "interval_cycles")
    return {
        "name": stage.name,
        "layer": stage.layer,
        "kind": stage.kind,
        "type": stage.type,
        "strategy": stage.strategy,
        "reuse_factor": stage.reuse_factor,
        **{name: getattr(stage.report, name, None) for name in names},
    }
