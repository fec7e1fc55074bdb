"""The configuration that gives a typed graph again, with every type written out."""

from __future__ import annotations

from converter.config import DEFAULT_PRECISION, HLSConfig, LayerConfig
from converter.graph import Stage, TypedGraph
from converter.units.softmax import Softmax
from converter.units.table import Table


def resolved_config(typed: TypedGraph) -> HLSConfig:
    """hls4ml's keys for each layer: types of its result and constants, tables, hardware.

    ``apply`` of the model with it gives the same arithmetic (the same digest) and the same
    hardware, without any data.
    """
    layers: dict[str, dict[str, object]] = {
        name: {"precision": dict(types)} for name, types in typed.types.items()
    }
    for stage in typed.stages:
        if stage.layer in layers:
            layers[stage.layer].update(_sizes(stage))
            layers[stage.layer].update(_hardware(typed, stage))
    return HLSConfig(LayerConfig(default_precision=DEFAULT_PRECISION), layers=layers)


def _sizes(stage: Stage) -> dict[str, object]:
    unit = stage.unit
    if isinstance(unit, Table):
        return {"table_size": len(unit.entries)}
    if isinstance(unit, Softmax):
        exps, inverses = len(unit.exp_entries), len(unit.inverse_entries)
        return {"exp_table_size": exps, "inv_table_size": inverses}
    return {}


def _hardware(typed: TypedGraph, stage: Stage) -> dict[str, object]:
    if stage.name not in typed.hardware:
        return {}
    choice = typed.hardware[stage.name]
    return {"strategy": choice.strategy, "reuse_factor": choice.reuse_factor}
