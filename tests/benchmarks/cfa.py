"""How fast is a factor model beside semopy and lavaan? All in one run, ratios printed, nothing asserted.

    python tests/benchmarks/cfa.py [repeats]

Medians of process time, so that other work on the machine counts less. semopy and Rscript with lavaan take part where
they are installed.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.cfa import fit_cfa
from analysis.invariance import fit_invariance
from analysis.model import parse_model
from analysis.moments import as_moments
from analysis.ordinal_cfa import fit_ordinal_cfa
from analysis.scoring import Scores

TEXT = "f =~ a1 + a2 + a3\ng =~ b1 + b2 + b3\nh =~ c1 + c2 + c3"
ITEMS = [f"{letter}{number}" for letter in "abc" for number in (1, 2, 3)]
LAVAAN = """
suppressMessages(library(lavaan)); d <- read.csv(commandArgs(TRUE)[1]); k <- as.integer(commandArgs(TRUE)[2])
M <- "f =~ a1 + a2 + a3\ng =~ b1 + b2 + b3\nh =~ c1 + c2 + c3"; it <- names(d)[1:9]
m <- d; m[it] <- lapply(m[it], function(v) replace(v, sample(length(v), length(v) %/% 20), NA))
once <- function(f) { f(); median(replicate(k, { t <- proc.time(); f(); u <- proc.time() - t; sum(u[1:2]) })) }
whole <- function(f) { fitMeasures(f); standardizedSolution(f) }
cat(sprintf('{"ml_lean": %f, "ml": %f, "mlr": %f, "invariance": %f, "fiml": %f, "wlsmv": %f}',
  once(function() cfa(M, d)), once(function() whole(cfa(M, d))), once(function() whole(cfa(M, d, estimator = "MLR"))),
  once(function() for (e in list("none", "loadings", c("loadings", "intercepts"),
    c("loadings", "intercepts", "residuals"))) fitMeasures(cfa(M, d, group = "group", group.equal = e))),
  once(function() whole(cfa(M, m, missing = "fiml"))), once(function() whole(cfa(M, d, ordered = it)))))
"""


def simulated(n: int) -> pd.DataFrame:
    rng = np.random.Generator(np.random.SFC64(20))
    factors = rng.multivariate_normal(np.zeros(3), np.full((3, 3), 0.4) + 0.6 * np.eye(3), size=n)
    tendency = np.repeat(factors, 3, axis=1) * 0.8 + rng.normal(size=(n, 9)) * 0.6
    frame = pd.DataFrame(np.digitize(tendency, [-1.2, -0.4, 0.4, 1.2]) + 1.0, columns=ITEMS)
    return frame.assign(group=np.where(rng.random(n) < 0.5, "a", "b"))


def measured(call: Callable[[], object], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


def ours(frame: pd.DataFrame, repeats: int) -> dict[str, float]:
    model, scores = parse_model(TEXT), Scores.from_scored(frame, source="simulated")
    moments = as_moments(scores, ITEMS)
    holes = frame.copy()
    rng = np.random.Generator(np.random.SFC64(1))
    holes[ITEMS] = holes[ITEMS].mask(rng.random((len(frame), 9)) < 0.05)
    gaps = Scores.from_scored(holes, source="simulated")
    return {
        "ml": measured(lambda: fit_cfa(model, moments), repeats),
        "ml from rows": measured(lambda: fit_cfa(model, scores), repeats),
        "mlr": measured(lambda: fit_cfa(model, scores, robust="mlr"), repeats),
        "invariance": measured(lambda: fit_invariance(model, scores, "group"), repeats),
        "fiml": measured(lambda: fit_cfa(model, gaps, missing="fiml"), repeats),
        "wlsmv": measured(lambda: fit_ordinal_cfa(model, scores), repeats),
    }


def semopys(frame: pd.DataFrame, repeats: int) -> dict[str, float]:
    try:
        import semopy
    except ImportError:
        return {}

    def lean() -> object:
        return semopy.Model(TEXT).fit(frame[ITEMS])

    def whole() -> object:
        model = semopy.Model(TEXT)
        model.fit(frame[ITEMS])
        return model.inspect(std_est=True), semopy.calc_stats(model)

    return {"ml_lean": measured(lean, repeats), "ml": measured(whole, repeats)}


def lavaans(frame: pd.DataFrame, repeats: int) -> dict[str, float]:
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder) / "data.csv", Path(folder) / "cfa.R"
        frame.to_csv(data, index=False)
        script.write_text(LAVAAN)
        done = subprocess.run(
            ["Rscript", str(script), str(data), str(repeats)], capture_output=True, text=True, check=False
        )
    found: dict[str, float] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def main() -> None:
    import warnings

    warnings.simplefilter("ignore")
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"{os.cpu_count()} cores, medians of {repeats}, CPU milliseconds; in brackets: times ours")
    for n in (300, 3000):
        frame = simulated(n)
        with threadpool_limits(1):
            mine, semopy, lavaan = ours(frame, repeats), semopys(frame, repeats), lavaans(frame, min(repeats, 5))
        print(f"\nn = {n}, 9 five-point items, 3 factors")
        for name, seconds in mine.items():
            line = f"{name:14s} {seconds * 1e3:8.2f}"
            for label, others in (("semopy", semopy), ("lavaan", lavaan)):
                for key in ("ml_lean", "ml") if name == "ml" else (name,):
                    if key in others:
                        line += f"   {label} {key} {others[key] * 1e3:8.1f} ({others[key] / seconds:.0f}x)"
            print(line)


if __name__ == "__main__":
    main()
