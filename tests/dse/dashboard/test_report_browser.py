"""report.html in Chromium: what it shows equals the data, and it touches nothing else."""

from __future__ import annotations

import re
import shutil

import pytest

from dse.dashboard.report import format_figure, render

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on PATH")
    with sync_api.sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield program
        program.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open a study's page from disk; fails where the page logs an error or asks for anything."""
    contexts, trouble = [], []

    def opened(study, width=1280, **options):
        path = tmp_path / "report.html"
        path.write_text(render(*study), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda m: trouble.append(m.text))
        page.on("pageerror", lambda e: trouble.append(str(e)))
        page.on("request", lambda r: trouble.append(r.url) if r.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert trouble == []


def ids(page, selector):
    return page.eval_on_selector_all(selector, "all => all.map(e => Number(e.dataset.id))")


def test_points_and_lines_are_the_designs(show, study):
    page = show(study)
    _, designs = study
    assert sorted(ids(page, "#scatter .point")) == [d.id for d in designs]
    assert sorted(ids(page, "#scatter .front")) == [d.id for d in designs if d.on_front]
    hollow = sorted(ids(page, "#scatter .hollow"))
    assert hollow == [d.id for d in designs if d.state != "measured"]
    assert sorted(ids(page, "#parallel .line")) == [d.id for d in designs]


def test_points_stand_where_their_figures_say(show, study):
    page = show(study)
    _, designs = study
    page.select_option("#x-axis", "lut")
    place = "all => all.map(e => [Number(e.parentNode.dataset.id), +e.getAttribute('cx')])"
    across = dict(page.eval_on_selector_all("#scatter .dot", place))
    by_place = [d.figures()["lut"] for d in sorted(designs, key=lambda d: across[d.id])]
    assert by_place == sorted(by_place)


def test_a_design_shows_all_its_figures(show, study):
    page = show(study)
    _, designs = study
    design = next(d for d in designs if d.on_front)
    page.click(f'#front tr[data-id="{design.id}"]')
    assert page.inner_text("#h-panel") == f"Design {design.id}, on the front"
    assert page.inner_text("#panel-config") == design.config
    row = page.inner_text('#panel-figures tr:has-text("LUT")').split("\t")
    estimated, measured = (format_figure(r.lut, "lut") for r in (design.estimate, design.measured))
    assert row[1:3] == [estimated, measured]
    assert row[4] == "yosys 0.70 (logic synthesis)"
    layer = page.inner_text('#panel-stages tr:has-text("fc1")').split("\t")
    assert layer[:5] == [
        "fc1",
        "MatVec",
        "fixed<16,6>",
        "resource",
        str(design.knobs["reuse_factor"]),
    ]


def test_a_failed_design_says_why(show, study):
    page = show(study)
    page.focus('#scatter [data-id="3"]')
    page.keyboard.press("Enter")
    page.click("#show-panel")
    assert "Synthesis failed: the time limit of 600 s passed" in page.inner_text("#panel-note")


def test_limits_filter_charts_and_table(show, study):
    page = show(study)
    _, designs = study
    page.click("#limits-box summary")
    page.fill('#limits [data-key="lut"][data-side="1"]', "20000")
    page.keyboard.press("Tab")
    wanted = {d.id for d in designs if d.figures()["lut"] <= 20000}
    assert 0 < len(wanted) < len(designs)
    assert set(ids(page, "#scatter .point")) == wanted
    assert set(ids(page, "#parallel .line:not(.out)")) == wanted
    rows = set(ids(page, "#front tbody tr:not([hidden])"))
    assert rows == {d.id for d in designs if d.on_front and d.id in wanted}
    assert page.inner_text("#kept").startswith(f"{len(wanted)} of {len(designs)} designs kept")
    page.click("#clear")
    assert len(ids(page, "#scatter .point")) == len(designs)


def test_brushing_an_axis_keeps_its_range(show, study):
    page = show(study)
    _, designs = study
    page.locator("#parallel").scroll_into_view_if_needed()
    box = page.locator('#parallel .strip[data-key="metric"]').bounding_box()
    x, top, middle = box["x"] + box["width"] / 2, box["y"] + 1, box["y"] + box["height"] / 2
    page.mouse.move(x, top)
    page.mouse.down()
    page.mouse.move(x, middle)
    page.mouse.up()
    low = float(page.input_value('#limits [data-key="metric"][data-side="0"]'))
    kept = set(ids(page, "#scatter .point"))
    clear = {d.id for d in designs if low + 1e-4 < d.value < max(d.value for d in designs) - 1e-3}
    assert clear <= kept
    assert 0 < len(kept) < len(designs)
    assert not {d.id for d in designs if d.value < low - 1e-4} & kept
    page.mouse.click(x, middle)
    assert len(ids(page, "#scatter .point")) == len(designs), "a click clears the brush"


def test_any_two_figures_and_logarithms(show, study):
    page = show(study)
    for key in ("dsp", "latency_ns", "metric", "resources"):
        page.select_option("#y-axis", key)
        for log in (True, False):
            page.set_checked("#y-log", log)
            places = page.eval_on_selector_all(
                "#scatter .dot", "all => all.map(e => +e.getAttribute('cy'))"
            )
            assert len(places) == len(study[1])
            assert all(0 < p < 440 for p in places), (key, log)


def test_sorting_the_table(show, study):
    page = show(study)
    page.click('#front th[data-key="lut"] button')
    figures = {d.id: d.figures()["lut"] for d in study[1]}
    shown = [figures[i] for i in ids(page, "#front tbody tr")]
    assert shown == sorted(shown)
    assert page.get_attribute('#front th[data-key="lut"]', "aria-sort") == "ascending"


def test_hostile_names_do_nothing(show, hostile_study):
    page = show(hostile_study)
    page.click("#front tbody tr >> nth=0")
    page.wait_for_timeout(100)
    assert page.title().endswith(": Pareto front")
    assert page.locator("img").count() == 0
    assert "onerror" in page.inner_text("#panel-stages")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_does_not_scroll_sideways(show, study, scheme):
    page = show(study, width=390, color_scheme=scheme)
    page.click("#front tbody tr >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_both_themes_differ_and_the_button_switches(show, study):
    page = show(study, color_scheme="light")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    assert page.evaluate(colour) != light
    page.click("#theme")
    assert page.evaluate(colour) == light


def test_it_works_in_a_sandboxed_frame(browser, study):
    """As MLflow shows artifacts: a blob in a frame that may run scripts and nothing more."""
    context = browser.new_context()
    page = context.new_page()
    page.goto("about:blank")
    page.evaluate(
        """text => {
            const frame = document.createElement("iframe");
            frame.setAttribute("sandbox", "allow-scripts");
            frame.src = URL.createObjectURL(new Blob([text], {type: "text/html"}));
            document.body.append(frame);
        }""",
        render(*study),
    )
    frame = page.frame_locator("iframe")
    frame.locator("#scatter .point").first.wait_for()
    assert frame.locator("#scatter .point").count() == len(study[1])
    context.close()


def test_without_a_script_the_front_is_readable(browser, study, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(*study), encoding="utf-8")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("#front tbody tr").count() == sum(d.on_front for d in study[1])
    assert not page.locator("#h-scatter").is_visible()
    assert re.search("charts need JavaScript", page.inner_text("main"))
    context.close()
