"""Our quantizers against QKeras itself, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converter.layers.quantizer_reading import read_weight_quantizer
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec

pytestmark = pytest.mark.keras2

CASES = {
    "quantized_bits": [
        {"bits": 4, "integer": 0, "alpha": 1},
        {"bits": 4, "integer": 4, "alpha": 1},
        {"bits": 4, "integer": 6, "alpha": 1},
        {"bits": 6, "integer": 2, "symmetric": 1, "alpha": 1},
        {"bits": 6, "integer": 1, "alpha": None},
        {"bits": 6, "integer": 2, "keep_negative": False, "alpha": 1},
        {"bits": 1, "integer": 0, "alpha": 1},
        {"bits": 1, "integer": 0, "keep_negative": False, "alpha": 1},
        {"bits": 5, "integer": 1, "alpha": 0.3},
        {"bits": 5, "integer": 1, "alpha": 2.0},
        {"bits": 4, "integer": 0, "alpha": "auto"},
        {"bits": 4, "integer": 0, "alpha": "auto_po2"},
        {"bits": 4, "integer": 2, "keep_negative": False, "alpha": "auto_po2"},
        {"bits": 3, "integer": 2, "keep_negative": False, "alpha": "auto"},
        {"bits": 2, "integer": 0, "alpha": "auto_po2"},
        {"bits": 8, "integer": 0, "alpha": 1, "use_stochastic_rounding": True},
    ],
    "quantized_relu": [
        {"bits": 4, "integer": 2},
        {"bits": 1, "integer": 0},
        {"bits": 3, "integer": 5},
        {"bits": 4, "integer": 2, "negative_slope": 0.25},
        {"bits": 4, "integer": 0, "negative_slope": 0.125},
        {"bits": 4, "integer": 1, "negative_slope": 1.0},
        {"bits": 4, "integer": 0, "relu_upper_bound": 0.5},
        {"bits": 6, "integer": 1, "relu_upper_bound": 1.5, "is_quantized_clip": False},
        {"bits": 6, "integer": 1, "use_stochastic_rounding": True},
    ],
    "binary": [
        {},
        {"alpha": 1},
        {"use_01": True, "alpha": 0.5},
        {"alpha": "auto_po2"},
        {"use_01": True, "alpha": "auto_po2"},
    ],
    "stochastic_binary": [{"alpha": 1}, {"alpha": "auto_po2", "temperature": 3.0}],
    "ternary": [
        {},
        {"alpha": 1},
        {"alpha": 0.7, "threshold": 0.5},
        {"threshold": 0.0},
        {"alpha": "auto_po2"},
        {"alpha": "auto_po2", "number_of_unrolls": 1},
        {"alpha": "auto_po2", "use_stochastic_rounding": True},
    ],
    "stochastic_ternary": [{"alpha": 1}, {"alpha": "auto_po2"}],
    "quantized_po2": [
        {"bits": 4},
        {"bits": 2},
        {"bits": 7},
        {"bits": 4, "max_value": 2},
        {"bits": 4, "max_value": 1},
        {"bits": 4, "max_value": 3.0},
        {"bits": 4, "max_value": 0.3},
    ],
    "quantized_relu_po2": [
        {"bits": 4},
        {"bits": 6},
        {"bits": 4, "max_value": 4},
        {"bits": 4, "negative_slope": 0.25},
        {"bits": 4, "max_value": 2, "negative_slope": 0.5},
    ],
}
ALL = [(name, arguments) for name, cases in CASES.items() for arguments in cases]


def read(name: str, arguments: dict) -> Quantizer:
    spec = LayerSpec("fc1", "QDense", {"q": {"class_name": name, "config": arguments}})
    quantizer = read_weight_quantizer(spec, "q", fitted=False)
    assert quantizer is not None
    return quantizer


def straight_through(base: np.ndarray, q: np.ndarray) -> np.ndarray:
    """How QKeras hands out a value q, in float32: base + (q - base)."""
    return base + (-base + q.astype(np.float32))


def base_of(name: str, arguments: dict, x: np.ndarray) -> np.ndarray:
    """What QKeras adds and takes away again: the function without quantisation."""
    import tensorflow as tf

    if name.endswith(("binary", "ternary")) and arguments.get("alpha") is None:
        return np.asarray(tf.tanh(x))
    if name not in ("quantized_relu", "quantized_relu_po2"):
        return x
    slope = arguments.get("negative_slope", 0.0)
    base = np.where(x < 0, np.float32(slope) * x, x)
    top = arguments.get("max_value")
    if name == "quantized_relu":
        bits = arguments["bits"] - (slope != 0)
        top = 2.0 ** arguments["integer"] * (1 - 2.0**-bits)
        if not arguments.get("is_quantized_clip", True):
            top = arguments["relu_upper_bound"]
    return base if top is None else np.where(x <= top, base, np.float32(top))


def samples(seed: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Small, large, and on a grid where ties are met; a channel of zeros among them."""
    rng = np.random.default_rng(seed)
    small, large = rng.normal(0, 0.3, shape), rng.normal(0, 100, shape)
    grid = rng.integers(-64, 64, shape) / 16
    large[..., 1] = 0
    return [a.astype(np.float32) for a in (small, large, grid)]


