"""How many people a study needs: the planned analysis on simulated people, many times; closed forms where there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.random import SFC64, Generator, SeedSequence
from scipy import special

from analysis.bootstrap import THREADS, Progress, check_draws, one_blas_thread, slopes
from analysis.errors import DataError, ModelError, Problem
from analysis.model import Equation, Model, parse_model
from analysis.paths import Effect, effects_of
from analysis.regression import check_level

BLOCK = 50
"""Replications that share one random stream: part of what a seed means, so never tuned."""
PILOT = 400_000
"""Simulated people from whom the variance of product terms is learned; without products it is exact."""
TARGETS = (0.80, 0.90)
TESTS = ("t", "percentile", "joint", "sobel")
POWER = ("n", "kind", "effect", "test", "power", "conf_low", "conf_high", "truth")

EXPECTED: Mapping[tuple[str, str], float] = {
    ("psi", "physical"): 0.15,
    ("psi", "social"): 0.30,
    ("psi", "homophily"): 0.30,
    ("trust", "psi"): 0.40,
    ("purchase", "psi"): 0.30,
    ("purchase", "trust"): 0.20,
}
"""Standardised effects in the middle of what published studies of para-social interaction print (data/published)."""
UNKNOWN = 0.10
"""A small effect (Cohen, 1988), for outcomes of which no study gives any."""

_WEIGHTED = re.compile(r"(?P<weight>[-+]?\s*+(?:\d++\.?\d*+|\.\d++))\s*+\*\s*+(?P<term>.+)")


@dataclass(frozen=True, eq=False)
class Plan:
    """Power at each sample size, and the sizes that reach a target.

    Attributes
    ----------
    model : Model
    power : DataFrame
        One row per n, effect and test: `power` is the share of replications whose test came out at the level,
        `conf_low` and `conf_high` its Wilson interval, `truth` the standardised effect between what the scales
        measure (0: `power` is then the false-alarm rate).
    needed : DataFrame
        One row per effect, test and `target`: smallest `n` (missing where the grid does not reach it), the
        range `n_low` to `n_high` that the simulation's own error leaves, `recruit` with exclusions added.
    level : float
    seed : int
    notes : tuple of str
    """

    model: Model
    power: pd.DataFrame
    needed: pd.DataFrame
    level: float
    seed: int
    notes: tuple[str, ...]


def parse_plan(text: str) -> tuple[Model, dict[tuple[str, str], float]]:
    """Which model and which standardised effects does this text plan?

    Parameters
    ----------
    text : str
        Equations with a number before each term: `psi ~ 0.3*social + 0.35*homophily`.

    Returns
    -------
    (Model, dict)
        The model, and {(outcome, term): effect}.

    Raises
    ------
    ModelError
        Naming every term without a number and every `=~` or `~~`.

    Checked against
    ---------------
    Texts of all kinds, read and refused: tests/analysis/test_power.py. It computes nothing R could.

    Examples
    --------
    >>> model, effects = parse_plan("psi ~ 0.3*social; purchase ~ .4*psi + 0*social")
    >>> effects["purchase", "psi"]
    0.4
    """
    statements, effects, problems = [], {}, []
    for statement in re.split(r"[;\n]", text):
        left, sign, right = statement.partition("#")[0].partition("~")
        if not sign:
            statements.append(statement)
            continue
        if left.endswith("=") or right.startswith("~"):
            what = "a plan is about scores, so =~ and ~~ have no place in it"
            problems.append(Problem(f"plan, '{statement.strip()}'", what, "Say how reliable each scale is instead."))
            continue
        terms = []
        for part in re.sub(r"(?<=[\w)])\s*-\s*(?=[\d.])", " + -", right).split("+"):
            match = _WEIGHTED.fullmatch(part.strip())
            if match is None:
                what = f"'{part.strip()}' has no expected effect"
                problems.append(Problem(f"plan, '{left.strip()}'", what, "Write it before the name: 0.3*social."))
            else:
                terms.append(match["term"])
                effects[left.strip(), match["term"]] = float("".join(match["weight"].split()))
        statements.append(f"{left} ~ {' + '.join(terms)}")
    if problems:
        raise ModelError(*problems)
    return parse_model("\n".join(statements)), effects


def sizes_between(smallest: int, largest: int, count: int) -> list[int]:
    """Which sample sizes lie evenly from the smallest to the largest?

    Parameters
    ----------
    smallest, largest : int
        In either order.
    count : int
        How many; at least the two ends.

    Returns
    -------
    list of int
        Whole numbers, each once.

    Checked against
    ---------------
    tests/analysis/test_power.py; it is R's `round(seq(a, b, length.out = k))`.

    Examples
    --------
    >>> sizes_between(100, 400, 4)
    [100, 200, 300, 400]
    """
    low, high = sorted((int(smallest), int(largest)))
    return sorted({round(size) for size in np.linspace(low, high, max(int(count), 2))})


def needed_for_all(planned: Plan, target: float = 0.80) -> tuple[int, int] | None:
    """How many usable answers, and how many recruits, give every expected effect this power?

    Parameters
    ----------
    planned : Plan
    target : float
        One of the targets of the plan. Coefficients count by t, effects along paths by the percentile bootstrap.

    Returns
    -------
    (n, recruit) or None
        None where some effect does not reach the target at any size tried, or none is expected.

    Checked against
    ---------------
    The table it reads, row by row: tests/analysis/test_power.py; the table itself as `plan` says.

    Examples
    --------
    >>> model, effects = parse_plan("purchase ~ 0.5*psi")
    >>> needed_for_all(plan(model, effects, n=[20, 60], replications=200, draws=100)) is not None
    True
    """
    found = planned.needed[planned.needed["test"].isin(TESTS[:2]) & (planned.needed["target"] == target)]
    if found.empty or bool(found["n"].isna().any()):
        return None
    return int(found["n"].max()), int(found["recruit"].max())


def plan_text(model: Model) -> str:
    """Which text plans this model, with the effects that earlier studies make plausible, to be thought over?

    Parameters
    ----------
    model : Model

    Returns
    -------
    str
        One equation a line, each term with its effect: those printed in earlier studies where the equation is known,
        otherwise a small one (0.1) for all.

    Checked against
    ---------------
    It parses back to the same model: tests/analysis/test_power.py. It computes nothing R could.

    Examples
    --------
    >>> print(plan_text(parse_model("psi ~ physical + social; purchase ~ psi + age")))
    psi ~ 0.15*physical + 0.3*social
    purchase ~ 0.3*psi + 0*age
    """
    lines = []
    for equation in model.equations:
        known = {label: EXPECTED.get((equation.outcome, label), 0.0) for label in equation.labels}
        shown = known if any(known.values()) else dict.fromkeys(known, UNKNOWN)
        lines.append(f"{equation.outcome} ~ {' + '.join(f'{effect:g}*{label}' for label, effect in shown.items())}")
    return "\n".join(lines)


def of_kinds(planned: Plan, kinds: Sequence[str]) -> Plan:
    """What does the plan say of these kinds of effects only?

    Parameters
    ----------
    planned : Plan
    kinds : sequence of str
        Of `coefficient`, `indirect`, `total_indirect`, `total`.

    Returns
    -------
    Plan
        The same rows as before, fewer of them.

    Checked against
    ---------------
    The whole table: tests/analysis/test_power.py. It selects, so there is no number of R's to compare.

    Examples
    --------
    >>> model, effects = parse_plan("psi ~ 0.4*social; purchase ~ 0.4*psi")
    >>> planned = plan(model, effects, n=[60], replications=100, draws=100)
    >>> of_kinds(planned, ["indirect"]).power["effect"].unique().tolist()
    ['social -> psi -> purchase']
    """
    power, needed = (table[table["kind"].isin(list(kinds))] for table in (planned.power, planned.needed))
    return replace(planned, power=power.reset_index(drop=True), needed=needed.reset_index(drop=True))


def plan(
    model: Model,
    effects: Mapping[tuple[str, str], float],
    reliabilities: Mapping[str, float] | None = None,
    *,
    n: Sequence[int],
    correlations: Mapping[tuple[str, str], float] | None = None,
    exclusions: float = 0.15,
    level: float = 0.95,
    draws: int = 1000,
    replications: int = 1000,
    seed: int = 1,
    progress: Progress | None = None,
) -> Plan:
    """With how many people would this model show the effects that are expected?

    Parameters
    ----------
    model : Model
        Recursive; products allowed.
    effects : mapping of (outcome, term) to float
        Standardised slope of every term, between what the scales measure (before unreliability weakens it). A slope of
        a product `a:b` multiplies the product of the two standardised variables.
    reliabilities : mapping of str to float, optional
        Of each scale, such as an expected alpha; 1 where left out.
    n : sequence of int
        Sample sizes, smallest first.
    correlations : mapping of (cause, cause) to float, optional
        Between variables that only predict; 0 where left out.
    exclusions : float
        Share of people who will not be usable; `recruit` is ``n / (1 - exclusions)``.
    level : float
        A test counts when it is significant at ``1 - level``, two-sided.
    draws : int
        Bootstrap samples per replication.
    replications : int
        Simulated studies per sample size.
    seed : int
    progress : callable(done, total) or None

    Returns
    -------
    Plan
        Coefficients are tested with t (classical errors); indirect, total indirect and total effects with the
        percentile bootstrap; one-path indirect effects also with joint significance and Sobel's z.

    Raises
    ------
    DataError
        Naming every effect that is missing or unknown, numbers outside their range, sample sizes too small for
        the model, effects that would explain more than all.

    Notes
    -----
    Answers are normal. All replications of one sample size share one matrix of resampling counts, which leaves each
    test as it is and only correlates the bootstrap's own noise between replications; each larger n adds
    people to the same simulated studies, so that the curve is smooth. `needed` interpolates probit(power) in sqrt(n).
    Percentile limits are quantiles of type 7. With products, residual variances are learned from 400,000 people.

    Checked against
    ---------------
    R 4.2.2, 4,000 studies simulated and tested by `lm`, Sobel and percentile bootstrap: tests/reference/scores.json.
    Five more designs (shared reference 11_power) and MacKinnon et al. 2002, Sobel a = b = 0.39 unstandardised:
    tests/analysis/test_power.py. Base R's noncentral F for one slope, at the size it asks for:
    tests/reference/scores.json through `sample_size`.

    Examples
    --------
    >>> model, effects = parse_plan("psi ~ 0.4*social; purchase ~ 0.4*psi + 0*social")
    >>> planned = plan(model, effects, n=[60, 120], replications=100, draws=200)
    >>> planned.power.query("test == 'percentile' and kind == 'indirect'")["power"].is_monotonic_increasing
    True
    """
    sizes = [int(size) for size in n]
    _check(model, effects, reliabilities or {}, sizes, correlations or {}, exclusions, level, replications)
    check_draws(draws, seed)
    world = _world(model, effects, reliabilities or {}, correlations or {}, seed)
    wanted = [effect for effect in effects_of(model) if effect.kind != "direct"]
    weights = {size: _weights(size, draws, seed) for size in sizes} if wanted else {}
    done, total = 0, replications

    def block(start: int) -> np.ndarray:
        studies = _studies(world, min(BLOCK, replications - start), max(sizes), start // BLOCK, seed)
        return np.array([_significant(world, wanted, studies[:, :, :size], weights.get(size), level) for size in sizes])

    hits = []
    with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(block, range(0, replications, BLOCK)):
            hits.append(found)
            done += found.shape[2]
            if progress is not None:
                progress(done, total)
    share = np.concatenate(hits, axis=2).mean(axis=2)
    labels = _labels(world, wanted)
    rows = [
        (size, *label, power)
        for size, found in zip(sizes, share, strict=True)
        for label, power in zip(labels, found, strict=True)
    ]
    power = _with_interval(pd.DataFrame(rows, columns=["n", "kind", "effect", "test", "truth", "power"]), replications)
    needed = _needed(power, exclusions)
    notes = [f"{replications} simulated studies per sample size, {draws} bootstrap samples each, seed {seed}."]
    if needed["n"].isna().any():
        notes.append(f"Where no n is given, not even {max(sizes)} people reach the target.")
    if (needed["n"] <= min(sizes)).any():
        notes.append(f"An n of {min(sizes)} is the smallest that was tried; fewer may do.")
    notes.append(f"recruit adds {exclusions:.0%} exclusions.")
    return Plan(model, power, needed, level, seed, tuple(notes))


@dataclass(frozen=True, eq=False)
class _World:
    """The population: how scores come about, in causal order, and how well scales measure them."""

    model: Model
    effects: Mapping[tuple[str, str], float]
    order: tuple[Equation, ...]
    causes: np.ndarray
    """Lower Cholesky factor of the correlations of the first causes."""
    residual: Mapping[str, float]
    """Variance each outcome has beyond its predictors."""
    reliability: Mapping[str, float]


def _world(
    model: Model,
    effects: Mapping[tuple[str, str], float],
    reliabilities: Mapping[str, float],
    correlations: Mapping[tuple[str, str], float],
    seed: int,
) -> _World:
    causes = model.causes
    r = np.eye(len(causes))
    for (a, b), value in correlations.items():
        i, j = causes.index(a), causes.index(b)
        r[i, j] = r[j, i] = value
    try:
        lower = np.linalg.cholesky(r)
    except np.linalg.LinAlgError as error:
        raise DataError(Problem("correlations", "no data can have them all at once", "Make some smaller.")) from error
    world = _World(model, effects, _causal_order(model), lower, {}, reliabilities)
    if model.products:
        stream = Generator(SFC64(SeedSequence(seed, spawn_key=(1,))))
        residual: dict[str, float] = {}
        _true_scores(replace(world, residual=residual), stream, (1, PILOT), learn=residual)
    else:
        residual = _exact_residuals(world, r)
    return replace(world, residual=residual)


def _causal_order(model: Model) -> tuple[Equation, ...]:
    known = set(model.causes)
    order: list[Equation] = []
    while len(order) < len(model.equations):
        ready = [eq for eq in model.equations if eq not in order and set(sum(eq.terms, ())) <= known]
        order += ready
        known |= {equation.outcome for equation in ready}
    return tuple(order)


def _exact_residuals(world: _World, r: np.ndarray) -> dict[str, float]:
    names = list(world.model.causes)
    residual = {}
    for equation in world.order:
        b = np.array([world.effects.get((equation.outcome, name), 0.0) for name in names])
        among = r @ b
        residual[equation.outcome] = _left_over(equation, float(b @ among))
        r = np.block([[r, among[:, None]], [among[None], np.ones((1, 1))]])
        names.append(equation.outcome)
    return residual


def _left_over(equation: Equation, explained: float) -> float:
    if explained >= 1:
        what = f"the effects on it would explain {explained:.0%} of its variance"
        raise DataError(Problem(f"plan, '{equation.outcome}'", what, "Make them smaller: they must leave something."))
    return 1 - explained


def _true_scores(
    world: _World, stream: Generator, shape: tuple[int, int], learn: dict[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Standardised true scores of every variable; `learn` is filled with residual variances found on the way."""
    noise = stream.standard_normal((len(world.causes), *shape))
    mixed = np.tensordot(world.causes, noise, axes=1)
    scores = dict(zip(world.model.causes, mixed, strict=True))
    for equation in world.order:
        parts = (
            world.effects[equation.outcome, label] * np.prod([scores[name] for name in term], axis=0)
            for label, term in zip(equation.labels, equation.terms, strict=True)
        )
        expected = np.sum(list(parts), axis=0)
        if learn is not None:
            learn[equation.outcome] = _left_over(equation, float(expected.var()))
        spread = np.sqrt(world.residual[equation.outcome])
        scores[equation.outcome] = expected + spread * stream.standard_normal(shape)
    return scores


