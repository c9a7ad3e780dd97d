"""What every estimator answers with: one value, the same columns everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from analysis.model import Model

COEFFICIENTS = (
    "outcome", "term", "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "std_estimate",
)  # fmt: skip
EFFECTS = ("kind", "path", "estimate", "std_estimate", "conf_low", "conf_high", "std_error")
SUMMARY = ("outcome", "n", "r_squared", "adj_r_squared", "f_statistic", "f_p_value")
INTERCEPT = "(Intercept)"


@dataclass(frozen=True)
class Fit:
    """Estimates of a model, unrounded and unlabelled, with what is needed to report and repeat them.

    Attributes
    ----------
    model : Model
        What was fitted.
    coefficients : DataFrame
        One row per outcome and term, columns `COEFFICIENTS` first; an estimator may add columns after them.
    summary : DataFrame
        One row per outcome (or per model), columns begin with `SUMMARY` where they apply.
    effects : DataFrame
        One row per effect along paths, columns `EFFECTS` first; `kind` is `direct`, `indirect` (one
        path), `total_indirect` (their sum, where there are several) or `total`. Empty where none exist.
    source : str
        Where the data came from.
    level : float
        Confidence level of every interval, 0.95 unless asked otherwise.
    seed : int or None
        Seed of the draws; None where nothing was drawn.
    synthetic : bool
        True as soon as any of the data were simulated.
    notes : tuple of str
        What a reader must know: rows left out, which errors, which interval.
    """

    model: Model
    coefficients: pd.DataFrame
    summary: pd.DataFrame
    effects: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(EFFECTS)))
    source: str = ""
    level: float = 0.95
    seed: int | None = None
    synthetic: bool = False
    notes: tuple[str, ...] = ()

    def with_notes(self, *notes: str) -> Fit:
        """The same fit with these notes added behind its own."""
        return replace(self, notes=(*self.notes, *notes))

    def coefficient(self, outcome: str, term: str) -> pd.Series:
        """The row of that outcome and term; KeyError where there is none."""
        found = self.coefficients
        rows = found[(found["outcome"] == outcome) & (found["term"] == term)]
        if rows.empty:
            raise KeyError((outcome, term))
        return rows.iloc[0]
