"""One HTML page that holds the pictures and the figures of a profile or a comparison."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from dse.pages import page_environment, policy_hash
from dse.profiling.compare import Comparison
from dse.profiling.draw import draw_comparison, draw_profile, png
from dse.profiling.ranges import Profile

_PAGE = Path(__file__).with_name("page")


def profile_page(profile: Profile) -> str:
    """Pictures of outputs and parameters, then a table of all tensors."""
    pictures = [(key, _image(draw_profile(profile, key))) for key in ("outputs", "parameters")]
    return _render("profile.html.j2", profile=profile, pictures=pictures)


def comparison_page(comparison: Comparison) -> str:
    """The picture, then a table of all layers, the largest offenders first."""
    picture = _image(draw_comparison(comparison))
    return _render("compare.html.j2", comparison=comparison, picture=picture)


def _image(figure: Any) -> str:
    return base64.b64encode(png(figure)).decode("ascii")


def _render(template: str, **values: Any) -> str:
    environment = page_environment(_PAGE)
    environment.filters["share"] = lambda value: f"{100 * value:.3g} %"
    environment.filters["figure"] = lambda value: f"{value:.4g}"
    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; img-src data:; style-src '{policy_hash(style)}'"
    return environment.get_template(template).render(style=style, policy=policy, **values)
