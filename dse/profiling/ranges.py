"""The range of every tensor against its type, and the narrowest type that would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from converter.emulate import Inputs
from converter.forward import forward
from converter.layers.base import Range, Real
from converter.layers.lowering import fit_range
from converter.types import Fixed
from dse.profiling.compare import relative_error
from dse.profiling.nodes import Network

TOLERANCE = 0.01
"""Relative error that a suggested type may cost a tensor."""

WIDEST = 32
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Tensor:
    """Weights, a bias or an output, and its types.

    ``quantiles``: of the magnitudes of what is not zero (least, quarters, largest); ``zeros``:
    share of zeros. ``loss``: root mean square of the error that conversion to ``type`` makes, over
    that of the values; ``lost``: share of the non-zero values that become zero; ``clipped``: share
    that lies beyond the range. ``suggested``: the narrowest type within the tolerance, and its
    ``suggested_loss``; None where no type of up to 32 bits is.
    """

    layer: str
    key: str
    size: int
    lo: float
    hi: float
    quantiles: tuple[float, ...]
    zeros: float
    type: Fixed
    loss: float
    lost: float
    clipped: float
    suggested: Fixed | None
    suggested_loss: float | None

    def to_json(self) -> dict[str, object]:
        """Types as text."""
        wanted = None if self.suggested is None else str(self.suggested)
        return {**asdict(self), "type": str(self.type), "suggested": wanted}


@dataclass(frozen=True)
class Profile:
    """All tensors of a network, in its order; outputs on ``rows`` of data."""

    model: str
    rows: int
    tolerance: float
    tensors: tuple[Tensor, ...]

    def to_json(self) -> dict[str, object]:
        """In the network's order."""
        tensors = [tensor.to_json() for tensor in self.tensors]
        head = {"model": self.model, "rows": self.rows, "tolerance": self.tolerance}
        return {**head, "tensors": tensors}


def profile(network: Network, x: Inputs, tolerance: float = TOLERANCE) -> Profile:
    """Ranges of all weights, and of all outputs on data [rows, *shape]."""
    values = forward(network.graph, x)
    tensors = tuple(
        _tensor(layer, key, real, t, tolerance) for layer, key, real, t in _all(network, values)
    )
    return Profile(network.graph.name, len(values[network.graph.inputs[0]]), tolerance, tensors)


def _all(network: Network, values: dict[str, Real]) -> Iterator[tuple[str, str, Real, Fixed]]:
    """Layer, key, real values and type of each tensor."""
    for node in network.own:
        types = network.typed.types.get(node.name, {})
        for key, real in node.layer.parameters().items():
            if key in types:
                yield node.name, key, real, types[key]
        yield node.name, "result", values[node.name], network.typed.edges[node.name].type


def _tensor(layer: str, key: str, values: Real, t: Fixed, tolerance: float) -> Tensor:
    flat = values.ravel()
    magnitudes = np.abs(flat[flat != 0])
    loss, lost, clipped = _cost(flat, t)
    suggested = suggest(flat, tolerance)
    return Tensor(
        layer,
        key,
        flat.size,
        float(flat.min()) + 0.0,  # no -0
        float(flat.max()) + 0.0,
        tuple(float(q) for q in np.quantile(magnitudes, QUANTILES)) if magnitudes.size else (),
        1 - magnitudes.size / flat.size,
        t,
        loss,
        lost,
        clipped,
        suggested,
        None if suggested is None else _cost(flat, suggested)[0],
    )


def _cost(values: Real, t: Fixed) -> tuple[float, float, float]:
    """Relative error, share of non-zero values lost, share clipped."""
    stored = t.to_float(t.from_float(values))
    nonzero = max(int(np.count_nonzero(values)), 1)
    lost = np.count_nonzero((stored == 0) & (values != 0)) / nonzero
    clipped = np.count_nonzero((values > t.max + t.lsb / 2) | (values < t.min - t.lsb / 2))
    return relative_error(stored, values), lost, clipped / values.size


def suggest(values: Real, tolerance: float) -> Fixed | None:
    """The narrowest type that rounds and saturates, whose relative error is within ``tolerance``.

    Integer bits cover the range, or one fewer where clipping costs less than a coarser step.
    """
    seen = Range(float(values.min()), float(values.max()))
    for width in range(1, WIDEST + 1):
        covering = fit_range(seen, width)
        options = (covering, replace(covering, integer=covering.integer - 1))
        best = min(options, key=lambda t: _cost(values, t)[0])
        if _cost(values, best)[0] <= tolerance:
            return best
    return None
