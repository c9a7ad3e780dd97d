"""What moves a questionnaire between Parasol and other tools, whatever the format: words, names, notes, limits."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from analysis.datafiles import data_file
from analysis.errors import InstrumentError, Problem
from analysis.instrument import METADATA, Instrument, Item, Page
from analysis.show_if import FACTS, parse_condition

LARGEST = 5_000_000
"""Bytes a questionnaire file of another tool may have."""

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Exported:
    """A questionnaire in another tool's format, and in a sentence each what that tool will not do with it."""

    content: bytes
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """The questionnaire found in another tool's file, and in a sentence each what was left out or renamed."""

    instrument: Instrument
    notes: tuple[str, ...]


@cache
def words(language: str) -> Mapping[str, str]:
    """Which words does a questionnaire in this language need in another tool? English ones where none are known.

    Parameters
    ----------
    language : str
        A code such as `nl`.

    Returns
    -------
    mapping of str to str
        `language` (its own name; the code where it is not known), `decline`, `other`, `other_words`, `agree`.

    Checked against
    ---------------
    tests/analysis/test_exchange.py: every language has every word, none of them twice.

    Examples
    --------
    >>> words("nl")["language"], words("xx")["language"], words("xx")["other"]
    ('Nederlands', 'xx', 'Other, namely')
    """
    known = _all_words()
    return known.get(language) or known["en"] | {"language": language}


def language_called(name: str) -> str | None:
    """Which language has this name?

    Parameters
    ----------
    name : str
        In that language itself, in any case, such as `Deutsch`.

    Returns
    -------
    str or None
        Its code; None where no language is known under the name.

    Checked against
    ---------------
    tests/analysis/test_exchange.py: the name that `words` has of each language leads back to its code.

    Examples
    --------
    >>> language_called("nederlands"), language_called("Klingon")
    ('nl', None)
    """
    codes = {table["language"].lower(): code for code, table in _all_words().items()}
    return codes.get(name.strip().lower())


@cache
def _all_words() -> dict[str, dict[str, str]]:
    with data_file("exchange", "words.toml").open("rb") as file:
        found: dict[str, dict[str, str]] = tomllib.load(file)
    return found


def notes_on_words(instrument: Instrument) -> list[str]:
    """In which languages do the answers that Parasol adds by itself stand in English?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire to be exported.

    Returns
    -------
    list of str
        One sentence that names them, or nothing where there is none or nothing is added.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> notes_on_words(load_instrument("showcase"))
    []
    """
    own = any(item.other or item.decline or item.kind == "consent" for item in instrument.items)
    strange = [language for language in instrument.languages if language not in _all_words()]
    if not own or not strange:
        return []
    listed = ", ".join(strange)
    return [f'In {listed} the answers "other", "prefer not to say" and "I agree" are in English: translate them.']


def facts_asked(instrument: Instrument) -> list[str]:
    """Which facts (the condition, language, wave or influencer) do its texts and conditions ask about?

    Parameters
    ----------
    instrument : Instrument
        Any.

    Returns
    -------
    list of str
        In the order of `FACTS`.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> facts_asked(load_instrument("showcase")), facts_asked(load_instrument("psi_core"))
    (['condition', 'language', 'influencer'], ['influencer'])
    """
    conditions = [part.show_if for parts in (instrument.items, instrument.pages) for part in parts if part.show_if]
    asked = {name for condition in conditions for name in parse_condition(condition).names} | _filled_in(instrument)
    return [fact for fact in FACTS if fact in asked]


def items_filled_in(instrument: Instrument) -> set[str]:
    """Of which items do answers stand in later texts?

    Parameters
    ----------
    instrument : Instrument
        Any.

    Returns
    -------
    set of str
        Their ids.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> sorted(items_filled_in(load_instrument("showcase")))
    ['one_word', 'place']
    """
    return _filled_in(instrument) & {item.id for item in instrument.items}


