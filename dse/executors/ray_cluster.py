"""This process's connection to a Ray cluster, and the head of one of our own."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from converter.errors import ConfigError, RunError, ToolError
from dse.executors.ray_head import first_line
from dse.executors.slots import CancelToken

START_SECONDS = 90.0
"""A head that is not up by then is given up; on a loaded machine it takes 10 s."""

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # Ray's switch for 127.0.0.1 everywhere
_HEAD = "from dse.executors.ray_head import head; head()"


def check_address(address: str) -> None:
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


@dataclass
class Cluster:
    """The cluster that this process is connected to, and how many executors use it."""

    address: str | None
    head: subprocess.Popen[str] | None
    users: int = 0
    ours: bool = True


_clusters: list[Cluster] = []
"""At most one: Ray's connection is one per process, so executors of one process share it."""

_clusters_lock = threading.Lock()


def join_cluster(address: str | None, cpus: int, closing: CancelToken) -> Cluster:
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


def leave_cluster(cluster: Cluster) -> None:
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


def prepare_environment(*, local: bool) -> None:
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


def _connect(address: str | None, cpus: int, closing: CancelToken) -> Cluster:
    try:
        import ray
    except ImportError as error:
        raise ToolError(
            "Ray is not installed; pip install ray, or use the inline executor"
        ) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    if ray.is_initialized():
        return Cluster(address, None, ours=False)
    head = None if address else _start_head(cpus)
    cluster = Cluster(address, head)
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
        raise RunError(f"--ray-address {where}: cannot connect: {first_line(error)}") from error
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
