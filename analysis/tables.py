"""Tables as a paper prints them: labelled, rounded, in English or Dutch, and never without their notes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.fit import INTERCEPT, Fit
from analysis.moments import Moments, as_moments
from analysis.scoring import Scores
from analysis.vocabulary import vocabulary

MINUS = "\N{MINUS SIGN}"


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
    """How does APA style print this p value? Three decimals, never zero and never one.

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
    """How does APA style print this interval? Empty text where a limit is missing.

    Examples
    --------
    >>> apa_interval(0.31, 0.529, bounded=True)
    '[.31, .53]'
    """
    limits = [apa_number(limit, digits=digits, bounded=bounded) for limit in (low, high)]
    return f"[{limits[0]}, {limits[1]}]" if all(limits) else ""


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
    notes = (words["synthetic_note"],) if fit.synthetic else ()
    return Table(words["titles.summary"], pd.DataFrame(columns), notes)


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
        One row per effect: its kind, its path, B with interval, beta and standard error. Three decimals, because
        indirect effects are products and small.
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
        words["columns.std_error"]: found["std_error"].map(_three),
    }
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
        One row per scale.
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
    notes = (words["synthetic_note"],) if synthetic else ()
    return Table(words["titles.reliability"], pd.DataFrame(columns), notes)


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
    """
    words = vocabulary(language)
    moments = as_moments(data, list(names))
    named = Labels(labels, words)
    correlations = moments.correlations
    frame = pd.DataFrame(
        {
            words["columns.variable"]: [f"{place}. {named(name)}" for place, name in enumerate(names, start=1)],
            words["columns.mean"]: [apa_number(mean) for mean in moments.mean],
            words["columns.sd"]: [apa_number(sd) for sd in moments.sd],
        }
    )
    for column in range(len(names) - 1):
        cells = [bounded_number(correlations[row, column]) if row > column else "" for row in range(len(names))]
        frame[str(column + 1)] = cells
    notes = [words["notes.missing"].format(n=moments.n)]
    if moments.synthetic:
        notes.insert(0, words["synthetic_note"])
    return Table(words["titles.descriptives"], frame, tuple(notes))


class Labels:
    """Names of variables as people read them; product terms and paths part by part."""

    def __init__(self, labels: Mapping[str, str] | None, words: Mapping[str, str]) -> None:
        self._labels = {INTERCEPT: words["terms.intercept"], **(labels or {})}

    def __call__(self, name: str) -> str:
        """The column's name as people read it."""
        return " × ".join(self._labels.get(part, part) for part in name.split(":"))

    def path(self, path: str) -> str:
        """A path text such as `a -> b` as people read it."""
        return " → ".join(self(part) for part in path.split(" -> "))


def bounded_number(value: float) -> str:
    """A number that stays within -1 and 1, as APA style prints it."""
    return apa_number(value, bounded=True)


def _three(value: float) -> str:
    return apa_number(value, digits=3)


def _degrees(df: float) -> str:
    return "" if not np.isfinite(df) else f"{df:.0f}" if float(df).is_integer() else f"{df:.1f}"


def _beta(found: pd.DataFrame) -> list[str]:
    """The intercept has no standardised estimate to report: after standardising it is zero by construction."""
    pairs = zip(found["term"], found["std_estimate"], strict=True)
    return ["" if term == INTERCEPT else bounded_number(beta) for term, beta in pairs]


def intervals(found: pd.DataFrame, *, digits: int = 2, bounded: bool = False) -> list[str]:
    """The interval of each row, from its columns `conf_low` and `conf_high`."""
    limits = zip(found["conf_low"], found["conf_high"], strict=True)
    return [apa_interval(low, high, digits=digits, bounded=bounded) for low, high in limits]


def interval_heading(level: float, words: Mapping[str, str]) -> str:
    """What stands above a column of intervals."""
    return words["columns.interval"].format(level=f"{100 * level:g}")


def _notes(fit: Fit, words: Mapping[str, str]) -> tuple[str, ...]:
    synthetic = (words["synthetic_note"],) if fit.synthetic else ()
    return (*synthetic, words["notes.interval"].format(level=f"{100 * fit.level:g}"), *fit.notes)


def _width(text: str) -> int:
    return sum(unicodedata.combining(character) == 0 for character in text)


def _padded(text: str, width: int, left: bool) -> str:
    gap = " " * (width - _width(text))
    return text + gap if left else gap + text


def _numeric(cells: Iterable[str]) -> bool:
    return all(not cell or not any(character.isalpha() for character in cell) for cell in cells)
