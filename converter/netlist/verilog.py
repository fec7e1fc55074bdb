"""Prints a placed netlist as one Verilog module.

Every value is a plain vector as wide as its interval needs; signs are extended by
explicit replication, so that no tool's rules of expression width come into play.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.netlist.nodes import Netlist, Node, Op
from converter.netlist.pipeline import (
    CARRIES,
    Pipeline,
    carry_bits,
    in_block,
    operand_widths,
    pieces_of,
    reading_cycle,
    table_width,
)


def print_module(
    name: str, plan: Pipeline, input_widths: Sequence[int], output_widths: Sequence[int]
) -> str:
    """A module with ports ``clk``, ``in_data``, ``out_data`` and no valid.

    ``in_data`` packs the inputs in order, first at the least bits, each in a field of
    ``input_widths``; ``out_data`` packs the outputs, extended to ``output_widths``.
    """
    nodes = plan.netlist.nodes
    inputs = [i for i, n in enumerate(nodes) if n.op is Op.INPUT]
    in_width = sum(input_widths)
    lines = [
        f"module {name} (",
        "  input wire clk,",
        f"  input wire [{in_width - 1}:0] in_data,",
        f"  output wire [{sum(output_widths) - 1}:0] out_data",
        ");",
        *_inputs(nodes, inputs, input_widths),
        *(line for i in range(len(nodes)) for line in _node(name, plan, i)),
        *_outputs(plan, output_widths),
        "endmodule",
        "",
    ]
    return "\n".join(lines) + "".join(
        print_table(f"{name}_table{i}", t, in_block(plan.netlist, reader))
        for i, t in enumerate(plan.netlist.tables)
        if (reader := _reader(plan.netlist, i))
    )


def _reader(netlist: Netlist, table: int) -> Node | None:
    """A node that reads a table."""
    found = (n for n in netlist.nodes if n.op is Op.ROM and n.data[0] == table)
    return next(found, None)


def _inputs(nodes: Sequence[Node], inputs: Sequence[int], fields: Sequence[int]) -> list[str]:
    lines, base = [], 0
    for i, field in zip(inputs, fields, strict=True):
        width = nodes[i].width
        lines.append(f"  wire [{width - 1}:0] n{i} = in_data[{base} +: {width}];")
        base += field
    return lines


def _node(module: str, plan: Pipeline, i: int) -> list[str]:
    """Declaration of a node and of the registers that hold it for later cycles."""
    node = plan.netlist.nodes[i]
    lines = []
    if node.op not in (Op.INPUT, Op.CONST):
        lines = _value(module, plan, i)
    held = range(plan.cycle[i] + 1, plan.uses[i][-1] + 1) if plan.uses[i] else ()
    for c in held:
        before = f"n{i}" if c == plan.cycle[i] + 1 else f"n{i}_c{c - 1}"
        lines.append(f"  reg [{node.width - 1}:0] n{i}_c{c};")
        lines.append(f"  always @(posedge clk) n{i}_c{c} <= {before};")
    return lines


def _value(module: str, plan: Pipeline, i: int) -> list[str]:
    netlist, node = plan.netlist, plan.netlist.nodes[i]
    if node.op is Op.ROM:
        return _lookup(module, plan, i)
    if node.op is Op.MUL:
        return _product(plan, i)
    if node.op in CARRIES and pieces_of(netlist, node, plan.chunk) > 1:
        return _pieces(plan, i)
    text = _expression(netlist, node, [_at(plan, a, plan.cycle[i]) for a in node.args])
    return [f"  wire [{node.width - 1}:0] n{i} = {text};"]


def _at(plan: Pipeline, i: int, cycle: int) -> str:
    """Name of node i's value in a cycle."""
    node = plan.netlist.nodes[i]
    if node.op is Op.CONST:
        return literal(node.lo, node.width)
    return f"n{i}" if cycle == plan.cycle[i] else f"n{i}_c{cycle}"


def _lookup(module: str, plan: Pipeline, i: int) -> list[str]:
    node = plan.netlist.nodes[i]
    table = node.data[0]
    entries = plan.netlist.tables[table]
    clocked = in_block(plan.netlist, node)
    address = _at(plan, node.args[0], plan.cycle[i] - clocked)
    bits = max(len(entries) - 1, 1).bit_length()
    extended = extend(address, plan.netlist.nodes[node.args[0]], bits)
    width, word = table_width(entries), f"n{i}_word"
    lines = [
        f"  wire [{width - 1}:0] {word};",
        f"  {module}_table{table} r{i} (.clk(clk), .address({extended}), .word({word}));",
    ]
    return [*lines, f"  wire [{node.width - 1}:0] n{i} = {word}[{node.width - 1}:0];"]


