"""The preset ``tiny``: a dozen points, to see a run from end to end."""

from __future__ import annotations

from search_spaces.recipe import Granularity, Recipe
from search_spaces.space import HardwarePolicy

RECIPE = Recipe(
    weight={"*": (3, 4, 6, 8)},
    result={"*": (4, 6, 10)},
    input={"*": (8,)},
    granularity=Granularity.TYPE,
    hardware={"*": HardwarePolicy(count=4)},
)
