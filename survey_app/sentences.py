"""What the analysis says in English, in the language of the screen.

Notes and errors of `analysis` are English sentences. text/sentences/ holds, per language, the templates they are made
of: `{1} of {2} rows` has two gaps, which its translation holds too. A sentence without a template stays English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from analysis.errors import ParasolError, Problem
from survey_app.words import TEXTS

SENTENCES = TEXTS / "sentences"

_GAP = re.compile(r"\{(\d+)\}")
_WORD = re.compile(r"[^\W\d_]{2}")
_LETTERS = re.compile(r"[a-z]+")
_LISTED = re.compile(r"(, and | and | or |, |; )")
_NAME = re.compile(r"\S*|'[^']*'|\"[^\"]*\"|[^:;,]*\.\w{1,8}|\S+ \(\S+( = \S+)?\)")
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])")
_VAGUE = 11


@dataclass(frozen=True)
class Told:
    """A sentence, and the language it is in after all."""

    text: str
    language: str


def tell(said: str | Problem | ParasolError, language: str) -> Told:
    """What was said in English, in that language; unchanged where nobody translated it.

    Parameters
    ----------
    said : str, Problem or ParasolError
        A note, a problem, or an error with all its problems, one on a line.
    language : str
        The language of the screen.
    """
    problems = said.problems if isinstance(said, ParasolError) else (said,) if isinstance(said, Problem) else ()
    english = str(said)
    if language not in _catalogues():
        return Told(english, "en")
    book = _catalogues()[language]
    lines = [book.problem(one) for one in problems] or [book.sentence(line) for line in english.split("\n")]
    if None in lines:
        plain = [str(one) for one in problems] or english.split("\n")
        return Told("\n".join(line or before for line, before in zip(lines, plain, strict=True)), "en")
    return Told("\n".join(map(str, lines)), language)


class Template:
    """One English sentence with gaps, and the same in another language.

    What stands in a gap may be words, but not between quotation marks, where it is a name. A vague template has so few
    letters of its own that other sentences look like it; it only counts where all its gaps hold names or known words.
    """

    def __init__(self, english: str, other: str) -> None:
        pieces = _GAP.split(english)
        self.literal = "".join(pieces[::2])
        self.longest = max(pieces[::2], key=len)
        self.gaps = pieces[1::2]
        self.other = other
        self.vague = len(self.literal) < _VAGUE
        self.quoted = {gap for gap in self.gaps if f"'{{{gap}}}'" in english or f'"{{{gap}}}"' in english}
        self._english = english

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What such a sentence looks like; made when a sentence first may be one."""
        pieces = _GAP.split(self._english)
        parts = (f"(?P<g{one}>.*?)" if place % 2 else re.escape(one) for place, one in enumerate(pieces))
        return re.compile("".join(parts), re.DOTALL)

    def values(self, sentence: str) -> dict[str, str] | None:
        """What stands in the gaps of this sentence; None where it is another one."""
        if self.longest not in sentence:
            return None
        found = self.pattern.fullmatch(sentence)
        return None if found is None else {gap: found[f"g{gap}"] for gap in self.gaps}


class Catalogue:
    """All templates of one language; its table `phrases` has words and parts of sentences that stand in gaps."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._whole = {english: other for english, other in texts.items() if not _GAP.search(english)}
        made = [Template(english, other) for english, other in texts.items() if _GAP.search(english)]
        self._templates = sorted(made, key=lambda one: len(one.literal), reverse=True)
        self.sentence = lru_cache(maxsize=2000)(self._sentence)

    def problem(self, problem: Problem) -> str | None:
        """The problem in this language; None where nobody translated what is wrong, or what to do."""
        what, remedy = self.sentence(problem.what) or self._list(problem.what), self.sentence(problem.remedy)
        if what is None or remedy is None:
            return None
        return str(Problem(self._where(problem.where), what, remedy))

    def _sentence(self, text: str) -> str | None:
        """A sentence of the catalogue, or several of them, or one behind a name and a colon."""
        return self._said(text) or self._several(text) or self._named(text)

    def _said(self, text: str) -> str | None:
        if text in self._whole:
            return self._whole[text]
        for template in self._templates:
            values = template.values(text)
            if values is None:
                continue
            told = {gap: value if gap in template.quoted else self._gap(value) for gap, value in values.items()}
            if template.vague and None in told.values():
                continue
            filled = {gap: told[gap] or value for gap, value in values.items()}
            return _GAP.sub(lambda gap, filled=filled: filled[gap[1]], template.other)  # type: ignore[misc]
        return None

    def _several(self, text: str) -> str | None:
        for before, after in _splits(text, ". "):
            first = self._said(f"{before}.") or self._named(f"{before}.")
            rest = None if first is None else self._sentence(after)
            if rest is not None:
                return f"{first} {rest}"
        return None

    def _named(self, text: str) -> str | None:
        """`where: what` with a known what: how a problem begins that a note reports, or a note about one scale."""
        for where, what in _splits(text, ": "):
            known = self._said(what)
            if known is None and what.endswith("."):
                known = self._said(what[:-1])
                known = None if known is None else f"{known}."
            if known is not None:
                return f"{self._where(where)}: {known}"
        return None

    def _where(self, where: str) -> str:
        return self._whole.get(where) or self._gap(where) or where

    def _gap(self, value: str) -> str | None:
        """What stood in a gap: words that are known, names, numbers with this language's marks; else None."""
        if not _WORD.search(value):
            return _THOUSANDS.sub(lambda number: number[0].replace(",", "."), value)
        told = []
        for line in value.split("\n"):
            text = line.strip()
            known = text if " " not in text else self.sentence(text) or self._list(text)
            told.append(None if known is None else line.replace(text, known))
        return None if None in told else "\n".join(map(str, told))

    def _list(self, value: str) -> str | None:
        """Names and known words one after the other, or a single one."""
        pieces = _LISTED.split(value)
        told = [piece if _NAME.fullmatch(piece) else self._said(piece) for piece in pieces[::2]]
        if None in told:
            return None
        pieces[::2] = map(str, told)
        pieces[1::2] = [_LETTERS.sub(lambda word: self._whole.get(word[0], word[0]), joint) for joint in pieces[1::2]]
        return "".join(pieces)


def _splits(text: str, mark: str) -> Iterator[tuple[str, str]]:
    place = text.find(mark)
    while place >= 0:
        yield text[:place], text[place + len(mark) :]
        place = text.find(mark, place + 1)


@cache
def _catalogues() -> dict[str, Catalogue]:
    return {path.stem: Catalogue(_texts(path)) for path in SENTENCES.glob("*.toml")}


def _texts(path: Path) -> dict[str, str]:
    texts = tomllib.loads(path.read_text(encoding="utf-8"))
    phrases: dict[str, str] = texts.pop("phrases")
    return texts | phrases
