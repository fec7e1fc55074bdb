"""A run to show: designs measured, failed and estimated."""

from __future__ import annotations

import dataclasses
import random

import pytest

from converter.report import Fidelity, Report, Source
from dse.dashboard.view import DesignView, RunView, StageView

ESTIMATE = Source("estimate for yosys", "", Fidelity.ANALYTIC)
MEASURED = Source("yosys", "0.70", Fidelity.LOGIC_SYNTHESIS)
HOSTILE = "</script><img src=x onerror=\"document.title='broken'\"><script>document.title='broken'"


def make_report(source, lut, dsp, cycles, interval):
    return Report(source, float(lut), float(lut // 2), float(dsp), 2.0, 0.0, cycles, interval, 5.0)


def make_design(number, rng, name="fc1"):
    bits, reuse = rng.choice([4, 6, 8, 10]), rng.choice([1, 2, 4, 8])
    lut, dsp, cycles = 900 * bits * 8 // reuse, 0 if bits < 9 else 640 // reuse, 6 + 2 * reuse
    value = 0.97 - 0.5 * 2 ** (-bits / 1.5) - rng.uniform(0, 0.01)
    state = "failed" if number % 10 == 3 else "estimated" if number % 10 == 7 else "measured"
    estimate = make_report(ESTIMATE, lut, dsp, cycles, reuse)
    measured = make_report(MEASURED, round(lut * rng.uniform(0.8, 1.2)), dsp, cycles, reuse)
    stages = (
        StageView(name, "fc1", "MatVec", "fixed<16,6>", "resource", reuse, estimate),
        StageView("softmax", "softmax", "Softmax", "ufixed<16,0>"),
    )
    return DesignView(
        id=number,
        state=state,
        metric="accuracy",
        value=value,
        loss=1 - value,
        estimate=estimate,
        measured=measured if state == "measured" else None,
        knobs={"weights": bits, "reuse_factor": reuse},
        stages=stages,
        shares={"lut": lut / 1182240, "dsp": dsp / 6840},
        config=f"HLSConfig:\n  Model:\n    ReuseFactor: {reuse}\n  LayerName:\n    {name}: {{}}\n",
        checks={"csim": "passed"},
        failure="the time limit of 600 s passed" if state == "failed" else "",
        digest=f"digest-{number}",
    )


def mark_front(designs):
    def point(d):
        return d.loss, d.figures()["latency_cycles"], d.figures()["lut"]

    measured = [d for d in designs if d.state == "measured"]

    def best(d):
        mine = point(d)
        beaten = any(
            all(a <= b for a, b in zip(point(o), mine, strict=True)) and point(o) != mine
            for o in measured
        )
        return d.state == "measured" and not beaten

    return [dataclasses.replace(d, on_front=best(d)) for d in designs]


@pytest.fixture
def study():
    """(run, designs)."""
    rng = random.Random(1)
    designs = mark_front([make_design(i, rng) for i in range(40)])
    facts = {"Asked for": {"Part": "xcvu9p", "Budget": "5m"}, "Versions": {"Yosys": "0.70"}}
    run = RunView("digits-1", "digits.h5", "xcvu9p", "yosys 0.70", "accuracy", facts=facts)
    return run, designs


@pytest.fixture
def hostile_study():
    """The same with names that try to become tags and code."""
    rng = random.Random(1)
    designs = mark_front([make_design(i, rng, HOSTILE) for i in range(12)])
    designs = [dataclasses.replace(d, knobs={HOSTILE: 1}, failure=HOSTILE) for d in designs]
    facts = {HOSTILE: {HOSTILE: HOSTILE}}
    return RunView(HOSTILE, HOSTILE, HOSTILE, HOSTILE, "accuracy", facts=facts), designs
