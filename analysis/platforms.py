"""Exports of Qualtrics and LimeSurvey as rows: their own columns under our names, their codes as numbers."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd

from analysis.kinds import DECLINED, OTHER

_QUALTRICS = {"StartDate", "EndDate", "Progress", "Finished", "RecordedDate", "ResponseId", "DistributionChannel"}
_QUALTRICS_NAMES = {
    "ResponseId": "participation", "StartDate": "started", "EndDate": "finished", "Duration (in seconds)": "seconds",
    "UserLanguage": "language",
}  # fmt: skip
_PREVIEWS = {"1", "2", "9", "17", "survey preview", "survey test", "spam survey preview", "offline survey preview"}
_LIMESURVEY = {"id", "submitdate", "lastpage", "startlanguage", "seed", "startdate", "datestamp", "interviewtime"}
_LIMESURVEY_HEADS = {
    "Response ID": "id", "Date submitted": "submitdate", "Last page": "lastpage", "Start language": "startlanguage",
    "Seed": "seed", "Date started": "startdate", "Date last action": "datestamp", "Total time": "interviewtime",
    "IP address": "ipaddr",
}  # fmt: skip
_LIMESURVEY_NAMES = {
    "id": "participation", "submitdate": "finished", "startdate": "started", "interviewtime": "seconds",
    "startlanguage": "language",
}  # fmt: skip
_PERSONAL = {
    "IPAddress", "LocationLatitude", "LocationLongitude", "RecipientLastName", "RecipientFirstName", "RecipientEmail",
    "ipaddr",
}  # fmt: skip
_CODE = re.compile(r"(?:AO?)?0*(\d{1,6})|(-oth-)|(n99)|m(\d{1,4})")
_SUBQUESTION = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")
_GENERIC = re.compile(r"SQ\d+|\d.*|other|n99|comment", re.IGNORECASE)


def from_platform(rows: pd.DataFrame) -> pd.DataFrame:
    """What do these rows of Qualtrics or LimeSurvey look like under Parasol's names? Other rows are left as they are.

    Parameters
    ----------
    rows : DataFrame
        As a file has them, under the names of its first line.

    Returns
    -------
    DataFrame
        The id of the response is `participation`; start, end, duration and language have our names where no column
        has them yet. Lines of question texts are gone. Addresses, names and places of people are left out. In an
        export of LimeSurvey `grid[psi1]` is `psi1`, `topics[2]` is `topics_2`; answer codes such as A3 are numbers,
        a ticked box is 1 and the boxes beside it 0. `rows.attrs["notes"]` says in sentences what was done.

    Notes
    -----
    Qualtrics marks previews (`test` is True then) and people who have not finished (`finished` is missing then). Nobody
    is left out.

    Examples
    --------
    >>> lime = pd.DataFrame({"id": [1], "submitdate": ["2026-01-02"], "lastpage": [2], "grid[psi1]": ["A3"]})
    >>> from_platform(lime).loc[0, ["participation", "psi1"]].tolist()
    [1, 3]
    """
    names = {str(name) for name in rows.columns}
    if len(names & _QUALTRICS) >= 3:
        return _from_qualtrics(_without_texts(rows))
    plain = [_LIMESURVEY_HEADS.get(_head(name), _head(name)) for name in rows.columns]
    if len(set(plain) & _LIMESURVEY) >= 3 and len(plain) == len(set(plain)):
        return _from_limesurvey(rows.set_axis(plain, axis="columns"))
    return rows


def _head(name: object) -> str:
    """The code of a heading such as `psi1. I miss them`."""
    found = re.match(r"([A-Za-z][\w\[\]-]*)\.\s", str(name))
    return found[1] if found else str(name).strip()


def _without_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows below the lines of question texts and import ids."""
    texts = 0
    for place in range(min(2, len(rows))):
        cells = [cell for cell in rows.iloc[place] if isinstance(cell, str)]
        if any(cell.startswith('{"ImportId"') for cell in cells) or {"Start Date", "End Date"} & set(cells):
            texts = place + 1
    if not texts:
        return rows
    kept = rows.iloc[texts:].reset_index(drop=True)
    return pd.DataFrame({name: _numbers(kept[name]) for name in kept.columns})


