"""Do the items of a scale measure the same thing?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import fdtri, ndtri

from analysis.cfa import maximise
from analysis.errors import DataError, ModelError, NotConverged, Problem
from analysis.latent import specify
from analysis.likelihood import expected_information, inverse
from analysis.model import Latent, Model
from analysis.moments import Moments, as_moments
from analysis.regression import check_level
from analysis.scoring import Scores

RELIABILITY = (
    "scale", "items", "n", "alpha", "conf_low", "conf_high", "std_alpha", "omega", "omega_low", "omega_high",
    "spearman_brown", "note",
)  # fmt: skip
ITEMS = ("scale", "item", "n", "mean", "sd", "item_rest", "alpha_if_dropped", "note")
GUIDE = 0.70
"""The value a scale in use is asked to reach (Nunnally, 1978): a guide, never a gate."""
FACTOR = "(factor)"
"""The name of the one factor behind a scale; no column can be called that."""


@dataclass(frozen=True)
class Alpha:
    """Cronbach's alpha of `items` items answered completely by `n` people, with its interval.

    `std_alpha` is the same of the items in standard units: from their mean correlation (None where that is impossible).
    """

    items: int
    n: int
    alpha: float
    conf_low: float
    conf_high: float
    std_alpha: float | None


@dataclass(frozen=True)
class Omega:
    """McDonald's omega total of `items` items answered completely by `n` people, with its interval.

    `omega` divides by the variance the one-factor model implies, `omega_observed` by the observed variance of the sum.
    """

    items: int
    n: int
    omega: float
    conf_low: float
    conf_high: float
    omega_observed: float
    heywood: tuple[str, ...]


def alpha(data: Scores | Moments, items: Sequence[str], *, level: float = 0.95) -> Alpha:
    """How consistently do these items measure one thing?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of at least two str
        The items of one scale.
    level : float
        Confidence level.

    Returns
    -------
    Alpha
        `alpha` (1 is perfect; below 0 the items run against each other), `conf_low`, `conf_high`, `n` (people who
        answered all the items), `items` (how many), `std_alpha` (of the items in standard units).

    Raises
    ------
    DataError
        For fewer than two items, an unknown or constant item, or items whose sum does not vary.

    Notes
    -----
    alpha = k / (k - 1) (1 - sum of item variances / variance of the sum), on unstandardised items. Feldt's interval:
    (1 - population alpha) / (1 - alpha) follows F with n - 1 and (n - 1)(k - 1) degrees of freedom. People who
    left out one of the items are left out. It does not show that the items have one dimension.
    std_alpha = k r / (1 + (k - 1) r) with r the mean correlation between items.

    Checked against
    ---------------
    psych 2.2.9 `alpha()`, Feldt's interval by R's qf: tests/reference/measurement.json, tests/reference/hanoi.json;
    pingouin: tests/analysis/test_reliability.py.

    References
    ----------
    Cronbach, L. J. (1951). Psychometrika, 16, 297-334. Feldt, L. S. (1965). Psychometrika, 30, 357-370.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["a", "b"], np.array([[1, 0], [0.5, 1]]), n=100)
    >>> round(alpha(table, ["a", "b"]).alpha, 3)
    0.667
    """
    check_level(level)
    k = len(items)
    _check_count(items, 2, "Consistency can only be seen between two items or more.")
    moments = as_moments(data, list(items))
    value = _alpha_of(moments.cov)
    if value is None:
        remedy = "Check which items are reverse-keyed."
        raise DataError(Problem(f"items {', '.join(items)}", "their sum is the same for everybody", remedy))
    df = moments.n - 1
    upper, lower = (float(fdtri(df, df * (k - 1), share)) for share in ((1 - level) / 2, (1 + level) / 2))
    low, high = 1 - (1 - value) * lower, 1 - (1 - value) * upper
    return Alpha(k, moments.n, value, low, high, _alpha_of(moments.correlations))


def omega(data: Scores | Moments, items: Sequence[str], *, level: float = 0.95) -> Omega:
    """What share of the variance of the scale's sum does its one common factor account for?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of at least three str
        The items of one scale.
    level : float
        Confidence level.

    Returns
    -------
    Omega
        `omega` (share, 0 to 1) with `conf_low`, `conf_high`; `omega_observed`; `n`, `items`; `heywood` (items whose
        residual variance came out below zero).

    Raises
    ------
    DataError
        For fewer than three items, an unknown or constant item, or items that determine each other.
    ModelError, NotConverged
        When no one-factor model can be found for the items.

    Notes
    -----
    Omega total of the one-factor model, maximum likelihood, loadings free: (sum of loadings)^2 / ((sum of
    loadings)^2 + sum of residual variances) with the factor's variance at 1. This is `omega` of jamovi, JASP and
    semTools' `reliability()`. `omega_observed` divides by the observed variance of the sum instead, as semTools'
    `compRelSEM()` does. psych's `omega()` fits several factors and is another quantity. The interval is the
    delta interval from the expected information. Two items cannot tell: see `spearman_brown`.

    Checked against
    ---------------
    lavaan 0.6-14 and semTools 0.5-6 (tests/reference/measurement.json, shared reference 01_reliability_bfi).

    References
    ----------
    McDonald, R. P. (1999). Test theory: A unified treatment. Erlbaum.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["a", "b", "c"], np.array([[1, 0, 0], [0.5, 1, 0], [0.4, 0.6, 1]]), n=100)
    >>> round(omega(table, ["a", "b", "c"]).omega, 3)
    0.761
    """
    check_level(level)
    _check_count(items, 3, "One factor behind the items can only be seen from three items on.")
    moments = as_moments(data, list(items))
    structure = specify(Model(latents=(Latent(FACTOR, moments.names),)), scaling="variance")
    layout, block, point = maximise(structure, moments)
    kinds = [(parameter.kind, parameter.outcome) for parameter in structure.parameters]
    loading = np.array([kind == "loading" for kind, _ in kinds])
    residual = np.array([kind == "variance" and name != FACTOR for kind, name in kinds])
    values = layout.values(point.theta, 0)
    common, unique = float(values[loading].sum()), float(values[residual].sum())
    implied = common**2 + unique
    slope = (loading * 2 * common * unique - residual * common**2) / implied**2 @ layout.sums[0]
    covariance = inverse(expected_information(layout, [block], point)) / moments.n
    error = float(np.sqrt(slope @ covariance @ slope))
    value = common**2 / implied
    reach = float(ndtri(0.5 + level / 2)) * error
    below = tuple(name for (_, name), here, size in zip(kinds, residual, values, strict=True) if here and size < 0)
    return Omega(
        len(items), moments.n, value, value - reach, value + reach, common**2 / float(block.cov.sum()), below
    )  # fmt: skip


def spearman_brown(data: Scores | Moments, items: Sequence[str]) -> float:
    """How reliable is the sum of these two items?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of two str

    Returns
    -------
    float
        2 r / (1 + r), with r the correlation of the two.

    Raises
    ------
    DataError
        For any other number of items, an unknown or constant item, or two items that are each other's mirror.

    Notes
    -----
    For two items this is the value to report (Eisinga, te Grotenhuis & Pelzer, 2013); it equals `std_alpha`.

    Checked against
    ---------------
    R 4.2.2, 2 r / (1 + r): tests/reference/measurement.json; shared reference 01_reliability_bfi.

    References
    ----------
    Eisinga, R., te Grotenhuis, M., & Pelzer, B. (2013). International Journal of Public Health, 58, 637-642.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> round(spearman_brown(from_correlations(["a", "b"], np.array([[1, 0], [0.5, 1]]), n=50), ["a", "b"]), 3)
    0.667
    """
    if len(items) != 2:
        what = f"{len(items)} item(s) given"
        raise DataError(Problem(f"items {', '.join(items) or '(none)'}", what, "Spearman-Brown is for two items."))
    found = alpha(data, items).std_alpha
    if found is None:
        remedy = "Check which of them is reverse-keyed."
        raise DataError(Problem(f"items {', '.join(items)}", "they are each other's mirror", remedy))
    return found


def item_statistics(data: Scores | Moments, scales: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
    """Which items carry their scale, and which would it be better without?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    scales : mapping of str to sequence of str, or None
        Scale name to items; the scales of the scores when left out. Moments need them.

    Returns
    -------
    DataFrame
        One row per item: `scale`, `item`, `n` (people complete on the scale's items), `mean`, `sd` (in units of
        the answers), `item_rest` (correlation with the sum of the scale's other items), `alpha_if_dropped` (alpha of
        the others; empty for a scale of two items), `note` (what to look at; else empty text).

    Raises
    ------
    DataError
        When moments come without scales. A scale that cannot be analysed has its reason in `note` instead.

    Notes
    -----
    People are left out scale by scale. Dropping items because alpha rises is exploration and capitalises on chance.

    Checked against
    ---------------
    psych 2.2.9 `alpha()`: r.drop, alpha.drop (shared reference 01_reliability_bfi, tests/reference/measurement.json).

    Examples
    --------
    >>> from analysis.scoring import score_scales
    >>> rows = pd.DataFrame({"a1": [1, 2, 3, 4], "a2": [2, 2, 3, 5], "a3": [1, 3, 3, 4]})
    >>> found = item_statistics(score_scales(rows, {"a": ["a1", "a2", "a3"]}, source="example"))
    >>> found[["item", "item_rest"]].round(3).values.tolist()[0]
    ['a1', 0.981]
    """
    rows = [row for scale, items in scales_of(data, scales).items() for row in _item_rows(data, scale, items)]
    return pd.DataFrame(rows, columns=list(ITEMS))


def scales_of(data: Scores | Moments, scales: Mapping[str, Sequence[str]] | None = None) -> dict[str, tuple[str, ...]]:
    """Which items belong to which scale?

    Parameters
    ----------
    data : Scores or Moments
    scales : mapping of str to sequence of str, or None
        None means those the scores know.

    Returns
    -------
    dict of str to tuple of str
        Scale name to its items.

    Raises
    ------
    DataError
        Where nobody says.

    Checked against
    ---------------
    Moments, which know no scales, and scores, which do: tests/analysis/test_reliability_more.py. It computes nothing R
    could.

    Examples
    --------
    >>> from analysis.scoring import score_scales
    >>> scales_of(score_scales(pd.DataFrame({"a1": [1, 2]}), {"a": ["a1"]}, source="example"))
    {'a': ('a1',)}
    """
    found = scales if scales is not None else data.scales if isinstance(data, Scores) else {}
    if not found:
        what = "nothing says which items belong to which scale"
        raise DataError(Problem(data.source or "data", what, "Name the scales and their items."))
    return {name: tuple(items) for name, items in found.items()}


def reliability_table(
    data: Scores | Moments, level: float = 0.95, scales: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """How consistent is each scale of these data?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    level : float
        Confidence level.
    scales : mapping of str to sequence of str, or None
        Scale name to items; the scales of the scores when left out. Moments need them.

    Returns
    -------
    DataFrame
        One row per scale: `scale`, `items` (count), `n` (people complete on its items), `alpha`, `conf_low`,
        `conf_high`, `std_alpha`, `omega` (total, one factor; from three items on), `omega_low`, `omega_high`,
        `spearman_brown` (two items only), each empty where there is none; `note` (why there is none, or what to
        look at; else empty text).

    Raises
    ------
    DataError
        When moments come without scales.

    Notes
    -----
    See `alpha`, `omega` and `spearman_brown`. People are left out scale by scale.

    Checked against
    ---------------
    psych 2.2.9, lavaan 0.6-14 and semTools 0.5-6, through `alpha`, `omega` and `spearman_brown`, and as a table:
    tests/reference/measurement.json.

    Examples
    --------
    >>> from analysis.scoring import score_scales
    >>> rows = pd.DataFrame({"a1": [1, 2, 3, 4], "a2": [2, 2, 3, 5], "b1": [1, 5, 2, 4]})
    >>> table = reliability_table(score_scales(rows, {"a": ["a1", "a2"], "b": ["b1"]}, source="example"))
    >>> table[["scale", "alpha", "note"]].round(3).values.tolist()[0]
    ['a', 0.952, '']
    """
    check_level(level)
    rows = [_row(data, scale, items, level) for scale, items in scales_of(data, scales).items()]
    return pd.DataFrame(rows, columns=list(RELIABILITY))


def _row(data: Scores | Moments, scale: str, items: Sequence[str], level: float) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(RELIABILITY, np.nan) | {"scale": scale, "items": len(items)}
    try:
        if len(items) < 2:
            return row | {"n": _people(data, items), "note": "One item: consistency cannot be seen."}
        moments = as_moments(data, list(items))
        found = alpha(moments, items, level=level)
    except DataError as error:
        return row | {"n": _people(data, items), "note": str(error)}
    notes = ["Alpha is negative: check which items are reverse-keyed."] if found.alpha < 0 else []
    row |= {
        "n": found.n, "alpha": found.alpha, "conf_low": found.conf_low, "conf_high": found.conf_high,
        "std_alpha": found.std_alpha,
    }  # fmt: skip
    if len(items) == 2:
        row["spearman_brown"] = found.std_alpha
    else:
        try:
            model = omega(moments, items, level=level)
            row |= {"omega": model.omega, "omega_low": model.conf_low, "omega_high": model.conf_high}
            if model.heywood:
                notes.append(f"Heywood case: the residual variance of {', '.join(model.heywood)} is below zero.")
        except (DataError, ModelError, NotConverged) as error:
            notes.append(f"No omega: {error}")
    return row | {"note": " ".join(notes)}


def _people(data: Scores | Moments, items: Sequence[str]) -> int:
    return len(data.complete(items)) if isinstance(data, Scores) else data.n


def _item_rows(data: Scores | Moments, scale: str, items: Sequence[str]) -> list[dict[str, object]]:
    empty: dict[str, object] = dict.fromkeys(ITEMS, np.nan) | {"scale": scale}
    try:
        moments = as_moments(data, list(items))
    except DataError as error:
        return [empty | {"item": item, "note": str(error)} for item in items]
    if len(items) < 2:
        alone = {"item": items[0], "n": moments.n, "mean": moments.mean[0], "sd": moments.sd[0]}
        return [empty | alone | {"note": "One item: it has no others."}]
    whole = _alpha_of(moments.cov)
    rows: list[dict[str, object]] = []
    for place, item in enumerate(moments.names):
        others = np.delete(np.arange(len(items)), place)
        rest = moments.cov[np.ix_(others, others)]
        without = _alpha_of(rest) if len(others) > 1 else None
        spread = float(rest.sum())
        varies = spread > 1e-12 * float(np.trace(rest))
        against = float(moments.cov[place, others].sum())
        item_rest = against / (moments.sd[place] * np.sqrt(spread)) if varies else np.nan
        note = "It runs against the others: check whether it is reverse-keyed." if against < 0 else ""
        if not note and without is not None and whole is not None and without > whole:
            note = "Alpha is higher without it."
        rows.append(
            {
                "scale": scale, "item": item, "n": moments.n, "mean": moments.mean[place], "sd": moments.sd[place],
                "item_rest": item_rest, "alpha_if_dropped": np.nan if without is None else without, "note": note,
            }
        )  # fmt: skip
    return rows


def _alpha_of(cov: np.ndarray) -> float | None:
    """Alpha of a covariance matrix; None where the sum does not vary."""
    k, trace, total = len(cov), float(np.trace(cov)), float(cov.sum())
    return k / (k - 1) * (1 - trace / total) if total > 1e-12 * trace else None


def _check_count(items: Sequence[str], least: int, remedy: str) -> None:
    if len(items) < least:
        raise DataError(Problem(f"items {', '.join(items) or '(none)'}", f"{len(items)} item(s) given", remedy))
