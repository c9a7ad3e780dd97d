"""Conditions in other tools' languages mean what they meant: written, read again, and asked about any answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.dialects import SURVEYJS, XPATH, Grammar, Value, condition_text, number, quoted, read_condition
from analysis.errors import InstrumentError
from analysis.instrument import Instrument, Item, Page, load_instrument
from analysis.kinds import Answer
from analysis.show_if import parse_condition
from analysis.surveyjs import visible_ifs
from analysis.xlsform import relevants

SHOWCASE = load_instrument("showcase")
CONDITIONS = (
    "follows == 1", "near3 >= 3", "not near3 == 2", "near3 != 2", "2 <= near3 < 5", "chosen(topics, 2)",
    "not chosen(topics, 5) and age >= 18", "answered(topics) or answered(near3)", "near3 in (1, 2)",
    "near3 not in (1, 2)", "follows == 1 and near3 in (1, 2)", "near3 in (1, 2) and not follows in (0,)",
    "condition == 'ad' and (age < 20 or age > 60)", "age == near3", "not answered(age)",
)  # fmt: skip
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "follows": st.sampled_from((0, 1)),
        "near3": st.sampled_from((1, 2, 3, 4, 5, -99)),
        "topics": st.one_of(st.just(-99), st.lists(st.integers(1, 5), min_size=1, unique=True)),
        "age": st.integers(16, 99),
        "condition": st.sampled_from(("ad", "plain")),
    },
)


def asking(condition: str) -> Instrument:
    """The items the conditions are about, each on a page, and one that depends on them."""
    items = tuple(SHOWCASE.item(id) for id in ("follows", "near3", "topics", "age"))
    last = Item("last", SHOWCASE.item("one_word").text, kind="text", show_if=condition)
    pages = tuple(Page(f"page_{one.id}", SHOWCASE.title, (one.id,)) for one in (*items, last))
    return Instrument("asking", "1", SHOWCASE.title, SHOWCASE.languages, (*items, last), (), pages)


def _whole(_: str, value: Value) -> Value:
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else value


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(("written", "grammar"), [(relevants, XPATH), (visible_ifs, SURVEYJS)])
def test_it_means_the_same_there(condition: str, written: object, grammar: Grammar) -> None:
    assert callable(written)
    text = written(asking(condition))["item", "last"]
    ours, theirs = parse_condition(condition), parse_condition(read_condition(text, grammar, str, _whole))

    @given(ANSWERS)
    def same(answers: dict[str, Answer]) -> None:
        assert theirs.holds(answers) == ours.holds(answers)

    same()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_written_as_it_is_read(condition: str) -> None:
    tree = parse_condition(condition).tree
    assert parse_condition(condition_text(tree)).tree == tree


@pytest.mark.parametrize(
    ("text", "grammar"),
    [
        ("", XPATH), ("${a}", XPATH), ("${a} + 1 > 2", XPATH), ("count-selected(${a}) > 1", XPATH), ("1 = 1", XPATH),
        ("(" * 200 + "${a} = 1" + ")" * 200, XPATH), ("not" * 9, XPATH), ("${a} = 1 extra", XPATH),
        ("{a.length} > 1", SURVEYJS), ("age({a}) > 1", SURVEYJS), ("{a} anyof [1, ", SURVEYJS), ("{a} ~ 1", SURVEYJS),
        ("{a} = " + "9" * 5_000, SURVEYJS), ("!" * 5_000 + "{a} = 1", SURVEYJS),
    ],
)  # fmt: skip
def test_what_asks_for_more_is_refused(text: str, grammar: Grammar) -> None:
    with pytest.raises(InstrumentError, match="asks for more"):
        read_condition(text, grammar, str, lambda _, value: value)


@pytest.mark.parametrize("text", ["{" + " " * 300_000, "{a" + " " * 300_000, "{a" + " a" * 300_000, "{ " * 300_000])
def test_a_bracket_that_never_closes_is_looked_through_once(text: str) -> None:
    """Were the rest looked at again for each space, no end of this test would be seen."""
    assert SURVEYJS.item.search(text) is None and XPATH.item.search("$" + text) is None


def test_names_between_brackets_may_have_spaces_within() -> None:
    assert SURVEYJS.item.findall("{ } {a} {  b  c }{d }{{ e}}") == ["a", "b  c", "d", "e"]


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_numbers_have_no_exponent_and_lose_nothing(value: float) -> None:
    assert "e" not in number(value).lower()
    assert float(number(value)) == value


@given(st.text())
def test_a_text_stays_between_its_quotation_marks(text: str) -> None:
    mark, inner, end = quoted(text)[0], quoted(text)[1:-1], quoted(text)[-1]
    assert mark == end and mark not in inner
    assert inner == (text if not {"'", '"'} <= set(text) else text.replace('"', "'"))