def _product(plan: Pipeline, i: int) -> list[str]:
    """A registered product; one that open synthesis would not take for a single DSP block is an
    instance of the block's module.
    """
    netlist, node, dsp = plan.netlist, plan.netlist.nodes[i], plan.dsp
    narrow, wide = operand_widths(netlist, node)
    fields = [netlist.nodes[a].width + (not netlist.nodes[a].signed) for a in node.args]
    block = wide > dsp.inferred[0] or narrow > dsp.inferred[1]
    if block:
        fields = [dsp.wide, dsp.narrow] if fields[0] >= fields[1] else [dsp.narrow, dsp.wide]
    width = sum(fields)
    factors = [
        _signed_wire(f"n{i}_{side}", _at(plan, a, plan.cycle[i] - 1), netlist.nodes[a], field)
        for side, a, field in zip("ab", node.args, fields, strict=True)
    ]
    low = f"  wire [{node.width - 1}:0] n{i} = n{i}_p1[{node.width - 1}:0];"
    if block:
        a, b = ("a", "b") if fields[0] >= fields[1] else ("b", "a")
        module = f"nn_mult_{dsp.wide}x{dsp.narrow}"
        ports = f".clk(clk), .a(n{i}_{a}), .b(n{i}_{b}), .p(n{i}_p1)"
        return [*factors, f"  wire [{width - 1}:0] n{i}_p1;", f"  {module} m{i} ({ports});", low]
    lines = [*factors, f"  reg signed [{width - 1}:0] n{i}_p1;"]
    return [*lines, f"  always @(posedge clk) n{i}_p1 <= n{i}_a * n{i}_b;", low]


def _pieces(plan: Pipeline, i: int) -> list[str]:
    """A carry chain in pieces, one per cycle."""
    netlist, node, chunk = plan.netlist, plan.netlist.nodes[i], plan.chunk
    bits, start = carry_bits(netlist, node), reading_cycle(netlist, node, plan.cycle[i], chunk)
    a, b = (extend(_at(plan, arg, start), netlist.nodes[arg], bits) for arg in node.args)
    if node.op is not Op.GE:
        return [
            *print_pieces(f"n{i}", (a, b), bits, chunk, node.op is Op.SUB),
            f"  wire [{node.width - 1}:0] n{i} = n{i}_sum;",
        ]
    lines = print_pieces(f"n{i}", (a, b), bits, chunk, True, compare=True)
    top = pieces_of(netlist, node, chunk) - 1
    sign = bits - top * chunk - 1
    signed = any(netlist.nodes[arg].signed for arg in node.args)
    # without borrow a >= b, but for the meaning of the top bit where there is a sign
    flip = f" ^ n{i}_a{top}[{sign}] ^ n{i}_b{top}[{sign}]" if signed else ""
    return [*lines, f"  wire n{i} = n{i}_t{top}[{sign + 2}]{flip};"]


