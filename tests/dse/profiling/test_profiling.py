"""``dse profile`` and ``dse compare``: figures by hand, pictures, pages, bad calls."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import converter
from converter.config import Auto, HLSConfig, LayerConfig
from converter.graph import ModelGraph, Node, frozen_array
from converter.layers.activation import Relu
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.pipeline import measure_ranges
from converter.types import Fixed, Overflow, Rounding
from dse.cli import main
from dse.profiling.compare import compare
from dse.profiling.draw import draw_comparison, draw_profile, png, svg
from dse.profiling.nodes import network
from dse.profiling.page import comparison_page, profile_page
from dse.profiling.ranges import profile, suggest

DIGITS = Path(__file__).parents[3] / "examples" / "digits"
CALL = ["--model", str(DIGITS / "digits.h5"), "--data", str(DIGITS / "digits.npz")]
SATURATING = (Rounding.RND, Overflow.SAT)
HOSTILE = "<img src=x onerror=alert(1)>$\\frac$"


def two_layers(name: str = "fc"):
    """x -> 2 x + 0.25 and -x -> relu, with a result of fc that has halves only."""
    dense = Dense(frozen_array([[2.0, -1.0]]), frozen_array([0.25, 0.0]))
    nodes = (
        Node("x", Input((1,)), (), (1,)),
        Node(name, dense, ("x",), (2,)),
        Node("relu", Relu(), (name,), (2,)),
    )
    return ModelGraph("m", nodes, ("relu",))


def typed_with(graph: ModelGraph, **layers):
    config = HLSConfig(LayerConfig(), layers={n: {"precision": p} for n, p in layers.items()})
    x = np.array([[1.0], [-0.5], [0.25], [0.0]])
    found = network(graph, converter.apply(graph, config, measure_ranges(graph, x)), config)
    return found, x


def test_the_error_that_a_layer_adds_is_told_from_what_reaches_it():
    halves = Fixed(8, 7, True, *SATURATING)
    found, x = typed_with(two_layers(), fc={"result": halves})
    layers = {layer.layer: layer for layer in compare(found, x).layers}
    # fc is 2.25 -0.75 0.75 0.25 and -1 0.5 -0.25 0; rounded to halves, upwards at ties:
    # 2.5 -0.5 1 0.5 and -1 0.5 0 0: each error is 0.25 in 5 of 8
    rms = np.sqrt(np.mean(np.square([2.25, -0.75, 0.75, 0.25, -1, 0.5, -0.25, 0])))
    assert layers["fc"].own == layers["fc"].relative == np.sqrt(5 / 8) * 0.25 / rms
    assert layers["fc"].largest == 0.25
    assert layers["relu"].own == 0
    assert layers["relu"].relative > 0
    assert compare(found, x).offenders[0].layer == "fc"


def test_figures_of_a_tensor():
    found, x = typed_with(two_layers(), fc={"result": Fixed(4, 2, True, *SATURATING)})
    tensors = {(t.layer, t.key): t for t in profile(found, x).tensors}
    result = tensors["fc", "result"]
    assert (result.lo, result.hi, result.size) == (-1.0, 2.25, 8)
    assert result.zeros == 1 / 8
    assert result.clipped == 1 / 8  # 2.25 above 1.75
    assert result.lost == 0
    assert result.quantiles == (0.25, 0.375, 0.75, 0.875, 2.25)
    weight = tensors["fc", "weight"]
    assert (weight.lo, weight.hi, weight.loss) == (-1.0, 2.0, 0.0)
    assert tensors["fc", "bias"].hi == 0.25


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=50),
    st.sampled_from([0.3, 0.01, 1e-4]),
)
def test_a_suggested_type_keeps_its_promise_and_none_narrower_covering_type_does(values, tolerance):
    found = np.array(values, dtype=np.float64)
    t = suggest(found, tolerance)
    scale = np.sqrt(np.mean(found**2))
    if t is None:  # values too far apart in size
        assert np.abs(found[found != 0]).min() < scale * 2**-10
        return
    error = t.to_float(t.from_float(found)) - found
    assert np.sqrt(np.mean(error**2)) <= tolerance * (scale or 1) * (1 + 1e-12)  # float sums


def test_the_network_has_every_layer_with_an_edge():
    found, _ = typed_with(two_layers())
    assert [node.name for node in found.own] == ["x", "fc", "relu"]


def test_fixed_point_values_in_wide_types_are_the_float_ones():
    graph = two_layers()
    config = HLSConfig(LayerConfig(default_precision=Auto(40)))
    x = np.arange(-8, 8)[:, np.newaxis] / 8
    found = network(graph, converter.apply(graph, config, measure_ranges(graph, x)), config)
    assert all(layer.relative == 0 for layer in compare(found, x).layers)


def test_pictures_are_the_same_each_time_and_names_are_no_markup():
    found, x = typed_with(two_layers(HOSTILE))
    first, second = profile(found, x), profile(found, x)
    assert svg(draw_profile(first, "outputs")) == svg(draw_profile(second, "outputs"))
    assert png(draw_profile(first, "parameters"))[1:4] == b"PNG"
    assert "<img src=x" not in svg(draw_comparison(compare(found, x)))
    page = profile_page(first) + comparison_page(compare(found, x))
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_profile_as_a_user_calls_it(tmp_path, capsys):
    assert main(["profile", *CALL, "--out", str(tmp_path / "p")]) == 0
    text = capsys.readouterr().out
    assert "fc1 weight" in text
    assert "page: " in text
    names = {path.name for path in (tmp_path / "p").iterdir()}
    pictures = {f"{k}.{e}" for k in ("outputs", "parameters") for e in ("svg", "png")}
    assert names == {"profile.html", *pictures}


def test_compare_as_json(capsys):
    assert main(["compare", *CALL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    own = [layer["own"] for layer in document["layers"]]
    assert own == sorted(own, reverse=True)
    assert {layer["layer"] for layer in document["layers"]} >= {"fc1", "scores_softmax"}
    assert document["rows"] == 719
    bounds = {layer["layer"]: layer["bound"] for layer in document["layers"]}
    assert 0 < bounds["scores_softmax"] < 0.01
    assert bounds["fc1"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tolerance", "0"], "--tolerance 0.0: must be between 0 and 1"),
        (["--tolerance", "2"], "--tolerance 2.0: must be between 0 and 1"),
    ],
)
def test_bad_calls(words, message, capsys):
    assert main(["profile", *CALL, *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_not_empty_is_kept(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert main(["compare", *CALL, "--out", str(tmp_path)]) != 0
    assert str(tmp_path) in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
