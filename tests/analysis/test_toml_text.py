"""TOML files made to cost time are refused; all others are read as Python reads them."""

from __future__ import annotations

import random
import re._constants as repeated
import re._parser as patterns
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from analysis import toml_text
from analysis.datafiles import data_file
from analysis.toml_text import toml_content

SHIPPED = sorted(Path(data_file("instruments")).glob("*.toml"))
DEEP = ".".join("z" * 11) + " = 1"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_is_read_as_ever(path: Path) -> None:
    assert toml_content(path.read_bytes()) == tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "a = 'one. two. three. " + "and so on. " * 200 + "'",
        'a = """\n' + "." * 500 + '\n"""',
        "a = '" + "x" * 100_000 + "'",
        "[a.b.c.d]\ne.f.g = 1",
        f"a = '{'.'.join('0123456789' * 9)}'",
        f'a = "{".".join("0123456789" * 9)}"  # {".".join("0123456789" * 9)}',
        f'a = "\\"" # "\nb = """ " "" \\""" {DEEP}\n{DEEP}"""""\nc = \'\'\'\n{DEEP}\'\'\'',
        f"a = [1.5, 1979-05-27T07:32:00.9, {'1.5, ' * 99}]\nb = ''\nc = \"\"",
        DEEP.removeprefix("z."),
    ],
)
def test_dots_in_texts_are_no_keys(text: str) -> None:
    assert toml_content(text.encode()) == tomllib.loads(text)


LONG = "x" * 90


@pytest.mark.parametrize(
    "part", ["a", "'a'", '"a b"', "a ", "\ta\t", '"\\""', '"\\\\"', '""', "''", LONG, f'"{LONG}"', f"'{LONG}'", "'\"'"]
)
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "x = {{{} = 1}}", "[[{}]]", "x = '''\n''''' # '\n{} = 1"])
@pytest.mark.parametrize("parts", [11, 20_000])
def test_a_key_of_very_many_parts_is_refused_before_it_is_read(part: str, form: str, parts: int) -> None:
    with pytest.raises(RecursionError, match="too many dots"):
        toml_content(form.format(".".join([part] * parts)).encode())


PIECES = [
    '"', '""', '"""', "'", "''", "'''", "\\", '\\"', "\\\\", ".", ".a", '."b"', ".'c'", "#", "\n", " = ", "[", "]",
    "{", "}", ", ", "a", "1", " ", "1.5", '"x.y"', "'''\n", '"""\n', "\nk = ", '\nq = "',
]  # fmt: skip


def test_wherever_python_s_reader_goes_on_a_deep_key_is_found() -> None:
    """Texts put together by chance, nearly all of them broken; those Python reads are read, and refused with a key."""
    chance = random.Random(5)
    read = 0
    for _ in range(10_000):
        text = "k = " * chance.randint(0, 1) + "".join(chance.choices(PIECES, k=chance.randint(1, 9)))
        try:
            content = tomllib.loads(text)
        except ValueError:
            continue
        read += 1
        assert toml_content(text.encode()) == content, text
        with pytest.raises(RecursionError):
            toml_content(f"{text}\n[u]\n{DEEP}".encode())
    assert read > 100


def repeats(pattern: Any) -> Iterator[Any]:
    """The kind of every repetition without a bound, however deep in the pattern."""
    for kind, told in pattern:
        kinds = (repeated.MAX_REPEAT, repeated.MIN_REPEAT, repeated.POSSESSIVE_REPEAT)
        if kind in kinds and told[1] == repeated.MAXREPEAT:
            yield kind
        for inner in told if isinstance(told, tuple) else [told]:
            for one in inner if isinstance(inner, list) else [inner]:
                if isinstance(one, patterns.SubPattern):
                    yield from repeats(one)


@pytest.mark.parametrize("pattern", [toml_text._ASIDE, toml_text._DEEP], ids=["aside", "deep"])
def test_what_the_patterns_repeat_is_never_given_back(pattern: Any) -> None:
    kinds = list(repeats(patterns.parse(pattern.pattern, pattern.flags)))
    assert kinds and set(kinds) == {repeated.POSSESSIVE_REPEAT}


@pytest.mark.parametrize(
    "text",
    [
        'a = "' + "\\\\" * 300_000,
        '"""' + '\\"""' * 200_000,
        "'''" + "''a" * 300_000,
        '"\n' * 300_000,
        "'" * 300_000,
        "\"'#." * 200_000,
        "." * 9 + "a" * 1_000_000,
        ("b" * 80_000 + ".") * 9 + " " * 300_000,
        "# '''\n" * 100_000 + "'''",
    ],
    ids=lambda text: text[:6],
)
def test_what_would_be_looked_at_again_and_again_is_not(text: str) -> None:
    """Hundreds of thousands of letters: were all looked at again for each, no end of this test would be seen."""
    with pytest.raises(tomllib.TOMLDecodeError):
        toml_content(text.encode())


def steps(text: str) -> int:
    """How many lines Python runs to read it."""
    count = 0

    def step(frame: FrameType, event: str, told: object) -> Any:
        nonlocal count
        count += event == "line"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        toml_content(text.encode())
    except RecursionError:
        pass
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "line", ["k{:05}.a.a.a.a.a.a.a.a.a = 1\n", "[k{:05}.a.a.a.a.a.a.a.a.a]\n", "k{:05} = {{a.b.c.d.e.f = [0]}}\n"]
)
def test_what_is_read_takes_twice_as_many_steps_for_twice_as_many_lines(line: str) -> None:
    header = "[h.h.h.h.h.h.h.h.h.h]\n"
    once, twice = (steps(header + "".join(line.format(k) for k in range(lines))) for lines in (100, 200))
    assert 1.9 < twice / once < 2.1


def test_a_refused_file_takes_no_more_steps_the_longer_it_is() -> None:
    assert steps("a." * 100 + "a = 1") == steps("a." * 100_000 + "a = 1") < 20
