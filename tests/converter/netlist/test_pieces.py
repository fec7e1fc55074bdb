"""Products cut into limbs and carry chains cut into pieces compute what whole ones do, in the
cycles of the plan.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from converter.netlist.nodes import Netlist, Op
from converter.netlist.pipeline import Pipeline, operand_widths, pieces_of, pipeline
from converter.netlist.products import cut_products
from converter.netlist.verilog import print_module
from converter.rtl.module import library_file
from converter.timing import Family, Target, timing_for

CLOCKS_NS = {
    Family.SERIES7: 4.0,
    Family.ULTRASCALE_PLUS: 2.4,
    Family.VERSAL: 2.3,
    Family.ECP5: 8.0,
}
ROWS, CASES = 30, 60
OPERATIONS = ("product", "add", "sub", "at_least")


@dataclass(frozen=True)
class Operation:
    """``a`` and ``b``: least and largest value."""

    name: str
    a: tuple[int, int]
    b: tuple[int, int]
    plan: Pipeline

    def result(self, a: int, b: int) -> int:
        values = {"product": a * b, "add": a + b, "sub": a - b, "at_least": int(a >= b)}
        return values[self.name]


def ends(width: int, signed: bool) -> tuple[int, int]:
    low = -(1 << width - 1) if signed else 0
    return low, low + (1 << width) - 1


def random_operation(rng: np.random.Generator) -> Operation:
    family = list(CLOCKS_NS)[rng.integers(len(CLOCKS_NS))]
    timing = timing_for(Target("part", family, CLOCKS_NS[family] * rng.choice([1.0, 1.5])))
    net, name = Netlist(), OPERATIONS[rng.integers(4)]
    a, b = (ends(int(rng.integers(1, 100)), bool(rng.integers(2))) for _ in range(2))
    net.outputs = [getattr(net, name)(net.input(*a), net.input(*b))]
    return Operation(name, a, b, pipeline(net, timing, name))


def drawn(rng: np.random.Generator, span: tuple[int, int]) -> int:
    low, high = span
    inner = low + int.from_bytes(rng.bytes(16), "little") % (high - low + 1)
    return [low, high, inner, inner][rng.integers(4)]


def width_of(span: tuple[int, int]) -> int:
    return (span[1] - span[0]).bit_length()


def bench(operations: list[Operation], rng: np.random.Generator) -> str:
    """A row every cycle; each result is looked at ``latency`` cycles after its operands."""
    declared, steps = ["reg clk = 0;", "integer errors = 0;"], []
    given = {(k, row): (drawn(rng, o.a), drawn(rng, o.b))
             for k, o in enumerate(operations) for row in range(ROWS)}  # fmt: skip
    last = max(o.plan.latency for o in operations)
    for k, o in enumerate(operations):
        bits, out = width_of(o.a) + width_of(o.b), result_width(o)
        declared += [
            f"reg [{bits - 1}:0] x{k}; wire [{out - 1}:0] y{k};",
            f"m{k} u{k} (.clk(clk), .in_data(x{k}), .out_data(y{k}));",
        ]
    for cycle in range(ROWS + last):
        for k, o in enumerate(operations):
            if cycle < ROWS:
                a, b = given[k, cycle]
                steps.append(f"x{k} = {word(o, a, b)};")
        steps.append("#1;")
        for k, o in enumerate(operations):
            row = cycle - o.plan.latency
            if 0 <= row < ROWS:
                expected = o.result(*given[k, row]) & (1 << result_width(o)) - 1
                literal = f"{result_width(o)}'h{expected:x}"
                steps.append(f"if (y{k} !== {literal}) errors = errors + 1;")
        steps.append("clk = 1; #1; clk = 0;")
    ending = '$display("errors %0d", errors); $finish;'
    return "\n".join(["module bench;", *declared, "initial begin", *steps, ending, "end endmodule"])


def result_width(o: Operation) -> int:
    return o.plan.netlist.nodes[o.plan.netlist.outputs[0]].width


def word(o: Operation, a: int, b: int) -> str:
    low, high = width_of(o.a), width_of(o.b)
    code = a & (1 << low) - 1 | (b & (1 << high) - 1) << low
    return f"{low + high}'h{code:x}"


def test_pieces_give_the_bits_of_the_whole(tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")
    rng = np.random.default_rng(5)
    operations = [random_operation(rng) for _ in range(CASES)]
    assert {o.name for o in operations} == set(OPERATIONS)
    assert len({o.plan.latency for o in operations}) > 4
    modules = [
        print_module(f"m{k}", o.plan, [width_of(o.a), width_of(o.b)], [result_width(o)])
        for k, o in enumerate(operations)
    ]
    blocks = [library_file(f"nn_mult_{size}.v") for size in ("27x18", "27x24")]
    text = "\n".join([*blocks, *modules, bench(operations, rng)])
    (tmp_path / "all.v").write_text(text, encoding="ascii")
    subprocess.run(["iverilog", "-g2005", "-o", "all", "all.v"], cwd=tmp_path, check=True)
    answer = subprocess.run(
        ["vvp", "-N", "all"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.strip() == "errors 0"


@pytest.mark.parametrize("family", Family)
def test_every_product_of_a_cut_netlist_is_one_block(family: Family) -> None:
    dsp = timing_for(Target("part", family, 20.0)).dsp
    net = Netlist()
    net.outputs = [net.product(net.input(*ends(57, True)), net.input(*ends(40, False)))]
    cut = cut_products(net, dsp)
    products = [operand_widths(cut, n) for n in cut.nodes if n.op is Op.MUL]
    assert len(products) == dsp.blocks(57, 41)
    assert all(narrow <= dsp.narrow and wide <= dsp.wide for narrow, wide in products)
    (output,) = cut.outputs
    assert (cut.nodes[output].lo, cut.nodes[output].hi) == net.span(net.outputs[0])


def test_a_chain_is_cut_where_it_does_not_fit() -> None:
    timing = timing_for(Target("part", Family.ULTRASCALE_PLUS, 2.4))
    for bits in (timing.longest_adder() - 1, timing.longest_adder() + 1):
        net = Netlist()
        net.outputs = [net.add(net.input(*ends(bits, True)), net.input(*ends(bits, True)))]
        plan = pipeline(net, timing, "sum")
        pieces = pieces_of(plan.netlist, plan.netlist.nodes[-1], plan.chunk)
        assert plan.latency == pieces == 1 + (bits + 1 > timing.longest_adder())
