"""What the law asks of a study: the record of its processing, when its answers have to go, and an export before that.

- `retention_of(study, lines, today)` says how long the answers may stay, in a word a screen has a sentence for.
- `write_export(store, slug, path)` writes everything there is of a study into one ZIP file and notes it; only what was
  exported since the last change can be deleted by `purge`.
- `record_of_processing(study, instrument, language, ...)` is the record of article 30 GDPR, as Markdown.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from analysis.datafiles import data_file
from analysis.errors import InstrumentError, Problem, SettingsError, StoreError
from analysis.instrument import Instrument, instrument_as_json
from analysis.instrument_file import instrument_as_toml
from survey_app.media import media_hosts
from survey_app.store import Store
from survey_app.study import AuditLine, Study, one_line
from survey_app.study_file import study_as_toml

WARNS = 30
"""Days before the end of the retention from which on it is spoken of."""


@dataclass(frozen=True)
class Retention:
    """How long the answers may stay: `none` was stated, `far`, `soon` (within 30 days), `due`, or `purged` already."""

    standing: Literal["none", "far", "soon", "due", "purged"]
    day: date | None = None
    days_left: int | None = None


def retention_of(study: Study, lines: Sequence[AuditLine], today: date) -> Retention:
    """How long may the answers of this study stay?"""
    if any(line.what == "purged" for line in lines):
        return Retention("purged", study.retention)
    if study.retention is None:
        return Retention("none")
    left = (study.retention - today).days
    return Retention("due" if left <= 0 else "soon" if left <= WARNS else "far", study.retention, left)


def write_export(store: Store, slug: str, path: Path) -> str:
    """Write all there is of a study into a ZIP file, note it in the store, and return its SHA-256.

    In it: the study and its questionnaire(s), every row (also unfinished ones and tests, which say so), how they were
    answered, a codebook for each language, the texts people agreed to, the audit lines, and the record of processing.
    Raffle addresses are not in it: they have no place beside answers.
    """
    from analysis.codebook import codebook, paradata_codebook
    from analysis.export import rows_as_csv
    from analysis.vocabulary import codebook_languages
    from survey_app.rows import study_columns

    change = store.last_change(slug)
    study, lines = store.study(slug), store.audit(slug)
    rows, paradata = store.rows(slug, finished_only=False, include_test=True), store.paradata(slug, include_test=True)
    digests = dict.fromkeys([study.instrument, *rows["instrument"].tolist()])
    instruments = {digest: store.instrument(digest) for digest in digests}
    files: dict[str, str | bytes] = {"study.toml": study_as_toml(study, "questionnaire.toml")}
    # The SHA-256 of such a file is the digest that stands beside every answer given to it.
    files |= {f"questionnaire_{digest[:12]}.json": instrument_as_json(one) for digest, one in instruments.items()}
    with suppress(InstrumentError):  # one that no file of today could hold is in the other form still
        files["questionnaire.toml"] = instrument_as_toml(instruments[study.instrument])
    files |= {"rows.csv": rows_as_csv(rows), "paradata.csv": rows_as_csv(paradata)}
    files["consents.json"] = json.dumps(store.consents(slug), ensure_ascii=False, indent=1)
    files["audit.csv"] = "\n".join(["day,what", *(f"{line.day.isoformat()},{line.what}" for line in lines)]) + "\n"
    instrument = instruments[study.instrument]
    for language in study.languages:
        if language in instrument.languages and language in codebook_languages():
            book = codebook(instrument, language, study_columns(study, language))
            files[f"codebook_{language}.csv"] = rows_as_csv(book)
            files[f"paradata_codebook_{language}.csv"] = rows_as_csv(paradata_codebook(language))
    for language in record_languages():
        record = record_of_processing(study, instrument, language, lines, list(store.consents(slug)))
        files[f"record_{language}.md"] = record
    content = _zipped(files)
    path.write_bytes(content)
    if store.last_change(slug) != change:
        what = "somebody answered while it was exported"
        raise StoreError(Problem(f"study '{slug}'", what, "Close the study first, or export it again."))
    digest = hashlib.sha256(content).hexdigest()
    store.note_export(slug, change, digest)
    return digest


def purge(store: Store, slug: str, export: Path | None, early: date | None = None, today: date | None = None) -> int:
    """Delete all answers of a closed study that are in this export file; how many participations there were.

    Parameters
    ----------
    store, slug
        Where the study is, and the end of its address.
    export : Path or None
        The file `write_export` wrote last.
    early : date or None
        The day until which the study says its answers stay: who names it may delete them before that day.
    today : date or None
        The day on which this is asked; today if left out.

    Raises
    ------
    StoreError
        Without an export of all there is, while the study is open, or before the day on which the answers have to go
        where `early` does not name it.
    """
    where = f"study '{slug}'"
    if export is None or not export.is_file():
        what = "is only deleted after an export, which is to be shown"
        remedy = f"Run: parasol study export {slug} -o {slug}.zip, then: parasol study purge {slug} --export {slug}.zip"
        raise StoreError(Problem(where, what, remedy))
    until = store.study(slug).retention
    left = 0 if until is None else (until - (today or datetime.now(UTC).date())).days
    if until is not None and left > 0 and early != until:
        what = f"keeps its answers until {until}, {'1 more day' if left == 1 else f'{left} more days'}"
        remedy = f"Wait until then; to delete them now all the same, name that day: --early {until}"
        raise StoreError(Problem(where, what, remedy))
    return store.purge(slug, hashlib.sha256(export.read_bytes()).hexdigest())


def record_of_processing(
    study: Study,
    instrument: Instrument,
    language: str,
    lines: Sequence[AuditLine] = (),
    versions: Sequence[str] = (),
    today: date | None = None,
) -> str:
    """The record of processing activities (GDPR, article 30) of this study, in Markdown.

    What the law asks for and the study does not say stands there as missing, with the key to write.
    """
    if language not in record_languages():
        known = ", ".join(record_languages())
        raise SettingsError(Problem("language", f"there is no record in '{one_line(language, 20)}'", f"Use {known}."))
    return _Record(study, instrument, language).text(lines, versions, today or datetime.now(UTC).date())


@cache
def record_languages() -> tuple[str, ...]:
    """The languages a record can be written in."""
    return tuple(sorted(path.stem for path in data_file("privacy").glob("*.toml")))


@cache
def _sentences(language: str) -> Mapping[str, Any]:
    return tomllib.loads(data_file("privacy", f"{language}.toml").read_text(encoding="utf-8"))


class _Record:
    """The record while it is written."""

    def __init__(self, study: Study, instrument: Instrument, language: str) -> None:
        self.study, self.instrument = study, instrument
        self.own = language if language in study.languages else next(iter(study.languages))
        self.said = _sentences(language)

    def text(self, lines: Sequence[AuditLine], versions: Sequence[str], today: date) -> str:
        study = self.study
        deletions = [f"{line.day.isoformat()}: {self.said['audit'].get(line.what, line.what)}" for line in lines]
        sections = {
            "controller": [self.stated("controller", study.controller), self.stated("contact", study.contact)],
            "purpose": [self.stated("purpose", study.purpose.get(self.own, ""))],
            "basis": self.basis(versions),
            "subjects": self.subjects(),
            "data": self.data(),
            "absent": [self.said["absent"]["text"]],
            "recipients": [_as_text(each, 500) for each in study.recipients] or [self.said["none"]],
            "transfers": [self.said["transfers"]["text"], *self.elsewhere()],
            "erasure": self.erasure(),
            "rights": [self.filled("rights", "text", contact=self.stated("contact", study.contact))],
            "security": [self.said["security"]["text"]],
            "deletions": deletions or [self.said["none"]],
        }
        title = _as_text(study.title.get(self.own, study.slug), 200)
        parts = [f"# {self.said['heading'].format(title=title)}"]
        parts.append(self.said["law"].format(slug=study.slug, day=today.isoformat()))
        for name, sentences in sections.items():
            listed = "\n".join(f"- {sentence}" for sentence in sentences)
            parts.append(f"## {self.said['sections'][name]}\n\n{listed}")
        return "\n\n".join(parts) + "\n"

    def filled(self, section: str, key: str, **values: object) -> str:
        return str(self.said[section][key]).format(**values)

    def stated(self, key: str, value: str) -> str:
        return _as_text(value, 500) or self.said["missing"].format(key=key)

    def basis(self, versions: Sequence[str]) -> list[str]:
        said = [self.filled("basis", "consent", languages=", ".join(self.study.languages))]
        known = ", ".join(_as_text(version, 64) for version in versions or [self.study.consent_version])
        return [*said, self.filled("basis", "versions", versions=known)]

    def subjects(self) -> list[str]:
        study = self.study
        said = [self.said["subjects"]["invited" if study.invited else "everyone"]]
        if study.minimum_age is not None:
            said.append(self.filled("subjects", "age", age=study.minimum_age))
        if study.embed:
            said.append(self.filled("subjects", "embed", sites=", ".join(_as_text(site, 500) for site in study.embed)))
        return said

    def data(self) -> list[str]:
        study, instrument = self.study, self.instrument
        asked = [item for item in instrument.items if item.kind != "info"]
        typed = [item.id for item in asked if item.kind in ("text", "long_text") or item.other]
        days = [item.id for item in asked if item.kind == "date"]
        version = _as_text(instrument.version, 64)
        asked_for = [_as_text(parameter.name, 500) for parameter in study.parameters]
        names = {
            "answers": {"instrument": instrument.id, "version": version, "items": len(asked)},
            "scales": {"scales": ", ".join(scale.id for scale in instrument.scales)} if instrument.scales else None,
            "free": {"items": ", ".join(typed)} if typed else None,
            "dates": {"items": ", ".join(days)} if days else None,
            "times": {},
            "source": {"sources": ", ".join(each.id for each in study.sources)} if study.sources else None,
            "condition": {"conditions": ", ".join(c.id for c in study.conditions)} if study.conditions else None,
            "influencers": {} if any(page.per_influencer for page in instrument.pages) else None,
            "parameters": {"parameters": ", ".join(asked_for)} if asked_for else None,
            "tokens": {} if study.invited else None,
            "code": {"number": len(study.code), "waves": ", ".join(w.id for w in study.waves)} if study.code else None,
            "raffle": {} if study.raffle else None,
        }
        return [self.filled("data", key, **values) for key, values in names.items() if values is not None]

    def elsewhere(self) -> list[str]:
        """Other sites that learn of people who open what the questionnaire shows from there."""
        hosts = media_hosts(self.instrument)
        return [self.filled("transfers", "media", sites=", ".join(hosts))] if hosts else []

    def erasure(self) -> list[str]:
        study = self.study
        controller = self.stated("controller", study.controller).removesuffix(".")
        day = self.said["missing"].format(key="retention")
        if study.retention is not None:
            day = self.filled("erasure", "day", day=study.retention.isoformat(), controller=controller)
        return [day, self.said["erasure"]["withdrawal"]]


def _as_text(text: str, length: int) -> str:
    """The text in one line of Markdown, nothing of which is markup, HTML or a link."""
    escaped = re.sub(r"([\\`*_\[\]<>&#~])", r"\\\1", one_line(text, length))
    # A list begins with a sign, or with a number, a full stop or bracket, and a space.
    return re.sub(r"^((?=[-+=])|[0-9]+(?=[.)]( |$)))", r"\1\\", escaped)


def _zipped(files: Mapping[str, str | bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()
