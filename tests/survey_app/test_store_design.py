"""The design of a study in the store, on SQLite and PostgreSQL alike: who gets what, who gets in, what is deleted."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import survey_app.store
from analysis.designs import match_waves
from analysis.errors import DataError, StoreError
from analysis.scoring import score
from survey_app import schema
from survey_app.admission import NotAdmitted, person_of_code
from survey_app.store import Store
from survey_app.study import CodePart, Condition, Influencer, Parameter, Source, Study, Wave
from tests.survey_app.conftest import INSTRUMENT
from tests.survey_app.test_store import FIRST, ROOT, at_once, engine_of, everything_in, hold

FACES = tuple(Influencer(id, id.title()) for id in ("mia", "noor", "sam", "lee"))
ARMS = (Condition("one", "One"), Condition("two", "Two"))
WAVES = {
    "waves": (Wave("pre", "Before"), Wave("post", "After")),
    "code": (CodePart("mother", {"en": "Mother?", "nl": "Moeder?"}),),
}


def changed(store: Store, study: Study, **fields: Any) -> Study:
    """A study of its own with this design, open."""
    store.add_study(replace(study, id="other", slug="other", **fields))
    return store.study("other")


def refused(reason: str, call: Any) -> None:
    with pytest.raises(NotAdmitted) as caught:
        call()
    assert caught.value.reason == reason, caught.value


# -- what is kept -----------------------------------------------------------------------------------------------


def test_the_whole_design_comes_back(store: Store, study: Study) -> None:
    other = changed(
        store,
        study,
        conditions=(Condition("one", "One", 0.5, 7), Condition("two", "Two")),
        influencers=FACES,
        sources=(Source("poster", "Poster in the hall", 9),),
        rate="subset",
        per_respondent=2,
        parameters=(Parameter("prolific_pid", "PROLIFIC_PID"),),
        opens=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        closes=datetime(2126, 1, 2, 3, 4, tzinfo=UTC),
        retention=date(2127, 1, 1),
        embed=("https://course.example",),
        purpose={"en": "Learn", "nl": "Leren"},
        seed=2**40,
        **WAVES,
    )
    assert store.studies()[1] == other
    assert other.opens == datetime(2026, 1, 2, 3, 4, tzinfo=UTC) and other.retention == date(2127, 1, 1)


def test_a_study_that_is_open_keeps_its_design(store: Store, study: Study) -> None:
    store.change_study(replace(study, title={"en": "New", "nl": "Nieuw"}, quota=5, state="draft"))
    now = store.study("demo")
    assert (now.title["en"], now.quota, now.state) == ("New", 5, "open")
    newer = store.add_instrument(replace(INSTRUMENT, version="2"))
    with pytest.raises(StoreError) as caught:
        store.change_study(replace(study, instrument=newer, conditions=ARMS, id="x"))
    assert [problem.what for problem in caught.value.problems] == [
        "its id is 'demo', not 'x'",
        "its instrument cannot change while it is open",
        "its conditions cannot change while it is open",
    ]
    assert store.study("demo") == now
    store.close_study("demo")
    store.change_study(replace(study, instrument=newer, conditions=ARMS))
    assert store.study("demo").conditions == ARMS


def test_another_consent_text_needs_another_version(store: Store, study: Study) -> None:
    with pytest.raises(StoreError, match="another text than version '2026-1' had before"):
        store.change_study(replace(study, consent={"en": "All yours?", "nl": "Alles?"}))
    store.change_study(replace(study, consent={"en": "All yours?", "nl": "Alles?"}, consent_version="2"))
    assert store.begin("demo", "key", language="en").consent_version == "2"
    assert store.consents("demo") == {
        "2026-1": {"en": "Agree?", "nl": "Akkoord?"},
        "2": {"en": "All yours?", "nl": "Alles?"},
    }


def test_whoever_began_with_an_older_questionnaire_keeps_it(store: Store, study: Study) -> None:
    store.begin("demo", "old", language="en")
    store.save_page("old", "first", FIRST)
    store.save_page("old", "rated", {"b2": 4}, influencer="Mia")
    store.close_study("demo")
    page = replace(INSTRUMENT.pages[2], items=("b1",))
    shorter = replace(INSTRUMENT, version="2", items=INSTRUMENT.items[:-1], pages=(*INSTRUMENT.pages[:2], page))
    store.change_study(replace(study, instrument=store.add_instrument(shorter)))
    store.open_study("demo")
    store.begin("demo", "new", language="en")
    store.save_page("new", "first", FIRST)
    told = [store.participation(key) for key in ("old", "new")]
    assert [each.instrument for each in told if each] == [INSTRUMENT.digest, shorter.digest]
    store.finish("old")
    store.finish("new")
    rows = store.rows("demo")
    assert rows["instrument"].tolist() == [INSTRUMENT.digest, shorter.digest]
    assert rows["b2"].isna().tolist() == [False, True] and rows.columns[-1] == "b2"
    assert store.versions("small") == {"1": INSTRUMENT.digest, "2": shorter.digest}


# -- who gets in ------------------------------------------------------------------------------------------------


def test_opening_and_closing_times(store: Store, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    changed(store, study, opens=noon, closes=noon + timedelta(hours=2))
    for hours, expected in ((-1, "early"), (0, "open"), (1, "open"), (2, "late")):
        monkeypatch.setattr(survey_app.store, "_now", lambda hours=hours: noon + timedelta(hours=hours))
        assert store.standing("other") == expected
        if expected == "open":
            store.begin("other", f"key {hours}", language="en")
        else:
            refused(expected, lambda hours=hours: store.begin("other", f"key {hours}", language="en"))
    store.save_page("key 0", "first", FIRST)  # whoever has begun may finish
    store.finish("key 0")


def test_every_quota_has_a_kind_end(store: Store, study: Study) -> None:
    sources = (Source("poster", quota=1), Source("mail"))
    changed(store, study, quota=3, sources=sources, conditions=(Condition("one", "1", quota=1), Condition("two", "2")))
    for key in ("a", "b"):
        store.begin("other", key, language="en", source="poster")
    assert store.standing("other", source="poster") == "open"
    store.finish("a")
    assert store.standing("other", source="poster") == "full" and store.standing("other", source="mail") == "open"
    refused("full", lambda: store.begin("other", "c", language="en", source="poster"))
    store.finish("b")  # had begun before
    assert {store.begin("other", f"d{n}", language="en", source="mail").condition for n in range(4)} == {"two"}
    store.finish("d0")
    assert store.standing("other") == "full"
    assert store.begin("other", "test", language="en", test=True).test
    counts = store.counts("other")
    assert {id: (each.started, each.finished) for id, each in counts.by_condition.items()} == {
        "one": (1, 1),
        "two": (5, 2),
    }
    assert counts.tests == 1


def test_the_last_place_is_given_once(store: Store, study: Study, url: str) -> None:
    """Fifty arrive at once while somebody else takes the last place."""
    changed(store, study, quota=1)
    store.begin("other", "first", language="en")
    people = schema.participations
    connection, transaction = hold(url, schema.studies.update().values(model="held"))
    results: list[Any] = []
    import threading

    calls = [lambda n=n: store.begin("other", f"k{n}", language="en") for n in range(10)]
    thread = threading.Thread(target=lambda: results.extend(at_once(*calls)))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    connection.execute(people.update().values(finished=datetime.now(UTC)))
    transaction.commit()
    connection.close()
    thread.join()
    assert [getattr(result, "reason", "begun") for result in results] == ["full"] * 10


def test_the_minimum_age_is_confirmed(store: Store, study: Study) -> None:
    changed(store, study, minimum_age=16)
    refused("young", lambda: store.begin("other", "key", language="en"))
    store.begin("other", "key", language="en", of_age=True)


def test_a_study_can_be_tried_before_it_is_open(store: Store, study: Study) -> None:
    changed(store, study, state="draft", minimum_age=16, invited=True, conditions=ARMS, quota=1, **WAVES)
    for key in "abcd":
        begun = store.begin("other", key, language="en", test=True)
        store.save_page(key, "first", FIRST)
        store.finish(key)
        assert begun.test and begun.wave == "pre"
    assert store.rows("other").empty and store.paradata("other").empty
    tests = store.rows("other", include_test=True)
    assert tests["test"].all() and Counter(tests["condition"]) == {"one": 2, "two": 2}
    assert len(store.paradata("other", include_test=True)) == 16
    assert store.remove_tests("other") == 4 and store.remove_tests("other") == 0
    assert store.rows("other", finished_only=False, include_test=True).empty
    assert [line.what for line in store.audit("other")] == ["tests removed"]


def test_a_rehearsal_changes_nobody_s_assignment(store: Store, study: Study) -> None:
    store.add_study(replace(study, id="twin", slug="a", conditions=ARMS, seed=5))
    plain = [store.begin("a", f"a{n}", language="en").condition for n in range(12)]
    assert sorted(plain) == ["one"] * 6 + ["two"] * 6
    for number in range(12):
        store.withdraw(store.finish(f"a{number}"))
    for number in range(7):
        store.begin("a", f"test {number}", language="en", test=True)
    again = []
    for number in range(12):
        again.append(store.begin("a", f"b{number}", language="en").condition)
    assert again == plain


# -- conditions and influencers ---------------------------------------------------------------------------------


def test_conditions_are_balanced_by_who_finishes(store: Store, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(store, study, conditions=ARMS)
    for number in range(20):
        begun = store.begin("other", f"k{number}", language="en")
        if begun.condition == "one":
            store.finish(f"k{number}")
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(survey_app.store, "_now", lambda: later)  # whoever was in "two" is gone by now
    next_ten = [store.begin("other", f"n{number}", language="en").condition for number in range(10)]
    assert next_ten == ["two"] * 10


def later_study(store: Store, study: Study, **fields: Any) -> Study:
    """An open study whose second page is the first that needs a condition."""
    pages = (INSTRUMENT.pages[0], replace(INSTRUMENT.pages[1], show_if="condition == 'one'"), *INSTRUMENT.pages[2:])
    late = replace(INSTRUMENT, id="late", pages=pages)
    return changed(store, study, **{"instrument": store.add_instrument(late), "conditions": ARMS, "seed": 3} | fields)


def test_a_condition_is_assigned_once_and_not_before_it_is_needed(store: Store, study: Study, url: str) -> None:
    later_study(store, study)
    for number in range(12):
        begun = store.begin("other", f"left {number}", language="en")
        assert (begun.condition, begun.assigned) == ("", 0)
    given = [store.begin("other", f"k{n}", language="en") and store.assign(f"k{n}") for n in range(8)]
    assert Counter(each.condition for each in given) == {"one": 4, "two": 4}
    assert [each.assigned for each in given] == list(range(1, 9))
    before = store.last_change("other")
    assert [store.assign(f"k{n}") for n in range(8)] == given == [store.participation(f"k{n}") for n in range(8)]
    assert store.last_change("other") == before
    refused("unknown", lambda: store.assign("nobody"))
    assert store.counts("other").by_condition["one"].started == 4 and store.counts("other").started == 20


def test_the_same_order_is_assigned_alike_again(store: Store, study: Study) -> None:
    def given(slug: str) -> list[str]:
        for number in range(20):
            store.begin(slug, f"{slug}{number}", language="en")
        # Not in the order of arrival: whoever reads faster comes to the page earlier.
        order = [(number * 7) % 20 for number in range(20)]
        return [store.assign(f"{slug}{number}").condition for number in order]

    first = later_study(store, study)
    plain = given("other")
    for number in range(20):
        store.withdraw(store.finish(f"other{number}"))
    store.begin("other", "test", language="en", test=True)
    assert store.assign("test").assigned == -1
    assert given("other") == plain
    store.add_study(replace(first, id="third", slug="third", seed=4))
    assert given("third") != plain


def test_many_who_come_to_that_page_at_once_are_balanced(store: Store, study: Study, url: str) -> None:
    later_study(store, study)
    for number in range(24):
        store.begin("other", str(number), language="en")
    others = [Store(url) for _ in range(2)]
    given = at_once(*[lambda n=n, place=others[n % 2]: place.assign(str(n % 24)) for n in range(48)])
    assert given[:24] == given[24:]  # asked twice, assigned once
    assert Counter(each.condition for each in given[:24]) == {"one": 12, "two": 12}
    assert sorted(each.assigned for each in given[:24]) == list(range(1, 25))
    for other in others:
        other.close()


def test_who_left_before_counts_for_nothing_and_who_pauses_for_little(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    later_study(store, study)
    for number in range(10):
        store.begin("other", f"k{number}", language="en")
        store.begin("other", f"left {number}", language="en")
    given = {f"k{number}": store.assign(f"k{number}").condition for number in range(10)}
    now = datetime.now(UTC)
    monkeypatch.setattr(survey_app.store, "_now", lambda: now + timedelta(minutes=4))
    for key, condition in given.items():
        if condition == "one":
            store.save_page(key, "person", {"age": 30})  # the five in "two" are silent
    for number in range(4):
        store.begin("other", f"n{number}", language="en")
    assert [store.assign(f"n{number}").condition for number in range(4)] == ["two"] * 4


def test_an_earlier_wave_decides_wherever_it_got_to(store: Store, study: Study) -> None:
    other = later_study(store, study, **WAVES)
    an, bo = (person_of_code(b"secret", other, {"mother": name}) for name in ("an", "bo"))
    for name, person in (("an", an), ("bo", bo)):
        store.begin("other", f"{name} 1", language="en", person=person)
    late = store.begin("other", "an 2", language="en", wave="post", person=an)
    assert late.condition == ""  # the first wave was left before that page, and is gone on with meanwhile
    first = store.assign("an 1")
    assert (store.assign("an 2").condition, store.assign("an 2").assigned) == (first.condition, 0)
    store.assign("bo 1")
    known = store.begin("other", "bo 2", language="en", wave="post", person=bo)
    assert known.condition == store.assign("bo 1").condition != ""


def test_of_several_earlier_waves_the_first_with_a_condition_decides(store: Store, study: Study) -> None:
    three = tuple(Wave(id, id.title()) for id in ("pre", "mid", "post"))
    other = later_study(store, study, **WAVES | {"waves": three})
    an = person_of_code(b"secret", other, {"mother": "an"})
    for wave in ("pre", "mid"):  # the first of them was left before anything was assigned
        store.begin("other", wave, language="en", wave=wave, person=an)
    assigned = store.assign("mid").condition
    assert store.begin("other", "post", language="en", wave="post", person=an).condition == assigned != ""
    assert store.assign("pre").condition == assigned


def test_whom_somebody_rates_already_stays_whatever_an_earlier_wave_had(store: Store, study: Study) -> None:
    other = later_study(store, study, **WAVES, influencers=FACES, rate="chosen", per_respondent=2)
    an = person_of_code(b"secret", other, {"mother": "an"})
    faces = [face.id for face in FACES]
    store.begin("other", "an 1", language="en", person=an)
    store.begin("other", "an 2", language="en", wave="post", person=an)
    for key, chosen in (("an 1", faces[:1]), ("an 2", faces[1:3])):
        store.choose_influencers(key, chosen)
    first = store.assign("an 1")
    second = store.assign("an 2")
    assert (first.condition, set(first.influencers)) == (second.condition, {faces[0]})
    assert set(second.influencers) == set(faces[1:3]) and second.influencer == ""


def test_a_study_begun_under_the_old_rule_keeps_it(store: Store, study: Study) -> None:
    old = later_study(store, study, rule="expected completions 1")
    assert store.begin("other", "key", language="en").condition in ("one", "two")
    store.change_study(replace(old, rule="expected completions 2", quota=9))
    assert store.study("other").rule == "expected completions 1"
    store.close_study("other")
    store.change_study(replace(old, rule="expected completions 2"))
    store.open_study("other")
    assert store.begin("other", "new", language="en").condition == ""


def test_pages_of_a_block_keep_the_order_they_were_drawn_in(store: Store, study: Study) -> None:
    first, second, last = INSTRUMENT.pages
    mixed = replace(INSTRUMENT, pages=(replace(first, block="b"), replace(second, block="b"), last))
    changed(store, study, instrument=store.add_instrument(mixed), influencers=FACES, rate="all")
    begun = [store.begin("other", str(number), language="en") for number in range(40)]
    assert {each.page_order for each in begun} == {("first", "person", "rated"), ("person", "first", "rated")}
    assert begun == [store.participation(str(number)) for number in range(40)]
    assert store.begin("demo", "fixed", language="en").page_order == ()
    for face in begun[7].influencers:
        store.save_page("7", "rated", {"b1": 3}, influencer=face, paradata={"device": "tablet"})
    store.finish("7")
    rows = store.rows("other").sort_values("turn")
    assert rows["page_order"].tolist() == [" ".join(begun[7].page_order)] * 4
    assert tuple(rows["influencer"]) == begun[7].influencers and rows["turn"].tolist() == [1, 2, 3, 4]
    assert set(rows["device"]) == {"tablet"}
    store.add_study(replace(store.study("other"), id="copy", slug="copy"))
    store.add_rows("copy", rows, mixed)
    copied = store.rows("copy").sort_values("turn", ignore_index=True).drop(columns="participation")
    pd.testing.assert_frame_equal(copied, rows.reset_index(drop=True).drop(columns="participation"))


def test_somebody_who_still_answers_is_on_the_way(store: Store, study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(store, study, conditions=ARMS)
    slow = store.begin("other", "slow", language="en")
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(survey_app.store, "_now", lambda: later)
    store.save_page("slow", "first", FIRST)
    assert store.begin("other", "next", language="en").condition != slow.condition


def test_a_class_that_arrives_at_once_rates_everybody_as_often(store: Store, study: Study) -> None:
    changed(store, study, influencers=FACES, rate="subset", per_respondent=2)
    begun = at_once(*[lambda key=str(key): store.begin("other", key, language="en") for key in range(24)])
    assert all(len(set(each.influencers)) == 2 for each in begun)
    assert Counter(id for each in begun for id in each.influencers) == dict.fromkeys(("mia", "noor", "sam", "lee"), 12)
    pairs = Counter(frozenset(each.influencers) for each in begun)
    assert len(pairs) == 6 and set(pairs.values()) == {4}
    assert store.participation("3") == begun[3]


def test_all_influencers_are_rated_in_an_order_that_stays(store: Store, study: Study) -> None:
    changed(store, study, influencers=FACES, rate="all")
    orders = {store.begin("other", str(number), language="en").influencers for number in range(30)}
    assert len(orders) > 10 and all(sorted(order) == ["lee", "mia", "noor", "sam"] for order in orders)
    again = store.participation("7")
    assert again is not None and again.influencers in orders
    assert store.begin("other", "7", language="en") == again


def test_pages_about_somebody_else_are_refused(store: Store, study: Study) -> None:
    changed(store, study, influencers=FACES, rate="subset", per_respondent=1)
    begun = store.begin("other", "key", language="en")
    assert begun.influencer == begun.influencers[0]
    stranger = next(face.id for face in FACES if face.id not in begun.influencers)
    for name in (stranger, "Mia", "x" * 300):
        with pytest.raises(DataError, match="not asked to rate"):
            store.save_page("key", "rated", {"b1": 1}, influencer=name)
    store.save_page("key", "rated", {"b1": 1}, influencer=begun.influencer)
    assert list(store.answers("key")) == [("rated", begun.influencer)]


def test_respondents_choose_from_the_declared_ones(store: Store, study: Study) -> None:
    changed(store, study, influencers=FACES, per_respondent=3)
    assert store.begin("other", "key", language="en").influencers == ()
    for wrong in ([], ["nobody"], ["mia", "nobody"], ["mia", "noor", "sam", "lee"]):
        with pytest.raises(DataError, match="were chosen"):
            store.choose_influencers("key", wrong)
    order = store.choose_influencers("key", ["sam", "mia", "mia"])
    assert sorted(order) == ["mia", "sam"] and store.choose_influencers("key", ["mia", "sam"]) == order
    for id in order:
        store.save_page("key", "rated", {"b1": 1}, influencer=id)
    assert store.choose_influencers("key", ["mia"]) == ("mia",)
    assert list(store.answers("key")) == [("rated", "mia")]
    begun = store.participation("key")
    assert begun is not None and (begun.influencer, begun.influencers) == ("mia", ("mia",))
    store.begin("demo", "free", language="en")
    with pytest.raises(DataError, match="0 of them are declared"):
        store.choose_influencers("free", ["mia"])


# -- waves ------------------------------------------------------------------------------------------------------


def test_the_same_person_is_met_again(store: Store, study: Study, url: str) -> None:
    other = changed(store, study, conditions=ARMS, influencers=FACES, rate="subset", per_respondent=2, **WAVES)
    people = {name: person_of_code(b"secret", other, {"mother": name}) for name in ("an", "bo", "cy", "di")}
    for name, person in people.items():
        store.begin("other", f"{name} pre", language="en", person=person)
    first = {name: store.assign(f"{name} pre") for name in people}
    assert Counter(each.condition for each in first.values()) == {"one": 2, "two": 2}
    second = {
        name: store.begin("other", f"{name} post", language="en", wave="post", person=people[name])
        for name in ("di", "an")
    }
    for name, again in second.items():
        before = first[name]
        assert (again.condition, again.influencers, again.person) == (
            before.condition,
            before.influencers,
            before.person,
        )
        assert again.id != before.id and again.wave == "post"
    rows = store.rows("other", finished_only=False)
    assert rows.groupby("person")["wave"].apply(list).to_dict() == {
        people["an"]: ["pre", "post"],
        people["bo"]: ["pre"],
        people["cy"]: ["pre"],
        people["di"]: ["pre", "post"],
    }
    assert "'an'" not in repr(everything_in(url))


def test_exported_answers_are_matched_over_waves_as_they_are(store: Store, study: Study) -> None:
    other = changed(store, study, **WAVES)
    for name, waves in (("an", ("pre", "post")), ("bo", ("pre", "post")), ("cy", ("pre",))):
        person = person_of_code(b"secret", other, {"mother": name})
        for place, wave in enumerate(waves, start=1):
            store.begin("other", f"{name} {wave}", language="en", wave=wave, person=person)
            store.save_page(f"{name} {wave}", "first", dict.fromkeys(("a1", "a2", "a3", "a4"), place + (name == "bo")))
            store.finish(f"{name} {wave}")
    scores = score(store.rows("other"), INSTRUMENT, source="other")
    wide = match_waves(scores, ["a"]).frame.sort_values(["a.pre", "a.post"], na_position="first")
    assert wide[["a.pre", "a.post"]].fillna(0).to_numpy().tolist() == [[1, 0], [1, 2], [2, 3]]


def test_a_code_that_does_not_fit_is_asked_again_and_nobody_is_lost(store: Store, study: Study) -> None:
    other = changed(store, study, **WAVES)
    an, bo = (person_of_code(b"secret", other, {"mother": name}) for name in ("an", "bo"))
    refused("code", lambda: store.begin("other", "k", language="en"))
    store.begin("other", "an", language="en", person=an)
    refused("code_taken", lambda: store.begin("other", "twin", language="en", person=an))
    assert store.begin("other", "twin", language="en", person=an, unmatched=True).person == ""
    refused("code_unknown", lambda: store.begin("other", "new", language="en", wave="post", person=bo))
    assert store.begin("other", "new", language="en", wave="post", person=bo, unmatched=True).person == bo
    refused("wave", lambda: store.begin("other", "x", language="en", wave="later", person=an))
    assert store.begin("other", "an 2", language="en", wave="post", person=an).person == an


def test_a_code_used_many_times_at_once_is_one_person(store: Store, study: Study) -> None:
    other = changed(store, study, **WAVES)
    an = person_of_code(b"secret", other, {"mother": "an"})
    results = at_once(*[lambda n=n: store.begin("other", f"k{n}", language="en", person=an) for n in range(8)])
    assert Counter(getattr(result, "reason", "begun") for result in results) == {"begun": 1, "code_taken": 7}


def test_withdrawing_deletes_the_person_in_every_wave(store: Store, study: Study, url: str) -> None:
    other = changed(store, study, **WAVES)
    an, bo = (person_of_code(b"secret", other, {"mother": name}) for name in ("an", "bo"))
    store.begin("other", "bo", language="en", person=bo)
    before = everything_in(url)
    for key, wave in (("1", "pre"), ("2", "post")):
        store.begin("other", key, language="en", person=an, wave=wave)
        store.save_page(key, "first", FIRST)
    assert store.withdraw(store.finish("2"))
    left = everything_in(url)
    assert [row[1:] for row in left.pop("audit")] == [("other", "withdrawn", datetime.now(UTC).date(), "")]
    before.pop("audit")
    assert left == before


# -- tokens -----------------------------------------------------------------------------------------------------


def test_a_token_admits_one_person_and_resumes(store: Store, study: Study, url: str) -> None:
    changed(store, study, invited=True)
    first, second = store.add_tokens("other", 2)
    assert first != second and first not in repr(everything_in(url))
    refused("token", lambda: store.begin("other", "made up", language="en"))
    for wrong in ("", "AAAA-BBBB-CCCC", "x" * 10_000, "\x00", first[:-1]):
        refused("token", lambda wrong=wrong: store.admit("other", wrong))
    key = store.admit("other", first)
    begun = store.begin("other", key, language="en")
    assert store.admit("other", f" {first.lower()} ") == key
    assert store.begin("other", key, language="nl") == begun
    code = store.finish(key)
    assert (store.token_counts("other").issued, store.token_counts("other").finished) == (2, 1)
    store.begin("other", store.admit("other", second), language="en")
    assert store.token_counts("other").started == 2
    assert store.withdraw(code)
    refused("token", lambda: store.admit("other", first))
    assert store.token_counts("other").issued == 1
    refused("unknown", lambda: store.save_page(key, "first", FIRST))


def test_a_token_of_another_study_admits_nobody(store: Store, study: Study) -> None:
    changed(store, study, invited=True)
    store.add_study(replace(study, id="third", slug="third", invited=True))
    (token,) = store.add_tokens("third", 1)
    refused("token", lambda: store.admit("other", token))
    refused("token", lambda: store.begin("other", store.admit("third", token), language="en"))


def test_a_token_matches_waves_without_any_code(store: Store, study: Study) -> None:
    changed(store, study, invited=True, conditions=ARMS, waves=WAVES["waves"])
    (token,) = store.add_tokens("other", 1)
    pre, post = (store.begin("other", store.admit("other", token, wave), language="en") for wave in ("pre", "post"))
    assert pre.person == post.person != "" and pre.condition == post.condition
    assert (pre.wave, post.wave) == ("pre", "post") and pre.id != post.id


@pytest.mark.parametrize("number", [0, -1, 100_001])
def test_as_many_tokens_as_make_sense(store: Store, study: Study, number: int) -> None:
    with pytest.raises(StoreError, match="cannot be made at once"):
        store.add_tokens("demo", number)


# -- saves in their order ---------------------------------------------------------------------------------------


def test_an_old_retry_never_overwrites_a_newer_correction(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", {"a1": 1}, sequence=1)
    store.save_page("key", "person", {"age": 20}, sequence=2)
    store.save_page("key", "first", {"a1": 2}, sequence=3, order=("a1", "a2"), paradata={"ms": 3})
    store.save_page("key", "first", {"a1": 1}, sequence=1, order=("a2", "a1"), paradata={"ms": 1})
    store.save_page("key", "first", {"a1": 2}, sequence=3)
    assert store.answers("key") == {("first", ""): {"a1": 2}, ("person", ""): {"age": 20}}
    begun = store.participation("key")
    assert begun is not None and begun.saves == 3
    told = store.paradata("demo").query("page == 'first'")
    assert told["page_ms"].tolist() == [3, 3] and told["item"].tolist() == ["a1", "a2"]
    store.save_page("key", "first", {"a1": 3})  # without a number: the newest
    store.save_page("key", "first", {"a1": 2}, sequence=3)
    assert store.answers("key")["first", ""] == {"a1": 3}
    store.finish("key")
    store.save_page("key", "first", {"a1": 1}, sequence=1)  # too late, and no harm
    refused("finished", lambda: store.save_page("key", "first", {"a1": 5}, sequence=9))
    assert store.answers("key")["first", ""] == {"a1": 3}


def test_saves_that_cross_end_with_the_newest(store: Store, study: Study) -> None:
    store.begin("demo", "key", language="en")
    calls = [lambda n=n: store.save_page("key", "first", {"a1": n}, sequence=n) for n in range(1, 21)]
    assert at_once(*calls) == [None] * 20
    assert store.answers("key")["first", ""] == {"a1": 20}


@pytest.mark.parametrize("sequence", [-5, 10**30])
def test_a_number_that_is_none_does_no_harm(store: Store, study: Study, sequence: int) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", FIRST, sequence=sequence)
    store.save_page("key", "first", {"a1": 2})
    store.save_page("key", "first", {"a1": 3})
    assert store.answers("key")["first", ""] == {"a1": 3}


# -- how people answered ----------------------------------------------------------------------------------------


def test_paradata(store: Store, study: Study) -> None:
    changed(store, study, influencers=FACES, rate="subset", per_respondent=2)
    begun = store.begin("other", "key", language="en")
    told = {"ms": 9000.4, "items": {"a1": [0, 1500, 2500], "a2": [10, None, "x"]}, "device": "phone"}
    store.save_page("key", "first", FIRST, order=("a2", "a1", "a3", "a4"), paradata=told)
    store.save_page("key", "rated", {"b1": 3, "b2": 4}, influencer=begun.influencers[1], paradata={"device": "fridge"})
    store.count_resume("key")
    store.count_resume("key")
    store.change_language("key", "nl")
    table = store.paradata("other")
    assert list(table.columns) == [
        *("participation", "influencer", "turn", "page", "item", "place", "shown_ms", "first_ms", "last_ms"),
        *("page_ms", "device", "resumes", "switches", "saved", "sequence"),
    ]
    first = table[table["page"] == "first"].set_index("item")
    assert first["place"].to_dict() == {"a2": 1, "a1": 2, "a3": 3, "a4": 4}
    assert first.loc["a1", ["shown_ms", "first_ms", "last_ms"]].tolist() == [0, 1500, 2500]
    assert first.loc["a2", "shown_ms"] == 10 and first.loc["a2", ["first_ms", "last_ms"]].isna().all()
    assert (first["page_ms"] == 9000).all() and (first["device"] == "phone").all() and (first["turn"] == 0).all()
    rated = table[table["page"] == "rated"]
    assert rated["turn"].tolist() == [2, 2] and rated["device"].isna().all() and rated["page_ms"].isna().all()
    assert (table["resumes"] == 2).all() and (table["switches"] == 1).all()
    assert str(table["saved"].dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    "told",
    [{"ms": -1, "items": []}, {"ms": True, "items": {"a1": {}}}, {"ms": "1", "items": {"a1": [1e300]}, "device": []}],
)
def test_paradata_may_be_anything(store: Store, study: Study, told: dict[str, Any]) -> None:
    store.begin("demo", "key", language="en")
    store.save_page("key", "first", FIRST, paradata=told)
    table = store.paradata("demo")
    assert len(table) == 4 and table[["shown_ms", "page_ms", "device"]].isna().all(axis=None)


def test_parameters_of_the_link_are_columns(store: Store, study: Study) -> None:
    parameters = (Parameter("prolific_pid", "PROLIFIC_PID"), Parameter("campaign", "c"))
    changed(store, study, parameters=parameters)
    store.begin("other", "1", language="en", external={"PROLIFIC_PID": "5f", "x": "y"})
    store.begin("other", "2", language="en")
    rows = store.rows("other", finished_only=False)
    assert rows.columns.tolist().index("prolific_pid") == rows.columns.tolist().index("test") + 1
    assert rows["prolific_pid"].tolist()[0] == "5f" and rows["campaign"].isna().all()
    store.finish("1")
    copied = store.rows("other")
    store.add_rows("other", copied, INSTRUMENT)
    assert store.rows("other")["prolific_pid"].tolist() == ["5f", "5f"]


# -- raffle and deletion ----------------------------------------------------------------------------------------


def test_raffle_addresses_have_no_way_back(store: Store, study: Study, url: str) -> None:
    changed(store, study, raffle=True)
    people = [f"person{number}@mail.example" for number in range(8)]
    for address in people:
        store.begin("other", address, language="en")
        refused("closed", lambda address=address: store.add_raffle_address(address, address))
        store.finish(address)
        store.add_raffle_address(address, address)
        store.add_raffle_address(address, f" {address.upper()} ")  # sent twice
        store.add_raffle_address(address, f"another.{address}")  # one entry a person
        entered = store.participation(address)
        assert entered is not None and entered.raffled
    kept = store.raffle_addresses("other")
    assert sorted(kept) == people and kept != people
    tables = everything_in(url)
    assert [column.name for column in schema.raffle.c] == ["study", "digest", "address"]
    known = {value for row in tables["participations"] for value in row if isinstance(value, str) and len(value) > 16}
    assert not known & {row[1] for row in tables["raffle"]}
    code = store.finish(people[0])
    store.withdraw(code)
    assert len(store.raffle_addresses("other")) == 8
    store.begin("demo", "no raffle", language="en")
    store.finish("no raffle")
    refused("closed", lambda: store.add_raffle_address("no raffle", "a@b.example"))


@pytest.mark.parametrize(
    "address",
    [
        *("", "me", "a@b", "a b@c.de", "a@b.c, d@e.f", "=cmd@x.y\x00@z", "a" * 300 + "@b.de"),
        *("=1+1@x.yz", "+1@x.yz", "-1@x.yz", "@x.yz", "\t=1@x.yz", "\uff1d1@x.yz", "\uff0b1@x.yz", "\uff20a@x.yz"),
    ],
)
def test_what_is_no_address_is_refused(store: Store, study: Study, address: str) -> None:
    changed(store, study, raffle=True)
    store.begin("other", "key", language="en")
    store.finish("key")
    with pytest.raises(DataError, match="no e-mail address"):
        store.add_raffle_address("key", address)
    assert store.raffle_addresses("other") == []


@pytest.mark.parametrize("address", ["o'neil+raffle@x.yz", "a=b@mail.x-y.example", "mia-l@x.yz"])
def test_what_an_address_may_hold_within_is_kept_as_it_is(store: Store, study: Study, address: str) -> None:
    changed(store, study, raffle=True)
    store.begin("other", "key", language="en")
    store.finish("key")
    store.add_raffle_address("key", address)
    assert store.raffle_addresses("other") == [address]


def test_nothing_is_purged_without_an_export_of_all_there_is(store: Store, study: Study, url: str) -> None:
    other = changed(store, study, raffle=True, invited=True)
    (token,) = store.add_tokens("other", 1)
    key = store.admit("other", token)
    store.begin("other", key, language="en")
    store.save_page(key, "first", FIRST)
    store.finish(key)
    store.add_raffle_address(key, "me@mail.example")
    store.begin("demo", "stays", language="en")
    for digest in ("", "1" * 64):
        with pytest.raises(StoreError, match="is open"):
            store.purge("other", digest)
    store.close_study("other")
    with pytest.raises(StoreError, match="not in that file as it is now"):
        store.purge("other", "1" * 64)
    store.note_export("other", store.last_change("other"), "1" * 64)
    store.begin("other", "late test", language="en", test=True)
    with pytest.raises(StoreError, match="not in that file as it is now"):
        store.purge("other", "1" * 64)
    store.note_export("other", store.last_change("other"), "2" * 64)
    with pytest.raises(StoreError, match="not in that file as it is now"):
        store.purge("other", "1" * 64)
    assert store.purge("other", "2" * 64) == 2
    left = everything_in(url)
    assert not left["raffle"] and not left["tokens"] and not left["pages"] and len(left["participations"]) == 1
    assert [line.what for line in store.audit("other")] == ["exported", "exported", "purged"]
    assert store.audit("other")[-1].detail == "2 participations" and store.study("other").title == other.title


# -- migrations -------------------------------------------------------------------------------------------------


def test_a_study_of_the_first_tables_is_carried_over(empty_url: str) -> None:
    store = Store(empty_url)
    store._make_place()
    config = Config()
    config.set_main_option("script_location", str(ROOT / "survey_app" / "migrations"))
    with store._writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    digest, now = INSTRUMENT.digest, datetime(2026, 2, 1, tzinfo=UTC)
    old = sa.MetaData()
    with engine_of(empty_url).begin() as connection:
        old.reflect(connection)
        insert = {name: table.insert() for name, table in old.tables.items()}
        content = survey_app.store.instrument_as_json(INSTRUMENT)
        row = {"digest": digest, "id": "small", "version": "1", "content": content, "added": now}
        connection.execute(insert["instruments"], row)
        texts = {"title": {"en": "Old"}, "consent": {"en": "Yes?"}, "languages": ["en"], "sources": ["poster"]}
        study = {"id": "old", "slug": "old", "instrument": digest, "state": "open", "consent_version": "1", "model": ""}
        listed = {"conditions": [{"id": "one", "label": "One"}], "influencers": []}
        connection.execute(insert["studies"], study | texts | listed | {"synthetic": False})
        person = {"id": "p1", "study": "old", "instrument": digest, "key_hash": survey_app.store._hash("key")}
        person |= {
            "language": "en",
            "source": "poster",
            "condition": "one",
            "consent_version": "1",
            "influencer": "Mia",
        }
        person |= {"started": now, "synthetic": False, "test": False, "external": {}, "revision": 1}
        connection.execute(insert["participations"], person)
        page = {"participation": "p1", "page": "first", "influencer": "", "answers": '{"a1":1}', "shown": "[]"}
        connection.execute(insert["pages"], page | {"paradata": "{}", "saved": now})
    store.migrate()
    store.check()
    found = store.study("old")
    assert found.sources == (Source("poster"),) and found.conditions == (Condition("one", "One"),)
    assert store.consents("old") == {"1": {"en": "Yes?"}}
    store.save_page("key", "first", {"a1": 2}, sequence=1)
    store.finish("key")
    rows = store.rows("old")
    assert rows[["participation", "influencer", "condition", "wave", "a1"]].values.tolist() == [
        ["p1", "Mia", "one", "", 2]
    ]
    with store._writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    store.migrate()
    assert isinstance(store.rows("old"), pd.DataFrame) and len(store.rows("old")) == 1
    store.close()


BURST = """
import sys
from survey_app.store import Store
store = Store(sys.argv[1])
for number in range(25):
    store.begin("other", f"{sys.argv[2]}.{number}", language="en")
    store.assign(f"{sys.argv[2]}.{number}")
store.close()
"""


def test_several_processes_assign_as_one(store: Store, study: Study, url: str) -> None:
    changed(store, study, conditions=ARMS, influencers=FACES, rate="subset", per_respondent=1)
    processes = [
        subprocess.Popen([sys.executable, "-c", BURST, url, str(number)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    rows = store.rows("other", finished_only=False)
    assert Counter(rows["condition"]) == {"one": 50, "two": 50}
    assert max(Counter(zip(rows["condition"], rows["influencer"], strict=True)).values()) <= 14
    people = schema.participations
    with engine_of(url).connect() as connection:
        for number in (people.c.arrival, people.c.assigned):
            numbers = connection.execute(sa.select(number).where(people.c.study == "other")).scalars()
            assert sorted(numbers) == list(range(1, 101))
