"""Every kind of question on a phone, in two languages: what is stored, and that hostile texts stay texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from analysis.instrument import Choices, Instrument, Item
from analysis.instrument import Page as Questions
from analysis.show_if import parse_condition
from survey_app.components.questions import SCRIPT
from survey_app.study import CodePart, Influencer, Source, Wave
from tests.browser.conftest import PHONE, Server
from tests.browser.respondent import PATIENCE, Respondent

HOSTILE = (
    "<img src=x onerror=window.broken=1>",
    "<script>window.broken=1</script>",
    '"><svg onload=window.broken=1>',
    "javascript:window.broken=1",
    "{{constructor.constructor('window.broken=1')()}}",
    "</textarea><iframe srcdoc='<script>parent.broken=1</script>'>",
    "[x](javascript:window.broken=1) $\\href{javascript:window.broken=1}{x}$ :red[x]",
)


def arrive(context: BrowserContext, server: Server, language: str, instrument: Instrument, slug: str) -> Respondent:
    person = Respondent(context, server.link(slug), language, instrument)
    person.press("language.continue")
    person.press("consent.agree")
    return person


def choose(page: Page, item: str, value: int) -> None:
    """Tap an answer where a thumb would: on its label."""
    page.locator(f"label.option:has(input[name='{item}'][value='{value}'])").click()


@pytest.mark.parametrize("language", ["nl", "en", "de"])
def test_every_kind_of_question_is_answered_and_stored(browser: Browser, server: Server, language: str) -> None:
    context = browser.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale=language
    )
    showcase = server.showcase()
    slug = server.add_study(("en", "nl", "de"), showcase)
    person = arrive(context, server, language, showcase, slug)
    page, w = person.page, person.words
    person.reads(w("influencer.title"))
    person.influencer = "Nina Vos"
    page.get_by_role("textbox").fill("Nina Vos")
    person.press("respondent.next")

    person.at("start")  # something to read and to look at, and to agree to
    expect(page.locator("#item-post_shown img")).to_have_js_property("naturalWidth", 640)
    assert page.locator("#item-post_shown img").get_attribute("alt") == showcase.item("post_shown").alt[language]
    page.get_by_text(w("respondent.help")).click()
    expect(page.get_by_text(showcase.item("welcome").help[language])).to_be_visible()
    person.next()
    expect(page.locator("#item-agreed").get_by_text(w("respondent.missing.consent"))).to_be_visible()
    choose(page, "agreed", 1)
    person.next()

    person.at("choosing")  # one, several, in an order, with words of one's own; conditions at work
    expect(page.locator("#item-place")).to_be_hidden()
    choose(page, "follows", 1)
    expect(page.locator("#item-place")).to_be_visible()
    choose(page, "place", -98)
    page.locator("input[name=place_other]").fill("  A newsletter ")
    for topic in (5, 1, 2, 3):
        choose(page, "topics", topic)
    expect(page.locator("#item-topics").get_by_text(w("respondent.many", n=3))).to_be_visible()
    expect(page.locator("#item-news_source")).to_be_visible()
    page.locator("#item-news_source-input").fill("Nobody")
    choose(page, "topics", 5)
    expect(page.locator("#item-news_source")).to_be_hidden()
    reasons = page.locator("#item-reasons")
    for reason in (3, 1):
        label = showcase.item("reasons").choices.labels[language][reason - 1]  # type: ignore[union-attr]
        reasons.locator(".pick").get_by_text(label, exact=True).click()
    person.next()
    expect(reasons.get_by_text(w("respondent.missing.order"))).to_be_visible()
    while reasons.locator(".pick").count():
        reasons.locator(".pick").first.click()
    first = showcase.item("reasons").choices.labels[language][0]  # type: ignore[union-attr]
    reasons.get_by_role("button", name=w("respondent.rank.up", label=first)).click()
    person.next()

    person.at("rating")  # a matrix with an instructed answer and a refusal
    for id in ("near1", "near2", "look_here"):
        person.tick(id, 4)
    page.locator("#item-near3").get_by_role("radio", name=w("respondent.decline")).check(force=True)
    person.next()

    person.at("likeness")  # places between two ends
    for id, value in (("alike1", 1), ("alike2", 7)):
        person.tick(id, value)
    person.next()

    person.at("writing")  # slider, number, day, word
    slider = page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", w("respondent.slider.untouched"))
    person.next()
    expect(page.locator("#item-warmth .error")).to_be_hidden()  # no answer is no answer, not the middle
    expect(page.locator("#item-age .error")).to_have_text(w("respondent.missing.number"))
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#item-warmth output")).to_have_text("55")
    for typed, message in (
        ("12", w("respondent.wrong.between", minimum="16", maximum="110")),
        ("17.5", w("respondent.wrong.whole")),
        ("old", w("respondent.wrong.number")),
    ):
        page.locator("#item-age-input").fill(typed)
        person.next()
        expect(page.locator("#item-age .error")).to_have_text(message)
    page.locator("#item-age-input").fill("34")
    page.locator("#item-first_seen-input").fill("2024-02-29")
    page.locator("#item-one_word-input").fill("wärm <b>")
    person.next()

    person.at("followers")
    expect(page.get_by_text('"wärm <b>"')).to_be_visible()
    expect(page.get_by_text("A newsletter")).to_be_visible()
    page.locator("#item-adult_topic-input").fill("One line\nand another")
    person.next()
    person.reads(w("thanks.title"))

    kept = person.kept(server.store)
    assert kept["start"] == {"agreed": 1}
    assert kept["choosing"] == {
        "follows": 1, "place": -98, "place_other": "A newsletter", "topics": [1, 2, 3], "reasons": [1, 3, 2, 4],
    }  # fmt: skip
    assert kept["rating"] == {"near1": 4, "near2": 4, "look_here": 4, "near3": -99}
    assert kept["likeness"] == {"alike1": 1, "alike2": 7, "alike3": None}
    assert kept["writing"] == {"warmth": 55, "age": 34, "first_seen": "2024-02-29", "one_word": "wärm <b>"}
    assert kept["followers"] == {"adult_topic": "One line\nand another", "wrong_place": None}
    times = server.store.paradata(slug).set_index("item")
    assert set(times["device"]) == {"phone"}
    assert list(times["sequence"].drop_duplicates()) == [1, 2, 3, 4, 5, 6]
    follows = times.loc["follows"]
    assert 0 <= follows["shown_ms"] <= follows["first_ms"] <= follows["last_ms"] <= follows["page_ms"]
    context.close()


def test_whoever_prefers_not_to_say_may_go_on(phone: BrowserContext, server: Server) -> None:
    showcase = replace(server.showcase(), pages=tuple(server.showcase().pages[4:5]))
    showcase = replace(showcase, items=tuple(item for item in showcase.items if item.id in showcase.pages[0].items))
    showcase = replace(showcase, scales=())
    slug = server.add_study(("en", "nl"), showcase)
    person = arrive(phone, server, "nl", showcase, slug)
    person.influencer = "Nina Vos"
    person.page.get_by_role("textbox").fill("Nina Vos")
    person.press("respondent.next")
    person.at("writing")
    person.page.locator("#item-age-input").fill("34")
    for box in person.page.get_by_role("checkbox", name=person.words("respondent.decline")).all():
        box.check(force=True)
    expect(person.page.locator("#item-age-input")).to_have_value("")
    person.next()
    person.reads(person.words("thanks.title"))
    assert person.kept(server.store)["writing"] == dict.fromkeys(("warmth", "age", "first_seen", "one_word"), -99)


def test_hostile_texts_stay_texts_everywhere(phone: BrowserContext, server: Server) -> None:
    text = " ".join(HOSTILE)
    said = {"en": text}
    labels = Choices("odd", (1, 2), {"en": (HOSTILE[0], HOSTILE[2])})
    items = (
        Item("look", said, kind="info", hint=said, help=said, media="https://video.example/x?a=1", alt=said),
        Item("one", said, kind="single", choices=labels, other=True, hint=said, help=said),
        Item("many", said, kind="multiple", choices=labels, other=True),
        Item("rank", said, kind="ranking", choices=labels),
        Item("near", said, choices=labels),
        Item("ends", said, kind="semantic", choices=labels, left=said, right=said),
        Item("typed", said, kind="text"),
        Item("again", {"en": "You said {typed} and {one}"}, kind="long_text"),
    )
    ids = tuple(item.id for item in items)
    page_one = Questions("one_page", said, ids, intro=said)
    page_two = Questions("two_page", {"en": "After {typed}"}, ("more",), intro={"en": "{again}"})
    more = Item("more", {"en": "{typed} {one} {influencer}"}, kind="text")
    odd = Instrument("odd", "1", said, ("en",), (*items, more), (), (page_one, page_two))
    slug = server.add_study(("en",), odd, contact=text[:400])
    person = Respondent(phone, f"{server.link(slug)}?src={quote(HOSTILE[0])}&lang={quote(HOSTILE[1])}", "en", odd)
    problems: list[str] = []
    person.page.on("dialog", lambda dialog: problems.append(dialog.message))
    person.press("consent.agree")
    person.page.get_by_role("textbox").fill(text[:100])
    person.press("respondent.next")
    page = person.page
    expect(page.locator("#item-typed")).to_be_visible(timeout=PATIENCE)
    page.locator("#item-typed-input").fill(text)
    choose(page, "one", -98)
    page.locator("input[name=one_other]").fill(HOSTILE[0])
    page.locator(".pick").first.click()
    page.locator(".pick").first.click()
    expect(page.locator("#item-again legend, #item-again label").first).to_contain_text(HOSTILE[0])
    page.locator("#item-again-input").fill(text)
    person.next()
    expect(page.locator("#item-more label")).to_contain_text(HOSTILE[1], timeout=PATIENCE)
    person.press("respondent.back")
    expect(page.locator("#item-typed-input")).to_have_value(" ".join(text.split()))
    person.next()
    expect(page.locator("#item-more label")).to_be_visible(timeout=PATIENCE)
    person.next()
    person.reads(person.words("thanks.title"))
    assert page.evaluate("window.broken") is None and not problems
    assert page.locator(".ask img, .ask script, .ask iframe").count() == 0


def test_the_phone_decides_conditions_as_the_server_does(phone: BrowserContext, server: Server, study: str) -> None:
    conditions = (
        "a == 1", "a != 1", "a < 2", "a >= 2 and b == 'x'", "not a == 1", "a in (1, 2)", "a not in (1, 2)",
        "chosen(m, 2)", "not chosen(m, 2)", "answered(a) or answered(b)", "1 <= a < 3", "a < b", "b > 'a'", "m == 1",
        "b == 1", "(a == 1 or b == 'x') and not chosen(a, 3)", "a == -98", "2 > a",
    )  # fmt: skip
    answers: tuple[dict[str, Any], ...] = (
        {}, {"a": 1}, {"a": 2, "b": "x"}, {"a": 2.5, "b": ""}, {"a": -99, "b": "x"}, {"m": [1, 2]}, {"m": [3]},
        {"a": None, "b": "b", "m": None}, {"a": 3, "b": "x", "m": [2]}, {"a": -98}, {"m": -99}, {"a": "1", "b": 1},
    )  # fmt: skip
    person = Respondent(phone, server.link(study))
    person.reads("Jij en de influencer die je volgt")
    module = SCRIPT.replace("page.js", "conditions.js")
    judge = (
        "([address, trees, answers]) => import(address).then(it => trees.map(t => answers.map(a => it.holds(t, a))))"
    )
    trees = [parse_condition(text).tree for text in conditions]
    found = person.page.evaluate(judge, [module, trees, list(answers)])
    assert found == [[parse_condition(text).holds(given) for given in answers] for text in conditions]


# -- designs --------------------------------------------------------------------------------------------------------

NEAR = Choices("near", (1, 2, 3), {"en": ("no", "so so", "yes"), "nl": ("nee", "gaat wel", "ja")})
RATED = Instrument(
    "rated", "1", {"en": "Rated", "nl": "Beoordeeld"}, ("en", "nl"),
    (
        Item("near", {"en": "Near to {influencer}?", "nl": "Dicht bij {influencer}?"}, choices=NEAR, required=True),
        Item("end", {"en": "Anything else?", "nl": "Verder nog iets?"}, kind="long_text"),
    ),
    (),
    (
        Questions("rate", {"en": "About {influencer}", "nl": "Over {influencer}"}, ("near",), per_influencer=True),
        Questions("last", {"en": "The end", "nl": "Het eind"}, ("end",)),
    ),
)  # fmt: skip
PEOPLE = (Influencer("ana", "Ana"), Influencer("bo", "Bo"), Influencer("cem", "Cem"))


def test_several_influencers_are_chosen_and_rated_in_turn(phone: BrowserContext, server: Server) -> None:
    slug = server.add_study(("en", "nl"), RATED, influencers=PEOPLE, per_respondent=2)
    person = arrive(phone, server, "nl", RATED, slug)
    person.reads(person.words("influencer.choose.title"))
    for place in (0, 2):
        choose(person.page, "influencer", place)
    person.press("respondent.next")
    names = {"ana": "Ana", "cem": "Cem"}
    expect(person.page.locator(".about")).to_be_visible(timeout=PATIENCE)
    begun = server.store.participation(person.key)
    assert begun is not None and set(begun.influencers) == set(names)
    for turn, id in enumerate(begun.influencers, start=1):
        person.reads(f"Over {names[id]}")
        about = person.words("influencer.about", turn=turn, turns=2, name=names[id])
        expect(person.page.locator(".about")).to_have_text(about)
        assert person.page.locator("input:checked").count() == 0
        person.tick("near", turn)
        person.next()
    person.reads("Het eind")
    person.page.reload()
    person.reads("Het eind")
    person.next()
    person.reads(person.words("thanks.title"))
    rows = server.store.rows(slug).set_index("influencer")["near"]
    assert {id: rows[id] for id in begun.influencers} == {begun.influencers[0]: 1, begun.influencers[1]: 2}


def test_a_code_of_ones_own_is_made_and_known_again(browser: Browser, server: Server) -> None:
    code = (
        CodePart("mother", {"en": "First two letters of your mother's name", "nl": "Eerste letters, naam moeder"}, 2),
        CodePart("day", {"en": "The day you were born, in two digits", "nl": "Je geboortedag in twee cijfers"}, 2),
    )
    waves = (Wave("before", "Before"), Wave("after", "After"))
    slug = server.add_study(("en", "nl"), RATED, waves=waves, code=code, influencers=PEOPLE[:1], rate="all")
    for wave, made in (("before", ("Jo", "7")), ("after", ("jó", "07"))):
        context = browser.new_context(viewport=PHONE, locale="nl-NL")
        person = Respondent(context, f"{server.link(slug)}?wave={wave}", "nl", RATED)
        person.press("language.continue")
        person.press("consent.agree")
        person.reads(person.words("own_code.title"))
        page = person.page
        page.locator("#item-mother-input").fill(made[0])
        page.locator("#item-day-input").fill(made[1])
        person.press("respondent.next")
        if wave == "before":  # one digit too few
            expect(page.locator("#item-day .error")).to_have_text(person.words("own_code.length", n=2))
            page.locator("#item-day-input").fill("07")
            person.press("respondent.next")
        person.reads("Over Ana")
        person.tick("near", 3)
        person.next()
        person.reads("Het eind")
        person.next()
        person.reads(person.words("thanks.title"))
        context.close()
    rows = server.store.rows(slug)
    assert list(rows["wave"]) == ["before", "after"] and rows["person"].nunique() == 1 and rows["person"].iloc[0]


def test_a_full_source_and_an_unknown_code_are_said_kindly(phone: BrowserContext, server: Server) -> None:
    slug = server.add_study(
        ("nl",), RATED, sources=(Source("poster", "Poster", 1),), influencers=PEOPLE[:1], rate="all", minimum_age=16
    )
    first = Respondent(phone, f"{server.link(slug)}?src=poster", "nl", RATED)
    late = Respondent(phone, f"{server.link(slug)}?src=poster", "nl", RATED)
    first.page.bring_to_front()  # Chromium takes two seconds for each tap in a tab behind another one
    first.press("consent.agree")
    expect(first.page.locator("#item-of_age .error")).to_have_text(first.words("consent.young", age=16))
    choose(first.page, "of_age", 1)
    first.press("consent.agree")
    first.reads("Over Ana")
    first.tick("near", 1)
    first.next()
    first.reads("Het eind")
    first.next()
    first.reads(first.words("thanks.title"))
    late.page.bring_to_front()
    choose(late.page, "of_age", 1)
    late.press("consent.agree")
    late.reads(late.words("full.title"))


def test_going_on_elsewhere_starts_where_this_device_is(
    phone: BrowserContext, desktop: BrowserContext, server: Server, study: str
) -> None:
    person = Respondent(desktop, server.link(study), "en")
    person.begin()
    person.answer("exposure", 2)
    person.next()
    person.at("social")
    person.press("handover.open")
    expect(person.page.get_by_role("img", name=person.words("handover.qr"))).to_be_visible(timeout=PATIENCE)
    link = person.page.get_by_role("textbox", name=person.words("handover.link")).input_value()
    assert link.startswith(server.url) and person.key in link
    elsewhere = Respondent(phone, link, "en")
    elsewhere.influencer = "Nina Vos"
    elsewhere.at("social")
    elsewhere.answer("social", 5)
    elsewhere.next()
    elsewhere.at("homophily")
    begun = server.store.participation(person.key)
    assert begun is not None and begun.resumes == 1


def test_raffle_panel_and_withdrawal_after_the_end(phone: BrowserContext, server: Server) -> None:
    slug = server.add_study(("nl",), RATED, influencers=PEOPLE[:1], rate="all", raffle=True)
    person = Respondent(phone, server.link(slug), "nl", RATED)
    person.press("consent.agree")
    person.reads("Over Ana")
    person.tick("near", 1)
    person.next()
    person.reads("Het eind")
    person.next()
    person.reads(person.words("thanks.title"))
    page = person.page
    page.get_by_role("textbox").fill("nobody")
    person.press("raffle.join")
    expect(page.locator("#item-address .error")).to_have_text(person.words("raffle.wrong"))
    page.get_by_role("textbox").fill("mia@example.org")
    person.press("raffle.join")
    expect(page.get_by_text(person.words("raffle.joined"))).to_be_visible(timeout=PATIENCE)
    page.reload()
    expect(page.get_by_text(person.words("raffle.joined"))).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("textbox")).to_have_count(0)
    code = page.locator("output").inner_text()
    with phone.expect_page() as opened:
        page.get_by_role("link", name=person.words("thanks.withdraw")).click()
    form = opened.value
    form.get_by_label(person.words("withdraw.label")).fill("AAAA-BBBB-CCCC")
    form.get_by_role("button", name=person.words("withdraw.button")).click()
    expect(form.get_by_role("alert")).to_have_text(person.words("withdraw.not_found"))
    form.get_by_label(person.words("withdraw.label")).fill(code.lower().replace("-", " "))
    form.get_by_role("button", name=person.words("withdraw.button")).click()
    expect(form.get_by_role("heading", level=1)).to_have_text(person.words("withdraw.gone_title"))
    assert server.store.rows(slug).empty and server.store.participation(person.key) is None
