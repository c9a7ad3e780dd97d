"""What people answered, question by question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.theme import AGREE, DISAGREE, MIDDLE, WIDTH, Chart, inside, lines, titled
from analysis.errors import DataError, Problem
from analysis.instrument import Choices, Instrument, Item
from analysis.scoring import as_numbers, is_synthetic
from analysis.tables import apa_number
from analysis.vocabulary import vocabulary

ROW = 58
QUESTION = 52
"""Characters of a question before it takes another line."""


def chart_likert(rows: pd.DataFrame, instrument: Instrument, scale: str, language: str = "en") -> Chart:
    """How many people agree with each question of a scale, and how many do not?

    Parameters
    ----------
    rows : DataFrame
        Raw declared values, item ids as columns.
    instrument : Instrument
        Gives the questions, the answers and their order.
    scale : str
        The scale's id.
    language : {"en", "nl"}

    Returns
    -------
    Chart
        One bar per question, diverging from the middle answer (which is halved where there is one): brown against,
        teal in favour. As answered: a reverse-keyed question is not turned round, and is marked. The numbers at
        the ends are the percentages on each side without the middle.

    Raises
    ------
    DataError
        When no question of the scale has choices and answers, or an answer is no number.

    Checked against
    ---------------
    The share of every answer: tests/analysis/test_charts.py.

    Examples
    --------
    >>> from analysis.instrument import load_instrument
    >>> from analysis.simulate import simulate_answers
    >>> instrument = load_instrument("psi_core")
    >>> rows = simulate_answers(instrument, 60, seed=7)
    >>> chart_likert(rows, instrument, "trust").title.text
    ['Answers to trust']
    """
    words = vocabulary(language)
    items = [instrument.item(id) for id in instrument.scale(scale).items if id in rows]
    items = [item for item in items if item.choices is not None and np.isfinite(as_numbers(rows[item.id])).any()]
    if not items:
        problem = Problem(f"scale '{scale}'", "nobody answered a question of it", "Collect answers first.")
        raise DataError(problem)
    synthetic = is_synthetic(rows)
    label = instrument.scale(scale).label
    texts = [_question(item, language, words) for item in items]
    bars, ends, listed = [], [], []
    for place, item in enumerate(items):
        answers = as_numbers(rows[item.id])
        answers = answers[np.isfinite(answers)]
        bars += _bar(answers, item, place, language)
        ends += _ends(answers, item, place)
        listed.append(words["alt.answer"].format(item=" ".join(texts[place]), mean=apa_number(float(answers.mean()))))
    y = alt.Y(
        "place:Q",
        axis=None,
        scale=alt.Scale(domain=[len(items) - 0.35, -0.9], nice=False, zero=False),
    )
    base = alt.Chart(pd.DataFrame(bars))
    reach = max(max(abs(bar["left"]), abs(bar["right"])) for bar in bars) * 1.16
    x = alt.X(
        "left:Q",
        title=words["axes.share"],
        scale=alt.Scale(domain=[-reach, reach], nice=False),
        axis=alt.Axis(labelExpr="format(abs(datum.value), '.0%')", tickCount=6),
    )
    size = 18
    most = max(map(len, texts))
    line = 17 / (ROW + 17 * (most - 1))
    questions = [
        {"place": place - 18 / (ROW + 17 * (most - 1)) - line * (len(text) - 1 - number), "text": part}
        for place, text in enumerate(texts)
        for number, part in enumerate(text)
    ]
    written = alt.Chart(pd.DataFrame(questions)).encode(x=alt.value(0), y=alt.Y("place:Q"), text="text:N")
    layers = [
        base.mark_bar(size=size).encode(
            x=x, x2="right:Q", y=y, color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("answer:N", title=" "), alt.Tooltip("share:Q", format=".0%", title=" ")],
        ),
        alt.Chart(pd.DataFrame(ends)).mark_text(fontSize=13).encode(x="at:Q", y=y, text="shown:N"),
        written.mark_text(align="left", baseline="bottom"),
    ]  # fmt: skip
    choices = items[0].choices
    assert choices is not None
    shown_choices = choices.labels.get(language) or next(iter(choices.labels.values()))
    return titled(
        alt.LayerChart(layer=layers, width=WIDTH, height=(ROW + 17 * (most - 1)) * len(items) + 90),
        words["titles.likert"].format(scale=inside(label.get(language) or next(iter(label.values())))),
        f"← {shown_choices[0]} · {shown_choices[-1]} → (n = {len(rows)})",
        words["alt.likert"].format(list=" ".join(listed)),
        words,
        synthetic=synthetic,
    )


def _question(item: Item, language: str, words: Mapping[str, str]) -> list[str]:
    text = item.text.get(language) or next(iter(item.text.values()))
    text = text.replace("{influencer}", words["marks.influencer"])
    text = text[:1].upper() + text[1:]
    return lines(f"{text} ({words['marks.reversed']})" if item.reverse else text, QUESTION)


def _bar(answers: np.ndarray, item: Item, place: int, language: str) -> list[dict[str, Any]]:
    choices = item.choices
    assert choices is not None
    values, labels = _ordered(choices, language)
    shares = [float((answers == value).mean()) for value in values]
    middle = len(values) // 2
    left = -(sum(shares[:middle]) + (shares[middle] / 2 if len(values) % 2 else 0))
    rows = []
    for number, share in enumerate(shares):
        colour = _shade(number, len(values))
        bar = {"place": place, "left": left, "right": left + share, "share": share}
        rows.append({**bar, "answer": labels[number], "colour": colour})
        left += share
    return rows


def _ends(answers: np.ndarray, item: Item, place: int) -> list[dict[str, Any]]:
    """The share against and the share in favour, just outside the bar."""
    choices = item.choices
    assert choices is not None
    values = sorted(choices.values)
    middle = len(values) // 2
    against, favour = values[:middle], values[-middle:]
    shares = [float(np.isin(answers, side).mean()) for side in (against, favour)]
    half = (1 - sum(shares)) / 2
    return [
        {"place": place, "at": sign * (share + half + 0.035), "shown": f"{100 * share:.0f}%"}
        for sign, share in zip((-1, 1), shares, strict=True)
    ]


def _ordered(choices: Choices, language: str) -> tuple[list[int], list[str]]:
    labels = choices.labels.get(language) or next(iter(choices.labels.values()))
    pairs = sorted(zip(choices.values, labels, strict=True))
    return [value for value, _ in pairs], [label for _, label in pairs]


def _shade(number: int, count: int) -> str:
    """From brown over grey to teal, stronger towards the ends."""
    middle = (count - 1) / 2
    away = (number - middle) / middle if middle else 0.0
    end = AGREE if away > 0 else DISAGREE
    weight = 0.0 if away == 0 else 0.35 + 0.65 * abs(away)
    mixed = (
        round(int(MIDDLE[at : at + 2], 16) * (1 - weight) + int(end[at : at + 2], 16) * weight) for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02X}" for part in mixed)
