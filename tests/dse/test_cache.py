"""Results are kept by project and tool, whole or not at all."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import time
from pathlib import Path

import pytest

from converter.backends.base import Stage, Tool
from converter.errors import RunError
from converter.process import CANCEL
from converter.project import Project
from converter.report import Fidelity, Report, Source
from dse.cache import Cache
from dse.executors.base import JobCancelled
from dse.failures import Kind, failure
from dse.synthesis import SynthesisResult

TOOL = Tool("vitis", "vitis_hls", "2022.2", "/x/vitis_hls")
STAGE = Report(Source("vitis_hls", "2022.2", Fidelity.CSYNTH), lut=3)
REPORT = Report(STAGE.source, lut=7, latency_cycles=4, stages={"fc1": STAGE}, notes=("a note",))
GOOD = SynthesisResult(REPORT, None, 12.5, 1 << 30)


def project(text: str = "one") -> Project:
    return Project("net", "vitis", "net", {"net.cpp": text})


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entry(cache: Cache) -> Path:
    (path,) = cache.folder.rglob("*.json")
    return path


def test_what_is_put_is_got(cache: Cache) -> None:
    assert cache.get(project(), TOOL, Stage.HLS) is None
    cache.put(project(), TOOL, Stage.HLS, GOOD)
    assert cache.get(project(), TOOL, Stage.HLS) == GOOD
    assert pickle.loads(pickle.dumps(cache)).get(project(), TOOL, Stage.HLS) == GOOD


def test_everything_that_matters_is_in_the_key(cache: Cache) -> None:
    cache.put(project(), TOOL, Stage.HLS, GOOD)
    newer = Tool("vitis", "vitis_hls", "2023.1", TOOL.executable)
    assert cache.get(project("two"), TOOL, Stage.HLS) is None
    assert cache.get(project(), newer, Stage.HLS) is None
    assert cache.get(project(), TOOL, Stage.LOGIC) is None
    elsewhere = Tool("vitis", "vitis_hls", "2022.2", "/y/vitis_hls")
    assert cache.get(project(), elsewhere, Stage.HLS) == GOOD


@pytest.mark.parametrize("kind", list(Kind))
def test_failures_that_would_come_again_are_kept(cache: Cache, kind: Kind) -> None:
    result = SynthesisResult(None, failure(kind, "why"), 3.0, 9)
    cache.put(project(), TOOL, Stage.HLS, result)
    final = kind in (Kind.UNROLL, Kind.FULL, Kind.CRASH, Kind.REPORT)
    assert cache.get(project(), TOOL, Stage.HLS) == (result if final else None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"format": 1', '"format": 99'),
        lambda text: text.replace("2022.2", "2021.1"),
        lambda text: text.replace('"report": {', '"other": {'),
        lambda text: text.replace("csynth", "guess"),
    ],
)
def test_damaged_entry_is_no_entry(cache: Cache, damage) -> None:
    cache.put(project(), TOOL, Stage.HLS, GOOD)
    path = entry(cache)
    body = path.read_text()
    assert damage(body) != body
    path.write_text(damage(body))
    with pytest.warns(UserWarning, match="a damaged result is ignored"):
        assert cache.get(project(), TOOL, Stage.HLS) is None
    cache.put(project(), TOOL, Stage.HLS, GOOD)
    assert cache.get(project(), TOOL, Stage.HLS) == GOOD


def test_nothing_is_left_beside_the_entries(cache: Cache) -> None:
    cache.put(project(), TOOL, Stage.HLS, GOOD)
    assert [p.suffix for p in cache.folder.rglob("*") if p.is_file()] == [".json"]


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="the result cannot be kept"):
        Cache(tmp_path / "file").put(project(), TOOL, Stage.HLS, GOOD)


def _put_often(folder: Path, lut: int) -> None:
    result = SynthesisResult(Report(STAGE.source, lut=lut), None, 1.0, 1)
    for _ in range(30):
        Cache(folder).put(project(), TOOL, Stage.HLS, result)


def test_processes_that_write_at_once(cache: Cache) -> None:
    """A reader sees one whole entry or another, never a mixture (a warning is an error)."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_often, args=(cache.folder, n)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        found = cache.get(project(), TOOL, Stage.HLS)
        if found is not None and found.report is not None:
            seen.add(found.report.lut)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen <= {1, 2}
    assert cache.get(project(), TOOL, Stage.HLS) is not None


def test_waiting_for_a_lock_can_be_cancelled(cache: Cache) -> None:
    event = threading.Event()

    def wait() -> None:
        CANCEL.set(event)
        with pytest.raises(JobCancelled), cache.lock(project(), TOOL, Stage.HLS):
            pass

    with cache.lock(project(), TOOL, Stage.HLS):
        thread = threading.Thread(target=wait)
        thread.start()
        event.set()
        thread.join(10)
        assert not thread.is_alive()


def test_lock_holds_others_off(cache: Cache) -> None:
    order: list[str] = []

    def second() -> None:
        with cache.lock(project(), TOOL, Stage.HLS):
            order.append("second")

    with cache.lock(project(), TOOL, Stage.HLS), cache.lock(project("two"), TOOL, Stage.HLS):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
