"""Small pages that need neither Streamlit nor JavaScript: a link that leads nowhere, a closed study, an error."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from survey_app.words import direction, languages, words

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 18px/1.5 "Source Sans", system-ui, sans-serif; background: #FBF8F2; color: #1F2A30; }
main { max-width: 640px; margin: 0 auto; padding: 12vh 24px 24px; }
section + section { margin-top: 2.5rem; padding-top: 2rem; border-top: 1px solid #D8D0C0; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
p { margin: 0; }
form, nav { margin-top: 1.4rem; }
nav a { display: inline-block; padding: .6rem 1rem .6rem 0; color: inherit; }
label { display: block; font-weight: 600; }
input, button { box-sizing: border-box; font: inherit; min-height: 3rem; padding: .5rem .9rem; border-radius: .5rem; }
input { display: block; width: 100%; margin: .3rem 0 1rem; border: 1px solid #7A7F80; background: none; color: inherit;
  letter-spacing: .06em; text-transform: uppercase; }
button { border: 1px solid #B3261E; background: #B3261E; color: #fff; font-weight: 600; cursor: pointer; }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid #0B5759; outline-offset: 2px; }
.hint { opacity: .8; }
.error { color: #B3261E; font-weight: 600; margin-top: 1rem; }
@media (prefers-color-scheme: dark) {
  body { background: #0E1522; color: #E9EDF2; }
  section + section { border-color: #32405A; }
  .error { color: #FF9C8F; }
  input:focus-visible, button:focus-visible, a:focus-visible { outline-color: #7CCBC5; }
}
"""

RETRY_SECONDS = 5


def plain_page(key: str, status: int, *, retry: bool = False, after: int = RETRY_SECONDS) -> HTMLResponse:
    """The texts `{key}.title` and `{key}.text` in every language, since nobody has chosen one yet.

    With `retry` the page loads itself again `after` so many seconds.
    """
    parts = "".join(_section(key, language) for language in languages())
    again = f'<meta http-equiv="refresh" content="{after}">' if retry else ""
    headers = {"retry-after": str(after)} if retry else {}
    return html_page(parts, status, head=again, headers=headers)


def html_page(
    body: str, status: int, *, language: str = "en", head: str = "", headers: dict[str, str] | None = None
) -> HTMLResponse:
    """A page with this markup in it; whatever was typed by anybody has been escaped before."""
    page = (
        f'<!DOCTYPE html><html lang="{language}" dir="{direction(language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}'
        f"<title>Parasol</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(page, status, {"cache-control": "no-store"} | (headers or {}))


def _section(key: str, language: str) -> str:
    w = words(language)
    title, text = escape(w(f"{key}.title")), escape(w(f"{key}.text"))
    return f'<section lang="{language}" dir="{direction(language)}"><h1>{title}</h1><p>{text}</p></section>'
