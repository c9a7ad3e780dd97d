"""Other people's results as data: what a paper prints, whether it can be true, and what it says when refitted."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.datafiles import data_file
from analysis.errors import DataError, MomentsError, Problem
from analysis.model import Model, parse_model
from analysis.moments import Moments, from_correlations

RANGE = ("kind", "outcome", "term", "estimate", "low", "high", "found")


@dataclass(frozen=True)
class PublishedVariable:
    """One variable of a published table; None where the paper prints nothing.

    `loadings` are standardised. `label` holds a text per language.
    """

    id: str
    label: Mapping[str, str]
    mean: float | None = None
    sd: float | None = None
    alpha: float | None = None
    ave: float | None = None
    cr: float | None = None
    loadings: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Published:
    """What one study printed.

    Attributes
    ----------
    id, citation : str
    context : mapping of str to str
        What was studied, per language.
    n : int or None
        Sample size.
    points : int or None
        Number of answer categories, 1 to `points`.
    decimals : int
        How many decimals the tables are printed with.
    model : Model or None
    variables : tuple of PublishedVariable
    correlations : ndarray of shape (p, p) or None
        In the order of `variables`; None when the paper prints no complete table.
    paths : mapping of (outcome, cause) to float
        Standardised coefficients as printed.
    r_squared : mapping of str to float
        Explained variance per outcome as printed.
    indirects : mapping of tuple of str to float
        Standardised indirect effects as printed, keyed by the variables along the path.
    directions : mapping of str to str
        Signs reported for a cause where no figure was at hand.
    """

    id: str
    citation: str
    context: Mapping[str, str]
    n: int | None = None
    points: int | None = None
    decimals: int = 3
    model: Model | None = None
    variables: tuple[PublishedVariable, ...] = ()
    correlations: np.ndarray | None = None
    paths: Mapping[tuple[str, str], float] | None = None
    r_squared: Mapping[str, float] | None = None
    indirects: Mapping[tuple[str, ...], float] | None = None
    directions: Mapping[str, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of the variables."""
        return tuple(variable.id for variable in self.variables)

    @property
    def called(self) -> str:
        """How the study is called beside a number: authors and year."""
        authors, bracket, rest = self.citation.partition("(")
        return f"{authors}{bracket}{rest.partition(')')[0]})" if bracket else self.citation

    @property
    def rounding(self) -> float:
        """Half a unit of the last decimal printed."""
        return 0.5 * 10.0**-self.decimals

    def moments(self) -> Moments:
        """The study's moments, ready for every estimator that needs no people.

        Raises
        ------
        MomentsError
            When the study printed no correlation table, or what it printed is impossible (all reasons are named).
        """
        impossible = check_admissible(self)
        if impossible:
            raise MomentsError(*impossible)
        if self.correlations is None or self.n is None:
            what = "the study printed no complete correlation table, so nothing can be fitted to it"
            remedy = "Its printed paths can still stand beside yours; fit gao_2023 for a complete table."
            raise MomentsError(Problem(f"published '{self.id}'", what, remedy))
        spread, centre = ([getattr(v, name) for v in self.variables] for name in ("sd", "mean"))
        return from_correlations(
            self.names,
            self.correlations,
            n=self.n,
            sd=None if None in spread else spread,
            mean=None if None in centre else centre,
            source=self.citation,
        )


def load_published(id: str) -> Published:
    """What did this study print?

    Parameters
    ----------
    id : str
        A file name in data/published without its ending, such as `gao_2023`.

    Returns
    -------
    Published
        Also when the numbers are impossible: `check_admissible` says so and `moments()` refuses.

    Raises
    ------
    DataError
        For an unknown id, or a file that names a variable it does not declare.

    Checked against
    ---------------
    The shipped files, and files that contradict themselves: tests/analysis/test_published.py.

    Examples
    --------
    >>> gao = load_published("gao_2023")
    >>> gao.n, gao.names
    (378, ('lik', 'ani', 'res', 'sop', 'tel', 'pin'))
    >>> load_published("heliyon_2022").moments()
    Traceback (most recent call last):
        ...
    analysis.errors.MomentsError: published 'heliyon_2022', outcome 'psr': the printed paths imply an R2 of at
    least 1.02 (1.30 if the residuals are uncorrelated), more than all there is to explain. One of the printed
    numbers is no standardised coefficient of this model: do not build on them.
    """
    return published_from(tomllib.loads(data_file("published", f"{id}.toml").read_text(encoding="utf-8")))


