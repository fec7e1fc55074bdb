"""What a product with shared multipliers is made of, in exact counts.

Left out are registers that a DSP block holds (operands, product, accumulator) or block RAM (the
word read), where the family's blocks have them and open synthesis puts them there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from converter.facts import Memory, Multipliers
from converter.netlist.counts import count, unread_by_input
from converter.netlist.pipeline import Counts
from converter.rtl.shared import Shape, Shared, column_bits, functions, product_sum, rom_luts
from converter.rtl.shared_print import start_codes
from converter.timing import Timing
from converter.types import Codes


@dataclass
class _Registers:
    """Bits of flip-flops and of shift registers, as they are found."""

    shift_length: int
    single: int = 0
    shifted: int = 0

    def hold(self, bits: int, cycles: int = 1) -> None:
        """Words of ``bits`` in all that wait."""
        if cycles >= self.shift_length:
            self.shifted += bits
        else:
            self.single += bits * cycles


def shared_counts(plan: Shared, bias: Codes) -> Counts:
    """Exact counts; ``bias`` at the products' step."""
    lanes = Counter(shape for shape in plan.shapes if shape[0])
    built = sum(lanes.values())
    sums = _sums(plan)
    registers = _Registers(plan.timing.shift_length)
    for c, one in sums.items():
        registers.single += lanes[c] * one.register_bits
        registers.shifted += lanes[c] * one.shift_register_bits
    _operand_registers(plan, registers)
    _control_registers(plan, registers)
    _accumulator_registers(plan, bias, registers)
    added = 0 if plan.accumulate_in_dsp else built
    selected = _selected(plan)
    return Counts(
        adders=added + sum(lanes[c] * one.adders for c, one in sums.items()),
        adder_bits=added * plan.accum_width
        + sum(lanes[c] * one.adder_bits for c, one in sums.items()),
        mux_bits=(plan.steps - 1) * selected
        + sum(lanes[c] * one.mux_bits for c, one in sums.items()),
        register_bits=registers.single,
        shift_register_bits=registers.shifted,
        multipliers=_multipliers(plan, lanes),
        memories=_memories(plan, bias),
    )


def _sums(plan: Shared) -> dict[Shape, Counts]:
    """Counts of the sums of each shape."""
    operand = (plan.input_width, plan.input_signed)
    return {s: _sum_counts(s, operand, plan.timing, plan.sum_cycles) for s in plan.sums}


@lru_cache(maxsize=1024)
def _sum_counts(shape: Shape, operand: tuple[int, bool], timing: Timing, at_least: int) -> Counts:
    return count(product_sum(shape, operand, timing, at_least))


def _multipliers(plan: Shared, lanes: Counter[Shape]) -> tuple[Multipliers, ...]:
    """All alike; those too wide for a DSP block by their limbs."""
    total = int(np.count_nonzero(plan.used))
    if not total:
        return ()
    if not plan.dsp:
        return (Multipliers(total, plan.operand_width, plan.weight_width),)
    found: Counter[Multipliers] = Counter()
    for c, one in _sums(plan).items():
        for m in one.multipliers:
            found[replace(m, count=1, accumulate=plan.accumulate_in_dsp)] += lanes[c] * m.count
    return tuple(replace(m, count=n) for m, n in found.items())


def _memories(plan: Shared, bias: Codes) -> tuple[Memory, ...]:
    found = []
    if plan.word:
        depth = plan.reuse_factor
        luts = 0 if plan.block else rom_luts(_weight_functions(plan), depth)
        found.append(Memory(1, depth, plan.word, 1, plan.block, luts=luts))
    starts = _start_functions(plan, bias)
    if starts:
        luts = rom_luts(starts, plan.passes)
        found.append(Memory(1, plan.passes, len(starts), 1, False, luts=luts))
    return tuple(found)


def _weight_functions(plan: Shared) -> tuple[int, ...]:
    """What is left of the columns of the weights in LUTs."""
    return functions(column_bits(plan.weights[:, plan.used], plan.weight_width))


def _start_functions(plan: Shared, bias: Codes) -> tuple[int, ...]:
    """The same of the accumulators' start values, which are constant in one pass."""
    if plan.passes == 1:
        return ()
    return functions(column_bits(start_codes(plan, bias), plan.accum_width))


