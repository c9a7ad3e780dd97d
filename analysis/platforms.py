"""Exports of Qualtrics and LimeSurvey as rows: their own columns under our names, their codes as numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
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
_VV_MARKS = {
    "{cr}{newline}": "\n", "{cr}": "\n", "{newline}": "\n", "{tab}": "\t", "{quote}": '"', "{lbrace}": "{",
}  # fmt: skip
_VV_MARK = re.compile("|".join(map(re.escape, _VV_MARKS)))
_NOT_SHOWN = "{question_not_shown}"
_TIME_HIDDEN = "1980-01-01"
_CODE = re.compile(r"(?:AO?)?0*(\d{1,6})|(-oth-)|(n99)|m(\d{1,4})")
_SUBQUESTION = re.compile(r"([^\[\]]+)\[([^\[\]]+)\]")
_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\d 00:00:00")
_WORDS = ("other", "comment")
_BY_CHANCE = 0.001
"""How seldom items answered independently may look like a ranking, for their columns to be read as one."""
_MOST_SETS = 200_000
_JOINED = re.compile(r"([A-Za-z][A-Za-z0-9]*)_([A-Za-z0-9]+)")
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
        export of LimeSurvey `grid[psi1]` (in a VV file `grid_psi1`) is `psi1`, `topics[2]` is `topics_2`; answer
        codes such as A3 are numbers, a ticked box is 1 and the boxes beside it 0, or all of them -99 where "n99" is
        ticked. `rows.attrs["notes"]` says in sentences what was done.

    Notes
    -----
    Qualtrics marks previews (`test` is True then) and people who have not finished (`finished` is missing then). Nobody
    is left out.

    LimeSurvey gives a ranking as the choice on each rank, and a ranking here is the rank of each choice. Nothing in the
    file tells it from a grid of the items 1 to k, and turning round a grid spoils its answers. What tells them apart is
    that nobody puts one choice on two ranks: columns `q[1]` to `q[k]` that hold the numbers 1 to k, in no row one of
    them twice or after a gap, are turned round where k items answered independently, each as often with each number as
    its column, would do the same with a chance below .001. Five people whose rankings of four differ show that, or ten
    with two choices; where the answers do not show it, they stay as they are, and a note says so.

    Checked against
    ---------------
    tests/analysis/test_platforms.py: files a LimeSurvey 6.4.2 wrote of answers to `showcase`, as CSV and as VV, come
    back as the answers that were given; Qualtrics files in the layout its manual describes.

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
        return _from_limesurvey(rows.set_axis(_bracketed(plain), axis="columns"))
    return rows


def is_codes(cells: Sequence[str]) -> bool:
    """Are these cells the codes of the columns, as the second line of a VV file of LimeSurvey has them?

    Parameters
    ----------
    cells : sequence of str
        The second line of a file.

    Returns
    -------
    bool
        True where they begin with `id` and name the columns every survey has.

    Checked against
    ---------------
    tests/analysis/test_platforms.py: `load_rows` reads a VV file that LimeSurvey 6.4.2 wrote, and one whose questions
    stand twice.

    Examples
    --------
    >>> is_codes(["id", "submitdate", "lastpage", "startlanguage", "grid_psi1"]), is_codes(["1", "", "2", "en", "4"])
    (True, False)
    """
    return cells[:1] == ["id"] and {"submitdate", "lastpage", "startlanguage"} <= set(cells)


def unmarked(rows: pd.DataFrame) -> pd.DataFrame:
    """What do the cells of a VV file of LimeSurvey say, once its marks for lines, tabs and quotes are read?

    Parameters
    ----------
    rows : DataFrame
        As a VV file has them. Nothing else has marks: in a plain CSV `{quote}` is what somebody wrote.

    Returns
    -------
    DataFrame
        With the signs the marks stand for, and nothing where a question was not shown.

    Checked against
    ---------------
    tests/analysis/test_platforms.py: the VV file of a LimeSurvey 6.4.2, and every mark.

    Examples
    --------
    >>> unmarked(pd.DataFrame({"word": ["{quote}so{quote}", "{question_not_shown}"]}))["word"].tolist()
    ['"so"', nan]
    """
    columns: dict[str, pd.Series[Any]] = {}
    for name in rows.columns:
        column = rows[name]
        if column.map(lambda cell: isinstance(cell, str) and "{" in cell).any():
            column = _numbers(column.where(column != _NOT_SHOWN)).map(_signs)
        columns[name] = column
    return pd.DataFrame(columns)


def _bracketed(names: list[str]) -> list[str]:
    """The names with every part of a question in brackets; no code of LimeSurvey has an underscore itself."""
    if any("[" in name for name in names):
        return names
    return [f"{found[1]}[{found[2]}]" if (found := _JOINED.fullmatch(name)) else name for name in names]


def _signs(cell: object) -> object:
    return _VV_MARK.sub(lambda found: _VV_MARKS[found[0]], cell) if isinstance(cell, str) else cell


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
    if "finished" in found and found["finished"].astype("string").str.startswith(_TIME_HIDDEN).any():
        notes.append("Who finished at 1980-01-01 did so at a time that LimeSurvey was told to hide.")
    groups: dict[str, dict[str, str]] = {}
    for name in found.columns:
        if match := _SUBQUESTION.fullmatch(str(name)):
            groups.setdefault(match[1], {})[match[2]] = name
    columns: dict[str, pd.Series[Any]] = {str(name): _decoded(found[name]) for name in found.columns}
    for group, parts in groups.items():
        if _is_boxes(found, parts):
            columns |= _boxes(found, group, parts)
        elif (ranks := _ranks(columns, parts)) is not None:
            if _chance_of_no_tie(ranks) < _BY_CHANCE:
                columns |= _ranked(columns, parts)
                notes.append(f"Read as a ranking, so that {group}_1 is the rank given to choice 1: {group}.")
            else:
                notes.append(
                    f"Left as it is, because these answers do not show whether it is a ranking: {group}. If it is "
                    f"one, {group}_1 is the choice on rank 1."
                )
    declined = [parts["n99"] for parts in groups.values() if "n99" in parts and _is_boxes(found, parts)]
    called = _called([name for name in columns if name not in declined])
    renamed = pd.DataFrame(columns).drop(columns=declined).rename(columns=called)
    return _noted(renamed, ["This is an export of LimeSurvey.", *notes])


def _is_boxes(rows: pd.DataFrame, parts: dict[str, str]) -> bool:
    """Are these the boxes of one question? They hold Y (or N) and nothing else; beside them are words at most."""
    told = [_word(cell) for part, name in parts.items() if part not in _WORDS for cell in rows[name].dropna()]
    return "y" in told and set(told) <= {"y", "n"}


def _boxes(rows: pd.DataFrame, group: str, parts: dict[str, str]) -> dict[str, pd.Series[Any]]:
    """1 and 0 for those of whom a box says Y or N, or who wrote words instead; -99 for those who ticked "n99"."""
    ticked = {part: rows[name].map(_is_ticked) for part, name in parts.items() if part not in _WORDS}
    boxes = {parts[part]: box for part, box in ticked.items() if part != "n99"}
    if "other" in parts:
        boxes[f"{group}[{abs(OTHER)}]"] = rows[parts["other"]].notna()
    declined = ticked.get("n99", pd.Series(False, index=rows.index))
    shown = rows[[name for part, name in parts.items() if part not in _WORDS]].map(_word).isin(["y", "n"])
    given = pd.DataFrame(boxes).any(axis="columns") | shown.any(axis="columns") | declined
    return {name: box.astype("Int64").mask(declined, DECLINED).where(given) for name, box in boxes.items()}


def _ranks(columns: dict[str, pd.Series[Any]], parts: dict[str, str]) -> pd.DataFrame | None:
    """The columns where they hold choices on the ranks 1 to k, each at most once and none after a gap; else None."""
    ranks = [str(rank) for rank in range(1, len(parts) + 1)]
    if len(parts) < 2 or list(parts) != ranks:
        return None
    table = pd.DataFrame({rank: pd.to_numeric(columns[parts[rank]], errors="coerce") for rank in ranks})
    if any((table[rank].isna() & columns[parts[rank]].notna()).any() for rank in ranks):
        return None  # words
    told = [[cell for cell in row if not pd.isna(cell)] for row in table.itertuples(index=False)]
    gaps = any(not pd.isna(cell) for row, kept in zip(table.to_numpy(), told, strict=True) for cell in row[len(kept) :])
    values = {cell for row in told for cell in row}
    alike = values <= set(map(int, ranks)) and not gaps and all(len(set(row)) == len(row) for row in told)
    return table if values and alike else None


def _chance_of_no_tie(ranks: pd.DataFrame) -> float:
    """The chance that nobody gives two items one number, were each answered on its own, as often with each number.

    Sets of numbers in use are followed from item to item; where they become too many, the items so far are enough: the
    chance for more of them is smaller still.
    """
    answered = ranks.notna().sum(axis="columns")
    sets, chance = {0: 1.0}, 1.0  # a set of numbers has a bit for each
    for place, name in enumerate(ranks.columns):
        shares = ranks[name].value_counts(normalize=True)
        if len(sets) * len(shares) <= _MOST_SETS:
            bits = [(1 << int(value), float(share)) for value, share in zip(shares.index, shares, strict=True)]
            longer: dict[int, float] = {}
            for used, so_far in sets.items():
                for bit, share in bits:
                    if not used & bit:
                        longer[used | bit] = longer.get(used | bit, 0.0) + so_far * share
            sets = longer
        chance *= sum(sets.values()) ** int((answered == place + 1).sum())
    return float(chance)


def _ranked(columns: dict[str, pd.Series[Any]], parts: dict[str, str]) -> dict[str, pd.Series[Any]]:
    """For each choice the rank it has."""
    on_rank = {int(rank): pd.to_numeric(columns[name]) for rank, name in parts.items()}
    ranked: dict[str, pd.Series[Any]] = {}
    for choice, name in parts.items():
        rank_of = pd.Series(pd.NA, index=columns[name].index, dtype="Int64")
        for rank, chosen in on_rank.items():
            rank_of = rank_of.mask((chosen == int(choice)).fillna(False).astype(bool), rank)
        ranked[name] = rank_of
    return ranked


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
    """Answer codes such as A3 as numbers, days without their midnight; any other column as it is."""
    told = column.dropna()
    if told.empty or not told.map(lambda cell: isinstance(cell, str)).all():
        return column
    if told.map(lambda cell: bool(_MIDNIGHT.fullmatch(cell))).all():
        return column.str.removesuffix(" 00:00:00")
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
