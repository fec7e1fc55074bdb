"""Layer by layer, float against fixed point: which layers the error comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from converter.emulate import Inputs
from converter.forward import forward
from converter.layers.base import Real
from converter.table_errors import table_errors
from dse.profiling.nodes import Network


@dataclass(frozen=True)
class LayerError:
    """Errors of one layer's output over all rows and elements.

    ``relative``: root of the mean square of (fixed - float), over that of float: all errors up
    to here. ``own``: the same where the float layer reads the fixed-point inputs: what this layer
    adds. ``largest``: the largest |fixed - float|. ``rms``: of float. ``bound``: the most that the
    tables of a smooth function can be off, for exact inputs; None for other layers.
    """

    layer: str
    kind: str
    type: str
    relative: float
    own: float
    largest: float
    rms: float
    bound: float | None


@dataclass(frozen=True)
class Comparison:
    """All layers, in the network's order; ``rows`` of data."""

    model: str
    rows: int
    layers: tuple[LayerError, ...]

    @property
    def offenders(self) -> tuple[LayerError, ...]:
        """The layers that add most first."""
        return tuple(sorted(self.layers, key=lambda layer: -layer.own))

    def to_json(self) -> dict[str, object]:
        """The largest offenders first."""
        layers = [asdict(layer) for layer in self.offenders]
        return {"model": self.model, "rows": self.rows, "layers": layers}


def compare(network: Network, x: Inputs) -> Comparison:
    """Float and fixed-point values of every layer on data [rows, *shape]."""
    exact, fixed = forward(network.graph, x), network.fixed(x)
    bounds = table_errors(network.graph, network.typed)
    layers = []
    for node in network.own:
        given = [fixed[name] for name in node.inputs]
        alone = node.layer.forward(given) if given else exact[node.name]
        ours, theirs = fixed[node.name], exact[node.name]
        layers.append(
            LayerError(
                node.name,
                type(node.layer).__name__,
                str(network.typed.edges[node.name].type),
                relative_error(ours, theirs),
                relative_error(ours, alone),
                float(np.abs(ours - theirs).max()),
                _rms(theirs),
                bounds.get(node.name),
            )
        )
    return Comparison(network.graph.name, len(exact[network.graph.inputs[0]]), tuple(layers))


def relative_error(values: Real, exact: Real) -> float:
    """Root mean square of the difference, over that of ``exact`` where that is not 0."""
    difference, scale = _rms(values - exact), _rms(exact)
    return difference / scale if scale else difference


def _rms(values: Real) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
