"""The researcher's screens beside the model: what they show is what the analysis says, and nothing ends in an error."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from analysis.cfa import modification_indices
from analysis.compare import compare, shared_model
from analysis.instrument import load_instrument
from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.published import load_published
from analysis.quality import excluded_by, flag_careless
from analysis.reliability import reliability_table
from analysis.result_tables import table_beside, table_comparison
from analysis.scale_tables import table_modifications
from analysis.scoring import Scores, score
from analysis.tables import table_reliability
from analysis.validity import measurement_model
from survey_app.cli import app as parasol
from survey_app.components.study_frame import _literal
from survey_app.demo import SLUG, add_demo
from survey_app.screens.methods import COMMANDS, EXAMPLE
from survey_app.store import Store
from survey_app.study import Study
from survey_app.words import words
from tests.conftest import store_of_screens

EN, NL = words("en"), words("nl")
SCREENS = ("quality", "measurement", "compare", "plan", "methods")
LABELS = {scale.id: scale.label["en"] for scale in load_instrument("psi_core").scales}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with the demonstration study, for tests that only look at it."""
    with store_of_screens(tmp_path_factory.mktemp("demo")) as store:
        add_demo(store)
        yield store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that the screens open by themselves."""
    with store_of_screens(tmp_path) as store:
        yield store


def opened(screen: str, language: str = "en") -> AppTest:
    """The screen in a session that can go on to another one (`at`)."""

    def script() -> None:
        from importlib import import_module

        import streamlit as st

        name = st.session_state["screen"]
        getattr(import_module(f"survey_app.screens.{name}"), f"show_{name}")()

    app = AppTest.from_function(script, default_timeout=120)
    app.session_state["language"] = language
    return at(app, screen)


def at(app: AppTest, screen: str) -> AppTest:
    app.session_state["screen"] = screen
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> str:
    """All text on the screen."""
    kinds = (app.markdown, app.caption, app.header, app.warning, app.info, app.title)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def cells(app: AppTest, number: int = 0) -> list[list[str]]:
    return [list(map(str, row)) for row in app.table[number].value.to_numpy().tolist()]


def demo_scores(store: Store) -> tuple[Scores, Scores]:
    """What everybody scores, and those who are not flagged."""
    instrument = load_instrument("psi_core")
    rows = store.rows(SLUG)
    scores = score(rows, instrument)
    kept = (excluded_by(flag_careless(rows, instrument), ["flagged"]) == "").to_numpy()
    return scores, scores.keep(kept, "careless")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_screen_opens_in_both_languages_with_the_study_in_sight(demo: Store, screen: str, language: str) -> None:
    w = words(language)
    text = shown(opened(screen, language))
    assert w(f"{screen}.title") in text
    assert w("results.n", n=150) in text
    assert w("results.synthetic") in text


@pytest.mark.parametrize("screen", SCREENS)
def test_without_a_study_and_without_answers_there_is_a_sentence(store: Store, screen: str) -> None:
    assert EN("results.no_study") in shown(opened(screen))
    instrument = load_instrument("psi_core")
    digest = store.add_instrument(instrument)
    store.add_study(Study("small", "small", {"en": "Small"}, digest, ("en",), "draft", {"en": "Yes?"}, "1"))
    store.open_study("small")
    app = opened(screen)
    if screen not in ("plan", "methods"):
        assert EN("results.no_answers") in shown(app)
        assert app.get("link_button")[0].proto.url == "/s/small"


def test_quality_counts_the_flagged_and_its_flow_adds_up(demo: Store) -> None:
    app = opened("quality")
    flags = flag_careless(demo.rows(SLUG), load_instrument("psi_core"))
    assert EN("quality.found", n=int(flags["flagged"].sum()), all=150) in shown(app)
    flow = cells(app, 1)
    excluded = sum(int(row[2]) for row in flow[1:])
    assert int(flow[0][3]) - excluded == int(flow[-1][3]) == 150 - int(flags["flagged"].sum())
    app.multiselect[0].set_value(["too_fast"]).run()
    assert int(cells(app, 1)[-1][3]) == 150 - int(flags["too_fast"].sum())


def test_the_choice_made_in_quality_shows_every_result_without_the_flagged_too(demo: Store) -> None:
    app = opened("quality")
    app.toggle[0].set_value(True).run()
    everybody, kept = demo_scores(demo)
    at(app, "results")
    without = f"Without the flagged (n = {kept.n})"
    assert without in shown(app)
    fits = [fit_paths(parse_model(app.text_area[0].value), scores) for scores in (everybody, kept)]
    expected = table_beside(*fits, labels=LABELS).frame.to_numpy().tolist()
    assert [list(map(_literal, row)) for row in expected] in [cells(app, number) for number in range(len(app.table))]
    at(app, "measurement")
    assert cells(app, 1) == table_reliability(reliability_table(kept), labels=LABELS).frame.to_numpy().tolist()
    at(app, "quality").toggle[0].set_value(False).run()
    assert without not in shown(at(app, "results"))


def test_measurement_shows_what_the_analysis_says(demo: Store) -> None:
    app = opened("measurement")
    scores, _ = demo_scores(demo)
    table = reliability_table(scores)
    assert cells(app) == table_reliability(table, labels=LABELS).frame.to_numpy().tolist()
    low, high = (f"{value:.2f}".lstrip("0") for value in (table["alpha"].min(), table["alpha"].max()))
    assert EN("measurement.key", low=low, high=high, n=7) in shown(app)


def test_factors_list_what_the_model_leaves_out(demo: Store) -> None:
    app = at(opened("measurement"), "measurement")
    scores = demo_scores(demo)[0]
    model = measurement_model({name: items for name, items in scores.scales.items() if len(items) > 1})
    table = table_modifications(modification_indices(model, scores), most=8, labels=LABELS)
    app.session_state["measurement_parts"] = EN("measurement.factors")
    app.run()
    assert not app.exception
    assert [list(map(_literal, row)) for row in table.frame.to_numpy().tolist()] == cells(app, 2)
    assert table.notes[-1] in shown(app)
    assert "psi1" in str(cells(app, 1)) and "λ: 95 % CI" in app.table[1].value.columns


def test_compare_stands_beside_a_study_and_refuses_impossible_numbers(demo: Store) -> None:
    app = opened("compare")
    qatar = load_published("qatar_2023")
    names = {name: name for name in ("homophily", "psi", "purchase")}
    fit = compare(shared_model(qatar, names), demo_scores(demo)[0], qatar, names=names)
    expected = table_comparison(fit, qatar.called, labels=LABELS).frame
    assert cells(app) == [list(map(_literal, row)) for row in expected.to_numpy().tolist()]
    app.selectbox(key="published").set_value("heliyon_2022").run()
    assert not app.exception
    assert EN("compare.impossible") in shown(app)
    assert any("R2 of at least 1.02" in str(element.proto) for element in app.get("html"))
    assert not app.table
    app.selectbox(key="published").set_value("lee_2016").run()
    assert EN("compare.directions") in shown(app)
    app.selectbox(key="published").set_value("gao_2023").run()
    assert not app.exception
    assert "share no path" in app.warning[0].value.replace("\\", "")
    app.selectbox(key="gao_2023_lik").set_value("social").run()
    app.selectbox(key="gao_2023_pin").set_value("purchase").run()
    assert not app.warning
    assert len(cells(app)) == 1


def test_plan_finds_an_n_and_a_mistake_is_calm(demo: Store) -> None:
    app = opened("plan")
    app.text_area[0].set_value("psi ~ 0.4*social\npurchase ~ 0.4*psi").run()
    assert not app.exception
    assert re.search(r"\*\*n = \d+\*\* reaches 80 %", shown(app))
    assert len(cells(app)) == 2
    app.text_area[0].set_value("psi ~ social").run()
    assert not app.exception
    assert "has no expected effect" in app.warning[0].value.replace("\\", "")
    app.text_area[0].set_value("psi ~ 0.9*social + 0.9*homophily").run()
    assert not app.exception
    assert app.warning
    app.text_area[0].set_value("psi ~ 0*social").run()
    assert EN("plan.key_none") in shown(app)


def test_a_model_with_a_product_shows_where_the_slope_matters(demo: Store) -> None:
    app = opened("results")
    app.text_area[0].set_value("purchase ~ psi + trust + psi:trust").run()
    assert not app.exception
    assert EN("results.moderation") in [tab.label for tab in app.tabs]
    for interval in ("bca", "montecarlo", "delta"):
        app.segmented_control(key="interval").set_value(interval).run()
        assert not app.exception
        assert not app.warning


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_notes_are_in_the_language_of_the_screen_and_say_so(demo: Store, language: str) -> None:
    app = opened("results", language)
    assert words(language)("results.notes") in [expander.label for expander in app.expander]
    (notes,) = [str(element.proto.body) for element in app.get("html") if 'class="notes"' in str(element.proto.body)]
    assert f'<li lang="{language}">' in notes
    assert notes.count(f'lang="{language}"') == notes.count("lang=")


@pytest.mark.parametrize("cell", ["1. Trust", "+ loadings", "- a", "a *b* [c](d) :smile: $x$", "persona_a_b"])
def test_a_cell_means_no_markdown(cell: str) -> None:
    literal = _literal(cell)
    assert literal.replace("\\", "") == cell
    assert not re.search(r"(?<!\\)[*\[\]`$_]|^[+-]|^\d+[.)]", literal)


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the file of answers that the methods screen speaks of; we are in it."""
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(parasol, ["simulate", "-n", "200", "--seed", "7", "-o", "answers.csv"])
    assert made.exit_code == 0
    return tmp_path


def test_the_twenty_lines_run(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(EXAMPLE.splitlines()) == 20
    exec(compile(EXAMPLE, "methods", "exec"), {})
    assert "Reliability of the scales" in capsys.readouterr().out
    assert (answers / "model.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("line", COMMANDS.splitlines())
def test_the_three_commands_run(answers: Path, line: str) -> None:
    done = CliRunner().invoke(parasol, shlex.split(line)[1:])
    assert done.exit_code == 0, done.output
