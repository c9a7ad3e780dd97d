"""The links of studies of every kind, asked for at the real server: who is let in, with what, and where people go."""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import httpx
import pytest

from survey_app.access import load_secret, sign_test
from survey_app.admission import token_key
from survey_app.links import link_code
from survey_app.settings import Settings
from survey_app.store import Store
from survey_app.study import Completion, Parameter, Source, Study, Wave
from tests.conftest import Server

BROWSER = {"accept": "text/html,*/*;q=0.8"}
HOSTILE = [
    "<script>alert(1)</script>", "' OR 1=1 --", "../../etc/passwd", "%00", "\r\nset-cookie: a=b", "x" * 9000,
    "javascript:alert(1)", "\u202e\ud7ff", "{external_id}", "𝕏" * 50,
]  # fmt: skip


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base, headers=BROWSER, timeout=30) as client:
        yield client


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = Store(server.database)
    yield opened
    opened.close()


numbers = itertools.count()


def add(store: Store, *, state: str = "open", **design: object) -> Study:
    """A study like the demonstration, with this design."""
    slug = f"study-{next(numbers)}"
    study = replace(store.study("demo"), id=slug.replace("-", ""), slug=slug, state="draft", opened=None, **design)  # type: ignore[arg-type]
    store.add_study(study)
    if state != "draft":
        store.open_study(slug)
    if state == "closed":
        store.close_study(slug)
    return study


def asked(answer: httpx.Response) -> dict[str, str]:
    """What the address the phone is sent to holds."""
    assert answer.status_code == 303, answer.text
    address = urlparse(answer.headers["location"])
    assert (address.scheme, address.netloc, address.path) == ("", "", "/")
    return {name: value for name, (value,) in parse_qs(address.query).items()}


# -- parameters -----------------------------------------------------------------------------------------------------


def test_declared_parameters_go_along_and_others_are_dropped(web: httpx.Client, store: Store) -> None:
    pid, session = Parameter("prolific_pid", "PROLIFIC_PID"), Parameter("panel_session", "SESSION_ID")
    study = add(store, parameters=(pid, session))
    given = {"PROLIFIC_PID": "5f&x=1", "SESSION_ID": "", "STUDY_ID": "z", "t": "mine", "s": "demo", "prolific_pid": "n"}
    query = asked(web.get(f"/s/{study.slug}", params=given))
    assert query == {"s": study.slug, "t": query["t"], "PROLIFIC_PID": "5f&x=1"}
    assert query["t"] != "mine"
    store.begin(study.slug, query["t"], language="en", external=query)
    begun = store.participation(query["t"])
    assert begun is not None and begun.external == {"prolific_pid": "5f&x=1"}


@pytest.mark.parametrize("value", HOSTILE, ids=itertools.count())
def test_hostile_values_are_one_short_line(web: httpx.Client, store: Store, value: str) -> None:
    study = add(store, parameters=(Parameter("pid", "PID"),))
    answer = web.get(f"/s/{study.slug}", params=dict.fromkeys(("PID", "src", "wave", "lang", "test", "token"), value))
    if answer.status_code in (400, 414, 431):  # an address of 120,000 characters
        return
    query = asked(answer)
    assert set(query) <= {"s", "t", "PID"}
    assert len(query["PID"]) <= 200 and "\n" not in query["PID"] and "\r" not in query["PID"]
    assert "set-cookie" not in answer.headers


def test_language_and_wave_go_along_where_the_study_has_them(web: httpx.Client, store: Store) -> None:
    study = add(store, invited=True, waves=(Wave("pre", "Before"), Wave("post", "After")))
    query = asked(web.get(f"/s/{study.slug}", params={"wave": "post", "lang": "nl"}))
    assert (query["wave"], query["lang"]) == ("post", "nl")
    query = asked(web.get(f"/s/{study.slug}", params={"wave": "later", "lang": "xx"}))
    assert "wave" not in query and "lang" not in query


# -- short links ----------------------------------------------------------------------------------------------------


def test_a_short_link_counts_for_its_source(web: httpx.Client, store: Store) -> None:
    study = add(store, sources=(Source("poster", "Poster"), Source("class_a")))
    time.sleep(3.1)  # a running server learns of a new study's links within three seconds
    code = link_code(study.id, "poster")
    for typed in (code, code.upper(), f"{code[:3]}-{code[3:]}"):
        assert asked(web.get(f"/l/{typed}"))["src"] == "poster"
    counts = store.counts(study.slug).by_source
    assert counts["poster"].visits == 3 and "class_a" not in counts
    assert "src" not in asked(web.get(f"/l/{link_code(study.id, '')}"))


@pytest.mark.parametrize("code", ["0000000", "x", "a" * 5000, "%3Cscript%3E", "..%2f..%2fs%2fdemo"])
def test_a_short_link_that_means_nothing_says_so(web: httpx.Client, code: str) -> None:
    answer = web.get(f"/l/{code}")
    assert answer.status_code in (400, 404) and "<script>" not in answer.text


