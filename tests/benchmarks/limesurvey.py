"""LimeSurvey as it is served in production, with our own questionnaire in it, and people who answer it.

It is started by `peers` from a folder with an unpacked LimeSurvey, of which a copy is made: php-fpm with a fixed
number of processes and opcache, MariaDB with its own settings (each commit is on disk), nginx in front, all in a
temporary folder and on loopback. The questionnaire is what `analysis.limesurvey` exports, imported and made active
through LimeSurvey's own remote control.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import psutil

from analysis.instrument import Instrument
from analysis.limesurvey import export_limesurvey
from tests.benchmarks.fieldwork import Load
from tests.benchmarks.workers import seconds
from tests.house import free_port

PROCESSES = 12
"""Of php-fpm."""

CONFIGURATION = """<?php
return array(
  'components' => array(
    'db' => array(
      'connectionString' => 'mysql:unix_socket={socket};dbname=limesurvey;', 'emulatePrepare' => true,
      'username' => 'root', 'password' => '', 'charset' => 'utf8mb4', 'tablePrefix' => 'lime_',
    ),
    'urlManager' => array('urlFormat' => 'get', 'rules' => array(), 'showScriptName' => true),
  ),
  'config' => array('debug' => 0, 'debugsql' => 0, 'mysqlEngine' => 'INNODB', 'updatable' => false,
    'updatecheckperiod' => 0, 'RPCInterface' => 'json'),
);
"""
FPM = """
[global]
error_log = {folder}/fpm.log
daemonize = no
[www]
{user}
listen = {folder}/fpm.sock
pm = static
pm.max_children = {processes}
php_admin_value[session.save_path] = {folder}/sessions
php_admin_value[memory_limit] = 256M
"""
OPCACHE = {
    "opcache.enable": "1",
    "opcache.memory_consumption": "256",
    "opcache.max_accelerated_files": "20000",
    "opcache.revalidate_freq": "60",
}
FRONT = """
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/app;
        index index.php;
        location ~ \\.php$ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_buffers 16 16k;
            fastcgi_buffer_size 32k;
            fastcgi_read_timeout 120s;
            fastcgi_pass unix:{folder}/fpm.sock;
        }}
    }}
}}
"""
SEARCHED = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
VERSION = Path("application/config/version.php")


def program(name: str) -> str:
    """Where a program is; nothing when this machine does not have it."""
    return shutil.which(name, path=SEARCHED) or ""


def php_fpm() -> str:
    """Debian's php-fpm has its version in its name."""
    if not program("php"):
        return ""
    told = [program("php"), "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"]
    version = subprocess.run(told, capture_output=True, text=True, check=True).stdout
    return program(f"php-fpm{version}") or program("php-fpm")


def missing(source: Path) -> list[str]:
    """What is not there that is needed: programs, and a LimeSurvey in the folder."""
    lacking = [name for name in ("php", "mariadbd", "mariadb-install-db", "mariadb", "nginx") if not program(name)]
    lacking += [] if php_fpm() else ["php-fpm"]
    return lacking + [str(source / part) for part in (VERSION, "vendor") if not (source / part).exists()]


