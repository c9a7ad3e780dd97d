"""What R says about the simulated answers of tests/reference/measurement.R, and the shared references."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.moments import Moments, as_moments
from analysis.scoring import Scores, score_scales

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "reference"


@cache
def reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "tests" / "reference" / "measurement.json").read_text())
    return found


def simulated() -> Scores:
    return score_scales(pd.DataFrame(reference()["data"]), reference()["scales"], source="simulated in R")


def item_moments() -> Moments:
    return as_moments(simulated(), [item for items in reference()["scales"].values() for item in items])


def shared(name: str) -> dict[str, Any]:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project (../shared/reference)")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def shared_data(name: str) -> pd.DataFrame:
    path = SHARED / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the project (../shared/reference/data)")
    return pd.read_csv(path)


def blocks(n: int = 200, seed: int = 1, *, scales: int = 2, items: int = 3) -> Scores:
    """Seven-point answers to scales that correlate, for tests that need no oracle."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    trait = np.repeat(0.6 * common + 0.8 * rng.normal(size=(n, scales)), items, axis=1)
    rows = np.clip(np.rint(4 + 1.2 * trait + rng.normal(0, 0.9, trait.shape)), 1, 7)
    names = [f"{'abcdef'[scale]}{item}" for scale in range(scales) for item in range(items)]
    grouped = {"abcdef"[scale]: [name for name in names if name[0] == "abcdef"[scale]] for scale in range(scales)}
    return score_scales(pd.DataFrame(rows, columns=names), grouped, source="simulated")


def matched(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Our factors in the other's order and signs."""
    from scipy.optimize import linear_sum_assignment

    alike = np.abs(ours.T @ theirs) / np.outer(np.linalg.norm(ours, axis=0), np.linalg.norm(theirs, axis=0))
    order = linear_sum_assignment(-alike.T)[1]
    sign = np.sign((ours[:, order] * theirs).sum(axis=0))
    return np.asarray(ours[:, order] * sign)
