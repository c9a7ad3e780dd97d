"""The component that asks: the only place that knows how a screen gets onto a phone, and a press back from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import streamlit as st

from survey_app.questionnaire import Reply, Screen, Sent, shown

KEY = "ask"
"""The component's key, and its name in the session: one component, whatever the screen."""

# Streamlit sends an inline script with every page. So this one only fetches the real one, which the phone keeps;
# a phone in a tunnel asks again, under another address because a browser remembers a module that failed.
_questions = st.components.v2.component(
    "parasol_questions",
    js="""
const load = async (address, attempt = 0) => {
  try {
    return await import(new URL(attempt ? `${address}?${attempt}` : address, document.baseURI))
  } catch {
    await new Promise(resolve => setTimeout(resolve, 1000 * Math.min(attempt + 1, 8)))
    return load(address, attempt + 1)
  }
}
export default async component => {
  if (!component.data) return undefined
  const data = JSON.parse(new TextDecoder().decode(component.data))
  return (await load(data.script)).default({ ...component, data })
}
""",
)


def show_screen(screen: Screen, reply: Reply, on_sent: Callable[[], None]) -> Sent | None:
    """Put the screen on the phone; what was sent with this run, if anything was.

    `on_sent` is called before the run, except in the first run of a session (which a phone begins by itself
    when its connection was away for long): what is returned then has not been looked at by anybody.
    """
    # As bytes: Streamlit looks into everything else for tables, which costs more than all of the screen's own making.
    data = json.dumps(shown(screen, reply), separators=(",", ":")).encode()
    _questions(key=KEY, data=data, on_sent_change=on_sent)
    return read_sent()


def read_sent() -> Sent | None:
    """What the phone sent with this run. It may be anything: all of it is held against what is expected."""
    state = st.session_state.get(KEY)
    told = state.get("sent") if isinstance(state, Mapping) else None
    if not isinstance(told, Mapping):
        return None
    names = ("event", "value", "screen", "language", "nonce")
    texts = {name: text[:500] if isinstance(text := told.get(name), str) else "" for name in names}
    attempt, sequence = (number if _is_count(number := told.get(name)) else None for name in ("attempt", "sequence"))
    saved = told.get("saved") is True
    return Sent(**texts, answers=told.get("answers"), saved=saved, attempt=attempt or 0, sequence=sequence)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
