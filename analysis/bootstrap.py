"""Resampled moments: n people drawn with replacement, many times, condensed to means and covariances at once.

A bootstrap sample is a row of counts (how often each person was drawn), so its cross-products are
`counts @ products of every pair of columns`: one matrix product for all draws. Every model on the same rows
reads its estimates off the same resampled moments, which are kept for the next question.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock

import numpy as np
from numpy.random import SFC64, SeedSequence
from pandas.api.types import is_numeric_dtype

from analysis.errors import DataError, Problem
from analysis.scoring import Scores

Progress = Callable[[int, int], None]

BLOCK = 250
"""Draws that share one random stream: part of what a seed means, so never tuned."""
CHUNK = 50_000
"""Weights worked on at a time, so that they stay in the cache; changes speed and memory, never who is drawn."""
ABREAST = 16
"""At least this many draws enter one matrix product, where memory allows."""
ROWS = 16_384
"""Rows whose products of columns are held at a time when they are too many to hold at once."""
THREADS = min(2, os.cpu_count() or 1)
KEPT = 8
"""How many sets of resampled moments are remembered, none larger than KEPT_BYTES."""
KEPT_BYTES = 32_000_000
TOGETHER = 12
"""Up to how many columns are resampled in one go when a next question may need them."""
LEAST_DRAWS = 100
MOST_DRAWS = 1_000_000
LARGEST_BYTES = 2_000_000_000
"""What the resampled moments of one data set may take."""
DEGENERATE = 1e-10
"""A resampled predictor with less of its variance left is one that this sample cannot tell from the others."""


_kept: OrderedDict[tuple[tuple[int, int, int], tuple[bytes, ...]], Resamples] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True, eq=False)
class Resamples:
    """Moments of every bootstrap sample.

    Attributes
    ----------
    n : int
        People in each sample.
    centre, scale : ndarray, shape (p,)
        Mean and standard deviation of the observed columns; `sums` are of columns so standardised.
    sums : ndarray, shape (p + p (p + 1) / 2, draws)
        Sums of each column, then of each product of two columns (upper triangle by rows), over each sample.
    columns : tuple of int
        Which of the p columns were asked for, in the asked order.
    """

    n: int
    centre: np.ndarray
    scale: np.ndarray
    sums: np.ndarray
    columns: tuple[int, ...]

    @property
    def draws(self) -> int:
        """The number of bootstrap samples."""
        return int(self.sums.shape[1])

    @property
    def sd(self) -> np.ndarray:
        """Standard deviations of the asked columns as observed."""
        return np.asarray(self.scale[list(self.columns)])

    def covariances(self) -> np.ndarray:
        """Covariances (denominator n) of the asked columns as standardised by the observed people, (k, k, draws)."""
        p, columns = len(self.centre), list(self.columns)
        low, high = np.triu_indices(p)
        place = np.empty((p, p), dtype=int)
        place[low, high] = place[high, low] = np.arange(p, p + len(low))
        products = self.sums[place[np.ix_(columns, columns)]]
        products /= self.n
        means = self.sums[columns] / self.n
        for i in range(len(columns)):
            products[i] -= means[i] * means
        return products


def resample(
    values: np.ndarray,
    *,
    draws: int,
    seed: int,
    chunk: int = CHUNK,
    threads: int = THREADS,
    progress: Progress | None = None,
) -> Resamples:
    """What would the moments have been had other people of the same kind answered?

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Complete rows.
    draws : int
        How many samples of n people, drawn with replacement.
    seed : int
        Equal seeds give equal samples for equal n, whatever `chunk` and `threads`.
    chunk, threads : int
        How much is worked on at a time.
    progress : callable(done, total) or None
        Told about the draws done.

    Returns
    -------
    Resamples

    Raises
    ------
    DataError
        When the moments of all samples would take more than 2 GB.

    Notes
    -----
    Each block of 250 draws has a stream of its own (SFC64 seeded by the block's number). A 32-bit number times n,
    shifted right by 32, names a person; no person's chance is off by more than n / 2^32 of itself.
    The columns are standardised first, so no precision is lost to large means. More than 2 GB of moments are refused.

    Checked against
    ---------------
    Least squares on the very rows each sample draws: tests/analysis/test_bootstrap.py. Percentile limits of 40,000
    draws by R's `boot` 1.3-28.1, in tests/analysis/test_paths.py (`fit_paths`): tests/reference/scores.json.

    Examples
    --------
    >>> drawn = resample(np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]]), draws=100, seed=1)
    >>> drawn.draws, drawn.sums.shape
    (100, (5, 100))
    """
    n, p = values.shape
    centre, scale = _centre_and_scale(values)
    size = 8 * (p + p * (p + 1) // 2) * draws
    if size > LARGEST_BYTES:
        what = f"{draws:,} samples of {p} columns need {size / 1e9:.1f} GB"
        raise DataError(Problem("draws", what, "Ask for fewer; 5000 is usual."))
    sums = np.empty((p + p * (p + 1) // 2, draws))
    products = _products(values, centre, scale) if n <= ROWS else None

    def weighted(counts: np.ndarray) -> np.ndarray:
        if products is not None:
            return np.asarray(counts @ products)
        total = np.zeros((len(counts), len(sums)))
        for start in range(0, n, ROWS):
            part = slice(start, start + ROWS)
            total += counts[:, part].astype(float) @ _products(values[part], centre, scale)
        return total

    starts = range(0, draws, BLOCK)

    def fill(start: int) -> int:
        stop = min(start + BLOCK, draws)
        for first, counts in _counts(n, stop - start, seed, start // BLOCK, chunk):
            place = slice(start + first, start + first + len(counts))
            sums[:, place] = weighted(counts).T
        return stop - start

    done = 0
    with one_blas_thread(), ThreadPoolExecutor(max(1, threads)) as pool:
        for filled in pool.map(fill, starts):
            done += filled
            if progress is not None:
                progress(done, draws)
    return Resamples(n, centre, scale, sums, tuple(range(p)))


def leave_one_out(values: np.ndarray) -> Iterator[Resamples]:
    """What would the moments have been without person 1, without person 2, and so on?

    Parameters
    ----------
    values : ndarray, shape (n, p)
        Complete rows.

    Yields
    ------
    Resamples
        Of at most 16,384 people left out in turn, in their order: each "draw" is one person fewer, exactly, in bounded
        memory.

    Checked against
    ---------------
    Least squares without each person: tests/analysis/test_bootstrap.py. BCa limits of R's `boot` 1.3-28.1 with
    jackknife influence values, in tests/analysis/test_paths.py (`fit_paths`): tests/reference/scores.json.

    Examples
    --------
    >>> (without,) = leave_one_out(np.array([[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]]))
    >>> without.n, without.draws
    (2, 3)
    """
    centre, scale = _centre_and_scale(values)
    parts = [slice(start, start + ROWS) for start in range(0, len(values), ROWS)]
    total = sum(_products(values[part], centre, scale).sum(axis=0) for part in parts)
    for part in parts:
        sums = (total - _products(values[part], centre, scale)).T
        yield Resamples(len(values) - 1, centre, scale, sums, tuple(range(values.shape[1])))


def people_resampled(
    data: Scores, names: Sequence[str], *, draws: int, seed: int, progress: Progress | None = None
) -> Resamples:
    """The resampled moments of these columns, drawn once and remembered.

    Parameters
    ----------
    data : Scores
        Rows must be complete on `names`.
    names : sequence of str
        Columns and products `a:b`.
    draws, seed, progress
        As in `resample`.

    Returns
    -------
    Resamples
        Of the columns asked for; equal to `resample(data.complete(names), ...)` whatever was remembered.

    Notes
    -----
    When there is drawing to do, the other scale scores of the same people are drawn along, so that the next model on
    the same people finds them ready. Columns are recognised by their content, so nothing stale can be met: the same
    seed draws the same people for every column of n rows.

    Checked against
    ---------------
    `resample` on the same rows: tests/analysis/test_bootstrap.py. Limits made of it: R's `boot`,
    tests/reference/scores.json.

    Examples
    --------
    >>> import pandas as pd
    >>> scores = Scores.from_scored(pd.DataFrame({"x": [1.0, 2, 4, 7], "y": [2.0, 1, 4, 9]}), source="example")
    >>> people_resampled(scores, ["x", "y"], draws=200, seed=1).covariances().shape
    (2, 2, 200)
    """
    columns = [data.column(name) for name in names]
    whole = np.asarray(np.isfinite(columns).all(axis=0))
    columns = columns if whole.all() else [column[whole] for column in columns]
    n = int(whole.sum())
    wanted = [_digest(column) for column in columns]
    with _lock:
        for (known, digests), resamples in reversed(_kept.items()):
            if known == (n, draws, seed) and set(wanted) <= set(digests):
                _kept.move_to_end((known, digests))
                return replace(resamples, columns=tuple(digests.index(digest) for digest in wanted))
    together = dict(zip(wanted, columns, strict=True))
    if n <= ROWS:
        together |= _spare(data, names, whole, together)
    digests = tuple(together)
    resamples = resample(np.column_stack(list(together.values())), draws=draws, seed=seed, progress=progress)
    if resamples.sums.nbytes <= KEPT_BYTES:
        with _lock:
            _kept[(n, draws, seed), digests] = resamples
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    return replace(resamples, columns=tuple(digests.index(digest) for digest in wanted))


def _spare(
    data: Scores, names: Sequence[str], whole: np.ndarray, together: Mapping[bytes, np.ndarray]
) -> dict[bytes, np.ndarray]:
    """Further scores of the same people, complete, as many as fit."""
    found: dict[bytes, np.ndarray] = {}
    candidates = list(data.scales) or [
        str(name) for name, kind in data.frame.dtypes.items() if is_numeric_dtype(kind) and name not in names
    ]
    for name in candidates:
        column = data.column(name)[whole]
        if len(together) + len(found) < TOGETHER and np.isfinite(column).all() and np.ptp(column) > 0:
            found[_digest(column)] = column
    return {digest: column for digest, column in found.items() if digest not in together}


def slopes(covariances: np.ndarray, outcome: int, predictors: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """What does least squares say in every sample at once?

    Parameters
    ----------
    covariances : ndarray, shape (p, p, draws)
        Of columns whose variance was 1 before resampling.
    outcome, predictors : int and sequence of k int
        Which columns.

    Returns
    -------
    slopes : ndarray, shape (k, draws)
        In standardised units; zero in samples that have no answer.
    solved : ndarray of bool, shape (draws,)
        False where the sample cannot tell the predictors apart.

    Notes
    -----
    Gaussian elimination on arrays that run over the draws.

    Checked against
    ---------------
    Least squares on the very people each sample draws: tests/analysis/test_bootstrap.py. Limits made of it: R's `boot`,
    tests/reference/scores.json.

    Examples
    --------
    >>> r = np.array([[1, 0.5, 0.4], [0.5, 1, 0.2], [0.4, 0.2, 1]])[:, :, None]
    >>> found, solved = slopes(r, 0, [1, 2])
    >>> found.ravel().round(4).tolist(), solved.tolist()
    ([0.4375, 0.3125], [True])
    """
    k = len(predictors)
    system = covariances[np.ix_(predictors, [*predictors, outcome])]
    solved = np.ones(system.shape[2], dtype=bool)
    for i in range(k):
        solved &= system[i, i] > DEGENERATE
        pivot = np.where(solved, system[i, i], 1.0)
        for j in range(i + 1, k):
            system[j, j:] -= (system[i, j] / pivot) * system[i, j:]
    answer = np.empty((k, system.shape[2]))
    for i in reversed(range(k)):
        rest = system[i, k] - np.einsum("jb,jb->b", system[i, i + 1 : k], answer[i + 1 :])
        answer[i] = np.where(solved, rest / np.where(solved, system[i, i], 1.0), 0.0)
    return answer, solved


def check_draws(draws: int, seed: int) -> None:
    """Can so many samples be drawn from this seed?

    Parameters
    ----------
    draws : int
        From 100 to 1,000,000.
    seed : int
        Zero or more.

    Raises
    ------
    DataError
        Naming both when both cannot be used.

    Checked against
    ---------------
    What it refuses: tests/analysis/test_bootstrap.py. It computes nothing R could.

    Examples
    --------
    >>> check_draws(20, 1)
    Traceback (most recent call last):
        ...
    analysis.errors.DataError: draws: 20 samples cannot show an interval. Ask for at least 100; 5000 is usual.
    """
    problems = []
    if draws < LEAST_DRAWS:
        remedy = f"Ask for at least {LEAST_DRAWS}; 5000 is usual."
        problems.append(Problem("draws", f"{draws} samples cannot show an interval", remedy))
    if draws > MOST_DRAWS:
        remedy = f"Ask for at most {MOST_DRAWS:,}; 5000 is usual."
        problems.append(Problem("draws", f"{draws:,} samples do not fit into memory", remedy))
    if seed < 0:
        problems.append(Problem("seed", f"{seed} is below zero", "Give a whole number from 0."))
    if problems:
        raise DataError(*problems)


def _centre_and_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = values.mean(axis=0)
    squares = np.zeros(values.shape[1])
    for start in range(0, len(values), ROWS):
        squares += ((values[start : start + ROWS] - centre) ** 2).sum(axis=0)
    scale = np.sqrt(squares / max(1, len(values) - 1))
    scale[scale == 0] = 1.0
    return centre, scale


def _digest(column: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(column).tobytes(), digest_size=16).digest()


def _counts(n: int, draws: int, seed: int, block: int, chunk: int) -> Iterator[tuple[int, np.ndarray]]:
    """How often each person is drawn, for the draws of one block: (first draw, counts of shape (k, n)).

    The arrays are used again for the next piece: taking new memory for each costs as much as counting.
    """
    stream = SFC64(SeedSequence(seed, spawn_key=(block,)))
    words = (n + 1) // 2
    step = max(1, min(draws, chunk // n))
    size = min(draws, max(step, ABREAST))
    person = np.empty((step, n), dtype=np.uint64)
    counts = np.empty((size, n), dtype=float if n <= ROWS else np.uint8)
    offsets = (np.arange(step, dtype=np.uint64) * np.uint64(n))[:, None]
    for first in range(0, draws, size):
        wanted = min(size, draws - first)
        for start in range(0, wanted, step):
            k = min(step, wanted - start)
            halves = stream.random_raw(k * words).view(np.uint32).reshape(k, 2 * words)[:, :n]
            np.multiply(halves, np.uint64(n), out=person[:k])
            np.right_shift(person[:k], np.uint64(32), out=person[:k])
            np.add(person[:k], offsets[:k], out=person[:k])
            found = np.bincount(person[:k].reshape(-1).view(np.int64), minlength=k * n)
            counts[start : start + k] = found.reshape(k, n)
        yield first, counts[:wanted]


def _products(values: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The standardised columns, then the products of every two of them."""
    z = (values - centre) / scale
    low, high = np.triu_indices(z.shape[1])
    return np.concatenate([z, z[:, low] * z[:, high]], axis=1)


@cache
def _blas() -> object:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[object]:
    """How are many small matrix products kept from being slowed down by threads?

    Returns
    -------
    context manager
        Within it, matrix products use one thread; afterwards as many as before.

    Checked against
    ---------------
    Within `resample`, numbers are the same with any number of threads: tests/analysis/test_bootstrap.py. It changes no
    number, so there is none of R's to compare.

    Examples
    --------
    >>> with one_blas_thread():
    ...     product = np.eye(2) @ np.eye(2)
    """
    limited: AbstractContextManager[object] = _blas().limit(limits=1, user_api="blas")  # type: ignore[attr-defined]
    return limited
