"""Answers that hang together: people who rated several influencers, influencers rated by several people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg, sparse, special

from analysis.bootstrap import one_blas_thread
from analysis.errors import DataError, ModelError, NotConverged, Problem
from analysis.fit import EFFECTS, INTERCEPT, Fit
from analysis.groups import group_labels
from analysis.model import Equation, Model
from analysis.moments import require_rows
from analysis.regression import check_level, design_problems
from analysis.scoring import Scores

BOUNDARY = 1e-4
"""A relative standard deviation below this counts as estimated at zero."""
SETTLED = 1e-8
"""A Newton step that promises to lower the criterion by less than this is the last one."""
EXACT = 1e-9
"""A residual variance below this share of the outcome's is no residual."""
EDGE = 1e-6
"""A correlation of random effects this near to 1 has no interval."""
UNKNOWN = 4.0
"""A variance whose logarithm has a larger standard error than this could be anything: no interval is given."""
FEW = 5
"""With fewer levels than this a variance between them is hardly known: a note says so."""


@dataclass(frozen=True, eq=False)
class _Factor:
    """One grouping factor: which level each row has, and what varies between levels (1 and standardised slopes)."""

    name: str
    terms: tuple[str, ...]
    codes: np.ndarray
    levels: int
    basis: np.ndarray
    back: np.ndarray
    """Turns a random effect on the standardised basis into one on the columns as they are."""

    @property
    def width(self) -> int:
        return len(self.terms)

    @property
    def matrix(self) -> sparse.csr_array:
        rows = np.repeat(np.arange(len(self.codes)), self.width)
        columns = (self.codes[:, None] * self.width + np.arange(self.width)).ravel()
        return sparse.csr_array((self.basis.ravel(), (rows, columns)), (len(self.codes), self.levels * self.width))


@dataclass(frozen=True, eq=False)
class _State:
    """The condensed likelihood at one set of relative covariance factors."""

    log_determinant: float
    residual: float
    inverse: np.ndarray
    slopes: np.ndarray


@dataclass(frozen=True, eq=False)
class _Mixed:
    """Cross-products of one equation; `state` evaluates the profiled REML criterion from them alone.

    The factor with the most random effects (`first`) has a block-diagonal system, which is eliminated block by
    block; what remains for the other factors is dense.
    """

    factors: tuple[_Factor, ...]
    own: np.ndarray
    """Z1'Z1 as blocks, shape (levels, width, width)."""
    own_other: sparse.csr_array
    other: np.ndarray
    own_fixed: np.ndarray
    other_fixed: np.ndarray
    fixed: np.ndarray
    """[X y]'[X y], X standardised."""
    n: int

    @property
    def p(self) -> int:
        return len(self.fixed) - 1

    @cached_property
    def start(self) -> np.ndarray:
        return np.concatenate([np.eye(factor.width)[np.tril_indices(factor.width)] for factor in self.factors])

    def split(self, theta: np.ndarray) -> list[np.ndarray]:
        """The lower-triangular relative covariance factor of each grouping factor."""
        out, place = [], 0
        for factor in self.factors:
            lower = np.zeros((factor.width, factor.width))
            count = factor.width * (factor.width + 1) // 2
            lower[np.tril_indices(factor.width)] = theta[place : place + count]
            out.append(lower)
            place += count
        return out

    def state(self, theta: np.ndarray) -> _State:
        lower, *others = self.split(theta)
        width = self.factors[0].width
        first = np.linalg.cholesky(lower.T @ self.own @ lower + np.eye(width))
        scaled = np.linalg.solve(first, np.broadcast_to(lower.T, first.shape))
        log_determinant = 2 * float(np.log(np.diagonal(first, axis1=1, axis2=2)).sum())
        near = (scaled @ self.own_fixed.reshape(len(first), width, -1)).reshape(len(first) * width, -1)
        condensed = self.fixed - near.T @ near
        if others:
            between = _scale_blocks(scaled, self.own_other)
            inner = self.other - (between.T @ between).toarray()
            right = self.other_fixed - between.T @ near
            if all(len(block) == 1 for block in others):
                root = np.repeat([block[0, 0] for block in others], [factor.levels for factor in self.factors[1:]])
                inner, right = root[:, None] * inner * root, root[:, None] * right
            else:
                blocks = [
                    sparse.kron(sparse.eye_array(factor.levels), block)
                    for block, factor in zip(others, self.factors[1:], strict=True)
                ]
                relative = sparse.csr_array(sparse.block_diag(blocks))
                inner, right = relative.T @ inner @ relative, relative.T @ right
            inner[np.diag_indices_from(inner)] += 1
            dense = linalg.cholesky(inner, lower=True, overwrite_a=True, check_finite=False)
            log_determinant += 2 * float(np.log(np.diag(dense)).sum())
            far = linalg.solve_triangular(dense, right, lower=True, check_finite=False)
            condensed = condensed - far.T @ far
        top = np.linalg.cholesky(condensed[:-1, :-1])
        log_determinant += 2 * float(np.log(np.diag(top)).sum())
        inverse = linalg.cho_solve((top, True), np.eye(self.p))
        slopes = inverse @ condensed[:-1, -1]
        return _State(log_determinant, float(condensed[-1, -1] - condensed[:-1, -1] @ slopes), inverse, slopes)

    def criterion(self, theta: np.ndarray) -> float:
        """Minus twice the profiled restricted log-likelihood (X standardised)."""
        state = self.state(theta)
        df = self.n - self.p
        if state.residual <= EXACT * self.n:
            raise DataError(
                Problem(
                    "mixed model", "predictors and groups fit the outcome without error", "Is one of them a copy of it?"
                )
            )
        return float(state.log_determinant + df * (1 + np.log(2 * np.pi * state.residual / df)))


