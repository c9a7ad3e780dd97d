"""Those who come too early, too late, uninvited or from elsewhere, and those who go back to a panel, in a browser."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from survey_app.study import Completion, Parameter
from survey_app.words import words
from tests.browser.conftest import PHONE, Server, Site
from tests.browser.respondent import PATIENCE, Respondent
from tests.browser.test_accessibility import faults
from tests.browser.test_kinds import PEOPLE, RATED

BOTH = pytest.mark.parametrize("language", ["nl", "en"])
ALONE: dict[str, Any] = {"influencers": PEOPLE[:1], "rate": "all"}
"""A study of two pages about Ana."""


@pytest.fixture
def visitor(browser: Browser, language: str) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale=language
    )
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def titled(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=PATIENCE)


def finish(person: Respondent) -> None:
    """From the first page of questions to the thanks."""
    person.reads({"nl": "Over Ana", "en": "About Ana"}[person.language])
    person.tick("near", 2)
    person.next()
    person.reads({"nl": "Het eind", "en": "The end"}[person.language])
    person.next()
    person.reads(person.words("thanks.title"))


@BOTH
def test_without_an_invitation_the_code_is_asked_for_before_anything_else(
    visitor: BrowserContext, server: Server, language: str
) -> None:
    panel = (Parameter("pid", "PID"),)
    slug = server.add_study(("en", "nl"), RATED, invited=True, parameters=panel, **ALONE)
    (token,) = server.store.add_tokens(slug, 1)
    person = Respondent(visitor, f"{server.link(slug)}?src=mail&PID=p7", language, RATED)
    page, w = person.page, person.words
    person.reads(w("token.title"))
    expect(page.get_by_text(w("token.wrong"))).to_have_count(0)
    person.press("token.open")  # nothing typed
    expect(page.locator("#item-token .error")).to_have_text(w("token.missing"))
    page.get_by_role("textbox").fill("AAAA-BBBB-CCCC")
    person.press("token.open")
    expect(page.get_by_text(w("token.wrong"))).to_be_visible(timeout=PATIENCE)
    assert faults(page) == []
    page.get_by_role("textbox").fill(token.lower().replace("-", " "))
    person.press("token.open")
    person.press("language.continue")
    person.press("consent.agree")
    begun = person.key
    finish(person)
    participation = server.store.participation(begun)
    assert participation is not None and participation.finished
    assert participation.external == {"pid": "p7"}  # what stood in the link went along

    used = Respondent(visitor, f"{server.link(slug)}?token={token}", language, RATED)
    used.reads(w("thanks.title"))  # the code admits its owner once: it shows what was finished with it
    assert used.key == begun and server.store.counts(slug).finished == 1


@BOTH
def test_too_early_too_late_and_full_are_said_kindly(visitor: BrowserContext, server: Server, language: str) -> None:
    w, now, page = words(language), datetime.now(UTC), visitor.new_page()
    opens = now + timedelta(days=40)
    studies: dict[str, dict[str, Any]] = {
        "early": {"opens": opens}, "closed": {"closes": now - timedelta(minutes=1)}, "full": {"quota": 1},
    }  # fmt: skip
    for key, design in studies.items():
        slug = server.add_study(("en", "nl"), RATED, **ALONE, **design)
        if key == "full":
            store, mine = server.store, secrets.token_urlsafe(32)
            store.begin(slug, mine, language=language)
            store.save_page(mine, "rate", {"near": 1}, influencer="ana")
            store.finish(mine)
        page.goto(server.link(slug))
        titled(page, w(f"{key}.title"))
        expect(page.get_by_text(w(f"{key}.text"))).to_be_visible()
        assert faults(page) == [], key
    page.goto(server.link(server.add_study(("en", "nl"), RATED, **ALONE, opens=opens)))
    day, month = opens.astimezone(), w(f"month.m{opens.astimezone().month}")
    written = {"nl": f"{day.day} {month} {day.year}", "en": f"{month} {day.day}, {day.year}"}
    expect(page.get_by_text(written[language])).to_be_visible(timeout=PATIENCE)


@BOTH
def test_a_panel_gets_its_people_back_after_the_commit_and_not_before(
    visitor: BrowserContext, server: Server, site: Site, language: str
) -> None:
    page_of = {"nl": "Over Ana", "en": "About Ana"}[language]
    done = Completion("C1-OK", f"{site.address}/done?pid={{external_id}}&cc={{code}}&via={{source}}")
    panel = (Parameter("prolific_pid", "PROLIFIC_PID"),)
    slug = server.add_study(("en", "nl"), RATED, completion=done, parameters=panel, **ALONE)
    person = Respondent(visitor, f"{server.link(slug)}?PROLIFIC_PID=5f%26x%3D1&src=poster", language, RATED)
    page, w = person.page, person.words
    person.press("language.continue")
    person.press("consent.agree")
    person.reads(page_of)
    key = person.key
    begun: list[bool] = []
    site.asks = lambda: begun.append(getattr(server.store.participation(key), "finished", None) is not None)
    early = visitor.new_page()
    early.goto(f"{server.url}/complete?s={slug}&t={key}")  # whoever knows the way out without having answered
    titled(early, page_of)
    assert site.asked == []
    page.bring_to_front()  # Chromium takes two seconds for each tap in a tab behind another one
    finish(person)
    expect(page.locator("output").first).to_have_text("C1-OK")
    page.get_by_role("button", name=w("completion.back", host="127.0.0.1"), exact=True).click()
    expect(page).to_have_title("Elsewhere")
    assert [parse_qs(urlsplit(each).query) for each in site.asked] == [
        {"pid": ["5f&x=1"], "cc": ["C1-OK"], "via": ["poster"]}
    ]
    assert begun == [True] and site.referrers == [""]


# -- in a frame of another site --------------------------------------------------------------------------------------


def test_a_study_is_answered_in_a_frame_where_it_says_so_and_nowhere_else(
    phone: BrowserContext, server: Server, site: Site
) -> None:
    allowed = server.add_study(("nl",), RATED, embed=(site.address,), **ALONE)
    page = phone.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{site.address}/?frame={server.link(allowed)}")
    frame = page.frame_locator("iframe")
    w = words("nl")
    frame.get_by_role("button", name=w("consent.agree")).click()
    frame.get_by_role("radio", name="gaat wel", exact=True).check()
    frame.get_by_role("button", name=w("respondent.next"), exact=True).click()
    expect(frame.get_by_role("heading", name="Het eind")).to_be_visible()
    frame.get_by_role("button", name=w("respondent.send")).click()
    expect(frame.get_by_role("heading", name=w("thanks.title"))).to_be_visible()
    assert server.store.rows(allowed)["near"].tolist() == [2]

    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    for address in (server.link(server.add_study(("nl",), RATED, **ALONE)), server.url, f"{server.url}/withdraw"):
        before = len(refused)
        page.goto(f"{site.address}/?frame={address}")
        until = time.monotonic() + 10
        while not any(re.search("frame-ancestors|X-Frame-Options", said) for said in refused[before:]):
            assert time.monotonic() < until, (address, refused[before:])
            page.wait_for_timeout(50)
        expect(page.frame_locator("iframe").get_by_role("button")).to_have_count(0)


def test_a_plain_page_can_be_read_from_right_to_left(phone: BrowserContext, server: Server) -> None:
    page = phone.new_page()
    page.goto(f"{server.url}/withdraw?lang=nl")
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    label, button = page.get_by_text(words("nl")("withdraw.label"), exact=True), page.get_by_role("button")
    right = page.evaluate("document.querySelector('main').getBoundingClientRect().right") - 24
    for each in (label, button):
        box = each.bounding_box()
        assert box is not None and abs(box["x"] + box["width"] - right) < 2


def test_without_javascript_the_page_says_what_it_needs_in_every_language(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(server.link(server.add_study(("nl",), replace(RATED, languages=("en", "nl")), **ALONE)))
    for language in ("en", "nl", "de"):
        assert page.locator(f"noscript p[lang={language}]").inner_text() == words(language)("no_script.text")
    context.close()