def _studies(world: _World, count: int, size: int, block: int, seed: int) -> np.ndarray:
    """What the scales show in `count` simulated studies, shape (columns of the model, count, size)."""
    stream = Generator(SFC64(SeedSequence(seed, spawn_key=(0, block))))
    true = _true_scores(world, stream, (count, size))
    shown = {}
    for name, score in true.items():
        reliability = world.reliability.get(name, 1.0)
        noise = np.sqrt(1 - reliability) * stream.standard_normal(score.shape) if reliability < 1 else 0.0
        shown[name] = np.sqrt(reliability) * score + noise
    return np.array([np.prod([shown[name] for name in column.split(":")], axis=0) for column in world.model.columns])


def _weights(size: int, draws: int, seed: int) -> np.ndarray:
    """How often each of `size` people is drawn, per person and bootstrap sample, as shares: shape (size, draws)."""
    stream = Generator(SFC64(SeedSequence(seed, spawn_key=(2, size))))
    person = stream.integers(0, size, size=(draws, size)) + size * np.arange(draws)[:, None]
    counts = np.bincount(person.ravel(), minlength=draws * size).reshape(draws, size)
    return np.ascontiguousarray((counts / size).T, dtype=np.float32)


def _significant(
    world: _World, wanted: Sequence[Effect], shown: np.ndarray, weights: np.ndarray | None, level: float
) -> np.ndarray:
    """Which tests come out in which of these studies, shape (tests, studies), in the order of `_labels`."""
    c, count, n = shown.shape
    low, high = np.triu_indices(c)
    products = np.concatenate([shown, shown[low] * shown[high]])
    tested = _t_tests(world, _covariances(products.mean(axis=2), c), n, level)
    rows = [tested[equation.outcome, label][2] for equation in world.model.equations for label in equation.labels]
    if weights is None:
        return np.array(rows)
    sums = products.reshape(-1, n).astype(np.float32) @ weights
    drawn = _draws(world, _covariances(sums.reshape(len(products), -1), c))
    for effect in wanted:
        values = effect.value(drawn).reshape(count, -1)
        limits = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=1)
        rows.append((limits[0] > 0) | (limits[1] < 0))
        if effect.kind == "indirect":
            steps = [tested[step] for step in effect.chains[0].steps]
            rows.append(np.all([step[2] for step in steps], axis=0))
            rows.append(_sobel(steps, level))
    return np.array(rows)


