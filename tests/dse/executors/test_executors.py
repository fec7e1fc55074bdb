"""One conformance suite for all executors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import psutil
import pytest

from converter.errors import ConfigError, RunError, ToolError
from dse.executors import EXECUTORS, make_executor
from dse.executors.base import EVALUATE, SYNTHESISE, Executor, JobCancelled, JobLost, cancel_event


def add(a, b):
    return a + b


def pause(seconds, value=None):
    time.sleep(seconds)
    return value


def fail(message):
    raise ToolError(message)


def fail_with(error_type):
    raise error_type("no such thing")


def unpicklable_error():
    class Local(Exception):
        def __init__(self, a, b):
            super().__init__(a)

    raise Local("first", "second")


def stamp(path, name):
    with Path(path).open("a") as file:
        file.write(f"{name}\n")


def total(array):
    return float(array.sum()), os.getpid()


def tool(folder, marker, seconds):
    """A supervised tool that starts a helper in a session of its own."""
    from converter import process

    script = f"(setsid sleep {seconds} &) ; echo {marker}; sleep {seconds}"
    argv = ["bash", "-c", f"exec -a {marker} bash -c '{script}'"]
    outcome = process.run(argv, Path(folder), timeout_s=seconds, cancel=cancel_event())
    return outcome.status


def raw_child(seconds):
    return subprocess.run(["sleep", str(seconds)], check=False).returncode


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def sleeping(seconds) -> list[int]:
    """Processes ``sleep <seconds>`` on this machine: tests use odd figures of their own."""
    wanted = ["sleep", str(seconds)]
    return [p.pid for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == wanted]


def until(true, seconds=15.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return bool(true())


def odd_seconds() -> str:
    return f"{500 + uuid.uuid4().int % 10**6 / 1e6:.6f}"


@pytest.fixture(scope="module", params=sorted(EXECUTORS))
def executor(request):
    pool = start(request.param, 2, 2)
    yield pool
    pool.shutdown()


def start(name, workers, synth_jobs, address=None) -> Executor:
    pool = make_executor(name, workers, synth_jobs, address)
    if name == "ray":
        import ray.cloudpickle

        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        assert pool.ready(60)
    return pool


def test_values_come_back(executor):
    jobs = [executor.submit(add, i, 10) for i in range(20)]
    assert [job.result() for job in jobs] == list(range(10, 30))
    assert all(job.done() for job in jobs)


def test_errors_keep_their_type_and_message(executor):
    with pytest.raises(ToolError, match=r"^vitis_hls: not on PATH$"):
        executor.submit(fail, "vitis_hls: not on PATH").result()
    with pytest.raises(ZeroDivisionError):
        executor.submit(divmod, 1, 0).result()
    with pytest.raises(KeyError, match="no such thing"):
        executor.submit(fail_with, KeyError).result()


def test_an_error_that_does_not_pickle_still_tells(executor):
    with pytest.raises(Exception, match="first"):
        executor.submit(unpicklable_error).result()


def test_wait_returns_what_is_done_in_any_order(executor):
    slow = executor.submit(pause, 1.5, "slow", kind=SYNTHESISE)
    fast = executor.submit(pause, 0.1, "fast", kind=SYNTHESISE)
    assert executor.wait([slow, fast], 30) == [fast]
    assert not slow.done()
    assert executor.wait([slow], 30) == [slow]
    assert (fast.result(), slow.result()) == ("fast", "slow")


def test_wait_keeps_its_timeout(executor):
    job = executor.submit(pause, 1.0)
    begin = time.monotonic()
    assert executor.wait([job], 0.2) == []
    assert 0.15 < time.monotonic() - begin < 0.8
    assert executor.wait([job], 0) == []
    assert executor.wait([], 5) == []
    job.result()


def test_limits_hold_per_kind(executor):
    begin = time.monotonic()
    jobs = [executor.submit(pause, 0.5) for _ in range(4)]
    other = executor.submit(pause, 0.0, kind=SYNTHESISE)
    other.result()
    assert not any(job.done() for job in jobs[2:])
    for job in jobs:
        job.result()
    assert time.monotonic() - begin > 0.95  # 4 jobs of 0.5 s, 2 at once


def test_an_unknown_kind_is_refused(executor):
    with pytest.raises(RunError, match="'train' is no kind of job; there are: evaluate, synth"):
        executor.submit(add, 1, 2, kind="train")


def test_shared_arguments_arrive(executor):
    data = np.arange(1_000_000, dtype=np.float64)
    stand_in = executor.share(data)
    jobs = [executor.submit(total, stand_in) for _ in range(6)]
    assert {job.result()[0] for job in jobs} == {data.sum()}


def test_cancel_of_a_queued_job_is_at_once(executor):
    running = [executor.submit(pause, 0.6) for _ in range(2)]
    queued = executor.submit(pause, 60)
    begin = time.monotonic()
    queued.cancel()
    assert queued.done()
    assert time.monotonic() - begin < 0.3
    with pytest.raises(JobCancelled, match="evaluate: cancelled before it had a result"):
        queued.result()
    for job in running:
        job.result()


def test_cancel_of_an_ended_job_changes_nothing(executor):
    job = executor.submit(add, 1, 2)
    assert job.result() == 3
    job.cancel()
    assert job.result() == 3


def test_cancel_ends_the_whole_process_tree(executor, tmp_path):
    seconds = odd_seconds()
    job = executor.submit(tool, str(tmp_path), "dse-test", float(seconds), kind=SYNTHESISE)
    assert until(lambda: len(sleeping(float(seconds))) == 2)
    begin = time.monotonic()
    job.cancel()
    assert time.monotonic() - begin < 0.5, "cancel returns at once"
    with pytest.raises(JobCancelled):
        job.result()
    assert until(lambda: not sleeping(float(seconds)), 5)
    assert executor.submit(add, 1, 1, kind=SYNTHESISE).result() == 2


def test_results_may_be_waited_for_in_many_threads(executor):
    jobs = [executor.submit(pause, 0.05, i) for i in range(8)]
    seen: list[int] = []
    threads = [threading.Thread(target=lambda j=j: seen.append(j.result())) for j in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == list(range(8))


@pytest.mark.parametrize("name", sorted(EXECUTORS))
def test_one_worker_keeps_the_order(name, tmp_path):
    path = tmp_path / "order"
    pool = start(name, 1, 1)
    jobs = [pool.submit(stamp, str(path), i) for i in range(12)]
    for job in jobs:
        job.result()
    pool.shutdown()
    assert path.read_text().split() == [str(i) for i in range(12)]


@pytest.mark.parametrize("name", sorted(EXECUTORS))
def test_shutdown_leaves_nothing(name, tmp_path):
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    seconds = odd_seconds()
    pool = start(name, 1, 1)
    running = pool.submit(tool, str(tmp_path), "dse-test", float(seconds), kind=SYNTHESISE)
    queued = pool.submit(tool, str(tmp_path), "dse-test", float(seconds), kind=SYNTHESISE)
    assert until(lambda: len(sleeping(float(seconds))) == 2)
    pool.shutdown()
    assert running.done()
    assert queued.done()
    with pytest.raises(JobCancelled):
        running.result()
    assert not sleeping(float(seconds))
    assert until(lambda: not {p.pid for p in psutil.Process().children(recursive=True)} - before, 3)
    with pytest.raises(RunError, match="shut down"):
        pool.submit(add, 1, 2)
    pool.shutdown()


def test_two_executors_at_once(tmp_path):
    here, one, two = start("inline", 1, 1), start("ray", 1, 1), start("ray", 1, 1)
    jobs = [pool.submit(add, 40, i) for i, pool in enumerate((here, one, two))]
    assert [job.result() for job in jobs] == [40, 41, 42]
    one.shutdown()
    assert two.submit(add, 1, 2).result() == 3, "the other's shutdown does not touch it"
    two.shutdown()
    here.shutdown()


def test_a_killed_worker_is_a_lost_job_and_not_a_hang():
    pool = start("ray", 1, 1)
    with pytest.raises(JobLost, match="the worker died under the job"):
        pool.submit(die).result()
    assert pool.submit(add, 1, 2).result() == 3
    pool.shutdown()


def test_a_task_that_does_not_heed_is_killed_with_its_worker(monkeypatch):
    monkeypatch.setattr("dse.executors.ray.CANCEL_SECONDS", 1.0)
    seconds = odd_seconds()
    pool = start("ray", 1, 1)
    job = pool.submit(raw_child, float(seconds))
    assert until(lambda: sleeping(float(seconds)))
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result()
    pool.shutdown()
    assert not sleeping(float(seconds)), "the head swept what the worker left"


def in_a_new_process(body: str) -> str:
    """What a script prints: the executors of one process share its connection to Ray."""
    script = f"from dse.executors import make_executor\nimport os\n{body}"
    argv = [sys.executable, "-c", script]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=90, check=True).stdout


@pytest.mark.slow
def test_evaluations_run_here_while_ray_starts():
    printed = in_a_new_process(
        "pool = make_executor('ray', 1, 1)\n"
        "here = pool.submit(os.getpid).result() == os.getpid()\n"
        "early = not pool.ready(0)\n"
        "assert pool.ready(60)\n"
        "there = pool.submit(os.getpid).result() != os.getpid()\n"
        "pool.shutdown(); print(here, early, there)\n"
    )
    assert printed == "True True True\n"


@pytest.mark.slow
def test_shutdown_while_ray_starts():
    printed = in_a_new_process(
        "import psutil, time\n"
        "pool = make_executor('ray', 1, 1)\n"
        "job = pool.submit(os.getpid, kind='synthesise'); time.sleep(0.5)\n"
        "begin = time.monotonic(); pool.shutdown()\n"
        "try: job.result()\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print(time.monotonic() - begin < 10)\n"
        "time.sleep(0.5); print(psutil.Process().children(recursive=True))\n"
    )
    assert printed == "JobCancelled\nTrue\n[]\n"


DRIVER = """
import sys, time
from dse.executors import make_executor
from pathlib import Path
sys.path.insert(0, sys.argv[4])
import killed_jobs
pool = make_executor(sys.argv[1], 1, 1)
if sys.argv[1] == "ray":
    assert pool.ready(60)
