"""report.html without a browser: one file, the right figures, nothing from outside alive."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re

import pytest

from dse.dashboard.report import embed, format_figure, render


def embedded(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_the_data_are_those_of_the_designs(study):
    run, designs = study
    data = embedded(render(run, designs))
    assert [d["id"] for d in data["designs"]] == [d.id for d in designs]
    for shown, design in zip(data["designs"], designs, strict=True):
        figures = design.figures()
        assert shown["best"]["metric"] == design.value
        assert shown["best"]["lut"] == figures["lut"]
        assert shown["best"]["resources"] == 100 * figures["resources"]
        assert shown["front"] is design.on_front
        assert shown["config"] == design.config


def test_the_table_needs_no_script(study):
    run, designs = study
    page = render(run, designs)
    rows = re.findall(r'<tr data-id="(\d+)"><th scope="row">\1</th>(.*?)</tr>', page)
    front = {d.id: d for d in designs if d.on_front}
    assert {int(number) for number, _ in rows} == set(front)
    for number, cells in rows:
        values = re.findall("<td>(.*?)</td>", cells)
        assert values[0] == f"{front[int(number)].value:.4f}"
        assert f"{front[int(number)].measured.lut:,.0f}" in values


def test_nothing_is_fetched(study):
    page = render(*study)
    without_names = page.replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in without_names
    assert "https:" not in without_names
    assert "url(" not in page
    assert "localStorage" not in page
    assert "innerHTML" not in page


def test_the_policy_names_our_script_and_style_alone(study):
    page = render(*study)
    script = re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1].replace("&#39;", "'")
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'sha256")


def test_hostile_names_stay_text(hostile_study):
    page = render(*hostile_study)
    assert "<img" not in page
    assert page.count("<script") == 2
    assert page.count("</script>") == 2


def test_equal_input_gives_equal_text(study):
    assert render(*study) == render(*study)


def test_a_run_without_designs_says_so(study):
    run, _ = study
    page = render(run, [])
    assert "No design is on the front yet" in page
    assert embedded(page)["designs"] == []


def test_200_designs_stay_below_500_kb(study):
    run, designs = study
    assert len(render(run, designs * 5).encode()) < 500_000


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        (0.96543, "metric", "0.9654"),
        (12345.678, "metric", "1.235e+04"),
        (12345.0, "lut", "12,345"),
        (12.5, "latency_ns", "12.5"),
        (0.4567, "resources", "0.46"),
        (None, "dsp", "–"),
        (math.nan, "dsp", "–"),
    ],
)
def test_figures_are_written_for_people(value, key, text):
    assert format_figure(value, key) == text


def test_embedded_json_cannot_end_its_element():
    text = embed({"a": "</script><!--", "b": [math.inf, math.nan, 1.5], 3: ("&", "\u2028")})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--", "b": [None, None, 1.5], "3": ["&", "\u2028"]}
