"""From raw answers to scale scores: reverse items turned round exactly once, every omission written down."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.errors import DataError, Problem
from analysis.instrument import METADATA, Instrument
from analysis.kinds import DECLINED

SHOWN = 5
"""How many offending rows a message names before it only counts."""
LARGEST, SMALLEST = 1e30, 1e-30
"""A column beyond these is refused: fourth powers of products of two such columns are no numbers any more."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Keyed answers and scale scores of the same people, one row each.

    Attributes
    ----------
    frame : DataFrame
        Scale scores and every other column that may enter a model. No scale item stands here.
    items : DataFrame
        Answers to scale items, keyed (a reverse item is already turned round), NaN where missing. Same index.
    scales : mapping of str to tuple of str
        Which items each scale is the mean of.
    source : str
        Where the answers came from.
    synthetic : bool
        True as soon as one row was simulated.
    left_out : DataFrame
        Columns `row`, `reason`: who was left out before scoring, and why.
    notes : tuple of str
        What a reader must know.
    """

    frame: pd.DataFrame
    items: pd.DataFrame = field(default_factory=pd.DataFrame)
    scales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""
    synthetic: bool = False
    left_out: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["row", "reason"]))
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.frame)

    @classmethod
    def from_scored(cls, frame: pd.DataFrame, *, source: str) -> Scores:
        """Board with data that are already scored; a column `synthetic` is read as the flag it is.

        What reading a file had to say (`load_rows`, `rows.attrs["notes"]`) stays said.

        Examples
        --------
        >>> Scores.from_scored(pd.DataFrame({"psi": [3.5, 4.0]}), source="example").n
        2
        """
        _check_columns(frame)
        return cls(frame.reset_index(drop=True), source=source, synthetic=is_synthetic(frame), notes=_noted(frame))

    def column(self, name: str) -> np.ndarray:
        """A column as floats, NaN where missing; `a:b` is the product of two; an item is found by its id.

        Raises DataError, naming rows and values, when a cell holds no number.
        """
        if ":" in name and name not in self.frame:
            factors = [self.column(part) for part in name.split(":")]
            return np.asarray(np.prod(factors, axis=0))
        table = self.frame if name in self.frame else self.items
        if name not in table:
            known = ", ".join(map(str, [*self.frame.columns, *self.items.columns][:20]))
            raise DataError(Problem(f"column '{name}'", "the data have no such column", f"There is: {known}."))
        return as_numbers(table[name])

    def complete(self, names: Sequence[str]) -> np.ndarray:
        """The rows that are complete on `names`, shape `(n_complete, len(names))`, in the data's order."""
        values = np.column_stack([self.column(name) for name in names]) if names else np.empty((self.n, 0))
        whole = ~np.isnan(values).any(axis=1)
        return np.ascontiguousarray(values if whole.all() else values[whole])

    def keep(self, rows: np.ndarray, reason: str) -> Scores:
        """Only the rows where the mask `rows` is True; the others are written down in `left_out` with `reason`."""
        mask = np.asarray(rows, dtype=bool)
        dropped = pd.DataFrame({"row": self.frame.index[~mask], "reason": reason})
        items = self.items.loc[mask].reset_index(drop=True) if len(self.items) else self.items
        return replace(
            self,
            frame=self.frame.loc[mask].reset_index(drop=True),
            items=items,
            left_out=pd.concat([self.left_out, dropped], ignore_index=True) if len(self.left_out) else dropped,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all values and names: equal digests mean equal data."""
        digest = hashlib.sha256()
        for table in (self.frame, self.items):
            digest.update("\0".join(map(str, table.columns)).encode())
            digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        return digest.hexdigest()


def score(rows: pd.DataFrame, instrument: Instrument, *, source: str = "") -> Scores:
    """What does each person score on each scale of the instrument?

    Parameters
    ----------
    rows : DataFrame
        One row per participation (x influencer), item ids as columns, raw declared values, metadata beside them.
    instrument : Instrument
        Says which items belong to which scale, which are reversed, and which values exist.
    source : str
        A name for where the answers came from; the instrument's id when left out.

    Returns
    -------
    Scores
        `frame` holds one column per scale (mean of the keyed items, NaN below the scale's minimum share
        answered), the items that belong to no scale, and the metadata. `items` holds the keyed items.

    Raises
    ------
    DataError
        Naming every column with cells that are no number or not a declared value.

    Notes
    -----
    A reverse item becomes `lowest + highest - answer` of its own choices (or ends of its slider). Whoever prefers
    not to say (-99) has no answer, in scale items and in all others. Scales without a single column in
    `rows` are left out with a note. Nothing is imputed.

    Checked against
    ---------------
    R 4.2.2 `rowMeans` of keyed items at three minimum shares: tests/reference/scores.json; cells that cannot be
    used: tests/analysis/test_scoring.py.

    Examples
    --------
    >>> from analysis.instrument import Choices, Instrument, Item, Scale
    >>> agree = Choices("agree", (1, 2, 3, 4, 5), {"en": ("no", "2", "3", "4", "yes")})
    >>> items = (Item("s1", {"en": "A friend"}, choices=agree),
    ...          Item("s2", {"en": "No friend"}, choices=agree, reverse=True))
    >>> small = Instrument("small", "1", {"en": "Small"}, ("en",), items, (Scale("social", {"en": "S"},
    ...                    ("s1", "s2")),), ())
    >>> float(score(pd.DataFrame({"s1": [5], "s2": [2]}), small).frame["social"][0])
    4.5
    """
    rows = without_declined(rows, instrument)
    problems: list[Problem] = []
    notes: list[str] = []
    keyed: dict[str, np.ndarray] = {}
    scales: dict[str, tuple[str, ...]] = {}
    shares: dict[str, float] = {}
    for scale in instrument.scales:
        present = [instrument.item(id) for id in scale.items if id in rows]
        if not present:
            notes.append(f"No item of the scale '{scale.id}' is among the columns; it was left out.")
            continue
        for item in present:
            if item.id not in keyed:
                try:
                    allowed = item.choices.values if item.choices else None
                    keyed[item.id] = keyed_item(rows[item.id], item.reverse, allowed=allowed, span=item.span)
                except DataError as error:
                    problems.extend(error.problems)
        scales[scale.id] = tuple(item.id for item in present)
        shares[scale.id] = scale.minimum_share
    if problems:
        raise DataError(*problems)
    if not scales:
        ids = ", ".join(instrument.scales[0].items) if instrument.scales else "none"
        raise DataError(Problem(f"instrument '{instrument.id}'", "no scale item is among the columns", f"Ids: {ids}."))
    return _scores(rows, keyed, scales, shares, source or instrument.id, notes)


def without_declined(rows: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """What is left of these answers when "prefer not to say" counts as no answer?

    Parameters
    ----------
    rows : DataFrame
        Answers to the instrument, raw.
    instrument : Instrument
        Says which items may be declined.

    Returns
    -------
    DataFrame
        The same rows and columns, with missing cells where -99 stood in a column of such an item.

    Checked against
    ---------------
    Scores of people who declined, in `score`: tests/analysis/test_scoring.py. It only empties cells, so there is no
    number of R's to compare.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> rows = pd.DataFrame({"age": [34, -99], "near1": [1, 5]})
    >>> without_declined(rows, load_instrument("showcase"))["age"].tolist()
    [34.0, nan]
    """
    offering = [item for item in instrument.items if item.decline]
    names = [column.name for item in offering for column in item.columns if column.holds != "words"]
    declined = {name: _is_declined(rows[name]) for name in names if name in rows}
    cleared = {name: rows[name].mask(mask) for name, mask in declined.items() if mask.any()}
    return rows.assign(**cleared) if cleared else rows


def _is_declined(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return (column == DECLINED).fillna(False).astype(bool)
    return column.astype("string").str.strip().isin([str(DECLINED), f"{DECLINED}.0"])


def score_scales(
    rows: pd.DataFrame, scales: Mapping[str, Sequence[str]], *, span: tuple[float, float] | None = None, source: str
) -> Scores:
    """What does each person score on scales that are named item by item?

    Parameters
    ----------
    rows : DataFrame
        One row per person, items as columns, from any tool.
    scales : mapping of str to sequence of str
        Scale name to item columns; a leading `-` marks a reverse-keyed item.
    span : (lowest, highest) or None
        The answer range. Needed as soon as an item is reversed; when given, values outside it are refused.
    source : str
        A name for where the answers came from.

    Returns
    -------
    Scores
        Scale score = mean of the keyed items, NaN where fewer than half of them are answered.

    Raises
    ------
    DataError
        Naming every missing column, every item of two scales, and every cell that cannot be used.

    Checked against
    ---------------
    R 4.2.2 `rowMeans` of keyed items: tests/reference/scores.json, and all that stands on it:
    tests/reference/measurement.json.

    Examples
    --------
    >>> rows = pd.DataFrame({"a1": [7, 1], "a2": [2, 6]})
    >>> score_scales(rows, {"a": ["a1", "-a2"]}, span=(1, 7), source="example").frame["a"].tolist()
    [6.5, 1.5]
    """
    _check_columns(rows)
    problems: list[Problem] = []
    keyed: dict[str, np.ndarray] = {}
    seen: dict[str, str] = {}
    for name, signed in scales.items():
        if not signed:
            problems.append(Problem(f"scale '{name}'", "it has no items", f"Write {name}=item1,item2."))
        if name in rows.columns and name not in {item.lstrip("-") for item in signed}:
            problems.append(Problem(f"scale '{name}'", "a column has that name already", "Name the scale otherwise."))
        for item in signed:
            column = item.removeprefix("-")
            if column not in rows:
                problems.append(_no_column(name, column, rows.columns))
            elif column in seen:
                problems.append(
                    Problem(f"scale '{name}'", f"'{column}' belongs to '{seen[column]}' already", "Name it once.")
                )
            elif item.startswith("-") and span is None:
                remedy = "Give the range of the answers, such as 1:7."
                problems.append(Problem(f"scale '{name}', item '{column}'", "a reversed item needs its range", remedy))
            else:
                seen[column] = name
                try:
                    keyed[column] = keyed_item(rows[column], item.startswith("-"), span=span)
                except DataError as error:
                    problems.extend(error.problems)
    if problems:
        raise DataError(*problems)
    named = {name: tuple(item.removeprefix("-") for item in signed) for name, signed in scales.items()}
    return _scores(rows, keyed, named, dict.fromkeys(named, 0.5), source, [])


def keyed_item(
    column: pd.Series,
    reverse: bool,
    *,
    allowed: Iterable[float] | None = None,
    span: tuple[float, float] | None = None,
) -> np.ndarray:
    """What are one item's answers once it points the same way as the others?

    Parameters
    ----------
    column : Series
        Raw answers.
    reverse : bool
        Turn them round: lowest + highest - answer.
    allowed : iterable of float or None
        The declared values; others are refused.
    span : (lowest, highest) or None
        The range, where no values are declared.

    Returns
    -------
    ndarray of float, shape (n,)
        NaN where there is no answer.

    Raises
    ------
    DataError
        Naming rows and values outside `allowed` or `span`, and cells that are no number.

    Checked against
    ---------------
    R 4.2.2, `1 + 7 - answer`, through `score`: tests/reference/scores.json; turned twice it is what it was:
    tests/analysis/test_scoring.py.

    Examples
    --------
    >>> keyed_item(pd.Series([1, 5, None]), True, span=(1, 5)).tolist()
    [5.0, 1.0, nan]
    """
    values = as_numbers(column)
    given = np.isfinite(values)
    if allowed is not None:
        declared = np.array(sorted(allowed), dtype=float)
        span = (declared[0], declared[-1])
        outside = given & ~np.isin(values, declared)
        expected = f"the declared values {', '.join(f'{value:g}' for value in declared)}"
    elif span is not None:
        outside = given & ((values < span[0]) | (values > span[1]))
        expected = f"the range {span[0]:g} to {span[1]:g}"
    else:
        outside, expected = np.zeros(len(values), dtype=bool), ""
    if outside.any():
        what = f"{_rows_shown(column, outside)}: outside {expected}"
        raise DataError(Problem(f"column '{column.name}'", what, "Correct them, leave them empty, or give the range."))
    if reverse and span is not None:
        values = span[0] + span[1] - values
    return values


def as_numbers(column: pd.Series) -> np.ndarray:
    """Which numbers does a column hold?

    Parameters
    ----------
    column : Series
        Numbers, or text that holds numbers.

    Returns
    -------
    ndarray of float, shape (n,)
        NaN where empty.

    Raises
    ------
    DataError
        With rows and values where a cell is no finite number, or numbers are too large or too small to be squared.

    Checked against
    ---------------
    tests/analysis/test_scoring.py, tests/analysis/test_moments.py (`as_moments`). It computes nothing R could.

    Examples
    --------
    >>> as_numbers(pd.Series(["1", "2.5", None])).tolist()
    [1.0, 2.5, nan]
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        broken = np.isinf(values)
    else:
        text = column.astype("string").str.strip()
        filled = text.notna() & (text != "")
        values = pd.to_numeric(text.where(filled), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        broken = filled.to_numpy() & ~np.isfinite(values)
    if broken.any():
        remedy = "Correct it or leave it empty."
        raise DataError(Problem(f"column '{column.name}'", f"{_rows_shown(column, broken)}: not a number", remedy))
    size = np.abs(values)
    if (size > LARGEST).any():
        what = f"{_rows_shown(column, size > LARGEST)}: too large to compute with"
        raise DataError(Problem(f"column '{column.name}'", what, "Correct it, or use a larger unit."))
    if (size > 0).any() and not (size > SMALLEST).any():
        what = f"no value is above {SMALLEST:g}, which is too small to compute with"
        raise DataError(Problem(f"column '{column.name}'", what, "Use a smaller unit."))
    return np.asarray(values)


def is_synthetic(rows: pd.DataFrame) -> bool:
    """Is any row marked as simulated?

    Parameters
    ----------
    rows : DataFrame
        A column `synthetic` counts when it holds true, 1 or yes in any spelling.

    Returns
    -------
    bool

    Checked against
    ---------------
    Spellings of both: tests/analysis/test_scoring.py. It computes nothing R could.

    Examples
    --------
    >>> is_synthetic(pd.DataFrame({"synthetic": ["False", "True"]}))
    True
    """
    if "synthetic" not in rows:
        return False
    return bool(rows["synthetic"].astype("string").str.strip().str.lower().isin(["true", "1", "1.0", "yes"]).any())


def _scores(
    rows: pd.DataFrame,
    keyed: Mapping[str, np.ndarray],
    scales: Mapping[str, tuple[str, ...]],
    shares: Mapping[str, float],
    source: str,
    notes: list[str],
) -> Scores:
    items = pd.DataFrame(dict(keyed))
    scored = {}
    for name, ids in scales.items():
        block = items[list(ids)].to_numpy()
        answered = np.isfinite(block).sum(axis=1)
        enough = (answered > 0) & (answered >= shares[name] * len(ids))
        total = np.nansum(block, axis=1)
        scored[name] = np.where(enough, total / np.maximum(answered, 1), np.nan)
        partial = int((enough & (answered < len(ids))).sum())
        if partial:
            notes.append(f"Scale '{name}': {partial} of {len(rows)} scores are means of the items answered.")
        if not enough.all():
            notes.append(f"Scale '{name}': {int((~enough).sum())} of {len(rows)} rows answered too few items.")
    others = rows.drop(columns=[*items.columns, *(name for name in scored if name in rows)]).reset_index(drop=True)
    frame = pd.concat([pd.DataFrame(scored), others], axis=1)
    return Scores(frame, items, dict(scales), source, is_synthetic(rows), notes=(*_noted(rows), *notes))


def _check_columns(rows: pd.DataFrame) -> None:
    twice = sorted({str(name) for name in rows.columns[rows.columns.duplicated()]})
    if twice:
        raise DataError(Problem("columns", f"{', '.join(twice)} stand twice", "Give every column a name of its own."))
    if rows.empty:
        raise DataError(Problem("data", "there is not a single row", "Check the file, or collect answers first."))


def _no_column(scale: str, column: str, columns: Iterable[str]) -> Problem:
    from difflib import get_close_matches

    known = [str(name) for name in columns if name not in METADATA]
    near = get_close_matches(column, known, n=3)
    remedy = f"Did you mean {', '.join(near)}?" if near else f"There is: {', '.join(known[:20])}."
    return Problem(f"scale '{scale}', item '{column}'", "the data have no such column", remedy)


def _rows_shown(column: pd.Series, chosen: np.ndarray) -> str:
    places = np.flatnonzero(chosen)
    shown = ", ".join(f"row {place + 1} ({column.iloc[[place]].tolist()[0]!r})" for place in places[:SHOWN])
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    return shown + more


def _noted(rows: pd.DataFrame) -> tuple[str, ...]:
    """What the file these rows came from made necessary to say."""
    return tuple(map(str, rows.attrs.get("notes", ())))
