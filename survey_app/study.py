"""A study and one person's part in it, as plain values.

What others build on:

- `Study` is the whole design. `Study.rate` says whom a respondent rates: `chosen` (a name typed in; or, where
  influencers are declared, up to `per_respondent` of them picked with `Store.choose_influencers`), `all` or `subset`
  (both assigned by `Store.begin`). `Participation.influencers` are their ids in the order in which they are rated.
- `Participation.instrument` is the digest of the questionnaire this person answers, which may be older than the
  study's; `Participation.saves` is the number of the newest page save, so the phone's next one is `saves + 1`.
- `completion_link(study, participation)` is "" until the participation is finished.
- Whether somebody may begin, waves, self-made codes and tokens: admission.py. Who gets what: assignment.py.
  What is wrong with a study: study_check.py. Files: study_file.py. Retention and the record: privacy.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from unicodedata import category
from urllib.parse import quote

State = Literal["draft", "open", "closed"]
Rate = Literal["chosen", "all", "subset"]

ASSIGNMENT = "expected completions 2"
"""The rule by which conditions are assigned, kept with every study; another rule must have another name."""

ON_ARRIVAL = "expected completions 1"
"""The rule of studies begun before that: assigned on arrival, and whoever is silent counts in full for 20 minutes."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_UNWANTED = frozenset("\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Condition:
    """One arm of an experiment; of two arms, that with weight 2 gets twice as many people."""

    id: str
    label: str
    weight: float = 1
    quota: int | None = None


@dataclass(frozen=True)
class Influencer:
    """A persona that respondents rate."""

    id: str
    name: str


@dataclass(frozen=True)
class Source:
    """One link or QR code, such as a label on a garment or a class; `quota` counts who finished through it."""

    id: str
    label: str = ""
    quota: int | None = None


@dataclass(frozen=True)
class Wave:
    """One of several times at which the same people are asked."""

    id: str
    label: str
    opens: datetime | None = None
    closes: datetime | None = None


@dataclass(frozen=True)
class CodePart:
    """A question whose answer is part of a self-made code; `length` is how many letters or digits it has."""

    id: str
    text: Mapping[str, str]
    length: int = 2


@dataclass(frozen=True)
class Parameter:
    """A parameter of the link that becomes the column `id`; `name` is how it is written in the link.

    `label` says in exports what it holds; without one they say which parameter it is.
    """

    id: str
    name: str
    label: str = ""


@dataclass(frozen=True)
class Completion:
    """What a panel gets back: a code to show, an address to go to with `{external_id}` and others filled in."""

    code: str = ""
    redirect: str = ""


@dataclass(frozen=True)
class Goal:
    """One line of an action plan: what shall change, by which step, seen in which figure, from where to where."""

    objective: str
    step: str
    kpi: str
    baseline: float | None = None
    target: float | None = None
    due: date | None = None


