"""Estimates of a latent-variable structure as the tables a `Fit` holds: coefficients, standardised, and effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from analysis.fit import EFFECTS
from analysis.latent import Structure
from analysis.likelihood import Layout
from analysis.paths import effects_of


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
        structure = self.structure
        total, symmetric, _ = structure.matrices(self.values)
        spread = np.einsum("ij,jk,ik->i", total, symmetric, total)
        sd = np.sqrt(np.where(spread > 0, spread, np.nan))
        own = np.sqrt(np.where(np.diag(symmetric) > 0, np.diag(symmetric), np.nan))
        rows = np.array([parameter.row for parameter in structure.parameters])
        columns = np.array([parameter.column for parameter in structure.parameters])
        kinds = np.array([parameter.kind for parameter in structure.parameters])
        factor = sd[columns] / sd[rows]
        factor = np.where(kinds == "variance", 1 / (sd * sd)[rows], factor)
        factor = np.where(kinds == "covariance", 1 / (own[rows] * own[columns]), factor)
        factor = np.where(kinds == "intercept", 1 / sd[rows], factor)
        return np.asarray(self.values * factor)

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
            }
        )

    def effects(self, level: float) -> pd.DataFrame:
        """Direct, indirect and total effects along the regressions, with delta intervals."""
        wanted = effects_of(self.structure.model)
        places = {(p.outcome, p.term): k for k, p in enumerate(self.structure.parameters) if p.kind == "regression"}
        if not wanted:
            return pd.DataFrame(columns=list(EFFECTS))
        names = list(places)
        chosen = list(places.values())
        along = {name: np.asarray(self.values[k]) for name, k in places.items()}
        standardised = self.standardised
        along_std = {name: np.asarray(standardised[k]) for name, k in places.items()}
        estimate = np.array([float(effect.value(along)) for effect in wanted])
        gradients = np.array([effect.gradient(along, names) for effect in wanted])
        spread = np.einsum("ei,ij,ej->e", gradients, self.covariance[np.ix_(chosen, chosen)], gradients)
        error = np.sqrt(np.maximum(spread, 0))
        reach = ndtri(0.5 + level / 2) * error
        return pd.DataFrame(
            {
                "kind": [effect.kind for effect in wanted],
                "path": [effect.path for effect in wanted],
                "estimate": estimate,
                "std_estimate": [float(effect.value(along_std)) for effect in wanted],
                "conf_low": estimate - reach,
                "conf_high": estimate + reach,
                "std_error": error,
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
