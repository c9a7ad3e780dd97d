from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.codebook import codebook
from analysis.errors import InstrumentError
from analysis.instrument import METADATA, load_instrument
from analysis.scoring import score
from analysis.simulate import simulate_answers

CORE = load_instrument("psi_core")


@pytest.mark.parametrize("language", CORE.languages)
def test_every_column_of_rows_and_scores_is_explained_once(language: str) -> None:
    book = codebook(CORE, language)
    rows = simulate_answers(CORE, 5, seed=1)
    assert book["id"].is_unique
    assert set(rows.columns) | set(score(rows, CORE).frame.columns) <= set(book["id"])
    assert set(book["id"]) == {*METADATA, *(item.id for item in CORE.items), *(scale.id for scale in CORE.scales)}
    assert (book["label"].str.len() > 0).all()


def test_an_item_a_check_a_number_and_a_scale() -> None:
    book = codebook(CORE, "en").set_index("id")
    assert book.loc["physical3", "reverse"] and book.loc["physical3", "scale"] == "physical"
    assert str(book.loc["physical3", "values"]).startswith("1 = Strongly disagree; 2 = Disagree")
    assert book.loc["attention1", "check"] == 6 and book.loc["attention1", "scale"] == ""
    assert book.loc["age", "values"] == "16 – 110"
    assert book.loc["physical", "scale"] == "physical1, physical2, -physical3, physical4, -physical5"
    assert book.loc["physical", "values"] == "1 – 7"
    assert "McCroskey" in str(book.loc["physical", "source"])


def test_values_stand_in_order_and_open_bounds_stay_open() -> None:
    assert CORE.items[0].choices is not None
    turned = replace(CORE.items[0].choices, values=(7, 6, 5, 4, 3, 2, 1))
    age = replace(CORE.item("age"), minimum=None)
    items = (replace(CORE.items[0], choices=turned), *CORE.items[1:-3], age, *CORE.items[-2:])
    book = codebook(replace(CORE, items=items), "en").set_index("id")
    assert str(book.loc["exposure1", "values"]).startswith("1 = More than 4 years; 2 =")
    assert book.loc["age", "values"] == " – 110"


def test_a_language_the_questionnaire_lacks_is_refused() -> None:
    with pytest.raises(InstrumentError, match=r"'de'.*en or nl"):
        codebook(CORE, "de")