def _labels(world: _World, wanted: Sequence[Effect]) -> list[tuple[str, str, str, float]]:
    truth = {key: np.asarray(value) for key, value in world.effects.items()}
    labels = [
        ("coefficient", f"{equation.outcome} ~ {label}", "t", float(truth[equation.outcome, label]))
        for equation in world.model.equations
        for label in equation.labels
    ]
    for effect in wanted:
        tests = TESTS[1:] if effect.kind == "indirect" else TESTS[1:2]
        labels += [(effect.kind, effect.path, test, float(effect.value(truth))) for test in tests]
    return labels


def _covariances(moments: np.ndarray, c: int) -> np.ndarray:
    """Means and mean products, shape (c + pairs, k), as covariances with denominator n, shape (c, c, k)."""
    low, high = np.triu_indices(c)
    out = np.empty((c, c, moments.shape[1]), dtype=moments.dtype)
    out[low, high] = moments[c:] - moments[low] * moments[high]
    out[high, low] = out[low, high]
    return out


def _t_tests(
    world: _World, covariances: np.ndarray, n: int, level: float
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Slope, standard error and significance of every coefficient in every study."""
    place = {name: number for number, name in enumerate(world.model.columns)}
    found = {}
    for equation in world.model.equations:
        y, x = place[equation.outcome], [place[label] for label in equation.labels]
        inverse = np.linalg.inv(np.moveaxis(covariances[np.ix_(x, x)], 2, 0))
        right = covariances[x, y].T
        slope = np.einsum("sij,sj->si", inverse, right)
        df = n - len(x) - 1
        residual = (covariances[y, y] - (slope * right).sum(axis=1)) / df
        error = np.sqrt(residual[:, None] * np.diagonal(inverse, axis1=1, axis2=2))
        beyond = np.abs(slope) > special.stdtrit(df, (1 + level) / 2) * error
        for number, label in enumerate(equation.labels):
            found[equation.outcome, label] = (slope[:, number], error[:, number], beyond[:, number])
    return found


def _draws(world: _World, covariances: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    place = {name: number for number, name in enumerate(world.model.columns)}
    along: dict[tuple[str, str], np.ndarray] = {}
    for equation in world.model.equations:
        answer, _ = slopes(covariances, place[equation.outcome], [place[label] for label in equation.labels])
        along |= {(equation.outcome, label): slope for label, slope in zip(equation.labels, answer, strict=True)}
    return along


def _sobel(steps: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], level: float) -> np.ndarray:
    """First-order delta z of a product of slopes of different equations, |product| against its standard error."""
    slope = np.array([step[0] for step in steps])
    variance = np.zeros(slope.shape[1])
    for number, step in enumerate(steps):
        others = np.prod(np.delete(slope, number, axis=0), axis=0)
        variance += (others * step[1]) ** 2
    return np.asarray(np.abs(slope.prod(axis=0)) > special.ndtri((1 + level) / 2) * np.sqrt(variance))


def _with_interval(table: pd.DataFrame, replications: int) -> pd.DataFrame:
    """Wilson's 95 % interval of each share of replications."""
    z2 = special.ndtri(0.975) ** 2
    share = table["power"].to_numpy()
    centre = (share + z2 / (2 * replications)) / (1 + z2 / replications)
    width = np.sqrt(z2 * (share * (1 - share) + z2 / (4 * replications)) / replications) / (1 + z2 / replications)
    return table.assign(conf_low=np.maximum(centre - width, 0), conf_high=np.minimum(centre + width, 1))[list(POWER)]


def _needed(power: pd.DataFrame, exclusions: float) -> pd.DataFrame:
    rows = []
    for (kind, effect, test), part in power.groupby(["kind", "effect", "test"], sort=False):
        if part["truth"].iloc[0] == 0:
            continue
        for target in TARGETS:
            found = [_crossing(part["n"].to_numpy(), part[name].to_numpy(), target) for name in POWER[4:7]]
            at, late, early = found
            recruit = None if at is None else int(np.ceil(at / (1 - exclusions)))
            rows.append((kind, effect, test, target, at, early, late, recruit))
    columns = ["kind", "effect", "test", "target", "n", "n_low", "n_high", "recruit"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[4:], "Int64"))


