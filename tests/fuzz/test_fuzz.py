"""Two minutes of random networks; see ``fuzz.py`` for more of them, and for one of them again."""

from __future__ import annotations

import os
import shutil
from collections import Counter

import pytest
from fuzz import check, fuzz
from networks import random_network

SECONDS = 120.0


def test_a_seed_gives_the_same_network_each_time():
    first, second = random_network(5), random_network(5)
    assert first.config == second.config
    assert [n.name for n in first.graph.nodes] == [n.name for n in second.graph.nodes]


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
@pytest.mark.parametrize("seed", range(3))
def test_some_networks(seed):
    assert not check(seed).failed, check(seed).text


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("alone")
@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_random_networks_for_two_minutes():
    jobs = max(1, (os.cpu_count() or 1) // 2)
    simulated = 50 if shutil.which("iverilog") else 0
    found = fuzz(1000, None, SECONDS, jobs, simulated)
    kinds = Counter(outcome.kind for outcome in found)
    assert not [outcome for outcome in found if outcome.failed]
    equal = kinds["equal"] + kinds["equal, with Verilog"]
    assert equal > 4 * kinds["refused"]
    assert equal > 20
    assert kinds["equal, with Verilog"] > 5 or not simulated


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog here")
@pytest.mark.parametrize("seed", [*range(100, 104), 1088])  # 1088: a sum that is one operand
def test_some_networks_with_verilog(seed):
    outcome = check(seed, rtl=100)
    assert outcome.kind in ("equal, with Verilog", "refused"), outcome.text