@dataclass(frozen=True, eq=False)
class _Components:
    """What the random part of a fitted equation says, as numbers that follow from theta and sigma."""

    mixed: _Mixed
    factors: tuple[_Factor, ...]
    products: tuple[np.ndarray, ...]
    size: float
    """The standard deviation of the outcome: what turns standardised variances into its own units."""

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Kind and path of each number."""
        found = []
        for factor in self.factors:
            found += [("variance", f"{factor.name}: {term}") for term in factor.terms]
            pairs = combinations(factor.terms, 2)
            found += [("correlation", f"{factor.name}: {before}, {after}") for before, after in pairs]
        return [*found, ("variance", "residual"), *(("icc", factor.name) for factor in self.factors)]

    def shares(self, theta: np.ndarray, sigma2: float) -> dict[str, float]:
        """The variance each factor gives a row on average, in the outcome's units."""
        covariances = self._covariances(theta, sigma2)
        pairs = zip(self.factors, self.products, strict=True)
        return {factor.name: float(np.vdot(covariances[factor.name], product)) for factor, product in pairs}

    def values(self, theta: np.ndarray, sigma: float) -> np.ndarray:
        """The numbers of `rows`; NaN for a correlation with what does not vary."""
        covariances, residual = self._covariances(theta, sigma**2), sigma**2 * self.size**2
        found: list[float] = []
        for factor in self.factors:
            own = covariances[factor.name]
            sd = np.sqrt(np.where(np.diag(own) > 0, np.diag(own), np.nan))
            found += np.diag(own).tolist()
            found += [own[i, j] / (sd[i] * sd[j]) for i, j in combinations(range(factor.width), 2)]
        share = self.shares(theta, sigma**2).values()
        return np.array([*found, residual, *(one / (residual + sum(share)) for one in share)])

    def table(
        self, theta: np.ndarray, sigma: float, free: np.ndarray, spread: np.ndarray, level: float
    ) -> pd.DataFrame:
        """Columns `EFFECTS`, without the numbers that do not exist.

        Limits by the delta method where variances are multiplicative and shares are bounded: on the logarithm of
        a variance, the logit of a share, Fisher's z of a correlation. None where even that says nothing.
        """
        at = np.append(theta, sigma)
        steps = 1e-5 * np.maximum(1, np.abs(at))
        moved = [place for place, known in enumerate([*free, True]) if known]
        slopes = np.empty((len(self.rows), len(moved)))
        for column, place in enumerate(moved):
            step = np.where(np.arange(len(at)) == place, steps, 0)
            ends = (self.values((at + sign * step)[:-1], float((at + sign * step)[-1])) for sign in (1, -1))
            slopes[:, column] = (next(ends) - next(ends)) / (2 * steps[place])
        estimate = self.values(theta, sigma)
        error = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slopes, spread, slopes), 0))
        reach = special.ndtri(0.5 + level / 2)
        records = []
        for (kind, path), value, spoiled in zip(self.rows, estimate.tolist(), error.tolist(), strict=True):
            low, high = _limits(kind, value, spoiled, reach)
            known = not np.isnan(low)
            records.append((kind, path, value, np.nan, low, high, spoiled if known else np.nan))
        table = pd.DataFrame(records, columns=list(EFFECTS))
        return table[table["estimate"].notna()].reset_index(drop=True)

    def _covariances(self, theta: np.ndarray, sigma2: float) -> dict[str, np.ndarray]:
        return {
            factor.name: self.size**2 * sigma2 * factor.back @ lower @ lower.T @ factor.back.T
            for factor, lower in zip(self.mixed.factors, self.mixed.split(theta), strict=True)
        }


