"""The researcher's screen, run by Streamlit's own test runner on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analysis.instrument import load_instrument
from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.scoring import score
from analysis.simulate import simulate_answers
from analysis.tables import apa_number, table_coefficients
from survey_app.demo import SLUG, add_demo
from survey_app.store import Store
from survey_app.study import Study
from survey_app.words import words
from tests.conftest import forget, store_of_screens

EN, NL = words("en"), words("nl")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store that the screen opens by itself."""
    with store_of_screens(tmp_path) as store:
        yield store


def opened() -> AppTest:
    def script() -> None:
        from survey_app.screens.results import show_results

        show_results()

    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    return app


def shown(app: AppTest) -> str:
    """All text on the screen."""
    kinds = (app.markdown, app.caption, app.header, app.warning, app.info, app.title)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def said(app: AppTest) -> str:
    """What the one warning on the screen says, without the strokes that keep it from being markup."""
    (warning,) = app.warning
    return str(warning.value).replace("\\", "")


def small_study(store: Store, n: int, *, synthetic: bool = False) -> None:
    """A study named `small` that n people finished."""
    instrument = load_instrument("psi_core")
    title = {"en": "A *bold* study"}
    digest = store.add_instrument(instrument)
    store.add_study(Study("small", "small", title, digest, ("en",), "draft", {"en": "Yes?"}, "1", synthetic=synthetic))
    if n:
        rows = simulate_answers(instrument, n, seed=3)
        store.add_rows("small", rows if synthetic else rows.assign(synthetic=False), instrument)
    store.open_study("small")


def test_without_a_study_the_screen_says_how_to_begin(store: Store) -> None:
    assert EN("results.no_study") in shown(opened())


def test_without_answers_there_is_a_way_to_the_questionnaire(store: Store) -> None:
    small_study(store, 0)
    app = opened()
    assert EN("results.no_answers") in shown(app)
    assert app.get("link_button")[0].proto.url == "/s/small"


def test_the_demo_shows_everything_the_analysis_says(store: Store) -> None:
    add_demo(store)
    app = opened()
    assert [metric.value for metric in app.metric] == ["0", "0", "150", "150", "0"]
    text = shown(app)
    assert EN("results.synthetic") in text
    assert EN("results.n", n=150) in text
    assert EN("results.hedge") in text
    scores = score(store.rows(SLUG), load_instrument("psi_core"))
    fit = fit_paths(parse_model(app.text_area[0].value), scores)
    labels = {scale.id: scale.label["en"] for scale in load_instrument("psi_core").scales}
    expected = table_coefficients(fit, "en", labels=labels).frame
    assert app.table[0].value.reset_index(drop=True).to_numpy().tolist() == expected.to_numpy().tolist()
    explained = apa_number(fit.summary["r_squared"].iloc[-1], bounded=True)
    assert EN("results.explained", outcome="Purchase intention", r_squared=explained) in text
    assert len(app.get("vega_lite_chart")) == 2
    assert len(app.get("download_button")) == 7


def test_the_result_follows_the_model_and_a_mistake_is_a_calm_sentence(store: Store) -> None:
    add_demo(store)
    app = opened()
    app.text_area[0].set_value("purchase ~ psi").run()
    assert len(app.table[0].value) == 2
    app.text_area[0].set_value("purchase ~ psy").run()
    assert not app.exception
    assert "Did you mean psi" in said(app)
    pictures = [button.label for button in app.get("download_button") if "PNG" in button.label]
    assert pictures == [EN("results.download_picture", name=EN("results.bond"))]
    app.text_area[0].set_value("nonsense").run()
    assert not app.exception
    assert "holds no ~" in said(app)
    back = next(button for button in app.button if button.label == EN("results.model_reset"))
    back.click().run()
    assert not app.warning
    assert app.text_area[0].value.startswith("psi")


def test_errors_and_level_change_the_intervals(store: Store) -> None:
    add_demo(store)
    app = opened()
    first = app.table[0].value
    app.segmented_control(key="level").set_value(0.99).run()
    assert "99 % CI" in app.table[0].value.columns
    app.segmented_control(key="level").set_value(0.95).run()
    app.segmented_control(key="errors").set_value("classical").run()
    classical = app.table[0].value
    assert classical["B"].tolist() == first["B"].tolist()
    assert classical["SE"].tolist() != first["SE"].tolist()


def test_in_dutch(store: Store) -> None:
    add_demo(store)
    app = opened()
    app.segmented_control(key="language").set_value("nl").run()
    text = shown(app)
    assert NL("results.hedge") in text
    assert NL("results.synthetic") in text
    assert "Voorspeller" in app.table[0].value.columns


def test_answers_of_people_are_not_called_synthetic_and_a_title_is_no_markup(store: Store) -> None:
    small_study(store, 80)
    text = shown(opened())
    assert EN("results.synthetic") not in text
    assert EN("results.synthetic_answers") not in text
    assert r"A \*bold\* study" in text


def test_too_few_answers_are_a_sentence_and_no_error(store: Store) -> None:
    small_study(store, 2)
    app = opened()
    assert "complete rows" in said(app)
    assert EN("results.n", n=2) in shown(app)


def test_a_new_answer_is_counted_and_analysed(store: Store) -> None:
    small_study(store, 60)
    app = opened()
    instrument = load_instrument("psi_core")
    store.add_rows("small", simulate_answers(instrument, 5, seed=9).assign(synthetic=False), instrument)
    app.run()
    assert EN("results.n", n=65) in shown(app)
    assert str(app.table[-1].value["n"].max()) == "65"


def test_answers_of_people_among_simulated_ones_are_told_apart(store: Store) -> None:
    add_demo(store)
    instrument = load_instrument("psi_core")
    store.add_rows(SLUG, simulate_answers(instrument, 1, seed=9).assign(synthetic=False), instrument)
    text = shown(opened())
    assert EN("results.mixed") in text
    assert EN("results.mixed_answers") in text


def test_a_store_that_is_away_is_a_sentence_and_comes_back(store: Store, tmp_path: Path) -> None:
    small_study(store, 60)
    app = opened()
    file, hidden = tmp_path / "store.sqlite", tmp_path / "hidden.sqlite"
    forget()
    store.close()
    file.rename(hidden)
    file.mkdir()
    app.run()
    assert not app.exception
    assert [error.value for error in app.error] == [EN("results.away")]
    file.rmdir()
    hidden.rename(file)
    app.run()
    assert not app.error
    assert EN("results.n", n=60) in shown(app)
