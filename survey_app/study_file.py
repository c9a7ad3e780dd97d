"""Studies as TOML files: reading one with all that is wrong with it, and writing one.

    id = "spring"
    slug = "spring-2026"
    instrument = "psi_core"          # a shipped questionnaire, or a .toml file beside this one
    title.en = "You and the influencer you follow"
    languages = ["en"]
    consent_version = "1"
    consent.en = "..."

    [[conditions]]
    id = "plain"
    label = "No label"

Every other key is a field of `survey_app.study.Study`; what a file leaves out is as it is there.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, replace
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from analysis.datafiles import data_file
from analysis.errors import ParasolError, Problem, StoreError
from analysis.instrument import Instrument, load_instrument
from analysis.instrument_file import instrument_as_toml
from analysis.toml_text import toml_content
from survey_app.store import Store
from survey_app.study import (
    CodePart,
    Completion,
    Condition,
    Goal,
    Influencer,
    Parameter,
    Source,
    Study,
    Wave,
    one_line,
)
from survey_app.study_check import study_problems

LARGEST_FILE = 1_000_000
_LONGEST_SHOWN = 60
_NOT_IN_A_FILE = ("state", "opened", "closed")
_BLOCKS: Mapping[str, Any] = {
    "conditions": Condition, "influencers": Influencer, "sources": Source, "waves": Wave, "code": CodePart,
    "parameters": Parameter, "completion": Completion, "plan": Goal,
}  # fmt: skip
_REMEDIES = {
    "missing": "Add it.",
    "string_type": "Write text, in quotes.",
    "int_type": "Write a whole number, without quotes.",
    "float_type": "Write a number, without quotes.",
    "bool_type": "Write true or false, without quotes.",
    "date_type": "Write a day, as in 2026-12-31.",
    "datetime_type": "Write a time with its zone, as in 2026-10-01T09:00:00+02:00.",
    "tuple_type": 'Write a list, as in ["en", "nl"].',
    "mapping_type": 'Write one text for each language, as in title.en = "...".',
    "dict_type": 'Write one text for each language, as in title.en = "...".',
    "dataclass_type": "Write it as a block in brackets, such as [[conditions]] or [completion].",
}


@dataclass(frozen=True)
class StudyFile:
    """What a study file says: the study as a draft, and its questionnaire."""

    study: Study
    instrument: Instrument


@dataclass(frozen=True)
class Published:
    """What an import did: a new study or a changed one, and the version its questionnaire has now."""

    study: Study
    new: bool
    version: str
    new_version: bool


def load_study(path: Path) -> StudyFile:
    """Which study, with which questionnaire, stands in this file?

    Raises
    ------
    StoreError
        With every problem of the file and of the study in it.
    InstrumentError
        With every problem of its questionnaire.
    """
    content = _content(path)
    problems = [Problem(f"{path.name}, {place}", what, remedy) for place, what, remedy in _unknown(content)]
    known = {name: value for name, value in content.items() if name in _fields(Study) and name not in _NOT_IN_A_FILE}
    try:
        study = _study(known)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        problems += [_problem(path.name, each) for each in wrong]
        # The rest is looked at as well, so that everything is said at once.
        study = _study(_without(known, {str(each["loc"][0]) for each in wrong if each["loc"]}))
    instrument = None
    if isinstance(known.get("instrument"), str):
        try:
            instrument = _instrument(path, known["instrument"])
        except ParasolError as error:
            problems += error.problems
    said = study_problems(study, instrument)
    problems += [Problem(f"{path.name}, {each.where}", each.what, each.remedy) for each in said]
    if problems or instrument is None:
        raise StoreError(*problems)
    return StudyFile(replace(study, instrument=instrument.digest), instrument)


def publish(store: Store, file: StudyFile) -> Published:
    """Bring the study of a file into the store, or bring the one that is there up to date.

    A questionnaire that was published never changes: one with other content under the same version is kept as the
    next version (`1`, `1+2`, `1+3`), and whoever has begun goes on with the one they began.
    """
    study, old = file.study, {each.slug: each for each in store.studies()}.get(file.study.slug)
    instrument, new_version = _next_version(file.instrument, store.versions(file.instrument.id))
    store.add_instrument(instrument)
    study = replace(study, instrument=instrument.digest)
    if old is None:
        study = study if study.seed else replace(study, seed=secrets.randbelow(2**32) + 1)
        store.add_study(study)
    else:
        store.change_study(study if study.seed else replace(study, seed=old.seed))
    return Published(store.study(study.slug), old is None, instrument.version, new_version)


def study_as_toml(study: Study, instrument: str) -> str:
    """The study as the text of a file; `instrument` is the name or the file of its questionnaire."""
    values = asdict(study) | {"instrument": instrument}
    plain, blocks = [], []
    for name, field in _fields(Study).items():
        value = values[name]
        if name in _NOT_IN_A_FILE or value == _default(field):
            continue
        if name in _BLOCKS:
            blocks += [_block(name, one) for one in (value if isinstance(value, tuple) else (value,))]
        elif isinstance(value, Mapping):
            plain += [f"{name}.{_key(language)} = {_value(text)}" for language, text in value.items()]
        else:
            plain.append(f"{name} = {_value(value)}")
    return "\n".join([*plain, *blocks]) + "\n"


def write_study(store: Store, slug: str, path: Path) -> list[Path]:
    """Write the design of a study into a file, and beside it its questionnaire where that is not a shipped one."""
    study = store.study(slug)
    instrument = store.instrument(study.instrument)
    shipped = {file.stem for file in data_file("instruments").glob("*.toml")}
    if instrument.id in shipped and load_instrument(instrument.id) == instrument:
        path.write_text(study_as_toml(study, instrument.id), encoding="utf-8")
        return [path]
    beside = path.with_name(f"{path.stem}_questionnaire.toml")
    beside.write_text(instrument_as_toml(instrument), encoding="utf-8")
    path.write_text(study_as_toml(study, beside.name), encoding="utf-8")
    return [path, beside]


# -- reading ----------------------------------------------------------------------------------------------------


def _content(path: Path) -> dict[str, Any]:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            what = f"the file is {size:,} bytes long"
            raise StoreError(Problem(path.name, what, f"A study has at most {LARGEST_FILE:,}."))
        return toml_content(path.read_bytes())
    except OSError as error:
        what = f"the file cannot be read: {error.strerror or 'it cannot be opened'}"
        raise StoreError(Problem(str(path), what, "Check the path and who may read it.")) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise StoreError(Problem(path.name, f"line {line} is not UTF-8 text", "Save the file as UTF-8.")) from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError and no TOMLDecodeError
        reason = (
            "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition("; use sys")[0]
        )
        remedy = "Correct that line; texts stand in quotes, one key on a line."
        raise StoreError(Problem(path.name, f"this is not valid TOML: {reason}", remedy)) from None


def _unknown(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Keys that mean nothing: place, what, remedy."""
    yield from _unknown_in("", content, Study, _NOT_IN_A_FILE)
    for name, block in _BLOCKS.items():
        listed = content.get(name, [])
        for number, table in enumerate(listed if isinstance(listed, list) else [listed], start=1):
            if isinstance(table, dict):
                yield from _unknown_in(f"{name} {number}, " if isinstance(listed, list) else f"{name}, ", table, block)


