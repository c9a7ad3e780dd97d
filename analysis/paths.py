"""Recursive path models: what goes straight, what goes by way of others, and how sure we can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.random import SFC64, Generator
from scipy.special import ndtr, ndtri

from analysis.bootstrap import Progress, Resamples, check_draws, leave_one_out, people_resampled, slopes
from analysis.errors import DataError, ModelError, Problem
from analysis.fit import Fit
from analysis.model import Model, Path
from analysis.moments import Moments, require_rows
from analysis.regression import Errors, Estimated, Solved, check_level, slope_covariance, solve, tabulate
from analysis.scoring import Scores

Interval = Literal["percentile", "bca", "montecarlo", "delta"]
Slope = tuple[str, str]
"""A slope's name: (outcome, term)."""
Slopes = Mapping[Slope, np.ndarray]
"""The slopes' values: a number each, or one for every draw."""

ARROW = " -> "


@dataclass(frozen=True)
class Chain:
    """A weighted product of slopes on the way from a cause to an effect."""

    weight: float
    steps: tuple[Slope, ...]
    cause: str
    effect: str

    def value(self, along: Slopes) -> np.ndarray:
        """The product, for one set of slopes or for every draw at once."""
        product = np.asarray(self.weight)
        for step in self.steps:
            product = product * along[step]
        return product


@dataclass(frozen=True)
class Effect:
    """A sum of chains, under the name it is reported by."""

    kind: str
    path: str
    chains: tuple[Chain, ...]

    def value(self, along: Slopes) -> np.ndarray:
        """The effect, for one set of slopes or for every draw at once."""
        return np.asarray(np.sum([chain.value(along) for chain in self.chains], axis=0))

    def standardised(self, along: Slopes, sd: Mapping[str, float]) -> float:
        """The effect in standard deviations of what is affected per standard deviation of the cause."""
        return float(sum(chain.value(along) * sd[chain.cause] / sd[chain.effect] for chain in self.chains))

    def gradient(self, along: Slopes, names: Sequence[Slope]) -> np.ndarray:
        """Derivative of the effect to each named slope, shape (k,)."""
        slope = np.zeros(len(names))
        for chain in self.chains:
            for number, step in enumerate(chain.steps):
                others = (float(along[other]) for other in chain.steps[:number] + chain.steps[number + 1 :])
                slope[names.index(step)] += chain.weight * np.prod(list(others))
        return slope


