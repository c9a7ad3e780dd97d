"""When one question is asked several times: p-values corrected over a named family."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.errors import DataError, Problem

METHODS = {"holm": "Holm (1979), family-wise error", "bh": "Benjamini & Hochberg (1995), false discovery rate"}


def adjust_family(p_values: Mapping[str, float], *, family: str, method: str = "holm") -> pd.DataFrame:
    """Which results of a family of tests hold once it counts that there were several?

    Parameters
    ----------
    p_values : mapping of str to float
        Every test of the family by name, also those that "did not work".
    family : str
        What binds them: the hypotheses of one paper, all pairs of tiers.
    method : "holm" or "bh"
        Holm bounds the chance of one false alarm; bh (Benjamini-Hochberg) the share of false ones among the findings.

    Returns
    -------
    DataFrame
        Columns `family`, `term`, `p_value`, `p_adjusted`, `tests` (size of the family), `method`; in the order given.

    Raises
    ------
    DataError
        For an empty family, a p-value that is not between 0 and 1, an unknown method.

    Checked against
    ---------------
    R 4.2.2 p.adjust, also with ties, with 0 and 1, and for a family of one: tests/reference/scores.json,
    tests/reference/designs.json.

    Examples
    --------
    >>> table = adjust_family({"H1": 0.01, "H2": 0.04, "H3": 0.03}, family="hypotheses")
    >>> table["p_adjusted"].tolist()
    [0.03, 0.06, 0.06]
    """
    problems = [
        Problem(f"family '{family}', '{term}'", f"its p-value is {p}", "A p-value lies between 0 and 1.")
        for term, p in p_values.items()
        if not 0 <= p <= 1
    ]
    if not p_values:
        problems.append(Problem(f"family '{family}'", "it holds no test", "Name every test that belongs to it."))
    if method not in METHODS:
        problems.append(Problem("method", f"'{method}' is not known", f"Choose {' or '.join(METHODS)}."))
    if problems:
        raise DataError(*problems)
    p = np.array(list(p_values.values()), dtype=float)
    order = np.argsort(p, kind="stable")
    rank = np.arange(1, len(p) + 1)
    if method == "holm":
        stepped = np.maximum.accumulate(p[order] * (len(p) + 1 - rank))
    else:
        stepped = np.minimum.accumulate((p[order] * len(p) / rank)[::-1])[::-1]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return pd.DataFrame(
        {
            "family": family,
            "term": list(p_values),
            "p_value": p,
            "p_adjusted": adjusted,
            "tests": len(p),
            "method": method,
        }
    )