# -- who is let in --------------------------------------------------------------------------------------------------


def test_drafts_are_unknown_closed_and_full_studies_say_so(web: httpx.Client, store: Store) -> None:
    assert web.get(f"/s/{add(store, state='draft').slug}").status_code == 404
    assert web.get(f"/qr/{add(store, state='draft').slug}.svg").status_code == 404
    assert web.get(f"/s/{add(store, state='closed').slug}").status_code == 410
    over = add(store, closes=datetime.now(UTC) - timedelta(hours=1))
    assert web.get(f"/s/{over.slug}").status_code == 410
    full = add(store, quota=1)
    store.begin(full.slug, "k" * 43, language="en")
    assert web.get(f"/s/{full.slug}").status_code == 303
    store.finish("k" * 43)
    answer = web.get(f"/s/{full.slug}")
    assert answer.status_code == 410 and "full" in answer.text and "vol" in answer.text
    assert store.counts(full.slug).visits == 1
    early = add(store, opens=datetime.now(UTC) + timedelta(hours=1))
    assert web.get(f"/s/{early.slug}").status_code == 303  # the screen tells when it opens


def test_a_trial_needs_the_mark_of_this_installation(web: httpx.Client, store: Store, server: Server) -> None:
    secret = load_secret(Settings(server.database))
    draft, other = add(store, state="draft"), add(store, state="draft")
    mark = sign_test(secret, draft.slug)
    query = asked(web.get(f"/s/{draft.slug}", params={"test": mark}))
    assert query["test"] == mark
    assert store.counts(draft.slug).visits == 0
    for wrong in ("1", "", mark[:-1], sign_test(secret, other.slug), sign_test(b"x" * 32, draft.slug)):
        assert web.get(f"/s/{draft.slug}", params={"test": wrong}).status_code == 404
    assert "test" not in asked(web.get("/s/demo", params={"test": mark}))


def test_a_token_becomes_the_key_of_its_owner(web: httpx.Client, store: Store) -> None:
    study = add(store, invited=True)
    token, unused = store.add_tokens(study.slug, 2)
    query = asked(web.get(f"/s/{study.slug}", params={"token": token.lower().replace("-", "")}))
    assert query["t"] == token_key(study.id, token) and "token" not in query
    store.begin(study.slug, query["t"], language="en")
    again = asked(web.get(f"/s/{study.slug}", params={"token": token}))
    assert again["t"] == query["t"]
    for wrong in ("", "AAAA-BBBB-CCCC", "x" * 5000):
        query_of_wrong = asked(web.get(f"/s/{study.slug}", params={"token": wrong, "src": "mail"}))
        assert query_of_wrong["t"] not in (token_key(study.id, token), token_key(study.id, wrong))
        assert query_of_wrong["token"] == ("wrong" if wrong else "missing")
    store.close_study(study.slug)
    time.sleep(3.1)  # a running server goes by what it read within the last three seconds
    assert asked(web.get(f"/s/{study.slug}", params={"token": token}))["t"] == query["t"]  # may finish
    assert web.get(f"/s/{study.slug}", params={"token": unused}).status_code == 410


def test_a_token_of_one_study_opens_no_other(web: httpx.Client, store: Store) -> None:
    one, other = add(store, invited=True), add(store, invited=True)
    (token,) = store.add_tokens(one.slug, 1)
    key = asked(web.get(f"/s/{other.slug}", params={"token": token}))["t"]
    assert key not in (token_key(one.id, token), token_key(other.id, token))


# -- the way out ----------------------------------------------------------------------------------------------------


def test_the_panel_gets_people_back_only_after_the_end(web: httpx.Client, store: Store) -> None:
    redirect = "https://panel.example/done?pid={external_id}&cc={code}"
    study = add(store, parameters=(Parameter("pid", "PID"),), completion=Completion("C 1", redirect))
    key = "p" * 43
    out = {"s": study.slug, "t": key}
    assert web.get("/complete", params=out).status_code == 404
    store.begin(study.slug, key, language="en", external={"PID": "a&b=c#d"})
    assert asked(web.get("/complete", params=out)) == out  # back to the questions
    store.finish(key)
    answer = web.get("/complete", params=out)
    assert (answer.status_code, answer.headers["location"]) == (
        303, "https://panel.example/done?pid=a%26b%3Dc%23d&cc=C%201",
    )  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"
    assert web.get("/complete", params=out | {"s": "demo"}).status_code == 404


def test_without_an_address_people_stay_at_the_thanks(web: httpx.Client, store: Store) -> None:
    study, key = add(store), "q" * 43
    store.begin(study.slug, key, language="en")
    store.finish(key)
    assert asked(web.get("/complete", params={"s": study.slug, "t": key})) == {"s": study.slug, "t": key}


