"""Answers of people who do not exist: believable, reproducible, and marked as synthetic in every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import DataError, Problem
from analysis.instrument import METADATA, Instrument, Item, Scale
from analysis.kinds import DECLINED, OTHER, SEVERAL, Answer, Column
from analysis.show_if import FACTS, parse_condition
from analysis.shown import page_order

_LIKING: Mapping[str, float] = {
    "exposure": 0.20,
    "expertise": 0.55,
    "physical": 0.55,
    "social": 0.74,
    "homophily": 0.66,
}
"""How strongly a construct without causes goes with a general liking of the persona."""
_LIKING_OF_OTHERS = 0.55

_CAUSES: Mapping[str, Mapping[str, float]] = {
    "psi": {"homophily": 0.38, "social": 0.38, "physical": 0.13, "exposure": 0.12},
    "trust": {"psi": 0.42, "expertise": 0.22, "homophily": 0.12},
    "resonance": {"psi": 0.34, "trust": 0.28},
    "purchase": {"psi": 0.37, "trust": 0.20, "resonance": 0.12, "homophily": 0.05},
}
"""Standardised effects among the constructs as they are, before measurement weakens them."""

_LEVEL: Mapping[str, float] = {
    "exposure": 0.52,
    "physical": 0.62,
    "social": 0.60,
    "homophily": 0.55,
    "psi": 0.50,
    "trust": 0.58,
    "expertise": 0.60,
    "resonance": 0.50,
    "purchase": 0.48,
}
"""Where on the answer range, from 0 to 1, the typical answer lies."""
_LEVEL_OF_OTHERS = 0.55

_SHARES: Mapping[str, tuple[float, ...]] = {
    "gender": (0.60, 0.36, 0.02, 0.02),
    "education": (0.02, 0.24, 0.25, 0.34, 0.13, 0.02),
}
"""Shares of the answers to questions about the person, for questions with that many answers."""

_RELIABILITY = 0.87
_ACQUIESCENCE = 0.15
_SPREAD = 0.24
_LEFT_OPEN = 0.015
_DECLINED = 0.03
_OTHER = 0.04
_PICKED = 0.35
_AGREED = 0.97
_FIRST_DAY = pd.Timestamp("2026-03-02", tz="UTC")
_DAYS = 14


def simulate_answers(instrument: Instrument, n: int, *, seed: int, careless: float = 0.06) -> pd.DataFrame:
    """What might `n` people answer to this questionnaire, if the published findings held?

    Parameters
    ----------
    instrument : Instrument
        Any instrument. Scales it shares with `psi_core` follow the published pattern, others correlate about .30.
    n : int
        Number of respondents, from 1 to 10 million.
    seed : int
        Not negative; the same seed gives the same rows.
    careless : float
        Share of respondents (0 to 1) who do not read: a third gives one answer throughout, a third answers at
        random, a third hurries through around the middle. All of them are fast, and most fail the attention check.

    Returns
    -------
    DataFrame
        One row per participation, laid out as the store gives them: the metadata columns that apply, then the
        columns of each item in the instrument's order, holding declared values (a reverse item is answered in
        reverse), -99 for those who prefer not to say, missing where left open or hidden. Nobody types a text.
        `synthetic` is True in every row; `seconds` is the time from start to finish.

    Raises
    ------
    DataError
        For an `n`, `seed` or `careless` out of range.

    Notes
    -----
    Constructs are standard normal and follow linear equations: para-social interaction from homophily, social and
    physical attractiveness and exposure; trust from it; purchase intention from both. An item is its construct plus
    noise plus a small tendency to agree, cut at equally spaced thresholds into the declared values. With the core
    instrument and 6 % careless: beta of PSI on homophily .28 to .40, R2 of PSI .37 to .62, beta of purchase
    intention on PSI .27 to .40, Cronbach's alpha .75 to .93. Nothing here is evidence about people.

    Checked against
    ---------------
    tests/reference/simulate.json: alpha, betas and R2 of 2,000 simulated respondents by R (psych 2.2.9, lm), which
    tests/analysis/test_simulate.py finds again to 1e-9 in what `simulate_answers` gives; the ranges above hold
    there for three seeds.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> rows = simulate_answers(load_instrument("psi_core"), 3, seed=1)
    >>> len(rows), bool(rows["synthetic"].all()), "psi8" in rows
    (3, True, True)
    """
    _check_wishes(n, seed, careless)
    rng = np.random.Generator(np.random.SFC64(seed))
    people = _people(instrument, n, rng, careless)
    answers: dict[str, pd.Series] = {}
    for item in instrument.items:
        answers |= _answers(item, people, rng)
    metadata = _metadata(instrument, people, rng)
    _leave_out_hidden(instrument, answers, metadata)
    rows = pd.DataFrame({**metadata, **answers})
    return rows.sort_values("started", kind="stable", ignore_index=True).assign(participation=_numbered(n))


@dataclass(frozen=True)
class _People:
    """What lies behind the answers: constructs (by scale), their items' loadings, and who does not read."""

    n: int
    liking: np.ndarray
    agreeing: np.ndarray
    constructs: Mapping[str, np.ndarray]
    scale_of: Mapping[str, Scale]
    straight: np.ndarray
    erratic: np.ndarray
    hurried: np.ndarray
    favourite: np.ndarray

    @property
    def careless(self) -> np.ndarray:
        return np.asarray(self.straight | self.erratic | self.hurried)


