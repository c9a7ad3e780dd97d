"""The one list of screens, and who sees which. Streamlit runs script.py, which calls `show_app`, for each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

ICON = Path(__file__).with_name("parasol.svg")


def _respondent() -> None:
    from survey_app.screens.respondent import show_respondent

    show_respondent()


def _quality() -> None:
    from survey_app.screens.quality import show_quality

    show_quality()


def _measurement() -> None:
    from survey_app.screens.measurement import show_measurement

    show_measurement()


def _studies() -> None:
    from survey_app.screens.studies import show_studies

    show_studies()


def _fieldwork() -> None:
    from survey_app.screens.fieldwork import show_fieldwork

    show_fieldwork()


def _results() -> None:
    from survey_app.screens.results import show_results

    show_results()


def _compare() -> None:
    from survey_app.screens.compare import show_compare

    show_compare()


def _plan() -> None:
    from survey_app.screens.plan import show_plan

    show_plan()


def _methods() -> None:
    from survey_app.screens.methods import show_methods

    show_methods()


@dataclass(frozen=True)
class Screen:
    """One screen of the researcher: its address, its key in the interface texts, its icon, what shows it.

    The screens import pandas and statistics; they are imported when they are opened, never for a respondent.
    """

    path: str
    title: str
    icon: str
    show: Callable[[], None]


RESEARCHER_SCREENS = (
    Screen("studies", "screens.studies", ":material/folder_open:", _studies),
    Screen("fieldwork", "screens.fieldwork", ":material/groups:", _fieldwork),
    Screen("quality", "screens.quality", ":material/fact_check:", _quality),
    Screen("measurement", "screens.measurement", ":material/straighten:", _measurement),
    Screen("results", "screens.results", ":material/monitoring:", _results),
    Screen("compare", "screens.compare", ":material/compare_arrows:", _compare),
    Screen("plan", "screens.plan", ":material/calculate:", _plan),
    Screen("methods", "screens.methods", ":material/menu_book:", _methods),
)


HOME = "results"
"""The screen at /."""


def show_app() -> None:
    """The respondent's side for a respondent, the researcher's screens for whoever holds access."""
    from survey_app.access import researcher_here
    from survey_app.words import words

    if "t" in st.query_params or not researcher_here():
        st.set_page_config(page_title="Parasol", layout="centered", initial_sidebar_state="collapsed")
        _respondent()
        return
    # A Material symbol in the browser's tab would be fetched from another host.
    st.set_page_config(page_title="Parasol", page_icon=ICON, layout="wide")
    w = words(str(st.session_state.get("language", "en")))
    pages = [
        st.Page(screen.show, title=w(screen.title), icon=screen.icon, url_path=screen.path, default=screen.path == HOME)
        for screen in RESEARCHER_SCREENS
    ]
    st.navigation(pages).run()