def print_pieces(
    name: str, operands: tuple[str, str], bits: int, chunk: int, minus: bool, compare: bool = False
) -> list[str]:
    """``<name>_sum`` of two words of ``bits``, ``chunk`` bits per cycle: each piece hands its carry
    to the next, which comes a cycle later; all pieces of the sum are there with the last.

    ``compare``: without the sum, only the pieces ``<name>_t0``, ``<name>_t1``, …, whose top bit is
    their carry.
    """
    lines = [
        f"  wire [{bits - 1}:0] {name}_{side} = {text};"
        for side, text in zip("ab", operands, strict=True)
    ]
    pieces, carry, sums = -(-bits // chunk), f"1'b{int(minus)}", []
    for piece in range(pieces):
        low, length = piece * chunk, min(chunk, bits - piece * chunk)
        for side in "ab":
            part = f"{name}_{side}[{low} +: {length}]"
            lines += held(f"{name}_{side}{piece}", part, length, piece)
        a, b, total = (f"{name}_{side}{piece}" for side in "abt")
        second = f"~{b}" if minus else b
        # a bit below both makes room for the carry, so that one chain takes all three
        lines.append(
            f"  wire [{length + 1}:0] {total} = {{1'b0, {a}, 1'b1}} + {{1'b0, {second}, {carry}}};"
        )
        if piece < pieces - 1:
            carry = f"{name}_c{piece}"
            lines += held(carry, f"{total}[{length + 1}]", 1, 1)
        if not compare:
            sums.append(f"{name}_s{piece}")
            lines += held(sums[-1], f"{total}[{length}:1]", length, pieces - 1 - piece)
    if compare:
        return lines
    return [*lines, f"  wire [{bits - 1}:0] {name}_sum = {{{', '.join(reversed(sums))}}};"]


def held(name: str, text: str, width: int, cycles: int) -> list[str]:
    """A word, some cycles later."""
    names = [*(f"{name}_d{c}" for c in range(1, cycles)), name] if cycles else [name]
    if not cycles:
        return [f"  wire [{width - 1}:0] {name} = {text};"]
    lines = []
    for this, before in zip(names, [text, *names[:-1]], strict=True):
        lines.append(f"  reg [{width - 1}:0] {this};")
        lines.append(f"  always @(posedge clk) {this} <= {before};")
    return lines


def _signed_wire(name: str, text: str, node: Node, width: int) -> str:
    return f"  wire signed [{width - 1}:0] {name} = {extend(text, node, width)};"


def _expression(netlist: Netlist, node: Node, args: list[str]) -> str:
    """Right-hand side of a node without memory, exactly as wide as the node."""
    operands = [netlist.nodes[a] for a in node.args]
    if node.op is Op.TAKE:
        return _take(args[0], operands[0], node.data[0], node.width)
    if node.op is Op.SHL:
        return f"{{{args[0]}, {literal(0, node.data[0])}}}"
    if node.op is Op.CONCAT:
        return "{" + ", ".join(reversed(args)) + "}"
    if node.op is Op.MUX:
        yes, no = (extend(t, n, node.width) for t, n in zip(args[1:], operands[1:], strict=True))
        return f"{args[0]} ? {yes} : {no}"
    if node.op is Op.GE:
        return _compare(args, operands)
    if node.op in (Op.ADD, Op.SUB):
        a, b = (extend(t, n, node.width) for t, n in zip(args, operands, strict=True))
        return f"{a} {'+' if node.op is Op.ADD else '-'} {b}"
    return _BITWISE[node.op].format(*args)


_BITWISE = {
    Op.NOT: "~{}",
    Op.AND: "{} & {}",
    Op.OR: "{} | {}",
    Op.ANY: "|{}",
    Op.ALL: "&{}",
    Op.PARITY: "^{}",
}


def _compare(args: list[str], operands: list[Node]) -> str:
    """Both sides signed, or both not."""
    signed = any(n.signed for n in operands)
    width = max(n.width + (signed and not n.signed) for n in operands)
    a, b = (extend(t, n, width) for t, n in zip(args, operands, strict=True))
    return f"$signed({a}) >= $signed({b})" if signed else f"{a} >= {b}"


def _take(text: str, source: Node, start: int, width: int) -> str:
    """``width`` bits from ``start`` up, the sign repeated above the source's width."""
    inside = min(width, source.width - start)
    if inside <= 0:
        return _fill(text, source, width)
    if source.width == 1:
        piece = text
    else:
        piece = f"{text}[{start} +: {inside}]" if inside < source.width else text
    if inside == width:
        return piece
    return f"{{{_fill(text, source, width - inside)}, {piece}}}"


def _fill(text: str, source: Node, count: int) -> str:
    if not source.signed:
        return literal(0, count)
    top = text if source.width == 1 else f"{text}[{source.width - 1}]"
    return f"{{{count}{{{top}}}}}"


def extend(text: str, node: Node, width: int) -> str:
    """``text``, a name or literal of ``node``'s width, extended or cut to ``width`` bits."""
    if node.op is Op.CONST:
        return literal(node.lo, width)
    if width == node.width:
        return text
    return _take(text, node, 0, width)


def literal(value: int, width: int) -> str:
    """A constant as a vector of ``width`` bits in two's complement."""
    return f"{width}'h{value & ((1 << width) - 1):x}"


def _outputs(plan: Pipeline, widths: Sequence[int]) -> list[str]:
    nodes = plan.netlist.nodes
    words = [
        extend(_at(plan, o, plan.latency), nodes[o], w)
        for o, w in zip(plan.netlist.outputs, widths, strict=True)
    ]
    return ["  assign out_data = {", "    " + ",\n    ".join(reversed(words)), "  };"]


def print_table(name: str, entries: Sequence[int], clocked: bool) -> str:
    """A read-only memory as a module: clocked where it is for block RAM."""
    width, depth = table_width(entries), len(entries)
    bits = max(depth - 1, 1).bit_length()
    words = "\n".join(f"    words[{i}] = {literal(e, width)};" for i, e in enumerate(entries))
    return "\n".join(
        [
            f"module {name} (",
            "  input wire clk,",
            f"  input wire [{bits - 1}:0] address,",
            f"  output {'reg' if clocked else 'wire'} [{width - 1}:0] word",
            ");",
            *rom_style(clocked),
            f"  reg [{width - 1}:0] words [0:{depth - 1}];",
            "  initial begin",
            words,
            "  end",
            "  always @(posedge clk) word <= words[address];"
            if clocked
            else "  assign word = words[address];",
            "endmodule",
            "",
        ]
    )


def rom_style(block: bool) -> list[str]:
    """The attribute that puts a memory into block RAM or LUTs.

    Yosys knows "logic" where Vivado says "distributed", and refuses the other's word.
    """
    if block:
        return ['  (* rom_style = "block" *)']
    return [
        "`ifdef YOSYS",
        '  (* rom_style = "logic" *)',
        "`else",
        '  (* rom_style = "distributed" *)',
        "`endif",
    ]