@pytest.mark.parametrize("query", ["", "s=demo", "t=x", "s=demo&t=", "s=%3Cscript%3E&t=x", "s=demo&t=" + "x" * 9000])
def test_a_way_out_for_nobody_leads_nowhere(web: httpx.Client, query: str) -> None:
    answer = web.get(f"/complete?{query}")
    assert answer.status_code in (404, 414) and "<script>" not in answer.text


# -- in a frame of another site -------------------------------------------------------------------------------------


def frame(answer: httpx.Response) -> str:
    policy = dict(part.partition(" ")[::2] for part in answer.headers["content-security-policy"].split("; "))
    return policy["frame-ancestors"]


def test_only_the_sites_a_study_names_may_show_it_in_a_frame(web: httpx.Client, store: Store) -> None:
    site = "https://learn.example"
    study, other = add(store, embed=(site, "https://*.panel.example")), add(store)
    page = web.get("/", params={"s": study.slug, "t": "k" * 43})
    assert frame(page) == f"{site} https://*.panel.example" and "x-frame-options" not in page.headers
    assert frame(web.get(f"/s/{study.slug}")) == f"{site} https://*.panel.example"
    for path in ("/", f"/?s={study.slug}", "/?t=x", f"/?s={other.slug}&t=x", "/?s=nope&t=x", "/?s=%3B%20*&t=x"):
        page = web.get(path)
        assert frame(page) == "'none'" and page.headers["x-frame-options"] == "DENY"
    assert frame(web.get(f"/s/{other.slug}")) == "'none'"


# -- limits ---------------------------------------------------------------------------------------------------------


def pressed(base: str, path: str, times: int) -> list[tuple[int, str]]:
    """What one connection was answered, and how long to wait; httpx takes longer for a request than the server."""
    found = []
    with closing(http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)) as connection:
        for _ in range(times):
            connection.request("HEAD", path)
            with connection.getresponse() as answer:
                found.append((answer.status, answer.headers.get("retry-after", "")))
    return found


def test_a_lecture_hall_passes_and_a_flood_is_told_to_wait(web: httpx.Client, store: Store, server: Server) -> None:
    """All from one address: four hundred people at once are let in; of thousands within seconds some must wait."""
    hall, flood = add(store), add(store)
    limits = httpx.Limits(max_connections=20)
    with httpx.Client(base_url=server.base, headers=BROWSER, timeout=60, limits=limits) as many:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: many.get(f"/s/{hall.slug}").status_code, range(400)))
            assert answers == [303] * 400
            hands = pool.map(lambda _: pressed(server.base, f"/s/{flood.slug}", 225), range(20))
            seen = [answer for hand in hands for answer in hand]
        told = [wait for status, wait in seen if status == 429]
        assert told and all(int(wait) >= 1 for wait in told)
        assert sum(status == 303 for status, _ in seen) >= 3000
        assert many.get(f"/s/{hall.slug}").status_code == 303  # another link is not held up
    assert store.counts(hall.slug).visits == 401


def test_one_phone_that_sends_without_end_is_told_to_wait(web: httpx.Client, store: Store, server: Server) -> None:
    key, other = "r" * 43, "u" * 43
    store.begin("demo", key, language="en")
    store.begin("demo", other, language="en")
    page = store.instrument(store.study("demo").instrument).pages[0]
    sent = {"key": key, "page": page.id, "answers": {}, "order": list(page.items)}
    answers = [web.post("/answers", json=sent) for _ in range(90)]
    told = [answer for answer in answers if answer.status_code == 429]
    assert told and int(told[0].headers["retry-after"]) >= 1
    assert all(answer.status_code == 200 for answer in answers[:60])
    assert web.post("/answers", json=sent | {"key": other}).status_code == 200


# -- pictures of links ----------------------------------------------------------------------------------------------


def test_a_qr_code_as_drawing_and_as_picture(web: httpx.Client) -> None:
    assert web.get("/qr/demo.png").content.startswith(b"\x89PNG")
    assert web.get("/qr/demo.png").headers["content-type"] == "image/png"
    hostile = web.get("/qr/demo.svg", params={"src": "<script>"})
    assert "script" not in hostile.text
    for path in ("/qr/demo.gif", "/qr/nope.png", "/qr/.png", f"/qr/{'x' * 300}.png"):
        assert web.get(path).status_code == 404


@pytest.mark.parametrize("host", ['evil.example"><script>', "a" * 300, "[::1", "x y", "evil.example;script-src *"])
def test_a_hostile_host_changes_no_policy(web: httpx.Client, server: Server, host: str) -> None:
    answer = web.get("/", headers={"host": host})
    policy = answer.headers.get("content-security-policy", "")
    assert "<" not in policy and "script-src *" not in policy and policy.count("default-src") == 1
    assert Path(server.database.removeprefix("sqlite:///")).is_file()