def _limits(kind: str, value: float, error: float, reach: float) -> tuple[float, float]:
    """Limits of a variance, a correlation or a share; NaN at the edge of what is possible, or where nothing is known.

    Examples
    --------
    >>> [round(limit, 3) for limit in _limits("variance", 1.0, 0.2, 1.96)]
    [0.676, 1.48]
    """
    if kind == "variance":
        inside, bend = value > 0, value
    elif kind == "correlation":
        inside, bend = abs(value) < 1 - EDGE, 1 - value**2
    else:
        inside, bend = 0 < value < 1, value * (1 - value)
    if not inside or not 0 < error / bend < UNKNOWN:
        return np.nan, np.nan
    ends = np.array([-1, 1]) * reach * error / bend
    if kind == "variance":
        low, high = value * np.exp(ends)
    elif kind == "correlation":
        low, high = np.tanh(np.arctanh(value) + ends)
    else:
        low, high = special.expit(special.logit(value) + ends)
    return float(low), float(high)


def _scale_blocks(scaled: np.ndarray, table: sparse.csr_array) -> sparse.csr_array:
    if scaled.shape[1] == 1:
        return sparse.csr_array(sparse.diags_array(scaled[:, 0, 0]) @ table)
    blocks = sparse.bsr_array((scaled, np.arange(len(scaled)), np.arange(len(scaled) + 1)))
    return sparse.csr_array(blocks @ table)


