"""A bench for single processes of io_stream: their Verilog against their actors, to the cycle.

Each process has a test bench of its own, all of them in one simulation by Icarus Verilog. Whether
the input is valid and whether there is room changes from cycle to cycle at random, the same for
the Verilog and for the actor, whose steps are followed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.actor import Actor
from converter.process import run
from converter.rtl.engines import LINT_WAIVERS, checked
from converter.rtl.module import fill, library_file
from converter.rtl.packing import pack, unpack
from converter.rtl.process import RtlProcess
from converter.types import Codes, Fixed

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TOP = """module top;
  reg clk = 0;
  reg rst = 1;
  integer t = 0;
  initial forever #5 clk = ~clk;
  always @(posedge clk) begin
    t <= t + 1;
    rst <= t < 4;
    if (t == @CYCLES@ + 10) $finish;
  end
@BENCHES@
endmodule
"""


@dataclass(frozen=True, eq=False)
class Bench:
    """One process of one input. ``beats``: [frames * beats in, lanes] of ``type``; ``given``: lanes
    and type of a beat that it gives. ``valid`` and ``room``: [cycles].
    """

    process: RtlProcess
    type: Fixed
    beats: Codes
    given: tuple[int, Fixed]
    valid: Flags
    room: Flags


@dataclass(frozen=True, eq=False)
class Trace:
    """Cycles in which beats were read, places reserved and beats given, and the beats given."""

    reads: Ints
    reserves: Ints
    writes: Ints
    beats: Codes

    def same(self, other: Trace) -> bool:
        """Whether both tell the same."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return all(np.array_equal(a.astype(object), b.astype(object)) for a, b in pairs)


def expected(bench: Bench, beats: Codes) -> Trace:
    """What the actor says; ``beats``: all that come out in the end."""
    reads, reserves = follow(bench.process.actor, bench.valid, bench.room, len(bench.beats))
    writes = reserves + bench.process.actor.depth
    writes = writes[writes < len(bench.valid)]
    return Trace(reads, reserves, writes, beats[: len(writes)])


def follow(actor: Actor, valid: Flags, room: Flags, beats: int) -> tuple[Ints, Ints]:
    """Cycles of the reads and of the steps that write, until there are no more beats or cycles."""
    reads: list[int] = []
    reserves: list[int] = []
    at, step = 0, 0
    while True:
        reading, writing = bool(actor.reads[step, 0]), bool(actor.writes[step])
        if reading and len(reads) == beats:
            break
        while at < len(valid) and ((reading and not valid[at]) or (writing and not room[at])):
            at += 1
        if at >= len(valid):
            break
        reads += [at] * reading
        reserves += [at] * writing
        at += int(actor.cycles[step])
        step = (step + 1) % len(actor.cycles)
    return np.array(reads, np.int64), np.array(reserves, np.int64)


def simulate(benches: Sequence[Bench], folder: Path) -> list[Trace]:
    """What the Verilog of all of them does; Verilator must have nothing to say against it."""
    sources: list[str] = []
    library: set[str] = set()
    for k, bench in enumerate(benches):
        module = bench.process.module(f"p{k}")
        library.update(module.library)
        _write_data(bench, k, folder)
        (folder / f"p{k}.v").write_text(module.text, encoding="ascii")
        sources.append(f"p{k}.v")
    for name in library:
        (folder / name).write_text(library_file(name), encoding="ascii")
    (folder / "bench.v").write_text(_bench_text(benches), encoding="ascii")
    for source in sources:
        waived = (f"-Wno-{name}" for name in LINT_WAIVERS)
        lint = ["verilator", "--lint-only", "-Wall", *waived, "--top-module", source[:-2], source]
        checked(run([*lint, *sorted(library)], folder, timeout_s=60.0), "lint")
    files = ["bench.v", *sources, *sorted(library)]
    argv = ["iverilog", "-g2005", "-s", "top", "-o", "bench", *files]
    checked(run(argv, folder, timeout_s=60.0), "iverilog")
    checked(run(["vvp", "-n", "bench"], folder, timeout_s=300.0), "the simulation")
    return [_read(bench, folder / f"out{k}.txt") for k, bench in enumerate(benches)]


def _bench_text(benches: Sequence[Bench]) -> str:
    template = (Path(__file__).parent / "process_bench.v.in").read_text(encoding="ascii")
    text = ""
    for k, bench in enumerate(benches):
        lanes, made = bench.given
        values = {
            "K": k,
            "CYCLES": len(bench.valid),
            "BEATS": len(bench.beats),
            "IN_BITS": bench.beats.shape[1] * bench.type.width,
            "OUT_BITS": lanes * made.width,
        }
        text += fill(template, values)
    instances = "\n".join(f"  bench{k} b{k} (.clk(clk), .rst(rst));" for k in range(len(benches)))
    cycles = max(len(bench.valid) for bench in benches)
    return text + fill(TOP, {"BENCHES": instances, "CYCLES": cycles})


def _write_data(bench: Bench, k: int, folder: Path) -> None:
    digits = -(-bench.beats.shape[1] * bench.type.width // 4)
    words = pack(bench.beats, bench.type)
    lines = ["".join(f"{int(word):08x}" for word in reversed(row))[-digits:] for row in words]
    (folder / f"in{k}.hex").write_text("\n".join(lines) + "\n")
    for name, flags in (("valid", bench.valid), ("room", bench.room)):
        (folder / f"{name}{k}.hex").write_text("\n".join(str(int(f)) for f in flags) + "\n")


def _read(bench: Bench, path: Path) -> Trace:
    cycles: dict[str, list[int]] = {"read": [], "reserve": [], "write": []}
    given = []
    for line in path.read_text().splitlines():
        event, cycle, *word = line.split()
        assert event in cycles, f"{path.name}: a step in cycle {cycle} that could not be"
        cycles[event].append(int(cycle))
        given += [int(w, 16) for w in word]
    lanes, made = bench.given
    count = -(-lanes * made.width // 32)
    words = [[value >> 32 * i & 0xFFFFFFFF for i in range(count)] for value in given]
    beats = unpack(np.array(words, np.uint32).reshape(-1, count), lanes, made)
    reads, reserves, writes = (np.array(found, np.int64) for found in cycles.values())
    return Trace(reads, reserves, writes, beats)
