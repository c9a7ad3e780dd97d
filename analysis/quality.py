"""Who may not have read the questions: indices of careless responding, flags with reasons, and who was left out.

Nothing here deletes a row. `careless_indices` measures, `flag_careless` compares with thresholds that can be changed,
and `exclusion_flow` counts what the researcher then decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from analysis.errors import DataError, Problem
from analysis.instrument import METADATA, Choices, Instrument, Item, Page, Scale
from analysis.scoring import as_numbers, keyed_item, without_declined

EVIDENCE = ("checks_failed", "too_fast", "longstring", "irv_low", "duplicate")
"""Reasons that attentive people seldom give: one of them flags a row."""
HINTS = ("average_longstring", "irv_high", "even_odd", "synonyms", "antonyms", "person_total", "mahalanobis")
"""Reasons that attentive people do give now and then: it takes several of them to flag a row."""
REASONS = (*EVIDENCE, *HINTS)
"""Every reason `flag_careless` can give, in the order an exclusion flow usually takes them."""
DECISION = (*EVIDENCE, "flagged")
"""Leaving out whoever is flagged, each piece of evidence a step of its own; the last step is that of many hints."""

_WIDEST = 1_000
_FEWEST_PAIRS = 3
"""A correlation within one person over fewer pairs than this is not computed."""


@dataclass(frozen=True)
class Thresholds:
    """From where on an index becomes a flag. Rules of thumb, each with its source; none is a test.

    Attributes
    ----------
    hints : int
        So many of the reasons in `HINTS` flag a row that shows none of the reasons in `EVIDENCE`.
    checks_failed : int
        Instructed-response items failed (Meade & Craig 2012: each one counts).
    seconds_per_item : float
        Faster than this many seconds for each answer (Huang et al. 2012: 2 seconds).
    longstring : float
        A run of equal answers at least this share of the rating items long (Curran 2016: half).
    mads : float
        So many scaled median absolute deviations from the median must an average run length (above) or an
        intra-individual response variability (below or above) lie.
    even_odd : float
        Even-odd consistency below this (Jackson 1977, in Curran 2016: .30).
    synonyms, antonyms : float
        Correlation over psychometric synonyms below, over antonyms above this (Meade & Craig 2012: .22 and -.03).
    pair : float
        Items that correlate at least so highly (in absolute value) are synonyms or antonyms (.60).
    person_total : float
        Person-total correlation below this (Curran 2016: 0).
    mahalanobis_p : float
        p of Mahalanobis D below this (.001).
    duplicate_items : int
        Equal answers count as duplicates from this many answered items on; on fewer they agree by chance.
    """

    hints: int = 3
    checks_failed: int = 1
    seconds_per_item: float = 2.0
    longstring: float = 0.5
    mads: float = 3.0
    even_odd: float = 0.30
    synonyms: float = 0.22
    antonyms: float = -0.03
    pair: float = 0.60
    person_total: float = 0.0
    mahalanobis_p: float = 0.001
    duplicate_items: int = 10


@dataclass(frozen=True, eq=False)
class _Ratings:
    """Answers to the rating items in the order of the pages: raw and keyed, NaN where missing."""

    raw: np.ndarray
    keyed: np.ndarray
    names: tuple[str, ...]
    halves: tuple[tuple[list[int], list[int]], ...] = field(default=())


def rating_instrument(
    rows: pd.DataFrame,
    *,
    items: Sequence[str] = (),
    scales: Mapping[str, Sequence[str]] | None = None,
    span: tuple[int, int] | None = None,
) -> Instrument:
    """Which instrument do answers from another tool stand for, as far as quality needs one?

    Parameters
    ----------
    rows : DataFrame
        One row per person.
    items : sequence of str
        Rating columns in the order they were asked. When empty: those of `scales`; without these, every column
        (no metadata, no scale) that holds whole numbers from 0 to 10 only, more than two different ones in all.
    scales : mapping of str to sequence of str
        Scale name to item columns, a leading `-` marks a reverse-keyed one. Even-odd consistency needs them.
    span : (lowest, highest)
        Range of the answers; what the columns hold, when left out.

    Returns
    -------
    Instrument
        Rating items only, on one page.

    Raises
    ------
    DataError
        When a column is missing or nothing looks like a rating item.

    Checked against
    ---------------
    Files with other columns among the ratings: tests/analysis/test_quality.py.

    Examples
    --------
    >>> rows = pd.DataFrame({"name": ["x", "y"], "a1": [1, 5], "a2": [2, 4]})
    >>> [item.id for item in rating_instrument(rows).items]
    ['a1', 'a2']
    """
    signed = {name: list(members) for name, members in (scales or {}).items()}
    listed = [id.removeprefix("-") for members in signed.values() for id in members]
    names = list(items) or list(dict.fromkeys(listed)) or _rating_columns(rows)
    names += [id for id in dict.fromkeys(listed) if id not in names]
    absent = [name for name in names if name not in rows]
    if absent:
        remedy = f"There is: {', '.join(map(str, rows.columns[:20]))}."
        raise DataError(*(Problem(f"column '{name}'", "the data have no such column", remedy) for name in absent))
    if not names:
        remedy = "Name the items, for example with a scale."
        raise DataError(Problem("data", "no column looks like a rating item (whole numbers from 0 to 10)", remedy))
    low, high = span or _span(rows, names)
    if not 0 < high - low <= _WIDEST:
        remedy = f"Give the range of the answers, lowest and highest, at most {_WIDEST} apart."
        raise DataError(Problem("range of the answers", f"{low} to {high} is no range of ratings", remedy))
    choices = Choices("ratings", tuple(range(low, high + 1)), {})
    reverse = {id.removeprefix("-") for members in signed.values() for id in members if id.startswith("-")}
    return Instrument(
        id="ratings",
        version="",
        title={},
        languages=(),
        items=tuple(Item(name, {}, choices=choices, reverse=name in reverse) for name in names),
        scales=tuple(
            Scale(name, {}, tuple(id.removeprefix("-") for id in members)) for name, members in signed.items()
        ),
        pages=(Page("all", {}, tuple(names)),),
    )


def careless_indices(rows: pd.DataFrame, instrument: Instrument, *, pair: float = Thresholds.pair) -> pd.DataFrame:
    """How attentively did each person seem to answer, by every index in common use?

    Parameters
    ----------
    rows : DataFrame
        One row per participation (x influencer), item ids as columns, raw declared values; `seconds` in seconds.
    instrument : Instrument
        Which items are ratings (kind `likert` or `semantic`, no attention check), in which order, on which scales,
        reversed or not; for data from elsewhere see `rating_instrument`. Who prefers not to say has not answered.
    pair : float
        Items correlating at least so highly are psychometric synonyms, at most `-pair` antonyms.

    Returns
    -------
    DataFrame
        Indexed like `rows`; missing where an index cannot be computed for a person:

        - `answered`: rating items answered;
        - `checks_failed`: attention checks answered otherwise than told;
        - `seconds_per_item`: seconds divided by all items the participation answered;
        - `longstring`, `average_longstring`: longest and mean run of equal answers, in items, unanswered ones skipped;
        - `irv`: intra-individual response variability, the standard deviation (n-1) of the raw answers;
        - `even_odd`: correlation over the scales between the means of their 1st, 3rd, ... and 2nd, 4th, ... items
          (keyed), stepped up by Spearman-Brown, at least -1; three scales or more;
        - `synonyms`, `antonyms`: correlation over pairs of items that go together, or against each other, in all rows;
        - `person_total`: correlation of the keyed answers with the keyed item means;
        - `mahalanobis_sq`, `mahalanobis_p`: squared distance from the mean and its chi-square p (df: items answered);
        - `duplicates`: other rows with the very same rating answers.

    Raises
    ------
    DataError
        When no rating item is among the columns, or answers are no declared values.

    Notes
    -----
    Runs follow the order of the pages; a page shown in random order blurs them. Mahalanobis distances use the
    covariance of the rows complete on the rating items and are missing when these are no more than the items.

    Checked against
    ---------------
    Base R 4.2.2, every index, also with missing answers: tests/reference/quality.json; 500 people and 25 items of
    the shared reference 12_missing_careless_bf.

    References
    ----------
    Curran (2016), Journal of Experimental Social Psychology 66, 4-19. Dunn et al. (2018), Journal of Business and
    Psychology 33, 105-121. Meade & Craig (2012), Psychological Methods 17, 437-455.

    Examples
    --------
    >>> rows = pd.DataFrame({"a": [3, 1], "b": [3, 2], "c": [3, 2]})
    >>> careless_indices(rows, rating_instrument(rows))[["longstring", "irv"]].round(3).to_dict("list")
    {'longstring': [3.0, 2.0], 'irv': [0.0, 0.577]}
    """
    answers = without_declined(rows, instrument)
    ratings = _ratings(answers, instrument)
    longest, average = _runs(ratings.raw)
    distance, p = _mahalanobis(ratings.raw)
    together, against = _pairs(ratings.raw, pair)
    columns = {
        "answered": np.isfinite(ratings.raw).sum(axis=1),
        "checks_failed": _checks_failed(answers, instrument),
        "seconds_per_item": _seconds_per_item(rows, instrument),
        "longstring": longest,
        "average_longstring": average,
        "irv": _spread(ratings.raw),
        "even_odd": _even_odd(ratings),
        "synonyms": _row_correlations(ratings.raw[:, together[0]], ratings.raw[:, together[1]]),
        "antonyms": _row_correlations(ratings.raw[:, against[0]], ratings.raw[:, against[1]]),
        "person_total": _row_correlations(ratings.keyed, _item_means(ratings.keyed)),
        "mahalanobis_sq": distance,
        "mahalanobis_p": p,
        "duplicates": _duplicates(ratings.raw),
    }
    return pd.DataFrame(columns, index=rows.index)


def flag_careless(rows: pd.DataFrame, instrument: Instrument, *, thresholds: Thresholds | None = None) -> pd.DataFrame:
    """Whose answers deserve a second look, and why?

    Parameters
    ----------
    rows : DataFrame
        As for `careless_indices`.
    instrument : Instrument
        As for `careless_indices`.
    thresholds : Thresholds or None
        From where on an index is a reason; the usual rules of thumb when None.

    Returns
    -------
    DataFrame
        Indexed like `rows`: one column of True and False for each of `REASONS`; `reasons`, those that apply, joined
        by commas; `flagged`, True where one of `EVIDENCE` applies, or as many of `HINTS` as the thresholds ask for.
        No row is removed.

    Raises
    ------
    DataError
        As `careless_indices`.

    Notes
    -----
    An index that is missing is no reason. `average_longstring`, `irv_low` and `irv_high` compare a person with the
    others by scaled median absolute deviations, so nobody is flagged merely for being in the outer percent.
    Of 4,000 simulated attentive people (core questionnaire) four in ten show a hint and 2 % are flagged; of 4,000
    simulated careless ones 99 % are. Look before you exclude, and report results with and without.

    Checked against
    ---------------
    Base R 4.2.2, every flag: tests/reference/quality.json; the careless and the attentive of `simulate_answers`:
    tests/analysis/test_quality.py.

    Examples
    --------
    >>> rows = pd.DataFrame({"a": [3, 1, 2], "b": [3, 2, 1], "c": [3, 3, 3]})
    >>> flag_careless(rows, rating_instrument(rows))["reasons"].tolist()
    ['longstring', '', '']
    """
    limit = thresholds or Thresholds()
    index = careless_indices(rows, instrument, pair=limit.pair)
    low, high = _outer_fences(index["irv"], limit.mads)
    _, long_on_average = _outer_fences(index["average_longstring"], limit.mads)
    found = {
        "checks_failed": index["checks_failed"] >= limit.checks_failed,
        "too_fast": index["seconds_per_item"] < limit.seconds_per_item,
        "longstring": (index["longstring"] >= limit.longstring * index["answered"]) & (index["answered"] > 1),
        "irv_low": index["irv"] < low,
        "duplicate": (index["duplicates"] > 0) & (index["answered"] >= limit.duplicate_items),
        "average_longstring": index["average_longstring"] > long_on_average,
        "irv_high": index["irv"] > high,
        "even_odd": index["even_odd"] < limit.even_odd,
        "synonyms": index["synonyms"] < limit.synonyms,
        "antonyms": index["antonyms"] > limit.antonyms,
        "person_total": index["person_total"] < limit.person_total,
        "mahalanobis": index["mahalanobis_p"] < limit.mahalanobis_p,
    }
    flags = pd.DataFrame({reason: found[reason] for reason in REASONS})
    names = np.array(REASONS, dtype=object)
    given = flags[list(REASONS)].to_numpy()
    flags["reasons"] = [", ".join(names[row]) for row in given]
    flags["flagged"] = flags[list(EVIDENCE)].any(axis=1) | (flags[list(HINTS)].sum(axis=1) >= limit.hints)
    return flags


def excluded_by(flags: pd.DataFrame, decision: Sequence[str]) -> pd.Series:
    """For which of the reasons decided on is each row left out? Empty text for the rows that stay.

    Parameters
    ----------
    flags : DataFrame
        What `flag_careless` gave.
    decision : sequence of str
        The reasons the researcher decided to exclude for, in the order they are applied; any of `REASONS`, or
        `flagged`.

    Returns
    -------
    Series
        Indexed like `flags`: the first reason in `decision` that applies.

    Raises
    ------
    DataError
        For a reason that is none, or stands twice.

    Checked against
    ---------------
    The flow of the same decision: tests/analysis/test_quality.py.

    Examples
    --------
    >>> flags = pd.DataFrame({"too_fast": [True, False, True], "longstring": [True, True, False]})
    >>> excluded_by(flags, ["longstring", "too_fast"]).tolist()
    ['longstring', 'longstring', 'too_fast']
    """
    known = [name for name in flags.columns if name in (*REASONS, "flagged")]
    problems = [
        Problem("decision", f"'{reason}' is no reason that was checked", f"Reasons: {', '.join(known)}.")
        for reason in decision
        if reason not in known
    ]
    if len(set(decision)) < len(decision):
        problems.append(Problem("decision", "a reason stands twice", "Name each reason once."))
    if problems:
        raise DataError(*problems)
    first = pd.Series("", index=flags.index, dtype="str")
    for reason in reversed(decision):
        first = first.mask(flags[reason].astype(bool), reason)
    return first


def exclusion_flow(rows: pd.DataFrame, flags: pd.DataFrame, decision: Sequence[str]) -> pd.DataFrame:
    """How many rows are left after each reason for exclusion, one after the other?

    Parameters
    ----------
    rows : DataFrame
        All rows collected.
    flags : DataFrame
        What `flag_careless` gave for these very rows.
    decision : sequence of str
        As for `excluded_by`.

    Returns
    -------
    DataFrame
        One row for the beginning (`reason` `all`) and one for each reason, in order: `reason`, `flagged` (rows with
        this reason, wherever they went), `excluded` (rows that left at this step), `remaining`. Counts of rows; the
        numbers excluded add up to the rows lost.

    Raises
    ------
    DataError
        When the flags are not those of the rows, or a reason is none.

    Checked against
    ---------------
    Base R 4.2.2, step by step: tests/reference/quality.json; sums in any order: tests/analysis/test_quality.py.

    Examples
    --------
    >>> flags = pd.DataFrame({"too_fast": [True, False, True, False], "longstring": [True, False, False, False]})
    >>> exclusion_flow(pd.DataFrame(index=range(4)), flags, ["too_fast", "longstring"])
           reason  flagged  excluded  remaining
    0         all        0         0          4
    1    too_fast        2         2          2
    2  longstring        1         0          2
    """
    if not rows.index.equals(flags.index):
        what = f"{len(flags)} rows were flagged, but there are {len(rows)}, or others"
        raise DataError(Problem("flags", what, "Flag the rows again."))
    reason = excluded_by(flags, decision)
    excluded = [0] + [int((reason == step).sum()) for step in decision]
    flagged = [0] + [int(flags[step].sum()) for step in decision]
    remaining = [len(rows) - gone for gone in np.cumsum(excluded).tolist()]
    if remaining[-1] != int((reason == "").sum()):
        what = f"{remaining[-1]} rows remain by the steps, {int((reason == '').sum())} by counting"
        raise DataError(Problem("exclusion flow", what, "Report this: the flow must add up."))
    steps = ["all", *decision]
    return pd.DataFrame({"reason": steps, "flagged": flagged, "excluded": excluded, "remaining": remaining})


# -- reading the answers ----------------------------------------------------------------------------------------------


def _ratings(rows: pd.DataFrame, instrument: Instrument) -> _Ratings:
    items = [item for item in _in_page_order(instrument) if item.id in rows and _is_rating(item)]
    if not items:
        what = "no rating item of the instrument is among the columns"
        raise DataError(Problem(f"instrument '{instrument.id}'", what, "Check that the answers belong to it."))
    if rows.empty:
        raise DataError(Problem("data", "there is not a single row", "Check the file, or collect answers first."))
    raw, keyed = [], []
    problems: list[Problem] = []
    for item in items:
        allowed = item.choices.values if item.choices else ()
        try:
            raw.append(keyed_item(rows[item.id], False, allowed=allowed))
            keyed.append(keyed_item(rows[item.id], item.reverse, allowed=allowed))
        except DataError as error:
            problems.extend(error.problems)
    if problems:
        raise DataError(*problems)
    names = tuple(item.id for item in items)
    places = [[names.index(id) for id in scale.items if id in names] for scale in instrument.scales]
    halves = tuple((place[::2], place[1::2]) for place in places if len(place) > 1)
    return _Ratings(np.column_stack(raw), np.column_stack(keyed), names, halves)


def _is_rating(item: Item) -> bool:
    return item.kind in ("likert", "semantic") and item.choices is not None and item.check is None


def _in_page_order(instrument: Instrument) -> list[Item]:
    return [instrument.item(id) for page in instrument.pages for id in page.items]


def _rating_columns(rows: pd.DataFrame) -> list[str]:
    """Columns of whole numbers from 0 to 10, not of zeros and ones alone."""
    found = []
    for name in rows.columns:
        if name in METADATA or pd.api.types.is_bool_dtype(rows[name].dtype):
            continue
        try:
            values = as_numbers(rows[name])
        except DataError:
            continue
        given = values[np.isfinite(values)]
        if np.all((given == np.rint(given)) & (given >= 0) & (given <= 10)) and np.any(given > 1):
            found.append(str(name))
    return found


def _span(rows: pd.DataFrame, names: Sequence[str]) -> tuple[int, int]:
    values = np.concatenate([as_numbers(rows[name]) for name in names])
    given = values[np.isfinite(values)]
    if not len(given):
        raise DataError(Problem("data", "not a single rating is answered", "Check the file."))
    return int(np.floor(given.min())), int(np.ceil(given.max()))


# -- the indices ------------------------------------------------------------------------------------------------------


def _checks_failed(rows: pd.DataFrame, instrument: Instrument) -> np.ndarray:
    """Attention checks answered otherwise than told; missing where none was answered."""
    failed, answered = np.zeros(len(rows)), np.zeros(len(rows))
    for item in instrument.items:
        if item.check is not None and item.id in rows:
            values = as_numbers(rows[item.id])
            answered += np.isfinite(values)
            failed += np.isfinite(values) & (values != item.check)
    return np.where(answered > 0, failed, np.nan)


def _seconds_per_item(rows: pd.DataFrame, instrument: Instrument) -> np.ndarray:
    """Seconds of the participation over everything it answered, about all its influencers."""
    if "seconds" not in rows:
        return np.full(len(rows), np.nan)
    rated = {id for page in instrument.pages if page.per_influencer for id in page.items}
    first = {item.columns[0].name: item.id for item in instrument.items if item.columns}
    present = {name: id for name, id in first.items() if name in rows}
    once = rows[[name for name, id in present.items() if id not in rated]].notna().sum(axis=1)
    each = rows[[name for name, id in present.items() if id in rated]].notna().sum(axis=1)
    if "participation" in rows:
        each = each.groupby(rows["participation"]).transform("sum")
    answered = (once + each).to_numpy(dtype=float)
    seconds = as_numbers(rows["seconds"])
    return np.where(answered > 0, seconds / np.maximum(answered, 1), np.nan)


def _runs(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The longest and the mean run of equal answers; one pass over the items, all people at once."""
    n = len(raw)
    before, run, longest, runs = np.full(n, np.nan), np.zeros(n), np.zeros(n), np.zeros(n)
    for column in raw.T:
        given = np.isfinite(column)
        new = given & (column != before)
        run = np.where(new, 1, run + given)
        runs += new
        longest = np.maximum(longest, run)
        before = np.where(given, column, before)
    answered = np.isfinite(raw).sum(axis=1)
    any_answer = answered > 0
    return np.where(any_answer, longest, np.nan), np.where(any_answer, answered / np.maximum(runs, 1), np.nan)


