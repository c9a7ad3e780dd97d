from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_app.admission import (
    NotAdmitted,
    check_code,
    code_as_typed,
    current_wave,
    new_token,
    person_of_code,
    standing,
    token_key,
)
from survey_app.assignment import Tallies, Tally
from survey_app.study import CodePart, Condition, Source, Study, Wave

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STUDY = Study("demo", "demo", {"en": "Demo"}, "0" * 64, ("en",), "open", {"en": "Agree?"}, "1")
CODE = (CodePart("mother", {"en": "First two letters of your mother's first name"}), CodePart("day", {"en": "Day"}))
WAVES = replace(STUDY, waves=(Wave("pre", "Before"), Wave("post", "After")), code=CODE)


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (STUDY, "open"),
        (replace(STUDY, state="draft"), "draft"),
        (replace(STUDY, state="closed"), "closed"),
        (replace(STUDY, opens=NOW + DAY), "early"),
        (replace(STUDY, opens=NOW, closes=NOW + DAY), "open"),
        (replace(STUDY, closes=NOW), "late"),
        (replace(STUDY, quota=11), "open"),
        (replace(STUDY, quota=10), "full"),
        (replace(STUDY, sources=(Source("mail", quota=7), Source("poster"))), "full"),
        (replace(STUDY, sources=(Source("mail", quota=8), Source("poster", quota=1))), "open"),
        (replace(STUDY, conditions=(Condition("a", "A", quota=6), Condition("b", "B", quota=4))), "full"),
        (replace(STUDY, conditions=(Condition("a", "A", quota=6), Condition("b", "B"))), "open"),
        (replace(WAVES, waves=(Wave("pre", "Before", closes=NOW), Wave("post", "After"))), "late"),
    ],
)
def test_standing(study: Study, expected: str) -> None:
    tallies = Tallies({("a", "mail", ()): Tally(6), ("b", "mail", ()): Tally(1, 9, 9), ("b", "poster", ()): Tally(3)})
    assert standing(study, NOW, wave="pre" if study.waves else "", source="mail", finished=tallies) == expected


def test_the_wave_that_is_on() -> None:
    pre, post = Wave("pre", "Before", NOW - 2 * DAY, NOW), Wave("post", "After", NOW + DAY)
    study = replace(STUDY, waves=(pre, post))
    assert [current_wave(study, NOW + n * DAY) for n in (-3, -1, 0, 1, 9)] == ["pre", "pre", "pre", "post", "post"]
    assert current_wave(STUDY, NOW) == ""
    assert current_wave(WAVES, NOW) == "pre"
    assert current_wave(replace(WAVES, waves=(Wave("pre", "B", closes=NOW), Wave("post", "A"))), NOW) == "post"


def test_a_code_is_recognised_however_it_is_typed() -> None:
    once = person_of_code(b"secret", WAVES, {"mother": "Zö", "day": "07"})
    assert once == person_of_code(b"secret", WAVES, {"mother": " z-O\u0308 ", "day": "0 7", "more": "x"})
    assert once.startswith("m") and len(once) == 32 and "zo" not in once
    others = [
        person_of_code(b"another", WAVES, {"mother": "Zö", "day": "07"}),
        person_of_code(b"secret", replace(WAVES, id="other"), {"mother": "Zö", "day": "07"}),
        person_of_code(b"secret", WAVES, {"mother": "Zu", "day": "07"}),
    ]
    assert len({once, *others}) == 4


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ({}, ["mother", "day"]),
        ({"mother": "Zo"}, ["day"]),
        ({"mother": "Zoë", "day": "07"}, ["mother"]),
        ({"mother": "--", "day": "\x00\ud800"}, ["mother", "day"]),
        ({"mother": "x" * 10_000, "day": "12"}, ["mother"]),
    ],
)
def test_an_incomplete_code_is_asked_again(parts: dict[str, str], wrong: list[str]) -> None:
    assert check_code(WAVES, parts) == wrong
    with pytest.raises(NotAdmitted, match="not as long as asked for") as caught:
        person_of_code(b"secret", WAVES, parts)
    assert caught.value.reason == "code"


def test_a_token_gives_the_same_key_however_it_is_typed() -> None:
    token = new_token()
    assert token != new_token() and code_as_typed(token) == token and len(token) == 14
    careless = f" {token.lower().replace('-', ' ').replace('o', '0').replace('i', '1').replace('b', '8')}"
    assert token_key("demo", careless, "pre") == token_key("demo", token, "pre")
    keys = {token_key("demo", token), token_key("demo", token, "pre"), token_key("other", token), token_key("demo", "")}
    assert len(keys) == 4 and all(len(key) == 43 for key in keys)


@given(st.text(max_size=200), st.text(max_size=200))
def test_anything_may_be_typed(first: str, second: str) -> None:
    check_code(WAVES, {"mother": first, "day": second})
    code_as_typed(first)
    token_key("demo", first)
