"""Do conditions stay balanced when lecture halls arrive at once and three in ten do not finish?

    python -m tests.benchmarks.conditions [--database URL] [--stores 2] [--repeats 200]

Four bursts of 100 people, each within a minute, half an hour apart; six pages, read at everybody's own speed; 30 in 100
leave, at any of the pages with the same chance. The page that needs the condition is the first, the fourth or the last.
Printed is, for two and three conditions, how far completed counts are apart ((most - fewest) / most): the median, the
95th percentile and in how many seeds at most 5 %. Four rules: ours; ours without looking at pauses; the two criteria
one after the other (fewest completed, then fewest on the way); and a coin, which is simple randomisation. Then the same
in the store, with real participations, and the same order and seed assigned again.

What cannot be passed ("divided evenly, then left"): nobody knows who will leave among those assigned last. Here all
bursts but the last come out even by themselves, the last one is divided evenly, and then each leaves by chance: with m
people of the last burst in each of two conditions, of whom a share d leaves after being assigned, the difference of the
completed counts has the standard deviation sqrt(2 m d (1 - d)). With the condition on the first page m = 50 and
d = 0.3, so 4.6 people of 140: within 5 % in about nine of ten seeds, in about half with three conditions, where all are
assigned before the first leaves. Only a later page lowers d, and lets the people of one burst arrive at it one after
the other: those who finished or fell silent by then can still be made up for by those assigned last, so that there a
rule does better than this line.
"""

from __future__ import annotations

import argparse
import heapq
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

import survey_app.store
from analysis.instrument import Choices, Instrument, Item, Page
from survey_app.assignment import ACTIVE, PAUSE, Tallies, Tally, next_condition
from survey_app.store import Store
from survey_app.study import Condition, Study

BURSTS, PEOPLE, DROP_OUT, PAGES = 4, 100, 0.3, 6
APART, ARRIVING, READING = 1800.0, 60.0, 40.0
"""Seconds between bursts, within one, and on a page (the median)."""
DECISIVE = (0, 3, 5)
BEGUN = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Move:
    """Somebody is about to see a page (their number, the page from 0; `PAGES` is the end); `leaves` there or not."""

    at: float
    person: int
    page: int
    leaves: bool


