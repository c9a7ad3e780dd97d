"""Notes and errors in the language of the screen: every sentence of the code is translated, and real ones come out."""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from analysis.compare import compare
from analysis.errors import ParasolError, Problem
from analysis.importance import fit_dominance
from analysis.instrument import load_instrument
from analysis.measurement import measurement
from analysis.model import parse_model
from analysis.moderation import fit_moderation
from analysis.paths import fit_paths
from analysis.power import parse_plan
from analysis.published import check_admissible, load_published, published_studies
from analysis.quality import exclusion_flow
from analysis.reliability import alpha
from analysis.scoring import Scores, score, score_scales
from survey_app.demo import SLUG, add_demo
from survey_app.screens.studies import _read_files
from survey_app.sentences import SENTENCES, tell
from survey_app.store import Store
from survey_app.study_file import load_study
from survey_app.words import researcher_languages, words
from tests.conftest import store_of_screens
from tests.survey_app.sentences_said import Reader, Said

PROJECT = Path(__file__).resolve().parents[2]
SERVER = "what the server says while it starts, before there is a screen"
COMMANDS = "said by commands only, and the command line is in English"
RESPONDENTS = "never read by researchers; respondents read the texts of text/*.toml"
EXCEPTED = {
    "survey_app/access.py": SERVER,
    "survey_app/address.py": COMMANDS,
    "survey_app/admission.py": RESPONDENTS,
    "survey_app/answers.py": RESPONDENTS,
    "survey_app/cli.py": COMMANDS,
    "survey_app/commands": COMMANDS,
    "survey_app/launch.py": SERVER,
    "survey_app/migrations": SERVER,
    "survey_app/privacy.py": COMMANDS,
    "survey_app/rehearse.py": COMMANDS,
    "survey_app/rows.py": COMMANDS,
    "survey_app/server.py": SERVER,
    "survey_app/settings.py": SERVER,
}
"""Whose sentences no screen shows, and why."""

LANGUAGES = sorted(path.stem for path in SENTENCES.glob("*.toml"))
GAP = re.compile(r"\{\d+\}")


@cache
def said() -> list[Said]:
    files = [path for package in ("analysis", "survey_app") for path in sorted((PROJECT / package).rglob("*.py"))]
    apart = [PROJECT / path for path in EXCEPTED]
    return Reader(PROJECT, [path for path in files if not {path, *path.parents} & set(apart)]).read()


def catalogue(language: str) -> tuple[dict[str, str], dict[str, str]]:
    texts = tomllib.loads((SENTENCES / f"{language}.toml").read_text(encoding="utf-8"))
    phrases = texts.pop("phrases")
    return texts, phrases


# -- complete ---------------------------------------------------------------------------------------------------------


def test_the_reader_finds_what_the_code_says() -> None:
    """A sample of every way in which the code makes its sentences; without them the next tests would be empty."""
    found = {one.template for one in said()}
    assert {
        "{1} of {2} rows lack a value the model needs; they were left out.",  # an f-string
        "no column of that name in {1}",  # a name that stands for one
        "A bootstrap interval",  # handed over by another function
        "Intervals of effects: Monte Carlo, {1} draws, seed {2}.",  # one of several, by a condition
        "Alpha is negative: check which items are reverse-keyed.",  # a column of a table
        "has {1} {2}s of one id, '{3}'",  # a method that makes a problem
        "a list of whole numbers, as in [1, 2, 3]",  # from a table of the module
        "quota of source {1}",  # what a loop goes through
        "model, line {1}",  # what a generator gives, one after the other
    } <= found
    assert len(found) > 900


