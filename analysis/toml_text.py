"""TOML that somebody else wrote."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_ASIDE = re.compile(
    r"""
    \"{3} [^"\\]*+ (?: (?!\"{3}) (?: \\. | " ) [^"\\]*+ )*+ "{3,5}   # texts of several lines
    | '{3} [^']*+ (?: (?!'{3}) ' [^']*+ )*+ '{3,5}
    | " (?!"") [^"\\\n]*+ (?: \\[^\n] [^"\\\n]*+ )*+ "           # texts of one line
    | ' (?!'') [^'\n]*+ '
    | \#[^\n]*+                                                  # remarks
    | ["'].*+                                                    # a text without an end: there the reader stops
    """,
    re.VERBOSE | re.DOTALL,
)
"""What is no part of a key, or one whose letters do not matter. Each letter is looked at once or twice: whatever is
repeated is never given back, and the first text without an end is the last."""
_DEEPEST = 10
_DEEP = re.compile(rf"(?<![^=\[\]{{}},\n])(?:[^.=\[\]{{}},\n]*+\.){{{_DEEPEST}}}")
"""A key of very many parts, once texts and remarks are gone; a number has one dot at most."""


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
        For what is nested too deeply, and for keys with ten dots or more.

    Notes
    -----
    Python's reader takes time and memory that grow with the square of the dots of a key: a minute for a file of 200 kB.
    So keys are looked at before it begins, in one pass over the content. Dots in texts and remarks do not count.

    Checked against
    ---------------
    Python's own reader, on files without such a key; what is repeated in the patterns, and the reader's own steps on
    files twice as long: tests/analysis/test_toml_text.py.

    Examples
    --------
    >>> toml_content(b"title.en = 'Looks'")
    {'title': {'en': 'Looks'}}
    """
    text = content.decode("utf-8-sig")
    if _DEEP.search(_ASIDE.sub("", text)):
        raise RecursionError("a key has too many dots")
    return tomllib.loads(text)
