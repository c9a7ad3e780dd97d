"""The real server as a process, asked over HTTP."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import brotli
import httpx
import psutil
import pytest

from analysis.errors import SettingsError
from analysis.instrument import load_instrument
from survey_app.precompressed import accepted_encoding
from survey_app.server import REQUIRED, check_port, raise_open_files, streamlit_config
from survey_app.settings import Settings
from survey_app.store import Store
from tests.conftest import Server, start_server

BROWSER = {"accept": "text/html,*/*;q=0.8", "accept-encoding": "gzip, deflate, br"}


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base, headers=BROWSER, timeout=30) as client:
        yield client


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = Store(server.database)
    yield opened
    opened.close()


@contextlib.contextmanager
def database(server: Server) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(server.database.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def new_key(web: httpx.Client) -> str:
    location = web.get("/s/demo").headers["location"]
    return parse_qs(urlparse(location).query)["t"][0]


# -- the way in -----------------------------------------------------------------------------------------------------


def test_start_gives_each_phone_a_key_of_its_own_and_counts_the_visit(web: httpx.Client, store: Store) -> None:
    before = store.counts("demo").visits
    answers = [web.get("/s/demo", params={"src": "poster-2"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    queries = [parse_qs(urlparse(answer.headers["location"]).query) for answer in answers]
    assert all(query["s"] == ["demo"] and query["src"] == ["poster-2"] for query in queries)
    keys = {query["t"][0] for query in queries}
    assert len(keys) == 2 and all(len(key) >= 43 for key in keys)
    assert answers[0].headers["cache-control"] == "no-store"
    assert store.counts("demo").visits == before + 2
    assert store.counts("demo").started == 150  # the synthetic ones: a visit begins nothing


def test_head_counts_no_visit(web: httpx.Client, store: Store) -> None:
    before = store.counts("demo").visits
    assert web.head("/s/demo").status_code == 303
    assert store.counts("demo").visits == before


def test_a_hostile_source_is_dropped(web: httpx.Client) -> None:
    location = web.get("/s/demo", params={"src": "<script>\r\nx: y"}).headers["location"]
    assert "src" not in parse_qs(urlparse(location).query)


@pytest.mark.parametrize("slug", ["nope", "%3Cscript%3E", "a" * 300])
def test_an_unknown_study_says_so_in_both_languages(web: httpx.Client, slug: str) -> None:
    answer = web.get(f"/s/{slug}")
    assert answer.status_code == 404
    assert 'lang="en"' in answer.text and 'lang="nl"' in answer.text
    assert "<script>" not in answer.text


def test_a_closed_study_says_so(web: httpx.Client, store: Store) -> None:
    store.close_study("demo")
    try:
        until = time.monotonic() + 20  # the server may go by what it read a moment ago
        while (answer := web.get("/s/demo")).status_code != 410 and time.monotonic() < until:
            time.sleep(0.1)
        assert answer.status_code == 410 and "closed" in answer.text and "gesloten" in answer.text
    finally:
        store.open_study("demo")
    while web.get("/s/demo").status_code != 303 and time.monotonic() < until + 20:
        time.sleep(0.1)


def test_the_qr_code_holds_the_link(web: httpx.Client, server: Server) -> None:
    answer = web.get("/qr/demo.svg", params={"src": "hall"})
    assert answer.headers["content-type"] == "image/svg+xml"
    assert f"<title>{server.base}/s/demo?src=hall</title>" in answer.text
    assert web.get("/qr/nope.svg").status_code == 404


# -- answers --------------------------------------------------------------------------------------------------------


def first_page() -> tuple[str, dict[str, object]]:
    """A page of the demo's instrument with items of choice, and answers to it."""
    instrument = load_instrument("psi_core")
    for page in instrument.pages:
        items = [instrument.item(id) for id in page.items]
        if all(item.choices is not None for item in items):
            return page.id, {item.id: item.choices.values[0] for item in items if item.choices}
    raise AssertionError("psi_core has no page of choices")


def test_a_page_is_kept_once_however_often_it_is_sent(web: httpx.Client, store: Store) -> None:
    key = new_key(web)
    store.begin("demo", key, language="en")
    page, answers = first_page()
    sent = {"key": key, "page": page, "answers": answers, "order": list(answers), "paradata": {"ms": 900}}
    for _ in range(3):
        answer = web.post("/answers", json=sent)
        assert (answer.status_code, answer.json()["saved"]) == (200, True)
    assert store.answers(key) == {(page, ""): answers}
    store.finish(key)
    assert web.post("/answers", json=sent).status_code == 200
    changed = sent | {"answers": answers | {next(iter(answers)): 2}}
    assert web.post("/answers", json=changed).status_code == 409


def test_answers_without_consent_are_not_kept(web: httpx.Client, store: Store) -> None:
    page, answers = first_page()
    key = new_key(web)
    assert web.post("/answers", json={"key": key, "page": page, "answers": answers}).status_code == 409
    assert store.answers(key) == {}


