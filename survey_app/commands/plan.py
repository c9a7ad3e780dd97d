"""How many people a study needs before it is held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from analysis.errors import Problem, SettingsError
from survey_app.commands.answers import model_text
from survey_app.commands.options import Form, Level, Output, Seed
from survey_app.commands.report import Report
from survey_app.commands.terminal import listing, progress_bar, write_text

LARGEST = 20_000
"""People per simulated study."""
MOST = 200
"""Sample sizes of one plan."""
WEIGHTS = 200_000_000
"""Resampling weights (people times bootstrap samples, all sample sizes together) that are held at once."""


def plan(
    model: Annotated[
        str, typer.Option(help="'psi ~ 0.3*social; purchase ~ 0.4*psi + 0*social', or a file: expected betas.")
    ] = "",
    n: Annotated[str, typer.Option("-n", "--n", help="Sample sizes: 100:500:50, or 80,120,200.")] = "",
    test: Annotated[
        Literal["t", "anova", "correlation", "regression"] | None,
        typer.Option(help="Instead of a model: a simple test whose n a formula gives."),
    ] = None,
    effect: Annotated[float, typer.Option(help="Of --test: Cohen's d, f, r or f squared.")] = 0.0,
    groups: Annotated[int, typer.Option(help="Of --test anova.")] = 2,
    predictors: Annotated[int, typer.Option(help="Of --test regression.")] = 1,
    reliability: Annotated[
        list[str] | None, typer.Option(help="psi=0.85, once for each scale; 1 where left out.")
    ] = None,
    correlation: Annotated[
        list[str] | None, typer.Option(help="social,homophily=0.4 between first causes; 0 where left out.")
    ] = None,
    exclusions: Annotated[float, typer.Option(help="Share of people whose answers will not be usable.")] = 0.15,
    level: Level = 0.95,
    draws: Annotated[int, typer.Option(max=10_000, help="Bootstrap samples per simulated study.")] = 1000,
    replications: Annotated[int, typer.Option(max=100_000, help="Simulated studies per sample size.")] = 1000,
    seed: Seed = 1,
    form: Form = "table",
    output: Output = None,
) -> None:
    """Simulate the planned analysis at several sample sizes: its power, and the n for 80 % and 90 %."""
    from analysis.export import as_json
    from analysis.power import parse_plan
    from analysis.power import plan as simulate

    if test is not None:
        if model or n:
            what = "a formula answers with the n, and knows no model"
            raise SettingsError(Problem("--test", what, "Leave --model and --n out, or --test."))
        _by_formula(test, effect, groups, predictors, exclusions, level).write(form, output)
        return
    parsed, effects = parse_plan(model_text(model))
    sizes = _sizes(n, draws)
    with progress_bar("Simulating studies") as progress:
        found = simulate(
            parsed, effects, _named("--reliability", "psi=0.85", reliability or []), n=sizes,
            correlations=_correlations(correlation or []), exclusions=exclusions, level=level, draws=draws,
            replications=replications, seed=seed, progress=progress,
        )  # fmt: skip
    if form == "json":
        content = {
            "model": str(found.model),
            "level": found.level,
            "seed": found.seed,
            "n": sizes,
            "power": found.power,
            "needed": found.needed,
            "notes": found.notes,
        }
        write_text(as_json(content), output)
        return
    tables = [listing("Power", found.power)]
    tables += [listing("People needed", found.needed.astype(object).where(found.needed.notna(), None))]
    write_text("\n\n".join([str(found.model), *tables, "\n".join(found.notes)]), output)


def _by_formula(test: str, effect: float, groups: int, predictors: int, exclusions: float, level: float) -> Report:
    """The people a simple test needs for each target."""
    import pandas as pd

    from analysis.power import TARGETS, check_exclusions, sample_size

    check_exclusions(exclusions)
    times = {"t": 2, "anova": groups}.get(test, 1)
    rows = []
    for target in TARGETS:
        each = sample_size(test, effect, power=target, level=level, groups=groups, predictors=predictors)
        total = math.ceil(each) * times
        rows.append((target, math.ceil(each), total, math.ceil(total / (1 - exclusions))))
    needed = pd.DataFrame(rows, columns=["target", "n_per_group", "n", "recruit"])
    if times == 1:
        needed = needed.drop(columns="n_per_group")
    notes = ["By formula (noncentral distributions), for scores without measurement error."]
    notes.append(f"recruit adds {exclusions:.0%} exclusions.")
    content = {"test": test, "effect": effect, "level": level, "needed": needed, "notes": notes}
    table = listing(f"People needed: {test}, effect {effect:g}", needed)
    return Report(content, "\n\n".join([table, "\n".join(notes)]))


def _sizes(text: str, draws: int) -> list[int]:
    stepped = ":" in text
    try:
        numbers = [int(part) for part in text.split(":" if stepped else ",")]
        first, last, step = numbers if stepped else (0, 0, 1)
        sizes: Sequence[int] = range(first, last + 1, step) if stepped else numbers
    except ValueError:
        sizes = []
    if not sizes:
        remedy = "Write first:last:step such as 100:500:50, or sizes such as 80,120,200."
        raise SettingsError(Problem("--n", f"'{text}' names no sample sizes", remedy))
    if len(sizes) > MOST or max(sizes) > LARGEST:
        what = f"'{text}' names too many sample sizes, or too large ones"
        raise SettingsError(Problem("--n", what, f"At most {MOST} sizes up to {LARGEST:,} people are simulated."))
    if sum(sizes) * draws > WEIGHTS:
        what = f"{len(sizes)} sample sizes with {draws:,} bootstrap samples do not fit into memory"
        raise SettingsError(Problem("--n", what, "Take larger steps, or fewer --draws."))
    return list(sizes)


def _named(option: str, example: str, texts: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    problems = []
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not name.strip() or value != value:
            problems.append(Problem(option, f"'{text}' cannot be read", f"Write {example}."))
        elif name.strip() in found:
            problems.append(Problem(option, f"'{name.strip()}' is named twice", "Name it once."))
        found[name.strip()] = value
    if problems:
        raise SettingsError(*problems)
    return found


def _correlations(texts: list[str]) -> dict[tuple[str, str], float]:
    example = "social,homophily=0.4"
    found: dict[tuple[str, str], float] = {}
    for names, value in _named("--correlation", example, texts).items():
        first, comma, second = (part.strip() for part in names.partition(","))
        if not comma or not second:
            raise SettingsError(Problem("--correlation", f"'{names}' names no pair", f"Write {example}."))
        if (second, first) in found:
            raise SettingsError(Problem("--correlation", f"'{names}' is named twice", "Name each pair once."))
        found[first, second] = value
    return found
