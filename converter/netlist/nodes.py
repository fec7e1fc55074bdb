"""A small netlist: integer operations with exact value intervals, from which widths follow.

A netlist is built once per lane of an elementwise unit (or for a whole small unit),
placed into clock cycles by ``netlist.pipeline`` and printed by ``netlist.verilog``.
Every node is an integer; its interval decides its width and whether it has a sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from converter.facts import DSP_MIN_WIDTH
from converter.netlist.digits import csd
from converter.types import Fixed, Overflow, Rounding, bits_for


class Op(Enum):
    """What a node does with its arguments."""

    INPUT = "input"
    CONST = "const"
    TAKE = "take"  # bits from data[0] up, as many as the interval needs: wiring
    SHL = "shl"  # times 2**data[0]: wiring
    CONCAT = "concat"  # single bits, least first: wiring
    NOT = "not"  # of a single bit
    AND = "and"
    OR = "or"
    ANY = "any"  # OR over the bits of a word
    ALL = "all"  # AND over the bits of a word
    PARITY = "parity"  # XOR over the bits of a word
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    GE = "ge"
    MUX = "mux"  # args: condition, where true, where false
    ROM = "rom"  # args: address; data: index into Netlist.tables


WIRING = frozenset({Op.INPUT, Op.CONST, Op.TAKE, Op.SHL, Op.CONCAT, Op.NOT})
"""Operations without delay: a NOT is absorbed by what reads it."""

BLOCK_ROM_LUTS = 64
"""A table goes to block RAM where it would take more LUTs than this per 18 Kb block."""


@dataclass(frozen=True)
class Node:
    """One operation; ``args`` are indices of nodes before it, ``lo``..``hi`` its values."""

    op: Op
    args: tuple[int, ...]
    lo: int
    hi: int
    data: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Bits of the word."""
        return bits_for(self.lo, self.hi)[0]

    @property
    def signed(self) -> bool:
        """Whether the word's top bit is a sign."""
        return self.lo < 0


