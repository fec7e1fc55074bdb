"""Prices for facts: resources and latency without a tool."""
