"""The demonstration study: the core questionnaire, open at /s/demo, with answers of people who do not exist."""

from __future__ import annotations

from analysis.datafiles import data_file
from analysis.simulate import simulate_answers
from survey_app.store import Store
from survey_app.study_file import load_study, publish

SLUG = "demo"
PEOPLE = 150
SEED = 7


def add_demo(store: Store) -> None:
    """Make sure that the demonstration study is there; a second start keeps it as it is, with all it has collected."""
    if SLUG not in {study.slug for study in store.studies()}:
        publish(store, load_study(data_file("studies", "demo.toml")))
    study = store.study(SLUG)
    # A draft here is a first start, or one that was cut off before its answers were in.
    if study.state == "draft":
        instrument = store.instrument(study.instrument)
        if not store.counts(SLUG).finished:
            store.add_rows(SLUG, simulate_answers(instrument, PEOPLE, seed=SEED), instrument)
        store.open_study(SLUG)
