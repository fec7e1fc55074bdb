"""Products with constant matrices whose multipliers are shared over time: sizes and cycles.

Of ``reuse_factor`` steps, each reads ``per_step`` inputs of every group and one word of weights
from a ROM, and feeds ``lanes`` accumulators; after ``steps`` of them as many outputs are done.
With reuse factors up to n_in there is one pass over the inputs, with ``n_in / RF`` of them per
step; above, one input per step and ``RF / n_in`` passes (the micro-architecture of hls4ml's
resource strategy). A new input is taken every ``reuse_factor`` cycles exactly: the inputs are
captured in the cycle that the last step of the one before reads its own.

Groups of a grouped product stand side by side, with one control and one word of weights. A
multiplier whose weights are all zero is not built, nor has it a place in the word. Products of a
step and their sum are a netlist, of which there is one for each number of products; and, of single
products in logic, for each interval of weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.facts import DSP_MIN_WIDTH
from converter.netlist.nodes import Netlist, block_rom
from converter.netlist.pipeline import Pipeline, pipeline
from converter.timing import Timing
from converter.types import Codes, bits_for

Shape = tuple[int, int, int]
"""Products of a step in one lane, and the least and the largest weight that they are built for."""


@dataclass(frozen=True, eq=False)
class Shared:
    """Sizes, widths (of signed words) and cycles of one product; see the module's text.

    ``weights``: [reuse_factor, groups * lanes, per_step], by address. ``used``: which of the
    multipliers [groups * lanes, per_step] have a weight. ``shapes``: by lane. ``sums``: by shape,
    the products of a step and their sum. ``pieces``: of an accumulator, ``chunk`` bits long.
    """

    groups: int
    n_in: int
    n_out: int
    reuse_factor: int
    input_width: int
    input_signed: bool
    weight_width: int
    accum_width: int  # of the accumulators, whose step is that of the products
    block: bool  # weights are in block RAM
    read_cycles: int
    chunk: int
    pieces: int
    weights: Codes = field(repr=False)
    used: npt.NDArray[np.bool_] = field(repr=False)
    shapes: tuple[Shape, ...] = field(repr=False)
    sums: dict[Shape, Pipeline] = field(repr=False)
    timing: Timing = field(repr=False)

    @property
    def steps(self) -> int:
        """Steps per pass."""
        return min(self.reuse_factor, self.n_in)

    @property
    def per_step(self) -> int:
        """Inputs of a group read per step."""
        return self.n_in // self.steps

    @property
    def passes(self) -> int:
        """Times that the inputs are read, each for other outputs."""
        return self.reuse_factor // self.steps

    @property
    def lanes(self) -> int:
        """Accumulators of all groups."""
        return self.groups * (self.n_out // self.passes)

    @property
    def operand_width(self) -> int:
        """Bits of an input as a signed word."""
        return self.input_width + (not self.input_signed)

    @property
    def dsp(self) -> bool:
        """Whether multipliers are left to DSP blocks."""
        return min(self.operand_width, self.weight_width) >= DSP_MIN_WIDTH

    @property
    def accumulate_in_dsp(self) -> bool:
        """Whether each DSP block adds its own products up."""
        widths = (self.operand_width, self.weight_width, self.accum_width)
        return self.dsp and self.per_step == 1 and self.timing.dsp.holds(*widths)

    @property
    def sum_cycles(self) -> int:
        """Registers from the operands of a step to the sum of their products."""
        return max((p.latency for p in self.sums.values()), default=1)

    @property
    def tail(self) -> int:
        """Cycles from a step's address to the first piece of its accumulator."""
        return self.read_cycles + self.sum_cycles

    @property
    def latency(self) -> int:
        """Cycles from the input to the output: capture, all steps, and the tail of the last."""
        return self.reuse_factor + self.tail + self.pieces

    @property
    def word(self) -> int:
        """Bits of a word of weights."""
        return self.weight_width * int(np.count_nonzero(self.used))

    def output(self, pass_: int, lane: int) -> int:
        """The output that a lane gives in a pass."""
        lanes = self.n_out // self.passes
        group, own = divmod(lane, lanes)
        return group * self.n_out + pass_ * lanes + own