def fit_mixed(
    model: Model,
    data: Scores,
    *,
    groups: Sequence[str] = ("participation", "influencer"),
    slopes: Mapping[str, Sequence[str]] | None = None,
    level: float = 0.95,
) -> Fit:
    """What predicts an outcome when rows share people, influencers or places?

    Parameters
    ----------
    model : Model
        One equation per outcome; numeric predictors and products.
    data : Scores
        One row per rating. Rows complete on an equation and with every group are used for it.
    groups : sequence of str
        Columns whose levels get a random intercept, crossed with each other; `a:b` is the combination of two columns,
        so that `("city", "city:shop")` nests shops in cities.
    slopes : mapping of str to sequence of str, optional
        Predictors whose slope varies between the levels of a group, with free correlations:
        ``{"participation": ["exposure"]}``.
    level : float

    Returns
    -------
    Fit
        `coefficients`: fixed effects (the intercept first), t with Satterthwaite's `df`; `std_estimate` is per standard
        deviation of predictor and outcome over all rows.
        `summary`: `n`; `r_squared` is the conditional and `r_squared_marginal` the marginal R2 (Nakagawa, with
        Johnson's extension to slopes); `icc_<group>`; `levels_<group>`; `reml_log_likelihood`; `sigma`.
        `effects`: `kind` variance (`path` `group: term`, or `residual`), correlation (between two
        random effects of a group), icc (share of a group in the variance the fixed effects leave), each with standard
        error and limits, which are missing for what lies at the edge of the possible or is hardly known at all.

    Raises
    ------
    ModelError
        When a slope is asked for an unknown group.
    DataError
        For a group with one level, with as many levels as rows, or that repeats another; for a slope that never varies
        within its group; for predictors that repeat each other; a constant outcome; too few rows or levels.
    NotConverged
        When the criterion has no settled minimum.

    Notes
    -----
    y = Xb + sum Z_g u_g + e, restricted maximum likelihood, profiled over b and the residual variance as in lme4:
    the criterion is evaluated from cross-products by a blocked Cholesky decomposition, L-BFGS-B over the
    relative covariance factors, then Newton steps. Limits of variances, correlations and shares are those of the delta
    method on the logarithm, Fisher's z and the logit, as nlme's. For nested groups statsmodels' MixedLM gives the same
    answers; it is not used, because it is too slow for crossed ones. A variance at zero is kept and noted. Time grows
    with rows only once; the number of levels of all but the largest group enters with its cube, so thousands of
    people and hundreds of influencers are fine, thousands of both are not.

    Checked against
    ---------------
    R 4.2.2, lme4 1.1-31, lmerTest 3.1-3, performance 0.10.2: shared 08_multilevel, tests/reference/mixed.json. Limits:
    nlme 3.1-162, tests/reference/components.json. Nested groups: statsmodels, tests/analysis/test_multilevel.py.

    References
    ----------
    Bates, Maechler, Bolker & Walker 2015; Nakagawa & Schielzeth 2013; Johnson 2014; Satterthwaite 1946.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(1)
    >>> person, influencer = np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40)
    >>> psi = rng.normal(size=200)
    >>> purchase = 0.5 * psi + rng.normal(size=40)[person] + rng.normal(size=5)[influencer] + rng.normal(size=200)
    >>> frame = pd.DataFrame(dict(participation=person, influencer=influencer, psi=psi, purchase=purchase))
    >>> fit = fit_mixed(parse_model("purchase ~ psi"), Scores.from_scored(frame, source="example"))
    >>> fit.effects["path"].tolist()
    ['participation: (Intercept)', 'influencer: (Intercept)', 'residual', 'participation', 'influencer']
    """
    check_level(level)
    scores = require_rows(data, "A mixed model")
    varying = {group: tuple(terms) for group, terms in (slopes or {}).items()}
    strange = [group for group in varying if group not in groups]
    if strange or not groups or len(set(groups)) < len(groups):
        what = f"slopes vary by {', '.join(strange)}" if strange else "no group, or one group twice"
        raise ModelError(Problem("groups", what, f"Groups are: {', '.join(dict.fromkeys(groups)) or 'none'}."))
    model.check_names([*scores.frame.columns, *scores.items.columns], scores.source or "the data")
    # Matrices here are small: several BLAS threads would mostly wait for each other.
    with one_blas_thread():
        results = [_equation(scores, equation, tuple(groups), varying, level) for equation in model.equations]
    notes = [note for result in results for note in result[3]]
    notes.append("Restricted maximum likelihood; t tests with Satterthwaite's degrees of freedom.")
    return Fit(
        model,
        pd.concat([result[0] for result in results], ignore_index=True),
        pd.DataFrame([result[1] for result in results]),
        pd.concat([result[2] for result in results], ignore_index=True),
        scores.source,
        level,
        synthetic=scores.synthetic,
        notes=(*scores.notes, *dict.fromkeys(notes)),
    )


