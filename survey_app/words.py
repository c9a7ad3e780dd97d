"""Interface texts: every sentence a person reads, one file per language in text/. A new file is a new language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

TEXTS = Path(__file__).parent / "text"

RESPONDENT = (
    "language", "consent", "declined", "influencer", "own_code", "respondent", "handover", "waiting", "trouble",
    "closed", "full", "early", "token", "unknown", "restart", "thanks", "completion", "raffle", "label",
    "no_script", "withdraw", "own_study",
)  # fmt: skip
"""The tables a respondent reads, which every language has in full; a researcher reads the others too."""

_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})


@dataclass(frozen=True)
class Words:
    """The texts of one language; `w("respondent.left", n=3)` is a finished sentence.

    A text with the forms `one` and `other` is chosen by the value `n`.
    """

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of that key with its placeholders filled in; KeyError where there is none."""
        if key not in self.texts:
            key = f"{key}.one" if values.get("n") == 1 else f"{key}.other"
        return self.texts[key].format_map(values)


@cache
def words(language: str) -> Words:
    """Which texts does a person of this language read? English where the language has no file, or not that text."""
    english = _file("en")
    return Words(language, english | _file(language)) if language in languages() else Words("en", english)


@cache
def languages() -> tuple[str, ...]:
    """The languages that have a file of interface texts, English first."""
    found = (path.stem for path in TEXTS.glob("*.toml"))
    return tuple(sorted(found, key=lambda language: (language != "en", language)))


@cache
def researcher_languages() -> tuple[str, ...]:
    """The languages in which the researcher's screens can be read: those whose file has every text."""
    english = _file("en").keys()
    return tuple(language for language in languages() if _file(language).keys() >= english)


def direction(language: str) -> Literal["ltr", "rtl"]:
    """Is this language written from left to right, or from right to left?"""
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"


@cache
def _file(language: str) -> dict[str, str]:
    with (TEXTS / f"{language}.toml").open("rb") as file:
        return _flat(tomllib.load(file))


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in tables.items():
        texts |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": str(value)}
    return texts
