"""Prices for facts: resources and latency without a tool."""

from estimators.analytic import ESTIMATORS, estimate, find_estimator

__all__ = ["ESTIMATORS", "estimate", "find_estimator"]
