"""Do the same questions measure the same thing in every group?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from analysis.cfa import Missing, check_moments
from analysis.errors import DataError, ModelError, Problem
from analysis.estimates import Estimates
from analysis.fitmeasures import ChiSquare, comparative, information_criteria, rmsea, srmr
from analysis.latent import Structure, check_choice, specify, start_values
from analysis.likelihood import (
    LOG_TAU,
    Layout,
    Point,
    collect,
    expected_information,
    inverse,
    minimise,
    observed_information,
)
from analysis.model import Model
from analysis.moments import from_rows
from analysis.regression import check_level
from analysis.robust import Robust, population_measures, scaled_measures
from analysis.samples import Sample, complete_sample, correct_samples, sample_with_gaps
from analysis.scoring import SHOWN, Scores

Level = Literal["configural", "metric", "scalar", "strict"]
LEVELS: tuple[Level, ...] = get_args(Level)
EQUAL: dict[Level, frozenset[str]] = {
    "configural": frozenset(),
    "metric": frozenset({"loading"}),
    "scalar": frozenset({"loading", "intercept"}),
    "strict": frozenset({"loading", "intercept", "variance"}),
}
"""Which kinds of parameters of the items each level holds equal."""
LEVEL_COLUMNS = (
    "level", "chi_square", "df", "p_value", "cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr", "aic", "bic",
    "log_likelihood", "parameters", "delta_cfi", "delta_rmsea", "delta_srmr", "chi_square_difference",
    "df_difference", "p_difference",
)  # fmt: skip
STEPS = (
    "cfi", "rmsea", "srmr", "cfi_scaled", "rmsea_scaled", "cfi_robust", "rmsea_robust",
)  # fmt: skip
"""The measures whose change from level to level is told."""
METHODS: dict[tuple[Missing, Robust | None], str] = {
    ("listwise", None): "Maximum likelihood; standard errors from the expected information; statistic is z.",
    ("listwise", "mlm"): "Maximum likelihood, MLM: robust standard errors, Satorra-Bentler chi-square; the difference "
    "tests are scaled (Satorra and Bentler 2001).",
    (
        "listwise",
        "mlr",
    ): "Maximum likelihood, MLR: Huber-White standard errors, Yuan-Bentler chi-square; the difference "
    "tests are scaled (Satorra and Bentler 2001).",
    ("fiml", None): "Full-information maximum likelihood; standard errors from the observed information.",
    ("fiml", "mlr"): "Full-information maximum likelihood, MLR: Huber-White standard errors, Yuan-Bentler chi-square; "
    "the difference tests are scaled (Satorra and Bentler 2001).",
}


@dataclass(frozen=True, eq=False)
class Invariance:
    """The steps of a comparison of groups.

    Attributes
    ----------
    model : Model
        The measurement model, the same for every group.
    groups : mapping of str to int
        The groups and how many complete rows each has, in order of first appearance.
    levels : DataFrame
        One row per level, columns `LEVEL_COLUMNS`; differences are to the level above it, NaN in the first row.
    coefficients : DataFrame
        Estimates at every level, as in `Fit.coefficients`, with `kind`, `group` and `level`.
    partial : tuple of (outcome, kind)
        What was left free on purpose.
    source, synthetic, notes
        As in `Fit`.
    """

    model: Model
    groups: dict[str, int]
    levels: pd.DataFrame
    coefficients: pd.DataFrame
    partial: tuple[tuple[str, str], ...]
    source: str
    synthetic: bool
    notes: tuple[str, ...]


def fit_invariance(
    model: Model,
    scores: Scores,
    group_column: str,
    *,
    levels: Sequence[Level] = LEVELS,
    partial: Sequence[str] = (),
    robust: Robust | None = None,
    missing: Missing = "listwise",
    level: float = 0.95,
) -> Invariance:
    """Do these groups answer the same questions in the same way, so that their means may be compared?

    Parameters
    ----------
    model : Model
        Latents and their indicators; residual covariances are free in each group.
    scores : Scores
        Items by id, and the column that names each person's group.
    group_column : str
        A column of `scores.frame`.
    levels : sequence
        Any of "configural" (same pattern), "metric" (equal loadings), "scalar" (equal intercepts too; latent means
        are then free in all groups but the first), "strict" (equal residual variances too), in this order.
    partial : sequence of str
        What stays free in every group: "psi3" an item's intercept, "psi=~psi4" a loading, "psi3~~psi3" a residual
        variance.
    robust : None, "mlm" or "mlr"
        Corrections for items that are not normal, as in `fit_cfa`.
    missing : "listwise" or "fiml"
        Whether only complete rows count, or every answer given, as in `fit_cfa`.
    level : float
        Confidence level of the coefficients.

    Returns
    -------
    Invariance
        Its `levels` table holds for each level chi_square, df, p_value, cfi, tli, rmsea (90 % interval), srmr, aic,
        bic, log_likelihood, parameters, the change of CFI, RMSEA and SRMR, and the chi-square difference test against
        the level above. With `robust` the difference test is the scaled one, and chi_square_scaled, p_value_scaled,
        scaling_factor, CFI, TLI and RMSEA `_scaled` and (complete rows) `_robust`, and their changes, stand behind.
        A level without degrees of freedom (three items, configural) has CFI 1 in each of them, and no rmsea_scaled,
        so no delta_rmsea_scaled after it: see `analysis.robust.scaled_measures`.

    Raises
    ------
    DataError
        Fewer than two groups, a group smaller than its number of parameters, a column that is not there.
    ModelError
        A level or a partial statement that means nothing, regressions in the model.
    NotConverged
        When the search finds no end.

    Notes
    -----
    Maximum likelihood with mean structure, first loading fixed to 1. The scaled difference has no value where its
    correction comes out at or below zero; a note says so. Items as ordinal answers (WLSMV) are not compared here:
    thresholds and scale factors need an identification of their own (Wu and Estabrook 2016). Group order is that of
    first appearance. Rules of thumb for the changes (delta CFI >= -.010, Cheung and Rensvold 2002; delta RMSEA <=
    .015, Chen 2007) are guides, not verdicts: none is printed.

    Checked against
    ---------------
    lavaan 0.6-14 (group.equal, group.partial, lavTestLRT): tests/reference/latent.json, latent_more.json (MLM, MLR,
    full information), shared reference 03.

    References
    ----------
    Meredith, W. (1993). Measurement invariance, factor analysis and factorial invariance. Psychometrika, 58, 525-543.
    Satorra, A., & Bentler, P. M. (2001). A scaled difference chi-square test statistic. Psychometrika, 66, 507-514.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.Generator(np.random.SFC64(8))
    >>> rows = pd.DataFrame(rng.normal(size=(300, 1)) + rng.normal(size=(300, 4)), columns=list("abcd"))
    >>> rows["language"] = np.repeat(["en", "nl"], 150)
    >>> found = fit_invariance(parse_model("psi =~ a + b + c + d"), Scores.from_scored(rows, source="t"), "language")
    >>> found.levels[["level", "df", "df_difference"]].iloc[1:].values.tolist()
    [['metric', 7, 3.0], ['scalar', 10, 3.0], ['strict', 14, 4.0]]
    """
    check_level(level)
    _check_method(robust, missing)
    steps = _checked_levels(levels)
    freed = tuple(_freed(model, text) for text in partial)
    structure = specify(model, has_means=True, latent_means=True)
    if model.equations:
        remedy = "Compare the measurement first: keep only the =~ and ~~ lines."
        raise ModelError(Problem("model", "invariance is a question about items, not about regressions", remedy))
    samples, notes = _samples(scores, group_column, structure, robust, missing)
    notes.append(METHODS[missing, robust])
    blocks = [block for sample in samples.values() for block in sample.blocks]
    starts = [list(start_values(structure, sample.cov, sample.mean)) for sample in samples.values()]
    rows: list[dict[str, object]] = []
    tables = []
    for step in steps:
        layout = _layout(structure, step, len(samples), freed)
        thetas = [collect(layout, [group[k] for group in starts]) for k in range(len(starts[0]))]
        point = minimise(layout, blocks, thetas)
        if robust is None:
            information = expected_information if missing == "listwise" else observed_information
            covariance, trace = inverse(information(layout, blocks, point)) / sum(block.n for block in blocks), None
        else:
            covariance, trace = correct_samples(layout, list(samples.values()), point, robust)
        rows.append({"level": step, **_measures(layout, list(samples.values()), point, trace, missing)})
        for place, label in enumerate(samples):
            estimates = Estimates.of(layout, point.theta, covariance, place)
            notes += [f"{step}, group '{label}': {warning}" for warning in estimates.warnings()]
            tables.append(estimates.coefficients(level).assign(group=label, level=step))
        if not rows[-1]["df"]:
            notes.append(f"{step}: no degrees of freedom are left, so it fits by construction, and nothing tests it.")
    compared, lost = _with_differences(pd.DataFrame(rows))
    return Invariance(
        model,
        {label: sample.n for label, sample in samples.items()},
        compared,
        pd.concat(tables, ignore_index=True),
        freed,
        scores.source,
        scores.synthetic,
        tuple(dict.fromkeys((*scores.notes, *notes, *lost))),
    )


def large_groups(model: Model, scores: Scores, group_column: str) -> tuple[Scores, tuple[str, ...]]:
    """Which groups have enough complete rows for this model? Only those, and the names of the others.

    Parameters
    ----------
    model : Model
        Latents and their indicators.
    scores : Scores
    group_column : str
        A column of `scores.frame`; empty texts name no group.

    Returns
    -------
    (Scores, tuple of str)
        The rows of groups with at least as many complete rows as one group has parameters, and in which no item is
        answered alike by everybody; the groups that are left out.

    Checked against
    ---------------
    `fit_invariance` runs on what it keeps, and the groups it leaves out are too small for it:
    tests/analysis/test_invariance.py. It counts, so there is no number of R's to compare.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.Generator(np.random.SFC64(8))
    >>> rows = pd.DataFrame(rng.normal(size=(60, 1)) + rng.normal(size=(60, 3)), columns=list("abc"))
    >>> rows["language"] = ["en"] * 28 + ["nl"] * 28 + ["de"] * 4
    >>> kept, small = large_groups(parse_model("psi =~ a + b + c"), Scores.from_scored(rows, source="t"), "language")
    >>> kept.n, small
    (56, ('de',))
    """
    structure = specify(model, has_means=True, latent_means=True)
    needed = int(structure.free.sum()) - len(structure.latents)
    values = np.column_stack([scores.column(name) for name in structure.observed])
    whole = ~np.isnan(values).any(axis=1)
    labels = scores.frame[group_column].replace("", None)
    large: list[object] = []
    small: list[object] = []
    for label in labels.dropna().unique():
        rows = values[(labels == label).fillna(False).to_numpy(dtype=bool) & whole]
        enough = len(rows) >= needed and bool((np.ptp(rows, axis=0) > 0).all())
        (large if enough else small).append(label)
    return scores.keep(labels.isin(large).to_numpy(), "group too small"), tuple(map(str, small))


def _checked_levels(levels: Sequence[Level]) -> tuple[Level, ...]:
    unknown = [str(name) for name in levels if name not in LEVELS]
    if unknown or not levels:
        what = f"'{', '.join(unknown)}' is no level of invariance" if unknown else "no level is asked for"
        raise ModelError(Problem("levels", what, f"Choose from {', '.join(LEVELS)}."))
    return tuple(name for name in LEVELS if name in levels)


def _freed(model: Model, text: str) -> tuple[str, str]:
    """The (outcome, kind) a partial statement frees."""
    indicators = {name: latent.name for latent in model.latents for name in latent.indicators}
    left, _, right = (part.strip() for part in text.partition("=~" if "=~" in text else "~"))
    right = right.lstrip("~").strip()
    if "=~" in text and indicators.get(right) == left:
        return right, "loading"
    if "=~" not in text and left in indicators and right in ("", "1"):
        return left, "intercept"
    if "~~" in text and left in indicators and left == right:
        return left, "variance"
    remedy = "Write 'psi3' for an intercept, 'psi=~psi3' for a loading, 'psi3~~psi3' for a residual variance."
    raise ModelError(Problem(f"partial '{text}'", "it names no parameter of the items", remedy))


def _check_method(robust: str | None, missing: str) -> None:
    if robust == "wlsmv":
        what = "groups are not compared with ordinal items: thresholds need an identification of their own"
        remedy = "Ask for 'mlr', which treats the answers as numbers that need not be normal."
        raise ModelError(Problem("robust 'wlsmv'", what, remedy))
    check_choice("robust", robust, (None, *get_args(Robust)))
    check_choice("missing", missing, get_args(Missing))
    if missing == "fiml" and robust == "mlm":
        what = "the Satorra-Bentler correction is not defined with missing answers"
        raise ModelError(Problem("robust 'mlm'", what, "Ask for 'mlr', or for complete rows only."))


def _samples(
    scores: Scores, column: str, structure: Structure, robust: Robust | None, missing: Missing
) -> tuple[dict[str, Sample], list[str]]:
    if column not in scores.frame:
        known = ", ".join(map(str, scores.frame.columns[:20]))
        raise DataError(Problem(f"group column '{column}'", "the data have no such column", f"There is: {known}."))
    labels = scores.frame[column]
    values = np.column_stack([scores.column(name) for name in structure.observed])
    usable = ~np.isnan(values).all(axis=1) if missing == "fiml" else ~np.isnan(values).any(axis=1)
    named = labels.notna().to_numpy()
    notes = []
    if not (usable & named).all():
        lack = "every answer" if missing == "fiml" else "an answer"
        notes.append(f"{int((~(usable & named)).sum())} of {scores.n} rows lack {lack} or a group; left out.")
    needed = int(structure.free.sum()) - len(structure.latents)
    samples: dict[str, Sample] = {}
    problems = []
    for label in labels[named].unique():
        mask = (labels == label).fillna(False).to_numpy(dtype=bool) & usable
        rows = values[mask]
        where = f"group '{label}' of '{column}'"
        if len(rows) < needed:
            what = f"{len(rows)} {'' if missing == 'fiml' else 'complete '}rows for {needed} parameters"
            problems.append(Problem(where, what, "Collect more answers, join groups, or leave this group out."))
            continue
        kinds = {name: len(set(one[~np.isnan(one)])) for name, one in zip(structure.observed, rows.T, strict=True)}
        constant = {name: kind for name, kind in kinds.items() if kind < 2}
        for name, kind in constant.items():
            what = f"everybody gives '{name}' the same answer" if kind else f"nobody answered '{name}'"
            problems.append(Problem(where, what, "Take the item out of the model, or leave the group out."))
        if constant:
            continue
        if missing == "fiml":
            sample = sample_with_gaps(structure, scores.keep(mask, "other group"), len(samples), where)
        else:
            moments = from_rows(rows, structure.observed, source=scores.source, synthetic=scores.synthetic)
            check_moments(moments, needed, where)
            sample = complete_sample(structure, moments, rows, len(samples), robust)
        samples[str(label)] = sample
        notes += sample.notes
    if not problems and len(samples) < 2:
        what = f"it names {len(samples)} group(s)"
        problems.append(Problem(f"group column '{column}'", what, "Invariance compares at least two groups."))
    if len(problems) > SHOWN:
        what = f"the same goes for {len(problems) - SHOWN} more groups"
        problems = [*problems[:SHOWN], Problem(f"group column '{column}'", what, "Choose a column with fewer groups.")]
    if problems:
        raise DataError(*problems)
    return samples, notes


def _layout(structure: Structure, step: Level, groups: int, freed: tuple[tuple[str, str], ...]) -> Layout:
    """Each group's parameters; those held equal share the slot of the first group."""
    slots = np.full((groups, len(structure.parameters)), -1)
    size = 0
    for place in range(groups):
        for k, parameter in enumerate(structure.parameters):
            latent = parameter.outcome in structure.latents
            if parameter.fixed is not None or (latent and _fixed_mean(parameter.kind, step, place)):
                continue
            held = parameter.kind in EQUAL[step] and (not latent or parameter.kind == "loading")
            if place and held and (parameter.outcome, parameter.kind) not in freed:
                slots[place, k] = slots[0, k]
            else:
                slots[place, k] = size
                size += 1
    return Layout(structure, slots, np.tile(structure.fixed, (groups, 1)))


