"""From a file and words of the command line to scores and a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import ModelError, Problem, SettingsError
from analysis.model import Model, parse_model

if TYPE_CHECKING:
    from analysis.instrument import Instrument
    from analysis.scoring import Scores

LONGEST_MODEL = 1_000_000


def read_model(text_or_path: str) -> Model:
    """Which model is meant: that of the file of this name, or the text itself?"""
    path = Path(text_or_path)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        if "~" not in text_or_path:
            what = f"'{text_or_path[:80]}' is neither a file nor a model"
            raise ModelError(Problem("--model", what, "Write it as 'purchase ~ psi + trust', or name a text file."))
        return parse_model(text_or_path)
    try:
        if path.stat().st_size > LONGEST_MODEL:
            raise ModelError(Problem(f"file '{path.name}'", "it is too large for a model", "Name a text file."))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(f"file '{path.name}'", "it cannot be read as text", "Save the model as plain text (UTF-8).")
        raise ModelError(problem) from error
    return parse_model(text)


def load_scores(
    path: Path, *, instrument: str | None = None, scales: Sequence[str] = (), scored: bool = False, span: str = ""
) -> Scores:
    """What does everybody in this file score?

    Parameters
    ----------
    path : Path
        A file of answers.
    instrument : str or None
        A shipped questionnaire or a file of one.
    scales : sequence of str
        `name=item1,item2,-item3`, one for each scale.
    scored : bool
        Are the columns scores already?
    span : str
        The answer range of `scales`, such as `1:7`; empty when not given.

    Returns
    -------
    Scores
        With `path`'s name as their source. When none of the three ways is named, the shipped questionnaire is taken
        whose scale items are all among the columns.

    Raises
    ------
    SettingsError
        When two ways are named, when a scale or range cannot be read, or when none is named and none can be chosen.
    DataError, InstrumentError
        As `load_rows`, `score` and `score_scales` do.
    """
    from analysis.answers_file import load_rows
    from analysis.instrument import load_instrument
    from analysis.scoring import Scores, score, score_scales

    ways = [name for name, given in (("--instrument", instrument), ("--scale", scales), ("--scored", scored)) if given]
    if len(ways) > 1:
        raise SettingsError(Problem(" and ".join(ways), "only one of them can hold", "Name one."))
    if span and not scales:
        raise SettingsError(Problem("--range", "it belongs to --scale", "Leave it out, or name scales."))
    items, limits = _read_scales(scales), _read_span(span)
    questionnaire = load_instrument(instrument) if instrument else None
    rows = load_rows(path)
    if items:
        return score_scales(rows, items, span=limits, source=path.name)
    if scored:
        return Scores.from_scored(rows, source=path.name)
    return score(rows, questionnaire or _shipped_with(rows.columns, path), source=path.name)


def _shipped_with(columns: Sequence[str], path: Path) -> Instrument:
    """The shipped questionnaire whose scale items are all among these columns."""
    from analysis.datafiles import data_file
    from analysis.instrument import load_instrument

    shipped = [load_instrument(file.stem) for file in sorted(data_file("instruments").glob("*.toml"))]
    fitting = [one for one in shipped if {item for scale in one.scales for item in scale.items} <= set(columns)]
    if len(fitting) != 1:
        listed = ", ".join(one.id for one in fitting or shipped)
        what = f"the columns fit {'several' if fitting else 'none'} of the shipped questionnaires ({listed})"
        remedy = (
            "Say how to score them: --instrument ID, or --scale name=item1,item2,-item3 (once for each scale), "
            "or --scored when the columns are scores already."
        )
        raise SettingsError(Problem(f"file '{path.name}'", what, remedy))
    return fitting[0]


def _read_scales(texts: Sequence[str]) -> dict[str, list[str]]:
    scales: dict[str, list[str]] = {}
    problems = []
    for text in texts:
        name, sign, listed = text.partition("=")
        items = [item.strip() for item in listed.split(",") if item.strip()]
        if not sign or not name.strip() or not items:
            problems.append(Problem("--scale", f"'{text}' is no scale", "Write name=item1,item2,-item3."))
        elif name.strip() in scales:
            problems.append(Problem("--scale", f"'{name.strip()}' is named twice", "Give each scale its own name."))
        else:
            scales[name.strip()] = items
    if problems:
        raise SettingsError(*problems)
    return scales


def _read_span(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    low, _, high = text.partition(":")
    try:
        limits = float(low), float(high)
    except ValueError:
        limits = (0.0, 0.0)
    if not limits[0] < limits[1] < float("inf") or limits[0] == -float("inf"):
        raise SettingsError(Problem("--range", f"'{text}' is no range", "Write lowest:highest, such as 1:7."))
    return limits
