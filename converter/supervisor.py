"""The program that stands between us and a tool: it ends the tool's whole process tree.

Run as a script with the standard library alone (``python -I -S supervisor.py``), told
what to do by one value (``marshal``, with its length before it) on its standard input, which
stays open as a lifeline, and answering with one on its standard output. It leaves its
parent at once (double fork, own session), so that whoever kills the parent's children
does not kill it. When the lifeline closes, or the parent is gone, or a limit is passed, it kills
every descendant of the tool. On Linux it adopts the tool's orphans, daemons included
(PR_SET_CHILD_SUBREAPER, prctl(2)); elsewhere, one that left its parent and was never
seen by a poll can escape.
"""

# Starting fast matters here: marshal in place of json, no pathlib, nothing that is slow to import.
# ruff: noqa: PTH123, PTH208, SIM105, SIM115

from __future__ import annotations

import marshal
import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform.startswith("linux")
TAIL_BYTES = 16384
POLL_SHARE = 20  # a poll of the process table takes at most 1/20 of the time
KILL_SECONDS = 10.0  # a process in an uninterruptible wait can outlive SIGKILL for long

Table = dict[int, tuple[int, int]]  # pid -> parent's pid, resident bytes


def process_table() -> Table:
    """Every living process of the machine; zombies are left out."""
    return _proc_table() if LINUX else _ps_table()


def _proc_table() -> Table:
    table, page = {}, os.sysconf("SC_PAGE_SIZE")
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if fields and fields[0] not in (b"Z", b"X"):
            table[int(entry)] = int(fields[1]), int(fields[21]) * page
    return table


def _ps_table() -> Table:
    import subprocess

    text = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,ppid=,rss=,state="], capture_output=True, text=True
    ).stdout
    rows = (line.split() for line in text.splitlines())
    return {int(r[0]): (int(r[1]), int(r[2]) * 1024) for r in rows if r[3][0] != "Z"}


def descendants(root: int, table: Table) -> list[int]:
    """Living descendants of ``root``, itself left out."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def start_time(pid: int) -> str:
    """Tells a process from a later one with the same number; empty where not known."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def _prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def orders_to_end() -> tuple[int, ...]:
    """What a batch system sends to every process of a job before it kills them."""
    return signal.SIGTERM, signal.SIGINT, signal.SIGHUP


class Log:
    """Output of the tool: the head in a file of limited size, the tail in memory."""

    def __init__(self, path: str | None, limit: int) -> None:
        self.file = open(path, "wb", buffering=0) if path else None
        self.room, self.left_out, self.tail = limit, 0, b""

    def add(self, data: bytes) -> None:
        """Keep ``data``."""
        self.tail = (self.tail + data)[-TAIL_BYTES:]
        self._write(data[: self.room])
        self.left_out += max(0, len(data) - self.room)
        self.room = max(0, self.room - len(data))

    def _write(self, data: bytes) -> None:
        try:
            if self.file and data:
                self.file.write(data)
        except OSError as error:  # a full disk must not end the watch
            self.file = None
            self.tail += f"\n[the log ends here: {error}]\n".encode()

    def close(self) -> None:
        """Where the file was cut, say so and add the tail."""
        if self.left_out:
            self._write(b"\n[... %d bytes left out ...]\n" % self.left_out + self.tail)
        if self.file:
            self.file.close()


