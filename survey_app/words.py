"""Interface texts: every sentence a person reads, one file per language in text/."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).parent / "text"


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
    """Which texts does a person of this language read? English where the language has no file."""
    path = TEXTS / f"{language}.toml" if language in languages() else TEXTS / "en.toml"
    with path.open("rb") as file:
        return Words(path.stem, _flat(tomllib.load(file)))


@cache
def languages() -> tuple[str, ...]:
    """The languages that have a file of interface texts."""
    return tuple(sorted(path.stem for path in TEXTS.glob("*.toml")))


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in tables.items():
        texts |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": str(value)}
    return texts