def _spread(raw: np.ndarray) -> np.ndarray:
    given = np.isfinite(raw)
    n = given.sum(axis=1)
    mean = np.where(given, raw, 0).sum(axis=1) / np.maximum(n, 1)
    squares = np.where(given, (raw - mean[:, None]) ** 2, 0).sum(axis=1)
    return np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)


def _even_odd(ratings: _Ratings) -> np.ndarray:
    if not ratings.halves:
        return np.full(len(ratings.raw), np.nan)
    odd = np.column_stack([_row_means(ratings.keyed[:, first]) for first, _ in ratings.halves])
    even = np.column_stack([_row_means(ratings.keyed[:, second]) for _, second in ratings.halves])
    r = _row_correlations(odd, even)
    stepped = 2 * r / np.where(r > -1, 1 + r, 1)
    return np.maximum(np.where(r > -1, stepped, r), -1)


def _pairs(raw: np.ndarray, pair: float) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Positions of the pairs of items that correlate at least `pair`, and at most `-pair`, in complete rows."""
    whole = raw[np.isfinite(raw).all(axis=1)]
    varying = np.flatnonzero(np.ptp(whole, axis=0) > 0) if len(whole) > 2 else np.empty(0, dtype=int)
    if len(varying) < 2:
        empty = np.empty(0, dtype=int)
        return (empty, empty), (empty, empty)
    r = np.corrcoef(whole[:, varying].T)
    upper = np.triu(np.ones_like(r, dtype=bool), 1)
    together, against = np.nonzero(upper & (r >= pair)), np.nonzero(upper & (r <= -pair))
    return (varying[together[0]], varying[together[1]]), (varying[against[0]], varying[against[1]])


def _item_means(keyed: np.ndarray) -> np.ndarray:
    means = _row_means(keyed.T)
    return np.broadcast_to(means, keyed.shape)


def _row_means(values: np.ndarray) -> np.ndarray:
    given = np.isfinite(values)
    n = given.sum(axis=1)
    return np.where(n > 0, np.where(given, values, 0).sum(axis=1) / np.maximum(n, 1), np.nan)


def _row_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The correlation of each row of `a` with the same row of `b` over what both have; missing without spread."""
    given = np.isfinite(a) & np.isfinite(b)
    n = np.maximum(given.sum(axis=1), 1)[:, None]
    x, y = np.where(given, a, 0), np.where(given, b, 0)
    x = np.where(given, x - x.sum(axis=1, keepdims=True) / n, 0)
    y = np.where(given, y - y.sum(axis=1, keepdims=True) / n, 0)
    sizes = (x**2).sum(axis=1), (y**2).sum(axis=1)
    defined = (given.sum(axis=1) >= _FEWEST_PAIRS) & (sizes[0] > 1e-12) & (sizes[1] > 1e-12)
    product = np.where(defined, sizes[0] * sizes[1], 1)
    return np.where(defined, np.clip((x * y).sum(axis=1) / np.sqrt(product), -1, 1), np.nan)