def _numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError):
        return column


def _from_qualtrics(rows: pd.DataFrame) -> pd.DataFrame:
    found, notes = _renamed(rows, _QUALTRICS_NAMES)
    if "Status" in found and "test" not in found:
        found["test"] = found["Status"].map(lambda status: _word(status) in _PREVIEWS).astype(bool)
    if "Finished" in rows and "finished" in found:
        done = rows["Finished"].map(lambda told: _word(told) in ("1", "true"))
        found["finished"] = found["finished"].where(done)
    return _noted(found, ["This is an export of Qualtrics.", *notes])


def _from_limesurvey(rows: pd.DataFrame) -> pd.DataFrame:
    found, notes = _renamed(rows, _LIMESURVEY_NAMES)
    boxes = {name: match[1] for name in found.columns if (match := _SUBQUESTION.fullmatch(str(name)))}
    ticked = {name: group for name, group in boxes.items() if set(found[name].dropna().map(_word)) <= {"y", "n"}}
    any_ticked = {
        group: found[[name for name, one in ticked.items() if one == group]].map(_is_ticked).any(axis="columns")
        for group in set(ticked.values())
    }
    columns: dict[str, pd.Series[Any]] = {}
    for name in found.columns:
        if name in ticked and any_ticked[ticked[name]].any():
            columns[name] = found[name].map(_is_ticked).astype("Int64").where(any_ticked[ticked[name]])
        else:
            columns[name] = _decoded(found[name])
    called = _called([str(name) for name in found.columns])
    renamed = pd.DataFrame(columns).rename(columns=called)
    return _noted(renamed, ["This is an export of LimeSurvey.", *notes])


def _called(names: list[str]) -> dict[str, str]:
    """`grid[psi1]` is psi1 where that is nobody else's name, else grid_psi1."""
    parts = {name: found for name in names if (found := _SUBQUESTION.fullmatch(name))}
    own = Counter([found[2] for found in parts.values()] + [name for name in names if name not in parts])
    called: dict[str, str] = {}
    for name, found in parts.items():
        alone = own[found[2]] == 1 and not _GENERIC.fullmatch(found[2])
        called[name] = found[2] if alone else f"{found[1]}_{found[2]}"
    return called if len({called.get(name, name) for name in names}) == len(names) else {}


def _decoded(column: pd.Series[Any]) -> pd.Series[Any]:
    """Answer codes such as A3 as numbers; any other column as it is."""
    told = column.dropna()
    if told.empty or not told.map(lambda cell: isinstance(cell, str)).all():
        return column
    if not told.map(lambda cell: bool(_CODE.fullmatch(cell.strip()))).all():
        return column
    return column.map(_value, na_action="ignore").astype("Int64")


def _value(cell: str) -> int:
    found = _CODE.fullmatch(cell.strip())
    if found is None or found[2]:
        return OTHER
    if found[3]:
        return DECLINED
    return -int(found[4]) if found[4] else int(found[1])


def _renamed(rows: pd.DataFrame, names: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    gone = [name for name in rows.columns if name in _PERSONAL]
    new = {there: here for there, here in names.items() if there in rows.columns and here not in rows.columns}
    found = rows.drop(columns=gone).rename(columns=new)
    if "language" in new.values():
        found["language"] = found["language"].map(lambda code: str(code).lower(), na_action="ignore")
    notes = [f"Left out, because it is about the person: {', '.join(map(str, gone))}."] if gone else []
    if new:
        notes.append(f"Renamed: {', '.join(f'{there} is {here}' for there, here in new.items())}.")
    return found, notes


def _word(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().lower()


def _is_ticked(value: object) -> bool:
    return _word(value) == "y"


def _noted(rows: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    rows.attrs["notes"] = notes
    return rows
