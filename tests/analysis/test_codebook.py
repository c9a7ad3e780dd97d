from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from analysis.codebook import PARADATA, codebook, paradata_codebook
from analysis.errors import DataError, InstrumentError
from analysis.instrument import METADATA, load_instrument
from analysis.scoring import score
from analysis.simulate import simulate_answers
from analysis.vocabulary import codebook_languages, codebook_words

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


SHOWCASE = load_instrument("showcase")


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_kind_of_question_is_explained_column_by_column(language: str) -> None:
    book = codebook(SHOWCASE, language)
    rows = simulate_answers(SHOWCASE, 5, seed=1)
    assert book["id"].is_unique
    assert set(rows.columns) <= set(book["id"]) and "welcome" not in set(book["id"])
    assert {column.name for item in SHOWCASE.items for column in item.columns} <= set(rows.columns)
    book = book.set_index("id")
    assert book["missing"].dropna().unique().tolist() == [-99]
    assert all(
        ("-99 = " in values) == pd.notna(code) for values, code in zip(book["values"], book["missing"], strict=True)
    )


def test_choices_ranks_words_ends_and_codes() -> None:
    book = codebook(SHOWCASE, "en").set_index("id")
    assert book.loc["topics_98", "label"] == "What do you like to see? [other]"
    assert book.loc["topics_1", "values"] == "0 = not chosen; 1 = chosen; -99 = prefers not to say"
    assert book.loc["reasons_4", "values"] == "1 – 4; -99 = prefers not to say"
    assert str(book.loc["place", "values"]).endswith("4 = A podcast; -98 = other; -99 = prefers not to say")
    assert book.loc["place_other", "values"] == "" and "words" in str(book.loc["place_other", "label"])
    assert "thinks just as I do" in str(book.loc["alike1", "label"])
    assert book.loc["warmth", "values"] == "0 – 100; -99 = prefers not to say"
    assert book.loc["agreed", "values"] == "1 = agreed"
    assert book.loc["first_seen", "values"] == "-99 = prefers not to say"


@pytest.mark.parametrize("language", codebook_languages())
def test_how_people_answered_is_explained_column_by_column(language: str) -> None:
    book = paradata_codebook(language)
    words = codebook_words(language)
    assert book["id"].tolist() == list(PARADATA)
    assert book["label"].is_unique
    assert set(book["label"]) <= set(words.values())
    assert set(words) == set(codebook_words("en"))
    with pytest.raises(DataError, match="codebooks do not speak it"):
        paradata_codebook("xx")


@pytest.mark.parametrize(("language", "label"), [("en", "This influencer is a"), ("nl", "Deze influencer is een")])
def test_no_placeholder_is_left_in_the_label_of_a_question(language: str, label: str) -> None:
    labels = codebook(load_instrument("psi_core"), language).set_index("id")["label"]
    assert labels["physical1"].startswith(label)
    assert not labels.str.contains("{", regex=False).any()
