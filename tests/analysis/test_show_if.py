from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import InstrumentError
from analysis.show_if import parse_condition


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("a == 3", {"a": 3}, True),
        ("a == 3", {"a": 4}, False),
        ("a == 3", {}, False),
        ("a != 3", {}, False),
        ("a != 3", {"a": None}, False),
        ("not a == 3", {}, True),
        ("1 <= a < 3", {"a": 2}, True),
        ("1 <= a < 3", {"a": 3}, False),
        ("a > b", {"a": 2, "b": 1}, True),
        ("a > -1", {"a": 0}, True),
        ("a in (1, 2)", {"a": 2}, True),
        ("a in (1, 2)", {"a": 3}, False),
        ("a not in (1, 2)", {"a": 3}, True),
        ("a not in (1, 2)", {}, False),
        ("a == 'x' or b == 1", {"b": 1}, True),
        ("(a == 1 or b == 1) and c == 1", {"a": 1, "c": 2}, False),
        ("answered(a)", {"a": 0}, True),
        ("answered(a)", {"a": None}, False),
        ("a > 2", {"a": "text"}, False),
        ("a == 2.5", {"a": 2.5}, True),
        ("chosen(a, 2)", {"a": [1, 2]}, True),
        ("chosen(a, 2)", {"a": [1, 3]}, False),
        ("chosen(a, 2)", {"a": 2}, True),
        ("chosen(a, -98)", {"a": [-98]}, True),
        ("chosen(a, 2)", {}, False),
        ("not chosen(a, 2)", {}, True),
        ("a == 2", {"a": [2]}, False),
        ("a != 2", {"a": [2]}, False),
        ("a in (1, 2)", {"a": [2]}, False),
        ("answered(a)", {"a": [2]}, True),
        ("a < 18", {"a": -99}, False),
        ("a not in (1, 2)", {"a": -99}, False),
        ("answered(a)", {"a": -99}, False),
        ("condition == 'ad'", {"condition": "ad"}, True),
        ("condition != 'ad'", {"condition": ""}, False),
        ("language in ('nl', 'de') and wave == 'post'", {"language": "nl", "wave": "post"}, True),
        ("3 not in (1, 2) and a == 1", {"a": 1}, True),
        ("3 in (1, 2) or a == 1", {"a": 2}, False),
    ],
)
def test_conditions(text: str, answers: dict[str, object], expected: bool) -> None:
    assert parse_condition(text).holds(answers) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "3", "a =", "a + 1 == 2", "a.b == 1", "a[0] == 1", "f(a)", "answered(1)", "answered(a, b)",
        "__import__('os')", "(lambda: 1)() == 1", "a == [1]", "a in b", "a in ()", "a is 3", "a == True", "a == None",
        "a == f'{b}'", "[x for x in a]", "a := 3", "a == 1; b", "-a == 1", "not 3", "a == 'x' * 99", "\x00", "(" * 400,
        "a == 1 or " * 100 + "b == 1", "a == 1j", "a == b''", "a if b else c", "answered(a=b)", "answered(*a)",
        "chosen(a)", "chosen(a, b)", "chosen(1, a)", "chosen(a, [1])", "chosen(a, True)", "chosen(a, None)",
        "a in (b,)", "chosen(a, value=1)", "answered()", "a in ((1,),)", "a == (1, 2)", "__class__.x == 1",
        "answered('a')",
        "-" * 490 + "a", "not " * 120 + "a", "a == '\\d'", "3 == 3",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        parse_condition(text)
    assert caught.value.problems[0].remedy


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        condition = parse_condition(text)
    except InstrumentError:
        return
    assert condition.holds({}) in (True, False)


def test_names_in_order_of_appearance() -> None:
    assert parse_condition("b == 1 and (answered(a) or b == 2)").names == ("b", "a")


def test_the_tree_is_what_a_phone_is_told() -> None:
    condition = parse_condition("not (1 <= a < 3 or chosen(b, 2)) and answered(c) and d not in (1, 'x')")
    assert json.loads(json.dumps(condition.tree)) == [
        "and",
        ["not", ["or", ["compare", 1, "<=", ["item", "a"], "<", 3], ["chosen", "b", 2]]],
        ["answered", "c"],
        ["and", ["answered", "d"], ["not", ["in", ["item", "d"], 1, "x"]]],
    ]
    assert condition.names == ("a", "b", "c", "d")
    assert condition.compared == ("a", "d")


VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)


@given(
    st.sampled_from(["a == b", "a < b", "chosen(a, 1) or a >= 'x'", "a in (1, 'x') and b != a", "not answered(a)"]),
    st.dictionaries(st.sampled_from("ab"), VALUES),
)
def test_no_answer_breaks_a_condition(text: str, answers: dict[str, Any]) -> None:
    assert parse_condition(text).holds(answers) in (True, False)