def _unknown_in(
    place: str, table: Mapping[str, Any], kind: Any, not_here: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    names = [name for name in _fields(kind) if name not in not_here]
    for key in table:
        if key not in names:
            close = get_close_matches(key, names, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(names)}."
            yield f"{place}key {_shown(key)}", "this key is unknown", remedy


def _study(known: Mapping[str, Any]) -> Study:
    """The study as a draft, its questionnaire not looked at yet; types are checked, nothing is guessed."""
    return TypeAdapter(Study).validate_json(json.dumps({**known, "state": "draft"}, default=_as_text), strict=True)


def _without(known: Mapping[str, Any], wrong: set[str]) -> dict[str, Any]:
    """The keys that can be read; in the place of a needed one that cannot, something there is nothing to say about."""
    left = {name: value for name, value in known.items() if name not in wrong}
    languages = left.setdefault("languages", [])
    needed: dict[str, Any] = {"id": "study", "slug": "study", "instrument": "", "consent_version": "1"}
    needed |= {name: dict.fromkeys(languages, "-") for name in ("title", "consent")}
    if "languages" in wrong:
        left["languages"] = ["en"]
        left |= {name: {"en": "-"} for name in ("title", "consent")}
    return needed | left


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _problem(name: str, error: Any) -> Problem:
    place = [str(part + 1) if isinstance(part, int) else str(part) for part in error["loc"] if part != "[key]"]
    where = f"{name}, {' '.join(place[:2])}" + "".join(f", {part}" for part in place[2:])
    kind = error["type"]
    if kind == "missing":
        return Problem(where, "this key is missing", _REMEDIES["missing"])
    if kind == "literal_error":
        return Problem(where, f"{_shown(error['input'])} does not fit here", f"Write {error['ctx']['expected']}.")
    family = kind.split("_")[0] + "_type"
    remedy = _REMEDIES.get(kind) or _REMEDIES.get(family) or f"{error['msg']}."
    return Problem(where, f"{_shown(error['input'])} does not fit here", remedy)


def _instrument(path: Path, reference: str) -> Instrument:
    """The questionnaire a study file names: a shipped one, or a file in the study file's own folder."""
    if reference.isidentifier():
        return load_instrument(reference)
    file, folder = (path.parent / one_line(reference, 200)).resolve(), path.parent.resolve()
    if file.suffix != ".toml" or not file.is_relative_to(folder) or not file.is_file():
        what = f"{_shown(reference)} is neither a shipped questionnaire nor a .toml file in the same folder"
        remedy = "Write a name such as psi_core, or put the file beside this one."
        raise StoreError(Problem(f"{path.name}, instrument", what, remedy))
    return load_instrument(file)


def _next_version(instrument: Instrument, versions: Mapping[str, str]) -> tuple[Instrument, bool]:
    """The instrument under a version that no other content has; and whether that is a new version of it."""
    number, candidate = 1, instrument
    while versions.get(candidate.version, candidate.digest) != candidate.digest:
        number += 1
        candidate = replace(instrument, version=f"{instrument.version[:50]}+{number}")
    return candidate, bool(versions) and candidate.version not in versions


# -- writing ----------------------------------------------------------------------------------------------------


def _fields(kind: Any) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(kind)}


def _default(field: Field[Any]) -> object:
    default: Callable[[], Any] | Any = field.default_factory
    if default is not MISSING:
        made = default()
        return asdict(made) if isinstance(made, Completion) else made
    return field.default


def _block(name: str, values: Mapping[str, Any]) -> str:
    kind = _BLOCKS[name]
    lines = [f"[{name}]" if kind is Completion else f"[[{name}]]"]
    for key, field in _fields(kind).items():
        value = values[key]
        if value is None or (value == _default(field) and key != "id"):
            continue
        if isinstance(value, Mapping):
            lines += [f"{key}.{_key(language)} = {_value(text)}" for language, text in value.items()]
        else:
            lines.append(f"{key} = {_value(value)}")
    return "\n".join(["", *lines])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else str(_value(name))


def _value(value: object) -> str:
    if isinstance(value, str):
        # What JSON escapes in a text, TOML reads in the same way; DEL it wants escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
