"""Static timing analysis of a netlist of AMD cells that is not placed.

Arrival times are kept apart by where a path begins: at a register (the empty name), at an input
port, or at a pin ``instance.port`` of a black box. So parts of a design that were synthesised
apart can be joined: see ``joined``. Clocks are taken to be ideal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converter.backends.yosys.delays import Delays

Arrivals = dict[str, float]
"""Latest arrival by where the path begins."""

Bit = int | str
Cell = Mapping[str, Any]

_CLOCKS = frozenset({"CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK", "clk"})
_ENABLES = frozenset({"CE", "R", "S", "CLR", "PRE", "WE"})
_REGISTERS = frozenset({"FDRE", "FDSE", "FDCE", "FDPE"})
_SHIFT_REGISTERS = frozenset({"SRL16E", "SRLC16E", "SRLC32E"})
_MULTIPLIERS = frozenset({"nn_mult_27x18", "nn_mult_27x24"})


def slowest_paths(netlist: Cell, delays: Delays, boxes: frozenset[str] = frozenset()) -> Arrivals:
    """Slowest path by its ends, ``from>to``, over a module in Yosys' JSON.

    A path from a register includes its clock-to-output, one to a register its setup.
    """
    return _Analysis(netlist, delays, boxes).run()


def critical_path(paths: Mapping[str, float], delays: Delays) -> float:
    """Slowest of a piece's paths, its ports taken to be wired to registers."""
    return max((_closed(ends, ns, delays) for ends, ns in paths.items()), default=0.0)


def _closed(ends: str, ns: float, delays: Delays) -> float:
    begin, end = ends.split(">")
    before = delays.clock_to_q if begin else 0.0
    return before + ns + (delays.wire(1) + delays.setup if end else 0.0)


@dataclass(frozen=True)
class _Arc:
    """What a cell does: ``starts`` by output port, ``ends`` by input port, else through it."""

    starts: Mapping[str, float]
    ends: Mapping[str, float]
    through: float | None = None


