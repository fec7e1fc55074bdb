"""Reports in the format of AMD's tools, with figures of our own: for tests of their readers.

The layouts differ between versions as the real ones do (Vivado HLS up to 2020.1, Vitis HLS
from then on).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Figures:
    """What a report says of one module."""

    name: str
    lut: int
    ff: int
    dsp: int
    bram_18k: int
    latency: int
    interval: int
    latency_best: int | None = None


@dataclass(frozen=True)
class Design:
    """What all reports of a design are written from."""

    top: Figures
    modules: Sequence[Figures] = field(default_factory=tuple)
    version: str = "2023.1"
    part: str = "xcu250-figd2104-2L-e"
    target_ns: float = 5.0
    estimated_ns: float = 3.5
    uncertainty_ns: float = 1.35

    @property
    def vivado_hls(self) -> bool:
        """The older tool, with its own spelling."""
        return self.version[:6] <= "2020.1"

    @property
    def dsp(self) -> str:
        """Name of the DSP column."""
        return "DSP48E" if self.vivado_hls else "DSP"


def csynth_xml(design: Design) -> str:
    """``<top>_csynth.xml``."""
    top, hls = design.top, design.vivado_hls
    best = top.latency if top.latency_best is None else top.latency_best
    assigned = (
        ""
        if hls
        else "<TargetInitiationInterval>4294967295</TargetInitiationInterval>\n"
        "<FlowTarget>vivado</FlowTarget>\n"
    )
    areas = [("BRAM_18K", top.bram_18k), (design.dsp, top.dsp), ("FF", top.ff), ("LUT", top.lut)]
    resources = "".join(f"<{name}>{value}</{name}>\n" for name, value in areas)
    return f"""<profile>

<ReportVersion>
<Version>{design.version}</Version>
</ReportVersion>

<UserAssignments>
<unit>ns</unit>
<ProductFamily>virtexuplus</ProductFamily>
<Part>{escape(design.part)}</Part>
<TopModelName>{escape(top.name)}</TopModelName>
<TargetClockPeriod>{design.target_ns:.2f}</TargetClockPeriod>
<ClockUncertainty>{design.uncertainty_ns:.2f}</ClockUncertainty>
{assigned}</UserAssignments>

<PerformanceEstimates>
<PipelineType>{"function" if hls else "yes"}</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>{design.estimated_ns:.3f}</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>{best}</Best-caseLatency>
<Average-caseLatency>{top.latency}</Average-caseLatency>
<Worst-caseLatency>{top.latency}</Worst-caseLatency>
<PipelineInitiationInterval>{top.interval}</PipelineInitiationInterval>
<PipelineDepth>{top.latency + 1}</PipelineDepth>
<Interval-min>{top.interval}</Interval-min>
<Interval-max>{top.interval}</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>

<AreaEstimates>
<Resources>
{resources}<URAM>0</URAM>
</Resources>
<AvailableResources>
<BRAM_18K>5376</BRAM_18K>
<{design.dsp}>12288</{design.dsp}>
<FF>3456000</FF>
<LUT>1728000</LUT>
<URAM>1280</URAM>
</AvailableResources>
</AreaEstimates>

</profile>
"""


def _table(indent: str, rows: Sequence[Sequence[str]], header: int = 1) -> str:
    """Rows drawn with rules; the first ``header`` rows are the header."""
    widths = [max(len(row[i]) for row in rows) + 2 for i in range(len(rows[0]))]
    rule = indent + "+" + "+".join("-" * w for w in widths) + "+\n"
    lines = [
        indent + "|" + "|".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) + "|\n"
        for row in rows
    ]
    return rule + "".join(lines[:header]) + rule + "".join(lines[header:]) + rule


def csynth_rpt(design: Design) -> str:
    """``<top>_csynth.rpt``."""
    top, tool = design.top, "Vivado" if design.vivado_hls else "Vitis"
    bar = "=" * 64
    target = "" if design.vivado_hls else " (Vivado IP Flow Target)"
    areas = ("BRAM_18K", design.dsp, "FF", "LUT", "URAM")
    rest = [
        top.lut - sum(m.lut for m in design.modules),
        top.ff - sum(m.ff for m in design.modules),
    ]
    summary = _table(
        "",
        [
            ("Name", *areas),
            ("Expression", "-", "-", "-", str(rest[0]), "-"),
            ("Register", "-", "-", str(rest[1]), "-", "-"),
            ("Total", str(top.bram_18k), str(top.dsp), str(top.ff), str(top.lut), "0"),
            ("Available SLR", "1344", "3072", "864000", "432000", "320"),
            ("Utilization SLR (%)", "~0", "1", "~0", "2", "0"),
        ],
    )
    instances = _table(
        "    ",
        [
            ("Instance", "Module", *areas),
            *((f"grp_{m.name}_fu_{i}", m.name, *_area(m)) for i, m in enumerate(design.modules)),
            ("Total", "", *(["0"] * 5)),
        ],
    )
    return f"""