def fit_paths(
    model: Model,
    data: Scores | Moments,
    *,
    errors: Errors | None = None,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    interval: Interval | None = None,
    contrasts: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
) -> Fit:
    """How much of each cause's influence goes straight, how much through others, and how certain is that?

    Parameters
    ----------
    model : Model
        Any recursive set of equations: simple, parallel and serial mediation are what its arrows imply.
    data : Scores or Moments
        People, or n, means and covariances.
    errors : {"hc3", "classical"} or None
        Standard errors of the coefficients (see `fit_regression`), and of delta and Monte Carlo intervals.
    level : float
        Confidence level of every interval.
    draws : int
        Bootstrap or Monte Carlo samples.
    seed : int
        Equal seeds give equal intervals.
    interval : {"percentile", "bca", "montecarlo", "delta"} or None
        How intervals of effects are made. None means percentile bootstrap where there are rows, Monte Carlo where
        there are only moments.
    contrasts : sequence of (str, str)
        Pairs of effects to subtract, each named by its path text; `total a -> c` and `total_indirect a -> c` name
        the sums.
    progress : callable(done, total) or None
        Told about the draws done.

    Returns
    -------
    Fit
        `coefficients` and `summary` as from `fit_regression`. `effects`, one row per effect: `kind` (direct,
        indirect, total_indirect, total, contrast), `path`, `estimate` (units of the effect per unit of the cause),
        `std_estimate` (standard deviations per standard deviation), `conf_low`, `conf_high`, `std_error`.
        `indirect` is one path; `total_indirect` stands where several lead the same way; `total` where any does.

    Raises
    ------
    ModelError, DataError
        As `fit_regression`; also for draws below 100 and contrasts of effects the model does not have.
    NeedsRows
        When a bootstrap interval or HC3 is asked of moments.

    Notes
    -----
    Percentile limits are quantiles of the draws (type 7). BCa corrects them for bias and for acceleration from the
    exact jackknife. Monte Carlo draws all slopes from a normal distribution with their joint covariance, delta uses
    its gradient (Sobel for one mediator). That covariance counts the residual covariance of the equations, so
    parallel mediators are not taken as unrelated. With product terms in the model the effects of the variables in
    them hold where their partners are zero. Effects from cross-sectional answers describe association along the
    arrows as drawn; they do not show that the arrows are right.

    Checked against
    ---------------
    R 4.2.2: effects and HC3 delta errors by `lm`, Monte Carlo limits, percentile and BCa limits of 40,000 draws by
    `boot` 1.3-28.1: tests/reference/scores.json. 100,000-draw limits on real answers: tests/reference/hanoi.json.
    200,000-draw limits and lavaan (shared reference 06_mediation): tests/analysis/test_paths.py.

    References
    ----------
    Preacher, K. J., & Hayes, A. F. (2008). Behavior Research Methods, 40, 879-891. Fritz, M. S., Taylor, A. B., &
    MacKinnon, D. P. (2012). Multivariate Behavioral Research, 47, 61-87.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0], [0.4, 1, 0], [0.3, 0.5, 1]])
    >>> table = from_correlations(["social", "psi", "purchase"], r, n=200, source="example")
    >>> fit = fit_paths(parse_model("psi ~ social; purchase ~ psi + social"), table, interval="delta")
    >>> fit.effects[["kind", "path", "estimate"]].round(3).values.tolist()[2]
    ['indirect', 'social -> psi -> purchase', 0.181]
    """
    check_draws(draws, seed)
    check_level(level)
    interval = interval or ("percentile" if isinstance(data, Scores) else "montecarlo")
    if interval in ("percentile", "bca"):
        require_rows(data, "A bootstrap interval")
    solved = solve(model, data, errors)
    fit = tabulate(model, solved, level)
    implied = effects_of(model)
    effects = [*implied, *_contrasts(implied, contrasts)]
    table, notes = effect_table(
        model, data, solved, effects, level=level, draws=draws, seed=seed, interval=interval, progress=progress
    )
    if model.products:
        notes.append("Effects of variables in a product term hold where the other variables of the product are zero.")
    return Fit(
        model, fit.coefficients, fit.summary, table, fit.source, level,
        None if interval == "delta" else seed, fit.synthetic, (*fit.notes, *notes),
    )  # fmt: skip


