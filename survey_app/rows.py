"""Rows: the table the analysis starts from, made of what the store keeps, and the way back for an import."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from analysis.errors import DataError, Problem
from analysis.instrument import METADATA, Instrument, Item
from analysis.kinds import DECLINED, OTHER, SEVERAL, TYPED, Answer, Column
from analysis.show_if import parse_condition
from analysis.shown import Facts, shown_pages
from survey_app.answers import LONGEST_OTHER, WrongAnswer, accept_answer, quoted
from survey_app.paradata import DEVICES, turn_of
from survey_app.study import Study, one_line

if TYPE_CHECKING:
    import pandas as pd

    from analysis.codebook import Declared


def as_json(value: object) -> str:
    """The value as compact JSON, the way a saved page is kept."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        what = f"holds a value that is neither number nor text ({error})"
        raise DataError(Problem("the page", what, "Send numbers, texts or nothing.")) from error


def rows_from(
    participations: Sequence[Any], kept: Sequence[Any], instrument: Instrument, devices: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """What did people answer, one row per participation and influencer?

    Parameters
    ----------
    participations : sequence of rows
        In the order wanted, with the attributes of `Participation` and the digest of its instrument.
    kept : sequence of (participation id, influencer, answers as JSON)
        The saved pages. Those saved for no influencer belong to every row of their participation.
    instrument : Instrument
        Gives the item columns and their order.
    devices : mapping of str to str
        The device class each participation told last.

    Returns
    -------
    pandas.DataFrame
        The columns that `Store.rows` describes. A question answered with a list has a column for each choice
        (`{id}_{value}`: 1 or 0 for `multiple`, the rank from 1 for `ranking`, missing where it has none), words typed
        for "other" stand in `{id}_other`. Whoever prefers not to say has -99 in each of them ("-99" in texts).

    Notes
    -----
    An answer to a question that is hidden by the answers as they are now (somebody went back and changed one) is
    left out. Somebody who changed the language saw what is shown in any of them. An answer to another version of the
    questionnaire stays: its conditions are not those of this one.
    """
    import pandas as pd

    devices = devices or {}
    once: dict[str, dict[str, Answer]] = {}
    rated: dict[str, dict[str, dict[str, Answer]]] = {}
    # Decoding one long text is several times faster than decoding each page.
    for (participation, influencer, _), answers in zip(kept, json.loads(_joined(kept)), strict=True):
        if influencer:
            rated.setdefault(participation, {}).setdefault(influencer, {}).update(answers)
        else:
            once.setdefault(participation, {}).update(answers)
    people, influencers, turns, answered = [], [], [], []
    for person in participations:
        own, mine = once.get(person.id, {}), rated.get(person.id, {})
        for influencer, answers in (mine or {person.influencer: {}}).items():
            people.append(person)
            influencers.append(influencer)
            turns.append(turn_of(person.influencers, influencer) if mine else 0)
            answered.append(own | answers if answers else own)
    if instrument.conditional:
        any_language = instrument.languages if _asks_language(instrument) else ()
        answered = [
            _of_shown(instrument, person, influencer, answers, any_language or (person.language,))
            if person.instrument == instrument.digest
            else answers
            for person, influencer, answers in zip(people, influencers, answered, strict=True)
        ]
    started = pd.Series([person.started for person in people], dtype="datetime64[us, UTC]")
    finished = pd.Series([person.finished for person in people], dtype="datetime64[us, UTC]")
    seconds = (finished - started).dt.total_seconds()
    columns = {
        "participation": [person.id for person in people],
        "influencer": influencers,
        "condition": [person.condition for person in people],
        "source": [person.source for person in people],
        "wave": [person.wave for person in people],
        "person": [person.person for person in people],
        "language": [person.language for person in people],
        "consented": [person.consent_version for person in people],
        "started": started,
        "finished": finished,
        "seconds": seconds.where(seconds >= 0),  # a clock that was set back meanwhile tells nothing
        "device": pd.array([devices.get(person.id) for person in people], dtype="string"),
        "resumes": pd.array([person.resumes for person in people], dtype="int64"),
        "switches": pd.array([person.switches for person in people], dtype="int64"),
        "assigned": pd.array([person.assigned for person in people], dtype="int64"),
        "page_order": [" ".join(person.page_order) for person in people],
        "turn": pd.array(turns, dtype="int64"),
        "instrument": [person.instrument for person in people],
        "synthetic": pd.array([person.synthetic for person in people], dtype="bool"),
        "test": pd.array([person.test for person in people], dtype="bool"),
    }
    answers = {column.name: _column(item, column, answered) for item in instrument.items for column in item.columns}
    return pd.DataFrame(columns | answers)


def kept_from(
    frame: pd.DataFrame, instrument: Instrument, study: Study
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Which participations and pages make up this table? The inverse of `rows_from`, under new ids.

    Returns
    -------
    tuple of two lists of dict
        Rows for the tables `participations` and `pages`.

    Raises
    ------
    DataError
        With every column that is unknown or holds an undeclared value, and for a person who has two rows.
    """
    about = (*METADATA, *_parameters(study))
    answers = _checked(frame, instrument, about)
    described = frame[[name for name in about if name in frame.columns]].to_dict("records")
    kept = {
        page.id: [name for id in page.items for name in _kept_names(instrument.item(id))] for page in instrument.pages
    }
    now = datetime.now(UTC)
    people: dict[object, dict[str, Any]] = {}
    turns: dict[object, dict[int, str]] = {}
    saved = []
    for number in range(len(frame)):
        meta = {str(name): value for name, value in described[number].items() if not _is_missing(value)}
        name = meta.get("participation", number)
        first = name not in people
        if first:
            people[name] = _person_from(meta, study, instrument.languages[0], now)
        for page in instrument.pages:
            on_page = {name: answers[name][number] for name in kept[page.id] if name in answers}
            if on_page and (first or page.per_influencer):
                rated = one_line(str(meta.get("influencer", "")), 200) if page.per_influencer else ""
                device = str(meta.get("device", ""))
                saved.append(_page_from(people[name], page.id, rated, on_page, device if device in DEVICES else ""))
        if rated := one_line(str(meta.get("influencer", "")), 200):
            turns.setdefault(name, {})[_count(meta.get("turn"))] = rated
    for name, ranked in turns.items():
        if len(ranked) > 1:
            people[name]["influencers"] = tuple(ranked[turn] for turn in sorted(ranked))
    return list(people.values()), saved


def study_columns(study: Study, language: str) -> list[Declared]:
    """What an export says of a study's own columns: the parameters of its links, and what its values are called."""
    from analysis.codebook import Declared
    from analysis.vocabulary import codebook_words

    wording = codebook_words(language)["columns.parameter"]
    named = {
        "condition": {each.id: each.label for each in study.conditions},
        "influencer": {each.id: each.name for each in study.influencers},
        "source": {each.id: each.label or each.id for each in study.sources},
        "wave": {each.id: each.label for each in study.waves},
    }
    own = [Declared(each.id, each.label or wording.format(name=each.name)) for each in study.parameters]
    return [*(Declared(name, values=values) for name, values in named.items() if values), *own]


def _joined(kept: Sequence[Any]) -> str:
    return f"[{','.join(answers for _, _, answers in kept)}]"


def _kept_names(item: Item) -> list[str]:
    """Under which names a saved page holds the answer, and the words behind "other"."""
    return [item.id, *(column.name for column in item.columns if column.holds == "words")]


def _of_shown(
    instrument: Instrument, person: Any, influencer: str, answers: Mapping[str, Answer], languages: Sequence[str]
) -> dict[str, Answer]:
    """The answers to what is shown, in any of the languages, with the answers as they are now."""
    shown: set[str] = set()
    for language in languages:
        facts = Facts(person.condition, language, person.wave, influencer)
        shown.update(*shown_pages(instrument, answers, facts).values())
    names = {name for id in shown for name in _kept_names(instrument.item(id))}
    return {name: answer for name, answer in answers.items() if name in names}


def _asks_language(instrument: Instrument) -> bool:
    conditions = {part.show_if for parts in (instrument.pages, instrument.items) for part in parts if part.show_if}
    return any("language" in parse_condition(condition).names for condition in conditions)


def _column(item: Item, column: Column, answered: Sequence[Mapping[str, Answer]]) -> Any:
    """The narrowest nullable column that holds the values as they are."""
    import pandas as pd

    values: Any = [_cell(item, column, answers) for answers in answered]
    if column.holds == "words" or item.kind in TYPED:
        return pd.array(values, dtype="string")
    for dtype in ("Int64", "Float64"):
        try:
            return pd.array(values, dtype=dtype)
        except (TypeError, ValueError):
            continue
    return values


def _cell(item: Item, column: Column, answers: Mapping[str, Answer]) -> Answer:
    answer = answers.get(item.id)
    if column.holds == "words":
        return answers.get(column.name)
    if answer == DECLINED and item.decline:
        return str(DECLINED) if item.kind in TYPED else DECLINED
    if not isinstance(answer, list):
        return answer
    if column.holds == "chosen":
        return int(column.value in answer)
    return answer.index(column.value) + 1 if column.value in answer else None


def _parameters(study: Study) -> list[str]:
    return [parameter.id for parameter in study.parameters]


def _checked(frame: pd.DataFrame, instrument: Instrument, about: Sequence[str]) -> dict[str, list[Answer]]:
    """The answers by item, all of them declared; the words behind "other" under `{id}_other`."""
    problems: list[Problem] = []
    answers: dict[str, list[Answer]] = {}
    for item in instrument.items:
        try:
            answers |= _answers_to(item, frame)
        except DataError as error:
            problems.extend(error.problems)
    known = {*about, *(column.name for item in instrument.items for column in item.columns)}
    for column in frame.columns:
        if column not in known:
            problems.append(Problem(f"column '{column}'", "is no item of the instrument", "Remove or rename it."))
    if "participation" in frame.columns:
        several = "influencer" in frame.columns and any(page.per_influencer for page in instrument.pages)
        twice = frame.duplicated(["participation", "influencer"] if several else ["participation"])
        twice &= frame["participation"].notna()
        if twice.any():
            what = f"'{frame.loc[twice, 'participation'].iloc[0]}' stands on two rows"
            problems.append(Problem("column 'participation'", what, "Give each person (and influencer) one row."))
    if problems:
        raise DataError(*problems)
    return answers


def _answers_to(item: Item, frame: pd.DataFrame) -> dict[str, list[Answer]]:
    """The item's answers (and the words behind "other"), if any of its columns are there."""
    there = [column for column in item.columns if column.name in frame.columns]
    columns = [column for column in there if column.holds != "words"]
    if not columns:
        return {}
    answers: list[Answer] = []
    read: dict[object, tuple[Any, str]] = {}  # most cells are like one before; True and 1.0 are not 1
    for cells in zip(*(frame[column.name].tolist() for column in columns), strict=True):
        cells = tuple(None if _is_missing(cell) else cell for cell in cells)
        key = (*map(type, cells), *cells)
        try:
            known = read.get(key)
        except TypeError:  # a list in a cell
            known, key = None, ()
        value, wrong = read[key] = known or _read(item, dict(zip(columns, cells, strict=True)))
        if wrong:
            names = "' to '".join(dict.fromkeys((columns[0].name, columns[-1].name)))
            what = f"holds {quoted(value)}, which {wrong}"
            raise DataError(Problem(f"column '{names}'", what, "Correct it or leave it empty."))
        answers.append(value)
    words = [column.name for column in there if column.holds == "words"]
    return {item.id: answers} | {
        name: [_words(cell, answer) for cell, answer in zip(frame[name].tolist(), answers, strict=True)]
        for name in words
    }


def _read(item: Item, row: Mapping[Column, Any]) -> tuple[Any, str]:
    """The answer of one row as the instrument declares it, or the cell that is none and what is wrong with it."""
    plain = {column: _plain(cell, item) for column, cell in row.items() if cell is not None}
    value: Any = next(iter(plain.values()), None)
    if item.kind in SEVERAL and plain:
        value = _listed(plain)
    try:
        return accept_answer(item, value, kept=True), ""
    except WrongAnswer as wrong:
        return value, str(wrong)


def _plain(cell: Any, item: Item) -> Any:
    """A cell as a phone would have sent it: 4.0, from a table with gaps, is the 4 of the choices."""
    if hasattr(cell, "item") and not hasattr(cell, "__len__"):  # a number of NumPy's
        cell = cell.item()
    if item.decline and cell in (DECLINED, str(DECLINED), f"{DECLINED}.0"):
        return DECLINED
    if item.kind == "date" and hasattr(cell, "date"):
        return cell.date().isoformat()
    if item.kind in TYPED and isinstance(cell, int | float):
        return str(cell)
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _listed(cells: Mapping[Column, Any]) -> Any:
    """The list behind ones and zeros, or behind ranks; a cell that is neither, as it is."""
    if all(cell == DECLINED for cell in cells.values()):
        return DECLINED
    ranked = next(iter(cells)).holds == "rank"
    allowed = range(1, len(cells) + 1) if ranked else (0, 1)
    for cell in cells.values():
        if not isinstance(cell, int) or cell not in allowed:
            return cell
    given = sorted((cell, number, column.value) for number, (column, cell) in enumerate(cells.items()) if cell)
    if ranked and [rank for rank, _, _ in given] != list(range(1, len(given) + 1)):
        return [rank for rank, _, _ in given]
    return [value for _, _, value in given]


def _words(cell: Any, answer: Answer) -> str | None:
    chosen = OTHER in answer if isinstance(answer, list) else answer == OTHER
    return None if _is_missing(cell) or not chosen else str(cell)[:LONGEST_OTHER]


def _is_missing(value: object) -> bool:
    """None, NaN and NaT (which differ from themselves) and pandas.NA (which says neither yes nor no)."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
    except ValueError:  # an array in a cell
        return False


def _person_from(meta: Mapping[str, Any], study: Study, language: str, now: datetime) -> dict[str, Any]:
    started, finished = _moment(meta.get("started", now)), _moment(meta.get("finished", now))
    test = bool(meta.get("test", False))
    return {
        "id": new_id(),
        "study": study.id,
        "instrument": study.instrument,
        "key_hash": None,
        "withdrawal_hash": None,
        "language": one_line(str(meta.get("language", language)), 16),
        "source": one_line(str(meta.get("source", "")), 32),
        "condition": one_line(str(meta.get("condition", "")), 32),
        "consent_version": one_line(str(meta.get("consented", study.consent_version)), 64),
        "wave": one_line(str(meta.get("wave", "")), 32),
        "person": one_line(str(meta.get("person", "")), 32),
        "influencer": one_line(str(meta.get("influencer", "")), 200),
        "started": min(started, finished),
        "finished": finished,
        "synthetic": study.synthetic or bool(meta.get("synthetic", False)),
        "test": test,
        "influencers": (),
        "resumes": _count(meta.get("resumes")),
        "switches": _count(meta.get("switches")),
        "assigned": _assigned(meta.get("assigned"), test),
        "page_order": tuple(one_line(str(meta.get("page_order", "")), 4000).split()),
        "external": {name: one_line(str(meta[name]), 200) for name in _parameters(study) if name in meta},
        "revision": 1,
    }


def _assigned(told: object, test: bool) -> int:
    """The number of an assignment: tests count down from -1, so that none of theirs is what people count on from."""
    number = _count(abs(told)) if isinstance(told, int | float) else 0
    return -number if test else number


def _count(told: object) -> int:
    """A small number from a table; 0 where there is none."""
    return int(told) if isinstance(told, int | float) and 0 <= told < 2**31 else 0


def _page_from(
    person: Mapping[str, Any], page: str, influencer: str, answers: Mapping[str, Answer], device: str
) -> dict[str, Any]:
    return {
        "participation": person["id"],
        "page": page,
        "influencer": influencer,
        "answers": as_json(answers),
        "shown": "[]",
        "paradata": as_json({"device": device}) if device else "{}",
        "saved": person["finished"],
    }


def new_id() -> str:
    """A random id for a participation, which tells nothing about the person."""
    return "p" + secrets.token_hex(8)


def _moment(value: Any) -> datetime:
    """A time as a table may hold it: pandas' Timestamp, a datetime or an ISO text; without a zone it is UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    moment = moment.to_pydatetime() if hasattr(moment, "to_pydatetime") else moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
