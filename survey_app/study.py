"""A study and one person's part in it: plain values, and the rule that assigns conditions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from unicodedata import category

from analysis.errors import Problem

State = Literal["draft", "open", "closed"]

ACTIVE = timedelta(hours=1)
"""Someone who began longer ago than this and has not finished no longer counts as on the way."""

_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Condition:
    """One arm of an experiment."""

    id: str
    label: str


@dataclass(frozen=True)
class Influencer:
    """A persona that respondents rate."""

    id: str
    name: str


@dataclass(frozen=True)
class Study:
    """One fieldwork: which instrument, for whom, in which languages, and whether it takes answers now.

    `instrument` is the digest of the instrument, so that it cannot change under an open study. `sources` are the
    declared labels of links and QR codes; where some are declared, any other label is kept as `other`.
    `quota` is the number of finished participations after which nobody new may begin.
    """

    id: str
    slug: str
    title: Mapping[str, str]
    instrument: str
    languages: tuple[str, ...]
    state: State
    consent: Mapping[str, str]
    consent_version: str
    conditions: tuple[Condition, ...] = ()
    influencers: tuple[Influencer, ...] = ()
    sources: tuple[str, ...] = ()
    model: str = ""
    quota: int | None = None
    opened: datetime | None = None
    closed: datetime | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Participation:
    """One person's part in a study. The id is random and tells nothing about the key in the person's link."""

    id: str
    study: str
    language: str
    source: str
    condition: str
    consent_version: str
    started: datetime
    finished: datetime | None
    synthetic: bool
    test: bool
    influencer: str
    external: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceCounts:
    """How far the people got who came through one source."""

    visits: int = 0
    declined: int = 0
    started: int = 0
    finished: int = 0


@dataclass(frozen=True)
class StudyCounts:
    """How far people got; test participations never count. `started` includes those who finished."""

    visits: int
    declined: int
    started: int
    finished: int
    withdrawn: int
    by_source: Mapping[str, SourceCounts]


def one_line(text: str, length: int) -> str:
    """The text without what a database or a screen cannot hold: control characters and half surrogate pairs."""
    return " ".join("".join(" " if category(char) in ("Cc", "Cs") else char for char in text).split())[:length]


def is_slug(text: str) -> bool:
    """Can this text be the last part of a study's address?"""
    return _SLUG.fullmatch(text) is not None


def study_problems(study: Study) -> list[Problem]:
    """What is wrong with this study as it stands? Empty when nothing is."""
    where = f"study '{study.id}'"
    problems = []
    ids = [("id", study.id), *(("condition", c.id) for c in study.conditions)]
    ids += [("influencer", i.id) for i in study.influencers] + [("source", s) for s in study.sources]
    for what, value in ids:
        if not _ID.fullmatch(value):
            remedy = "Use lower-case letters, digits and _, starting with a letter, 32 at most."
            problems.append(Problem(where, f"{what} '{value}' is not a valid name", remedy))
    if not is_slug(study.slug):
        remedy = "Use lower-case letters, digits and hyphens, 63 at most."
        problems.append(Problem(where, f"slug '{study.slug}' cannot stand in an address", remedy))
    if not study.languages:
        problems.append(Problem(where, "has no language", "Name at least one, for example en."))
    for language in study.languages:
        for what, texts in (("title", study.title), ("consent", study.consent)):
            if not texts.get(language, "").strip():
                problems.append(Problem(where, f"has no {what} in '{language}'", f"Write {what}.{language}."))
    if len({c.id for c in study.conditions}) < len(study.conditions):
        problems.append(Problem(where, "has two conditions of one id", "Give each condition its own id."))
    if study.quota is not None and study.quota < 1:
        problems.append(Problem(where, f"quota is {study.quota}", "Give a number from 1 up, or none."))
    return problems


def next_condition(study: Study, finished: Mapping[str, int], active: Mapping[str, int]) -> str:
    """Which condition does the next person get?

    The one with the fewest finished participations; among those the one with the fewest people on the way;
    among those by lot. The lot is drawn from the study's id and the counts, so that the same arrivals in the
    same order are assigned alike again.

    Returns
    -------
    str
        The id of a condition, or "" where the study has none.

    Examples
    --------
    >>> from dataclasses import replace
    >>> arms = (Condition("control", "Control"), Condition("ad", "Disclosed advertisement"))
    >>> study = Study("s1", "s1", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1", conditions=arms)
    >>> next_condition(study, {"control": 3, "ad": 2}, {})
    'ad'
    >>> next_condition(replace(study, conditions=()), {}, {})
    ''
    """
    arrivals = sum(finished.values()) + sum(active.values())

    def rank(condition: Condition) -> tuple[int, int, bytes]:
        lot = hashlib.sha256(f"{study.id}:{arrivals}:{condition.id}".encode()).digest()
        return finished.get(condition.id, 0), active.get(condition.id, 0), lot

    return min(study.conditions, key=rank).id if study.conditions else ""
