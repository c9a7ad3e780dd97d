"""Tables about scales: their items, validity, factor model, and whether they mean the same in every group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.fit import Fit
from analysis.invariance import Invariance
from analysis.measurement import Measurement
from analysis.tables import (
    Labels,
    Table,
    apa_interval,
    apa_number,
    apa_p,
    bounded_number,
    interval_heading,
    intervals,
    lower_triangle,
    notes_below,
)
from analysis.validity import Htmt, Validity
from analysis.vocabulary import vocabulary

GUIDES: Mapping[str, str] = {
    "cfi": "≥ .95 (Hu & Bentler, 1999)",
    "tli": "≥ .95 (Hu & Bentler, 1999)",
    "rmsea": "≤ .06 (Hu & Bentler, 1999)",
    "srmr": "≤ .08 (Hu & Bentler, 1999)",
}
"""Rules of thumb with their source, to be read beside a value; none of them decides anything."""


def table_items(
    items: pd.DataFrame, language: str = "en", *, synthetic: bool = False, labels: Mapping[str, str] | None = None
) -> Table:
    """Which items carry their scale?

    Parameters
    ----------
    items : DataFrame
        What `analysis.reliability.item_statistics` gives.
    language : {"en", "nl"}
    synthetic : bool
        Were any answers simulated?
    labels : mapping of str to str or None
        Names of scales as they should be read.

    Returns
    -------
    Table
        One row per item: mean, standard deviation, correlation with the rest of its scale, alpha without it.

    Checked against
    ---------------
    Every cell from the statistics: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.scoring import score
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> scores = score(simulate_answers(instrument, 200, seed=7), instrument)
    >>> from analysis.reliability import item_statistics
    >>> len(table_items(item_statistics(scores)).frame) == sum(map(len, scores.scales.values()))
    True
    """
    words = vocabulary(language)
    columns = {
        words["columns.scale"]: items["scale"].map(Labels(labels, words)),
        words["columns.item"]: items["item"],
        words["columns.n"]: items["n"].map(_count),
        words["columns.mean"]: items["mean"].map(apa_number),
        words["columns.sd"]: items["sd"].map(apa_number),
        words["columns.item_rest"]: items["item_rest"].map(bounded_number),
        words["columns.alpha_if_dropped"]: items["alpha_if_dropped"].map(bounded_number),
    }
    return Table(words["titles.items"], pd.DataFrame(columns), notes_below(words, synthetic=synthetic))


def table_validity(found: Validity, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How much of its items does each scale explain, and which other scale is it nearest to?

    Parameters
    ----------
    found : Validity
        What `analysis.validity.construct_validity` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per scale: AVE, its root, CR, the highest correlation with another latent and whose it is.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.validity import construct_validity
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = np.full((6, 6), 0.3) + np.kron(np.eye(2), np.full((3, 3), 0.3)) + 0.4 * np.eye(6)
    >>> data = from_correlations([f"i{number}" for number in range(1, 7)], table, n=300)
    >>> model = parse_model("a =~ i1 + i2 + i3; b =~ i4 + i5 + i6")
    >>> table_validity(construct_validity(model, data)).frame.iloc[0, [2, 3, 5]].tolist()
    ['.60', '.82', '.50']
    """
    words, scales = vocabulary(language), found.scales
    named = Labels(labels, words)
    columns = {
        words["columns.scale"]: scales["scale"].map(named),
        words["columns.items"]: scales["items"].map(str),
        words["columns.ave"]: scales["ave"].map(bounded_number),
        words["columns.cr"]: scales["cr"].map(bounded_number),
        words["columns.sqrt_ave"]: scales["sqrt_ave"].map(bounded_number),
        words["columns.highest_correlation"]: scales["highest_correlation"].map(bounded_number),
        words["columns.with"]: scales["with"].map(named),
    }
    notes = (*notes_below(words, synthetic=found.fit.synthetic), words["notes.validity"])
    return Table(words["titles.validity"], pd.DataFrame(columns), notes)


