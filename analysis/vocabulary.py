"""Words on tables and charts, in the languages of data/words, and in codebooks, in those of data/codebook."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from analysis.datafiles import data_file
from analysis.errors import DataError, Problem


def vocabulary(language: str) -> Mapping[str, str]:
    """Which words do tables and charts use in this language?

    Parameters
    ----------
    language : str
        `en` or `nl`.

    Returns
    -------
    mapping of str to str
        Keys such as `columns.term`; values with placeholders for `str.format`.

    Raises
    ------
    DataError
        For a language without a file; the message names those there are.

    Checked against
    ---------------
    The same words and places to fill in every language: tests/analysis/test_tables.py.

    Examples
    --------
    >>> vocabulary("nl")["columns.term"]
    'Voorspeller'
    """
    return _spoken("words", language, "tables and charts do not speak it")


def codebook_words(language: str) -> Mapping[str, str]:
    """What are the columns of an export called in this language, and the answers Parasol adds by itself?

    Parameters
    ----------
    language : str
        `en`, `nl` or `de`.

    Returns
    -------
    mapping of str to str
        Keys such as `metadata.started`, `paradata.page_ms` and `answers.declined`.

    Raises
    ------
    DataError
        For a language without a file; the message names those there are.

    Checked against
    ---------------
    Every column in every language, by `paradata_codebook` and `codebook`: tests/analysis/test_codebook.py.

    Examples
    --------
    >>> codebook_words("de")["metadata.finished"]
    'Ende (UTC)'
    """
    return _spoken("codebook", language, "codebooks do not speak it")


def codebook_languages() -> tuple[str, ...]:
    """In which languages can a codebook be written?

    Returns
    -------
    tuple of str
        Their codes, in alphabetical order.

    Checked against
    ---------------
    The words each of them has, by `codebook`: tests/analysis/test_codebook.py.

    Examples
    --------
    >>> codebook_languages()
    ('de', 'en', 'nl')
    """
    return _languages("codebook")


def _spoken(folder: str, language: str, otherwise: str) -> Mapping[str, str]:
    known = _languages(folder)
    if language not in known:
        raise DataError(Problem(f"language '{language}'", otherwise, f"Use {' or '.join(known)}."))
    return _words(folder, language)


@cache
def _languages(folder: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in data_file(folder).glob("*.toml")))


@cache
def _words(folder: str, language: str) -> Mapping[str, str]:
    with data_file(folder, f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, str):
            pairs.append((prefix + name, value))
        else:
            pairs.extend(_flat(value, f"{prefix}{name}."))
    return pairs
