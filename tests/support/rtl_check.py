"""A whole network's Verilog against emulation, and its cycles against the plan."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from converter.emulate import emulate_codes
from converter.graph import IOType, TypedGraph
from converter.rtl.engines import LINT_WAIVERS
from converter.rtl.result import RtlResult
from converter.rtl.simulate import rtlsim
from converter.rtl.stream_plan import stream_plan
from converter.rtl.testbench import testbench_files
from converter.rtl.top import RtlDesign, rtl_design
from converter.schedule import Schedule, schedule
from converter.selftimed import self_timed
from converter.timing import Family, Target
from converter.types import Codes

TARGET = Target("xcvu9p-flga2104-2-e", Family.ULTRASCALE_PLUS, 5.0)


def check_rtl(
    typed: TypedGraph, codes: Mapping[str, Codes], target: Target = TARGET
) -> tuple[RtlResult, Schedule]:
    """Equal bits for all rows, whatever gaps and back-pressure, and exactly the cycles planned."""
    plan = schedule(typed, target)
    result, expected = rtlsim(typed, target, codes), emulate_codes(typed, dict(codes))
    for name in typed.outputs:
        same = expected[name].astype(object) == result.codes[name].astype(object)
        assert same.all(), (
            f"{name}, {typed.io_type.value}: the Verilog differs from emulation in {(~same).sum()} "
            f"of {same.size} codes; first at {np.argwhere(~same)[0].tolist()}"
        )
    measured, planned = dict(result.latency_cycles), dict(plan.output_cycles)
    assert measured == planned, f"{typed.io_type.value}: latency {measured}, planned {planned}"
    rows = len(next(iter(codes.values())))
    wanted = expected_interval(typed, target, rows, plan)
    assert result.interval_cycles == wanted, (
        f"{typed.io_type.value}: a frame every {result.interval_cycles} cycles, planned {wanted}"
    )
    return result, plan


def expected_interval(typed: TypedGraph, target: Target, rows: int, plan: Schedule) -> int:
    """The plan's; in io_stream that of the last two frames at the full rate, by the actors alone,
    since FIFOs that fill make the first ones come sooner.
    """
    frames = rows - rows // 3 - 1
    if typed.io_type is IOType.PARALLEL or frames < 2:
        return plan.interval_cycles
    made = stream_plan(typed, target)
    net = made.rtl.network
    starts = self_timed(net, made.depths, frames)
    ends = [
        times.reshape(frames, -1)[:, -1]
        for process, times in zip(net.processes, starts, strict=True)
        if process.kind.value == "sink"
    ]
    return max(int(e[-1] - e[-2]) for e in ends)


def check_in_icarus(
    typed: TypedGraph, codes: Mapping[str, Codes], target: Target = TARGET
) -> Schedule:
    """The same by the generated test bench in Icarus Verilog, which is ready in no time, but slow.
    Where Verilator is here, it must have no complaint, too.
    """
    design = rtl_design(typed, target)
    files = testbench_files(typed, design, target.clock_period_ns, codes)
    with tempfile.TemporaryDirectory(prefix="icarus-") as made:
        told = run_bench(files, design, Path(made))
        if shutil.which("verilator"):
            complaint = lint(design, Path(made) / "rtl")
            assert not complaint, f"{typed.io_type.value}: {complaint}"
    assert told.startswith("PASSED"), f"{typed.io_type.value}: {told}"
    rows, plan = len(next(iter(codes.values()))), design.schedule
    found = re.search("a frame every ([0-9]+) cycles", told)
    if found:
        wanted = expected_interval(typed, target, rows, plan)
        assert int(found[1]) == wanted, f"{told}, planned {wanted}"
    return plan


def run_bench(files: Mapping[str, str], design: RtlDesign, folder: Path) -> str:
    """What the test bench prints in Icarus Verilog."""
    for name, text in design.files.items():
        _write(folder / "rtl" / name, text)
    for name, text in files.items():
        _write(folder / "sim" / name, text)
    sources = [f"../rtl/{name}" for name in sorted(design.files)]
    argv = ["iverilog", "-g2005", "-s", "testbench", "-o", "bench", "testbench.v", *sources]
    built = subprocess.run(argv, cwd=folder / "sim", capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    run = subprocess.run(
        ["vvp", "-N", "bench"], cwd=folder / "sim", capture_output=True, text=True, timeout=500
    )
    return run.stdout


def lint(design: RtlDesign, folder: Path) -> str:
    """What Verilator has to say of the design whose files are in ``folder``."""
    waivers = [f"-Wno-{w}" for w in LINT_WAIVERS]
    argv = ["verilator", "--lint-only", "-Wall", *waivers, "--top-module", design.top]
    run = subprocess.run([*argv, *sorted(design.files)], cwd=folder, capture_output=True, text=True)
    return run.stderr[-3000:]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")