def _check_wishes(n: int, seed: int, careless: float) -> None:
    problems = []
    if not 1 <= n <= 10_000_000:
        problems.append(Problem("n", f"{n} respondents cannot be simulated", "Ask for 1 to 10,000,000."))
    if seed < 0:
        problems.append(Problem("seed", f"{seed} is negative", "Use 0 or any positive whole number."))
    if not 0 <= careless <= 1:
        problems.append(Problem("careless", f"{careless} is no share", "Use a number from 0 to 1, such as 0.06."))
    if problems:
        raise DataError(*problems)


def _people(instrument: Instrument, n: int, rng: np.random.Generator, careless: float) -> _People:
    liking = rng.standard_normal(n)
    style = np.zeros(n, dtype=int)
    unread = rng.permutation(n)[: round(n * careless)]
    style[unread] = 1 + np.arange(len(unread)) % 3
    scale_of: dict[str, Scale] = {}
    for scale in instrument.scales:
        for id in scale.items:
            scale_of.setdefault(id, scale)
    return _People(
        n=n,
        liking=liking,
        agreeing=rng.standard_normal(n),
        constructs=_constructs(instrument, liking, rng),
        scale_of=scale_of,
        straight=style == 1,
        erratic=style == 2,
        hurried=style == 3,
        favourite=rng.random(n),
    )


