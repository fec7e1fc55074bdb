"""Adders of constant matrix products under distributed arithmetic: ours, da4ml's, published.

The published means are of da4ml's own artefact (arXiv:2507.04535, its table 2): random 8-bit
N x N matrices, without a bound on depth and with outputs up to two additions deeper than
needed. "Random 8-bit" is taken as uniform integers in 129..255: of the usual meanings (0..255,
-128..127, 129..255 with random signs) it alone gives da4ml 0.5.2 the published means.

da4ml is measured on the same matrices where an interpreter that has it is given:
python -m venv da && da/bin/pip install 'da4ml>=0.5.2,<0.6'

Run: python benchmarks/shift_add.py [--da4ml-python da/bin/python] [--matrices 20] [--layers]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.netlist.shift_add import plan_shift_add
from converter.netlist.shift_add_graph import build_shift_add

Matrix = npt.NDArray[np.int64]

WORKER = Path(__file__).with_name("da4ml_worker.py")
ANY_DEPTH = -1  # how da4ml spells that depth has no bound

PUBLISHED: dict[int | None, dict[int, float]] = {
    None: {2: 8.6, 4: 29.2, 6: 59.0, 8: 98.1, 10: 146.5, 12: 203.5, 14: 269.3, 16: 343.2},
    2: {2: 8.7, 4: 29.6, 6: 62.4, 8: 101.8, 10: 152.2, 12: 214.6, 14: 278.6, 16: 357.3},
}
"""Mean adders by extra depth, by N."""


@dataclass(frozen=True)
class Result:
    """Means over matrices; ``depth`` is the additions from an input to the deepest output."""

    adders: float
    seconds: float
    depth: float | None = None


def square(n: int, count: int) -> list[Matrix]:
    """The matrices of the published table, drawn anew."""
    random = np.random.default_rng(n)
    return [random.integers(129, 256, (n, n)) for _ in range(count)]


def layers() -> dict[str, Matrix]:
    """Kernels as of dense layers."""
    random = np.random.default_rng(64)
    normal = random.normal(0, 8, (16, 64)), random.normal(0, 32, (64, 64))
    return {
        "16x64, 6 bits, normal": np.clip(np.round(normal[0]), -32, 31).astype(np.int64),
        "16x64, 6 bits, uniform": random.integers(-32, 32, (16, 64)),
        "64x64, 8 bits, normal": np.clip(np.round(normal[1]), -128, 127).astype(np.int64),
        "64x64, 8 bits, uniform": random.integers(-128, 128, (64, 64)),
    }


def ours(matrices: list[Matrix], extra_depth: int | None) -> Result:
    """Adders of our plans; time includes the whole graph."""
    adders, depths, start = [], [], time.perf_counter()
    for matrix in matrices:
        n_in, n_out = matrix.shape
        lo, hi = np.full(n_in, -128), np.full(n_in, 127)
        graph = build_shift_add(matrix, np.zeros(n_out, np.int64), 0, lo, hi, extra_depth)
        adders.append(plan_shift_add(matrix, extra_depth).adders)
        depths.append(graph.levels)
    seconds = (time.perf_counter() - start) / len(matrices)
    return Result(float(np.mean(adders)), seconds, float(np.mean(depths)))


def theirs(python: Path | None, matrices: list[Matrix], extra_depth: int | None) -> Result | None:
    """da4ml's, in its own process, after one small matrix that its compiler warms up on."""
    if python is None:
        return None
    depth = ANY_DEPTH if extra_depth is None else extra_depth
    order = {"extra_depth": depth, "matrices": [[[3]], *(m.tolist() for m in matrices)]}
    done = subprocess.run(
        [str(python), str(WORKER)], input=json.dumps(order), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{python}: da4ml does not run there:\n{done.stderr[-2000:]}")
    adders, seconds = zip(*json.loads(done.stdout)[1:], strict=True)
    return Result(float(np.mean(adders)), float(np.mean(seconds)))


def row(what: str, own: Result, other: Result | None, published: float | None) -> str:
    """One line of the table."""
    cells = [f"{what:<24}", f"{own.adders:8.1f}", f"{own.depth or 0:6.1f}", f"{own.seconds:8.3f}"]
    cells += [f"{other.adders:8.1f}", f"{other.seconds:8.3f}"] if other else [" " * 8, " " * 8]
    cells.append(f"{published:9.1f}" if published else " " * 9)
    against = other.adders if other else published
    cells.append(f"{own.adders / against:6.3f}" if against else "")
    return "  ".join(cells).rstrip()


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--da4ml-python", type=Path, help="interpreter of an environment with it")
    parser.add_argument("--matrices", type=int, default=20, help="of each size")
    parser.add_argument("--layers", action="store_true", help="also layers; minutes for da4ml")
    chosen = parser.parse_args()
    if chosen.da4ml_python is None:
        print("da4ml is not measured: no --da4ml-python; compared with what is published")
    columns = f"{'adders':>8}  {'depth':>6}  {'s':>8}  {'da4ml':>8}  {'s':>8}  published   ratio"
    head = f"{'':<24}  {columns}"
    for extra, published in PUBLISHED.items():
        print(f"\nextra depth: {'any' if extra is None else extra}\n{head}")
        for n, mean in published.items():
            matrices = square(n, chosen.matrices)
            other = theirs(chosen.da4ml_python, matrices, extra)
            print(row(f"{n}x{n}", ours(matrices, extra), other, mean), flush=True)
        for name, matrix in layers().items() if chosen.layers else ():
            other = theirs(chosen.da4ml_python, [matrix], extra)
            print(row(name, ours([matrix], extra), other, None), flush=True)


if __name__ == "__main__":
    main()
