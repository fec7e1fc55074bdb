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
    found = fuzz(1000, None, SECONDS, jobs)
    kinds = Counter(outcome.kind for outcome in found)
    assert not [outcome for outcome in found if outcome.failed]
    assert kinds["equal"] > 4 * kinds["refused"]
    assert kinds["equal"] > 20
