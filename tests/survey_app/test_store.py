"""The store, on SQLite and PostgreSQL alike: what it keeps, what it refuses, what happens when many come at once."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import survey_app.store
from analysis.errors import DataError, StoreError, StudyClosed
from analysis.simulate import simulate_answers
from survey_app import schema
from survey_app.store import Store
from survey_app.study import Condition, Parameter, Source, SourceCounts, Study
from tests.survey_app.conftest import INSTRUMENT

ROOT = Path(__file__).resolve().parents[2]
FIRST = {"a1": 1, "a2": 5, "a3": None, "a4": 2}


def engine_of(url: str) -> sa.Engine:
    """A way into the database beside the store."""
    parsed = sa.make_url(url)
    parsed = parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed
    return sa.create_engine(parsed, poolclass=sa.NullPool)


def everything_in(url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = engine_of(url)
    with engine.connect() as connection:
        tables = schema.metadata.sorted_tables
        return {table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in tables}


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The results (or exceptions) of calls that all start at the same moment."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = calls[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# -- instruments and studies ------------------------------------------------------------------------------------


def test_an_instrument_comes_back_as_it_was(store: Store) -> None:
    digest = store.add_instrument(INSTRUMENT)
    assert digest == INSTRUMENT.digest == store.add_instrument(INSTRUMENT)
    assert store.instrument(digest) == INSTRUMENT


def test_an_unknown_instrument_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="holds no instrument 000000000000"):
        store.instrument("0" * 64)


def test_an_instrument_that_was_tampered_with_is_refused(store: Store, url: str) -> None:
    digest = store.add_instrument(INSTRUMENT)
    engine = engine_of(url)
    with engine.begin() as connection:
        content = sa.func.replace(schema.instruments.c.content, "Question a1?", "Something else?")
        connection.execute(schema.instruments.update().values(content=content))
    with pytest.raises(StoreError, match="was altered after it was published"):
        store.instrument(digest)


def test_a_study_comes_back_as_it_was(store: Store, study: Study) -> None:
    other = replace(
        study,
        id="other",
        slug="another-one",
        state="draft",
        conditions=(Condition("ad", "Advertisement"), Condition("none", "No label")),
        sources=(Source("poster", "Poster"), Source("mail")),
        model="purchase ~ psi",
        quota=7,
        opened=datetime(2026, 3, 1, 12, tzinfo=UTC),
        synthetic=True,
    )
    store.add_study(other)
    assert store.study("another-one") == other
    assert store.studies() == [other, study]


def test_a_taken_slug_and_an_unknown_instrument_are_refused(store: Store, study: Study) -> None:
    for wrong in ({"id": "new"}, {"slug": "new"}, {"id": "new", "slug": "new", "instrument": "0" * 64}):
        with pytest.raises(StoreError, match="taken, or its instrument has not been added"):
            store.add_study(replace(study, **wrong))  # type: ignore[arg-type]
    assert store.studies() == [study]


def test_an_impossible_study_is_refused_with_all_its_problems(store: Store, study: Study) -> None:
    with pytest.raises(StoreError) as caught:
        store.add_study(replace(study, id="X", slug="a b", quota=0))
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("slug", ["nothing", "", "a b", "\x00", "x" * 500, "demo\n", "'; drop table studies; --"])
def test_an_unknown_study_is_closed_to_everyone(store: Store, study: Study, slug: str) -> None:
    for call in (
        lambda: store.study(slug),
        lambda: store.open_study(slug),
        lambda: store.close_study(slug),
        lambda: store.count_visit(slug, "", "visit"),
        lambda: store.begin(slug, "key", language="en"),
        lambda: store.rows(slug),
        lambda: store.counts(slug),
        lambda: store.last_change(slug),
    ):
        with pytest.raises(StudyClosed, match="there is no study"):
            call()


def test_opening_and_closing(store: Store, study: Study) -> None:
    before = datetime.now(UTC)
    store.close_study("demo")
    closed = store.study("demo")
    assert closed.state == "closed" and closed.closed is not None and before <= closed.closed <= datetime.now(UTC)
    store.open_study("demo")
    opened = store.study("demo")
    assert opened.state == "open" and opened.closed is None and opened.opened is not None and opened.opened >= before
    store.close_study("demo")
    store.open_study("demo")
    assert store.study("demo").opened == opened.opened


# -- a respondent's way -----------------------------------------------------------------------------------------


def test_from_consent_to_the_last_page(store: Store, study: Study) -> None:
    store.close_study("demo")
    store.change_study(replace(study, parameters=(Parameter("prolific_pid", "PROLIFIC_PID"),)))
    store.open_study("demo")
    link = {"PROLIFIC_PID": "5f", "utm_source": "mail"}
    begun = store.begin("demo", "key", language="nl", source="poster", influencer="Mia", external=link)
    assert (begun.study, begun.language, begun.source, begun.consent_version) == ("demo", "nl", "poster", "2026-1")
    assert (begun.influencer, begun.external, begun.finished) == ("Mia", {"prolific_pid": "5f"}, None)
    assert datetime.now(UTC) - begun.started < timedelta(minutes=1)
    assert store.participation("key") == begun
    store.save_page("key", "first", FIRST, order=("a2", "a1", "a3", "a4"), paradata={"ms": 4321})
    store.save_page("key", "person", {"age": 23, "why": "Zoë \U0001f469\u200d\U0001f680 \x00 \ud800 'quote\""})
    why = "Zoë \U0001f469\u200d\U0001f680 \x00 \ud800 'quote\""
    answers = {("first", ""): FIRST, ("person", ""): {"age": 23, "why": why}}
    assert store.answers("key") == answers
    store.finish("key")
    ended = store.participation("key")
    assert ended is not None and ended.finished is not None and ended.finished >= ended.started
    assert replace(ended, finished=None, saves=begun.saves) == begun and ended.saves == 2


def test_values_keep_their_types(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    sent: dict[str, int | float | str | None] = {
        "i": 3,
        "f": 3.0,
        "x": 0.1,
        "big": 10**15,
        "s": "3",
        "e": "",
        "n": None,
    }
    store.save_page("key", "first", sent)
    kept = store.answers("key")["first", ""]
    assert kept == sent
    assert {name: type(value) for name, value in kept.items()} == {name: type(value) for name, value in sent.items()}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", object()])
def test_what_is_no_answer_is_refused(store: Store, study: Study, value: Any) -> None:
    store.begin("demo", "key", language="en")
    with pytest.raises(DataError, match="neither number nor text"):
        store.save_page("key", "first", {"a1": value})
    assert store.answers("key") == {}


def test_beginning_again_with_the_same_key_is_the_same_participation(store: Store, study: Study) -> None:
    begun = store.begin("demo", "key", language="nl", source="poster")
    assert store.begin("demo", "key", language="en", source="mail") == begun
    store.close_study("demo")
    assert store.begin("demo", "key", language="nl") == begun
    assert store.counts("demo").started == 1


def test_a_study_that_is_not_open_takes_nobody(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="draft", slug="draft", state="draft"))
    with pytest.raises(StudyClosed, match="has not been opened yet"):
        store.begin("draft", "key", language="en")
    store.close_study("demo")
    with pytest.raises(StudyClosed, match="is closed"):
        store.begin("demo", "key", language="en")
    assert store.participation("key") is None


def test_whoever_has_begun_may_finish_after_the_study_closed(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    store.close_study("demo")
    store.save_page("key", "first", FIRST)
    store.finish("key")
    assert len(store.rows("demo")) == 1


def test_the_quota_counts_who_finished_and_no_tests(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="few", slug="few", quota=2))
    for key, test in (("1", False), ("2", True), ("3", False), ("4", False)):
        store.begin("few", key, language="en", test=test)
    store.finish("1")
    store.finish("2")
    store.begin("few", "5", language="en")
    store.finish("3")
    with pytest.raises(StudyClosed, match="has all the answers it needs"):
        store.begin("few", "6", language="en")
    store.save_page("4", "first", FIRST)


def test_a_key_opens_only_its_own_study(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="other", slug="other"))
    store.begin("demo", "key", language="en")
    with pytest.raises(StudyClosed, match="belongs to another study"):
        store.begin("other", "key", language="en")


@pytest.mark.parametrize("key", ["", "foreign", "x" * 10_000, "\x00", "\ud800"])
def test_a_key_nobody_began_with_sees_and_changes_nothing(store: Store, study: Study, key: str) -> None:
    assert store.participation(key) is None
    assert store.answers(key) == {}
    for call in (
        lambda: store.save_page(key, "first", FIRST),
        lambda: store.finish(key),
        lambda: store.name_influencer(key, "Mia"),
        lambda: store.change_language(key, "nl"),
    ):
        with pytest.raises(StudyClosed, match="no participation was begun with it"):
            call()


def test_a_repeat_is_success_and_a_correction_replaces(store: Store, study: Study, url: str) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", FIRST)
    store.save_page("key", "first", FIRST)
    store.save_page("key", "first", {"a1": 4}, order=("a1",), paradata={"ms": 1})
    assert store.answers("key") == {("first", ""): {"a1": 4}}
    assert [row[3:6] for row in everything_in(url)["pages"]] == [('{"a1":4}', '["a1"]', '{"ms":1}')]


def test_a_repeat_that_knows_less_leaves_order_and_paradata(store: Store, study: Study, url: str) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", FIRST, order=("a2", "a1"), paradata={"ms": 4321})
    store.save_page("key", "first", {"a1": 4})
    assert [row[3:6] for row in everything_in(url)["pages"]] == [('{"a1":4}', '["a2","a1"]', '{"ms":4321}')]


def test_after_the_end_the_same_page_is_success_and_another_is_refused(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", FIRST)
    code = store.finish("key")
    store.save_page("key", "first", dict(reversed(FIRST.items())))
    for page, answers in (("first", FIRST | {"a1": 2}), ("person", {"age": 20})):
        with pytest.raises(StudyClosed, match="is finished"):
            store.save_page("key", page, answers)
    with pytest.raises(StudyClosed, match="is finished"):
        store.save_page("key", "first", FIRST, influencer="Mia")
    assert store.answers("key") == {("first", ""): FIRST}
    ended = store.participation("key")
    assert store.finish("key") == code
    assert store.participation("key") == ended


def test_language_and_influencer_can_be_corrected(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    store.change_language("key", "nl")
    store.name_influencer("key", " Mia\n ")
    begun = store.participation("key")
    assert begun is not None and (begun.language, begun.influencer) == ("nl", "Mia")


def test_a_corrected_name_does_not_double_the_person(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en", influencer="Mia")
    store.save_page("key", "rated", {"b1": 2, "b2": 3}, influencer="Mia")
    store.name_influencer("key", "Mia Music")
    rows = store.rows("demo", finished_only=False)
    assert rows[["influencer", "b1", "b2"]].to_dict("records") == [{"influencer": "Mia Music", "b1": 2, "b2": 3}]


# -- withdrawal and what the database must not know -------------------------------------------------------------


def test_withdrawal_deletes_everything_but_an_anonymous_line(store: Store, study: Study, url: str) -> None:
    store.begin("demo", "stays", language="en")
    store.save_page("stays", "first", FIRST)
    store.finish("stays")
    kept = everything_in(url)
    store.begin("demo", "goes", language="nl", influencer="Mia", external={"pid": "5f"})
    store.save_page("goes", "first", FIRST)
    store.save_page("goes", "rated", {"b1": 1}, influencer="Mia")
    assert store.withdraw(store.finish("goes"))
    left = everything_in(url)
    assert [row[1:] for row in left.pop("audit")] == [("demo", "withdrawn", datetime.now(UTC).date(), "")]
    kept.pop("audit")
    assert left == kept
    assert store.participation("goes") is None
    counts = store.counts("demo")
    assert (counts.started, counts.finished, counts.withdrawn) == (1, 1, 1)


def test_a_code_can_be_typed_carelessly_but_works_once(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    code = store.finish("key")
    assert re.fullmatch(r"[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}", code)
    typed = " " + code.lower().replace("-", " ").replace("o", "0").replace("i", "1").replace("b", "8")
    assert store.withdraw(typed)
    assert not store.withdraw(code)


@pytest.mark.parametrize("code", ["", "AAAA-AAAA-AAAA", "%", "\x00", "x" * 10_000])
def test_a_wrong_code_withdraws_nothing(store: Store, study: Study, code: str) -> None:
    store.begin("demo", "unfinished", language="en")
    store.begin("demo", "key", language="en")
    store.finish("key")
    assert not store.withdraw(code)
    assert store.counts("demo").started == 2


def test_neither_keys_nor_codes_are_kept(store: Store, study: Study, url: str) -> None:
    store.begin("demo", "the-secret-key", language="en")
    code = store.finish("the-secret-key")
    text = repr(everything_in(url))
    assert "the-secret-key" not in text
    assert code not in text and code.replace("-", "") not in text


def test_before_consent_there_are_only_counts(store: Store, study: Study, url: str) -> None:
    before = everything_in(url)
    store.count_visit("demo", "poster", "visit")
    store.count_visit("demo", "poster", "visit")
    store.count_visit("demo", "poster", "declined")
    after = everything_in(url)
    assert sorted(after.pop("visits")) == [("demo", "poster", "declined", 1), ("demo", "poster", "visit", 2)]
    assert before.pop("visits") == []
    assert after == before


# -- what the researcher reads ----------------------------------------------------------------------------------


def test_counts_by_source_without_tests(store: Store, study: Study) -> None:
    store.count_visit("demo", "poster", "visit")
    store.count_visit("demo", "mail", "visit")
    store.count_visit("demo", "mail", "declined")
    store.begin("demo", "1", language="en", source="poster")
    store.begin("demo", "2", language="en")
    store.begin("demo", "3", language="en", source="poster", test=True)
    for key in "13":
        store.finish(key)
    counts = store.counts("demo")
    assert (counts.visits, counts.declined, counts.started, counts.finished, counts.withdrawn) == (2, 1, 2, 1, 0)
    assert counts.by_source == {
        "": SourceCounts(started=1),
        "mail": SourceCounts(visits=1, declined=1),
        "poster": SourceCounts(visits=1, started=1, finished=1),
    }


def test_an_undeclared_source_is_other_where_sources_are_declared(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="posters", slug="posters", sources=(Source("poster"),)))
    for source in ("poster", "made up", ""):
        store.count_visit("posters", source, "visit")
        store.begin("posters", f"key {source}", language="en", source=source)
    assert set(store.counts("posters").by_source) == {"", "other", "poster"}
    store.count_visit("demo", "any\x00 label " + "x" * 500, "visit")
    assert list(store.counts("demo").by_source) == ["any label " + "x" * 22]


def test_rows(store: Store, study: Study) -> None:
    for key in ("1", "2", "3", "unfinished", "test"):
        store.begin("demo", key, language="nl", source="poster", test=key == "test")
        store.save_page(key, "first", FIRST)
        if key != "unfinished":
            store.finish(key)
    store.save_page("unfinished", "person", {"age": 30.5, "why": "because"})
    rows = store.rows("demo")
    assert list(rows.columns) == [
        *("participation", "influencer", "condition", "source", "wave", "person", "language", "consented"),
        *("started", "finished", "seconds", "device", "resumes", "switches", "assigned", "page_order", "turn"),
        *("instrument", "synthetic", "test"),
        *("a1", "a2", "a3", "a4", "age", "why", "b1", "b2"),
    ]
    assert rows["participation"].is_unique and len(rows) == 3
    assert rows["a1"].tolist() == [1, 1, 1] and rows["a3"].isna().all() and rows["b1"].isna().all()
    assert (rows[["source", "language", "consented"]] == ["poster", "nl", "2026-1"]).all(axis=None)
    assert rows["started"].is_monotonic_increasing and str(rows["started"].dt.tz) == "UTC"
    assert (rows["seconds"] >= 0).all() and not rows["synthetic"].any() and not rows["test"].any()
    assert (rows["instrument"] == INSTRUMENT.digest).all()
    everyone = store.rows("demo", finished_only=False)
    assert len(everyone) == 4
    last = everyone.iloc[3]
    assert pd.isna(last["finished"]) and pd.isna(last["seconds"]) and (last["age"], last["why"]) == (30.5, "because")


def test_rows_of_a_study_nobody_answered_have_all_columns(store: Store, study: Study) -> None:
    rows = store.rows("demo")
    assert rows.empty and {"participation", "started", "a1", "why"} <= set(rows.columns)


def test_one_row_for_each_influencer_rated(store: Store, study: Study) -> None:
    store.begin("demo", "two", language="en", influencer="Mia")
    store.save_page("two", "first", FIRST)
    store.save_page("two", "rated", {"b1": 1, "b2": 2}, influencer="Mia")
    store.save_page("two", "rated", {"b1": 5, "b2": 4}, influencer="Noor")
    store.begin("demo", "none", language="en", influencer="Sam")
    store.save_page("none", "first", FIRST)
    rows = store.rows("demo", finished_only=False).sort_values(["started", "influencer"])
    assert rows["influencer"].tolist() == ["Mia", "Noor", "Sam"]
    assert rows["a2"].tolist() == [5, 5, 5]
    assert rows["b1"].tolist()[:2] == [1, 5] and pd.isna(rows["b1"].iloc[2])
    assert rows["participation"].nunique() == 2


def test_the_last_change_tells_every_change_and_no_other(store: Store, study: Study) -> None:
    seen = [store.last_change("demo")]

    def changes(call: Callable[[], Any]) -> Any:
        result = call()
        seen.append(store.last_change("demo"))
        assert seen[-1] not in seen[:-1]
        return result

    changes(lambda: store.begin("demo", "key", language="en"))
    changes(lambda: store.save_page("key", "first", FIRST))
    changes(lambda: store.save_page("key", "first", FIRST | {"a1": 2}))
    changes(lambda: store.name_influencer("key", "Mia"))
    changes(lambda: store.change_language("key", "nl"))
    code = changes(lambda: store.finish("key"))
    store.count_visit("demo", "", "visit")
    store.begin("demo", "key", language="en")
    store.finish("key")
    assert store.last_change("demo") == seen[-1]
    changes(lambda: store.withdraw(code))
    changes(lambda: store.add_rows("demo", pd.DataFrame({"a1": [1]}), INSTRUMENT))


# -- rows from elsewhere ----------------------------------------------------------------------------------------


def test_simulated_rows_come_back_as_they_went_in(store: Store, study: Study) -> None:
    frame = simulate_answers(INSTRUMENT, 60, seed=5)
    assert store.add_rows("demo", frame, INSTRUMENT) == 60
    rows = store.rows("demo")
    order = frame.sort_values(["started", "finished"], kind="stable").index
    assert rows["synthetic"].all() and not rows["participation"].isin(frame["participation"]).any()
    sort = ["started", "finished", "a1", "a2", "a3", "a4"]
    for name in ("influencer", "source", "language", "consented", "seconds", *(i.id for i in INSTRUMENT.items)):
        before = frame.loc[order].sort_values(sort)[name].tolist()
        after = rows.sort_values(sort)[name].tolist()
        assert [None if pd.isna(v) else v for v in after] == [None if pd.isna(v) else v for v in before], name
    store.begin("demo", "somebody", language="en")
    store.finish("somebody")
    counts = store.counts("demo")
    assert (counts.finished, counts.synthetic) == (61, 60)


def test_an_export_can_be_added_again(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="copy", slug="copy"))
    store.begin("demo", "key", language="nl", influencer="Mia", source="poster")
    store.save_page("key", "first", FIRST)
    for name, value in (("Mia", 1), ("Noor", 5)):
        store.save_page("key", "rated", {"b1": value, "b2": None}, influencer=name)
    store.finish("key")
    rows = store.rows("demo")
    assert store.add_rows("copy", rows, INSTRUMENT) == 1
    copied = store.rows("copy")
    pd.testing.assert_frame_equal(copied.drop(columns="participation"), rows.drop(columns="participation"))


def test_rows_that_do_not_fit_are_refused_whole(store: Store, study: Study, url: str) -> None:
    frame = pd.DataFrame(
        {
            "participation": ["p", "q", "p"],
            "a1": [1, 2, 9],
            "a2": [1.0, 2.5, None],
            "a3": [1, "two", 3],
            "age": [15, 20, 30],
            "colour": ["red", "red", "red"],
        }
    )
    before = everything_in(url)
    with pytest.raises(DataError) as caught:
        store.add_rows("demo", frame, INSTRUMENT)
    said = [str(problem) for problem in caught.value.problems]
    assert [line.split(":")[0] for line in said] == [
        *("column 'a1'", "column 'a2'", "column 'a3'", "column 'age'", "column 'colour'", "column 'participation'")
    ]
    assert "holds 9, which is not among the declared values, 1 to 5" in said[0] and "holds 'two', which" in said[2]
    with pytest.raises(DataError, match="asks instrument"):
        store.add_rows("demo", frame[["a1"]], replace(INSTRUMENT, version="2"))
    assert everything_in(url) == before


def test_added_rows_of_a_synthetic_study_are_synthetic(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="made", slug="made", synthetic=True))
    store.add_rows("made", pd.DataFrame({"a1": [1, 2], "synthetic": [False, False]}), INSTRUMENT)
    assert store.begin("made", "key", language="en").synthetic
    assert store.rows("made")["synthetic"].all()


def test_adding_no_rows_adds_nothing(store: Store, study: Study) -> None:
    assert store.add_rows("demo", pd.DataFrame({"a1": []}), INSTRUMENT) == 0


# -- many at once -----------------------------------------------------------------------------------------------


def test_one_page_saved_from_many_tabs_at_once_is_one_page(store: Store, study: Study, url: str) -> None:
    store.begin("demo", "key", language="en")
    results = at_once(
        *[lambda value=value: store.save_page("key", "first", {"a1": value}) for value in (1, 2, 3, 4)] * 3
    )
    assert results == [None] * 12
    assert len(everything_in(url)["pages"]) == 1
    assert store.answers("key")["first", ""]["a1"] in (1, 2, 3, 4)


def test_one_key_that_begins_many_times_at_once_is_one_participation(store: Store, study: Study, url: str) -> None:
    results = at_once(*[lambda: store.begin("demo", "key", language="en")] * 12)
    assert len({participation.id for participation in results}) == 1
    assert len(everything_in(url)["participations"]) == 1


def test_finishing_many_times_at_once_is_finishing_once(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    before = store.last_change("demo")
    results = at_once(*[lambda: store.finish("key")] * 12)
    assert len(set(results)) == 1
    assert before == "1.0.0" and store.last_change("demo") == "1.1.0"


def test_withdrawing_many_times_at_once_leaves_one_line(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    code = store.finish("key")
    assert Counter(at_once(*[lambda: store.withdraw(code)] * 8)) == {True: 1, False: 7}
    assert store.counts("demo").withdrawn == 1


def test_visits_at_once_are_all_counted(store: Store, study: Study) -> None:
    assert at_once(*[lambda: store.count_visit("demo", "poster", "visit")] * 20) == [None] * 20
    assert store.counts("demo").visits == 20


def test_conditions_stay_balanced_when_a_class_arrives_at_once(store: Store, study: Study) -> None:
    arms = (Condition("one", "One"), Condition("two", "Two"), Condition("three", "Three"))
    store.add_study(replace(study, id="arms", slug="arms", conditions=arms))
    begun = at_once(*[lambda key=str(key): store.begin("arms", key, language="en") for key in range(30)])
    assert Counter(participation.condition for participation in begun) == {"one": 10, "two": 10, "three": 10}


def test_two_stores_on_one_database_share_the_work(url: str, store: Store, study: Study) -> None:
    other = Store(url)
    keys = [str(number) for number in range(10)]
    for key in keys:
        store.begin("demo", key, language="en")
    saves = [
        lambda key=key, store=place, page=page: store.save_page(key, page, FIRST)
        for key in keys
        for place, page in ((store, "first"), (other, "person"))
    ]
    assert at_once(*saves) == [None] * 20
    other.close()
    assert all(store.answers(key) == {("first", ""): FIRST, ("person", ""): FIRST} for key in keys)


def hold(url: str, statement: sa.Update) -> tuple[sa.Connection, sa.Transaction]:
    """A change made by somebody else, not committed yet: it keeps its lock until then."""
    connection = engine_of(url).connect()
    transaction = connection.begin()
    connection.execute(statement)
    return connection, transaction


@pytest.mark.parametrize("call", ["save", "begin"])
def test_the_state_is_read_again_after_the_lock_was_waited_for(store: Store, study: Study, url: str, call: str) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", FIRST)
    people, studies = schema.participations, schema.studies
    if call == "save":
        change = people.update().values(finished=datetime.now(UTC))
        waiting = lambda: store.save_page("key", "first", {"a1": 3})  # noqa: E731
    else:
        change = studies.update().values(state="closed")
        waiting = lambda: store.begin("demo", "new", language="en")  # noqa: E731
    connection, transaction = hold(url, change)
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.extend(at_once(waiting)))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()  # it waits for the lock
    transaction.commit()
    connection.close()
    thread.join()
    assert isinstance(results[0], StudyClosed), results
    assert store.answers("key") == {("first", ""): FIRST} and store.participation("new") is None


def test_a_lock_nobody_gives_back_is_said_so(
    url: str, store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin("demo", "key", language="en")
    monkeypatch.setattr(survey_app.store, "_WAIT", 1)
    impatient = Store(url)
    connection, transaction = hold(url, schema.participations.update().values(language="nl"))
    with pytest.raises(StoreError, match="busy for more than 1 seconds"):
        impatient.save_page("key", "first", FIRST)
    transaction.rollback()
    connection.close()
    impatient.save_page("key", "first", FIRST)
    impatient.close()


def test_reading_goes_on_while_somebody_writes(url: str, store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    connection, transaction = hold(url, schema.participations.update().values(language="nl"))
    assert store.rows("demo", finished_only=False)["language"].tolist() == ["en"]
    transaction.rollback()
    connection.close()


RESPONDENT = """
import sys
from survey_app.store import Store
store = Store(sys.argv[1])
store.begin("demo", "key", language="en")
for number in range(100_000):
    store.save_page("key", f"page_{number}", {"a1": number})
    print(number, flush=True)
