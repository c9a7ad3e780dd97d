"""What every column of an export means, so that answers can be read without the program that collected them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from analysis.errors import InstrumentError, Problem
from analysis.instrument import METADATA, Instrument, Item, Scale
from analysis.kinds import DECLINED, NUMERIC, OTHER, TYPED, Column
from analysis.shown import fill
from analysis.vocabulary import codebook_words

PARADATA = (
    "participation", "influencer", "turn", "page", "item", "place", "shown_ms", "first_ms", "last_ms", "page_ms",
    "device", "resumes", "switches", "saved", "sequence",
)  # fmt: skip
"""Columns of a table that tells how people answered, one row per item that was shown."""


@dataclass(frozen=True)
class Declared:
    """What a study says of a column: what it is called ("": as always), and what its values are called."""

    id: str
    label: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def codebook(instrument: Instrument, language: str, declared: Sequence[Declared] = ()) -> pd.DataFrame:
    """What does each column of the answers to this questionnaire hold?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire that was answered.
    language : str
        One of the questionnaire's languages, of which there are words in data/codebook.
    declared : sequence of Declared
        What the study says of the metadata (which conditions there are, for instance), and its own columns, such as
        parameters of the link; those come behind the metadata.

    Returns
    -------
    DataFrame
        One row per column: first the metadata, then the items in the instrument's order, then the scale scores.

        - `id`: the name of the column;
        - `label`: the question (with the choice, where each choice has a column, and with "this influencer" for
          whoever it was asked about), or what the column is called;
        - `kind`: `metadata`, the item's kind (one of `analysis.kinds.KINDS`) or `scale`;
        - `values`: declared values with their labels, the range of a number, a rank or a score, else empty;
        - `missing`: the code (-99) of those who prefer not to say, which is no value; missing where it is not offered;
        - `scale`: the scales the item belongs to, or the items a score is the mean of, reversed ones with a minus;
        - `reverse`: True where an answer is turned round when scored (the column itself is as answered);
        - `check`: the value an attentive person gives to an attention check, else missing;
        - `page`: where the item stands;
        - `source`: where a scale comes from.

    Raises
    ------
    InstrumentError
        When the questionnaire is not in that language.
    DataError
        When there are no words for codebooks in that language.

    Checked against
    ---------------
    Every column of rows and scores, explained once: tests/analysis/test_codebook.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> book = codebook(load_instrument("psi_core"), "nl").set_index("id")
    >>> book.loc["social3", ["kind", "scale", "page"]].tolist()
    ['likert', 'social', 'social']
    >>> book.loc["gender", "values"]
    '1 = Vrouw; 2 = Man; 3 = Non-binair of anders; 9 = Dat zeg ik liever niet'
    """
    if language not in instrument.languages:
        what, remedy = f"it is not in the language '{language}'", f"Use {' or '.join(instrument.languages)}."
        raise InstrumentError(Problem(f"instrument '{instrument.id}'", what, remedy))
    words, told = codebook_words(language), {one.id: one for one in declared}
    rows = [_told(name, words[f"metadata.{name}"], told) for name in METADATA]
    rows += [_told(name, name, told) for name in told if name not in METADATA]
    rows += [_item_row(instrument, item, column, language) for item in instrument.items for column in item.columns]
    rows += [_scale_row(instrument, scale, language) for scale in instrument.scales]
    return _typed(rows)


def paradata_codebook(language: str) -> pd.DataFrame:
    """What does each column of the times say?

    Parameters
    ----------
    language : str
        Of which there are words in data/codebook.

    Returns
    -------
    DataFrame
        As `codebook` gives it, one row for each of `PARADATA`.

    Raises
    ------
    DataError
        When there are no words for codebooks in that language.

    Checked against
    ---------------
    Every column in every language: tests/analysis/test_codebook.py.

    Examples
    --------
    >>> paradata_codebook("en").set_index("id").loc["page_ms", "label"]
    'Milliseconds on the page'
    """
    words = codebook_words(language)
    labels = {name: words.get(f"paradata.{name}") or words[f"metadata.{name}"] for name in PARADATA}
    return _typed([_row(name, label, "metadata") for name, label in labels.items()])


def _typed(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"check": "Int64", "missing": "Int64"})


def _told(id: str, label: str, told: Mapping[str, Declared]) -> dict[str, object]:
    one = told.get(id, Declared(id))
    values = "; ".join(f"{value} = {name}" for value, name in one.values.items())
    return _row(id, one.label or label, "metadata") | {"values": values}


def _row(id: str, label: str, kind: str) -> dict[str, object]:
    empty = {"values": "", "missing": None, "scale": "", "reverse": False, "check": None, "page": "", "source": ""}
    return {"id": id, "label": label, "kind": kind, **empty}


def _item_row(instrument: Instrument, item: Item, column: Column, language: str) -> dict[str, object]:
    words = codebook_words(language)
    return _row(column.name, _label(item, column, language, words), item.kind) | {
        "values": _values(item, column, language, words),
        "missing": DECLINED if item.decline and column.holds != "words" else None,
        "scale": ", ".join(scale.id for scale in instrument.scales if item.id in scale.items),
        "reverse": item.reverse,
        "check": item.check,
        "page": ", ".join(page.id for page in instrument.pages if item.id in page.items),
    }


def _scale_row(instrument: Instrument, scale: Scale, language: str) -> dict[str, object]:
    items = [instrument.item(id) for id in scale.items]
    spans = [item.span for item in items if item.span]
    return _row(scale.id, scale.label[language], "scale") | {
        "values": f"{min(low for low, _ in spans):g} – {max(high for _, high in spans):g}" if spans else "",
        "scale": ", ".join(f"-{item.id}" if item.reverse else item.id for item in items),
        "source": scale.source,
    }


def _label(item: Item, column: Column, language: str, words: Mapping[str, str]) -> str:
    text = _named(item.text[language], words["answers.influencer"])
    if item.kind == "semantic":
        return f"{text} [{item.left[language]} – {item.right[language]}]"
    if column.holds == "words":
        return f"{text} [{words['answers.words']}]"
    if column.value is None:
        return text
    return f"{text} [{_choices(item, language, words)[column.value]}]"


def _named(text: str, influencer: str) -> str:
    """The question with words for whoever it was asked about; as a first word with a capital."""
    filled = fill(text, {"influencer": influencer})
    return filled if text[:1] == filled[:1] else filled[:1].upper() + filled[1:]


def _choices(item: Item, language: str, words: Mapping[str, str]) -> dict[int, str]:
    """What each value means, in the order of the values, "other" last."""
    if item.choices is None:
        return {1: words["answers.agreed"]} if item.kind == "consent" else {}
    pairs = dict(sorted(zip(item.choices.values, item.choices.labels[language], strict=True)))
    return pairs | ({OTHER: words["answers.other"]} if item.other else {})


def _values(item: Item, column: Column, language: str, words: Mapping[str, str]) -> str:
    declined = f"; {DECLINED} = {words['answers.declined']}" if item.decline and column.holds != "words" else ""
    if column.holds == "words" or item.kind in TYPED:
        return declined.removeprefix("; ")
    if column.holds == "chosen":
        return f"0 = {words['answers.not_chosen']}; 1 = {words['answers.chosen']}{declined}"
    if column.holds == "rank":
        return f"1 – {len(item.columns)}{declined}"
    if item.kind in NUMERIC:
        return f"{_range(item)}{declined}".removeprefix("; ")
    return "; ".join(f"{value} = {label}" for value, label in _choices(item, language, words).items()) + declined


def _range(item: Item) -> str:
    if item.minimum is None and item.maximum is None:
        return ""
    low, high = ("" if bound is None else f"{bound:g}" for bound in (item.minimum, item.maximum))
    return f"{low} – {high}"
