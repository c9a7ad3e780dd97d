"""Conditions on earlier answers, such as `exposure1 >= 3 and gender != 9`: read once, never executed as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from analysis.errors import InstrumentError, Problem
from analysis.kinds import DECLINED, Answer

FACTS = ("condition", "language", "wave", "influencer")
"""What a condition may ask about besides answers; no item can have one of these ids."""

Tree: TypeAlias = tuple[Any, ...]
"""A condition as nested tuples, which JSON and a phone understand.

    ("and", tree, tree, ...)   ("or", tree, tree, ...)   ("not", tree)
    ("answered", name)         ("chosen", name, value)
    ("in", side, value, value, ...)
    ("compare", side, "<=", side, ">", side, ...)

A side is a value (a number or a text), or ("item", name).
"""

_LONGEST = 500
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SIGNS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_REMEDY = "Write, for example: exposure1 >= 3 and gender in (1, 2), or: chosen(brands, 2), or: answered(age)."


@dataclass(frozen=True)
class Condition:
    """A condition that was read.

    `names` are the items and facts it asks about, in order of appearance, `compared` those of them whose answer is
    compared with something; `tree` is its meaning.
    """

    text: str
    names: tuple[str, ...]
    compared: tuple[str, ...]
    tree: Tree

    def holds(self, answers: Mapping[str, Answer]) -> bool:
        """Is the condition true of these answers?

        An item without an answer, or one that somebody prefers not to answer, makes any comparison with it false;
        `answered(item)` asks for just that.

        Examples
        --------
        >>> condition = parse_condition("exposure1 >= 3 and not gender == 9")
        >>> condition.holds({"exposure1": 4, "gender": 1}), condition.holds({"gender": 1})
        (True, False)
        """
        return _holds(self.tree, answers)


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Which condition on earlier answers is this?

    Parameters
    ----------
    text : str
        Comparisons `== != < <= > >=` of an item with a number or a quoted text (or the other way round), `in (1, 2)`,
        `not in (1, 2)`, `chosen(item, 2)` (is this value, or among these values, the answer?), `answered(item)`,
        joined by `and`, `or`, `not` and parentheses. At most 500 characters. Beside items, `condition`, `language`,
        `wave` and `influencer` can be asked about.

    Returns
    -------
    Condition
        Ready to be asked about answers.

    Raises
    ------
    InstrumentError
        When the text is anything else; the message names the part that is.

    Checked against
    ---------------
    tests/analysis/test_show_if.py: a table of conditions with the answers they hold for, any text (a condition or our
    own error), any answers. tests/analysis/test_dialects.py: `condition_text` writes what is read as the same tree.

    Examples
    --------
    >>> parse_condition("answered(age) and exposure1 in (1, 2)").names
    ('age', 'exposure1')
    >>> parse_condition("condition == 'ad' and chosen(brands, 2)").tree
    ('and', ('compare', ('item', 'condition'), '==', 'ad'), ('chosen', 'brands', 2))
    """
    tree = _read(text, _syntax(text))
    names, compared = _names(tree), _names(tree, only_compared=True)
    if not names:
        raise _error(text, "it asks about no answer", _REMEDY)
    return Condition(text, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(compared)), tree)


def _syntax(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise _error(text, f"it is {len(text)} characters long", f"Keep it under {_LONGEST}.")
    if "\\" in text:
        raise _error(text, "a backslash has no meaning in a condition", "Leave it out.")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _error(text, "it cannot be read", _REMEDY) from None


def _error(text: str, what: str, remedy: str) -> InstrumentError:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return InstrumentError(Problem(f"condition {shown!r}", what, remedy))


def _read(text: str, node: ast.expr) -> Tree:
    """The meaning of what stands there; anything without one is refused."""
    match node:
        case ast.BoolOp(op=op, values=parts):
            return ("and" if isinstance(op, ast.And) else "or", *(_read(text, part) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return ("not", _read(text, part))
        case ast.Call(func=ast.Name(id="answered"), args=[ast.Name(id=name)], keywords=[]):
            return ("answered", name)
        case ast.Call(func=ast.Name(id="chosen"), args=[ast.Name(id=name), value], keywords=[]):
            return ("chosen", name, _value(text, value))
        case ast.Compare(
            left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.Tuple(elts=[_, *_] as values)]
        ):
            among = ("in", _side(text, left), *(_value(text, value) for value in values))
            return among if isinstance(op, ast.In) else ("and", _known(among[1]), ("not", among))
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _SIGNS for op in ops):
            rest = ((_SIGNS[type(op)], _side(text, other)) for op, other in zip(ops, others, strict=True))
            return ("compare", _side(text, left), *(part for pair in rest for part in pair))
        case _:
            raise _unknown(text, node)


def _known(side: Any) -> Tree:
    return ("answered", side[1]) if isinstance(side, tuple) else ("in", side, side)


def _side(text: str, node: ast.expr) -> Any:
    return ("item", node.id) if isinstance(node, ast.Name) else _value(text, node)


def _value(text: str, node: ast.expr) -> int | float | str:
    match node:
        case ast.Constant(value=int() | float() | str() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as size)):
            return -size
        case _:
            raise _unknown(text, node)


def _unknown(text: str, node: ast.expr) -> InstrumentError:
    part = ast.get_source_segment(text.strip(), node) or text
    return _error(text, f"{part!r} is no comparison of an answer with a value", _REMEDY)


def _names(tree: Tree, only_compared: bool = False) -> list[str]:
    match tree:
        case ("answered", name) | ("chosen", name, _):
            return [] if only_compared else [name]
        case ("item", name):
            return [name]
        case _:
            return [name for part in tree if isinstance(part, tuple) for name in _names(part, only_compared)]


def _holds(tree: Tree, answers: Mapping[str, Answer]) -> bool:
    match tree:
        case ("and", *parts):
            return all(_holds(part, answers) for part in parts)
        case ("or", *parts):
            return any(_holds(part, answers) for part in parts)
        case ("not", part):
            return not _holds(part, answers)
        case ("answered", name):
            return _answer(name, answers) is not None
        case ("chosen", name, value):
            answer = _answer(name, answers)
            return value in answer if isinstance(answer, list) else answer is not None and answer == value
        case ("in", side, *values):
            answer = _looked_up(side, answers)
            return answer is not None and answer in values
        case ("compare", first, *rest):
            sides = [_looked_up(side, answers) for side in (first, *rest[1::2])]
            return all(map(_compare, rest[::2], sides, sides[1:]))
        case _:
            return False


def _looked_up(side: Any, answers: Mapping[str, Answer]) -> Answer:
    return _answer(side[1], answers) if isinstance(side, tuple) else side


def _answer(name: str, answers: Mapping[str, Answer]) -> Answer:
    answer = answers.get(name)
    return None if answer in (DECLINED, "") else answer


def _compare(sign: str, before: Answer, after: Answer) -> bool:
    """False where an answer is missing, or where a number meets a text and order is asked for."""
    if before is None or after is None or isinstance(before, list) or isinstance(after, list):
        return False
    if isinstance(before, str) != isinstance(after, str) and sign not in ("==", "!="):
        return False
    return _COMPARISONS[sign](before, after)
