"""TOML files made to cost time are refused; all others are read as Python reads them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from analysis.datafiles import data_file
from analysis.toml_text import toml_content

SHIPPED = sorted(Path(data_file("instruments")).glob("*.toml"))


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
    ],
)
def test_dots_in_texts_are_no_keys(text: str) -> None:
    assert toml_content(text.encode()) == tomllib.loads(text)


@pytest.mark.parametrize("part", ["a", "'a'", '"a b"', "a ", "\ta\t"])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "x = {{{} = 1}}", "[[{}]]"])
def test_a_key_of_very_many_parts_is_refused_before_it_is_read(part: str, form: str) -> None:
    with pytest.raises(RecursionError):
        toml_content(form.format(".".join([part] * 100_000)).encode())
