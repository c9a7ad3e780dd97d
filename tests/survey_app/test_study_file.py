from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.datafiles import data_file
from analysis.errors import ParasolError
from analysis.instrument import Scale, instrument_from_dict
from analysis.instrument_file import instrument_as_toml
from survey_app.store import Store
from survey_app.study import (
    CodePart,
    Completion,
    Condition,
    Goal,
    Influencer,
    Parameter,
    Source,
    Study,
    Wave,
)
from survey_app.study_file import load_study, publish, study_as_toml, write_study
from tests.survey_app.conftest import INSTRUMENT

QUESTIONS = instrument_from_dict(
    tomllib.loads(
        instrument_as_toml(
            replace(INSTRUMENT, scales=(*INSTRUMENT.scales, Scale("b", {"en": "B", "nl": "B"}, ("b1", "b2"))))
        )
    ),
    "small",
)
SMALL = """
id = "spring"
slug = "spring-2026"
instrument = "small.toml"
title.en = "You"
title.nl = "U"
languages = ["en", "nl"]
consent_version = "1"
consent.en = "Agree?"
consent.nl = "Akkoord?"
"""
FULL = Study(
    "spring", "spring-2026", {"en": 'A "quoted" \\ title\nin lines \x7f', "nl": "Zoë 李"}, "", ("en", "nl"), "draft",
    {"en": "Agree?", "nl": "Akkoord?"}, "2026-1",
    conditions=(Condition("one", "One", 0.5, 20), Condition("two", "Two")),
    influencers=(Influencer("mia", "Mia"), Influencer("noor", "Noor")),
    sources=(Source("poster", "Poster", 9), Source("mail")),
    model="psi ~ social\ntrust ~ psi\n",
    quota=300,
    seed=12345,
    rate="subset",
    per_respondent=2,
    waves=(Wave("pre", "Before", datetime(2026, 1, 2, 9, tzinfo=UTC)), Wave("post", "After")),
    code=(CodePart("mother", {"en": "Two letters", "nl": "Twee letters"}, 3),),
    parameters=(Parameter("prolific_pid", "PROLIFIC_PID"),),
    completion=Completion("C1", "https://panel.example/done?pid={external_id}"),
    invited=True,
    embed=("https://course.example",),
    opens=datetime(2026, 1, 1, tzinfo=UTC),
    closes=datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
    minimum_age=16,
    raffle=True,
    retention=date(2027, 12, 31),
    controller="University",
    contact="privacy@university.example",
    purpose={"en": "Learn", "nl": "Leren"},
    recipients=("Statistics department",),
    plan=(Goal("More trust", "Posts", "trust", 3.1, 3.5, date(2027, 1, 1)), Goal("Sales", "Labels", "purchase")),
)  # fmt: skip


def written(folder: Path, text: str) -> Path:
    (folder / "small.toml").write_text(instrument_as_toml(QUESTIONS), encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ParasolError) as caught:
        load_study(path)
    assert all(problem.remedy for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_everything_comes_back_from_a_file(tmp_path: Path) -> None:
    found = load_study(written(tmp_path, study_as_toml(FULL, "small.toml")))
    assert found.study == replace(FULL, instrument=QUESTIONS.digest)
    assert found.instrument == QUESTIONS


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, SMALL)).study
    assert (study.id, study.state, study.rate, study.quota) == ("spring", "draft", "chosen", None)
    assert study_as_toml(study, "small.toml").splitlines() == [
        'id = "spring"',
        'slug = "spring-2026"',
        'title.en = "You"',
        'title.nl = "U"',
        'instrument = "small.toml"',
        'languages = ["en", "nl"]',
        'consent.en = "Agree?"',
        'consent.nl = "Akkoord?"',
        'consent_version = "1"',
    ]


LETTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\n\t")
texts = st.text(LETTERS, min_size=1, max_size=30).filter(lambda text: text.strip())


@given(title=texts, label=texts, name=texts, weight=st.floats(0.01, 100), quota=st.integers(1, 10**9))
def test_whatever_stands_in_a_study_comes_back(
    tmp_path_factory: pytest.TempPathFactory, title: str, label: str, name: str, weight: float, quota: int
) -> None:
    study = replace(
        FULL,
        title={"en": title, "nl": "x"},
        conditions=(Condition("one", label, weight, quota),),
        influencers=(Influencer("mia", name), Influencer("noor", name)),
    )
    path = written(tmp_path_factory.mktemp("file"), study_as_toml(study, "small.toml"))
    assert load_study(path).study == replace(study, instrument=QUESTIONS.digest)


@pytest.mark.parametrize("name", ["demo", "image_experiment", "event_waves"])
def test_the_shipped_studies_are_in_order(name: str, tmp_path: Path) -> None:
    found = load_study(data_file("studies", f"{name}.toml"))
    assert found.study.languages == ("en", "nl")
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    assert publish(store, found).new
    store.close()


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    said = problems_of(
        written(
            tmp_path,
            """
id = "Spring"
slug = "spring 2026"
instrument = "../../etc/passwd"
title = "You"
languages = ["en", "nl"]
quota = "300"
colour = "red"
opens = 2026-01-01
minimum_age = 1.5
rate = "some"
consent_version = "1"
consent.en = "OK?"
state = "open"

[[conditions]]
id = "plain"
label = "No label"
wieght = 2

[[conditions]]
id = "ad"
weight = true

[completion]
redirect = 5
""",
        )
    )
    together = "\n".join(said)
    for part in (
        "study.toml, key 'colour': this key is unknown",
        "study.toml, key 'state': this key is unknown",
        "study.toml, conditions 1, key 'wieght': this key is unknown. Did you mean 'weight'?",
        "study.toml, title: 'You' does not fit here. Write one text for each language",
        "study.toml, conditions 2, weight: True does not fit here. Write a number",
        "study.toml, conditions 2, label: this key is missing. Add it.",
        "study.toml, quota: '300' does not fit here. Write a whole number",
        "study.toml, minimum_age: 1.5 does not fit here",
        "study.toml, rate: 'some' does not fit here. Write 'chosen', 'all' or 'subset'.",
        "study.toml, completion redirect: 5 does not fit here. Write text",
        "study.toml, instrument: '../../etc/passwd' is neither a shipped questionnaire nor",
        "study.toml, study 'Spring': id 'Spring' is not a valid name",
        "study.toml, study 'Spring': slug 'spring 2026' cannot stand in an address",
        "study.toml, study 'Spring': has no consent in 'nl'",
    ):
        assert part in together, together


