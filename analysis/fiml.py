"""Full information: every answer that was given counts, also those of people who left others out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.errors import DataError, Problem
from analysis.fitmeasures import ChiSquare, comparative, information_criteria, rmsea, srmr
from analysis.latent import Structure, baseline, saturated, start_values
from analysis.likelihood import (
    LOG_TAU,
    Block,
    Layout,
    Point,
    case_slopes,
    check_distinct,
    collect,
    expected_information,
    inverse,
    locate,
    minimise,
    observed_information,
    one_group,
)
from analysis.robust import population_measures, scaled_measures
from analysis.scoring import Scores

EM_STEPS = 5000
EM_PRECISION = 1e-11
"""The EM algorithm ends when no standardised moment moves more than this."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """People sorted by which questions they answered.

    Attributes
    ----------
    blocks : tuple of Block
        One for each pattern of answers.
    rows : tuple of ndarray
        The answers themselves, one array for each block.
    notes : tuple of str
    """

    blocks: tuple[Block, ...]
    rows: tuple[np.ndarray, ...]
    notes: tuple[str, ...]

    @property
    def n(self) -> int:
        """Everybody who answered at least one question."""
        return sum(block.n for block in self.blocks)


@dataclass(frozen=True, eq=False)
class Unrestricted:
    """The model that explains everything, fitted to all patterns: what every other model is compared with.

    Attributes
    ----------
    layout, point
        Every mean, variance and covariance its own parameter, at its maximum.
    complete : Block
        The moments complete data would have had, as estimated.
    weight, meat : ndarray
        Observed information and mean squared slope of people, per person.
    """

    layout: Layout
    point: Point
    complete: Block
    weight: np.ndarray
    meat: np.ndarray


@dataclass(frozen=True, eq=False)
class FullInformation:
    """What full-information maximum likelihood found: estimates, their covariance and the fit measures."""

    layout: Layout
    theta: np.ndarray
    covariance: np.ndarray
    measures: dict[str, float]


def patterns_of(scores: Scores, structure: Structure) -> Patterns:
    """Which patterns of answers are there, and what are the moments within each?

    Parameters
    ----------
    scores : Scores
        Answers with gaps.
    structure : Structure
        Names the observed variables, with means.

    Returns
    -------
    Patterns
        Rows that lack an exogenous predictor are left out, and so are rows without a single answer; notes count them.

    Raises
    ------
    DataError
        When an item is constant, or two items were never answered by the same person.

    Checked against
    ---------------
    lavaan 0.6-14 `missing = "fiml"`, which sees the same people: tests/reference/latent.json;
    tests/analysis/test_fiml.py.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> rows = pd.DataFrame({"a": [1.0, 2, 4, 3], "b": [2.0, 1, 5, None], "c": [1.0, 3, None, 2]})
    >>> structure = specify(parse_model("f =~ a + b + c"), has_means=True)
    >>> [block.n for block in patterns_of(Scores.from_scored(rows, source="example"), structure).blocks]
    [1, 1, 2]
    """
    names = structure.observed
    values = np.column_stack([scores.column(name) for name in names])
    given = ~np.isnan(values)
    exogenous = [names.index(name) for name in structure.exogenous]
    kept = given.any(axis=1) & given[:, exogenous].all(axis=1)
    values, given = values[kept], given[kept]
    _check_answers(names, values, given)
    notes = []
    if not kept.all():
        notes.append(f"{int((~kept).sum())} of {scores.n} rows hold no answer to use; they were left out.")
    partial = int((~given.all(axis=1)).sum())
    notes.append(f"{partial} of {len(values)} people lack an answer; all answers given were used (full information).")
    kinds, which = np.unique(given, axis=0, return_inverse=True)
    blocks, rows = [], []
    for number, kind in enumerate(kinds):
        places = np.flatnonzero(kind)
        chosen = np.ascontiguousarray(values[which.ravel() == number][:, places])
        mean = chosen.mean(axis=0)
        centred = chosen - mean
        blocks.append(Block(len(chosen), mean, centred.T @ centred / len(chosen), places))
        rows.append(chosen)
    return Patterns(tuple(blocks), tuple(rows), tuple(notes))


def full_information(structure: Structure, patterns: Patterns, *, robust: bool) -> FullInformation:
    """Which estimates make all answers given most likely, and how well does the model fit them?

    Parameters
    ----------
    structure : Structure
        With means.
    patterns : Patterns
        As `patterns_of` gives them.
    robust : bool
        Huber-White errors and Yuan and Bentler's correction of chi-square, in place of normal theory.

    Returns
    -------
    FullInformation
        Estimates, their covariance, and the fit measures lavaan prints.

    Raises
    ------
    DataError
        When there are fewer people than parameters.

    Notes
    -----
    Standard errors come from the observed information, with `robust` in a sandwich around people's squared slopes. CFI,
    TLI and RMSEA `_robust` are Zhang and Savalei's (2023): without them, the fit of incomplete data looks better than
    it is. Gaps are taken as missing at random given the answers there are.

    Checked against
    ---------------
    lavaan 0.6-14 `missing = "fiml"`, with and without MLR, in tests/analysis/test_fiml.py (`fit_cfa`):
    tests/reference/latent.json.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(2)
    >>> rows = pd.DataFrame(rng.normal(size=(200, 1)) + rng.normal(size=(200, 4)), columns=list("abcd"))
    >>> rows.loc[:30, "b"] = np.nan
    >>> structure = specify(parse_model("f =~ a + b + c + d"), has_means=True)
    >>> patterns = patterns_of(Scores.from_scored(rows, source="example"), structure)
    >>> found = full_information(structure, patterns, robust=False)
    >>> found.measures["df"], found.theta.shape
    (2, (12,))
    """
    n = patterns.n
    free = int(structure.free.sum())
    if n < free:
        remedy = "Collect more answers, or ask a smaller model."
        raise DataError(Problem("data", f"{n} people for {free} parameters", remedy))
    best = unrestricted(structure, patterns)
    layout, alone = one_group(structure), one_group(baseline(structure))
    starts = start_values(structure, best.complete.cov, best.complete.mean)
    point = minimise(layout, patterns.blocks, (collect(layout, [values]) for values in starts))
    nothing = locate(alone, patterns.blocks, _available(alone, patterns))
    models = ((layout, point), (alone, nothing))
    tests = [_chi_square(one, found, best, n) for one, found in models]
    bread = inverse(observed_information(layout, patterns.blocks, point))
    meat = _meat(layout, point, patterns)
    covariance = (bread @ meat @ bread if robust else bread) / n
    measures = {
        "chi_square": tests[0].statistic,
        "df": tests[0].df,
        "p_value": tests[0].p_value,
        **comparative(*tests),
        **rmsea(tests[0], n),
        **_residuals_and_criteria(structure, patterns, point, best),
    }
    if tests[0].df:
        if robust:
            model, null = (_scaled(test, *one, best, patterns) for test, one in zip(tests, models, strict=True))
            measures |= scaled_measures(model, null, n)
        model, null = (_as_if_complete(*one, best, n, robust) for one in models)
        measures |= population_measures(model, null, n)
    return FullInformation(layout, point.theta, covariance, measures)


def without_relations(structure: Structure, patterns: Patterns, best: Unrestricted) -> tuple[float, float]:
    """How far is the model of no relations from answers with gaps, and how much is that distance to be corrected?

    Parameters
    ----------
    structure : Structure
        The model whose baseline is asked for.
    patterns : Patterns
    best : Unrestricted
        The maximum over all moments for the same patterns.

    Returns
    -------
    (float, float)
        Its deviance per person, and the trace that corrects its chi-square.

    Checked against
    ---------------
    lavaan 0.6-14 scaled CFI and TLI of groups with answers missing, through `fit_invariance`:
    tests/reference/latent_more.json.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(2)
    >>> rows = pd.DataFrame(rng.normal(size=(300, 1)) + rng.normal(size=(300, 3)), columns=list("abc"))
    >>> structure = specify(parse_model("f =~ a + b + c"), has_means=True)
    >>> patterns = patterns_of(Scores.from_scored(rows, source="example"), structure)
    >>> best = unrestricted(structure, patterns)
    >>> value, trace = without_relations(structure, patterns, best)
    >>> value > best.point.value, 2 < trace < 4  # three covariances, normal answers
    (True, True)
    """
    alone = one_group(baseline(structure))
    nothing = locate(alone, patterns.blocks, _available(alone, patterns))
    test = _scaled(_chi_square(alone, nothing, best, patterns.n), alone, nothing, best, patterns)
    return nothing.value, test.factor * test.df


def _check_answers(names: Sequence[str], values: np.ndarray, given: np.ndarray) -> None:
    problems = []
    for name, column, seen in zip(names, values.T, given.T, strict=True):
        if not seen.any() or np.ptp(column[seen]) == 0:
            what = "everybody who answered gave the same answer" if seen.any() else "nobody answered"
            problems.append(Problem(f"column '{name}'", what, "Take it out of the model."))
    together = given.T.astype(int) @ given.astype(int)
    for (i, left), (j, right) in combinations(enumerate(names), 2):
        if together[i, j] < 2 and not problems:
            what = f"{together[i, j]} people answered both, so how they go together is unknown"
            problems.append(Problem(f"columns '{left}' and '{right}'", what, "Leave one of them out of the model."))
    if problems:
        raise DataError(*problems)


def unrestricted(structure: Structure, patterns: Patterns) -> Unrestricted:
    """What means and covariances do the answers given speak for, when no model restricts them?

    Parameters
    ----------
    structure : Structure
        Names the variables.
    patterns : Patterns

    Returns
    -------
    Unrestricted
        The maximum of the likelihood over all moments (EM algorithm), with its curvature.

    Raises
    ------
    DataError
        When variables determine each other.

    Checked against
    ---------------
    lavaan 0.6-14 chi-squares, measured from it: tests/reference/latent.json. That it is a maximum, and its information:
    tests/analysis/test_fiml.py.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis.latent import specify
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(2)
    >>> rows = pd.DataFrame(rng.normal(5, 1, size=(200, 3)), columns=list("abc"))
    >>> structure = specify(parse_model("f =~ a + b + c"), has_means=True)
    >>> found = unrestricted(structure, patterns_of(Scores.from_scored(rows, source="example"), structure))
    >>> np.allclose(found.complete.mean, rows.mean())  # nothing is missing
    True
    """
    layout = one_group(saturated(structure))
    names = structure.observed
    for block in patterns.blocks:
        if len(block.places) == len(names) and block.n > len(names) + 1 and (np.diag(block.cov) > 0).all():
            check_distinct(block.cov, names)
    mean, cov = _em(patterns, len(names))
    check_distinct(cov, names)
    point = locate(layout, patterns.blocks, _moments_as_theta(layout, mean, cov))
    complete = Block(patterns.n, mean, cov, np.arange(len(mean)))
    weight = _unrestricted_information(layout.structure, patterns, point)
    return Unrestricted(layout, point, complete, weight, _meat(layout, point, patterns))


def _unrestricted_information(structure: Structure, patterns: Patterns, point: Point) -> np.ndarray:
    """Observed information of all means, variances and covariances.

    Every entry is a sum over patterns of products of two entries of their matrices, so that one matrix product gives
    all of them at once, however many patterns there are.
    """
    p, index = len(structure.observed), structure.index
    shares = np.array([block.n for block in patterns.blocks]) / patterns.n
    precisions, seen = np.zeros((2, len(shares), p, p))
    pulls = np.zeros((len(shares), p))
    mean = point.implied[0].mean
    for number, (block, precision) in enumerate(zip(patterns.blocks, point.precisions, strict=True)):
        at = np.ix_(block.places, block.places)
        gap = block.mean - mean[block.places]
        precisions[number][at] = precision
        seen[number][at] = 2 * precision @ (block.cov + np.outer(gap, gap)) @ precision - precision
        pulls[number, block.places] = precision @ gap
    weighted = (precisions * shares[:, None, None]).reshape(len(shares), -1)
    squares = (weighted.T @ seen.reshape(len(shares), -1)).reshape(p, p, p, p)
    lines = (weighted.T @ pulls).reshape(p, p, p)
    pairs, means = index.symmetric, index.means
    i, j, share = index.row[pairs], index.column[pairs], index.share[pairs]
    a, b, c, d = i[:, None], j[:, None], i[None, :], j[None, :]
    shape = squares[a, c, b, d] + squares[b, d, a, c] + squares[a, d, b, c] + squares[b, c, a, d]
    shape = (shape + shape.T) / 4 * np.outer(share, share)
    information = np.zeros((len(index.row), len(index.row)))
    information[np.ix_(pairs, pairs)] = shape
    m = index.row[means][:, None]
    across = (lines[m, c, d] + lines[m, d, c]) * share
    information[np.ix_(means, pairs)] = across
    information[np.ix_(pairs, means)] = across.T
    information[np.ix_(means, means)] = weighted.sum(axis=0).reshape(p, p)[np.ix_(index.row[means], index.row[means])]
    return information


def _em(patterns: Patterns, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances by expectation and maximisation; it closes in the faster, the less is missing."""
    mean, variance = _available_moments(patterns, p)
    cov = np.diag(variance)
    sd = np.sqrt(variance)
    for _ in range(EM_STEPS):
        total, square = np.zeros(p), np.zeros((p, p))
        for block in patterns.blocks:
            seen = block.places
            fill = cov[:, seen] @ np.linalg.pinv(cov[np.ix_(seen, seen)], hermitian=True)
            unknown = cov - fill @ cov[seen]
            centre = mean + fill @ (block.mean - mean[seen])
            total += block.n * centre
            square += block.n * (fill @ block.cov @ fill.T + unknown + np.outer(centre, centre))
        new_mean = total / patterns.n
        new_cov = square / patterns.n - np.outer(new_mean, new_mean)
        moved = max(np.abs((new_mean - mean) / sd).max(), np.abs((new_cov - cov) / np.outer(sd, sd)).max())
        mean, cov = new_mean, (new_cov + new_cov.T) / 2
        if moved < EM_PRECISION:
            break
    return mean, cov


