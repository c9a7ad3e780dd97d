"""The shipped nginx configuration in front of processes of a test's own, with or without https."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = Path(__file__).resolve().parents[1] / "survey_app" / "deploy" / "parasol.nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
AROUND = """
daemon off;
worker_processes 2;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    log_format upstream '$upstream_addr $status $request_method $request_uri';
    include {folder}/parasol.conf;
}}
"""


def free_ports(number: int) -> list[int]:
    """So many consecutive ports that nobody listens at."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        if first < 65_000 and all(_free(first + more) for more in range(number)):
            return list(range(first, first + number))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Front:
    """nginx with the shipped configuration: its ports, its folder and, when asked for, a log of who answered.

    Parameters
    ----------
    folder : Path
        Takes the place of /var/lib/parasol; `folder/static` holds what `parasol static` wrote.
    ports : list of int
        Of the respondents' processes, one or two, and of the researchers' as the last.
    certificate : Path, optional
        A folder with fullchain.pem and privkey.pem: the lines that begin with `# https:` then count.
    logged : bool
        Whether `access` is written.
    """

    def __init__(
        self, folder: Path, ports: list[int], *, certificate: Path | None = None, logged: bool = False
    ) -> None:
        if NGINX is None:
            raise FileNotFoundError("no nginx was found: install Debian's package nginx-light")
        self.folder = folder
        self.access = folder / "access.log"
        (self.port, self.secure_port) = free_ports(2)
        self.base = f"https://127.0.0.1:{self.secure_port}" if certificate else f"http://127.0.0.1:{self.port}"
        text = CONFIGURATION.read_text(encoding="utf-8")
        if certificate is not None:
            text = re.sub(r"^( *)# https: ", r"\1", text, flags=re.MULTILINE)
            text = text.replace("/etc/letsencrypt/live/survey.example", str(certificate))
        changes = {"listen 80;": f"listen 127.0.0.1:{self.port};", "/var/lib/parasol": str(folder)}
        if certificate is not None:
            changes["listen 443 "] = f"listen 127.0.0.1:{self.secure_port} "
        changes["127.0.0.1:8503"] = f"127.0.0.1:{ports[-1]}"
        changes["127.0.0.1:8501"] = f"127.0.0.1:{ports[0]}"
        second = "    server 127.0.0.1:8502 max_fails=0;\n"
        changes[second] = second.replace("8502", str(ports[1])) if len(ports) > 2 else ""
        if logged:
            changes["access_log off;"] = f"access_log {self.access} upstream;"
        for shipped, own in changes.items():
            assert shipped in text, shipped
            text = text.replace(shipped, own)
        (folder / "parasol.conf").write_text(text, encoding="utf-8")
        user = "user root;" if os.getuid() == 0 else ""
        around = AROUND.format(folder=folder, user=user)
        (folder / "nginx.conf").write_text(around, encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert NGINX is not None
        with (self.folder / "nginx.log").open("wb") as log:
            command = [NGINX, "-c", str(self.folder / "nginx.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 20
        while _free(self.port):
            said = (self.folder / "nginx.log").read_text()
            assert self.process.poll() is None and time.monotonic() < until, said
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
