"""Conformance: a framework's own inference against ours, in real numbers and in bits.

A family of layers writes its cases as a literal table, ``CASES: dict[str, dict[str, Case]]``.
The cases of one group become one model, each a branch with inputs and an output of its own, so
that one file is written and one program is compiled for all of them::

    CASES = {
        "conv1d": {
            "causal": case((9, 3), lambda k, x: k.layers.Conv1D(4, 3, padding="causal")(x)),
            ...
        },
    }

    @pytest.mark.parametrize("group", CASES)
    def test_conv(framework, group, tmp_path):
        conform(framework, CASES[group], tmp_path)

``framework`` (a fixture, ``conftest.py``) is Keras 2 and then Keras 3, each under its marker and
skipped in the other's environment. ``conform`` compares, in this order,

- ``check_float``: ``converter.forward`` with the framework's outputs, to 1e-5 of their scale;
- ``check_wide``: emulation in types of 48 bits with the framework's outputs, to 1e-5, or to
  a case's own ``tolerance`` where a table has a stated error;
- ``check_bits``: emulation in narrow types with csim and with the Verilog, in io_parallel and
  io_stream, with equality, and the cycles of the Verilog with the plan; under Keras 2 only,
  unless it is asked for, since the bits do not depend on the file.

The Verilog runs in Icarus, by the generated test bench, for some rows, the last third of them with
random gaps and back-pressure; Verilator must find nothing to complain of.

A test of QKeras or HGQ, or of a model of its own, calls ``save_model`` and these three. Weights and
inputs are random by fixed seeds; inputs are multiples of 2**-8, which every wide type holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from rtl_check import TARGET, check_in_icarus

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.config import Auto, HLSConfig, LayerConfig
from converter.csim import csim
from converter.emulate import emulate_codes, quantize_inputs
from converter.forward import forward
from converter.graph import IOType, ModelGraph, TypedGraph
from converter.layers.base import Range
from converter.schedule import schedule
from converter.types import Codes

ROWS = 24
RTL_ROWS = range(3, 10)
RTL_WORK = 2_000_000
"""Bits of additions times cycles for which an event-driven simulator takes some seconds."""
TOLERANCE = 1e-5
WIDE = HLSConfig(model=LayerConfig({"scale": Auto(40)}, Auto(48)))
NARROW = HLSConfig(model=LayerConfig(default_precision=Auto(8)))
BOTH = (IOType.PARALLEL, IOType.STREAM)

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def steps(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiples of 2**-8 in [-2, 2)."""
    return rng.integers(-512, 512, shape) / 256


def whole(below: int) -> Draw:
    """Whole numbers of [0, below), such as indices of words."""
    return lambda rng, shape: rng.integers(0, below, shape).astype(float)


@dataclass(frozen=True)
class Case:
    """``build(keras, *tensors)`` gives one tensor for inputs of the shapes ``inputs``.

    ``generations``: of Keras, that have such a layer. ``tolerance``: of wide types.
    """

    inputs: tuple[tuple[int, ...], ...]
    build: Callable[..., Any]
    draw: Draw = steps
    tolerance: float = TOLERANCE
    generations: tuple[int, ...] = (2, 3)


def case(shape: Any, build: Callable[..., Any], **options: Any) -> Case:
    """A case of one input of ``shape``, or of several for a list of shapes."""
    shapes = tuple(shape) if isinstance(shape, list) else (shape,)
    return Case(shapes, build, **options)


@dataclass(frozen=True)
class Saved:
    """A model's file, inputs by name, and the framework's outputs in the model's order."""

    path: Path
    x: Mapping[str, np.ndarray]
    y: tuple[np.ndarray, ...]
    names: tuple[str, ...] = ()


def generation(keras: ModuleType) -> int:
    """2 or 3."""
    return int(keras.__version__.split(".")[0])


def conform(
    keras: ModuleType,
    cases: Mapping[str, Case],
    folder: Path,
    *,
    seed: int = 0,
    config: HLSConfig | None = None,
    io_types: Sequence[IOType] = BOTH,
    bits: bool | None = None,
) -> None:
    """All three checks of the cases as one model. ``bits`` None: under Keras 2."""
    cases = {n: c for n, c in cases.items() if generation(keras) in c.generations}
    if not cases:
        pytest.skip(f"no such layer in Keras {generation(keras)}")
    saved = save(keras, cases, folder, seed)
    graph = converter.load(saved.path)
    check_float(graph, saved.x, saved.y, names=saved.names)
    check_wide(graph, saved.x, saved.y, [c.tolerance for c in cases.values()], saved.names)
    if generation(keras) == 2 if bits is None else bits:
        check_bits(graph, saved.x, config or NARROW, io_types, saved.names)


def save(keras: ModuleType, cases: Mapping[str, Case], folder: Path, seed: int = 0) -> Saved:
    """One model of all cases, with random weights, and its outputs for random inputs."""
    keras.backend.clear_session()
    inputs, outputs, rng, x = [], [], np.random.default_rng(seed), {}
    for name, one in cases.items():
        tensors = [keras.Input(shape, name=f"{name}_x{k}") for k, shape in enumerate(one.inputs)]
        x |= {t.name: one.draw(rng, (ROWS, *s)) for t, s in zip(tensors, one.inputs, strict=True)}
        inputs += tensors
        outputs.append(one.build(keras, *tensors))
    model = keras.Model(inputs, outputs, name="cases")
    shake(model, seed)
    return replace(save_model(keras, model, folder, x), names=tuple(cases))


