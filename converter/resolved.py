"""The configuration that gives a typed graph again, with every type written out."""

from __future__ import annotations

from converter.config import DEFAULT_PRECISION, HLSConfig, LayerConfig
from converter.graph import Stage, TypedGraph
from converter.hardware import hardware_settings, inner
from converter.units.curve import Curve
from converter.units.layernorm import LayerNorm
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
            layers[stage.layer].update(hardware_settings(typed, stage))
    model = LayerConfig(default_precision=DEFAULT_PRECISION)
    return HLSConfig(model, layers=layers, io_type=typed.io_type)


def _sizes(stage: Stage) -> dict[str, object]:
    unit = inner(stage.unit)
    if isinstance(unit, Table):
        return {"table_size": len(unit.entries)}
    if isinstance(unit, LayerNorm):
        unit = unit.root
    if isinstance(unit, Curve):
        return {"table_size": unit.pieces}
    if isinstance(unit, Softmax):
        exps, inverses = len(unit.exp_entries), len(unit.inverse_entries)
        return {"exp_table_size": exps, "inv_table_size": inverses}
    return {}
