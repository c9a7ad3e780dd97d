"""From a file and words of the command line to scores and a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from analysis.errors import DataError, ModelError, Problem, SettingsError
from analysis.model import Model, parse_model

if TYPE_CHECKING:
    import pandas as pd

    from analysis.instrument import Instrument
    from analysis.scoring import Scores

LONGEST_MODEL = 1_000_000


def read_model(text_or_path: str) -> Model:
    """The model that `model_text` finds."""
    return parse_model(model_text(text_or_path))


def model_text(text_or_path: str) -> str:
    """Which model is meant: that of the file of this name, or the text itself?"""
    if not text_or_path.strip():
        raise ModelError(Problem("--model", "no model is given", "Write one, such as 'purchase ~ psi + trust'."))
    path = Path(text_or_path)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        if "~" not in text_or_path:
            what = f"'{text_or_path[:80]}' is neither a file nor a model"
            raise ModelError(Problem("--model", what, "Write it as 'purchase ~ psi + trust', or name a text file."))
        return text_or_path
    try:
        if path.stat().st_size > LONGEST_MODEL:
            raise ModelError(Problem(f"file '{path.name}'", "it is too large for a model", "Name a text file."))
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(f"file '{path.name}'", "it cannot be read as text", "Save the model as plain text (UTF-8).")
        raise ModelError(problem) from error


@dataclass(frozen=True, eq=False)
class Answers:
    """What a file of answers holds, and how the command line says to read it.

    `instrument` is None where scales are named on the command line, or where the columns are scores already.
    `items_named` says that the model itself names items, so that no scale is needed.
    """

    rows: pd.DataFrame
    path: Path
    instrument: Instrument | None
    scales: Mapping[str, list[str]]
    scored: bool
    span: tuple[float, float] | None
    items_named: bool

    def scores(self) -> Scores:
        """What does everybody score? The shipped questionnaire that fits is taken where none is named."""
        from analysis.scoring import Scores, score, score_scales

        if self.span is not None and not self.scales:
            raise SettingsError(Problem("--range", "it belongs to --scale", "Leave it out, or name scales."))
        if self.scales:
            return score_scales(self.rows, self.scales, span=self.span, source=self.path.name)
        if self.scored:
            return Scores.from_scored(self.rows, source=self.path.name)
        chosen = self.instrument or _shipped_with(self.rows.columns)
        if chosen is None and self.items_named:
            note = "No questionnaire is named: the items are taken as they stand, none is turned round."
            scores = Scores.from_scored(self.rows, source=self.path.name)
            return replace(scores, notes=(*scores.notes, note))
        return score(self.rows, chosen or self._undecided(), source=self.path.name)

    def questionnaire(self) -> Instrument:
        """Which items were asked, as far as the care of the answers can be judged from them?

        Where neither a questionnaire nor scales are named and no shipped one fits, every column that looks like a
        rating is taken.
        """
        from analysis.quality import rating_instrument

        if self.scored:
            remedy = "Name the items with --instrument or --scale."
            raise SettingsError(Problem("--scored", "scores do not show how carefully somebody answered", remedy))
        if self.instrument is not None:
            return self.instrument
        shipped = None if self.scales or self.span else _shipped_with(self.rows.columns)
        if shipped is not None:
            return shipped
        low, high = self.span or (0.5, 0.5)
        if self.span and not (low.is_integer() and high.is_integer()):
            raise SettingsError(Problem("--range", f"{low:g}:{high:g} are no ratings", "Give whole numbers."))
        return rating_instrument(self.rows, scales=self.scales, span=(int(low), int(high)) if self.span else None)

    def without(self, reasons: str) -> tuple[Scores, pd.DataFrame]:
        """The scores of those who stay when these reasons (joined by commas) exclude, and the flow to them."""
        from analysis.quality import excluded_by, exclusion_flow, flag_careless

        decision = read_decision(reasons)
        flags = flag_careless(self.rows, self.questionnaire())
        flow = exclusion_flow(self.rows, flags, decision)
        kept = (excluded_by(flags, decision) == "").to_numpy()
        if not kept.any():
            raise DataError(Problem("--exclude", "it leaves nobody", "Look at `parasol quality` and decide anew."))
        gone = ", ".join(f"{step.reason} {step.excluded}" for step in flow.iloc[1:].itertuples())
        scores = self.scores().keep(kept, "careless")
        note = f"{int((~kept).sum())} of {len(kept)} rows were excluded for careless answers ({gone})."
        return replace(scores, notes=(*scores.notes, note)), flow

    def _undecided(self) -> NoReturn:
        listed = ", ".join(one.id for one in _shipped())
        what = f"the columns do not settle which of the shipped questionnaires they answer ({listed})"
        remedy = (
            "Say how to score them: --instrument ID, or --scale name=item1,item2,-item3 (once for each scale), "
            "or --scored when the columns are scores already."
        )
        raise SettingsError(Problem(f"file '{self.path.name}'", what, remedy))


def load_answers(
    path: Path,
    *,
    instrument: str | None = None,
    scales: Sequence[str] | None = None,
    scored: bool = False,
    span: str = "",
    items_named: bool = False,
) -> Answers:
    """What stands in this file, and how are its columns to be read?

    Parameters
    ----------
    path : Path
        A file of answers.
    instrument : str or None
        A shipped questionnaire or a file of one.
    scales : sequence of str or None
        `name=item1,item2,-item3`, one for each scale.
    scored : bool
        Are the columns scores already?
    span : str
        The answer range of `scales`, such as `1:7`; empty when not given.
    items_named : bool
        Does the model name the items itself? Then columns that fit no questionnaire are taken as they stand.

    Raises
    ------
    SettingsError
        When two ways are named, or a scale or range cannot be read.
    DataError, InstrumentError
        As `load_rows` and `load_instrument` do.
    """
    from analysis.answers_file import load_rows
    from analysis.instrument import load_instrument

    ways = [name for name, given in (("--instrument", instrument), ("--scale", scales), ("--scored", scored)) if given]
    if len(ways) > 1:
        raise SettingsError(Problem(" and ".join(ways), "only one of them can hold", "Name one."))
    if span and (instrument or scored):
        raise SettingsError(Problem("--range", "it belongs to --scale", "Leave it out, or name scales."))
    items, limits = _read_scales(scales or ()), _read_span(span)
    questionnaire = load_instrument(instrument) if instrument else None
    return Answers(load_rows(path), path, questionnaire, items, scored, limits, items_named)


def read_decision(reasons: str) -> list[str]:
    """Which reasons for exclusion are named, in which order?"""
    decision = [reason.strip() for reason in reasons.split(",") if reason.strip()]
    if not decision:
        what = f"'{reasons}' names no reason"
        raise SettingsError(Problem("--exclude", what, "Write flagged, or reasons such as checks_failed,too_fast."))
    return decision


def _shipped() -> list[Instrument]:
    from analysis.datafiles import data_file
    from analysis.instrument import load_instrument

    return [load_instrument(file.stem) for file in sorted(data_file("instruments").glob("*.toml"))]


def _shipped_with(columns: Collection[str]) -> Instrument | None:
    """The shipped questionnaire whose scale items are all among these columns; of several, the one with all items."""
    fitting = [one for one in _shipped() if _scale_items(one) <= set(columns)]
    largest = max(fitting, key=lambda one: len(_scale_items(one)), default=None)
    alone = largest is not None and all(_scale_items(one) <= _scale_items(largest) for one in fitting)
    return largest if alone else None


def _scale_items(instrument: Instrument) -> set[str]:
    return {item for scale in instrument.scales for item in scale.items}


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
