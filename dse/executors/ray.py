"""Work in Ray Core tasks, on this machine or on a cluster; the only file that knows Ray.

A local Ray is not started in this process but by a *head*, a child process of ours in a
session of its own, for three reasons: Ray's servers die with the thread that started
them; a terminal's Ctrl-C must reach the driver and not them; and when the driver is
killed, the head sees the end of its standard input and kills every process below it, as
it has adopted them all (PR_SET_CHILD_SUBREAPER, prctl(2)).

Starting takes some seconds. It goes on in the background, and evaluations are made in
this process meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.errors import ConfigError, RunError, ToolError
from dse.executors.base import CANCEL, EVALUATE, SYNTHESISE, Executor, Job, JobCancelled, JobLost
from dse.executors.inline import call_here
from dse.executors.slots import CancelToken, Slots

START_SECONDS = 90.0
"""A head that is not up by then is given up; on a loaded machine it takes 10 s."""

CANCEL_SECONDS = 10.0
"""How long a task may take to heed a soft cancel before its worker is killed."""

OBJECT_STORE_BYTES = 256 << 20

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "error",
    "RAY_DEDUP_LOGS": "0",
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's switch for 127.0.0.1 everywhere
_HEAD = "from dse.executors.ray import head; head()"
_PR_SET_CHILD_SUBREAPER = 36


def make_ray(workers: int, synth_jobs: int, address: str | None = None) -> Executor:
    """``workers`` evaluations and ``synth_jobs`` syntheses at once, on the cluster at
    ``address`` or on a Ray of our own.
    """
    if address is not None:
        _check_address(address)
    return RayExecutor(workers, synth_jobs, address)


def _check_address(address: str) -> None:
    """Fail at once where nothing listens; Ray itself would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if address.startswith("ray://") or not host or not port.isdecimal():
        raise ConfigError(
            f"--ray-address {address}: give HOST:PORT of the head node, or auto for the "
            "cluster that runs on this machine (a Ray Client address ends runs when it drops)"
        )
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"--ray-address {address}: nothing answers there ({error}); start it with: "
            f"ray start --head --port {port}"
        ) from error


class RayExecutor:
    """An Executor over Ray Core; starts at once and returns before Ray is up."""

    def __init__(self, workers: int, synth_jobs: int, address: str | None = None) -> None:
        limits = {EVALUATE: workers, SYNTHESISE: synth_jobs}
        self._slots = Slots(limits, self._invoke, grace=CANCEL_SECONDS + 5)
        self._shared: dict[int, Shared] = {}
        self._lock = threading.Lock()
        self._here = threading.Semaphore(1)
        self._closing = CancelToken()
        self._cluster: _Cluster | None = None
        self._failure: RunError | None = None
        self._up = threading.Event()
        _prepare_environment(local=address is None)
        self._starter = threading.Thread(
            target=self._start, args=(address, workers + synth_jobs), name="ray-start", daemon=True
        )
        self._starter.start()

    def submit(self, call: Callable[..., Any], /, *args: Any, kind: str = EVALUATE) -> Job:
        """Queue a call; see ``Executor``."""
        return self._slots.submit(call, *args, kind=kind)

    def share(self, value: Any) -> Any:
        """A stand-in that puts ``value`` into Ray's object store when it is first needed."""
        return Shared(value)

    def wait(self, jobs: Any, timeout: float) -> list[Job]:
        """Jobs that are done; see ``Executor``."""
        return self._slots.wait(jobs, timeout)

    def ready(self, timeout: float) -> bool:
        """True when Ray is up, waiting for it at most ``timeout`` seconds."""
        return self._up.wait(timeout) and self._cluster is not None

    def shutdown(self) -> None:
        """Cancel what runs, leave the cluster, and stop it where it is ours."""
        self._slots.shutdown()
        self._closing.set()
        self._starter.join(2.0)
        self._disconnect()

    def _disconnect(self) -> None:
        with self._lock:
            cluster, self._cluster = self._cluster, None
        if cluster is not None:
            _leave(cluster)

    def _start(self, address: str | None, cpus: int) -> None:
        try:
            self._cluster = _join(address, cpus, self._closing)
            if self._closing.is_set():
                self._disconnect()
        except RunError as error:
            self._failure = error
        except Exception as error:
            self._failure = RunError(f"Ray did not start: {type(error).__name__}: {error}")
        finally:
            self._up.set()

    def _invoke(
        self, kind: str, call: Callable[..., Any], args: tuple[Any, ...], token: CancelToken
    ) -> Any:
        """In this process while Ray starts (one evaluation at a time), else as a task."""
        if kind == EVALUATE and not self._up.is_set() and self._here.acquire(blocking=False):
            try:
                return call_here(kind, call, tuple(map(_value, args)), token)
            finally:
                self._here.release()
        self._await_ray(token)
        return _run_task(call, tuple(map(_reference, args)), token)

    def _await_ray(self, token: CancelToken) -> None:
        wake = threading.Event()
        token.when_set(wake.set)
        while not self._up.wait(0.05):
            if wake.is_set():
                raise JobCancelled("cancelled while Ray was starting")
        if self._cluster is None:
            raise self._failure or RunError("Ray is shut down")


