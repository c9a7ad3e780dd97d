"""Reads from the code every sentence that notes and errors can be made of, as templates with numbered gaps."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, product
from pathlib import Path

GAP = "\0"
"""Stands in a text for what is only known when it is said."""
MOST = 64
"""Ways of saying one expression that are followed; more than this would be a table, not a sentence."""
DEPTH = 12
_SENTENCE = re.compile(r"[a-z]{2}")
_NOTES = re.compile(r"(^|_)(notes?|remarks?|warnings?|said)$")

_SAYS = (
    ast.Call, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Yield, ast.YieldFrom, ast.Dict, ast.Tuple,
    ast.List,
)  # fmt: skip

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Said:
    """One template, and the place that says it."""

    template: str
    place: str


@dataclass(frozen=True)
class Scope:
    """Where names get their meaning: a function in its class and module, and what its caller handed over."""

    module: Module
    function: Function | None = None
    owner: str = ""
    bound: Mapping[str, tuple[ast.expr, Scope]] = field(default_factory=dict)


class Module:
    """One file, with what it gives names to."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.tree = ast.parse(path.read_text(encoding="utf-8"))

    @cached_property
    def functions(self) -> dict[str, tuple[Function, str]]:
        """Functions and methods by their name, each with its class."""
        found: dict[str, tuple[Function, str]] = {}
        for node in self.tree.body:
            if isinstance(node, Function):
                found[node.name] = node, ""
            elif isinstance(node, ast.ClassDef):
                found |= {one.name: (one, node.name) for one in node.body if isinstance(one, Function)}
        return found

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """What the module's own names stand for."""
        found: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                found |= {one.id: node.value for one in node.targets if isinstance(one, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
                found[node.target.id] = node.value
        return found

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Names from other modules: {name here: (module, name there)}."""
        return {
            one.asname or one.name: (node.module or "", one.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for one in node.names
        }


class Reader:
    """Follows what reaches a `Problem` or a note back to the texts it is made of."""

    def __init__(self, root: Path, modules: Iterable[Path]) -> None:
        self.root = root
        named = {".".join(path.relative_to(root).with_suffix("").parts): path for path in modules}
        self.modules = {name: Module(path, name) for name, path in named.items()}
        self.said: dict[str, Said] = {}
        self.sinks: dict[str, set[str]] = {"Problem": {"where", "what", "remedy"}}
        self._open: set[tuple[Function | None, str]] = set()  # names that are being followed, lest they go in circles
        self._known: dict[tuple[Function, str], list[ast.expr | None]] = {}

    def read(self) -> list[Said]:
        """Every template, in the order of the files."""
        nodes = [found for module in self.modules.values() for found in _walk(module) if isinstance(found[0], _SAYS)]
        before = -1
        while before != sum(map(len, self.sinks.values())):  # a function that hands a text on is a place that says it
            before = sum(map(len, self.sinks.values()))
            self.said.clear()
            for node, scope in nodes:
                self._look(node, scope)
        return list(self.said.values())

    # -- places that say something --------------------------------------------------------------------------------

    def _look(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Call():
                for argument in self._handed(node, scope):
                    self._say(argument, scope)
                match node.func:
                    case ast.Attribute(value=value, attr="append" | "extend" | "insert") if _is_notes(value):
                        self._say(node.args[-1], scope)
                for keyword in node.keywords:
                    if keyword.arg and _NOTES.search(keyword.arg):
                        self._say(keyword.value, scope)
            case ast.Assign(targets=[target], value=value) if _is_notes(target):
                self._say(value, scope)
            case ast.AugAssign(target=target, value=value) if _is_notes(target):
                self._say(value, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_notes(target):
                self._say(value, scope)
            case ast.Return(value=ast.expr() as value) if _says(scope.function):
                self._say(value, scope)
            case ast.Yield(value=ast.expr() as value) | ast.YieldFrom(value=value) if _says(scope.function):
                self._say(value, scope)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                if any(isinstance(one, ast.Starred) and _is_notes(one.value) for one in elements):
                    for one in elements:
                        self._say(one, scope)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in ("note", "notes"):
                        self._say(value, scope)

    def _handed(self, call: ast.Call, scope: Scope) -> Iterator[ast.expr]:
        """The arguments of this call that are said."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        wanted = self.sinks.get(name)
        if not wanted:
            return
        if name == "Problem":
            names = ["where", "what", "remedy"]
        else:
            function = self._function(call, scope)
            if function is None:
                return
            names = _parameters(function.function)
        for given, argument in [*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]:
            if given in wanted:
                yield argument

    def _say(self, expression: ast.expr, scope: Scope) -> None:
        place = f"{scope.module.path.relative_to(self.root)}:{expression.lineno}"
        for text in self._texts(expression, scope, DEPTH):
            self._add(text, place)

    def _add(self, text: str, place: str) -> None:
        for line in text.split("\n"):
            template = numbered(line.strip())
            if " " in template and _SENTENCE.search(re.sub(r"\{\d+\}", "", template)):
                self.said.setdefault(template, Said(template, place))

    # -- what an expression may say -------------------------------------------------------------------------------

    def _texts(self, node: ast.expr, scope: Scope, depth: int) -> list[str]:
        if depth == 0:
            return [GAP]
        found = list(islice(dict.fromkeys(self._ways(node, scope, depth - 1)), MOST))
        return found or [GAP]

    def _ways(self, node: ast.expr, scope: Scope, depth: int) -> Iterator[str]:
        match node:
            case ast.Constant(value=str() as text):
                yield text
            case ast.Constant(value=int() as number):
                yield str(number)
            case ast.JoinedStr(values=parts):
                before = [None, *parts[:-1]]
                ways = [
                    [GAP] if _is_quote(last) else self._part(part, scope, depth)
                    for last, part in zip(before, parts, strict=True)
                ]
                yield from ("".join(way) for way in product(*ways))
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                if isinstance(left, (ast.List, ast.Tuple)) or isinstance(right, (ast.List, ast.Tuple)):
                    yield from self._texts(left, scope, depth)
                    yield from self._texts(right, scope, depth)
                else:
                    ways = [self._texts(left, scope, depth), self._texts(right, scope, depth)]
                    yield from ("".join(way) for way in product(*ways))
            case ast.IfExp(body=body, orelse=other):
                yield from self._texts(body, scope, depth)
                yield from self._texts(other, scope, depth)
            case ast.BoolOp(values=values):
                for value in values:
                    yield from self._texts(value, scope, depth)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                for element in elements:
                    yield from self._texts(element, scope, depth)
            case ast.Starred(value=value) | ast.NamedExpr(value=value):
                yield from self._texts(value, scope, depth)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.SetComp(elt=element):
                yield from self._texts(element, scope, depth)
            case ast.Dict(values=values):
                for value in values:
                    yield from self._texts(value, scope, depth)
            case ast.DictComp(value=value):
                yield from self._texts(value, scope, depth)
            case ast.Subscript(value=value, slice=ast.Constant(value=int() as place)):
                for several, there in self._displays(value, scope):
                    if place < len(several.elts):
                        yield from self._texts(several.elts[place], there, depth)
            case ast.Subscript(value=value):
                if isinstance(value, ast.Dict) or self._constant(value, scope) is not None:
                    yield from self._texts(value, scope, depth)
                elif isinstance(value, ast.Name) and scope.function is not None:
                    for kept in _kept(scope.function, value.id):
                        yield from self._texts(kept, scope, depth)
                    yield GAP
                else:
                    yield GAP
            case ast.Name(id=name):
                yield from self._named(name, scope, depth)
            case ast.Call():
                yield from self._called(node, scope, depth)
            case _:
                yield GAP

    def _displays(self, node: ast.expr, scope: Scope) -> Iterator[tuple[ast.Tuple | ast.List, Scope]]:
        """The tuples and lists that this may be: what a function gives back, or an entry of a table."""
        match node:
            case ast.Tuple() | ast.List():
                yield node, scope
            case ast.Name() if (constant := self._constant(node, scope)) is not None:
                yield from self._displays(*constant)
            case ast.Subscript(value=ast.Name() as name) if (constant := self._constant(name, scope)) is not None:
                table, there = constant
                for value in table.values if isinstance(table, ast.Dict) else ():
                    yield from self._displays(value, there)
            case ast.Call() if (function := self._function(node, scope)) is not None:
                inner = self._inner(node, scope, function)
                for one in ast.walk(inner.function or node):
                    if isinstance(one, (ast.Return, ast.Yield)) and one.value is not None:
                        yield from self._displays(one.value, inner)

    def _inner(self, call: ast.Call, scope: Scope, function: Scope) -> Scope:
        """The function that is called, with what is handed over."""
        names = _parameters(function.function)
        at_home = Scope(function.module)
        bound = {name: (value, at_home) for name in names for value in _default(function.function, name)}
        bound |= {name: (value, scope) for name, value in zip(names, call.args, strict=False)}
        bound |= {one.arg: (one.value, scope) for one in call.keywords if one.arg}
        return Scope(function.module, function.function, function.owner, bound)

    def _part(self, part: ast.expr, scope: Scope, depth: int) -> list[str]:
        """A piece of an f-string: its texts where they are few and short, else a gap whose texts are phrases."""
        if isinstance(part, ast.Constant):
            return [str(part.value)]
        assert isinstance(part, ast.FormattedValue)
        if part.format_spec is not None or part.conversion != -1:
            return [GAP]
        texts = self._texts(part.value, scope, depth)
        if isinstance(part.value, ast.IfExp) and len(texts) <= 3:
            return texts
        if len(texts) <= 4 and all(_SENTENCE.search(text) and " " in text for text in texts):
            return texts
        place = f"{scope.module.path.relative_to(self.root)}:{part.lineno}"
        for text in texts:
            self._add(text, place)
        return [GAP]

    def _named(self, name: str, scope: Scope, depth: int) -> Iterator[str]:
        if name in scope.bound:
            expression, there = scope.bound[name]
            yield from self._texts(expression, there, depth)
            return
        if (scope.function, name) in self._open:
            yield GAP
            return
        if scope.function is not None:
            given = self._assigned(scope.function, name)
            if name in _parameters(scope.function, with_self=True):
                self.sinks.setdefault(scope.function.name, set()).add(name)
                if not given:
                    yield GAP
                    return
            if given:
                self._open.add((scope.function, name))
                found = [self._texts(value, scope, depth) if value is not None else [GAP] for value in given]
                self._open.discard((scope.function, name))
                yield from chain.from_iterable(found)
                return
        constant = self._constant(ast.Name(name), scope)
        if constant is None:
            yield GAP
        else:
            yield from self._texts(*constant, depth)

    def _assigned(self, function: Function, name: str) -> list[ast.expr | None]:
        if (function, name) not in self._known:
            self._known[function, name] = list(_assigned(function, name))
        return self._known[function, name]

    def _constant(self, node: ast.expr, scope: Scope) -> tuple[ast.expr, Scope] | None:
        if not isinstance(node, ast.Name):
            return None
        if node.id in scope.module.constants:
            return scope.module.constants[node.id], Scope(scope.module)
        there, name = scope.module.imported.get(node.id, ("", ""))
        module = self.modules.get(there)
        return (module.constants[name], Scope(module)) if module and name in module.constants else None

    def _called(self, call: ast.Call, scope: Scope, depth: int) -> Iterator[str]:
        match call.func:
            case ast.Name(id="str" | "tuple" | "list" | "sorted" | "reversed") if call.args:
                yield from self._texts(call.args[0], scope, depth)
                return
            case ast.Attribute(value=value, attr="strip" | "rstrip" | "removesuffix" | "replace" | "capitalize"):
                yield from self._texts(value, scope, depth)
                return
            case ast.Attribute(value=ast.Constant(), attr="join") if isinstance(call.args[0], (ast.List, ast.Tuple)):
                for element in call.args[0].elts:
                    for text in self._texts(element, scope, depth):
                        self._add(text, f"{scope.module.path.relative_to(self.root)}:{element.lineno}")
                yield GAP
                return
            case ast.Attribute(value=value, attr="join"):
                for text in self._texts(call.args[0], scope, depth):
                    self._add(text, f"{scope.module.path.relative_to(self.root)}:{call.lineno}")
                yield GAP
                return
            case ast.Attribute(value=value, attr="get") if isinstance(value, ast.Dict) or self._constant(value, scope):
                yield from self._texts(value, scope, depth)
                for default in call.args[1:]:
                    yield from self._texts(default, scope, depth)
                return
        function = self._function(call, scope)
        if function is None:
            yield GAP
            return
        inner = self._inner(call, scope, function)
        for one in ast.walk(inner.function or call):
            if isinstance(one, (ast.Return, ast.Yield, ast.YieldFrom)) and one.value is not None:
                yield from self._texts(one.value, inner, depth)

    def _function(self, call: ast.Call, scope: Scope) -> Scope | None:
        """The function of these packages that is called, if it is one."""
        match call.func:
            case ast.Name(id=name):
                if name in scope.module.functions and not scope.module.functions[name][1]:
                    return Scope(scope.module, *scope.module.functions[name])
                there, original = scope.module.imported.get(name, ("", ""))
                module = self.modules.get(there)
                if module and original in module.functions:
                    return Scope(module, *module.functions[original])
            case ast.Attribute(value=ast.Name(id="self" | "draft"), attr=name) if name in scope.module.functions:
                return Scope(scope.module, *scope.module.functions[name])
        return None


def numbered(text: str) -> str:
    """The text with its gaps numbered as they come."""
    pieces = text.split(GAP)
    return pieces[0] + "".join(f"{{{place}}}{piece}" for place, piece in enumerate(pieces[1:], start=1))


def _walk(module: Module) -> Iterator[tuple[ast.AST, Scope]]:
    def inside(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield from inside(child, Scope(module, child, scope.owner))
            elif isinstance(child, ast.ClassDef):
                yield from inside(child, Scope(module, None, child.name))
            else:
                yield child, scope
                yield from inside(child, scope)

    yield from inside(module.tree, Scope(module))


def _is_quote(part: ast.expr | None) -> bool:
    """Does this piece of an f-string end in a quotation mark, so that a name follows?"""
    return isinstance(part, ast.Constant) and str(part.value).endswith(("'", '"'))


def _is_notes(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return bool(_NOTES.search(name))


def _says(function: Function | None) -> bool:
    return function is not None and bool(_NOTES.search(function.name))


def _parameters(function: Function | None, *, with_self: bool = False) -> list[str]:
    assert function is not None
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return names if with_self or not names or names[0] not in ("self", "cls") else names[1:]


def _assigned(function: Function, name: str) -> Iterator[ast.expr | None]:
    """Everything this name is given in the function; None where only the run knows."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _given(target, value, name)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield from _given(target, value, name)
            case ast.AugAssign(target=ast.Name(id=id), value=value) if id == name:
                yield value
            case ast.For(target=target, iter=values) | ast.comprehension(target=target, iter=values):
                if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target)):
                    for one in _elements(function, values, 3):
                        yield from _given(target, one, name)


def _elements(function: Function, values: ast.expr, depth: int) -> Iterator[ast.expr | None]:
    """What a loop over this goes through, as far as the function itself lists it; None for what only the run knows."""
    match values:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                if isinstance(element, ast.Starred):
                    yield from _elements(function, element.value, depth)
                else:
                    yield element
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
            yield element
        case ast.Name(id=name) if depth:
            for value in _assigned(function, name):
                if value is not None:
                    yield from _elements(function, value, depth - 1)
            yield None
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="items")) if depth:
            for value in _assigned(function, name):
                yield from _entries(value)
            yield None
        case ast.Call(func=ast.Name() | ast.Attribute(value=ast.Name(id="self"))):
            yield values
        case _:
            yield None


def _entries(table: ast.expr | None) -> Iterator[ast.expr]:
    """The pairs of key and value of a dictionary."""
    match table:
        case ast.Dict(keys=keys, values=values):
            yield from (ast.Tuple([key, one]) for key, one in zip(keys, values, strict=True) if key is not None)
        case ast.DictComp(key=key, value=value):
            yield ast.Tuple([key, value])
        case ast.IfExp(body=body, orelse=other):
            yield from _entries(body)
            yield from _entries(other)


def _default(function: Function | None, name: str) -> Iterator[ast.expr]:
    """What this parameter is where nobody says otherwise."""
    assert function is not None
    arguments = function.args
    places = [*arguments.posonlyargs, *arguments.args]
    pairs = zip(reversed(places), reversed(arguments.defaults), strict=False)
    pairs_by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    yield from (value for one, value in (*pairs, *pairs_by_name) if one.arg == name and value is not None)


def _given(target: ast.expr, value: ast.expr | None, name: str) -> Iterator[ast.expr | None]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Call, ast.Subscript)):
        for place, one in enumerate(target.elts):
            yield from _given(one, ast.Subscript(value, ast.Constant(place)), name)
    elif isinstance(target, (ast.Tuple, ast.List)):
        several = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        whole = len(several) == len(target.elts)
        for place, one in enumerate(target.elts):
            yield from _given(one, several[place] if whole else None, name)


def _kept(function: Function, name: str) -> Iterator[ast.expr]:
    """The values of a dictionary that the function itself fills."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=id))], value=value) if id == name:
                yield value
            case (
                ast.Assign(targets=[ast.Name(id=id)], value=value)
                | ast.AnnAssign(target=ast.Name(id=id), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=id), value=value)
            ) if id == name:
                match value:
                    case ast.Dict() | ast.DictComp():
                        yield value
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="dict"), attr="fromkeys"), args=[_, each]):
                        yield each
