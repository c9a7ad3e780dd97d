from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from survey_app.study import Condition, Influencer, Study, is_slug, next_condition, one_line, study_problems

STUDY = Study("demo", "demo", {"en": "Demo"}, "0" * 64, ("en",), "open", {"en": "Agree?"}, "1")
ARMS = replace(STUDY, conditions=(Condition("control", "Control"), Condition("ad", "Ad"), Condition("gift", "Gift")))


def test_a_good_study_has_no_problems() -> None:
    assert study_problems(replace(ARMS, sources=("poster_a",), influencers=(Influencer("mia", "Mia"),), quota=1)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": "Demo"}, "id 'Demo'"),
        ({"slug": "demo/../x"}, "slug 'demo/../x'"),
        ({"languages": ()}, "has no language"),
        ({"languages": ("en", "nl")}, "has no consent in 'nl'"),
        ({"title": {"en": "  "}}, "has no title in 'en'"),
        ({"conditions": (Condition("x", "X"), Condition("x", "Y"))}, "two conditions of one id"),
        ({"sources": ("poster a",)}, "source 'poster a'"),
        ({"influencers": (Influencer("1a", "A"),)}, "influencer '1a'"),
        ({"quota": 0}, "quota is 0"),
    ],
)
def test_a_problem_is_named(wrong: dict[str, object], said: str) -> None:
    assert said in "\n".join(str(problem) for problem in study_problems(replace(STUDY, **wrong)))  # type: ignore[arg-type]


def test_the_condition_with_the_fewest_finished_comes_first() -> None:
    assert next_condition(ARMS, {"control": 5, "ad": 4, "gift": 5}, {"ad": 50}) == "ad"


def test_then_the_one_with_the_fewest_on_the_way() -> None:
    assert next_condition(ARMS, {"control": 4, "ad": 4, "gift": 5}, {"ad": 2, "control": 1}) == "control"


def test_then_the_lot_which_falls_alike_again_and_favours_nobody() -> None:
    drawn = [next_condition(replace(ARMS, id=f"s{number}"), {}, {}) for number in range(300)]
    assert drawn == [next_condition(replace(ARMS, id=f"s{number}"), {}, {}) for number in range(300)]
    assert all(70 < times < 130 for times in Counter(drawn).values())


def test_a_study_without_conditions_assigns_none() -> None:
    assert next_condition(STUDY, {}, {}) == ""


def test_slugs() -> None:
    assert is_slug("psi-2026")
    assert not any(is_slug(text) for text in ("", "A", "a_b", "a/b", "-a", "a" * 64, "a\n", "é", "a b"))


def test_one_line_keeps_letters_and_drops_what_cannot_be_kept() -> None:
    assert one_line(" Zoë\x00\n\ud800 李 ", 200) == "Zoë 李"
    assert one_line("\U0001f469\u200d\U0001f680", 200) == "\U0001f469\u200d\U0001f680"
    assert one_line("abc", 2) == "ab"