def _idle_functions(plan: Shared, bias: Codes) -> int:
    """Different bits that lanes without weights give in the course of the passes."""
    idle = ~plan.used.any(axis=1)
    return len(functions(column_bits(start_codes(plan, bias)[:, idle], plan.accum_width)))


def _selected(plan: Shared) -> int:
    """Bits of inputs that a step reads for some multiplier."""
    own = plan.used.reshape(plan.groups, -1, plan.per_step)
    return int(own.any(axis=1).sum()) * plan.input_width


def _operand_registers(plan: Shared, registers: _Registers) -> None:
    """The input, its selection, and the word of weights."""
    selected, index = _selected(plan), max(plan.steps - 1, 0).bit_length()
    registers.hold(selected * plan.steps)
    low = -(-max(index, 1) // plan.read_cycles)
    ways = plan.steps
    for cycle in range(1, plan.read_cycles):
        ways = -(-ways // (1 << low))
        registers.hold(selected * ways + max(index - cycle * low, 0))
    operand, weight = _held(plan)
    registers.hold(selected // plan.input_width * operand)
    registers.hold(_word_registers(plan, weight))


def _held(plan: Shared) -> tuple[int, int]:
    """Bits of an operand and of a weight that wait in front of their product in registers of the
    fabric: all but those that only a DSP block reads.
    """
    if not plan.word:
        return 0, 0
    if not plan.dsp:
        return plan.input_width, plan.weight_width
    shape = (1, *next(iter(plan.sums))[1:])
    return _held_widths(shape, (plan.input_width, plan.input_signed), plan.timing)


@lru_cache(maxsize=256)
def _held_widths(shape: Shape, operand: tuple[int, bool], timing: Timing) -> tuple[int, int]:
    plan = product_sum(shape, operand, timing, 0)
    unread = unread_by_input(plan)
    return tuple(plan.netlist.nodes[i].width - unread[i] for i in (0, 1))  # type: ignore[return-value]


def _word_registers(plan: Shared, held: int) -> int:
    """Of the word of weights: LUTs have a register behind, block RAM has its own. Of those behind
    these, ``held`` bits of each weight are not in DSP blocks.
    """
    if not plan.word:
        return 0
    bits = plan.word if plan.block else len(_weight_functions(plan))
    last = bits * held // plan.weight_width if plan.read_cycles > 1 else 0
    return bits * (max(plan.read_cycles - 2, 0) + (not plan.block)) + last


def _control_registers(plan: Shared, registers: _Registers) -> None:
    steps, passes = max(plan.steps - 1, 0).bit_length(), max(plan.passes - 1, 0).bit_length()
    both = max(plan.reuse_factor - 1, 1).bit_length() if steps and passes else 0
    registers.hold(1 + steps + passes + both)
    marks = 1 + (plan.passes > 1 and plan.steps > 1)
    registers.single += marks * (plan.tail + plan.pieces)
    if plan.steps > 1 and plan.word:
        registers.hold(1, plan.tail)
        registers.single += plan.pieces - 1
    if plan.passes > 1:
        registers.hold(passes, plan.tail - 1)


def _accumulator_registers(plan: Shared, bias: Codes, registers: _Registers) -> None:
    built = int(plan.used.any(axis=1).sum())
    width, chunk = plan.accum_width, plan.chunk
    if plan.passes > 1:
        idle = _idle_functions(plan, bias)
        registers.hold((plan.passes - 1) * (built * width + idle))
        registers.hold(len(_start_functions(plan, bias)))
        registers.hold(idle, plan.pieces)
    if plan.accumulate_in_dsp:
        return
    registers.hold(built * (width + plan.pieces - 1))
    for piece in range(plan.pieces):
        length = min(chunk, width - piece * chunk)
        registers.hold(built * length, plan.pieces - 1 - piece)
        for shape in plan.shapes:
            if shape[0] and piece:
                bits = _addend_bits(plan, shape, piece * chunk, length)
                # with the register of the sum in front they are one cycle longer
                long = piece + 1 >= plan.timing.shift_length
                registers.single -= bits * long
                registers.hold(bits, piece + long)


def _addend_bits(plan: Shared, shape: Shape, low: int, length: int) -> int:
    """Different bits of the sum of products in a piece of the accumulator."""
    pipeline = plan.sums[shape]
    width = pipeline.netlist.nodes[pipeline.netlist.outputs[0]].width
    return max(0, min(length, width - low)) if low < width else 1
