"""The kinds of question there are, and what an answer to each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Kind = Literal[
    "likert", "semantic", "single", "multiple", "number", "slider", "text", "long_text", "date", "ranking", "info",
    "consent",
]  # fmt: skip
"""How a question is asked.

    likert     one of the choices, in a matrix with its neighbours of the same choices
    semantic   one of the choices, between the words on its left and on its right
    single     one of the choices, one under the other
    multiple   any of the choices
    number     typed, between bounds if there are any
    slider     a place between two bounds; no answer until it is touched
    text       one line
    long_text  several lines
    date       a day
    ranking    some or all of the choices, in an order
    info       nothing is asked: a text, an image or a video
    consent    to be agreed to
"""

KINDS: tuple[str, ...] = get_args(Kind)

CHOSEN: frozenset[str] = frozenset({"likert", "semantic", "single", "multiple", "ranking"})
"""Kinds answered with choices."""

ONE_OF: frozenset[str] = frozenset({"likert", "semantic", "single"})
"""Kinds answered with exactly one of the choices."""

SEVERAL: frozenset[str] = frozenset({"multiple", "ranking"})
"""Kinds answered with a list, one column for each choice."""

NUMERIC: frozenset[str] = frozenset({"number", "slider"})
"""Kinds answered with a number that need not be listed."""

TYPED: frozenset[str] = frozenset({"text", "long_text", "date"})
"""Kinds answered with a text."""

SCALABLE: frozenset[str] = ONE_OF | NUMERIC
"""Kinds whose answer is a quantity, so that a scale can be the mean of them."""

DECLINED = -99
"""Stored where somebody prefers not to say, in columns of text as the text "-99". A user-missing value: no score."""

OTHER = -98
"""Stored where somebody chose the last option, "other"; the words stand in the column `{id}_other`."""

Answer: TypeAlias = int | float | str | list[int] | None
"""An answer as it is stored; None where a question was left open."""


@dataclass(frozen=True)
class Column:
    """One column an item fills in a table of rows.

    `holds` says what stands in it: the `answer` itself, whether this choice was `chosen` (1 or 0), the `rank` given
    to it (1 is first), or the `words` typed for "other". `value` is the choice where there is one.
    """

    name: str
    holds: Literal["answer", "chosen", "rank", "words"]
    value: int | None = None


def columns_of(id: str, kind: str, values: Sequence[int], other: bool) -> tuple[Column, ...]:
    """Which columns does an item of that id, kind and choices fill?

    Parameters
    ----------
    id, kind : str
        Of the item.
    values : sequence of int
        Of its choices; empty where it has none.
    other : bool
        Is "other" offered?

    Returns
    -------
    tuple of Column
        None for an information block; one for each choice of a list (the column of "other" ends in 98); else one.
        The words typed for "other" stand last, in `{id}_other`.

    Checked against
    ---------------
    tests/analysis/test_instrument.py: the columns of every kind, with and without "other".

    Examples
    --------
    >>> [column.name for column in columns_of("brand", "multiple", (1, 2), True)]
    ['brand_1', 'brand_2', 'brand_98', 'brand_other']
    """
    if kind == "info":
        return ()
    words = (Column(f"{id}_other", "words"),) if other else ()
    if kind not in SEVERAL:
        return (Column(id, "answer"), *words)
    offered = (*values, OTHER) if other else tuple(values)
    holds: Literal["chosen", "rank"] = "rank" if kind == "ranking" else "chosen"
    return (*(Column(f"{id}_{abs(value)}", holds, value) for value in offered), *words)