def test_missing_keys_are_named(tmp_path: Path) -> None:
    said = "\n".join(problems_of(written(tmp_path, "")))
    for key in ("id", "slug", "title", "instrument", "languages", "consent", "consent_version"):
        assert f"study.toml, {key}: this key is missing" in said


def test_what_is_wrong_with_the_questionnaire_is_said_too(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL + "quota = 0\nlanguages2 = 1\n")
    (tmp_path / "small.toml").write_text(instrument_as_toml(QUESTIONS).replace('kind = "number"', 'kind = "nummer"'))
    said = "\n".join(problems_of(path))
    assert "small.toml, item 'age', kind" in said and "quota is 0" in said and "key 'languages2'" in said


@pytest.mark.parametrize(
    "reference", ["/etc/passwd", "../secret.toml", "sub/../../secret.toml", "nothing.toml", "psi_cor", "", "a\x00.toml"]
)
def test_a_questionnaire_outside_the_folder_is_not_read(tmp_path: Path, reference: str) -> None:
    (tmp_path / "secret.toml").write_text(instrument_as_toml(QUESTIONS))
    (tmp_path / "in").mkdir()
    path = written(tmp_path / "in", SMALL.replace("small.toml", reference.replace("\x00", "\\u0000")))
    assert len(problems_of(path)) == 1


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text(instrument_as_toml(QUESTIONS))
    (tmp_path / "in").mkdir()
    path = written(tmp_path / "in", SMALL)
    (tmp_path / "in" / "small.toml").unlink()
    (tmp_path / "in" / "small.toml").symlink_to(tmp_path / "secret.toml")
    assert "neither a shipped questionnaire nor" in problems_of(path)[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id = \xff\xfe", "line 1 is not UTF-8 text"),
        (b"id = ", "this is not valid TOML"),
        (b"x = " + b"[" * 100_000, "this is not valid TOML: it is nested too deeply"),
        (b"#" * 1_000_001, "the file is 1,000,001 bytes long"),
        (b"\x00", "this is not valid TOML"),
        (b"x = " + b"9" * 5000, "this is not valid TOML: Exceeds the limit"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(content)
    assert said in problems_of(path)[0]


def test_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.toml"):
        assert "the file cannot be read" in problems_of(path)[0]


def test_a_file_as_windows_writes_it(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_study(path).study.id == "spring"


# -- into the store ---------------------------------------------------------------------------------------------


def test_a_changed_questionnaire_is_a_new_version_and_answers_keep_theirs(store: Store, tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    first = publish(store, load_study(path))
    assert first.new and not first.new_version and first.version == "1" and first.study.seed > 0
    again = publish(store, load_study(path))
    assert not again.new and not again.new_version and again.study == first.study
    store.open_study("spring-2026")
    store.begin("spring-2026", "key", language="en")
    text = instrument_as_toml(QUESTIONS)
    (tmp_path / "small.toml").write_text(text.replace("Question a1?", "Really?"), encoding="utf-8")
    with pytest.raises(ParasolError, match="its instrument cannot change while it is open"):
        publish(store, load_study(path))
    assert store.study("spring-2026").instrument == QUESTIONS.digest
    store.close_study("spring-2026")
    for _ in range(2):
        changed = publish(store, load_study(path))
        assert changed.version == "1+2" and changed.study.seed == first.study.seed and changed.study.state == "closed"
    begun = store.participation("key")
    assert begun is not None and begun.instrument == QUESTIONS.digest
    assert store.instrument(changed.study.instrument).item("a1").text["en"] == "Really?"
    (tmp_path / "small.toml").write_text(text.replace("Question a1?", "Surely?"), encoding="utf-8")
    assert publish(store, load_study(path)).version == "1+3"
    (tmp_path / "small.toml").write_text(text, encoding="utf-8")
    assert publish(store, load_study(path)).version == "1"


def test_a_study_goes_out_and_comes_in_again(store: Store, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    published = publish(store, load_study(written(tmp_path / "first", study_as_toml(FULL, "small.toml"))))
    paths = write_study(store, "spring-2026", tmp_path / "second" / "out.toml")
    assert [path.name for path in paths] == ["out.toml", "out_questionnaire.toml"]
    assert load_study(paths[0]).study == published.study
    copy = paths[0].read_text(encoding="utf-8").replace('"spring"', '"copy"').replace('"spring-2026"', '"copy"')
    paths[0].write_text(copy, encoding="utf-8")
    assert publish(store, load_study(paths[0])).new


def test_a_shipped_questionnaire_is_named_in_the_file(store: Store, tmp_path: Path) -> None:
    publish(store, load_study(data_file("studies", "demo.toml")))
    assert write_study(store, "demo", tmp_path / "out.toml") == [tmp_path / "out.toml"]
    assert 'instrument = "psi_core"' in (tmp_path / "out.toml").read_text(encoding="utf-8")
