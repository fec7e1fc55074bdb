"""Runs in hls4ml's environment: reads orders as lines of JSON, answers in the same way."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def configuration(folder, number, io_type):
    """hls4ml's settings for one more conversion of the network."""
    precision = {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "Latency"}
    return {
        "KerasJson": f"{folder}/network.json",
        "KerasH5": f"{folder}/network.h5",
        "OutputDir": f"{folder}/hls4ml{number}",
        "ProjectName": "network",
        "Backend": "Vitis",
        "Part": "xcvu9p-flga2104-2L-e",
        "ClockPeriod": 5,
        "IOType": io_type,
        "HLSConfig": {"Model": precision},
    }


def main():
    """Answer until there are no more orders."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what hls4ml and g++ print is no answer
    import hls4ml

    folder, model, number = Path(sys.argv[1]), None, 0
    for line in sys.stdin:
        order = json.loads(line)
        if order["order"] == "compile":
            number += 1
            start = time.perf_counter()
            model = hls4ml.converters.keras_v2_to_hls(
                configuration(folder, number, order.get("io_type", "io_parallel"))
            )
            converted = time.perf_counter()
            model.write()
            written = time.perf_counter()
            model.compile()
            compiled = time.perf_counter()
            answer = {
                "convert_s": converted - start,
                "write_s": written - converted,
                "compile_s": compiled - written,
            }
        else:
            x = np.load(folder / "x.npy")
            start = time.perf_counter()
            model.predict(x)
            answer = {"rows_per_second": len(x) / (time.perf_counter() - start)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
