"""The files of the component that shows a page of questions, and the route that serves them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from survey_app.precompressed import IMMUTABLE, PageFile, accepted_encoding

_FILES = {
    path.name: PageFile(path) for path in sorted(Path(__file__).parent.iterdir()) if path.suffix in (".js", ".css")
}
_DIGEST = hashlib.sha256(b"".join(file.path.read_bytes() for file in _FILES.values())).hexdigest()[:16]

PATH = "/questions/{digest}/{name}"
SCRIPT = PATH.format(digest=_DIGEST, name="page.js")
"""The address of the script: it changes with every change of the files, so that phones may keep them for ever."""


def component_file(request: Request) -> Response:
    """A script or the style sheet, compressed, to be kept by the phone."""
    file = _FILES.get(request.path_params["name"])
    if file is None or request.path_params["digest"] != _DIGEST:
        raise HTTPException(404)
    encoding = accepted_encoding(request.headers.get("accept-encoding", ""))
    headers = {"content-type": file.media_type, "cache-control": IMMUTABLE, "vary": "Accept-Encoding"}
    if encoding != "identity":
        headers["content-encoding"] = encoding
    return Response(file.body(encoding).content, headers=headers)