def _available_moments(patterns: Patterns, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Each variable's mean and variance over everybody who answered it."""
    count, total, square = np.zeros(p), np.zeros(p), np.zeros(p)
    for block in patterns.blocks:
        count[block.places] += block.n
        total[block.places] += block.n * block.mean
    mean = total / count
    for block in patterns.blocks:
        square[block.places] += block.n * (np.diag(block.cov) + (block.mean - mean[block.places]) ** 2)
    return mean, square / count


def _available(layout: Layout, patterns: Patterns) -> np.ndarray:
    """Estimates of the baseline: each variable by itself, given predictors as they are."""
    mean, variance = _available_moments(patterns, len(layout.structure.observed))
    cov = np.diag(variance)
    rows = {name: place for place, name in enumerate(layout.structure.observed)}
    given = [rows[name] for name in layout.structure.exogenous]
    if given:
        answers = np.concatenate(
            [values[:, np.searchsorted(block.places, given)] for block, values in
             zip(patterns.blocks, patterns.rows, strict=True)]
        )  # fmt: skip
        cov[np.ix_(given, given)] = np.cov(answers.T, bias=True).reshape(len(given), len(given))
    return _moments_as_theta(layout, mean, cov)


def _moments_as_theta(layout: Layout, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
    return np.array(
        [
            mean[parameter.row] if parameter.matrix == "means" else cov[parameter.row, parameter.column]
            for parameter in layout.structure.parameters
        ]
    )


def _meat(layout: Layout, point: Point, patterns: Patterns) -> np.ndarray:
    pairs = zip(patterns.blocks, patterns.rows, strict=True)
    slopes = np.concatenate([case_slopes(layout, point, rows, block) for block, rows in pairs])
    return np.asarray(slopes.T @ slopes / patterns.n)


def _chi_square(layout: Layout, point: Point, best: Unrestricted, n: int) -> ChiSquare:
    rise = n * (point.value - best.point.value)
    return ChiSquare(max(rise, 0.0), layout.structure.moments - layout.size)


def _scaled(test: ChiSquare, layout: Layout, point: Point, best: Unrestricted, patterns: Patterns) -> ChiSquare:
    """Yuan and Bentler's factor in the variant of Mplus."""
    above = float(np.vdot(np.linalg.inv(best.weight), best.meat))
    bread = inverse(observed_information(layout, patterns.blocks, point))
    trace = above - float(np.vdot(bread, _meat(layout, point, patterns)))
    return ChiSquare(test.statistic, test.df, trace / test.df)


def _as_if_complete(layout: Layout, point: Point, best: Unrestricted, n: int, robust: bool) -> ChiSquare:
    """Chi-square of the estimates against the moments complete data would have had, and its expected size per df."""
    there = locate(layout, [best.complete], point.theta)
    logdet = float(np.linalg.slogdet(best.complete.cov)[1])
    df = layout.structure.moments - layout.size
    slopes = _jacobian(best.layout.structure, layout, point)
    weighted = best.weight @ slopes
    left_over = best.weight - weighted @ np.linalg.solve(slopes.T @ weighted, weighted.T)
    full = expected_information(best.layout, [best.complete], locate(best.layout, [best.complete], best.point.theta))
    spread = np.linalg.inv(best.weight)
    middle = spread @ full @ spread
    if robust:
        trace = np.trace(left_over @ middle @ left_over @ spread @ best.meat @ spread)
    else:
        trace = np.trace(middle @ left_over)
    return ChiSquare(n * (there.value - logdet - len(best.complete.mean)), df, float(trace) / df)


def _jacobian(unrestricted: Structure, layout: Layout, point: Point) -> np.ndarray:
    """How every moment changes with every estimate, shape (moments, estimates)."""
    implied, index = point.implied[0], unrestricted.index
    left, right = implied.left, implied.right
    p = len(left)
    row, column = np.minimum(index.row, p - 1), np.minimum(index.column, p - 1)
    moved = left[row] * right[column] + right[row] * left[column]
    moved[index.means] = implied.shift[index.row[index.means]]
    return np.asarray(moved @ layout.sums[0])


def _residuals_and_criteria(
    structure: Structure, patterns: Patterns, point: Point, best: Unrestricted
) -> dict[str, float]:
    n, implied, complete = patterns.n, point.implied[0], best.complete
    answers = sum(block.n * len(block.places) for block in patterns.blocks)
    given = [structure.observed.index(name) for name in structure.exogenous]
    log_likelihood = -0.5 * (answers * LOG_TAU + n * point.value)
    if given:
        block = complete.cov[np.ix_(given, given)]
        log_likelihood += 0.5 * n * (len(given) * (LOG_TAU + 1) + float(np.linalg.slogdet(block)[1]))
    parameters = int(structure.free.sum()) - sum(parameter.exogenous for parameter in structure.parameters)
    return {
        "srmr": srmr([complete.cov], [implied.sigma], [n], [complete.mean - implied.mean]),
        **information_criteria(log_likelihood, parameters, n),
        "log_likelihood": log_likelihood,
        "parameters": parameters,
    }
