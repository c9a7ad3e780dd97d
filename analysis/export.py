"""A fit to hand on: as JSON for programs, with the columns of `Fit` as they are, or as text for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.fit import COEFFICIENTS, EFFECTS, SUMMARY, Fit
from analysis.tables import table_coefficients, table_effects, table_reliability, table_summary

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Where a comma separates decimals (as in Dutch), Excel takes ; for the end of a cell, and looks for quotation marks
# only at the beginning of one, so that a line may end inside a text, too. What follows must not run either.
_FORMULA_WITHIN = re.compile(r"([;\t\r\n][\s\"]*)(?=[=@\uff1d\uff20]|[-+\uff0b\uff0d][\w(+=@\"-])")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?", re.ASCII)


def fit_as_json(fit: Fit, reliability: pd.DataFrame) -> str:
    """What does this fit say, in a form that any program reads?

    Parameters
    ----------
    fit : Fit
    reliability : DataFrame
        What `analysis.reliability.reliability_table` gives; empty where nothing was scored.

    Returns
    -------
    str
        An object with `n` (rows every estimate rests on; the smallest where outcomes differ), `synthetic`,
        `model`, `level`, `seed`, `coefficients`, `effects`, `summary`, `reliability` and `notes`. Numbers are
        unrounded; null stands where there is none.

    Checked against
    ---------------
    Read back, number by number: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> from analysis.regression import fit_regression
    >>> data = from_correlations(["psi", "purchase"], np.array([[1, 0], [0.42, 1]]), n=574, source="a table")
    >>> found = json.loads(fit_as_json(fit_regression(parse_model("purchase ~ psi"), data), pd.DataFrame()))
    >>> found["n"], found["coefficients"][0]["term"], found["effects"]
    (574, 'psi', [])
    """
    return as_json(fit_content(fit, reliability))


def fit_content(fit: Fit, reliability: pd.DataFrame) -> dict[str, Any]:
    """What does `fit_as_json` write, before it is written? A caller may add to it.

    Parameters
    ----------
    fit : Fit
    reliability : DataFrame
        As for `fit_as_json`.

    Returns
    -------
    dict

    Checked against
    ---------------
    What `fit_as_json` writes: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> fit_content(fit_paths(gao.model, gao.moments()), pd.DataFrame())["n"]
    378
    """
    return {
        "n": int(fit.summary["n"].min()),
        "synthetic": fit.synthetic,
        "model": str(fit.model),
        "level": fit.level,
        "seed": fit.seed,
        "coefficients": _records(fit.coefficients, COEFFICIENTS),
        "effects": _records(fit.effects, EFFECTS),
        "summary": _records(fit.summary, SUMMARY),
        "reliability": _records(reliability, ()),
        "notes": list(fit.notes),
    }


def as_json(content: Mapping[str, object]) -> str:
    """How does any program read this? Tables become lists of rows, and null stands where there is no finite number.

    Parameters
    ----------
    content : mapping of str to object
        Tables, mappings, lists, texts and numbers, NumPy's too.

    Returns
    -------
    str
        JSON without NaN or Infinity.

    Checked against
    ---------------
    A reader that refuses what is no number, through `fit_as_json`: tests/analysis/test_tables.py.

    Examples
    --------
    >>> print(as_json({"n": np.int64(2), "rows": pd.DataFrame({"psi": [0.5, np.nan]})}).replace("\\n", ""))
    {  "n": 2,  "rows": [    {      "psi": 0.5    },    {      "psi": null    }  ]}
    """
    return json.dumps(_plain(content), ensure_ascii=False, indent=2, allow_nan=False)


def fit_as_text(fit: Fit, reliability: pd.DataFrame, language: str = "en") -> str:
    """What does this fit say, in tables that a person reads on a terminal or pastes into a mail?

    Parameters
    ----------
    fit : Fit
    reliability : DataFrame
        What `analysis.reliability.reliability_table` gives; empty where nothing was scored.
    language : {"en", "nl"}

    Returns
    -------
    str
        The model, the tables that hold anything, and every note once.

    Checked against
    ---------------
    Its tables and their marks, in Dutch: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> fit_as_text(fit_paths(gao.model, gao.moments()), pd.DataFrame()).splitlines()[:2]
    ['sop ~ lik + ani + res', 'tel ~ lik + ani + res']
    """
    tables = [table_coefficients(fit, language), table_summary(fit, language)]
    if len(fit.effects):
        tables.append(table_effects(fit, language))
    if len(reliability):
        tables.append(table_reliability(reliability, language, level=fit.level, synthetic=fit.synthetic))
    notes = dict.fromkeys(note for table in tables for note in table.notes)
    return "\n\n".join([str(fit.model), *(str(replace(table, notes=())) for table in tables), "\n".join(notes)])


def rows_as_csv(rows: pd.DataFrame) -> bytes:
    """These rows as a CSV file that a spreadsheet opens as it should: UTF-8 with its mark, one line per row.

    Parameters
    ----------
    rows : DataFrame
        Any table.

    Returns
    -------
    bytes
        Texts that a spreadsheet would run as a formula (beginning with = + - @, tab or return) get an apostrophe, also
        behind a semicolon, a tab or the end of a line, where another country's Excel begins a cell; mere numbers, such
        as the -99 of those who prefer not to say, do not.

    Checked against
    ---------------
    Cells that a spreadsheet would run: tests/analysis/test_tables.py.

    Examples
    --------
    >>> rows_as_csv(pd.DataFrame({"influencer": ["=1+1"], "psi": [-1.5]})).decode("utf-8-sig").split()
    ['influencer,psi', "'=1+1,-1.5"]
    """
    safe = rows.copy()
    for name in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
        safe[name] = safe[name].map(_harmless, na_action="ignore")
    safe.columns = [_harmless(name) for name in safe.columns]
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def _harmless(cell: object) -> object:
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    within = _FORMULA_WITHIN.sub(r"\1'", cell)
    return f"'{within}" if cell.startswith(_FORMULA) else within


def _records(table: pd.DataFrame, first: Sequence[str]) -> list[dict[str, Any]]:
    names = [*first, *(name for name in table.columns if name not in first)]
    return [{name: _plain(row.get(name)) for name in names} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """A value JSON knows: no NumPy type, and null for what is no finite number."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, pd.DataFrame):
        return _records(value, ())
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if value is pd.NA or value is pd.NaT:
        return None
    return None if isinstance(value, float) and not np.isfinite(value) else value