def fit_components(
    outcome: str, data: Scores, *, groups: Sequence[str] = ("participation", "influencer"), level: float = 0.95
) -> Fit:
    """How much of the differences in an outcome lies between people, how much between influencers?

    Parameters
    ----------
    outcome : str
        A column.
    data : Scores
        One row per person and influencer.
    groups : sequence of str
        The columns that group rows; `a:b` is a group within a group.
    level : float
        Of the intervals.

    Returns
    -------
    Fit
        The mixed model without predictors, columns as in `fit_mixed`. Rows of `effects` with `kind` icc are the shares.

    Raises
    ------
    DataError
        As `fit_mixed`.

    Checked against
    ---------------
    R 4.2.2, lme4 1.1-31, crossed ratings without predictors: tests/reference/mixed.json; `insteval_crossed` of the
    shared reference 08_multilevel: tests/analysis/test_multilevel.py.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> person, influencer = np.repeat(np.arange(40), 5), np.tile(np.arange(5), 40)
    >>> psi = rng.normal(size=40)[person] + rng.normal(size=200)
    >>> frame = pd.DataFrame({"participation": person, "influencer": influencer, "psi": psi})
    >>> fit = fit_components("psi", Scores.from_scored(frame, source="example"))
    >>> fit.effects[fit.effects["kind"] == "icc"]["path"].tolist()
    ['participation', 'influencer']
    """
    return fit_mixed(Model((Equation(outcome, ()),)), data, groups=groups, level=level)


def _equation(
    scores: Scores, equation: Equation, groups: tuple[str, ...], varying: Mapping[str, tuple[str, ...]], level: float
) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame, list[str]]:
    where = f"model, '{equation}'"
    extra = tuple(dict.fromkeys(term for terms in varying.values() for term in terms))
    names = (equation.outcome, *equation.labels, *(name for name in extra if name not in equation.labels))
    columns = np.column_stack([scores.column(name) for name in names])
    labels = {group: group_labels(scores, group) for group in groups}
    use = ~np.isnan(columns).any(axis=1)
    for column in labels.values():
        use &= column.notna().to_numpy()
    columns = columns[use]
    y, x = columns[:, 0], columns[:, 1 : 1 + len(equation.labels)]
    _check_fixed(where, equation, y, x)
    factors = [_factor(group, labels[group][use], varying.get(group, ()), columns, names, where) for group in groups]
    _check_factors(where, factors, len(y))
    centre, spread = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(len(y)), (x - centre) / spread])
    height, size = y.mean(), y.std()
    mixed = _condense(factors, design, (y - height) / size)
    theta, at_zero = _minimum(where, mixed)
    state = mixed.state(theta)
    sigma2 = state.residual / (mixed.n - mixed.p)
    # From standardised predictors and outcome back to the units of the columns.
    back = np.diag(np.concatenate([[1.0], 1 / spread])) * size
    back[0, 1:] = -centre / spread * size
    df, spread_of_variances = _satterthwaite(mixed, theta, at_zero, back)
    estimate = back @ state.slopes
    estimate[0] += height
    covariance = back @ (state.inverse * sigma2) @ back.T
    table = _coefficients(equation, estimate, covariance, df, level)
    table["std_estimate"] = [np.nan, *(estimate[1:] * spread / size)]
    ordered = tuple(next(factor for factor in factors if factor.name == group) for group in groups)
    components = _Components(mixed, ordered, tuple(_products(factor, columns, names) for factor in ordered), size)
    residual = sigma2 * size**2
    share = components.shares(theta, sigma2)
    explained = float((design[:, 1:] @ state.slopes[1:] * size).var(ddof=1)) if mixed.p > 1 else 0.0
    random = sum(share.values())
    summary: dict[str, Any] = {
        "outcome": equation.outcome,
        "n": mixed.n,
        "r_squared": (explained + random) / (explained + random + residual),
        "r_squared_marginal": explained / (explained + random + residual),
        **{f"icc_{name}": value / (random + residual) for name, value in share.items()},
        **{f"levels_{factor.name}": factor.levels for factor in ordered},
        "reml_log_likelihood": _log_likelihood(mixed, theta, spread, size),
        "sigma": float(np.sqrt(residual)),
    }
    singular = [
        factor.name
        for factor, lower in zip(mixed.factors, mixed.split(theta), strict=True)
        if (np.diag(lower) == 0).any()
    ]
    notes = _notes(scores, equation, mixed, ordered, singular)
    effects = components.table(theta, np.sqrt(sigma2), ~at_zero, spread_of_variances, level)
    return table, summary, effects.assign(outcome=equation.outcome), notes


