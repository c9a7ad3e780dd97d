"""Standard errors and chi-square that do not lean on the normal distribution of the items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from analysis.fitmeasures import ChiSquare, comparative, rmsea
from analysis.likelihood import (
    Block,
    Layout,
    Point,
    case_slopes,
    expected_information,
    inverse,
    locate,
    observed_information,
)

Robust = Literal["mlm", "mlr"]


class Correction(NamedTuple):
    """The covariance of the estimates, and the trace whose share per degree of freedom scales chi-square."""

    covariance: np.ndarray
    trace: float


def correct(
    layout: Layout, blocks: Sequence[Block], point: Point, rows: Sequence[np.ndarray], kind: Robust
) -> Correction:
    """What the spread of people's own slopes says about the precision of the estimates (complete rows, by group).

    "mlm" is Satorra and Bentler's: expected information around the fourth moments. "mlr" is Yuan and Bentler's in
    the variant of Mplus: observed information around each person's squared slope.
    """
    n = sum(block.n for block in blocks)
    meat, saturated = np.zeros((layout.size, layout.size)), 0.0
    for block, people, precision in zip(blocks, rows, point.precisions, strict=True):
        centred = people - block.mean
        slopes = case_slopes(layout, point, people, block, from_own_mean=kind == "mlm")
        if kind == "mlm":
            given = _given(layout, centred)
            slopes = slopes - case_slopes(layout, point, given + block.mean, block, from_own_mean=True)
            slopes = slopes - slopes.mean(axis=0)
            weight = precision
        else:
            given, weight = np.zeros_like(centred), np.linalg.inv(block.cov)
        saturated += _fourth_moments(centred, given, weight)
        if layout.structure.has_means:
            saturated += float(np.vdot(weight, block.cov))
        meat += slopes.T @ slopes / n
    bread = inverse((expected_information if kind == "mlm" else observed_information)(layout, blocks, point))
    return Correction(bread @ meat @ bread / n, saturated - float(np.vdot(bread, meat)))


def at_start(layout: Layout, block: Block) -> Point:
    """The baseline model needs no search: its estimates are the sample's variances (and given covariances)."""
    theta = np.zeros(layout.size)
    for slot, parameter in zip(layout.slots[0], layout.structure.parameters, strict=True):
        theta[slot] = block.cov[parameter.row, parameter.column]
    return locate(layout, [block], theta)


def scaled_measures(model: ChiSquare, baseline: ChiSquare, n: int, groups: int = 1) -> dict[str, float]:
    """The corrected chi-square, and CFI, TLI and RMSEA computed from it; the tests hold statistics and factors."""
    return {
        "chi_square_scaled": model.scaled.statistic,
        "p_value_scaled": model.scaled.p_value,
        "scaling_factor": model.factor,
        **{f"{name}_scaled": value for name, value in comparative(model.scaled, baseline.scaled).items()},
        "rmsea_scaled": float(np.sqrt(max(model.statistic / (model.factor * model.df) - 1, 0) * groups / n)),
    }


def population_measures(model: ChiSquare, baseline: ChiSquare, n: int, groups: int = 1) -> dict[str, float]:
    """CFI, TLI and RMSEA that estimate their own value under normality: these are the ones to report."""
    found = {f"{name}_robust": value for name, value in comparative(model, baseline).items()}
    return found | {name.replace("rmsea", "rmsea_robust"): value for name, value in rmsea(model, n, groups).items()}


def _given(layout: Layout, centred: np.ndarray) -> np.ndarray:
    """The part of every variable that exogenous predictors explain: taken as given, so it has no sampling error."""
    structure = layout.structure
    places = [structure.observed.index(name) for name in structure.exogenous]
    if not places:
        return np.zeros_like(centred)
    predictors = centred[:, places]
    return np.asarray(predictors @ np.linalg.lstsq(predictors, centred, rcond=None)[0])


def _fourth_moments(centred: np.ndarray, given: np.ndarray, precision: np.ndarray) -> float:
    """The trace of the normal-theory weight times the fourth-moment matrix, by squared distances."""

    def distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("ij,jk,ik->i", left, precision, right))

    squares = distances(centred, centred) ** 2 - 2 * distances(centred, given) ** 2 + distances(given, given) ** 2
    weighted = precision @ (centred.T @ centred - given.T @ given) / len(centred)
    return 0.5 * float(np.mean(squares) - np.trace(weighted @ weighted))