@pytest.mark.parametrize(
    "change",
    [{"answers": {"nobody": 1}}, {"answers": 3}, {"page": "nowhere"}, {"key": "short"}, {"more": 1}, {"order": "x"}],
)
def test_what_the_questionnaire_does_not_declare_is_refused(
    web: httpx.Client, store: Store, change: dict[str, object]
) -> None:
    key = new_key(web)
    store.begin("demo", key, language="en")
    page, answers = first_page()
    answer = web.post("/answers", json={"key": key, "page": page, "answers": answers} | change)
    assert answer.status_code == 422 and answer.json()["problem"]
    assert store.answers(key) == {}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"[" * 60_000, "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 270_000, "application/json", 413),
    ],
)
def test_a_broken_body_is_refused(web: httpx.Client, body: bytes, kind: str, status: int) -> None:
    answer = web.post("/answers", content=body, headers={"content-type": kind})
    assert answer.status_code == status and "Traceback" not in answer.text


def test_an_oversized_body_without_a_length_is_refused_too(web: httpx.Client) -> None:
    chunks = (b" " * 10_000 for _ in range(40))
    assert web.post("/answers", content=chunks, headers={"content-type": "application/json"}).status_code == 413


def test_when_the_store_is_away_the_phone_is_told_to_come_back(web: httpx.Client, server: Server, store: Store) -> None:
    key = new_key(web)
    store.begin("demo", key, language="en")
    page, answers = first_page()
    sent = {"key": key, "page": page, "answers": answers}
    with database(server) as held:
        held.execute("BEGIN IMMEDIATE")
        answer = web.post("/answers", json=sent)
        assert answer.status_code == 503 and answer.headers["retry-after"]
        held.execute("ROLLBACK")
    assert web.post("/answers", json=sent).status_code == 200


def test_health_looks_at_the_store(web: httpx.Client, server: Server) -> None:
    assert web.get("/healthz").json() == {"store": "ok"}
    with database(server) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        answer = web.get("/healthz")
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    assert answer.status_code == 503 and "retry-after" in answer.headers
    assert web.get("/healthz").status_code == 200


# -- what every answer carries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/s/demo", "/s/nope", "/healthz", "/_stcore/health", "/_stcore/metrics", "/x"])
def test_security_headers(web: httpx.Client, path: str) -> None:
    headers = web.get(path).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "camera=()" in headers["permissions-policy"]
    policy = dict(part.partition(" ")[::2] for part in headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "'none'" and policy["default-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    allowed = {source for sources in policy.values() for source in sources.split()}
    own = web.base_url.netloc.decode()
    assert allowed <= {"'self'", "'none'", "'unsafe-inline'", "data:", "blob:", f"ws://{own}", f"wss://{own}"}


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/interact",
        "/nowhere",
        "/results/x",
        "/s/demo/x",
        "/static/no.js",
    ],
)
def test_nothing_else_is_answered(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code == 404
    assert web.post(path).status_code in (404, 405)


# -- the page's own files -------------------------------------------------------------------------------------------


def script_of(web: httpx.Client) -> str:
    found = re.search(r'src="\.(/static/js/[^"]+\.js)"', web.get("/").text)
    assert found
    return found[1]


def test_the_page_is_ours_and_names_no_other_program(web: httpx.Client) -> None:
    page = web.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert "<title>Parasol</title>" in page.text and "Deze vragenlijst heeft JavaScript nodig" in page.text
    assert "_stcore/agent" not in page.text and "<script>" not in page.text
    assert web.get("/parasol.svg").headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    ("accept", "encoding"), [("gzip, br", "br"), ("gzip", "gzip"), ("", None), ("br;q=0, gzip;q=0.1", "gzip")]
)
def test_files_are_sent_compressed_as_asked(
    server: Server, web: httpx.Client, accept: str, encoding: str | None
) -> None:
    path = script_of(web)
    plain = web.get(path, headers={"accept-encoding": "identity"}).content
    with httpx.stream("GET", server.base + path, headers={"accept-encoding": accept}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    assert int(answer.headers["content-length"]) == len(raw)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert unpack(raw) == plain
    assert encoding is None or len(raw) < len(plain) / 2


def test_a_browser_that_has_the_file_gets_no_second_copy(web: httpx.Client) -> None:
    path = script_of(web)
    first = web.get(path)
    again = web.get(path, headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert web.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    other = web.get(path, headers={"accept-encoding": "gzip"})
    assert other.headers["etag"] != first.headers["etag"]


def test_head_says_what_get_would(web: httpx.Client) -> None:
    path = script_of(web)
    head, get = web.head(path), web.get(path)
    assert head.content == b""
    for name in ("content-length", "content-encoding", "etag", "cache-control", "content-type"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("*", "br"),
        ("*;q=0, gzip", "gzip"),
        ("identity", "identity"),
        ("br;q=oops", "identity"),
        ("", "identity"),
    ],
)
def test_accepted_encoding(header: str, encoding: str) -> None:
    assert accepted_encoding(header) == encoding


# -- the researcher's side ------------------------------------------------------------------------------------------


def test_the_one_time_link_opens_once(server: Server, web: httpx.Client) -> None:
    assert web.head(server.access).status_code in (403, 405)
    answer = web.get(server.access)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie
    web.cookies.clear()
    again = web.get(server.access)
    assert again.status_code == 403 and "set-cookie" not in again.headers
    assert web.get("/access/guess").status_code == 403


# -- starting and stopping ------------------------------------------------------------------------------------------


def test_a_killed_server_keeps_answers_and_access(tmp_path: Path) -> None:
    first = start_server(tmp_path)
    page, answers = first_page()
    try:
        with httpx.Client(base_url=first.base) as web:
            key = new_key(web)
            with contextlib.closing(Store(first.database)) as store:
                store.begin("demo", key, language="nl")
            assert web.post("/answers", json={"key": key, "page": page, "answers": answers}).status_code == 200
    finally:
        first.stop(signal.SIGKILL)
    secret = (tmp_path / "access.key").read_bytes()
    second = start_server(tmp_path, int(first.base.rpartition(":")[2]))
    try:
        with contextlib.closing(Store(second.database)) as store:
            assert store.answers(key) == {(page, ""): answers}
            assert store.counts("demo").finished == 150  # the second start adds nothing
        assert (tmp_path / "access.key").read_bytes() == secret
        assert httpx.get(second.base + first.access).status_code == 403
    finally:
        assert second.stop() in (0, -signal.SIGTERM)


@contextlib.contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A running `parasol serve`; what it says is in `folder`/log."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARASOL_")}
    environment |= {"PARASOL_DATABASE": f"sqlite:///{folder / 'parasol.sqlite'}", "COLUMNS": "200"}
    log = folder / "log"
    command = [sys.executable, "-c", "from survey_app.cli import app; app()", "serve", "--port", str(port)]
    with log.open("w") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=environment)
    try:
        until = time.monotonic() + 60
        while not ("Respondents" in log.read_text() and "/access/" in log.read_text()):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)


