"""Each kind of question under each rule: required, optional, declined; its hint, its help, its messages, its value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from analysis.instrument import Choices, Instrument, Item
from analysis.instrument import Page as Questions
from survey_app.answers import longest_text
from survey_app.words import Words
from tests.browser.conftest import PHONE, Server
from tests.browser.respondent import PATIENCE, Respondent
from tests.browser.test_kinds import choose

AGREE = Choices(
    "agree", (1, 2, 3, 4, 5),
    {"en": ("Not at all", "A little", "Somewhat", "Mostly", "Fully"), "nl": ("Niet", "Wat", "Deels", "Vrij", "Heel")},
)  # fmt: skip
FRUIT = Choices("fruit", (1, 2, 3), {"en": ("Apple", "Pear", "Plum"), "nl": ("Appel", "Peer", "Pruim")})


def said(text: str) -> dict[str, str]:
    return {"en": f"{text} (English)", "nl": f"{text} (Nederlands)"}


ENDS = {"left": said("cold"), "right": said("warm")}
LIMITS = {"minimum": 0.0, "maximum": 10.0}
KINDS: dict[str, dict[str, Any]] = {
    "likert": {"choices": AGREE},
    "semantic": {"choices": AGREE} | ENDS,
    "single": {"choices": FRUIT, "other": True},
    "multiple": {"choices": FRUIT, "other": True, "minimum_choices": 2, "maximum_choices": 3},
    "ranking": {"choices": FRUIT},
    "number": LIMITS | {"step": 0.5},
    "slider": LIMITS | {"step": 1.0},
    "text": {},
    "long_text": {},
    "date": {},
}
VALUES: dict[str, Any] = {
    "likert": 4, "semantic": 5, "single": -98, "multiple": [1, -98], "ranking": [3, 1, 2], "number": 7.5, "slider": 5,
    "text": "één <b>", "long_text": "een\ntwee", "date": "2024-02-29", "consent": 1,
    "single_other": "Kiwi", "multiple_other": "Vijg",
}  # fmt: skip
MISSING = {
    "likert": "choice", "semantic": "choice", "single": "choice", "multiple": "several", "ranking": "order",
    "number": "number", "slider": "slider", "text": "text", "long_text": "text", "date": "date", "consent": "consent",
}  # fmt: skip
"""Which message belongs to which kind."""


def items(rule: str, **rules: Any) -> tuple[Item, ...]:
    """One item of each kind, named after the rule and the kind."""
    return tuple(
        Item(f"{rule}_{kind}", said(kind), kind=kind, hint=said("hint"), help=said("help"), **given, **rules)  # type: ignore[arg-type]
        for kind, given in KINDS.items()
    )


MUST = (*items("must", required=True), Item("must_consent", said("consent"), kind="consent", required=True))
MAY, WONT = items("may"), items("wont", decline=True, required=True)
RULES = Instrument(
    "rules", "1", said("Rules"), ("en", "nl"), (*MUST, *MAY, *WONT), (),
    tuple(
        Questions(id, said(id), tuple(item.id for item in asked))
        for id, asked in (("must", MUST), ("may", MAY), ("wont", WONT))
    ),
)  # fmt: skip


def complaint(page: Page, item: str) -> str:
    return page.locator(f"#item-{item} .error").inner_text()


def rank(page: Page, item: str, *labels: str) -> None:
    for label in labels:
        page.locator(f"#item-{item} .pick").get_by_text(label, exact=True).click()


def fill(page: Page, language: str) -> None:
    """Answer every question of the page `must` by touch and keys."""
    choose(page, "must_likert", 4)
    choose(page, "must_semantic", 5)
    choose(page, "must_single", -98)
    page.locator("input[name=must_single_other]").fill("Kiwi")
    choose(page, "must_multiple", 1)
    choose(page, "must_multiple", -98)
    page.locator("input[name=must_multiple_other]").fill("Vijg")
    apple, pear, plum = FRUIT.labels[language]
    rank(page, "must_ranking", plum, apple, pear)
    page.locator("#item-must_number-input").fill("7,5")
    page.locator("#item-must_slider label").first.tap()  # the question's words are no answer
    expect(page.locator("#item-must_slider")).to_contain_class("untouched")
    page.get_by_role("slider").tap()  # in its very middle, where it stood
    page.locator("#item-must_text-input").fill(VALUES["text"])
    page.locator("#item-must_long_text-input").fill(VALUES["long_text"])
    page.locator("#item-must_date-input").fill(VALUES["date"])
    choose(page, "must_consent", 1)


def mistakes(page: Page, w: Words) -> dict[str, tuple[Any, str]]:
    """What may be typed or ticked wrongly, and what is said about it."""
    between = w("respondent.wrong.between", minimum="0", maximum="10")
    number = "#item-must_number-input"
    return {
        "must_number": (lambda: page.fill(number, "11"), between),
        "must_number ": (lambda: page.fill(number, "3,3"), w("respondent.wrong.step", step="0.5")),
        "must_number  ": (lambda: page.fill(number, "veel"), w("respondent.wrong.number")),
        "must_date": (lambda: page.fill("#item-must_date-input", "1066-10-14"), w("respondent.wrong.date")),
        "must_multiple": (lambda: choose(page, "must_multiple", -98), w("respondent.few", n=2)),
    }


@pytest.mark.parametrize("language", ["nl", "en"])
def test_each_kind_required_optional_and_declined(browser: Browser, server: Server, language: str) -> None:
    context = browser.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale=language
    )
    person = Respondent(context, server.link(server.add_study(("en", "nl"), RULES)), language, RULES)
    page, w = person.page, person.words
    person.press("language.continue")
    person.press("consent.agree")
    person.at("must")

    person.next()  # nothing answered: each says what it needs, in its own words, above and beside
    kinds = [*KINDS, "consent"]
    expect(page.get_by_role("alert").get_by_text(w("respondent.summary", n=len(kinds)))).to_be_visible()
    assert {kind: complaint(page, f"must_{kind}") for kind in kinds} == {
        kind: w(f"respondent.missing.{MISSING[kind]}") for kind in kinds
    }
    for kind in KINDS:
        item = page.locator(f"#item-must_{kind}")
        expect(item.locator(".hint").first).to_have_text(said("hint")[language])
        described = item if item.get_attribute("aria-describedby") else item.locator("[aria-describedby]").first
        told = complaint(page, f"must_{kind}")
        expect(described).to_have_accessible_description(f"{said('hint')[language]} {told}")
        item.get_by_text(w("respondent.help")).click()
        expect(item.get_by_text(said("help")[language])).to_be_visible()
        expect(item.get_by_text(w("respondent.optional"))).to_have_count(0)
    fill(page, language)
    for name, (wrong, message) in mistakes(page, w).items():
        wrong()
        person.next()
        expect(page.locator(f"#item-{name.strip()} .error")).to_have_text(message)
        assert server.store.answers(person.key) == {}
        if name == "must_date":
            page.fill("#item-must_date-input", VALUES["date"])
    choose(page, "must_multiple", -98)
    page.locator("#item-must_number-input").fill("7,5")
    person.next()

    person.at("may")  # nothing needs an answer, and the slider's middle is none
    assert page.get_by_text(f"({w('respondent.optional')})").count() == len(KINDS)
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", w("respondent.slider.untouched"))
    person.next()

    person.at("wont")  # whoever prefers not to say has answered
    for kind in KINDS:
        page.locator(f"#item-wont_{kind}").get_by_label(w("respondent.decline"), exact=True).check(force=True)
    person.next()
    person.reads(w("thanks.title"))

    kept = person.kept(server.store)
    assert kept["must"] == {f"must_{kind}": value for kind, value in VALUES.items()}
    assert kept["may"] == {item.id: None for item in MAY}
    assert kept["wont"] == {item.id: -99 for item in WONT}
    context.close()


def test_a_day_is_typed_where_the_browser_knows_no_calendar(phone: BrowserContext, server: Server) -> None:
    """As in browsers without a field for days, a field that should hold one holds any text."""
    phone.add_init_script("""const set = Element.prototype.setAttribute
        Element.prototype.setAttribute = function (name, value) {
            set.call(this, name, name === "type" && value === "date" ? "text" : value)
        }""")
    day = replace(
        RULES, items=(replace(MAY[-1], required=True),), pages=(Questions("day", said("day"), (MAY[-1].id,)),)
    )
    person = Respondent(phone, server.link(server.add_study(("en", "nl"), day)), "nl", day)
    page, w = person.page, person.words
    person.press("language.continue")
    person.press("consent.agree")
    person.at("day")
    field = page.get_by_role("textbox")
    expect(field).to_have_attribute("inputmode", "numeric")
    expect(page.get_by_text(w("respondent.date.hint"))).to_be_visible()
    for wrong in ("31-2-2024", "2024", "gisteren", "1-1-3024"):
        field.fill(wrong)
        person.next()
        expect(page.locator(".item .error")).to_have_text(w("respondent.wrong.date"))
    field.fill("29-2-2024")
    page.reload()
    person.at("day")
    expect(page.get_by_role("textbox")).to_have_value("29-2-2024")
    person.next()
    person.reads(w("thanks.title"))
    assert person.kept(server.store)["day"] == {"may_date": "2024-02-29"}


def test_ten_megabytes_of_text_are_refused_in_words(phone: BrowserContext, server: Server) -> None:
    """More than a field takes does get into it, by what fills in forms for people."""
    item = replace(MAY[list(KINDS).index("text")], required=True)
    asked = replace(RULES, items=(item,), pages=(Questions("text", said("text"), (item.id,)),))
    person = Respondent(phone, server.link(server.add_study(("en", "nl"), asked)), "nl", asked)
    page, w = person.page, person.words
    person.press("language.continue")
    person.press("consent.agree")
    person.at("text")
    field = page.get_by_role("textbox")
    field.evaluate("""field => {
        field.value = "x".repeat(10_000_000)
        field.dispatchEvent(new Event("input", { bubbles: true }))
    }""")
    person.next()
    expect(page.get_by_role("alert").get_by_text(w("respondent.summary", n=1))).to_be_visible(timeout=PATIENCE)
    assert complaint(page, item.id) == w("respondent.wrong.long", longest=longest_text(item))
    assert server.store.answers(person.key) == {}
    field.fill("één")
    person.next()
    person.reads(w("thanks.title"))
    assert person.kept(server.store)["text"] == {item.id: "één"}
