"""Everything a paper reports about its scales, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.bootstrap import Progress, check_draws
from analysis.errors import DataError, ModelError, NotConverged
from analysis.factor import Factors, fit_factors
from analysis.method_bias import SingleFactor, full_collinearity, single_factor
from analysis.model import Model
from analysis.moments import Moments, as_moments
from analysis.reliability import item_statistics, reliability_table, scales_of
from analysis.retention import Adequacy, Parallel, parallel_analysis, sampling_adequacy
from analysis.rotation import Rotation
from analysis.scoring import Scores
from analysis.validity import Htmt, Validity, construct_validity, htmt, measurement_model

OMEGA = (
    "Omega is omega total of one maximum-likelihood factor per scale (McDonald, 1999); psych's omega total, of several "
    "factors, is another quantity."
)
CONVERGENT = (
    "AVE and CR are those of standardised loadings (Fornell and Larcker, 1981); ave_unstandardised and "
    "cr_unstandardised, of loadings in the items' own units, are what semTools gives."
)
RATIOS = (
    "HTMT takes arithmetic means of correlations (Henseler et al., 2015), HTMT2 geometric ones (Roemer et al., 2021); "
    "semTools' htmt() gives HTMT2 unless told otherwise."
)


@dataclass(frozen=True, eq=False)
class Measurement:
    """How well the scales measure, part by part; a part that cannot be had is None and `notes` say why.

    Attributes
    ----------
    reliability, items : DataFrame
        As `reliability_table` and `item_statistics`.
    validity : Validity or None
        The factor model (`validity.fit`), AVE, CR and the Fornell-Larcker table.
    htmt : Htmt or None
    adequacy : Adequacy or None
    parallel : Parallel or None
    factors : Factors or None
        Only when a number of factors was asked for.
    collinearity : DataFrame or None
        Full-collinearity VIF of the scale scores; needs scores.
    single_factor : SingleFactor or None
    source, level, draws, seed, synthetic, notes
        As in `Fit`.
    """

    reliability: pd.DataFrame
    items: pd.DataFrame
    validity: Validity | None
    htmt: Htmt | None
    adequacy: Adequacy | None
    parallel: Parallel | None
    factors: Factors | None
    collinearity: pd.DataFrame | None
    single_factor: SingleFactor | None
    source: str
    level: float
    draws: int
    seed: int
    synthetic: bool
    notes: tuple[str, ...]


def measurement(
    data: Scores | Moments,
    scales: Mapping[str, Sequence[str]] | None = None,
    *,
    model: Model | None = None,
    factors: int | None = None,
    rotation: Rotation = "oblimin",
    level: float = 0.95,
    draws: int = 5000,
    seed: int = 1,
    progress: Progress | None = None,
) -> Measurement:
    """How well do these scales measure, and do they measure different things?

    Parameters
    ----------
    data : Scores or Moments
        Keyed items, or their covariances.
    scales : mapping of str to sequence of str, or None
        Scale name to items; the scales of the scores when left out. Moments need them.
    model : Model or None
        The factor model; by default every scale is a latent behind its own items.
    factors : int or None
        Also explore the items with this many factors.
    rotation : "none", "varimax", "oblimin" or "promax"
        Of that exploration.
    level : float
        Confidence level.
    draws, seed : int
        Of the bootstrap behind HTMT's intervals, and of the random data in the parallel analysis (at most 500).
    progress : callable(done, total) or None
        Told about the bootstrap draws done.

    Returns
    -------
    Measurement

    Raises
    ------
    DataError
        When moments come without scales, or a setting cannot be used.

    Notes
    -----
    A part that fails (one scale only, an item that is constant, a model without an end) does not take the others along:
    it is None and its reason stands in `notes`. What was asked for by name (`model`, `factors`) raises instead.
    Each part leaves out people by its own needs: `n` stands in every one. `notes` say which omega, AVE, CR and HTMT
    these are.

    Checked against
    ---------------
    What each of its parts was checked against; the parts are compared with it in tests/analysis/test_measurement.py.

    Examples
    --------
    >>> import numpy as np
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [0.3, 0.3, 1, 0], [0.3, 0.3, 0.5, 1]])
    >>> table = from_correlations(["a", "b", "c", "d"], r, n=200, source="a paper")
    >>> found = measurement(table, {"f": ["a", "b"], "g": ["c", "d"]})
    >>> found.validity.scales["cr"].round(3).tolist(), found.parallel.components
    ([0.75, 0.667], 1)
    """
    check_draws(draws, seed)
    known = scales_of(data, scales)
    items = list(dict.fromkeys(item for own in known.values() for item in own))
    notes: list[str] = []
    reliability = reliability_table(data, level, known)
    validity: Validity | None = None
    explored: Factors | None = None
    ratios: Htmt | None = None
    if model is not None:
        validity = construct_validity(model, data, level=level)
    else:
        try:
            validity = construct_validity(measurement_model(known), data, level=level)
        except (DataError, ModelError, NotConverged) as error:
            notes.append(f"No factor model: {error}")
    if factors is not None:
        explored = fit_factors(data, items, factors, rotation=rotation)
    if sum(len(own) > 1 for own in known.values()) > 1:
        try:
            ratios = htmt(data, known, level=level, draws=draws, seed=seed, progress=progress)
        except DataError as error:
            notes.append(f"No HTMT: {error}")
    else:
        notes.append("No HTMT: it compares two scales of two items or more.")
    if reliability["omega"].notna().any():
        notes.append(OMEGA)
    notes += [*([CONVERGENT] if validity else []), *([RATIOS] if ratios else [])]
    adequacy, parallel, harman = _exploration(data, items, min(draws, 500), seed, notes)
    return Measurement(
        reliability, item_statistics(data, known), validity, ratios, adequacy, parallel, explored,
        _collinearity(data, list(known), notes), harman, data.source, level, draws, seed, data.synthetic,
        (*data.notes, *notes),
    )  # fmt: skip


def _exploration(
    data: Scores | Moments, items: Sequence[str], draws: int, seed: int, notes: list[str]
) -> tuple[Adequacy | None, Parallel | None, SingleFactor | None]:
    try:
        moments = as_moments(data, list(items))
        return (
            sampling_adequacy(moments, items),
            parallel_analysis(moments, items, draws=draws, seed=seed),
            single_factor(moments, items),
        )
    except (DataError, NotConverged) as error:
        notes.append(f"No exploration of the items: {error}")
        return None, None, None


def _collinearity(data: Scores | Moments, scales: Sequence[str], notes: list[str]) -> pd.DataFrame | None:
    if isinstance(data, Moments):
        notes.append("No full-collinearity VIF: it needs scale scores.")
        return None
    try:
        return full_collinearity(data, scales)
    except DataError as error:
        notes.append(f"No full-collinearity VIF: {error}")
        return None