def _crossing(n: np.ndarray, power: np.ndarray, target: float) -> int | None:
    """The smallest n whose power reaches the target for good, between grid points by probit(power) in sqrt(n)."""
    below = np.flatnonzero(power < target)
    if not len(below):
        return int(n[0])
    last = int(below[-1])
    if last == len(n) - 1:
        return None
    ends = special.ndtri(np.clip(power[[last, last + 1]], 1e-4, 1 - 1e-4))
    roots = np.sqrt(n[[last, last + 1]])
    share = (special.ndtri(target) - ends[0]) / (ends[1] - ends[0])
    return int(np.ceil((roots[0] + share * (roots[1] - roots[0])) ** 2))


def check_exclusions(exclusions: float) -> None:
    """Is this a share of people who will not be usable?

    Parameters
    ----------
    exclusions : float
        From 0 to below 1.

    Raises
    ------
    DataError
        When it is not.

    Checked against
    ---------------
    tests/analysis/test_power.py. It computes nothing R could.

    Examples
    --------
    >>> check_exclusions(1.5)
    Traceback (most recent call last):
        ...
    analysis.errors.DataError: exclusions: they are 1.5. Give a share from 0 to below 1, such as 0.15.
    """
    if not 0 <= exclusions < 1:
        remedy = "Give a share from 0 to below 1, such as 0.15."
        raise DataError(Problem("exclusions", f"they are {exclusions}", remedy))


