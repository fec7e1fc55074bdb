"""The preset ``latency-only``: precision is searched, and every product is fully parallel."""

from __future__ import annotations

from dataclasses import replace

from search_spaces import default
from search_spaces.space import HardwarePolicy

RECIPE = replace(default.RECIPE, hardware={"*": HardwarePolicy(reuse_factors=(1,))})
