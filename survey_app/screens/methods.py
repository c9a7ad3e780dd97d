"""The methods screen: what each number is, how it comes about, what it was checked against, how to do it oneself."""

from __future__ import annotations

import streamlit as st

from survey_app.components.study_frame import open_view
from survey_app.words import words

SECTIONS = (
    "careless", "alpha", "validity", "factors", "invariance", "method", "regression", "effects", "moderation",
    "importance", "comparison", "power",
)  # fmt: skip

EXAMPLE = """\
from pathlib import Path
from analysis.answers_file import load_rows
from analysis.charts import chart_paths, write_chart
from analysis.importance import central_claim
from analysis.instrument import load_instrument
from analysis.measurement import measurement
from analysis.model import parse_model
from analysis.paths import fit_paths
from analysis.quality import flag_careless
from analysis.scoring import score
from analysis.tables import table_coefficients, table_effects, table_reliability

rows, questions = load_rows(Path("answers.csv")), load_instrument("psi_core")
kept = score(rows, questions).keep(~flag_careless(rows, questions)["flagged"], "careless")
print(table_reliability(measurement(kept).reliability))
model = parse_model("psi ~ physical + social + homophily; purchase ~ psi + physical + social + homophily")
fit = fit_paths(model, kept, seed=1)
print(table_coefficients(fit), table_effects(fit), sep="\\n\\n")
print(central_claim(kept).verdict)
write_chart(chart_paths(fit), "model.png")
"""
COMMANDS = """\
parasol quality answers.csv
parasol measure answers.csv --exclude flagged
parasol fit answers.csv --exclude flagged --model "psi ~ physical + social + homophily; purchase ~ psi + homophily"
"""


def show_methods() -> None:
    """The whole screen; it needs no study."""
    open_view("screens.methods")
    w = words(str(st.session_state.get("language", "en")))
    st.header(w("methods.title"))
    st.markdown(w("methods.intro"))
    for section in SECTIONS:
        with st.expander(w(f"methods.{section}.name")):
            st.markdown(w(f"methods.{section}.what"))
            for part in ("how", "checked"):
                st.markdown(f"**{w(f'methods.{part}')}.** {w(f'methods.{section}.{part}')}")
    st.header(w("methods.yourself"))
    st.markdown(w("methods.python"))
    st.code(EXAMPLE, language="python", wrap_lines=True)
    st.markdown(w("methods.commands"))
    st.code(COMMANDS, language="bash", wrap_lines=True)
