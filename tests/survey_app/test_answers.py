"""What a phone sends: only declared values get through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.instrument import Choices, Instrument, Item, Page, load_instrument
from analysis.kinds import NUMERIC, SEVERAL, TYPED
from analysis.shown import Facts
from survey_app.answers import (
    LONGEST_LONG_TEXT,
    LONGEST_OTHER,
    LONGEST_TEXT,
    AnswersRefused,
    _text,
    accept_answers,
    longest_text,
    missing_items,
)
from tests.analysis.instruments import instruments

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


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("a \n\t b", "a b"), ("a   b", "a   b"), ("a\u2028b", "a b"), ("a  \n", "a"), ("a \x0b b", "a  b")],
)
def test_lines_of_a_short_text_are_joined_and_spaces_kept(sent: str, kept: str) -> None:
    assert accept_answers(SMALL, "one", {"why": sent})["why"] == kept


def test_a_text_of_spaces_is_looked_through_once() -> None:
    """Were all that follow looked at again for each space, no end of this test would be seen."""
    text = "a" + " " * 400_000 + "b"
    assert _text(text, len(text)) == text


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


# -- every kind of question -------------------------------------------------------------------------------------------

SHOWCASE = load_instrument("showcase")
PAGE_OF = {id: page.id for page in SHOWCASE.pages for id in page.items}


def accepted(id: str, value: Any) -> Any:
    return accept_answers(SHOWCASE, PAGE_OF[id], {id: value})[id]


@pytest.mark.parametrize(
    ("id", "sent", "kept"),
    [
        ("agreed", 1, 1), ("follows", 0, 0), ("place", 4, 4), ("place", -98, -98), ("place", -99, -99),
        ("topics", [3, 1], [1, 3]), ("topics", [-98, 2], [2, -98]), ("topics", [], None), ("topics", -99, -99),
        ("reasons", [4, 1, 3, 2], [4, 1, 3, 2]), ("reasons", [], None), ("reasons", -99, -99),
        ("near3", -99, -99), ("alike1", 7, 7), ("warmth", 0, 0), ("warmth", 35.0, 35), ("warmth", -99, -99),
        ("age", 16, 16), ("age", -99, -99), ("first_seen", "2024-02-29", "2024-02-29"), ("first_seen", -99, -99),
        ("one_word", " a\n\tb ", "a b"), ("one_word", -99, -99), ("one_word", "-99", "-99"),
        ("adult_topic", "a \r\n\r\nb", "a \n\nb"), ("adult_topic", "x" * LONGEST_LONG_TEXT, "x" * LONGEST_LONG_TEXT),
        ("one_word", "<script>alert('1')</script>", "<script>alert('1')</script>"), ("one_word", "=1+1", "=1+1"),
        ("one_word", "a\x00\ud800\uffffb", "ab"), ("one_word", "\u202e\U0001f9ff", "\u202e\U0001f9ff"),
    ],
)  # fmt: skip
def test_each_kind_keeps_what_it_declares(id: str, sent: Any, kept: Any) -> None:
    found = accepted(id, sent)
    assert found == kept and type(found) is type(kept)


@pytest.mark.parametrize(
    ("id", "sent", "key"),
    [
        *(("agreed", sent, "refused") for sent in (0, 2, True, "1", -99, [1])),
        *(("follows", sent, "refused") for sent in (2, -98, -99, True, 1.0, "1", [1], {}, 10**400)),
        *(("topics", sent, "refused") for sent in (1, "1", (1, 2), {1: 1}, [1, 1], [6], [True], [[1]], [1.0], [None])),
        *(("topics", sent, "refused") for sent in ([-99], [1, -99], [float("nan")], [10**400], [1] * 100_000, ["1"])),
        ("topics", [1, 2, 3, 4], "many"),
        *(("reasons", sent, "refused") for sent in ([1, 2, 3, 3], [1, 2, 3, 5], [1, 2, 3, 4, 1], "1234", 1, [-98])),
        ("reasons", [1, 2, 3], "few"),
        *(("near1", sent, "refused") for sent in (0, 6, -99, 1.5, float("inf"))),
        ("warmth", 33, "step"), ("warmth", 0.1, "step"), ("warmth", -5, "between"), ("warmth", 105, "between"),
        *(("warmth", sent, "number") for sent in (float("nan"), float("inf"), True, "50", [50], 10**400, -98.0j)),
        ("warmth", -98, "between"), ("age", 15, "between"), ("age", 20.5, "step"), ("age", 10**15, "between"),
        *(("first_seen", sent, "date") for sent in ("2023-02-29", "2023-2-1", "20230201", "2023-02-01T00:00")),
        *(("first_seen", sent, "date") for sent in ("0001-01-01", 20230201, "", "\u0661" * 4 + "-01-01", ["2023"])),
        *(("one_word", sent, "refused") for sent in (1, -98, True, ["a"], {"a": 1}, b"a")),
    ],
)  # fmt: skip
def test_each_kind_refuses_everything_else_and_says_why(id: str, sent: Any, key: str) -> None:
    with pytest.raises(AnswersRefused) as refusal:
        accepted(id, sent)
    assert [(one.item, one.key) for one in refusal.value.refusals] == [(id, key)]
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(("id", "longest"), [("one_word", LONGEST_TEXT), ("adult_topic", LONGEST_LONG_TEXT)])
@pytest.mark.parametrize("letter", ["x", "\x00", "\ud800", "\U0001f9ff", "\n"])
def test_a_flood_of_text_is_refused(id: str, longest: int, letter: str) -> None:
    floods = [10_000_000] if letter in "\x00\ud800\n" else [longest + 1, 10_000_000]
    for length in floods:
        with pytest.raises(AnswersRefused) as refusal:
            accepted(id, letter * length)
        assert [one.key for one in refusal.value.refusals] == ["long"] and len(str(refusal.value)) < 600
    with pytest.raises(AnswersRefused):
        accepted("first_seen", letter * 10_000_000)


LARGEST_CELL = 32_767
"""Bytes of a text in SPSS; Excel has as many characters. More fits into neither: nobody's answers could be written."""


