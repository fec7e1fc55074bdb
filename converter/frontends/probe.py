"""Try a file in a process of its own first: the HDF5 library can crash or hang on damage.

Small files with up to sixty random bytes wrong did both to it (HDF5 2.0.0; one of 250 hung),
which nothing inside the process can catch.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from converter.errors import ModelError

TIME_LIMIT_S = 60.0


def probe(*paths: Path, time_limit_s: float = TIME_LIMIT_S) -> None:
    """Load in a child process. Raises ModelError where that crashes or takes too long.

    Other errors are left to the load that follows.
    """
    command = [sys.executable, "-m", "converter.frontends.probe", *map(str, paths)]
    search = os.pathsep.join(p for p in sys.path if p)
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": search},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=time_limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{paths[0].name}: damaged: the HDF5 library still reads after {time_limit_s:g} s"
        ) from None
    if done.returncode < 0:
        raise ModelError(f"{paths[0].name}: damaged: the HDF5 library crashes on it")


def main() -> int:
    """Load the files that are named on the command line, and say nothing."""
    from converter.frontends import load

    try:
        load(*sys.argv[1:3])
    except ModelError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
