"""The matrix-vector product whose multipliers are shared over time.

Of ``reuse_factor`` steps, each reads ``per_step`` inputs and one word of weights from a
ROM, and feeds ``lanes`` accumulators; after ``steps`` of them a group of outputs is done.
With reuse factors up to n_in there is one group and ``n_in / RF`` inputs per step; above,
one input per step and ``RF / n_in`` groups (the micro-architecture of hls4ml's resource
strategy). A new input is taken every ``reuse_factor`` cycles exactly: the inputs are
captured in the cycle that the last step of the one before reads its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.errors import TargetError
from converter.facts import DSP_MIN_WIDTH, Memory, Multipliers
from converter.netlist.nodes import block_rom
from converter.netlist.pipeline import DSP_WIDTHS, Counts
from converter.netlist.verilog import literal, rom_style
from converter.rtl.module import RtlModule, fill, library_file
from converter.timing import Timing, slowest_fit
from converter.types import Codes, bits_for


@dataclass(frozen=True)
class Shared:
    """Sizes, widths (of signed words) and cycles of one product; see the module's text."""

    n_in: int
    n_out: int
    reuse_factor: int
    input_width: int
    input_signed: bool
    weight_width: int
    accum_width: int  # of the accumulators, whose step is that of the products
    block: bool  # weights are in block RAM
    read_cycles: int
    product_cycles: int
    tree_registers: tuple[bool, ...]  # after each level of the adder tree

    @property
    def steps(self) -> int:
        """Steps per group."""
        return min(self.reuse_factor, self.n_in)

    @property
    def per_step(self) -> int:
        """Inputs read per step."""
        return self.n_in // self.steps

    @property
    def groups(self) -> int:
        """Groups of outputs, one after the other."""
        return self.reuse_factor // self.steps

    @property
    def lanes(self) -> int:
        """Accumulators."""
        return self.n_out // self.groups

    @property
    def operand_width(self) -> int:
        """Bits of an input as a signed word."""
        return self.input_width + (not self.input_signed)

    @property
    def product_width(self) -> int:
        """Bits of a product."""
        return self.operand_width + self.weight_width

    @property
    def dsp(self) -> bool:
        """Whether multipliers are left to DSP blocks."""
        return min(self.operand_width, self.weight_width) >= DSP_MIN_WIDTH

    @property
    def tail(self) -> int:
        """Cycles from a step's address to its products' sum in the accumulator."""
        return self.read_cycles + self.product_cycles + sum(self.tree_registers) + 1

    @property
    def latency(self) -> int:
        """Cycles from the input to the output: capture, all steps, and the tail of the last."""
        return self.reuse_factor + self.tail


