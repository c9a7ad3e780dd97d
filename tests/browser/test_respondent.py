"""The respondent's way through the real server in a real browser."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from survey_app.words import words
from tests.browser.conftest import PHONE, Server
from tests.browser.respondent import PATIENCE, Respondent

NARROWEST_TARGET = 44


def eventually(true: Callable[[], bool], page: Page) -> None:
    """Wait, as expect() does, for something that stands outside the browser."""
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen within ten seconds")


def test_the_whole_questionnaire_in_dutch_on_a_phone(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    given: dict[str, Any] = {}
    pages = [page.id for page in person.instrument.pages]
    for number, page in enumerate(pages):
        person.at(page)
        if page == "homophily":  # half a page, then the phone loads it anew
            half = person.instrument.page(page).items[:2]
            for id in half:
                person.tick(id, 6)
            person.page.reload()
            person.at(page)
            for id in half:
                expect(person.page.locator(f"input[name='{id}'][value='6']")).to_be_checked()
        given |= person.answer(page, 1 + number % 7)
        if page == "demographics":
            person.page.get_by_role("textbox").fill("34")
            given["age"] = 34
        person.next()
    person.reads(words("nl")("thanks.title"))

    counts = server.store.counts(study)
    assert (counts.visits, counts.started, counts.finished) == (1, 1, 1)
    rows = server.store.rows(study)
    assert len(rows) == 1
    row = rows.iloc[0]
    assert {id: row[id] for id in given} == given
    assert (row["influencer"], row["language"]) == ("Nina Vos", "nl")

    person.page.reload()  # the code can be read again
    person.reads(words("nl")("thanks.title"))
    assert server.store.withdraw(person.page.locator("output").inner_text())
    assert server.store.rows(study).empty


def test_declining_stores_a_count_and_nothing_else(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.press("language.continue")
    person.press("consent.decline")
    person.reads(words("nl")("declined.title"))
    counts = server.store.counts(study)
    assert (counts.declined, counts.started) == (1, 0)
    assert server.store.participation(person.key) is None
    person.press("declined.again")
    person.press("consent.agree")
    person.reads(words("nl")("influencer.title"))


def test_the_browsers_language_is_proposed_and_can_be_changed(
    phone: BrowserContext, server: Server, study: str
) -> None:
    person = Respondent(phone, server.link(study))
    expect(person.page.locator("button").first).to_have_text(words("nl")("language.continue"))
    person.begin()
    person.tick("exposure1", 5)
    person.page.get_by_role("button", name="English", exact=True).click()
    person.reads("How you know Nina Vos")
    expect(person.page.get_by_role("radio", name="1 to 2 years")).to_be_checked()
    assert person.page.evaluate("document.documentElement.lang") == "en"
    begun = server.store.participation(person.key)
    assert begun is not None and (begun.language, begun.switches) == ("en", 1)


def test_missing_items_are_named_on_top_and_beside_the_item(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    person.tick("exposure2", 3)
    person.next()
    summary = person.page.get_by_role("alert").filter(has_text=words("nl")("respondent.summary", n=2))
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(2)
    first = person.page.locator("#item-exposure1")
    expect(first.get_by_text(words("nl")("respondent.missing.choice"))).to_be_visible()
    expect(first).to_have_accessible_description(words("nl")("respondent.missing.choice"))
    summary.get_by_role("link").first.click()
    expect(person.page.locator("input[name='exposure1']").first).to_be_focused()
    person.tick("exposure1", 3)
    expect(first.get_by_text(words("nl")("respondent.missing.choice"))).to_be_hidden()
    assert server.store.answers(person.key) == {}
    expect(summary.locator("li.done")).to_have_count(1)  # struck out, where it stands
    expect(summary.locator("li.done")).to_have_text(first.locator("legend").inner_text())
    person.tick("exposure3", 3)
    expect(summary.locator("li.done")).to_have_count(2)
    person.next()
    person.at("social")


def test_a_number_out_of_range_is_explained(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    for page in person.instrument.pages[:-1]:
        person.at(page.id)
        person.answer(page.id)
        person.next()
    person.at("demographics")
    age = person.instrument.item("age")
    limits = {"minimum": f"{age.minimum:g}", "maximum": f"{age.maximum:g}"}
    for typed, sentence in (("oud", "wrong.number"), ("3", "wrong.between")):
        person.page.get_by_role("textbox").fill(typed)
        person.next()
        message = words("nl")(f"respondent.{sentence}", **limits)
        expect(person.page.locator("#item-age").get_by_text(message)).to_be_visible()
    person.page.get_by_role("textbox").fill("30,5")
    person.next()
    person.reads(words("nl")("thanks.title"))
    assert server.store.rows(study)["age"].tolist() == [30.5]


def test_one_page_by_keyboard_alone(desktop: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(desktop, server.link(study), "en")
    person.begin()
    keys = person.page.keyboard
    focused = "document.activeElement.shadowRoot.activeElement"
    stops = []
    for _ in range(3):
        keys.press("Tab")
        while person.page.evaluate(f"{focused}.type") != "radio":
            keys.press("Tab")
        stops.append(person.page.evaluate(f"{focused}.name"))
        keys.press("Space")
        keys.press("ArrowDown")
        keys.press("ArrowDown")
    assert stops == ["exposure1", "exposure2", "exposure3"]  # one tab stop for each item
    keys.press("Tab")
    assert person.page.evaluate(f"{focused}.textContent") == "Back"
    keys.press("Tab")
    assert person.page.evaluate(f"getComputedStyle({focused}).outlineStyle") == "solid"
    keys.press("Enter")
    person.at("social")
    assert person.kept(server.store)["exposure"] == {"exposure1": 3, "exposure2": 3, "exposure3": 3}


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_every_target_is_large_enough_and_nothing_overflows(
    browser: Browser, server: Server, study: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, locale="nl-NL")
    person = Respondent(context, server.link(study))
    person.begin("Een influencer met een verbazend lange naam zonderspatiesdaarinookeenheellangstuk")
    for page in ("exposure", "social"):
        person.at(page)
        boxes = person.page.locator(".option, button:visible").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(box => Math.min(box.width, box.height))"
        )
        assert min(boxes) >= NARROWEST_TARGET
        assert person.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
        person.answer(page)
        person.next()
    context.close()


def test_nothing_is_chosen_beforehand_and_endpoints_are_visible(
    phone: BrowserContext, server: Server, study: str
) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    person.answer("exposure")
    person.next()
    person.at("social")
    assert person.page.locator("input:checked").count() == 0
    item = person.page.locator(".item").first
    expect(item.locator(".ends").get_by_text("Helemaal mee oneens")).to_be_visible()
    expect(item.locator(".ends").get_by_text("Helemaal mee eens")).to_be_visible()
    item.get_by_role("radio", name="Een beetje mee eens").check()
    expect(item.locator(".chosen")).to_have_text("Een beetje mee eens")


def test_the_order_is_random_but_kept_and_stored(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    person.answer("exposure")
    person.next()
    person.at("social")
    begun = server.store.participation(person.key)
    assert begun is not None
    order = person.shown_order()
    assert order == person.declared_order("social", begun.id)
    person.answer("social")
    person.next()
    person.at("homophily")
    with sqlite3.connect(server.database) as database:
        query = "SELECT shown FROM pages WHERE participation = ? AND page = 'social'"
        (shown,) = database.execute(query, (begun.id,)).fetchone()
    assert httpx.Response(200, text=shown).json() == order


def test_going_back_shows_what_was_answered_and_lets_it_be_corrected(
    phone: BrowserContext, server: Server, study: str
) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    person.answer("exposure", 2)
    person.next()
    person.at("social")
    person.tick("social1", 7)
    person.press("respondent.back")
    person.at("exposure")
    expect(person.page.locator("input[name='exposure1'][value='2']")).to_be_checked()
    person.tick("exposure1", 6)
    person.next()
    person.at("social")
    expect(person.page.locator("input[name='social1'][value='7']")).to_be_checked()
    assert person.kept(server.store)["exposure"]["exposure1"] == 6
    person.press("respondent.back")
    person.press("respondent.back")
    person.reads(words("nl")("influencer.title"))
    person.page.get_by_role("textbox").fill("Iemand Anders")
    person.next()
    person.reads("Hoe je Iemand Anders kent")


def test_pages_turn_without_streamlit_and_the_session_keeps_up(
    phone: BrowserContext, server: Server, study: str
) -> None:
    person = Respondent(phone, server.link(study))
    asked: list[str] = []
    person.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: asked.append("by websocket")))
    person.page.reload()  # so that the websocket is one that is listened to
    person.begin()
    before = len(asked)
    person.send("exposure", "social", "homophily", value=3)
    person.at("physical")
    assert len(asked) == before > 0
    # The colours change: Streamlit hands over its own last screen again, which is an older one.
    person.page.emulate_media(color_scheme="dark")
    person.page.wait_for_timeout(500)
    person.at("physical")
    person.page.get_by_role("button", name="English", exact=True).click()
    person.words, person.language = words("en"), "en"
    person.at("physical")
    person.press("respondent.back")
    person.at("homophily")
    expect(person.page.locator("input[value='3']:checked")).to_have_count(
        len(person.instrument.page("homophily").items)
    )
    person.page.reload()
    person.at("physical")
    assert len(asked) > before
    begun = server.store.participation(person.key)
    assert begun is not None and begun.language == "en"


def test_a_double_click_and_a_second_tab_double_nothing(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    person.answer("exposure", 3)
    second = Respondent(phone, person.page.url)
    second.influencer = "Nina Vos"
    second.at("exposure")
    person.page.bring_to_front()
    person.next(twice=True)
    person.at("social")
    second.page.bring_to_front()
    second.answer("exposure", 5)  # the second tab is later, and corrects the first
    second.next()
    second.at("social")
    person.page.bring_to_front()  # in a tab behind another one every tick takes seconds
    for page in person.instrument.pages[1:]:
        person.at(page.id)
        person.answer(page.id)
        person.next(twice=True)
    person.reads(words("nl")("thanks.title"))
    second.page.bring_to_front()
    second.answer("social", 1)  # the second tab is too late to change anything
    second.next()
    second.reads(words("nl")("thanks.title"))
    rows = server.store.rows(study)
    assert len(rows) == 1 and rows[["exposure1", "social1"]].values.tolist() == [[5, 4]]
    assert server.store.counts(study).finished == 1


def test_hostile_names_stay_text(phone: BrowserContext, server: Server, study: str) -> None:
    hostile = "<img src=x onerror=window.broken=1><script>window.broken=1</script>{influencer}{{7*7}} **b**"
    person = Respondent(phone, server.link(study))
    person.begin(hostile)
    person.reads(f"Hoe je {hostile} kent")
    assert person.page.evaluate("window.broken") is None
    assert person.page.locator(".ask img").count() == 0


def test_another_person_on_the_same_phone_sees_nothing_of_the_first(
    phone: BrowserContext, server: Server, study: str
) -> None:
    first = Respondent(phone, server.link(study))
    first.begin("Nina Vos")
    first.tick("exposure1", 7)
    second = Respondent(phone, server.link(study))
    assert second.key != first.key
    second.begin("Sam de Wit")
    assert second.page.locator("input:checked").count() == 0


def test_the_draft_leaves_the_phone_when_the_page_is_saved(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    person.answer("exposure")
    drafts = "Object.keys(localStorage).filter(name => /^parasol:.*:exposure$/.test(name)).length"
    assert person.page.evaluate(drafts) == 1
    person.next()
    person.at("social")
    assert person.page.evaluate(drafts) == 0


def test_a_key_nobody_began_with_leads_to_the_start(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, f"{server.url}/?s={study}&t={'x' * 43}")
    person.reads("Jij en de influencer die je volgt")
    person.page.goto(f"{server.url}/?s={study}")
    person.press("restart.open")
    person.reads("Jij en de influencer die je volgt")
    assert len(person.key) >= 40


def test_a_link_to_nowhere_and_a_closed_study_are_said_calmly(
    phone: BrowserContext, server: Server, study: str
) -> None:
    person = Respondent(phone, f"{server.url}/?s=nowhere&t={'x' * 43}")
    person.reads(words("nl")("unknown.title"))
    started = Respondent(phone, server.link(study))
    started.press("language.continue")
    server.store.close_study(study)
    started.press("consent.agree")
    started.reads(words("nl")("closed.title"))


# -- when something is away -----------------------------------------------------------------------------------------


def test_a_store_that_is_away_loses_nothing(phone: BrowserContext, own_server: Server) -> None:
    person = Respondent(phone, own_server.link(own_server.add_study()))
    person.begin()
    given = person.answer("exposure", 3)
    lock = sqlite3.connect(own_server.database, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    person.next()
    expect(person.page.get_by_text(words("nl")("respondent.away.title"))).to_be_visible(timeout=PATIENCE)
    person.page.reload()  # the answers are on the phone, and are sent again without a press of the button
    expect(person.page.get_by_text(words("nl")("respondent.away.title"))).to_be_visible(timeout=PATIENCE)
    lock.execute("ROLLBACK")
    lock.close()
    person.at("social")
    assert person.kept(own_server.store) == {"exposure": given}


def test_a_store_that_cannot_even_be_read(phone: BrowserContext, own_server: Server) -> None:
    person = Respondent(phone, own_server.link(own_server.add_study()))
    person.begin()
    person.tick("exposure1", 3)
    with sqlite3.connect(own_server.database) as database:
        database.execute("ALTER TABLE participations RENAME TO away")
    person.page.reload()
    person.reads(words("nl")("waiting.title"))
    with sqlite3.connect(own_server.database) as database:
        database.execute("ALTER TABLE away RENAME TO participations")
    database.close()
    person.at("exposure")  # by itself, and with what was ticked
    expect(person.page.locator("input[name='exposure1'][value='3']")).to_be_checked()


def test_going_back_while_the_store_is_away_overwrites_nothing(phone: BrowserContext, own_server: Server) -> None:
    person = Respondent(phone, own_server.link(own_server.add_study()))
    person.begin()
    given = person.send("exposure", "social", value=3)
    person.at("homophily")
    with sqlite3.connect(own_server.database) as database:
        database.execute("ALTER TABLE participations RENAME TO away")
    person.press("respondent.back")
    expect(person.page.get_by_text(words("nl")("respondent.away.title"))).to_be_visible(timeout=PATIENCE)
    person.at("homophily")
    with sqlite3.connect(own_server.database) as database:
        database.execute("ALTER TABLE away RENAME TO participations")
    database.close()
    person.at("social")  # by itself, and with what was answered there
    expect(person.page.locator("input[value='3']:checked")).to_have_count(len(given["social"]))
    # The other way is shut as well: what cannot be kept is sent again until it can.
    phone.route("**/answers", lambda route: route.abort())
    lock = sqlite3.connect(own_server.database, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    person.tick("social1", 4)
    person.next()
    expect(person.page.get_by_text(words("nl")("respondent.away.title"))).to_be_visible(timeout=PATIENCE)
    person.page.wait_for_timeout(6000)  # longer than the store waits for the lock: the press itself has failed
    lock.execute("ROLLBACK")
    lock.close()
    person.at("homophily")
    assert person.kept(own_server.store) == given | {"social": given["social"] | {"social1": 4}}


def test_pauses_between_tries_grow_and_no_two_phones_keep_the_same(
    phone: BrowserContext, server: Server, study: str
) -> None:
    """Phones that met a server in trouble at the same moment must not all come back at the same moment."""
    phone.clock.install()
    person = Respondent(phone, server.link(study))
    person.begin()
    given = person.answer("exposure", 3)
    page, tries = person.page, []

    def refuse(route: Route) -> None:
        tries.append(route.request.url)
        route.fulfill(status=503, body="{}")

    def tried_after(seconds: float) -> int:
        """How often the page was sent by then: whatever was due is over when another request is answered."""
        page.clock.run_for(round(1000 * seconds))
        page.evaluate("fetch('/healthz').then(() => null)")
        return len(tries)

    phone.route("**/answers", refuse)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    page.evaluate("Math.random = () => 0")
    person.next()
    expect(page.get_by_text(words("nl")("respondent.away.title"))).to_be_visible(timeout=PATIENCE)
    for number, (seconds, later) in enumerate(((1, 1), (2, 0), (4, 1), (8, 0)), start=1):
        # The pause that has begun was drawn with the last chance, the one after it is drawn with the other extreme.
        page.evaluate(f"Math.random = () => {later}")
        pause = seconds * (1.25 - later / 2)
        assert tried_after(pause - 0.1) == number
        assert tried_after(0.2) == number + 1
    phone.unroute("**/answers")
    page.clock.run_for(20_000)
    person.at("social")
    assert person.kept(server.store) == {"exposure": given}


def test_what_is_changed_while_a_page_is_sent_is_sent_too(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    given = person.answer("exposure", 3)
    status, w = person.page.locator("form > .status"), words("nl")
    expect(status).to_have_text(w("respondent.status.draft"))
    held: list[Route] = []
    phone.route("**/answers", lambda route: route.continue_() if held else held.append(route))
    person.next()
    eventually(lambda: bool(held), person.page)
    expect(status).to_have_text(w("respondent.status.sending"))
    person.tick("exposure1", 6)
    held[0].continue_()
    person.at("social")
    expect(status).to_have_text(w("respondent.status.saved"))
    assert person.kept(server.store) == {"exposure": given | {"exposure1": 6}}


def test_a_next_page_that_cannot_be_drawn_is_loaded_anew(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    given = person.answer("exposure", 3)

    def spoil(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["next"]["blocks"][-1]["kind"] = "unheard of"
        route.fulfill(response=answer, json=told)

    phone.route("**/answers", spoil)
    with person.page.expect_navigation(timeout=PATIENCE):
        person.next()
    phone.unroute("**/answers")
    person.at("social")
    expect(person.page.locator("input[name='social1']").first).to_be_visible()
    assert person.kept(server.store) == {"exposure": given}


def test_a_server_killed_between_two_pages_loses_nothing(phone: BrowserContext, own_server: Server) -> None:
    person = Respondent(phone, own_server.link(own_server.add_study()))
    person.begin()
    first = person.answer("exposure", 3)
    person.next()
    person.at("social")
    with person.page.expect_console_message(lambda message: "not responding" in message.text, timeout=PATIENCE):
        own_server.kill()
    second = person.answer("social", 6)  # no dialog stands in the way
    person.next()  # nobody answers
    expect(person.page.get_by_text(words("nl")("respondent.away.title"))).to_be_visible(timeout=PATIENCE)
    own_server.start()
    person.at("homophily")
    assert person.kept(own_server.store) == {"exposure": first, "social": second}


def test_where_posting_is_blocked_the_page_is_saved_on_the_other_way(
    phone: BrowserContext, server: Server, study: str
) -> None:
    def refuse(route: Route) -> None:
        route.abort()

    phone.route("**/answers", refuse)
    person = Respondent(phone, server.link(study))
    person.begin()
    given = person.answer("exposure", 2)
    person.next()
    person.at("social")
    assert person.kept(server.store) == {"exposure": given}


def test_an_answer_that_was_never_declared_is_refused(phone: BrowserContext, server: Server, study: str) -> None:
    person = Respondent(phone, server.link(study))
    person.begin()
    sent = {"key": person.key, "page": "exposure", "answers": {"exposure1": 99}}
    assert httpx.post(f"{server.url}/answers", json=sent).status_code == 422
    assert server.store.answers(person.key) == {}


def test_dark_mode_follows_the_phone(browser: Browser, server: Server, study: str) -> None:
    backgrounds = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport=PHONE, locale="nl-NL", color_scheme=scheme)
        person = Respondent(context, server.link(study))
        person.press("language.continue")
        person.reads("Jij en de influencer die je volgt")
        backgrounds.add(person.page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))
        context.close()
    assert len(backgrounds) == 2
