"""How long the engine takes beside others: pingouin, pyprocessmacro, R where installed, and bare NumPy.

python tests/benchmarks/engine.py [--quick]

Every contender is timed in the same run, round by round, so that a busy machine slows all of them, and each with one
BLAS thread, which is the faster way for all of them; the table gives medians and ratios. A fresh seed each round keeps
the library from remembering earlier draws.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from refit import DRAWS, answers, refit
from threadpoolctl import threadpool_limits

from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.scoring import Scores

THREE = "m1 ~ x; m2 ~ x; m3 ~ x; y ~ x + m1 + m2 + m3"
SLOW_ROUNDS = 3
R_SCRIPT = """
suppressMessages(library(boot))
d <- read.csv(commandArgs(TRUE)[1])
slope <- function(x, y, k) .lm.fit(x, y)$coefficients[k]
f <- function(z, i) {
  z <- as.matrix(z[i, ]); x <- cbind(1, z[, "x"])
  b <- slope(cbind(x, z[, 2:4]), z[, "y"], 3:5)
  c(slope(x, z[, 2], 2), slope(x, z[, 3], 2), slope(x, z[, 4], 2)) * b
}
t <- system.time({
  set.seed(1); b <- boot(d, f, as.integer(commandArgs(TRUE)[2])); apply(b$t, 2, quantile, c(.025, .975))
})
cat(t[["elapsed"]])
"""


def three_mediators(n: int) -> pd.DataFrame:
    """x, three mediators, y."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    m = 0.4 * x[:, None] + rng.normal(size=(n, 3))
    y = 0.2 * x + m @ [0.3, 0.3, 0.2] + rng.normal(size=n)
    return pd.DataFrame({"x": x, "m1": m[:, 0], "m2": m[:, 1], "m3": m[:, 2], "y": y})


def floor(values: np.ndarray, seed: int) -> np.ndarray:
    """The least NumPy can do: counts, one product, one batched solve, quantiles. No names, no checks, no table."""
    n, p = values.shape
    z = np.column_stack([np.ones(n), values])
    low, high = np.triu_indices(p + 1)
    products = z[:, low] * z[:, high]
    stream = np.random.SFC64(seed)
    size = max(1, 200_000 // n)
    offsets = (np.arange(size, dtype=np.uint64) * np.uint64(n))[:, None]
    sums = np.empty((DRAWS, len(low)))
    for start in range(0, DRAWS, size):
        k = min(size, DRAWS - start)
        person = stream.random_raw((k * n + 1) // 2).view(np.uint32)[: k * n].astype(np.uint64).reshape(k, n)
        person *= np.uint64(n)
        person >>= np.uint64(32)
        person += offsets[:k]
        counts = np.bincount(person.reshape(-1).view(np.int64), minlength=k * n).reshape(k, n)
        sums[start : start + k] = counts.astype(float) @ products
    full = np.empty((DRAWS, p + 1, p + 1))
    full[:, low, high] = full[:, high, low] = sums
    a = np.linalg.solve(full[:, :2, :2], full[:, :2, 2:5])[:, 1]
    b = np.linalg.solve(full[:, :5, :5], full[:, :5, 5:])[:, 2:, 0]
    return np.quantile(a * b, [0.025, 0.975], axis=0)


def pingouin_run(frame: pd.DataFrame) -> Callable[[int], object]:
    import pingouin

    return lambda seed: pingouin.mediation_analysis(frame, x="x", m=["m1", "m2", "m3"], y="y", n_boot=DRAWS, seed=seed)


def process_run(frame: pd.DataFrame) -> Callable[[int], object] | None:
    try:
        from pyprocessmacro import Process
    except ImportError:
        return None
    return lambda seed: Process(
        data=frame, model=4, x="x", y="y", m=["m1", "m2", "m3"], boot=DRAWS, percent=True, seed=seed,
        suppr_init=True,
    )  # fmt: skip


def r_seconds(frame: pd.DataFrame) -> float | None:
    """Seconds that R's boot with .lm.fit takes, without starting R."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "d.csv", index=False)
        (Path(folder) / "b.R").write_text(R_SCRIPT)
        command = ["Rscript", f"{folder}/b.R", f"{folder}/d.csv", str(DRAWS)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(found.stdout) if found.returncode == 0 and found.stdout else None


def timed(call: Callable[[int], object], seed: int) -> float:
    start = time.perf_counter()
    call(seed)
    return time.perf_counter() - start


def mediation(n: int, rounds: int) -> None:
    frame = three_mediators(n)
    model = parse_model(THREE)

    def ours(seed: int) -> object:
        return fit_paths(model, Scores.from_scored(frame, source="benchmark"), seed=seed, draws=DRAWS)

    contenders: dict[str, Callable[[int], object] | None] = {
        "Parasol, whole call": ours,
        "Parasol, next model": lambda seed: fit_paths(
            parse_model("m1 ~ x; y ~ x + m1"), Scores.from_scored(frame, source="benchmark"), seed=seed, draws=DRAWS
        ),
        "bare NumPy floor": lambda seed: floor(frame.to_numpy(), seed),
        "pyprocessmacro": process_run(frame),
        "pingouin": pingouin_run(frame),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for name in ("Parasol, whole call", "bare NumPy floor"):
        timed(contenders[name], 999)  # type: ignore[arg-type]
    for seed in range(1, rounds + 1):
        for name, call in contenders.items():
            if call is not None and (seed <= SLOW_ROUNDS or name != "pingouin"):
                seconds[name].append(timed(call, seed))
    medians = {name: statistics.median(times) for name, times in seconds.items() if times}
    in_r = r_seconds(frame)
    if in_r is not None:
        medians["R boot + .lm.fit"] = in_r
    base = medians["Parasol, whole call"]
    print(f"\nBootstrap mediation, three mediators, n = {n:,}, {DRAWS:,} draws (medians of {rounds})")
    for name, median in medians.items():
        print(f"  {name:22s} {median * 1000:10.1f} ms   {median / base:8.2f} x the whole call")
    print(f"  whole call / floor = {base / medians['bare NumPy floor']:.2f}  (wanted: at most 1.5)")


def live_set(n: int, rounds: int) -> None:
    rows = answers(n)
    refit(rows, 999)
    times = [refit(rows, seed)["everything"] for seed in range(1, rounds + 1)]
    print(f"  n = {n:6,}: median {statistics.median(times):7.1f} ms, best {min(times):7.1f} ms")


def memory() -> None:
    """Peak memory of 1,000 draws at 1,000,000 x 12, in a process of its own."""
    code = (
        "import numpy as np, resource, time\n"
        "from analysis.bootstrap import resample\n"
        "values = np.random.default_rng(1).normal(size=(1_000_000, 12))\n"
        "start = time.perf_counter()\n"
        "resample(values, draws=1000, seed=1)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.perf_counter() - start)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak, seconds = map(float, found.stdout.split())
    print(
        f"\n1,000 draws at 1,000,000 x 12: peak {peak:.0f} MB of the whole process, {seconds:.1f} s (wanted: < 600 MB)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no million rows")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")  # other libraries' deprecations are not the subject here
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}")
    for n in (300, 3000):
        with threadpool_limits(1):
            mediation(n, 3 if quick else 7)
    print(f"\nLive set: 7 alphas, regression with HC3, serial mediation, dominance, claim ({DRAWS:,} draws)")
    for n in (500, 1000, 2000, 4000):
        live_set(n, 3 if quick else 9)
    if not quick:
        memory()
    print(f"\nPeak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