def _check(
    model: Model,
    effects: Mapping[tuple[str, str], float],
    reliabilities: Mapping[str, float],
    sizes: Sequence[int],
    correlations: Mapping[tuple[str, str], float],
    exclusions: float,
    level: float,
    replications: int,
) -> None:
    check_level(level)
    problems = []
    wanted = {(equation.outcome, label) for equation in model.equations for label in equation.labels}
    for outcome, term in sorted(wanted - set(effects)):
        problems.append(
            Problem(f"plan, '{outcome} ~ {term}'", "no effect is expected", "Give one; 0 if there is none.")
        )
    for outcome, term in sorted(set(effects) - wanted):
        problems.append(
            Problem(f"plan, '{outcome} ~ {term}'", "the model has no such term", "Add it, or leave it out.")
        )
    for name, value in reliabilities.items():
        if name not in model.names:
            problems.append(Problem(f"reliability of '{name}'", "the model has no such variable", "Leave it out."))
        elif not 0 < value <= 1:
            problems.append(Problem(f"reliability of '{name}'", f"it is {value}", "Give a number above 0, at most 1."))
    for pair, value in correlations.items():
        if not set(pair) <= set(model.causes) or len(set(pair)) < 2:
            remedy = f"Name two of: {', '.join(model.causes)}."
            problems.append(Problem(f"correlation of {' and '.join(pair)}", "they are no two first causes", remedy))
        elif not -1 < value < 1:
            problems.append(Problem(f"correlation of {' and '.join(pair)}", f"it is {value}", "Between -1 and 1."))
    least = max((len(equation.terms) for equation in model.equations), default=0) + 3
    if not sizes or sizes != sorted(set(sizes)) or sizes[0] < least:
        what = f"they are {', '.join(map(str, sizes)) or 'none'}"
        problems.append(Problem("sample sizes", what, f"Give rising numbers from {least} up."))
    try:
        check_exclusions(exclusions)
    except DataError as error:
        problems.extend(error.problems)
    if replications < 100:
        remedy = "Ask for at least 100; 1000 is usual."
        problems.append(Problem("replications", f"{replications} studies cannot show a power", remedy))
    if problems:
        raise DataError(*problems)