def effect_table(
    model: Model,
    data: Scores | Moments,
    solved: Solved,
    effects: Sequence[Effect],
    *,
    level: float,
    draws: int,
    seed: int,
    interval: Interval,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """How large is each effect along paths, and how certain?

    Parameters
    ----------
    model : Model
    data : Scores or Moments
    solved : Solved
        The model's equations on these data.
    effects : sequence of Effect
        As `effects_of` finds them, or conditional ones.
    level : float
    draws, seed : int
    interval : {"percentile", "bca", "montecarlo", "delta"}
    progress : callable(done, total) or None

    Returns
    -------
    (DataFrame, list of str)
        One row per effect: `kind`, `path`, `estimate`, `std_estimate`, `conf_low`, `conf_high`, `std_error` (of the
        draws, or by the delta method); and what a reader must know.

    Raises
    ------
    NeedsRows
        When bootstrap is asked of moments.
    DataError
        When most samples cannot tell the predictors apart.

    Checked against
    ---------------
    R 4.2.2, delta errors by `lm` and `boot` 1.3-28.1 limits, through `fit_paths` and `fit_conditional`:
    tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> model = parse_model("m ~ x; y ~ m + x")
    >>> r = np.array([[1, 0.5, 0.3], [0.5, 1, 0.4], [0.3, 0.4, 1]])
    >>> table = from_correlations(["x", "m", "y"], r, n=200)
    >>> found, notes = effect_table(model, table, solve(model, table), effects_of(model), level=0.95, draws=500, seed=1,
    ...                             interval="delta")
    >>> found[["kind", "estimate"]].round(4).values.tolist()
    [['direct', 0.5], ['direct', 0.1333], ['indirect', 0.1667], ['total', 0.3], ['direct', 0.3333]]
    """
    along = _observed_slopes(solved.equations)
    estimates = np.array([float(effect.value(along)) for effect in effects])
    notes = [_interval_note(interval, draws, seed)]
    if interval == "delta":
        joint = _joint_covariance(solved)
        gradients = np.array([effect.gradient(along, list(along)) for effect in effects])
        std_errors = np.sqrt(np.maximum(np.einsum("ei,ij,ej->e", gradients, joint, gradients), 0))
        reach = ndtri(0.5 + level / 2) * std_errors
        limits = np.column_stack([estimates - reach, estimates + reach])
    else:
        if interval == "montecarlo":
            drawn, lost = _normal_draws(along, _joint_covariance(solved), effects, draws, seed), 0
        else:
            rows = require_rows(data, "A bootstrap interval")
            drawn, lost = draw_effects(model, rows, effects, draws=draws, seed=seed, progress=progress)
        if lost:
            notes.append(f"{lost} of {draws} samples could not tell the predictors apart and were left out.")
        std_errors = drawn.std(axis=1, ddof=1)
        if interval == "bca" and solved.rows is not None:
            limits = _bca_limits(drawn, estimates, _acceleration(model, solved.rows, effects), level)
        else:
            limits = limits_of(drawn, level)
    sd = dict(zip(solved.moments.names, map(float, solved.moments.sd), strict=True))
    table = pd.DataFrame(
        {
            "kind": [effect.kind for effect in effects],
            "path": [effect.path for effect in effects],
            "estimate": estimates,
            "std_estimate": [effect.standardised(along, sd) for effect in effects],
            "conf_low": limits[:, 0],
            "conf_high": limits[:, 1],
            "std_error": std_errors,
        }
    )
    return table, notes


def effects_of(model: Model) -> list[Effect]:
    """Which effects do the arrows of a model imply?

    Parameters
    ----------
    model : Model

    Returns
    -------
    list of Effect
        Cause by cause: direct, each path, their sum where there are several, the total where there is any path.

    Checked against
    ---------------
    R 4.2.2, the product and the sum of one mediation: tests/reference/scores.json. In longer chains direct and indirect
    effects add up to the regression without the mediators: tests/analysis/test_paths.py (`fit_paths`).

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> [(one.kind, one.path) for one in effects_of(parse_model("m ~ x; y ~ m + x"))][1:4]
    [('direct', 'x -> y'), ('indirect', 'x -> m -> y'), ('total', 'x -> y')]
    """
    found = []
    for cause, effect, paths in model.effects():
        ends = ARROW.join((cause, effect))
        chains = {path: _chain(path) for path in paths}
        direct = tuple(chain for path, chain in chains.items() if len(path) == 2)
        indirect = tuple(chain for path, chain in chains.items() if len(path) > 2)
        found += [Effect("direct", ends, direct)] if direct else []
        found += [Effect("indirect", ARROW.join(path), (chain,)) for path, chain in chains.items() if len(path) > 2]
        found += [Effect("total_indirect", ends, indirect)] if len(indirect) > 1 else []
        found += [Effect("total", ends, direct + indirect)] if indirect else []
    return found


def draw_effects(
    model: Model,
    data: Scores,
    effects: Sequence[Effect],
    *,
    draws: int = 5000,
    seed: int = 1,
    progress: Progress | None = None,
) -> tuple[np.ndarray, int]:
    """How do these effects vary over bootstrap samples of people?

    Parameters
    ----------
    model : Model
    data : Scores
    effects : sequence of Effect
    draws, seed : int
    progress : callable(done, total) or None

    Returns
    -------
    (ndarray of shape (effects, draws kept), int)
        Unstandardised effects in every sample that has an answer, and how many samples had none.

    Raises
    ------
    DataError
        When more than half of the samples cannot tell the predictors apart.

    Checked against
    ---------------
    R's `boot` 1.3-28.1, whose percentile limits are those of these draws, through `fit_paths`:
    tests/reference/scores.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=80)
    >>> frame = pd.DataFrame({"x": x, "y": 0.5 * x + rng.normal(size=80)})
    >>> model = parse_model("y ~ x")
    >>> drawn, lost = draw_effects(model, Scores.from_scored(frame, source="example"), effects_of(model), draws=200)
    >>> drawn.shape, lost
    ((1, 200), 0)
    """
    resamples = people_resampled(data, model.columns, draws=draws, seed=seed, progress=progress)
    along, solved = _slopes(model, resamples)
    drawn = np.array([effect.value(along) for effect in effects])
    lost = draws - int(solved.sum())
    if lost > draws / 2:
        remedy = "Ask for a delta interval, collect more answers, or take out predictors that hardly vary."
        raise DataError(Problem("bootstrap", f"{lost} of {draws} samples cannot tell the predictors apart", remedy))
    return (drawn[:, solved] if lost else drawn), lost


def limits_of(drawn: np.ndarray, level: float) -> np.ndarray:
    """Between which limits do the middle draws lie?

    Parameters
    ----------
    drawn : ndarray, shape (rows, draws)
    level : float
        Share of the draws between the limits.

    Returns
    -------
    ndarray, shape (rows, 2)
        Percentiles by linear interpolation (R's type 7).

    Checked against
    ---------------
    R's `boot` 1.3-28.1, through `fit_paths`: tests/reference/scores.json.

    Examples
    --------
    >>> limits_of(np.arange(101.0)[None], 0.9).round(12).tolist()
    [[5.0, 95.0]]
    """
    return np.asarray(np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1).T)


