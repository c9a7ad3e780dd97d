"""The researcher's screen in a real browser, while answers arrive."""

from __future__ import annotations

import csv
import re

from playwright.sync_api import BrowserContext, Page, expect

from analysis.instrument import load_instrument
from analysis.simulate import simulate_answers
from survey_app.demo import SLUG, add_demo
from survey_app.words import words
from tests.browser.conftest import DESKTOP, PHONE, Server
from tests.browser.respondent import Respondent

PATIENCE = 60_000
ON_TOP = """mark => {
    const box = mark.getBoundingClientRect();
    return mark.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""
EN, NL = words("en"), words("nl")


def opened(context: BrowserContext, server: Server) -> Page:
    """The screen with its charts drawn."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(server.another_link())
    charts = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg")
    expect(charts.nth(1)).to_be_attached(timeout=PATIENCE)
    return page


def test_a_phone_answers_and_the_screen_follows(
    own_server: Server, phone: BrowserContext, desktop: BrowserContext
) -> None:
    """The whole road: somebody answers in Dutch, and is among the rows the researcher takes home."""
    add_demo(own_server.store)
    screen = opened(desktop, own_server)
    expect(screen.get_by_text(EN("results.n", n=150), exact=True)).to_be_visible()

    person = Respondent(phone, own_server.link(SLUG))
    person.begin()
    for page in [page.id for page in person.instrument.pages]:
        person.at(page)
        if page == "psi":
            person.page.reload()
            person.at(page)
        person.answer(page, 5)
        if page == "demographics":
            person.page.get_by_role("textbox").fill("34")
        person.next()
    person.reads(NL("thanks.title"))

    expect(screen.get_by_text(EN("results.n", n=151), exact=True)).to_be_visible(timeout=PATIENCE)
    expect(screen.locator(".st-key-study_bar").get_by_text(EN("results.mixed")).first).to_be_visible()
    expect(screen.get_by_role("table").last.get_by_role("cell", name="151").first).to_be_visible()
    with screen.expect_download() as download:
        screen.get_by_role("button", name=EN("results.download_rows")).click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 151
    (real,) = [row for row in rows if row["synthetic"] == "False"]
    assert (real["psi1"], real["age"], real["influencer"]) == ("5", "34", "Nina Vos")


def test_the_model_is_live_and_a_mistake_is_calm(own_server: Server, desktop: BrowserContext) -> None:
    add_demo(own_server.store)
    page = opened(desktop, own_server)
    table = page.get_by_role("table").first
    box = page.get_by_role("textbox", name=EN("results.model_label"))
    box.fill("purchase ~ psi")
    box.press("Control+Enter")
    expect(table.get_by_role("row")).to_have_count(3)
    box.fill("purchase ~ psy")
    box.press("Control+Enter")
    expect(page.get_by_text("Did you mean psi")).to_be_visible()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    page.get_by_role("button", name=EN("results.model_reset")).click()
    expect(table.get_by_role("row")).to_have_count(13)
    for tab, description in (("diagram", "Diagram with arrows"), ("effects", "via"), ("estimates", "Points with")):
        page.get_by_role("tab", name=EN(f"results.{tab}")).first.click()
        drawn = page.locator(f"[data-testid=stVegaLiteChart][aria-label*='{description}'] svg").first
        expect(drawn).to_be_visible(timeout=PATIENCE)
    instrument = load_instrument("psi_core")
    own_server.store.add_rows(SLUG, simulate_answers(instrument, 4, seed=11), instrument)
    expect(page.get_by_text(EN("results.n", n=154), exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name=EN("results.download_picture", name=EN("results.estimates"))).click()
    assert re.fullmatch(r"demo-estimates-synthetic\.png", download.value.suggested_filename)
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_study_and_the_synthetic_mark_stay_in_sight(demo_server: Server, desktop: BrowserContext) -> None:
    """On a phone, a tablet and a desktop, light and dark: nothing covers them, and nothing sticks out sideways."""
    page = opened(desktop, demo_server)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for size in (PHONE, {"width": 768, "height": 1024}, DESKTOP):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.reload()
            end = page.get_by_role("heading", name=EN("results.downloads"))
            expect(end).to_be_visible()
            end.scroll_into_view_if_needed()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            for text in ("You and the influencer you follow", EN("results.n", n=150), EN("results.synthetic")):
                mark = page.locator(".st-key-study_bar").get_by_text(text).filter(visible=True)
                expect(mark).to_be_in_viewport()
                assert mark.evaluate(ON_TOP), f"'{text}' is covered at {size['width']} px, {scheme}"
