"""Prints a placed netlist as one Verilog module.

Every value is a plain vector as wide as its interval needs; signs are extended by
explicit replication, so that no tool's rules of expression width come into play.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.netlist.nodes import Netlist, Node, Op, block_rom
from converter.netlist.pipeline import Pipeline, multiplier_cycles, table_width


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
        print_table(f"{name}_table{i}", t)
        for i, t in enumerate(plan.netlist.tables)
        if _used(plan.netlist, i)
    )


def _used(netlist: Netlist, table: int) -> bool:
    return any(n.op is Op.ROM and n.data == (table,) for n in netlist.nodes)


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
    clocked = block_rom(len(entries), table_width(entries))
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
    netlist, node = plan.netlist, plan.netlist.nodes[i]
    cycles = multiplier_cycles(netlist, node)
    names = [_at(plan, a, plan.cycle[i] - cycles) for a in node.args]
    width = sum(netlist.nodes[a].width + (not netlist.nodes[a].signed) for a in node.args)
    factors = [
        _signed_wire(f"n{i}_{side}", text, netlist.nodes[a])
        for side, text, a in zip("ab", names, node.args, strict=True)
    ]
    lines = [*factors, f"  reg signed [{width - 1}:0] n{i}_p1;"]
    lines.append(f"  always @(posedge clk) n{i}_p1 <= n{i}_a * n{i}_b;")
    if cycles == 2:
        lines.append(f"  reg signed [{width - 1}:0] n{i}_p2;")
        lines.append(f"  always @(posedge clk) n{i}_p2 <= n{i}_p1;")
    last = f"n{i}_p{cycles}"
    return [*lines, f"  wire [{node.width - 1}:0] n{i} = {last}[{node.width - 1}:0];"]


def _signed_wire(name: str, text: str, node: Node) -> str:
    width = node.width + (not node.signed)
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


def print_table(name: str, entries: Sequence[int]) -> str:
    """A read-only memory as a module: clocked where it is for block RAM."""
    width, depth = table_width(entries), len(entries)
    clocked = block_rom(depth, width)
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
