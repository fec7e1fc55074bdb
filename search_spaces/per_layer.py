"""The preset ``per-layer``: every width that is in use, for each tensor on its own."""

from __future__ import annotations

from search_spaces.recipe import Recipe

WIDTHS = {"*": tuple(range(2, 17))}

RECIPE = Recipe(weight=WIDTHS, result=WIDTHS, input=WIDTHS)
