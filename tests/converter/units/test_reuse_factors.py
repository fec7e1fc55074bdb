"""Legal reuse factors: those of hls4ml's rule, found by divisors, also for huge layers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import ConfigError
from converter.graph import Implementation, Strategy
from converter.units.reuse import check_product, divisors, legal_reuse_factors


def by_trial(n_in: int, n_out: int) -> list[int]:
    """hls4ml's rule of strategy resource, tried for every factor."""
    found = []
    for r in range(1, n_in * n_out + 1):
        limit = -(-n_in * n_out // min(n_in, r))
        whole = limit % n_out == 0 or r >= n_in
        if whole and (r % n_in == 0 or r < n_in) and n_in * n_out % r == 0:
            found.append(r)
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_divisors_give_what_trying_all_gives(n_in: int, n_out: int) -> None:
    assert list(legal_reuse_factors(n_in, n_out)) == by_trial(n_in, n_out)


@given(st.integers(1, 5000))
def test_divisors(n: int) -> None:
    assert divisors(n) == [d for d in range(1, n + 1) if n % d == 0]


@pytest.mark.parametrize(("n_in", "n_out"), [(1000, 1000), (999_983, 1), (1, 1 << 20), (1024, 976)])
def test_a_million_products_take_no_time(n_in: int, n_out: int) -> None:
    start = time.process_time()
    for _ in range(10):
        legal = legal_reuse_factors(n_in, n_out)
    assert time.process_time() - start < 0.1  # ten times; 0.1 to 0.3 ms each on an idle core
    assert legal[0] == 1
    assert legal[-1] == n_in * n_out


@pytest.mark.parametrize(
    ("reuse", "nearby"),
    [(7, "5, 10"), (3, "2, 5"), (11, "10, 20"), (50, "40, 80"), (81, "80"), (10**9, "80")],
)
@pytest.mark.parametrize("strategy", [Strategy.LATENCY, Strategy.RESOURCE])
def test_an_illegal_factor_is_refused_with_its_neighbours(
    reuse: int, nearby: str, strategy: Strategy
) -> None:
    message = f"fc1: reuse_factor={reuse} is not legal for 10x8 multiplications; legal nearby: "
    with pytest.raises(ConfigError, match=f"^{message}{nearby}$"):
        check_product("fc1", Implementation(strategy, reuse), 10, 8)