{bar}
== {tool} HLS Report for '{top.name}'
{bar}
* Date:           Mon Jan  1 00:00:00 2024

* Version:        {design.version} (Build 1 on Mon Jan  1 00:00:00 2024)
* Project:        {top.name}_prj
* Solution:       solution1{target}
* Product family: virtexuplus
* Target device:  {design.part}


{bar}
== Performance Estimates
{bar}
+ Timing:\x20
    * Summary:\x20
{_clock_table(design)}
+ Latency:\x20
    * Summary:\x20
{_latency_table("    ", [top], named=False)}
    + Detail:\x20
        * Instance:\x20
{_latency_table("        ", design.modules, named=True) if design.modules else "        N/A"}
        * Loop:\x20
        N/A



{bar}
== Utilization Estimates
{bar}
* Summary:\x20
{summary}
+ Detail:\x20
    * Instance:\x20
{instances if design.modules else "    N/A"}
    * DSP:\x20
    N/A

"""


def _area(m: Figures) -> tuple[str, ...]:
    return str(m.bram_18k), str(m.dsp), str(m.ff), str(m.lut), "0"


def _clock_table(design: Design) -> str:
    times = (design.target_ns, design.estimated_ns, design.uncertainty_ns)
    spell = "{:.2f} ns ".format if design.vivado_hls else "{:.2f} ns".format
    cells = (spell(times[0]), f"{times[1]:.3f} ns", spell(times[2]))
    return _table("    ", [("Clock", "Target", "Estimated", "Uncertainty"), ("ap_clk", *cells)])


def _latency_table(indent: str, modules: Sequence[Figures], *, named: bool) -> str:
    """The header's columns are merged, as in the real report."""
    names = [(f"grp_{m.name}_fu_{i}", m.name) if named else () for i, m in enumerate(modules)]
    rows = [
        (
            *name,
            str(m.latency if m.latency_best is None else m.latency_best),
            str(m.latency),
            f"{m.latency * 5:.3f} ns",
            f"{m.latency * 5:.3f} ns",
            str(m.interval),
            str(m.interval),
            "yes",
        )
        for name, m in zip(names, modules, strict=True)
    ]
    words = ("Instance", "Module") if named else ()
    body = _table(indent, [(*words, "min", "max", "min", "max", "min", "max", "Type"), *rows])
    rule, rest = body.split("\n", 1)
    blank = "|".join(" " * 8 for _ in words)
    merged = f"|{blank}| Latency (cycles) | Latency (absolute) | Interval | Pipeline|"
    return f"{rule}\n{indent}{merged.replace('||', '|')}\n{rest}"


