"""Runs a Yosys script with the ``pyosys`` wheel, which has no command of its own.

``python run.py synth.ys`` in the project's folder.
"""

from __future__ import annotations

import sys


def main(script: str) -> None:
    """Run one script; Yosys itself ends the process with status 1 on an error."""
    from pyosys import libyosys

    libyosys.run_pass(f"script {script}", libyosys.Design())


if __name__ == "__main__":
    main(sys.argv[1])
