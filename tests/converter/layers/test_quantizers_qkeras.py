"""Our quantizers against QKeras itself, bit for bit."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
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
        {"bits": 4, "integer": 0, "alpha": [0.5] * 11 + [0.3]},
        {"bits": 4, "integer": 1, "alpha": "auto", "scale_axis": 0},
        {"bits": 4, "integer": 1, "alpha": "auto_po2", "scale_axis": 0},
        {"bits": 5, "integer": 0, "alpha": "auto_po2", "scale_axis": -1},
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
        {"bits": 4, "integer": 1, "negative_slope": 2.0},
        {"bits": 3, "integer": 1, "negative_slope": 2.0**-6},
        {"bits": 6, "integer": 2, "relu_upper_bound": 1.3, "is_quantized_clip": False},
        {
            "bits": 4,
            "integer": 2,
            "negative_slope": 0.5,
            "relu_upper_bound": 1.3,
            "is_quantized_clip": False,
        },
        {"bits": 4, "integer": 1, "use_sigmoid": 1},
        {"bits": 1, "integer": 1, "use_sigmoid": 1},
        {"bits": 5, "integer": 1, "use_sigmoid": 1, "negative_slope": 0.25},
        {"bits": 3, "integer": 0, "use_sigmoid": 1, "negative_slope": 2.0**-4},
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
        {"bits": 4, "log2_rounding": "floor"},
        {"bits": 6, "log2_rounding": "floor", "max_value": 3},
        {"bits": 4, "quadratic_approximation": True},
        {"bits": 6, "quadratic_approximation": True, "max_value": 5},
        {"bits": 5, "quadratic_approximation": True, "log2_rounding": "floor"},
    ],
    "quantized_relu_po2": [
        {"bits": 4},
        {"bits": 6},
        {"bits": 4, "max_value": 4},
        {"bits": 4, "negative_slope": 0.25},
        {"bits": 4, "max_value": 2, "negative_slope": 0.5},
        {"bits": 6, "quadratic_approximation": True},
        {"bits": 4, "log2_rounding": "floor", "negative_slope": 0.5},
    ],
    "quantized_hswish": [
        {"bits": 6, "integer": 2},
        {"bits": 4, "integer": 3, "symmetric": 1, "alpha": 0.5},
        {"bits": 6, "integer": 2, "relu_shift": 2, "relu_upper_bound": 4},
        {"bits": 6, "integer": 2, "relu_shift": 6, "relu_upper_bound": 1},
    ],
    "quantized_tanh": [{}, {"bits": 4}, {"bits": 4, "symmetric": True}, {"bits": 1}],
    "quantized_sigmoid": [{}, {"bits": 4}, {"bits": 4, "symmetric": True}, {"bits": 1}],
    "binary_tanh": [{}],
    "binary_sigmoid": [{}],
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


def handed_out(name: str, arguments: dict, x: np.ndarray, q: np.ndarray) -> np.ndarray:
    """What QKeras gives where q is the quantised value of x."""
    if name in ("quantized_tanh", "quantized_sigmoid", "binary_tanh", "binary_sigmoid"):
        return q.astype(np.float32)
    return straight_through(base_of(name, arguments, x), q)


def of_qkeras(qkeras: ModuleType, name: str, arguments: dict, x: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    found = getattr(qkeras, name)
    if "alpha" in arguments and isinstance(arguments["alpha"], list):
        arguments = {**arguments, "alpha": np.array(arguments["alpha"])}
    function = found if name in ("binary_tanh", "binary_sigmoid") else found(**arguments)
    return np.asarray(function(tf.constant(x)))


def base_of(name: str, arguments: dict, x: np.ndarray) -> np.ndarray:
    """What QKeras adds and takes away again: the function without quantisation."""
    import tensorflow as tf

    if name.endswith(("binary", "ternary")) and arguments.get("alpha") is None:
        return np.asarray(tf.tanh(x))
    if name == "quantized_hswish":
        shift, bound = arguments.get("relu_shift", 3), arguments.get("relu_upper_bound", 6)
        return x * np.clip(x + np.float32(shift), 0, bound).astype(np.float32) / np.float32(bound)
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
    quantizer = read(name, arguments)
    if len(shape) == 1 and ("scale_axis" in arguments or isinstance(arguments.get("alpha"), list)):
        return
    for x in samples(len(str(arguments)), shape):
        reference = of_qkeras(qkeras, name, arguments, x)
        ours = quantizer.quantize(x.astype(np.float64))
        assert np.array_equal(handed_out(name, arguments, x, ours), reference)


@pytest.mark.parametrize("name", ["binary", "stochastic_binary", "ternary", "stochastic_ternary"])
def test_least_squares_scales_are_those_of_qkeras(qkeras, name):
    import tensorflow as tf

    for x in samples(9, (40, 12)):
        reference = np.asarray(getattr(qkeras, name)(alpha="auto")(tf.constant(x)))
        ours = read(name, {"alpha": "auto"}).quantize(x.astype(np.float64))
        # QKeras sums 40 terms in float32 in TensorFlow's order: 40 roundings at most, and
        # the straight-through sum loses bits below the ulp of x.
        assert np.abs(ours - reference).max() <= 40 * 2.0**-24 * np.abs(x).max()


def scalar_alpha(case: tuple[str, dict]) -> bool:
    alpha = case[1].get("alpha")
    return not isinstance(alpha, list | str)


@given(
    x=st.lists(st.floats(-1000, 1000, width=32), min_size=1, max_size=30),
    case=st.sampled_from([c for c in ALL if scalar_alpha(c)]),
)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_values_are_those_of_qkeras_on_any_input(qkeras, x, case):
    name, arguments = case
    values = np.array(x, dtype=np.float32)
    # Where QKeras' float32 logarithm rounds to either side, where 1/2 + x/2 or the hard swish
    # lose x in float32, and where TensorFlow may flush denormal numbers to zero.
    fraction = np.log2(np.maximum(np.abs(values).astype(np.float64), 1e-30)) % 1
    slope = arguments.get("negative_slope") or 1
    tiny = (np.abs(values) * slope < 2e-7) & (values != 0)
    values = np.where((np.abs(fraction - 0.5) < 1e-5) | tiny, np.float32(0.75), values)
    if "sigmoid" in name or "use_sigmoid" in arguments or "hswish" in name:
        values = np.rint(values * 1024) / np.float32(1024)
    if "po2" in name:
        values = np.where(np.abs(fraction) < 1e-5, np.float32(0.75), values)
    reference = of_qkeras(qkeras, name, arguments, values)
    ours = read(name, arguments).quantize(values.astype(np.float64))
    assert np.array_equal(handed_out(name, arguments, values, ours), reference)


WIDTHS, WHOLE, FLAGS = st.integers(2, 12), st.integers(0, 8), st.booleans()
ALPHAS = st.sampled_from([1, 1.0, 0.5, 4.0, 0.3])
SLOPES = st.sampled_from([0.0, 2.0**-7, 0.125, 0.5, 1.0, 2.0])
RANDOM = {
    "quantized_bits": {
        "bits": WIDTHS, "integer": WHOLE, "symmetric": FLAGS, "keep_negative": FLAGS,
        "alpha": ALPHAS, "use_stochastic_rounding": FLAGS,
    },
    "quantized_relu": {
        "bits": WIDTHS, "integer": st.integers(0, 4), "negative_slope": SLOPES,
        "relu_upper_bound": st.sampled_from([0.3, 0.75, 3.0]), "is_quantized_clip": FLAGS,
        "use_sigmoid": FLAGS,
    },
    "quantized_po2": {
        "bits": st.integers(3, 6), "max_value": st.sampled_from([None, 0.3, 1, 2, 5.0]),
        "log2_rounding": st.sampled_from(["rnd", "floor"]), "quadratic_approximation": FLAGS,
    },
    "quantized_relu_po2": {
        "bits": st.integers(3, 5), "max_value": st.sampled_from([None, 0.3, 1, 2, 5.0]),
        "negative_slope": SLOPES, "log2_rounding": st.sampled_from(["rnd", "floor"]),
        "quadratic_approximation": FLAGS,
    },
    "quantized_tanh": {"bits": WIDTHS, "symmetric": FLAGS},
    "quantized_sigmoid": {"bits": WIDTHS, "symmetric": FLAGS},
    "quantized_hswish": {
        "bits": st.integers(2, 8), "integer": WHOLE, "symmetric": FLAGS, "alpha": ALPHAS,
        "relu_shift": st.sampled_from([1, 2, 4]), "relu_upper_bound": st.sampled_from([2, 4, 8]),
    },
    "binary": {"use_01": FLAGS, "alpha": ALPHAS},
    "stochastic_binary": {"alpha": ALPHAS},
    "ternary": {"alpha": ALPHAS, "threshold": st.sampled_from([None, 0.0, 0.3, 2.0])},
    "stochastic_ternary": {"alpha": ALPHAS, "threshold": st.sampled_from([None, 0.5])},
}  # fmt: skip


@given(
    codes=st.lists(st.integers(-(1 << 14), 1 << 14), min_size=1, max_size=30),
    case=st.sampled_from(list(RANDOM)).flatmap(
        lambda name: st.tuples(st.just(name), st.fixed_dictionaries(RANDOM[name]))
    ),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_values_are_those_of_qkeras_for_any_arguments(qkeras, codes, case):
    """On multiples of 2**-10, on which QKeras' float32 is exact up to its straight-through sum."""
    name, arguments = case
    x = np.array(codes, np.float32) / np.float32(1024)
    if "po2" in name:  # powers of two, of which float32 logarithms may be off
        x = np.where(np.frexp(x)[0] == np.copysign(0.5, x), x * np.float32(0.75), x)
    if name == "quantized_relu" and not arguments["is_quantized_clip"]:
        assume(arguments["relu_upper_bound"] < 2.0 ** arguments["integer"] / 2)
    reference = of_qkeras(qkeras, name, arguments, x)
    ours = read(name, arguments).quantize(x.astype(np.float64))
    assert np.array_equal(handed_out(name, arguments, x, ours), reference)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


