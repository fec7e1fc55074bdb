"""MatMul: the product of two matrices that both are data, without loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.actor import Actor
from converter.carriers import carried, carrier
from converter.facts import Facts
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import HlsBlock, map_stream
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes, cached_facts
from converter.rtl.mapping import beat_bits
from converter.rtl.module import RtlModule, block_files, fill, library_file, port_list
from converter.rtl.process import RtlProcess, process_ports
from converter.rtl.steps import actor_words, around, control, stepped_facts
from converter.timing import Timing
from converter.types import Codes, Fixed, least_type
from converter.units.base import Plain, actor_of, check_beats, mapped

DEPTH = 10
"""Cycles of a product and a tree of sums, and of the streams around them."""


@dataclass(frozen=True)
class MatMul(Plain):
    """``batch`` products of [rows, inner] by [inner, columns]; the output is
    [batch, rows, columns], in a type that holds every partial sum.
    """

    batch: int
    rows: int
    inner: int
    columns: int
    left_type: Fixed
    right_type: Fixed

    @property
    def size(self) -> int:
        """Number of output elements."""
        return self.batch * self.rows * self.columns

    @property
    def output_type(self) -> Fixed:
        """The least type that holds all sums of all products."""
        corners = [a * b for a in self.left_type.ends for b in self.right_type.ends]
        fraction = self.left_type.fraction + self.right_type.fraction
        return least_type(self.inner * min(corners), self.inner * max(corners), fraction)

    @property
    def _magnitude(self) -> int:
        """Bound on every partial sum and every operand."""
        left, right = (max(-t.ends[0], t.ends[1]) for t in (self.left_type, self.right_type))
        return self.inner * max(left, 1) * max(right, 1)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Sums of the extremes of each product."""
        dtype: Any = np.int64 if self._magnitude < 1 << 62 else object
        left, right = inputs
        a = [x.astype(dtype).reshape(self._left)[..., np.newaxis] for x in (left.lo, left.hi)]
        b = [x.astype(dtype).reshape(self._right)[:, np.newaxis] for x in (right.lo, right.hi)]
        corners = [x * y for x in a for y in b]  # [batch, rows, inner, columns]
        lo, hi = np.minimum.reduce(corners), np.maximum.reduce(corners)
        return Bounds(lo.sum(axis=2).ravel(), hi.sum(axis=2).ravel())

    @property
    def _left(self) -> tuple[int, int, int]:
        return self.batch, self.rows, self.inner

    @property
    def _right(self) -> tuple[int, int, int]:
        return self.batch, self.inner, self.columns

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [n, batch * rows * inner] and [n, batch * inner * columns] -> [n, size]."""
        left, right = inputs
        dtype = carrier(self._magnitude, left.dtype, right.dtype)
        a = carried(left, dtype).reshape(len(left), *self._left)
        b = carried(right, dtype).reshape(len(right), *self._right)
        product: Codes = np.matmul(a, b)
        return product.reshape(len(left), self.size)

    def lanes(self, choice: Implementation) -> Lanes:
        """The netlist of one element of the result: of a row and a column."""
        del choice
        types = (self.left_type, self.right_type, self.output_type)
        return Lanes(self._netlist, types, self.size, (self.inner, self.inner, 1))

    def _netlist(self) -> Netlist:
        net = Netlist()
        row, column = (
            [net.input(*t.ends) for _ in range(self.inner)]
            for t in (self.left_type, self.right_type)
        )
        net.outputs.append(net.total([net.product(*ab) for ab in zip(row, column, strict=True)]))
        return net

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Exact counts of all lanes."""
        inputs = self.batch * self.inner * (self.rows + self.columns)
        return replace(cached_facts(self, stage, choice, timing), n_in=inputs)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """A lane per element, that reads its row and its column."""
        lanes = self.lanes(choice)
        plan = lanes.place(timing, name)
        left, right = self.left_type.width, self.right_type.width
        out, batch = self.output_type.width, self.batch * self.inner
        ports = port_list([batch * self.rows * left, batch * self.columns * right], self.size * out)
        values = {
            "NAME": name,
            "PORTS": "\n".join(ports),
            "LATENCY": plan.latency,
            "LEFT": left,
            "RIGHT": right,
            "OUT": out,
            **{key.upper(): value for key, value in self._numbers.items()},
        }
        text = fill(library_file("matmul.v.in"), values) + lanes.lane(name, plan)
        return RtlModule(name, text, ("nn_valid.v", *block_files(text)))

    def hls(self, choice: Implementation) -> HlsBlock:
        """All products side by side."""
        del choice
        return HlsBlock("matmul.h", "matmul", self._numbers, depth=DEPTH)

    @property
    def _numbers(self) -> dict[str, int]:
        return {
            "batch": self.batch,
            "rows": self.rows,
            "inner": self.inner,
            "columns": self.columns,
        }

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """A right matrix is kept, row by row; then each row on the left gives one of the result."""
        if self._flat(inputs, output):
            return map_stream(self.hls(choice), 1)
        return HlsBlock("matmul_stream.h", "matmul_stream", self._numbers, depth=DEPTH)

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A matrix of the right input, then a row of the left one for each row of the output."""
        if self._flat(inputs, output):
            return actor_of(self.hls_stream(choice, inputs, output), inputs, output)
        left = np.tile(np.repeat([False, True], [self.inner, self.rows]), self.batch)
        return Actor(
            frozen_array(np.stack([left, ~left], axis=1)),
            frozen_array(left),
            frozen_array(np.ones(len(left), np.int64)),
            DEPTH,
        )

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """The Verilog of a row by a matrix, which is kept in registers."""
        if self._flat(inputs, output):
            return (mapped(self, stage, choice, timing, inputs, output),)
        row = replace(self, batch=1, rows=1)
        inner = row.facts(stage, choice, timing)
        actor = replace(self.actor(choice, inputs, output), depth=inner.latency_cycles)
        words, bits = actor_words(actor, {}, timing), beat_bits(output)

        def printed(name: str) -> RtlModule:
            below = row.rtl(f"{name}_row", choice, timing)
            values = {
                "NAME": name,
                "PORTS": process_ports([beat_bits(edge) for edge in inputs], bits),
                "CONTROL": control(name, words, 2, None),
                "KEPT": self.inner * beat_bits(inputs[1]),
                "KEEP": _keep(self.inner, beat_bits(inputs[1])),
            }
            text = fill(library_file("matmul_stream.v.in"), values)
            text += words.module(f"{name}_steps") + below.text
            return RtlModule(name, text, below.library)

        control_facts = stepped_facts(stage, "matmul", actor, (inputs, output), words)
        kept = self.inner * beat_bits(inputs[1]) - actor.depth  # whose valid is the row's
        return (RtlProcess(actor, around(control_facts, inner, kept), bits, printed),)

    def _flat(self, inputs: tuple[Edge, ...], output: Edge) -> bool:
        """Whether all is in one beat. Raises UnsupportedError where it is neither that nor rows."""
        edges = (*inputs, output)
        if all(edge.beats == 1 for edge in edges):
            return True
        rows = (self.batch * self.rows, self.batch * self.inner, self.batch * self.rows)
        lanes = (self.inner, self.columns, self.columns)
        for edge, beats, n in zip(edges, rows, lanes, strict=True):
            check_beats(edge, output, beats, n)
        return False


def _keep(beats: int, bits: int) -> str:
    """The beats of a matrix, the first at the least bits when all are there."""
    older = f"{{x1_data, kept[{beats * bits - 1}:{bits}]}}" if beats > 1 else "x1_data"
    return f"  always @(posedge clk) if (x1_ready) kept <= {older};"
