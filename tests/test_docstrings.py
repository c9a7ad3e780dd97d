"""The docstring form of `analysis`, read from the source: what is asked, what goes in and out, what checked it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Notes", "Checked against", "References", "Examples")


def room(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "analysis").with_suffix("").parts)


ROOMS = {room(path): path for path in sorted((ROOT / "analysis").rglob("*.py")) if path.name != "__init__.py"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


@cache
def named_in(path: Path) -> frozenset[str]:
    """Every name the code of a file uses, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return frozenset(found)


@cache
def sources() -> tuple[Path, ...]:
    return tuple(path for package in ("analysis", "survey_app", "tests") for path in (ROOT / package).rglob("*.py"))


@cache
def texts_of_tests() -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))


def sections(text: str) -> dict[str, str]:
    """The docstring's parts by their headings; what stands before the first is under the empty name."""
    parts = re.split(rf"^({'|'.join(SECTIONS)})\n-+\n", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def lacking(function: ast.FunctionDef) -> list[str]:
    """What the docstring of a module's public function does not have, in words."""
    found = sections(ast.get_docstring(function) or "")
    missing = [] if _is_sentence(found[""]) else ["a first sentence"]
    given = function.args
    described = {
        name.strip("* ")
        for line in re.findall(r"^(\*{0,2}\w[\w, *]*?)(?: :|$)", found.get("Parameters", ""), flags=re.MULTILINE)
        for name in line.split(",")
    }
    taken = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, [given.vararg, given.kwarg])]
    missing += [f"parameter {argument.arg}" for argument in taken if argument.arg not in described]
    gives = function.returns is not None and ast.unparse(function.returns) not in ("None", "NoReturn")
    if gives and not {"Returns", "Yields"} & set(found):
        missing.append("Returns")
    raised = {
        ast.unparse(node.exc.func)
        for node in ast.walk(function)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }
    own = {error for error in raised if not error.startswith("_")}
    missing += [f"Raises {error}" for error in own if error not in found.get("Raises", "")]
    missing += _unchecked(function.name, found.get("Checked against", ""))
    if ">>>" not in found.get("Examples", ""):
        missing.append("Examples")
    return missing


def _is_sentence(text: str) -> bool:
    return text.strip().partition("\n\n")[0].endswith(("?", ".", ":"))


def _unchecked(name: str, text: str) -> list[str]:
    """A check is a file of this project: a test that names the function, or R's numbers that some test reads."""
    files = re.findall(r"tests/[\w/]+\.(?:py|R|json)", text)
    if not files:
        return ["a file under Checked against"]
    spoken = {name, *re.findall(r"`(?:\w+\.)*(\w+)(?:\(\))?`", text)}
    wrong = [f"{file}: no such file" for file in files if not (ROOT / file).is_file()]
    for file in set(files) - {entry.partition(":")[0] for entry in wrong}:
        if file.endswith(".py") and not spoken & named_in(ROOT / file):
            wrong.append(f"{file}: names neither it nor what the section names")
        elif not file.endswith(".py") and not any(Path(file).stem in text for text in texts_of_tests()):
            wrong.append(f"{file}: no test reads it")
    return wrong


@pytest.mark.parametrize("name", ROOMS)
def test_public_functions_say_what_they_answer_and_what_checked_it(name: str) -> None:
    wrong = {function.name: lacking(function) for function in public(tree(ROOMS[name]).body)}
    assert {function: what for function, what in wrong.items() if what} == {}


@pytest.mark.parametrize("name", ROOMS)
def test_classes_and_methods_say_what_they_are(name: str) -> None:
    silent = []
    for node in tree(ROOMS[name]).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            said: list[ast.ClassDef | ast.FunctionDef] = [node, *public(node.body)]
            silent += [one.name for one in said if not _is_sentence(ast.get_docstring(one) or "")]
    assert silent == []


@pytest.mark.parametrize("name", ROOMS)
def test_what_only_its_own_room_uses_is_private(name: str) -> None:
    own = ROOMS[name]
    elsewhere = frozenset().union(*(named_in(path) for path in sources() if path != own))
    assert [function.name for function in public(tree(own).body) if function.name not in elsewhere] == []