class _Analysis:
    """One netlist. Arrivals are at drivers' outputs; a net's delay is added where it is read."""

    def __init__(self, netlist: Cell, delays: Delays, boxes: frozenset[str]) -> None:
        self.delays, self.boxes = delays, boxes
        self.cells: Mapping[str, Cell] = netlist["cells"]
        self.ports: Mapping[str, Any] = netlist["ports"]
        self.fan_out: dict[Bit, int] = defaultdict(int)
        self.at: dict[Bit, Arrivals] = {}
        self.found: Arrivals = {}
        self.arcs = {name: self._arc(cell) for name, cell in self.cells.items()}

    def run(self) -> Arrivals:
        """Times in the order of the cells' dependencies."""
        for _, _, bit in self._pins("input"):
            self.fan_out[bit] += 1
        self._begin()
        for name in self._in_order():
            self._pass_through(name)
        for name, port, bit in self._pins("input"):
            self._end(name, port, bit)
        for port, entry in self.ports.items():
            if entry["direction"] == "output":
                for bit in entry["bits"]:
                    self._record(port, self.at.get(bit), 0.0)
        return self.found

    def _pins(self, direction: str) -> Iterator[tuple[str, str, Bit]]:
        """All but clocks and constants."""
        for name, cell in self.cells.items():
            ways, kind = cell["port_directions"], cell["type"]
            for port, bits in cell["connections"].items():
                if ways[port] == direction and not _is_clock(kind, port):
                    for bit in bits:
                        if not isinstance(bit, str):  # constants are text
                            yield name, port, bit

    def _begin(self) -> None:
        for port, entry in self.ports.items():
            if entry["direction"] == "input" and port not in _CLOCKS:
                self.at.update({bit: {port: 0.0} for bit in entry["bits"]})
        for name, port, bit in self._pins("output"):
            if self.cells[name]["type"] in self.boxes:
                self.at[bit] = {f"{name}.{port}": 0.0}
            elif port in self.arcs[name].starts:
                self.at[bit] = {"": self.arcs[name].starts[port]}

    def _in_order(self) -> Iterator[str]:
        """Cells with a way through, each after those that drive it (Kahn's algorithm)."""
        through = [n for n, arc in self.arcs.items() if arc.through is not None]
        driver = {b: n for n in through for b in self._bits(n, "output")}
        readers: dict[str, list[str]] = defaultdict(list)
        missing = dict.fromkeys(through, 0)
        for name in through:
            for bit in self._bits(name, "input"):
                if bit in driver and driver[bit] != name:
                    readers[driver[bit]].append(name)
                    missing[name] += 1
        ready = [n for n in through if missing[n] == 0]
        while ready:
            name = ready.pop()
            yield name
            for reader in readers[name]:
                missing[reader] -= 1
                if missing[reader] == 0:
                    ready.append(reader)

    def _bits(self, name: str, direction: str) -> list[Bit]:
        cell, ends = self.cells[name], self.arcs[name].ends
        ways = cell["port_directions"]
        return [
            bit
            for port, bits in cell["connections"].items()
            if ways[port] == direction and port not in ends and not _is_clock(cell["type"], port)
            for bit in bits
            if not isinstance(bit, str)
        ]

    def _arriving(self, bit: Bit, inside: bool = False) -> Arrivals:
        """At a pin that reads ``bit``; ``inside``: in the slice of its driver."""
        known = self.at.get(bit)
        if known is None:
            return {}
        wire = self.delays.net_inside if inside else self.delays.wire(self.fan_out[bit])
        return {begin: ns + wire for begin, ns in known.items()}

    def _pass_through(self, name: str) -> None:
        cell = self.cells[name]
        if cell["type"] == "CARRY4":
            self._carry(cell["connections"])
            return
        latest: Arrivals = {}
        for bit in self._bits(name, "input"):
            _later(latest, self._arriving(bit), 0.0)
        through, starts = self.arcs[name].through or 0.0, self.arcs[name].starts
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output":
                out = {begin: ns + through for begin, ns in latest.items()}
                _later(out, {"": starts[port]} if port in starts else {}, 0.0)
                self.at.update({bit: dict(out) for bit in bits})

    def _carry(self, pins: Mapping[str, Sequence[Bit]]) -> None:
        """Four bits of carry chain, from the lowest up."""
        d = self.delays
        chain: Arrivals = {}
        for port, inside in (("CI", True), ("CYINIT", False)):
            _later(chain, self._arriving(_pin(pins, port, 0), inside), 0.0)
        carried: Arrivals = dict(chain)
        entered: Arrivals = {}
        for i in range(4):
            operand: Arrivals = {}
            for port in ("S", "DI"):
                bit = _pin(pins, port, i)
                _later(operand, self._arriving(bit, self.fan_out[bit] == 1), 0.0)
            total: Arrivals = {}
            _later(total, carried, d.carry_out)
            _later(total, operand, d.carry_sum)
            _later(total, entered, d.carry_sum)
            _later(entered, operand, 0.0)
            out: Arrivals = {}
            _later(out, carried, d.carry_pass)
            _later(out, entered, d.carry_in)
            self._set(_pin(pins, "O", i), total)
            self._set(_pin(pins, "CO", i), out)

    def _set(self, bit: Bit, arrivals: Arrivals) -> None:
        if not isinstance(bit, str):
            self.at[bit] = arrivals

    def _end(self, name: str, port: str, bit: Bit) -> None:
        cell = self.cells[name]
        if cell["type"] in self.boxes:
            self._record(f"{name}.{port}", self.at.get(bit), 0.0)
        elif port in self.arcs[name].ends:
            inside = cell["type"] in _REGISTERS and port == "D" and self.fan_out[bit] == 1
            self._record("", self._arriving(bit, inside), self.arcs[name].ends[port])

    def _record(self, end: str, arrivals: Arrivals | None, more: float) -> None:
        for begin, ns in (arrivals or {}).items():
            ends = f"{begin}>{end}"
            if ns + more > self.found.get(ends, -1.0):
                self.found[ends] = ns + more

    def _arc(self, cell: Cell) -> _Arc:
        d, kind = self.delays, cell["type"]
        if kind in self.boxes:
            return _Arc({}, {})
        if kind in _REGISTERS:
            return _Arc(
                {"Q": d.clock_to_q}, {"D": d.setup, **dict.fromkeys(_ENABLES, d.enable_setup)}
            )
        if kind in _SHIFT_REGISTERS:
            ends = {"D": d.setup, "CE": d.enable_setup}
            return _Arc(dict.fromkeys(("Q", "Q15", "Q31"), d.ram_clock_to_q), ends, d.ram_read)
        if kind in _MULTIPLIERS:
            return _Arc({"p": d.dsp_clock_to_q}, dict.fromkeys("ab", d.dsp_multiply))
        return _others(cell, d)


def _is_clock(kind: str, port: str) -> bool:
    return port in _CLOCKS or (port == "C" and kind in _REGISTERS)


