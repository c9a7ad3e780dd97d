from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest

from survey_app.assignment import Tallies, Tally, next_condition, next_influencers
from survey_app.study import Condition, Influencer, Study

STUDY = Study("demo", "demo", {"en": "Demo"}, "0" * 64, ("en",), "open", {"en": "Agree?"}, "1", seed=11)
ARMS = replace(STUDY, conditions=(Condition("control", "Control"), Condition("ad", "Ad"), Condition("gift", "Gift")))
FACES = replace(
    STUDY, rate="subset", per_respondent=3, influencers=tuple(Influencer(f"i{n}", f"I {n}") for n in range(1, 8))
)


def tallies(**groups: Tally) -> Tallies:
    return Tallies({(condition, "", ()): tally for condition, tally in groups.items()})


def plus(tally: Tally | None, *, finished: int = 0, active: int = 0) -> Tally:
    before = tally or Tally()
    return replace(before, finished=before.finished + finished, active=before.active + active)


def test_the_condition_with_the_fewest_finished_comes_first_where_nobody_is_on_the_way() -> None:
    assert next_condition(ARMS, tallies(control=Tally(5), ad=Tally(4), gift=Tally(5)), 15) == "ad"


def test_among_as_many_finished_the_one_with_the_fewest_on_the_way() -> None:
    assert next_condition(ARMS, tallies(control=Tally(4, 1), ad=Tally(4, 2), gift=Tally(5)), 17) in ("control", "gift")
    assert next_condition(ARMS, tallies(control=Tally(4, 1), ad=Tally(4, 2), gift=Tally(5, 2)), 19) == "control"


def test_a_whole_hall_does_not_rush_into_the_condition_that_lags_by_one() -> None:
    groups = {"control": Tally(30, 0, 15), "ad": Tally(29, 0, 15), "gift": Tally(30, 0, 15)}
    for arrival in range(100):
        chosen = next_condition(ARMS, tallies(**groups), arrival)
        groups[chosen] = plus(groups[chosen], active=1)
    assert sorted(tally.active for tally in groups.values()) == [33, 33, 34]


def test_those_on_the_way_count_by_the_share_that_usually_finishes() -> None:
    """A third finishes: five on the way are worth less than two who have finished, nine are worth about three."""
    assert next_condition(ARMS, tallies(control=Tally(2, 5, 27), ad=Tally(5), gift=Tally(5)), 3) == "control"
    assert next_condition(ARMS, tallies(control=Tally(2, 9, 27), ad=Tally(5), gift=Tally(9)), 3) == "ad"


def test_weights() -> None:
    study = replace(ARMS, conditions=(Condition("one", "1"), Condition("two", "2", weight=2)))
    got: dict[str, Tally] = {}
    for arrival in range(300):
        chosen = next_condition(study, tallies(**got), arrival)
        got[chosen] = plus(got.get(chosen), finished=1)
    assert {id: tally.finished for id, tally in got.items()} == {"one": 100, "two": 200}


def test_a_condition_that_has_enough_is_not_assigned_any_more() -> None:
    study = replace(ARMS, conditions=(Condition("one", "1", quota=2), Condition("two", "2")))
    assert next_condition(study, tallies(one=Tally(2), two=Tally(50)), 53) == "two"


def test_the_lot_falls_alike_again_and_favours_nobody() -> None:
    drawn = [next_condition(ARMS, Tallies(), arrival) for arrival in range(900)]
    assert drawn == [next_condition(ARMS, Tallies(), arrival) for arrival in range(900)]
    assert drawn != [next_condition(replace(ARMS, seed=12), Tallies(), arrival) for arrival in range(900)]
    assert all(240 < times < 360 for times in Counter(drawn).values())


def test_a_study_without_conditions_assigns_none() -> None:
    assert next_condition(STUDY, Tallies(), 1) == ""


def test_influencers_in_a_balanced_incomplete_design() -> None:
    """Seven taken three at a time: with 70 people each is rated 30 times, and each pair meets 10 times."""
    groups: dict[tuple[str, str, tuple[str, ...]], Tally] = {}
    for arrival in range(70):
        rated = next_influencers(FACES, Tallies(groups), arrival, "")
        assert len(set(rated)) == 3
        groups["", "", rated] = plus(groups.get(("", "", rated)), finished=1)
    times = Counter(id for (_, _, rated), tally in groups.items() for id in rated * tally.finished)
    met = Counter(
        frozenset(pair)
        for (_, _, rated), tally in groups.items()
        for pair in list(combinations(rated, 2)) * tally.finished
    )
    assert set(times.values()) == {30}
    assert len(met) == 21 and all(7 <= number <= 13 for number in met.values())
    first = Counter(rated[0] for (_, _, rated), tally in groups.items() for _ in range(tally.finished))
    assert len(first) == 7  # everybody comes first for somebody


def test_influencers_are_balanced_within_each_condition() -> None:
    groups = {("ad", "", ("i1", "i2", "i3")): Tally(5)}
    assert not {"i1", "i2", "i3"} & set(next_influencers(FACES, Tallies(groups), 6, "ad"))
    other = [next_influencers(FACES, Tallies(groups), arrival, "control") for arrival in range(100)]
    assert {"i1", "i2", "i3"} & {id for rated in other for id in rated}


@pytest.mark.parametrize("rate", ["all", "subset"])
def test_the_order_is_random_and_falls_alike_again(rate: str) -> None:
    study = replace(FACES, rate=rate, per_respondent=1 if rate == "all" else 7)  # type: ignore[arg-type]
    orders = [next_influencers(study, Tallies(), arrival, "") for arrival in range(200)]
    assert orders == [next_influencers(study, Tallies(), arrival, "") for arrival in range(200)]
    assert all(sorted(order) == [f"i{n}" for n in range(1, 8)] for order in orders)
    assert all(13 <= times <= 50 for times in Counter(order[0] for order in orders).values())


def test_whoever_is_chosen_by_the_respondent_is_not_assigned() -> None:
    assert next_influencers(replace(FACES, rate="chosen"), Tallies(), 1, "") == ()
