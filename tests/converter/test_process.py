"""Programs run within limits, and nothing of them survives, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from converter import process
from converter.errors import ToolError
from converter.process import Outcome, run

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

BROOD = """
import os, subprocess, sys, time
mine = ["sleep", sys.argv[1]]
subprocess.Popen(mine)                                   # a child
subprocess.Popen(mine, start_new_session=True)           # in a session of its own
subprocess.Popen(["sh", "-c", "sleep $0 & sleep $0 &", sys.argv[1]])  # orphans
if os.fork() == 0:                                       # a daemon, in the classic way
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", mine)
    os._exit(0)
print("born", flush=True)
time.sleep(float(sys.argv[1]) if len(sys.argv) < 3 else float(sys.argv[2]))
"""
BROOD_SIZE = 5  # sleeping processes beside the tool itself


class Brood:
    """A tool that starts processes in every way, told apart by how long they sleep."""

    def __init__(self, tmp_path: Path, number: int) -> None:
        self.seconds = f"{1000 + os.getpid() % 1000}.{number}{time.time_ns() % 10**6}"
        self.script = tmp_path / "brood.py"
        self.script.write_text(BROOD)
        self.argv = [sys.executable, str(self.script), self.seconds]

    def living(self) -> list[psutil.Process]:
        found = []
        for p in psutil.process_iter(["cmdline", "status"]):
            command = p.info["cmdline"] or []
            dead = p.info["status"] == psutil.STATUS_ZOMBIE
            if self.seconds in command and not dead:
                found.append(p)
        return found

    def wait_until_born(self) -> None:
        end = time.monotonic() + 20
        while len(self.living()) < BROOD_SIZE + 1:
            assert time.monotonic() < end, "the brood was never complete"
            time.sleep(0.02)

    def wait_until_gone(self, apart: psutil.Process | None = None) -> None:
        end = time.monotonic() + 10
        while (left := [p for p in self.living() if p != apart]) and time.monotonic() < end:
            time.sleep(0.02)
        assert left == []


@pytest.fixture
def brood(tmp_path: Path, request: pytest.FixtureRequest):
    made = Brood(tmp_path, len(request.node.name))
    yield made
    for p in made.living():
        p.kill()


def shell(script: str, folder: Path, timeout_s: float = 20, **options: object) -> Outcome:
    return run(["sh", "-c", script], folder, timeout_s=timeout_s, **options)  # type: ignore[arg-type]


def test_output_status_folder_and_environment(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    before = Path.cwd()
    outcome = shell(
        'pwd; echo "$COLOUR"; echo fault >&2; cat', tmp_path, environment={"COLOUR": "red"}, log=log
    )
    assert (outcome.status, outcome.returncode) == ("ok", 0)
    assert outcome.log_tail == f"{tmp_path}\nred\nfault\n"
    assert log.read_text() == outcome.log_tail
    assert 0 < outcome.seconds < 10
    assert outcome.peak_rss_bytes > 100_000
    assert Path.cwd() == before


def test_failure_and_signal_are_told(tmp_path: Path) -> None:
    assert (shell("exit 3", tmp_path).status, shell("exit 3", tmp_path).returncode) == ("failed", 3)
    killed = shell("kill -9 $$", tmp_path)
    assert (killed.status, killed.returncode) == ("failed", -9)


def test_missing_executable(tmp_path: Path) -> None:
    outcome = run(["no-such-tool", "-f"], tmp_path, timeout_s=5)
    assert outcome.status == "missing"
    assert outcome.returncode is None
    assert outcome.log_tail.startswith("no-such-tool: cannot be started: ")
    plain = tmp_path / "plain"
    plain.write_text("text")
    assert run([plain], tmp_path, timeout_s=5).status == "missing"


def test_missing_folder_and_unwritable_log(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no such folder to run true in"):
        run(["true"], tmp_path / "nowhere", timeout_s=5)
    with pytest.raises(ToolError, match="cannot write the log"):
        run(["true"], tmp_path, timeout_s=5, log=tmp_path / "nowhere" / "log")


def test_time_limit(brood: Brood, tmp_path: Path) -> None:
    outcome = run(brood.argv, tmp_path, timeout_s=1.5)
    assert outcome.status == "timeout"
    assert outcome.log_tail == "born\n"
    assert 1.5 <= outcome.seconds < 4
    assert brood.living() == []


def test_memory_limit_counts_the_whole_tree(brood: Brood, tmp_path: Path) -> None:
    eat = "import time; x = b'1' * (60 << 20); time.sleep(60)"
    script = f'{sys.executable} -c "{eat}" & {sys.executable} -c "{eat}" & exec "$@"'
    outcome = run(
        ["sh", "-c", script, "sh", *brood.argv], tmp_path, timeout_s=30, memory_bytes=120 << 20
    )
    assert outcome.status == "memory"
    assert outcome.peak_rss_bytes > 120 << 20
    assert outcome.seconds < 15
    assert brood.living() == []


def test_cancel(brood: Brood, tmp_path: Path) -> None:
    cancel = threading.Event()
    threading.Thread(target=lambda: (brood.wait_until_born(), cancel.set())).start()
    outcome = run(brood.argv, tmp_path, timeout_s=60, cancel=cancel)
    assert outcome.status == "cancelled"
    assert brood.living() == []


def test_daemons_end_with_the_tool(brood: Brood, tmp_path: Path) -> None:
    outcome = run([*brood.argv, "0.5"], tmp_path, timeout_s=60)
    assert outcome.status == "ok"
    assert brood.living() == []


def test_exception_in_the_caller_ends_the_tool(brood: Brood, tmp_path: Path) -> None:
    def interrupt() -> None:
        brood.wait_until_born()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run(brood.argv, tmp_path, timeout_s=60)
    assert brood.living() == []


CALLER = """
import sys
from pathlib import Path
from converter.process import run
run(sys.argv[1:], Path.cwd(), timeout_s=600)
"""


def start_caller(brood: Brood, folder: Path, before: str = "") -> subprocess.Popen[bytes]:
    script = folder / "caller.py"
    script.write_text(before + CALLER)
    caller = subprocess.Popen([sys.executable, str(script), *brood.argv], cwd=folder)
    brood.wait_until_born()
    return caller


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_killed_caller(brood: Brood, tmp_path: Path, number: int) -> None:
    caller = start_caller(brood, tmp_path)
    caller.send_signal(number)
    caller.wait()
    brood.wait_until_gone()


@linux
def test_killed_caller_whose_fork_holds_the_lifeline(brood: Brood, tmp_path: Path) -> None:
    """A multiprocessing fork inherits the pipe, so that it never closes."""
    fork = (
        "import os, threading, time\n"
        "def fork():\n"
        "    time.sleep(1)\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(30); os._exit(0)\n"
        "threading.Thread(target=fork).start()\n"
    )
    caller = start_caller(brood, tmp_path, before=fork)
    own = psutil.Process(caller.pid)
    end = time.monotonic() + 10
    while not own.children() and time.monotonic() < end:
        time.sleep(0.02)
    (copy,) = own.children()
    caller.kill()
    caller.wait()
    brood.wait_until_gone(apart=copy)
    copy.kill()


def test_supervisor_is_no_child_of_the_caller(brood: Brood, tmp_path: Path) -> None:
    """A farm's forced cancel kills the caller's children, then the caller: nothing is left."""
    caller = start_caller(brood, tmp_path)
    for child in psutil.Process(caller.pid).children(recursive=True):
        child.kill()
    caller.kill()
    caller.wait()
    brood.wait_until_gone()


def signal_supervisor(brood: Brood, number: int) -> None:
    """Send a signal to the supervisor of the brood, once that is complete."""
    brood.wait_until_born()
    for p in psutil.process_iter(["cmdline"]):
        mine = "supervisor.py" in " ".join(p.info["cmdline"] or [])
        if mine and any(q in p.children(recursive=True) for q in brood.living()):
            p.send_signal(number)


@linux
def test_supervisor_told_to_end(brood: Brood, tmp_path: Path) -> None:
    """A batch system ends a job by SIGTERM to every process in it."""
    threading.Thread(target=signal_supervisor, args=(brood, signal.SIGTERM)).start()
    assert run(brood.argv, tmp_path, timeout_s=60).status == "cancelled"
    assert brood.living() == []


@linux
def test_killed_supervisor(brood: Brood, tmp_path: Path) -> None:
    """Not a thing that happens by accident; still nothing of the tool is left."""
    threading.Thread(target=signal_supervisor, args=(brood, signal.SIGKILL)).start()
    with pytest.raises(ToolError, match="the program that supervises it failed: it was killed"):
        run(brood.argv, tmp_path, timeout_s=60)
    brood.wait_until_gone()


def test_flood_of_output_is_cut_in_the_middle(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "echo first; yes | head -c 30000000; echo last"
    outcome = shell(script, tmp_path, log=log, log_limit_bytes=100_000)
    text = log.read_text()
    assert outcome.status == "ok"
    assert text.startswith("first\ny\n")
    assert text.endswith("last\n")
    assert "bytes left out ...]" in text
    assert 100_000 < len(text) < 120_000
    assert len(outcome.log_tail) == 16384


def test_full_disk_under_the_log_does_not_end_the_tool(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    link = tmp_path / "log"
    link.symlink_to(full)
    with pytest.raises(ToolError, match="cannot write the log"):
        process._start_log(Path(full / "x"))
    outcome = shell("echo one; sleep 0.2; echo two", tmp_path, log=link)
    assert outcome.status == "ok"
    assert "[the log ends here: " in outcome.log_tail
    assert "two" in outcome.log_tail


def test_output_that_is_not_utf8(tmp_path: Path) -> None:
    log = tmp_path / "log"
    outcome = shell(r"printf 'a\377\376b\n'", tmp_path, log=log)
    assert outcome.log_tail == "a\ufffd\ufffdb\n"
    assert log.read_bytes() == b"a\xff\xfeb\n"


def test_tool_that_closes_its_output_is_still_watched(tmp_path: Path) -> None:
    outcome = shell("exec >&- 2>&-; sleep 60", tmp_path, timeout_s=1)
    assert outcome.status == "timeout"


def test_many_at_once_from_threads(tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda i=i: outcomes.append(shell(f"exit {i}", tmp_path)))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(o.returncode for o in outcomes if o.returncode is not None) == list(range(8))


def test_overhead_is_small(tmp_path: Path) -> None:
    """It starts one Python without site packages; the bound leaves room for a loaded machine."""

    def seconds() -> float:
        start = time.perf_counter()
        run(["true"], tmp_path, timeout_s=5)
        return time.perf_counter() - start

    # The best of many: other work on the machine only ever adds.
    assert any(seconds() < 0.1 for _ in range(40))
