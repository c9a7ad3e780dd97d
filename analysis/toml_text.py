"""TOML that somebody else wrote."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_DEEPEST = 50
_PART = r"""(?:[A-Za-z0-9_-]{1,64}|"[^"\n]{0,64}"|'[^'\n]{0,64}')[ \t]{0,9}\.[ \t]{0,9}"""
_DEEP = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{{_DEEPEST}}}")


def toml_content(content: bytes) -> dict[str, Any]:
    """What stands in this TOML file, which may be made to harm whoever reads it?

    Parameters
    ----------
    content : bytes
        UTF-8, with or without its mark. Whoever calls has looked at the size.

    Returns
    -------
    dict

    Raises
    ------
    UnicodeDecodeError
        For another encoding.
    ValueError
        For what is no TOML; Python's reader raises no TOMLDecodeError for a number of five thousand digits.
    RecursionError
        For what is nested too deeply, and for keys with fifty dots: for these the reader takes time and memory that
        grow with the square of their number, a minute for a file of 200 kB.

    Checked against
    ---------------
    Python's own reader, on files without such a key: tests/analysis/test_toml_text.py.

    Examples
    --------
    >>> toml_content(b"title.en = 'Looks'")
    {'title': {'en': 'Looks'}}
    """
    text = content.decode("utf-8-sig")
    if _DEEP.search(text):
        raise RecursionError("a key has too many dots")
    return tomllib.loads(text)