def plan_shared(
    weights: Codes, reuse_factor: int, types: tuple[int, bool, int], timing: Timing
) -> Shared:
    """``weights``: [groups, n_in, n_out]. ``types``: (input bits, input signed, accumulator bits
    at the products' step).
    """
    groups, n_in, n_out = weights.shape
    ordered = _by_address(weights, reuse_factor)
    used = (ordered != 0).any(axis=0)
    weight_width = _signed_width(weights)
    operand_width = types[0] + (not types[1])
    large = block_rom(reuse_factor, weight_width * int(np.count_nonzero(used)))
    block = large or timing.lookup_ns(reuse_factor) > timing.usable_ns
    widths = (types[0], types[1])
    dsp = min(operand_width, weight_width) >= DSP_MIN_WIDTH
    steps = min(reuse_factor, n_in)
    in_dsp = dsp and steps == n_in and timing.dsp.holds(operand_width, weight_width, types[2])
    narrow = steps == n_in and not dsp
    shapes = _narrow_shapes(ordered) if narrow else _shapes(used, weight_width)
    chunk = types[2] if in_dsp else min(timing.longest_adder(luts=1), types[2])
    return Shared(
        groups, n_in, n_out, reuse_factor, types[0], types[1], weight_width, types[2], block,
        _read_cycles(block, steps, (dsp, operand_width + weight_width), timing),
        chunk, -(-types[2] // chunk), ordered, used, shapes, _sums(shapes, widths, timing), timing,
    )  # fmt: skip


def _by_address(weights: Codes, reuse_factor: int) -> Codes:
    """Weights [groups, n_in, n_out] as [address, group and lane, input of a step]."""
    groups, n_in, n_out = weights.shape
    steps = min(reuse_factor, n_in)
    passes = reuse_factor // steps
    parts = weights.reshape(groups, steps, n_in // steps, passes, n_out // passes)
    return parts.transpose(3, 1, 0, 4, 2).reshape(reuse_factor, -1, n_in // steps)


def _signed_width(weights: Codes) -> int:
    width, signed = bits_for(int(weights.min()), int(weights.max()))
    return width + (not signed)


def _read_cycles(block: bool, steps: int, product: tuple[bool, int], timing: Timing) -> int:
    """1, or more where the selection of inputs or the way from block RAM to multiplier is long."""
    dsp, bits = product
    multiply = timing.multiplier_ns if dsp else timing.adder_ns(bits)
    cycles = 2 if block and timing.memory_ns + multiply > timing.usable_ns else 1
    index = max(steps - 1, 0).bit_length()
    while cycles < index and timing.select_ns(1 << -(-index // cycles)) > timing.usable_ns:
        cycles += 1
    return cycles


def _shapes(used: npt.NDArray[np.bool_], weight_width: int) -> tuple[Shape, ...]:
    """Of lanes whose multipliers are all alike."""
    half = 1 << weight_width - 1
    return tuple((count, -half, half - 1) for count in used.sum(axis=1).tolist())


def _narrow_shapes(ordered: Codes) -> tuple[Shape, ...]:
    """Of lanes of one multiplier in logic, as narrow as the weights allow."""
    ends = zip(ordered.min(axis=0)[:, 0].tolist(), ordered.max(axis=0)[:, 0].tolist(), strict=True)
    return tuple((int(low != 0 or high != 0), low, high) for low, high in ends)


def _sums(
    shapes: tuple[Shape, ...], operand: tuple[int, bool], timing: Timing
) -> dict[Shape, Pipeline]:
    """Netlists of the sums of each shape, all of one latency."""
    found = sorted({shape for shape in shapes if shape[0]})
    latency = max((product_sum(s, operand, timing, 0).latency for s in found), default=0)
    return {s: product_sum(s, operand, timing, latency) for s in found}


@lru_cache(maxsize=1024)
def product_sum(shape: Shape, operand: tuple[int, bool], timing: Timing, at_least: int) -> Pipeline:
    """Sum of products: inputs are the operands, of ``operand`` = (bits, signed), then the
    weights.
    """
    count, low, high = shape
    net, least = Netlist(), -(1 << operand[0] - 1) if operand[1] else 0
    operands = [net.input(least, least + (1 << operand[0]) - 1) for _ in range(count)]
    weights = [net.input(low, high) for _ in range(count)]
    products = [net.product(*pair) for pair in zip(operands, weights, strict=True)]
    net.outputs.append(net.total(products))
    return pipeline(net, timing, f"{count} products", max(at_least, 1))


def column_bits(codes: Codes, width: int) -> npt.NDArray[np.uint8]:
    """Bits of codes [addresses, n] in two's complement, as [addresses, n * width], least first."""
    wide: Any = codes.astype(object) if width > 62 else codes.astype(np.int64)
    shifts = np.arange(width).astype(wide.dtype)
    bits = (wide[:, :, np.newaxis] >> shifts) & 1
    return bits.reshape(len(codes), -1).astype(np.uint8)


def functions(columns: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    """Different columns of a ROM that are not constant, as functions of the address: a bit per
    word. Synthesis builds no others.
    """
    varying = columns[:, (columns != columns[:1]).any(axis=0)]
    rows = {bytes(c) for c in np.packbits(varying.T, axis=1, bitorder="little")}
    return tuple(sorted(int.from_bytes(row, "little") for row in rows))


def rom_luts(found: tuple[int, ...], depth: int) -> int:
    """Six-input LUTs of columns that each have a register behind: one for each function of 64
    words, and one for every three of these that are chosen from above.
    """
    if depth <= 64:
        return len(found)
    mask, chunks = (1 << 64) - 1, -(-depth // 64)
    leaves: set[int] = set()
    choices = 0
    for function in found:
        own = [function >> 64 * c & mask for c in range(chunks)]
        leaves.update(min(f, ~f & mask) for f in own)
        choices += -(-sum(a != b for a, b in pairwise(own)) // 3)
    return len(leaves - {0}) + choices
