"""A design's Verilog as an IP core for Vivado: IP-XACT metadata, and the Tcl that makes them anew.

The metadata follow IEEE 1685-2009, with the bus types and vendor extensions of AMD's tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.graph import TypedGraph
from converter.names import comment
from converter.rtl.ports import Bus, Port, Stream, design_ports
from converter.rtl.top import Protocol, rtl_design
from converter.timing import Target

VENDOR = "nn_fpga_dse"
LIBRARY = "network"
VERSION = "1.0"
"""With the top's name, the core's address: who made it, where it belongs, which it is."""

FAMILIES = (
    "artix7", "artixuplus", "kintex7", "kintexu", "kintexuplus", "spartan7", "versal", "virtex7",
    "virtexu", "virtexuplus", "virtexuplusHBM", "zynq", "zynquplus", "zynquplusRFSOC",
)  # fmt: skip
"""Vivado's names of the families that the core is offered for: plain Verilog runs on all."""

_UNSAFE = re.compile(r"[\[\]]")


@dataclass(frozen=True)
class Signal:
    """A port of the Verilog top: ``bits`` None for a single wire without a range."""

    name: str
    direction: str
    bits: int | None


@dataclass(frozen=True)
class Interface:
    """Signals that belong together. ``kind``: ``axis``, ``clock`` or ``reset``; ``mode``: of an
    AXI4-Stream, ``slave`` or ``master``; ``maps``: (logical, physical) names; ``parameters``:
    name and value.
    """

    name: str
    kind: str
    mode: str
    maps: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]

    @property
    def library(self) -> str:
        """Of AMD's bus definitions."""
        return "interface" if self.kind == "axis" else "signal"


@dataclass(frozen=True)
class IpCore:
    """All that the metadata tell. ``sources`` and ``bench``: files below the core's folder, of
    the bench the Verilog first; ``streams``: the AXI4-Streams among the interfaces, where there
    are any; ``period_ns``: of the clock that it was made for.
    """

    name: str
    title: str
    part: str
    period_ns: float
    signals: tuple[Signal, ...]
    interfaces: tuple[Interface, ...]
    sources: tuple[str, ...]
    bench: tuple[str, ...]
    streams: tuple[Stream, ...]

    @property
    def address(self) -> str:
        """Vendor, library, name and version, as Vivado asks for a core."""
        return f"{VENDOR}:{LIBRARY}:{self.name}:{VERSION}"


def ip_core(typed: TypedGraph, target: Target, files: Iterable[str]) -> IpCore:
    """The core of a network whose project for Yosys has ``files``."""
    design = rtl_design(typed, target)
    ports = design_ports(typed, design)
    streams = tuple(p for p in ports if isinstance(p, Stream))
    buses = [_axis(p) for p in streams]
    known = sorted(files)
    top = f"rtl/{design.top}.v"
    return IpCore(
        name=design.top,
        title=_UNSAFE.sub("_", comment(typed.name)),
        part=target.part,
        period_ns=target.clock_period_ns,
        signals=(*_common(design.protocol), *(s for p in ports for s in _signals(p))),
        interfaces=(*buses, *_clock_and_reset(buses, target.clock_period_ns)),
        sources=(top, *(f for f in known if f.startswith("rtl/") and f != top)),
        bench=("sim/testbench.v", *(f for f in known if f.startswith("sim/vectors/"))),
        streams=streams,
    )


def ip_files(core: IpCore) -> dict[str, str]:
    """``component.xml`` and ``package_ip.tcl``."""
    import jinja2

    def render(name: str, escape: bool) -> str:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).with_name("picked")),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=escape,  # noqa: S701 - Tcl: every word there is a name of ours or cleaned
        )
        known: dict[str, Any] = {"vendor": VENDOR, "library": LIBRARY, "version": VERSION}
        return environment.get_template(name).render(core=core, families=FAMILIES, **known)

    return {
        "component.xml": render("component.xml.j2", escape=True),
        "package_ip.tcl": render("package_ip.tcl.j2", escape=False),
    }


def _common(protocol: Protocol) -> list[Signal]:
    found = [Signal("clk", "in", None), Signal("rst", "in", None)]
    return [*found, Signal("in_valid", "in", None)] if protocol is Protocol.STATIC else found


def _signals(port: Port) -> list[Signal]:
    there, back = ("in", "out") if port.is_input else ("out", "in")
    if isinstance(port, Bus):
        valid = [] if port.is_input else [Signal(f"{port.name}_valid", "out", None)]
        return [*valid, Signal(port.name, there, port.bits)]
    found = [
        Signal(f"{port.name}_tvalid", there, None),
        Signal(f"{port.name}_tdata", there, port.bits),
        Signal(f"{port.name}_tready", back, None),
    ]
    return found if port.is_input else [*found, Signal(f"{port.name}_tlast", there, None)]


def _axis(port: Stream) -> Interface:
    names = ["tdata", "tvalid", "tready", *([] if port.is_input else ["tlast"])]
    return Interface(
        name=port.name,
        kind="axis",
        mode="slave" if port.is_input else "master",
        maps=tuple((name.upper(), f"{port.name}_{name}") for name in names),
        parameters=(
            ("TDATA_NUM_BYTES", str(port.bits // 8)),
            ("HAS_TREADY", "1"),
            ("HAS_TLAST", "0" if port.is_input else "1"),
        ),
    )


def _clock_and_reset(streams: list[Interface], period_ns: float) -> tuple[Interface, Interface]:
    named = (("ASSOCIATED_BUSIF", ":".join(s.name for s in streams)),) if streams else ()
    clock = (*named, ("ASSOCIATED_RESET", "rst"), ("FREQ_HZ", str(round(1e9 / period_ns))))
    return (
        Interface("clk", "clock", "slave", (("CLK", "clk"),), clock),
        Interface("rst", "reset", "slave", (("RST", "rst"),), (("POLARITY", "ACTIVE_HIGH"),)),
    )