def published_studies() -> tuple[Published, ...]:
    """Which published studies are shipped?

    Returns
    -------
    tuple of Published
        Ordered by id.

    Checked against
    ---------------
    The folder they are shipped in: tests/analysis/test_published.py.

    Examples
    --------
    >>> [study.id for study in published_studies() if study.correlations is not None]
    ['gao_2023']
    """
    return tuple(load_published(path.stem) for path in sorted(data_file("published").glob("*.toml")))


def published_from(content: Mapping[str, Any]) -> Published:
    """Which study does the content of one TOML file describe?

    Parameters
    ----------
    content : mapping of str to object
        As the TOML reads; `data/published` holds examples.

    Returns
    -------
    Published
        As `load_published`.

    Raises
    ------
    DataError
        When something is missing, or a variable is used but not declared.

    Checked against
    ---------------
    Files that contradict themselves: tests/analysis/test_published.py.

    Examples
    --------
    >>> published_from({"id": "one", "citation": "One (2026). A paper.", "context": {"en": "An example"}}).called
    'One (2026)'
    """
    where = f"published '{content.get('id', '?')}'"
    missing = [key for key in ("id", "citation", "context") if key not in content]
    if missing:
        raise DataError(Problem(where, f"{', '.join(missing)} is not there", "Add it at the top of the file."))
    variables = tuple(
        PublishedVariable(**{**entry, "loadings": tuple(entry.get("loadings", ()))})
        for entry in content.get("variables", ())
    )
    names = [variable.id for variable in variables]
    model = parse_model(content["model"]) if "model" in content else None
    table = content.get("correlations")
    used = {*(model.names if model else ()), *(table or {}), *content.get("r_squared", {})}
    unknown = sorted(used - set(names))
    if unknown:
        raise DataError(Problem(where, f"{', '.join(unknown)} is used but not declared", "Add a [[variables]] entry."))
    paths = {(y, x): value for y, row in content.get("paths", {}).items() for x, value in row.items()}
    return Published(
        id=content["id"],
        citation=content["citation"],
        context=content["context"],
        n=content.get("n"),
        points=content.get("points"),
        decimals=content.get("decimals", 3),
        model=model,
        variables=variables,
        correlations=None if table is None else _correlations(where, table, names),
        paths=paths,
        r_squared=content.get("r_squared", {}),
        indirects={tuple(key.split(" -> ")): value for key, value in content.get("indirects", {}).items()},
        directions=content.get("directions", {}),
    )


