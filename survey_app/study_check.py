"""What is wrong with a study, all of it at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, get_args
from urllib.parse import urlsplit

from analysis.errors import Problem
from analysis.instrument import METADATA, Instrument
from survey_app.study import ASSIGNMENT, ON_ARRIVAL, PLACEHOLDER, Rate, Study, is_slug, one_line

_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LONGEST_LIST = 1_500  # characters of the ids one person rates; PostgreSQL's indexes hold no more than 2,700
_TAKEN = frozenset(
    {"s", "t", "src", "wave", "lang", "token", "test"}
)  # parameters of a link that have a meaning already


def study_problems(study: Study, instrument: Instrument | None = None) -> list[Problem]:
    """What is wrong with this study as it stands (and with its instrument, where given)? Empty when nothing is."""
    draft = _Check(study)
    draft.ids()
    draft.texts()
    draft.numbers()
    draft.rating()
    draft.links()
    draft.times()
    if instrument is not None:
        draft.fit(instrument)
    return draft.problems


class _Check:
    """All problems of one study, in the order of its fields."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.problems: list[Problem] = []

    def say(self, what: str, remedy: str) -> None:
        self.problems.append(Problem(f"study '{one_line(self.study.id, 40)}'", what, remedy))

    def ids(self) -> None:
        study = self.study
        listed: dict[str, Sequence[Any]] = {
            "condition": study.conditions, "influencer": study.influencers, "source": study.sources,
            "wave": study.waves, "code question": study.code, "parameter": study.parameters,
        }  # fmt: skip
        for what, value in [("id", study.id), *((what, each.id) for what, all_ in listed.items() for each in all_)]:
            if not _ID.fullmatch(value):
                remedy = "Use lower-case letters, digits and _, starting with a letter, 32 at most."
                self.say(f"{what} '{one_line(value, 40)}' is not a valid name", remedy)
        for what, several in listed.items():
            for id, times in Counter(each.id for each in several).items():
                if times > 1:
                    self.say(f"has {_number(times)} {what}s of one id, '{id}'", f"Give each {what} its own id.")
        if not is_slug(study.slug):
            remedy = "Use lower-case letters, digits and hyphens, 63 at most."
            self.say(f"slug '{one_line(study.slug, 40)}' cannot stand in an address", remedy)
        if any(source.id == "other" for source in study.sources):
            self.say("source 'other' is what undeclared labels become", "Give that source another id.")
        if study.rule not in (ASSIGNMENT, ON_ARRIVAL):
            self.say(f"rule '{one_line(study.rule, 40)}' is unknown", f"Leave it out; it is '{ASSIGNMENT}'.")

    def texts(self) -> None:
        study = self.study
        for name in sorted(
            study.__dataclass_fields__.keys() - {"instrument"}
        ):  # which is a digest, or no questionnaire
            if found := next(filter(None, map(_UNFIT.search, _texts_in(getattr(study, name)))), None):
                self.say(
                    f"{name} holds the character U+{ord(found[0]):04X}, which no database or file keeps", "Remove it."
                )
        if not study.languages:
            self.say("has no language", "Name at least one, for example en.")
        needed = {"title": study.title, "consent": study.consent}
        needed |= {f"code question {part.id} text": part.text for part in study.code}
        needed |= {"purpose": study.purpose} if study.purpose else {}
        for language in study.languages:
            for what, texts in needed.items():
                if not texts.get(language, "").strip():
                    self.say(f"has no {what} in '{language}'", f"Write {what.replace(' ', '_')}.{language}.")
        if not study.consent_version.strip() or len(study.consent_version) > 64:
            self.say("consent_version is empty or longer than 64 characters", 'Name it, as in "2026-1".')
        for what, length in (("controller", 500), ("contact", 500)):
            if len(getattr(study, what)) > length:
                self.say(f"{what} is longer than {length} characters", "Shorten it.")

    def numbers(self) -> None:
        study = self.study
        quotas = [("quota", study.quota), *((f"quota of source {s.id}", s.quota) for s in study.sources)]
        quotas += [(f"quota of condition {c.id}", c.quota) for c in study.conditions]
        for what, quota in quotas:
            if quota is not None and quota < 1:
                self.say(f"{what} is {quota}", "Give a number from 1 up, or none.")
        for condition in study.conditions:
            if not 0.01 <= condition.weight <= 100:  # also refuses NaN
                self.say(f"weight of condition {condition.id} is {condition.weight}", "Give a number from 0.01 to 100.")
        for part in study.code:
            if not 1 <= part.length <= 20:
                self.say(f"length of code question {part.id} is {part.length}", "Give a number from 1 to 20.")
        if study.minimum_age is not None and not 1 <= study.minimum_age <= 120:
            self.say(f"minimum_age is {study.minimum_age}", "Give an age from 1 to 120, or none.")
        if not 0 <= study.seed < 2**53:
            self.say(f"seed is {study.seed}", "Give a whole number from 0 up, below 2 to the power of 53.")

    def rating(self) -> None:
        study = self.study
        if study.rate not in get_args(Rate):
            self.say(f"rate is '{study.rate}'", "Write chosen, all or subset.")
        elif study.rate != "chosen" and not study.influencers:
            self.say(f"rate is '{study.rate}', but there are no influencers", "Add [[influencers]].")
        if study.rate == "all" and study.per_respondent != 1:
            self.say("per_respondent has no meaning where all are rated", "Leave it out.")
        elif not 1 <= study.per_respondent <= max(len(study.influencers), 1):
            most = max(len(study.influencers), 1)
            self.say(f"per_respondent is {study.per_respondent}", f"Give a number from 1 to {most}.")
        number = len(study.influencers) if study.rate == "all" else study.per_respondent
        longest = sorted((len(influencer.id) for influencer in study.influencers), reverse=True)[:number]
        if sum(longest) + len(longest) > _LONGEST_LIST or len(study.conditions) > 100:
            self.say("asks one person about too many influencers, or has over 100 conditions", "Make several studies.")
        if study.waves and not (study.code or study.invited):
            remedy = "Add [[code]] questions, or invite people with tokens (invited = true)."
            self.say("has waves, but nothing to recognise a person by", remedy)
        if study.code and not study.waves:
            self.say("asks for a self-made code, but has no waves to match", "Add [[waves]], or leave [[code]] out.")

    def links(self) -> None:
        study = self.study
        for parameter in study.parameters:
            if not _PARAMETER.fullmatch(parameter.name):
                remedy = "Write it as it stands in the link, such as PROLIFIC_PID."
                self.say(f"parameter name '{one_line(parameter.name, 40)}' cannot stand in a link", remedy)
            elif parameter.name in _TAKEN:
                self.say(f"parameter name '{parameter.name}' is one of Parasol's own", "Choose another name.")
        for origin in study.embed:
            if not _ORIGIN.fullmatch(origin):
                remedy = "Write the site as https://course.example, without a path."
                self.say(f"embed '{one_line(origin, 60)}' is no site", remedy)
        if len(study.completion.code) > 64 or one_line(study.completion.code, 64) != study.completion.code:
            self.say("the completion code has more than 64 characters, or some that cannot be copied", "Shorten it.")
        if study.completion.redirect:
            self.redirect(study.completion.redirect)

    def redirect(self, address: str) -> None:
        known = {"external_id", "source", "language", "condition", "wave", "code"}
        known -= set() if self.study.parameters else {"external_id"}
        known |= {parameter.id for parameter in self.study.parameters}
        try:
            parts = urlsplit(address)
            host, odd = parts.netloc, re.search(r"[\s\\<>\"'\x00-\x1f\x7f]", address)
        except ValueError:
            host, odd = "", None
        if not address.startswith(("https://", "http://")) or not host or odd or len(address) > 2000:
            self.say(f"redirect '{one_line(address, 60)}' is no address", "Write it as https://panel.example/done?...")
        elif "{" in host or "@" in host:
            self.say("the host of the redirect is not fixed", "Use placeholders only behind the host.")
        for name in PLACEHOLDER.findall(address):
            if name not in known:
                what = f"redirect has the placeholder {{{one_line(name, 40)}}}"
                self.say(what, f"Declare that parameter, or use one of {', '.join(sorted(known))}.")

    def times(self) -> None:
        study = self.study
        spans = [("", study.opens, study.closes), *((f" of wave {w.id}", w.opens, w.closes) for w in study.waves)]
        for of, opens, closes in spans:
            if any(moment is not None and moment.tzinfo is None for moment in (opens, closes)):
                self.say(f"opens or closes{of} has no time zone", "Write it as 2026-10-01T09:00:00+02:00.")
            elif opens is not None and closes is not None and closes <= opens:
                self.say(f"closes{of} does not lie after opens", "Correct one of the two.")
        last = max((c.date() for _, _, c in spans if c is not None), default=None)
        if study.retention is not None and last is not None and study.retention <= last:
            self.say("retention ends before the study closes", "Choose a later day for retention.")

    def fit(self, instrument: Instrument) -> None:
        """The study and its questionnaire speak the same languages, and no two columns have one name."""
        for language in self.study.languages:
            if language not in instrument.languages:
                what = f"is in '{language}', its questionnaire is in {', '.join(instrument.languages)}"
                self.say(what, "Translate the questionnaire, or leave the language out.")
        items = {item.id for item in instrument.items}
        for parameter in self.study.parameters:
            if parameter.id in METADATA or parameter.id in items:
                what = f"parameter '{parameter.id}' has the name of another column"
                self.say(what, f"Rename it, for example to {parameter.id[:25]}_link.")
        if self.study.rate != "chosen" and not any(page.per_influencer for page in instrument.pages):
            what = "assigns influencers, but no page of its questionnaire is asked per influencer"
            self.say(what, "Set per_influencer = true on a page, or leave rate out.")


def _texts_in(value: object) -> Iterator[str]:
    """Every text in a field of a study, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in _texts_in(part))
    elif isinstance(value, tuple):
        yield from (text for part in value for text in _texts_in(part))
    elif is_dataclass(value):
        yield from _texts_in(vars(value))


def _number(times: int) -> str:
    return {2: "two", 3: "three"}.get(times, str(times))