def _bca_limits(drawn: np.ndarray, estimates: np.ndarray, acceleration: np.ndarray, level: float) -> np.ndarray:
    """Bias-corrected and accelerated limits of each row of draws, shape (rows, 2)."""
    count = drawn.shape[1]
    below = np.clip((drawn < estimates[:, None]).mean(axis=1), 0.5 / count, 1 - 0.5 / count)
    bias = ndtri(below)[:, None]
    reach = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    share = ndtr(bias + reach / (1 - acceleration[:, None] * reach))
    return np.array([np.quantile(row, ends) for row, ends in zip(drawn, share, strict=True)])


def _joint_covariance(solved: Solved) -> np.ndarray:
    """Covariance of the slopes of all equations together, in their order (no intercepts): HC3 or classical."""
    moments, estimated = solved.moments, solved.equations
    if solved.errors == "hc3" and solved.rows is not None:
        return slope_covariance(estimated, solved.rows, moments.names)
    products = moments.cov * (moments.n - 1)
    maps, residuals = [], []
    for one in estimated:
        places = moments.positions(one.equation.labels)
        weights = np.zeros(len(moments.names))
        weights[moments.positions([one.equation.outcome])] = 1
        weights[places] = -one.slopes
        spread = np.zeros((len(places), len(moments.names)))
        spread[:, places] = one.inverse
        residuals.append(weights / np.sqrt(one.df))
        maps.append(spread)
    weights = np.array(residuals)
    sigma = weights @ products @ weights.T
    return np.block(
        [[sigma[e, f] * (left @ products @ right.T) for f, right in enumerate(maps)] for e, left in enumerate(maps)]
    )


