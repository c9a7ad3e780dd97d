"""A respondent's visit: what is known of it, and what each button does. The database is the truth.

The session (screens/respondent.py) and the route that keeps pages of answers (saving.py) walk on by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from analysis.errors import DataError, StudyClosed
from analysis.instrument import Instrument
from analysis.kinds import Answer
from survey_app.access import load_secret
from survey_app.admission import check_code, person_of_code
from survey_app.answers import AnswersRefused
from survey_app.context import StudyContext, load_frozen_instrument, load_study_context, open_store
from survey_app.journey import (
    Step,
    accept_page,
    chooses_influencer,
    influencer_of,
    item_order,
    missing_on,
    steps_of,
    waits_for_condition,
)
from survey_app.questionnaire import LONGEST_NAME, Reply, Sent
from survey_app.settings import load_settings
from survey_app.study import Participation

NAMING = Step("influencer")
"""The step (and the screen) on which influencers are named or chosen; the other steps are pages of the instrument."""

SHORTEST_KEY, LONGEST_KEY = 20, 100
"""Characters of a key; anything else was made up, and would be kept in the limits' memory."""


@dataclass
class Visit:
    """What is known of a respondent at one moment. A session remembers one; it can be lost at any time."""

    slug: str
    key: str
    source: str = ""
    wave: str = ""
    test: bool = False
    external: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    language: str = ""
    agreed: bool = False
    of_age: bool = False
    declined: bool = False
    refused: str = ""
    returned: bool = False
    context: StudyContext | None = None
    participation: Participation | None = None
    instrument: Instrument | None = None
    answers: dict[tuple[str, str], dict[str, Answer]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    step: str = ""
    code: str = ""
    raffled: bool = False
    saved: bool = False
    reply: Reply = field(default_factory=Reply)
    locale: str = ""
    heard: bool = False

    @property
    def loaded(self) -> StudyContext:
        """The study and its instrument, read before any screen of them is shown."""
        assert self.context is not None
        return self.context

    @property
    def begun(self) -> Participation:
        """The participation; screens and events before consent have no use for it."""
        if self.participation is None:
            raise StudyClosed()
        return self.participation

    @property
    def asked(self) -> Instrument:
        """The questionnaire this person answers, which may be older than the study's."""
        return self.instrument or self.loaded.instrument

    @property
    def place(self) -> int:
        """Which of the steps this is, from 0 up."""
        return self.find(self.step) or 0

    @property
    def following(self) -> Step | None:
        """The step after this one; None after the last."""
        return self.steps[self.place + 1] if self.place + 1 < len(self.steps) else None

    def find(self, screen: str) -> int | None:
        """The place of the step with that screen; None where there is none (any more)."""
        return next((place for place, step in enumerate(self.steps) if step.id == screen), None)


def act(visit: Visit, sent: Sent) -> Mapping[str, str]:
    """Do what the button says; the items that keep things from moving, with the reasons."""
    store = open_store()
    if sent.event == "language" and sent.value in visit.loaded.study.languages:
        visit.language = sent.value
        if visit.participation is not None:
            store.change_language(visit.key, sent.value)
            visit.participation = replace(visit.participation, language=sent.value)
            visit.steps = _steps(visit)
    elif sent.event == "agree":
        _agree(visit, sent)
    elif sent.event in ("code", "anyway") and visit.agreed:
        return _begin_with_code(visit, sent)
    elif sent.event == "decline" and not visit.declined:
        if not visit.test:
            store.count_visit(visit.slug, visit.source, "declined")
        visit.declined = True
    elif sent.event == "again":
        visit.declined = False
    elif sent.event == "back" and visit.find(sent.screen) is not None:
        visit.step = visit.steps[max((visit.find(sent.screen) or 0) - 1, 0)].id
    elif sent.event == "next" and visit.find(sent.screen) is not None and not visit.code:
        return _next(visit, sent)
    elif sent.event == "raffle" and visit.code:
        return _join_raffle(visit, sent)
    return {}


def _agree(visit: Visit, sent: Sent) -> None:
    study = visit.loaded.study
    visit.language = sent.language if sent.language in study.languages else study.languages[0]
    visit.agreed, visit.of_age = True, _given(sent, "of_age") == 1
    if not study.code or study.invited or visit.test:
        _begin(visit)


def _begin_with_code(visit: Visit, sent: Sent) -> Mapping[str, str]:
    study = visit.loaded.study
    parts = {part.id: text for part in study.code if isinstance(text := _given(sent, part.id), str)}
    wrong = check_code(study, parts)
    if wrong:
        return dict.fromkeys(wrong, "missing")
    person = person_of_code(load_secret(load_settings()), study, parts)
    _begin(visit, person=person, unmatched=sent.event == "anyway")
    return {}


def _begin(visit: Visit, *, person: str = "", unmatched: bool = False) -> None:
    visit.participation = open_store().begin(
        visit.slug,
        visit.key,
        language=visit.language,
        source=visit.source,
        external=visit.external,
        wave=visit.wave,
        person=person,
        unmatched=unmatched,
        of_age=visit.of_age,
        test=visit.test,
    )
    visit.language, visit.refused = visit.participation.language, ""
    visit.instrument = load_frozen_instrument(visit.participation.instrument)
    visit.steps = _steps(visit)
    _assign(visit, visit.steps[0] if visit.steps else None)
    visit.step = visit.steps[0].id


def _assign(visit: Visit, step: Step | None) -> None:
    """Give the person a condition, if that step (None: the end) cannot be shown without; it may change the steps."""
    if waits_for_condition(visit.loaded.study, visit.asked, visit.begun, step):
        visit.participation = open_store().assign(visit.key)
        visit.steps = _steps(visit)


def _next(visit: Visit, sent: Sent) -> Mapping[str, str]:
    problems = _choose(visit, sent) if sent.screen == NAMING.id else _save(visit, sent)
    visit.step = sent.screen
    return problems or go_on(visit)


def go_on(visit: Visit) -> Mapping[str, str]:
    """From a step that is done to the next one, or to the end: the items that keep things from moving."""
    visit.saved = True
    visit.steps = _steps(visit)
    _assign(visit, visit.following)
    if visit.following is not None:
        visit.step = visit.following.id
        return {}
    return _finish(visit)


def _choose(visit: Visit, sent: Sent) -> Mapping[str, str]:
    """Keep the influencer that was named, or those that were picked."""
    study, given = visit.loaded.study, _given(sent, NAMING.id)
    if study.influencers:
        places = given if isinstance(given, list) else [given]
        known = range(len(study.influencers))
        ids = [study.influencers[place].id for place in places if isinstance(place, int) and place in known]
        try:
            order = open_store().choose_influencers(visit.key, ids)
        except DataError:
            return {NAMING.id: "many" if len(ids) > study.per_respondent else "missing"}
        alone = order[0] if len(order) == 1 else ""
        visit.participation = replace(visit.begun, influencers=order, influencer=alone)
        visit.answers = {about: kept for about, kept in visit.answers.items() if about[1] in ("", *order)}
        return {}
    name = " ".join(given.split())[:LONGEST_NAME] if isinstance(given, str) else ""
    if not name:
        return {NAMING.id: "missing"}
    open_store().name_influencer(visit.key, name)
    before = visit.begun.influencer
    visit.answers = {(page, name if about == before else about): kept for (page, about), kept in visit.answers.items()}
    visit.participation = replace(visit.begun, influencer=name)
    return {}


def _save(visit: Visit, sent: Sent) -> Mapping[str, str]:
    instrument, step = visit.asked, visit.steps[visit.find(sent.screen) or 0]
    page = instrument.page(step.page)
    about = influencer_of(page, visit.begun, step.influencer)
    try:
        answers = accept_page(instrument, visit.begun, page, about, sent.answers, lambda: visit.answers)
    except AnswersRefused as refused:
        return {refusal.item: refusal.key for refusal in refused.refusals} or dict.fromkeys(page.items, "refused")
    kept = visit.answers | {(page.id, about): answers}
    missing = missing_on(instrument, visit.begun, step, kept)
    if missing:
        return dict.fromkeys(missing, "missing")
    if not sent.saved:  # the phone could not reach the route for answers
        order = item_order(page, visit.begun.id)
        open_store().save_page(visit.key, page.id, answers, influencer=about, order=order, sequence=sent.sequence)
    visit.answers = kept
    visit.participation = replace(visit.begun, saves=max(visit.begun.saves, sent.sequence or 0))
    return {}


def _finish(visit: Visit) -> Mapping[str, str]:
    """Finish, if the database has every page; else go to the first one it lacks."""
    store = open_store()
    visit.answers = store.answers(visit.key)
    visit.steps = _steps(visit)
    step = _first_open(visit)
    if step is not None:
        visit.step = step.id
        begun = step != NAMING and (step.page, step.influencer) in visit.answers
        missing = missing_on(visit.asked, visit.begun, step, visit.answers) if begun else []
        return dict.fromkeys(missing, "missing")
    visit.code = store.finish(visit.key)
    visit.participation = store.participation(visit.key)
    return {}


def _first_open(visit: Visit) -> Step | None:
    """The first step that was never sent or lacks a required answer; None when all is there."""
    for step in visit.steps:
        if step == NAMING:
            done = bool(visit.begun.influencer or visit.begun.influencers)
        else:
            sent = (step.page, step.influencer) in visit.answers
            done = sent and not missing_on(visit.asked, visit.begun, step, visit.answers)
        if not done:
            return step
    return None


def _join_raffle(visit: Visit, sent: Sent) -> Mapping[str, str]:
    address = _given(sent, "address")
    try:
        open_store().add_raffle_address(visit.key, address if isinstance(address, str) else "")
    except DataError:
        return {"address": "wrong"}
    visit.raffled = True
    return {}


def _given(sent: Sent, name: str) -> object:
    return sent.answers.get(name) if isinstance(sent.answers, Mapping) else None


def load(visit: Visit) -> None:
    """Know what the database knows. Before consent the study may close under the reader's eyes."""
    if not SHORTEST_KEY <= len(visit.key) <= LONGEST_KEY:
        raise StudyClosed()
    known, begun = visit.participation, open_store().participation(visit.key)
    visit.context = load_study_context(visit.slug)
    if begun is None:
        if known is not None:  # taken back: nothing of it stays, nor the consent
            visit.participation, visit.instrument, visit.agreed, visit.of_age = None, None, False, False
            visit.step, visit.code, visit.answers, visit.steps = "", "", {}, ()
        if visit.language not in visit.context.study.languages:
            visit.language = ""
        return
    if begun.study != visit.context.study.id:
        raise StudyClosed()
    resume(visit, begun)
    # Pages that were posted meanwhile told of the return themselves, and turned the phone to another place.
    moved = known is not None and known.saves != begun.saves
    visit.returned = known is None or (visit.returned and not moved)
    if known is None or moved or visit.find(visit.step) is None:
        visit.step = ""
        _assign(visit, _first_open(visit))
        visit.step = (_first_open(visit) or visit.steps[-1]).id


def resume(visit: Visit, begun: Participation) -> None:
    """Know all that the database knows of a participation in the study that is known, or nothing new."""
    instrument, answers = load_frozen_instrument(begun.instrument), open_store().answers(visit.key)
    code = open_store().finish(visit.key) if begun.finished else ""
    visit.participation, visit.language, visit.raffled = begun, begun.language, begun.raffled
    visit.instrument, visit.answers, visit.code = instrument, answers, code
    visit.steps = _steps(visit)


def _steps(visit: Visit) -> tuple[Step, ...]:
    """The screens of the questionnaire in their order."""
    instrument = visit.asked
    naming = (NAMING,) if chooses_influencer(visit.loaded.study, instrument) else ()
    return naming + steps_of(instrument, visit.begun, visit.answers)
