from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from survey_app.study import (
    CodePart,
    Completion,
    Condition,
    Influencer,
    Parameter,
    Participation,
    Source,
    Study,
    Wave,
    completion_link,
    external_from,
    is_slug,
    link_name,
    one_line,
)
from survey_app.study_check import study_problems
from tests.survey_app.conftest import INSTRUMENT

STUDY = Study("demo", "demo", {"en": "Demo"}, "0" * 64, ("en",), "open", {"en": "Agree?"}, "1")
FULL = replace(
    STUDY,
    conditions=(Condition("control", "Control"), Condition("ad", "Ad", weight=0.5, quota=3)),
    influencers=(Influencer("mia", "Mia"), Influencer("noor", "Noor")),
    sources=(Source("poster_a", "Poster in A", quota=9),),
    quota=1,
    rate="subset",
    per_respondent=2,
    waves=(Wave("pre", "Before", closes=datetime(2026, 5, 1, tzinfo=UTC)), Wave("post", "After")),
    code=(CodePart("mother", {"en": "Two letters"}),),
    parameters=(Parameter("prolific_pid", "PROLIFIC_PID"),),
    completion=Completion("C1", "https://panel.example:8443/done?pid={external_id}&s={source}&cc={code}"),
    embed=("https://course.example", "https://*.school.example"),
    minimum_age=16,
    retention=date(2027, 1, 1),
)
MANY = tuple(Influencer(f"influencer_number_{number}", "x") for number in range(100))
NOW = datetime(2026, 3, 2, tzinfo=UTC)
MIA = Participation("p1", "demo", "en", "mail", "ad", "1", NOW, NOW, False, False, "", {"prolific_pid": "5f"})


def test_a_good_study_has_no_problems() -> None:
    assert study_problems(FULL, INSTRUMENT) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": "Demo"}, "id 'Demo'"),
        ({"slug": "demo/../x"}, "slug 'demo/../x'"),
        ({"languages": ()}, "has no language"),
        ({"languages": ("en", "nl")}, "has no consent in 'nl'"),
        ({"title": {"en": "  "}}, "has no title in 'en'"),
        ({"title": {"en": "A\x00"}}, "title holds the character U+0000"),
        ({"sources": (Source("mail", "Mail\uffff"),)}, "sources holds the character U+FFFF"),
        ({"completion": Completion("a\ud800")}, "completion holds the character U+D800"),
        ({"parameters": (Parameter("pid", "test"),)}, "is one of Parasol's own"),
        ({"consent_version": " "}, "consent_version is empty"),
        ({"conditions": (Condition("x", "X"), Condition("x", "Y"))}, "two conditions of one id"),
        ({"conditions": (Condition("x", "X", weight=0),)}, "weight of condition x is 0"),
        ({"conditions": (Condition("x", "X", weight=float("nan")),)}, "weight of condition x is nan"),
        ({"sources": (Source("poster a"),)}, "source 'poster a'"),
        ({"sources": (Source("other"),)}, "source 'other' is what undeclared"),
        ({"sources": (Source("mail", quota=0),)}, "quota of source mail is 0"),
        ({"influencers": (Influencer("1a", "A"),)}, "influencer '1a'"),
        ({"influencers": ()}, "rate is 'subset', but there are no influencers"),
        ({"per_respondent": 3}, "per_respondent is 3"),
        ({"rate": "all", "per_respondent": 1, "influencers": MANY}, "asks one person about too many influencers"),
        ({"rate": "all"}, "per_respondent has no meaning"),
        ({"quota": 0}, "quota is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"minimum_age": 0}, "minimum_age is 0"),
        ({"code": ()}, "nothing to recognise a person by"),
        ({"waves": ()}, "has no waves to match"),
        ({"code": (CodePart("a", {"en": "A"}, length=0),)}, "length of code question a is 0"),
        ({"code": (CodePart("a", {"nl": "A"}),)}, "has no code question a text in 'en'"),
        ({"parameters": (Parameter("pid", "a b"),)}, "parameter name 'a b'"),
        ({"parameters": (Parameter("pid", "t"),)}, "is one of Parasol's own"),
        ({"parameters": (Parameter("a1", "A1"),)}, "parameter 'a1' has the name of another column"),
        ({"parameters": (Parameter("source", "S"),)}, "parameter 'source' has the name of another column"),
        ({"embed": ("https://a.example/x",)}, "embed 'https://a.example/x' is no site"),
        ({"embed": ("https://a.example; script-src *",)}, "is no site"),
        ({"completion": Completion("x\ny")}, "some that cannot be copied"),
        ({"completion": Completion("", "javascript:alert(1)")}, "is no address"),
        ({"completion": Completion("", "//panel.example")}, "is no address"),
        ({"completion": Completion("", "https://panel.example/a b")}, "is no address"),
        ({"completion": Completion("", "https://[panel")}, "is no address"),
        ({"completion": Completion("", "https://{source}.example/")}, "host of the redirect is not fixed"),
        ({"completion": Completion("", "https://me:pw@panel.example/")}, "host of the redirect is not fixed"),
        ({"completion": Completion("", "https://panel.example/{name}")}, "placeholder {name}"),
        ({"opens": datetime(2026, 1, 1)}, "has no time zone"),
        ({"opens": NOW, "closes": NOW}, "closes does not lie after opens"),
        ({"retention": date(2026, 5, 1)}, "retention ends before the study closes"),
        ({"languages": ("en", "fr"), "title": {"en": "a", "fr": "b"}}, "is in 'fr', its questionnaire is in en, nl"),
    ],
)
def test_a_problem_is_named(wrong: dict[str, object], said: str) -> None:
    problems = study_problems(replace(FULL, **wrong), INSTRUMENT)  # type: ignore[arg-type]
    assert said in "\n".join(map(str, problems))
    assert all(problem.remedy for problem in problems)


