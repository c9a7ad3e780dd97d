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
    """What does the spread of people's own slopes say about the precision of the estimates?

    Parameters
    ----------
    layout : Layout
        One group without means, or several groups with them.
    blocks : sequence of Block
        Complete data of each group.
    point : Point
        The estimates.
    rows : sequence of ndarray, shape (n, p)
        The answers behind each block.
    kind : {"mlm", "mlr"}
        Satorra and Bentler's: expected information around the fourth moments. Yuan and Bentler's in the variant of
        Mplus: observed information around each person's squared slope.

    Returns
    -------
    Correction
        The covariance of the estimates, and the trace whose share per degree of freedom scales chi-square.

    Checked against
    ---------------
    lavaan 0.6-14 `estimator = "MLM"` and `"MLR"`: tests/reference/latent.json; of groups:
    tests/reference/latent_more.json.

    Examples
    --------
    >>> from analysis.latent import specify, start_values
    >>> from analysis.likelihood import collect, minimise, one_group
    >>> from analysis.model import parse_model
    >>> rng = np.random.default_rng(3)
    >>> rows = rng.normal(size=(400, 1)) + rng.normal(size=(400, 4))
    >>> layout = one_group(specify(parse_model("f =~ a + b + c + d")))
    >>> block = Block(400, rows.mean(axis=0), np.cov(rows, rowvar=False, ddof=0), np.arange(4))
    >>> start = collect(layout, [next(start_values(layout.structure, block.cov, block.mean))])
    >>> point = minimise(layout, [block], [start])
    >>> 1 < correct(layout, [block], point, [rows], "mlm").trace < 3  # two degrees of freedom, normal answers
    True
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
    """What are the estimates of a model that needs no search?

    Parameters
    ----------
    layout : Layout
        Of the baseline model: variances, and covariances among exogenous predictors.
    block : Block

    Returns
    -------
    Point
        Each parameter is the sample's own value.

    Checked against
    ---------------
    lavaan 0.6-14 robust CFI and TLI, which compare with it: tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.latent import baseline, specify
    >>> from analysis.likelihood import one_group
    >>> from analysis.model import parse_model
    >>> alone = one_group(baseline(specify(parse_model("f =~ a + b + c"))))
    >>> at_start(alone, Block(90, np.zeros(3), np.diag([1.0, 2.0, 3.0]), np.arange(3))).theta.tolist()
    [1.0, 2.0, 3.0]
    """
    theta = np.zeros(layout.size)
    for slot, parameter in zip(layout.slots[0], layout.structure.parameters, strict=True):
        theta[slot] = block.cov[parameter.row, parameter.column]
    return locate(layout, [block], theta)


def scaled_measures(model: ChiSquare, baseline: ChiSquare, n: int, groups: int = 1) -> dict[str, float]:
    """What are chi-square and the fit measures once chi-square is corrected?

    Parameters
    ----------
    model, baseline : ChiSquare
        Uncorrected statistics with their factors.
    n : int
        People.
    groups : int
        How many groups they belong to.

    Returns
    -------
    dict
        `chi_square_scaled` (statistic over factor), `p_value_scaled`, `scaling_factor`, and `cfi_scaled`, `tli_scaled`,
        `rmsea_scaled` computed from corrected statistics. A model without degrees of freedom fits by construction,
        so its corrected chi-square is 0 and CFI and TLI are 1; `scaling_factor`, `p_value_scaled` and `rmsea_scaled`
        are per degree of freedom, 0/0 there, and NaN. lavaan says the same.

    Checked against
    ---------------
    lavaan 0.6-14 MLM and MLR: tests/reference/latent.json; without degrees of freedom: latent_more.json.

    Examples
    --------
    >>> round(scaled_measures(ChiSquare(30.0, 24, 1.2), ChiSquare(900.0, 36, 1.1), 300)["chi_square_scaled"], 6)
    25.0
    """
    per_df = model.scaled.statistic / model.df if model.df else float("nan")
    return {
        "chi_square_scaled": model.scaled.statistic,
        "p_value_scaled": model.scaled.p_value,
        "scaling_factor": model.factor if model.df else float("nan"),
        **{f"{name}_scaled": value for name, value in comparative(model.scaled, baseline.scaled).items()},
        "rmsea_scaled": float(np.sqrt(np.maximum(per_df - 1, 0) * groups / n)),
    }


def population_measures(model: ChiSquare, baseline: ChiSquare, n: int, groups: int = 1) -> dict[str, float]:
    """What would CFI, TLI and RMSEA be in the population these people stand for?

    Parameters
    ----------
    model, baseline : ChiSquare
        Uncorrected statistics with their factors.
    n : int
        People in all groups.
    groups : int
        How many groups there are, which RMSEA takes into account.

    Returns
    -------
    dict
        `cfi_robust`, `tli_robust`, `rmsea_robust` with `_low`, `_high` and `_close_p`: what to report when answers are
        not normal. Without degrees of freedom they are 1, 1 and 0: the factor corrects nothing there. (lavaan 0.6-14
        says so with full information; with complete rows it leaves CFI and TLI empty, though not RMSEA, because it
        multiplies no degrees of freedom by a factor that is missing.)

    Checked against
    ---------------
    lavaan 0.6-14 MLM, MLR, full information and WLSMV: tests/reference/latent.json; without degrees of freedom:
    latent_more.json.

    References
    ----------
    Brosseau-Liard, P. E., & Savalei, V. (2014). Multivariate Behavioral Research, 49, 460-470.

    Examples
    --------
    >>> found = population_measures(ChiSquare(30.0, 24, 1.2), ChiSquare(900.0, 36, 1.1), 300)
    >>> round(found["rmsea_robust"], 4)
    0.0129
    """
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