@pytest.mark.parametrize(("name", "arguments"), ALL)
@pytest.mark.parametrize("shape", [(40, 12), (30,)])
def test_values_are_those_of_qkeras(qkeras, name, arguments, shape):
    import tensorflow as tf

    quantizer = read(name, arguments)
    for x in samples(len(str(arguments)), shape):
        reference = np.asarray(getattr(qkeras, name)(**arguments)(tf.constant(x)))
        ours = quantizer.quantize(x.astype(np.float64))
        assert np.array_equal(straight_through(base_of(name, arguments, x), ours), reference)


@pytest.mark.parametrize("name", ["binary", "stochastic_binary", "ternary", "stochastic_ternary"])
def test_least_squares_scales_are_those_of_qkeras(qkeras, name):
    import tensorflow as tf

    for x in samples(9, (40, 12)):
        reference = np.asarray(getattr(qkeras, name)(alpha="auto")(tf.constant(x)))
        ours = read(name, {"alpha": "auto"}).quantize(x.astype(np.float64))
        # QKeras sums 40 terms in float32 in TensorFlow's order: 40 roundings at most, and
        # the straight-through sum loses bits below the ulp of x.
        assert np.abs(ours - reference).max() <= 40 * 2.0**-24 * np.abs(x).max()


@given(
    x=st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=30),
    case=st.sampled_from([c for c in ALL if "auto" not in str(c[1].get("alpha"))]),
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_values_are_those_of_qkeras_on_any_input(qkeras, x, case):
    import tensorflow as tf

    name, arguments = case
    values = np.array(x, dtype=np.float32)
    # Where QKeras' float32 logarithm rounds to either side, and where TensorFlow may
    # flush denormal numbers to zero.
    fraction = np.log2(np.maximum(np.abs(values).astype(np.float64), 1e-30)) % 1
    slope = arguments.get("negative_slope") or 1
    tiny = (np.abs(values) * slope < 2e-7) & (values != 0)
    values = np.where((np.abs(fraction - 0.5) < 1e-5) | tiny, np.float32(0.75), values)
    reference = np.asarray(getattr(qkeras, name)(**arguments)(tf.constant(values)))
    ours = read(name, arguments).quantize(values.astype(np.float64))
    assert np.array_equal(straight_through(base_of(name, arguments, values), ours), reference)


def test_a_kernel_without_alpha_gets_the_scale_that_qkeras_gives_it(qkeras, keras2):
    rng = np.random.default_rng(2)
    for name, arguments in [("quantized_bits", {"bits": 4, "integer": 0}), ("ternary", {})]:
        layer = qkeras.QDense(7, kernel_quantizer=getattr(qkeras, name)(**arguments))
        layer.build((None, 9))
        kernel = rng.normal(0, 0.4, (9, 7)).astype(np.float32)
        spec = LayerSpec("a", "QDense", {"q": {"class_name": name, "config": arguments}})
        quantizer = read_weight_quantizer(spec, "q", fitted=True)
        assert quantizer is not None
        ours = quantizer.quantize(kernel.astype(np.float64))
        reference = np.asarray(layer.kernel_quantizer_internal(kernel))
        assert np.array_equal(straight_through(kernel, ours), reference)
