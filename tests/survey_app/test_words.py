"""Interface texts: complete in every language, and filled in the same way."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import survey_app.words
from survey_app.words import RESPONDENT, TEXTS, direction, languages, researcher_languages, words


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def read_by_respondents(key: str) -> bool:
    return key.partition(".")[0] in RESPONDENT


def test_researchers_read_english_and_dutch_and_respondents_german_too() -> None:
    assert languages()[0] == researcher_languages()[0] == "en"
    assert {"en", "nl"} <= set(researcher_languages())
    assert "de" in languages()


def test_a_further_language_is_a_further_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(TEXTS, tmp_path / "text")
    german = (TEXTS / "de.toml").read_text(encoding="utf-8")
    frisian = german.replace('name = "Deutsch"', 'name = "Frysk"')
    (tmp_path / "text" / "fy.toml").write_text(frisian, encoding="utf-8")
    monkeypatch.setattr(survey_app.words, "TEXTS", tmp_path / "text")
    kept = (languages, words, researcher_languages, survey_app.words._file)
    for each in kept:
        each.cache_clear()
    try:
        assert "fy" in languages() and words("fy")("language.name") == "Frysk"
        assert words("fy").language == "fy" and words("fy")("language.continue") == "Weiter auf Deutsch"
        assert "fy" not in researcher_languages()  # it has what respondents read, and no more
    finally:
        monkeypatch.undo()
        for each in kept:
            each.cache_clear()
    assert "fy" not in languages()


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
def test_every_language_has_the_keys_and_placeholders_of_english(language: str) -> None:
    english = words("en").texts
    with (TEXTS / f"{language}.toml").open("rb") as file:
        own = flat(tomllib.load(file))
    wanted = english if language == "nl" else {key: text for key, text in english.items() if read_by_respondents(key)}
    assert not set(wanted) - set(own)
    assert not set(own) - set(english)
    assert {key: placeholders(english[key]) for key in own} == {key: placeholders(text) for key, text in own.items()}


def flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in tables.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


@pytest.mark.parametrize(("language", "written"), [("nl", "ltr"), ("de", "ltr"), ("ar", "rtl"), ("he", "rtl")])
def test_the_direction_of_a_language(language: str, written: str) -> None:
    assert direction(language) == written


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