def summary_rpt(design: Design) -> str:
    """Vitis HLS' ``csynth.rpt``: the tree."""
    header = [
        ("Modules", "Issue", "", "Latency", "Latency", "Iteration", "", "Trip", *[""] * 6),
        ("& Loops", "Type", "Slack", "(cycles)", "(ns)", "Latency", "Interval", "Count",
         "Pipelined", "BRAM", "DSP", "FF", "LUT", "URAM"),
    ]  # fmt: skip
    slack = f"{design.target_ns - design.uncertainty_ns - design.estimated_ns:.2f}"
    rows = [
        _tree_row(f"+ {design.top.name}", slack, design.top),
        *(_tree_row(f" + {m.name}", slack, m) for m in design.modules),
    ]
    table = _table("    ", [*header, *rows], header=2)
    # Names stand at the left: the blanks before the mark are the depth.
    lines = []
    for line in table.splitlines():
        cell, _, rest = line.strip().strip("|").partition("|")
        mark = cell.lstrip()
        moved = " " * mark.startswith(tuple(f"+ {m.name}" for m in design.modules)) + mark
        lines.append(f"    |{moved.ljust(len(cell))}|{rest}|" if mark[:2] == "+ " else line)
    bar = "=" * 64
    return f"""

{bar}
== Synthesis Summary Report of '{design.top.name}'
{bar}
+ General Information:\x20
    * Date:           Mon Jan  1 00:00:00 2024
    * Version:        {design.version} (Build 1 on Jan  1 2024)
    * Project:        {design.top.name}_prj


+ Performance & Resource Estimates:\x20

    PS: '+' for module; 'o' for loop; '*' for dataflow
{chr(10).join(lines)}

"""


def _tree_row(name: str, slack: str, m: Figures) -> tuple[str, ...]:
    def share(value: int) -> str:
        return f"{value} (~0%)" if value else "-"

    areas = (share(m.bram_18k), share(m.dsp), share(m.ff), share(m.lut), "-")
    times = (str(m.latency), f"{m.latency * 5.0:.3e}", "-", str(m.interval), "-", "yes")
    return (name, "-", slack, *times, *areas)


def cosim_rpt(design: Design, status: str = "Pass") -> str:
    """``<top>_cosim.rpt`` for Verilog, with one interval as the tool gives it."""
    wide = not design.vivado_hls
    cycles = [str(design.top.latency)] * 3 + [str(design.top.interval)] * 3
    cells = cycles if status == "Pass" else ["NA"] * 6
    total = [("999" if status == "Pass" else "NA")] if wide else []
    rows = [["VHDL", "NA", *["NA"] * 6, *["NA"] * wide], ["Verilog", status, *cells, *total]]
    header = ["RTL", "Status", "min", "avg", "max", "min", "avg", "max", *["Total"] * wide]
    return (
        "Report time       : Mon Jan  1 00:00:00 2024.\nSolution          : solution1.\n"
        f"Simulation tool   : xsim.\n\n{_table('', [header, *rows])}"
    )


def transactions(design: Design, count: int = 3) -> str:
    """``<top>.performance.result.transaction.xml``, which is text."""
    head = " " * 29 + "latency        interval\n"
    ends = [design.top.interval] * (count - 1) + [0]
    return head + "".join(
        f"transaction{i:>8}:{design.top.latency:>16}{end:>16}\n" for i, end in enumerate(ends)
    )


def _vivado_head(design: Design, command: str, state: str) -> str:
    bar = "-" * 60
    return f"""Copyright notice of the tool.
{bar}
| Tool Version : Vivado v.{design.version} (lin64) Build 1 Mon Jan  1 00:00:00 MST 2024
| Date         : Mon Jan  1 00:00:00 2024
| Host         : here running 64-bit unknown
| Command      : {command}
| Design       : {design.top.name}
| Device       : {design.part}
| Design State : {state}
{bar}

"""


def utilization_rpt(design: Design, state: str = "Synthesized", series7: bool = False) -> str:
    """``report_utilization``: sections are numbered on after placement."""
    top, placed = design.top, state != "Synthesized"
    site = ("Site Type", "Used", "Fixed", "Available", "Util%")

    def row(name: str, used: object) -> tuple[str, ...]:
        return name, str(used), "0", "1728000", "1.00"

    tiles = f"{top.bram_18k / 2:g}"
    logic = "Slice" if series7 else "CLB"
    memory = [site, row("Block RAM Tile", tiles), row("  RAMB36/FIFO*", 0)]
    memory += [row("  RAMB18", top.bram_18k)]
    sections = [
        (f"{logic} Logic", [site, row(f"{logic} LUTs*", top.lut), row("  LUT as Logic", top.lut),
                            row(f"{logic} Registers", top.ff), row("F7 Muxes", 0)]),
        *([(f"{logic} Logic Distribution", [site, row("LUT as Logic", 7)])] if placed else []),
        ("Memory" if series7 else "BLOCKRAM", memory if series7 else [*memory, row("URAM", 0)]),
        ("DSP" if series7 else "ARITHMETIC", [site, row("DSPs", top.dsp)]),
    ]  # fmt: skip
    text = _vivado_head(design, "report_utilization -file x.rpt", state)
    for i, (title, rows) in enumerate(sections, 1):
        line = f"{i}. {title}"
        text += f"{line}\n{'-' * len(line)}\n\n{_table('', rows)}\n\n"
    return text