def _filled_in(instrument: Instrument) -> set[str]:
    """The placeholders of its texts."""
    parts = [words for item in instrument.items for words in (item.text, item.hint, item.help, item.left, item.right)]
    parts += [words for page in instrument.pages for words in (page.title, page.intro)]
    return {name for words in parts for text in words.values() for name in PLACEHOLDER.findall(text)}


def matrices(instrument: Instrument, page: Page, alike: Callable[[Item], object]) -> list[tuple[Item, ...]]:
    """Which items of this page stand together in one matrix?

    Parameters
    ----------
    instrument, page
        The questionnaire, and a page of it.
    alike : callable
        What neighbours must have in common to stand together; None for an item that stands alone.

    Returns
    -------
    list of tuple of Item
        All items of the page in order, those of one matrix in one tuple.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> showcase = load_instrument("showcase")
    >>> runs = matrices(showcase, showcase.page("rating"), lambda item: item.decline)
    >>> [[item.id for item in run] for run in runs]
    [['near1', 'near2', 'look_here'], ['near3']]
    """
    runs: list[tuple[Item, ...]] = []
    last: object = None
    for item in (instrument.item(id) for id in page.items):
        mark = alike(item)
        if runs and mark is not None and mark == last:
            runs[-1] = (*runs[-1], item)
        else:
            runs.append((item,))
        last = mark
    return runs


def listed(ids: Iterable[str]) -> str:
    """How are these ids named in a sentence?

    Parameters
    ----------
    ids : iterable of str
        Any number of them.

    Returns
    -------
    str
        The first eight with commas, and how many more there are.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> listed(["psi1", "psi2"]), listed("abcdefghij")
    ('psi1, psi2', 'a, b, c, d, e, f, g, h and 2 more')
    """
    names = list(ids)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


@dataclass
class Names:
    """Ids for what other tools call by any name they like; every change is noted.

    Examples
    --------
    >>> names = Names()
    >>> names.id("Q1. Trust!", "item"), names.id("q1_trust", "item"), names.id("psi1", "item")
    ('q1_trust', 'q1_trust_2', 'psi1')
    >>> names.notes
    ["The item 'Q1. Trust!' is called q1_trust here.", "The item 'q1_trust' is called q1_trust_2 here."]
    """

    taken: set[str] = field(default_factory=lambda: {*METADATA, *FACTS})
    notes: list[str] = field(default_factory=list)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def id(self, name: str, kind: str) -> str:
        """The id of what is called so, new or given before."""
        if (kind, name) in self.ids:
            return self.ids[kind, name]
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower(), flags=re.ASCII).strip("_")
        plain = name if _NAME.fullmatch(name) else plain or kind
        plain = plain if plain[0].isalpha() else f"q{plain}"
        id, number = plain[:32].rstrip("_"), 1
        id = name if _NAME.fullmatch(name) else id
        while id in self.taken:
            number += 1
            id = f"{plain[:28].rstrip('_')}_{number}"
        self.taken.add(id)
        self.ids[kind, name] = id
        if id != name:
            self.notes.append(f"The {kind} {_short(name)!r} is called {id} here.")
        return id


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def fresh(name: str, taken: set[str]) -> str:
    """Which name like this one is not taken yet?

    Parameters
    ----------
    name : str
        The name wanted.
    taken : set of str
        Names given before; the new one is added to them.

    Returns
    -------
    str
        The name, with as many underscores behind it as it needs.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> taken = {"page"}
    >>> fresh("page", taken), fresh("page", taken), sorted(taken)
    ('page_', 'page__', ['page', 'page_', 'page__'])
    """
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def refused(name: str, what: str, remedy: str) -> InstrumentError:
    """Which error says that this file cannot be read as a questionnaire?

    Parameters
    ----------
    name, what, remedy : str
        The file's name, what is wrong with it, and what to do.

    Returns
    -------
    InstrumentError
        To be raised, with this one problem.

    Checked against
    ---------------
    tests/analysis/test_exchange.py

    Examples
    --------
    >>> print(refused("form.xlsx", "it has no sheet 'survey'", "Name an XLSForm."))
    form.xlsx: it has no sheet 'survey'. Name an XLSForm.
    """
    return InstrumentError(Problem(name, what, remedy))
