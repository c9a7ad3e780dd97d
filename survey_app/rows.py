"""Rows: the table the analysis starts from, made of what the store keeps, and the way back for an import."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from analysis.errors import DataError, Problem
from analysis.instrument import METADATA, Instrument, Item
from survey_app.answers import Answer
from survey_app.study import Study, one_line

if TYPE_CHECKING:
    import pandas as pd


def as_json(value: object) -> str:
    """The value as compact JSON, the way a saved page is kept."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        what = f"holds a value that is neither number nor text ({error})"
        raise DataError(Problem("the page", what, "Send numbers, texts or nothing.")) from error


def rows_from(participations: Sequence[Any], kept: Sequence[Any], instrument: Instrument) -> pd.DataFrame:
    """What did people answer, one row per participation and influencer?

    Parameters
    ----------
    participations : sequence of rows
        In the order wanted, with the attributes of `Participation` and the digest of its instrument.
    kept : sequence of (participation id, influencer, answers as JSON)
        The saved pages. Those saved for no influencer belong to every row of their participation.
    instrument : Instrument
        Gives the item columns and their order.

    Returns
    -------
    pandas.DataFrame
        The columns that `Store.rows` describes.
    """
    import pandas as pd

    once: dict[str, dict[str, Answer]] = {}
    rated: dict[str, dict[str, dict[str, Answer]]] = {}
    # Decoding one long text is several times faster than decoding each page.
    for (participation, influencer, _), answers in zip(kept, json.loads(_joined(kept)), strict=True):
        if influencer:
            rated.setdefault(participation, {}).setdefault(influencer, {}).update(answers)
        else:
            once.setdefault(participation, {}).update(answers)
    people, influencers, answered = [], [], []
    for person in participations:
        own = once.get(person.id, {})
        for influencer, answers in (rated.get(person.id) or {person.influencer: {}}).items():
            people.append(person)
            influencers.append(influencer)
            answered.append(own | answers if answers else own)
    started = pd.Series([person.started for person in people], dtype="datetime64[us, UTC]")
    finished = pd.Series([person.finished for person in people], dtype="datetime64[us, UTC]")
    columns = {
        "participation": [person.id for person in people],
        "influencer": influencers,
        "condition": [person.condition for person in people],
        "source": [person.source for person in people],
        "language": [person.language for person in people],
        "consented": [person.consent_version for person in people],
        "started": started,
        "finished": finished,
        "seconds": (finished - started).dt.total_seconds(),
        "instrument": [person.instrument for person in people],
        "synthetic": pd.array([person.synthetic for person in people], dtype="bool"),
        "test": pd.array([person.test for person in people], dtype="bool"),
    }
    return pd.DataFrame(columns | {item.id: _column(item, answered) for item in instrument.items})


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
    answers = _checked(frame, instrument)
    described = frame[[name for name in METADATA if name in frame.columns]].to_dict("records")
    now = datetime.now(UTC)
    people: dict[object, dict[str, Any]] = {}
    saved = []
    for number in range(len(frame)):
        meta = {str(name): value for name, value in described[number].items() if not _is_missing(value)}
        name = meta.get("participation", number)
        first = name not in people
        if first:
            people[name] = _person_from(meta, study, instrument.languages[0], now)
        for page in instrument.pages:
            on_page = {item: answers[item][number] for item in page.items if item in answers}
            if on_page and (first or page.per_influencer):
                rated = one_line(str(meta.get("influencer", "")), 200) if page.per_influencer else ""
                saved.append(_page_from(people[name], page.id, rated, on_page))
    return list(people.values()), saved


def _joined(kept: Sequence[Any]) -> str:
    return f"[{','.join(answers for _, _, answers in kept)}]"


def _column(item: Item, answered: Sequence[Mapping[str, Answer]]) -> Any:
    """The narrowest nullable column that holds the item's values as they are."""
    import pandas as pd

    values: Any = [answers.get(item.id) for answers in answered]
    if item.kind == "text":
        return values
    for dtype in ("Int64", "Float64"):
        try:
            return pd.array(values, dtype=dtype)
        except (TypeError, ValueError):
            continue
    return values


def _checked(frame: pd.DataFrame, instrument: Instrument) -> dict[str, list[Answer]]:
    """The answers by item, all of them declared."""
    known = {item.id: item for item in instrument.items}
    problems, answers = [], {}
    for column in frame.columns:
        if column in known:
            try:
                answers[str(column)] = [_declared(value, known[column]) for value in frame[column].tolist()]
            except ValueError as error:
                problems.append(Problem(f"column '{column}'", str(error), "Correct it or leave it empty."))
        elif column not in METADATA:
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


def _declared(value: Any, item: Item) -> Answer:
    """The value as the instrument declares it: 4.0, from a table with gaps, is the 4 of the choices."""
    if _is_missing(value):
        return None
    if item.kind == "text":
        return str(value)
    if isinstance(value, str | bool):
        raise ValueError(f"holds {value!r}, which is no number")
    number = float(value)
    plain = int(number) if number.is_integer() else number
    if item.choices is not None and plain not in item.choices.values:
        low, high = item.choices.span
        raise ValueError(f"holds {plain}, the declared values lie from {low} to {high}")
    if item.minimum is not None and number < item.minimum:
        raise ValueError(f"holds {plain}, which is below {item.minimum:g}")
    if item.maximum is not None and number > item.maximum:
        raise ValueError(f"holds {plain}, which is above {item.maximum:g}")
    return plain


def _is_missing(value: object) -> bool:
    """None, NaN and NaT (which differ from themselves) and pandas.NA (which says neither yes nor no)."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True


def _person_from(meta: Mapping[str, Any], study: Study, language: str, now: datetime) -> dict[str, Any]:
    started, finished = _moment(meta.get("started", now)), _moment(meta.get("finished", now))
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
        "influencer": one_line(str(meta.get("influencer", "")), 200),
        "started": min(started, finished),
        "finished": finished,
        "synthetic": study.synthetic or bool(meta.get("synthetic", False)),
        "test": bool(meta.get("test", False)),
        "external": {},
        "revision": 1,
    }


def _page_from(person: Mapping[str, Any], page: str, influencer: str, answers: Mapping[str, Answer]) -> dict[str, Any]:
    return {
        "participation": person["id"],
        "page": page,
        "influencer": influencer,
        "answers": as_json(answers),
        "shown": "[]",
        "paradata": "{}",
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
