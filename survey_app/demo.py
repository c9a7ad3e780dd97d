"""The demonstration study: the core questionnaire, open at /s/demo, with answers of people who do not exist."""

from __future__ import annotations

import tomllib

from analysis.datafiles import data_file
from analysis.instrument import load_instrument
from analysis.simulate import simulate_answers
from survey_app.store import Store
from survey_app.study import Study

SLUG = "demo"
PEOPLE = 150
SEED = 7


def add_demo(store: Store) -> None:
    """Make sure that the demonstration study is there; a second start keeps it as it is, with all it has collected."""
    template = tomllib.loads(data_file("studies", "demo.toml").read_text(encoding="utf-8"))
    instrument = load_instrument(template.pop("instrument"))
    if SLUG not in {study.slug for study in store.studies()}:
        languages = tuple(template.pop("languages"))
        digest = store.add_instrument(instrument)
        store.add_study(Study(instrument=digest, languages=languages, state="draft", **template))
    # A draft here is a first start, or one that was cut off before its answers were in.
    if store.study(SLUG).state == "draft":
        if not store.counts(SLUG).finished:
            store.add_rows(SLUG, simulate_answers(instrument, PEOPLE, seed=SEED), instrument)
        store.open_study(SLUG)
