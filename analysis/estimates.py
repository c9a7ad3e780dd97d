"""Estimates of a latent-variable structure as the tables a `Fit` holds: coefficients, standardised, and effects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from analysis.fit import EFFECTS
from analysis.latent import Structure
from analysis.likelihood import Layout
from analysis.paths import effects_of

STANDARDISED = ("std_estimate_error", "std_conf_low", "std_conf_high")
"""Columns of coefficients and effects that say how certain the standardised estimates are."""
_NO_EFFECTS = pd.DataFrame(columns=[*EFFECTS, *STANDARDISED])
CERTAIN = 1e-7
"""A standardised value that is known better than this is what it is by definition: it has no error."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """One group's parameter values with their covariance (zero rows where a parameter is fixed)."""

    structure: Structure
    values: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, layout: Layout, theta: np.ndarray, covariance: np.ndarray, group: int = 0) -> Estimates:
        """One group's estimates with a row for every parameter, from the vector all groups share."""
        add = layout.sums[group]
        return cls(layout.structure, layout.values(theta, group), add @ covariance @ add.T)

    @property
    def standardised(self) -> np.ndarray:
        """The values with every variable, latent or observed, in units of its implied standard deviation.

        NaN where a variance came out at or below zero.
        """
        return self._standardisation[0]

    @cached_property
    def standardised_covariance(self) -> np.ndarray:
        """The covariance of the standardised values, by the delta method; exogenous moments count as known."""
        slopes = self._standardisation[1]
        known = np.array([parameter.exogenous for parameter in self.structure.parameters], dtype=bool)
        slopes = np.where(known, 0.0, slopes)
        return np.asarray(slopes @ self.covariance @ slopes.T)

    @cached_property
    def _standardisation(self) -> tuple[np.ndarray, np.ndarray]:
        """The standardised values, and their derivatives towards all values, shape (parameters, parameters)."""
        structure = self.structure
        row, column = structure.index.row, structure.index.column
        total, symmetric, _ = structure.matrices(self.values)
        among = total @ symmetric @ total.T
        arrow, pair = (np.isin(np.arange(len(row)), part) for part in structure.index[2:4])
        # How much a change of each parameter changes the logarithm of each node's variance, and of its own part.
        reached = total[:, row]
        moved = 2 * reached * np.where(arrow, among[:, column], np.where(row == column, 0.5, 1.0) * total[:, column])
        moved = np.where(arrow | pair, moved, 0.0)
        spread = np.where(np.diag(among) > 0, np.diag(among), np.nan)
        own = np.where(np.diag(symmetric) > 0, np.diag(symmetric), np.nan)
        log_spread = moved / spread[:, None]
        log_own = np.where(pair & (row == column) & (row == np.arange(len(own))[:, None]), 1 / own[:, None], 0.0)
        kinds = np.array([parameter.kind for parameter in structure.parameters])[:, None]
        factor = np.sqrt(spread[column] / spread[row])
        change = (log_spread[column] - log_spread[row]) / 2
        for kind, size, by in (
            ("variance", 1 / spread[row], -log_spread[row]),
            ("covariance", 1 / np.sqrt(own[row] * own[column]), -(log_own[row] + log_own[column]) / 2),
            ("intercept", 1 / np.sqrt(spread[row]), -log_spread[row] / 2),
        ):
            factor = np.where(kinds[:, 0] == kind, size, factor)
            change = np.where(kinds == kind, by, change)
        found = self.values * factor
        return found, np.diag(factor) + found[:, None] * change

    def coefficients(self, level: float) -> pd.DataFrame:
        """One row per parameter that was estimated or fixed by the model, columns of `Fit.coefficients` and `kind`."""
        chosen = np.array([not parameter.exogenous for parameter in self.structure.parameters], dtype=bool)
        shown = [parameter for parameter in self.structure.parameters if not parameter.exogenous]
        free = self.structure.free[chosen]
        estimate = self.values[chosen]
        error = np.full(len(estimate), np.nan)
        error[free] = np.sqrt(np.maximum(np.diag(self.covariance)[chosen][free], 0))
        statistic = np.divide(estimate, error, out=np.full(len(estimate), np.nan), where=error > 0)
        reach = ndtri(0.5 + level / 2) * error
        return pd.DataFrame(
            {
                "outcome": [parameter.outcome for parameter in shown],
                "term": [parameter.term for parameter in shown],
                "estimate": estimate,
                "std_error": error,
                "statistic": statistic,
                "df": np.where(free, np.inf, np.nan),
                "p_value": 2 * ndtr(-np.abs(statistic)),
                "conf_low": estimate - reach,
                "conf_high": estimate + reach,
                "std_estimate": self.standardised[chosen],
                "kind": [parameter.kind for parameter in shown],
                **_standardised_limits(self.standardised[chosen], np.diag(self.standardised_covariance)[chosen], level),
            }
        )

    def effects(self, level: float) -> pd.DataFrame:
        """Direct, indirect and total effects along the regressions, with delta intervals."""
        wanted = effects_of(self.structure.model)
        places = {(p.outcome, p.term): k for k, p in enumerate(self.structure.parameters) if p.kind == "regression"}
        if not wanted:
            return _NO_EFFECTS.copy()
        names = list(places)
        chosen = list(places.values())
        along = {name: np.asarray(self.values[k]) for name, k in places.items()}
        standardised = self.standardised
        along_std = {name: np.asarray(standardised[k]) for name, k in places.items()}
        std_estimate = np.array([float(effect.value(along_std)) for effect in wanted])
        std_gradients = np.array([effect.gradient(along_std, names) for effect in wanted])
        estimate = np.array([float(effect.value(along)) for effect in wanted])
        gradients = np.array([effect.gradient(along, names) for effect in wanted])
        at = np.ix_(chosen, chosen)
        spread = np.einsum("ei,ij,ej->e", gradients, self.covariance[at], gradients)
        # A slope without a standardised value takes the limits only from the effects that go along it.
        known = np.nan_to_num(self.standardised_covariance[at])
        along_known = np.nan_to_num(std_gradients)
        std_spread = np.einsum("ei,ij,ej->e", along_known, known, along_known)
        std_spread[np.isnan(std_estimate)] = np.nan
        error = np.sqrt(np.maximum(spread, 0))
        reach = ndtri(0.5 + level / 2) * error
        return pd.DataFrame(
            {
                "kind": [effect.kind for effect in wanted],
                "path": [effect.path for effect in wanted],
                "estimate": estimate,
                "std_estimate": std_estimate,
                "conf_low": estimate - reach,
                "conf_high": estimate + reach,
                "std_error": error,
                **_standardised_limits(std_estimate, std_spread, level),
            }
        )

    def warnings(self) -> list[str]:
        """What a reader must not overlook: negative variances, latents that correlate beyond what is possible."""
        notes = []
        for parameter, value in zip(self.structure.parameters, self.values, strict=True):
            if parameter.kind == "variance" and parameter.fixed is None and value < 0:
                notes.append(
                    f"Heywood case: the variance of '{parameter.outcome}' came out at {value:.4g}, below zero. "
                    "The model is wrong or the sample too small; do not interpret it as it stands."
                )
        if self.structure.latents:
            total, symmetric, _ = self.structure.matrices(self.values)
            p = len(self.structure.observed)
            among = (total @ symmetric @ total.T)[p:, p:]
            sd = np.sqrt(np.maximum(np.diag(among), 0))
            if (sd > 0).all() and np.linalg.eigvalsh(among / np.outer(sd, sd))[0] < -1e-10:
                notes.append(
                    "The covariance matrix of the latent variables is not possible (a correlation beyond 1): "
                    "latents that measure the same thing should be one."
                )
        return notes


def _standardised_limits(estimate: np.ndarray, variance: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """The columns `STANDARDISED`, NaN for what is 1 or 0 by definition."""
    error = np.sqrt(np.where(variance > CERTAIN**2, variance, np.nan))
    reach = ndtri(0.5 + level / 2) * error
    return dict(zip(STANDARDISED, (error, estimate - reach, estimate + reach), strict=True))