@pytest.mark.parametrize("letter", ["x", "é", "ع", "说", "\U0001f9ff"])
@pytest.mark.parametrize(("id", "longest"), [("one_word", LONGEST_TEXT), ("adult_topic", LONGEST_LONG_TEXT)])
def test_the_limit_told_is_the_limit_held_in_every_script(id: str, longest: int, letter: str) -> None:
    """Characters as the phone's `maxlength` counts them, so that nobody types what is refused afterwards."""
    fits = letter * (longest // (len(letter.encode("utf-16-le")) // 2))
    assert accepted(id, fits) == fits
    assert len(fits.encode()) <= LARGEST_CELL
    with pytest.raises(AnswersRefused, match=f"is longer than {longest:,} characters"):
        accepted(id, fits + letter)


def test_every_refusal_of_a_page_is_named() -> None:
    with pytest.raises(AnswersRefused) as refusal:
        accept_answers(SHOWCASE, "writing", {"age": 3, "warmth": 3, "one_word": "x" * 3000})
    assert {one.item: one.key for one in refusal.value.refusals} == {
        "age": "between",
        "warmth": "step",
        "one_word": "long",
    }
    assert "lies beyond 16 to 110" in str(refusal.value)


@pytest.mark.parametrize("sent", [{"welcome": 1}, {"welcome": None}, {"agreed_other": "x"}, {"place_other": "x"}])
def test_information_and_foreign_words_are_no_answers(sent: dict[str, Any]) -> None:
    with pytest.raises(AnswersRefused):
        accept_answers(SHOWCASE, "start", sent)


def test_a_flood_of_keys_is_refused_in_one_sentence() -> None:
    with pytest.raises(AnswersRefused) as refusal:
        accept_answers(SHOWCASE, "start", {f"x{number}": 1 for number in range(100_000)})
    assert len(refusal.value.problems) == 1 and "100000 answers" in str(refusal.value)


def test_words_stay_with_other_and_go_without_it() -> None:
    sent = {"place": -98, "place_other": " Twitch\n", "topics": [1], "topics_other": "left behind"}
    assert accept_answers(SHOWCASE, "choosing", sent) == {"place": -98, "place_other": "Twitch", "topics": [1]}
    assert accept_answers(SHOWCASE, "choosing", {"place_other": "x"}) == {}
    for words in (1, ["x"], "x" * (LONGEST_OTHER + 1)):
        with pytest.raises(AnswersRefused) as refusal:
            accept_answers(SHOWCASE, "choosing", {"place": -98, "place_other": words})
        assert refusal.value.refusals[0].item == "place"


def test_hidden_items_are_neither_kept_nor_complained_about() -> None:
    sent = {"follows": 0, "place": 1, "place_other": "x", "topics": [1], "news_source": 7}
    kept = accept_answers(SHOWCASE, "choosing", sent, earlier={}, facts=Facts())
    assert kept == {"follows": 0, "topics": [1]}
    assert accept_answers(SHOWCASE, "followers", {"wrong_place": 1}, earlier={"follows": 0}) == {}
    assert accept_answers(SHOWCASE, "followers", {"wrong_place": 1}, earlier={"follows": 1}) == {"wrong_place": 1}
    shown = accept_answers(
        SHOWCASE, "followers", {"adult_topic": "so"}, earlier={"follows": 1, "age": 40}, facts=Facts(language="de")
    )
    assert shown == {"adult_topic": "so"}


def test_this_page_counts_more_than_what_was_answered_before() -> None:
    kept = accept_answers(SHOWCASE, "choosing", {"follows": 1, "place": 2}, earlier={"follows": 0, "place": 1})
    assert kept == {"follows": 1, "place": 2}


def test_hidden_items_are_never_missing() -> None:
    missing = missing_items(SHOWCASE, "choosing", {"follows": 0}, earlier={}, facts=Facts())
    assert missing == []
    assert missing_items(SHOWCASE, "choosing", {"follows": 1}, earlier={}, facts=Facts()) == ["place"]
    assert missing_items(SHOWCASE, "choosing", {"follows": 1, "place": -99}, earlier={}) == []
    assert missing_items(SHOWCASE, "start", {}, earlier={}) == ["agreed"]
    assert missing_items(SHOWCASE, "followers", {}, earlier={}) == []


@given(instruments(), st.data())
def test_whatever_is_sent_to_whatever_instrument_only_the_declared_is_kept(
    instrument: Instrument, data: st.DataObject
) -> None:
    page = instrument.pages[0]
    likely = st.integers(-100, 100) | st.lists(st.integers(-98, 97), max_size=6) | st.just(-99) | JSON
    names = [*page.items, *(f"{id}_other" for id in page.items if instrument.item(id).other)]
    sent = data.draw(st.dictionaries(st.sampled_from(names), likely))
    for id in list(sent):
        try:
            answers = accept_answers(instrument, page.id, {id: sent[id]})
        except AnswersRefused as refusal:
            assert refusal.problems
            continue
        assert accept_answers(instrument, page.id, answers) == answers
        for item in map(instrument.item, page.items):
            value = answers.get(item.id)
            if value is None or (value == -99 and item.decline):
                continue
            values = (*item.choices.values, -98) if item.choices else ()
            if item.kind in SEVERAL:
                assert isinstance(value, list) and 0 < len(value) == len(set(value)) and set(value) <= set(values)
                assert len(value) >= (item.minimum_choices or 1)
            elif item.kind in NUMERIC:
                assert item.minimum <= value <= item.maximum
            elif item.kind in TYPED:
                assert isinstance(value, str) and 0 < len(value) <= longest_text(item)
            elif item.kind == "consent":
                assert value == 1
            else:
                assert value in values and type(value) is int
