"""The shipped nginx configuration in front of two real workers on PostgreSQL, and a restart that nobody notices."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from analysis.instrument import load_instrument
from survey_app.store import Store
from survey_app.study import Condition, Influencer, Study
from tests.front import NGINX, Front, free_ports
from tests.house import Crowd

pytestmark = pytest.mark.postgres  # with PARASOL_NO_SKIP=1 a skip is a failure

PEOPLE = 12


@dataclass
class Installation:
    """nginx, the process that watches the workers, and the database behind them."""

    base: str
    watcher: subprocess.Popen[bytes]
    log: Path
    access: Path
    store: Store
    environment: dict[str, str]

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.base}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def ports() -> list[int]:
    return free_ports(3)


@pytest.fixture(scope="module")
def installed(
    postgresql: str, template: str, ports: list[int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    if NGINX is None:
        pytest.skip("no nginx was found: install Debian's package nginx-light to run these tests")
    folder = tmp_path_factory.mktemp("nginx")
    engine = sa.create_engine(
        sa.make_url(postgresql).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE behind_nginx TEMPLATE {template}")
    engine.dispose()
    database = sa.make_url(postgresql).set(database="behind_nginx").render_as_string(hide_password=False)
    code = "from survey_app.cli import app; app()"
    subprocess.run([sys.executable, "-c", code, "static", str(folder / "static")], check=True, capture_output=True)
    front = Front(folder, ports, logged=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARASOL_")}
    environment |= {
        "PARASOL_DATABASE": database,
        "PARASOL_PUBLIC": front.base,
        "XDG_DATA_HOME": str(folder),
        "COLUMNS": "200",
    }
    log = folder / "log"
    with log.open("wb") as sink:
        watcher = subprocess.Popen(
            [sys.executable, "-c", code, "serve", "--workers", "2", "--port", str(ports[0])],
            env=environment, stdout=sink, stderr=sink,
        )  # fmt: skip
    store = Store(database)
    try:
        front.start()
        until = time.monotonic() + 90
        while log.read_text().count("Respondents") < 2 or "/access/" not in log.read_text():
            assert watcher.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield Installation(front.base, watcher, log, front.access, store, environment)
    finally:
        store.close()
        front.stop()
        watcher.terminate()
        watcher.wait(30)


def study(store: Store, slug: str) -> str:
    instrument = load_instrument("psi_core")
    texts = {"en": "Do you take part?", "nl": "Doe je mee?"}
    store.add_study(Study(slug, slug, texts, store.add_instrument(instrument), ("en", "nl"), "draft", texts, "1"))
    store.open_study(slug)
    return slug


def test_the_page_its_files_and_what_is_denied(installed: Installation) -> None:
    with httpx.Client(base_url=installed.base, headers={"accept": "text/html"}) as web:
        page = web.get("/")
        assert page.status_code == 200 and "frame-ancestors 'none'" in page.headers["content-security-policy"]
        found = re.search(r'src="\.(/static/js/[^"]+\.js)"', page.text)
        assert found
        script = web.get(found[1], headers={"accept-encoding": "gzip"})
        assert script.headers["content-encoding"] == "gzip" and "immutable" in script.headers["cache-control"]
        assert script.headers["server"].startswith("nginx") and script.headers["x-content-type-options"] == "nosniff"
        for path in ("/_stcore/metrics", "/_stcore/agent/interact", "/static/../log", "/static/no.js", "/access/x"):
            assert web.get(path).status_code in (400, 404)
        assert web.post("/answers", content=b" " * 400_000).status_code == 413
        assert web.get("/healthz").json() == {"store": "ok"}
    researchers = {"host": "research.survey.example"}
    assert httpx.get(f"{installed.base}/access/x", headers=researchers).status_code == 403


def test_a_phone_stays_with_one_worker_and_phones_are_spread(installed: Installation, ports: list[int]) -> None:
    slug = study(installed.store, "spread")
    met = set()
    for number in range(20):
        with httpx.Client(base_url=installed.base) as web:
            first = web.get(f"/s/{slug}?n={number}-")
            cookie = first.headers["set-cookie"]
            assert re.match(r"parasol_worker=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax$", cookie)
            for _ in range(3):
                assert "set-cookie" not in web.get(f"/healthz?n={number}-").headers
        (worker,) = _workers(installed.access, f"?n={number}-", 4)
        met.add(int(worker.rpartition(":")[2]))
    assert met == set(ports[:2])
    assert installed.store.counts(slug).visits == 20


def test_every_kind_of_question_is_answered_under_conditions_and_about_several(installed: Installation) -> None:
    texts, digest = {"en": "Agree?", "nl": "Akkoord?"}, installed.store.add_instrument(load_instrument("showcase"))
    arms, rated = (Condition("text", "T"), Condition("image", "I")), (Influencer("a", "Anna"), Influencer("b", "Bea"))
    installed.store.add_study(
        Study("kinds", "kinds", texts, digest, ("en", "nl"), "draft", texts, "1", arms, rated, minimum_age=16)
    )
    command = [sys.executable, "-c", "from survey_app.cli import app; app()", "rehearse", "kinds", "-n", "6"]
    command += ["--url", installed.base]
    done = subprocess.run(command, env=installed.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "6 of 6 completed" in done.stdout, done.stdout + done.stderr
    rows = installed.store.rows("kinds", include_test=True)
    assert rows["test"].all() and set(rows["condition"]) == {"text", "image"}


def _workers(log: Path, marked: str, requests: int) -> set[str]:
    """Who answered the requests with this mark? nginx writes a line a moment after its answer."""
    until = time.monotonic() + 10
    while True:
        lines = [line for line in log.read_text().splitlines() if line.endswith(marked)]
        if len(lines) == requests or time.monotonic() > until:
            assert len(lines) == requests
            return {line.split()[0] for line in lines}
        time.sleep(0.05)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for 127.0.0.1 that nobody signed but itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl was found: install it to test https")
    folder = tmp_path_factory.mktemp("certificate")
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*made, *names, *files], check=True, capture_output=True)
    return folder


def test_https(
    installed: Installation,
    ports: list[int],
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the lines that begin with "# https:" a phone gets to the end, cookies are secure, http leads to https."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "fullchain.pem"))  # what the phones below trust
    slug = study(installed.store, "secure")
    front = Front(tmp_path, ports, certificate=certificate)
    front.start()
    try:
        with httpx.Client(base_url=front.base) as web:
            arrived = web.get(f"/s/{slug}")
            assert arrived.status_code == 303
            assert re.search(r"parasol_worker=[0-9a-f]{32}; .*; Secure$", arrived.headers["set-cookie"])
            for path in (f"/s/{slug}", "/healthz", "/", "/static/no.js"):
                assert web.get(path).headers["strict-transport-security"] == "max-age=31536000", path
            page = web.get("/", headers={"accept": "text/html"})
            assert f"wss://127.0.0.1:{front.secure_port}" in page.headers["content-security-policy"]
            command = [sys.executable, "-c", "from survey_app.cli import app; app()", "link"]
            issued = subprocess.run(command, env=installed.environment, capture_output=True, text=True, check=True)
            link = re.search(r"/access/\S+", issued.stdout)
            assert link, issued.stdout
            admitted = web.get(link[0], headers={"host": "research.survey.example"})
            assert admitted.status_code == 303 and "; Secure" in admitted.headers["set-cookie"]
            assert admitted.headers["strict-transport-security"] == "max-age=31536000"
        plain = httpx.get(f"http://127.0.0.1:{front.port}/s/{slug}?src=a")
        assert (plain.status_code, plain.headers["location"]) == (301, f"https://127.0.0.1/s/{slug}?src=a")
        assert "strict-transport-security" not in httpx.get(f"{installed.base}/healthz").headers
        with Crowd(front.base, slug, load_instrument("psi_core"), 2, think=0.0) as crowd:
            pass
        print(crowd.check(installed.store))
    finally:
        front.stop()


def test_people_answer_while_one_worker_after_the_other_is_started_anew(installed: Installation) -> None:
    """SIGHUP in the middle of it: nobody sees an error, and everything acknowledged is in the database, once."""
    slug = study(installed.store, "restart")
    before = installed.log.read_text().count("was started anew")
    with Crowd(installed.base, slug, load_instrument("psi_core"), PEOPLE, think=0.3) as crowd:
        crowd.wait_for_pages()
        installed.watcher.send_signal(signal.SIGHUP)
        until = time.monotonic() + 120
        while installed.log.read_text().count("was started anew") < before + 3 and time.monotonic() < until:
            assert installed.answers()
            time.sleep(0.2)
        crowd.wait_for_pages(2)
    print(crowd.check(installed.store))
    assert installed.log.read_text().count("was started anew") == before + 3
    assert "Traceback" not in installed.log.read_text()
