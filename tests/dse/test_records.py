"""The journal is the truth: what is written is read back, whatever cut it short."""

import json

import pytest

from converter.errors import RunError
from converter.graph import Implementation, Strategy
from converter.report import Fidelity, Report, Source
from dse.failures import Failure
from dse.records import (
    Candidate,
    Design,
    Journal,
    Setting,
    design_body,
    read_history,
    setting_body,
)

CHOICES = {"fc1": Implementation(Strategy.RESOURCE, 4), "a/b <i>": Implementation()}
SOURCE = Source("yosys", "0.70", Fidelity.LOGIC_SYNTHESIS)
REPORT = Report(SOURCE, lut=10.0, ff=5.0, dsp=0.0, bram_18k=0.0, latency_cycles=3)
SETTING = Setting(
    3,
    {"fc1.weight": 6},
    "d1",
    0.9,
    0.1,
    0.5,
    constraints={"metric": 0.0},
    candidates=(Candidate(CHOICES, {"lut": 1.5, "latency_cycles": 3.0}),),
)
DESIGN = Design(0, 3, CHOICES, REPORT)
FAILED = Design(1, 3, CHOICES, REPORT, None, Failure("timeout", "m", "n"), {"csim": "passed"}, 2.0)


def write(path, *events):
    journal = Journal(path)
    for name, body in events:
        journal.append(name, **body)
    journal.close()


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(
        path,
        ("opened", {}),
        ("setting", setting_body(SETTING)),
        ("design", design_body(DESIGN)),
        ("design", design_body(FAILED)),
        ("ended", {"reason": "the budget is spent"}),
    )
    history = read_history(path)
    assert history.settings == {3: SETTING}
    assert history.designs == {0: DESIGN, 1: FAILED}
    assert history.ended == "the budget is spent"


def test_the_newest_record_of_a_design_counts(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, ("design", design_body(DESIGN)), ("design", design_body(FAILED)))
    measured = Design(0, 3, CHOICES, REPORT, REPORT)
    write(path, ("design", design_body(measured)))
    assert read_history(path).designs[0] == measured


def test_a_line_cut_short_by_a_crash_is_passed_over_and_written_past(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, ("setting", setting_body(SETTING)))
    with path.open("ab") as file:
        file.write(b'{"event":"setting","numb')
    assert list(read_history(path).settings) == [3]
    write(path, ("design", design_body(DESIGN)))
    history = read_history(path)
    assert (list(history.settings), list(history.designs)) == ([3], [0])


def test_time_is_counted_over_all_sessions_without_the_pauses(tmp_path):
    path = tmp_path / "journal.jsonl"
    times = [("opened", 100.0), ("ended", 130.0), ("opened", 500.0), ("ended", 520.0)]
    lines = [json.dumps({"event": e, "time": t, "reason": "stopped"}) for e, t in times]
    path.write_text("\n".join(lines) + "\n")
    assert read_history(path).spent_s == 50.0


def test_a_run_that_goes_on_has_not_ended(tmp_path):
    path = tmp_path / "journal.jsonl"
    write(path, ("opened", {}), ("ended", {"reason": "stopped"}), ("opened", {}))
    assert read_history(path).ended is None


@pytest.mark.parametrize("line", ["[1, 2]", '{"a": 1}', '"text"'])
def test_a_file_that_is_no_journal_is_refused_by_its_line(tmp_path, line):
    path = tmp_path / "journal.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(RunError, match="line 1 is not an event"):
        read_history(path)
