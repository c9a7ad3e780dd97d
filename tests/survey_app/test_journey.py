"""The way through a questionnaire: steps, what is known at each, what is accepted there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from analysis.instrument import Choices, Instrument, Item, Page, load_instrument
from analysis.shown import page_order
from survey_app.answers import AnswersRefused
from survey_app.assignment import decisive_page
from survey_app.journey import (
    Step,
    accept_page,
    answers_about,
    influencer_of,
    missing_on,
    steps_of,
    waits_for_condition,
)
from survey_app.study import Condition, Influencer, Participation, Study

YES = Choices("yes", (0, 1), {"en": ("no", "yes")})
SMALL = Instrument(
    "small", "1", {"en": "Small"}, ("en",),
    (
        Item("follows", {"en": "Follow?"}, kind="single", choices=YES, required=True),
        Item("why", {"en": "Why?"}, kind="text", required=True, show_if="follows == 1"),
        Item("near", {"en": "Near?"}, kind="single", choices=YES),
        Item("far", {"en": "Far?"}, kind="single", choices=YES, show_if="near == 0"),
        Item("arm", {"en": "Arm?"}, kind="single", choices=YES),
        Item("last", {"en": "Last?"}, kind="text"),
    ),
    (),
    (
        Page("start", {"en": "Start"}, ("follows", "why")),
        Page("rate", {"en": "Rate"}, ("near",), per_influencer=True),
        Page("more", {"en": "More"}, ("far",), per_influencer=True),
        Page("arms", {"en": "Arms"}, ("arm",), show_if="condition == 'ad'"),
        Page("end", {"en": "End"}, ("last",)),
    ),
)  # fmt: skip
MIA = Participation("p1", "s1", "en", "", "control", "1", datetime(2026, 1, 1, tzinfo=UTC), None, False, False, "Nina")
SEVERAL = replace(MIA, influencer="", influencers=("b", "a"))


def ids(begun: Participation, saved: dict[tuple[str, str], dict[str, object]]) -> list[str]:
    return [step.id for step in steps_of(SMALL, begun, saved)]  # type: ignore[arg-type]


def test_one_influencer_is_asked_about_once() -> None:
    assert ids(MIA, {}) == ["start", "rate", "end"]


def test_pages_about_influencers_are_asked_about_one_after_the_other() -> None:
    assert ids(SEVERAL, {}) == ["start", "rate@1", "rate@2", "end"]
    assert steps_of(SMALL, SEVERAL, {})[1] == Step("rate", "b", 1)


def test_conditions_look_at_the_influencer_a_page_is_about() -> None:
    saved = {("rate", "b"): {"near": 0}, ("rate", "a"): {"near": 1}}
    assert ids(SEVERAL, saved) == ["start", "rate@1", "more@1", "rate@2", "end"]  # type: ignore[arg-type]


def test_a_page_of_another_condition_is_left_out() -> None:
    assert ids(replace(MIA, condition="ad"), {}) == ["start", "rate", "arms", "end"]


def test_answers_about_others_are_not_known() -> None:
    saved = {("start", ""): {"follows": 1}, ("rate", "b"): {"near": 0}, ("rate", "a"): {"near": 1}}
    assert answers_about(saved, "a") == {"follows": 1, "near": 1}
    assert answers_about(saved, "a", without="start") == {"near": 1}


def test_an_answer_to_a_hidden_item_is_left_out_and_a_hidden_item_is_never_missing() -> None:
    page, step = SMALL.page("start"), Step("start")
    kept = accept_page(SMALL, MIA, page, "", {"follows": 0, "why": "because"}, dict)
    assert kept == {"follows": 0}
    assert missing_on(SMALL, MIA, step, {("start", ""): kept}) == []
    assert missing_on(SMALL, MIA, step, {("start", ""): {"follows": 1}}) == ["why"]


def test_what_was_answered_on_this_page_before_does_not_count() -> None:
    before = {("start", ""): {"follows": 1, "why": "x"}}
    assert accept_page(SMALL, MIA, SMALL.page("start"), "", {"why": "late"}, lambda: before) == {}


def test_undeclared_values_are_refused_with_the_item() -> None:
    with pytest.raises(AnswersRefused) as refused:
        accept_page(SMALL, MIA, SMALL.page("start"), "", {"follows": 7}, dict)
    assert [(one.item, one.key) for one in refused.value.refusals] == [("follows", "refused")]


def test_answers_are_kept_about_whom_the_page_is_asked() -> None:
    rate, start = SMALL.page("rate"), SMALL.page("start")
    assert influencer_of(rate, MIA, "somebody else") == "Nina"
    assert influencer_of(rate, SEVERAL, "a") == "a"
    assert influencer_of(start, SEVERAL, "a") == ""


def test_an_instrument_without_influencer_asks_for_none() -> None:
    plain = replace(SMALL, items=SMALL.items[:1], pages=(Page("start", {"en": "Start"}, ("follows",)),))
    assert not plain.asks_about_influencer
    assert SMALL.asks_about_influencer and load_instrument("psi_core").asks_about_influencer


# -- conditions that come late, pages that change places ------------------------------------------------------------

BLOCKS = replace(
    SMALL,
    pages=(
        SMALL.pages[0],
        *(replace(page, block="rated") for page in SMALL.pages[1:3]),
        *(replace(page, block="ends") for page in SMALL.pages[3:]),
    ),
)
ARMS = Study(
    "s1", "s1", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1", (Condition("ad", "Ad"), Condition("no", "No"))
)
UNASSIGNED = replace(MIA, condition="")


@pytest.mark.parametrize(
    ("step", "waits"), [("influencer", False), ("start", False), ("more", False), ("arms", True), ("end", True)]
)
def test_a_condition_is_due_where_the_first_page_needs_it(step: str, waits: bool) -> None:
    assert waits_for_condition(ARMS, SMALL, UNASSIGNED, Step(step)) is waits
    assert not waits_for_condition(ARMS, SMALL, MIA, Step(step))
    assert not waits_for_condition(replace(ARMS, conditions=()), SMALL, UNASSIGNED, Step(step))


def test_nobody_ends_without_a_condition() -> None:
    assert waits_for_condition(ARMS, SMALL, UNASSIGNED, None)
    assert not waits_for_condition(ARMS, SMALL, replace(UNASSIGNED, finished=MIA.started), None)


def test_the_page_that_decides_is_the_first_in_the_person_s_own_order() -> None:
    turned = replace(UNASSIGNED, page_order=("start", "rate", "more", "end", "arms"))
    assert not waits_for_condition(ARMS, BLOCKS, turned, Step("end"))
    assert waits_for_condition(ARMS, BLOCKS, turned, Step("arms"))


def test_a_text_or_a_balanced_subset_needs_the_condition_too() -> None:
    texts = tuple(replace(item, hint={"en": "As {condition}"}) if item.id == "near" else item for item in SMALL.items)
    assert decisive_page(ARMS, replace(SMALL, items=texts)) == "rate"
    faces = (Influencer("a", "A"), Influencer("b", "B"))
    assert decisive_page(replace(ARMS, rate="subset", influencers=faces), SMALL) == "rate"
    assert decisive_page(replace(ARMS, rate="all", influencers=faces), SMALL) == "arms"
    named = tuple(replace(page, intro={"en": "About {influencer}."}) for page in SMALL.pages[:1]) + SMALL.pages[1:]
    told = replace(SMALL, pages=named)
    first = named[0].id
    assert decisive_page(replace(ARMS, rate="subset", influencers=faces), told) == first
    assert decisive_page(replace(ARMS, rate="all", influencers=faces), told) == "arms"
    plain = replace(SMALL, pages=tuple(replace(page, show_if="") for page in SMALL.pages))
    assert decisive_page(ARMS, plain) is None


def test_only_pages_of_one_block_change_places() -> None:
    orders = [page_order(BLOCKS, f"p{number}") for number in range(60)]
    assert orders == [page_order(BLOCKS, f"p{number}") for number in range(60)]
    assert len(set(orders)) == 4 and {order[0] for order in orders} == {"start"}
    assert {frozenset(order[1:3]) for order in orders} == {frozenset({"rate", "more"})}
    assert page_order(SMALL, "p1") == ()


def test_influencers_are_asked_about_in_the_order_of_the_pages() -> None:
    turned = replace(SEVERAL, page_order=("start", "more", "rate", "end", "arms"), condition="ad")
    free = replace(BLOCKS, items=tuple(replace(item, show_if="") for item in BLOCKS.items))
    steps = [step.id for step in steps_of(free, turned, {})]
    assert steps == ["start", "more@1", "rate@1", "more@2", "rate@2", "end", "arms"]
    whole = [step.id for step in steps_of(free, replace(turned, page_order=()), {})]
    assert whole == ["start", "rate@1", "more@1", "rate@2", "more@2", "arms", "end"]
