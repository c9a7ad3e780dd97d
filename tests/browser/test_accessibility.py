"""Everybody can answer: no serious fault found by axe, at 200 %, from right to left, by keyboard, on a slow network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.conftest import PHONE, Server
from tests.browser.respondent import PATIENCE, Respondent
from tests.browser.test_kinds import choose

WIDE = {"width": 1280, "height": 900}


def faults(page: Page) -> list[tuple[str, str]]:
    """What axe calls serious or critical: the rule, and the first place it is broken."""
    axe = Axe("0") if page.evaluate("'axe' in window") else Axe()  # half a megabyte, once for each document
    found: list[dict[str, Any]] = axe.run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]


LOOKS = {
    "nl": (("light", PHONE), ("dark", WIDE)), "en": (("dark", PHONE), ("light", WIDE)), "de": (("light", PHONE),),
}  # fmt: skip
"""In which light and how wide a screen is examined, in each language."""


def all_faults(page: Page, looks: Sequence[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """The faults of a page in every one of these looks; it ends in the first one."""
    found = []
    for scheme, size in (*looks[1:], looks[0]):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        page.wait_for_timeout(100)
        found += faults(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    return found


@pytest.mark.parametrize("language", list(LOOKS))
def test_no_screen_of_a_respondent_has_a_serious_fault(browser: Browser, server: Server, language: str) -> None:
    looks = LOOKS[language]
    context = browser.new_context(viewport=PHONE, locale=language, color_scheme=looks[0][0])  # type: ignore[arg-type]
    showcase = server.showcase()
    slug = server.add_study(("en", "nl", "de"), showcase, minimum_age=16, raffle=True)
    person = Respondent(context, server.link(slug), language, showcase)
    page, w = person.page, person.words
    expect(page.get_by_role("button", name=w("language.continue"))).to_be_visible(timeout=PATIENCE)
    found = {"languages": all_faults(page, looks)}
    person.press("language.continue")
    person.press("consent.agree")
    expect(page.locator("#item-of_age .error")).to_be_visible()
    found["consent"] = all_faults(page, looks)
    choose(page, "of_age", 1)
    person.press("consent.agree")
    person.reads(w("influencer.title"))
    found["name"] = all_faults(page, looks)
    person.influencer = "Nina Vos"
    page.get_by_role("textbox").fill("Nina Vos")
    person.press("respondent.next")
    required = {
        "start": [("agreed", 1)],
        "choosing": [("follows", 1), ("place", -98)],
        "rating": [("near1", 4), ("near2", 4), ("look_here", 4)],
        "likeness": [("alike1", 2), ("alike2", 5)],
        "writing": [],
        "followers": [],
    }
    for name, answers in required.items():
        person.at(name)
        if name == "choosing":
            page.locator(".pick").first.click()
            choose(page, "follows", 1)
        if name != "followers":
            person.next()
            expect(page.locator(".summary")).to_be_visible()
        found[f"{name}, incomplete"] = all_faults(page, looks)
        for item, value in answers:
            choose(page, item, value)
        while page.locator(".pick").count():
            page.locator(".pick").first.click()
        if name == "writing":
            page.locator("#item-age-input").fill("30")
            page.locator("#item-one_word-input").fill("warm")
            page.get_by_role("slider").focus()
            page.keyboard.press("ArrowLeft")
        if name == "followers":
            person.press("handover.open")
            expect(page.locator(".qr")).to_be_visible(timeout=PATIENCE)
        found[name] = all_faults(page, looks)
        person.next()
    person.reads(w("thanks.title"))
    found["thanks"] = all_faults(page, looks)
    page.goto(f"{server.url}/withdraw?lang={language}")
    page.get_by_role("button").click()
    found["withdraw"] = all_faults(page, looks)
    page.goto(f"{server.url}/s/nowhere")
    found["nowhere"] = all_faults(page, looks)
    assert {screen: said for screen, said in found.items() if said} == {}
    context.close()


def test_at_200_percent_nothing_is_cut_off(browser: Browser, server: Server) -> None:
    # Twice as large on a window of 780 pixels is a window of 390 with two pixels for each.
    context = browser.new_context(viewport={"width": 390, "height": 422}, device_scale_factor=2, locale="de-DE")
    showcase = server.showcase()
    slug = server.add_study(("en", "nl", "de"), showcase)
    person = Respondent(context, server.link(slug), "de", showcase)
    person.press("language.continue")
    person.press("consent.agree")
    person.reads(person.words("influencer.title"))
    person.influencer = "Donaudampfschifffahrtsgesellschaftskapitänswitwe"
    person.page.get_by_role("textbox").fill(person.influencer)
    person.press("respondent.next")
    person.at("start")
    choose(person.page, "agreed", 1)
    person.next()
    person.at("choosing")
    person.page.add_style_tag(content="html { font-size: 200% !important; }")
    wide = (
        """all => all.filter(one => one.getBoundingClientRect().right > 391).map(one => one.outerHTML.slice(0, 120))"""
    )
    assert person.page.locator(".ask *:visible").evaluate_all(wide) == []
    assert person.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    boxes = person.page.locator(".item:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert max(boxes) <= 390
    context.close()


def test_from_right_to_left_everything_begins_on_the_right(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    page = person.page
    assert page.evaluate("document.documentElement.dir") == "ltr"
    page.locator(".ask").evaluate("box => { box.dir = 'rtl' }")
    first = page.locator(".item").first
    sides = first.evaluate("""item => {
      const [box, mark] = [item, item.querySelector('.mark')].map(one => one.getBoundingClientRect())
      return [box.right - mark.right, mark.left - box.left]
    }""")
    assert sides[0] < sides[1]
    back, on = (
        page.get_by_role("button", name=person.words(f"respondent.{key}"), exact=True) for key in ("back", "next")
    )
    assert back.bounding_box()["x"] > on.bounding_box()["x"]  # type: ignore[index]
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_an_order_is_made_with_the_keyboard_alone(desktop: BrowserContext, server: Server) -> None:
    showcase = server.showcase()
    slug = server.add_study(("en",), showcase)
    person = Respondent(desktop, server.link(slug), "en", showcase)
    person.press("consent.agree")
    person.reads(person.words("influencer.title"))
    person.influencer = "Nina Vos"
    person.page.get_by_role("textbox").fill("Nina Vos")
    person.page.keyboard.press("Enter")
    person.at("start")
    person.page.get_by_role("checkbox").focus()
    person.page.keyboard.press("Space")
    person.page.keyboard.press("Enter")
    person.at("choosing")
    keys, page = person.page.keyboard, person.page
    page.locator(".pick").first.focus()
    for _ in range(4):  # each in turn: the next one has the focus by itself
        keys.press("Enter")
    first = "To relax"
    expect(page.locator(".ranked li")).to_have_count(4)
    page.get_by_role("button", name=f"Move down: {first}").focus()
    keys.press("Enter")
    expect(page.locator(".ranked li").nth(1)).to_contain_text(first)
    keys.press("Enter")  # the focus went along
    expect(page.locator(".ranked li").nth(2)).to_contain_text(first)
    expect(page.locator("#item-reasons [role=status]")).to_have_text("To relax now stands in place 3 of 4")


def test_on_a_slow_network_that_drops_posts_every_page_arrives_once(
    phone: BrowserContext, server: Server, study: str
) -> None:
    tries: list[str] = []

    def slow(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) % 3 == 1:
            route.abort("internetdisconnected")
        elif len(tries) % 3 == 2:
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    person = Respondent(phone, server.link(study))
    person.begin()
    phone.route("**/answers", slow)
    given = person.send("exposure", "social", value=3)
    person.at("homophily")
    assert person.kept(server.store) == given
    assert len(tries) >= 4
