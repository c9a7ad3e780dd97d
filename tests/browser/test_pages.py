"""What a browser makes of the server's pages: nothing refused by the content policy, nothing asked of other hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Server

pytestmark = pytest.mark.browser
PATIENCE = 60_000


@dataclass
class Watched:
    """A page, and everything it asked for and complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    watched = Watched(context.new_page())
    watched.page.on("request", lambda request: watched.asked.append(request.url))
    watched.page.on("console", lambda said: said.type == "error" and watched.complaints.append(said.text))
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    yield watched
    context.close()


def test_the_one_time_link_opens_the_researchers_side_and_a_reload_keeps_it(server: Server, tab: Watched) -> None:
    tab.page.goto(server.base + server.access)
    chart = tab.page.locator("[data-testid=stVegaLiteChart]").first
    expect(chart).to_be_visible(timeout=PATIENCE)
    tab.page.reload()
    expect(chart).to_be_visible(timeout=PATIENCE)
    assert not tab.complaints
    foreign = [url for url in tab.asked if not url.startswith((server.base, "data:", "blob:"))]
    assert not foreign
    assert tab.page.title() == "Parasol"


def test_a_respondent_sees_nothing_of_the_researchers_side(server: Server, tab: Watched) -> None:
    tab.page.goto(f"{server.base}/s/demo")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    assert not tab.complaints
    assert all(url.startswith((server.base, "data:", "blob:")) for url in tab.asked)
    expect(tab.page.locator("[data-testid=stSidebar]")).to_have_count(0)
    tab.page.goto(f"{server.base}/")
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    expect(tab.page.locator("[data-testid=stVegaLiteChart]")).to_have_count(0)


def test_a_link_that_leads_nowhere_is_a_calm_page(server: Server, tab: Watched) -> None:
    tab.page.goto(f"{server.base}/s/nope")
    expect(tab.page.get_by_role("heading", level=1)).to_have_count(2)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 1280
