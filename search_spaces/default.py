"""The preset ``default``: bits per layer, as far as physicists' networks have use for them."""

from __future__ import annotations

from search_spaces.recipe import Recipe

RECIPE = Recipe(
    weight={"*": tuple(range(2, 11))},
    result={"*": tuple(range(3, 13))},
    input={"*": tuple(range(4, 15, 2))},
)
