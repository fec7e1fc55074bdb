"""The configuration: hls4ml's keys read, written, resolved, and refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.config import (
    DEFAULT_OVERFLOW,
    DEFAULT_ROUNDING,
    PRECISION_KEYS,
    Auto,
    HLSConfig,
    IOType,
    LayerConfig,
    read_config,
    write_config,
)
from converter.errors import ConfigError
from converter.graph import Strategy
from converter.types import Fixed, Overflow, Rounding

# As hls4ml 1.3.0 writes it for a dense layer with softmax (granularity 'name').
OF_HLS4ML = """
OutputDir: my-hls-test
ProjectName: myproject
Backend: Vitis
Version: 1.0.0
Part: xcu250-figd2104-2L-e
ClockPeriod: 5
ClockUncertainty: 27%
IOType: io_parallel
HLSConfig:
  Model:
    Precision: {default: 'fixed<16,6>', maximum: 'fixed<20,8>'}
    ReuseFactor: 1
    Strategy: Latency
    BramFactor: 1000000000
    TraceOutput: false
  LayerName:
    fc1:
      Trace: false
      Precision: {weight: auto, bias: auto, result: auto, accum: auto}
      ReuseFactor: 4
      Strategy: Resource
      Compression: false
    fc1_linear:
      Precision: {result: 'ap_fixed<12,4,AP_TRN,AP_WRAP>'}
    softmax:
      Precision: {exp_table: 'fixed<18,8,RND,SAT>', inv_table: auto, inv_inp: auto}
      Implementation: stable
      exp_table_size: 512
