"""Runs in da4ml's environment: adders of matrices, read and answered as one JSON document."""

import json
import sys
import time

import numpy as np
from da4ml.cmvm import solve

ADDITIONS = (0, 1)  # the operation codes of a sum and of a difference


def main():
    """Answer [adders, seconds] for each matrix."""
    order = json.load(sys.stdin)
    answers = []
    for kernel in order["matrices"]:
        start = time.perf_counter()
        solution = solve(np.array(kernel, np.float32), hard_dc=order["extra_depth"])
        seconds = time.perf_counter() - start
        stages = solution.solutions
        adders = sum(step.opcode in ADDITIONS for stage in stages for step in stage.ops)
        answers.append([adders, seconds])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
