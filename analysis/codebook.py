"""What every column of an export means, so that answers can be read without the program that collected them."""

from __future__ import annotations

import pandas as pd

from analysis.errors import InstrumentError, Problem
from analysis.instrument import METADATA, Instrument, Item, Scale
from analysis.vocabulary import vocabulary


def codebook(instrument: Instrument, language: str) -> pd.DataFrame:
    """What does each column of the answers to this questionnaire hold?

    Parameters
    ----------
    instrument : Instrument
        The questionnaire that was answered.
    language : str
        One of the questionnaire's languages, which tables and charts speak too.

    Returns
    -------
    DataFrame
        One row per column: first the metadata, then the items in the instrument's order, then the scale scores.

        - `id`: the name of the column;
        - `label`: the question, or what the column is called;
        - `kind`: `metadata`, the item's kind (`likert`, `single`, `number`, `text`) or `scale`;
        - `values`: declared values with their labels, the range of a number or a score, else empty;
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
        When tables and charts do not speak that language.

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
    words = vocabulary(language)
    rows = [_row(name, words[f"metadata.{name}"], "metadata") for name in METADATA]
    rows += [_item_row(instrument, item, language) for item in instrument.items]
    rows += [_scale_row(instrument, scale, language) for scale in instrument.scales]
    return pd.DataFrame(rows).astype({"check": "Int64"})


def _row(id: str, label: str, kind: str) -> dict[str, object]:
    empty = {"values": "", "scale": "", "reverse": False, "check": None, "page": "", "source": ""}
    return {"id": id, "label": label, "kind": kind, **empty}


def _item_row(instrument: Instrument, item: Item, language: str) -> dict[str, object]:
    return _row(item.id, item.text[language], item.kind) | {
        "values": _values(item, language),
        "scale": ", ".join(scale.id for scale in instrument.scales if item.id in scale.items),
        "reverse": item.reverse,
        "check": item.check,
        "page": ", ".join(page.id for page in instrument.pages if item.id in page.items),
    }


def _scale_row(instrument: Instrument, scale: Scale, language: str) -> dict[str, object]:
    items = [instrument.item(id) for id in scale.items]
    spans = [item.choices.span for item in items if item.choices]
    return _row(scale.id, scale.label[language], "scale") | {
        "values": f"{min(low for low, _ in spans)} – {max(high for _, high in spans)}" if spans else "",
        "scale": ", ".join(f"-{item.id}" if item.reverse else item.id for item in items),
        "source": scale.source,
    }


def _values(item: Item, language: str) -> str:
    if item.choices is not None:
        pairs = sorted(zip(item.choices.values, item.choices.labels[language], strict=True))
        return "; ".join(f"{value} = {label}" for value, label in pairs)
    if item.minimum is None and item.maximum is None:
        return ""
    low, high = ("" if bound is None else f"{bound:g}" for bound in (item.minimum, item.maximum))
    return f"{low} – {high}"
