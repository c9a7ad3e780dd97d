"""Influencers as rows: how big, how relevant, how resonant, and whether a composite says more than followers do."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from analysis.datafiles import data_file
from analysis.errors import DataError, Problem
from analysis.fit import Fit
from analysis.model import parse_model
from analysis.regression import check_level, fit_regression
from analysis.scoring import Scores


@dataclass(frozen=True)
class Tiers:
    """A versioned way to cut follower counts: `(tier, from, below)` each, `below` infinite for the last."""

    id: str
    note: Mapping[str, str]
    bounds: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, eq=False)
class Composite:
    """An equally weighted composite of indices, and how much hangs on the weights.

    Attributes
    ----------
    influencers : DataFrame
        One row per influencer: the indices, `composite`, `rank` (1 is highest), `rank_low` and `rank_high` (within
        which the rank stays for the stated share of random weights).
    validity : DataFrame
        One row per predictor (`composite`, each index, `log_followers` where there are any): `estimate` the correlation
        with the outcome, `conf_low`, `conf_high` (Fisher), `n`. Empty without an outcome.
    agreement : float
        Median Spearman correlation of the ranking under random weights with that under equal weights.
    level : float
    seed : int
    synthetic : bool
    notes : tuple of str
    """

    influencers: pd.DataFrame
    validity: pd.DataFrame
    agreement: float
    level: float
    seed: int
    synthetic: bool
    notes: tuple[str, ...]


def load_tiers(id: str = "articles_1") -> Tiers:
    """Which follower counts make a tier in this preset?

    Parameters
    ----------
    id : str
        A file name in data/tiers without its ending.

    Returns
    -------
    Tiers

    Raises
    ------
    DataError
        For an unknown id.

    Checked against
    ---------------
    Its cut points, one below and one at each: tests/analysis/test_influencers.py.

    Examples
    --------
    >>> [name for name, _, _ in load_tiers().bounds]
    ['nano', 'micro', 'macro']
    """
    content = tomllib.loads(data_file("tiers", f"{id}.toml").read_text(encoding="utf-8"))
    bounds = tuple((tier["id"], float(tier["from"]), float(tier.get("below", np.inf))) for tier in content["tiers"])
    return Tiers(content["id"], content["note"], bounds)


def add_tiers(data: Scores, tiers: Tiers, *, followers: str = "followers") -> Scores:
    """To which tier does each row belong, and how large is its audience on the log scale?

    Parameters
    ----------
    data : Scores
    tiers : Tiers
    followers : str
        Column with follower counts.

    Returns
    -------
    Scores
        With `tier` (missing outside every tier) and `log_followers` (log10); a note names the preset and counts who
        has none.

    Raises
    ------
    DataError
        For counts that are negative or zero, or when the columns stand there already.

    Checked against
    ---------------
    Counts at and beside every cut point: tests/analysis/test_influencers.py.

    Examples
    --------
    >>> data = Scores.from_scored(pd.DataFrame({"followers": [5000, 80000, 2e5]}), source="example")
    >>> add_tiers(data, load_tiers()).frame["tier"].fillna("none").tolist()
    ['micro', 'none', 'macro']
    """
    taken = [name for name in ("tier", "log_followers") if name in data.frame]
    if taken:
        raise DataError(Problem("columns", f"{', '.join(taken)} stands there already", "Rename it first."))
    count = data.column(followers)
    _positive(followers, count)
    tier = np.full(len(count), None, dtype=object)
    for name, low, high in tiers.bounds:
        tier[(count >= low) & (count < high)] = name
    outside = int((pd.isna(tier) & ~np.isnan(count)).sum())
    frame = data.frame.assign(tier=tier, log_followers=np.log10(count))
    note = f"Tiers by the preset '{tiers.id}', a convention; {outside} of {len(count)} rows fall outside all of them."
    return replace(data, frame=frame, notes=(*data.notes, note))


def fit_engagement(
    data: Scores, *, followers: str = "followers", interactions: str = "interactions", level: float = 0.95
) -> Fit:
    """Does engagement fall as the audience grows?

    Parameters
    ----------
    data : Scores
        One row per influencer.
    followers, interactions : str
        Columns with follower counts and interactions (per post, or over a period).
    level : float

    Returns
    -------
    Fit
        Two outcomes: `log_interactions ~ log_followers`, whose slope below 1 means that interactions grow more slowly
        than followers, and `log_rate ~ log_followers` (rate = interactions / followers), whose slope is the former
        minus 1: below 0 engagement falls. Logarithms to base 10; HC3 errors as in `fit_regression`.

    Raises
    ------
    DataError
        For counts that are negative or zero, and as `fit_regression`.

    Notes
    -----
    A slope b of the rate means: ten times the followers multiply the rate by 10^b. Influencers without a single
    interaction have no logarithm; they are left out and counted, which flatters the small ones.

    Checked against
    ---------------
    R 4.2.2 `lm` of the logarithms with sandwich 3.0-2 HC3: tests/reference/influencers.json; the identity of the two
    slopes and influencers simulated with a known one: tests/analysis/test_influencers.py.

    Examples
    --------
    >>> frame = pd.DataFrame({"followers": [100, 1000, 10000, 100000], "interactions": [11, 60, 330, 1500]})
    >>> fit = fit_engagement(Scores.from_scored(frame, source="example"))
    >>> round(float(fit.coefficient("log_rate", "log_followers").estimate), 2)
    -0.29
    """
    count, acts = data.column(followers), data.column(interactions)
    _positive(followers, count)
    if (acts < 0).any():
        raise DataError(Problem(f"column '{interactions}'", f"{(acts < 0).sum()} are negative", "Correct them."))
    silent = int((acts == 0).sum())
    some = np.where(acts > 0, acts, np.nan)
    columns = {"log_followers": np.log10(count), "log_interactions": np.log10(some), "log_rate": np.log10(some / count)}
    logs = replace(Scores.from_scored(pd.DataFrame(columns), source=data.source), synthetic=data.synthetic)
    model = parse_model("log_interactions ~ log_followers; log_rate ~ log_followers")
    fit = fit_regression(model, replace(logs, notes=data.notes), level=level)
    said = (f"{silent} of {len(count)} influencers without a single interaction were left out.",) if silent else ()
    return fit.with_notes(*said, "Logarithms to base 10.")


def score_indices(data: Scores, indices: Mapping[str, Sequence[str]], *, counts: Sequence[str] = ()) -> Scores:
    """How does each influencer stand on reach, relevance and resonance?

    Parameters
    ----------
    data : Scores
        One row per influencer.
    indices : mapping of str to sequence of str
        Index to its indicator columns: ``{"reach": ["followers"], "relevance": [...], "resonance": [...]}``.
    counts : sequence of str
        Indicators to take the log10 of first (followers, interactions).

    Returns
    -------
    Scores
        With one column per index: the mean of its indicators' z-scores over the influencers at hand; missing
        where any indicator is. A z-score is relative to this table: adding influencers moves it.

    Raises
    ------
    DataError
        For an index without indicators, a constant indicator, a count that is not above zero.

    Checked against
    ---------------
    R 4.2.2 `scale`: tests/reference/influencers.json.

    Examples
    --------
    >>> data = Scores.from_scored(pd.DataFrame({"followers": [100, 1000, 10000]}), source="example")
    >>> score_indices(data, {"reach": ["followers"]}, counts=["followers"]).frame["reach"].tolist()
    [-1.0, 0.0, 1.0]
    """
    problems = [
        Problem(f"index '{name}'", "it has no indicators" if not columns else "a column has that name", "Change that.")
        for name, columns in indices.items()
        if not columns or name in data.frame
    ]
    if problems:
        raise DataError(*problems)
    scored = {}
    for name, columns in indices.items():
        parts = []
        for column in columns:
            values = data.column(column)
            if column in counts:
                _positive(column, values)
                values = np.log10(values)
            spread = np.nanstd(values, ddof=1) if np.isfinite(values).sum() > 1 else 0.0
            if not spread > 0:
                what = "it is the same for every influencer, so it ranks nobody"
                raise DataError(Problem(f"index '{name}', '{column}'", what, "Take it out."))
            parts.append((values - np.nanmean(values)) / spread)
        scored[name] = np.mean(parts, axis=0)
    return replace(data, frame=data.frame.assign(**scored))


def weigh_composite(
    data: Scores,
    indices: Sequence[str],
    *,
    outcome: str | None = None,
    name: str = "influencer",
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 1,
) -> Composite:
    """Is influence a score: how much does a ranking hang on its weights, and does it predict what followers do?

    Parameters
    ----------
    data : Scores
        One row per influencer, with the index columns; `log_followers` is compared where it is there.
    indices : sequence of str
        Columns on a common footing, as from `score_indices`.
    outcome : str or None
        What influence should show in, such as mean purchase intention.
    name : str
        Column that names the influencer.
    level : float
    draws : int
        How many random sets of weights (uniform over all that sum to 1).
    seed : int

    Returns
    -------
    Composite

    Raises
    ------
    DataError
        For fewer than two indices or three complete influencers, or a constant outcome.

    Notes
    -----
    Fisher's interval assumes normal variables and needs four influencers. Correlations of a few influencers are wide.

    Checked against
    ---------------
    R 4.2.2: ranks over a fine grid of all weights, `cor.test`: tests/reference/influencers.json.

    Examples
    --------
    >>> frame = pd.DataFrame({"influencer": list("abc"), "reach": [-1.0, 0, 1], "resonance": [1.0, 0, -1]})
    >>> found = weigh_composite(Scores.from_scored(frame, source="example"), ["reach", "resonance"])
    >>> found.influencers[["rank_low", "rank_high"]].iloc[0].tolist()
    [1.0, 3.0]
    """
    check_level(level)
    if len(set(indices)) < 2:
        raise DataError(Problem("indices", f"{', '.join(indices) or 'none'}", "Weights need at least two indices."))
    columns = [*indices, *([outcome] if outcome else []), *(["log_followers"] if "log_followers" in data.frame else [])]
    table = pd.DataFrame({column: data.column(column) for column in columns})
    labels = (
        data.frame[name].astype("string") if name in data.frame else pd.Series(range(1, data.n + 1)).astype("string")
    )
    whole = table.notna().all(axis=1)
    table, labels = table[whole].reset_index(drop=True), labels[whole].reset_index(drop=True)
    if len(table) < 3:
        what = f"{len(table)} influencers have all of {', '.join(columns)}"
        raise DataError(Problem("influencers", what, "At least three are needed for a ranking."))
    values = table[list(indices)].to_numpy()
    equal = values.mean(axis=1)
    weights = np.random.Generator(np.random.SFC64(seed)).dirichlet(np.ones(len(indices)), size=draws)
    ranks = _ranks(-(values @ weights.T))
    own = _ranks(-equal[:, None])[:, 0]
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=1)
    moving = ranks.std(axis=0) > 0
    agreement = float("nan")
    if own.std() > 0 and moving.any():
        centred, each = own - own.mean(), ranks[:, moving] - ranks[:, moving].mean(axis=0)
        agreement = float(np.median(centred @ each / np.sqrt((centred @ centred) * (each**2).sum(axis=0))))
    influencers = pd.DataFrame({name: labels, **{index: table[index] for index in indices}}).assign(
        composite=equal, rank=own, rank_low=low, rank_high=high
    )
    validity = pd.DataFrame(columns=["term", "estimate", "conf_low", "conf_high", "n"])
    if outcome:
        validity = _validity(table.assign(composite=equal), outcome, ["composite", *columns], level)
    notes = [f"Ranges of ranks: {draws} random sets of weights, seed {seed}.", *data.notes]
    if not whole.all():
        notes.append(f"{int((~whole).sum())} of {data.n} influencers lack a value; they were left out.")
    return Composite(influencers, validity, agreement, level, seed, data.synthetic, tuple(notes))


def _validity(table: pd.DataFrame, outcome: str, columns: Sequence[str], level: float) -> pd.DataFrame:
    y = table[outcome].to_numpy()
    if not np.ptp(y) > 0:
        raise DataError(Problem(f"outcome '{outcome}'", "it is the same for every influencer", "Choose another."))
    rows = []
    for column in columns:
        x = table[column].to_numpy()
        if column == outcome or not np.ptp(x) > 0:
            continue
        r = float(np.corrcoef(x, y)[0, 1])
        limits = (np.nan, np.nan)
        if len(y) > 3 and abs(r) < 1:
            reach = special.ndtri((1 + level) / 2) / np.sqrt(len(y) - 3)
            limits = (float(np.tanh(np.arctanh(r) - reach)), float(np.tanh(np.arctanh(r) + reach)))
        rows.append((column, r, *limits, len(y)))
    return pd.DataFrame(rows, columns=["term", "estimate", "conf_low", "conf_high", "n"])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks down each column, 1 for the smallest, ties at their mean."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=0))


def _positive(column: str, values: np.ndarray) -> None:
    wrong = np.flatnonzero(values <= 0)
    if len(wrong):
        shown = ", ".join(f"row {place + 1} ({values[place]:g})" for place in wrong[:5])
        raise DataError(Problem(f"column '{column}'", f"{shown} is not above zero", "Correct it or leave it empty."))
