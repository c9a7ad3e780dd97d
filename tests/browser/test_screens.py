"""The researcher's screens in a real browser: they open, show their key figure, fit every width, and speak Dutch."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Locator, Page, expect

from analysis.instrument import load_instrument
from analysis.simulate import simulate_answers
from analysis.vocabulary import vocabulary
from survey_app.app import RESEARCHER_SCREENS
from survey_app.study import Condition, Source, Study
from survey_app.words import words
from tests.browser.conftest import DESKTOP, PHONE, Server
from tests.browser.test_accessibility import LOOKS, WIDE, all_faults
from tests.browser.test_kinds import HOSTILE

PATIENCE = 60_000
TABLET = {"width": 768, "height": 1024}
EN, NL = words("en"), words("nl")
LAST = {
    "fieldwork": "fieldwork.withdraw", "results": "results.downloads", "quality": "results.downloads",
    "measurement": "results.downloads", "compare": "results.downloads", "plan": "results.downloads",
    "methods": "methods.yourself",
}  # fmt: skip
"""The last heading of each screen, there when all of it is."""

WIDER = """tables => tables.filter(one => one.parentElement.scrollWidth > one.parentElement.clientWidth + 1)
    .map(one => one.getAttribute("aria-label"))"""
"""Tables that do not fit where they stand."""
KEY = {
    "quality": EN("quality.flow", all=150, excluded=9, n=141),
    "measurement": ".81 to .86",
    "compare": "3 paths",
    "plan": "reaches 80 % power",
    "methods": "from analysis.paths import fit_paths",
}


@pytest.fixture
def page(demo_server: Server, desktop: BrowserContext) -> Page:
    """A researcher who is let in, beside the demonstration study."""
    page = desktop.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(demo_server.another_link())
    expect(page.locator(".st-key-study_bar")).to_be_visible(timeout=PATIENCE)
    return page


def test_every_screen_shows_its_key_figure_and_fits_every_width(demo_server: Server, page: Page) -> None:
    for screen, text in KEY.items():
        page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
        page.goto(f"{demo_server.url}/{screen}")
        expect(page.locator(".stMain").get_by_text(text).first).to_be_visible(timeout=PATIENCE)
        bar = page.locator(".st-key-study_bar")
        for mark in (EN("results.n", n=150), EN("results.synthetic")):
            expect(bar.get_by_text(mark).filter(visible=True)).to_be_in_viewport(timeout=PATIENCE)
        expect(page.locator("[data-testid=stException]")).to_have_count(0)
        for size in (PHONE, TABLET, DESKTOP):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.wait_for_timeout(500)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{screen} is {wide} wide at {size['width']}"
            if screen == "compare":
                cells = page.locator(".st-key-comparison td").filter(visible=True)
                assert cells.count() == 3 * 5
                edges = [(box["x"], box["x"] + box["width"]) for box in map(_box, cells.all())]
                assert all(left >= 0 and right <= size["width"] for left, right in edges), (size, edges)
            if screen != "measurement":  # whose items have more columns than a phone holds
                moved = page.locator("[data-testid=stTable] table").filter(visible=True).evaluate_all(WIDER)
                assert not moved, f"{screen} at {size['width']}: {moved} have to be moved sideways"


def _box(cell: Locator) -> FloatRect:
    found = cell.bounding_box()
    assert found is not None
    return found


@pytest.mark.parametrize("language", ["en", "nl"])
def test_no_screen_of_a_researcher_has_a_serious_fault(page: Page, language: str) -> None:
    if language == "nl":
        page.get_by_text("Nederlands", exact=True).first.click()
        expect(page.get_by_role("link", name=NL("screens.plan"), exact=True)).to_be_visible()
    w = words(language)
    found = {}
    for screen in (each.path for each in RESEARCHER_SCREENS):
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.get_by_role("link", name=w(f"screens.{screen}"), exact=True).click()
        title = w("screens.studies") if screen == "studies" else w(LAST[screen])
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=PATIENCE)
        expect(page.locator("[data-testid=stSpinner]")).to_have_count(0, timeout=PATIENCE)
        expect(page.locator("[data-testid=stException]")).to_have_count(0)
        found[screen] = all_faults(page, LOOKS[language])
        if screen == "results":
            table = page.locator("[data-testid=stTable] [tabindex='0']").first
            table.focus()
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(500)
            assert page.evaluate("document.activeElement.scrollLeft") > 0
    assert {screen: said for screen, said in found.items() if said} == {}


def test_the_choice_made_in_quality_reaches_the_model(page: Page) -> None:
    page.get_by_role("link", name=EN("screens.quality"), exact=True).click()
    inside = """box => [...box.querySelectorAll("[data-tag]")].filter(tag =>
        tag.getBoundingClientRect().right > box.getBoundingClientRect().right).length"""
    chosen = page.get_by_test_id("stMultiSelect")
    expect(chosen.locator("[data-tag]")).to_have_count(6)
    assert chosen.evaluate(inside) == 0  # all that was chosen can be read
    page.get_by_text(EN("quality.beside"), exact=True).click()
    expect(page.get_by_text(EN("quality.beside_on"))).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name=EN("screens.results"), exact=True).click()
    expect(page.get_by_text("Without the flagged (n = 141)").first).to_be_visible(timeout=PATIENCE)


def test_reasons_chosen_in_one_language_hold_in_the_other(demo_server: Server, page: Page) -> None:
    page.goto(f"{demo_server.url}/quality")
    chosen = page.locator("[data-testid=stMultiSelectTagsContainer]")
    en, nl = (vocabulary(language) for language in ("en", "nl"))
    expect(chosen.get_by_text(en["reasons.checks_failed"])).to_be_visible(timeout=PATIENCE)
    chosen.get_by_role("button").first.click()
    expect(chosen.get_by_text(en["reasons.checks_failed"])).to_have_count(0, timeout=PATIENCE)
    page.get_by_text(NL("language.name"), exact=True).click()
    expect(chosen.get_by_text(nl["reasons.too_fast"])).to_be_visible(timeout=PATIENCE)
    expect(chosen.get_by_text(nl["reasons.checks_failed"])).to_have_count(0)
    expect(chosen.get_by_text(en["reasons.too_fast"])).to_have_count(0)
    cut = (
        "box => [...box.querySelectorAll('*')].filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)"
    )
    assert chosen.evaluate(f"{cut}.map(one => one.textContent)") == []
    page.get_by_role("link", name=NL("screens.measurement"), exact=True).click()
    expect(page.get_by_text(NL("measurement.title"))).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name=NL("screens.quality"), exact=True).click()
    expect(chosen.get_by_text(nl["reasons.too_fast"])).to_be_visible(timeout=PATIENCE)
    expect(chosen.get_by_text(nl["reasons.checks_failed"])).to_have_count(0)


def test_hostile_texts_of_a_study_stay_texts_on_every_screen(own_server: Server, desktop: BrowserContext) -> None:
    """Names of studies, sources, conditions, scales and questions, and what people typed, in tables and charts."""
    core, text = load_instrument("psi_core"), " ".join(HOSTILE)
    said = {"en": text, "nl": text}
    hostile = replace(
        core,
        title=said,
        items=tuple(replace(item, text=said) for item in core.items),
        scales=tuple(replace(scale, label=said) for scale in core.scales),
        pages=tuple(replace(page, title=said) for page in core.pages),
    )
    store = own_server.store
    arms = (Condition("one", HOSTILE[0]), Condition("two", HOSTILE[2]))
    sources = (Source("poster", HOSTILE[1], 9), Source("class_a", HOSTILE[5], 9))
    digest = store.add_instrument(hostile)
    store.add_study(Study("bad", "bad", said, digest, ("en", "nl"), "draft", said, "1", arms, sources=sources))
    store.open_study("bad")
    rows = simulate_answers(hostile, 60, seed=4)
    store.add_rows("bad", rows.assign(influencer=HOSTILE[0], source="poster"), hostile)
    page = desktop.new_page()
    page.set_default_timeout(PATIENCE)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(own_server.researcher_link())
    for screen in (each.path for each in RESEARCHER_SCREENS if each.path not in ("plan", "methods")):
        page.get_by_role("link", name=EN(f"screens.{screen}"), exact=True).click()
        title = EN("screens.studies") if screen == "studies" else EN(LAST[screen])
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=PATIENCE)
        expect(page.locator("[data-testid=stSpinner]")).to_have_count(0, timeout=PATIENCE)
        expect(page.locator(".stMain").get_by_text("onerror=window.broken=1").first).to_be_visible(timeout=PATIENCE)
        expect(page.locator("[data-testid=stException]")).to_have_count(0)
        assert page.locator("img[src=x], iframe[srcdoc], svg[onload], a[href^='javascript:']").count() == 0
        assert page.evaluate("window.broken") is None, screen
    assert dialogs == []
