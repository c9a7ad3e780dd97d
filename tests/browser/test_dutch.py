"""A Dutch screen in a real browser: its notes say that they are Dutch, and nothing shows the names of the code."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from survey_app.words import words
from tests.browser.conftest import Server

NL = words("nl")


def test_notes_and_charts_on_a_dutch_screen(demo_server: Server, desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.set_default_timeout(60_000)
    page.goto(demo_server.another_link())
    page.get_by_text("Nederlands", exact=True).first.click()
    expect(page.locator("html[lang=nl]")).to_be_attached()
    page.get_by_role("link", name=NL("screens.measurement"), exact=True).click()
    page.get_by_text(NL("results.notes"), exact=True).click()
    expect(page.locator("ul.notes li[lang=nl]").first).to_be_visible()
    expect(page.locator("html[lang=nl]")).to_be_attached()
    page.locator("[data-testid=stVegaLiteChart]").first.hover()
    expect(page.get_by_role("button", name="Fullscreen").first).to_be_visible()
    expect(page.get_by_role("button", name="Show data")).to_have_count(0)
    page.get_by_text("English", exact=True).first.click()
    expect(page.locator("html[lang=en]")).to_be_attached()
