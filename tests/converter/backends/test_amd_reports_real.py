"""Report readers on the reports of real tools, 2019.2 to 2024.1, where those are at hand.

The expected figures are those printed in the reports themselves.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from converter.backends.amd.cosim import Verdict, read_cosim, read_transactions
from converter.backends.amd.csynth_rpt import read_csynth_rpt, read_summary, stage_of
from converter.backends.amd.csynth_xml import read_csynth_xml
from converter.backends.amd.implementation import read_power, read_timing, read_utilization
from converter.errors import ToolError
from converter.report import Fidelity, Report


@pytest.fixture(scope="module")
def reports(shared: Path) -> Path:
    return shared / "reports"


def areas(report: Report) -> tuple[float | None, ...]:
    return report.bram_18k, report.dsp, report.ff, report.lut, report.uram


XML = [
    ("2019.2", 5, 0.785, 12323, 12324, (0, 0, 823, 1737, 0)),
    ("2019.2.1", 5, 4.429, 96170, 95949, (289, 118, 53257, 35689, 0)),
    ("2021.1", 3.33, 3.236, 40, 1, (16, 177, 34282, 31704, 0)),
    ("2022.2", 5, 3.636, 15, 1, (8, 2557, 24233, 116694, 0)),
    ("2023.1", 5, 3.649, 695, 578, (332, 29, 65881, 339116, 0)),
    ("2023.2", 5, 4.322, 17, 1, (48, 1584, 138168, 354889, 0)),
    ("2024.1", 5, 3.621, 14, 1, (8, 817, 8462, 35326, 0)),
]


@pytest.mark.parametrize(("version", "clock", "path", "latency", "interval", "area"), XML)
def test_csynth_xml(
    reports: Path,
    version: str,
    clock: float,
    path: float,
    latency: int,
    interval: int,
    area: tuple[float, ...],
) -> None:
    report = read_csynth_xml(reports / f"csynth_{version}.xml", "hls")
    assert report.source.version == version
    assert report.source.fidelity is Fidelity.CSYNTH
    assert (report.clock_period_ns, report.critical_path_ns) == (clock, path)
    assert (report.latency_cycles, report.interval_cycles) == (latency, interval)
    assert areas(report) == area


def test_ranges_are_told(reports: Path) -> None:
    report = read_csynth_xml(reports / "csynth_2019.2.1.xml", "vivado_hls")
    assert report.notes == (
        "latency is 96019 to 96170 cycles",
        "interval is 11266 to 95949 cycles",
    )


RPT = [
    ("myproject_csynth_vitis_2021.1.rpt", 3.33, 3.236, 40, 1, (16, 177, 34282, 31704, 0), 4),
    ("myproject_csynth_vitis_2024.1.rpt", 5, 3.621, 14, 1, (8, 817, 8462, 35326, 0), 8),
    ("pruned_cnn", 5, 4.363, 1044, 1028, (100, 5414, 52549, 245466, 0), 16),
    ("quantized_pruned_cnn", 5, 4.373, 1044, 1028, (100, 340, 43847, 263280, 0), 18),
    ("hls4ml_test_report_fixtures", 5, 4.049, 10, 8, (0, 73, 7969, 2532, 0), 2),
]


def _rpt(reports: Path, name: str) -> Path:
    if name.endswith(".rpt"):
        return reports / name
    (path,) = [p for p in reports.rglob("myproject_csynth.rpt") if name in p.parts]
    return path


@pytest.mark.parametrize(("name", "clock", "path", "latency", "interval", "area", "count"), RPT)
def test_csynth_rpt(
    reports: Path,
    name: str,
    clock: float,
    path: float,
    latency: int,
    interval: int,
    area: tuple[float, ...],
    count: int,
) -> None:
    report = read_csynth_rpt(_rpt(reports, name), "hls")
    assert (report.clock_period_ns, report.critical_path_ns) == (clock, path)
    assert (report.latency_cycles, report.interval_cycles) == (latency, interval)
    assert areas(report) == area
    assert len(report.stages) == count
    for figure, whole in zip(areas(report), area, strict=True):
        assert figure == whole
    for i, whole in enumerate(area):  # the instances are part of the whole
        assert sum(areas(s)[i] or 0 for s in report.stages.values()) <= whole


def test_stages_of_a_dense_network(reports: Path) -> None:
    report = read_csynth_rpt(reports / "myproject_csynth_vitis_2024.1.rpt", "vitis_hls")
    names = ("config2", "config5", "config8", "config11", "config13", "relu_config4")
    stages = {stage_of(module, names): areas(stage) for module, stage in report.stages.items()}
    assert stages["config2"] == (0, 204, 626, 7331, 0)
    assert stages["config5"] == (0, 370, 2409, 14733, 0)
    assert stages["config11"] == (0, 38, 178, 934, 0)
    assert stages["config13"] == (8, 5, 445, 790, 0)
    assert stages["relu_config4"] == (0, 0, 0, 2280, 0)
    assert [s.latency_cycles for s in report.stages.values()] == [1, 0, 1, 0, 1, 0, 1, 4]


SUMMARY = [
    ("vitis_2021.1", 5, -0.32, (16, 177, 34282, 31704, 0), 40, 1),
    ("vitis_2023.1", 42, 0.0, (332, 29, 65881, 339118, 0), 695, 578),
    ("vitis_2024.1", 9, 0.03, (8, 817, 8462, 35326, 0), 14, 1),
    ("vitis_unified_2023.2", 32, 0.05, (48, 1584, 138168, 354889, 0), 17, 1),
]


@pytest.mark.parametrize(("name", "count", "slack", "area", "latency", "interval"), SUMMARY)
def test_summary(
    reports: Path,
    name: str,
    count: int,
    slack: float,
    area: tuple[float, ...],
    latency: int,
    interval: int,
) -> None:
    modules = read_summary(reports / f"csynth_summary_{name}.rpt", "vitis_hls")
    top = modules[0]
    assert (len(modules), top.name, top.depth, top.slack_ns) == (count, "myproject", 0, slack)
    assert areas(top.report) == area
    assert (top.report.latency_cycles, top.report.interval_cycles) == (latency, interval)
    assert {m.depth for m in modules[1:]} >= {1}


def test_summary_of_a_dataflow_design(reports: Path) -> None:
    modules = read_summary(reports / "csynth_summary_vitis_2023.1.rpt", "vitis_hls")
    assert modules[0].dataflow
    loops = [m for m in modules if m.loop]
    assert {"CopyMain", "ReadInputWidth", "ReLUActLoop"} <= {m.name for m in loops}
    window = next(m for m in loops if m.name == "ReadInputWidth")
    assert (window.depth, window.issue, window.report.interval_cycles) == (2, "II", 3)


def test_cosim(reports: Path) -> None:
    found = {p.stem: read_cosim(p) for p in reports.glob("cosim_*.rpt")}
    assert {name: c.verdict for name, c in found.items()} == {
        "cosim_vivadohls_2019.2": Verdict.PASS,
        "cosim_vivadohls_2020.1": Verdict.FAIL,
        "cosim_vitis_2023.1": Verdict.FAIL,
        "cosim_vitis_2023.2": Verdict.PASS,
    }
    assert found["cosim_vivadohls_2019.2"].latency_max == 12323
    assert found["cosim_vivadohls_2019.2"].interval_max is None
    assert found["cosim_vitis_2023.2"].latency_max is None


def test_transactions(reports: Path) -> None:
    for name, latency in (("vitis_2023.2", 1047), ("vivadohls_2019.2", 12323)):
        (only,) = read_transactions(reports / f"transaction_{name}.xml")
        assert (only.latency, only.interval) == (latency, None)


UTILIZATION = [
    ("vivado_synth_berk.rpt", (33, 811, 35374, 58598, 0)),
    ("synth_baselines/hls4ml_tutorial/pruned_cnn/vivado_synth.rpt", (84, 5386, 43435, 123948, 0)),
    (
        "synth_baselines/hls4ml_tutorial/quantized_pruned_cnn/vivado_synth.rpt",
        (68, 353, 30702, 118931, 0),
    ),
    (
        "synth_baselines/hls4ml_test_report_fixtures/Vivado/vivado_synth.rpt",
        (0, 66, 2428, 1526, 0),
    ),
]


@pytest.mark.parametrize(("name", "area"), UTILIZATION)
def test_utilization(reports: Path, name: str, area: tuple[float, ...]) -> None:
    report = read_utilization(reports / name)
    assert areas(report) == area
    assert report.source.version == "2020.1"
    assert report.source.fidelity is Fidelity.LOGIC_SYNTHESIS


def test_timing_and_power(reports: Path) -> None:
    timing = read_timing(reports / "timing_summary_routed_2019.2.rpt")
    assert (timing.version, timing.worst_slack_ns, timing.worst_hold_slack_ns) == (
        "2019.2",
        0.385,
        0.015,
    )
    assert (timing.period_ns, timing.achieved_ns, timing.met) == (10.0, 9.615, True)
    power = read_power(reports / "power_routed_2019.2.rpt")
    assert (power.total_w, power.dynamic_w, power.static_w) == (1.442, 1.306, 0.136)
    assert power.confidence == "Medium"


def test_every_reader_refuses_every_other_report(reports: Path) -> None:
    """A file of another kind is an error that names it, never a figure or a surprise."""
    readers = {
        "csynth_2": lambda p: read_csynth_xml(p, "hls"),
        "myproject_csynth": lambda p: read_csynth_rpt(p, "hls"),
        "csynth_summary": lambda p: read_summary(p, "hls"),
        "cosim_": read_cosim,
        "transaction_": read_transactions,
        "vivado_synth": read_utilization,
        "timing_": read_timing,
        "power_": read_power,
    }
    for path in sorted(p for p in reports.iterdir() if p.is_file()):
        for prefix, read in readers.items():
            if not path.name.startswith(prefix):
                with pytest.raises(ToolError) as caught:
                    read(path)
                assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
def test_truncated_reports(reports: Path, tmp_path: Path, share: float) -> None:
    """What can still be read from the part that is there is right; else an error says so."""
    for version, *_ in XML:
        body = (reports / f"csynth_{version}.xml").read_bytes()
        cut = tmp_path / "cut.xml"
        cut.write_bytes(body[: int(share * len(body))])
        with pytest.raises(ToolError, match="not whole XML"):
            read_csynth_xml(cut, "hls")
