"""The preset ``uniform``: one width for all weights, results and inputs."""

from __future__ import annotations

from search_spaces.recipe import Granularity, Recipe

WIDTHS = {"*": tuple(range(2, 17))}

RECIPE = Recipe(weight=WIDTHS, result=WIDTHS, input=WIDTHS, granularity=Granularity.MODEL)
