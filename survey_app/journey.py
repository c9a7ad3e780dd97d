"""A respondent's way through a study: its steps, what is known at each of them, and which answers are accepted there.

`waits_for_condition` says when a person has to be given a condition (`Store.assign`): not before the first page that
needs one.

The screens walk it and the route that keeps answers holds what a phone sends against it, so that both judge alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby

from analysis.instrument import Instrument, Page
from analysis.kinds import Answer
from analysis.shown import Facts, shown_pages
from survey_app.answers import accept_answers, missing_items
from survey_app.assignment import decisive_page
from survey_app.study import Participation, Study

Saved = Mapping[tuple[str, str], Mapping[str, Answer]]
"""The answers so far, `{(page, influencer): {item: value}}`, as `Store.answers` gives them."""


@dataclass(frozen=True)
class Step:
    """One screen of questions. `influencer` is "" on pages asked once; `turn` counts where several are rated."""

    page: str
    influencer: str = ""
    turn: int = 0

    @property
    def id(self) -> str:
        """The name of the screen, which the phone sends back with the answers."""
        return f"{self.page}@{self.turn}" if self.turn else self.page


def steps_of(instrument: Instrument, begun: Participation, saved: Saved) -> tuple[Step, ...]:
    """Which screens does this person see, in which order?

    Neighbouring pages that are asked for each influencer are all asked about the first one, then about the next; in
    the same order each time, where the pages of a block change places.

    Parameters
    ----------
    instrument : Instrument
        What the participation answers.
    begun : Participation
        Its `influencers` in their order, or its `influencer` where there is one.
    saved : mapping
        The answers so far; they decide where the instrument has conditions.

    Returns
    -------
    tuple of Step
        Never empty, except where the conditions hide everything.
    """
    rated = begun.influencers or (begun.influencer,)
    shown = {
        about: shown_pages(instrument, answers_about(saved, about), facts_of(begun, about)) for about in ("", *rated)
    }
    steps: list[Step] = []
    ordered = [instrument.page(id) for id in begun.page_order] or instrument.pages
    for each_influencer, group in groupby(ordered, key=lambda page: page.per_influencer):
        pages = [page.id for page in group]
        for turn, about in enumerate(rated if each_influencer else ("",), start=1):
            several = each_influencer and len(rated) > 1
            steps += [Step(page, about, turn if several else 0) for page in pages if page in shown[about]]
    return tuple(steps)


def waits_for_condition(study: Study, instrument: Instrument, begun: Participation, step: Step | None) -> bool:
    """Must this person be given a condition before that step is shown? `None` is the end."""
    if begun.condition or begun.finished or not study.conditions:
        return False
    order = list(begun.page_order or (page.id for page in instrument.pages))
    decisive = decisive_page(study, instrument, order)
    if step is None or decisive is None:
        return step is None
    return step.page in order and order.index(step.page) >= order.index(decisive)


def item_order(page: Page, seed: str) -> tuple[str, ...]:
    """The order in which a participation sees the items of a page."""
    items = list(page.items)
    if page.order == "random":
        random.Random(f"{seed}:{page.id}").shuffle(items)
    return tuple(items)


def facts_of(begun: Participation, influencer: str = "") -> Facts:
    """What conditions may ask about this person; `influencer` is the id of the one the page is about."""
    return Facts(begun.condition, begun.language, begun.wave, influencer or begun.influencer)


def answers_about(saved: Saved, influencer: str, *, without: str = "") -> dict[str, Answer]:
    """All answers given once and those about this influencer, except those to the page `without`, by item."""
    known: dict[str, Answer] = {}
    for (page, about), answers in saved.items():
        if about in ("", influencer) and page != without:
            known |= answers
    return known


def influencer_of(page: Page, begun: Participation, sent: str) -> str:
    """Whom answers to this page are kept about: the one that was sent where several are rated."""
    if not page.per_influencer:
        return ""
    return sent if begun.influencers else begun.influencer


def accept_page(
    instrument: Instrument, begun: Participation, page: Page, influencer: str, sent: object, saved: Callable[[], Saved]
) -> dict[str, Answer]:
    """Which declared values are in what was sent for this page? `saved` is asked only where there are conditions.

    Raises
    ------
    AnswersRefused
        As `accept_answers` does.
    """
    if not instrument.conditional:
        return accept_answers(instrument, page.id, sent)
    earlier = answers_about(saved(), influencer, without=page.id)
    return accept_answers(instrument, page.id, sent, earlier=earlier, facts=facts_of(begun, influencer))


def missing_on(instrument: Instrument, begun: Participation, step: Step, saved: Saved) -> list[str]:
    """Which required items of this step have no answer yet?"""
    given = saved.get((step.page, step.influencer), {})
    if not instrument.conditional:
        return missing_items(instrument, step.page, given)
    earlier = answers_about(saved, step.influencer, without=step.page)
    return missing_items(instrument, step.page, given, earlier=earlier, facts=facts_of(begun, step.influencer))


def chooses_influencer(study: Study, instrument: Instrument) -> bool:
    """Does the respondent say whom the questions are about?"""
    return study.rate == "chosen" and instrument.asks_about_influencer
