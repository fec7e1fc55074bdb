"""Static timing of netlists that are small enough to be timed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from converter.backends.yosys.delays import DELAYS
from converter.backends.yosys.sta import critical_path, joined, slowest_paths
from converter.timing import Family

D = DELAYS[Family.ULTRASCALE_PLUS]


def cell(kind: str, outputs: str, parameters: dict[str, Any] | None = None, **pins: Any) -> Any:
    """``pins``: bits by port; those named in ``outputs`` are outputs."""
    ways = {p: "output" if p in outputs.split() else "input" for p in pins}
    connections = {p: b if isinstance(b, list) else [b] for p, b in pins.items()}
    return {
        "type": kind,
        "parameters": parameters or {},
        "port_directions": ways,
        "connections": connections,
    }


def register(d: int, q: int) -> Any:
    return cell("FDRE", "Q", D=d, Q=q, C=0, CE="1", R="0")


def netlist(inputs: dict[str, list[int]], outputs: dict[str, list[int]], **cells: Any) -> Any:
    ports = {n: {"direction": "input", "bits": b} for n, b in inputs.items()}
    ports |= {n: {"direction": "output", "bits": b} for n, b in outputs.items()}
    return {"ports": ports, "cells": cells}


def test_a_register_a_lut_a_register() -> None:
    chain = netlist({}, {}, a=register(9, 2), b=cell("LUT1", "O", I0=2, O=3), c=register(3, 4))
    total = D.clock_to_q + D.wire(1) + D.lut + D.net_inside + D.setup
    assert slowest_paths(chain, D) == pytest.approx({">": total})


def test_paths_are_told_apart_by_their_ends() -> None:
    through = netlist(
        {"x": [2], "y": [3], "clk": [0]},
        {"q": [5], "z": [4]},
        l=cell("LUT2", "O", I0=2, I1=3, O=4),
        r=register(4, 5),
    )
    paths = slowest_paths(through, D)
    assert set(paths) == {"x>z", "y>z", "x>", "y>", ">q"}
    assert paths["x>z"] == pytest.approx(D.wire(1) + D.lut)
    assert paths[">q"] == pytest.approx(D.clock_to_q)


def test_a_carry_chain_takes_time_by_four_bits() -> None:
    def chain(fours: int) -> float:
        cells = {"start": register(900, 1)}
        for k in range(fours):
            base = 100 * (k + 1)
            cells[f"c{k}"] = cell(
                "CARRY4", "O CO", S=[1 if k == 0 else "0", "0", "0", "0"], DI=["0"] * 4,
                CI=base - 97 if k else "0", CYINIT="0",
                O=list(range(base + 10, base + 14)), CO=list(range(base, base + 4)),
            )  # fmt: skip
        cells["end"] = register(100 * fours + 13, 901)
        return slowest_paths(netlist({}, {}, **cells), D)[">"]

    one, two, three = chain(1), chain(2), chain(3)
    assert one == pytest.approx(D.clock_to_q + D.net_inside + D.carry_sum + D.net_inside + D.setup)
    assert two - one == pytest.approx(D.carry_in + D.net_inside + D.carry_out - D.carry_sum)
    assert three - two == pytest.approx(D.carry_pass + D.net_inside)


def test_fan_out_makes_a_net_slower() -> None:
    readers = {f"r{i}": cell("LUT1", "O", I0=2, O=10 + i) for i in range(16)}
    ends = {f"e{i}": register(10 + i, 40 + i) for i in range(16)}
    wide = slowest_paths(netlist({}, {}, a=register(9, 2), **readers, **ends), D)[">"]
    assert wide == pytest.approx(
        D.clock_to_q + D.net + 4 * D.net_log2 + D.lut + D.net_inside + D.setup
    )


@pytest.mark.parametrize(
    ("registers", "into", "out_of"),
    [
        ({"AREG": "1", "BREG": "1", "MREG": "1", "PREG": "1"}, D.dsp_setup, D.dsp_clock_to_q),
        ({"AREG": "0", "BREG": "0", "MREG": "1", "PREG": "1"}, D.dsp_multiply, D.dsp_clock_to_q),
        ({"AREG": "0", "BREG": "0", "MREG": "0", "PREG": "1"},
         D.dsp_multiply + D.dsp_add, D.dsp_clock_to_q),
        ({"AREG": "1", "BREG": "1", "MREG": "1", "PREG": "0"},
         D.dsp_setup, D.dsp_clock_to_q + D.dsp_add),
    ],
)  # fmt: skip
def test_a_dsp_block_by_its_registers(
    registers: dict[str, str], into: float, out_of: float
) -> None:
    block = cell("DSP48E1", "P", registers, A=[2], B=[3], P=[4], CLK=0)
    paths = slowest_paths(netlist({"a": [2], "b": [3]}, {"p": [4]}, dsp=block), D)
    assert paths == pytest.approx({"a>": into + D.wire(1), "b>": into + D.wire(1), ">p": out_of})


def test_a_dsp_block_without_registers_is_passed_through() -> None:
    none = dict.fromkeys(("AREG", "BREG", "MREG", "PREG"), "00000000")
    block = cell("DSP48E1", "P", none, A=[2], B=[3], P=[4])
    paths = slowest_paths(netlist({"a": [2], "b": [3]}, {"p": [4]}, dsp=block), D)
    assert paths["a>p"] == pytest.approx(D.wire(1) + D.dsp_multiply + D.dsp_add)


def test_a_memory_in_luts_is_read_through_its_address() -> None:
    ram = cell("RAM32M", "DOA", ADDRA=[2], DIA=[3], DOA=[4], WE=[5], WCLK=0)
    ports = {"address": [2], "data": [3], "write": [5]}
    paths = slowest_paths(netlist(ports, {"word": [4]}, ram=ram), D)
    assert paths["address>word"] == pytest.approx(D.wire(1) + D.ram_read)
    assert paths[">word"] == pytest.approx(D.ram_clock_to_q)
    assert {"data>", "write>"} <= set(paths)
    assert "data>word" not in paths


def test_ports_are_taken_for_registers_where_a_part_is_alone() -> None:
    paths = {"x>y": 1.0, "x>": 0.5, ">": 0.7}
    assert critical_path(paths, D) == pytest.approx(D.clock_to_q + 1.0 + D.wire(1) + D.setup)


def test_parts_are_joined_through_the_pins_of_the_top() -> None:
    """a's register, through b, to the register in c; the top has a gate before c."""
    parts = {"a": {">q": 0.3, ">": 0.4}, "b": {"x>y": 0.6}, "c": {"x>": 0.9, ">": 0.2}}
    glue = {"a.q>b.x": 0.0, "b.y>c.x": 0.25}
    assert joined(glue, parts, D) == pytest.approx(0.3 + 0.6 + 0.25 + 0.9)