"""


def test_a_killed_server_loses_no_page_it_acknowledged(url: str, store: Store, study: Study) -> None:
    process = subprocess.Popen([sys.executable, "-c", RESPONDENT, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout.read().split()]
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    kept = store.answers("key")
    assert {page: kept[page] for page in ((f"page_{number}", "") for number in acknowledged)} == {
        (f"page_{number}", ""): {"a1": number} for number in acknowledged
    }
    assert len(kept) - len(acknowledged) in (0, 1)  # the one that was being written, or none
    store.save_page("key", "first", FIRST)
    store.finish("key")
    assert len(store.rows("demo")) == 1


# -- a database that is away ------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_connections_that_the_database_dropped_are_replaced(url: str, store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    store.save_page("key", "first", FIRST)
    assert store.answers("key") == {("first", ""): FIRST}


def test_a_database_that_does_not_answer_is_said_so() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, but nobody listens: the connection is refused
        store = Store(f"postgresql://me:word@127.0.0.1:{listener.getsockname()[1]}/parasol")
        for call in (store.check, store.migrate, lambda: store.study("demo"), lambda: store.participation("key")):
            with pytest.raises(StoreError, match="does not answer") as caught:
                call()
            assert "PARASOL_DATABASE" in str(caught.value) and "word" not in str(caught.value)
        store.close()


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_text("These are notes, not answers. " * 100)
    store = Store(f"sqlite:///{path}")
    for call in (store.check, store.migrate):
        with pytest.raises(StoreError, match="file is not a database"):
            call()
    store.close()


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path / 'file' / 'store.sqlite'}")
    with pytest.raises(StoreError, match="its folder cannot be made"):
        store.migrate()
    with pytest.raises(StoreError, match="unable to open database file"):
        store.check()
    store.close()


@pytest.mark.parametrize("url", ["", "parasol", "mysql://db/parasol", "sqlite://", "sqlite:///:memory:"])
def test_an_address_of_no_use_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="PARASOL_DATABASE"):
        Store(url)


def test_missing_and_old_tables_are_said_so(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(str(sa.make_url(empty_url).database)).parent.mkdir()
    store = Store(empty_url)
    for call in (store.check, lambda: store.participation("key")):
        with pytest.raises(StoreError, match=r"does not hold Parasol's tables yet.*parasol serve"):
            call()
    store.migrate()
    store.check()
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreError, match=f"its tables are at version 0000, this Parasol needs {schema.REVISION}"):
        store.check()
    store.close()


# -- migrations -------------------------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_of_the_schema(empty_url: str) -> None:
    store = Store(empty_url)
    store.migrate()
    store.migrate()
    store.close()
    with engine_of(empty_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_the_schema_names_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "survey_app" / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.REVISION]


def test_processes_that_migrate_at_once_do_it_once(empty_url: str) -> None:
    code = "import sys; from survey_app.store import Store; s = Store(sys.argv[1]); s.migrate(); s.check(); s.close()"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, empty_url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert errors == [""] * 4
    assert [process.returncode for process in processes] == [0] * 4


def test_tables_of_a_newer_version_are_left_alone(store: Store, study: Study, url: str) -> None:
    with engine_of(url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.check()
    with pytest.raises(StoreError, match=r"cannot be updated .*Install the version of Parasol that last used it"):
        store.migrate()
    assert store.study("demo") == study


def test_a_failed_migration_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(empty_url)
    store._make_place()
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE visits (x INTEGER)")  # in the way of one of ours
    with pytest.raises(StoreError, match="already exists"):
        store.migrate()
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["visits"]
        connection.exec_driver_sql("DROP TABLE visits")
    store.migrate()
    store.check()
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights in another way")
def test_other_users_of_the_machine_cannot_read_the_answers(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
    store.close()
    assert "store.sqlite-wal" in modes and set(modes.values()) == {0}


def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    store.migrate()
    with store._reading() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous", "secure_delete")
        }
    store.close()
    assert told == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "synchronous": 1,
        "secure_delete": 1,
    }


def test_importing_the_store_stays_light() -> None:
    code = (
        "import sys, survey_app.store; print(*sorted({'pandas', 'numpy', 'alembic', 'streamlit'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""


def test_a_new_file_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = Store(f"sqlite:///{path}")
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.extend(at_once(store.migrate)))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    other.execute("ROLLBACK")
    other.close()
    thread.join()
    assert results == [None]
    store.check()
    store.close()


def test_a_new_file_that_stays_locked_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_app.store, "_WAIT", 1)
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="busy for more than 1 seconds"):
        store.migrate()
    other.close()
    store.close()