@dataclass(frozen=True)
class Study:
    """One fieldwork: which instrument, for whom, in which languages, and whether it takes answers now.

    `instrument` is the digest of the instrument, so that it cannot change under an open study. `sources` are the
    declared links and QR codes; where some are declared, any other label is kept as `other`. `quota` is the number
    of finished participations (in each wave) after which nobody new may begin. `code` are the questions that make a
    person's own code, by which waves are matched. `invited` studies are open to owners of a token only. `embed`
    lists the sites that may show the study in a frame. `retention` is the day on which the answers are to be deleted.
    `seed` and `rule` decide assignments (see assignment.py).
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
    sources: tuple[Source, ...] = ()
    model: str = ""
    quota: int | None = None
    opened: datetime | None = None
    closed: datetime | None = None
    synthetic: bool = False
    seed: int = 0
    rule: str = ASSIGNMENT
    rate: Rate = "chosen"
    per_respondent: int = 1
    waves: tuple[Wave, ...] = ()
    code: tuple[CodePart, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    completion: Completion = field(default_factory=Completion)
    invited: bool = False
    embed: tuple[str, ...] = ()
    opens: datetime | None = None
    closes: datetime | None = None
    minimum_age: int | None = None
    raffle: bool = False
    retention: date | None = None
    controller: str = ""
    contact: str = ""
    purpose: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    plan: tuple[Goal, ...] = ()

    def influencer_name(self, id: str) -> str:
        """What the influencer of that id is called; a name that was typed in is its own name."""
        return next((influencer.name for influencer in self.influencers if influencer.id == id), id)


@dataclass(frozen=True)
class Participation:
    """One person's part in a study. The id is random and tells nothing about the key in the person's link.

    `influencers` are the ids of those to be rated, in the order they are asked about. `condition` is "" until the first
    page that needs it is about to be shown; `assigned` is the number of that assignment in the study. `page_order` are
    the pages in this person's order, where some of them change places. `person` is the same text in every wave the same
    person takes part in. `external` holds the declared parameters of the link by their ids.
    `resumes` and `switches` count returns and changes of language. `raffled` says that an address was left, not which.
    """

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
    instrument: str = ""
    influencers: tuple[str, ...] = ()
    wave: str = ""
    person: str = ""
    resumes: int = 0
    switches: int = 0
    saves: int = 0
    assigned: int = 0
    page_order: tuple[str, ...] = ()
    raffled: bool = False


@dataclass(frozen=True)
class SourceCounts:
    """How far the people got who came through one source."""

    visits: int = 0
    declined: int = 0
    started: int = 0
    finished: int = 0


@dataclass(frozen=True)
class StudyCounts:
    """How far people got; test participations never count. `started` includes those who finished.

    `synthetic` is how many of the finished were simulated.
    """

    visits: int
    declined: int
    started: int
    finished: int
    withdrawn: int
    by_source: Mapping[str, SourceCounts]
    by_condition: Mapping[str, SourceCounts] = field(default_factory=dict)
    tests: int = 0
    synthetic: int = 0


@dataclass(frozen=True)
class TokenCounts:
    """How many tokens were issued, began and finished."""

    issued: int
    started: int
    finished: int


@dataclass(frozen=True)
class AuditLine:
    """Something that was deleted or exported, and on which day."""

    what: str
    day: date
    detail: str


def one_line(text: str, length: int) -> str:
    """The text without what a database, a file or a screen cannot hold.

    That is: control characters, half surrogate pairs, what no XML may hold (one such name, and no workbook could be
    written any more), and the marks that turn the direction of all that stands behind them.
    """
    odd = (" " if category(char) in ("Cc", "Cs") or char in _UNWANTED else char for char in text)
    return " ".join("".join(odd).split())[:length]


def link_name(study: Study, source: str) -> str:
    """By which name a link of the study is counted; labels nobody declared, which anybody can make up, share one."""
    return f"{study.id}:{source if any(each.id == source for each in study.sources) else ''}"


def is_slug(text: str) -> bool:
    """Can this text be the last part of a study's address?"""
    return _SLUG.fullmatch(text) is not None


def external_from(study: Study, given: Mapping[str, str]) -> dict[str, str]:
    """The declared parameters of a link by their ids; whatever else the link carried is not kept."""
    return {
        parameter.id: one_line(given[parameter.name], 200)
        for parameter in study.parameters
        if given.get(parameter.name)
    }


def completion_link(study: Study, participation: Participation) -> str:
    """Where the phone goes after the end, every value url-encoded; "" without such an address, or before the end.

    `{external_id}` is the first declared parameter; `{source}`, `{language}`, `{condition}`, `{wave}`, `{code}` and
    each declared parameter's own id can be used as well.

    Examples
    --------
    >>> from dataclasses import replace
    >>> panel = Completion("C1", "https://panel.example/done?pid={external_id}&cc={code}")
    >>> study = Study("s1", "s1", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1", completion=panel,
    ...               parameters=(Parameter("prolific_pid", "PROLIFIC_PID"),))
    >>> now = datetime(2026, 1, 1)
    >>> mia = Participation("p1", "s1", "en", "", "", "1", now, None, False, False, "", {"prolific_pid": "5f&x=1"})
    >>> completion_link(study, mia)
    ''
    >>> completion_link(study, replace(mia, finished=now))
    'https://panel.example/done?pid=5f%26x%3D1&cc=C1'
    """
    if participation.finished is None:
        return ""
    values = {"source": participation.source, "language": participation.language, "wave": participation.wave}
    values |= {"condition": participation.condition, "code": study.completion.code}
    values |= {parameter.id: participation.external.get(parameter.id, "") for parameter in study.parameters}
    if study.parameters:
        values.setdefault("external_id", values[study.parameters[0].id])
    return PLACEHOLDER.sub(lambda found: quote(values.get(found[1], ""), safe=""), study.completion.redirect)
