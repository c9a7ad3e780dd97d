"""Tables as a paper prints them: labelled, rounded, in English or Dutch, and never without their notes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.fit import INTERCEPT, Fit
from analysis.moments import Moments, as_moments
from analysis.paths import ARROW
from analysis.scoring import Scores
from analysis.vocabulary import vocabulary

if TYPE_CHECKING:
    from analysis.moderation import Moderation

MINUS = "\N{MINUS SIGN}"
SUMS = ("total_indirect", "total")
"""Kinds of effects that their path alone does not tell from another."""
_SHOWN_FIRST = ("percentile", "t")
"""Of several tests of one planned effect people are shown the first of these that there is."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table to be read by people: texts in labelled columns, a title, and what must stand below it."""

    title: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The table as aligned plain text; the first column stands left, the others right."""
        rows = [list(map(str, self.frame.columns)), *self.frame.astype(str).to_numpy().tolist()]
        widths = [max(_width(row[place]) for row in rows) for place in range(len(rows[0]))]
        left = [place == 0 or not _numeric(row[place] for row in rows[1:]) for place in range(len(widths))]
        lines = [
            "  ".join(_padded(cell, width, at) for cell, width, at in zip(row, widths, left, strict=True)).rstrip()
            for row in rows
        ]
        rule = "-" * max(map(_width, lines))
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *self.notes])


def apa_number(value: float, *, digits: int = 2, bounded: bool = False) -> str:
    """How does APA style print this number? Empty text where there is none.

    Parameters
    ----------
    value : float
    digits : int
        Decimals.
    bounded : bool
        True for statistics that stay within -1 and 1 (r, beta, R squared, alpha): no zero before the point.

    Returns
    -------
    str
        Rounded half to even in binary, with a true minus sign; zero has no sign.

    Checked against
    ---------------
    Any number read back from print: tests/analysis/test_tables.py.

    Examples
    --------
    >>> apa_number(0.4164, bounded=True), apa_number(-0.004), apa_number(12.345), apa_number(float("nan"))
    ('.42', '0.00', '12.35', '')
    """
    if value is None or not np.isfinite(value):
        return ""
    text = f"{abs(value):.{digits}f}"
    if bounded and text.startswith("0."):
        text = text[1:]
    sign = MINUS if value < 0 and any(digit in text for digit in "123456789") else ""
    return sign + text


def apa_p(p: float) -> str:
    """How does APA style print this p value?

    Parameters
    ----------
    p : float

    Returns
    -------
    str
        Three decimals, never zero and never one; empty where there is none.

    Checked against
    ---------------
    Any probability: tests/analysis/test_tables.py.

    Examples
    --------
    >>> apa_p(0.0031), apa_p(2e-9), apa_p(0.99998)
    ('.003', '< .001', '> .999')
    """
    if p is None or not np.isfinite(p):
        return ""
    if p < 0.001:
        return "< .001"
    return "> .999" if p > 0.999 else apa_number(p, digits=3, bounded=True)


def apa_interval(low: float, high: float, *, digits: int = 2, bounded: bool = False) -> str:
    """How does APA style print this interval?

    Parameters
    ----------
    low, high : float
    digits : int
    bounded : bool
        As in `apa_number`.

    Returns
    -------
    str
        Both limits in square brackets; empty where one is missing.

    Checked against
    ---------------
    The limits of a fit: tests/analysis/test_tables.py.

    Examples
    --------
    >>> apa_interval(0.31, 0.529, bounded=True)
    '[.31, .53]'
    """
    limits = [apa_number(limit, digits=digits, bounded=bounded) for limit in (low, high)]
    return f"[{limits[0]}, {limits[1]}]" if all(limits) else ""


def bounded_number(value: float) -> str:
    """How does APA style print a number that stays within -1 and 1?

    Parameters
    ----------
    value : float

    Returns
    -------
    str
        Two decimals, no zero before the point.

    Checked against
    ---------------
    `apa_number`, cell by cell in tests/analysis/test_tables.py.

    Examples
    --------
    >>> bounded_number(-0.417)
    '−.42'
    """
    return apa_number(value, bounded=True)


def percent(level: float) -> str:
    """Which number stands before the percent sign of this share?

    Parameters
    ----------
    level : float
        From 0 to 1.

    Returns
    -------
    str

    Checked against
    ---------------
    Headings of `table_coefficients`: tests/analysis/test_tables.py.

    Examples
    --------
    >>> percent(0.95), percent(0.999)
    ('95', '99.9')
    """
    return f"{100 * level:g}"


def intervals(found: pd.DataFrame, of: str = "conf", *, digits: int = 2, bounded: bool = False) -> list[str]:
    """How does APA style print the interval of each row?

    Parameters
    ----------
    found : DataFrame
        With the columns `<of>_low` and `<of>_high`.
    of : str
    digits : int
    bounded : bool
        As in `apa_number`.

    Returns
    -------
    list of str

    Checked against
    ---------------
    The limits of a fit, through `table_coefficients`: tests/analysis/test_tables.py.

    Examples
    --------
    >>> intervals(pd.DataFrame({"conf_low": [0.1, np.nan], "conf_high": [0.3, 1.0]}))
    ['[0.10, 0.30]', '']
    """
    limits = zip(found[f"{of}_low"], found[f"{of}_high"], strict=True)
    return [apa_interval(low, high, digits=digits, bounded=bounded) for low, high in limits]


def interval_heading(level: float, words: Mapping[str, str], *, of: str = "") -> str:
    """What stands above a column of intervals?

    Parameters
    ----------
    level : float
    words : mapping of str to str
        As from `vocabulary`.
    of : str
        What the interval is of, in a table that has several.

    Returns
    -------
    str

    Checked against
    ---------------
    Headings of `table_coefficients`: tests/analysis/test_tables.py.

    Examples
    --------
    >>> interval_heading(0.9, vocabulary("nl")), interval_heading(0.95, vocabulary("en"), of="β")
    ('90 %-BI', 'β: 95 % CI')
    """
    heading = words["columns.interval"].format(level=percent(level))
    return f"{of}: {heading}" if of else heading


def notes_below(words: Mapping[str, str], *, synthetic: bool, level: float | None = None) -> tuple[str, ...]:
    """What must stand below a table, whatever it shows?

    Parameters
    ----------
    words : mapping of str to str
        As from `vocabulary`.
    synthetic : bool
        Were any answers simulated?
    level : float or None
        Confidence level of the table's intervals, where it has any.

    Returns
    -------
    tuple of str

    Checked against
    ---------------
    Every table of synthetic data, such as `table_effects`: tests/analysis/test_tables.py.

    Examples
    --------
    >>> notes_below(vocabulary("en"), synthetic=False)
    ()
    """
    marked = (words["synthetic_note"],) if synthetic else ()
    return marked if level is None else (*marked, words["notes.interval"].format(level=percent(level)))


def lower_triangle(values: np.ndarray, *, diagonal: bool = False) -> dict[str, list[str]]:
    """Which cells stand in the numbered columns of a triangular table?

    Parameters
    ----------
    values : ndarray of shape (p, p)
        Numbers that stay within -1 and 1.
    diagonal : bool
        Whether the diagonal is shown.

    Returns
    -------
    dict of str to list of str
        Column number to its p cells, empty above the diagonal; without the diagonal the last column falls away.

    Checked against
    ---------------
    pandas, through `table_descriptives`: tests/analysis/test_tables.py.

    Examples
    --------
    >>> lower_triangle(np.array([[1.0, 0.5], [0.5, 1.0]]))
    {'1': ['', '.50']}
    """
    size, shift = len(values), 0 if diagonal else 1
    return {
        str(column + 1): ["" if row < column + shift else bounded_number(values[row, column]) for row in range(size)]
        for column in range(size - shift)
    }


def regions_told(found: Moderation, template: str, words: Mapping[str, str]) -> list[str]:
    """Between which values of the moderator has the slope which sign?

    Parameters
    ----------
    found : Moderation
    template : str
        With `{low}`, `{high}` and `{sign}`.
    words : mapping of str to str
        As from `vocabulary`.

    Returns
    -------
    list of str
        A text per region, lowest first.

    Checked against
    ---------------
    The regions of the moderation, below `table_slopes`: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> one = SimpleNamespace(regions=pd.DataFrame({"low": [1.0], "high": [2.5], "sign": ["positive"]}))
    >>> regions_told(one, "{low}-{high}: {sign}", vocabulary("en"))
    ['1.00-2.50: positive']
    """
    return [
        template.format(low=apa_number(row["low"]), high=apa_number(row["high"]), sign=words[f"alt.{row['sign']}"])
        for row in found.regions.to_dict("records")
    ]


def of_shown_test(rows: pd.DataFrame) -> pd.DataFrame:
    """Which rows of one planned effect are people shown, of the several tests it has?

    Parameters
    ----------
    rows : DataFrame
        Rows of `Plan.power` or `Plan.needed`, with their `test`.

    Returns
    -------
    DataFrame
        Those of the percentile bootstrap, else of t, else of the test that comes first.

    Checked against
    ---------------
    The sizes that `table_needed` shows: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> found = pd.DataFrame({"test": ["sobel", "percentile", "sobel"], "n": [50, 60, 70]})
    >>> of_shown_test(found)["n"].tolist(), of_shown_test(found.iloc[::2])["n"].tolist()
    ([60], [50, 70])
    """
    known = list(rows["test"])
    return rows[rows["test"] == next((test for test in _SHOWN_FIRST if test in known), known[0])]


def table_coefficients(fit: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """Which estimates does the model give, and how sure are they?

    Parameters
    ----------
    fit : Fit
    language : {"en", "nl"}
    labels : mapping of str to str or None
        Names of variables as they should be read; the column's name where none is given.

    Returns
    -------
    Table
        One row per outcome and term: B (units of the outcome per unit of the term) with its interval, beta
        (standardised), standard error, t (or z where the degrees of freedom are infinite) with df, p and, where the
        fit holds it, the zero-order correlation r.

    Checked against
    ---------------
    Every cell from the fit itself: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> from analysis.regression import fit_regression
    >>> data = from_correlations(["psi", "purchase"], np.array([[1, 0], [0.42, 1]]), n=574, source="a table")
    >>> table_coefficients(fit_regression(parse_model("purchase ~ psi"), data)).frame.iloc[0].tolist()
    ['purchase', 'psi', '0.42', '[0.35, 0.49]', '.42', '0.04', '11.07', '572', '< .001', '.42']
    """
    words = vocabulary(language)
    found = fit.coefficients
    named = Labels(labels, words)
    columns = {
        words["columns.outcome"]: found["outcome"].map(named),
        words["columns.term"]: found["term"].map(named),
        words["columns.estimate"]: found["estimate"].map(apa_number),
        interval_heading(fit.level, words): intervals(found),
        words["columns.std_estimate"]: _beta(found),
        words["columns.std_error"]: found["std_error"].map(apa_number),
        words["columns.z" if np.isinf(found["df"]).all() else "columns.t"]: found["statistic"].map(apa_number),
        words["columns.df"]: found["df"].map(_degrees),
        words["columns.p"]: found["p_value"].map(apa_p),
    }
    if "correlation" in found:
        columns[words["columns.correlation"]] = found["correlation"].map(bounded_number)
    return Table(words["titles.coefficients_many"], pd.DataFrame(columns), _notes(fit, words))


def table_summary(fit: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How much of each outcome does the model explain?

    Parameters
    ----------
    fit : Fit
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per outcome: n, R squared, adjusted R squared, F and its p.

    Checked against
    ---------------
    Every cell from the fit itself: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> table_summary(fit_paths(gao.model, gao.moments())).frame.iloc[0].tolist()
    ['sop', '378', '.51', '.50', '128.31', '< .001']
    """
    words = vocabulary(language)
    found = fit.summary
    columns = {
        words["columns.outcome"]: found["outcome"].map(Labels(labels, words)),
        words["columns.n"]: found["n"].map(str),
        words["columns.r_squared"]: found["r_squared"].map(bounded_number),
        words["columns.adj_r_squared"]: found["adj_r_squared"].map(bounded_number),
        words["columns.f"]: found["f_statistic"].map(apa_number),
        words["columns.p"]: found["f_p_value"].map(apa_p),
    }
    return Table(words["titles.summary"], pd.DataFrame(columns), notes_below(words, synthetic=fit.synthetic))


