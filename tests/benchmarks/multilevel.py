"""Crossed mixed model beside lme4, in one run: `python tests/benchmarks/multilevel.py`.

Simulated ratings (400 people x up to 1,076 targets, about 12,700 rows), medians of five interleaved runs. CPU time as
well as wall time, since other work on the machine moves the latter. Needs Rscript with lme4 for the comparison.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.model import parse_model
from analysis.multilevel import fit_mixed
from analysis.scoring import Scores

R = """
suppressMessages(library(lme4)); d <- read.csv("ratings.csv")
t <- system.time(m <- lmer(purchase ~ psi + exposure + (1 | participation) + (1 | influencer), d))
v <- as.data.frame(VarCorr(m))
cat(sprintf('{"wall": %.4f, "cpu": %.4f, "b": %.10f, "v": %.10f}', t[["elapsed"]], t[["user.self"]] + t[["sys.self"]],
    fixef(m)[["psi"]], v$vcov[v$grp == "participation"]))
"""


def ratings() -> pd.DataFrame:
    """The shape of lme4's InstEval subset: many targets, each person rates some thirty."""
    rng = np.random.Generator(np.random.SFC64(5))
    person = np.repeat(np.arange(400), rng.integers(10, 54, size=400))
    target = rng.integers(0, 1076, size=len(person))
    psi, exposure = rng.normal(4, 1, size=(2, len(person)))
    noise = (
        rng.normal(size=400)[person] * 0.35 + rng.normal(size=1076)[target] * 0.5 + rng.normal(size=len(person)) * 1.2
    )
    purchase = 3 + 0.3 * psi + 0.1 * exposure + noise
    return pd.DataFrame(
        {"participation": person, "influencer": target, "psi": psi, "exposure": exposure, "purchase": purchase}
    )


def main() -> None:
    frame = ratings()
    data = Scores.from_scored(frame, source="simulated")
    model = parse_model("purchase ~ psi + exposure")
    ours: dict[str, list[float]] = {"wall": [], "cpu": []}
    theirs: dict[str, list[float]] = {"wall": [], "cpu": []}
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "ratings.csv", index=False)
        script = Path(folder) / "fit.R"
        script.write_text(R)
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            fit = fit_mixed(model, data)
            ours["wall"].append(time.perf_counter() - wall)
            ours["cpu"].append(time.process_time() - cpu)
            if shutil.which("Rscript"):
                done = subprocess.run(["Rscript", str(script)], cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    answer = json.loads(done.stdout)
                    theirs["wall"].append(answer["wall"])
                    theirs["cpu"].append(answer["cpu"])
    print(f"{len(frame)} rows, 400 people, 1076 targets; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for kind in ("wall", "cpu"):
        line = f"{kind}: fit_mixed {statistics.median(ours[kind]):.3f} s"
        if theirs[kind]:
            ratio = statistics.median(ours[kind]) / statistics.median(theirs[kind])
            line += f", lme4 {statistics.median(theirs[kind]):.3f} s, ratio {ratio:.2f} (aim: at most 10)"
        print(line)
    if theirs["wall"]:
        b, v = fit.coefficient("purchase", "psi").estimate, fit.effects.estimate.iloc[0]
        print(f"slope off by {abs(b - answer['b']):.1e}, variance between people by {abs(v / answer['v'] - 1):.1e}")
    else:
        print("Rscript with lme4 is not here, so there is nothing to compare with.")


if __name__ == "__main__":
    main()