def test_whom_to_rate_needs_a_page_about_them() -> None:
    alone = replace(INSTRUMENT, pages=tuple(replace(page, per_influencer=False) for page in INSTRUMENT.pages))
    assert "no page of its questionnaire is asked per influencer" in str(study_problems(FULL, alone)[0])


def test_after_the_end_the_panel_gets_its_own_id_back() -> None:
    assert completion_link(FULL, MIA) == "https://panel.example:8443/done?pid=5f&s=mail&cc=C1"
    assert completion_link(FULL, replace(MIA, finished=None)) == ""
    assert completion_link(STUDY, MIA) == ""


def test_a_hostile_value_stays_inside_its_place() -> None:
    hostile = replace(MIA, source="x&admin=1", external={"prolific_pid": '../../?a=b#c {code} "<é'})
    link = completion_link(FULL, hostile)
    assert link == (
        "https://panel.example:8443/done?pid=..%2F..%2F%3Fa%3Db%23c%20%7Bcode%7D%20%22%3C%C3%A9&s=x%26admin%3D1&cc=C1"
    )


def test_only_declared_parameters_are_kept() -> None:
    link = {"PROLIFIC_PID": " 5f\x00\n", "prolific_pid": "no", "utm_source": "mail"}
    assert external_from(FULL, link) == {"prolific_pid": "5f"}
    assert external_from(FULL, {"PROLIFIC_PID": ""}) == {}
    assert len(external_from(FULL, {"PROLIFIC_PID": "x" * 10_000})["prolific_pid"]) == 200


def test_influencers_have_names() -> None:
    assert FULL.influencer_name("mia") == "Mia" and FULL.influencer_name("Zoë") == "Zoë"


def test_slugs() -> None:
    assert is_slug("psi-2026")
    assert not any(is_slug(text) for text in ("", "A", "a_b", "a/b", "-a", "a" * 64, "a\n", "é", "a b"))


def test_one_line_keeps_letters_and_drops_what_cannot_be_kept() -> None:
    assert one_line(" Zoë\x00\n\ud800 李 ", 200) == "Zoë 李"
    assert one_line("\U0001f469\u200d\U0001f680", 200) == "\U0001f469\u200d\U0001f680"
    assert one_line("abc", 2) == "ab"
    assert one_line("a\uffff\ufffeb", 200) == "a b"  # no workbook could hold it
    assert one_line("Mia \u202ecod.exe\u2066", 200) == "Mia cod.exe"


def test_links_are_counted_by_what_is_declared() -> None:
    declared = FULL.sources[0].id
    assert link_name(FULL, declared) != link_name(FULL, "")
    assert link_name(FULL, "made-up-1") == link_name(FULL, "made-up-2") == link_name(FULL, "")