class Job:
    """The tool under way."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.log = Log(order["log"], order["log_limit"])
        self.started = time.monotonic()
        self.peak = 0
        self.known: set[int] = set()
        self.returncode: int | None = None
        self.wake_out, wake_in = os.pipe()
        os.set_blocking(wake_in, False)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.told_to_end = False
        for number in orders_to_end():
            signal.signal(number, self._end)
        self.output, self.pid, self.error = _spawn(order)
        os.set_blocking(self.output, False)

    def _end(self, *_: object) -> None:
        self.told_to_end = True

    def run(self) -> dict[str, Any]:
        """Watch until the tool ends or must end; then leave no process behind."""
        try:
            status = "missing" if self.error else self._watch()
        finally:
            left = self._kill_all()
        self._drain()
        self.log.close()
        if status == "exit":
            status = "ok" if self.returncode == 0 else "failed"
        return {
            "status": status,
            "returncode": None if self.error else self.returncode,
            "seconds": time.monotonic() - self.started,
            "peak": self.peak,
            "tail": self.error or self.log.tail.decode("utf-8", "replace"),
            "survivors": left,
            "supervisor": os.getpid(),
        }

    def _watch(self) -> str:
        poll, interval = 0.0, 0.0
        end = self.started + self.order["timeout"]
        watched = [0, self.output, self.wake_out]
        while True:
            now = time.monotonic()
            if now >= poll:
                self._measure()
                cost = time.monotonic() - now
                interval = min(max(cost * POLL_SHARE, interval * 2, 0.01), max(0.25, 20 * cost))
                poll = now + interval
            if self.order["memory"] and self.peak > self.order["memory"]:
                return "memory"
            if now >= end:
                return "timeout"
            if self.told_to_end or not self._caller_lives():
                return "cancelled"
            ready = select.select(watched, [], [], max(0.0, min(poll, end) - now))[0]
            self._reap()
            if self.returncode is not None:
                return "exit"
            if 0 in ready:
                return "cancelled"
            if self.output in ready and not self._read():
                watched.remove(self.output)
            if self.wake_out in ready:
                os.read(self.wake_out, 4096)

    def _caller_lives(self) -> bool:
        """The lifeline tells it, unless a fork of the caller holds a copy of it."""
        caller, born = self.order["caller"]
        return not born or start_time(caller) == born

    def _measure(self) -> None:
        table = process_table()
        tree = descendants(os.getpid(), table)
        if not LINUX:  # nothing adopts orphans there
            self.known = (self.known & table.keys()) | set(tree)
        self.peak = max(self.peak, sum(table[pid][1] for pid in tree))

    def _reap(self) -> bool:
        """Collect what ended; false when there is nothing left to wait for."""
        while True:
            try:
                pid, code, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.peak = max(self.peak, usage.ru_maxrss * (1024 if LINUX else 1))
            if pid == self.pid:
                self.returncode = os.waitstatus_to_exitcode(code)

    def _read(self) -> bool:
        """Take what the tool printed; false at its end."""
        try:
            data = os.read(self.output, 1 << 16)
        except BlockingIOError:
            return True
        self.log.add(data)
        return bool(data)

    def _kill_all(self) -> list[int]:
        """End every descendant, again and again until none is left; those that would not.

        Orphans become our children (subreaper), so that having none proves that all are gone.
        """
        end = time.monotonic() + KILL_SECONDS
        while True:
            table = process_table()
            left = {*descendants(os.getpid(), table), *(self.known & table.keys())}
            for pid in left:
                _kill(pid)
            if (not self._reap() and not left) or time.monotonic() > end:
                return sorted(left)
            time.sleep(0.002)

    def _drain(self) -> None:
        end = time.monotonic() + 1.0
        while self._read() and time.monotonic() < end:
            select.select([self.output], [], [], 0.05)


def _spawn(order: dict[str, Any]) -> tuple[int, int, str]:
    """Start the tool in a session of its own: its output's end, its pid, or what went wrong."""
    output, output_in = os.pipe()
    trouble, trouble_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            _be_first_to_die()
            for number in (signal.SIGCHLD, signal.SIGPIPE, *orders_to_end()):
                signal.signal(number, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(output_in, 1)
            os.dup2(output_in, 2)
            os.chdir(order["cwd"])
            os.environ.update(order["environment"])
            os.execvp(order["argv"][0], order["argv"])  # noqa: S606
        except BaseException as error:
            os.write(trouble_in, f"{order['argv'][0]}: cannot be started: {error}".encode())
        finally:
            os._exit(127)
    os.close(output_in)
    os.close(trouble_in)
    with os.fdopen(trouble, "rb") as file:
        return output, pid, file.read().decode("utf-8", "replace")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # it ended meanwhile


def _be_first_to_die() -> None:
    """When the machine is out of memory, the tool goes before the processes that drive it."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    except OSError:
        pass  # another system, or not allowed: the kernel chooses by size alone


def pack(value: dict[str, Any]) -> bytes:
    """A value as it goes through the pipe; both ends run the same Python at the same time."""
    body = marshal.dumps(value)
    return len(body).to_bytes(8, "big") + body


def unpack(data: bytes) -> dict[str, Any] | None:
    """Inverse of ``pack``; None where the data is not whole."""
    size = int.from_bytes(data[:8], "big")
    if len(data) < 8 or len(data) < 8 + size:
        return None
    value: dict[str, Any] = marshal.loads(data[8 : 8 + size])  # noqa: S302  our own pipe
    return value


def _read_order() -> dict[str, Any]:
    text = b""
    while (order := unpack(text)) is None:
        data = os.read(0, 1 << 16)
        if not data:
            os._exit(0)  # the caller went away before it asked for anything
        text += data
    return order


def main() -> None:
    """Leave the parent, run the tool, answer."""
    if os.fork():
        os._exit(0)
    os.setsid()
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        answer = Job(_read_order()).run()
    except Exception:  # whatever it is, the caller must hear of it
        import traceback

        answer = {"status": "broken", "tail": traceback.format_exc()}
    try:
        with open(1, "wb") as file:
            file.write(pack(answer))
    except OSError:
        pass  # nobody is there to hear it


if __name__ == "__main__":
    main()
