"""The queue in front of the server: order, failures, the spool; without MLflow."""

from __future__ import annotations

import json
import threading
import time

import pytest

from dse.tracking.events import Refused
from dse.tracking.tracker import Tracker


class Server:
    """Keeps events in memory; ``down`` makes it refuse, ``slow`` makes it hang."""

    def __init__(self):
        self.events, self.connections = [], 0
        self.down, self.refused = False, ()
        self.slow = threading.Event()
        self.slow.set()

    def connect(self, uri, experiment, run_name, key):
        self.connections += 1
        if self.down:
            raise ConnectionError("no route to host")
        return self

    def write(self, event):
        self.slow.wait(30)
        if self.down:
            raise ConnectionError("connection reset")
        if event["event"] in self.refused:
            raise Refused("the name is too long")
        self.events.append(event)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("dse.tracking.tracker.FIRST_PAUSE_SECONDS", 0.02)
    return Server()


@pytest.fixture
def tracker(server, tmp_path):
    def make():
        return Tracker("memory:", "dse", "digits-1", tmp_path / "spool", connect=server.connect)

    return make


def steps(server):
    return [e["step"] for e in server.events if e["event"] == "metrics"]


def test_events_arrive_in_order(server, tracker):
    log = tracker()
    log.start({"model": "digits.h5"})
    for step in range(50):
        log.metrics(step, {"hypervolume": step / 50})
    assert log.finish() == 0
    assert [e["event"] for e in server.events] == ["start", *["metrics"] * 50, "finish"]
    assert steps(server) == list(range(50))


def test_a_server_that_comes_back_gets_everything_once(server, tracker):
    server.down = True
    log = tracker()
    for step in range(10):
        log.metrics(step, {"hypervolume": 0.5})
    assert not log.flush(0.3)
    assert log.problem == "ConnectionError: no route to host"
    server.down = False
    assert log.flush(10)
    assert log.problem is None
    assert log.close() == 0
    assert steps(server) == list(range(10))


def test_a_server_that_hangs_delays_nobody(server, tracker):
    server.slow.clear()
    log = tracker()
    begin = time.monotonic()
    for step in range(1000):
        log.metrics(step, {"hypervolume": 0.5})
    assert time.monotonic() - begin < 1.0
    assert log.close(timeout=0.2) == 1000
    assert time.monotonic() - begin < 3.0
    server.slow.set()


def test_what_was_missed_is_sent_next_time_and_first(server, tracker, tmp_path):
    server.down = True
    log = tracker()
    log.start({"model": "digits.h5"})
    log.metrics(1, {"hypervolume": 0.1})
    assert log.close(timeout=0.1) == 2
    assert len((tmp_path / "spool" / "pending.jsonl").read_text().splitlines()) == 2
    server.down = False
    log = tracker()
    log.metrics(2, {"hypervolume": 0.2})
    assert log.close() == 0
    assert [e["event"] for e in server.events] == ["start", "metrics", "metrics"]
    assert steps(server) == [1, 2]
    assert not (tmp_path / "spool" / "pending.jsonl").exists()


def test_a_damaged_spool_is_read_as_far_as_it_goes(server, tracker, tmp_path):
    (tmp_path / "spool").mkdir()
    good = json.dumps({"event": "metrics", "step": 7, "time": 0.0, "metrics": {}})
    (tmp_path / "spool" / "pending.jsonl").write_text(f"{good}\n[1, 2]\n{good[:20]}")
    assert tracker().close() == 0
    assert steps(server) == [7]


def test_only_the_newest_front_waits(server, tracker, study):
    run, designs = study
    server.down = True
    log = tracker()
    log.flush(0.1)
    for _ in range(5):
        log.front(run, designs, "<html></html>")
    log.metrics(1, {"hypervolume": 0.1})
    log.front(run, designs, "<html>last</html>")
    server.down = False
    assert log.close() == 0
    fronts = [e for e in server.events if e["event"] == "front"]
    assert len(fronts) <= 2, "one may have been under way"
    assert fronts[-1]["texts"]["report.html"] == "<html>last</html>"


def test_a_run_is_found_again_by_its_key(server, tmp_path):
    keys = []

    def connect(uri, experiment, run_name, key):
        keys.append(key)
        return server

    for name, key in (("a", None), ("a", None), ("b", None), ("b", "a")):
        log = Tracker("memory:", "dse", name, tmp_path, key, connect)
        log.start({})
        log.close()
    assert keys[0] == keys[1] == keys[3] != keys[2]


def test_what_is_refused_for_good_does_not_hold_up_the_rest(server, tracker):
    server.refused = ("start",)
    log = tracker()
    log.start({"model": "digits.h5"})
    assert log.flush(5)
    assert log.problem == "refused: the name is too long"
    log.metrics(1, {"hypervolume": 0.1})
    assert log.close() == 0
    assert steps(server) == [1]
