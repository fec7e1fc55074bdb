"""What HGQ2's layers share: quantizers of inputs and outputs as layers of their own, variables
by position, and constants as the layer uses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.batchnorm import BatchNormalization
from converter.layers.hgq import plain
from converter.layers.hgq2_quantizer import Quantizer2, of_input, read_quantizer
from converter.layers.hgq_elements import ElementQuantizer
from converter.layers.lowering import exact_type
from converter.layers.spec import LayerSpec, Part

Parts = tuple[Part, ...]
Weights = Mapping[str, Real]

OWN = frozenset(
    {
        "enable_ebops", "ebops_factor", "beta0", "enable_oq", "enable_iq", "oq_conf", "iq_conf",
        "iq_confs", "kq_conf", "bq_conf", "parallelization_factor",
    }
)  # fmt: skip
"""Attributes beyond those of the Keras layer of the same kind."""

STATISTICS = ("cost_strength", "cost")
"""Variables of the training's cost function, which follow the trained ones."""


@dataclass(frozen=True, eq=False)
class ExactAffine(Layer):
    """y = x scale + offset with constants that are quantised already, and taken as they are.

    Both are [channels], or [1] for all alike. ``axis`` as in ``BatchNormalization``.
    """

    class_names: ClassVar[tuple[str, ...]] = ("QBatchNormalization",)
    bit_exact: ClassVar[bool] = True

    scale: Real
    offset: Real
    axis: int = -1

    def _norm(self, shape: Shape) -> BatchNormalization:
        if self.scale.shape != (1,):
            return BatchNormalization(self.scale, self.offset, self.axis)
        scale, offset = (np.full(shape[-1], side[0]) for side in (self.scale, self.offset))
        return BatchNormalization(scale, offset)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's."""
        return self._norm(inputs[0]).infer_shape(inputs)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        return self._norm(inputs[0].shape[1:]).forward(inputs)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A normalisation's, with constants of as many bits as they have."""
        held = {"scale": exact_type(self.scale), "bias": exact_type(self.offset)}
        config = replace(config, precision={**config.precision, **held})
        return self._norm(inputs[0].shape).lower(name, inputs, config, seen)


def own_variables(
    spec: LayerSpec, trained: Sequence[str], fixed: Sequence[str] = (), early: Sequence[str] = ()
) -> dict[str, Real]:
    """The layer's own variables by name. Those that are not trained, ``early`` before the
    training's statistics and ``fixed`` after, follow those that are.
    """
    statistics = STATISTICS if spec.flag("enable_ebops", True) else ()
    names = (*trained, *early, *statistics, *fixed)
    found = {k: v for k, v in spec.weights.items() if "/" not in k}
    if set(found) != {str(i) for i in range(len(names))}:
        raise ModelError(
            f"{spec.where}: the weights needed are {', '.join(names) or 'none'}, by position; the "
            f"file has {', '.join(sorted(found)) or 'none'}"
        )
    return {name: found[str(i)] for i, name in enumerate(names) if name not in STATISTICS}


def inner_spec(spec: LayerSpec, class_name: str, weights: Weights, *dropped: str) -> LayerSpec:
    """The layer of Keras that a quantised one is otherwise, its quantizers being read."""
    config = {k: v for k, v in spec.config.items() if k not in OWN and k not in dropped}
    return plain(spec, class_name, config, weights)


def converted(
    suffix: str, quantizer: Quantizer2 | None, reads: tuple[int | str, ...] | None = None
) -> Parts:
    """The parts of a quantizer of a tensor."""
    if quantizer is None:
        return ()
    quantizer = of_input(quantizer)
    first = Part(suffix, ElementQuantizer(quantizer.types), reads)
    if not quantizer.affine:
        return (first,)
    scale, offset = (frozen_array([v]) for v in (quantizer.scale, quantizer.offset))
    return (first, Part(f"{suffix}_affine", ExactAffine(scale, offset)))


def of_input_of(spec: LayerSpec) -> Parts:
    """The quantizer of a layer's one input."""
    if not spec.flag("enable_iq", True):
        return ()
    return converted("iq", read_quantizer(spec, "iq_conf", "iq/"))


def of_output_of(spec: LayerSpec) -> Parts:
    """The quantizer of a layer's output."""
    if not spec.flag("enable_oq", False):
        return ()
    return converted("oq", read_quantizer(spec, "oq_conf", "oq/"))


def constant(spec: LayerSpec, key: str, where: str, values: npt.NDArray[Any]) -> Real:
    """Weights or a bias as the layer uses them."""
    quantizer = read_quantizer(spec, key, where)
    return frozen_array(values) if quantizer is None else quantizer.constants(values)


def finish(spec: LayerSpec, *training_only: str) -> None:
    """Refuse what is neither read, nor of training alone."""
    spec.finish(*OWN, *training_only)