def _others(cell: Cell, d: Delays) -> _Arc:
    kind, ways = cell["type"], cell["port_directions"]
    outs = [p for p, way in ways.items() if way == "output"]
    ins = [p for p, way in ways.items() if way == "input" and not _is_clock(kind, p)]
    if kind.startswith("RAMB"):
        starts = dict.fromkeys(outs, d.block_clock_to_q)
        return _Arc(starts, dict.fromkeys(ins, d.block_setup))
    if kind.startswith("RAM"):
        written = [p for p in ins if p.startswith("DI") or p in ("D", "WE")]
        starts = dict.fromkeys(outs, d.ram_clock_to_q)
        return _Arc(starts, dict.fromkeys(written, d.enable_setup), d.ram_read)
    if kind == "DSP48E1":
        return _dsp(cell["parameters"], outs, ins, d)
    return _Arc({}, {}, d.mux if kind.startswith("MUXF") else d.lut)


def _dsp(parameters: Mapping[str, Any], outs: list[str], ins: list[str], d: Delays) -> _Arc:
    """A DSP48E1 by which of its registers are used; a port without one reaches the next."""
    held = {name: _number(parameters.get(name, 1)) > 0 for name in _DSP_REGISTERS}
    to_sum = 0.0 if held["PREG"] else None
    after = d.dsp_add
    ends: dict[str, float] = {}
    for port in ins:
        register = _DSP_PORTS.get(port)
        if register is None or held[register]:
            ends[port] = d.dsp_setup
        elif port == "C" or held["MREG"]:
            ends[port] = d.dsp_add if port == "C" else d.dsp_multiply
        else:
            ends[port] = d.dsp_multiply + after
    if to_sum is not None:
        return _Arc(dict.fromkeys(outs, d.dsp_clock_to_q), ends)
    if held["MREG"]:
        return _Arc(dict.fromkeys(outs, d.dsp_clock_to_q + after), ends)
    if held["AREG"] and held["BREG"]:
        return _Arc(dict.fromkeys(outs, d.dsp_clock_to_q + d.dsp_multiply + after), ends)
    ends = {port: ns for port, ns in ends.items() if port not in _DSP_PORTS}
    return _Arc({}, ends, d.dsp_multiply + after)


_DSP_REGISTERS = ("AREG", "BREG", "CREG", "DREG", "MREG", "PREG")
_DSP_PORTS = {"A": "AREG", "B": "BREG", "C": "CREG", "D": "DREG"}


def _number(value: Any) -> int:
    """A parameter: Yosys writes binary digits, or a number."""
    return int(value, 2) if isinstance(value, str) else int(value)


def _pin(pins: Mapping[str, Sequence[Bit]], port: str, i: int) -> Bit:
    bits = pins.get(port, ())
    return bits[i] if i < len(bits) else "x"


def _later(known: Arrivals, other: Mapping[str, float], more: float) -> None:
    """Keep the later of each in ``known``."""
    for begin, ns in other.items():
        if ns + more > known.get(begin, -1.0):
            known[begin] = ns + more


def joined(
    glue: Mapping[str, float], parts: Mapping[str, Mapping[str, float]], delays: Delays
) -> float:
    """The critical path of a design from the paths of its top, whose ends are pins of instances,
    and those of the parts, by instance.
    """
    into: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for ends, ns in glue.items():
        begin, end = ends.split(">")
        into[end].append((begin, ns))
    arrival = _walk(into, parts, delays)
    worst = max(
        (critical_path({e: n for e, n in p.items() if e == ">"}, delays) for p in parts.values()),
        default=0.0,
    )
    for end in into:
        instance, _, port = end.rpartition(".")
        if not instance:  # a register of the top, or an output
            rest = delays.wire(1) + delays.setup if end else 0.0
        elif f"{port}>" in parts[instance]:
            rest = parts[instance][f"{port}>"]
        else:
            continue
        worst = max(worst, max(arrival(b) + ns for b, ns in into[end]) + rest)
    return worst


def _walk(
    into: Mapping[str, list[tuple[str, float]]],
    parts: Mapping[str, Mapping[str, float]],
    delays: Delays,
) -> Callable[[str], float]:
    """A function that tells when what begins at a pin is there."""
    through: dict[str, list[tuple[str, float]]] = defaultdict(list)
    starts: dict[str, float] = {}
    for instance, paths in parts.items():
        for ends, ns in paths.items():
            begin, end = ends.split(">")
            if end and begin:
                through[f"{instance}.{end}"].append((f"{instance}.{begin}", ns))
            elif end:
                starts[f"{instance}.{end}"] = ns
    known: dict[str, float] = {}

    def arrival(pin: str) -> float:
        if "." not in pin:
            return delays.clock_to_q if pin else 0.0
        if pin not in known:
            known[pin] = starts.get(pin, 0.0)  # also ends a walk round a loop of ports
            for before, ns in through.get(pin, ()):
                for begin, wire in into.get(before, ()):
                    known[pin] = max(known[pin], arrival(begin) + wire + ns)
        return known[pin]

    return arrival
