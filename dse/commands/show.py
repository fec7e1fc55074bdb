"""``dse status``, ``pareto``, ``report``, ``ui``: what a run found."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from dse import api
from dse.commands.output import answer, answer_json, answer_table, number, say


def status(arguments: argparse.Namespace) -> int:
    """How the run is doing, and the front so far."""
    document = api.status(arguments.run)
    if arguments.json:
        answer_json(document)
        return 0
    answer(f"{arguments.run}: {document['state']}")
    for label, value in document["counts"].items():
        answer(f"  {label:24} {value}")
    if document["seconds_left"] is not None:
        answer(f"  {'seconds left':24} {document['seconds_left']:.0f}")
    if document["front"]:
        print_front(document, arguments.run)
    return 0


def pareto(arguments: argparse.Namespace) -> int:
    """The front of measured designs."""
    document = api.front(arguments.run)
    if arguments.json:
        answer_json(document)
    elif document["front"]:
        print_front(document, arguments.run)
    else:
        answer(f"{arguments.run}: no design has been measured yet")
    return 0


def print_front(document: dict[str, Any], folder: Path) -> None:
    """The front as a table, with the source of its figures below."""
    entries = document["front"]
    metric = entries[0]["metric"]
    columns = ("id", metric, "latency", "II", "LUT", "FF", "DSP", "BRAM18", "URAM", "of part")
    rows = [
        (
            str(e["id"]),
            number(e[metric], 4),
            f"{e['latency_cycles']} ({e['latency_ns']:g} ns)",
            str(e["interval_cycles"]),
            *(number(e[name]) for name in ("lut", "ff", "dsp", "bram_18k", "uram")),
            f"{100 * e['resources']:.1f} %",
        )
        for e in entries
    ]
    count = f"{len(entries)} design{'s' if len(entries) > 1 else ''}"
    answer_table(f"{count} on the front of {folder}", columns, rows)
    for source, figures in _by_source(entries).items():
        answer(f"{', '.join(figures)}: {source}")


def _by_source(entries: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        for figure, source in entry["sources"].items():
            if figure not in found.setdefault(source, []):
                found[source].append(figure)
    return found


def report(arguments: argparse.Namespace) -> int:
    """Write the run's page anew."""
    answer(str(api.page(arguments.run, arguments.out)))
    return 0


def ui(arguments: argparse.Namespace) -> int:
    """Serve MLflow's pages on this machine until Ctrl-C."""
    from dse.tracking import ui_command

    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # jobs that outlive the server
    argv = ui_command(api.tracking_uri(arguments.run), arguments.port)
    say(f"MLflow at http://127.0.0.1:{arguments.port}; Ctrl-C ends it")
    os.execv(argv[0], argv)  # noqa: S606 - our own command, no shell
