"""Who may not have read the questions: flags with their reasons, and who would be left."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from survey_app.commands.answers import load_answers, read_decision
from survey_app.commands.options import Data, Exclude, Form, Output, Questionnaire, Scales, Span
from survey_app.commands.terminal import listing, write_text

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 40
"""Flagged people a terminal lists; JSON has them all."""


def quality(
    data: Data,
    instrument: Questionnaire = None,
    scale: Scales = None,
    span: Span = "",
    exclude: Exclude = "flagged",
    form: Form = "table",
    output: Output = None,
) -> None:
    """Look for careless answers: how many show which signs, who is flagged and why, and who would be left."""
    import pandas as pd

    from analysis.export import as_json
    from analysis.quality import EVIDENCE, REASONS, Thresholds, careless_indices, exclusion_flow, flag_careless
    from analysis.scoring import is_synthetic
    from analysis.vocabulary import vocabulary

    answers = load_answers(data, instrument=instrument, scales=scale, span=span)
    questionnaire = answers.questionnaire()
    flags = flag_careless(answers.rows, questionnaire)
    flow = exclusion_flow(answers.rows, flags, read_decision(exclude))
    kinds = ["evidence" if reason in EVIDENCE else "hint" for reason in REASONS]
    reasons = pd.DataFrame({"reason": REASONS, "kind": kinds, "rows": [int(flags[name].sum()) for name in REASONS]})
    people = _suspects(answers.rows, flags, careless_indices(answers.rows, questionnaire))
    limits = asdict(Thresholds())
    notes = [
        *answers.rows.attrs.get("notes", ()),
        f"One evidence flags a row, or {limits['hints']} hints. A flag is a reason to look; nobody was removed.",
        "Report results with and without the rows you exclude: parasol fit --exclude.",
    ]
    if is_synthetic(answers.rows):
        notes.insert(0, vocabulary("en")["synthetic_note"])
    if form == "json":
        content = {
            "n": len(flags),
            "synthetic": is_synthetic(answers.rows),
            "instrument": questionnaire.id,
            "flagged": int(flags["flagged"].sum()),
            "thresholds": limits,
            "reasons": reasons,
            "flow": flow,
            "people": people.to_dict("records"),
            "notes": notes,
        }
        write_text(as_json(content), output)
        return
    flagged = people[people["flagged"]]
    shown = flagged.assign(reasons=flagged["reasons"].map(", ".join)).head(SHOWN)
    columns = [name for name in ("row", "participation", "reasons") if name in shown]
    more = f" (the first {SHOWN} of {len(flagged)})" if len(flagged) > SHOWN else ""
    parts = [
        f"{data.name}: {int(flags['flagged'].sum())} of {len(flags)} rows are flagged.",
        listing("Signs of careless answers", reasons),
        listing("Who would be left", flow),
        *([listing(f"Flagged rows{more}", shown[columns])] if len(shown) else []),
        "\n".join(notes),
    ]
    write_text("\n\n".join(parts), output)


def _suspects(rows: pd.DataFrame, flags: pd.DataFrame, indices: pd.DataFrame) -> pd.DataFrame:
    """Everybody with a reason: their row (counted from 1), whether flagged, why, and every index."""
    table = indices.copy()
    table.insert(0, "row", range(1, len(rows) + 1))
    if "participation" in rows:
        table.insert(1, "participation", rows["participation"].astype(str))
    table.insert(len(table.columns) - indices.shape[1], "flagged", flags["flagged"])
    table.insert(len(table.columns) - indices.shape[1], "reasons", flags["reasons"].str.split(", "))
    return table[flags["reasons"] != ""]
