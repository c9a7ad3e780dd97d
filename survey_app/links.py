"""The links of a study: one for each source, in full, short enough to be typed, and as a QR code."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

import segno

from survey_app.study import Study

SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What a source in a link may look like."""

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: they are misread, or make words
_MISREAD = str.maketrans("ilo", "110")
_CODE_LENGTH = 7
_ODD = re.compile(r"[^0-9a-z]")


@dataclass(frozen=True)
class Link:
    """One way into a study: through which source, what it is called, its whole address and the one to be typed."""

    source: str
    label: str
    address: str
    short: str


def study_links(study: Study, public: str) -> list[Link]:
    """The link of each source of the study; one without a source where none are declared.

    Parameters
    ----------
    study : Study
    public : str
        The address by which respondents reach the server, such as `https://survey.example`.

    Examples
    --------
    >>> from survey_app.study import Source
    >>> study = Study("s1", "looks", {"en": "S"}, "0" * 64, ("en",), "open", {"en": "C"}, "1",
    ...               sources=(Source("poster", "Poster in the hall"),))
    >>> [link] = study_links(study, "https://survey.example")
    >>> link.address, link.short
    ('https://survey.example/s/looks?src=poster', 'https://survey.example/l/m9c23e3')
    """
    named = {source.id: source.label or source.id for source in study.sources} or {"": ""}
    return [
        Link(source, label, study_address(study.slug, public, source), f"{public}/l/{link_code(study.id, source)}")
        for source, label in named.items()
    ]


def study_address(slug: str, public: str, source: str = "") -> str:
    """The address at which a study is answered, through that source where one is named and may stand in a link."""
    query = f"?{urlencode({'src': source})}" if SOURCE.fullmatch(source) else ""
    return f"{public}/s/{slug}{query}"


def link_code(study_id: str, source: str) -> str:
    """Seven letters and digits for a source of a study, the same for ever: labels are printed once."""
    number = int.from_bytes(hashlib.sha256(f"link:{study_id}:{source}".encode()).digest()[:8])
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(_CODE_LENGTH))


def link_codes(studies: Iterable[Study]) -> dict[str, tuple[str, str]]:
    """Which study (its slug) and which source does each short link mean? One that would mean two means none."""
    found: dict[str, tuple[str, str]] = {}
    twice = set()
    for study in studies:
        for source in [*(source.id for source in study.sources), ""]:
            code = link_code(study.id, source)
            twice |= {code} & found.keys()
            found[code] = study.slug, source
    return {code: meant for code, meant in found.items() if code not in twice}


def typed_code(text: str) -> str:
    """The code of a short link as it was printed, however carelessly it was typed."""
    return _ODD.sub("", text[:40].lower()).translate(_MISREAD)


def qr_svg(address: str) -> bytes:
    """The address as a QR code that is sharp at any size."""
    drawing = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawing, kind="svg", scale=8, border=4, light="#fff", title=address
    )
    return drawing.getvalue()


def qr_png(address: str) -> bytes:
    """The address as a picture of a QR code, some 400 to 600 pixels wide."""
    drawing = io.BytesIO()
    segno.make(address, error="m", micro=False).save(drawing, kind="png", scale=16, border=4)
    return drawing.getvalue()