def _products(factor: _Factor, columns: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The mean cross-products of what varies: they weigh the covariances of random effects in the variance they give
    a row on average (Johnson 2014)."""
    basis = np.column_stack([np.ones(len(columns)), *(columns[:, names.index(term)] for term in factor.terms[1:])])
    return np.asarray(basis.T @ basis / len(basis))


def _check_fixed(where: str, equation: Equation, y: np.ndarray, x: np.ndarray) -> None:
    problems = []
    n, p = len(y), x.shape[1] + 1
    if n <= p + 1:
        problems.append(
            Problem(where, f"{n} complete rows for {p} coefficients", "Collect more, or predict with less.")
        )
    else:
        problems += design_problems(where, equation, y, x)
    if problems:
        raise DataError(*problems)


def _factor(
    group: str, labels: pd.Series, slopes: tuple[str, ...], columns: np.ndarray, names: Sequence[str], where: str
) -> _Factor:
    codes, uniques = pd.factorize(labels)
    basis = np.column_stack([np.ones(len(codes)), *(columns[:, names.index(term)] for term in slopes)])
    back = np.eye(1 + len(slopes))
    for place, term in enumerate(slopes, start=1):
        counts = np.bincount(codes)
        means = np.bincount(codes, basis[:, place]) / counts
        if np.abs(basis[:, place] - means[codes]).max() <= 1e-12 * (1 + np.abs(basis[:, place]).max()):
            what = f"'{term}' never varies within a level of '{group}', so its slope cannot vary between them"
            raise DataError(Problem(where, what, "Leave this slope out, or let it vary by another group."))
        centre, spread = basis[:, place].mean(), basis[:, place].std()
        basis[:, place] = (basis[:, place] - centre) / spread
        back[0, place], back[place, place] = -centre / spread, 1 / spread
    return _Factor(group, (INTERCEPT, *slopes), codes, len(uniques), basis, back)


def _check_factors(where: str, factors: Sequence[_Factor], n: int) -> None:
    problems = []
    for place, factor in enumerate(factors):
        least = max(2, factor.width + 1)
        if factor.levels < least:
            what = f"'{factor.name}' has {factor.levels} level(s), but {factor.width} effect(s) shall vary between them"
            problems.append(Problem(where, what, f"At least {least} are needed: leave the group out."))
        elif factor.levels * factor.width >= n:
            what = f"'{factor.name}' has {factor.levels} levels x {factor.width} effect(s) for {n} rows"
            problems.append(Problem(where, what, "Without levels that repeat, these cannot be told from the residual."))
        for other in factors[:place]:
            if factor.levels == other.levels == len({*zip(factor.codes, other.codes, strict=True)}):
                what = f"'{factor.name}' and '{other.name}' divide the rows in the same way"
                problems.append(Problem(where, what, "Leave one of the two out."))
    if problems:
        raise DataError(*problems)


def _condense(factors: Sequence[_Factor], design: np.ndarray, y: np.ndarray) -> _Mixed:
    ordered = sorted(factors, key=lambda factor: -factor.levels * factor.width)
    first, rest = ordered[0], ordered[1:]
    fixed = np.column_stack([design, y])
    products = [
        np.bincount(first.codes, first.basis[:, i] * first.basis[:, j], first.levels)
        for i in range(first.width)
        for j in range(first.width)
    ]
    own = np.column_stack(products).reshape(first.levels, first.width, first.width)
    z = first.matrix
    others = (
        sparse.csr_array(sparse.hstack([factor.matrix for factor in rest])) if rest else sparse.csr_array((len(y), 0))
    )
    return _Mixed(
        tuple(ordered),
        own,
        sparse.csr_array(z.T @ others),
        (others.T @ others).toarray(),
        z.T @ fixed,
        others.T @ fixed,
        fixed.T @ fixed,
        len(y),
    )


def _minimum(where: str, mixed: _Mixed) -> tuple[np.ndarray, np.ndarray]:
    """The relative covariance factors at the minimum, and which of them lie on the boundary."""
    from scipy.optimize import minimize

    diagonal = np.concatenate([(np.eye(factor.width) > 0)[np.tril_indices(factor.width)] for factor in mixed.factors])
    bounds = [(0.0, None) if flag else (None, None) for flag in diagonal]
    stuck = Problem(where, "the search for variances did not settle", "Leave out a slope or a group with few levels.")
    start = mixed.start
    try:
        for _ in range(1 + int(diagonal.sum())):
            found = minimize(
                mixed.criterion, start, method="L-BFGS-B", bounds=bounds, options={"eps": 1e-6, "ftol": 1e-12}
            )
            theta = np.where(diagonal & (found.x < BOUNDARY), 0.0, found.x)
            start = _off_the_boundary(mixed, theta, diagonal)
            if start is theta:
                break
        theta = _polished(mixed, theta, ~(diagonal & (theta == 0)), stuck)
    except np.linalg.LinAlgError as error:
        raise NotConverged(stuck) from error
    return theta, diagonal & (theta == 0)


def _off_the_boundary(mixed: _Mixed, theta: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """`theta` itself where a zero is the minimum; otherwise a better place: the slope at zero is always zero."""
    here = mixed.criterion(theta)
    for place in np.flatnonzero(diagonal & (theta == 0)):
        for size in (0.02, 0.1, 0.4):
            moved = theta.copy()
            moved[place] = size
            if mixed.criterion(moved) < here - 1e-9 * abs(here):
                return moved
    return theta


def _polished(mixed: _Mixed, theta: np.ndarray, free: np.ndarray, stuck: Problem) -> np.ndarray:
    """Newton steps from a near minimum, over what is not held at zero."""
    for _ in range(20):
        gradient, hessian = (part[..., 0] for part in _derivatives(lambda at: [mixed.criterion(at)], theta, free))
        step = np.zeros(len(theta))
        step[free] = -np.linalg.lstsq(hessian, gradient, rcond=1e-10)[0]
        if not np.isfinite(step).all():
            break
        now, shrink = mixed.criterion(theta), 1.0
        while shrink > 1e-4 and mixed.criterion(theta + shrink * step) > now + 1e-10 * abs(now):
            shrink /= 2
        theta = theta + shrink * step
        # A flat direction (effects correlated to 1) never settles in theta, but the criterion no longer cares.
        if abs(float(gradient @ step[free])) < SETTLED:
            return theta
    raise NotConverged(stuck)


def _derivatives(
    function: Callable[[np.ndarray], Sequence[float]], theta: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Central first and second differences of a vector-valued function, shapes (k, m) and (k, k, m)."""
    places = np.flatnonzero(free)
    steps = 3e-4 * np.maximum(1, np.abs(theta[places]))
    unit = np.zeros((len(places), len(theta)))
    unit[np.arange(len(places)), places] = steps

    def at(move: np.ndarray) -> np.ndarray:
        return np.array(function(theta + move), dtype=float)

    middle = at(np.zeros(len(theta)))
    up, down = ([at(sign * move) for move in unit] for sign in (1, -1))
    gradient = np.zeros((len(places), len(middle)))
    hessian = np.zeros((len(places), len(places), len(middle)))
    for i in range(len(places)):
        gradient[i] = (up[i] - down[i]) / (2 * steps[i])
        hessian[i, i] = (up[i] - 2 * middle + down[i]) / steps[i] ** 2
        for j in range(i):
            both = at(unit[i] + unit[j]) + at(-unit[i] - unit[j])
            mixed = (both - up[i] - up[j] - down[i] - down[j] + 2 * middle) / (2 * steps[i] * steps[j])
            hessian[i, j] = hessian[j, i] = mixed
    return gradient, hessian


def _satterthwaite(
    mixed: _Mixed, theta: np.ndarray, at_zero: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of freedom of each fixed effect: 2 V^2 / var(V), by the delta method over theta and sigma; and the
    covariance of those two (theta only where it is not at zero)."""

    def pieces(at: np.ndarray) -> list[float]:
        state = mixed.state(at)
        return [state.log_determinant, state.residual, *np.diag(back @ state.inverse @ back.T)]

    here = np.array(pieces(theta))
    df = mixed.n - mixed.p
    sigma2 = here[1] / df
    free = ~at_zero
    k = int(free.sum())
    gradient, hessian = _derivatives(pieces, theta, free)
    curvature = np.empty((k + 1, k + 1))
    curvature[:k, :k] = hessian[..., 0] + hessian[..., 1] / sigma2
    curvature[:k, k] = curvature[k, :k] = -2 * gradient[:, 1] / sigma2**1.5
    curvature[k, k] = 4 * df / sigma2
    value, vector = np.linalg.eigh(curvature)
    kept = value > 1e-8 * value.max()
    spread = 2 * (vector[:, kept] / value[kept]) @ vector[:, kept].T
    variance = here[2:] * sigma2
    slope = np.vstack([gradient[:, 2:] * sigma2, 2 * np.sqrt(sigma2) * here[2:]])
    return np.asarray(2 * variance**2 / np.einsum("ij,ik,kj->j", slope, spread, slope)), np.asarray(spread)


def _log_likelihood(mixed: _Mixed, theta: np.ndarray, spread: np.ndarray, size: float) -> float:
    """The restricted log-likelihood in the units of the columns."""
    shift = 2 * np.log(spread).sum() + 2 * (mixed.n - mixed.p) * np.log(size)
    return float(-0.5 * (mixed.criterion(theta) + shift))


def _coefficients(
    equation: Equation, estimate: np.ndarray, covariance: np.ndarray, df: np.ndarray, level: float
) -> pd.DataFrame:
    error = np.sqrt(np.diag(covariance))
    width = special.stdtrit(df, (1 + level) / 2) * error
    return pd.DataFrame(
        {
            "outcome": equation.outcome,
            "term": [INTERCEPT, *equation.labels],
            "estimate": estimate,
            "std_error": error,
            "statistic": estimate / error,
            "df": df,
            "p_value": 2 * special.stdtr(df, -np.abs(estimate / error)),
            "conf_low": estimate - width,
            "conf_high": estimate + width,
        }
    )


def _notes(
    scores: Scores, equation: Equation, mixed: _Mixed, factors: Sequence[_Factor], singular: Sequence[str]
) -> list[str]:
    notes = []
    if mixed.n < scores.n:
        missing = scores.n - mixed.n
        notes.append(f"{equation}: {missing} of {scores.n} rows lack a value or a group; they were left out.")
    for factor in factors:
        if factor.name in singular:
            what = "its variance is" if factor.width == 1 else "a variance is at zero or a correlation at 1: both are"
            notes.append(f"{equation}: '{factor.name}': {what} estimated at the edge of what is possible.")
    few = [f"'{factor.name}' ({factor.levels})" for factor in factors if factor.levels < FEW]
    if few:
        notes.append(f"{equation}: few levels of {', '.join(few)}; the variance between them is hardly known.")
    return notes
