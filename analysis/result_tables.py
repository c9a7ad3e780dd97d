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
from analysis.paths import ARROW
from analysis.power import Plan
from analysis.published import Published
from analysis.quality import EVIDENCE, REASONS
from analysis.tables import (
    Labels,
    Table,
    apa_interval,
    apa_number,
    apa_p,
    bounded_number,
    interval_heading,
    intervals,
)
from analysis.vocabulary import vocabulary

POWER_TEST = ("percentile", "t")
"""Of several tests of one planned effect the table shows the first of these that there is."""
SUMS = ("total_indirect", "total")
"""Kinds of effects that their path alone does not tell from another."""
SIGNS = {"+": "positive", "0": "none", "-/0": "negative_or_none"}


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
    """
    words = vocabulary(language)
    rows = [int(flags[reason].sum()) for reason in REASONS]
    columns = {
        words["columns.sign"]: [words[f"reasons.{reason}"] for reason in REASONS],
        words["columns.weight"]: [words["marks.evidence" if one in EVIDENCE else "marks.hint"] for one in REASONS],
        words["columns.rows"]: [str(count) for count in rows],
        "%": [apa_number(100 * count / max(len(flags), 1), digits=1) for count in rows],
    }
    return Table(words["titles.signs"], pd.DataFrame(columns), _synthetic(synthetic, words))


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
    """
    words = vocabulary(language)
    begun = flow["reason"] == "all"
    columns = {
        words["columns.step"]: [words[f"reasons.{reason}"] for reason in flow["reason"]],
        words["columns.showing"]: flow["flagged"].map(str).mask(begun, ""),
        words["columns.excluded"]: flow["excluded"].map(str).mask(begun, ""),
        words["columns.remaining"]: flow["remaining"].map(str),
    }
    return Table(words["titles.flow"], pd.DataFrame(columns), _synthetic(synthetic, words))


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
    return Table(words["titles.flagged"], pd.DataFrame(columns), _synthetic(synthetic, words))


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
    """
    words, named = vocabulary(language), Labels(labels, vocabulary(language))
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
    notes = (*_synthetic(everybody.synthetic, words), words["notes.interval"].format(level=f"{100 * kept.level:g}"))
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
    """
    words = vocabulary(language)
    rows = found.general[found.general["outcome"] == outcome].sort_values("rank")
    columns = {
        words["columns.term"]: rows["term"].map(Labels(labels, words)),
        words["columns.dominance"]: rows["general"].map(bounded_number),
        interval_heading(found.level, words): intervals(rows, bounded=True),
        words["columns.share"]: [f"{100 * share:.0f} %" for share in rows["share"]],
    }
    notes = (*_synthetic(found.synthetic, words), *found.notes)
    title = words["titles.dominance"].format(outcome=Labels(labels, words)(outcome))
    return Table(title, pd.DataFrame(columns), notes)


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
    """
    words, named = vocabulary(language), Labels(labels, vocabulary(language))
    slopes = found.slopes
    columns = {
        named(found.moderator): slopes["at"].map(apa_number),
        words["columns.slope"]: slopes["estimate"].map(apa_number),
        interval_heading(found.level, words): intervals(slopes),
        words["columns.std_error"]: slopes["std_error"].map(apa_number),
        words["columns.p"]: slopes["p_value"].map(apa_p),
    }
    regions = [
        words["notes.region"].format(
            low=apa_number(row["low"]), high=apa_number(row["high"]), sign=words[f"alt.{row['sign']}"]
        )
        for row in found.regions.to_dict("records")
    ]
    return Table(words["titles.simple_slopes"], pd.DataFrame(columns), (*_synthetic(found.synthetic, words), *regions))


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
    return Table(title, pd.DataFrame(columns), _synthetic(found.synthetic, words))


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
    """
    words, named = vocabulary(language), Labels(labels, vocabulary(language))
    found = fit.coefficients
    columns = {
        words["columns.path"]: [f"{named(row['term'])} → {named(row['outcome'])}" for row in found.to_dict("records")],
        words["columns.here"]: _beta_with(found, "sample"),
        words["columns.there"]: _beta_with(found, "published"),
        words["columns.difference"]: _beside(found["estimate"].map(bounded_number), intervals(found, bounded=True)),
        words["columns.p"]: found["p_value"].map(apa_p),
    }
    title = words["titles.comparison"].format(study=study)
    notes = (*_synthetic(fit.synthetic, words), words["notes.interval"].format(level=f"{100 * fit.level:g}"))
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
    """
    words, found = vocabulary(language), published.directions or {}
    columns = {
        words["columns.variable"]: [Labels(labels, words)(name) for name in found],
        words["columns.direction"]: [words[f"directions.{SIGNS.get(sign, sign)}"] for sign in found.values()],
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
    """
    words, named = vocabulary(language), Labels(labels, vocabulary(language))
    first = planned.power.drop_duplicates(["kind", "effect"])
    truth = dict(zip(zip(first["kind"], first["effect"], strict=True), first["truth"], strict=True))
    rows: list[dict[str, str]] = []
    for (kind, effect), found in planned.needed.groupby(["kind", "effect"], sort=False):
        tests = list(found["test"])
        found = found[found["test"] == next((test for test in POWER_TEST if test in tests), tests[0])]
        path = _planned_path(str(effect), named)
        row = {
            words["columns.path"]: f"{path} ({words[f'kinds.{kind}']})" if kind in SUMS else path,
            words["columns.expected"]: bounded_number(truth[str(kind), str(effect)]),
        }
        for size in found.to_dict("records"):
            column = words["columns.needed"].format(target=f"{100 * size['target']:.0f}")
            row[column] = "–" if pd.isna(size["n"]) else f"{size['n']} ({size['recruit']})"
        rows.append(row)
    return Table(words["titles.needed"], pd.DataFrame(rows), (words["notes.needed"],))


def _planned_path(effect: str, named: Labels) -> str:
    outcome, sign, term = effect.partition(" ~ ")
    return f"{named(term)} → {named(outcome)}" if sign else " → ".join(named(part) for part in effect.split(ARROW))


def _with_interval(found: pd.DataFrame) -> list[str]:
    return _beside(found["estimate"].map(apa_number), intervals(found))


def _beta_with(found: pd.DataFrame, name: str) -> list[str]:
    limits = zip(found[f"{name}_low"], found[f"{name}_high"], strict=True)
    return _beside(found[name].map(bounded_number), [apa_interval(low, high, bounded=True) for low, high in limits])


def _beside(values: Sequence[str] | pd.Series, limits: Sequence[str]) -> list[str]:
    """Each value with its interval, in one piece that no line break tears apart."""
    pairs = (f"{value} {limit}".strip() for value, limit in zip(values, limits, strict=True))
    return [pair.replace(" ", "\N{NO-BREAK SPACE}") for pair in pairs]


def _synthetic(synthetic: bool, words: Mapping[str, str]) -> tuple[str, ...]:
    return (words["synthetic_note"],) if synthetic else ()
