"""Pictures and videos on a phone: those we keep are played from here, those elsewhere only when they are opened."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, expect

from analysis.instrument import Instrument, Item
from analysis.instrument import Page as Questions
from survey_app.media import keep_media
from tests.browser.conftest import PHONE, Server
from tests.browser.respondent import PATIENCE, Respondent
from tests.browser.test_accessibility import faults

RECORD = """async () => {
    const canvas = document.createElement("canvas")
    canvas.width = 160
    canvas.height = 120
    const pen = canvas.getContext("2d")
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm;codecs=vp8" })
    const parts = []
    recorder.ondataavailable = event => parts.push(event.data)
    const over = new Promise(resolve => { recorder.onstop = resolve })
    recorder.start()
    for (let turn = 0; turn < 15; turn += 1) {
        pen.fillStyle = `hsl(${turn * 20} 80% 50%)`
        pen.fillRect(0, 0, 160, 120)
        await new Promise(resolve => setTimeout(resolve, 50))
    }
    recorder.stop()
    await over
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
    return btoa(Array.from(bytes, one => String.fromCharCode(one)).join(""))
}"""
"""A short film of changing colours, made by the browser itself."""

SEEN = {"en": "A film of changing colours", "nl": "Een filmpje met wisselende kleuren", "de": "Ein Film aus Farben"}
LOOK = {"en": "Look at this.", "nl": "Kijk hier even naar.", "de": "Sieh dir das an."}
FILMS = Instrument(
    "films", "1", {"en": "Films", "nl": "Filmpjes", "de": "Filme"}, ("en", "nl", "de"),
    (Item("film", LOOK, kind="info", media="clip.webm", alt=SEEN), Item("said", LOOK, kind="text")), (),
    (Questions("look", {"en": "Look", "nl": "Kijken", "de": "Ansehen"}, ("film", "said")),),
)  # fmt: skip


@pytest.fixture(scope="session")
def film(browser: Browser) -> bytes:
    page = browser.new_page()
    made = base64.b64decode(page.evaluate(RECORD))
    page.close()
    assert made.startswith(b"\x1a\x45\xdf\xa3") and len(made) > 500
    return made


def showing(media: str) -> Instrument:
    return replace(FILMS, items=(replace(FILMS.items[0], media=media), FILMS.items[1]))


def opened(context: BrowserContext, server: Server, instrument: Instrument, language: str) -> Respondent:
    person = Respondent(context, f"{server.link(server.add_study(('en', 'nl', 'de'), instrument))}?lang={language}",
                        language, instrument)  # fmt: skip
    person.press("consent.agree")
    person.at("look")
    return person


def played(page: Page) -> float:
    """Play the film on the page, and tell how far it came in seconds."""
    return page.locator("video").evaluate("""async film => {
        film.muted = true
        await film.play()
        await new Promise(resolve => { film.ontimeupdate = () => film.currentTime > 0.1 && resolve() })
        return film.currentTime
    }""")


def test_an_uploaded_film_is_played_from_our_own_server(phone: BrowserContext, server: Server, film: bytes) -> None:
    name = keep_media(server.database.parent / "files", film, "clip.webm")
    person = opened(phone, server, showing(name), "nl")
    answers: list[Response] = []
    person.page.on("response", lambda answer: answers.append(answer) if "/files/" in answer.url else None)
    person.page.reload()
    person.at("look")
    shown = person.page.locator("video")
    expect(shown).to_have_accessible_name(SEEN["nl"])
    assert played(person.page) > 0.1
    assert shown.evaluate("film => [film.videoWidth, film.videoHeight]") == [160, 120]
    assert {answer.status for answer in answers} == {206}  # players ask for parts
    assert all(answer.headers["content-type"] == "video/webm" for answer in answers)
    box = shown.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    assert faults(person.page) == []
    person.page.locator("#item-said-input").fill("gezien")
    person.next()
    person.reads(person.words("thanks.title"))
    assert person.kept(server.store)["look"] == {"said": "gezien"}


@pytest.mark.parametrize("language", ["en", "nl", "de"])
def test_another_site_learns_of_nobody_before_it_is_opened(
    phone: BrowserContext, server: Server, film: bytes, language: str
) -> None:
    """The browser is told that video.example is that site; nothing else on the way is changed."""
    asked: list[Request] = []
    phone.on("request", lambda request: asked.append(request) if "video.example" in request.url else None)
    phone.route(
        "https://video.example/**",
        lambda route: (
            route.fulfill(body=film, content_type="video/webm") if "clip" in route.request.url else route.abort()
        ),
    )
    person = opened(phone, server, showing("https://video.example/clip.webm?v=1"), language)
    page, w = person.page, person.words
    abroad = page.locator("#item-film")
    expect(abroad.get_by_text(w("respondent.media.abroad", host="video.example"))).to_be_visible()
    expect(page.locator("video")).to_have_count(0)
    assert faults(page) == []
    page.wait_for_timeout(300)
    assert asked == []
    button = abroad.get_by_role("button", name=w("respondent.media.show", host="video.example"), exact=True)
    button.focus()
    page.keyboard.press("Enter")
    assert played(page) > 0.1
    assert asked and all("referer" not in request.all_headers() for request in asked)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE["width"]


def test_what_is_gone_there_is_offered_as_a_link(phone: BrowserContext, server: Server) -> None:
    phone.route("https://video.example/**", lambda route: route.abort())
    person = opened(phone, server, showing("https://video.example/gone.mp4"), "nl")
    page, w = person.page, person.words
    page.get_by_role("button", name=w("respondent.media.show", host="video.example")).click()
    expect(page.get_by_text(w("respondent.media.gone"))).to_be_visible(timeout=PATIENCE)
    link = page.locator("#item-film a")
    expect(link).to_have_attribute("href", "https://video.example/gone.mp4")
    assert "noreferrer" in (link.get_attribute("rel") or "")


def test_a_page_of_another_site_opens_in_a_tab_of_its_own_without_a_word_of_ours(
    phone: BrowserContext, server: Server
) -> None:
    headers: list[dict[str, str]] = []
    phone.on("request", lambda it: headers.append(it.all_headers()) if "video.example" in it.url else None)
    phone.route(
        "https://video.example/**", lambda route: route.fulfill(body="<title>Film</title>", content_type="text/html")
    )
    person = opened(phone, server, showing("https://video.example/watch?v=1"), "en")
    w = person.words
    expect(person.page.get_by_text(w("respondent.media.abroad", host="video.example"))).to_be_visible()
    assert headers == []
    with phone.expect_page() as tab:
        person.page.locator("#item-film a").click()
    expect(tab.value).to_have_title("Film")
    assert headers and "referer" not in headers[0]
    assert tab.value.evaluate("window.opener") is None
    person.at("look")