KerasModel: !keras_model 'my-hls-test/keras_model.keras'
InputData: null
OutputPredictions: null
WriterConfig: {Namespace: null, WriteWeightsTxt: true}
"""


def test_a_file_of_hls4ml() -> None:
    config = read_config(OF_HLS4ML)
    assert (config.backend, config.part) == ("Vitis", "xcu250-figd2104-2L-e")
    assert (config.output_dir, config.project_name) == ("my-hls-test", "myproject")
    assert (config.io_type, config.clock_period_ns) == (IOType.PARALLEL, 5.0)
    fc1 = config.resolve("fc1", "Dense")
    assert (fc1.strategy, fc1.reuse_factor) == (Strategy.RESOURCE, 4)
    assert fc1.wanted("weight") == Auto()
    assert fc1.width("weight") == 20  # the maximum's
    assert fc1.wanted("result") == Fixed(12, 4, True, Rounding.TRN, Overflow.WRAP)
    softmax = config.resolve("softmax", "Softmax")
    assert softmax.wanted("exp_table") == Fixed(18, 8, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    assert softmax.wanted("result") == Fixed(16, 6, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    assert softmax.exp_table_size == 512
    assert read_config(write_config(config)) == config


def test_the_dictionary_of_hls4ml_alone() -> None:
    config = read_config({"Model": {"Precision": "fixed<8,3>", "ReuseFactor": 2}})
    assert config.model.default_precision == Fixed(8, 3, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    assert config.model.reuse_factor == 2


def test_streams_and_positions_at_once() -> None:
    config = read_config(
        "IOType: io_stream\nHLSConfig: {Model: {}, LayerName: {c: {ParallelizationFactor: 4}}}"
    )
    assert config.io_type is IOType.STREAM
    assert config.resolve("c", "Conv2D").parallelization_factor == 4
    assert "ParallelizationFactor" not in write_config(HLSConfig())


def test_a_file_by_path_and_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("HLSConfig: {Model: {ReuseFactor: 3}}")
    assert read_config(path) == read_config(str(path)) == HLSConfig(LayerConfig(reuse_factor=3))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"c\.yml: not UTF-8 text"):
        read_config(path)
    with pytest.raises(ConfigError, match=r"gone\.yml: cannot read: No such file"):
        read_config(tmp_path / "gone.yml")


def test_modes_that_are_spelt_are_honoured_and_others_round_and_saturate() -> None:
    config = read_config(
        {"Model": {"Precision": {"weight": "fixed<8,3>", "bias": "fixed<8,3,TRN>"}}}
    )
    assert config.model.wanted("weight") == Fixed(8, 3, True, Rounding.RND, Overflow.SAT)
    assert config.model.wanted("bias") == Fixed(8, 3, True, Rounding.TRN, Overflow.SAT)


def test_the_closest_setting_wins() -> None:
    config = HLSConfig(
        model=LayerConfig(reuse_factor=2, precision={"weight": Auto(9), "bias": Auto(9)}),
        layer_types={"Dense": {"reuse_factor": 4, "precision": {"weight": Auto(8)}}},
        layers={"fc*": {"table_size": 7}, "fc1": {"precision": {"result": Auto(5)}}},
    )
    got = config.resolve("fc1", "Dense")
    assert got.reuse_factor == 4
    assert got.precision == {"weight": Auto(8), "bias": Auto(9), "result": Auto(5)}
    assert got.table_size == 7
    assert config.resolve("other").reuse_factor == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "configuration: must be a mapping with the key HLSConfig; got None"),
        ("- 1\n- 2", "must be a mapping with the key HLSConfig; got [1, 2]"),
        ("a: [1", "configuration: not YAML"),
        ("{" * 9000, "configuration: nested too deeply"),
        ("a: !!python/object/apply:os.system [ls]", "not YAML: could not determine a constructor"),
        ("a: 2001-99-99", "not YAML"),
        ("HLSConfig: {Model: {}, Model: {}}", "the key Model stands twice"),
        ("HLSConfg: {}", "unknown key HLSConfg; did you mean HLSConfig?"),
        (
            "IOType: io_serial",
            "IOType 'io_serial' is not supported; there are: io_parallel, io_stream",
        ),
        ("ClockPeriod: fast", "ClockPeriod must be a number; got 'fast'"),
        ("ClockPeriod: -1", "ClockPeriod=-1.0 must be in nanoseconds, above 0"),
        ("Part: [x]", "Part must be text; got ['x']"),
        ("AcceleratorConfig: {}", "AcceleratorConfig={} is not supported; leave it out: there are"),
        ("MaximumSize: 64", "MaximumSize=64 is not supported; leave it out, or give 4096"),
        ("HLSConfig: {Flows: [a]}", "HLSConfig: Flows=['a'] is not supported"),
        ("HLSConfig: {Model: {BramFactor: 10}}", "Model: BramFactor=10 is not supported"),
        ("HLSConfig: {Model: {PipelineStyle: dataflow}}", "PipelineStyle='dataflow' is not"),
        ("HLSConfig: {Model: {Precison: auto}}", "unknown key Precison; did you mean Precision?"),
        ("HLSConfig: {Model: {Strategy: Unrolled}}", "Model: Strategy 'Unrolled' is not supported"),
        ("HLSConfig: {Model: {Precision: 16}}", "Model: Precision must be a mapping; got 16"),
        ("HLSConfig: {Model: {Precision: auto<0>}}", "auto<0>: the width must be in 1..1024"),
        (
            "HLSConfig: {Model: {Precision: float}}",
            "Model: Precision: 'float' is not a fixed-point",
        ),
        ("HLSConfig: {LayerName: {fc1: {ReuseFactor: 0}}}", "fc1: ReuseFactor must be a whole"),
        ("HLSConfig: {LayerName: {fc1: {ReuseFactor: true}}}", "of at least 1; got True"),
        ("HLSConfig: {LayerName: {fc1: {Precision: {wieght: auto}}}}", "did you mean weight?"),
        ("HLSConfig: {LayerName: {fc1: {Precision: {inv_inp: 'fixed<9,3>'}}}}", "leave it auto"),
        (
            "HLSConfig: {LayerName: {fc1: {Precision: {maximum: auto}}}}",
            "unknown precision maximum",
        ),
        (
            "HLSConfig: {LayerName: {fc1: {Skip: true}}}",
            "LayerName fc1: Skip=True is not supported",
        ),
        ("HLSConfig: {LayerName: {fc1: {Implementation: legacy}}}", "give stable"),
        ("HLSConfig: {LayerName: [fc1]}", "LayerName must be a mapping; got ['fc1']"),
        ("HLSConfig: {LayerType: {Dense: 3}}", "LayerType Dense must be a mapping; got 3"),
        ("? [a]\n: 1", "a key must be a word; got ['a']"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_config(text + "\n")


def test_a_document_that_unfolds_is_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(ConfigError, match="a configuration has at most 100000 entries"):
        read_config("\n".join(lines))


def test_a_document_that_holds_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="at most 100000 entries"):
        read_config("HLSConfig: &a\n  Model: *a\n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LayerConfig(reuse_factor=0), "reuse_factor=0 must be a whole number"),
        (lambda: LayerConfig(table_size=True), "table_size=True must be a whole number"),
        (lambda: LayerConfig(strategy="latency"), "strategy='latency' must be one of"),
        (lambda: HLSConfig(layers={"a": {"strategy": None}}), "a: strategy=None must be one of"),
        (
            lambda: LayerConfig(precision={"bias": "auto"}),
            "bias must be a Fixed or Auto; got 'auto'",
        ),
        (lambda: LayerConfig(default_precision=None), "result must be a Fixed or Auto; got None"),
        (lambda: LayerConfig(precision={"weights": Auto()}), "unknown key weights; did you mean"),
        (
            lambda: HLSConfig(layers={"a": {"reuse": 2}}),
            "a: unknown key reuse; did you mean reuse_f",
        ),
        (lambda: HLSConfig(layers={"a": {"precision": 3}}), "precision=3 must be a mapping"),
        (lambda: HLSConfig(clock_period_ns=0), "must be in nanoseconds, above 0"),
    ],
)
def test_a_wrong_configuration_cannot_be_made(make: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()  # type: ignore[operator]


def precisions() -> st.SearchStrategy[Fixed | Auto]:
    fixed = st.builds(
        Fixed,
        st.integers(1, 64),
        st.integers(-5, 70),
        st.just(True),
        st.sampled_from(Rounding),
        st.sampled_from(Overflow),
    )
    return fixed | st.builds(Auto, st.none() | st.integers(1, 64))


SIZES = st.integers(1, 4096)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.dictionaries(st.sampled_from(PRECISION_KEYS), precisions()),
        "strategy": st.sampled_from(Strategy),
        "reuse_factor": SIZES,
        "parallelization_factor": SIZES,
        "table_size": SIZES,
        "exp_table_size": SIZES,
        "inv_table_size": SIZES,
    },
)


@given(
    config=st.builds(
        HLSConfig,
        model=st.builds(
            LayerConfig,
            precision=st.dictionaries(st.sampled_from(PRECISION_KEYS), precisions()),
            default_precision=precisions().filter(lambda p: p != Auto()),
            maximum=st.none() | st.just(Fixed(9, 3)),
            strategy=st.sampled_from(Strategy),
            reuse_factor=SIZES,
            parallelization_factor=SIZES,
            table_size=st.none() | SIZES,
        ),
        layers=st.dictionaries(st.text(min_size=1), SETTINGS, max_size=3),
        layer_types=st.dictionaries(st.sampled_from(["Dense", "QDense"]), SETTINGS),
        io_type=st.sampled_from(IOType),
        clock_period_ns=st.floats(0.5, 100),
        part=st.none() | st.text(),
        output_dir=st.none() | st.text(),
    )
)
def test_what_is_written_reads_back(config: HLSConfig) -> None:
    assert read_config(write_config(config) + "\n") == config
