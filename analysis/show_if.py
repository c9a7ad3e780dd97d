"""Conditions on earlier answers, such as `exposure1 >= 3 and gender != 9`: read once, never executed as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from analysis.errors import InstrumentError, Problem

Answer: TypeAlias = int | float | str | None

_LONGEST = 500
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_REMEDY = "Write, for example: exposure1 >= 3 and gender in (1, 2), or: answered(age)."


@dataclass(frozen=True)
class Condition:
    """A condition that was read: `names` are the items it asks about, in order of appearance."""

    text: str
    names: tuple[str, ...]

    def holds(self, answers: Mapping[str, Answer]) -> bool:
        """Is the condition true of these answers?

        An item without an answer makes any comparison with it false; `answered(item)` asks for just that.

        Examples
        --------
        >>> condition = parse_condition("exposure1 >= 3 and not gender == 9")
        >>> condition.holds({"exposure1": 4, "gender": 1}), condition.holds({"gender": 1})
        (True, False)
        """
        return _holds(_tree(self.text), answers)


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Which condition on earlier answers is this?

    Parameters
    ----------
    text : str
        Comparisons `== != < <= > >=` of an item with a number or a quoted text (or the other way round), `in (1, 2)`,
        `not in (1, 2)`, `answered(item)`, joined by `and`, `or`, `not` and parentheses. At most 500 characters.

    Returns
    -------
    Condition
        Ready to be asked about answers.

    Raises
    ------
    InstrumentError
        When the text is anything else; the message names the part that is.

    Examples
    --------
    >>> parse_condition("answered(age) and exposure1 in (1, 2)").names
    ('age', 'exposure1')
    """
    _check(text, _tree(text))
    names = (node.id for node in _in_order(_tree(text)) if isinstance(node, ast.Name) and node.id != "answered")
    asked = tuple(dict.fromkeys(names))
    if not asked:
        raise _error(text, "it asks about no answer", _REMEDY)
    return Condition(text, asked)


@lru_cache(maxsize=1024)
def _tree(text: str) -> ast.expr:
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


def _in_order(node: ast.AST) -> list[ast.AST]:
    return [node, *(below for child in ast.iter_child_nodes(node) for below in _in_order(child))]


def _check(text: str, node: ast.expr) -> None:
    """Only what `_holds` understands may stand in a condition."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check(text, part)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            _check(text, part)
        case ast.Call(func=ast.Name(id="answered"), args=[ast.Name()], keywords=[]):
            pass
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[ast.Tuple(elts=values)]):
            if not (_is_value(left) and values and all(isinstance(value, ast.Constant) for value in values)):
                raise _unknown(text, node)
        case ast.Compare(left=left, ops=ops, comparators=others):
            fits = all(type(op) in _COMPARISONS for op in ops) and all(map(_is_value, [left, *others]))
            if not fits:
                raise _unknown(text, node)
        case _:
            raise _unknown(text, node)


def _unknown(text: str, node: ast.expr) -> InstrumentError:
    part = ast.get_source_segment(text.strip(), node) or text
    return _error(text, f"{part!r} is no comparison of an answer with a value", _REMEDY)


def _is_value(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Constant(value=value):
            return isinstance(value, int | float | str) and not isinstance(value, bool)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case _:
            return False


def _holds(node: ast.expr, answers: Mapping[str, Answer]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_holds(part, answers) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_holds(part, answers) for part in parts)
        case ast.UnaryOp(operand=part):
            return not _holds(part, answers)
        case ast.Call(args=[ast.Name(id=name)]):
            return answers.get(name) is not None
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[ast.Tuple(elts=values)]):
            answer = _value(left, answers)
            among = answer in [_value(value, answers) for value in values]
            return answer is not None and among == isinstance(op, ast.In)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_value(side, answers) for side in (left, *others)]
            return all(_compare(op, before, after) for op, before, after in zip(ops, sides, sides[1:], strict=False))
        case _:
            return False


def _value(node: ast.expr, answers: Mapping[str, Answer]) -> Answer:
    match node:
        case ast.Name(id=name):
            return answers.get(name)
        case ast.UnaryOp(operand=ast.Constant(value=int() | float() as size)):
            return -size
        case ast.Constant(value=int() | float() | str() as value):
            return value
        case _:
            return None


def _compare(op: ast.cmpop, before: Answer, after: Answer) -> bool:
    """False where an answer is missing, or where a number meets a text and order is asked for."""
    if before is None or after is None:
        return False
    if isinstance(before, str) != isinstance(after, str) and not isinstance(op, ast.Eq | ast.NotEq):
        return False
    return _COMPARISONS[type(op)](before, after)
