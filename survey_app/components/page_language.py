"""The language of a researcher's screen, for whoever has it read aloud: Streamlit's page says English, always."""

from __future__ import annotations

import streamlit as st

_tell = st.components.v2.component(
    "parasol_page_language",
    js="export default ({ data }) => { if (data) document.documentElement.lang = data }",
)


def tell_page_language(language: str) -> None:
    """Let the page be read in that language, `en` or `nl`; parts in another one say so themselves."""
    _tell(key="page_language", data=language)