class Shared:
    """A large constant; put into the object store once, when a task first takes it."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._lock = threading.Lock()
        self._reference: Any = None

    def reference(self) -> Any:
        """Ray's reference to the value."""
        import ray

        with self._lock:
            if self._reference is None:
                self._reference = ray.put(self.value)
            return self._reference


def _value(argument: Any) -> Any:
    return argument.value if isinstance(argument, Shared) else argument


def _reference(argument: Any) -> Any:
    return argument.reference() if isinstance(argument, Shared) else argument


# ------------------------------------------------------------------ one task


class RemoteTraceback(Exception):  # noqa: N818 - as in concurrent.futures
    """Where in a worker an error was raised; the cause of the error as seen here."""


def _in_worker(call: Callable[..., Any], *args: Any) -> tuple[Any, BaseException | None, str]:
    """(value, error, where): an error travels as a value, so that Ray does not wrap it."""
    before = CANCEL.set(threading.Event())
    try:
        return call(*args), None, ""
    except Exception as error:
        return None, _picklable(error), traceback.format_exc()
    finally:
        CANCEL.reset(before)


def _picklable(error: Exception) -> Exception:
    from ray import cloudpickle

    try:
        return (
            error
            if type(cloudpickle.loads(cloudpickle.dumps(error))) is type(error)
            else _plain(error)
        )
    except Exception:
        return _plain(error)


def _plain(error: Exception) -> Exception:
    return RunError(f"{type(error).__name__}: {error}")


def _run_task(call: Callable[..., Any], args: tuple[Any, ...], token: CancelToken) -> Any:
    """Make the call in a task and wait for its end, or for the order to end."""
    import ray

    task = ray.remote(num_cpus=1, max_retries=0)(_in_worker)
    reference = task.remote(call, *args)
    ended, wake = threading.Event(), threading.Event()

    def when_done(_: Any) -> None:
        ended.set()
        wake.set()

    future = reference.future()
    future.add_done_callback(when_done)
    token.when_set(wake.set)
    wake.wait()
    if not ended.is_set():
        _cancel(reference, ended)
    return _unpack(future)


def _cancel(reference: Any, ended: threading.Event) -> None:
    """Soft first, which the job's clean-up outlives; then by killing its worker."""
    import ray

    with contextlib.suppress(Exception):
        ray.cancel(reference, force=False)
        if not ended.wait(CANCEL_SECONDS):
            ray.cancel(reference, force=True)
    if not ended.wait(2.0):
        raise JobCancelled("cancelled; its worker does not answer")


def _unpack(future: Any) -> Any:
    import ray.exceptions as errors

    try:
        value, error, where = future.result()
    except errors.TaskCancelledError as lost:
        raise JobCancelled("cancelled before it had a result") from lost
    except errors.RayTaskError as wrapped:
        raise RunError(f"a task failed in Ray: {wrapped.cause or wrapped}") from None
    except errors.RayError as lost:
        raise JobLost(f"the worker died under the job: {_first_line(lost)}") from lost
    if error is not None:
        raise error from RemoteTraceback(f"\n{where}")
    return value


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# ------------------------------------------------------------------ the cluster


@dataclass
class _Cluster:
    """The cluster that this process is connected to, and how many executors use it."""

    address: str | None
    head: subprocess.Popen[str] | None
    users: int = 0
    ours: bool = True


_clusters: list[_Cluster] = []
"""At most one: Ray's connection is one per process, so executors of one process share it."""

_clusters_lock = threading.Lock()


def _join(address: str | None, cpus: int, closing: CancelToken) -> _Cluster:
    """Connect this process, starting a local Ray where no address is given."""
    with _clusters_lock:
        if not _clusters:
            _clusters.append(_connect(address, cpus, closing))
        cluster = _clusters[0]
        if address is not None and cluster.address != address:
            raise RunError(
                f"--ray-address {address}: this process is connected to another Ray cluster; "
                "shut its executor down first"
            )
        cluster.users += 1
        return cluster