def _correlations(where: str, table: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    r = np.eye(len(names))
    problems = []
    for i, j in itertools.combinations(range(len(names)), 2):
        found = [table[a][b] for a, b in ((names[i], names[j]), (names[j], names[i])) if b in table.get(a, {})]
        if len(found) != 1:
            what = f"the correlation of {names[i]} and {names[j]} stands there {len(found)} times"
            problems.append(Problem(where, what, "Give each pair once."))
        else:
            r[i, j] = r[j, i] = found[0]
    if problems:
        raise DataError(*problems)
    return r


def check_admissible(published: Published) -> tuple[Problem, ...]:
    """Can the printed numbers all be true at once?

    Parameters
    ----------
    published : Published

    Returns
    -------
    tuple of Problem
        One for each impossibility, empty when none was found. Nothing within rounding is called impossible.

    Notes
    -----
    Checked: shares and correlations within their range; standard deviations no larger than the answer scale allows;
    the correlation matrix positive semidefinite (the smallest eigenvalue may fall below zero by no more than
    rounding can do); R2 between 0 and 1, also the R2 that printed paths imply; every indirect effect
    equal to the product of its printed paths; AVE and CR equal to what the printed loadings give.

    The R2 implied by paths is a lower bound that holds whatever the residual correlations: with one
    cause x behind all k predictors, ``R2 >= (sum b_k c_k)^2 + d^2``, where ``c_k`` is the total effect of x on
    predictor k and d what the remaining parts cannot cancel. Without such a cause only d is used.

    Not checked: estimates against the correlation table (see `range_under_rounding` and a refit).

    Checked against
    ---------------
    R 4.2.2, tests/reference/published.json: the nearest table within rounding by `eigen`, implied R2 by `solve` and
    over all residual correlations by `optim`, corners of products and loadings, every way ten people can answer.
    Single misprints put into a table that holds: tests/analysis/test_published.py.

    Examples
    --------
    >>> check_admissible(load_published("gao_2023"))
    ()
    >>> [problem.where for problem in check_admissible(load_published("heliyon_2022"))]
    ["published 'heliyon_2022', outcome 'psr'"]
    """
    return (
        *_range_problems(published),
        *_matrix_problems(published),
        *_r_squared_problems(published),
        *_indirect_problems(published),
        *_loading_problems(published),
    )


def _range_problems(published: Published) -> list[Problem]:
    problems = []
    remedy = "Check the table for a misprint."
    for variable in published.variables:
        where = f"published '{published.id}', variable '{variable.id}'"
        for name in ("alpha", "ave", "cr"):
            value = getattr(variable, name)
            if value is not None and not (value <= 1 and (name == "alpha" or value >= 0)):
                problems.append(Problem(where, f"{name} is {value}, beyond what it can be", remedy))
        if variable.sd is not None and variable.sd <= 0:
            problems.append(Problem(where, f"the standard deviation is {variable.sd}", remedy))
        if published.points and variable.mean is not None:
            low, high = 1 - published.rounding, published.points + published.rounding
            if not low <= variable.mean <= high:
                what = f"a mean of {variable.mean} lies outside the answers 1 to {published.points}"
                problems.append(Problem(where, what, remedy))
            elif variable.sd is not None and published.n:
                stretch = published.n / (published.n - 1)
                largest = np.sqrt((high - variable.mean) * (variable.mean - low) * stretch) + published.rounding
                if variable.sd > largest:
                    what = f"with a mean of {variable.mean} no standard deviation can exceed {largest:.3f}, not even"
                    problems.append(Problem(where, f"{what} {variable.sd}", remedy))
    for outcome, value in (published.r_squared or {}).items():
        if not 0 <= value <= 1:
            where = f"published '{published.id}', outcome '{outcome}'"
            problems.append(Problem(where, f"R2 is printed as {value}", "An R2 lies between 0 and 1."))
    return problems


def _matrix_problems(published: Published) -> list[Problem]:
    if published.correlations is None:
        return []
    where = f"published '{published.id}', correlations"
    r = published.correlations
    if (np.abs(r) > 1).any():
        return [Problem(where, f"one is {r.flat[np.abs(r).argmax()]}", "Correlations lie between -1 and 1.")]
    smallest = float(np.linalg.eigvalsh(r)[0])
    if smallest < -published.rounding * (len(r) - 1):
        what = f"no data can have this table (smallest eigenvalue {smallest:.4f}, more than rounding explains)"
        return [Problem(where, what, "Check it for a misprint, or for pairwise deletion.")]
    return []


def _r_squared_problems(published: Published) -> list[Problem]:
    if published.model is None or not published.paths or published.correlations is not None:
        return []
    problems = []
    for outcome in published.model.outcomes:
        causes = [cause for y, cause in published.paths if y == outcome]
        least = _least_r_squared(published.model, published.paths, outcome, causes)
        shrunk = {key: np.sign(b) * max(abs(b) - published.rounding, 0.0) for key, b in published.paths.items()}
        if min(least, _least_r_squared(published.model, shrunk, outcome, causes)) > 1:
            likely = _path_r_squared(published.model, published.paths, outcome)
            beside = "" if likely is None else f" ({likely:.2f} if the residuals are uncorrelated)"
            what = f"the printed paths imply an R2 of at least {least:.2f}{beside}, more than all there is to explain"
            remedy = "One of the printed numbers is no standardised coefficient of this model: do not build on them."
            problems.append(Problem(f"published '{published.id}', outcome '{outcome}'", what, remedy))
    return problems


def _total(model: Model, paths: Mapping[tuple[str, str], float], cause: str, effect: str) -> float:
    """The total effect along printed paths; 1 for a variable on itself."""
    if cause == effect:
        return 1.0
    products = (
        np.prod([paths.get((y, x), 0.0) for x, y in itertools.pairwise(path)]) for path in model.paths(cause, effect)
    )
    return float(sum(products))


def _least_r_squared(
    model: Model, paths: Mapping[tuple[str, str], float], outcome: str, causes: Sequence[str]
) -> float:
    """The smallest R2 of `outcome` that any residual correlations leave; see `check_admissible`."""
    b = np.array([paths[outcome, cause] for cause in causes])
    roots = {root for root in model.causes for cause in causes if root == cause or model.paths(root, cause)}
    shared = np.zeros(len(causes))
    if len(roots) == 1:
        root = next(iter(roots))
        shared = np.array([_total(model, paths, root, cause) for cause in causes])
        if (np.abs(shared) > 1).any():
            return 0.0
    apart = np.abs(b) * np.sqrt(1 - shared**2)
    beyond = max(0.0, 2 * apart.max() - apart.sum())
    return float((b @ shared) ** 2 + beyond**2)


def _path_r_squared(model: Model, paths: Mapping[tuple[str, str], float], outcome: str) -> float | None:
    """The R2 a path model with uncorrelated residuals implies; None with several correlated first causes."""
    if len(model.causes) != 1:
        return None
    order = list(model.causes)
    while len(order) < len(model.names):
        ready = (eq.outcome for eq in model.equations if eq.outcome not in order and _within(eq.labels, order))
        order.append(next(ready))
    r = np.eye(len(order))
    for place, name in enumerate(order[1:], start=1):
        b = np.array([paths.get((name, cause), 0.0) for cause in order[:place]])
        r[place, :place] = r[:place, place] = r[:place, :place] @ b
    place = order.index(outcome)
    b = np.array([paths.get((outcome, cause), 0.0) for cause in order[:place]])
    return float(b @ r[:place, :place] @ b)


def _within(labels: Sequence[str], known: Sequence[str]) -> bool:
    return set(labels) <= set(known)


def _indirect_problems(published: Published) -> list[Problem]:
    problems = []
    for path, printed in (published.indirects or {}).items():
        steps = [(published.paths or {}).get((y, x)) for x, y in itertools.pairwise(path)]
        where = f"published '{published.id}', indirect effect '{' -> '.join(path)}'"
        if None in steps:
            problems.append(Problem(where, "a path along it is not printed", "Add the path, or leave the effect out."))
            continue
        b = np.array(steps, dtype=float)
        box = [np.prod(b + published.rounding * np.array(s)) for s in itertools.product((-1, 1), repeat=len(b))]
        if not min(box) - published.rounding <= printed <= max(box) + published.rounding:
            what = f"{printed} is printed, but its paths multiply to {np.prod(b):.{published.decimals}f}"
            problems.append(Problem(where, what, "Check the table for a misprint."))
    return problems


def _loading_problems(published: Published) -> list[Problem]:
    problems = []
    for variable in published.variables:
        loadings = np.array(variable.loadings)
        if not len(loadings):
            continue
        where = f"published '{published.id}', variable '{variable.id}'"
        if (np.abs(loadings) > 1).any():
            what = f"a standardised loading is {loadings[np.abs(loadings).argmax()]}"
            problems.append(Problem(where, what, "With one factor an item cannot load above 1."))
            continue
        box = np.clip(np.abs(loadings) + published.rounding * np.array([[-1], [0], [1]]), 0, 1)
        average = (box**2).mean(axis=1)
        whole = box.sum(axis=1) ** 2
        reliability = whole / (whole + (1 - box**2).sum(axis=1))
        for name, printed, (low, value, high) in (
            ("AVE", variable.ave, average),
            ("CR", variable.cr, reliability),
        ):
            if printed is not None and not low - published.rounding <= printed <= high + published.rounding:
                what = f"{name} is printed as {printed}, but its loadings give {value:.{published.decimals}f}"
                problems.append(Problem(where, what, "Check the table for a misprint."))
    return problems


def range_under_rounding(
    model: Model, data: Moments, *, decimals: int = 3, draws: int = 2000, seed: int = 1
) -> pd.DataFrame:
    """How far can each estimate move when the printed correlations are only known to their last decimal?

    Parameters
    ----------
    model : Model
        Recursive, without products.
    data : Moments
        A published table.
    decimals : int
        Decimals the correlations are printed with: each may lie anywhere within half a unit of the last.
    draws : int
        How many random corners of that box are tried beside the searched ones.
    seed : int
        Of those corners.

    Returns
    -------
    DataFrame
        One row per standardised coefficient (`kind` beta), explained variance (r_squared, `term` empty) and
        indirect effect along one path (indirect, `term` the path). `estimate` from the printed table, `low` and
        `high` the range, `found` how: `exact` where the outcome has one predictor (the estimate moves
        with one correlation only), otherwise `search`: the smallest and largest value over the
        corners that each estimate's gradient points at, refined from there, and over random corners.

    Raises
    ------
    ModelError, DataError, NeedsRows
        For a variable the table lacks, or a product.
    MomentsError
        When rounding alone could make the table singular.

    Notes
    -----
    A searched range is attained, so the true range is at least as wide. Standard deviations do not enter
    standardised estimates.

    Checked against
    ---------------
    R 4.2.2, every corner of the rounding and a search by `optim`: tests/reference/published.json; random tables, none
    of which leaves the range: tests/analysis/test_published.py.

    Examples
    --------
    >>> gao = load_published("gao_2023")
    >>> table = range_under_rounding(gao.model, gao.moments(), draws=100)
    >>> row = table[(table.outcome == "sop") & (table.term == "res")].iloc[0]
    >>> print(f"{row.low:.3f} to {row.high:.3f}")
    0.435 to 0.438
    """
    model.check_names([*data.names, *(":".join(term) for term in model.products)], data.source or "the table")
    moments = data.select(model.columns)
    r = moments.correlations
    rows, cols = np.tril_indices(len(r), -1)
    half = 0.5 * 10.0**-decimals
    if np.linalg.eigvalsh(r)[0] <= half * (len(r) - 1):
        what = f"rounding to {decimals} decimals alone can make this table singular, so an estimate could be anything"
        raise MomentsError(Problem(data.source or "moments", what, "Use fewer predictors, or a more precise table."))

    def tables(offsets: np.ndarray) -> np.ndarray:
        out = np.repeat(r[None], len(offsets), axis=0)
        out[:, rows, cols] += offsets * half
        out[:, cols, rows] = out[:, rows, cols]
        return out

    labels, centre = _standardised(model, moments.names, r[None])
    points = len(rows)
    signs = np.sign(_slopes(model, moments.names, r, rows, cols, np.zeros((1, points)), half)).reshape(-1, points)
    refined = np.vstack([signs, -signs])
    again = _slopes(model, moments.names, r, rows, cols, refined, half)
    place = np.tile(np.arange(len(labels)), 2)
    refined_again = np.sign(again[np.arange(len(refined)), place]) * np.repeat([1, -1], len(labels))[:, None]
    random = np.random.Generator(np.random.SFC64(seed)).choice((-1.0, 1.0), size=(draws, points))
    tried = _standardised(model, moments.names, tables(np.vstack([refined, refined_again, random])))[1]
    found = ["exact" if len(model.equation(y).terms) == 1 and kind != "indirect" else "search" for kind, y, _ in labels]
    frame = pd.DataFrame(labels, columns=["kind", "outcome", "term"])
    low = np.minimum(tried.min(axis=0), centre[0])
    high = np.maximum(tried.max(axis=0), centre[0])
    return frame.assign(estimate=centre[0], low=low, high=high, found=found)[list(RANGE)]


def _slopes(
    model: Model, names: tuple[str, ...], r: np.ndarray, rows: np.ndarray, cols: np.ndarray, at: np.ndarray, half: float
) -> np.ndarray:
    """Which way each estimate moves with each correlation at these corners, shape (corners, estimates, pairs)."""
    step = 1e-3 * half
    out = []
    for corner in at:
        moved = np.repeat(r[None], 2 * len(rows), axis=0)
        moved[:, rows, cols] += corner * half * 0.999
        for place, (i, j) in enumerate(zip(rows, cols, strict=True)):
            moved[2 * place, i, j] += step
            moved[2 * place + 1, i, j] -= step
        moved[:, cols, rows] = moved[:, rows, cols]
        values = _standardised(model, names, moved)[1]
        out.append((values[::2] - values[1::2]).T)
    return np.array(out)


def _standardised(
    model: Model, names: tuple[str, ...], tables: np.ndarray
) -> tuple[list[tuple[str, str, str]], np.ndarray]:
    """Betas, R2 and specific indirect effects of many correlation tables at once, shape (tables, estimates)."""
    labels: list[tuple[str, str, str]] = []
    values: list[np.ndarray] = []
    betas: dict[tuple[str, str], np.ndarray] = {}
    for equation in model.equations:
        predictors = [names.index(label) for label in equation.labels]
        y = names.index(equation.outcome)
        right = tables[:, predictors, y]
        solved = np.linalg.solve(tables[:, predictors][:, :, predictors], right[..., None])[..., 0]
        for place, label in enumerate(equation.labels):
            betas[label, equation.outcome] = solved[:, place]
            labels.append(("beta", equation.outcome, label))
            values.append(solved[:, place])
        labels.append(("r_squared", equation.outcome, ""))
        values.append((solved * right).sum(axis=1))
    for _, effect, paths in model.effects():
        for path in paths:
            if len(path) > 2:
                labels.append(("indirect", effect, " -> ".join(path)))
                values.append(np.prod([betas[step] for step in itertools.pairwise(path)], axis=0))
    return labels, np.column_stack(values)
