"""Search spaces: presets, one file each, and a reader of YAML."""

from __future__ import annotations

from pathlib import Path

from converter.config import near
from converter.errors import ConfigError
from converter.graph import ModelGraph
from search_spaces import default, full, latency_only, per_layer, tiny, uniform
from search_spaces.reader import read_recipe
from search_spaces.recipe import Granularity, Recipe, build
from search_spaces.space import HardwarePolicy, Kind, Knob, Space

PRESETS: dict[str, Recipe] = {
    "default": default.RECIPE,
    "uniform": uniform.RECIPE,
    "per-layer": per_layer.RECIPE,
    "tiny": tiny.RECIPE,
    "full": full.RECIPE,
    "latency-only": latency_only.RECIPE,
}
"""By the name that ``--space`` takes."""

__all__ = [
    "PRESETS", "Granularity", "HardwarePolicy", "Kind", "Knob", "Recipe", "Space", "build", "load",
]  # fmt: skip


def load(name_or_path: str | Path, graph: ModelGraph) -> Space:
    """The space of a preset, or of a YAML file, for ``graph``.

    Raises ConfigError for an unknown preset, and for a file that is absent or wrong.
    """
    name = str(name_or_path)
    if name in PRESETS:
        return build(name, PRESETS[name], graph)
    path = Path(name_or_path)
    if not path.exists():
        hint = near(name, PRESETS)
        raise ConfigError(f"space {name}: neither a preset nor a file{hint}")
    return build(path.name, read_recipe(path, PRESETS), graph)
