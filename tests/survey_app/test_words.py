"""Interface texts: complete in every language, and filled in the same way."""

from __future__ import annotations

from string import Formatter

import pytest

from survey_app.words import languages, words


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_english_and_dutch_are_there() -> None:
    assert {"en", "nl"} <= set(languages())


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
def test_every_language_has_the_keys_and_placeholders_of_english(language: str) -> None:
    english, other = words("en").texts, words(language).texts
    assert set(english) == set(other)
    assert {key: placeholders(text) for key, text in english.items()} == {
        key: placeholders(text) for key, text in other.items()
    }


@pytest.mark.parametrize("language", languages())
def test_no_text_is_empty(language: str) -> None:
    assert not [key for key, text in words(language).texts.items() if not text.strip()]


def test_a_text_is_filled_in() -> None:
    assert words("nl")("respondent.progress", page=3, pages=7) == "Pagina 3 van 7"


@pytest.mark.parametrize(("n", "text"), [(1, "about 1 minute left"), (2, "about 2 minutes left")])
def test_number_chooses_the_form(n: int, text: str) -> None:
    assert words("en")("respondent.left", n=n) == text


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    assert "{page.__class__}" in words("en")("respondent.progress", page="{page.__class__}", pages=7)


def test_a_language_without_texts_reads_english() -> None:
    assert words("xx").language == "en"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        words("en")("respondent.nowhere")
