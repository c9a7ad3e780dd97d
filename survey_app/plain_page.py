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
@media (prefers-color-scheme: dark) {
  body { background: #0E1522; color: #E9EDF2; }
  section + section { border-color: #32405A; }
}
"""

RETRY_SECONDS = 5


def plain_page(key: str, status: int, *, retry: bool = False, after: int = RETRY_SECONDS) -> HTMLResponse:
    """The texts `{key}.title` and `{key}.text` in every language, since nobody has chosen one yet.

    With `retry` the page loads itself again `after` so many seconds.
    """
    parts = "".join(_section(key, language) for language in languages())
    again = f'<meta http-equiv="refresh" content="{after}">' if retry else ""
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{again}'
        f"<title>Parasol</title><style>{STYLE}</style></head><body><main>{parts}</main></body></html>"
    )
    headers = {"cache-control": "no-store"} | ({"retry-after": str(after)} if retry else {})
    return HTMLResponse(page, status, headers)


def _section(key: str, language: str) -> str:
    w = words(language)
    title, text = escape(w(f"{key}.title")), escape(w(f"{key}.text"))
    return f'<section lang="{language}" dir="{direction(language)}"><h1>{title}</h1><p>{text}</p></section>'
