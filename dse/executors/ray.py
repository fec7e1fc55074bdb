"""Work in Ray Core tasks, on this machine or on a cluster.

Starting a Ray of our own (``ray_head``) takes some seconds. It goes on in the
background, and evaluations are made in this process meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable
from typing import Any

from converter.errors import RunError
from converter.process import CANCEL
from dse.executors.base import EVALUATE, SYNTHESISE, Executor, Job, JobCancelled, JobLost
from dse.executors.inline import call_here
from dse.executors.ray_cluster import (
    Cluster,
    check_address,
    join_cluster,
    leave_cluster,
    prepare_environment,
)
from dse.executors.ray_head import first_line
from dse.executors.slots import CancelToken, Slots

CANCEL_SECONDS = 10.0
"""How long a task may take to heed a soft cancel before its worker is killed."""


def make_ray(workers: int, synth_jobs: int, address: str | None = None) -> Executor:
    """``workers`` evaluations and ``synth_jobs`` syntheses at once, on the cluster at
    ``address`` or on a Ray of our own.
    """
    if address is not None:
        check_address(address)
    return RayExecutor(workers, synth_jobs, address)


class RayExecutor:
    """An Executor over Ray Core; starts at once and returns before Ray is up."""

    def __init__(self, workers: int, synth_jobs: int, address: str | None = None) -> None:
        limits = {EVALUATE: workers, SYNTHESISE: synth_jobs}
        self._slots = Slots(limits, self._invoke, grace=CANCEL_SECONDS + 5)
        self._lock = threading.Lock()
        self._here = threading.Semaphore(1)
        self._closing = CancelToken()
        self._cluster: Cluster | None = None
        self._failure: RunError | None = None
        self._up = threading.Event()
        prepare_environment(local=address is None)
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
            leave_cluster(cluster)

    def _start(self, address: str | None, cpus: int) -> None:
        try:
            self._cluster = join_cluster(address, cpus, self._closing)
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
        raise JobLost(f"the worker died under the job: {first_line(lost)}") from lost
    if error is not None:
        raise error from RemoteTraceback(f"\n{where}")
    return value
