"""What is left of a netlist: bits that are constant, equal, or never read cost nothing."""

from __future__ import annotations

from random import Random

from converter.netlist.counts import count
from converter.netlist.covering import Gate, luts
from converter.netlist.nodes import Netlist
from converter.netlist.pipeline import Counts, pipeline
from converter.netlist.trimmed import table_luts
from converter.parts import target
from converter.timing import timing_for
from converter.types import Fixed, Overflow, Rounding

SLOW = timing_for(target("xcvu9p", 20.0))


def counted(net: Netlist, *outputs: int, cycles: int = 1) -> Counts:
    net.outputs.extend(outputs)
    return count(pipeline(net, SLOW, "net", cycles))


def test_an_addition_begins_where_both_sides_have_bits() -> None:
    net = Netlist()
    x = net.input(0, 255)
    counts = counted(net, net.times(x, 17))  # x + 16 x: the four least bits are those of x
    assert (counts.adders, counts.adder_bits) == (1, 9)


def test_low_bits_that_nobody_reads_are_summed_but_not_held() -> None:
    net = Netlist()
    a, b = net.input(0, 255), net.input(0, 255)
    counts = counted(net, net.shr(net.add(a, b), 4))
    assert counts.adder_bits == 9
    assert counts.register_bits == 5


def test_high_bits_that_nobody_reads_are_not_there() -> None:
    net = Netlist()
    a, b = net.input(0, 255), net.input(0, 255)
    counts = counted(net, net.low(net.add(a, b), 3))
    assert (counts.adder_bits, counts.register_bits) == (3, 3)


def test_equal_bits_are_held_once() -> None:
    net = Netlist()
    x = net.input(0, 255)
    counts = counted(net, net.shl(x, 2), net.low(x, 4), x)
    assert counts.register_bits == 8


def test_a_rectifier_in_front_of_a_register_is_its_reset() -> None:
    net = Netlist()
    x = net.input(-128, 127)
    relu = net.mux(net.negative(x), net.const(0), net.low(x, 7))
    counts = counted(net, relu)
    assert (counts.mux_bits, counts.gate_bits, counts.logic_luts) == (7, 7, 0)
    assert counts.register_bits == 7


def test_saturation_behind_a_rectifier_is_one_lut_per_bit() -> None:
    net, t = Netlist(), Fixed(6, 6, False, Rounding.TRN, Overflow.SAT)
    counts = counted(net, net.cast(net.input(-128, 127), 0, t))
    assert counts.register_bits == 6
    assert 6 <= counts.logic_luts <= 8  # a bit each, and when it is too large


def test_a_rounding_increment_takes_no_lut() -> None:
    net, t = Netlist(), Fixed(12, 12, True, Rounding.RND, Overflow.WRAP)
    counts = counted(net, net.cast(net.input(-1000, 1000), 4, t))
    assert counts.adder_bits > 0
    assert counts.logic_luts <= 1


def test_an_operand_waits_in_the_dsp_block_that_alone_reads_it() -> None:
    net = Netlist()
    a, b = net.input(-500, 500), net.input(-500, 500)
    alone = counted(net, net.mul(a, b))
    assert alone.register_bits == 0
    net = Netlist()
    a, b = net.input(-500, 500), net.input(-500, 500)
    assert counted(net, net.mul(a, b), a).register_bits == 10


def test_gates_that_one_other_reads_share_its_lut() -> None:
    chain = {10: Gate((0, 1)), 11: Gate((10, 2)), 12: Gate((11, 3))}
    assert luts(chain) == 1
    twice = {10: Gate((0, 1)), 11: Gate((10, 2)), 12: Gate((10, 3))}
    assert luts(twice) == 3
    wide = {10: Gate((0, 1, 2, 3)), 11: Gate((10, 4, 5, 6, 7))}
    assert luts(wide) == 2
    assert luts({100: Gate(tuple(range(11)))}) == 2


def test_a_table_of_few_functions_takes_few_luts() -> None:
    assert table_luts(tuple(range(64)), frozenset(range(6))) == 6
    assert table_luts(tuple(k // 64 for k in range(256)), frozenset({0, 1})) <= 2
    random = Random(1)
    noise = tuple(random.getrandbits(1) for _ in range(256))
    assert table_luts(noise, frozenset({0})) == 5
