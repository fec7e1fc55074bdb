"""``dse profile`` and ``dse compare``: where the bits go, tensor by tensor and layer by layer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import converter
from converter.config import HLSConfig, read_config
from converter.emulate import Inputs
from converter.errors import ConfigError
from converter.pipeline import measure_ranges
from dse.commands.output import answer, answer_json, answer_table
from dse.data import read_inputs
from dse.paths import new_folder
from dse.profiling.compare import Comparison
from dse.profiling.compare import compare as measure_errors
from dse.profiling.nodes import Network, network
from dse.profiling.ranges import Profile
from dse.profiling.ranges import profile as measure_tensors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Drawn = tuple[str, Mapping[str, Figure]]  # a page, and pictures by name

Result = TypeVar("Result", Profile, Comparison)

SHOWN = 12
"""Layers that ``compare`` prints; the page and the JSON have all."""


def profile(arguments: argparse.Namespace) -> int:
    """Print ranges, types and suggestions; draw them where a folder is given."""
    if not 0 < arguments.tolerance < 1:
        raise ConfigError(f"--tolerance {arguments.tolerance}: must be between 0 and 1, as 0.01")
    found, x = _network(arguments)
    result = measure_tensors(found, x, arguments.tolerance)
    return _deliver(arguments, result, "profile.html", _draw_profile, _print_profile)


def compare(arguments: argparse.Namespace) -> int:
    """Print the layers that add most to the error; draw them where a folder is given."""
    found, x = _network(arguments)
    result = measure_errors(found, x)
    return _deliver(arguments, result, "compare.html", _draw_comparison, _print_comparison)


def _network(arguments: argparse.Namespace) -> tuple[Network, Inputs]:
    graph = converter.load(arguments.model, arguments.weights)
    config = read_config(arguments.config) if arguments.config else HLSConfig()
    x = read_inputs(arguments.data, graph)
    typed = converter.apply(graph, config, measure_ranges(graph, x))
    return network(graph, typed, config), x


def _deliver(
    arguments: argparse.Namespace,
    result: Result,
    name: str,
    draw: Callable[[Result], Drawn],
    show: Callable[[Result], None],
) -> int:
    """Write the page ``name`` and its pictures where a folder is given; print figures, or JSON."""
    if arguments.out:
        _write(arguments.out, name, *draw(result))
    if arguments.json:
        answer_json(result.to_json())
        return 0
    show(result)
    if arguments.out:
        answer(f"page: {arguments.out / name}")
    return 0


def _draw_profile(result: Profile) -> Drawn:
    from dse.profiling.draw import draw_profile
    from dse.profiling.page import profile_page

    pictures = {key: draw_profile(result, key) for key in ("outputs", "parameters")}
    return profile_page(result), pictures


def _draw_comparison(result: Comparison) -> Drawn:
    from dse.profiling.draw import draw_comparison
    from dse.profiling.page import comparison_page

    return comparison_page(result), {"compare": draw_comparison(result)}


def _write(folder: Path, name: str, page: str, pictures: Mapping[str, Figure]) -> None:
    from dse.profiling.draw import png, svg

    new_folder(folder)
    (folder / name).write_text(page, encoding="utf-8")
    for key, figure in pictures.items():
        (folder / f"{key}.svg").write_text(svg(figure), encoding="utf-8")
        (folder / f"{key}.png").write_bytes(png(figure))


def _print_profile(result: Profile) -> None:
    columns = ("tensor", "least", "largest", "type", "loss", "clipped", "suggested", "its loss")
    rows = [
        (
            f"{t.layer} {t.key}",
            f"{t.lo:.4g}",
            f"{t.hi:.4g}",
            str(t.type),
            _share(t.loss),
            _share(t.clipped),
            "-" if t.suggested is None else str(t.suggested),
            "-" if t.suggested_loss is None else _share(t.suggested_loss),
        )
        for t in result.tensors
    ]
    answer_table(f"{result.model}: ranges on {result.rows} rows", columns, rows)


def _print_comparison(result: Comparison) -> None:
    columns = (
        "layer",
        "kind",
        "type",
        "added",
        "in all",
        "largest error",
        "table bound",
        "float rms",
    )
    rows = [
        (
            e.layer,
            e.kind,
            e.type,
            _share(e.own),
            _share(e.relative),
            f"{e.largest:.4g}",
            "-" if e.bound is None else f"{e.bound:.4g}",
            f"{e.rms:.4g}",
        )
        for e in result.offenders[:SHOWN]
    ]
    answer_table(f"{result.model}: fixed point against float, {result.rows} rows", columns, rows)
    left = len(result.layers) - len(rows)
    if left > 0:
        answer(f"{left} layers that add less: --json or --out has them")


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"
