"""What every page carries about the theme is the same whether it is collected anew or kept."""

from __future__ import annotations

from copy import copy

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from survey_app.kept_theme import keep_theme
from survey_app.server import streamlit_config
from survey_app.settings import Settings

SECTIONS = ["theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar"]


@pytest.mark.parametrize("section", SECTIONS)
def test_kept_theme_is_streamlits_own(section: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in streamlit_config(Settings("sqlite:////nowhere/parasol.sqlite")).items():
        if name.startswith("theme."):
            monkeypatch.setitem(config.get_config_options(), name, copy(config.get_config_options()[name]))
            config.set_option(name, value)
    collected = app_session._populate_theme_msg
    anew, kept = CustomThemeConfig(), CustomThemeConfig()
    collected(anew, section)
    monkeypatch.setattr(app_session, "_populate_theme_msg", collected)
    keep_theme()
    assert app_session._populate_theme_msg is not collected
    for _ in range(2):
        kept = CustomThemeConfig()
        app_session._populate_theme_msg(kept, section)
        assert kept == anew
    assert section not in ("theme", "theme.light", "theme.dark") or anew.ByteSize()