def _mahalanobis(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances on the items each person answered, and their chi-square p."""
    nothing = np.full(len(raw), np.nan)
    whole = raw[np.isfinite(raw).all(axis=1)]
    varying = np.ptp(whole, axis=0) > 0 if len(whole) > 1 else np.zeros(raw.shape[1], dtype=bool)
    if not varying.any() or len(whole) <= varying.sum() + 1:
        return nothing, nothing.copy()
    values = raw[:, varying]
    mean, covariance = whole[:, varying].mean(axis=0), np.atleast_2d(np.cov(whole[:, varying].T))
    if np.linalg.matrix_rank(covariance) < len(covariance):
        return nothing, nothing.copy()
    distance, p = nothing, nothing.copy()
    given = np.isfinite(values)
    which = _alike(given)
    for number in range(which.max() + 1):
        people = np.flatnonzero(which == number)
        answered = given[people[0]]
        if answered.any():
            away = values[np.ix_(people, answered)] - mean[answered]
            solved = np.linalg.solve(covariance[np.ix_(answered, answered)], away.T).T
            distance[people] = (away * solved).sum(axis=1)
            p[people] = chdtrc(answered.sum(), distance[people])
    return distance, p


def _duplicates(raw: np.ndarray) -> np.ndarray:
    """Other rows with the same answers; a row without any answer has none."""
    which = _alike(np.nan_to_num(raw, nan=-np.inf) + 0.0)
    return np.where(np.isfinite(raw).any(axis=1), np.bincount(which)[which] - 1, 0)


def _alike(table: np.ndarray) -> np.ndarray:
    """A number for each row of the table, the same for rows that are equal throughout."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in np.ascontiguousarray(table)])


def _outer_fences(values: pd.Series, mads: float) -> tuple[float, float]:
    """Median minus and plus `mads` scaled median absolute deviations; no fence at all without spread."""
    given = values.to_numpy(dtype=float)
    given = given[np.isfinite(given)]
    if not len(given):
        return -np.inf, np.inf
    middle = float(np.median(given))
    deviation = 1.4826 * float(np.median(np.abs(given - middle)))
    return (middle - mads * deviation, middle + mads * deviation) if deviation > 0 else (-np.inf, np.inf)
