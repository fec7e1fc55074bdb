"""What a run measures is kept for later ones, and a run that goes on begins with what it had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import dse
from converter.backends import BACKENDS
from dse.call import Call, pose, with_lessons
from dse.paths import RunPaths
from estimators import store

FIXTURES = Path(__file__).parents[1] / "fixtures"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BACKENDS["yosys"].find() is None, reason="yosys is not here"),
]


def explore(folder: Path, name: str, **options: object) -> dse.Run:
    return dse.run(
        FIXTURES / "keras2.h5", "xc7z020", "trials=4", out=folder / name, space="tiny",
        executor="inline", backend="yosys", synth_jobs=1, workers=1, **options,
    )  # fmt: skip


def test_runs_learn_from_each_other_and_go_on_with_what_they_began_with(tmp_path: Path) -> None:
    kept = tmp_path / "store.jsonl"
    first = explore(tmp_path, "first", learned=kept)
    measured = [d for d in first.history().designs.values() if d.measured]
    lessons, complaints = store.read(kept)
    assert (len(lessons), complaints) == (len(measured), [])
    assert all(d.checks["learned"] == "kept" for d in measured)

    call = Call(str(FIXTURES / "keras2.h5"), "xc7z020", "trials=4", backend="yosys",
                learned=str(kept))  # fmt: skip
    (tmp_path / "second").mkdir()
    paths = RunPaths(tmp_path / "second")
    begun = with_lessons(paths, pose(call))
    assert len(begun.learned) == len(lessons)
    store.append(kept, [replace(lessons[0], digest="of another run")])
    assert with_lessons(paths, pose(call)).learned == begun.learned
    assert len(with_lessons(RunPaths(tmp_path), pose(call)).learned) == len(lessons) + 1


def test_estimates_come_with_intervals_that_narrow(tmp_path: Path) -> None:
    kept = tmp_path / "store.jsonl"
    first = explore(tmp_path, "first", learned=kept)
    second = explore(tmp_path, "second", learned=kept)

    def width(run: dse.Run) -> float:
        design = min(run.history().designs.values(), key=lambda d: d.number)
        low, high = design.estimate.intervals["lut"]
        assert low < (design.estimate.lut or 0) < high
        return high / low

    assert width(second) < width(first)


def test_streams_are_searched_and_measured(tmp_path: Path) -> None:
    done = explore(tmp_path, "streams", io_type="io_stream")
    measured = [d for d in done.history().designs.values() if d.measured]
    assert measured
    for design in measured:
        assert design.measured is not None
        assert design.checks["csim"] == "passed"
        assert (design.measured.interval_cycles or 0) == design.estimate.interval_cycles
