"""The only Streamlit caches: what all sessions of a process share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from analysis.instrument import Instrument
from survey_app.links import link_codes
from survey_app.settings import load_settings
from survey_app.store import Store
from survey_app.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from analysis.scoring import Scores


@dataclass(frozen=True)
class StudyContext:
    """A study and the instrument it is bound to."""

    study: Study
    instrument: Instrument


@st.cache_resource(show_spinner=False)
def open_store() -> Store:
    """The store of this process; it is migrated when the server starts, never here."""
    return Store(load_settings().database)


@st.cache_resource(show_spinner=False)
def load_frozen_instrument(digest: str) -> Instrument:
    """The instrument of that digest; it can never change."""
    return open_store().instrument(digest)


# A study may be closed at any moment. The store itself refuses late answers, so a page may show an old state briefly.
@st.cache_resource(show_spinner=False, ttl=3, max_entries=200)
def load_study_context(slug: str) -> StudyContext:
    """The study with that slug and its instrument."""
    study = open_store().study(slug)
    return StudyContext(study, load_frozen_instrument(study.instrument))


@st.cache_resource(show_spinner=False, ttl=3)
def load_link_codes() -> dict[str, tuple[str, str]]:
    """The slug and the source that each short link means."""
    return link_codes(open_store().studies())


@dataclass(frozen=True)
class StudyScores:
    """The finished answers of a study as they were given, and what everybody scores."""

    rows: pd.DataFrame
    scores: Scores


# Researchers only: this imports pandas. The key is how many people finished and how many took their answers back.
@st.cache_resource(show_spinner=False, max_entries=8)
def load_study_scores(slug: str, finished: int, withdrawn: int) -> StudyScores:
    """All finished answers to the study, scored; DataError where there is nothing to score."""
    from analysis.scoring import score

    context = load_study_context(slug)
    rows = open_store().rows(slug)
    return StudyScores(rows, score(rows, context.instrument, source=context.study.id))
