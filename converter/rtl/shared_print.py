"""Verilog of the products whose multipliers are shared over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converter.netlist.verilog import literal, print_module, rom_style
from converter.rtl.module import RtlModule, block_files, fill, library_file
from converter.rtl.shared import Shape, Shared, column_bits
from converter.types import Codes

LIBRARY = (
    "nn_accumulate.v", "nn_delay.v", "nn_select.v", "nn_shared_control.v", "nn_valid.v",
)  # fmt: skip


def print_shared(name: str, plan: Shared, bias: Codes, below: Codes, shift: int) -> RtlModule:
    """Verilog of one product; ``bias`` at the products' step, ``below`` its lower bits."""
    starts = start_words(plan, bias)
    sums = [_sum_module(name, plan, shape) for shape in plan.sums]
    roms = [_rom(f"{name}_weights", weight_words(plan), plan.word, plan.block)] if plan.word else []
    if plan.passes > 1:
        roms.append(_rom(f"{name}_biases", starts, plan.lanes * plan.accum_width, False))
    values = {
        "NAME": name,
        "IN_BITS": plan.groups * plan.n_in * plan.input_width,
        "OUT_BITS": plan.groups * plan.n_out * (plan.accum_width + shift),
        "STEPS": plan.steps,
        "PASSES": plan.passes,
        "GROUPS": plan.groups,
        "PART": plan.per_step * plan.input_width,
        "LANES": plan.lanes,
        "ACCUM_WIDTH": plan.accum_width,
        "READ_CYCLES": plan.read_cycles,
        "PIECES": plan.pieces,
        "TAIL": plan.tail,
        "READ": _read(name, plan),
        "STARTS": _starts(name, plan, starts),
        "ACCUMULATORS": "\n".join(_lanes(name, plan)),
        "OUTPUTS": "\n".join(_outputs(plan, below.tolist(), shift)),
        "MODULES": "\n".join([*sums, *roms]),
    }
    text = fill(library_file("shared.v.in"), values)
    return RtlModule(name, text, (*LIBRARY, *block_files(text)))


def weight_words(plan: Shared) -> list[int]:
    """ROM words by address: the weights of each lane's multipliers, the first at the least bits."""
    return _words(column_bits(plan.weights[:, plan.used], plan.weight_width))


def start_codes(plan: Shared, bias: Codes) -> Codes:
    """Start values of the accumulators [passes, lanes]."""
    order = [[plan.output(p, lane) for lane in range(plan.lanes)] for p in range(plan.passes)]
    return bias[np.array(order)]


def start_words(plan: Shared, bias: Codes) -> list[int]:
    """The same as words by pass."""
    return _words(column_bits(start_codes(plan, bias).astype(object), plan.accum_width))