def niceness(pid: int) -> list[int]:
    """How nice all threads of each child of that process are."""
    found = []
    for child in psutil.Process(pid).children():
        (level,) = {os.getpriority(os.PRIO_PROCESS, thread.id) for thread in child.threads()}
        found.append(level)
    return sorted(found)


def test_two_processes_share_one_store_and_end_together(tmp_path: Path) -> None:
    port = check_port("127.0.0.1", 0)
    respondents = f"http://127.0.0.1:{port}"
    log = tmp_path / "log"
    with serving(tmp_path, port) as process, httpx.Client() as web:
        link = re.search(r"(http://[\d.:]+)(/access/\S+)", log.read_text())
        assert link, log.read_text()
        assert web.get(f"{respondents}/healthz").status_code == 200
        assert web.get(f"{respondents}{link[2]}").status_code == 404  # no researcher's side here at all
        assert web.get(link[1] + link[2]).status_code == 303
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert niceness(process.pid) == [own, max(10, own)]  # what researchers compute gives way to people who answer
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{respondents}/healthz")
    assert "Traceback" not in log.read_text()


def test_no_process_outlives_the_one_that_watches(tmp_path: Path) -> None:
    port = check_port("127.0.0.1", 0)
    with serving(tmp_path, port) as process:
        health = f"http://127.0.0.1:{port}/healthz"
        process.send_signal(signal.SIGKILL)
        process.wait()
        until = time.monotonic() + 30
        with pytest.raises(httpx.TransportError):  # the children see that nobody watches them any more
            while time.monotonic() < until:
                httpx.get(health)
                time.sleep(0.1)


def test_a_taken_port_is_one_sentence(server: Server) -> None:
    port = int(server.base.rpartition(":")[2])
    with pytest.raises(SettingsError, match=f"port {port}.*--port"):
        check_port("127.0.0.1", port)


def test_the_settings_that_matter_are_held() -> None:
    options = streamlit_config(Settings("sqlite:////tmp/x.sqlite", port=1))
    assert {name: options[name] for name in REQUIRED} == REQUIRED
    assert options["theme.light.primaryColor"].startswith("#")
    assert options["server.port"] == 1


def test_a_changed_setting_that_matters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them by name, with what it should be: no server starts that is slow or unsafe."""
    monkeypatch.setitem(REQUIRED, "runner.postScriptGC", True)
    monkeypatch.setitem(REQUIRED, "server.enableXsrfProtection", "always")
    with pytest.raises(SettingsError, match=r"config\.toml, runner\.postScriptGC.*is False.*Set it to True") as refused:
        streamlit_config(Settings("sqlite:////tmp/x.sqlite"))
    assert len(refused.value.problems) == 2 and "server.enableXsrfProtection" in str(refused.value)


def test_open_files_are_raised_to_what_is_allowed() -> None:
    code = (
        "import resource, json; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard));"
        "from survey_app.server import raise_open_files;"
        "print(json.dumps([raise_open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[0]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, got = json.loads(done.stdout)
    assert said == got > 256
    assert raise_open_files() is None or sys.platform != "win32"
