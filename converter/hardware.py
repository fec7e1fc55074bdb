"""How each stage is built: from a configuration, and back to one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from converter.config import LayerConfig
from converter.errors import ConfigError
from converter.graph import (
    Implementation,
    IOType,
    Stage,
    Strategy,
    TypedGraph,
    check_io_type,
)
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.sliding import Sliding
from converter.units.softmax import Softmax

PRODUCTS = (MatVec, GroupedMatVec)
"""Units whose multipliers can be shared."""


def choose_hardware(
    stages: Iterable[Stage],
    settings: Mapping[str, LayerConfig],
    io_type: IOType,
    normalisations: Collection[str],
) -> dict[str, Implementation]:
    """The choice of each stage that has one, by what its layer was asked to be.

    A reuse factor means nothing to a layer without multiplications, nor a parallelization
    factor to one without windows, and hls4ml writes them for every layer: there they are read
    past. A batch normalisation of its own has multiplications that are not shared, so
    there (``normalisations``: names of layers) a reuse factor is refused. Raises ConfigError with
    the legal neighbours.
    """
    choices: dict[str, Implementation] = {}
    for stage in stages:
        asked = settings.get(stage.layer, LayerConfig())
        unit = inner(stage.unit)
        if isinstance(unit, Affine) and stage.layer in normalisations:
            _check_alone(stage.layer, asked)
        choice = _choice(stage.unit, asked)
        if choice != Implementation() or isinstance(unit, PRODUCTS):
            stage.unit.check(stage.layer, choice)
            check_io_type(stage.layer, choice, io_type)
            choices[stage.name] = choice
    return choices


def inner(unit: Unit) -> Unit:
    """What computes: the body of a sliding window, else the unit itself."""
    return unit.body if isinstance(unit, Sliding) else unit


def _choice(unit: Unit, asked: LayerConfig) -> Implementation:
    """What of a layer's settings concerns ``unit``."""
    strategy, reuse = Strategy.LATENCY, 1
    if isinstance(inner(unit), PRODUCTS):
        strategy, reuse = asked.strategy, asked.reuse_factor
    elif isinstance(inner(unit), Softmax) and asked.strategy is Strategy.DISTRIBUTED_ARITHMETIC:
        strategy = asked.strategy
    parallel = asked.parallelization_factor if isinstance(unit, Sliding) else 1
    return Implementation(strategy, reuse, parallel)


def _check_alone(layer: str, asked: LayerConfig) -> None:
    if asked.reuse_factor != 1:
        raise ConfigError(
            f"{layer}: ReuseFactor={asked.reuse_factor}, but the factors of a batch "
            "normalisation on its own are not shared; legal: 1"
        )


def hardware_settings(typed: TypedGraph, stage: Stage) -> dict[str, object]:
    """What a configuration says of the stage's layer, for the stage to be built as it is."""
    if stage.name not in typed.hardware:
        return {}
    choice, settings = typed.hardware[stage.name], {}
    if isinstance(inner(stage.unit), (*PRODUCTS, Softmax)):
        settings = {"strategy": choice.strategy, "reuse_factor": choice.reuse_factor}
    if isinstance(stage.unit, Sliding):
        settings["parallelization_factor"] = choice.parallelization_factor
    return settings
