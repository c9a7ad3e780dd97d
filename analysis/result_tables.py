"""Tables beside the fit itself: who was left out, without whom, importance, residuals, other studies, plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.diagnostics import Diagnostics
from analysis.errors import DataError, Problem
from analysis.fit import INTERCEPT, Fit
from analysis.importance import Dominance
from analysis.moderation import Moderation
from analysis.power import Plan
from analysis.published import Published
from analysis.quality import EVIDENCE, REASONS
from analysis.tables import (
    SUMS,
    Labels,
    Table,
    apa_number,
    apa_p,
    bounded_number,
    interval_heading,
    intervals,
    notes_below,
    of_shown_test,
    regions_told,
)
from analysis.vocabulary import vocabulary

_SIGNS = {"+": "positive", "0": "none", "-/0": "negative_or_none"}


def table_signs(flags: pd.DataFrame, language: str = "en", *, synthetic: bool = False) -> Table:
    """How many rows show which sign of careless answering?

    Parameters
    ----------
    flags : DataFrame
        What `analysis.quality.flag_careless` gives.
    language : {"en", "nl"}
    synthetic : bool
        Were any answers simulated?

    Returns
    -------
    Table
        One row per sign: how much it weighs, how many rows show it, and their share of all rows.

    Checked against
    ---------------
    Every cell from the flags: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.quality import flag_careless, rating_instrument
    >>> rows = pd.DataFrame({"a": [3, 1, 2], "b": [3, 2, 1], "c": [3, 3, 3]})
    >>> table = table_signs(flag_careless(rows, rating_instrument(rows))).frame
    >>> table[table["Rows"] != "0"].to_numpy().tolist()
    [['Same answer over and over', 'evidence', '1', '33.3']]
    """
    words = vocabulary(language)
    rows = [int(flags[reason].sum()) for reason in REASONS]
    columns = {
        words["columns.sign"]: [words[f"reasons.{reason}"] for reason in REASONS],
        words["columns.weight"]: [words["marks.evidence" if one in EVIDENCE else "marks.hint"] for one in REASONS],
        words["columns.rows"]: [str(count) for count in rows],
        "%": [apa_number(100 * count / max(len(flags), 1), digits=1) for count in rows],
    }
    return Table(words["titles.signs"], pd.DataFrame(columns), notes_below(words, synthetic=synthetic))


def table_flow(flow: pd.DataFrame, language: str = "en", *, synthetic: bool = False) -> Table:
    """How many rows are left after each reason for exclusion?

    Parameters
    ----------
    flow : DataFrame
        What `analysis.quality.exclusion_flow` gives.
    language : {"en", "nl"}
    synthetic : bool

    Returns
    -------
    Table
        One row per step; who is excluded at a step showed no earlier reason.

    Checked against
    ---------------
    Every cell from the flow: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> flow = {"reason": ["all", "too_fast"], "flagged": [0, 3], "excluded": [0, 3], "remaining": [40, 37]}
    >>> table_flow(pd.DataFrame(flow)).frame.iloc[:, 1:].to_numpy().tolist()
    [['', '', '40'], ['3', '3', '37']]
    """
    words = vocabulary(language)
    begun = flow["reason"] == "all"
    columns = {
        words["columns.step"]: [words[f"reasons.{reason}"] for reason in flow["reason"]],
        words["columns.showing"]: flow["flagged"].map(str).mask(begun, ""),
        words["columns.excluded"]: flow["excluded"].map(str).mask(begun, ""),
        words["columns.remaining"]: flow["remaining"].map(str),
    }
    return Table(words["titles.flow"], pd.DataFrame(columns), notes_below(words, synthetic=synthetic))


def table_flagged(flags: pd.DataFrame, language: str = "en", *, most: int = 40, synthetic: bool = False) -> Table:
    """Whose answers deserve a second look, and why?

    Parameters
    ----------
    flags : DataFrame
        What `analysis.quality.flag_careless` gives.
    language : {"en", "nl"}
    most : int
        How many rows at most, those with most reasons first.
    synthetic : bool

    Returns
    -------
    Table
        One row per flagged row of the answers (numbered from 1, as in the file of answers) with its reasons.

    Checked against
    ---------------
    The rows flagged and their reasons: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.quality import flag_careless, rating_instrument
    >>> rows = pd.DataFrame({"a": [3, 1, 2], "b": [3, 2, 1], "c": [3, 3, 3]})
    >>> table_flagged(flag_careless(rows, rating_instrument(rows))).frame.to_numpy().tolist()
    [['1', 'Same answer over and over']]
    """
    words = vocabulary(language)
    numbered = flags.assign(place=np.arange(1, len(flags) + 1), many=flags[list(REASONS)].sum(axis=1))
    found = numbered[numbered["flagged"]].sort_values(["many", "place"], ascending=[False, True]).head(most)
    columns = {
        words["columns.row"]: found["place"].map(str),
        words["columns.signs"]: [
            "; ".join(words[f"reasons.{reason}"] for reason in text.split(", ")) for text in found["reasons"]
        ],
    }
    return Table(words["titles.flagged"], pd.DataFrame(columns), notes_below(words, synthetic=synthetic))


def table_beside(everybody: Fit, kept: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """Does it matter for the estimates who is left out?

    Parameters
    ----------
    everybody, kept : Fit
        The same model on all rows, and on those that stay.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per coefficient without the intercepts: B with interval of both, and how far they lie apart.

    Raises
    ------
    DataError
        When the two are fits of different models.

    Checked against
    ---------------
    Every cell from the two fits: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.paths import fit_paths
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> fit = fit_paths(gao.model, gao.moments())
    >>> table_beside(fit, fit).frame.iloc[0, -1]
    '0.00'
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    first = everybody.coefficients[everybody.coefficients["term"] != INTERCEPT].reset_index(drop=True)
    second = kept.coefficients[kept.coefficients["term"] != INTERCEPT].reset_index(drop=True)
    if not first[["outcome", "term"]].equals(second[["outcome", "term"]]):
        raise DataError(Problem("fits", "they are not of one model", "Fit the same model to both."))
    sizes = [int(fit.summary["n"].min()) for fit in (everybody, kept)]
    columns = {
        words["columns.outcome"]: first["outcome"].map(named),
        words["columns.term"]: first["term"].map(named),
        words["columns.everybody"].format(n=sizes[0]): _with_interval(first),
        words["columns.kept"].format(n=sizes[1]): _with_interval(second),
        words["columns.difference"]: (second["estimate"] - first["estimate"]).map(apa_number),
    }
    notes = notes_below(words, synthetic=everybody.synthetic, level=kept.level)
    return Table(words["titles.beside"], pd.DataFrame(columns), notes)


