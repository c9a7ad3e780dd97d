"""Conditions in the languages of other tools: XPath (XLSForm), SurveyJS expressions, LimeSurvey's ExpressionScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from analysis.errors import InstrumentError, Problem
from analysis.show_if import Tree

Value: TypeAlias = int | float | str
_DEEPEST = 40
_JOINED = ("and", "or", "in")
"""What is written with "and" or "or" between its parts: "in" as comparisons with each of its values."""
_ID = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """How one tool writes a condition.

    `answer(item)` is the answer to an item, `answered(item)` is true where it has one, `chosen(item, value)` where
    the value is, or is among, its answer. `literal(item, value)` is a value as the item's answer is compared with it;
    the item is "" where there is none. `guarded(item)` says whether a comparison with a missing answer of it could
    be true there, which it never is in Parasol.
    """

    signs: Mapping[str, str]
    both: str
    either: str
    negated: str
    answer: Callable[[str], str]
    answered: Callable[[str], str]
    chosen: Callable[[str, Value], str]
    literal: Callable[[str, Value], str]
    guarded: Callable[[str], bool]

    def write(self, tree: Tree) -> str:
        """The condition as this tool reads it; parts of `and` and `or` stand in parentheses."""
        match tree:
            case ("and", *parts):
                return self._joined(self.both, parts)
            case ("or", *parts):
                return self._joined(self.either, parts)
            case ("not", part):
                return self.negated.format(self.write(part))
            case ("answered", name):
                return self.answered(name)
            case ("chosen", name, value):
                return self.chosen(name, value)
            case ("in", side, *values):
                return self.write(("or", *(("compare", side, "==", value) for value in values)))
            case _:
                return self._comparison(tree)

    def _joined(self, word: str, parts: list[Tree]) -> str:
        if len(parts) == 1:
            return self.write(parts[0])
        return word.join(f"({self.write(part)})" if part[0] in _JOINED else self.write(part) for part in parts)

    def _comparison(self, tree: Tree) -> str:
        sides, signs = [tree[1], *tree[3::2]], tree[2::2]
        names = [side[1] for side in sides if isinstance(side, tuple)]
        plain = len(names) == 1 and set(signs) == {"=="}
        parts = [self.answered(name) for name in dict.fromkeys(names) if not plain and self.guarded(name)]
        for left, sign, right in zip(sides, signs, sides[1:], strict=False):
            parts.append(f"{self._side(left, right)} {self.signs[sign]} {self._side(right, left)}")
        return self.both.join(parts)

    def _side(self, side: Any, beside: Any) -> str:
        if isinstance(side, tuple):
            return self.answer(side[1])
        return self.literal(beside[1] if isinstance(beside, tuple) else "", side)


def number(value: float) -> str:
    """How is this number written without an exponent, which XPath does not know?

    Parameters
    ----------
    value : float
        Finite.

    Returns
    -------
    str
        The shortest digits that are the same number again; no decimal point in a whole one.

    Checked against
    ---------------
    tests/analysis/test_dialects.py: any finite number comes back exactly.

    Examples
    --------
    >>> number(16.0), number(0.25), number(1e15)
    ('16', '0.25', '1000000000000000')
    """
    from decimal import Decimal

    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def quoted(text: str) -> str:
    """How is this text written between quotation marks it does not hold?

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        In double marks, or in single ones where it holds double ones; where it holds both, its own become single.

    Checked against
    ---------------
    tests/analysis/test_dialects.py: any text comes back, and any with both kinds of marks with single ones.

    Examples
    --------
    >>> print(quoted("ad"), quoted('an "ad"'))
    "ad" 'an "ad"'
    """
    if '"' not in text:
        return f'"{text}"'
    return f"'{text}'" if "'" not in text else '"' + text.replace('"', "'") + '"'


def condition_text(tree: Tree) -> str:
    """How does a questionnaire file write the condition of this meaning?

    Parameters
    ----------
    tree : Tree
        Of `parse_condition`.

    Returns
    -------
    str
        A text that `parse_condition` reads as the same tree; parts of `and` and `or` stand in parentheses.

    Checked against
    ---------------
    tests/analysis/test_dialects.py: written and read again, every form of condition is the same tree.

    Examples
    --------
    >>> condition_text(("and", ("compare", ("item", "age"), ">=", 18), ("not", ("chosen", "brands", 2))))
    'age >= 18 and not chosen(brands, 2)'
    """
    match tree:
        case ("and" | "or" as word, *parts):
            return f" {word} ".join(
                f"({condition_text(p)})" if p[0] in ("and", "or") else condition_text(p) for p in parts
            )
        case ("not", part):
            inner = condition_text(part)
            return f"not {inner}" if part[0] in ("answered", "chosen") else f"not ({inner})"
        case ("answered", name):
            return f"answered({name})"
        case ("chosen", name, value):
            return f"chosen({name}, {_literal(value)})"
        case ("in", side, *values):
            listed = ", ".join(_literal(value) for value in values) + ("," if len(values) == 1 else "")
            return f"{_side(side)} in ({listed})"
        case _:
            return " ".join(part if place % 2 else _side(part) for place, part in enumerate(tree[1:]))


def _side(side: Any) -> str:
    return str(side[1]) if isinstance(side, tuple) else _literal(side)


def _literal(value: Value) -> str:
    return quoted(value.replace("\\", "/")) if isinstance(value, str) else number(value)


@dataclass(frozen=True)
class Grammar:
    """How one tool's conditions are read: its marks of an item, its words for the signs and for `and`, `or`, `not`."""

    item: re.Pattern[str]
    signs: Mapping[str, str]
    words: Mapping[str, str]