pool.submit(killed_jobs.tool, sys.argv[2], float(sys.argv[3]), kind="synthesise")
print("started", flush=True)
time.sleep(600)
"""

JOBS = """
from pathlib import Path
from converter import process
def tool(folder, seconds):
    process.run(["bash", "-c", f"(setsid sleep {seconds} &) ; sleep {seconds}"], Path(folder),
                timeout_s=seconds)
"""


@pytest.mark.parametrize("name", ["inline", pytest.param("ray", marks=pytest.mark.slow)])
def test_kill_9_of_the_driver_leaves_no_process(name, tmp_path):
    (tmp_path / "killed_jobs.py").write_text(JOBS)
    (tmp_path / "driver.py").write_text(DRIVER)
    seconds = odd_seconds()
    argv = [sys.executable, "driver.py", name, str(tmp_path), seconds, str(tmp_path)]
    driver = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE)
    assert driver.stdout.readline() == b"started\n"
    assert until(lambda: len(sleeping(float(seconds))) == 2, 30)
    tree = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    driver.wait()
    assert until(lambda: not sleeping(float(seconds)), 10)
    assert until(lambda: not [p for p in tree if _lives(p)], 10), tree


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
def test_two_processes_with_a_ray_each_do_not_meet(tmp_path):
    script = (
        "from dse.executors import make_executor; import operator\n"
        "pool = make_executor('ray', 1, 1); assert pool.ready(60)\n"
        "print(pool.submit(operator.mul, 6, 7, kind='synthesise').result()); pool.shutdown()\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [run.communicate(timeout=90)[0] for run in runs] == ["42\n", "42\n"]


def test_an_unknown_executor_is_refused():
    with pytest.raises(ConfigError, match="--executor slurm: no such executor; there are: inline"):
        make_executor("slurm", 1, 1)


def test_the_inline_executor_joins_no_cluster():
    with pytest.raises(ConfigError, match="joins no cluster; use the executor ray"):
        make_executor("inline", 1, 1, "127.0.0.1:6379")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "127.0.0.1:1: nothing answers there .*; start it with: ray start --head"),
        ("127.0.0.1:99999", "99999: nothing answers there"),
        ("ray://127.0.0.1:10001", "give HOST:PORT of the head node, or auto"),
        ("somewhere", "--ray-address somewhere: give HOST:PORT"),
    ],
)
def test_a_wrong_address_is_told_at_once(address, message):
    with pytest.raises(ConfigError, match=message):
        make_executor("ray", 1, 1, address)


@pytest.mark.parametrize("name", sorted(EXECUTORS))
def test_no_worker_at_all_is_refused(name):
    with pytest.raises(RunError, match="evaluate: 0 jobs at once; at least 1"):
        make_executor(name, 0, 1)


def test_nothing_is_cancelled_outside_of_a_job():
    assert cancel_event() is None
    assert EVALUATE != SYNTHESISE
