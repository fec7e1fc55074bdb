"""What the fake tools do when a Tcl command asks for work: look at the sources, write reports.

Figures are computed from the sources alone, so that equal designs get equal reports.
"""

from __future__ import annotations

import json
import os
import re
import sys
import zlib
from dataclasses import asdict
from pathlib import Path

import reports
from reports import Design, Figures

VENDOR_HEADERS = {"ap_fixed.h", "ap_int.h", "hls_stream.h", "hls_math.h"}
FIGURES = "// figures: "
VERSION = os.environ.get("FAKE_VERSION", "2023.1")
MODE = os.environ.get("FAKE_MODE", "")


def fail(text: str) -> None:
    """End as the tool does."""
    raise SystemExit(f"ERROR: [HLS 200-1] {text}")


def put(path: Path, text: str) -> None:
    """Write a report, unless this run is to misbehave."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if MODE == "truncated":
        text = text[: len(text) // 2]
    if MODE != "silent":
        path.write_text(text)


def read_all(sources: list[str], flags: str) -> dict[str, str]:
    """Every source with all that it includes; a missing header ends it."""
    folders = [Path(f) for f in re.findall(r"-I\s*(\S+)", flags)]
    texts: dict[str, str] = {}
    todo = [Path(s) for s in sources]
    while todo:
        path = todo.pop()
        if str(path) in texts:
            continue
        texts[str(path)] = path.read_text()
        for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', texts[str(path)], re.MULTILINE):
            places = [folder / name for folder in (path.parent, *folders)]
            here = [place for place in places if place.is_file()]
            if here:
                todo.append(here[0])
            elif name not in VENDOR_HEADERS:
                fail(f"{path}: '{name}' file not found")
    return texts


def body_of(top: str, texts: dict[str, str]) -> str:
    """The text between the braces of the top function."""
    for text in texts.values():
        found = re.search(rf"\bvoid\s+{re.escape(top)}\s*\([^)]*\)\s*\{{", text)
        if found:
            depth, end = 1, found.end()
            while depth and end < len(text):
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            return text[found.end() : end - 1]
    fail(f"Cannot find the top function '{top}' in the sources")
    raise AssertionError


def modules_of(body: str) -> list[str]:
    """Module names as HLS makes them: the function and the names among its template arguments."""
    names = []
    code = re.sub(r"//[^\n]*|#[^\n]*", "", body)
    for statement in re.split(r"[;{}]", code):
        found = re.match(r"\s*(?:\w+::)*(\w+)\s*(?:<(.*)>)?\s*\(", statement, re.DOTALL)
        if found and found[1] not in ("for", "if", "while", "return"):
            words = re.findall(r"[A-Za-z_]\w*|\d+", found[2] or "")
            names.append("_".join([found[1], *words, "s"]))
    return names


def figures_of(name: str, text: str) -> Figures:
    """Some figures that depend on the text only."""
    seed = zlib.crc32(f"{name}\0{text}".encode())
    return Figures(name, 50 + seed % 977, 20 + seed % 499, seed % 7, seed % 3, 1 + seed % 5, 1)


def csynth(solution: str, top: str, part: str, period: str, flags: str, *sources: str) -> None:
    """Write the reports and the Verilog of a design."""
    texts = read_all(list(sources), flags)
    everything = "\0".join(texts[name] for name in sorted(texts))
    modules = [figures_of(name, everything) for name in modules_of(body_of(top, texts))]
    total = Figures(
        top,
        7 + sum(m.lut for m in modules),
        9 + sum(m.ff for m in modules),
        sum(m.dsp for m in modules),
        sum(m.bram_18k for m in modules),
        sum(m.latency for m in modules),
        max((m.interval for m in modules), default=1),
    )
    target = float(period)
    design = Design(total, tuple(modules), VERSION, part, target, round(0.7 * target, 3))
    folder = Path(solution) / "syn" / "report"
    put(folder / f"{top}_csynth.xml", reports.csynth_xml(design))
    put(folder / f"{top}_csynth.rpt", reports.csynth_rpt(design))
    if not design.vivado_hls:
        put(folder / "csynth.rpt", reports.summary_rpt(design))
    write_verilog(Path(solution) / "syn" / "verilog", design)
    scratch = Path(solution) / ".autopilot"
    scratch.mkdir(exist_ok=True)
    (scratch / "big.bc").write_bytes(b"0" * 1000)


def write_verilog(folder: Path, design: Design) -> None:
    """A module for the top, with the design's figures in a comment for the logic synthesis."""
    data = json.dumps({**asdict(design), "top": asdict(design.top)})
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{FIGURES}{data}\nmodule {design.top.name} (input ap_clk);\nendmodule\n"
    (folder / f"{design.top.name}.v").write_text(text)


def cosim(solution: str, top: str) -> None:
    """Write the results of a co-simulation that passed."""
    design = read_design(top, [str(Path(solution) / "syn" / "verilog" / f"{top}.v")])
    report = Path(solution) / "sim" / "report" / f"{top}_cosim.rpt"
    put(report, reports.cosim_rpt(design))
    name = f"{top}.performance.result.transaction.xml"
    put(Path(solution) / "sim" / "verilog" / name, reports.transactions(design))


def read_design(top: str, files: list[str]) -> Design:
    """The design that the Verilog is of; its own figures where another tool wrote it."""
    texts = {name: Path(name).read_text() for name in files}
    for text in texts.values():
        if text.startswith(FIGURES):
            data = json.loads(text[len(FIGURES) :].split("\n", 1)[0])
            modules = tuple(Figures(**m) for m in data.pop("modules"))
            return Design(**{**data, "top": Figures(**data["top"]), "modules": modules})
    return Design(figures_of(top, "".join(texts.values())), version=VERSION)


def elaborate(top: str, *files: str) -> None:
    """Check that the top module is there."""
    if not any(re.search(rf"\bmodule\s+{re.escape(top)}\b", Path(f).read_text()) for f in files):
        fail(f"[Synth 8-439] module '{top}' not found")


def logic(
    kind: str, target: str, state: str, top: str, part: str, period: str, *files: str
) -> None:
    """Write one of Vivado's reports: half the LUTs, as it goes."""
    design = read_design(top, list(files))
    halved = {**asdict(design.top), "lut": design.top.lut // 2}
    values = {**vars(design), "top": Figures(**halved), "version": VERSION, "part": part}
    design = Design(**values)
    slack = None if not period else 0.25 * float(period)
    text = {
        "report_utilization": lambda: reports.utilization_rpt(design, state),
        "report_hierarchy": lambda: reports.hierarchy_rpt(design, state),
        "report_timing_summary": lambda: reports.timing_rpt(design, slack),
        "report_power": lambda: reports.power_rpt(design),
    }[kind]()
    put(Path(target), text)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command.startswith("report_"):
        logic(command, *rest)
    else:
        {"csynth": csynth, "cosim": cosim, "elaborate": elaborate}[command](*rest)