def test_a_loop_of_ports_ends() -> None:
    """As of valid and ready, where no single bit goes round."""
    parts = {"a": {"x>y": 0.5, ">y": 0.1}, "b": {"x>y": 0.5, "x>": 0.2}}
    glue = {"a.y>b.x": 0.0, "b.y>a.x": 0.0}
    assert joined(glue, parts, D) >= 0.1 + 0.2


def test_paths_of_routed_designs_that_the_delays_were_made_from() -> None:
    """Three of an XCZU3EG-1 (Vivado 2021.2), one of an XC7Z020-1 (2019.2), by their fan-outs."""
    d, s = D, DELAYS[Family.SERIES7]
    chain = d.carry_pass + d.net_inside
    deep = 10 * d.lut + sum(map(d.wire, (10, 1, 1, 69, 70, 2, 19, 7, 2, 1))) + d.carry_sum
    deep += d.clock_to_q + 3 * d.net_inside + d.carry_in + 4 * chain + d.setup
    less = d.clock_to_q + 3 * d.lut + d.wire(9) + d.wire(4) + d.wire(1)
    less += 2 * d.net_inside + d.carry_in + 6 * chain + d.setup
    short = d.clock_to_q + d.lut + d.wire(76) + d.wire(2) + d.enable_setup
    sums = s.clock_to_q + 5 * s.lut + 2 * s.carry_sum + s.setup
    sums += sum(map(s.wire, (60, 24, 3, 14, 1, 3, 8)))
    # the delays are means over elements of one kind, so that no path is met exactly
    assert [deep, less, short, sums] == pytest.approx([4.446, 1.598, 0.735, 9.364], rel=0.15)