def moves(seed: int) -> Iterator[Move]:
    """All that happens, in the order of time."""
    chance, waiting = random.Random(seed), list[tuple[float, int, int]]()
    speed: dict[int, float] = {}
    ends: dict[int, int] = {}
    for person in range(BURSTS * PEOPLE):
        speed[person] = chance.lognormvariate(0, 0.35)
        ends[person] = chance.randrange(PAGES) if chance.random() < DROP_OUT else PAGES
        heapq.heappush(waiting, (person // PEOPLE * APART + chance.uniform(0, ARRIVING), person, 0))
    while waiting:
        at, person, page = heapq.heappop(waiting)
        yield Move(at, person, page, page == ends[person] < PAGES)
        if page < ends[person]:
            took = READING * chance.lognormvariate(0, 0.4) * speed[person]
            heapq.heappush(waiting, (at + took, person, page + 1))


def design(arms: int, seed: int) -> Study:
    conditions = tuple(Condition(f"c{number}", f"Condition {number}") for number in range(1, arms + 1))
    study = Study("trial", "trial", {"en": "T"}, "0" * 64, ("en",), "open", {"en": "C"}, "1", seed=seed)
    return replace(study, conditions=conditions)


def distance(finished: Counter[str], study: Study) -> float:
    counts = [finished[condition.id] for condition in study.conditions]
    return (max(counts) - min(counts)) / max(counts)


# -- on paper -------------------------------------------------------------------------------------------------------

Rule = Callable[[Study, dict[str, Tally], int, random.Random], str]


def ours(study: Study, tallies: dict[str, Tally], number: int, chance: random.Random) -> str:
    return next_condition(study, Tallies({(id, "", ()): tally for id, tally in tallies.items()}), number)


def without_pauses(study: Study, tallies: dict[str, Tally], number: int, chance: random.Random) -> str:
    plain = {id: Tally(each.finished, each.active + each.silent, each.gone) for id, each in tallies.items()}
    return ours(study, plain, number, chance)


def one_after_the_other(study: Study, tallies: dict[str, Tally], number: int, chance: random.Random) -> str:
    def rank(condition: Condition) -> tuple[int, int, float]:
        tally = tallies[condition.id]
        return tally.finished, tally.active + tally.silent, chance.random()

    return min(study.conditions, key=rank).id


def coin(study: Study, tallies: dict[str, Tally], number: int, chance: random.Random) -> str:
    return chance.choice(study.conditions).id


def on_paper(study: Study, rule: Rule, seed: int, decisive: int) -> float:
    """The distance after the same people, without a store."""
    chance, assigned = random.Random(seed), dict[int, str]()
    finished, seen = Counter[str](), dict[str, dict[int, float]]()
    seen = {condition.id: {} for condition in study.conditions}
    for move in moves(seed):
        if move.page == decisive:
            tallies = {id: _tally(finished[id], times, move.at) for id, times in seen.items()}
            assigned[move.person] = rule(study, tallies, len(assigned) + 1, chance)
        if move.person in assigned:
            arm = assigned[move.person]
            seen[arm][move.person] = move.at
            if move.page == PAGES:
                del seen[arm][move.person]
                finished[arm] += 1
    return distance(finished, study)


def _tally(finished: int, seen: dict[int, float], now: float) -> Tally:
    quiet = [now - at for at in seen.values()]
    active = sum(time < PAUSE.total_seconds() for time in quiet)
    there = sum(time < ACTIVE.total_seconds() for time in quiet)
    return Tally(finished, active, len(quiet) - there, there - active)


def at_best(study: Study, seed: int, decisive: int) -> float:
    """The distance where the earlier bursts came out even, and the last one was divided evenly and then left."""
    chance, arms = np.random.Generator(np.random.SFC64(seed)), len(study.conditions)
    stay = 1 - DROP_OUT * decisive / PAGES
    reached = chance.binomial(PEOPLE, stay)
    each = np.full(arms, reached // arms) + (np.arange(arms) < reached % arms)
    before = round((BURSTS - 1) * PEOPLE * (1 - DROP_OUT) / arms)
    done = before + chance.binomial(each, (1 - DROP_OUT) / stay)
    return float((done.max() - done.min()) / done.max())


# -- in the store ---------------------------------------------------------------------------------------------------


def instrument_of(decisive: int) -> Instrument:
    """Six pages of a question each; one of them is about the condition."""
    yes = Choices("yes", (0, 1), {"en": ("no", "yes")})
    items = tuple(Item(f"q{number}", {"en": "Q?"}, choices=yes) for number in range(PAGES))
    texts = ["About {condition}" if number == decisive else "Page" for number in range(PAGES)]
    pages = tuple(Page(f"p{number}", {"en": text}, (f"q{number}",)) for number, text in enumerate(texts))
    return Instrument(f"trial{decisive}", "1", {"en": "T"}, ("en",), items, (), pages)


def in_the_store(store: Store, study: Study, seed: int, decisive: int) -> tuple[Counter[str], list[str]]:
    """The completed counts, and who got what in the order of the assignments."""
    finished, order, arms = Counter[str](), list[str](), dict[int, str]()
    for move in moves(seed):
        survey_app.store._now = lambda move=move: BEGUN + timedelta(seconds=move.at)
        key = f"{study.slug}.{move.person}"
        if move.page == 0:
            store.begin(study.slug, key, language="en")
        else:
            store.save_page(key, f"p{move.page - 1}", {f"q{move.page - 1}": 1})
        if move.page == decisive:
            arms[move.person] = store.assign(key).condition
            order.append(arms[move.person])
        if move.page == PAGES:
            store.finish(key)
            finished[arms[move.person]] += 1
    return finished, order


def fresh(url: str | None, folder: str, name: str, study: Study, decisive: int) -> Store:
    store = Store(url or f"sqlite:///{Path(folder) / name}.sqlite")
    store.migrate()
    store.add_study(replace(study, instrument=store.add_instrument(instrument_of(decisive))))
    return store


def shown(finished: Counter[str], study: Study) -> str:
    counts = ", ".join(f"{condition.id} {finished[condition.id]}" for condition in study.conditions)
    return f"{counts}; {distance(finished, study):.1%} apart"


def show_store(url: str | None, arms: int, decisive: int, stores: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, stores + 1):
            slug = f"trial-{arms}-{decisive}-{seed}"
            study = replace(design(arms, seed), id=slug.replace("-", "_"), slug=slug)
            store = fresh(url, folder, slug, study, decisive)
            finished, order = in_the_store(store, study, seed, decisive)
            counts = store.counts(slug).by_condition
            assert {id: each.finished for id, each in counts.items()} == finished
            store.close()
            again = fresh(None, folder, f"{slug}-again", study, decisive)
            same = in_the_store(again, study, seed, decisive)[1] == order
            again.close()
            alike = "the same" if same else "ANOTHER"
            print(
                f"    in the store, seed {seed}: {shown(finished, study)}; the same seed and order: {alike} assignment"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", help="an empty PostgreSQL database; SQLite files if left out")
    parser.add_argument("--stores", type=int, default=2, help="how many seeds to try in the store")
    parser.add_argument("--repeats", type=int, default=200)
    asked = parser.parse_args()
    seeds = range(asked.repeats)
    rules: dict[str, Rule] = {
        "ours": ours, "without pauses": without_pauses, "one after the other": one_after_the_other, "coin": coin,
    }  # fmt: skip
    print(f"{BURSTS * PEOPLE} arrivals in bursts of {PEOPLE}, {DROP_OUT:.0%} leave somewhere on {PAGES} pages")
    for arms in (2, 3):
        for decisive in DECISIVE:
            print(f"{arms} conditions, needed on page {decisive + 1}    median   95 %   within 5 %")
            found = {
                name: [on_paper(design(arms, seed), rule, seed, decisive) for seed in seeds]
                for name, rule in rules.items()
            }
            found["divided evenly, then left"] = [at_best(design(arms, seed), seed, decisive) for seed in seeds]
            for name, distances in found.items():
                apart = np.array(distances)
                middle, high = np.quantile(apart, (0.5, 0.95))
                print(f"    {name:30s}{middle:6.1%} {high:6.1%} {np.mean(apart <= 0.05):9.1%}", flush=True)
            show_store(asked.database, arms, decisive, asked.stores)


if __name__ == "__main__":
    main()
