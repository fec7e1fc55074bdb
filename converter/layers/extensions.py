"""Layers from other installed packages, found through entry points.

A package that declares, in its ``pyproject.toml``,

    [project.entry-points."nn_fpga_dse.layers"]
    "my_package>MyLayer" = "my_package.layers:read_my_layer"

makes model files with the class ``my_package>MyLayer`` (Keras' name of a registered class, or
the plain class name) readable: ``read_my_layer`` gets a ``LayerSpec`` and gives ``Part``s, as
the readers of this package do. Nothing is taken from the model file but the name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from converter.errors import ConfigError
from converter.layers.spec import LayerSpec, Part

GROUP = "nn_fpga_dse.layers"

Reader = Callable[[LayerSpec], tuple[Part, ...]]


@lru_cache(maxsize=1)
def extensions() -> dict[str, EntryPoint]:
    """Entry points by class name. Raises ConfigError where two packages claim one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ConfigError(
                f"{point.name}: {other.value} and {point.value} both say that they read this "
                "layer class; uninstall one of the packages"
            )
    return found


def extension(class_name: str) -> Reader | None:
    """The reader of another package for a class; None: there is none.

    Raises ConfigError where it cannot be loaded.
    """
    point = extensions().get(class_name)
    if point is None:
        return None
    try:
        reader: Any = point.load()
    except Exception as error:  # a stranger's module may fail in any way
        raise ConfigError(
            f"{class_name}: its reader {point.value} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not callable(reader):
        raise ConfigError(f"{class_name}: its reader {point.value} is not a function")
    found: Reader = reader
    return found