def block_rom(depth: int, width: int) -> bool:
    """Whether a read-only memory is put into block RAM rather than LUTs.

    Never into UltraRAM: UltraScale+'s powers up as zeros and cannot be initialised (UG901).
    Versal's can be (AM007); but a block has 4096 words, and no memory of weights that is worth
    one is as deep.
    """
    luts = width * -(-depth // 64)
    blocks = -(-width // 36) * -(-depth // 512)
    return luts > BLOCK_ROM_LUTS * blocks


@dataclass
class Netlist:
    """Nodes under construction; each method adds one and returns its index."""

    nodes: list[Node] = field(default_factory=list)
    tables: list[tuple[int, ...]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def add_node(
        self, op: Op, args: Sequence[int], lo: int, hi: int, data: Sequence[int] = ()
    ) -> int:
        """Add a node; one that can take a single value becomes a constant."""
        if lo == hi and op is not Op.INPUT:
            op, args, data = Op.CONST, (), ()
        self.nodes.append(Node(op, tuple(args), lo, hi, tuple(data)))
        return len(self.nodes) - 1

    def span(self, a: int) -> tuple[int, int]:
        """Least and largest value of a node."""
        return self.nodes[a].lo, self.nodes[a].hi

    def input(self, lo: int, hi: int) -> int:
        """An operand from outside."""
        return self.add_node(Op.INPUT, (), lo, hi)

    def const(self, value: int) -> int:
        """A constant."""
        return self.add_node(Op.CONST, (), value, value)

    def add(self, a: int, b: int) -> int:
        """Sum."""
        (alo, ahi), (blo, bhi) = self.span(a), self.span(b)
        if (0, 0) in ((alo, ahi), (blo, bhi)):
            return a if (blo, bhi) == (0, 0) else b
        return self.add_node(Op.ADD, (a, b), alo + blo, ahi + bhi)

    def sub(self, a: int, b: int, lo: int | None = None) -> int:
        """Difference; ``lo`` tells a least value that the intervals do not show."""
        (alo, ahi), (blo, bhi) = self.span(a), self.span(b)
        if (blo, bhi) == (0, 0):
            return a
        return self.add_node(Op.SUB, (a, b), alo - bhi if lo is None else lo, ahi - blo)

    def mul(self, a: int, b: int) -> int:
        """Product of two variables in a DSP block; of a word and itself: 0 or more."""
        lo, hi = self._product_span(a, b)
        return self.add_node(Op.MUL, (a, b), lo, hi)

    def product(self, a: int, b: int) -> int:
        """Product in a DSP block where both operands are worth one, else in logic."""
        for x, other in ((a, b), (b, a)):
            if self.span(x)[0] == self.span(x)[1]:
                return self.times(other, self.span(x)[0])
        narrow, wide = sorted((a, b), key=self._signed_width)
        if self._signed_width(narrow) < DSP_MIN_WIDTH:
            return self.mul_in_logic(narrow, wide)
        return self.mul(a, b)

    def _signed_width(self, a: int) -> int:
        return self.nodes[a].width + (not self.nodes[a].signed)

    def _product_span(self, a: int, b: int) -> tuple[int, int]:
        ends = [x * y for x in self.span(a) for y in self.span(b)]
        return max(min(ends), 0) if a == b else min(ends), max(ends)

    def mul_in_logic(self, a: int, b: int) -> int:
        """Product of two variables without a multiplier: b shifted, for each bit of a that is
        set, summed pair by pair; the row of a's sign is subtracted.
        """
        zero, node = self.const(0), self.nodes[a]
        rows = [
            (self.mux(self.bit(a, i), self.shl(b, i), zero), node.signed and i == node.width - 1)
            for i in range(node.width)
        ]
        return self._exact(self.signed_sum(rows), *self._product_span(a, b))

    def shl(self, a: int, shift: int) -> int:
        """The node times 2**shift."""
        lo, hi = self.span(a)
        return self.add_node(Op.SHL, (a,), lo << shift, hi << shift, (shift,)) if shift else a

    def shr(self, a: int, shift: int) -> int:
        """Floor of a over 2**shift."""
        lo, hi = self.span(a)
        return self.add_node(Op.TAKE, (a,), lo >> shift, hi >> shift, (shift,)) if shift else a

    def low(self, a: int, bits: int, start: int = 0) -> int:
        """``bits`` bits of a from ``start`` up, without a sign; 0 bits are 0."""
        if self.nodes[a].lo == self.nodes[a].hi or bits == 0:
            return self.const((self.nodes[a].lo >> start) & ((1 << bits) - 1))
        return self.add_node(Op.TAKE, (a,), 0, (1 << bits) - 1, (start,))

    def narrow(self, a: int, lo: int, hi: int) -> int:
        """The low bits of a, where its value is known to be in lo..hi, or wraps into it."""
        if self.nodes[a].lo == self.nodes[a].hi:
            return self.const(_wrapped(self.nodes[a].lo, lo, hi))
        return self.add_node(Op.TAKE, (a,), lo, hi, (0,))

    def bit(self, a: int, position: int) -> int:
        """One bit of a, its sign above its width."""
        return self.low(a, 1, position)

    def negative(self, a: int) -> int:
        """1 where a < 0."""
        lo, hi = self.span(a)
        if lo >= 0 or hi < 0:
            return self.const(int(hi < 0))
        return self.bit(a, self.nodes[a].width - 1)

    def invert(self, a: int) -> int:
        """1 - a of a bit."""
        lo, hi = self.span(a)
        return self.add_node(Op.NOT, (a,), 1 - hi, 1 - lo)

    def both(self, a: int, b: int) -> int:
        """AND of two bits."""
        return self._gate(Op.AND, a, b, 0)

    def either(self, a: int, b: int) -> int:
        """OR of two bits."""
        return self._gate(Op.OR, a, b, 1)

    def _gate(self, op: Op, a: int, b: int, strong: int) -> int:
        for x, other in ((a, b), (b, a)):
            if self.span(x) == (strong, strong):
                return x
            if self.span(x) == (1 - strong, 1 - strong):
                return other
        return self.add_node(op, (a, b), 0, 1)

    def any(self, a: int) -> int:
        """1 where a is not 0."""
        return self._reduce(Op.ANY, a, lambda v, _: int(v != 0))

    def all_ones(self, a: int) -> int:
        """1 where all bits of the word are set."""
        return self._reduce(Op.ALL, a, lambda v, w: int(v & ((1 << w) - 1) == (1 << w) - 1))

    def parity(self, a: int) -> int:
        """XOR of the bits of the word."""
        return self._reduce(Op.PARITY, a, lambda v, _: bin(v).count("1") & 1)

    def _reduce(self, op: Op, a: int, value: Callable[[int, int], int]) -> int:
        node = self.nodes[a]
        if node.lo == node.hi:
            return self.const(value(node.lo, node.width))
        if node.width == 1:
            return self.low(a, 1) if node.signed else a
        return self.add_node(op, (a,), 0, 1)

    def concat(self, bits: Sequence[int], signed: bool) -> int:
        """A word of single bits, least first."""
        if len(bits) == 1 and not signed:
            return bits[0]
        if all(self.nodes[b].lo == self.nodes[b].hi for b in bits):
            value = sum(self.nodes[b].lo << i for i, b in enumerate(bits))
            return self.const(value - (signed and value >> len(bits) - 1) * (1 << len(bits)))
        half = 1 << len(bits) - 1
        lo, hi = (-half, half - 1) if signed else (0, 2 * half - 1)
        return self.add_node(Op.CONCAT, bits, lo, hi)

    def at_least(self, a: int, b: int) -> int:
        """1 where a >= b."""
        (alo, ahi), (blo, bhi) = self.span(a), self.span(b)
        if alo >= bhi or ahi < blo:
            return self.const(int(alo >= bhi))
        if (blo, bhi) == (0, 0):
            return self.invert(self.negative(a))
        return self.add_node(Op.GE, (a, b), 0, 1)

    def mux(self, condition: int, yes: int, no: int) -> int:
        """``yes`` where the condition is 1, else ``no``."""
        if self.nodes[condition].lo == self.nodes[condition].hi:
            return yes if self.nodes[condition].lo else no
        (alo, ahi), (blo, bhi) = self.span(yes), self.span(no)
        return self.add_node(Op.MUX, (condition, yes, no), min(alo, blo), max(ahi, bhi))

    def select(self, index: int, choices: Sequence[int]) -> int:
        """``choices[index]``, for an index within them."""
        if len(choices) == 1:
            return choices[0]
        bits = (len(choices) - 1).bit_length() - 1
        low, high = (self.select(index, c) for c in (choices[: 1 << bits], choices[1 << bits :]))
        return self.mux(self.bit(index, bits), high, low)

    def clip(self, a: int, lo: int, hi: int) -> int:
        """a, or the nearer end of lo..hi."""
        low, high = self.span(a)
        if high > hi:
            above = self.at_least(a, self.const(hi + 1))
            a = self.mux(above, self.const(hi), self.narrow(a, min(low, hi), hi))
        if low < lo:
            inside = self.narrow(a, lo, max(self.span(a)[1], lo))
            a = self.mux(self.at_least(a, self.const(lo)), inside, self.const(lo))
        return a

    def table(self, entries: Sequence[int]) -> int:
        """Make a table known; ``rom`` looks into it. Equal tables are one."""
        whole = tuple(entries)
        if whole not in self.tables:
            self.tables.append(whole)
        return self.tables.index(whole)

    def rom(self, table: int, address: int) -> int:
        """Word of a table; every address that the interval allows must have one."""
        lo, hi = self.span(address)
        reached = self.tables[table][lo : hi + 1]
        return self.add_node(Op.ROM, (address,), min(reached), max(reached), (table,))

    def total(self, items: Sequence[int]) -> int:
        """Sum of all, by a balanced tree."""
        return self.signed_sum([(item, False) for item in items])

    def known(self, a: int, lo: int, hi: int) -> int:
        """The node, whose value is in lo..hi for a reason that the intervals do not show."""
        low, high = self.span(a)
        return a if lo <= low and high <= hi else self.narrow(a, max(lo, low), min(hi, high))

    def times(self, a: int, constant: int) -> int:
        """The node times a constant, by shifts and a balanced tree of additions."""
        terms = [(self.shl(a, p), s < 0) for p, s in csd(abs(constant))]
        lo, hi = sorted((self.nodes[a].lo * constant, self.nodes[a].hi * constant))
        if not terms or lo == hi:
            return self.const(lo)
        flipped = [(t, neg != (constant < 0)) for t, neg in terms]
        return self._exact(self.signed_sum(flipped), lo, hi)

    def _exact(self, a: int, lo: int, hi: int) -> int:
        """The same node, known to stay in lo..hi: a sum that needs fewer bits."""
        if self.nodes[a].op in (Op.ADD, Op.SUB):
            self.nodes[a] = replace(self.nodes[a], lo=lo, hi=hi)
        return a

    def signed_sum(self, terms: Sequence[tuple[int, bool]]) -> int:
        """Sum of (node, negated) terms, by a balanced tree."""
        level = list(terms)
        while len(level) > 1:
            pairs = [self._pair(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
            level = pairs + level[2 * len(pairs) :]
        node, negated = level[0]
        return self.sub(self.const(0), node) if negated else node

    def _pair(self, a: tuple[int, bool], b: tuple[int, bool]) -> tuple[int, bool]:
        if a[1] == b[1]:
            return self.add(a[0], b[0]), a[1]
        (plus, _), (minus, _) = (b, a) if a[1] else (a, b)
        return self.sub(plus, minus), False

    def cast(self, a: int, fraction: int, t: Fixed) -> int:
        """Conversion to a fixed-point type, as ``Fixed.cast``."""
        shift = t.fraction - fraction
        if shift >= 0:
            whole = rounded = self.shl(a, shift)
        else:
            whole, rounded = self.shr(a, -shift), self._round(a, -shift, t.rounding)
        return self._overflow(rounded, whole, t)

    def _round(self, a: int, drop: int, mode: Rounding) -> int:
        floor = self.shr(a, drop)
        if mode is Rounding.TRN:
            return floor
        if mode is Rounding.TRN_ZERO:
            return self._increment(
                floor, self.both(self.negative(a), self.any(self.low(a, drop))), a, drop
            )
        half = self.bit(a, drop - 1)
        if mode is Rounding.RND:
            return self._increment(floor, half, a, drop)
        below = self.any(self.low(a, drop - 1))
        tie = {
            Rounding.RND_MIN_INF: lambda: self.const(0),
            Rounding.RND_ZERO: lambda: self.negative(a),
            Rounding.RND_INF: lambda: self.invert(self.negative(a)),
            Rounding.RND_CONV: lambda: self.bit(floor, 0),
        }[mode]()
        return self._increment(floor, self.both(half, self.either(below, tie)), a, drop)

    def _increment(self, floor: int, up: int, a: int, drop: int) -> int:
        """The floor plus ``up``; the sum is never above the ceiling of a."""
        total = self.add(floor, up)
        if total == floor:
            return floor
        return self._exact(total, self.nodes[floor].lo, -(-self.nodes[a].hi >> drop))

    def _overflow(self, a: int, floor: int, t: Fixed) -> int:
        lo, hi = self.span(a)
        wrap_lo = -(1 << t.width - 1) if t.signed else 0
        wrap_hi = wrap_lo + (1 << t.width) - 1
        if t.code_min <= lo and hi <= t.code_max:
            return a
        wrapped = self.narrow(a, wrap_lo, wrap_hi)
        if t.overflow is Overflow.WRAP:
            return wrapped
        if t.overflow is Overflow.WRAP_SM:
            return self._wrap_sign_magnitude(a, floor, wrapped, t)
        return self._saturate(a, t, max(lo, t.code_min), min(hi, t.code_max))

    def _saturate(self, a: int, t: Fixed, lo: int, hi: int) -> int:
        """Codes outside code_min..code_max become the end, or 0 (SAT_ZERO)."""
        low, high = self.span(a)
        if hi < t.code_min or lo > t.code_max:  # no value is in range
            end = t.code_min if hi < t.code_min else t.code_max
            return self.const(0 if t.overflow is Overflow.SAT_ZERO else end)
        zero = t.overflow is Overflow.SAT_ZERO
        inside = self.narrow(a, lo, hi)
        if high > t.code_max:
            above = self._beyond(a, t.code_max)
            inside = self.mux(above, self.const(0 if zero else t.code_max), inside)
        if low < t.code_min:
            below = self._short(a, t.code_min)
            inside = self.mux(below, self.const(0 if zero else t.code_min), inside)
        return inside

    def _beyond(self, a: int, top: int) -> int:
        """1 where a > top = 2**k - 1: not negative, and a bit from k up is set."""
        k, width = top.bit_length(), self.nodes[a].width
        upper = self.low(a, max(width - k, 1), k)
        return self.both(self.invert(self.negative(a)), self.any(upper))

    def _short(self, a: int, bottom: int) -> int:
        """1 where a < bottom: by the upper bits where bottom is 0 or -2**k, else compared."""
        k = (-bottom).bit_length() - 1
        if bottom == 0:
            return self.negative(a)
        if bottom != -(1 << k):
            return self.invert(self.at_least(a, self.const(bottom)))
        upper = self.low(a, max(self.nodes[a].width - k, 1), k)
        return self.both(self.negative(a), self.invert(self.all_ones(upper)))

    def _wrap_sign_magnitude(self, a: int, floor: int, wrapped: int, t: Fixed) -> int:
        """Of a code out of range, the sign is the least bit above the kept ones before
        rounding; a change of sign inverts the rest.
        """
        sign = self.bit(floor, t.width)
        change = self.parity(self.concat([self.bit(wrapped, t.width - 1), sign], False))
        other = self.sub(self.const(-1), wrapped)
        lo, hi = self.span(wrapped)
        flip = self.both(change, self._outside(a, t.width))
        return self.mux(flip, self.narrow(other, lo, hi), wrapped)

    def _outside(self, a: int, width: int) -> int:
        """1 where a is no signed code of ``width`` bits: the bits from its sign up differ."""
        upper = self.low(a, max(self.nodes[a].width - width + 1, 1), width - 1)
        if self.nodes[a].lo >= 0:
            return self.any(upper)
        return self.both(self.any(upper), self.invert(self.all_ones(upper)))


def _wrapped(value: int, lo: int, hi: int) -> int:
    width, signed = bits_for(lo, hi)
    low = value & ((1 << width) - 1)
    return low - (1 << width) if signed and low >> width - 1 else low
