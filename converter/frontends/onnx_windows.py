"""ONNX's convolutions, pooling and normalisation, whose channels are the first axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.errors import ModelError
from converter.frontends.onnx_arithmetic import affine
from converter.frontends.onnx_build import Call, Reader, Value, channels_last
from converter.frontends.onnx_shapes import whole_attribute
from converter.graph import Shape, frozen_array
from converter.layers.base import Layer, Real
from converter.layers.conv import Conv
from converter.layers.geometry import Geometry
from converter.layers.padding import Cropping, ZeroPadding
from converter.layers.pooling import Pool, Pooling
from converter.layers.transpose import ConvTranspose
from converter.units.window import Pair

AUTO = ("NOTSET", "SAME_LOWER", "SAME_UPPER", "VALID")


def _spatial(call: Call) -> Value:
    """The input with its channels last; it has one or two other axes."""
    x = call.tensor()
    if len(x.shape) not in (2, 3):
        raise call.refused(
            f"input 0 must have channels and one or two axes more; its shape is {x.shape}"
        )
    return call.ordered(x, channels_last(x))


def _result(node: str, call: Call) -> Value:
    """What a layer gives, of its shape with the channels last."""
    stored = call.builder.nodes[node].shape
    shape = (stored[-1], *stored[:-1])
    return Value(node, shape, shape, (*range(1, len(shape)), 0))


def _pair(numbers: tuple[int, ...]) -> Pair:
    """Rows before columns; of one axis there is one row."""
    return (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def _sizes(call: Call, key: str, rank: int) -> tuple[int, ...]:
    """Sizes of a window by axis, 1 where they are left out."""
    numbers = whole_attribute(call, key, (1,) * rank) or ()
    if len(numbers) != rank or min(numbers) < 1:
        raise call.spec.bad(key, numbers, f"{rank} whole numbers of at least 1")
    return numbers


def _geometry(call: Call, x: Value, kernel: tuple[int, ...]) -> tuple[Geometry, list[Pair]]:
    """The window without its padding, and the padding (before, after) of each axis."""
    rank = len(kernel)
    strides, dilation = (_sizes(call, key, rank) for key in ("strides", "dilations"))
    pads = whole_attribute(call, "pads", (0,) * (2 * rank)) or ()
    auto = call.spec.get("auto_pad", "NOTSET")
    if auto not in AUTO:
        raise call.spec.unsupported("auto_pad", auto)
    if len(pads) != 2 * rank or min(pads) < 0 or (auto != "NOTSET" and any(pads)):
        raise call.spec.bad("pads", pads, f"{2 * rank} whole numbers of at least 0, or auto_pad")
    around = list(zip(pads[:rank], pads[rank:], strict=True))
    geometry = Geometry(rank, _pair(kernel), _pair(strides), _pair(dilation))
    if auto.startswith("SAME"):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        about = zip(x.shape[1:], strides, spans, strict=True)
        around = [_same(n, stride, span, auto == "SAME_LOWER") for n, stride, span in about]
    return geometry, around


def _same(size: int, stride: int, span: int, lower: bool) -> Pair:
    """What leaves the shrinking of an axis to the stride; the odd element is last, or first."""
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    less, more = total // 2, total - total // 2
    return (more, less) if lower else (less, more)


def _padded(geometry: Geometry, around: list[Pair]) -> Geometry:
    """The window with its padding."""
    if not any(map(any, around)):
        return geometry
    amounts = ((0, 0), around[0]) if len(around) == 1 else (around[0], around[1])
    return replace(geometry, amounts=amounts)


def _kernel(call: Call) -> Real:
    """W, whose sizes must be those of kernel_shape, where that is given."""
    kernel = call.real(1, "W")
    rank = kernel.ndim - 2
    given = whole_attribute(call, "kernel_shape", tuple(kernel.shape[2:]))
    if given != kernel.shape[2:] or rank not in (1, 2) or not kernel.size:
        raise call.refused(
            f"W must have two axes and the kernel's one or two, {given}; its shape is "
            f"{kernel.shape}"
        )
    return kernel


def _bias(call: Call, filters: int) -> Real | None:
    if call.optional(2, "B") is None:
        return None
    bias = call.real(2, "B")
    if bias.shape != (filters,):
        raise ModelError(f"{call.where}: B must have shape ({filters},), not {bias.shape}")
    return frozen_array(bias)


def _check_rank(call: Call, x: Value, kernel: Real) -> None:
    if kernel.ndim != len(x.shape) + 1:
        raise ModelError(f"{call.where}: W of shape {kernel.shape} for an input of {x.shape}")


def read_conv(call: Call) -> Value:
    """Conv with one or two axes; W [filters, channels / group, *kernel]."""
    call.arity(2, 3)
    kernel, x = _kernel(call), _spatial(call)
    _check_rank(call, x, kernel)
    groups, filters = call.spec.integer("group", 1), kernel.shape[0]
    if groups < 1 or filters % groups or kernel.shape[1] * groups != x.shape[0]:
        raise ModelError(
            f"{call.where}: group={groups} and W of shape {kernel.shape} do not fit "
            f"{x.shape[0]} channels"
        )
    geometry, around = _geometry(call, x, kernel.shape[2:])
    bias = _bias(call, filters)
    call.spec.finish()
    moved = kernel.transpose(*range(2, kernel.ndim), 1, 0)  # [*kernel, channels / group, filters]
    depthwise = groups == x.shape[0] > 1
    if depthwise:
        moved = moved.reshape(*moved.shape[:-2], groups, filters // groups)
    rank = len(around)
    layer = Conv(
        frozen_array(moved),
        bias,
        geometry=_padded(geometry, around),
        groups=1 if depthwise else groups,
        depthwise=depthwise,
        class_name=f"{'DepthwiseConv' if depthwise else 'Conv'}{rank}D",
    )
    return _result(call.add(layer, x.node), call)


def read_conv_transpose(call: Call) -> Value:
    """ConvTranspose without groups: all that it gives, and then without the padding."""
    call.arity(2, 3)
    kernel, x = _kernel(call), _spatial(call)
    _check_rank(call, x, kernel)
    call.spec.only("group", 1)
    call.spec.only("auto_pad", "NOTSET", "VALID")
    rank = kernel.ndim - 2
    geometry, around = _geometry(call, x, kernel.shape[2:])
    extra = whole_attribute(call, "output_padding", (0,) * rank) or ()
    bias = _bias(call, kernel.shape[1])
    call.spec.finish()
    strides = geometry.strides[2 - rank :]
    if len(extra) != rank or any(not 0 <= e < s for e, s in zip(extra, strides, strict=True)):
        raise call.spec.bad("output_padding", list(extra), "at least 0 and below the strides")
    layer = ConvTranspose(
        frozen_array(
            kernel.transpose(*range(2, kernel.ndim), 1, 0)
        ),  # [*kernel, filters, channels]
        bias,
        geometry=geometry,
        output_padding=(None, extra[0]) if rank == 1 else (extra[0], extra[1]),
        class_name=f"Conv{rank}DTranspose",
    )
    if not any(map(any, around)):
        return _result(call.add(layer, x.node), call)
    whole = call.add(layer, x.node, suffix="whole")
    return _result(call.add(Cropping(tuple(around)), whole), call)


def read_pool(call: Call) -> Value:
    """MaxPool and AveragePool."""
    call.arity(1)
    x, largest = _spatial(call), call.source.op == "MaxPool"
    rank = len(x.shape) - 1
    if "kernel_shape" not in call.spec.config:
        raise ModelError(f"{call.where}: attribute kernel_shape is missing")
    geometry, around = _geometry(call, x, _sizes(call, "kernel_shape", rank))
    ceil = call.spec.flag("ceil_mode", False)
    zeros = not largest and call.spec.flag("count_include_pad", False) and any(map(any, around))
    if largest:
        call.spec.only("storage_order", 0, 1)  # of the second output alone
    call.spec.finish()
    extra = _beyond(x, geometry, around) if ceil else [0] * rank
    if zeros and any(extra):
        raise call.refused("count_include_pad=1 with a ceil_mode=1 that adds windows")
    if zeros:
        padding = ZeroPadding(tuple(around))
        x = replace(x, node=call.add(padding, x.node, suffix="padded"))
        around = [(0, 0)] * rank
    around = [(low, high + more) for (low, high), more in zip(around, extra, strict=True)]
    _check_inside(call, geometry, around)
    pool, name = (Pool.MAX, "Max") if largest else (Pool.AVERAGE, "Average")
    layer = Pooling(pool, rank, f"{name}Pooling{rank}D", _padded(geometry, around))
    return _result(call.add(layer, x.node), call)


def _beyond(x: Value, geometry: Geometry, around: list[Pair]) -> list[int]:
    """What ceil_mode adds at the end of each axis: to a last window that starts before it."""
    rank, extra = geometry.rank, []
    strides, spans = geometry.strides[2 - rank :], geometry.span[2 - rank :]
    for n, stride, span, (low, high) in zip(x.shape[1:], strides, spans, around, strict=True):
        left = (n + low + high - span) % stride
        starts = (n + low + high - span) - left + stride
        extra.append(stride - left if left and starts < n + low else 0)
    return extra


def _check_inside(call: Call, geometry: Geometry, around: list[Pair]) -> None:
    """Every window must see an element of the tensor."""
    spans = geometry.span[2 - geometry.rank :]
    if any(max(pair) >= span for pair, span in zip(around, spans, strict=True)):
        raise call.refused(f"pads {around} must be less than the window, {spans}")


def read_global_pool(call: Call) -> Value:
    """GlobalMaxPool and GlobalAveragePool: a size of 1 remains of each axis."""
    call.arity(1)
    call.spec.finish()
    x = _spatial(call)
    return _result(call.add(_whole(call, len(x.shape) - 1, True), x.node), call)


def _whole(call: Call, rank: int, keepdims: bool) -> Layer:
    largest = "Max" in call.source.op
    pool, name = (Pool.MAX, "Max") if largest else (Pool.AVERAGE, "Average")
    return Pooling(pool, rank, f"Global{name}Pooling{rank}D", keepdims=keepdims)


def read_reduce(call: Call) -> Value:
    """ReduceMax and ReduceMean over one or two axes, so that one, the channels, remains."""
    x, rank = call.tensor(), len(call.tensor().shape)
    by_input = call.opset >= 18
    call.arity(1, 2 if by_input else 1)
    axes = call.whole_numbers(1, "axes") if by_input else whole_attribute(call, "axes", None)
    keep = call.spec.flag("keepdims", True)
    call.spec.flag("noop_with_empty_axes", False)
    call.spec.finish()
    gone = sorted({call.inner_axis(axis, x, "axes") for axis in axes or ()})
    if len(gone) != rank - 1 or rank not in (2, 3):
        raise call.refused(
            f"axes={axes} of a tensor of shape {x.shape} behind the batch's axis; one or two must "
            "go, so that one remains"
        )
    (channels,) = set(range(rank)) - set(gone)
    order = (*gone, channels)
    node = call.add(_whole(call, rank - 1, keep), call.ordered(x, order).node)
    if not keep:
        return Value.plain(node, (x.shape[channels],))
    shape: Shape = tuple(n if k == channels else 1 for k, n in enumerate(x.shape))
    return Value(node, shape, shape, order)


def read_batch_normalization(call: Call) -> Value:
    """BatchNormalization at inference."""
    call.arity(5)
    x, spec = call.tensor(), call.spec
    epsilon = spec.number("epsilon", 1e-5)
    spec.only("training_mode", 0)
    spec.only("spatial", 1)
    spec.finish("momentum")
    sides = [call.real(k, name) for k, name in enumerate(("scale", "B", "mean", "var"), start=1)]
    if any(side.shape != x.shape[:1] for side in sides):
        shapes = ", ".join(str(side.shape) for side in sides)
        raise ModelError(f"{call.where}: scale, B, mean and var of {x.shape[0]} channels: {shapes}")
    gamma, beta, mean, variance = sides
    if not (variance + epsilon > 0).all():
        raise ModelError(f"{call.where}: var + epsilon must be above 0")
    scale = gamma / np.sqrt(variance + epsilon)
    shape = (-1, *(1,) * (len(x.shape) - 1))
    return affine(call, x, scale.reshape(shape), (beta - mean * scale).reshape(shape))


WINDOWS: dict[str, Reader] = {
    "AveragePool": read_pool,
    "BatchNormalization": read_batch_normalization,
    "Conv": read_conv,
    "ConvTranspose": read_conv_transpose,
    "GlobalAveragePool": read_global_pool,
    "GlobalMaxPool": read_global_pool,
    "MaxPool": read_pool,
    "ReduceMax": read_reduce,
    "ReduceMean": read_reduce,
}
