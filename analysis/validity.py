"""Do the items of a scale hang together, and are the scales different things?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.bootstrap import Progress, Resamples, check_draws, people_resampled
from analysis.cfa import fit_cfa
from analysis.errors import DataError, ModelError, Problem
from analysis.fit import Fit
from analysis.model import Latent, Model
from analysis.moments import Moments, as_moments
from analysis.regression import check_level
from analysis.reliability import scales_of
from analysis.scoring import Scores

VALIDITY = (
    "scale", "items", "ave", "sqrt_ave", "cr", "ave_unstandardised", "cr_unstandardised", "highest_correlation", "with",
)  # fmt: skip
HTMT = ("first", "second", "htmt", "htmt_low", "htmt_high", "htmt2", "htmt2_low", "htmt2_high")
AVE_GUIDE = 0.50
"""Average variance extracted (Fornell & Larcker, 1981): a guide, never a gate."""
CR_GUIDE = 0.70
"""Composite reliability (Bagozzi & Yi, 1988): a guide, never a gate."""
HTMT_GUIDES = (0.85, 0.90)
"""HTMT for scales that should differ clearly, and for scales that are close (Henseler et al., 2015): guides."""


@dataclass(frozen=True, eq=False)
class Validity:
    """What a confirmatory factor model says about each scale and about their differences.

    Attributes
    ----------
    scales : DataFrame
        One row per scale, columns `VALIDITY`.
    fornell_larcker : DataFrame
        Square, scales as index and columns: the root of AVE on the diagonal, correlations of the latents beside it.
    fit : Fit
        The factor model itself.
    notes : tuple of str
        What a reader must know.
    """

    scales: pd.DataFrame
    fornell_larcker: pd.DataFrame
    fit: Fit
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Htmt:
    """Heterotrait-monotrait ratios of every pair of scales.

    Attributes
    ----------
    pairs : DataFrame
        One row per pair, columns `HTMT`; the limits are empty where only moments were at hand.
    n, source, level, draws, seed, synthetic, notes
        As in `Fit`; `draws` is 0 and `seed` None where nothing was drawn.
    """

    pairs: pd.DataFrame
    n: int
    source: str
    level: float
    draws: int
    seed: int | None
    synthetic: bool
    notes: tuple[str, ...]


def measurement_model(scales: Mapping[str, Sequence[str]]) -> Model:
    """Which factor model do these scales stand for?

    Parameters
    ----------
    scales : mapping of str to sequence of str
        Scale name to items.

    Returns
    -------
    Model
        Every scale is a latent behind its own items; scales of one item have no place in it.

    Checked against
    ---------------
    lavaan 0.6-14, given the text of the same model, through `construct_validity`: tests/reference/measurement.json;
    tests/analysis/test_validity.py.

    Examples
    --------
    >>> str(measurement_model({"psi": ["psi1", "psi2"], "age": ["age"]}))
    'psi =~ psi1 + psi2'
    """
    return Model(latents=tuple(Latent(name, tuple(items)) for name, items in scales.items() if len(items) > 1))


def construct_validity(model: Model, data: Scores | Moments, *, level: float = 0.95) -> Validity:
    """How much of its items does each scale explain, and does it explain them better than the other scales do?

    Parameters
    ----------
    model : Model
        Only `=~` (and `~~`) statements over observed items; `measurement_model(scores.scales)` writes the usual one.
    data : Scores or Moments
        Items are found by id. Scores are condensed over the rows complete on all of them.
    level : float
        Confidence level of the factor model's coefficients.

    Returns
    -------
    Validity
        `scales`: `ave` (mean squared standardised loading), `sqrt_ave`, `cr` (composite reliability from standardised
        loadings), `ave_unstandardised`, `cr_unstandardised` (the same from unstandardised estimates, see Notes),
        `highest_correlation` (largest absolute correlation with another latent; empty for a single scale), `with`
        (whose). `fornell_larcker`: the square table. `fit`: the factor model.

    Raises
    ------
    ModelError
        For `~` statements, latents of latents, no latent at all, and as `fit_cfa`.
    DataError, NotConverged
        As `fit_cfa`.

    Notes
    -----
    CR = (sum l)^2 / ((sum l)^2 + sum (1 - l^2)) and AVE = mean l^2 with standardised loadings l, as SmartPLS and most
    papers print. `ave_unstandardised` weights items by their variance (semTools' `AVE()`); `cr_unstandardised`
    divides the explained variance of the sum of the raw items by its observed variance (semTools' `compRelSEM()`, which
    for one scale alone is `omega_observed`). With cross-loadings, only an item's loading on the scale in question
    counts. The Fornell-Larcker criterion asks the root of AVE to exceed the correlations in its row; when it and HTMT
    disagree, show both. No value here is a verdict.

    Checked against
    ---------------
    lavaan 0.6-14, semTools 0.5-6: tests/reference/measurement.json, shared reference 03_cfa_hs1939.

    References
    ----------
    Fornell, C., & Larcker, D. F. (1981). Journal of Marketing Research, 18, 39-50.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [0.3, 0.3, 1, 0], [0.3, 0.3, 0.5, 1]])
    >>> table = from_correlations(["a", "b", "c", "d"], r, n=200)
    >>> found = construct_validity(parse_model("f =~ a + b; g =~ c + d"), table)
    >>> found.scales[["ave", "cr", "highest_correlation"]].round(3).values.tolist()[0]
    [0.6, 0.75, 0.548]
    """
    _check_measurement(model)
    fit = fit_cfa(model, data, level=level)
    moments = as_moments(data, list(dict.fromkeys(item for latent in model.latents for item in latent.indicators)))
    names = [latent.name for latent in model.latents]
    correlations = _latent_correlations(fit, names)
    rows = [_scale_row(latent, fit, moments) for latent in model.latents]
    table = pd.DataFrame(rows)
    others = np.abs(correlations - np.eye(len(names)))
    table["highest_correlation"] = others.max(axis=1) if len(names) > 1 else np.nan
    table["with"] = [names[place] for place in others.argmax(axis=1)] if len(names) > 1 else ""
    square = correlations.copy()
    np.fill_diagonal(square, table["sqrt_ave"])
    return Validity(table[list(VALIDITY)], pd.DataFrame(square, index=names, columns=names), fit, fit.notes)


def htmt(
    data: Scores | Moments,
    scales: Mapping[str, Sequence[str]] | None = None,
    *,
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    progress: Progress | None = None,
) -> Htmt:
    """Do the items of two scales correlate less across the scales than within them?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    scales : mapping of str to sequence of str, or None
        Scale name to items; the scales of the scores when left out. Moments need them.
    level : float
        Confidence level of the percentile intervals.
    draws, seed : int
        Bootstrap samples of people, and the seed that makes them repeatable.
    progress : callable(done, total) or None
        Told about the draws done.

    Returns
    -------
    Htmt
        `pairs`: `first`, `second` (scales), `htmt` and `htmt2` (ratios; 1 means the two cannot be told apart), each
        with `_low` and `_high`; the limits are empty where only moments are at hand, and a note says so.

    Raises
    ------
    DataError
        With fewer than two scales of two items or more, unknown or constant items, or items of one scale that do not
        correlate at all.

    Notes
    -----
    HTMT = mean |r| between the scales' items over the geometric mean of the two mean |r| within them; HTMT2 takes
    geometric means of the correlations throughout, which does not assume equal loadings. Correlations are taken as
    absolute values (as semTools and SmartPLS do), so keying does not matter; a note names scales whose items run
    against each other. semTools' `htmt()` prints HTMT2 unless told otherwise. Rows complete on all items are used,
    scales of one item are left out. Samples in which an item does not vary are left out of the intervals. The guides
    of .85 and .90 are rules of thumb; the interval says more.

    Checked against
    ---------------
    semTools 0.5-6 `htmt()` and percentile limits of 20,000 draws in R: tests/reference/measurement.json; shared
    reference 03_cfa_hs1939.

    References
    ----------
    Henseler, J., Ringle, C. M., & Sarstedt, M. (2015). Journal of the Academy of Marketing Science, 43, 115-135.
    Roemer, E., Schuberth, F., & Henseler, J. (2021). Industrial Management & Data Systems, 121, 2637-2650.

    Examples
    --------
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [0.3, 0.3, 1, 0], [0.3, 0.3, 0.5, 1]])
    >>> table = from_correlations(["a", "b", "c", "d"], r, n=200)
    >>> found = htmt(table, {"f": ["a", "b"], "g": ["c", "d"]})
    >>> round(float(found.pairs["htmt"][0]), 3)
    0.548
    """
    check_level(level)
    check_draws(draws, seed)
    known = scales_of(data, scales)
    used = {name: items for name, items in known.items() if len(items) > 1}
    if len(used) < 2:
        what = f"{len(used)} scale(s) of two items or more"
        raise DataError(Problem(data.source or "data", what, "HTMT compares two such scales."))
    columns = [item for items in used.values() for item in items]
    twice = sorted({item for item in columns if columns.count(item) > 1})
    if twice:
        what = f"{', '.join(twice)} stands in more than one scale, or twice in one"
        raise DataError(Problem("scales", what, "HTMT needs items that belong to one scale only."))
    moments = as_moments(data, columns)
    upper = np.triu_indices(len(columns))
    places = {name: [columns.index(item) for item in items] for name, items in used.items()}
    observed = _ratios(places, moments.correlations[upper][:, None], len(columns))
    _check_within(observed)
    notes = [*moments.notes, *_htmt_notes(known, places, moments.correlations)]
    table = pd.DataFrame(
        {"first": observed.first, "second": observed.second, "htmt": observed.htmt[:, 0], "htmt2": observed.htmt2[:, 0]}
    )
    limits = ["htmt_low", "htmt_high", "htmt2_low", "htmt2_high"]
    if isinstance(data, Scores):
        resamples = people_resampled(data, columns, draws=draws, seed=seed, progress=progress)
        drawn = _ratios(places, _drawn_correlations(resamples), len(columns))
        usable = np.isfinite(drawn.htmt2).all(axis=0)
        _check_usable(usable)
        ends = [(1 - level) / 2, (1 + level) / 2]
        table[limits[:2]] = np.quantile(drawn.htmt[:, usable], ends, axis=1).T
        table[limits[2:]] = np.quantile(drawn.htmt2[:, usable], ends, axis=1).T
        notes.append(f"Percentile intervals from {draws} bootstrap samples of people, seed {seed}.")
        if not usable.all():
            notes.append(f"In {int((~usable).sum())} of {draws} samples an item did not vary; they were left out.")
    else:
        table[limits] = np.nan
        notes.append("Intervals need the answers of people; only moments are at hand.")
    rows = isinstance(data, Scores)
    return Htmt(
        table[list(HTMT)], moments.n, moments.source, level, draws if rows else 0, seed if rows else None,
        moments.synthetic, tuple(notes),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Ratios:
    """HTMT and HTMT2, shape (pairs, draws), and the mean |r| within each scale, shape (scales, draws)."""

    first: list[str]
    second: list[str]
    htmt: np.ndarray
    htmt2: np.ndarray
    within: dict[str, np.ndarray]


def _ratios(places: Mapping[str, Sequence[int]], correlations: np.ndarray, p: int) -> _Ratios:
    """Ratios from the upper triangle (by rows, diagonal included) of correlations in every draw."""
    size = np.abs(correlations)
    with np.errstate(divide="ignore"):
        logs = np.log(size)
    row = np.empty((p, p), dtype=int)
    low, high = np.triu_indices(p)
    row[low, high] = row[high, low] = np.arange(len(low))
    inside = {name: row[tuple(zip(*combinations(own, 2), strict=True))] for name, own in places.items()}
    mean = {name: size[rows].mean(axis=0) for name, rows in inside.items()}
    mean_log = {name: logs[rows].mean(axis=0) for name, rows in inside.items()}
    pairs = list(combinations(places, 2))
    across = {pair: row[np.ix_(places[pair[0]], places[pair[1]])].ravel() for pair in pairs}
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = [size[rows].mean(axis=0) / np.sqrt(mean[a] * mean[b]) for (a, b), rows in across.items()]
        geometric = [
            np.exp(logs[rows].mean(axis=0) - (mean_log[a] + mean_log[b]) / 2) for (a, b), rows in across.items()
        ]
    return _Ratios([a for a, _ in pairs], [b for _, b in pairs], np.array(plain), np.array(geometric), mean)


def _drawn_correlations(resamples: Resamples) -> np.ndarray:
    """Correlations of the asked columns in every sample: upper triangle by rows, NaN where a column does not vary."""
    p, columns = len(resamples.centre), np.array(resamples.columns)
    low, high = (columns[side] for side in np.triu_indices(len(columns)))
    first, last = np.minimum(low, high), np.maximum(low, high)
    products = resamples.sums[p + first * p - first * (first - 1) // 2 + last - first] / resamples.n
    means = resamples.sums[:p] / resamples.n
    products -= means[low] * means[high]
    spread = np.empty((p, resamples.draws))
    own = low == high
    spread[low[own]] = np.sqrt(np.where(products[own] > 1e-12, products[own], np.nan))
    return np.asarray(products / (spread[low] * spread[high]))


def _scale_row(latent: Latent, fit: Fit, moments: Moments) -> dict[str, object]:
    found = fit.coefficients
    own = found[(found["kind"] == "loading") & (found["term"] == latent.name)].set_index("outcome")
    own = own.loc[list(latent.indicators)]
    std = own["std_estimate"].to_numpy()
    cov = moments.select(latent.indicators).cov * ((moments.n - 1) / moments.n)
    variance = float(fit.coefficient(latent.name, latent.name)["estimate"])
    raw = own["estimate"].to_numpy() * np.sqrt(max(variance, 0.0))
    ave = float((std**2).mean())
    return {
        "scale": latent.name,
        "items": len(std),
        "ave": ave,
        "sqrt_ave": float(np.sqrt(ave)),
        "cr": float(std.sum() ** 2 / (std.sum() ** 2 + (1 - std**2).sum())),
        "ave_unstandardised": float((raw**2).sum() / np.trace(cov)),
        "cr_unstandardised": float(raw.sum() ** 2 / cov.sum()),
    }


def _latent_correlations(fit: Fit, names: Sequence[str]) -> np.ndarray:
    square = np.eye(len(names))
    for i, j in combinations(range(len(names)), 2):
        found = fit.coefficients
        row = found[
            (found["kind"] == "covariance") & found["outcome"].isin([names[i], names[j]])
            & found["term"].isin([names[i], names[j]])
        ]  # fmt: skip
        square[i, j] = square[j, i] = float(row["std_estimate"].iloc[0])
    return square


def _check_measurement(model: Model) -> None:
    names = {latent.name for latent in model.latents}
    problems = []
    if not model.latents:
        remedy = "Write one for each scale, such as 'psi =~ psi1 + psi2 + psi3'."
        problems.append(Problem("model", "it holds no latent variable of two items or more", remedy))
    if model.equations:
        remedy = "Leave only =~ and ~~ here; fit_cfa fits the whole."
        problems.append(Problem(f"model, '{model.equations[0]}'", "a regression has no place here", remedy))
    for latent in model.latents:
        inner = [name for name in latent.indicators if name in names]
        if inner:
            what = f"its indicator {inner[0]} is a latent itself"
            problems.append(Problem(f"model, latent '{latent.name}'", what, "Name observed items."))
    if problems:
        raise ModelError(*problems)


def _check_within(observed: _Ratios) -> None:
    problems = [
        Problem(f"scale '{name}'", "its items do not correlate at all", "Such a scale has no HTMT; leave it out.")
        for name, mean in observed.within.items()
        if not mean[0] > 1e-12
    ]
    if problems:
        raise DataError(*problems)


def _check_usable(usable: np.ndarray) -> None:
    if usable.sum() < 0.9 * len(usable):
        what = f"in {int((~usable).sum())} of {len(usable)} bootstrap samples an item does not vary"
        raise DataError(Problem("data", what, "Leave out items to which nearly everybody gave the same answer."))


def _htmt_notes(
    known: Mapping[str, Sequence[str]], places: Mapping[str, Sequence[int]], correlations: np.ndarray
) -> list[str]:
    single = [name for name, items in known.items() if len(items) < 2]
    notes = [f"Scales of one item have no HTMT: {', '.join(single)}."] if single else []
    for name, own in places.items():
        if (correlations[np.ix_(own, own)] < 0).any():
            notes.append(f"Items of '{name}' run against each other; absolute correlations were used.")
    return notes