SMOOTH = [
    ("quantized_tanh", {"bits": 4, "use_real_tanh": True}, np.tanh, 8),
    ("quantized_tanh", {"bits": 8, "use_real_tanh": True, "symmetric": True}, np.tanh, 128),
    (
        "quantized_sigmoid",
        {"bits": 4, "use_real_sigmoid": True},
        lambda x: 1 / (1 + np.exp(-x)),
        16,
    ),
    (
        "quantized_sigmoid",
        {"bits": 8, "use_real_sigmoid": True, "symmetric": True},
        lambda x: 1 / (1 + np.exp(-x)),
        256,
    ),
]


@pytest.mark.parametrize(("name", "arguments", "function", "steps"), SMOOTH)
def test_real_functions_are_exact_where_float32_is(qkeras, name, arguments, function, steps):
    """Within 2e-5 of a step, QKeras' float32 may take the other side of it."""
    x = np.random.default_rng(4).normal(0, 2, 20000).astype(np.float32)
    reference = of_qkeras(qkeras, name, arguments, x)
    ours = read(name, arguments).quantize(x.astype(np.float64))
    sure = np.abs(function(x.astype(np.float64)) * steps % 1 - 0.5) > 2e-5 * steps / 8
    assert np.array_equal(ours[sure], reference[sure])
    assert np.abs(ours - reference).max() <= 1 / steps
    assert sure.mean() > 0.99


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"bits": 4, "integer": 2},
        {"bits": 2},
        {"bits": 1},
        {"bits": 5, "symmetric": 1, "u": 7.0},
    ],
)
def test_the_mu_law_is_off_by_the_rounding_of_its_levels(qkeras, arguments):
    for x in samples(7, (40, 12)):
        reference = of_qkeras(qkeras, "quantized_ulaw", arguments, x)
        ours = read("quantized_ulaw", arguments).quantize(x.astype(np.float64))
        # levels of 18 bits, and QKeras' own in float32, which are less than 1 off in 2**20
        assert np.abs(ours - reference).max() <= 2.0 ** (arguments.get("integer", 0) - 18) * 1.25


@pytest.mark.parametrize("kind", ["quantized_bits", "quantized_po2"])
def test_a_weight_quantizer_without_noise_is_none(kind):
    spec = LayerSpec("fc1", "QDense", {"q": f"{kind}(4,qnoise_factor=0)"})
    assert read_weight_quantizer(spec, "q", fitted=True) is None


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
