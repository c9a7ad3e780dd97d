"""Small pages that need neither Streamlit nor JavaScript: a link that leads nowhere, a closed study, an error."""

from __future__ import annotations

from html import escape

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

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
    """The texts `{key}.title` and `{key}.text` in every language, that of the browser first: nobody has chosen one yet.

    With `retry` the page loads itself again `after` so many seconds.
    """
    again = f'<meta http-equiv="refresh" content="{after}">' if retry else ""
    headers = {"retry-after": str(after)} if retry else {}
    return _InEveryLanguage(key, status, again, headers)


class _InEveryLanguage(HTMLResponse):
    """A page that is written when it is sent, since only then it is known who reads it."""

    def __init__(self, key: str, status: int, head: str, headers: dict[str, str]) -> None:
        super().__init__("", status)
        self.key, self.head, self.added = key, head, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = _spoken(Headers(scope=scope).get("accept-language", ""))
        ordered = sorted(languages(), key=lambda language: language != first)
        body = "".join(_section(self.key, language) for language in ordered)
        headers = {"vary": "Accept-Language"} | self.added
        page = html_page(body, self.status_code, language=first, head=self.head, headers=headers)
        await page(scope, receive, send)


def _spoken(header: str) -> str:
    """The first language a browser asks for that there are texts in; English where there is none."""
    asked = (part.split(";")[0].strip().split("-")[0].lower() for part in header.split(","))
    return next((language for language in asked if language in languages()), "en")


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
