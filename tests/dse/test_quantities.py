"""Budgets, clocks and limits as users write them."""

import pytest

from converter.errors import ConfigError
from converter.parts import find_part
from dse.quantities import (
    Budget,
    format_seconds,
    parse_budget,
    parse_clock,
    parse_limits,
)

PART = find_part("xc7z020")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("48h", 172800), ("2d", 172800), ("1h30m", 5400), ("1.5m", 90)],
)
def test_budget_in_time(text, seconds):
    assert parse_budget(text) == Budget(seconds=seconds)


def test_budget_in_trials():
    assert parse_budget("trials=500") == Budget(trials=500)


@pytest.mark.parametrize("text", ["0", "0s", "", "-5m", "5", "5 parsecs", "trials=0", "trials=x"])
def test_bad_budget_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="--budget"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "period"), [("5ns", 5.0), ("5", 5.0), ("200MHz", 5.0), ("0.2GHz", 5.0), ("5000ps", 5)]
)
def test_clock(text, period):
    assert parse_clock(text) == pytest.approx(period)


@pytest.mark.parametrize("text", ["0ns", "fast", "-3ns", "5 lightyears"])
def test_bad_clock_is_refused(text):
    with pytest.raises(ConfigError, match="--clock"):
        parse_clock(text)


def test_limits_over_the_default_of_80_percent():
    limits = parse_limits(
        ["dsp=0", "lut=50%", "latency=200ns", "interval=4", "accuracy=0.75"], PART
    )
    assert limits.resources["dsp"] == 0
    assert limits.resources["lut"] == PART.lut // 2
    assert limits.resources["ff"] == int(0.8 * PART.ff)
    assert limits.cycles(5.0) == 40
    assert limits.interval_cycles == 4
    assert limits.metric == 0.75


def test_the_stricter_latency_limit_holds():
    assert parse_limits(["latency=30", "latency=200ns"], PART).cycles(5.0) == 30


@pytest.mark.parametrize(
    "text", ["dsp", "dsp=", "dsp=many", "dsp=-1", "colour=3", "latency=5kg", "interval=2ns"]
)
def test_bad_limit_is_refused_by_its_text(text):
    with pytest.raises(ConfigError, match=f"--limit {text}"):
        parse_limits([text], PART)


def test_only_the_metric_of_the_run_is_bounded():
    assert parse_limits(["mse=3"], PART, "mse").metric == 3
    assert parse_limits(["metric=0.5"], PART, "auc").metric == 0.5
    with pytest.raises(ConfigError, match=r"accuracy=0\.9: the metric of this run is mse"):
        parse_limits(["accuracy=0.9"], PART, "mse")


@pytest.mark.parametrize("text", ["accuracy=2", "fidelity=1.1", "metric=2"])
def test_a_share_above_1_is_refused(text):
    metric = "auc" if text.startswith("metric") else text.partition("=")[0]
    with pytest.raises(ConfigError, match="at most 1"):
        parse_limits([text], PART, metric)


@pytest.mark.parametrize(("s", "text"), [(42, "42s"), (200, "3m20s"), (3900, "1h05m")])
def test_times_as_people_write_them(s, text):
    assert format_seconds(s) == text