def _fixed_mean(kind: str, step: Level, place: int) -> bool:
    return kind == "intercept" and (place == 0 or "intercept" not in EQUAL[step])


def _measures(
    layout: Layout, samples: Sequence[Sample], point: Point, trace: float | None, missing: Missing
) -> dict[str, float]:
    n, p, groups = sum(sample.n for sample in samples), len(layout.structure.observed), len(samples)
    least = sum(sample.n * sample.explained for sample in samples)
    independent = sum(sample.n * sample.independent for sample in samples)
    model = ChiSquare(max(n * point.value - least, 0.0), groups * (p * (p + 1) // 2 + p) - layout.size)
    baseline = ChiSquare(independent - least, groups * p * (p - 1) // 2)
    log_likelihood = -0.5 * (sum(sample.answers for sample in samples) * LOG_TAU + n * point.value)
    residual = [sample.mean - implied.mean for sample, implied in zip(samples, point.implied, strict=True)]
    found = {
        "chi_square": model.statistic,
        "df": model.df,
        "p_value": model.p_value,
        **comparative(model, baseline),
        **rmsea(model, n, groups),
        "srmr": srmr(
            [sample.cov for sample in samples],
            [implied.sigma for implied in point.implied],
            [sample.n for sample in samples],
            residual,
        ),
        **information_criteria(log_likelihood, layout.size, n),
        "log_likelihood": log_likelihood,
        "parameters": layout.size,
    }
    if trace is not None:
        scaled = replace(model, factor=trace / model.df) if model.df else model
        alone = replace(baseline, factor=sum(sample.baseline_trace for sample in samples) / baseline.df)
        found |= scaled_measures(scaled, alone, n, groups)
        if missing == "listwise":
            found |= population_measures(scaled, alone, n, groups)
    return {name: value for name, value in found.items() if "close" not in name}


def _with_differences(levels: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The levels with what changes from each to the next, and what must be said about it."""
    told = [name for name in STEPS if name in levels]
    rises = levels[["chi_square", "df"]].diff().add_suffix("_difference")
    if "scaling_factor" in levels:
        # Satorra and Bentler (2001): the difference of the uncorrected statistics over its own factor.
        # A level that fits by construction has no factor of its own and adds nothing.
        weight = (levels["df"] * levels["scaling_factor"]).where(levels["df"] > 0, 0.0)
        factor = weight.diff() / rises["df_difference"]
        rises["chi_square_difference"] /= factor.where(factor > 0)
    levels = pd.concat([levels, levels[told].diff().add_prefix("delta_"), rises], axis=1)
    levels["p_difference"] = [
        np.nan if np.isnan(rise) else ChiSquare(rise, int(df)).p_value
        for rise, df in zip(rises["chi_square_difference"], rises["df_difference"], strict=True)
    ]
    notes = []
    for row in levels.iloc[1:].to_dict("records"):
        if row["df_difference"] == 0:
            notes.append(
                f"{row['level']}: nothing more is held equal than at the level above, so no difference is tested."
            )
        elif np.isnan(row["chi_square_difference"]):
            notes.append(
                f"{row['level']}: the scaled chi-square difference has no value here (its correction is not "
                "positive); look at the changes of CFI and RMSEA."
            )
    return levels[[*LEVEL_COLUMNS, *(name for name in levels if name not in LEVEL_COLUMNS)]], notes
