"""The one place that knows where the shipped files lie lets nobody out of it."""

from __future__ import annotations

import pytest

from analysis.datafiles import data_file
from analysis.errors import DataError


def test_shipped_files_and_folders_are_found() -> None:
    assert data_file("published", "gao_2023.toml").is_file()
    assert {"instruments", "published", "words"} <= {path.name for path in data_file("words").parent.iterdir()}


@pytest.mark.parametrize(
    "parts",
    [("..",), ("published", "..", "..", "README.md"), ("/etc", "passwd"), ("published", "../../README.md")],
)
def test_no_name_leads_out_of_the_shipped_files(parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="no such file is shipped"):
        data_file(*parts)


def test_a_misspelt_name_is_told_what_there_is() -> None:
    with pytest.raises(DataError, match=r"Shipped there: .*gao_2023"):
        data_file("published", "gao.toml")


def test_only_files_of_the_kind_that_was_looked_for_are_told_and_each_once() -> None:
    with pytest.raises(DataError, match=r"Shipped there: psi_core, psi_full, showcase\."):
        data_file("instruments", "psi_cor.toml")