def table_effects(fit: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """Along which paths does a cause reach an effect, and how much of it?

    Parameters
    ----------
    fit : Fit
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per effect: its kind, its path, B with interval, beta (with its interval where the fit holds one) and
        standard error. Three decimals, because indirect effects are products and small.

    Checked against
    ---------------
    Every cell from the fit itself: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> table_effects(fit_paths(gao.model, gao.moments())).frame["Path"].tolist()[:2]
    ['lik → sop', 'lik → tel']
    """
    words = vocabulary(language)
    found = fit.effects
    named = Labels(labels, words)
    columns = {
        words["columns.kind"]: found["kind"].map(lambda kind: words[f"kinds.{kind}"]),
        words["columns.path"]: found["path"].map(named.path),
        words["columns.estimate"]: found["estimate"].map(_three),
        interval_heading(fit.level, words): intervals(found, digits=3),
        words["columns.std_estimate"]: found["std_estimate"].map(lambda beta: apa_number(beta, digits=3, bounded=True)),
    }
    if "std_conf_low" in found:
        of_beta = interval_heading(fit.level, words, of=words["columns.std_estimate"])
        columns[of_beta] = intervals(found, "std_conf", digits=3, bounded=True)
    columns[words["columns.std_error"]] = found["std_error"].map(_three)
    return Table(words["titles.effects"], pd.DataFrame(columns), _notes(fit, words))


def table_reliability(
    reliability: pd.DataFrame,
    language: str = "en",
    *,
    level: float = 0.95,
    synthetic: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Table:
    """How consistently do the items of each scale answer together?

    Parameters
    ----------
    reliability : DataFrame
        What `analysis.reliability.reliability_table` gives: scale, items, n, alpha, conf_low, conf_high and, where
        it is there, omega.
    language : {"en", "nl"}
    level : float
        The confidence level of its intervals.
    synthetic : bool
        Were any answers simulated?
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per scale: items, n, alpha with its interval and, where it is there, omega.

    Checked against
    ---------------
    Every cell from the reliability table itself: tests/analysis/test_tables.py.

    Examples
    --------
    >>> found = {"scale": ["psi"], "items": [8], "n": [572], "alpha": [0.91], "conf_low": [0.9], "conf_high": [0.92]}
    >>> table_reliability(pd.DataFrame(found)).frame.iloc[0].tolist()
    ['psi', '8', '572', '.91', '[.90, .92]']
    """
    words = vocabulary(language)
    columns = {
        words["columns.scale"]: reliability["scale"].map(Labels(labels, words)),
        words["columns.items"]: reliability["items"].map(str),
        words["columns.n"]: reliability["n"].map(str),
        words["columns.alpha"]: reliability["alpha"].map(bounded_number),
        interval_heading(level, words): intervals(reliability, bounded=True),
    }
    if "omega" in reliability:
        columns[words["columns.omega"]] = reliability["omega"].map(bounded_number)
    if "spearman_brown" in reliability and reliability["spearman_brown"].notna().any():
        columns[words["columns.spearman_brown"]] = reliability["spearman_brown"].map(bounded_number)
    return Table(words["titles.reliability"], pd.DataFrame(columns), notes_below(words, synthetic=synthetic))


def table_descriptives(
    data: Scores | Moments, names: Sequence[str], language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Table:
    """What are the means and spreads of these variables, and how do they go together?

    Parameters
    ----------
    data : Scores or Moments
    names : sequence of str
        Which variables, in this order.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per variable: mean, standard deviation (n - 1) and the correlations with the variables above it,
        numbered, over the rows complete on all of them.

    Raises
    ------
    DataError
        For unknown or constant columns and too few complete rows.

    Checked against
    ---------------
    pandas: tests/analysis/test_tables.py.

    Examples
    --------
    >>> from analysis.published import load_published
    >>> table_descriptives(load_published("gao_2023").moments(), ["lik", "pin"]).frame.iloc[1].tolist()
    ['2. pin', '3.94', '0.83', '.54']
    """
    words = vocabulary(language)
    moments = as_moments(data, list(names))
    named = Labels(labels, words)
    frame = pd.DataFrame(
        {
            words["columns.variable"]: [f"{place}. {named(name)}" for place, name in enumerate(names, start=1)],
            words["columns.mean"]: [apa_number(mean) for mean in moments.mean],
            words["columns.sd"]: [apa_number(sd) for sd in moments.sd],
        }
    )
    frame = frame.assign(**lower_triangle(moments.correlations))
    notes = (*notes_below(words, synthetic=moments.synthetic), words["notes.missing"].format(n=moments.n))
    return Table(words["titles.descriptives"], frame, notes)


class Labels:
    """Names of variables as people read them; product terms and paths part by part."""

    def __init__(self, labels: Mapping[str, str] | None, words: Mapping[str, str]) -> None:
        self._labels = {INTERCEPT: words["terms.intercept"], **(labels or {})}

    def __call__(self, name: str) -> str:
        """The column's name as people read it."""
        return " × ".join(self._labels.get(part, part) for part in name.split(":"))

    def path(self, path: str) -> str:
        """A path text, `a -> b` or `b ~ a`, as people read it."""
        return " → ".join(self.steps(path))

    def steps(self, path: str) -> Iterator[str]:
        """The variables along a path text as people read them, the cause first."""
        outcome, tilde, cause = path.partition(" ~ ")
        return map(self, [cause, outcome] if tilde else path.split(ARROW))


def _three(value: float) -> str:
    return apa_number(value, digits=3)


def _degrees(df: float) -> str:
    return "" if not np.isfinite(df) else f"{df:.0f}" if float(df).is_integer() else f"{df:.1f}"


def _beta(found: pd.DataFrame) -> list[str]:
    """The intercept has no standardised estimate to report: after standardising it is zero by construction."""
    pairs = zip(found["term"], found["std_estimate"], strict=True)
    return ["" if term == INTERCEPT else bounded_number(beta) for term, beta in pairs]


def _notes(fit: Fit, words: Mapping[str, str]) -> tuple[str, ...]:
    return (*notes_below(words, synthetic=fit.synthetic, level=fit.level), *fit.notes)


def _width(text: str) -> int:
    return sum(unicodedata.combining(character) == 0 for character in text)


def _padded(text: str, width: int, left: bool) -> str:
    gap = " " * (width - _width(text))
    return text + gap if left else gap + text


def _numeric(cells: Iterable[str]) -> bool:
    return all(not cell or not any(character.isalpha() for character in cell) for cell in cells)
