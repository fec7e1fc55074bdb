"""Prints a graph of additions as C++ on integers of arbitrary width."""

from __future__ import annotations

from collections.abc import Iterator

from converter.netlist.adders import Adders


def print_cpp(graph: Adders, out_width: int) -> str:
    """Statements that set ``y[0], …`` from ``x[0], …``, both integer codes; ``y_t`` is the type
    of y, of ``out_width`` bits.

    Every word is as wide as its interval needs, and no wider than the outputs, since they wrap.
    """
    names = [f"x[{i}]" for i in range(graph.n_in)]
    names += [_constant(c) for c in graph.lo[graph.n_in : graph.first_sum].tolist()]
    names += [f"n{n}" for n in range(graph.first_sum, len(graph.level))]
    roots = zip(graph.root.tolist(), graph.root_shift.tolist(), strict=True)
    lines = [*_sums(graph, names, out_width)]
    lines += [f"y[{j}] = {_word(names[n], 'y_t', s)};" for j, (n, s) in enumerate(roots)]
    return "\n".join(lines)


def _sums(graph: Adders, names: list[str], out_width: int) -> Iterator[str]:
    a, b, sa, sb = (c.tolist() for c in (graph.a, graph.b, graph.a_shift, graph.b_shift))
    lo, minus, width = graph.lo.tolist(), graph.minus.tolist(), graph.width.tolist()
    for n in range(graph.first_sum, len(names)):
        kept = min(width[n], out_width)
        kind = f"ap_int<{kept}>" if lo[n] < 0 else f"ap_uint<{kept}>"
        sign = "-" if minus[n] else "+"
        first, second = _word(names[a[n]], kind, sa[n]), _word(names[b[n]], kind, sb[n])
        yield f"const {kind} {names[n]} = {first} {sign} {second};"


def _constant(value: int) -> str:
    """Arguments of a constructor; above 63 bits, the decimal text and its base."""
    return str(value) if abs(value) < 1 << 63 else f'"{value}", 10'


def _word(name: str, kind: str, shift: int) -> str:
    """A word in its place; it is extended first, as a shift keeps the width."""
    extended = f"{kind}({name})"
    return f"({extended} << {shift})" if shift else extended