def table_dominance(
    found: Dominance, outcome: str, language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Table:
    """How much does each predictor add to what is explained of this outcome?

    Parameters
    ----------
    found : Dominance
        What `analysis.importance.fit_dominance` gives.
    outcome : str
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per predictor, most first: general dominance with its interval, its share of R squared.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.importance import fit_dominance
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> found = fit_dominance(gao.model, gao.moments())
    >>> table_dominance(found, "sop").frame["Predictor"].tolist()
    ['res', 'ani', 'lik']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    rows = found.general[found.general["outcome"] == outcome].sort_values("rank")
    columns = {
        words["columns.term"]: rows["term"].map(named),
        words["columns.dominance"]: rows["general"].map(bounded_number),
        interval_heading(found.level, words): intervals(rows, bounded=True),
        words["columns.share"]: [f"{100 * share:.0f} %" for share in rows["share"]],
    }
    notes = (*notes_below(words, synthetic=found.synthetic), *found.notes)
    return Table(words["titles.dominance"].format(outcome=named(outcome)), pd.DataFrame(columns), notes)


def table_slopes(found: Moderation, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How strong is the focal predictor at each chosen value of the moderator?

    Parameters
    ----------
    found : Moderation
        What `analysis.moderation.fit_moderation` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per value: the slope there, its interval and p. The notes say where the interval holds no zero.

    Checked against
    ---------------
    Every cell from the moderation: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moderation import fit_moderation
    >>> from analysis.scoring import Scores
    >>> w = np.repeat([0.0, 1.0], 4)
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4] * 2, "w": w, "y": [1.0, 1.1, 0.9, 1, 1, 2.1, 2.9, 4]})
    >>> data, model = Scores.from_scored(frame, source="example"), parse_model("y ~ x + w + x:w")
    >>> found = fit_moderation(model, data, outcome="y", focal="x", moderator="w")
    >>> table_slopes(found).frame.iloc[:, 1].tolist()
    ['−0.02', '0.98']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    slopes = found.slopes
    columns = {
        named(found.moderator): slopes["at"].map(apa_number),
        words["columns.slope"]: slopes["estimate"].map(apa_number),
        interval_heading(found.level, words): intervals(slopes),
        words["columns.std_error"]: slopes["std_error"].map(apa_number),
        words["columns.p"]: slopes["p_value"].map(apa_p),
    }
    notes = (*notes_below(words, synthetic=found.synthetic), *regions_told(found, words["notes.region"], words))
    return Table(words["titles.simple_slopes"], pd.DataFrame(columns), notes)


def table_residual_tests(
    found: Diagnostics, outcome: str, language: str = "en", *, labels: Mapping[str, str] | None = None
) -> Table:
    """Do the residuals of this outcome speak against the assumptions of its regression?

    Parameters
    ----------
    found : Diagnostics
        What `analysis.diagnostics.fit_diagnostics` gives.
    outcome : str
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per test: what it looks for, its statistic, degrees of freedom and p.

    Checked against
    ---------------
    Every cell from the diagnostics: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.diagnostics import fit_diagnostics
    >>> from analysis.model import parse_model
    >>> from analysis.scoring import Scores
    >>> frame = pd.DataFrame({"x": np.arange(12.0), "y": [1.0, 0, 2, 1, 3, 2, 5, 4, 5, 7, 6, 8]})
    >>> found = fit_diagnostics(parse_model("y ~ x"), Scores.from_scored(frame, source="example"))
    >>> len(table_residual_tests(found, "y").frame)
    3
    """
    words = vocabulary(language)
    tests = found.tests[found.tests["outcome"] == outcome]
    degrees = zip(tests["df"], tests["df_residual"], strict=True)
    columns = {
        words["columns.test"]: [words[f"tests.{test}"] for test in tests["test"]],
        words["columns.statistic"]: tests["statistic"].map(apa_number).tolist(),
        words["columns.df"]: [", ".join(f"{df:.0f}" for df in pair if pd.notna(df)) for pair in degrees],
        words["columns.p"]: tests["p_value"].map(apa_p).tolist(),
    }
    title = words["titles.residuals"].format(outcome=Labels(labels, words)(outcome))
    return Table(title, pd.DataFrame(columns), notes_below(words, synthetic=found.synthetic))


def table_comparison(fit: Fit, study: str, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How far do these data lie from a published study's, path by path?

    Parameters
    ----------
    fit : Fit
        What `analysis.compare.compare` gives.
    study : str
        The published study as it should be called.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per path: beta here, beta there (each with its interval where there is one), their difference with its
        interval, and p.

    Checked against
    ---------------
    Every cell from the comparison: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.compare import compare
    >>> from analysis.published import load_published
    >>> gao = load_published("gao_2023")
    >>> table_comparison(compare(gao.model, gao.moments(), gao), gao.called).frame.iloc[0, 0]
    'lik → sop'
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    found = fit.coefficients
    columns = {
        words["columns.path"]: [f"{named(row['term'])} → {named(row['outcome'])}" for row in found.to_dict("records")],
        words["columns.here"]: _beta_with(found, "sample"),
        words["columns.there"]: _beta_with(found, "published"),
        words["columns.difference"]: _beside(found["estimate"].map(bounded_number), intervals(found, bounded=True)),
        words["columns.p"]: found["p_value"].map(apa_p),
    }
    title = words["titles.comparison"].format(study=study)
    notes = notes_below(words, synthetic=fit.synthetic, level=fit.level)
    return Table(title, pd.DataFrame(columns), notes)


def table_directions(published: Published, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """Which way did each cause go in a study of which no figure is at hand?

    Parameters
    ----------
    published : Published
        With `directions`.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per variable: its direction, for `purchase` that of the bond on it.

    Checked against
    ---------------
    Every sign of the study: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.published import load_published
    >>> list(table_directions(load_published("masuda_2022")).frame.columns)
    ['Variable', 'Direction']
    """
    words, found = vocabulary(language), published.directions or {}
    columns = {
        words["columns.variable"]: [Labels(labels, words)(name) for name in found],
        words["columns.direction"]: [words[f"directions.{_SIGNS.get(sign, sign)}"] for sign in found.values()],
    }
    return Table(published.called, pd.DataFrame(columns))


def table_needed(planned: Plan, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How many people does each expected effect need?

    Parameters
    ----------
    planned : Plan
        What `analysis.power.plan` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per effect that is expected to be there: its size, and for each target the usable answers it needs
        and, in brackets, the people to recruit; a dash where no planned size reaches the target.

    Checked against
    ---------------
    Every size planned: tests/analysis/test_result_tables.py.

    Examples
    --------
    >>> from analysis.power import parse_plan, plan
    >>> found = plan(*parse_plan("y ~ 0.5*x"), n=[30, 60, 90], replications=200, seed=1)
    >>> table_needed(found).frame.iloc[0, :2].tolist()
    ['x → y', '.50']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    first = planned.power.drop_duplicates(["kind", "effect"])
    truth = dict(zip(zip(first["kind"], first["effect"], strict=True), first["truth"], strict=True))
    rows: list[dict[str, str]] = []
    for (kind, effect), found in planned.needed.groupby(["kind", "effect"], sort=False):
        found = of_shown_test(found)
        path = named.path(str(effect))
        row = {
            words["columns.path"]: f"{path} ({words[f'kinds.{kind}']})" if kind in SUMS else path,
            words["columns.expected"]: bounded_number(truth[str(kind), str(effect)]),
        }
        for size in found.to_dict("records"):
            column = words["columns.needed"].format(target=f"{100 * size['target']:.0f}")
            row[column] = "–" if pd.isna(size["n"]) else f"{size['n']} ({size['recruit']})"
        rows.append(row)
    return Table(words["titles.needed"], pd.DataFrame(rows), (words["notes.needed"],))


def _with_interval(found: pd.DataFrame) -> list[str]:
    return _beside(found["estimate"].map(apa_number), intervals(found))


def _beta_with(found: pd.DataFrame, name: str) -> list[str]:
    return _beside(found[name].map(bounded_number), intervals(found, name, bounded=True))


def _beside(values: Sequence[str] | pd.Series, limits: Sequence[str]) -> list[str]:
    """Each value with its interval, in one piece that no line break tears apart."""
    pairs = (f"{value} {limit}".strip() for value, limit in zip(values, limits, strict=True))
    return [pair.replace(" ", "\N{NO-BREAK SPACE}") for pair in pairs]
