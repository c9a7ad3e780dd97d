"""Who gets which condition and which influencers: balanced by those who finish, by lot among equals.

A condition is assigned as late as the questionnaire allows (`decisive_page`): whoever leaves before that unbalances
nothing. What no rule can pass: of the people assigned last, nobody can know who will leave. With `m` people on the way
in each of two conditions, of whom a share `d` leaves, their completed counts differ by about the square root of
2 m d (1 - d). tests/benchmarks/conditions.py prints what that leaves, beside a coin.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import combinations
from typing import Literal

from analysis.instrument import Instrument, Page
from analysis.show_if import parse_condition
from survey_app.study import ON_ARRIVAL, Condition, Study

ACTIVE = timedelta(minutes=20)
"""Someone who was last heard of longer ago than this and has not finished no longer counts as on the way."""

PAUSE = timedelta(minutes=3)
"""Someone who was last heard of longer ago than this may have left."""

_SILENT = 0.2
"""What somebody in a pause counts for, beside one who still answers. Leaving them out altogether would be wrong where
a page takes longer than a pause; counting them in full is wrong everywhere else."""


@dataclass(frozen=True)
class Tally:
    """How many finished, are on the way, and were not heard of any more; `silent` are on the way, but in a pause."""

    finished: int = 0
    active: int = 0
    gone: int = 0
    silent: int = 0


@dataclass(frozen=True)
class Tallies:
    """Who got what so far, in one wave: for each combination of condition, source and influencers in their order."""

    groups: Mapping[tuple[str, str, tuple[str, ...]], Tally] = field(default_factory=dict)

    @cached_property
    def all(self) -> Tally:
        """Everybody."""
        return _sum(self.groups.values())

    @cached_property
    def by_condition(self) -> dict[str, Tally]:
        """By condition."""
        return self._by(0)

    @cached_property
    def by_source(self) -> dict[str, Tally]:
        """By source."""
        return self._by(1)

    def _by(self, place: Literal[0, 1]) -> dict[str, Tally]:
        parts: dict[str, list[Tally]] = defaultdict(list)
        for group, tally in self.groups.items():
            parts[group[place]].append(tally)
        return {name: _sum(tallies) for name, tallies in parts.items()}


def _sum(tallies: Collection[Tally]) -> Tally:
    return Tally(*(sum(counts) for counts in zip(*map(astuple, tallies), strict=True))) if tallies else Tally()


def decisive_page(study: Study, instrument: Instrument, order: Sequence[str] = ()) -> str | None:
    """The first page that cannot be shown before the person has a condition; None where none of them needs one.

    Pages that need one have it in a `show_if` or in a text (their own or an item's); so have those that are asked
    about a balanced subset of the influencers, which is balanced within each condition.

    Parameters
    ----------
    study : Study
    instrument : Instrument
    order : sequence of str, optional
        The pages in the order of this person, where it is not that of the instrument.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> study = Study("s1", "s1", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1")
    >>> decisive_page(study, load_instrument("showcase")), decisive_page(study, load_instrument("psi_core"))
    ('start', None)
    """
    ids = order or [page.id for page in instrument.pages]
    return next((id for id in ids if _needs_condition(study, instrument, instrument.page(id))), None)


def _needs_condition(study: Study, instrument: Instrument, page: Page) -> bool:
    decided = {"condition"} | ({"influencer"} if study.rate == "subset" else set())
    items = [instrument.item(id) for id in page.items]
    asked = [part.show_if for part in (page, *items) if part.show_if]
    texts = [page.title, page.intro]
    texts += [text for item in items for text in (item.text, item.hint, item.help, item.left, item.right, item.alt)]
    return (
        any(decided & set(parse_condition(condition).names) for condition in asked)
        or any(f"{{{name}}}" in text for name in decided for by_language in texts for text in by_language.values())
        or (page.per_influencer and study.rate == "subset")
    )


def next_condition(study: Study, tallies: Tallies, number: int) -> str:
    """Which condition does the next person get?

    The one in which the fewest people will have finished, for its weight: those who have, and of those on the way the
    share that usually finishes in this study once assigned. Somebody in a pause counts for a fifth of one who still
    answers. Among equals it is decided by lot.

    Parameters
    ----------
    study : Study
        Its seed, conditions and their quotas; a condition whose quota is reached is not assigned any more.
    tallies : Tallies
        Who finished and who is on the way; someone not heard of for `ACTIVE` is neither.
    number : int
        The number of the assignment. The lot is drawn from it and the study's seed, so that the same people in the
        same order are assigned alike again.

    Returns
    -------
    str
        The id of a condition, or "" where the study has none.

    Notes
    -----
    Where nobody is on the way, this is "fewest completed first"; where as many have completed, "fewest on the way".
    To compare the two one after the other instead sends a whole lecture hall into the condition that lags by one,
    before the first of them can finish: tests/benchmarks/conditions.py shows it.

    Examples
    --------
    >>> from dataclasses import replace
    >>> arms = (Condition("control", "Control"), Condition("ad", "Disclosed advertisement"))
    >>> study = Study("s1", "s1", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1", conditions=arms)
    >>> next_condition(study, Tallies({("control", "", ()): Tally(3), ("ad", "", ()): Tally(2)}), 6)
    'ad'
    >>> next_condition(replace(study, conditions=()), Tallies(), 1)
    ''
    """
    so_far = tallies.by_condition
    expected = _expected(study, tallies)

    def rank(condition: Condition) -> tuple[float, bytes]:
        will_finish = expected(so_far.get(condition.id, Tally()))
        return will_finish / condition.weight, _lot(study, number, condition.id)

    return min(open_conditions(study, tallies) or study.conditions, key=rank).id if study.conditions else ""


def next_influencers(study: Study, tallies: Tallies, number: int, condition: str) -> tuple[str, ...]:
    """Whom does the next person rate, in which order? Nobody yet, where the respondents choose for themselves.

    Of a subset, those rated least often in this condition come first, then those who met least often with the ones
    already taken; among equals it is decided by lot, and so is the order. Counted as in `next_condition`.
    """
    if study.rate == "chosen":
        return ()
    ids = [influencer.id for influencer in study.influencers]
    if study.rate == "subset":
        ids = _least_rated(study, tallies, number, condition)
    random.Random(_lot(study, number, "order")).shuffle(ids)
    return tuple(ids)


def _least_rated(study: Study, tallies: Tallies, number: int, condition: str) -> list[str]:
    expected = _expected(study, tallies)
    rated: dict[str, float] = defaultdict(float)
    met: dict[frozenset[str], float] = defaultdict(float)
    for (arm, _, influencers), tally in tallies.groups.items():
        if arm == condition:
            times = expected(tally)
            for id in influencers:
                rated[id] += times
            for pair in combinations(influencers, 2):
                met[frozenset(pair)] += times
    left, taken = [influencer.id for influencer in study.influencers], list[str]()
    while left and len(taken) < study.per_respondent:
        lots = {id: _lot(study, number, id) for id in left}
        taken.append(min(left, key=lambda id: (rated[id], sum(met[frozenset((id, one))] for one in taken), lots[id])))
        left.remove(taken[-1])
    return taken


def open_conditions(study: Study, tallies: Tallies) -> list[Condition]:
    """The conditions whose quota is not reached."""
    so_far = tallies.by_condition
    return [c for c in study.conditions if c.quota is None or so_far.get(c.id, Tally()).finished < c.quota]


def _expected(study: Study, tallies: Tallies) -> Callable[[Tally], float]:
    """How many of a group will have finished, by the share of those assigned whose outcome is known.

    As long as nothing is known, everybody. Who left before anything was assigned tells nothing about that share.
    """
    known = _sum([tally for id, tally in tallies.by_condition.items() if id or not study.conditions])
    share = (known.finished + 1) / (known.finished + known.gone + 1)
    silent = share * (1 if study.rule == ON_ARRIVAL else _SILENT)
    return lambda tally: tally.finished + share * tally.active + silent * tally.silent


def _lot(study: Study, number: int, what: str) -> bytes:
    return hashlib.sha256(f"{study.seed}:{study.id}:{number}:{what}".encode()).digest()
