"""What all sessions of a process share.

What a page of answers asks for is kept by `functools`: a look into Streamlit's caches costs as much as a small query.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from analysis.errors import DataError, Problem
from analysis.instrument import Instrument
from survey_app.links import link_codes
from survey_app.settings import load_settings
from survey_app.store import Store
from survey_app.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from analysis.measurement import Measurement
    from analysis.model import Model
    from analysis.scoring import Scores


_FRESH = 3
"""Seconds for which what may change is not looked up again."""


@dataclass(frozen=True)
class StudyContext:
    """A study and the instrument it is bound to."""

    study: Study
    instrument: Instrument


@cache
def open_store() -> Store:
    """The store of this process; it is migrated when the server starts, never here."""
    return Store(load_settings().database)


@cache
def load_frozen_instrument(digest: str) -> Instrument:
    """The instrument of that digest; it can never change."""
    return open_store().instrument(digest)


def load_study_context(slug: str) -> StudyContext:
    """The study with that slug and its instrument, as they were three seconds ago at most.

    A study may be closed at any moment. The store itself refuses late answers, so a page may show an old state briefly.
    """
    return _study_context(slug, int(time.monotonic() // _FRESH))


@lru_cache(maxsize=200)
def _study_context(slug: str, moment: int) -> StudyContext:
    study = open_store().study(slug)
    return StudyContext(study, load_frozen_instrument(study.instrument))


def forget_studies() -> None:
    """Look up what was just changed here; other processes do within three seconds."""
    _study_context.cache_clear()


def load_link_codes() -> dict[str, tuple[str, str]]:
    """The slug and the source that each short link means, as three seconds ago at most."""
    return _link_codes(int(time.monotonic() // _FRESH))


@lru_cache(maxsize=1)
def _link_codes(moment: int) -> dict[str, tuple[str, str]]:
    return link_codes(open_store().studies())


@cache
def load_slug(id: str) -> str:
    """The slug of the study with that id, which never changes."""
    return next(study.slug for study in open_store().studies() if study.id == id)


@dataclass(frozen=True)
class StudyScores:
    """The finished answers of a study as they were given, and what everybody scores."""

    rows: pd.DataFrame
    scores: Scores


# Researchers only from here on: this imports pandas. `change` is the store's mark of the rows (`Store.last_change`).
@st.cache_resource(show_spinner=False, max_entries=8)
def load_study_scores(slug: str, change: str) -> StudyScores:
    """All finished answers to the study, scored; DataError where there is nothing to score."""
    from analysis.scoring import score

    context = load_study_context(slug)
    rows = open_store().rows(slug)
    return StudyScores(rows, score(rows, context.instrument, source=context.study.id))


@st.cache_resource(show_spinner=False, max_entries=8)
def load_flags(slug: str, change: str) -> pd.DataFrame:
    """What speaks for each row having been answered carelessly; DataError where nothing can be told."""
    from analysis.quality import flag_careless

    return flag_careless(load_study_scores(slug, change).rows, load_study_context(slug).instrument)


@st.cache_resource(show_spinner=False, max_entries=8)
def load_kept_scores(slug: str, change: str, reasons: tuple[str, ...]) -> StudyScores:
    """The answers of those whom these reasons do not exclude; DataError where they leave nobody."""
    from analysis.quality import excluded_by

    found, flags = load_study_scores(slug, change), load_flags(slug, change)
    kept = (excluded_by(flags, reasons) == "").to_numpy()
    if not kept.any():
        raise DataError(Problem("exclusion", "it leaves nobody", "Choose other reasons on the screen Quality."))
    return StudyScores(found.rows[kept].reset_index(drop=True), found.scores.keep(kept, "careless"))


# By the digest of the scores: people who have not finished change the store, but nothing that is measured here.
@st.cache_resource(show_spinner=False, max_entries=8)
def load_measurement(digest: str, level: float, _scores: Scores) -> Measurement:
    """How well the scales of these scores measure."""
    from analysis.measurement import measurement

    return measurement(_scores, level=level, draws=1000)


@st.cache_resource(show_spinner=False, max_entries=8)
def load_modifications(digest: str, _model: Model, _scores: Scores) -> pd.DataFrame:
    """What that model of the items of these scores leaves out, the most wanted first."""
    from analysis.cfa import modification_indices

    return modification_indices(_model, _scores)


@dataclass(frozen=True)
class Progress:
    """How many people sent each page (by its id), and the median minutes of those who finished, if anybody did."""

    sent: dict[str, int]
    minutes: float | None


@st.cache_resource(show_spinner=False, max_entries=8)
def load_progress(slug: str, change: str) -> Progress:
    """How far did people get, page by page?"""
    told, rows = open_store().paradata(slug), open_store().rows(slug)
    sent = told.groupby("page")["participation"].nunique()
    seconds = rows.drop_duplicates("participation")["seconds"].median() if len(rows) else float("nan")
    return Progress({str(page): int(n) for page, n in sent.items()}, None if seconds != seconds else seconds / 60)
