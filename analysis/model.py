"""What is thought to cause what: model text in the grammar the field already writes, as a value.

psi      ~ physical + social + homophily      a regression equation
purchase ~ psi + trust + psi:tier             psi:tier is a product term (needs rows)
psi      =~ psi1 + psi2 + psi3                a latent variable and its indicators
psi1     ~~ psi2                              a residual covariance between indicators
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from analysis.errors import ModelError, Problem

Term = tuple[str, ...]
Path = tuple[str, ...]

_LINE = re.compile(r"^(?P<left>.*?)(?P<operator>=~|~~|~)(?P<right>.*)$", re.DOTALL)
_NAME = re.compile(r"^[^\W\d][\w.]*$")


@dataclass(frozen=True)
class Equation:
    """One outcome and the terms that predict it; a term of two names is their product."""

    outcome: str
    terms: tuple[Term, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The terms as they are written: `psi`, `psi:tier`."""
        return tuple(":".join(term) for term in self.terms)

    def __str__(self) -> str:
        return f"{self.outcome} ~ {' + '.join(self.labels)}"


@dataclass(frozen=True)
class Latent:
    """A latent variable and the observed indicators it shows in."""

    name: str
    indicators: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} =~ {' + '.join(self.indicators)}"


@dataclass(frozen=True)
class Model:
    """A recursive model: equations in the order written, latents, residual covariances.

    Build one with `parse_model`; `str(model)` is text that parses back to the same value.
    """

    equations: tuple[Equation, ...] = ()
    latents: tuple[Latent, ...] = ()
    covariances: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        covariances = [f"{left} ~~ {right}" for left, right in self.covariances]
        return "\n".join([*map(str, self.latents), *map(str, self.equations), *covariances])

    @cached_property
    def outcomes(self) -> tuple[str, ...]:
        """Names that stand left of a `~`, in the order written."""
        return tuple(equation.outcome for equation in self.equations)

    @cached_property
    def causes(self) -> tuple[str, ...]:
        """Names that only predict: the exogenous variables, in the order they first appear."""
        return tuple(name for name in self.names if name not in self.outcomes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every single variable of the equations, in the order it first appears."""
        found = (name for equation in self.equations for name in (equation.outcome, *sum(equation.terms, ())))
        return tuple(dict.fromkeys(found))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column an estimator needs: outcomes, predictors and product terms as `a:b`."""
        found = (name for equation in self.equations for name in (equation.outcome, *equation.labels))
        return tuple(dict.fromkeys(found))

    @cached_property
    def products(self) -> tuple[Term, ...]:
        """The product terms, in the order they first appear."""
        terms = (term for equation in self.equations for term in equation.terms if len(term) > 1)
        return tuple(dict.fromkeys(terms))

    def equation(self, outcome: str) -> Equation:
        """The equation of that outcome; KeyError where there is none."""
        return {equation.outcome: equation for equation in self.equations}[outcome]

    def paths(self, cause: str, effect: str) -> tuple[Path, ...]:
        """Every directed path from `cause` to `effect`, shortest first, then as written."""
        return tuple(sorted(self._walk((cause,), effect), key=len))

    def effects(self) -> tuple[tuple[str, str, tuple[Path, ...]], ...]:
        """Every pair that a directed path joins: `(cause, effect, paths)`, causes before mediators."""
        starts = (*self.causes, *self.outcomes)
        pairs = ((cause, effect, self.paths(cause, effect)) for cause in starts for effect in self.outcomes)
        return tuple(pair for pair in pairs if pair[2] and pair[0] != pair[1])

    def check_names(self, available: Iterable[str], where: str = "the data") -> None:
        """Raise a ModelError that names every variable the data do not have, with the nearest ones they have."""
        from difflib import get_close_matches

        known = list(dict.fromkeys(map(str, available)))
        problems = []
        for name in self.names:
            if name not in known:
                lower = {other.lower(): other for other in known}
                near = [lower[match] for match in get_close_matches(name.lower(), list(lower), n=3)]
                listed = ", ".join(near or known[:12]) or "no usable column"
                remedy = f"Did you mean {listed}?" if near else f"There is: {listed}."
                problems.append(Problem(f"model, '{name}'", f"no column of that name in {where}", remedy))
        if problems:
            raise ModelError(*problems)

    def _walk(self, path: Path, effect: str) -> Iterator[Path]:
        for equation in self.equations:
            if (path[-1],) in equation.terms:
                longer = (*path, equation.outcome)
                if equation.outcome == effect:
                    yield longer
                else:
                    yield from self._walk(longer, effect)


def parse_model(text: str) -> Model:
    """Which model does this text describe?

    Parameters
    ----------
    text : str
        One statement a line (or separated by `;`): `outcome ~ cause + cause:moderator`,
        `latent =~ item + item`, `item ~~ item`. `#` begins a comment. An outcome may stand on several lines.

    Returns
    -------
    Model
        Checked: every name readable, no term twice, no cycle, no outcome that predicts itself.

    Raises
    ------
    ModelError
        Naming every problem with its line at once.

    Checked against
    ---------------
    lavaan 0.6-14, given the same text, estimates the same parameters: tests/reference/latent.json. Round trip
    through print, paths, and every refusal: tests/analysis/test_model.py.

    Examples
    --------
    >>> model = parse_model("psi ~ social + homophily; purchase ~ psi + social")
    >>> model.outcomes, model.causes
    (('psi', 'purchase'), ('social', 'homophily'))
    >>> model.paths("social", "purchase")
    (('social', 'purchase'), ('social', 'psi', 'purchase'))
    """
    equations: dict[str, list[Term]] = {}
    latents: dict[str, list[str]] = {}
    covariances: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for where, statement in _statements(text):
        match = _LINE.match(statement)
        if match is None:
            problems.append(
                Problem(where, f"'{statement}' holds no ~, =~ or ~~", "Write it as 'purchase ~ psi + trust'.")
            )
            continue
        left, operator, right = match["left"].strip(), match["operator"], match["right"].strip()
        terms, unreadable = _terms(where, left, right)
        if unreadable:
            problems.extend(unreadable)
        elif operator == "~":
            problems.extend(_add_equation(where, left, terms, equations))
        elif any(len(term) > 1 for term in terms):
            problems.append(Problem(where, f"a product cannot stand after {operator}", "Name single columns there."))
        elif operator == "=~":
            latents.setdefault(left, []).extend(term[0] for term in terms)
        else:
            covariances.extend((left, term[0]) for term in terms)
    if not problems and not equations and not latents:
        problems.append(Problem("model", "the text holds no equation", "Write one, such as 'purchase ~ psi + trust'."))
    problems.extend(_latent_problems(latents))
    model = Model(
        tuple(Equation(outcome, tuple(terms)) for outcome, terms in equations.items()),
        tuple(Latent(name, tuple(indicators)) for name, indicators in latents.items()),
        tuple(covariances),
    )
    if not problems:
        problems.extend(_cycle_problems(model))
    if problems:
        raise ModelError(*problems)
    return model


def _statements(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for statement in line.partition("#")[0].split(";"):
            if statement.strip():
                yield f"model, line {number}", " ".join(statement.split())


def _terms(where: str, left: str, right: str) -> tuple[list[Term], list[Problem]]:
    problems = []
    if not _NAME.match(left):
        remedy = "Use letters, digits, _ and . and begin with a letter."
        problems.append(Problem(where, f"'{left}' cannot be the name of a column", remedy))
    terms: list[Term] = []
    for part in right.split("+") if right else ():
        names = tuple(name.strip() for name in part.split(":"))
        if names == ("1",):
            continue
        if names == ("",):
            problems.append(Problem(where, "a + has nothing beside it", "Name a column there, or take the + out."))
            continue
        if "*" in part:
            remedy = "Write both columns and their product: 'psi + tier + psi:tier'."
            problems.append(Problem(where, f"'{part.strip()}' holds a *, which reads differently elsewhere", remedy))
        elif not all(_NAME.match(name) for name in names):
            remedy = "Join names of columns with +, and : for a product."
            problems.append(Problem(where, f"'{part.strip()}' cannot be read as a term", remedy))
        else:
            terms.append(names)
    if not terms and not problems:
        problems.append(Problem(where, f"nothing predicts '{left}'", "Name at least one column right of the sign."))
    return terms, problems


def _add_equation(where: str, outcome: str, terms: list[Term], equations: dict[str, list[Term]]) -> list[Problem]:
    problems = []
    known = equations.setdefault(outcome, [])
    for term in terms:
        label = ":".join(term)
        if outcome in term:
            problems.append(Problem(where, f"'{outcome}' would predict itself", f"Take '{label}' out of its equation."))
        elif tuple(sorted(term)) in {tuple(sorted(other)) for other in known}:
            problems.append(Problem(where, f"'{label}' stands twice in the equation of '{outcome}'", "Name it once."))
        else:
            known.append(term)
    return problems


def _latent_problems(latents: dict[str, list[str]]) -> list[Problem]:
    problems = []
    for name, indicators in latents.items():
        twice = sorted({other for other in indicators if indicators.count(other) > 1})
        if twice:
            problems.append(Problem(f"model, latent '{name}'", f"{', '.join(twice)} stands twice", "Name it once."))
        if name in indicators:
            problems.append(Problem(f"model, latent '{name}'", "it is its own indicator", "Give it another name."))
    return problems


def _cycle_problems(model: Model) -> list[Problem]:
    """A recursive model lets no variable reach itself; the first ring found is named whole."""
    causes = {equation.outcome: tuple(dict.fromkeys(sum(equation.terms, ()))) for equation in model.equations}
    done: set[str] = set()

    def ring_from(name: str, trail: tuple[str, ...]) -> tuple[str, ...]:
        if name in trail:
            return (*trail[trail.index(name) :], name)
        if name in done:
            return ()
        for cause in causes.get(name, ()):
            ring = ring_from(cause, (*trail, name))
            if ring:
                return ring
        done.add(name)
        return ()

    for outcome in causes:
        ring = ring_from(outcome, ())
        if ring:
            shown = " -> ".join(reversed(ring))
            return [Problem("model", f"it runs in a circle: {shown}", "Take one of these arrows out.")]
    return []