def sample_size(
    test: str, effect: float, *, power: float = 0.80, level: float = 0.95, groups: int = 2, predictors: int = 1
) -> float:
    """How many people does a simple test need, by formula?

    Parameters
    ----------
    test : "t", "anova", "correlation" or "regression"
        Two independent groups; one-way analysis; one correlation; the R2 of `predictors` together.
    effect : float
        Cohen's d; f; r; f squared (R2 / (1 - R2)).
    power, level : float
    groups : int
        For anova.
    predictors : int
        For regression.

    Returns
    -------
    float
        People per group for t and anova, in all for correlation and regression; round up.

    Raises
    ------
    DataError
        For an unknown test or an effect outside its range.

    Notes
    -----
    pingouin for t, anova and correlation; the noncentral F with ``lambda = f2 * (u + v + 1)`` for regression.

    Checked against
    ---------------
    Base R 4.2.2: power.t.test, power.anova.test, Fisher's z and the noncentral F solved for n:
    tests/reference/scores.json. pwr (shared reference 11_power): tests/analysis/test_power.py.

    Examples
    --------
    >>> round(sample_size("t", 0.5), 2)
    63.77
    """
    problems = []
    if test not in ("t", "anova", "correlation", "regression"):
        problems.append(Problem("test", f"'{test}' is not known", "Choose t, anova, correlation or regression."))
    if not np.isfinite(effect) or effect == 0 or (test == "correlation" and abs(effect) >= 1):
        problems.append(Problem("effect", f"it is {effect}", "Give the size that is worth finding, not 0."))
    if not 1 - level < power < 1 or not 0 < level < 1:
        problems.append(Problem("power", f"power {power} at level {level}", "Power lies between 1 - level and 1."))
    if (test == "anova" and groups < 2) or predictors < 1:
        problems.append(Problem("test", f"{groups} groups, {predictors} predictors", "At least 2 groups, 1 predictor."))
    if problems:
        raise DataError(*problems)
    if test == "regression":
        return _regression_size(abs(effect), power, level, predictors)
    import pingouin

    if test == "t":
        return float(pingouin.power_ttest(d=abs(effect), power=power, alpha=1 - level))
    if test == "anova":
        share = effect**2 / (1 + effect**2)
        return float(pingouin.power_anova(eta_squared=share, k=groups, power=power, alpha=1 - level))
    return float(pingouin.power_corr(r=abs(effect), power=power, alpha=1 - level))


def _regression_size(f2: float, power: float, level: float, u: int) -> float:
    from scipy.optimize import brentq

    def short(v: float) -> float:
        return float(power - 1 + special.ncfdtr(u, v, f2 * (u + v + 1), float(special.fdtri(u, v, level))))

    top = 10.0
    while short(top) > 0:
        top *= 2
    return float(brentq(short, 1e-3, top, xtol=1e-8)) + u + 1
