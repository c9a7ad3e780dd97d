from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.instrument import Instrument, load_instrument
from analysis.kinds import Answer
from analysis.shown import NOTHING, Facts, fill, piped_texts, shown_items, shown_pages
from tests.analysis.instruments import instruments

SHOWCASE = load_instrument("showcase")
CORE = load_instrument("psi_core")


def items(page: str, answers: dict[str, Answer], **facts: str) -> tuple[str, ...]:
    return shown_items(SHOWCASE, SHOWCASE.page(page), answers, Facts(**facts))


def test_without_conditions_everything_is_shown() -> None:
    assert not CORE.conditional and SHOWCASE.conditional
    assert shown_pages(CORE, {}, Facts()) == {page.id: page.items for page in CORE.pages}


def test_items_follow_answers_of_the_same_page() -> None:
    assert items("choosing", {}) == ("follows", "topics", "reasons")
    assert items("choosing", {"follows": 1}) == ("follows", "place", "topics", "reasons")
    assert items("choosing", {"follows": 0, "topics": [5]}) == ("follows", "topics", "news_source", "reasons")


@pytest.mark.parametrize(("condition", "shown"), [("text", False), ("image", True), ("", True)])
def test_items_follow_the_condition(condition: str, shown: bool) -> None:
    assert ("post_shown" in items("start", {}, condition=condition)) is shown


def test_pages_follow_answers_and_an_empty_page_is_left_out() -> None:
    assert items("followers", {"age": 30}, language="en") == ()
    assert items("followers", {"follows": 1, "age": 30}, language="en") == ("adult_topic", "wrong_place")
    assert items("followers", {"follows": 1, "age": 30}, language="fr") == ("wrong_place",)
    hidden = replace(SHOWCASE.item("wrong_place"), show_if="age > 100")
    instrument = replace(SHOWCASE, items=tuple(hidden if i.id == "wrong_place" else i for i in SHOWCASE.items))
    assert "followers" not in shown_pages(instrument, {"follows": 1, "age": 17}, Facts(language="en"))


def test_whoever_prefers_not_to_say_did_not_say() -> None:
    assert items("followers", {"follows": 1, "age": -99}, language="en") == ("wrong_place",)


def test_a_hidden_answer_has_no_consequences() -> None:
    """place is answered, then follows is changed to no: what hangs on place goes too."""
    hanging = replace(SHOWCASE.item("near1"), show_if="place == 2")
    instrument = replace(SHOWCASE, items=tuple(hanging if item.id == "near1" else item for item in SHOWCASE.items))
    page = instrument.page("rating")
    assert "near1" in shown_items(instrument, page, {"follows": 1, "place": 2}, Facts())
    assert "near1" not in shown_items(instrument, page, {"follows": 0, "place": 2}, Facts())


@given(
    instruments(), st.dictionaries(st.from_regex(r"\Ai[0-5]\Z"), st.integers() | st.text() | st.lists(st.integers()))
)
def test_whatever_is_stored_something_sound_is_shown(instrument: Instrument, answers: dict[str, Answer]) -> None:
    shown = shown_pages(instrument, answers, Facts(language="nl"))
    assert list(shown) == [page.id for page in instrument.pages if page.id in shown]
    assert all(ids and set(ids) <= set(instrument.page(page).items) for page, ids in shown.items())
    piped = piped_texts(instrument, answers, Facts(language="nl"))
    assert all(isinstance(text, str) and text for text in piped.values() if text != "")


# -- texts ------------------------------------------------------------------------------------------------------------


def piped(answers: dict[str, Answer], **facts: str) -> dict[str, str]:
    return piped_texts(SHOWCASE, answers, Facts(**facts))


@pytest.mark.parametrize(
    ("id", "answers", "text"),
    [
        ("place", {"place": 2}, "TikTok"),
        ("place", {"place": -98, "place_other": "Twitch"}, "Twitch"),
        ("place", {"place": -98}, NOTHING),
        ("place", {"place": -99}, NOTHING),
        ("place", {}, NOTHING),
        ("topics", {"topics": [1, 4, -98], "topics_other": "Cars"}, "Mode en beauty, Games, Cars"),
        ("reasons", {"reasons": [2, 1]}, "Om iets te leren, Om te ontspannen"),
        ("near1", {"near1": 5}, "Helemaal mee eens"),
        ("age", {"age": 1000000}, "1000000"),
        ("warmth", {"warmth": 2.5}, "2.5"),
        ("first_seen", {"first_seen": "2025-01-31"}, "2025-01-31"),
        ("agreed", {"agreed": 1}, NOTHING),
        ("one_word", {"one_word": "x" * 1000}, "x" * 199 + NOTHING),
        ("near1", {"near1": 7}, NOTHING),
    ],
)
def test_each_kind_of_answer_in_words(id: str, answers: dict[str, Answer], text: str) -> None:
    assert piped(answers, language="nl")[id] == text


HOSTILE = ["<script>alert(1)</script>", "{one_word}", "{influencer}", "{0.__class__}", "\\1 \\g<0>", "%s", "$x", "{{}}"]


@pytest.mark.parametrize("word", HOSTILE)
def test_what_is_filled_in_is_text_and_is_not_read_again(word: str) -> None:
    told = piped({"one_word": word, "place": 1}, language="en", influencer=word)
    assert fill("{one_word}, {influencer}!", told) == f"{word}, {word}!"


def test_other_braces_stay() -> None:
    assert (
        fill("{nothing} {} {Influencer} {influencer", {"influencer": "Mia"}) == "{nothing} {} {Influencer} {influencer"
    )


def test_facts_are_filled_in_or_dots() -> None:
    assert fill("{influencer} {condition}", piped({}, influencer="Mia", condition="ad")) == "Mia ad"
    assert fill("{influencer} {condition}", piped({})) == "… …"