def save_model(
    keras: ModuleType, model: Any, folder: Path, x: Mapping[str, np.ndarray] | np.ndarray
) -> Saved:
    """The model's file (.h5 of Keras 2, .keras of Keras 3) and its own outputs for ``x``."""
    path = folder / ("model.h5" if generation(keras) == 2 else "model.keras")
    model.save(path, **({"include_optimizer": False} if path.suffix == ".h5" else {}))
    if not isinstance(x, Mapping):
        x = {model.inputs[0].name.split(":")[0]: x}
    given = [np.float32(value) for value in x.values()]
    y = model(given if len(given) > 1 else given[0], training=False)
    outputs = y if isinstance(y, list | tuple) else [y]
    return Saved(path, dict(x), tuple(o.numpy().astype(np.float64) for o in outputs))


def shake(model: Any, seed: int = 0) -> None:
    """Weights that look trained: of both signs, none of them small; variances above 0."""
    rng = np.random.default_rng(seed)
    weights = []
    for variable in model.weights:
        values = rng.uniform(0.2, 1.0, variable.shape)
        sign = 1 if "variance" in variable.name else rng.choice([-1, 1], variable.shape)
        weights.append(values * sign)
    model.set_weights(weights)


def check_float(
    graph: ModelGraph, x: Any, y: Any, tolerance: float = TOLERANCE, names: Sequence[str] = ()
) -> None:
    """``forward`` gives the framework's outputs, which are float32: relative to their scale."""
    values = forward(graph, x)
    ours = [values[name] for name in graph.outputs]
    _close("forward", ours, y, tolerance, names or graph.outputs)


def check_wide(
    graph: ModelGraph,
    x: Any,
    y: Any,
    tolerance: float | Sequence[float] = TOLERANCE,
    names: Sequence[str] = (),
    config: HLSConfig = WIDE,
) -> None:
    """Emulation in wide types gives the framework's outputs."""
    typed = converter.apply(graph, config, input_ranges(graph, x))
    codes = emulate_codes(typed, dict(quantize_inputs(typed, x)))
    edges = [typed.edges[name] for name in typed.outputs]
    ours = [e.type.to_float(codes[e.name]).reshape(-1, *e.shape) for e in edges]
    _close("emulation in wide types", ours, y, tolerance, names or graph.outputs)


def check_bits(
    graph: ModelGraph,
    x: Any,
    config: HLSConfig | None = None,
    io_types: Sequence[IOType] = BOTH,
    names: Sequence[str] = (),
) -> None:
    """Emulation, csim and Verilog give the same codes, for the inputs ``x`` and for drawn ones."""
    typed = converter.apply(graph, config or NARROW, input_ranges(graph, x))
    check_csim(typed, x, io_types, names)


def check_csim(
    typed: TypedGraph, x: Any = None, io_types: Sequence[IOType] = BOTH, names: Sequence[str] = ()
) -> None:
    """The same for integers that are there already; ``x`` None: drawn inputs alone."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    codes = drawn_codes(typed, ROWS)
    if x is not None:
        given = quantize_inputs(typed, x)
        codes = {n: np.concatenate([given[n].astype(c.dtype), c]) for n, c in codes.items()}
    expected = emulate_codes(typed, dict(codes))
    for io_type in io_types:
        got = csim(replace(typed, io_type=io_type), codes)
        for output, name in zip(typed.outputs, names or typed.outputs, strict=True):
            same = expected[output].astype(object) == got[output].astype(object)
            assert same.all(), (
                f"{name}, {io_type.value}: csim differs from emulation in {(~same).sum()} of "
                f"{same.size} codes; first at {np.argwhere(~same)[0].tolist()}"
            )
        check_verilog(replace(typed, io_type=io_type), codes)


def check_verilog(typed: TypedGraph, codes: Mapping[str, Codes]) -> None:
    """The Verilog of as many rows as it has time for, from both ends; none where Icarus is not
    here, which ``test_harness`` then tells.
    """
    if shutil.which("iverilog"):
        plan = schedule(typed, TARGET)
        work = plan.interval_cycles * sum(f.adder_bits + f.mux_bits for f in plan.facts)
        rows = min(max(RTL_WORK // max(work, 1), RTL_ROWS[0]), RTL_ROWS[-1])
        first, last = rows // 2, rows - rows // 2
        some = {n: np.concatenate([c[:first], c[-last:]]) for n, c in codes.items()}
        check_in_icarus(typed, some)


def input_ranges(graph: ModelGraph, x: Any) -> dict[str, Range]:
    """What the inputs hold; layers are left to what could occur."""
    values = x if isinstance(x, Mapping) else {graph.inputs[0]: x}
    return {n: Range(float(v.min()), float(v.max()), 8) for n, v in values.items()}


def _close(what: str, ours: Any, theirs: Any, tolerance: Any, names: Sequence[str]) -> None:
    theirs = [theirs] if isinstance(theirs, np.ndarray) else list(theirs)
    bounds = tolerance if isinstance(tolerance, Sequence) else [tolerance] * len(theirs)
    for name, a, b, bound in zip(names, ours, theirs, bounds, strict=True):
        assert a.shape == b.shape, f"{name}: {what} gives {a.shape}, the framework {b.shape}"
        error = np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)
        assert error <= bound, (
            f"{name}: {what} is off by {error:.2e} of the largest output; allowed: {bound:.0e}"
        )