def _chain(path: Path) -> Chain:
    return Chain(1.0, tuple((after, before) for before, after in pairwise(path)), path[0], path[-1])


def _observed_slopes(estimated: Sequence[Estimated]) -> dict[Slope, np.ndarray]:
    """Every slope of the solved equations, by name."""
    return {
        (one.equation.outcome, label): np.asarray(slope)
        for one in estimated
        for label, slope in zip(one.equation.labels, one.slopes, strict=True)
    }


def _slopes(model: Model, resamples: Resamples) -> tuple[dict[Slope, np.ndarray], np.ndarray]:
    """Every slope in every sample, in the columns' own units, and which samples have them all."""
    covariances, sd = resamples.covariances(), resamples.sd
    place = {name: number for number, name in enumerate(model.columns)}
    along = {}
    every = np.ones(resamples.draws, dtype=bool)
    for equation in model.equations:
        outcome, predictors = place[equation.outcome], [place[label] for label in equation.labels]
        answer, solved = slopes(covariances, outcome, predictors)
        every &= solved
        for label, predictor, slope in zip(equation.labels, predictors, answer, strict=True):
            along[equation.outcome, label] = slope * (sd[outcome] / sd[predictor])
    return along, every


def _acceleration(model: Model, values: np.ndarray, effects: Sequence[Effect]) -> np.ndarray:
    """How fast the spread of each effect changes with its value: the skew of the leave-one-out estimates."""
    pieces = []
    for part in leave_one_out(values):
        along, solved = _slopes(model, part)
        pieces.append(np.array([effect.value(along) for effect in effects])[:, solved])
    without = np.hstack(pieces)
    pull = without.mean(axis=1, keepdims=True) - without
    spread = (pull**2).sum(axis=1)
    return np.asarray(np.divide((pull**3).sum(axis=1), 6 * spread**1.5, out=np.zeros(len(pull)), where=spread > 0))


def _normal_draws(along: Slopes, joint: np.ndarray, effects: Sequence[Effect], draws: int, seed: int) -> np.ndarray:
    values, vectors = np.linalg.eigh(joint)
    root = vectors * np.sqrt(np.maximum(values, 0))
    centre = np.array([float(slope) for slope in along.values()])
    noise = Generator(SFC64(seed)).standard_normal((len(centre), draws))
    drawn = dict(zip(along, centre[:, None] + root @ noise, strict=True))
    return np.array([effect.value(drawn) for effect in effects])


def _contrasts(effects: Sequence[Effect], pairs: Sequence[tuple[str, str]]) -> list[Effect]:
    known = {
        effect.path if effect.kind in ("direct", "indirect") else f"{effect.kind} {effect.path}": effect
        for effect in effects
    }
    missing = [name for name in dict.fromkeys(name for pair in pairs for name in pair) if name not in known]
    if missing:
        remedy = f"There is: {'; '.join(known)}."
        raise ModelError(
            *(Problem(f"contrast of '{name}'", "the model has no such effect", remedy) for name in missing)
        )
    return [
        Effect(
            "contrast",
            f"{first} minus {second}",
            known[first].chains + tuple(replace(chain, weight=-chain.weight) for chain in known[second].chains),
        )
        for first, second in pairs
    ]


def _interval_note(interval: Interval, draws: int, seed: int) -> str:
    return {
        "percentile": f"Intervals of effects: percentile bootstrap, {draws} samples, seed {seed}.",
        "bca": f"Intervals of effects: bias-corrected and accelerated bootstrap, {draws} samples, seed {seed}.",
        "montecarlo": f"Intervals of effects: Monte Carlo, {draws} draws, seed {seed}.",
        "delta": "Intervals of effects: delta method (Sobel), which assumes they are normal.",
    }[interval]