class LimeSurvey:
    """php-fpm, MariaDB and nginx with a copy of the LimeSurvey in `source`; all its files are in `folder`."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "mariadb.sock"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.password = secrets.token_hex(16)
        self.columns: list[str] = []
        told = (source / VERSION).read_text(encoding="utf-8")
        found = re.search(r"'versionnumber'\] = '([^']+)'", told)
        self.version = found[1] if found else "of an unknown version"
        app = folder / "app"
        shutil.copytree(source, app, symlinks=True, ignore=lambda at, _: ["tmp", ".git"] if Path(at) == source else [])
        for part in ("app/tmp/assets", "app/tmp/runtime", "app/tmp/upload", "sessions"):
            (folder / part).mkdir(parents=True)
        written = CONFIGURATION.format(socket=self.socket)
        (app / "application" / "config" / "config.php").write_text(written, encoding="utf-8")

    def start(self) -> None:
        """Set up the database and start the three programs."""
        as_root = ["--user=root"] if os.getuid() == 0 else []
        data = f"--datadir={self.folder / 'data'}"
        made = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", *as_root]
        self._once(program(made[0]), *made[1:])
        settings = ["--no-defaults", data, f"--socket={self.socket}", "--skip-networking", *as_root]
        self._start("mariadbd", [program("mariadbd"), *settings, f"--pid-file={self.folder / 'mariadb.pid'}"])
        self._wait("mariadbd", lambda: self._ask("SELECT 1") == "1")
        self._ask("CREATE DATABASE limesurvey CHARACTER SET utf8mb4", database="")
        console = self.folder / "app" / "application" / "commands" / "console.php"
        self._once(program("php"), str(console), "install", "admin", self.password, "Admin", "admin@example.org")

        user = "user = root\ngroup = root" if as_root else ""
        pool = FPM.format(folder=self.folder, user=user, processes=PROCESSES)
        (self.folder / "fpm.conf").write_text(pool, encoding="utf-8")
        told = [part for name, value in OPCACHE.items() for part in ("-d", f"{name}={value}")]
        root = ["-R"] if as_root else []
        self._start("php-fpm", [php_fpm(), *root, "-y", f"{self.folder}/fpm.conf", *told])
        front = FRONT.format(folder=self.folder, port=self.port, user="user root;" if as_root else "")
        (self.folder / "nginx.conf").write_text(front, encoding="utf-8")
        self._wait("php-fpm", (self.folder / "fpm.sock").exists)
        self._start("nginx", [program("nginx"), "-c", str(self.folder / "nginx.conf")])
        self._wait("nginx", self._answers)

    def _once(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode:
            raise SystemExit(f"{' '.join(command[:2])} did not work:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not ready():
            said = (self.folder / f"{name}.out").read_text(errors="replace")
            assert self.processes[name].poll() is None and time.monotonic() < until, f"{name}: {said}"
            time.sleep(0.1)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.base}/index.php", timeout=60, follow_redirects=True).status_code == 200
        return False

    def _ask(self, query: str, database: str = "mysql") -> str:
        """What MariaDB answers; nothing while it is not there."""
        command = [program("mariadb"), "--no-defaults", "-uroot", f"--socket={self.socket}", "-N", "-B"]
        done = subprocess.run([*command, "-e", query, database], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def _remote(self, method: str, *told: object) -> Any:
        """LimeSurvey's own remote control."""
        asked = {"method": method, "params": told, "id": 1}
        heard = httpx.post(f"{self.base}/index.php?r=admin/remotecontrol", json=asked, timeout=120)
        answer = heard.raise_for_status().json()
        assert answer["error"] is None, answer
        return answer["result"]

    def survey(self, instrument: Instrument) -> int:
        """Import the questionnaire as `analysis.limesurvey` writes it and make it active; its number."""
        key = self._remote("get_session_key", "admin", self.password)
        content = base64.b64encode(export_limesurvey(instrument).content).decode()
        number = self._remote("import_survey", key, content, "txt")
        assert isinstance(number, int), number
        active = self._remote("activate_survey", key, number)
        assert active["status"] == "OK", active
        self.columns = self._ask(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'limesurvey' "
            f"AND table_name = 'lime_survey_{number}' AND column_name LIKE '{number}X%'"
        ).split()
        assert len(self.columns) == len(instrument.items), self.columns
        return number

    def complete(self, number: int) -> int:
        """How many rows are submitted and have the answer to each item, in its database."""
        given = " AND ".join(f"`{column}` <> ''" for column in self.columns)
        query = f"SELECT count(*) FROM lime_survey_{number} WHERE submitdate IS NOT NULL AND {given}"
        return int(self._ask(query, "limesurvey"))

    @property
    def processor_seconds(self) -> tuple[float, float]:
        """Of nginx and PHP together, and of MariaDB."""
        used = {name: seconds(process.pid) for name, process in self.processes.items()}
        return used["nginx"] + used["php-fpm"], used["mariadbd"]

    def keep_to(self, cores: list[int]) -> None:
        """Let all of it run on these cores only, each thread of MariaDB too."""
        for started in self.processes.values():
            parent = psutil.Process(started.pid)
            for process in (parent, *parent.children(recursive=True)):
                for thread in process.threads():
                    with contextlib.suppress(ProcessLookupError):
                        os.sched_setaffinity(thread.id, cores)

    def stop(self) -> None:
        """End all three, the one in front first."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


_INPUT = re.compile(r"<input\b([^>]*)>")
_BUTTON = re.compile(r"<button\b([^>]*id=\"ls-button-submit\"[^>]*)>")
_ATTRIBUTE = re.compile(r"([\w-]+)=[\"']([^\"']*)[\"']")


@dataclass(frozen=True)
class Screen:
    """What a page of LimeSurvey has that a browser would send: its hidden fields, its choices, its button."""

    hidden: dict[str, str]
    choices: dict[str, list[str]]
    move: str

    @classmethod
    def of(cls, page: str) -> Screen:
        hidden: dict[str, str] = {}
        choices: dict[str, list[str]] = {}
        for found in _INPUT.finditer(page):
            field = {name: unescape(value) for name, value in _ATTRIBUTE.findall(found[1])}
            if field.get("type") == "hidden" and "name" in field:
                hidden[field["name"]] = field.get("value", "")
            elif field.get("type") == "radio" and field.get("value"):
                choices.setdefault(field["name"], []).append(field["value"])
        button = _BUTTON.search(page)
        return cls(hidden, choices, dict(_ATTRIBUTE.findall(button[1]))["value"] if button else "")

    def form(self, chance: random.Random) -> dict[str, str]:
        """All of it with each question answered."""
        return (
            self.hidden | {name: chance.choice(values) for name, values in self.choices.items()} | {"move": self.move}
        )


async def answer_limesurvey(base: str, number: int, people: int, rounds: int) -> Load:
    """As `fieldwork.answer`, over LimeSurvey's pages; the welcome page belongs to the arrival."""
    load, began, own = Load(), time.perf_counter(), time.process_time()

    def heard(answer: httpx.Response) -> Screen:
        if answer.status_code != 200:
            load.errors[str(answer.status_code)] += 1
            return Screen({}, {}, "")
        return Screen.of(answer.text)

    async def take_part(chance: random.Random) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=120, verify=False, follow_redirects=True) as web:
            arrived, answered = time.perf_counter(), 0
            link = f"/index.php?r=survey/index&sid={number}"
            screen = heard(await web.get(f"{link}&newtest=Y&lang=en"))
            if screen.move and not screen.choices:
                screen = heard(await web.post(link, data=screen.form(chance)))
            load.first.append(time.perf_counter() - arrived)
            while screen.choices and answered < 10:
                sent = time.perf_counter()
                answer = await web.post(link, data=screen.form(chance))
                load.pages.append(time.perf_counter() - sent)
                screen, answered = heard(answer), answered + 1
            if answered == 4 and not screen.move:
                load.completed += 1
            else:
                load.errors[f"after {answered} pages"] += 1

    async def person(one: int) -> None:
        chance = random.Random(one)
        for _ in range(rounds):
            await take_part(chance)

    await asyncio.gather(*(person(one) for one in range(people)))
    load.took, load.own = time.perf_counter() - began, time.process_time() - own
    return load
