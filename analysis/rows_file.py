"""Answers to hand on, with what every column means: CSV, Excel, SPSS or Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from analysis.codebook import Declared, codebook, paradata_codebook
from analysis.errors import DataError, Problem
from analysis.export import rows_as_csv
from analysis.instrument import Instrument, Item
from analysis.kinds import DECLINED, OTHER, Column
from analysis.vocabulary import codebook_words
from analysis.workbook import write_workbook

ENDINGS = (".csv", ".xlsx", ".sav", ".parquet")
LONGEST_SHEET = 1_048_576
LONGEST_SAV = 32_767
"""Bytes a text in an SPSS file may have."""


def write_rows(
    rows: pd.DataFrame,
    path: str | Path,
    instrument: Instrument | None,
    language: str = "en",
    declared: Sequence[Declared] = (),
) -> list[Path]:
    """Which files hold these answers for another program, and what their columns mean?

    Parameters
    ----------
    rows : DataFrame
        One row per participation (and influencer), raw declared values, as `Store.rows` or `load_rows` gives them.
    path : str or Path
        Ends in `.csv`, `.xlsx`, `.sav` or `.parquet`.
    instrument : Instrument or None
        The questionnaire that was answered; None where it is not known, and then nothing is labelled.
    language : str
        Of labels and codebook.
    declared : sequence of Declared
        What the study says of its columns, as for `analysis.codebook.codebook`.

    Returns
    -------
    list of Path
        What was written: the answers, and for CSV and Parquet the codebook beside them (`NAME_codebook.csv`). Excel
        has it on a second sheet; SPSS has it as variable labels, value labels and user-missing values.

    Raises
    ------
    DataError
        For another ending, columns the format cannot have, or texts too long for it. Nothing is written then.
    InstrumentError
        When the questionnaire is not in that language.

    Notes
    -----
    Declared values stay as they are, -99 ("prefer not to say") too: it is user-missing in SPSS and named in every
    codebook. All columns are written, `synthetic` among them; where any row is synthetic, the SPSS file and the
    Parquet file say so themselves. Texts that a spreadsheet would run as a formula are made harmless in CSV (with an
    apostrophe) and are plain texts in Excel. Times are UTC.

    Checked against
    ---------------
    Every format read back, column by column: tests/analysis/test_rows_file.py.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from analysis.instrument import load_instrument
    >>> from analysis.simulate import simulate_answers
    >>> psi = load_instrument("psi_core")
    >>> with TemporaryDirectory() as folder:
    ...     [file.name for file in write_rows(simulate_answers(psi, 20, seed=1), Path(folder) / "a.csv", psi)]
    ['a.csv', 'a_codebook.csv']
    """
    path = Path(path)
    _check_ending(path)
    book = None if instrument is None else _book(rows, instrument, language, declared)
    return _written(_Export(rows, instrument, book, language, {one.id: one.values for one in declared}), path)


def write_paradata(paradata: pd.DataFrame, path: str | Path, language: str = "en") -> list[Path]:
    """Which files hold for another program how people answered, and what the columns mean?

    Parameters
    ----------
    paradata : DataFrame
        The columns `analysis.codebook.PARADATA`, one row per item that was shown, as `Store.paradata` gives them.
    path : str or Path
    language : str
        As for `write_rows`.

    Returns
    -------
    list of Path
        As for `write_rows`.

    Raises
    ------
    DataError
        As for `write_rows`, and in a language codebooks do not speak.

    Checked against
    ---------------
    Both files of a CSV read back: tests/analysis/test_rows_file.py.

    Examples
    --------
    >>> from analysis.codebook import PARADATA
    >>> with TemporaryDirectory() as folder:
    ...     one = pd.DataFrame([range(len(PARADATA))], columns=list(PARADATA))
    ...     [file.name for file in write_paradata(one, Path(folder) / "how.csv")]
    ['how.csv', 'how_codebook.csv']
    """
    path = Path(path)
    _check_ending(path)
    return _written(_Export(paradata, None, paradata_codebook(language), language, {}), path)


@dataclass(frozen=True)
class _Export:
    """What is written: the rows, what is known of their columns, and what values of theirs are called."""

    rows: pd.DataFrame
    instrument: Instrument | None
    book: pd.DataFrame | None
    language: str
    values: Mapping[str, Mapping[str, str]]


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        remedy = f"End it in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
        raise DataError(Problem(f"file '{path.name}'", "its ending names no format for answers", remedy))


def _written(export: _Export, path: Path) -> list[Path]:
    ending = path.suffix.lower()
    contents = {path: _WRITERS[ending](export)}
    if export.book is not None and ending in (".csv", ".parquet"):
        contents[path.with_name(f"{path.stem}_codebook.csv")] = rows_as_csv(export.book)
    _write_all(contents)
    return list(contents)


def _book(rows: pd.DataFrame, instrument: Instrument, language: str, declared: Sequence[Declared]) -> pd.DataFrame:
    """The codebook of the columns that are there, in their order; one nobody described is called what it is."""
    book = codebook(instrument, language, declared)
    strange = [name for name in rows.columns if name not in set(book["id"])]
    own = pd.DataFrame({"id": strange, "label": [str(name) for name in strange]}, columns=book.columns).astype(
        book.dtypes.to_dict()
    )
    own["reverse"] = False
    own = own.fillna({"values": "", "scale": "", "page": "", "source": "", "kind": ""})
    whole = book if own.empty else pd.concat([book, own], ignore_index=True)
    return whole.set_index("id").loc[list(rows.columns)].reset_index()


def _write_all(contents: dict[Path, bytes]) -> None:
    """All files whole, or none."""
    drafts = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents}
    try:
        for path, draft in drafts.items():
            draft.write_bytes(contents[path])
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _as_csv(export: _Export) -> bytes:
    return rows_as_csv(export.rows)


def _as_xlsx(export: _Export) -> bytes:
    rows, book = export.rows, export.book
    if len(rows) >= LONGEST_SHEET:
        what = f"{len(rows):,} rows do not fit on a sheet of Excel"
        raise DataError(Problem("the answers", what, "Write .csv, .sav or .parquet."))
    sheets = {"answers": _cells(rows)} | ({} if book is None else {"codebook": _cells(book)})
    return write_workbook(sheets)


def _cells(table: pd.DataFrame) -> list[list[object]]:
    """Heading and rows as Excel takes them: None for what is missing, times without a zone."""
    columns = [_plain(table.iloc[:, place]) for place in range(table.shape[1])]
    return [[str(name) for name in table.columns], *(list(row) for row in zip(*columns, strict=True))]


def _plain(column: pd.Series[Any]) -> list[object]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    plain = column.astype(object).where(column.notna(), None)
    return [value.item() if hasattr(value, "item") else value for value in plain]


def _as_parquet(export: _Export) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, instrument, book = export.rows, export.instrument, export.book
    table = pa.Table.from_pandas(rows, preserve_index=False)
    told: dict[str, object] = {"synthetic": _synthetic(rows)}
    if instrument is not None:
        told |= {"instrument": instrument.id, "version": instrument.version, "digest": instrument.digest}
    if book is not None:
        told["codebook"] = json.loads(book.to_json(orient="records"))
    metadata = dict(table.schema.metadata or {}) | {b"parasol": json.dumps(told, ensure_ascii=False).encode()}
    stream = BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), stream)
    return stream.getvalue()


def _synthetic(rows: pd.DataFrame) -> bool:
    return "synthetic" in rows.columns and bool(rows["synthetic"].fillna(False).astype(bool).any())


def _as_sav(export: _Export) -> bytes:
    import pyreadstat

    rows, book, language = export.rows, export.book, export.language
    items = _columns(export.instrument)
    frame = pd.DataFrame({name: _for_spss(rows[name], name) for name in rows.columns})
    declining = [name for name, (item, column) in items.items() if item.decline and column.holds != "words"]
    numbers = {name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])}
    missing: dict[str, list[Any]] = {
        name: [{"lo": DECLINED, "hi": DECLINED}] if name in numbers else [str(DECLINED)]
        for name in declining
        if name in frame.columns and (name in numbers or len(frame))
    }
    values: dict[str, dict[Any, str]] = {
        name: _value_labels(*items[name], language) for name in frame.columns if name in items and name in numbers
    }
    # In a file without rows pyreadstat takes every column for numbers, which texts cannot label.
    values |= {
        name: dict(told)
        for name, told in export.values.items()
        if name in frame.columns and len(frame) and name not in numbers
    }
    labels = {} if book is None else {row["id"]: row["label"] for row in book.to_dict("records") if row["label"]}
    mark = codebook_words(language if book is not None else "en")["notes.synthetic"] if _synthetic(rows) else ""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "rows.sav"
        try:
            pyreadstat.write_sav(
                frame, str(place), column_labels=labels, missing_ranges=missing, file_label=mark[:64],
                variable_value_labels={name: told for name, told in values.items() if told},
            )  # fmt: skip
        except Exception as error:  # pyreadstat raises several kinds; each says which column it cannot write
            said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            problem = Problem("the answers", f"SPSS cannot hold them ({said})", "Write .csv, .xlsx or .parquet.")
            raise DataError(problem) from error
        return place.read_bytes()


def _columns(instrument: Instrument | None) -> dict[str, tuple[Item, Column]]:
    items = () if instrument is None else instrument.items
    return {column.name: (item, column) for item in items for column in item.columns}


def _for_spss(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Numbers, days and texts as SPSS has them; an empty text is what is missing there."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        moments: pd.Series[Any] = column.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
        return moments
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype("Float64").astype("float64")
    texts = column.map(str, na_action="ignore").astype(object).where(column.notna(), "")
    longest = max((len(text.encode("utf-8", "replace")) for text in texts), default=0)
    if longest > LONGEST_SAV:
        what = f"a text has {longest:,} bytes, and SPSS holds {LONGEST_SAV:,}"
        raise DataError(Problem(f"column '{name}'", what, "Write .csv or .parquet."))
    return texts


def _value_labels(item: Item, column: Column, language: str) -> dict[int | float, str]:
    words = codebook_words(language)
    told: dict[int | float, str] = {}
    if column.holds == "chosen":
        told = {0: words["answers.not_chosen"], 1: words["answers.chosen"]}
    elif item.choices is not None and column.holds == "answer":
        told |= zip(item.choices.values, item.choices.labels[language], strict=True)
        told |= {OTHER: words["answers.other"]} if item.other else {}
    elif item.kind == "consent":
        told = {1: words["answers.agreed"]}
    return told | ({DECLINED: words["answers.declined"]} if item.decline else {})


_WRITERS: dict[str, Callable[[_Export], bytes]] = {
    ".csv": _as_csv,
    ".xlsx": _as_xlsx,
    ".sav": _as_sav,
    ".parquet": _as_parquet,
}
