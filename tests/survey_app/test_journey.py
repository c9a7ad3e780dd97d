"""The way through a questionnaire: steps, what is known at each, what is accepted there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from analysis.instrument import Choices, Instrument, Item, Page, load_instrument
from survey_app.answers import AnswersRefused
from survey_app.journey import (
    Step,
    accept_page,
    answers_about,
    asks_about_influencer,
    influencer_of,
    missing_on,
    steps_of,
)
from survey_app.study import Participation

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
    assert not asks_about_influencer(plain)
    assert asks_about_influencer(SMALL) and asks_about_influencer(load_instrument("psi_core"))
