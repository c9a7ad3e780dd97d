"""For whom does it hold? Simple slopes, regions where they differ from zero, and indirect effects that depend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from analysis.bootstrap import Progress, check_draws
from analysis.errors import DataError, ModelError, Problem
from analysis.fit import Fit
from analysis.model import Model, Path
from analysis.moments import Moments, require_rows
from analysis.paths import ARROW, Chain, Effect, Interval, Slope, effect_table
from analysis.regression import (
    Errors,
    Estimated,
    Solved,
    check_level,
    coefficient_covariance,
    solve,
    t_table,
    tabulate,
)
from analysis.scoring import Scores

POINTS = 21
"""Values of the focal predictor at which a line is told."""
LINES = ("at", "focal", "estimate", "conf_low", "conf_high")
BAND = 101
"""Points of the moderator at which the band around the slope is told."""


@dataclass(frozen=True, eq=False)
class Moderation:
    """How a slope depends on a moderator.

    Attributes
    ----------
    outcome, focal, moderator : str
        What is predicted, by what, and on what that depends.
    slopes : DataFrame
        One row per chosen value of the moderator: `at`, then `estimate` (slope of the outcome on the focal
        predictor there), `std_error`, `statistic`, `df`, `p_value`, `conf_low`, `conf_high`.
    boundaries : DataFrame
        Johnson-Neyman: `at`, where the interval of the slope just touches zero, and `share_below` (share of the
        people with a lower moderator; empty from moments). Up to two rows; none where it never does.
    regions : DataFrame
        `low`, `high` (of the moderator, within what was observed) and `sign` (positive, negative, or none where the
        interval holds zero), from low to high.
    band : DataFrame
        `at`, `estimate`, `conf_low`, `conf_high` over the observed range, for the plot.
    lines : DataFrame
        What the equation expects of the outcome, one line per chosen value of the moderator: `at`, `focal` (its lowest
        and highest value and some between), `estimate`, `conf_low`, `conf_high` (of the mean, not of a person). Other
        predictors stand at their means. Empty where means are not known.
    errors, n, level, source, synthetic, notes
        As in `Fit`.
    """

    outcome: str
    focal: str
    moderator: str
    slopes: pd.DataFrame
    boundaries: pd.DataFrame
    regions: pd.DataFrame
    band: pd.DataFrame
    lines: pd.DataFrame
    errors: Errors
    n: int
    level: float
    source: str
    synthetic: bool
    notes: tuple[str, ...]


def fit_moderation(
    model: Model,
    data: Scores | Moments,
    *,
    outcome: str,
    focal: str,
    moderator: str,
    at: Sequence[float] | None = None,
    errors: Errors | None = None,
    level: float = 0.95,
) -> Moderation:
    """At which values of the moderator does the focal predictor matter, and how much?

    Parameters
    ----------
    model : Model
        Its equation of `outcome` holds `focal`, `moderator` and their product.
    data : Scores or Moments
        People, or moments that hold the product as a column `a:b`.
    outcome, focal, moderator : str
        Which slope, and on what it depends.
    at : sequence of float or None
        Values of the moderator. None means both values of a moderator with two, otherwise the 16th, 50th and 84th
        percentile where there are people, and the mean and one standard deviation around it from moments.
    errors, level
        As in `fit_regression`.

    Returns
    -------
    Moderation

    Raises
    ------
    ModelError
        When the equation does not hold the product and both its parts.
    DataError, NeedsRows
        As `fit_regression`.

    Notes
    -----
    The slope at w is b_focal + b_product w, its variance v11 + 2 w v13 + w^2 v33, tested with t on the equation's
    degrees of freedom. Johnson-Neyman boundaries are the roots of slope^2 = t^2 variance. Testing everywhere at once
    has its price: the band holds at each value, not for all values together. Further products with the focal
    predictor are held at a partner of zero.

    Checked against
    ---------------
    R 4.2.2 `lm`, `sandwich::vcovHC` and `polyroot`, classical and HC3: tests/reference/scores.json. The printed
    PROCESS documentation (shared reference 07_moderation_jn): tests/analysis/test_moderation.py.

    References
    ----------
    Johnson, P. O., & Neyman, J. (1936). Statistical Research Memoirs, 1, 57-93. Hayes, A. F., & Matthes, J. (2009).
    Behavior Research Methods, 41, 924-936.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(1)
    >>> x, w = rng.normal(size=(2, 200))
    >>> frame = pd.DataFrame({"x": x, "w": w, "y": 0.5 * x * w + rng.normal(size=200)})
    >>> found = fit_moderation(parse_model("y ~ x + w + x:w"), Scores.from_scored(frame, source="example"),
    ...                        outcome="y", focal="x", moderator="w", at=[-1, 1])
    >>> found.regions["sign"].tolist()
    ['negative', 'none', 'positive']
    """
    check_level(level)
    solved = solve(model, data, errors)
    product = _product_label(model, outcome, focal, moderator)
    number = model.outcomes.index(outcome)
    one = solved.equations[number]
    rows = solved.rows if solved.errors == "hc3" else None
    whole = coefficient_covariance(one, rows, solved.moments.names)
    covariance = whole[1:, 1:]
    pair = [one.equation.labels.index(focal), one.equation.labels.index(product)]
    slope, v = one.slopes[pair], covariance[np.ix_(pair, pair)]
    low, high = _span(solved, moderator)

    def table(values: np.ndarray) -> pd.DataFrame:
        error = np.sqrt(v[0, 0] + 2 * values * v[0, 1] + values**2 * v[1, 1])
        return pd.DataFrame({"at": values, **t_table(slope[0] + slope[1] * values, error, one.df, level)})

    chosen = np.array(_probes(solved, moderator) if at is None else list(at), dtype=float)
    reach = float(stdtrit(one.df, 0.5 + level / 2))
    boundaries = _boundaries(slope, v, reach)
    inside = [value for value in boundaries if low < value < high]
    edges = [low, *inside, high]
    middles = table(np.array([(left + right) / 2 for left, right in pairwise(edges)]))
    signs = np.where(middles["conf_low"] > 0, "positive", np.where(middles["conf_high"] < 0, "negative", "none"))
    return Moderation(
        outcome,
        focal,
        moderator,
        table(chosen),
        pd.DataFrame({"at": boundaries, "share_below": [_share_below(solved, moderator, b) for b in boundaries]}),
        pd.DataFrame({"low": edges[:-1], "high": edges[1:], "sign": signs}),
        table(np.linspace(low, high, BAND))[["at", "estimate", "conf_low", "conf_high"]],
        _lines(solved, one, whole, (focal, moderator, product), chosen, reach),
        solved.errors,
        one.n,
        level,
        solved.moments.source,
        solved.moments.synthetic,
        (*tabulate(model, solved, level).notes, *_partners(model, outcome, focal, moderator)),
    )


def fit_conditional(
    model: Model,
    data: Scores | Moments,
    *,
    moderator: str,
    cause: str,
    effect: str,
    at: Sequence[float] | None = None,
    errors: Errors | None = None,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    interval: Interval | None = None,
    progress: Progress | None = None,
) -> Fit:
    """How does an effect along paths change with the moderator (moderated mediation)?

    Parameters
    ----------
    model : Model
        With product terms of the moderator and something on the way from `cause` to `effect`.
    data : Scores or Moments
        People, or moments that hold the products.
    moderator, cause, effect : str
        Names of columns.
    at : sequence of float or None
        Values of the moderator, as in `fit_moderation`. They are kept as they are in every bootstrap sample.
    errors, level, draws, seed, interval, progress
        As in `fit_paths`.

    Returns
    -------
    Fit
        `effects` holds, for each path from cause to effect that the moderator touches, `conditional_direct` or
        `conditional_indirect` at each value, then `index` (change of the indirect effect per unit of the moderator:
        the index of moderated mediation) where that change is constant, or else `difference` (last value minus
        first). Column `at` holds the value of the moderator, empty for index and difference.

    Raises
    ------
    ModelError
        When no path from cause to effect holds a product with the moderator.
    DataError, NeedsRows
        As `fit_paths`.

    Notes
    -----
    Each arrow of a path contributes b + b_product w. An interval of the index that excludes zero says that any two
    conditional indirect effects differ.

    Checked against
    ---------------
    R 4.2.2, the index, the conditional effects and their delta errors with HC3: tests/reference/scores.json.
    Bootstrap limits of PROCESS models 7, 8 and 14 (shared reference 06_mediation):
    tests/analysis/test_moderation.py.

    References
    ----------
    Hayes, A. F. (2015). Multivariate Behavioral Research, 50, 1-22.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(1)
    >>> x, w = rng.normal(size=(2, 300))
    >>> m = 0.5 * x + 0.4 * x * w + rng.normal(size=300)
    >>> frame = pd.DataFrame({"x": x, "w": w, "m": m, "y": 0.5 * m + rng.normal(size=300)})
    >>> fit = fit_conditional(parse_model("m ~ x + w + x:w; y ~ m + x"), Scores.from_scored(frame, source="example"),
    ...                       moderator="w", cause="x", effect="y", at=[-1, 1], draws=500)
    >>> fit.effects["kind"].tolist()
    ['conditional_indirect', 'conditional_indirect', 'index']
    """
    check_level(level)
    check_draws(draws, seed)
    interval = interval or ("percentile" if isinstance(data, Scores) else "montecarlo")
    if interval in ("percentile", "bca"):
        require_rows(data, "A bootstrap interval")
    solved = solve(model, data, errors)
    fit = tabulate(model, solved, level)
    values = [float(value) for value in (_probes(solved, moderator) if at is None else at)]
    found = [pair for path in model.paths(cause, effect) for pair in _conditional(model, path, moderator, values)]
    if not found:
        what = f"no path from {cause} to {effect} holds a product with '{moderator}'"
        remedy = f"Add one, such as '{effect} ~ {cause} + {moderator} + {cause}:{moderator}'."
        raise ModelError(Problem("model", what, remedy))
    table, notes = effect_table(
        model, data, solved, [each for each, _ in found],
        level=level, draws=draws, seed=seed, interval=interval, progress=progress,
    )  # fmt: skip
    table["moderator"] = moderator
    table["at"] = [value for _, value in found]
    return replace(fit, effects=table, seed=None if interval == "delta" else seed, notes=(*fit.notes, *notes))


def _probes(solved: Solved, moderator: str) -> list[float]:
    """The values of a moderator to look at when nobody names them (see `fit_moderation`)."""
    place = solved.moments.positions([moderator])[0]
    if solved.rows is not None:
        column = solved.rows[:, place]
        different = np.unique(column)
        if len(different) == 2:
            return [float(value) for value in different]
        return [float(value) for value in np.quantile(column, [0.16, 0.5, 0.84])]
    mean, sd = float(solved.moments.mean[place]), float(solved.moments.sd[place])
    if not np.isfinite(mean):
        remedy = "Name the values of the moderator to look at, or give the means."
        raise DataError(Problem(f"moderator '{moderator}'", "the table prints no mean for it", remedy))
    return [mean - sd, mean, mean + sd]


def _product_label(model: Model, outcome: str, focal: str, moderator: str) -> str:
    if outcome not in model.outcomes:
        remedy = f"Outcomes are: {', '.join(model.outcomes)}."
        raise ModelError(Problem(f"outcome '{outcome}'", "the model has no equation for it", remedy))
    equation = model.equation(outcome)
    for label in (f"{focal}:{moderator}", f"{moderator}:{focal}"):
        if {label, focal, moderator} <= set(equation.labels):
            return label
    remedy = f"Write '{outcome} ~ {focal} + {moderator} + {focal}:{moderator}'."
    raise ModelError(Problem(f"equation '{equation}'", f"it lacks {focal}, {moderator} or their product", remedy))


def _span(solved: Solved, moderator: str) -> tuple[float, float]:
    """The observed range; from moments two standard deviations around the mean."""
    place = solved.moments.positions([moderator])[0]
    if solved.rows is not None:
        return float(solved.rows[:, place].min()), float(solved.rows[:, place].max())
    low, middle, high = _probes(solved, moderator)
    return 2 * low - middle, 2 * high - middle


def _lines(
    solved: Solved, one: Estimated, covariance: np.ndarray, names: tuple[str, str, str], at: np.ndarray, reach: float
) -> pd.DataFrame:
    """The expected outcome along the focal predictor at each value; its other products are zero, as in the slopes."""
    if not one.has_mean:
        return pd.DataFrame(columns=list(LINES), dtype=float)
    focal, moderator, product = names
    x, w = np.meshgrid(np.linspace(*_span(solved, focal), POINTS), at)
    design = np.column_stack([np.ones(x.size), *np.broadcast_to(one.mean[1:, None], (len(one.slopes), x.size))])
    for place, term in enumerate(one.equation.terms, start=1):
        if focal in term:
            design[:, place] = 0
    values = {focal: x.ravel(), moderator: w.ravel(), product: (x * w).ravel()}
    for name, column in values.items():
        design[:, 1 + one.equation.labels.index(name)] = column
    estimate = design @ np.concatenate([[one.intercept], one.slopes])
    width = reach * np.sqrt(np.einsum("ij,jk,ik->i", design, covariance, design))
    columns = (w.ravel(), x.ravel(), estimate, estimate - width, estimate + width)
    return pd.DataFrame(dict(zip(LINES, columns, strict=True)))


def _boundaries(slope: np.ndarray, v: np.ndarray, reach: float) -> list[float]:
    """Roots of slope(w)^2 = t^2 variance(w), low to high."""
    a = slope[1] ** 2 - reach**2 * v[1, 1]
    b = 2 * (slope[0] * slope[1] - reach**2 * v[0, 1])
    c = slope[0] ** 2 - reach**2 * v[0, 0]
    under = b**2 - 4 * a * c
    if under <= 0 or a == 0:
        return []
    far = -(b + np.copysign(np.sqrt(under), b)) / 2
    return sorted(float(root) for root in ([far / a, c / far] if far else [0.0]))


def _share_below(solved: Solved, moderator: str, value: float) -> float:
    if solved.rows is None:
        return float("nan")
    return float((solved.rows[:, solved.moments.positions([moderator])[0]] < value).mean())


def _partners(model: Model, outcome: str, focal: str, moderator: str) -> list[str]:
    others = sorted({
        name for term in model.equation(outcome).terms if len(term) > 1 and focal in term for name in term
    } - {focal, moderator})  # fmt: skip
    return [f"The slope of '{focal}' is that where {', '.join(others)} is zero."] if others else []


def _conditional(model: Model, path: Path, moderator: str, values: Sequence[float]) -> list[tuple[Effect, float]]:
    """The path's effect at each value, then its index or difference; nothing where the moderator touches no arrow."""
    arrows = [(before, after, _touching(model, before, after, moderator)) for before, after in pairwise(path)]
    touched = sum(product is not None for _, _, product in arrows)
    if not touched:
        return []
    name = ARROW.join(path)
    kind = "conditional_direct" if len(path) == 2 else "conditional_indirect"
    ends = path[0], path[-1]
    found = [(Effect(kind, name, _expand(arrows, ends, value)), value) for value in values]
    if touched == 1:
        steps = tuple((after, product or before) for before, after, product in arrows)
        return [*found, (Effect("index", name, (Chain(1.0, steps, *ends),)), float("nan"))]
    if len(values) > 1:
        first, last = found[0][0].chains, found[-1][0].chains
        chains = last + tuple(replace(chain, weight=-chain.weight) for chain in first)
        found.append((Effect("difference", name, chains), float("nan")))
    return found


def _touching(model: Model, before: str, after: str, moderator: str) -> str | None:
    for label in (f"{before}:{moderator}", f"{moderator}:{before}"):
        if label in model.equation(after).labels:
            return label
    return None


def _expand(arrows: Sequence[tuple[str, str, str | None]], ends: tuple[str, str], value: float) -> tuple[Chain, ...]:
    """(b1 + b2 w)(b3 + b4 w) ... multiplied out."""
    chains: list[tuple[float, tuple[Slope, ...]]] = [(1.0, ())]
    for before, after, product in arrows:
        plain = [(weight, (*steps, (after, before))) for weight, steps in chains]
        bent = [(weight * value, (*steps, (after, product))) for weight, steps in chains] if product else []
        chains = plain + bent
    return tuple(Chain(weight, steps, *ends) for weight, steps in chains)
