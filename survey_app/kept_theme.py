"""Streamlit collects the theme from its settings again for every step of every person; here once and for all.

That was an eighth of the processor time of a page. The settings cannot change while the server runs.
"""

from __future__ import annotations

from functools import cache
from inspect import signature

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

_collect = getattr(app_session, "_populate_theme_msg", None)


def keep_theme() -> None:
    """From now on collect each section of the theme once. To be called when all settings have been made.

    A Streamlit that collects it otherwise than the one this was written for is left as it is.
    """
    if _collect is None or list(signature(_collect).parameters) != ["msg", "section"]:
        return
    _collected.cache_clear()
    app_session._populate_theme_msg = _add


@cache
def _collected(section: str) -> bytes:
    """One section of the theme as it goes over the wire."""
    assert _collect is not None
    theme = CustomThemeConfig()
    _collect(theme, section)
    return theme.SerializeToString()


def _add(msg: CustomThemeConfig, section: str = "theme") -> None:
    msg.MergeFromString(_collected(section))