def _words(bits: npt.NDArray[np.uint8]) -> list[int]:
    rows = np.packbits(bits, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def _sum_name(name: str, plan: Shared, shape: Shape) -> str:
    return f"{name}_sum{list(plan.sums).index(shape)}"


def _sum_module(name: str, plan: Shared, shape: Shape) -> str:
    count = shape[0]
    widths = [plan.input_width] * count + [plan.weight_width] * count
    module, out = _sum_name(name, plan, shape), [_sum_width(plan, shape)]
    return print_module(module, plan.sums[shape], widths, out)


def _sum_width(plan: Shared, shape: Shape) -> int:
    pipeline = plan.sums[shape]
    node = pipeline.netlist.nodes[pipeline.netlist.outputs[0]]
    return node.width + (not node.signed)


def _read(name: str, plan: Shared) -> str:
    """The word of weights, as late as the operands."""
    if not plan.word:
        return ""
    return f"""\
  localparam WORD = {plan.word};
  wire [WORD-1:0] weights_read, weights;
  {name}_weights weights_rom (.clk(clk), .address(address), .word(weights_read));
  nn_delay #(.WIDTH(WORD), .LATENCY(READ_CYCLES - 1)) hold_weights (
    .clk(clk), .in_data(weights_read), .out_data(weights)
  );"""


def _starts(name: str, plan: Shared, starts: Sequence[int]) -> str:
    if plan.passes == 1:
        return f"  assign starts = {literal(starts[0], plan.lanes * plan.accum_width)};"
    return f"""\
  wire [PASS_WIDTH-1:0] sum_pass;
  nn_delay #(.WIDTH(PASS_WIDTH), .LATENCY(TAIL - 1)) hold_pass (
    .clk(clk), .in_data(pass), .out_data(sum_pass)
  );
  {name}_biases biases_rom (.clk(clk), .address(sum_pass), .word(starts));"""


def _lanes(name: str, plan: Shared) -> list[str]:
    """Of each lane, the sum of its products and its accumulator."""
    lines, first = [], 0
    own = plan.lanes // plan.groups
    for lane, used in enumerate(plan.used):
        inputs = (lane // own * plan.per_step + np.flatnonzero(used)).tolist()
        lines += _lane(name, plan, lane, inputs, first)
        first += len(inputs) * plan.weight_width
    return lines


def _lane(name: str, plan: Shared, lane: int, inputs: Sequence[int], first: int) -> list[str]:
    width, count = plan.accum_width, len(inputs)
    place = f"[{lane * width} +: {width}]"
    if not count:
        return [_idle(plan, lane, place)]
    shape = plan.shapes[lane]
    bits = _sum_width(plan, shape)
    weights = f"weights[{first} +: {count * plan.weight_width}]"
    return [
        f"  wire [{bits - 1}:0] addend{lane};",
        f"  {_sum_name(name, plan, shape)} products{lane} (",
        f"    .clk(clk), .in_data({{{weights}, {_operands(plan, inputs)}}}),",
        f"    .out_data(addend{lane})",
        "  );",
        f"  nn_accumulate #(.WIDTH({width}), .ADDEND_WIDTH({bits}), .CHUNK({plan.chunk}))"
        f" accumulate{lane} (",
        f"    .clk(clk), .first(sum_first), .start(starts{place}), .addend(addend{lane}),",
        f"    .sum(accumulated{place})",
        "  );",
    ]


def _idle(plan: Shared, lane: int, place: str) -> str:
    """A lane that has no weights gives its start value."""
    if plan.passes == 1:
        return f"  assign accumulated{place} = starts{place};"
    return (
        f"  nn_delay #(.WIDTH(ACCUM_WIDTH), .LATENCY(PIECES)) idle{lane} (\n"
        f"    .clk(clk), .in_data(starts{place}), .out_data(accumulated{place})\n"
        "  );"
    )


def _operands(plan: Shared, inputs: Sequence[int]) -> str:
    """The operands of a lane, in one piece where they are neighbours."""
    width = plan.input_width
    if inputs[-1] - inputs[0] == len(inputs) - 1:
        return f"operands[{inputs[0] * width} +: {len(inputs) * width}]"
    return ", ".join(f"operands[{i * width} +: {width}]" for i in reversed(inputs))


def _outputs(plan: Shared, below: Sequence[int], shift: int) -> list[str]:
    lines, width, total = [], plan.accum_width, plan.accum_width + shift
    for pass_ in range(plan.passes):
        for lane in range(plan.lanes):
            output = plan.output(pass_, lane)
            word = f"sums[{(pass_ * plan.lanes + lane) * width} +: {width}]"
            if shift:
                word = f"{{{word}, {literal(int(below[output]), shift)}}}"
            lines.append(f"  assign out_data[{output * total} +: {total}] = {word};")
    return lines


def _whole(words: Sequence[int], depth: int) -> list[int]:
    """The words at every address: those that nobody reads are as if its top bit were 0, so that
    functions of the address stay as few as they are.
    """
    return [words[a] if a < len(words) else words[a - depth // 2] for a in range(depth)]


def _rom(name: str, words: Sequence[int], width: int, block: bool) -> str:
    """A clocked read-only memory as a module."""
    bits = max(len(words) - 1, 1).bit_length()
    if not block:
        words = _whole(words, 1 << bits)
    values = {
        "NAME": name,
        "ADDRESS_BITS": bits,
        "WIDTH": width,
        "DEPTH": len(words),
        "STYLE": "\n".join(rom_style(block)),
        "WORDS": "\n".join(f"    words[{i}] = {literal(w, width)};" for i, w in enumerate(words)),
    }
    return fill(library_file("rom.v.in"), values)
