"""Figures of a design: whose they are."""

from __future__ import annotations

from converter.report import Fidelity, Report, Source
from dse.dashboard.view import DesignView

ANALYTIC = Source("estimate for vitis", "", Fidelity.ANALYTIC)
CSYNTH = Source("vitis_hls", "2024.1", Fidelity.CSYNTH)


def design(measured):
    estimate = Report(ANALYTIC, lut=100.0, dsp=4.0, latency_cycles=10, clock_period_ns=5.0)
    shares = {"lut": 0.25, "dsp": 0.5}
    return DesignView(1, "measured", "accuracy", 0.9, 0.1, estimate, measured, shares=shares)


def test_without_a_measurement_the_estimate_speaks():
    view = design(None)
    assert view.figures() == {
        "latency_cycles": 10.0,
        "latency_ns": 50.0,
        "lut": 100.0,
        "dsp": 4.0,
        "resources": 0.5,
    }
    assert view.sources()["lut"] == "estimate for vitis (analytic)"


def test_the_measurement_wins_figure_by_figure():
    view = design(Report(CSYNTH, lut=120.0, latency_cycles=12))
    assert view.figures()["lut"] == 120.0
    assert view.figures()["dsp"] == 4.0, "what the tool does not say stays as estimated"
    assert view.sources()["lut"] == "vitis_hls 2024.1 (csynth)"
    assert view.sources()["dsp"] == "estimate for vitis (analytic)"


def test_zero_is_a_figure():
    assert design(Report(CSYNTH, dsp=0.0)).figures()["dsp"] == 0.0
