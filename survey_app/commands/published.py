"""What other studies printed, whether it can be true, and what their own tables give when fitted again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from survey_app.commands.options import Form, Output, Seed
from survey_app.commands.terminal import listing, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from analysis.errors import Problem
    from analysis.published import Published


def published(
    study: Annotated[str | None, typer.Argument(metavar="[ID]", help="One of them; all are listed without.")] = None,
    seed: Seed = 1,
    form: Form = "table",
    output: Output = None,
) -> None:
    """List the published studies, or show one: its tables, what is impossible in them, and a fit to them."""
    from analysis.export import as_json
    from analysis.published import load_published, published_studies

    if study is None:
        studies = [_line(one) for one in published_studies()]
        text = as_json({"studies": studies}) if form == "json" else _list(studies)
    else:
        content = _content(load_published(study), seed)
        text = as_json(content) if form == "json" else _shown(content)
    write_text(text, output)


def _line(study: Published) -> dict[str, Any]:
    from analysis.published import check_admissible

    problems = check_admissible(study)
    return {
        "id": study.id,
        "n": study.n,
        "variables": len(study.variables),
        "can_be_fitted": study.correlations is not None and study.n is not None and not problems,
        "admissible": _verdict(study, problems),
        "citation": study.citation,
    }


def _verdict(study: Published, problems: Sequence[Problem]) -> bool | None:
    """Can the printed numbers be true together? None where there are none to judge."""
    printed = (study.variables, study.paths, study.r_squared, study.indirects)
    return not problems if study.correlations is not None or any(printed) else None


def _list(studies: list[dict[str, Any]]) -> str:
    import pandas as pd

    rows = pd.DataFrame(studies, dtype=object)
    for name in ("can_be_fitted", "admissible"):
        rows[name] = rows[name].map({True: "yes", False: "no", None: "no numbers"})
    text = listing("Published studies", rows)
    return f"{text}\nShow one: parasol published ID. Fit one: parasol fit --from-published ID."


def _content(study: Published, seed: int) -> dict[str, Any]:
    import pandas as pd

    from analysis.published import check_admissible

    variables = [asdict(variable) for variable in study.variables]
    correlations = None
    if study.correlations is not None:
        correlations = pd.DataFrame(study.correlations, columns=list(study.names))
        correlations.insert(0, "variable", study.names)
    problems = check_admissible(study)
    notes = []
    if study.correlations is None:
        notes.append("No complete correlation table was printed, so nothing can be fitted to it.")
    estimates = _estimates(study, seed) if study.correlations is not None and not problems else _printed(study)
    if "refitted" in estimates:
        notes.append(
            "refitted: least squares on the correlation table; low and high: how far rounding of the printed "
            f"correlations ({study.decimals} decimals) lets it move. A difference from the printed figure beyond that "
            "is the other estimator's (such as PLS), or a misprint."
        )
    return {
        "id": study.id,
        "citation": study.citation,
        "context": dict(study.context),
        "n": study.n,
        "points": study.points,
        "model": str(study.model) if study.model else None,
        "variables": variables,
        "correlations": correlations,
        "estimates": estimates,
        "directions": dict(study.directions or {}),
        "admissible": _verdict(study, problems),
        "problems": [str(problem) for problem in problems],
        "notes": notes,
    }


def _printed(study: Published) -> pd.DataFrame:
    """Every coefficient, R squared and indirect effect the paper prints, standardised."""
    import pandas as pd

    rows = [("beta", y, x, value) for (y, x), value in (study.paths or {}).items()]
    rows += [("r_squared", y, "", value) for y, value in (study.r_squared or {}).items()]
    rows += [("indirect", path[-1], " -> ".join(path), value) for path, value in (study.indirects or {}).items()]
    return pd.DataFrame(rows, columns=["kind", "outcome", "term", "printed"])


def _estimates(study: Published, seed: int) -> pd.DataFrame:
    """What is printed beside what the study's own table gives, with its range under rounding."""
    from analysis.published import range_under_rounding

    printed = _printed(study)
    if study.model is None:
        return printed
    found = range_under_rounding(study.model, study.moments(), decimals=study.decimals, seed=seed)
    found = found.rename(columns={"estimate": "refitted"}).assign(place=range(len(found)))
    merged = found.merge(printed, how="outer", on=["kind", "outcome", "term"]).sort_values("place", ignore_index=True)
    return merged[["kind", "outcome", "term", "printed", "refitted", "low", "high"]]


def _shown(content: dict[str, Any]) -> str:
    import pandas as pd

    size = "n not printed" if content["n"] is None else f"n = {content['n']}"
    parts = [f"{content['citation']} ({size})\n{content['context']['en']}"]
    parts += [content["model"]] if content["model"] else []
    parts += [_variables(content["variables"])] if content["variables"] else []
    if content["correlations"] is not None:
        parts.append(listing("Correlations", content["correlations"]))
    if len(content["estimates"]):
        parts.append(listing("Standardised estimates", content["estimates"]))
    if content["directions"]:
        directions = pd.DataFrame(content["directions"].items(), columns=["term", "sign"])
        parts.append(listing("Signs reported", directions))
    verdict = content["problems"] or ["Nothing in what is printed is impossible."]
    if content["admissible"] is None:
        verdict = ["No number of this study is at hand, only the direction of effects: there is nothing to check."]
    return "\n\n".join([*parts, "\n".join([*verdict, *content["notes"]])])


def _variables(variables: list[dict[str, Any]]) -> str:
    import pandas as pd

    rows = pd.DataFrame(variables)
    rows["label"] = rows["label"].map(lambda label: label["en"])
    rows["loadings"] = rows["loadings"].map(lambda loadings: ", ".join(map(str, loadings)) or None)
    return listing("Variables", rows[[name for name in rows if rows[name].notna().any()]])
