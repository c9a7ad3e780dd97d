"""How many milliseconds a full refit takes: from raw answers to every number of the results screen.

python tests/benchmarks/refit.py [-n 1000] [--rounds 9]

Each round has a fresh seed, so no earlier draw is remembered. Prints the median and the best of each step.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.importance import central_claim, fit_dominance
from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.regression import fit_regression
from analysis.reliability import reliability_table
from analysis.scoring import Scores, score_scales

DRAWS = 5000
SCALES = ("physical", "social", "homophily", "psi", "trust", "purchase", "exposure")
SERIAL = parse_model(
    "psi ~ physical + social + homophily; trust ~ psi; purchase ~ psi + trust + physical + social + homophily"
)
CAUSES = parse_model("psi ~ physical + social + homophily")


def answers(n: int) -> pd.DataFrame:
    """Seven scales of five seven-point items."""
    rng = np.random.default_rng(n)
    trait = rng.normal(size=(n, len(SCALES)))
    trait[:, 3] += trait[:, :3] @ [0.2, 0.4, 0.4]
    trait[:, 4] += 0.6 * trait[:, 3]
    trait[:, 5] += 0.3 * trait[:, 3] + 0.4 * trait[:, 4]
    return pd.DataFrame(
        {
            f"{scale}{item}": np.rint(np.clip(4 + trait[:, k] + rng.normal(0, 0.7, n), 1, 7))
            for k, scale in enumerate(SCALES)
            for item in range(1, 6)
        }
    )


def refit(rows: pd.DataFrame, seed: int) -> dict[str, float]:
    """Milliseconds of each step of one full refit."""
    spent: dict[str, float] = {}

    def step(name: str, call: Callable[[], object]) -> object:
        start = time.perf_counter()
        answer = call()
        spent[name] = (time.perf_counter() - start) * 1000
        return answer

    named = {scale: [f"{scale}{item}" for item in range(1, 6)] for scale in SCALES}
    scores = step("score seven scales", lambda: score_scales(rows, named, source="benchmark"))
    assert isinstance(scores, Scores)
    step("seven reliabilities", lambda: reliability_table(scores))
    step("regression with HC3", lambda: fit_regression(SERIAL, scores))
    step("serial mediation, 5,000 draws", lambda: fit_paths(SERIAL, scores, seed=seed, draws=DRAWS))
    step("dominance", lambda: fit_dominance(CAUSES, scores, seed=seed, draws=DRAWS))
    step("verdict on the claim", lambda: central_claim(scores, seed=seed, draws=DRAWS))
    spent["everything"] = sum(spent.values())
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    rows = answers(asked.n)
    refit(rows, 999)
    rounds = [refit(rows, seed) for seed in range(1, asked.rounds + 1)]
    print(f"Full refit at n = {asked.n:,}, {os.cpu_count()} cores, {asked.rounds} rounds, ms (median, best)")
    for name in rounds[0]:
        times = [spent[name] for spent in rounds]
        print(f"  {name:30s} {statistics.median(times):8.1f} {min(times):8.1f}")


if __name__ == "__main__":
    main()
