"""From a model in real numbers to integers: types, exactness, forks, names, hardware."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import converter
from converter.config import Auto, HLSConfig, LayerConfig, read_config, write_config
from converter.emulate import emulate_codes, quantize_inputs, run
from converter.errors import ConfigError, DataError, ModelError
from converter.forward import forward
from converter.graph import (
    Implementation,
    ModelGraph,
    Node,
    Strategy,
    TypedGraph,
    frozen_array,
)
from converter.layers.activation import Function, Linear, Relu
from converter.layers.base import Layer, Range
from converter.layers.batchnorm import BatchNormalization
from converter.layers.dense import Dense
from converter.layers.functions import Kind
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.quantized import QuantizedActivation
from converter.layers.quantizers import Alpha
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Ternary
from converter.layers.quantizers_uniform import QuantizedBits, QuantizedRelu
from converter.layers.reshape import Flatten
from converter.layers.softmax import Softmax
from converter.pipeline import apply, measure_ranges
from converter.resolved import resolved_config
from converter.types import Fixed, Overflow, Rounding
from converter.units.affine import Affine
from converter.units.curve import Curve
from converter.units.matvec import MatVec
from converter.units.reindex import Reindex
from converter.units.requantize import Requantize
from converter.units.sliding import Sliding

RNG = np.random.default_rng(1)


def rounding(width: int, integer: int, signed: bool = True) -> Fixed:
    return Fixed(width, integer, signed, Rounding.RND, Overflow.SAT)


def dense(n_in: int, n_out: int, **quantizers: object) -> Dense:
    kernel = frozen_array(RNG.normal(0, n_in**-0.5, (n_in, n_out)))
    bias = frozen_array(RNG.normal(0, 0.1, n_out))
    return Dense(kernel, bias, **quantizers)  # type: ignore[arg-type]


def chain(*layers: Layer, shape: tuple[int, ...] = (16,), outputs: str = "") -> ModelGraph:
    """Layers one after the other, named l1, l2, … behind the input x."""
    nodes = [Node("x", Input(shape), (), shape)]
    for i, layer in enumerate(layers, 1):
        shape = layer.infer_shape([shape])
        nodes.append(Node(f"l{i}", layer, (nodes[-1].name,), shape))
    return ModelGraph("chain", tuple(nodes), (outputs or nodes[-1].name,))


def mlp() -> ModelGraph:
    return chain(dense(16, 32), Relu(), dense(32, 8), Relu(), dense(8, 5), Softmax())


def data(rows: int = 500, size: int = 16) -> np.ndarray:
    return RNG.normal(0, 1, (rows, size))


def on_grid(rows: int = 500, size: int = 16) -> np.ndarray:
    """Inputs on the grid of fixed<16,6>."""
    t = rounding(16, 6)
    return t.to_float(t.from_float(RNG.normal(0, 3, (rows, size))))


def check_bounds(typed: TypedGraph, x: np.ndarray) -> None:
    for name, codes in run(typed, quantize_inputs(typed, x)).items():
        edge = typed.edges[name]
        assert (codes >= edge.bounds.lo).all(), name
        assert (codes <= edge.bounds.hi).all(), name
        assert edge.bounds.lo.min() >= edge.type.code_min, name
        assert edge.bounds.hi.max() <= edge.type.code_max, name


def test_a_dense_network_by_default() -> None:
    graph, x = mlp(), data()
    typed = apply(graph, ranges=measure_ranges(graph, x))
    assert [s.name for s in typed.stages] == ["l1", "l2", "l3", "l4", "l5_acc", "l5", "l6"]
    assert {s.layer for s in typed.stages} == {"l1", "l2", "l3", "l4", "l5", "l6"}
    assert typed.edges["l2"].type.width == 16
    assert not typed.edges["l2"].type.signed
    exact = forward(graph, x)["l6"]
    got = converter.emulate(typed, x)
    assert np.abs(got - exact).max() < 2**-8
    check_bounds(typed, x)


def test_the_rectifier_is_in_the_conversion_of_the_exact_sum() -> None:
    typed = apply(chain(dense(16, 4), Relu()))
    product, rectifier = (s.unit for s in typed.stages)
    assert isinstance(product, MatVec)
    assert isinstance(rectifier, Requantize)
    assert rectifier.input_type == product.accum_type
    assert rectifier.relu is not None
    assert rectifier.relu.plain


def test_a_type_for_a_sum_comes_before_the_rectifier() -> None:
    config = HLSConfig(layers={"l1": {"precision": {"result": rounding(8, 3)}}})
    typed = apply(chain(dense(16, 4), Relu()), config)
    assert [s.name for s in typed.stages] == ["l1_acc", "l1", "l2"]
    assert typed.edges["l1"].type == rounding(8, 3)


@pytest.mark.parametrize("width", [4, 8, 12, 24, 40])
def test_auto_of_a_width_holds_everywhere(width: int) -> None:
    graph, x = mlp(), data()
    config = HLSConfig(model=LayerConfig(default_precision=Auto(width)))
    typed = apply(graph, config, measure_ranges(graph, x))
    assert all(typed.edges[n].type.width <= width for n in ("x", "l2", "l4", "l5", "l6"))
    assert all(t["weight"].width <= width for t in typed.types.values() if "weight" in t)
    check_bounds(typed, x)


def test_wide_types_agree_with_the_float_model() -> None:
    """fixed<32,16>-like types: each layer adds at most its own rounding, times the gain."""
    graph, x = mlp(), data()
    config = HLSConfig(model=LayerConfig(default_precision=Auto(32)))
    typed = apply(graph, config, measure_ranges(graph, x))
    exact = forward(graph, x)
    codes = run(typed, quantize_inputs(typed, x))
    for name in ("l2", "l4", "l5"):
        error = np.abs(typed.edges[name].type.to_float(codes[name]) - exact[name]).max()
        # inputs and constants are within 2**-28, sums have up to 32 terms and gains of up to 8
        assert error < 2**-20, name
    assert np.abs(typed.edges["l6"].type.to_float(codes["l6"]) - exact["l6"]).max() < 2**-9


def test_constants_are_rounded_and_never_floored() -> None:
    kernel = frozen_array([[0.3, -0.0001, 0.7499999, -1.0]])
    typed = apply(chain(Dense(kernel), shape=(1,)))
    (unit,) = (s.unit for s in typed.stages if isinstance(s.unit, MatVec))
    error = unit.weight_type.to_float(unit.weights) - kernel
    assert np.abs(error).max() <= unit.weight_type.lsb / 2
    assert unit.weight_type == rounding(16, 1)


def test_types_of_the_configuration_are_taken_as_they_are() -> None:
    config = HLSConfig(model=LayerConfig(default_precision=rounding(16, 6)))
    typed = apply(mlp(), config)
    assert all(typed.edges[f"l{i}"].type == rounding(16, 6) for i in range(1, 7))
    assert typed.types["l1"]["weight"] == rounding(16, 6)
    assert typed.edges["x"].type == rounding(16, 6)


@given(
    kernel=st.lists(st.lists(st.floats(-4, 4, width=16), min_size=3, max_size=3), min_size=1),
    bias=st.lists(st.floats(-100, 100, width=16), min_size=3, max_size=3),
    signed=st.booleans(),
)
@settings(deadline=None)
def test_no_accumulator_overflows(
    kernel: list[list[float]], bias: list[float], signed: bool
) -> None:
    """Adversarial inputs: each at the end of its range that drives a sum up, or down."""
    layer = Dense(frozen_array(kernel), frozen_array(bias))
    t = rounding(8, 3, signed)
    config = HLSConfig(layers={"x": {"precision": {"result": t}}})
    typed = apply(chain(layer, shape=(len(kernel),)), config)
    unit = typed.stages[0].unit
    assert isinstance(unit, MatVec)
    accum = unit.accum_type
    for j in range(3):
        for sign in (1, -1):
            x = np.where(unit.weights[:, j] * sign > 0, t.code_max, t.code_min)
            terms = [
                int(a) * int(w) << unit.shift for a, w in zip(x, unit.weights[:, j], strict=True)
            ]
            terms.append(int(unit.bias[j]))
            for order in (sorted(terms), sorted(terms, reverse=True), terms):
                partial = np.cumsum(np.array(order, dtype=object))
                assert accum.code_min <= min(partial)
                assert max(partial) <= accum.code_max
            assert unit.emulate(x[np.newaxis])[0, j] == sum(terms)


def test_an_accumulator_is_no_wider_than_its_sums() -> None:
    config = HLSConfig(layers={"x": {"precision": {"result": Fixed(8, 8)}}})
    typed = apply(chain(Dense(frozen_array([[1.0], [1.0]])), shape=(2,)), config)
    assert typed.types["l1"]["accum"] == Fixed(9, 9)


def test_a_narrow_accumulator_is_refused_with_the_exact_one() -> None:
    config = HLSConfig(layers={"l1": {"precision": {"accum": Fixed(16, 6)}}})
    message = r"l1: accum=fixed<16,6> would overflow or lose bits; the exact .* is fixed<\d+,\d+>"
    with pytest.raises(ConfigError, match=message):
        apply(mlp(), config)


def test_a_wide_accumulator_is_honoured() -> None:
    config, graph, x = (
        HLSConfig(layers={"l1": {"precision": {"accum": Fixed(60, 20)}}}),
        mlp(),
        data(),
    )
    typed = apply(graph, config)
    assert typed.edges["l1"].type == Fixed(60, 20)
    assert np.array_equal(converter.emulate(typed, x), converter.emulate(apply(graph), x))


def test_data_narrow_a_result_and_saturate_it() -> None:
    graph = chain(dense(16, 4))
    typed = apply(graph, ranges={"x": Range(-1, 1), "l1": Range(-0.5, 0.49)})
    assert typed.edges["l1"].type == rounding(16, 0)
    assert np.abs(converter.emulate(typed, np.ones((1, 16)))).max() <= 0.5


def test_a_result_that_is_exact_in_fewer_bits_has_no_more() -> None:
    layer = Dense(frozen_array([[1.0], [-1.0]]))
    config = HLSConfig(layers={"x": {"precision": {"result": rounding(4, 4)}}})
    typed = apply(chain(layer, shape=(2,)), config)
    assert typed.edges["l1"].type.width == 5
    assert len(typed.stages) == 1


@pytest.mark.parametrize(
    "relu",
    [
        Relu(),
        Relu(max_value=6.0),
        Relu(negative_slope=0.25),
        Relu(negative_slope=0.3),
        Relu(threshold=1.0),
        Relu(max_value=2.0, negative_slope=0.125, threshold=0.5),
        Relu(max_value=0.3, negative_slope=1.0, threshold=0.1),
        Relu(max_value=1.0, threshold=1.0),
    ],
)
def test_every_argument_of_a_rectifier(relu: Relu) -> None:
    graph, x = chain(relu, shape=(4,)), on_grid(1000, 4)
    x[0] = [0.0, relu.threshold, relu.max_value or 0.0, -relu.threshold]
    typed = apply(graph)
    expected = forward(graph, typed.edges["x"].type.to_float(quantize_inputs(typed, x)["x"]))["l1"]
    step = typed.edges["l1"].type.lsb
    # half a step of rounding; a slope of 18 bits adds at most 2**-19 of 32
    assert np.abs(converter.emulate(typed, x) - expected).max() <= step / 2 + 2**-13
    check_bounds(typed, x)


@pytest.mark.parametrize("kind", list(Kind))
def test_functions_by_table(kind: Kind) -> None:
    graph, x = chain(dense(16, 8), Function(kind)), data()
    typed = apply(graph, ranges=measure_ranges(graph, x))
    assert [s.name for s in typed.stages] == ["l1", "l2"]
    assert np.abs(converter.emulate(typed, x) - forward(graph, x)["l2"]).max() < 2**-6
    check_bounds(typed, x)


def test_the_table_of_the_configuration() -> None:
    config = HLSConfig(
        layers={"l1": {"precision": {"table": rounding(6, 0, False)}, "table_size": 64}}
    )
    typed = apply(chain(Function(Kind.SIGMOID), shape=(3,)), config)
    unit = typed["l1"].unit
    assert isinstance(unit, Curve)
    assert (unit.fraction - unit.lift, unit.pieces) == (6, 62)
    assert 0 <= unit.values.min() < unit.values.max() < 1 << 6
    assert resolved_digest(chain(Function(Kind.SIGMOID), shape=(3,)), typed)


def test_a_table_of_levels_where_the_result_has_few() -> None:
    config = HLSConfig(
        layers={"l1": {"precision": {"table": rounding(6, 0, False), "result": rounding(4, 0)}}}
    )
    typed = apply(chain(Function(Kind.SIGMOID), shape=(3,)), config)
    assert typed.edges["l1_table"].type == rounding(6, 0, False)
    assert resolved_digest(chain(Function(Kind.SIGMOID), shape=(3,)), typed)


def resolved_digest(graph: ModelGraph, typed: TypedGraph) -> bool:
    """Whether the configuration with every type written out gives the same, in a file too."""
    config = resolved_config(typed)
    again = read_config(write_config(config))
    assert again == config
    both = apply(graph, config), apply(graph, again)
    return all(t.digest() == typed.digest() and t.hardware == typed.hardware for t in both)


BITS = QuantizedBits(4, 0)
QUANTIZED = [
    [QuantizedBits(6, 1), QuantizedRelu(6, 1), Ternary(), QuantizedRelu(4, 0)],
    [QuantizedBits(4, 4), QuantizedActivation(QuantizedBits(5, 2, symmetric=True)).quantizer,
     QuantizedBits(3, 0, alpha=Alpha.AUTO_PO2), Binary()],
    [Binary(), Ternary(), PowerOfTwo(-6, 1), PowerOfTwo(-4, 2)],
    [QuantizedBits(4, 0, alpha=Alpha.AUTO_PO2), QuantizedRelu(5, 2, negative_slope=0.25), Binary(),
     QuantizedRelu(6, 3, upper_bound=6.0)],
    [QuantizedBits(5, 0, alpha=0.5), PowerOfTwo(-4, 2, rectified=True), Ternary(alpha=0.5),
     QuantizedBits(1, 0, keep_negative=False)],
]  # fmt: skip


@pytest.mark.parametrize("quantizers", QUANTIZED)
def test_quantised_networks_are_exact(quantizers: list) -> None:
    """Every edge equals the quantised model in real numbers: all values are on grids."""
    k1, a1, k2, a2 = quantizers
    graph = chain(
        dense(16, 12, kernel_quantizer=k1, bias_quantizer=BITS),
        QuantizedActivation(a1),
        dense(12, 6, kernel_quantizer=k2, bias_quantizer=BITS),
        QuantizedActivation(a2),
        dense(6, 3, kernel_quantizer=k1, bias_quantizer=BITS),
    )
    config = HLSConfig(layers={"x": {"precision": {"result": rounding(16, 6)}}})
    typed, x = apply(graph, config), on_grid()
    exact, codes = forward(graph, x), run(typed, quantize_inputs(typed, x))
    for name in ("l1", "l2", "l3", "l4", "l5"):
        assert np.array_equal(typed.edges[name].type.to_float(codes[name]), exact[name]), name
    check_bounds(typed, x)
    assert resolved_digest(graph, typed)


def test_a_quantizer_is_closer_than_the_default_of_the_model() -> None:
    graph = chain(QuantizedActivation(QuantizedRelu(6, 0)))
    config = HLSConfig(model=LayerConfig(default_precision=rounding(16, 6)))
    assert apply(graph, config).edges["l1"].type.width == 6
    own = HLSConfig(layers={"l1": {"precision": {"result": rounding(9, 3)}}})
    typed = apply(graph, own)
    assert [e.type.width for e in typed.edges.values()] == [16, 6, 9]


def test_a_real_scale_is_a_factor_behind_the_product() -> None:
    quantizer = QuantizedBits(4, 0, alpha=Alpha.AUTO)
    graph = chain(dense(16, 5, kernel_quantizer=quantizer, bias_quantizer=BITS))
    typed, x = apply(graph), on_grid()
    units = [s.unit for s in typed.stages]
    assert [type(u).__name__ for u in units] == ["MatVec", "Affine", "Requantize"]
    assert isinstance(units[1], Affine)
    assert units[1].scale_type.width == 18
    error = np.abs(converter.emulate(typed, x) - forward(graph, x)["l1"])
    assert error.max() <= typed.edges["l1"].type.lsb / 2 + 2**-11
    assert resolved_digest(graph, typed)


def test_a_type_that_loses_a_quantised_kernel_is_refused() -> None:
    graph = chain(dense(16, 5, kernel_quantizer=QuantizedBits(6, 0)))
    config = HLSConfig(layers={"l1": {"precision": {"weight": rounding(3, 1)}}})
    message = (
        r"l1: weight=fixed<3,1,RND,SAT> does not hold the values that the model's quantizer "
        r"gives; they need fixed<6,1,RND,SAT>"
    )
    with pytest.raises(ConfigError, match=message):
        apply(graph, config)


@pytest.mark.parametrize(
    "graph",
    [
        mlp(),
        chain(dense(16, 8), BatchNormalization(np.ones(8) * 1.1, np.ones(8) * 0.3), Relu()),
        chain(BatchNormalization(np.ones(16) * 1.1, np.ones(16) * 0.3), dense(16, 8)),
        chain(dense(16, 4), Function(Kind.TANH), dense(4, 4), Function(Kind.SIGMOID)),
        chain(Relu(negative_slope=0.3, max_value=4.0)),
    ],
    ids=["mlp", "fused", "norm", "functions", "relu"],
)
def test_the_resolved_configuration_gives_the_same_design(graph: ModelGraph) -> None:
    typed = apply(graph, ranges=measure_ranges(graph, data()))
    assert resolved_digest(graph, typed)


def test_the_resolved_configuration_keeps_the_hardware() -> None:
    graph = mlp()
    typed = apply(graph).with_hardware({"l1": Implementation(Strategy.RESOURCE, 4)})
    assert resolved_config(typed).layers["l1"]["reuse_factor"] == 4
    assert resolved_digest(graph, typed)


def test_a_fork_reads_one_exact_result() -> None:
    first, second, third = dense(16, 8), dense(8, 3), dense(8, 4)
    nodes = (
        Node("x", Input((16,)), (), (16,)),
        Node("a", first, ("x",), (8,)),
        Node("r", Relu(), ("a",), (8,)),
        Node("b", second, ("a",), (3,)),
        Node("c", third, ("r",), (4,)),
    )
    graph = ModelGraph("fork", nodes, ("b", "c"))
    x = data()
    typed = apply(graph, ranges=measure_ranges(graph, x))
    assert typed.edges["a"].type.width == 16  # two readers: it is rounded, for both
    codes = emulate_codes(typed, quantize_inputs(typed, x))
    exact = forward(graph, x)
    for name in ("b", "c"):
        got = typed.edges[name].type.to_float(codes[name])
        assert np.abs(got - exact[name]).max() < 2**-9
    with pytest.raises(DataError, match="fork has the outputs b, c; use emulate_codes"):
        converter.emulate(typed, x)


def test_an_inner_output_keeps_its_rounding() -> None:
    graph = chain(dense(16, 8), Relu())
    graph = ModelGraph("two", graph.nodes, ("l1", "l2"))
    typed = apply(graph)
    assert typed.outputs == ("l1", "l2")
    assert typed.edges["l1"].type.width == 16


def test_names_of_inner_stages_stay_clear_of_layers() -> None:
    graph = chain(dense(16, 4), dense(4, 4))
    nodes = (graph.nodes[0], Node("l1_acc", graph.nodes[1].layer, ("x",), (4,)))
    nodes += (Node("l1", graph.nodes[2].layer, ("l1_acc",), (4,)),)
    typed = apply(ModelGraph("clash", nodes, ("l1",)))
    names = [s.name for s in typed.stages]
    assert names == ["l1_acc_acc", "l1_acc", "l1_acc_", "l1"]
    for before, after in pairwise(typed.stages):
        assert after.inputs == (before.name,)
    assert set(names) | {"x"} == set(typed.edges)


def test_flatten_and_dropout_leave_no_stage() -> None:
    graph = chain(Flatten(), Identity(), dense(16, 3), Linear(), shape=(1, 16))
    typed = apply(graph)
    assert [s.layer for s in typed.stages] == ["l3", "l3"]
    assert typed.outputs == ("l3",)
    x = RNG.normal(0, 1, (10, 1, 16))
    assert converter.emulate(typed, x).shape == (10, 3)


@pytest.mark.parametrize("layers", [(Identity(),), (Linear(), Identity()), (Flatten(),)])
def test_a_model_that_computes_nothing_copies(layers: tuple[Layer, ...]) -> None:
    graph, x = chain(*layers, shape=(2, 3)), RNG.normal(0, 1, (5, 2, 3))
    typed = apply(graph)
    got = converter.emulate(typed, x)
    assert got.shape == forward(graph, x)[graph.outputs[0]].shape
    assert np.array_equal(
        got.ravel(), rounding(16, 6).to_float(rounding(16, 6).from_float(x)).ravel()
    )
    assert len(typed.stages) == 1


def test_softmax_over_a_tensor_is_one_at_each_position() -> None:
    graph = chain(Softmax(), shape=(2, 3))
    typed = apply(graph)
    assert [type(s.unit) for s in typed.stages] == [Sliding]
    assert resolved_digest(graph, typed)
    x = RNG.normal(0, 2, (20, 2, 3))
    sums = converter.emulate(typed, x).sum(axis=2)
    assert np.abs(sums - 1).max() < 2**-9


def test_softmax_over_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match=r"axis=\[3\] must name axes of the input other than"):
        Softmax((3,)).infer_shape([(2, 3)])
    with pytest.raises(ModelError, match=r"1 to 2 for the shape \(2, 3\)"):
        Softmax((0,)).infer_shape([(2, 3)])


@pytest.mark.parametrize(
    ("key", "wanted", "message"),
    [
        ("exp_table", rounding(40, 1), "must round .* with 1 to 24 bits of fraction"),
        ("exp_table", Auto(40), "exp_table=auto<40> must round"),
        ("inv_table", Fixed(18, 1, False), "inv_table=ufixed<18,1> must round"),
        ("exp_table", rounding(18, 0, False), "hold values from 0 to 1"),
        ("accum", rounding(18, 1), "accum=fixed<18,1,RND,SAT> would overflow"),
    ],
)
def test_tables_that_softmax_cannot_have(key: str, wanted: Fixed | Auto, message: str) -> None:
    config = HLSConfig(layers={"l1": {"precision": {key: wanted}}})
    with pytest.raises(ConfigError, match=f"l1: .*{message}"):
        apply(chain(Softmax(), shape=(5,)), config)


def test_hardware_of_the_configuration() -> None:
    config = HLSConfig(
        model=LayerConfig(strategy=Strategy.RESOURCE, reuse_factor=4),
        layers={"l5": {"reuse_factor": 8}},
    )
    typed = apply(mlp(), config)
    resource = Strategy.RESOURCE
    assert typed.hardware == {
        "l1": Implementation(resource, 4),
        "l3": Implementation(resource, 4),
        "l5_acc": Implementation(resource, 8),
    }


def test_hardware_never_changes_a_bit() -> None:
    graph = mlp()
    shared = HLSConfig(model=LayerConfig(strategy=Strategy.RESOURCE, reuse_factor=4))
    assert apply(graph, shared).digest() == apply(graph).digest()


def test_an_illegal_reuse_factor_names_layer_and_neighbours() -> None:
    config = HLSConfig(layers={"l1": {"reuse_factor": 7, "strategy": Strategy.RESOURCE}})
    with pytest.raises(ConfigError, match=r"l1: reuse_factor=7 is not legal .* nearby: 4, 8"):
        apply(mlp(), config)


def test_factors_of_a_normalisation_are_not_shared() -> None:
    graph = chain(BatchNormalization(np.ones(16), np.ones(16)), dense(16, 4))
    with pytest.raises(ConfigError, match="l1: ReuseFactor=4, but the factors of a batch"):
        apply(graph, HLSConfig(model=LayerConfig(reuse_factor=4, strategy=Strategy.RESOURCE)))


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"LayerName L1: the model has no .* did you mean l1\?"):
        apply(mlp(), HLSConfig(layers={"L1": {}}))
    with pytest.raises(ConfigError, match=r"LayerType Dens: .* did you mean Dense\?"):
        apply(mlp(), HLSConfig(layer_types={"Dens": {}}))


def test_constants_beyond_64_bits() -> None:
    """Products of 40-bit weights and 40-bit inputs, against fractions."""
    layer, t = dense(3, 2), rounding(40, 4)
    config = HLSConfig(
        model=LayerConfig(default_precision=t),
        layers={"l1": {"precision": {"result": Fixed(90, 10)}}},
    )
    typed, x = apply(chain(layer, shape=(3,)), config), data(5, 3)
    (got,) = emulate_codes(typed, quantize_inputs(typed, x)).values()
    assert layer.bias is not None
    weights, bias, inputs = (t.from_float(v) for v in (layer.kernel, layer.bias, x))
    for row, codes in zip(inputs, got, strict=True):
        for j in (0, 1):
            exact = sum(int(a) * int(w) for a, w in zip(row, weights[:, j], strict=True))
            exact += int(bias[j]) << 36
            assert Fraction(int(codes[j]), 2**80) == Fraction(exact, 2**72)


def test_data_of_the_wrong_kind() -> None:
    typed = apply(mlp())
    for wrong in (np.zeros((3, 15)), np.zeros(16), np.zeros((0, 16)), np.array(3.0)):
        with pytest.raises(DataError, match=r"input x must be numbers, \(rows, 16\); got float64"):
            converter.emulate(typed, wrong)
    with pytest.raises(DataError, match="input x must be numbers"):
        converter.emulate(typed, np.full((2, 16), "a"))
    with pytest.raises(DataError, match="input x has NaN or infinite values"):
        converter.emulate(typed, np.full((2, 16), np.nan))
    with pytest.raises(DataError, match="inputs needed: x; got: y"):
        converter.emulate(typed, {"y": np.zeros((2, 16))})


def test_batches_do_not_matter() -> None:
    typed, x = apply(mlp()), data(9000)
    whole = converter.emulate(typed, x)
    assert np.array_equal(whole[4000:4100], converter.emulate(typed, x[4000:4100]))
    assert np.array_equal(whole[:1], converter.emulate(typed, x[:1]))


def test_data_of_zeros_tell_nothing_of_an_input() -> None:
    graph = mlp()
    typed = apply(graph, ranges=measure_ranges(graph, np.zeros((3, 16))))
    assert typed.edges["x"].type == rounding(16, 6)
    check_bounds(typed, data())


def test_ranges_of_a_merged_layer_are_those_of_its_output() -> None:
    norm = BatchNormalization(np.full(8, 64.0), np.zeros(8))
    graph, x = chain(dense(16, 8), norm), data()
    typed = apply(graph, ranges=measure_ranges(graph, x))
    assert [s.layer for s in typed.stages] == ["l1", "l1"]
    exact = forward(graph, x)["l2"]
    got = converter.emulate(typed, x)
    assert np.abs(got - exact).max() < 2 * typed.edges["l1"].type.lsb
    assert typed.edges["l1"].type.max < 4 * np.abs(exact).max()


@pytest.mark.parametrize("overflow", [Overflow.WRAP, Overflow.SAT_ZERO, Overflow.WRAP_SM])
def test_bounds_hold_where_a_probability_of_one_overflows(overflow: Overflow) -> None:
    t = Fixed(8, 1, True, Rounding.RND, overflow)
    graph = chain(Softmax(), shape=(3,))
    typed = apply(graph, HLSConfig(layers={"l1": {"precision": {"result": t}}}))
    x = np.array([[30.0, -30.0, -30.0], [1.0, 2.0, 3.0]])
    check_bounds(typed, x)
    assert converter.emulate(typed, x)[0, 0] != 1.0


def test_wide_kernels_are_shifted_without_loss() -> None:
    """A bias of far more fraction bits than the products: all is exact in Python's integers."""
    layer = Dense(frozen_array([[1.0, -1.0]]), frozen_array([2.0**-80, 3.0]))
    config = HLSConfig(
        layers={
            "x": {"precision": {"result": Fixed(8, 4)}},
            "l1": {"precision": {"bias": Fixed(90, 4), "result": Fixed(100, 10)}},
        }
    )
    typed = apply(chain(layer, shape=(1,)), config)
    (codes,) = emulate_codes(typed, quantize_inputs(typed, [[1.5], [-2.0]])).values()
    values = [[Fraction(int(c), 2**90) for c in row] for row in codes]
    tiny = Fraction(1, 2**80)
    assert values == [[Fraction(3, 2) + tiny, Fraction(3, 2)], [tiny - 2, Fraction(5)]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(256.0), rounding(8, 8, False)),
        (np.arange(-8, 8) / 16, rounding(4, 0)),
        (np.arange(17.0) / 16, rounding(5, 1, False)),
        (np.array([0.0, 64.0, 192.0]), rounding(2, 8, False)),
        (np.array([0.1, 0.9]), rounding(16, 0, False)),
    ],
)
def test_inputs_on_a_coarse_grid_have_no_more_bits(values: np.ndarray, expected: Fixed) -> None:
    graph = chain(dense(1, 2), shape=(1,))
    typed = apply(graph, ranges=measure_ranges(graph, values[:, np.newaxis]))
    assert typed.edges["x"].type == expected


def test_a_flatten_that_joins_beats_is_wires() -> None:
    graph = chain(Flatten(), dense(16, 3), shape=(4, 4))
    typed = apply(graph)
    assert [(s.name, type(s.unit)) for s in typed.stages][:1] == [("l1", Reindex)]
    assert typed.edges["l1"].shape == (16,)
    x = RNG.normal(0, 1, (10, 4, 4))
    straight = apply(chain(dense(16, 3), shape=(16,)))
    assert converter.emulate(typed, x).shape == (10, 3)
    assert len(typed.stages) == len(straight.stages) + 1


def test_a_normalisation_of_its_own_shares_nothing() -> None:
    graph = chain(BatchNormalization(np.full(4, 1.25), np.ones(4)), shape=(4,))
    with pytest.raises(ConfigError, match="l1: ReuseFactor=4, but the factors of a batch norm"):
        apply(graph, HLSConfig(model=LayerConfig(reuse_factor=4)))
