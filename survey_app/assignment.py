"""Who gets which condition and which influencers: balanced by those who finish, by lot among equals."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import combinations
from typing import Literal

from survey_app.study import Condition, Study

ACTIVE = timedelta(minutes=20)
"""Someone who was last heard of longer ago than this and has not finished no longer counts as on the way."""


@dataclass(frozen=True)
class Tally:
    """How many finished, are on the way, and were not heard of any more."""

    finished: int = 0
    active: int = 0
    gone: int = 0


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
    return Tally(sum(t.finished for t in tallies), sum(t.active for t in tallies), sum(t.gone for t in tallies))


def next_condition(study: Study, tallies: Tallies, arrival: int) -> str:
    """Which condition does the next person get?

    The one in which the fewest people will have finished, for its weight: those who have, and of those on the way the
    share that usually finishes in this study. Among equals it is decided by lot.

    Parameters
    ----------
    study : Study
        Its seed, conditions and their quotas; a condition whose quota is reached is not assigned any more.
    tallies : Tallies
        Who finished and who is on the way; someone not heard of for `ACTIVE` is neither.
    arrival : int
        The number of the person. The lot is drawn from it and the study's seed, so that the same arrivals in the same
        order are assigned alike again.

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
    share, so_far = _finishing_share(tallies), tallies.by_condition

    def rank(condition: Condition) -> tuple[float, bytes]:
        tally = so_far.get(condition.id, Tally())
        return (tally.finished + share * tally.active) / condition.weight, _lot(study, arrival, condition.id)

    return min(open_conditions(study, tallies) or study.conditions, key=rank).id if study.conditions else ""


def next_influencers(study: Study, tallies: Tallies, arrival: int, condition: str) -> tuple[str, ...]:
    """Whom does the next person rate, in which order? Nobody yet, where the respondents choose for themselves.

    Of a subset, those rated least often in this condition come first, then those who met least often with the ones
    already taken; among equals it is decided by lot, and so is the order. Counted as in `next_condition`.
    """
    if study.rate == "chosen":
        return ()
    ids = [influencer.id for influencer in study.influencers]
    if study.rate == "subset":
        ids = _least_rated(study, tallies, arrival, condition)
    random.Random(_lot(study, arrival, "order")).shuffle(ids)
    return tuple(ids)


def _least_rated(study: Study, tallies: Tallies, arrival: int, condition: str) -> list[str]:
    share = _finishing_share(tallies)
    rated: dict[str, float] = defaultdict(float)
    met: dict[frozenset[str], float] = defaultdict(float)
    for (arm, _, influencers), tally in tallies.groups.items():
        if arm == condition:
            expected = tally.finished + share * tally.active
            for id in influencers:
                rated[id] += expected
            for pair in combinations(influencers, 2):
                met[frozenset(pair)] += expected
    left, taken = [influencer.id for influencer in study.influencers], list[str]()
    while left and len(taken) < study.per_respondent:
        lots = {id: _lot(study, arrival, id) for id in left}
        taken.append(min(left, key=lambda id: (rated[id], sum(met[frozenset((id, one))] for one in taken), lots[id])))
        left.remove(taken[-1])
    return taken


def open_conditions(study: Study, tallies: Tallies) -> list[Condition]:
    """The conditions whose quota is not reached."""
    so_far = tallies.by_condition
    return [c for c in study.conditions if c.quota is None or so_far.get(c.id, Tally()).finished < c.quota]


def _finishing_share(tallies: Tallies) -> float:
    """Of those whose outcome is known, the share that finished; everybody as long as nothing is known."""
    known = tallies.all
    return (known.finished + 1) / (known.finished + known.gone + 1)


def _lot(study: Study, arrival: int, what: str) -> bytes:
    return hashlib.sha256(f"{study.seed}:{study.id}:{arrival}:{what}".encode()).digest()