def table_fornell_larcker(found: Validity, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """Is each scale nearer to its own items than to any other scale?

    Parameters
    ----------
    found : Validity
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        Numbered scales: the root of AVE on the diagonal, correlations of the latents below it.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.validity import construct_validity
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = np.full((6, 6), 0.3) + np.kron(np.eye(2), np.full((3, 3), 0.3)) + 0.4 * np.eye(6)
    >>> data = from_correlations([f"i{number}" for number in range(1, 7)], table, n=300)
    >>> model = parse_model("a =~ i1 + i2 + i3; b =~ i4 + i5 + i6")
    >>> table_fornell_larcker(construct_validity(model, data)).frame.iloc[1].tolist()
    ['2. b', '.50', '.77']
    """
    words, square = vocabulary(language), found.fornell_larcker
    named = Labels(labels, words)
    numbered = [f"{place}. {named(str(name))}" for place, name in enumerate(square.index, start=1)]
    frame = pd.DataFrame({words["columns.scale"]: numbered, **lower_triangle(square.to_numpy(), diagonal=True)})
    notes = (*notes_below(words, synthetic=found.fit.synthetic), words["notes.fornell_larcker"])
    return Table(words["titles.fornell_larcker"], frame, notes)


def table_htmt(
    found: Htmt, language: str = "en", *, most: int | None = None, labels: Mapping[str, str] | None = None
) -> Table:
    """Which pairs of scales can hardly be told apart, and how sure is that?

    Parameters
    ----------
    found : Htmt
        What `analysis.validity.htmt` gives.
    language : {"en", "nl"}
    most : int or None
        How many pairs at most; all of them when None.
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per pair, highest first: HTMT with its interval, and HTMT2.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.scoring import score
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> scores = score(simulate_answers(instrument, 200, seed=7), instrument)
    >>> from analysis.validity import htmt
    >>> len(table_htmt(htmt(scores, draws=100), most=3).frame)
    3
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    pairs = found.pairs.sort_values("htmt", ascending=False).head(len(found.pairs) if most is None else most)
    columns = {
        words["columns.pair"]: [f"{named(row['first'])} – {named(row['second'])}" for row in pairs.to_dict("records")],
        "HTMT": pairs["htmt"].map(bounded_number).tolist(),
        interval_heading(found.level, words): intervals(pairs, "htmt", bounded=True),
        "HTMT2": pairs["htmt2"].map(bounded_number).tolist(),
    }
    return Table(words["titles.htmt"], pd.DataFrame(columns), notes_below(words, synthetic=found.synthetic))


def table_fit_measures(fit: Fit, language: str = "en") -> Table:
    """How well does the factor model reproduce the data?

    Parameters
    ----------
    fit : Fit
        What `analysis.cfa.fit_cfa` gives.
    language : {"en", "nl"}

    Returns
    -------
    Table
        One row per measure, with the rule of thumb that is usually named beside it and its source.

    Checked against
    ---------------
    Every cell from the fit: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.cfa import fit_cfa
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = np.full((6, 6), 0.3) + np.kron(np.eye(2), np.full((3, 3), 0.3)) + 0.4 * np.eye(6)
    >>> data = from_correlations([f"i{number}" for number in range(1, 7)], table, n=300)
    >>> model = parse_model("a =~ i1 + i2 + i3; b =~ i4 + i5 + i6")
    >>> table_fit_measures(fit_cfa(model, data)).frame["Value"].tolist()[:4]
    ['0.00', '8', '> .999', '1.000']
    """
    words, found = vocabulary(language), fit.summary.iloc[0]
    rmsea = f"{bounded_number(found['rmsea'])} {apa_interval(found['rmsea_low'], found['rmsea_high'], bounded=True)}"
    rows = [
        ("χ²", apa_number(found["chi_square"]), ""),
        ("df", f"{found['df']:.0f}", ""),
        ("p", apa_p(found["p_value"]), ""),
        ("CFI", apa_number(found["cfi"], digits=3, bounded=True), GUIDES["cfi"]),
        ("TLI", apa_number(found["tli"], digits=3, bounded=True), GUIDES["tli"]),
        (words["columns.rmsea"], rmsea, GUIDES["rmsea"]),
        ("SRMR", apa_number(found["srmr"], digits=3, bounded=True), GUIDES["srmr"]),
        ("AIC", apa_number(found["aic"], digits=1), ""),
        ("BIC", apa_number(found["bic"], digits=1), ""),
        ("n", f"{found['n']:.0f}", ""),
    ]
    frame = pd.DataFrame(rows, columns=[words["columns.measure"], words["columns.value"], words["columns.guide"]])
    return Table(words["titles.fit"], frame, (*notes_below(words, synthetic=fit.synthetic), words["notes.guides"]))


def table_loadings(fit: Fit, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How strongly does each item show its scale?

    Parameters
    ----------
    fit : Fit
        What `analysis.cfa.fit_cfa` gives.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per loading: standardised with its interval, and as estimated with its interval and standard error
        (empty where it was fixed to set the scale's unit).

    Checked against
    ---------------
    Every cell from the fit: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.cfa import fit_cfa
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> table = np.full((6, 6), 0.3) + np.kron(np.eye(2), np.full((3, 3), 0.3)) + 0.4 * np.eye(6)
    >>> data = from_correlations([f"i{number}" for number in range(1, 7)], table, n=300)
    >>> model = parse_model("a =~ i1 + i2 + i3; b =~ i4 + i5 + i6")
    >>> table_loadings(fit_cfa(model, data)).frame.iloc[0, :3].tolist()
    ['a', 'i1', '.77']
    """
    words = vocabulary(language)
    found = fit.coefficients[fit.coefficients["kind"] == "loading"]
    columns = {
        words["columns.scale"]: found["term"].map(Labels(labels, words)).tolist(),
        words["columns.item"]: found["outcome"].tolist(),
        words["columns.loading"]: found["std_estimate"].map(bounded_number).tolist(),
        interval_heading(fit.level, words, of=words["columns.loading"]): intervals(found, "std_conf", bounded=True),
        words["columns.estimate"]: found["estimate"].map(apa_number).tolist(),
        interval_heading(fit.level, words, of=words["columns.estimate"]): intervals(found),
        words["columns.std_error"]: found["std_error"].map(apa_number).tolist(),
    }
    return Table(words["titles.loadings"], pd.DataFrame(columns), notes_below(words, synthetic=fit.synthetic))


def table_modifications(
    found: pd.DataFrame,
    language: str = "en",
    *,
    most: int | None = None,
    synthetic: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Table:
    """What does the factor model leave out that the data would need most?

    Parameters
    ----------
    found : DataFrame
        What `analysis.cfa.modification_indices` gives.
    language : {"en", "nl"}
    most : int or None
        How many parameters at most; all of them when None.
    synthetic : bool
        Were any answers simulated?
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per parameter that is not in the model, the most wanted first: an arrow (loading or regression) or a
        double arrow (covariance), the modification index (drop in chi-square, 1 df) with its p, and the standardised
        value the parameter would take.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.cfa import modification_indices
    >>> from analysis.model import parse_model
    >>> from analysis.moments import from_correlations
    >>> r = np.array([[1, 0, 0, 0], [0.6, 1, 0, 0], [0.5, 0.5, 1, 0], [0.4, 0.5, 0.4, 1]])
    >>> data = from_correlations(["a", "b", "c", "d"], r, n=200)
    >>> table_modifications(modification_indices(parse_model("f =~ a + b + c + d"), data)).frame.iloc[0].tolist()
    ['b ↔ c', '2.33', '.127', '−.24']
    """
    words = vocabulary(language)
    named = Labels(labels, words)
    first = found if most is None else found.head(most)
    rows = first.to_dict("records")
    columns = {
        words["columns.left_out"]: [
            f"{named(row['outcome'])} ↔ {named(row['term'])}"
            if row["kind"] == "covariance"
            else f"{named(row['term'])} → {named(row['outcome'])}"
            for row in rows
        ],
        words["columns.modification_index"]: first["modification_index"].map(apa_number).tolist(),
        words["columns.p"]: first["p_value"].map(apa_p).tolist(),
        words["columns.would_be"]: first["std_expected_change"].map(bounded_number).tolist(),
    }
    notes = (*notes_below(words, synthetic=synthetic), words["notes.modifications"])
    return Table(words["titles.modifications"], pd.DataFrame(columns), notes)


def table_invariance(found: Invariance, language: str = "en") -> Table:
    """At which step does the model stop holding in every group?

    Parameters
    ----------
    found : Invariance
        What `analysis.invariance.fit_invariance` gives.
    language : {"en", "nl"}

    Returns
    -------
    Table
        One row per level: fit, change of CFI and RMSEA from the level above, chi-square difference test.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.invariance import fit_invariance
    >>> from analysis.scoring import score
    >>> from analysis.simulate import simulate_answers
    >>> from analysis.validity import measurement_model
    >>> instrument = load_instrument("psi_core")
    >>> rows = simulate_answers(instrument, 200, seed=7).assign(half=["a", "b"] * 100)
    >>> scores = score(rows, instrument)
    >>> model = measurement_model({"trust": scores.scales["trust"]})
    >>> table_invariance(fit_invariance(model, scores, "half")).frame.iloc[:, 0].tolist()
    ['same pattern only', '+ loadings', '+ intercepts', '+ residual variances']
    """
    words, levels = vocabulary(language), found.levels
    steps = zip(levels["chi_square_difference"], levels["df_difference"], strict=True)
    columns = {
        words["columns.level"]: levels["level"].map(lambda level: words[f"levels.{level}"]),
        "χ² (df)": [f"{apa_number(row['chi_square'])} ({row['df']:.0f})" for row in levels.to_dict("records")],
        "CFI": levels["cfi"].map(_three),
        "ΔCFI": levels["delta_cfi"].map(_three),
        "RMSEA": levels["rmsea"].map(_three),
        "ΔRMSEA": levels["delta_rmsea"].map(_three),
        "Δχ² (df)": [f"{apa_number(rise)} ({df:.0f})" if np.isfinite(rise) else "" for rise, df in steps],
        words["columns.p"]: levels["p_difference"].map(apa_p),
    }
    groups = ", ".join(f"{name} (n = {n})" for name, n in found.groups.items())
    notes = (*notes_below(words, synthetic=found.synthetic), words["notes.invariance"].format(groups=groups))
    return Table(words["titles.invariance"], pd.DataFrame(columns), notes)


def table_collinearity(found: Measurement, language: str = "en", *, labels: Mapping[str, str] | None = None) -> Table:
    """How much of each scale do all the others together explain?

    Parameters
    ----------
    found : Measurement
        What `analysis.measurement.measurement` gives, with `collinearity`.
    language : {"en", "nl"}
    labels : mapping of str to str or None

    Returns
    -------
    Table
        One row per scale: full-collinearity VIF and R squared; none where they cannot be had.

    Checked against
    ---------------
    Every cell from the analysis: tests/analysis/test_scale_tables.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.scoring import score
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> scores = score(simulate_answers(instrument, 200, seed=7), instrument)
    >>> from analysis.measurement import measurement
    >>> two = {name: scores.scales[name] for name in ("psi", "trust")}
    >>> table_collinearity(measurement(scores, two, draws=100)).frame["Scale"].tolist()
    ['psi', 'trust']
    """
    words = vocabulary(language)
    empty = pd.DataFrame(columns=["variable", "vif", "r_squared"])
    table = empty if found.collinearity is None else found.collinearity
    columns = {
        words["columns.scale"]: table["variable"].map(Labels(labels, words)),
        words["columns.vif"]: table["vif"].map(apa_number),
        words["columns.r_squared"]: table["r_squared"].map(bounded_number),
    }
    notes = (*notes_below(words, synthetic=found.synthetic), words["notes.collinearity"])
    return Table(words["titles.collinearity"], pd.DataFrame(columns), notes)


def _three(value: float) -> str:
    return apa_number(value, digits=3, bounded=True)


def _count(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else ""
