"""Do conditions stay balanced when lecture halls arrive at once and three in ten do not finish?

    python tests/benchmarks/conditions.py [--database URL] [--arms 2] [--seed 1] [--repeats 500]

Four bursts of 100 people, half an hour apart. All of a burst begin (in the store, at the same moment, 20 at a time)
before the first of them can finish; 30 in 100 never do. Printed are the completed counts in the store for some seeds,
the same assignment made again, and how three rules do over many seeds: ours, the two criteria one after the other
(fewest completed, then fewest on the way), and a coin. Last comes what no rule can pass that assigns on arrival: who
drops out of the last burst cannot be made up for. The distance between conditions is (most - fewest) / most.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

import survey_app.store
from analysis.instrument import load_instrument
from survey_app.assignment import Tallies, Tally, next_condition
from survey_app.store import Store
from survey_app.study import Condition, Study

BURSTS, PEOPLE, DROP_OUT = 4, 100, 0.3
APART = timedelta(minutes=30)
AT_ONCE = 20


def design(arms: int, seed: int) -> Study:
    conditions = tuple(Condition(f"c{number}", f"Condition {number}") for number in range(1, arms + 1))
    study = Study("trial", "trial", {"en": "T"}, "0" * 64, ("en",), "open", {"en": "C"}, "1", seed=seed)
    return replace(study, conditions=conditions)


def distance(finished: Counter[str], study: Study) -> float:
    counts = [finished[condition.id] for condition in study.conditions]
    return (max(counts) - min(counts)) / max(counts)


def in_the_store(store: Store, study: Study, seed: int, at_once: int) -> tuple[Counter[str], list[str]]:
    """The completed counts, and who got what in the order of arrival (which is fixed where one begins at a time)."""
    clock = datetime(2026, 3, 2, 9, tzinfo=UTC)
    survey_app.store._now = lambda: clock
    drops, finished, order = random.Random(seed), Counter[str](), list[str]()
    for burst in range(BURSTS):
        keys = [f"{study.slug}.{burst}.{number}" for number in range(PEOPLE)]
        with ThreadPoolExecutor(at_once) as pool:
            begun = list(pool.map(lambda key: store.begin(study.slug, key, language="en"), keys))
        order += [participation.condition for participation in begun]
        clock += timedelta(minutes=7)
        for key, participation in zip(keys, begun, strict=True):
            if drops.random() >= DROP_OUT:
                store.finish(key)
                finished[participation.condition] += 1
        clock += APART - timedelta(minutes=7)
    return finished, order


Rule = Callable[[Study, Counter[str], Counter[str], int, int, random.Random], str]


def ours(study: Study, finished: Counter[str], active: Counter[str], gone: int, arrival: int, _: random.Random) -> str:
    ids = [condition.id for condition in study.conditions]
    groups = {(id, "", ()): Tally(finished[id], active[id], gone if id == ids[0] else 0) for id in ids}
    return next_condition(study, Tallies(groups), arrival)


def one_after_the_other(
    study: Study, finished: Counter[str], active: Counter[str], gone: int, arrival: int, draws: random.Random
) -> str:
    return min(study.conditions, key=lambda c: (finished[c.id], active[c.id], draws.random())).id


def coin(
    study: Study, finished: Counter[str], active: Counter[str], gone: int, arrival: int, draws: random.Random
) -> str:
    return draws.choice(study.conditions).id


def on_paper(study: Study, rule: Rule, seed: int) -> float:
    """The distance after the same arrivals, without a store."""
    draws, finished, gone, arrival = random.Random(seed), Counter[str](), 0, 0
    for _ in range(BURSTS):
        active: Counter[str] = Counter()
        for _ in range(PEOPLE):
            arrival += 1
            active[rule(study, finished, active, gone, arrival, draws)] += 1
        for id, number in active.items():
            done = sum(draws.random() >= DROP_OUT for _ in range(number))
            finished[id] += done
            gone += number - done
    return distance(finished, study)


def at_best(study: Study, seed: int) -> float:
    """The distance where the earlier bursts came out even, and the last one was divided evenly."""
    draws, arms = np.random.Generator(np.random.SFC64(seed)), len(study.conditions)
    done = (BURSTS - 1) * PEOPLE * (1 - DROP_OUT) / arms + draws.binomial(PEOPLE // arms, 1 - DROP_OUT, arms)
    return float((done.max() - done.min()) / done.max())


def shown(finished: Counter[str], study: Study) -> str:
    counts = ", ".join(f"{condition.id} {finished[condition.id]}" for condition in study.conditions)
    return f"{counts}; {distance(finished, study):.1%} apart"


def fresh(url: str | None, folder: str, name: str, study: Study) -> Store:
    store = Store(url or f"sqlite:///{Path(folder) / name}.sqlite")
    store.migrate()
    store.add_study(replace(study, instrument=store.add_instrument(load_instrument("psi_core"))))
    return store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", help="an empty PostgreSQL database; SQLite files if left out")
    parser.add_argument("--arms", type=int, default=2)
    parser.add_argument("--stores", type=int, default=5, help="how many seeds to try in the store")
    parser.add_argument("--repeats", type=int, default=500)
    asked = parser.parse_args()
    print(f"{BURSTS * PEOPLE} arrivals in bursts of {PEOPLE}, {DROP_OUT:.0%} drop out, {asked.arms} conditions")
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(1, asked.stores + 1):
            study = replace(design(asked.arms, seed), id=f"trial_{seed}", slug=f"trial-{seed}")
            store = fresh(asked.database, folder, "bursts", study)
            finished, _ = in_the_store(store, study, seed, AT_ONCE)
            counts = store.counts(study.slug).by_condition
            assert {id: each.finished for id, each in counts.items()} == finished
            print(f"in the store, {AT_ONCE} at once, seed {seed}: {shown(finished, study)}")
            store.close()
        orders = []
        for name in ("first", "second"):
            study = design(asked.arms, 1)
            store = fresh(None, folder, name, study)
            orders.append(in_the_store(store, study, 1, 1)[1])
            store.close()
        print(f"the same seed and order again: {'the same' if orders[0] == orders[1] else 'ANOTHER'} assignment")
    print(f"over {asked.repeats} seeds   median   95 %    worst   within 5 %")
    rules: dict[str, Rule] = {"ours": ours, "one after the other": one_after_the_other, "coin": coin}
    seeds = range(asked.repeats)
    found = {name: [on_paper(design(asked.arms, seed), rule, seed) for seed in seeds] for name, rule in rules.items()}
    found["the best there is"] = [at_best(design(asked.arms, seed), seed) for seed in seeds]
    for name, distances in found.items():
        apart = np.array(distances)
        middle, high = np.quantile(apart, (0.5, 0.95))
        print(f"{name:20s}{middle:6.1%} {high:7.1%} {apart.max():7.1%} {np.mean(apart <= 0.05):9.1%}")


if __name__ == "__main__":
    main()
