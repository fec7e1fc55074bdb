"""What has no form in io_stream is refused by name, and what has is the same arithmetic."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streaming import HIDDEN, INPUT, Net

from converter.csim import COMPILE_FLAGS, find_compiler
from converter.dataflow import network
from converter.errors import ConfigError, UnsupportedError
from converter.graph import Implementation, IOType
from converter.hls_block import map_stream
from converter.hlslib import sim_header
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.affine import Affine
from converter.units.requantize import Requantize

TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)


def test_a_stream_changes_no_bit() -> None:
    made = Net()
    typed = made.graph(made.relu(made.conv(made.input(4, 4, 1), 2)))
    assert replace(typed, io_type=IOType.PARALLEL).digest() == typed.digest()


def test_a_flat_unit_on_a_frame_is_refused() -> None:
    made = Net()
    x = made.input(4, 3)
    made.stages.append(made.graph(made.dense(made.input(12), 2)).stages[0])
    typed = made.graph("fc0")
    wrong = replace(typed, stages=(replace(typed.stages[0], inputs=(x,)),), inputs=(x,))
    with pytest.raises(
        UnsupportedError, match=r"fc0: in io_stream a MatVec unit takes flat tensors; x0 has .*4, 3"
    ):
        network(wrong)


def test_inputs_that_travel_otherwise_are_refused() -> None:
    made = Net()
    x = made.input(4, 3)
    typed = made.graph(made.stage(Requantize(12, INPUT, HIDDEN), (2, 6), x))
    with pytest.raises(
        UnsupportedError, match=r"s0: .* its input x0 must .* 2 beats of 6; it has 4 of 3"
    ):
        network(typed)


def test_positions_come_one_after_the_other() -> None:
    made = Net()
    typed = made.graph(made.conv(made.input(4, 4, 1), 2))
    two = {"conv0": Implementation(parallelization_factor=2)}
    with pytest.raises(ConfigError, match="conv0: parallelization_factor=2, but in io_stream"):
        network(replace(typed, hardware=two))


def test_constants_that_all_beats_share_are_kept_once() -> None:
    offsets, t = np.arange(12), Fixed(16, 10)
    shared = Affine(np.tile([1, 2, 3], 4), Fixed(4, 2), np.tile([7, 8, 9], 4), INPUT, t)
    own = replace(shared, offset=offsets)
    for unit, values, per_beat in ((shared, (7, 8, 9), 0), (own, tuple(offsets.tolist()), 3)):
        block = unit.hls_beat(Implementation(), 3)
        assert (block.arrays[1].values, block.arrays[1].per_beat) == (values, per_beat)


def test_a_body_with_a_loop_of_its_own_takes_one_beat_after_the_other() -> None:
    body = Requantize(3, INPUT, HIDDEN).hls(Implementation())
    looped = map_stream(replace(body, interval=7, dataflow=True), 5)
    assert (map_stream(body, 5).function, looped.function) == (
        "map_stream", "map_stream_in_steps",
    )  # fmt: skip
    assert looped.interval > 7


PROGRAM = """
#include "hls_stream.h"
int main() {{
    hls::stream<int> beats("beats");
    for (int i = 0; i < 1000; i++) {{
        beats.write(i);
        beats.write(-i);
        if (beats.read() != (i % 2 ? -(i / 2) : i / 2)) return 1;
    }}
    for (int i = 0; i < {reads}; i++) beats.read();
    return beats.empty() ? 0 : 2;
}}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.parametrize(
    ("reads", "status", "told"),
    [
        (1000, 0, ""),
        (1001, 4, "beats: a read of an empty stream"),
        (999, 4, "beats: beats are left over"),
    ],
)
def test_the_stream_of_the_simulation(tmp_path: Path, reads: int, status: int, told: str) -> None:
    (tmp_path / "hls_stream.h").write_text(sim_header("hls_stream.h"))
    (tmp_path / "main.cpp").write_text(PROGRAM.format(reads=reads))
    argv = [find_compiler(), *COMPILE_FLAGS, "main.cpp", "-o", "main"]
    assert subprocess.run(argv, cwd=tmp_path).returncode == 0
    run = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr.strip()) == (status, told)
