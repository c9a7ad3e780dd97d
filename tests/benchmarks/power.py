"""Monte Carlo power beside the loop over draws it replaces, in one run: `python tests/benchmarks/power.py`.

1,000 simulated studies x 1,000 bootstrap samples, x -> m -> y, n = 200. The loops run a few studies and are scaled up.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from analysis.power import parse_plan, plan

REPLICATIONS, DRAWS, N = 1000, 1000, 200


def one_study(rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=N)
    m = 0.3 * x + np.sqrt(1 - 0.09) * rng.normal(size=N)
    y = 0.3 * m + 0.1 * x + np.sqrt(1 - 0.118) * rng.normal(size=N)
    return np.column_stack([x, m, y])


def lstsq_per_draw(studies: int) -> float:
    """The share of studies whose percentile interval leaves out zero, one least-squares fit per draw and equation."""
    rng = np.random.Generator(np.random.SFC64(1))
    hits = 0
    for _ in range(studies):
        rows = one_study(rng)
        effects = np.empty(DRAWS)
        for draw in range(DRAWS):
            x, m, y = rows[rng.integers(0, N, N)].T
            ones = np.ones(N)
            a = np.linalg.lstsq(np.column_stack([ones, x]), m, rcond=None)[0][1]
            b = np.linalg.lstsq(np.column_stack([ones, x, m]), y, rcond=None)[0][2]
            effects[draw] = a * b
        low, high = np.quantile(effects, [0.025, 0.975])
        hits += low > 0 or high < 0
    return hits / studies


def statsmodels_per_draw(studies: int) -> float:
    """The same with statsmodels' OLS."""
    import statsmodels.api as sm

    rng = np.random.Generator(np.random.SFC64(1))
    hits = 0
    for _ in range(studies):
        rows = one_study(rng)
        effects = np.empty(DRAWS)
        for draw in range(DRAWS):
            x, m, y = rows[rng.integers(0, N, N)].T
            a = sm.OLS(m, sm.add_constant(x)).fit().params[1]
            effects[draw] = a * sm.OLS(y, sm.add_constant(np.column_stack([x, m]))).fit().params[2]
        low, high = np.quantile(effects, [0.025, 0.975])
        hits += low > 0 or high < 0
    return hits / studies


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    model, effects = parse_plan("m ~ 0.3*x; y ~ 0.3*m + 0.1*x")
    ours, lstsq = [], []
    for _ in range(3):
        ours.append(seconds(lambda: plan(model, effects, n=[N], draws=DRAWS, replications=REPLICATIONS)))
        lstsq.append(seconds(lambda: lstsq_per_draw(3)))
    sm = seconds(lambda: statsmodels_per_draw(1))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {REPLICATIONS} studies x {DRAWS} draws, n = {N}")
    for place, kind in enumerate(("wall", "cpu")):
        mine = statistics.median(one[place] for one in ours)
        loop = statistics.median(one[place] for one in lstsq) * REPLICATIONS / 3
        other = sm[place] * REPLICATIONS
        loops = f"lstsq per draw {loop:.0f} s ({loop / mine:.0f} x), statsmodels {other:.0f} s ({other / mine:.0f} x)"
        print(f"{kind}: plan {mine:.2f} s; {loops}")
    print("aim: at least 100 x the per-draw loop")


if __name__ == "__main__":
    main()