def test_every_language_of_the_screens_has_a_catalogue() -> None:
    assert set(LANGUAGES) == set(researcher_languages()) - {"en"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    texts, _ = catalogue(language)
    missing = [f"{one.place}: {one.template}" for one in said() if one.template not in texts]
    name = f"survey_app/text/sentences/{language}.toml"
    assert not missing, f"{name} lacks what these lines say:\n" + "\n".join(missing)
    gone = sorted(set(texts) - {one.template for one in said()})
    assert not gone, f"{name} translates what no line says any more:\n" + "\n".join(gone)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_gaps_of_its_sentence(language: str) -> None:
    texts, phrases = catalogue(language)
    assert not set(texts) & set(phrases)
    for english, other in (texts | phrases).items():
        assert other.strip(), english
        assert sorted(GAP.findall(english)) == sorted(GAP.findall(other)), english


def test_what_is_excepted_is_there() -> None:
    assert not [path for path in EXCEPTED if not (PROJECT / path).exists()]


# -- real notes and errors --------------------------------------------------------------------------------------------

NL = words("nl")
WORD = re.compile(r"[^\W\d_]{2,}")


@cache
def dutch() -> frozenset[str]:
    """Every word of the Dutch texts."""
    texts, phrases = catalogue("nl")
    with (PROJECT / "data" / "words" / "nl.toml").open("rb") as file:
        tables = tomllib.load(file)
    shown = [*NL.texts.values(), *texts.values(), *phrases.values(), str(tables)]
    return frozenset(word.lower() for text in shown for word in WORD.findall(text))


def foreign(text: str, *names: str) -> list[str]:
    """The words of a text that are not in the Dutch texts, nor names in the data, nor between quotation marks."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
    known = dutch() | {word.lower() for name in names for word in WORD.findall(name)}
    return [word for word in WORD.findall(bare) if word.lower() not in known]


def test_english_words_are_found() -> None:
    """The next tests would see an English sentence."""
    assert foreign("12 of 150 rows lack a value the model needs; they were left out.")
    assert foreign("model, 'psy': no column of that name in the data. Did you mean psi?", "psi")


@cache
def scores() -> Scores:
    """Answers of 60 people: some missing, an item that runs against its scale, another that never varies."""
    rng = np.random.Generator(np.random.SFC64(7))
    base = rng.normal(size=60)
    frame = pd.DataFrame({name: np.clip(np.round(4 + base + rng.normal(size=60)), 1, 7) for name in "abcdef"})
    frame["f"] = 8 - frame["f"]
    frame.loc[:4, ["a", "b"]] = np.nan
    frame["g"] = rng.integers(1, 8, size=60)
    frame["h"] = 4
    scales = {"x": ["a", "b", "c"], "y": ["d", "e", "f"], "z": ["g"], "one": ["h"]}
    return score_scales(frame, scales, source="survey")


NAMES = ("one", "survey")


def refused(call: Callable[[], object]) -> ParasolError:
    with pytest.raises(ParasolError) as caught:
        call()
    return caught.value


def test_real_errors_are_dutch() -> None:
    model, data = parse_model, scores()
    calls: list[Callable[[], object]] = [
        lambda: fit_paths(model("y ~ q"), data),
        lambda: fit_paths(model("y ~ one"), data),
        lambda: fit_paths(model("y ~ x"), load_published("gao_2023").moments()),
        lambda: fit_paths(model("y ~ x"), data, draws=0),
        lambda: fit_paths(model("y ~ x"), data, level=95),
        lambda: fit_paths(model("y =~ x"), data),
        lambda: model("y ~ x +"),
        lambda: model("y ~ x; x ~ y"),
        lambda: model("no equation"),
        lambda: fit_moderation(model("y ~ x + z"), data, outcome="y", focal="x", moderator="z"),
        lambda: fit_dominance(model("y ~ x:z"), data),
        lambda: alpha(data, ["a"]),
        lambda: parse_plan("y ~ x"),
        lambda: parse_plan("y ~ 0.4*x + q"),
        lambda: score(pd.DataFrame({"nothing": [1]}), load_instrument("psi_core")),
        lambda: exclusion_flow(pd.DataFrame(), pd.DataFrame(), ["boredom"]),
        lambda: load_published("lee_2016").moments(),
        lambda: compare(model("y ~ x"), data, load_published("gao_2023"), names={}),
    ]
    for call in calls:
        error = refused(call)
        told = tell(error, "nl")
        assert told.language == "nl", str(error)
        assert not foreign(told.text, *NAMES, "psi_core", str(load_published("gao_2023"))), told.text
        assert tell(str(error), "nl") == told  # as a screen keeps it that only has the text


def test_real_notes_are_dutch() -> None:
    data = scores()
    measured = measurement(data, draws=100, seed=1)
    fit = fit_paths(parse_model("x ~ z; y ~ x + z + x:z"), data, draws=200, seed=1)
    carlo = fit_paths(parse_model("x ~ z; y ~ x"), data, interval="montecarlo", draws=200, seed=1)
    remarks = [f"{row['scale']}: {row['note']}" for row in measured.reliability.to_dict("records") if row["note"]]
    parts = (measured.validity, measured.htmt, measured.parallel, measured.single_factor)
    several = [note for part in parts if part for note in part.notes]
    notes = dict.fromkeys([*data.notes, *fit.notes, *carlo.notes, *measured.notes, *remarks, *several])
    assert len(notes) > 8
    for note in notes:
        told = tell(note, "nl")
        assert told.language == "nl", note
        assert not foreign(told.text, *NAMES), told.text


def test_every_printed_number_that_cannot_be_is_told_in_dutch() -> None:
    told = [tell(problem, "nl") for study in published_studies() for problem in check_admissible(study)]
    assert told
    assert {one.language for one in told} == {"nl"}


def test_what_is_wrong_with_files_is_dutch(tmp_path: Path) -> None:
    questionnaire = tmp_path / "own.toml"
    questionnaire.write_text(
        'id = "Own"\nversion = 1\nlanguages = ["en", "nl"]\ntitle.en = "Own"\ncolour = "red"\n'
        '[choices.agree]\nvalues = [1, 2, 2]\nlabels.en = ["a", "b"]\n'
        '[[items]]\nid = "q1"\ntext.en = "One?"\nchoices = "agre"\n'
        '[[pages]]\nid = "p"\ntitle.en = "P"\nitems = ["q1", "q2"]\n',
        encoding="utf-8",
    )
    study = tmp_path / "study.toml"
    study.write_text(
        'id = "S"\nslug = "A b"\ninstrument = "psi_core"\nlanguages = ["en"]\nconsent_version = ""\nquota = 0\n'
        'rate = "all"\nseed = "x"\ntitle.en = "S"\nconsent.en = ""\n[[sources]]\nid = "q"\nlabel = "a"\n'
        '[[sources]]\nid = "q"\nlabel = "b"\nquota = 0\n',
        encoding="utf-8",
    )
    broken = tmp_path / "broken.toml"
    broken.write_text("id = \n", encoding="utf-8")
    names = "own.toml broken.toml agre", "licence values"  # of files and a table, and keys no Dutch text has
    for call in (lambda: load_instrument(questionnaire), lambda: load_study(study), lambda: load_instrument(broken),
                 lambda: _read_files(tmp_path, [])):  # fmt: skip
        error = refused(call)
        for problem in error.problems:
            told = tell(problem, "nl")
            assert told.language == "nl", str(problem)
            assert not foreign(told.text, *names), told.text
            assert foreign(str(problem), *names), problem  # what the names let pass is no English sentence


# -- how a sentence is put together -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("english", "told"),
    [
        ("psi: One item: consistency cannot be seen.", "psi: Eén item: consistentie is niet te zien."),
        (
            "psi, trust: Alpha is negative: check which items are reverse-keyed. No omega: model: it adds nothing. "
            "Add a term, or leave the step out.",
            "psi, trust: Alfa is negatief: controleer welke items omgekeerd gescoord zijn. Geen omega: model: "
            "hij voegt niets toe. Voeg een term toe, of laat de stap weg.",
        ),
        ("Ask for at least 1,000; 5000 is usual.", "Vraag er minstens 1.000; 5.000 is gebruikelijk."),
        ("column 'the data'", "kolom 'the data'"),
        ("Choices in this file: agree, seven and two.", "Keuzes in dit bestand: agree, seven en two."),
    ],
)
def test_a_sentence_is_put_together_from_what_is_known(english: str, told: str) -> None:
    assert tell(english, "nl").text == told


def test_what_nobody_translated_stays_english_and_says_so() -> None:
    assert tell("Nobody ever said this.", "nl").language == "en"
    assert tell("Write whatever comes to your mind.", "nl").text == "Write whatever comes to your mind."
    half = Problem("model", "nobody ever said this before", "Add it, or leave it out.")
    assert (tell(half, "nl").text, tell(half, "nl").language) == (str(half), "en")
    assert tell(half, "en").text == tell(half, "fr").text == str(half)


# -- on the screens ---------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of the demo, which the screens open by themselves."""
    with store_of_screens(tmp_path) as store:
        add_demo(store)
        yield store


def opened(screen: str) -> AppTest:
    def script() -> None:
        from importlib import import_module

        import streamlit as st

        name = st.session_state["screen"]
        getattr(import_module(f"survey_app.screens.{name}"), f"show_{name}")()

    app = AppTest.from_function(script, default_timeout=120)
    app.session_state["language"] = "nl"
    app.session_state["screen"] = screen
    app.run()
    assert not app.exception
    return app


def notes_on(app: AppTest) -> list[str]:
    bodies = [str(element.proto.body) for element in app.get("html")]
    return [html.unescape(note) for body in bodies for note in re.findall(r"<li[^>]*>(.*?)</li>", body, re.DOTALL)]


def headings_on(app: AppTest) -> list[str]:
    return [str(name) for table in app.table for name in table.value.columns]


@cache
def names_in_the_demo() -> str:
    instrument = load_instrument("psi_core")
    items = [*(item.id for item in instrument.items), *(scale.id for scale in instrument.scales)]
    return " ".join([*items, *(scale.label["nl"] for scale in instrument.scales), SLUG])


def test_the_model_screen_speaks_dutch(store: Store) -> None:
    app = opened("results")
    app.text_area[0].set_value("purchase ~ psi + trust + psi:trust").run()
    notes = notes_on(app)
    assert len(notes) > 1
    assert not [foreign(note, names_in_the_demo()) for note in notes if foreign(note, names_in_the_demo())]
    assert not foreign(" ".join(headings_on(app)), names_in_the_demo())
    for wrong in ("purchase ~ psy", "purchase", "purchase ~ psi; psi ~ purchase", "purchase ~ psi*trust"):
        app.text_area[0].set_value(wrong).run()
        (warning,) = app.warning
        assert not foreign(warning.value.replace("\\", ""), names_in_the_demo(), wrong)


@pytest.mark.parametrize("screen", ["measurement", "compare", "plan", "quality"])
def test_the_other_screens_speak_dutch(store: Store, screen: str) -> None:
    app = opened(screen)
    names = (
        names_in_the_demo(),
        " ".join(variable.id for study in published_studies() for variable in study.variables),
    )
    notes = notes_on(app)
    assert notes or screen == "quality"
    for note in [*notes, *headings_on(app)]:
        assert not foreign(note, *names), note
    if screen == "compare":
        for study in ("heliyon_2022", "gao_2023"):
            app.selectbox(key="published").set_value(study).run()
            told = [*notes_on(app), *(warning.value.replace("\\", "") for warning in app.warning)]
            assert told
            assert not [one for one in told if foreign(one, *names, study)]
    if screen == "plan":
        app.text_area[0].set_value("psi ~ social").run()
        assert not foreign(app.warning[0].value.replace("\\", ""), *names)
