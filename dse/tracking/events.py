"""What is logged, as plain values: events that wait in a queue or in a file alike."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from converter.errors import RunError
from dse.dashboard.report import format_figure
from dse.dashboard.view import FIGURES, DesignView, RunView

Event = dict[str, Any]

_LOGARITHMS = ("latency_ns", "lut", "ff")
_COMPARED = ("lut", "ff", "dsp", "latency_cycles")
_NOTE_ROWS = 20


class Refused(RunError):  # noqa: N818 - it is the server's answer
    """The server answered that it will not take an event; trying again is of no use."""


def clean(name: str) -> str:
    """A name that every tracking server takes: letters, digits, ``_ - . /`` and spaces."""
    return re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)[:200].strip("./ ") or "_"


def design_event(design: DesignView) -> Event:
    """One promoted design: a child run. ``version`` changes with what is known of it."""
    body = {
        "id": design.id,
        "params": _params(design),
        "metrics": _metrics(design),
        "tags": {
            "state": design.state,
            "source": _source(design),
            "dse.config_hash": design.digest,
            **({"failure": design.failure[:4000]} if design.failure else {}),
        },
    }
    version = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "event": "design",
        **body,
        "version": version,
        "pareto": design.on_front,
        "texts": _texts(design),
        "files": {clean(name): str(path) for name, path in design.files.items()},
    }


def _source(design: DesignView) -> str:
    return "; ".join(sorted(set(design.sources().values())))


def _params(design: DesignView) -> dict[str, str]:
    params = {clean(name): str(value) for name, value in design.knobs.items()}
    for stage in design.stages:
        if stage.reuse_factor is not None:
            params[clean(f"reuse_factor.{stage.name}")] = str(stage.reuse_factor)
            params[clean(f"strategy.{stage.name}")] = stage.strategy
    return params


def _metrics(design: DesignView) -> dict[str, float]:
    figures = design.figures()
    metrics = {name: value for name, value in figures.items() if name != "resources"}
    metrics |= {f"log10_{n}": math.log10(figures[n]) for n in _LOGARITHMS if figures.get(n, 0) > 0}
    metrics |= {f"share_{name}": share for name, share in design.shares.items()}
    if "resources" in figures:
        metrics["share_largest"] = figures["resources"]
    for name in _COMPARED:
        value = getattr(design.estimate, name)
        if value is not None:
            metrics[f"estimate_{name}"] = float(value)
    for name, known in ((design.metric, design.value), ("loss", design.loss)):
        if known is not None:
            metrics[clean(name)] = known
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _texts(design: DesignView) -> dict[str, str]:
    report = (design.measured or design.estimate).to_json()
    texts = {"report.json": json.dumps(report, indent=1), "config.yml": design.config}
    return {name: text for name, text in texts.items() if text and name not in design.files}


def front_event(
    run: RunView, designs: Sequence[DesignView], page: str, tables: Mapping[str, str]
) -> Event:
    """The study as it stands: its pages and tables, its picture, and its description.

    ``page`` is report.html; ``tables`` are further text artifacts by file name.
    """
    front = sorted((d for d in designs if d.on_front), key=lambda d: (d.loss or 0.0, d.id))
    points = [
        [f["lut"], d.value, d.on_front, d.state == "measured"]
        for d in designs
        if d.value is not None and "lut" in (f := d.figures())
    ]
    return {
        "event": "front",
        "metric": clean(run.metric),
        "title": f"{run.model} on {run.part}, measured by {run.tool}",
        "points": points,
        "front": [d.id for d in front],
        "rows": [_row(d) for d in front[:_NOTE_ROWS]],
        "texts": {"pareto.csv": front_table(front), **tables, "report.html": page},
    }


def _row(design: DesignView) -> dict[str, Any]:
    figures = design.figures()
    names = ("latency_ns", "interval_cycles", "lut", "ff", "dsp", "bram_18k")
    return {
        "id": design.id,
        "cells": [format_figure(design.value, "metric")]
        + [format_figure(figures.get(name), name) for name in names],
    }


def front_table(front: Sequence[DesignView]) -> str:
    """The front as CSV: best-known figures, each with its source."""
    knobs = sorted({name for d in front for name in d.knobs})
    sources = [f"source_{name}" for name in FIGURES]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "metric", "value", *FIGURES, "resources", *knobs, *sources])
    for design in front:
        figures, said = design.figures(), design.sources()
        writer.writerow(
            [design.id, design.metric, design.value]
            + [figures.get(name, "") for name in (*FIGURES, "resources")]
            + [design.knobs.get(name, "") for name in knobs]
            + [said.get(name, "") for name in FIGURES]
        )
    return out.getvalue()


def note(event: Event, links: Mapping[int, str], picture: str | None, views: str) -> str:
    """The run's description in Markdown. ``links`` lead to child runs, by design."""
    heads = [event["metric"], "latency, ns", "II", "LUT", "FF", "DSP", "BRAM 18 Kb"]
    lines = [f"**{_plain(event['title'])}**", ""]
    lines += [f"{len(event['front'])} designs on the front. {views}", ""]
    lines += [
        "| design | " + " | ".join(map(_plain, heads)) + " |",
        "|" + "---|" * (len(heads) + 1),
    ]
    for row in event["rows"]:
        link = links.get(row["id"])
        name = f"[{row['id']}]({link})" if link else str(row["id"])
        lines.append(f"| {name} | " + " | ".join(row["cells"]) + " |")
    if picture:
        lines += ["", f"![The front]({picture})"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text without meaning to Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>()#|!~&])", r"\\\1", text.replace("\n", " "))
