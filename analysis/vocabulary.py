"""Words on tables and charts, in the languages of data/words."""

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

    Examples
    --------
    >>> vocabulary("nl")["columns.term"]
    'Voorspeller'
    """
    known = sorted(path.stem for path in data_file("words").glob("*.toml"))
    if language not in known:
        problem = Problem(f"language '{language}'", "tables and charts do not speak it", f"Use {' or '.join(known)}.")
        raise DataError(problem)
    return _words(language)


@cache
def _words(language: str) -> Mapping[str, str]:
    with data_file("words", f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, str):
            pairs.append((prefix + name, value))
        else:
            pairs.extend(_flat(value, f"{prefix}{name}."))
    return pairs
