"""Could one way of asking, rather than what was asked, have made the answers go together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtr

from analysis.cfa import check_moments
from analysis.errors import DataError, MomentsError, Problem
from analysis.factor import check_items, fit_factors
from analysis.moments import Moments, as_moments
from analysis.scoring import Scores

COLLINEARITY = ("variable", "vif", "r_squared")
MARKER = (
    "first", "second", "correlation", "p_value", "adjusted", "adjusted_statistic", "adjusted_df", "adjusted_p_value",
)  # fmt: skip
VIF_GUIDE = 3.3
"""Full-collinearity VIF (Kock, 2015): a guide, never a gate."""
SHARE_GUIDE = 0.50
"""The share of a first factor that is often called worrying; staying below it proves nothing."""
CLEARS_NOTHING = (
    "A small share clears nothing: method variance that every item carries in part leaves several factors standing "
    "(Podsakoff et al., 2003)."
)


@dataclass(frozen=True, eq=False)
class SingleFactor:
    """How much of all items one unrotated factor takes.

    Attributes
    ----------
    component_share : float
        The first eigenvalue of the correlations over the number of items (principal component, as SPSS users report).
    factor_share : float
        Sum of squared loadings of one minres factor over the number of items (common factor).
    loadings : DataFrame
        `item`, `loading` on that factor.
    n, items, source, synthetic, notes
        As in `Fit`; the notes warn what a small share does not show.
    """

    component_share: float
    factor_share: float
    loadings: pd.DataFrame
    n: int
    items: int
    source: str
    synthetic: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class MarkerAdjusted:
    """Correlations with what a marker variable says about method variance taken out.

    Attributes
    ----------
    moments : Moments
        The adjusted correlations with the observed means and standard deviations; any estimator takes them.
    table : DataFrame
        One row per pair, columns `MARKER`.
    marker : str
        The marker variable.
    method_correlation : float
        The correlation that was taken out.
    nearest : str
        The variable whose correlation with the marker that is; empty where nothing was taken out.
    notes : tuple of str
        What a reader must know.
    """

    moments: Moments
    table: pd.DataFrame
    marker: str
    method_correlation: float
    nearest: str
    notes: tuple[str, ...]


def full_collinearity(data: Scores | Moments, names: Sequence[str]) -> pd.DataFrame:
    """How much of each variable do all the others together explain, outcomes included?

    Parameters
    ----------
    data : Scores or Moments
    names : sequence of at least two str
        All variables of the model, whatever their role.

    Returns
    -------
    DataFrame
        `variable`, `vif` (1 / (1 - R squared); 1 is none), `r_squared` (of the variable on all the others).

    Raises
    ------
    DataError
        For fewer than two, repeated, unknown or constant variables, or variables that determine each other.

    Notes
    -----
    The diagonal of the inverse correlation matrix, rows complete on all variables. Kock takes VIFs of latent variable
    scores of 3.3 or below as a sign of no strong common method bias; for scale scores with measurement error the
    guide is lenient. A high value may just as well be real overlap.

    Checked against
    ---------------
    R 4.2.2 `lm()` of each variable on the others: tests/reference/measurement.json.

    References
    ----------
    Kock, N. (2015). International Journal of e-Collaboration, 11(4), 1-10.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> table = from_correlations(["a", "b"], np.array([[1, 0], [0.6, 1]]), n=100)
    >>> full_collinearity(table, ["a", "b"])["vif"].round(4).tolist()
    [1.5625, 1.5625]
    """
    _check_variables(names, "Collinearity is between two variables or more.")
    moments = as_moments(data, list(names))
    check_moments(moments, 0)
    vif = np.diag(np.linalg.inv(moments.correlations))
    return pd.DataFrame({"variable": list(names), "vif": vif, "r_squared": 1 - 1 / vif})[list(COLLINEARITY)]


def single_factor(data: Scores | Moments, items: Sequence[str]) -> SingleFactor:
    """How much of all items would one unrotated factor explain (Harman's test)?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    items : sequence of at least three str
        All items of all scales.

    Returns
    -------
    SingleFactor

    Raises
    ------
    DataError
        For fewer than three, repeated, unknown or constant items, or items that determine each other.
    NotConverged
        As `fit_factors`.

    Notes
    -----
    Two shares are in use: of the first principal component (first eigenvalue / p; what SPSS users report) and of one
    common factor (here minres). Neither can show that there is no method bias, and reviewers know it.

    Checked against
    ---------------
    R 4.2.2 `eigen()` and psych 2.2.9 `fa()`: tests/reference/measurement.json, shared reference 02_efa_bfi.

    References
    ----------
    Podsakoff, P. M., MacKenzie, S. B., Lee, J.-Y., & Podsakoff, N. P. (2003). Journal of Applied Psychology, 88,
    879-903.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.full((4, 4), 0.5); np.fill_diagonal(r, 1)
    >>> found = single_factor(from_correlations(list("abcd"), r, n=100), list("abcd"))
    >>> round(found.component_share, 3), round(found.factor_share, 3)
    (0.625, 0.5)
    """
    moments = as_moments(data, check_items(items))
    found = fit_factors(moments, items, 1, rotation="none")
    first = float(np.linalg.eigvalsh(moments.correlations)[-1]) / len(items)
    return SingleFactor(
        first, float(found.variance["share"].iloc[0]), found.loadings[["item", "loading"]], moments.n, len(items),
        moments.source, moments.synthetic, (*found.notes, CLEARS_NOTHING),
    )  # fmt: skip


def adjust_for_marker(data: Scores | Moments, names: Sequence[str], marker: str) -> MarkerAdjusted:
    """What is left of the correlations when the method variance that a marker variable shows is taken out?

    Parameters
    ----------
    data : Scores or Moments
    names : sequence of at least two str
        The variables of interest.
    marker : str
        A variable asked in the same way that should have nothing to do with at least one of them.

    Returns
    -------
    MarkerAdjusted
        `moments` with the adjusted correlations (fit any model on them); `table`: `first`, `second`, `correlation`, its
        `p_value`, `adjusted`, `adjusted_statistic` (t), `adjusted_df` (n - 3), `adjusted_p_value`.

    Raises
    ------
    DataError
        For fewer than two, repeated, unknown or constant variables, a marker among them, or fewer than four people.
    MomentsError
        When so much method variance leaves correlations that no data can have.

    Notes
    -----
    The smallest positive correlation of the marker with a variable of interest estimates the method variance r_m; every
    correlation becomes (r - r_m) / (1 - r_m), tested by t = r / sqrt((1 - r^2) / (n - 3)). Where none is positive,
    nothing is taken out. It assumes that method variance touches all variables alike; a chosen marker that does
    share meaning with all of them takes out too much. Models fitted on the adjusted moments count the original n;
    their standard errors do not know that r_m was estimated.

    Checked against
    ---------------
    The formulas worked out in R 4.2.2: tests/reference/measurement.json.

    References
    ----------
    Lindell, M. K., & Whitney, D. J. (2001). Journal of Applied Psychology, 86, 114-121.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0], [0.5, 1, 0], [0.1, 0.2, 1]])
    >>> found = adjust_for_marker(from_correlations(["psi", "buy", "marker"], r, n=200), ["psi", "buy"], "marker")
    >>> found.nearest, round(float(found.table["adjusted"][0]), 4)
    ('psi', 0.4444)
    """
    _check_variables([*names, marker], "Name two variables of interest or more beside the marker.", least=3)
    moments = as_moments(data, [*names, marker])
    check_moments(moments, 0)
    if moments.n < 4:
        raise DataError(Problem(moments.source or "data", f"{moments.n} people", "A test needs four or more."))
    r = moments.correlations
    with_marker = r[:-1, -1]
    positive = np.flatnonzero(with_marker > 0)
    place = int(positive[with_marker[positive].argmin()]) if len(positive) else -1
    taken = float(with_marker[place]) if len(positive) else 0.0
    adjusted = (r[:-1, :-1] - taken) / (1 - taken)
    notes = (*moments.notes, *_marker_notes(names, marker, with_marker, taken, place))
    own = moments.select(names)
    try:
        after = replace(
            own, cov=adjusted * np.outer(own.sd, own.sd), notes=notes,
            source=f"{own.source}, adjusted for {marker}".removeprefix(", "),
        )  # fmt: skip
    except MomentsError as error:
        what = f"taking out {taken:.3f} leaves correlations that no data can have"
        raise MomentsError(
            Problem(f"marker '{marker}'", what, "It shares too much with them; choose another.")
        ) from error
    first, second = np.triu_indices(len(names), 1)
    before, left = r[first, second], adjusted[first, second]
    statistic, p_value = _t_test(left, moments.n - 3)
    table = {
        "first": np.array(names)[first], "second": np.array(names)[second], "correlation": before,
        "p_value": _t_test(before, moments.n - 2)[1], "adjusted": left, "adjusted_statistic": statistic,
        "adjusted_df": moments.n - 3, "adjusted_p_value": p_value,
    }  # fmt: skip
    nearest = names[place] if len(positive) else ""
    return MarkerAdjusted(after, pd.DataFrame(table)[list(MARKER)], marker, taken, nearest, notes)


def _t_test(r: np.ndarray, df: int) -> tuple[np.ndarray, np.ndarray]:
    statistic = r * np.sqrt(df / np.maximum(1 - r**2, 1e-300))
    return statistic, 2 * stdtr(df, -np.abs(statistic))


def _marker_notes(
    names: Sequence[str], marker: str, with_marker: np.ndarray, taken: float, place: int
) -> tuple[str, ...]:
    listed = ", ".join(f"{name} {value:.3f}" for name, value in zip(names, with_marker, strict=True))
    if place < 0:
        return (f"The marker {marker} correlates with no variable above zero ({listed}); nothing was taken out.",)
    notes = [f"Marker {marker}: {taken:.3f} was taken out of every correlation, its smallest positive one ({listed})."]
    if (with_marker < 0).any():
        notes.append(
            f"{marker} correlates below zero with some: it may mean something to them, which a marker must not."
        )
    return tuple(notes)


def _check_variables(names: Sequence[str], remedy: str, *, least: int = 2) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    problems = [Problem(f"variable '{name}'", "it stands twice", "Name every variable once.") for name in twice]
    if len(names) < least:
        problems.append(Problem("variables", f"{', '.join(names) or 'none'} given", remedy))
    if problems:
        raise DataError(*problems)
