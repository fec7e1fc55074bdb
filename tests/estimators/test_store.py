"""What syntheses have shown, kept for later runs."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from converter.errors import DataError
from converter.facts import Facts, Memory, Multipliers
from converter.timing import Family
from estimators import ESTIMATORS, store
from estimators.store import Lesson

FACTS = Facts(
    "fc", "matvec", "resource", 4, 8, 4, 6, 14, 9, 4, weight_width=5, adder_bits=40,
    register_bits=120, mux_bits=18, multipliers=(Multipliers(8, 7, 5, True),),
    memories=(Memory(1, 4, 40, 1, False),),
)  # fmt: skip
LESSON = Lesson(
    "yosys", "0.70", "logic", Family.SERIES7, "xc7z020clg400-1", 5.0, "abc",
    {"lut": 120.0, "dsp": 8.0}, (FACTS,),
)  # fmt: skip


def test_lessons_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.jsonl"
    assert store.read(path) == ([], [])
    other = replace(LESSON, digest="def")
    store.append(path, [LESSON, other])
    assert store.read(path) == ([LESSON, other], [])


def test_of_one_design_the_last_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    again = replace(LESSON, figures={"lut": 130.0})
    store.append(path, [LESSON])
    store.append(path, [again])
    assert store.read(path) == ([again], [])


def test_damaged_lines_are_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    store.append(path, [LESSON])
    with path.open("ab") as file:
        file.write(b'{"tool": "yosys"}\n{"tool": "yo')  # a field is missing; cut short
    other = replace(LESSON, digest="def")
    store.append(path, [other])
    lessons, complaints = store.read(path)
    assert lessons == [LESSON, other]
    assert [c.split(" is damaged")[0] for c in complaints] == [
        f"{path}: line 2",
        f"{path}: line 3",
    ]


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write what was learned: Is a directory"):
        store.append(tmp_path, [LESSON])


def test_only_the_same_tool_and_family_match() -> None:
    lessons = [
        LESSON,
        replace(LESSON, version="0.71"),
        replace(LESSON, stage="route"),
        replace(LESSON, family=Family.ULTRASCALE),
    ]
    assert store.matching(lessons, ("yosys", "0.70", "logic"), Family.SERIES7) == [LESSON]


def test_evidence_is_of_the_estimator_of_today() -> None:
    evidence = LESSON.evidence(ESTIMATORS["yosys"])
    assert list(evidence.parts) == ["matvec_shared"]
    assert evidence.parts["matvec_shared"]["dsp"] == 8
    assert evidence.parts["matvec_shared"]["lut"] > 0
    assert evidence.measured == LESSON.figures


def write_some(path: Path, name: str) -> None:
    for k in range(40):
        store.append(path, [replace(LESSON, digest=f"{name}{k}")])


def test_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_some, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lessons, complaints = store.read(path)
    assert (len(lessons), complaints) == (120, [])
