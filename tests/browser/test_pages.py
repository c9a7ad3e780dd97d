"""What a browser makes of the server's pages: nothing refused by the content policy, nothing asked of other hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from survey_app.demo import SLUG, add_demo
from tests.browser.conftest import Server

PATIENCE = 60_000


@dataclass
class Watched:
    """A page, and everything it asked for and complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    watched = Watched(context.new_page())
    watched.page.on("request", lambda request: watched.asked.append(request.url))
    watched.page.on("console", lambda said: said.type == "error" and watched.complaints.append(said.text))
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    yield watched
    context.close()


def test_the_one_time_link_opens_the_researchers_side_and_a_restart_keeps_it(own_server: Server, tab: Watched) -> None:
    add_demo(own_server.store)
    tab.page.goto(own_server.researcher_link())
    chart = tab.page.locator("[data-testid=stVegaLiteChart]").first
    expect(chart).to_be_visible(timeout=PATIENCE)
    assert not tab.complaints
    assert not foreign(own_server, tab)
    assert tab.page.title() == "Parasol"
    own_server.kill()
    own_server.start()
    tab.page.goto(own_server.url)
    expect(chart).to_be_visible(timeout=PATIENCE)


def test_a_respondent_sees_nothing_of_the_researchers_side(demo_server: Server, tab: Watched) -> None:
    tab.page.goto(demo_server.link(SLUG))
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    assert not tab.complaints
    assert not foreign(demo_server, tab)
    expect(tab.page.locator("[data-testid=stSidebar]")).to_have_count(0)
    tab.page.goto(demo_server.url)
    expect(tab.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    expect(tab.page.locator("[data-testid=stVegaLiteChart]")).to_have_count(0)


def foreign(server: Server, tab: Watched) -> list[str]:
    """The addresses of other hosts that the page asked for."""
    return [url for url in tab.asked if not url.startswith((server.url, "data:", "blob:"))]
