"""What a phone sends: only declared values get through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.instrument import Choices, Instrument, Item, Page
from survey_app.answers import LONGEST_TEXT, accept_answers, missing_items

AGREE = Choices("agree", (1, 2, 3), {"en": ("no", "neither", "yes")})
SMALL = Instrument(
    "small", "1", {"en": "Small"}, ("en",),
    (
        Item("a", {"en": "A"}, choices=AGREE, required=True),
        Item("b", {"en": "B"}, choices=AGREE),
        Item("age", {"en": "Age"}, kind="number", required=True, minimum=16, maximum=120),
        Item("why", {"en": "Why"}, kind="text"),
        Item("c", {"en": "C"}, choices=AGREE, required=True),
    ),
    (),
    (Page("one", {"en": "One"}, ("a", "b", "age", "why")), Page("two", {"en": "Two"}, ("c",))),
)  # fmt: skip


def test_declared_values_are_accepted() -> None:
    sent = {"a": 1, "b": None, "age": 20.0, "why": "  because \r\n of it "}
    assert accept_answers(SMALL, "one", sent) == {"a": 1, "b": None, "age": 20, "why": "because of it"}


def test_a_whole_number_is_kept_as_one() -> None:
    assert type(accept_answers(SMALL, "one", {"age": 20.0})["age"]) is int


@pytest.mark.parametrize(
    "sent",
    [
        {"a": 4}, {"a": 0}, {"a": "1"}, {"a": 1.0}, {"a": True}, {"a": [1]}, {"a": {"a": 1}}, {"a": 10**5000},
        {"age": 15}, {"age": 121}, {"age": "20"}, {"age": True}, {"age": float("nan")}, {"age": float("inf")},
        {"age": 10**400}, {"why": 3}, {"why": "x" * (LONGEST_TEXT + 1)}, {"c": 1}, {"nowhere": 1}, {1: 1},
        [], None, "a", 7,
    ],
)  # fmt: skip
def test_anything_else_is_refused(sent: Any) -> None:
    with pytest.raises(DataError):
        accept_answers(SMALL, "one", sent)


@pytest.mark.parametrize("page", ["three", "", None, 5, ["one"]])
def test_an_unknown_page_is_refused(page: Any) -> None:
    with pytest.raises(DataError):
        accept_answers(SMALL, page, {})


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(DataError) as refusal:
        accept_answers(SMALL, "one", {"a": 9, "age": 2, "d": 1})
    assert [problem.where for problem in refusal.value.problems] == ["item 'a'", "item 'age'", "page 'one'"]


def test_a_message_never_quotes_a_whole_flood() -> None:
    with pytest.raises(DataError) as refusal:
        accept_answers(SMALL, "one", {"why": "x" * 100_000})
    assert len(str(refusal.value)) < 300


def test_text_loses_what_no_database_keeps() -> None:
    assert accept_answers(SMALL, "one", {"why": "a\x00b\ud800c"})["why"] == "abc"


def test_blank_text_is_no_answer() -> None:
    assert accept_answers(SMALL, "one", {"why": " \n "}) == {"why": None}


def test_missing_items_are_named_in_order() -> None:
    assert missing_items(SMALL, "one", {}) == ["a", "age"]
    assert missing_items(SMALL, "one", {"a": 1, "age": None}) == ["age"]
    assert missing_items(SMALL, "one", {"a": 1, "age": 30}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "age", "why", "c", "x"]), JSON) | JSON)
def test_what_is_accepted_is_declared(sent: Any) -> None:
    try:
        answers = accept_answers(SMALL, "one", sent)
    except DataError:
        return
    assert set(answers) <= {"a", "b", "age", "why"}
    for id, value in answers.items():
        if id in ("a", "b"):
            assert value is None or value in AGREE.values
        elif id == "age":
            assert value is None or (isinstance(value, int | float) and 16 <= value <= 120)
        else:
            assert value is None or (isinstance(value, str) and value.strip() and len(value) <= LONGEST_TEXT)


@given(st.dictionaries(st.sampled_from(["a", "b", "age", "why"]), st.none() | st.integers(16, 120)))
def test_accepting_twice_changes_nothing(sent: Any) -> None:
    try:
        answers = accept_answers(SMALL, "one", sent)
    except DataError:
        return
    assert accept_answers(SMALL, "one", answers) == answers
