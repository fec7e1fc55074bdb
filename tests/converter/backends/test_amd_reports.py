"""Report readers on reports of our own making, whole and damaged."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.backends import amd_reports
from converter.backends.amd import text as amd_text
from converter.backends.amd.cosim import Verdict, read_cosim, read_transactions
from converter.backends.amd.csynth_rpt import read_csynth_rpt, read_summary, stage_of
from converter.backends.amd.csynth_xml import read_csynth_xml
from converter.backends.amd.implementation import (
    read_hierarchy,
    read_power,
    read_timing,
    read_utilization,
)
from converter.backends.base import Tool
from converter.errors import ToolError
from converter.report import Fidelity, Report, Source

VERSIONS = ("2018.3", "2019.2", "2020.1", "2021.1", "2022.2", "2023.2", "2024.1")
TOOL = Tool("vitis", "vitis_hls", "2023.2", "/x/vitis_hls")


def _writer() -> ModuleType:
    path = Path(__file__).parents[2] / "fake_tools" / "reports.py"
    spec = importlib.util.spec_from_file_location("fake_reports", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_reports"] = module
    spec.loader.exec_module(module)
    return module


WRITER = _writer()
Figures = WRITER.Figures
MODULES = (
    Figures("matvec_fc1_s", 300, 200, 3, 0, 4, 1),
    Figures("relu_act_s", 400, 300, 2, 3, 6, 2),
)
TOP = Figures("net", 1000, 800, 5, 3, 14, 2)


def design(version: str = "2023.2", **values: Any) -> Any:
    return replace(WRITER.Design(TOP, MODULES, version), **values)


def areas(report: Report) -> tuple[float | None, ...]:
    return report.lut, report.ff, report.dsp, report.bram_18k, report.uram


def put(folder: Path, body: str | bytes, name: str = "report") -> Path:
    path = folder / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_csynth_xml(tmp_path: Path, version: str) -> None:
    report = read_csynth_xml(put(tmp_path, WRITER.csynth_xml(design(version))), "vitis_hls")
    assert report == Report(
        Source("vitis_hls", version, Fidelity.CSYNTH),
        lut=1000,
        ff=800,
        dsp=5,
        bram_18k=3,
        uram=0,
        latency_cycles=14,
        interval_cycles=2,
        clock_period_ns=5.0,
        critical_path_ns=3.5,
    )


def xml(tmp_path: Path, old: str = "", new: str = "", **values: Any) -> Report:
    body = WRITER.csynth_xml(design(**values))
    assert not old or body.count(old) == 1
    return read_csynth_xml(put(tmp_path, body.replace(old, new) if old else body), "vitis_hls")


def test_missed_clock_makes_the_clock_longer(tmp_path: Path) -> None:
    report = xml(tmp_path, estimated_ns=6.25)
    assert (report.clock_period_ns, report.critical_path_ns) == (6.25, 6.25)
    assert report.notes == ("the clock of 5 ns is missed: 6.25 ns are estimated",)


def test_latency_that_depends_on_the_data(tmp_path: Path) -> None:
    ranged = xml(tmp_path, top=replace(TOP, latency_best=9))
    assert ranged.latency_cycles == 14
    assert ranged.notes == ("latency is 9 to 14 cycles",)
    unknown = xml(
        tmp_path,
        "<Worst-caseLatency>14</Worst-caseLatency>",
        "<Worst-caseLatency>undef</Worst-caseLatency>",
    )
    assert unknown.latency_cycles is None
    assert unknown.lut == 1000
    assert unknown.notes == ("latency is not known to the tool: it depends on the data",)
    nested = "<Interval-max><range><min>1</min><max>9</max></range></Interval-max>"
    assert xml(tmp_path, "<Interval-max>2</Interval-max>", nested).interval_cycles == 9
    none = "<Interval-max>4294967295</Interval-max>"
    assert xml(tmp_path, "<Interval-max>2</Interval-max>", none).interval_cycles is None


def test_old_family_without_uram(tmp_path: Path) -> None:
    body = WRITER.csynth_xml(design()).replace("<URAM>0</URAM>\n", "")
    assert read_csynth_xml(put(tmp_path, body), "vitis_hls").uram == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<LUT>1000</LUT>", "", "Resources has no figure LUT"),
        (
            "<LUT>1000</LUT>",
            "<LUT>many</LUT>",
            "LUT must be a number, zero or more; it says 'many'",
        ),
        ("<LUT>1000</LUT>", "<LUT>-3</LUT>", "LUT must be a number, zero or more; it says '-3'"),
        ("<LUT>1000</LUT>", "<LUT>nan</LUT>", "LUT must be a number"),
        ("<LUT>1000</LUT>", "<LUT></LUT>", "LUT is empty"),
        ("<DSP>5</DSP>", "", "Resources has no figure DSP or DSP48E"),
        ("<Worst-caseLatency>14</Worst-caseLatency>", "", "Worst-caseLatency is missing"),
        ("<Interval-max>2</Interval-max>", "", "Interval-max is missing"),
        ("<Version>2023.2</Version>", "", "ReportVersion/Version is missing"),
        ("Period>5.00<", "Period>0<", "TargetClockPeriod must be more than 0"),
        ("<profile>", "<!DOCTYPE a><profile>", r"a document type \(a\) has no place in a report"),
        ("</profile>", "", "this is not whole XML"),
        ("<Resources>", "<Resource>", "this is not whole XML"),
    ],
)
def test_damaged_xml_names_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        xml(tmp_path, old, new)
    assert str(caught.value).startswith(str(tmp_path / "report"))


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "ha">{levels}]><profile>&e9;</profile>'
    for body in (bomb.encode(), bomb.encode("utf-16")):
        with pytest.raises(ToolError, match=r"document type|not whole XML"):
            read_csynth_xml(put(tmp_path, body), "vitis_hls")


def test_other_xml_and_no_xml(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="the root must be <profile>; it is <svg>"):
        read_csynth_xml(put(tmp_path, "<svg/>"), "vitis_hls")
    with pytest.raises(ToolError, match="not whole XML"):
        read_csynth_xml(put(tmp_path, b"\x00\xff\xfe garbage"), "vitis_hls")


READERS: dict[str, tuple[Callable[[Any], str], Callable[[Path], Any]]] = {
    "csynth.xml": (WRITER.csynth_xml, lambda p: read_csynth_xml(p, "t")),
    "csynth.rpt": (WRITER.csynth_rpt, lambda p: read_csynth_rpt(p, "t")),
    "summary": (WRITER.summary_rpt, lambda p: read_summary(p, "t")),
    "cosim": (WRITER.cosim_rpt, read_cosim),
    "transactions": (WRITER.transactions, read_transactions),
    "utilization": (WRITER.utilization_rpt, read_utilization),
    "hierarchy": (WRITER.hierarchy_rpt, read_hierarchy),
    "timing": (lambda d: WRITER.timing_rpt(d, 0.5), read_timing),
    "power": (WRITER.power_rpt, read_power),
}


@pytest.mark.parametrize("name", READERS)
def test_missing_empty_and_oversized_files(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, read = READERS[name]
    with pytest.raises(ToolError, match="no report can be read here: No such file"):
        read(tmp_path / "nothing")
    with pytest.raises(ToolError, match="the report is empty; the tool did not finish it"):
        read(put(tmp_path, "\n\n"))
    monkeypatch.setattr(amd_text, "SIZE_LIMIT_BYTES", 10)
    with pytest.raises(ToolError, match="bytes are too many for a report"):
        read(put(tmp_path, "x" * 11))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("version", ["2019.2", "2023.2"])
def test_a_report_cut_anywhere_is_refused_or_read_in_full(
    tmp_path: Path, name: str, version: str
) -> None:
    """Never a figure from half a report: wherever it is cut, an error, or all of it."""
    write, read = READERS[name]
    body = write(design(version))
    whole = read(put(tmp_path, body))
    for cut in range(1, len(body), max(1, len(body) // 60)):
        try:
            found = read(put(tmp_path, body[:cut]))
        except ToolError as error:
            assert str(error).startswith(str(tmp_path / "report"))  # noqa: PT017
            continue
        if name == "transactions":  # a list of lines: whole lines are what is there
            assert found == whole[: len(found)]
        else:
            assert found == whole


@pytest.mark.parametrize("version", VERSIONS)
def test_csynth_rpt(tmp_path: Path, version: str) -> None:
    report = read_csynth_rpt(put(tmp_path, WRITER.csynth_rpt(design(version))), "vivado_hls")
    assert report.source == Source("vivado_hls", version, Fidelity.CSYNTH)
    assert areas(report) == (1000, 800, 5, 3, 0)
    assert (report.latency_cycles, report.interval_cycles) == (14, 2)
    assert (report.clock_period_ns, report.critical_path_ns) == (5.0, 3.5)
    assert list(report.stages) == ["matvec_fc1_s", "relu_act_s"]
    relu = report.stages["relu_act_s"]
    assert areas(relu) == (400, 300, 2, 3, 0)
    assert (relu.latency_cycles, relu.interval_cycles) == (6, 2)


def test_csynth_rpt_without_instances(tmp_path: Path) -> None:
    path = put(tmp_path, WRITER.csynth_rpt(design(modules=())))
    report = read_csynth_rpt(path, "vitis_hls")
    assert report.stages == {}
    assert report.lut == 1000


def test_two_instances_of_a_module(tmp_path: Path) -> None:
    twice = (MODULES[0], replace(MODULES[0], latency=9))
    path = put(tmp_path, WRITER.csynth_rpt(design(modules=twice)))
    stage = read_csynth_rpt(path, "vitis_hls").stages["matvec_fc1_s"]
    assert areas(stage) == (600, 400, 6, 0, 0)
    assert stage.latency_cycles == 9


def test_instance_without_area(tmp_path: Path) -> None:
    body = WRITER.csynth_rpt(design())
    lines = body.splitlines()
    kept = [line for line in lines if not ("relu_act_s|" in line and "300" in line)]
    assert len(kept) == len(lines) - 1
    stages = read_csynth_rpt(put(tmp_path, "\n".join(kept)), "vitis_hls").stages
    assert areas(stages["relu_act_s"]) == (0, 0, 0, 0, 0)
    assert stages["relu_act_s"].latency_cycles == 6


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "== Performance Estimates",
            "== Other",
            "'Performance Estimates/Timing/Summary' is missing",
        ),
        ("== Utilization Estimates", "== Other", "'Utilization Estimates/Summary' is missing"),
        ("* Version: ", "* Edition: ", r"the line '\* Version:' is missing"),
        ("3.500 ns", "3.500 us", "the clock's Estimated must be in ns; it says '3.500 us'"),
        ("1000|", "10 00|", "LUT must be a number"),
    ],
)
def test_damaged_csynth_rpt(tmp_path: Path, old: str, new: str, message: str) -> None:
    body = WRITER.csynth_rpt(design())
    assert body.count(old) == 1
    with pytest.raises(ToolError, match=message):
        read_csynth_rpt(put(tmp_path, body.replace(old, new)), "vitis_hls")


def test_torn_table(tmp_path: Path) -> None:
    body = WRITER.csynth_rpt(design()).replace("|         -|", "|", 1)
    with pytest.raises(ToolError, match="is torn: its rows differ in length"):
        read_csynth_rpt(put(tmp_path, body), "vitis_hls")


def test_summary(tmp_path: Path) -> None:
    top, fc1, _ = read_summary(put(tmp_path, WRITER.summary_rpt(design())), "vitis_hls")
    assert (top.name, top.depth, top.loop, top.dataflow, top.slack_ns) == (
        "net",
        0,
        False,
        False,
        0.15,
    )
    assert (fc1.name, fc1.depth) == ("matvec_fc1_s", 1)
    assert areas(fc1.report) == (300, 200, 3, 0, 0)
    assert (fc1.report.latency_cycles, fc1.report.interval_cycles) == (4, 1)


@pytest.mark.parametrize("version", ["2019.2", "2023.2"])
def test_cosim(tmp_path: Path, version: str) -> None:
    passed = read_cosim(put(tmp_path, WRITER.cosim_rpt(design(version))))
    assert (passed.language, passed.verdict) == ("Verilog", Verdict.PASS)
    assert (passed.latency_max, passed.interval_max) == (14, 2)
    failed = read_cosim(put(tmp_path, WRITER.cosim_rpt(design(version), "Fail")))
    assert failed.verdict is Verdict.FAIL
    assert failed.latency_max is None
    with pytest.raises(ToolError, match="the status must be Pass, Fail or NA; it says 'Maybe'"):
        read_cosim(put(tmp_path, WRITER.cosim_rpt(design(version), "Maybe")))


def test_transactions(tmp_path: Path) -> None:
    found = read_transactions(put(tmp_path, WRITER.transactions(design())))
    assert [(t.latency, t.interval) for t in found] == [(14, 2), (14, 2), (14, None)]
    unknown = "latency interval\ntransaction   0:   7   x\n"
    assert read_transactions(put(tmp_path, unknown))[0].interval is None
    with pytest.raises(ToolError, match="not a transaction: 'transaction one'"):
        read_transactions(put(tmp_path, "latency interval\ntransaction one\n"))
    with pytest.raises(ToolError, match="there is no transaction in it"):
        read_transactions(put(tmp_path, "latency interval\n"))


@pytest.mark.parametrize("series7", [False, True])
@pytest.mark.parametrize("state", ["Synthesized", "Optimized", "Routed", "Fully Placed"])
def test_utilization(tmp_path: Path, state: str, series7: bool) -> None:
    path = put(tmp_path, WRITER.utilization_rpt(design(), state, series7))
    report = read_utilization(path)
    placed = state in ("Routed", "Fully Placed")
    expected = Fidelity.PLACE_AND_ROUTE if placed else Fidelity.LOGIC_SYNTHESIS
    assert report.source == Source("vivado", "2023.2", expected)
    assert areas(report) == (1000, 800, 5, 3, 0)  # 1.5 tiles are 3 halves


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("CLB Logic", "Logic", "the table 'CLB Logic' is missing; tables in it: ARITHMETIC"),
        ("Block RAM Tile", "Some Tile", "the table 'BLOCKRAM' has no row Block RAM Tile"),
        ("CLB LUTs*", "LUTs", "the table 'CLB Logic' has no row CLB LUTs or Slice LUTs"),
        ("Design State : Synthesized", "Design State : Odd", "it says 'odd'"),
        ("Vivado v.", "Other v.", "Tool Version : Vivado' is missing"),
    ],
)
def test_damaged_utilization(tmp_path: Path, old: str, new: str, message: str) -> None:
    body = WRITER.utilization_rpt(design())
    assert old in body
    with pytest.raises(ToolError, match=message):
        read_utilization(put(tmp_path, body.replace(old, new)))


def test_hierarchy(tmp_path: Path) -> None:
    report = read_hierarchy(put(tmp_path, WRITER.hierarchy_rpt(design())))
    assert areas(report) == (1000, 800, 5, 3, 0)
    assert list(report.stages) == ["matvec_fc1_s", "relu_act_s"]
    assert areas(report.stages["relu_act_s"]) == (400, 300, 2, 3, 0)


def test_timing(tmp_path: Path) -> None:
    met = read_timing(put(tmp_path, WRITER.timing_rpt(design(), 0.385)))
    assert (met.period_ns, met.achieved_ns, met.worst_slack_ns, met.met) == (5, 4.615, 0.385, True)
    missed = read_timing(put(tmp_path, WRITER.timing_rpt(design(), -0.5)))
    assert (missed.achieved_ns, missed.met) == (5.5, False)
    free = read_timing(put(tmp_path, WRITER.timing_rpt(design(), None)))
    assert (free.period_ns, free.achieved_ns, free.worst_slack_ns) == (None, None, None)


def test_power(tmp_path: Path) -> None:
    power = read_power(put(tmp_path, WRITER.power_rpt(design())))
    assert (power.total_w, power.dynamic_w, power.static_w) == (1.25, 0.75, 0.5)
    assert power.confidence == "Medium"


@pytest.mark.parametrize(
    ("module", "stage"),
    [
        ("fc1", "fc1"),
        ("matvec_fc1_s", "fc1"),
        ("matvec_fc1_2", "fc1"),
        ("matvec_fc10_s", None),
        ("relu_fc1_relu_s", "fc1_relu"),
        ("dense_latency_ap_fixed_16_6_5_3_0_config2_s", "config2"),
        ("dense_latency_ap_fixed_16_6_5_3_0_config22_s", None),
    ],
)
def test_stage_of_a_module(module: str, stage: str | None) -> None:
    assert stage_of(module, ("fc1", "fc1_relu", "config2")) == stage


LAYOUTS = ("net_prj/solution1", "comp/hls", "hls_component/net/hls")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whole_folder(tmp_path: Path, layout: str) -> None:
    reports = tmp_path / layout / "syn" / "report"
    reports.mkdir(parents=True)
    (reports / "net_csynth.xml").write_text(WRITER.csynth_xml(design()))
    alone = amd_reports.read_hls(tmp_path, "net", TOOL)
    assert alone.notes == ("no figures per stage: net_csynth.rpt is missing",)
    (reports / "net_csynth.rpt").write_text(WRITER.csynth_rpt(design()))
    report = amd_reports.read_hls(tmp_path, "net", TOOL, ("fc1",))
    assert list(report.stages) == ["fc1", "relu_act_s"]
    assert report.notes == ()
    with pytest.raises(ToolError, match=r"there is no syn/report/other_csynth\.xml below it"):
        amd_reports.read_hls(tmp_path, "other", TOOL)


def test_implementation(tmp_path: Path) -> None:
    hls = read_csynth_xml(put(tmp_path, WRITER.csynth_xml(design())), "vitis_hls")
    smaller = design(top=replace(TOP, lut=450))
    report = amd_reports.read_implementation(
        hls,
        put(tmp_path, WRITER.utilization_rpt(smaller, "Routed"), "util"),
        timing=put(tmp_path, WRITER.timing_rpt(smaller, -0.4), "timing"),
        hierarchy=put(tmp_path, WRITER.hierarchy_rpt(smaller), "hierarchy"),
        power=put(tmp_path, WRITER.power_rpt(smaller), "power"),
        names=("fc1", "act"),
    )
    assert report.source.fidelity is Fidelity.PLACE_AND_ROUTE
    assert (report.lut, report.latency_cycles, report.power_w) == (450, 14, 1.25)
    assert (report.clock_period_ns, report.critical_path_ns) == (5.4, 5.4)
    assert report.notes == ("the clock of 5 ns is missed: 5.4 ns are reached",)
    assert list(report.stages) == ["fc1", "act"]
    assert Report.from_json(report.to_json()) == report


def test_implementation_without_a_clock(tmp_path: Path) -> None:
    hls = read_csynth_xml(put(tmp_path, WRITER.csynth_xml(design())), "vitis_hls")
    util = put(tmp_path, WRITER.utilization_rpt(design()), "util")
    timing = put(tmp_path, WRITER.timing_rpt(design(), None), "timing")
    with pytest.raises(ToolError, match="no clock is constrained"):
        amd_reports.read_implementation(hls, util, timing=timing)


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(READERS)),
    st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 40), st.sampled_from(["", "|", "+", "-", "x", "9\n"])
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_wounds_are_told_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, name: str, wounds: list[tuple[float, int, str]]
) -> None:
    """Characters cut out or put in anywhere: figures or a ToolError, nothing else."""
    write, read = READERS[name]
    body = write(design())
    for place, length, new in wounds:
        at = int(place * len(body))
        body = body[:at] + new + body[at + length :]
    path = tmp_path_factory.getbasetemp() / "wounded"
    path.write_text(body)
    try:
        read(path)
    except ToolError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


@settings(max_examples=30)
@given(st.binary(max_size=400))
def test_no_reader_is_ever_surprised(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(body)
    for _, read in READERS.values():
        with pytest.raises(ToolError):
            read(path)