def plan_shared(
    weights: Codes,
    reuse_factor: int,
    types: tuple[int, bool, int],
    timing: Timing,
    where: str,
) -> Shared:
    """``types``: (input bits, input signed, accumulator bits at the products' step).

    Raises TargetError where the accumulation does not fit into a cycle.
    """
    n_in, n_out = weights.shape
    weight_width = _signed_width(weights)
    operand_width = types[0] + (not types[1])
    word = weight_width * n_in * n_out // reuse_factor
    block = block_rom(reuse_factor, word)
    needed = timing.adder_ns(types[2]) + timing.lut_ns
    if needed > timing.usable_ns:
        raise TargetError(f"{where}: accumulating {types[2]} bits {slowest_fit(timing, needed)}")
    widths = sorted((operand_width, weight_width))
    return Shared(
        n_in, n_out, reuse_factor, types[0], types[1], weight_width, types[2], block,
        _read_cycles(block, min(reuse_factor, n_in), timing),
        _product_cycles(widths, timing),
        _tree_registers(n_in // min(reuse_factor, n_in), sum(widths), timing),
    )  # fmt: skip


def _signed_width(weights: Codes) -> int:
    width, signed = bits_for(int(weights.min()), int(weights.max()))
    return width + (not signed)


def _read_cycles(block: bool, steps: int, timing: Timing) -> int:
    """1, or 2 where the selection of inputs or the way from block RAM to multiplier is long."""
    slow_select = timing.select_ns(steps) > timing.usable_ns
    slow_memory = block and timing.memory_ns + timing.multiplier_ns > timing.usable_ns
    return 2 if slow_select or slow_memory else 1


def _product_cycles(widths: list[int], timing: Timing) -> int:
    if widths[0] >= DSP_MIN_WIDTH:
        return 1 if widths[0] <= DSP_WIDTHS[0] and widths[1] <= DSP_WIDTHS[1] else 2
    levels = (widths[0] - 1).bit_length()
    return 1 if levels * timing.adder_ns(sum(widths)) <= timing.usable_ns else max(levels, 1)


def _tree_registers(count: int, width: int, timing: Timing) -> tuple[bool, ...]:
    """Cuts between the levels of a tree over ``count`` products; the last level has one."""
    registers: list[bool] = []
    total = 0.0
    for level in range((count - 1).bit_length()):
        delay = timing.adder_ns(width + level + 1)
        if registers and total + delay > timing.usable_ns:
            registers[-1], total = True, 0.0
        registers.append(False)
        total += delay
    return (*registers[:-1], True) if registers else ()


def shared_counts(plan: Shared) -> Counts:
    """Exact counts. Left out: registers that a DSP block holds (inputs, product, accumulator)
    or block RAM (the word read).
    """
    in_dsp = plan.dsp and plan.per_step == 1
    tree = _tree_widths(plan)
    selected = plan.per_step * plan.input_width
    multipliers = plan.per_step * plan.lanes
    fabric = 0 if plan.dsp else multipliers * plan.product_width
    registers = (
        plan.n_in * plan.input_width
        + _select_bits(plan)
        + (plan.read_cycles - plan.block) * _word_registers(plan)
        + fabric * plan.product_cycles
        + sum(w for w, cut in zip(tree, plan.tree_registers, strict=True) if cut) * plan.lanes
        + (0 if in_dsp else plan.accum_width * plan.lanes)
        + (plan.groups - 1) * plan.lanes * plan.accum_width
        + _control_bits(plan)
    )
    return Counts(
        adders=plan.lanes * (plan.per_step - 1 + (not in_dsp)),
        adder_bits=plan.lanes * (sum(_tree_bits(plan)) + (0 if in_dsp else plan.accum_width)),
        mux_bits=(plan.steps - 1) * selected,
        register_bits=registers,
        multipliers=(
            Multipliers(
                multipliers, plan.operand_width, plan.weight_width,
                plan.per_step == 1,
            ),
        ),
        memories=(
            Memory(
                1, plan.reuse_factor, plan.weight_width * multipliers, 1, plan.block
            ),
        ),
    )  # fmt: skip


def _word_registers(plan: Shared) -> int:
    """Registers of a word of weights; with few steps many of its bits are the same function
    of the step, of which there are 2**steps that are not constant, less two.
    """
    bits = plan.weight_width * plan.per_step * plan.lanes
    return min(bits, (1 << min(plan.reuse_factor, 62)) - 2)


def _select_bits(plan: Shared) -> int:
    """Registers of the selected inputs; a selection in two cycles also holds one per group."""
    selected = plan.per_step * plan.input_width
    if plan.read_cycles == 1:
        return 0 if plan.dsp else selected
    index = max(plan.steps - 1, 1).bit_length()
    size = 1 << (index + 1) // 2
    groups = -(-plan.steps // size)
    return selected * (groups + (not plan.dsp)) + index - (index + 1) // 2


def _control_bits(plan: Shared) -> int:
    counters = max(plan.steps - 1, 1).bit_length() + max(plan.groups - 1, 1).bit_length()
    address = max(plan.reuse_factor - 1, 1).bit_length()
    return counters + address + 1 + 2 * plan.tail


def _tree_widths(plan: Shared) -> list[int]:
    """Bits of all words after each level of one lane's tree."""
    out, count = [], plan.per_step
    for level in range(len(plan.tree_registers)):
        count = -(-count // 2)
        out.append(count * (plan.product_width + level + 1))
    return out


def _tree_bits(plan: Shared) -> list[int]:
    """Bits of additions in each level of one lane's tree."""
    out, count = [], plan.per_step
    for level in range(len(plan.tree_registers)):
        out.append(count // 2 * (plan.product_width + level + 1))
        count = -(-count // 2)
    return out


def weight_words(plan: Shared, weights: Codes) -> list[int]:
    """ROM words by address: lane l, input k of the step at bits ``(l * per_step + k) * width``."""
    width, mask = plan.weight_width, (1 << plan.weight_width) - 1
    words = []
    for address in range(plan.reuse_factor):
        group, step = divmod(address, plan.steps)
        rows = slice(step * plan.per_step, (step + 1) * plan.per_step)
        columns = slice(group * plan.lanes, (group + 1) * plan.lanes)
        word = 0
        for position, w in enumerate(np.ravel(weights[rows, columns].T).tolist()):
            word |= (int(w) & mask) << position * width
        words.append(word)
    return words


def bias_words(plan: Shared, bias: Codes) -> list[int]:
    """Start values of the accumulators by group."""
    width, mask = plan.accum_width, (1 << plan.accum_width) - 1
    words = []
    for group in range(plan.groups):
        part = bias[group * plan.lanes : (group + 1) * plan.lanes].tolist()
        words.append(sum((int(b) & mask) << i * width for i, b in enumerate(part)))
    return words


def print_shared(
    name: str, plan: Shared, weights: Codes, bias: Codes, below: Codes, shift: int
) -> RtlModule:
    """Verilog of one product; ``bias`` at the products' step, ``below`` its lower bits."""
    word = plan.weight_width * plan.per_step * plan.lanes
    bus, starts = plan.accum_width * plan.lanes, bias_words(plan, bias)
    values = {
        "NAME": name,
        "IN_BITS": plan.n_in * plan.input_width,
        "OUT_BITS": plan.n_out * (plan.accum_width + shift),
        "STEPS": plan.steps,
        "GROUPS": plan.groups,
        "PER_STEP": plan.per_step,
        "LANES": plan.lanes,
        "INPUT_WIDTH": plan.input_width,
        "INPUT_SIGNED": int(plan.input_signed),
        "WEIGHT_WIDTH": plan.weight_width,
        "ACCUM_WIDTH": plan.accum_width,
        "READ_CYCLES": plan.read_cycles,
        "PRODUCT_CYCLES": plan.product_cycles,
        "TREE_LEVELS": max(len(plan.tree_registers), 1),
        "TREE_REGISTERS": _mask(plan.tree_registers),
        "TREE_CYCLES": sum(plan.tree_registers),
        "DSP": int(plan.dsp),
        "SHIFT": shift,
        "OUTPUTS": "\n".join(_output(plan, o, int(b), shift) for o, b in enumerate(below)),
        "WEIGHTS": _rom(f"{name}_weights", weight_words(plan, weights), word, plan.block),
        "START": literal(starts[0], bus),
        "BIASES": _rom(f"{name}_biases", starts, bus, False) if plan.groups > 1 else "",
    }
    library = (
        "nn_delay.v", "nn_shared_control.v", "nn_select.v", "nn_product.v", "nn_sum_tree.v",
        "nn_accumulate.v",
    )  # fmt: skip
    return RtlModule(name, fill(library_file("shared.v.in"), values), library)


def _mask(bits: tuple[bool, ...]) -> str:
    value = sum(b << i for i, b in enumerate(bits))
    return literal(value, max(len(bits), 1))


def _output(plan: Shared, output: int, below: int, shift: int) -> str:
    width = plan.accum_width
    word = f"sums[{output * width} +: {width}]"
    if shift:
        word = f"{{{word}, {literal(below, shift)}}}"
    total = width + shift
    return f"  assign out_data[{output * total} +: {total}] = {word};"


def _rom(name: str, words: list[int], width: int, block: bool) -> str:
    """A clocked read-only memory as a module."""
    bits = max(len(words) - 1, 1).bit_length()
    values = {
        "NAME": name,
        "ADDRESS_BITS": bits,
        "WIDTH": width,
        "DEPTH": len(words),
        "STYLE": "\n".join(rom_style(block)),
        "WORDS": "\n".join(f"    words[{i}] = {literal(w, width)};" for i, w in enumerate(words)),
    }
    return fill(library_file("rom.v.in"), values)
