"""The narrow waist: n, means and covariances, from people or from a published table, never separated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import DataError, MomentsError, NeedsRows, Problem
from analysis.scoring import Scores

ROWS = 65_536
"""Rows centred at a time, so that memory does not grow with the data."""
SAME = 1e-13
"""A spread below this share of the mean is rounding: the column is constant."""
TOLERANCE = 1e-10
"""Eigenvalues of a correlation matrix down to minus this are rounding, below it the table is impossible."""


@dataclass(frozen=True, eq=False)
class Moments:
    """n, means and the covariance matrix of named variables.

    Attributes
    ----------
    names : tuple of str
        The p variables.
    n : int
        How many complete rows they were computed from.
    mean : ndarray, shape (p,)
        Means; NaN where a published table prints none.
    cov : ndarray, shape (p, p)
        Covariances with denominator n - 1.
    source : str
        Where they came from.
    synthetic : bool
        True as soon as one row was simulated.
    notes : tuple of str
        What a reader must know, such as how many rows were incomplete.
    """

    names: tuple[str, ...]
    n: int
    mean: np.ndarray
    cov: np.ndarray
    source: str = ""
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        p = len(self.names)
        problems = []
        if len(set(self.names)) != p:
            problems.append(Problem("moments", "a name stands twice", "Give every variable a name of its own."))
        if self.mean.shape != (p,) or self.cov.shape != (p, p):
            what = f"{p} names, but means {self.mean.shape} and covariances {self.cov.shape}"
            problems.append(Problem("moments", what, "Give one mean and one row and column for each name."))
        elif not np.isfinite(self.cov).all() or not np.allclose(self.cov, self.cov.T, rtol=1e-9, atol=1e-12):
            problems.append(Problem("moments", "the matrix is not symmetric and finite", "Check what was typed."))
        elif (np.diag(self.cov) < 0).any():
            problems.append(Problem("moments", "a variance is negative", "Check what was typed."))
        if self.n < 2:
            problems.append(Problem("moments", f"n is {self.n}", "A covariance needs at least two rows."))
        if problems:
            raise MomentsError(*problems)
        self._check_possible()

    def _check_possible(self) -> None:
        varying = np.flatnonzero(np.diag(self.cov) > 0)
        if not len(varying):
            return
        sd = np.sqrt(np.diag(self.cov)[varying])
        smallest = np.linalg.eigvalsh(self.cov[np.ix_(varying, varying)] / np.outer(sd, sd))[0]
        if smallest < -max(TOLERANCE, 1e-12 * len(varying)):
            what = f"no data can have these correlations (smallest eigenvalue {smallest:.4f})"
            raise MomentsError(Problem("moments", what, "Check the table for a misprint, or for pairwise deletion."))

    @property
    def sd(self) -> np.ndarray:
        """Standard deviations, shape (p,)."""
        return np.sqrt(np.diag(self.cov))

    @property
    def correlations(self) -> np.ndarray:
        """Correlations, shape (p, p); a constant variable raises a DataError that names it."""
        constant = [name for name, sd in zip(self.names, self.sd, strict=True) if not sd > 0]
        if constant:
            raise DataError(*(_constant(name) for name in constant))
        return np.asarray(self.cov / np.outer(self.sd, self.sd))

    def positions(self, names: Iterable[str]) -> list[int]:
        """Where these names stand; NeedsRows for a product, DataError for a name that is not there."""
        places = {name: place for place, name in enumerate(self.names)}
        problems = []
        for name in names:
            if name not in places and ":" in name:
                require_rows(self, f"The product term '{name}'")
            if name not in places:
                remedy = f"There is: {', '.join(self.names)}."
                problems.append(Problem(f"variable '{name}'", f"it is not in {self.source or 'the table'}", remedy))
        if problems:
            raise DataError(*problems)
        return [places[name] for name in names]

    def select(self, names: Sequence[str]) -> Moments:
        """The same moments for only these variables, in this order."""
        places = self.positions(names)
        return replace(self, names=tuple(names), mean=self.mean[places], cov=self.cov[np.ix_(places, places)])

    def merge(self, other: Moments) -> Moments:
        """Both groups of people as if they had been one: exact, so data can be condensed in pieces.

        Examples
        --------
        >>> rng = np.random.default_rng(1)
        >>> rows = rng.normal(size=(10, 2))
        >>> whole = from_rows(rows, ("a", "b"))
        >>> merged = from_rows(rows[:4], ("a", "b")).merge(from_rows(rows[4:], ("a", "b")))
        >>> bool(np.allclose(whole.cov, merged.cov) and np.allclose(whole.mean, merged.mean))
        True
        """
        other = other.select(self.names)
        n = self.n + other.n
        gap = other.mean - self.mean
        between = np.outer(gap, gap) * (self.n * other.n / n)
        return Moments(
            self.names,
            n,
            self.mean + gap * (other.n / n),
            ((self.n - 1) * self.cov + (other.n - 1) * other.cov + between) / (n - 1),
            self.source if self.source == other.source else f"{self.source} + {other.source}",
            self.synthetic or other.synthetic,
            tuple(dict.fromkeys((*self.notes, *other.notes))),
        )


def from_rows(values: np.ndarray, names: Sequence[str], *, source: str = "", synthetic: bool = False) -> Moments:
    """What are the moments of these complete rows?

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Rows without a missing value.
    names : sequence of str, length p
        What the columns are called.
    source, synthetic
        Carried along.

    Returns
    -------
    Moments
        Covariances with denominator n - 1, computed around the means in two passes, corrected for how the means were
        rounded.

    Raises
    ------
    DataError
        With fewer than two rows.

    Checked against
    ---------------
    R 4.2.2 `cov`: tests/reference/scores.json. `numpy.cov` and `pandas.DataFrame.cov`, also on badly scaled
    columns: tests/analysis/test_moments.py.

    Examples
    --------
    >>> from_rows(np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]]), ("a", "b")).cov.tolist()
    [[4.0, 6.0], [6.0, 12.0]]
    """
    n = len(values)
    if n < 2:
        raise DataError(Problem("data", f"{n} complete row(s) on {', '.join(names)}", "At least two are needed."))
    mean = values.mean(axis=0)
    off = np.zeros(values.shape[1])
    products = np.zeros((values.shape[1],) * 2)
    for start in range(0, n, ROWS):
        centred = values[start : start + ROWS] - mean
        off += centred.sum(axis=0)
        products += centred.T @ centred
    # What rounding left in the mean: without this, large means with a small spread cost digits.
    products -= np.outer(off, off / n)
    mean = mean + off / n
    return Moments(tuple(names), n, mean, products / (n - 1), source, synthetic)


def as_moments(data: Scores | Moments, names: Sequence[str]) -> Moments:
    """What are n, means and covariances of these variables?

    Parameters
    ----------
    data : Scores or Moments
        Scores are condensed over the rows complete on `names`; Moments are only reordered.
    names : sequence of str
        Columns; `a:b` is a product, which only rows can give.

    Returns
    -------
    Moments
        With a note when incomplete rows were left out.

    Raises
    ------
    DataError
        For an unknown column, a cell that is no number, a constant column, or too few complete rows.
    NeedsRows
        For a product term that the moments do not hold.

    Checked against
    ---------------
    R 4.2.2 `cov(na.omit(...))`, a product among the columns, and parts merged: tests/reference/scores.json.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = Scores.from_scored(pd.DataFrame({"x": [1.0, 2, 3, None], "y": [2.0, 1, 4, 9]}), source="example")
    >>> as_moments(scores, ["x", "y"]).n
    3
    """
    if isinstance(data, Moments):
        moments = data.select(names)
        _check_varying(moments)
        return moments
    return condense(data, names)[0]


def condense(data: Scores, names: Sequence[str]) -> tuple[Moments, np.ndarray]:
    """What are the moments of these columns, and the complete rows behind them?

    Parameters
    ----------
    data : Scores
    names : sequence of p str
        Columns and products `a:b`.

    Returns
    -------
    (Moments, ndarray of shape (n, p))
        As `as_moments` gives them, and the rows complete on `names`.

    Raises
    ------
    DataError
        As `as_moments`.

    Checked against
    ---------------
    R 4.2.2 `cov(na.omit(...))`, through `as_moments`: tests/reference/scores.json; pandas:
    tests/analysis/test_moments.py.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = Scores.from_scored(pd.DataFrame({"x": [1.0, 2, 3, None], "y": [2.0, 1, 4, 9]}), source="example")
    >>> condense(scores, ["x", "y"])[1].tolist()
    [[1.0, 2.0], [2.0, 1.0], [3.0, 4.0]]
    """
    values = data.complete(names)
    moments = from_rows(values, names, source=data.source, synthetic=data.synthetic)
    missing = data.n - len(values)
    notes = (f"{missing} of {data.n} rows lack a value the model needs; they were left out.",) if missing else ()
    moments = replace(moments, notes=(*data.notes, *notes))
    _check_varying(moments)
    return moments, values


def from_correlations(
    names: Sequence[str],
    correlations: np.ndarray,
    *,
    n: int,
    sd: Sequence[float] | None = None,
    mean: Sequence[float] | None = None,
    source: str = "",
) -> Moments:
    """What moments does a published correlation table stand for?

    Parameters
    ----------
    names : sequence of str, length p
        The variables.
    correlations : array, shape (p, p)
        Full or lower-triangular; a lower triangle (zeros above the diagonal) is mirrored.
    n : int
        The study's sample size.
    sd, mean : sequence of float or None
        Standard deviations (1 when the paper prints none: every estimate is then standardised) and means.
    source : str
        The citation.

    Returns
    -------
    Moments

    Raises
    ------
    MomentsError
        When a correlation lies outside -1 to 1, the diagonal is not 1, or no data can have the table.

    Checked against
    ---------------
    R 4.2.2 `cor`, `sd` and `colMeans` of rows give back their moments: tests/reference/scores.json; refusals:
    tests/analysis/test_moments.py.

    Examples
    --------
    >>> table = from_correlations(["psi", "purchase"], np.array([[1, 0], [0.42, 1]]), n=574)
    >>> float(table.cov[0, 1])
    0.42
    """
    r = np.array(correlations, dtype=float)
    if r.ndim == 2 and r.shape[0] == r.shape[1] and np.allclose(np.triu(r, 1), 0):
        r = r + np.tril(r, -1).T
    problems = []
    if r.shape != (len(names), len(names)):
        problems.append(Problem("correlations", f"shape {r.shape} for {len(names)} names", "One row per name."))
    elif (np.abs(r) > 1 + 1e-12).any() or not np.allclose(np.diag(r), 1):
        remedy = "Correlations lie between -1 and 1, with 1 on the diagonal."
        problems.append(Problem("correlations", "a value is impossible", remedy))
    spread = np.ones(len(names)) if sd is None else np.asarray(sd, dtype=float)
    if not (spread > 0).all():
        problems.append(Problem("standard deviations", "one is not above zero", "Check what was typed."))
    if problems:
        raise MomentsError(*problems)
    centre = np.full(len(names), np.nan) if mean is None else np.asarray(mean, dtype=float)
    return Moments(tuple(names), n, centre, r * np.outer(spread, spread), source)


def require_rows(data: Scores | Moments, what: str) -> Scores:
    """Are there people to answer this question, or only moments?

    Parameters
    ----------
    data : Scores or Moments
    what : str
        Begins the sentence: "A bootstrap interval".

    Returns
    -------
    Scores
        The data themselves when they hold people.

    Raises
    ------
    NeedsRows
        When there are only moments; it says in a sentence what cannot be had and what can.

    Checked against
    ---------------
    What is refused, and that people pass: tests/analysis/test_moments.py. It computes nothing R could.

    Examples
    --------
    >>> table = from_correlations(["a"], np.eye(1), n=9, source="a table")
    >>> require_rows(table, "A bootstrap interval")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    analysis.errors.NeedsRows: a table: A bootstrap interval needs the answers of people. Only moments are at ...
    """
    if isinstance(data, Scores):
        return data
    remedy = "Only moments are at hand: ask for a delta or Monte Carlo interval and classical errors, or load the rows."
    raise NeedsRows(Problem(data.source or "moments", f"{what} needs the answers of people", remedy))


def _constant(name: str) -> Problem:
    remedy = "Take it out of the model, or check how it was coded."
    return Problem(f"column '{name}'", "everybody has the same value, so it can explain nothing", remedy)


def _check_varying(moments: Moments) -> None:
    constant = moments.sd <= SAME * np.abs(np.nan_to_num(moments.mean))
    if constant.any():
        raise DataError(*(_constant(moments.names[place]) for place in np.flatnonzero(constant)))
