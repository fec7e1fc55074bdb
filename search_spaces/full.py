"""The preset ``full``: from one bit to eighteen, the width of a multiplier's operand."""

from __future__ import annotations

from search_spaces.recipe import Recipe

WIDTHS = {"*": tuple(range(1, 19))}

RECIPE = Recipe(weight=WIDTHS, result=WIDTHS, input=WIDTHS)
