"""Random networks through emulation, the compiled C++ and Verilog: the same codes, always.

    python tests/fuzz/fuzz.py --count 10000 --jobs 2
    python tests/fuzz/fuzz.py --seconds 120 --rtl 10
    python tests/fuzz/fuzz.py --first 4711 --count 1     # one network again

``--rtl``: percentage of the networks whose Verilog is simulated, too, by Icarus, or else by
Verilator, which takes longer: in cycles that equal the plan, and, in io_stream, with random gaps
and back-pressure.

Each network is also held to what its typed graph promises: every code lies within the bounds of
its edge. A refusal by name is counted, and is no failure; anything else is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import count as counting
from pathlib import Path

import numpy as np
from networks import Network, random_network

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.csim import csim
from converter.emulate import emulate_codes, run
from converter.errors import ConfigError, TargetError, UnsupportedError
from converter.graph import Implementation, Stage, Strategy, TypedGraph
from converter.pipeline import measure_ranges
from converter.timing import Family, Target
from converter.types import Codes

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from rtl_check import check_in_icarus, check_rtl

ROWS = 12
MOST_CHOICES = 40
TARGETS = (
    Target("xc7a200tfbg676-2", Family.SERIES7, 5.0),
    Target("xc7a200tfbg676-2", Family.SERIES7, 10.0),
    Target("xcvu9p-flga2104-2-e", Family.ULTRASCALE_PLUS, 2.5),
    Target("xcvu9p-flga2104-2-e", Family.ULTRASCALE_PLUS, 5.0),
)


@dataclass(frozen=True)
class Outcome:
    """``kind``: equal, refused, or what failed. ``text``: the refusal or the failure."""

    seed: int
    kind: str
    text: str = ""

    @property
    def failed(self) -> bool:
        """Neither equal nor refused by name."""
        return self.kind not in ("equal", "equal, with Verilog", "refused")


def check(seed: int, rtl: int = 0) -> Outcome:
    """One network from its seed to the comparison. ``rtl``: percentage of seeds with Verilog."""
    try:
        network = random_network(seed)
        typed = with_random_hardware(typed_graph(network), seed)
    except (UnsupportedError, ConfigError) as error:
        return Outcome(seed, "refused", str(error))
    except Exception as error:
        return Outcome(seed, "crashed", f"{type(error).__name__}: {error}")
    try:
        outcome = _compare(seed, typed)
        simulated = outcome.kind == "equal" and _has_turn(seed, rtl)
        return _simulate(seed, typed) if simulated else outcome
    except (UnsupportedError, TargetError) as error:
        return Outcome(seed, "refused", str(error))
    except Exception as error:
        return Outcome(seed, "crashed", f"{type(error).__name__}: {str(error)[-2000:]}")


def typed_graph(network: Network) -> TypedGraph:
    """The network in integers."""
    rng, graph = np.random.default_rng(network.seed), network.graph
    ranges = None
    if network.with_data:
        x = {n: rng.normal(0, 1, (30, *graph[n].shape)) for n in graph.inputs}
        ranges = measure_ranges(graph, x)
    return converter.apply(graph, network.config, ranges)


def with_random_hardware(typed: TypedGraph, seed: int) -> TypedGraph:
    """The same with a legal choice for each stage."""
    rng = np.random.default_rng(seed + 1)
    choices: dict[str, Implementation] = {}
    for stage in typed.stages:
        legal = (*stage.unit.legal()[:MOST_CHOICES], *_shift_add(stage))
        choice = legal[int(rng.integers(len(legal)))]
        if typed.io_type.value == "io_stream":
            choice = replace(choice, parallelization_factor=1)
        choices[stage.name] = choice
    return typed.with_hardware(choices)


def _shift_add(stage: Stage) -> tuple[Implementation, ...]:
    """Additions alone, where the unit can be built of them: a search does not list it."""
    choice = Implementation(Strategy.DISTRIBUTED_ARITHMETIC)
    try:
        stage.unit.check(stage.name, choice)
    except ConfigError:
        return ()
    return (choice, choice)


def _compare(seed: int, typed: TypedGraph) -> Outcome:
    codes = drawn_codes(typed, ROWS, seed)
    for name, values in run(typed, codes).items():
        outside = _outside(values, typed, name)
        if outside:
            return Outcome(seed, "out of bounds", outside)
    ours, theirs = emulate_codes(typed, codes), csim(typed, codes)
    for name in typed.outputs:
        if not np.array_equal(ours[name].astype(object), theirs[name].astype(object)):
            wrong = int((ours[name].astype(object) != theirs[name].astype(object)).sum())
            return Outcome(seed, "different", f"{name}: {wrong} of {ours[name].size} codes")
    return Outcome(seed, "equal")


def _has_turn(seed: int, rtl: int) -> bool:
    return int(np.random.default_rng(seed + 2).integers(100)) < rtl


def _simulate(seed: int, typed: TypedGraph) -> Outcome:
    """Its Verilog, for one of some parts and clocks."""
    target = TARGETS[int(np.random.default_rng(seed + 3).integers(len(TARGETS)))]
    try:
        simulate = check_in_icarus if shutil.which("iverilog") else check_rtl
        simulate(typed, drawn_codes(typed, ROWS, seed), target)
    except AssertionError as error:
        return Outcome(seed, "different in Verilog", str(error))
    return Outcome(seed, "equal, with Verilog")


def _outside(values: Codes, typed: TypedGraph, name: str) -> str:
    edge = typed.edges[name]
    wrong = (values < edge.bounds.lo) | (values > edge.bounds.hi)
    return f"{name}: {int(wrong.sum())} codes of {edge.type}" if wrong.any() else ""


def outcomes(first: int, number: int | None, jobs: int, rtl: int = 0) -> Iterator[Outcome]:
    """Outcomes of ``number`` networks from the seed ``first`` on, without end where it is None."""
    seeds = iter(range(first, first + number)) if number is not None else counting(first)
    with ProcessPoolExecutor(jobs) as pool:
        waiting = [
            pool.submit(check, seed, rtl) for _, seed in zip(range(2 * jobs), seeds, strict=False)
        ]
        while waiting:
            done = waiting.pop(0)
            following = next(seeds, None)
            if following is not None:
                waiting.append(pool.submit(check, following, rtl))
            try:
                yield done.result()
            except GeneratorExit:
                for job in waiting:
                    job.cancel()
                raise


def fuzz(
    first: int, number: int | None, seconds: float | None, jobs: int, rtl: int = 0
) -> list[Outcome]:
    """Run until the number or the time is reached; failures are printed as they come."""
    end = None if seconds is None else time.monotonic() + seconds
    found: list[Outcome] = []
    stream = outcomes(first, number, jobs, rtl)
    for outcome in stream:
        found.append(outcome)
        if outcome.failed:
            print(f"seed {outcome.seed}: {outcome.kind}: {outcome.text}", flush=True)
        if len(found) % 500 == 0:
            print(f"{len(found)} networks", file=sys.stderr, flush=True)
        if end is not None and time.monotonic() > end:
            break
    stream.close()
    return found


def main() -> int:
    """Exit status 1 where a network failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rtl", type=int, default=0, help="percent of networks with Verilog")
    arguments = parser.parse_args()
    number = arguments.count if arguments.count or arguments.seconds else 100
    found = fuzz(arguments.first, number, arguments.seconds, arguments.jobs, arguments.rtl)
    kinds = Counter(outcome.kind for outcome in found)
    print(", ".join(f"{n} {kind}" for kind, n in kinds.most_common()), "of", len(found))
    reasons = Counter(_reason(o.text) for o in found if o.kind == "refused")
    for reason, n in reasons.most_common(12):
        print(f"  refused {n}: {reason}")
    return 1 if any(outcome.failed for outcome in found) else 0


def _reason(text: str) -> str:
    """A refusal without the layer's name."""
    return text.split(": ", 1)[-1][:110]


if __name__ == "__main__":
    sys.exit(main())
