"""A researcher's day in Dutch: a study comes in from a file, is opened, handed out, watched and closed."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from survey_app.components.study_frame import written_day
from survey_app.links import qr_png
from survey_app.words import words
from tests.browser.conftest import DESKTOP, Server
from tests.browser.respondent import Respondent
from tests.browser.test_accessibility import LOOKS, all_faults, faults

PATIENCE = 60_000
NL = words("nl")
DUE = datetime.now(UTC).date() + timedelta(days=10)
STUDY = f"""
id = "wave_one"
slug = "jas"
instrument = "questions.toml"
title.en = "The jacket"
title.nl = "De jas"
languages = ["en", "nl"]
consent_version = "1"
consent.en = "Do you agree?"
consent.nl = "Ga je akkoord?"
contact = "Sanne de Boer, s.deboer@uni.example"
retention = {DUE}

[[sources]]
id = "poster"
label = "Affiche in de hal"
quota = 5

[[sources]]
id = "class_a"
label = "Klas A"
"""
QUESTIONS = """
id = "jacket"
version = "1.0"
title.en = "The jacket"
title.nl = "De jas"
languages = ["en", "nl"]

[choices.yes_no]
values = [0, 1]
labels.en = ["No", "Yes"]
labels.nl = ["Nee", "Ja"]

[[items]]
id = "warm"
kind = "single"
choices = "yes_no"
required = true
text.en = "Is it warm?"
text.nl = "Is de jas warm?"

[[items]]
id = "clip"
kind = "info"
media = "https://video.example/clip.mp4"
text.en = "Look."
text.nl = "Kijk."
alt.en = "A clip."
alt.nl = "Een filmpje."

[[pages]]
id = "one"
title.en = "The jacket"
title.nl = "Over de jas"
items = ["warm", "clip"]
"""


def goes_to(page: Page, screen: str) -> None:
    page.get_by_role("link", name=NL(f"screens.{screen}"), exact=True).click()


def test_a_study_is_brought_in_opened_handed_out_watched_and_closed(
    own_server: Server, desktop: BrowserContext, phone: BrowserContext, tmp_path: Path
) -> None:
    page = desktop.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(own_server.researcher_link())
    page.get_by_text("Nederlands", exact=True).first.click()
    goes_to(page, "studies")
    expect(page.get_by_text(NL("studies.none"))).to_be_visible()

    page.get_by_role("tab", name=NL("studies.files")).click()
    for name, text in (("jas.toml", STUDY), ("questions.toml", QUESTIONS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    page.locator("input[type=file]").set_input_files([tmp_path / "jas.toml", tmp_path / "questions.toml"])
    expect(page.get_by_text(NL("studies.nothing_wrong", title="De jas"))).to_be_visible()
    expect(page.get_by_text(NL("studies.abroad", hosts="video.example"))).to_be_visible()
    page.get_by_role("button", name=NL("studies.bring_in"), exact=True).click()
    expect(page.get_by_text(NL("studies.brought_in", title="De jas"))).to_be_visible()
    warning = page.get_by_text(written_day(DUE, NL))
    expect(warning).to_be_visible()
    assert own_server.store.study("jas").state == "draft"

    page.get_by_role("button", name=NL("studies.open"), exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(NL("studies.means_open"))).to_be_visible()
    assert faults(page) == []
    dialog.get_by_role("button", name=NL("studies.open"), exact=True).click()
    expect(page.get_by_role("button", name=NL("studies.close"), exact=True)).to_be_visible()
    assert own_server.store.study("jas").state == "open"

    page.get_by_text(NL("studies.links"), exact=True).click()
    for label in ("Affiche in de hal", "Klas A"):
        expect(page.get_by_text(label, exact=True)).to_be_visible()
    expect(page.locator("[data-testid=stCode]")).to_have_count(2)
    links = [text.strip() for text in page.locator("[data-testid=stCode]").all_inner_texts()]
    assert len(set(links)) == 2 and all(link.startswith(f"{own_server.url}/l/") for link in links)
    for link in links:
        drawn = page.get_by_role("img", name=NL("studies.qr", link=link))
        expect(drawn).to_have_js_property("complete", True)
        assert drawn.evaluate("picture => picture.naturalWidth") > 100
    assert all_faults(page, LOOKS["nl"]) == []
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    with page.expect_download() as taken:
        page.get_by_role("button", name=NL("studies.code", kind="PNG")).first.click()
    assert taken.value.suggested_filename == "jas-poster.png"
    with Image.open(taken.value.path()) as code, Image.open(io.BytesIO(qr_png(links[0]))) as wanted:
        assert code.convert("1").tobytes() == wanted.convert("1").tobytes()
    with page.expect_download() as sheet:
        page.get_by_role("button", name=NL("studies.labels")).click()
    assert sheet.value.path().read_bytes().startswith(b"%PDF")

    person = Respondent(phone, links[0], "nl", own_server.store.instrument(own_server.store.study("jas").instrument))
    person.press("language.continue")
    person.press("consent.agree")
    person.at("one")
    person.page.locator("label.option:has(input[name=warm][value='1'])").click()

    goes_to(page, "fieldwork")
    expect(page.get_by_text(written_day(DUE, NL))).to_be_visible()
    started = page.locator("[data-testid=stMetric]").filter(has_text=NL("results.started"))
    finished = page.locator("[data-testid=stMetric]").filter(has_text=NL("results.finished"))
    expect(started).to_contain_text("1")
    expect(finished).to_contain_text("0")
    person.next()
    person.reads(NL("thanks.title"))
    expect(finished).to_contain_text("1", timeout=PATIENCE)  # by itself
    poster = page.get_by_role("row").filter(has_text="Affiche in de hal")
    assert poster.first.get_by_role("cell").all_inner_texts() == ["Affiche in de hal", "1", "0", "1", "1"]
    expect(page.locator(".st-key-study_bar").get_by_text("n = 1")).to_be_visible(timeout=PATIENCE)  # and all the rest
    expect(page.get_by_role("row").filter(has_text="Over de jas").get_by_role("cell")).to_have_text(
        ["Over de jas", "1", "0", "100 %"]
    )
    expect(page.get_by_role("button", name=NL("fieldwork.file", kind="XLSX"))).to_be_visible()
    expect(page.get_by_text(NL("fieldwork.quota", name="Affiche in de hal", finished=1, quota=5))).to_be_visible()

    goes_to(page, "studies")
    page.get_by_role("button", name=NL("studies.close"), exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=NL("studies.close"), exact=True).click()
    expect(page.get_by_role("button", name=NL("studies.open"), exact=True)).to_be_visible()
    late = phone.new_page()
    late.goto(links[1])
    expect(late.get_by_role("heading", name=NL("closed.title"), exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
