"""Which design is measured next, and when there is nothing more to measure."""

from dataclasses import replace

import pytest

from converter.graph import Implementation, Strategy
from converter.parts import find_part
from converter.report import Fidelity, Report, Source
from dse.front import find_front, measured_design
from dse.records import Candidate, Design, Setting
from dse.shortlist import Pace, Shortlist

PART = find_part("xc7z020")
OBJECTIVES = ("accuracy", "latency", "resources")
SOURCE = Source("test", "1", Fidelity.ANALYTIC)


def figures(latency, lut):
    return {
        "latency_cycles": float(latency), "interval_cycles": 1.0, "lut": float(lut), "ff": lut / 2,
        "dsp": 0.0, "bram_18k": 0.0, "uram": 0.0, "resources": lut / PART.lut,
    }  # fmt: skip


def candidate(latency, lut, factor=1):
    return Candidate({"fc": Implementation(Strategy.RESOURCE, factor)}, figures(latency, lut))


def setting(number, loss, *candidates):
    return Setting(number, {"w": number}, f"d{number}", 1 - loss, loss, candidates=candidates)


def report(values):
    names = ("lut", "ff", "dsp", "bram_18k", "uram")
    cycles = {n: int(values[n]) for n in ("latency_cycles", "interval_cycles")}
    return Report(SOURCE, **{n: values[n] for n in names}, **cycles)


def measure(designs, setting_, chosen, scale=1.0):
    estimate = report(chosen.figures)
    measured = replace(estimate, lut=estimate.lut * scale, ff=estimate.ff * scale)
    designs[len(designs)] = Design(len(designs), setting_, chosen.choices, estimate, measured)


def test_every_point_of_the_front_is_measured_and_then_there_is_nothing_left():
    shortlist, designs = Shortlist(OBJECTIVES, PART, 2), {}
    settings = {
        0: setting(0, 0.1, candidate(10, 9000), candidate(40, 2000, 4)),
        1: setting(1, 0.3, candidate(8, 4000), candidate(60, 30000, 2)),  # the second is dominated
    }
    for one in settings.values():
        shortlist.add(one)
    measured = []
    while (entry := shortlist.next(settings, designs, Pace()).entry) is not None:
        measured.append((entry.setting, entry.candidate.figures["lut"]))
        measure(designs, entry.setting, entry.candidate)
    assert {(0, 9000.0), (0, 2000.0), (1, 4000.0)} <= set(measured)
    assert len(measured) == len(set(measured))
    assert (1, 30000.0) not in measured


def test_equal_arithmetic_is_one_design_whatever_its_knobs():
    shortlist, designs = Shortlist(OBJECTIVES, PART, 1), {}
    one = setting(0, 0.1, candidate(10, 9000))
    same = replace(one, number=1, values={"w": 9})
    settings = {0: one, 1: same}
    for each in settings.values():
        shortlist.add(each)
    entry = shortlist.next(settings, designs, Pace()).entry
    measure(designs, entry.setting, entry.candidate)
    assert shortlist.next(settings, designs, Pace()).entry is None


def test_a_setting_that_gains_nothing_says_so():
    shortlist = Shortlist(OBJECTIVES, PART, 1)
    assert shortlist.add(setting(0, 0.1, candidate(10, 9000)))
    assert not shortlist.add(setting(1, 0.2, candidate(20, 9500)))
    assert not shortlist.add(Setting(2, {"w": 2}, failure="cannot be built"))
    assert shortlist.add(setting(3, 0.05, candidate(5, 100)))


def test_volume_grows_with_better_designs_and_counts_only_measured_ones():
    shortlist, designs = Shortlist(OBJECTIVES, PART, 1), {}
    settings = {0: setting(0, 0.1, candidate(10, 9000), candidate(40, 2000, 4))}
    shortlist.add(settings[0])
    assert shortlist.volume(settings, designs) == 0
    measure(designs, 0, settings[0].candidates[0])
    first = shortlist.volume(settings, designs)
    designs[1] = Design(1, 0, settings[0].candidates[1].choices, report(figures(40, 2000)))
    assert shortlist.volume(settings, designs) == first
    designs[1] = replace(designs[1], measured=designs[1].estimate)
    assert shortlist.volume(settings, designs) > first > 0


def test_the_front_holds_what_no_other_dominates_and_fills_gaps_from_the_estimate():
    one = setting(0, 0.1, candidate(10, 9000), candidate(40, 2000, 4), candidate(50, 9500, 8))
    designs = {}
    for chosen in one.candidates:
        measure(designs, 0, chosen, scale=2.0)
    designs[1] = replace(designs[1], measured=replace(designs[1].measured, latency_cycles=None))
    known = [measured_design(d, one, PART) for d in designs.values()]
    front = find_front(known, OBJECTIVES)
    assert sorted(m.design.number for m in front) == [0, 1]
    assert known[1].figures["latency_cycles"] == 40
    assert known[1].figures["lut"] == 4000
    assert known[1].figures["resources"] == pytest.approx(4000 / PART.lut)


def test_no_synthesis_is_started_that_would_end_too_late():
    shortlist, designs = Shortlist(OBJECTIVES, PART, 1), {}
    settings = {0: setting(0, 0.1, candidate(10, 9000), candidate(40, 2000, 4))}
    shortlist.add(settings[0])
    pace = Pace(fixed_s=1.0, per_kilo_lut_s=1.0)  # 10 s and 3 s
    entry = shortlist.next(settings, designs, pace, left_s=5.0).entry
    assert entry.candidate.figures["lut"] == 2000
    measure(designs, entry.setting, entry.candidate)
    after = shortlist.next(settings, designs, pace, left_s=5.0)
    assert after.entry is None
    assert after.late


def test_pace_is_learnt_from_what_was_timed():
    one = setting(0, 0.1, candidate(10, 9000))
    designs = {}
    measure(designs, 0, one.candidates[0])
    designs[0] = replace(designs[0], seconds=28.0)
    learnt = Pace(5.0, 1.0).learn(designs.values())
    assert learnt.seconds(9000) == pytest.approx(28.0)
    assert learnt.seconds(0) == pytest.approx(10.0)
