"""Tables wider than their place: who has no mouse and no touch reaches them by Tab and moves them with arrows."""

from __future__ import annotations

import streamlit as st

# Streamlit lets such a table scroll, but gives its frame no place in the order of the Tab key.
_reach = st.components.v2.component(
    "parasol_wide_tables",
    js="""
const reach = () => document.querySelectorAll("[data-testid=stTable] table").forEach(table => {
  const frame = table.parentElement
  const wide = frame.scrollWidth > frame.clientWidth + 1
  if (wide === (frame.tabIndex === 0)) return
  const name = table.getAttribute("aria-label")
  if (wide) {
    frame.tabIndex = 0
    if (name) frame.setAttribute("role", "region")
    if (name) frame.setAttribute("aria-label", name)
  } else {
    for (const attribute of ["tabindex", "role", "aria-label"]) frame.removeAttribute(attribute)
  }
})
export default () => {
  let asked = 0
  const soon = () => {
    cancelAnimationFrame(asked)
    asked = requestAnimationFrame(reach)
  }
  const changes = new MutationObserver(soon)
  changes.observe(document.body, { childList: true, subtree: true })
  window.addEventListener("resize", soon)
  soon()
  return () => {
    changes.disconnect()
    window.removeEventListener("resize", soon)
  }
}
""",
)


def reach_wide_tables() -> None:
    """Let the Tab key reach every table of this screen that has to be scrolled sideways."""
    _reach(key="wide_tables")