XPATH = Grammar(
    re.compile(r"\$\{\s*([^{}\s]+)\s*\}"),
    {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="},
    {"and": "and", "or": "or", "not": "not", "selected": "selected", "string-length": "length", "true": "true"},
)
SURVEYJS = Grammar(
    re.compile(r"\{\s*+([^{}\s]++(?:\s++[^{}\s]++)*+)\s*+\}"),
    {
        "=": "==", "==": "==", "equal": "==", "!=": "!=", "<>": "!=", "notequal": "!=", "<": "<", "less": "<",
        "<=": "<=", "lessorequal": "<=", ">": ">", "greater": ">", ">=": ">=", "greaterorequal": ">=",
        "contains": "contains", "contain": "contains", "*=": "contains", "notcontains": "without",
        "notcontain": "without", "anyof": "anyof", "allof": "allof", "empty": "empty", "notempty": "notempty",
    },
    {"and": "and", "&&": "and", "or": "or", "||": "or", "!": "not", "negate": "not", "true": "true", "false": "false"},
)  # fmt: skip
_TOKEN = re.compile(r"""
    (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<word>&&|\|\||!=|<>|<=|>=|==|\*=|[=<>!]|[A-Za-z][A-Za-z-]*) | (?P<mark>[(),\[\]])
""", re.VERBOSE)  # fmt: skip


def read_condition(
    text: str, grammar: Grammar, name: Callable[[str], str], value: Callable[[str, Value], Value]
) -> str:
    """Which condition of ours does this one of another tool mean?

    Parameters
    ----------
    text : str
        The condition.
    grammar : Grammar
        `XPATH` or `SURVEYJS`.
    name : callable
        The id of the item that is called so there.
    value : callable
        From the name there and a value there to the value declared here.

    Returns
    -------
    str
        As a questionnaire file writes it.

    Raises
    ------
    InstrumentError
        (`reader.trouble`) When it asks for more than a condition of ours can.

    Checked against
    ---------------
    tests/analysis/test_dialects.py: what `relevants` and `visible_ifs` write of a condition, read again, holds for the
    same answers as the condition itself, whatever the answers.

    Examples
    --------
    >>> read_condition("${age} >= 18 and not(selected(${place}, '2'))", XPATH, str, lambda _, value: int(value))
    'age >= 18 and not chosen(place, 2)'
    >>> read_condition("{age} notempty and {place} anyof [1, 2]", SURVEYJS, str, lambda _, value: value)
    'answered(age) and (chosen(place, 1) or chosen(place, 2))'
    """
    reader = _Reader(text, grammar, name, value)
    tree = reader.either()
    if reader.kind != "end":
        raise reader.trouble()
    return condition_text(tree)


class _Reader:
    """Reads a condition from left to right, one token ahead."""

    def __init__(
        self, text: str, grammar: Grammar, name: Callable[[str], str], value: Callable[[str, Value], Value]
    ) -> None:
        self.text, self.grammar, self.called, self.value = text, grammar, name, value
        self.depth = 0
        self.tokens = self._tokens()
        self.kind, self.token = next(self.tokens)

    def _tokens(self) -> Iterator[tuple[str, str]]:
        place = 0
        while place < len(self.text):
            if self.text[place].isspace():
                place += 1
                continue
            if found := self.grammar.item.match(self.text, place):
                yield "item", found[1]
            elif found := _TOKEN.match(self.text, place):
                yield str(found.lastgroup), found[0]
            else:
                raise self.trouble()
            place = found.end()
        yield "end", ""

    def trouble(self) -> InstrumentError:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        what = f"{shown!r} asks for more than a condition here can"
        return InstrumentError(Problem("condition", what, "Write it anew, as show_if."))

    def name(self, there: str) -> str:
        """The id of what is called so there; a path into an answer has none."""
        id = self.called(there)
        if not _ID.fullmatch(id):
            raise self.trouble()
        return id

    def next(self) -> str:
        token = self.token
        self.kind, self.token = next(self.tokens)
        return token

    def word(self) -> str:
        return self.grammar.words.get(self.token.lower(), "") if self.kind == "word" else ""

    def sign(self) -> str:
        return self.grammar.signs.get(self.token.lower(), "") if self.kind == "word" else ""

    def expect(self, mark: str) -> None:
        if self.token != mark:
            raise self.trouble()
        self.next()

    def either(self) -> Tree:
        parts = [self.both()]
        while self.word() == "or":
            self.next()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else ("or", *parts)

    def both(self) -> Tree:
        parts = [self.single()]
        while self.word() == "and":
            self.next()
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else ("and", *parts)

    def single(self) -> Tree:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.trouble()
        tree = self._single()
        self.depth -= 1
        return tree

    def _single(self) -> Tree:
        match self.word():
            case "not":
                self.next()
                return ("not", self.single())
            case "selected":
                self.next()
                self.expect("(")
                there = self._item()
                self.expect(",")
                chosen = self._chosen(there, self._plain())
                self.expect(")")
                return chosen
            case "length":
                self.next()
                self.expect("(")
                there = self._item()
                self.expect(")")
                if self.sign() != ">" or (self.next(), self._plain())[1] != 0:
                    raise self.trouble()
                return ("answered", self.name(there))
        if self.token == "(" and self.kind == "mark":
            self.next()
            tree = self.either()
            self.expect(")")
            return tree
        return self._comparison()

    def _comparison(self) -> Tree:
        left = self._side()
        sign = self.sign()
        if not sign:
            raise self.trouble()
        self.next()
        there = left[1] if isinstance(left, tuple) else ""
        if sign in ("contains", "without", "anyof", "allof", "empty", "notempty"):
            return self._of_list(there, sign)
        right = self._side()
        if there and right == "" and sign in ("==", "!="):
            answered = ("answered", self.name(there))
            return answered if sign == "!=" else ("not", answered)
        other = right[1] if isinstance(right, tuple) else ""
        if not there and not other:
            raise self.trouble()
        return ("compare", self._ours(left, other), sign, self._ours(right, there))

    def _of_list(self, there: str, sign: str) -> Tree:
        if not there:
            raise self.trouble()
        if sign in ("empty", "notempty"):
            answered = ("answered", self.name(there))
            return answered if sign == "notempty" else ("not", answered)
        chosen = [self._chosen(there, plain) for plain in self._listed()]
        if sign == "without":
            return ("and", ("answered", self.name(there)), *(("not", one) for one in chosen))
        return chosen[0] if len(chosen) == 1 else ("or" if sign == "anyof" else "and", *chosen)

    def _listed(self) -> list[Value]:
        if self.token != "[":
            return [self._plain()]
        self.next()
        values = [self._plain()]
        while self.token == ",":
            self.next()
            values.append(self._plain())
        self.expect("]")
        return values

    def _chosen(self, there: str, plain: Value) -> Tree:
        return ("chosen", self.name(there), self.value(there, plain))

    def _ours(self, side: Any, beside: str) -> Any:
        if isinstance(side, tuple):
            return ("item", self.name(side[1]))
        return self.value(beside, side)

    def _side(self) -> Any:
        return ("item", self._item()) if self.kind == "item" else self._plain()

    def _item(self) -> str:
        if self.kind != "item":
            raise self.trouble()
        return self.next()

    def _plain(self) -> Value:
        if self.kind == "text":
            return re.sub(r"\\(.)", r"\1", self.next()[1:-1])
        if self.kind == "number":
            text = self.next()
            if len(text) > 30:
                raise self.trouble()
            return float(text) if "." in text else int(text)
        if self.word() in ("true", "false"):
            return int(self.grammar.words[self.next().lower()] == "true")
        raise self.trouble()