def hierarchy_rpt(design: Design, state: str = "Synthesized") -> str:
    """``report_utilization -hierarchical``."""
    header = ("Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs",
              "RAMB36", "RAMB18", "URAM", "DSP Blocks")  # fmt: skip

    def row(name: str, module: str, m: Figures) -> tuple[str, ...]:
        def share(value: int) -> str:
            return f"{value}(1.00%)"

        areas = (m.lut, m.lut, 0, 0, m.ff, m.bram_18k // 2, m.bram_18k % 2, 0, m.dsp)
        return name, module, *(share(a) for a in areas)

    rows = [
        row(design.top.name, "(top)", design.top),
        row(f"  ({design.top.name})", "(top)", Figures("", 1, 1, 0, 0, 0, 1)),
        *(row(f"  grp_{m.name}_fu_{i}", m.name, m) for i, m in enumerate(design.modules)),
    ]
    width = max(len(r[0]) for r in rows)
    table = _table("", [header, *((r[0].ljust(width), *r[1:]) for r in rows)])
    head = _vivado_head(design, "report_utilization -hierarchical -file x.rpt", state)
    return f"{head}1. Utilization by Hierarchy\n---------------------------\n\n{table}\n"


def timing_rpt(design: Design, slack_ns: float | None) -> str:
    """``report_timing_summary`` of one clock, or of none."""
    names = "WNS(ns) TNS(ns) TNS-Failing TNS-Total WHS(ns) THS(ns) THS-Failing THS-Total"
    none = slack_ns is None
    values = (
        ["NA"] * 8 if none else [f"{slack_ns:.3f}", "0.000", "0", "9", "0.015", "0.000", "0", "9"]
    )
    dashes = " ".join("-" * 7 for _ in range(8))
    met = "All user specified timing constraints are met." if none or slack_ns >= 0 else "Missed."
    period = f"{design.target_ns:.3f}"
    clock = [] if none else [f"ap_clk  {{0.000 {design.target_ns / 2:.3f}}}  {period}  200.000"]
    intra = [] if none else ["ap_clk  " + "  ".join(values)]
    head = _vivado_head(design, "report_timing_summary -file x.rpt", "Routed")
    sections = [
        ("Design Timing Summary", [f"    {names}", f"    {dashes}", "    " + "  ".join(values)]),
        ("Clock Summary", ["Clock  Waveform(ns)  Period(ns)  Frequency(MHz)",
                           "-----  ------------  ----------  --------------", *clock]),
        ("Intra Clock Table", [f"Clock  {names}", f"-----  {dashes}", *intra]),
    ]  # fmt: skip
    bar = "-" * 60
    body = "".join(
        f"{bar}\n| {title}\n| {'-' * len(title)}\n{bar}\n\n" + "\n".join(lines) + "\n\n\n"
        for title, lines in sections
    )
    return f"{head}{body}{met}\n"


def power_rpt(design: Design, total_w: float = 1.25, static_w: float = 0.5) -> str:
    """``report_power``: its summary has no header."""
    rows = [
        ("Total On-Chip Power (W)", f"{total_w:.3f}"),
        ("Design Power Budget (W)", "Unspecified*"),
        ("Dynamic (W)", f"{total_w - static_w:.3f}"),
        ("Device Static (W)", f"{static_w:.3f}"),
        ("Junction Temperature (C)", "41.6"),
        ("Confidence Level", "Medium"),
    ]
    rule = "+" + "-" * 26 + "+" + "-" * 14 + "+\n"
    table = rule + "".join(f"| {name:<24} | {value:<12} |\n" for name, value in rows) + rule
    head = _vivado_head(design, "report_power -file x.rpt", "routed")
    return f"{head}1. Summary\n----------\n\n{table}\n"