def _constructs(instrument: Instrument, liking: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Standard normal constructs, those without causes first, each effect after its causes."""
    ids = [scale.id for scale in instrument.scales]
    order = [id for id in ids if id not in _CAUSES] + [id for id in _CAUSES if id in ids]
    constructs: dict[str, np.ndarray] = {}
    correlations = np.eye(len(order))
    loading = {id: _LIKING.get(id, _LIKING_OF_OTHERS) for id in order}
    for place, id in enumerate(order):
        causes = {cause: weight for cause, weight in _CAUSES.get(id, {}).items() if cause in constructs}
        noise = rng.standard_normal(len(liking))
        if causes:
            weights = np.array([causes.get(cause, 0.0) for cause in order[:place]])
            shared = correlations[:place, :place] @ weights
            explained = float(weights @ shared)
            constructs[id] = sum(w * constructs[c] for c, w in causes.items()) + np.sqrt(1 - explained) * noise
        else:
            shared = np.array([loading[id] * loading[other] for other in order[:place]])
            constructs[id] = loading[id] * liking + np.sqrt(1 - loading[id] ** 2) * noise
        correlations[place, :place] = correlations[:place, place] = shared
    return constructs


def _answers(item: Item, people: _People, rng: np.random.Generator) -> dict[str, pd.Series]:
    """One item's columns, with declared values only."""
    n = people.n
    columns = _columns(item, people, rng)
    if item.kind in ("info", "text", "long_text"):
        return columns
    if item.decline:
        declined = rng.random(n) < _DECLINED
        for column in item.columns:
            if column.holds != "words":
                code = str(DECLINED) if item.kind == "date" else DECLINED
                columns[column.name] = columns[column.name].mask(declined, code)
    if not item.required:
        open_left = rng.random(n) < _LEFT_OPEN
        columns = {name: column.mask(open_left) for name, column in columns.items()}
    return columns


def _columns(item: Item, people: _People, rng: np.random.Generator) -> dict[str, pd.Series]:
    """What an item's columns hold when nobody leaves it open."""
    n = people.n
    nothing = {column.name: pd.Series([None] * n, dtype="string") for column in item.columns}
    if item.kind in SEVERAL:
        return nothing | _lists(item, n, rng)
    if item.choices is not None:
        values = np.array(sorted(item.choices.values))
        answer = values[_positions(item, len(values), people, rng)]
        if item.other:
            answer = np.where(rng.random(n) < _OTHER, OTHER, answer)
    elif item.kind == "number":
        answer = _numbers(item, n, rng)
    elif item.kind == "slider":
        answer = _places(item, people, rng)
    elif item.kind == "date":
        days = _FIRST_DAY.tz_localize(None) - pd.to_timedelta(rng.integers(1, 1500, n), unit="D")
        return {item.id: pd.Series(days.strftime("%Y-%m-%d"), dtype="string")}
    elif item.kind == "consent":
        agreed = pd.Series(np.ones(n, dtype=int), dtype="Int64")
        return {item.id: agreed if item.required else agreed.where(rng.random(n) < _AGREED)}
    else:
        return nothing
    return nothing | {item.id: pd.Series(answer, dtype="Int64" if np.all(answer == np.rint(answer)) else "Float64")}


def _lists(item: Item, n: int, rng: np.random.Generator) -> dict[str, pd.Series]:
    """Ones and zeros of a multiple choice, or the ranks of a ranking, of declared lengths."""
    columns = [column for column in item.columns if column.value is not None]
    k = len(columns)
    place = rng.random((n, k)).argsort(axis=1).argsort(axis=1)
    many = item.maximum_choices or k
    if item.kind == "ranking":
        few = item.minimum_choices or (1 if item.maximum_choices else k)
        length = rng.integers(few, many + 1, n)[:, None]
        ranks = pd.DataFrame(np.where(place < length, place + 1, np.nan)).astype("Int64")
        return {column.name: ranks[number] for number, column in enumerate(columns)}
    length = np.clip(rng.binomial(k, _PICKED, n), item.minimum_choices or 1, many)[:, None]
    chosen = (place < length).astype(int)
    return {column.name: pd.Series(chosen[:, number], dtype="Int64") for number, column in enumerate(columns)}


def _places(item: Item, people: _People, rng: np.random.Generator) -> np.ndarray:
    """Where a slider is left: the ends and steps that were declared."""
    low, high = item.span or (0.0, 100.0)
    step = item.step or 1.0
    k = round((high - low) / step) + 1
    return np.round(low + step * _positions(item, k, people, rng), 10)


def _positions(item: Item, k: int, people: _People, rng: np.random.Generator) -> np.ndarray:
    """Which of the k sorted values each person picks, counted from 0; careless people pick in their own way."""
    if item.id not in people.scale_of and item.kind == "single" and item.check is None:
        shares = _SHARES.get(item.id, ())
        return rng.choice(k, size=people.n, p=shares if len(shares) == k else None)
    read = _cut(_leaning(item, people, rng), k, item, people)
    if item.check is not None and item.choices is not None:
        told = sorted(item.choices.values).index(item.check)
        read = np.where(rng.random(people.n) < 0.99, told, read)
    picked = np.where(people.straight, np.floor(people.favourite * k), read)
    picked = np.where(people.erratic, rng.integers(0, k, people.n), picked)
    hurried = (k - 1) / 2 + 0.2 * k * rng.standard_normal(people.n)
    picked = np.where(people.hurried, np.clip(np.rint(hurried), 0, k - 1), picked)
    return picked.astype(int)


def _leaning(item: Item, people: _People, rng: np.random.Generator) -> np.ndarray:
    """The unobserved answer, standard normal, in the direction the item is worded."""
    scale = people.scale_of.get(item.id)
    if scale is None:
        construct, loading = people.liking, 0.5
    else:
        k = len(scale.items)
        shared = _RELIABILITY / (k - _RELIABILITY * (k - 1))
        uneven = 0.05 * (-1) ** scale.items.index(item.id)
        construct, loading = people.constructs[scale.id], float(np.sqrt(shared)) + uneven
    noise = np.sqrt(1 - loading**2 - _ACQUIESCENCE**2) * rng.standard_normal(people.n)
    keyed = loading * construct + noise
    return np.asarray((-keyed if item.reverse else keyed) + _ACQUIESCENCE * people.agreeing)


def _cut(leaning: np.ndarray, k: int, item: Item, people: _People) -> np.ndarray:
    """Equally spaced thresholds between the k values."""
    scale = people.scale_of.get(item.id)
    level = _LEVEL.get(scale.id, _LEVEL_OF_OTHERS) if scale else _LEVEL_OF_OTHERS
    if scale:
        level += 0.03 * ((scale.items.index(item.id) * 2) % 5 - 2) / 2
    centre = (k - 1) * (1 - level if item.reverse else level)
    return np.asarray(np.clip(np.rint(centre + (k - 1) * _SPREAD * leaning), 0, k - 1))


def _leave_out_hidden(instrument: Instrument, answers: dict[str, pd.Series], metadata: Mapping[str, object]) -> None:
    """No answer where a page's or an item's condition on earlier answers does not hold."""
    for page in instrument.pages:
        for item in map(instrument.item, page.items):
            for text in filter(None, (page.show_if, item.show_if)):
                condition = parse_condition(text)
                n = len(next(iter(answers.values())))
                earlier = [
                    list(np.broadcast_to(np.asarray(metadata.get(name, ""), dtype=object), n))
                    if name in FACTS
                    else _given(instrument.item(name), answers)
                    for name in condition.names
                ]
                people = zip(*earlier, strict=True)
                shown = pd.Series([condition.holds(dict(zip(condition.names, one, strict=True))) for one in people])
                for column in item.columns:
                    answers[column.name] = answers[column.name].where(shown)


def _given(item: Item, answers: Mapping[str, pd.Series]) -> list[Answer]:
    """Everybody's answer to an item as conditions ask for it: None where there is none, a list where it is one."""
    columns = [column for column in item.columns if column.holds != "words"]
    cells = [answers[column.name].astype(object).where(answers[column.name].notna(), None) for column in columns]
    if item.kind not in SEVERAL:
        return cells[0].tolist()
    return [_list(columns, row) for row in zip(*cells, strict=True)]


def _list(columns: Sequence[Column], cells: Sequence[int | None]) -> Answer:
    picked = [column.value for column, cell in zip(columns, cells, strict=True) if cell and cell > 0]
    return [value for value in picked if value is not None] or None


def _numbers(item: Item, n: int, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers between the bounds, many small ones and few large ones, as with ages and minutes."""
    low = 0.0 if item.minimum is None else item.minimum
    high = low + 100 if item.maximum is None else item.maximum
    values = low + (high - low) * rng.beta(1.5, 8, n)
    if item.step:
        return np.round(low + np.floor((values - low) / item.step) * item.step, 10)
    return np.asarray(np.clip(np.rint(values), np.ceil(low), max(np.ceil(low), np.floor(high))), dtype=int)


def _metadata(instrument: Instrument, people: _People, rng: np.random.Generator) -> dict[str, object]:
    n = people.n
    per_item = np.where(people.careless, rng.lognormal(0.2, 0.3, n), rng.lognormal(1.6, 0.3, n))
    seconds = np.rint(10 + per_item * len(instrument.items))
    day = pd.to_timedelta(rng.integers(0, _DAYS, n), unit="D")
    hour = pd.to_timedelta(np.rint(3600 * (8 + 15 * rng.beta(3, 2, n))), unit="s")
    started = _FIRST_DAY + day + hour
    rated = any(page.per_influencer for page in instrument.pages)
    personas = np.array(["persona_a", "persona_b", "persona_c"])
    numbered = _numbered(n)
    orders = [" ".join(page_order(instrument, id)) for id in numbered]
    columns: dict[str, object] = {
        "participation": numbered,
        "influencer": rng.choice(personas, n, p=(0.5, 0.3, 0.2)) if rated else "",
        "condition": "",
        "source": "simulated",
        "language": rng.choice(np.array(instrument.languages), n),
        "consented": "simulated",
        "started": started,
        "finished": started + pd.to_timedelta(seconds, unit="s"),
        "seconds": seconds,
        **({"page_order": orders} if any(orders) else {}),
        "instrument": instrument.digest,
        "synthetic": True,
        "test": False,
    }
    return {name: columns[name] for name in METADATA if name in columns}


def _numbered(n: int) -> list[str]:
    return [f"sim{number:05d}" for number in range(1, n + 1)]
