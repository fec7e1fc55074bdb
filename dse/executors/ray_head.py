"""The process that a local Ray hangs below: run as a child of the driver, ended by it.

Why Ray is not started in the driver itself: Ray's servers die with the thread that
started them; a terminal's Ctrl-C must reach the driver and not them; and when the
driver is killed, this process sees the end of its standard input and kills every
process below it, having adopted them all (PR_SET_CHILD_SUBREAPER, prctl(2)).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

OBJECT_STORE_BYTES = 256 << 20
_PR_SET_CHILD_SUBREAPER = 36


def head() -> None:
    """Run a local Ray until standard input ends; then leave no process. Run as a child process."""
    settings = json.loads(sys.argv[1])
    _adopt_orphans()
    folder = _short_folder()
    threading.Thread(target=_end_with_driver, args=(folder,), daemon=True).start()
    sys.stdout.write(json.dumps(_serve_ray(settings["cpus"], folder)) + "\n")
    sys.stdout.flush()
    while True:
        _bury_orphans()
        time.sleep(0.5)


def _end_with_driver(folder: str) -> None:
    """Wait for the end of standard input, also while Ray is still starting."""
    try:
        os.read(sys.stdin.fileno(), 1)
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
        return {"error": f"{type(error).__name__}: {first_line(error)}"}
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


def first_line(error: Exception) -> str:
    """What an error says, in short."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
