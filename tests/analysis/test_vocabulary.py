"""Words are read once: a table of twenty rows asks for them twenty times."""

from __future__ import annotations

import pytest

from analysis import vocabulary as module
from analysis.errors import DataError
from analysis.vocabulary import codebook_languages, codebook_words, vocabulary


def test_words_asked_for_again_are_not_looked_for_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    before = vocabulary("en"), codebook_words("de"), codebook_languages()

    def disk(*parts: str) -> None:
        raise AssertionError(parts)

    monkeypatch.setattr(module, "data_file", disk)
    assert (vocabulary("en"), codebook_words("de"), codebook_languages()) == before
    with pytest.raises(DataError, match=r"language 'xx': tables and charts do not speak it\. Use en or nl\."):
        vocabulary("xx")