def _leave(cluster: _Cluster) -> None:
    """Disconnect when the last executor leaves, and stop a Ray that we started."""
    import ray

    with _clusters_lock:
        cluster.users -= 1
        if cluster.users:
            return
        _clusters.remove(cluster)
        if cluster.ours:
            ray.shutdown()
        _stop_head(cluster.head)


def _prepare_environment(*, local: bool) -> None:
    """Before Ray is imported: quiet, no statistics; a local one on loopback with a secret of
    this process, which the head inherits, so that no other user of the machine can join.
    """
    wanted = dict(_ENVIRONMENT)
    if local:
        wanted |= _LOOPBACK | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    fresh = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(fresh)
    if local and fresh and "ray" in sys.modules:
        _reread_environment()


def _reread_environment() -> None:
    """Where the caller has imported Ray before, it has read its environment already."""
    from ray._private import ray_constants
    from ray._raylet import Config  # type: ignore[attr-defined]

    ray_constants.ENABLE_RAY_CLUSTER = False
    Config.initialize("")


def _connect(address: str | None, cpus: int, closing: CancelToken) -> _Cluster:
    try:
        import ray
    except ImportError as error:
        raise ToolError(
            "Ray is not installed; pip install ray, or use the inline executor"
        ) from error
    if ray.is_initialized():
        return _Cluster(address, None, ours=False)
    head = None if address else _start_head(cpus)
    cluster = _Cluster(address, head)
    closing.when_set(lambda: None if cluster.users else _stop_head(head))
    try:
        where = address if head is None else _address_of(head, closing)
        ray.init(
            address=where, configure_logging=False, logging_level=logging.ERROR, log_to_driver=False
        )
    except Exception as error:
        _stop_head(head)
        if isinstance(error, RunError):
            raise
        raise RunError(f"--ray-address {where}: cannot connect: {_first_line(error)}") from error
    return cluster


def _start_head(cpus: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD, json.dumps({"cpus": cpus})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )


def _address_of(head: subprocess.Popen[str], closing: CancelToken) -> str:
    """The head's answer: one JSON line."""
    answers: list[str] = []
    assert head.stdout is not None  # noqa: S101 - it is a pipe
    reader = threading.Thread(target=lambda s: answers.extend(s), args=(head.stdout,), daemon=True)
    reader.start()
    end = time.monotonic() + START_SECONDS
    while not answers:
        reader.join(0.02)
        if closing.is_set():
            raise RunError("shut down while Ray was starting")
        if not reader.is_alive() or time.monotonic() > end:
            raise RunError("Ray did not start on this machine; --executor inline works without it")
    answer = json.loads(answers[0])
    if "error" in answer:
        raise RunError(f"Ray did not start on this machine: {answer['error']}")
    return str(answer["address"])


def _stop_head(head: subprocess.Popen[str] | None) -> None:
    if head is None or head.stdin is None:
        return
    head.stdin.close()
    try:
        head.wait(20)
    except subprocess.TimeoutExpired:
        head.kill()
        head.wait()


# ------------------------------------------------------------------ the head's process


def head() -> None:
    """Run a local Ray until standard input ends; then leave no process. Run as a child process."""
    settings = json.loads(sys.argv[1])
    _adopt_orphans()
    folder = _short_folder()
    try:
        answer = _serve_ray(settings["cpus"], folder)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        while not select.select([sys.stdin], [], [], 0.5)[0]:
            _bury_orphans()
    finally:
        _kill_descendants()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # Ray's own clean-up would look for servers that are gone


def _serve_ray(cpus: int, folder: str) -> dict[str, str]:
    os.environ.pop("RAY_ADDRESS", None)
    try:
        import ray

        context = ray.init(
            address="local",
            num_cpus=cpus,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
            _temp_dir=folder,
        )
    except Exception as error:
        return {"error": f"{type(error).__name__}: {_first_line(error)}"}
    return {"address": context.address_info["gcs_address"]}


def _short_folder() -> str:
    """Ray's sockets lie below it; their whole path must fit in 107 bytes."""
    base = tempfile.gettempdir()
    if len(base) > 24 and Path("/tmp").is_dir():  # noqa: S108 - mkdtemp makes a private folder
        base = "/tmp"  # noqa: S108
    return tempfile.mkdtemp(prefix="dse-ray-", dir=base)


def _adopt_orphans() -> None:
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _bury_orphans() -> None:
    """Collect what ended below us, adopted or not; the dead would pile up over days."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _kill_descendants(limit_seconds: float = 8.0) -> None:
    """Kill all below this process, again until none is left: orphans come to us."""
    import psutil

    me, end = psutil.Process(), time.monotonic() + limit_seconds
    while time.monotonic() < end:
        below = me.children(recursive=True)
        if not below:
            return
        for process in below:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(below, timeout=0.5)
