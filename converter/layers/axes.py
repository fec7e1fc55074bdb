"""Units for a whole axis, or for several as if they were one, at every position of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.lowering import Chain, at_each_position, position_of
from converter.units.base import Unit
from converter.units.reindex import Reindex


def inner_axis(axis: int, shape: Shape) -> int | None:
    """An axis as a model counts it, the batch's being 0, or from the end, as an index of
    ``shape``; None where it is the batch's, or not there.
    """
    inner = axis + len(shape) if axis < 0 else axis - 1
    return inner if 0 <= inner < len(shape) else None


def inner_axes(axes: Sequence[int], shape: Shape) -> tuple[int, ...]:
    """Axes as a model counts them, the batch's being 0, as rising indices of ``shape``.

    Raises ModelError for the batch's axis, one that is not there, and one named twice.
    """
    inner = {inner_axis(axis, shape) for axis in axes}
    found = sorted(axis for axis in inner if axis is not None)
    if not found or len(found) < len(axes):
        raise ModelError(
            f"axis={list(axes)} must name axes of the input other than the batch's, each once: "
            f"1 to {len(shape)} for the shape {shape}"
        )
    return tuple(found)


def on_axes(chain: Chain, axes: tuple[int, ...], make: Callable[[Edge], Unit]) -> Chain:
    """The unit that ``make`` gives for one position, over ``axes`` of the tensor's shape.

    ``make`` sees an edge of one axis, with bounds that hold at all positions. Axes that are not
    the last are brought there, several become one, and back again.
    """
    x = chain.edge
    if axes == (len(x.shape) - 1,):
        return chain.then("positions", at_each_position(x, make(position_of(x))))
    places = _together(x.shape, axes)
    there = Reindex(frozen_array(places.ravel(), np.int64), x.size, x.type)
    chain = chain.then("moved", there, places.shape)
    moved = chain.edge
    chain = chain.then("positions", at_each_position(moved, make(position_of(moved))))
    back = np.argsort(places.ravel(), kind="stable")
    return chain.then(
        "back", Reindex(frozen_array(back, np.int64), x.size, chain.edge.type), x.shape
    )


def _together(shape: Shape, axes: tuple[int, ...]) -> np.ndarray:  # type: ignore[type-arg]
    """Flat indices of a tensor, [*other axes, all of ``axes``]."""
    others = [a for a in range(len(shape)) if a not in axes]
    index = np.arange(int(np.prod(shape))).reshape(shape).transpose(*others, *axes)
    return index.reshape(*(shape[a] for a in others), -1)
