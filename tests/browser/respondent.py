"""A respondent in a real browser: reads the heading, ticks, presses the button, waits for the next page."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from analysis.instrument import Instrument, load_instrument
from analysis.kinds import Answer
from survey_app.journey import item_order
from survey_app.store import Store
from survey_app.words import Words, words

PATIENCE = 30_000
"""Milliseconds; the first visit loads some seventy files on a shared machine."""


class Respondent:
    """One person at one tab. `words` are those of the language they read."""

    def __init__(
        self, context: BrowserContext, link: str, language: str = "nl", instrument: Instrument | None = None
    ) -> None:
        self.instrument: Instrument = instrument or load_instrument("psi_core")
        self.influencer = ""
        self.words: Words = words(language)
        self.language = language
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(link)

    @property
    def key(self) -> str:
        """The key in the address: whoever has it can go on elsewhere."""
        return self.page.evaluate("new URL(location.href).searchParams.get('t')")

    def reads(self, title: str) -> None:
        """The page with that heading is there."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title, timeout=PATIENCE)

    def press(self, key: str) -> None:
        """Press the button with that interface text."""
        self.page.get_by_role("button", name=self.words(key), exact=True).click()

    def begin(self, influencer: str = "Nina Vos", page: str = "exposure") -> None:
        """From the language to the first page of questions."""
        self.press("language.continue")
        self.press("consent.agree")
        self.reads(self.words("influencer.title"))
        self.influencer = influencer
        self.page.get_by_role("textbox").fill(influencer)
        self.press("respondent.next")
        self.at(page)

    def at(self, page_id: str) -> None:
        """The questions of that page are there."""
        self.reads(self.filled(self.instrument.page(page_id).title[self.language]))

    def filled(self, text: str) -> str:
        return text.replace("{influencer}", self.influencer)

    def tick(self, item_id: str, value: int) -> None:
        """Choose an answer, found as a screen reader finds it: by the question and the full label."""
        item = self.instrument.item(item_id)
        assert item.choices is not None
        label = item.choices.labels[self.language][item.choices.values.index(value)]
        question = self.page.get_by_role("group").filter(has=self.page.locator(f"input[name='{item_id}']"))
        question.get_by_role("radio", name=label, exact=True).check()

    def answer(self, page_id: str, value: int = 4) -> dict[str, int]:
        """Answer every item that has choices, and press the button; what was answered."""
        given = {}
        for id in self.instrument.page(page_id).items:
            choices = self.instrument.item(id).choices
            if choices is not None:
                given[id] = value if value in choices.values else choices.values[0]
                self.tick(id, given[id])
        return given

    def send(self, *pages: str, value: int = 4) -> dict[str, dict[str, int]]:
        """Answer these pages, one after the other, and send each; what was answered, by page."""
        given = {}
        for page in pages:
            self.at(page)
            given[page] = self.answer(page, value)
            self.next()
        return given

    def next(self, *, twice: bool = False) -> None:
        """Press the button that sends the page, or hit it twice as hasty thumbs do."""
        names = "|".join(re.escape(self.words(f"respondent.{key}")) for key in ("next", "send"))
        button = self.page.get_by_role("button", name=re.compile(f"^({names})$"))
        if twice:
            button.dblclick()
        else:
            button.click()

    def kept(self, store: Store) -> dict[str, dict[str, Answer]]:
        """What the store holds of this person, by page; one influencer is rated."""
        return {page: answers for (page, _), answers in store.answers(self.key).items()}

    def shown_order(self) -> list[str]:
        """The items in the order in which they stand on the page."""
        return self.page.locator(".item").evaluate_all("all => all.map(one => one.id.replace('item-', ''))")

    def declared_order(self, page_id: str, participation: str) -> list[str]:
        return list(item_order(self.instrument.page(page_id), participation))
