"""Models with latent variables as matrices: which parameters there are, what they imply, and how fast that changes.

Every variable, observed first and latent behind, is a node. `directed[i, j]` is the arrow from j to i (loadings
and regressions), `symmetric` holds variances and covariances of what the arrows leave unexplained, `means` the
intercepts. With `total = (I - directed)^-1`, everything the model says about the observed variables is

    sigma = F total symmetric total' F'          mean = F total means          (F keeps the observed rows)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal, NamedTuple, get_args

import numpy as np

from analysis.errors import ModelError, Problem
from analysis.fit import INTERCEPT
from analysis.model import Latent, Model

Matrix = Literal["directed", "symmetric", "means"]
Scaling = Literal["marker", "variance"]
SATURATED = "The model has no degrees of freedom: it fits by construction, and nothing tests it."
ONE_ZERO = np.array([1.0, 0.0])
Related = Callable[[str, str], bool]


class Parameter(NamedTuple):
    """One number of the model: what it is called, where it stands, and its value when it is not estimated."""

    kind: str
    outcome: str
    term: str
    matrix: Matrix
    row: int
    column: int
    fixed: float | None = None
    exogenous: bool = False


class Implied(NamedTuple):
    """What parameter values say about the observed variables, and how each parameter changes it.

    The derivative of `sigma` towards parameter k is `left[:, k] right[:, k]' + right[:, k] left[:, k]'`, that of
    the means is `shift[:, k]`: two vectors instead of a p x p matrix for each parameter. `total`, `among` (the
    covariances of all nodes) and `level` (their means) serve the second derivatives.
    """

    sigma: np.ndarray
    mean: np.ndarray
    left: np.ndarray
    right: np.ndarray
    shift: np.ndarray
    total: np.ndarray
    among: np.ndarray
    level: np.ndarray


class Index(NamedTuple):
    """Where each parameter stands, as arrays over the parameters."""

    row: np.ndarray
    column: np.ndarray
    directed: np.ndarray
    symmetric: np.ndarray
    means: np.ndarray
    share: np.ndarray
    right: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True, eq=False)
class Structure:
    """A model as a table of parameters.

    Attributes
    ----------
    model : Model
        What was written.
    observed, latents : tuple of str
        The nodes, observed ones first.
    exogenous : tuple of str
        Observed predictors nothing in the model explains; their moments are taken as they are.
    parameters : tuple of Parameter
        Free and fixed ones.
    has_means : bool
        Whether intercepts belong to the model.
    """

    model: Model
    observed: tuple[str, ...]
    latents: tuple[str, ...]
    exogenous: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    has_means: bool = False

    @property
    def nodes(self) -> tuple[str, ...]:
        """Observed variables, then latent ones."""
        return (*self.observed, *self.latents)

    @cached_property
    def free(self) -> np.ndarray:
        """For each parameter, is it estimated? shape (number of parameters,)."""
        return np.array([parameter.fixed is None for parameter in self.parameters], dtype=bool)

    @cached_property
    def fixed(self) -> np.ndarray:
        """The values of the fixed parameters, 0 elsewhere."""
        return np.array([parameter.fixed or 0.0 for parameter in self.parameters])

    @cached_property
    def moments(self) -> int:
        """How many sample moments the model has to explain."""
        p = len(self.observed)
        return p * (p + 1) // 2 + (p if self.has_means else 0)

    @cached_property
    def index(self) -> Index:
        """Where each parameter stands."""
        size = len(self.nodes)
        row = np.array([parameter.row for parameter in self.parameters], dtype=int)
        column = np.array([parameter.column for parameter in self.parameters], dtype=int)
        matrix = np.array([parameter.matrix for parameter in self.parameters])
        directed, symmetric, means = (matrix == name for name in ("directed", "symmetric", "means"))
        return Index(
            row,
            column,
            np.flatnonzero(directed),
            np.flatnonzero(symmetric),
            np.flatnonzero(means),
            np.where(symmetric, np.where(row == column, 0.5, 1.0), np.where(directed, 1.0, 0.0)),
            np.where(symmetric, size + column, column),
            np.where(directed, column, np.where(means, size, size + 1)),
        )

    def matrices(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`total`, `symmetric` and `means` at these parameter values (one for each parameter, fixed ones too)."""
        size, index = len(self.nodes), self.index
        directed, symmetric, means = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
        row, column = index.row, index.column
        chosen = index.directed
        directed[row[chosen], column[chosen]] = -values[chosen]
        directed.flat[:: size + 1] += 1
        chosen = index.symmetric
        symmetric[row[chosen], column[chosen]] = values[chosen]
        symmetric[column[chosen], row[chosen]] = values[chosen]
        means[row[index.means]] = values[index.means]
        return np.linalg.inv(directed), symmetric, means

    def implied(self, values: np.ndarray) -> Implied:
        """What these parameter values say about the observed variables."""
        total, symmetric, means = self.matrices(values)
        index, p = self.index, len(self.observed)
        kept = total[:p]
        among = total @ symmetric @ total.T
        level = total @ means
        reached = kept[:, index.row]
        right = np.concatenate([among[:p], kept], axis=1)[:, index.right]
        shift = reached * np.concatenate([level, ONE_ZERO])[index.shift]
        return Implied(among[:p, :p], level[:p], reached * index.share, right, shift, total, among, level)

    def bend(self, implied: Implied, weight: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """The part of a second derivative that comes from the structure's own curvature.

        For every pair of parameters half the trace of `weight` times the second derivative of sigma, minus `pull`
        times the second derivative of the means; shape (parameters, parameters).
        """
        index, p = self.index, len(self.observed)
        kept, total, among, level = implied.total[:p], implied.total, implied.among, implied.level
        weighted = weight @ kept
        own, mixed = kept.T @ weighted, weighted.T @ among[:p]
        tug = pull @ kept
        bent = np.zeros((len(index.row), len(index.row)))
        arrows = index.directed
        r, c = index.row[arrows], index.column[arrows]
        back = total[np.ix_(c, r)]
        first = mixed[np.ix_(r, c)] * back
        first -= tug[r][:, None] * back * level[c]
        bent[np.ix_(arrows, arrows)] = first + first.T + own[np.ix_(r, r)] * among[np.ix_(c, c)]
        pairs = index.symmetric
        i, j = index.row[pairs], index.column[pairs]
        cross = own[np.ix_(r, i)] * total[np.ix_(c, j)] + own[np.ix_(r, j)] * total[np.ix_(c, i)]
        cross *= np.where(i == j, 0.5, 1.0)
        bent[np.ix_(arrows, pairs)] = cross
        bent[np.ix_(pairs, arrows)] = cross.T
        if len(index.means):
            lifts = -tug[r][:, None] * total[np.ix_(c, index.row[index.means])]
            bent[np.ix_(arrows, index.means)] = lifts
            bent[np.ix_(index.means, arrows)] = lifts.T
        return bent


def specify(
    model: Model,
    *,
    scaling: Scaling = "marker",
    has_means: bool = False,
    latent_means: bool = False,
) -> Structure:
    """Which parameters does this model have, and which of them are free?

    Parameters
    ----------
    model : Model
        With `=~`, `~` and `~~`.
    scaling : "marker" or "variance"
        What gives a latent its unit: its first loading is 1, or its (residual) variance is 1.
    has_means : bool
        Whether intercepts of the observed variables belong to the model.
    latent_means : bool
        Whether means of the latents get a place too (for several groups).

    Returns
    -------
    Structure

    Raises
    ------
    ModelError
        For an unknown scaling, a latent with one indicator, a latent that is a product, a ring of arrows, a
        covariance that names nothing, or more parameters than moments.

    Notes
    -----
    As lavaan's `cfa()` and `sem()` do: latents that nothing explains are correlated; so are the residuals of
    outcomes that explain nothing themselves; observed predictors are taken as they are.

    Checked against
    ---------------
    lavaan 0.6-14: the parameters, the degrees of freedom and what is correlated without being asked:
    tests/reference/latent.json; tests/analysis/test_latent.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> structure = specify(parse_model("psi =~ psi1 + psi2 + psi3"))
    >>> [(p.kind, p.outcome, p.term, p.fixed) for p in structure.parameters][:2]
    [('loading', 'psi1', 'psi', 1.0), ('loading', 'psi2', 'psi', None)]
    """
    check_choice("scaling", scaling, get_args(Scaling))
    _check_model(model)
    latents = tuple(latent.name for latent in model.latents)
    indicators = dict.fromkeys(name for latent in model.latents for name in latent.indicators)
    columns = dict.fromkeys((*indicators, *model.columns, *(name for pair in model.covariances for name in pair)))
    stated = {name for pair in model.covariances for name in pair}
    caused = {*indicators, *model.outcomes}
    exogenous = tuple(name for name in columns if name not in {*latents, *caused, *stated})
    observed = tuple(name for name in columns if name not in latents)
    places = {name: place for place, name in enumerate((*observed, *latents))}
    parameters = (
        *_arrows(model, places, scaling),
        *_variances(places, latents, exogenous, scaling),
        *_covariances(model, places, latents, caused, exogenous),
        *_intercepts(places, latents, exogenous, has_means, latent_means),
    )
    structure = Structure(model, observed, latents, exogenous, parameters, has_means)
    if not latent_means:
        _check_count(structure)
    return structure


def check_choice(where: str, choice: object, known: Sequence[object]) -> None:
    """Is this one of the choices there are?

    Parameters
    ----------
    where : str
        The argument's name, which the message begins with.
    choice : object
        What was asked for.
    known : sequence
        What can be asked for.

    Raises
    ------
    ModelError
        When it is not; all choices are named.

    Checked against
    ---------------
    Unknown choices given to the estimators: tests/analysis/test_cfa.py (`fit_cfa`). It computes nothing R could.

    Examples
    --------
    >>> check_choice("scaling", "unit", ("marker", "variance"))
    Traceback (most recent call last):
        ...
    analysis.errors.ModelError: scaling: 'unit' is not one of its choices. Choose from 'marker', 'variance'.
    """
    if choice not in known:
        listed = ", ".join(map(repr, known))
        raise ModelError(Problem(where, f"{choice!r} is not one of its choices", f"Choose from {listed}."))


def baseline(structure: Structure) -> Structure:
    """What would the model be if nothing were related to anything?

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    Structure
        Variances only; covariances among exogenous predictors are kept.

    Checked against
    ---------------
    lavaan 0.6-14 CFI and TLI, which compare with it: tests/reference/latent.json; tests/analysis/test_latent.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> int(baseline(specify(parse_model("f =~ a + b + c"))).free.sum())
    3
    """
    return _without_arrows(structure, lambda left, right: left in structure.exogenous and right in structure.exogenous)


def saturated(structure: Structure) -> Structure:
    """What would the model be if everything were related to everything?

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    Structure
        Every variance and covariance is free: it fits without error.

    Checked against
    ---------------
    lavaan 0.6-14 chi-squares of full information, which compare with it: tests/reference/latent.json;
    tests/analysis/test_latent.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> int(saturated(specify(parse_model("f =~ a + b + c; g =~ d + e"))).free.sum())
    15
    """
    return _without_arrows(structure, lambda left, right: True)


def candidates(structure: Structure) -> tuple[Parameter, ...]:
    """Which parameters does the model leave out and could have?

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    tuple of Parameter
        Loadings, regressions and covariances, each once.

    Checked against
    ---------------
    lavaan 0.6-14 `modindices()`, row by row in tests/analysis/test_cfa.py (`modification_indices`):
    tests/reference/latent.json.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> found = candidates(specify(parse_model("f =~ a + b + c; g =~ d + e")))
    >>> [(p.kind, p.outcome, p.term) for p in found if p.kind == "loading"]
    [('loading', 'd', 'f'), ('loading', 'e', 'f'), ('loading', 'a', 'g'), ('loading', 'b', 'g'), ('loading', 'c', 'g')]
    """
    places = {name: place for place, name in enumerate(structure.nodes)}
    present = {(p.matrix, frozenset((p.row, p.column))) for p in structure.parameters if p.matrix != "means"}
    return tuple(
        parameter
        for parameter in _imaginable(structure, places)
        if (parameter.matrix, frozenset((parameter.row, parameter.column))) not in present
    )


def start_values(structure: Structure, cov: np.ndarray, mean: np.ndarray) -> Iterator[np.ndarray]:
    """Where may the search for estimates begin?

    Parameters
    ----------
    structure : Structure
    cov : ndarray, shape (p, p)
        Covariances of the observed variables, in the structure's order.
    mean : ndarray, shape (p,)
        Their means.

    Returns
    -------
    iterator of ndarray, each of shape (parameters,)
        Values of all parameters, best guess first. The first takes the ratio of two loadings from their covariances
        with the other indicators, which is nearly what maximum likelihood will say; the second lets all items of a
        latent load alike.

    Checked against
    ---------------
    Fits that begin there and end where lavaan's do: tests/reference/latent.json; derivatives at these places:
    tests/analysis/test_latent.py.

    Examples
    --------
    >>> from analysis.model import parse_model
    >>> structure = specify(parse_model("f =~ a + b + c"))
    >>> cov = np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]])
    >>> next(start_values(structure, cov, np.zeros(3)))[:3].round(3).tolist()
    [1.0, 0.667, 0.5]
    """
    return (_start(structure, cov, mean, alike) for alike in (False, True))


def _start(structure: Structure, cov: np.ndarray, mean: np.ndarray, alike: bool) -> np.ndarray:
    places = {name: place for place, name in enumerate(structure.nodes)}
    loadings, spread = _start_loadings(structure.model.latents, places, cov, alike)
    free = {(p.outcome, p.term) for p in structure.parameters if p.kind == "loading" and p.fixed is None}
    unit = {
        latent.name: np.sqrt(spread[latent.name]) if (latent.indicators[0], latent.name) in free else 1.0
        for latent in structure.model.latents
    }
    values = structure.fixed.copy()
    for k, parameter in enumerate(structure.parameters):
        if parameter.fixed is not None:
            continue
        outcome, term = parameter.outcome, parameter.term
        if parameter.kind == "loading":
            values[k] = loadings[outcome, term] * unit[term]
        elif parameter.kind == "variance":
            size = spread[outcome] if outcome in structure.latents else cov[parameter.row, parameter.row]
            values[k] = size if parameter.exogenous or outcome in structure.latents else 0.5 * size
        elif parameter.kind == "covariance" and parameter.exogenous:
            values[k] = cov[parameter.row, parameter.column]
        elif parameter.kind == "intercept" and outcome not in structure.latents:
            values[k] = mean[parameter.row]
    return values


def _start_loadings(
    latents: Sequence[Latent], places: dict[str, int], cov: np.ndarray, alike: bool
) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    loadings: dict[tuple[str, str], float] = {}
    spread: dict[str, float] = {}
    taken: set[str] = set()
    for latent in latents:
        known = [places[name] for name in latent.indicators if places[name] < len(cov)]
        if len(known) < len(latent.indicators):
            loadings.update({(name, latent.name): 1.0 for name in latent.indicators})
            spread[latent.name] = 0.5 * min((spread.get(name, 1.0) for name in latent.indicators), default=1.0)
            continue
        block = cov[np.ix_(known, known)]
        ratios = _alike(block) if alike else _ratios(block)
        first = block[0, 0]
        common = 0.5 * first if alike else float(block[0, 1:] @ ratios[1:] / (ratios[1:] @ ratios[1:]))
        spread[latent.name] = float(np.clip(common, 0.1 * first, 0.9 * first))
        for name, ratio in zip(latent.indicators, ratios, strict=True):
            loadings[name, latent.name] = 0.0 if name in taken and name != latent.indicators[0] else float(ratio)
        taken.update(latent.indicators)
    return loadings, spread


def _alike(block: np.ndarray) -> np.ndarray:
    """Loadings as if all indicators measured equally well, with the signs of their covariances with the first."""
    sd = np.sqrt(np.diag(block))
    return np.asarray(np.where(block[0] < 0, -1.0, 1.0) * sd / sd[0])


def _ratios(block: np.ndarray) -> np.ndarray:
    """Loadings relative to the first indicator."""
    size = len(block)
    sd = np.sqrt(np.diag(block))
    plain = _alike(block)
    if size == 2:
        return plain
    ratios = np.ones(size)
    for j in range(1, size):
        others = [k for k in range(1, size) if k != j]
        strength = block[0, others] @ block[0, others]
        usable = strength > 1e-4 * block[0, 0] * np.sum(sd[others] ** 2)
        ratios[j] = block[j, others] @ block[0, others] / strength if usable else plain[j]
    limit = 3 * sd / sd[0]
    ratios = np.clip(ratios, -limit, limit)
    return np.where(np.abs(ratios) < 0.05 * sd / sd[0], 0.05 * plain, ratios)


def _check_model(model: Model) -> None:
    latents = {latent.name: latent for latent in model.latents}
    problems = []
    for latent in model.latents:
        if len(latent.indicators) == 1:
            what = f"it shows in {latent.indicators[0]} only, so error cannot be told from true differences"
            remedy = f"Name at least two indicators (three stand alone), or use {latent.indicators[0]} itself."
            problems.append(Problem(f"model, latent '{latent.name}'", what, remedy))
    for term in model.products:
        if any(name in latents for name in term):
            remedy = "Use scale scores for the product, and fit it as a path model."
            problems.append(Problem(f"model, '{':'.join(term)}'", "a product with a latent is not estimated", remedy))
    known = {*latents, *model.columns, *(name for latent in model.latents for name in latent.indicators)}
    for pair in model.covariances:
        for name in pair:
            if name not in known:
                remedy = "Name a variable of the model's equations or an indicator."
                problems.append(Problem(f"model, '{' ~~ '.join(pair)}'", f"'{name}' stands nowhere else", remedy))
    if not problems:
        problems.extend(_ring(model))
    if problems:
        raise ModelError(*problems)


def _ring(model: Model) -> list[Problem]:
    """Loadings are arrows too: a latent that is predicted by its own indicator is a ring."""
    arrows: dict[str, list[str]] = {}
    for latent in model.latents:
        arrows.setdefault(latent.name, []).extend(latent.indicators)
    for equation in model.equations:
        for label in equation.labels:
            arrows.setdefault(label, []).append(equation.outcome)
    waiting = dict(arrows)
    while waiting:
        reached = {name for ends in waiting.values() for name in ends}
        ends = [name for name in waiting if name not in reached]
        if not ends:
            what = f"its arrows run in a circle through {', '.join(waiting)}"
            return [Problem("model", what, "Take one of these arrows out.")]
        for name in ends:
            del waiting[name]
    return []


def _check_count(structure: Structure) -> None:
    free = int(structure.free.sum())
    if free > structure.moments:
        what = f"{free} parameters are to be found from {structure.moments} variances and covariances"
        remedy = "Give each latent at least three indicators, or relate it to other variables of the model."
        raise ModelError(Problem("model", what, remedy))


def _arrows(model: Model, places: dict[str, int], scaling: Scaling) -> Iterator[Parameter]:
    for latent in model.latents:
        for position, name in enumerate(latent.indicators):
            fixed = 1.0 if scaling == "marker" and position == 0 else None
            yield Parameter("loading", name, latent.name, "directed", places[name], places[latent.name], fixed)
    for equation in model.equations:
        for label in equation.labels:
            row, column = places[equation.outcome], places[label]
            yield Parameter("regression", equation.outcome, label, "directed", row, column)


def _variances(
    places: dict[str, int], latents: tuple[str, ...], exogenous: tuple[str, ...], scaling: Scaling
) -> Iterator[Parameter]:
    for name, place in places.items():
        fixed = 1.0 if scaling == "variance" and name in latents else None
        yield Parameter("variance", name, name, "symmetric", place, place, fixed, name in exogenous)


def _covariances(
    model: Model, places: dict[str, int], latents: tuple[str, ...], caused: set[str], exogenous: tuple[str, ...]
) -> Iterator[Parameter]:
    causes = {label for equation in model.equations for label in equation.labels}
    indicators = {name for latent in model.latents for name in latent.indicators}
    final = [name for name in model.outcomes if name not in causes and name not in indicators]
    independent = [name for name in latents if name not in caused]
    stated = [(left, right) for left, right in model.covariances if left != right]
    pairs = [*stated, *combinations(independent, 2), *combinations(final, 2), *combinations(exogenous, 2)]
    seen = set()
    for left, right in pairs:
        if frozenset((left, right)) not in seen:
            seen.add(frozenset((left, right)))
            given = left in exogenous and right in exogenous
            yield Parameter("covariance", left, right, "symmetric", places[left], places[right], None, given)


def _intercepts(
    places: dict[str, int], latents: tuple[str, ...], exogenous: tuple[str, ...], has_means: bool, latent_means: bool
) -> Iterator[Parameter]:
    for name, place in places.items():
        if (has_means and name not in latents) or (latent_means and name in latents):
            yield Parameter("intercept", name, INTERCEPT, "means", place, 0, None, name in exogenous)


def _without_arrows(structure: Structure, related: Related) -> Structure:
    parameters = [
        Parameter("variance", name, name, "symmetric", place, place, None, name in structure.exogenous)
        for place, name in enumerate(structure.observed)
    ]
    for (row, left), (column, right) in combinations(enumerate(structure.observed), 2):
        if related(left, right):
            given = left in structure.exogenous and right in structure.exogenous
            parameters.append(Parameter("covariance", left, right, "symmetric", row, column, None, given))
    places = {name: place for place, name in enumerate(structure.observed)}
    parameters.extend(_intercepts(places, (), structure.exogenous, structure.has_means, False))
    bare = Model(latents=())
    return Structure(bare, structure.observed, (), structure.exogenous, tuple(parameters), structure.has_means)


def _imaginable(structure: Structure, places: dict[str, int]) -> Iterator[Parameter]:
    model = structure.model
    indicators = dict.fromkeys(name for latent in model.latents for name in latent.indicators)
    for latent in model.latents:
        for name in indicators:
            if name not in structure.latents:
                yield Parameter("loading", name, latent.name, "directed", places[name], places[latent.name])
    names = [name for name in structure.nodes if name not in structure.exogenous]
    for left, right in combinations(names, 2):
        if (left in structure.latents) == (right in structure.latents):
            yield Parameter("covariance", left, right, "symmetric", places[left], places[right])
    related = [name for name in dict.fromkeys((*model.outcomes, *model.columns)) if name in places]
    for outcome in related:
        for term in related:
            if outcome != term and outcome not in structure.exogenous:
                yield Parameter("regression", outcome, term, "directed", places[outcome], places[term])
