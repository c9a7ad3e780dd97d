"""People who do not exist answer a study through the real server, are marked as a test, and can be taken away."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from urllib.parse import urlencode

from analysis.instrument import Instrument, load_instrument
from analysis.kinds import TYPED
from survey_app.access import load_secret, sign_test
from survey_app.answers import accept_answers, missing_items
from survey_app.phone import Phone
from survey_app.rehearse import invented_people, rehearse_study
from survey_app.settings import Settings
from survey_app.store import Store
from survey_app.study import Condition, Influencer, Study
from tests.conftest import Server

ARMS = (Condition("plain", "Plain"), Condition("ad", "Ad"))
RATED = (Influencer("a", "Anna <b>"), Influencer("b", "Bea"), Influencer("c", "Cem"))
TEXTS = {"en": "Do you agree?", "nl": "Ben je akkoord?"}


def parasol(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from survey_app.cli import app; app()", *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARASOL_")}
    environment |= {"PARASOL_DATABASE": server.database, "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_invented_people_answer_every_kind_as_declared() -> None:
    instrument = load_instrument("showcase")
    people = list(invented_people(instrument, 40, seed=3))
    again = list(invented_people(instrument, 40, seed=3))
    assert [person.answers for person in people] == [person.answers for person in again]
    for person in people:
        for page in instrument.pages:
            sent = {id: answer for id, answer in person.answers.items() if id.removesuffix("_other") in page.items}
            kept = accept_answers(instrument, page.id, sent)
            assert missing_items(instrument, page.id, kept) == []
    assert {item.kind for item in instrument.items} & TYPED


def test_a_draft_with_every_kind_of_question_is_answered_and_forgotten(server: Server) -> None:
    store = Store(server.database)
    digest = store.add_instrument(load_instrument("showcase"))
    study = Study("full", "full", TEXTS, digest, ("en", "nl"), "draft", TEXTS, "1", ARMS, RATED, minimum_age=16)
    store.add_study(replace(study, per_respondent=2))
    done = parasol(server, "rehearse", "full", "-n", "12", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 of 12 completed" in done.stdout
    assert (store.counts("full").tests, store.counts("full").finished) == (12, 0)
    rows = store.rows("full", include_test=True)
    assert rows["test"].all() and set(rows["condition"]) == {"plain", "ad"}
    assert parasol(server, "rehearse", "full", "--remove").returncode == 0
    assert store.counts("full").tests == 0
    store.close()


def late_study(store: Store, slug: str) -> tuple[Study, Instrument]:
    """A study whose fourth page is for one of two conditions, behind two pages that change places."""
    core = load_instrument("psi_core")
    first, second, third, fourth, *rest = core.pages
    turned = (replace(page, block="them") for page in (second, third))
    mixed = replace(core, id="late", pages=(first, *turned, replace(fourth, show_if="condition == 'ad'"), *rest))
    study = Study(slug, slug, TEXTS, store.add_instrument(mixed), ("en", "nl"), "open", TEXTS, "1", ARMS)
    store.add_study(study)
    return study, mixed


def test_a_condition_comes_with_the_page_that_needs_it_and_pages_change_places(server: Server) -> None:
    store = Store(server.database)
    _, instrument = late_study(store, "late")
    done = parasol(server, "rehearse", "late", "-n", "12", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = store.rows("late", include_test=True)
    assert Counter(rows["condition"]) == {"plain": 6, "ad": 6}
    shown = rows[instrument.pages[3].items[0]].notna()
    assert (shown == (rows["condition"] == "ad")).all()
    turned = tuple(page.id for page in instrument.pages[1:3])
    saved = store.paradata("late", include_test=True).sort_values("sequence", kind="stable")
    for participation, order in zip(rows["participation"], rows["page_order"], strict=True):
        pages = list(dict.fromkeys(saved.loc[saved["participation"] == participation, "page"]))
        assert [page for page in pages if page in turned] == [page for page in order.split() if page in turned]
    store.close()


def test_whoever_comes_back_at_that_page_is_given_a_condition_then(server: Server) -> None:
    store = Store(server.database)
    study, instrument = late_study(store, "later")
    key = "c" * 43
    begun = store.begin("later", key, language="en", influencer="Mia")
    (person,) = invented_people(instrument, 1, seed=2)
    for page in (instrument.page(id) for id in begun.page_order[:3]):
        sent = {id: answer for id, answer in person.answers.items() if id in page.items}
        about = begun.influencer if page.per_influencer else ""
        store.save_page(key, page.id, accept_answers(instrument, page.id, sent), influencer=about)
    assert begun.condition == ""

    async def come_back() -> str:
        async with Phone(server.base, "") as phone:
            phone.query = urlencode({"s": study.slug, "t": key})
            await phone.look()
            return phone.at

    at = asyncio.run(come_back())
    now = store.participation(key)
    assert now is not None and now.condition in ("plain", "ad") and now.assigned == 1
    assert at == instrument.pages[3 if now.condition == "ad" else 4].id
    store.close()


def test_one_phone_that_presses_without_end_is_told_to_wait(server: Server) -> None:
    """By the websocket, whatever the phone says about the route: some presses do nothing, and come again later."""

    async def press() -> tuple[int, str]:
        async with Phone(server.base, "/s/demo", seed=9) as phone:
            await phone.arrive()
            await phone.press("language", "en")
            for number in range(100):
                await phone.press("language", ("nl", "en")[number % 2])
                if phone.resent >= 5 and number % 2:
                    break
            return phone.resent, phone.screen["language"]

    resent, language = asyncio.run(press())
    assert resent > 0 and language == "en"


def test_what_breaks_is_told_with_its_page_and_makes_the_exit_code_one(server: Server) -> None:
    store = Store(server.database)
    study = store.study("demo")
    store.close()
    told: list[tuple[int, int]] = []
    nowhere = "/s/nowhere"
    seen = rehearse_study(
        server.base, nowhere, load_instrument("psi_core"), 3, seed=1, told=lambda *done: told.append(done)
    )
    assert (seen.completed, dict(seen.broken)) == (0, {("the link", "", "was answered 404"): 3})
    assert told == [(1, 3), (2, 3), (3, 3)]
    # The server asks another questionnaire than the one these people know: required answers are missing.
    secret = load_secret(Settings(server.database))
    link = f"/s/demo?test={sign_test(secret, study.slug)}"
    seen = rehearse_study(server.base, link, load_instrument("showcase"), 2, seed=1)
    assert seen.completed == 0 and sum(seen.broken.values()) == 2
    assert all(page and item and message for page, item, message in seen.broken)
    elsewhere = parasol(server, "rehearse", "demo", "-n", "1", "--url", "http://127.0.0.1:9")
    assert elsewhere.returncode == 2 and "no server answers there" in elsewhere.stderr


def test_a_study_that_is_not_there_is_one_sentence(server: Server) -> None:
    failed = parasol(server, "rehearse", "nowhere")
    assert failed.returncode == 2 and "nowhere" in failed.stderr
    assert parasol(server, "rehearse", "demo", "--url", "example").returncode == 2
