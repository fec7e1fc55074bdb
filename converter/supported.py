"""What can be read, as a table for people: ``python -m converter.supported`` prints it.

It is made from the registries that the frontends read by, and the README holds a copy that a
test compares with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from converter.frontends.onnx_load import OPERATORS
from converter.layers import READERS
from converter.layers.activation_reading import BY_GENERATION, FUNCTIONS
from converter.layers.quantizer_arguments import READERS as QUANTIZERS

OWNERS = {"HGQ>": "HGQ", "hgq>": "HGQ2", "ops.": "keras.ops", "Q": "QKeras", "": "Keras"}
"""By the start of a class name in ``READERS``: the framework; the first that fits counts."""

PROXIES = ("FixedPointQuantizer", "UnaryLUT")
"""Layers of the models that HGQ makes for conversion; they come without HGQ's prefix."""

REFUSED = {"bernoulli"}
"""Quantizers whose arguments are read to be refused with the reason."""


def supported() -> dict[str, tuple[str, ...]]:
    """Names of all that is read, by kind, each once and sorted."""
    kinds: dict[str, set[str]] = {f"{name} layers": set() for name in reversed(OWNERS.values())}
    for name in READERS:
        owner = "HGQ" if name in PROXIES else _owner(name)
        kinds[f"{owner} layers"].add(name.rpartition(">")[2].removeprefix("ops."))
    kinds["Keras activations"] = {*FUNCTIONS, *BY_GENERATION}
    kinds["QKeras quantizers"] = set(QUANTIZERS) - REFUSED
    kinds["ONNX operators"] = set(OPERATORS)
    return {kind: tuple(sorted(names)) for kind, names in kinds.items()}


def _owner(name: str) -> str:
    return next(owner for start, owner in OWNERS.items() if name.startswith(start))


def table() -> str:
    """The same as a table in Markdown."""
    rows = [f"| {kind} | {_words(names)} |" for kind, names in supported().items()]
    return "\n".join(["| | |", "|---|---|", *rows]) + "\n"


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(table())
