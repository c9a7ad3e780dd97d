"""The frozen numbers of R for what stands on scores (tests/reference/scores.json), and the people behind them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.scoring import Scores

COLUMNS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


@cache
def reference() -> dict[str, Any]:
    path = Path(__file__).resolve().parents[1] / "reference" / "scores.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def people() -> Scores:
    return Scores.from_scored(pd.DataFrame(reference()["rows"]), source="simulated in R")


def rows_of(name: str) -> pd.DataFrame:
    """A table of answers with gaps, as R wrote it."""
    return pd.DataFrame(reference()[name], dtype=float)


def assert_table(found: pd.DataFrame, expected: dict[str, Any], close: float = 1e-9) -> None:
    """Every number of a coefficient table, in R's order of terms."""
    theirs = np.column_stack([np.atleast_1d(expected[name]) for name in COLUMNS])
    np.testing.assert_allclose(found[list(COLUMNS)].to_numpy(float), theirs, rtol=close, atol=1e-12)
    assert set(found["df"]) == {expected["df"]}
