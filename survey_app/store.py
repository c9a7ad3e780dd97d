"""The store: the one seam between the app and its database, SQLite or PostgreSQL.

A respondent's way, for those who build on it:

- `standing(slug, wave=, source=)` before the consent; `begin(...)` after it, with all parameters of the link as
  `external` (only the declared ones are kept); both know closing times, quotas, waves, tokens and the minimum age.
  NotAdmitted carries the reason. With `test=True` a study can be tried before it is open; tests never count.
- `save_page(..., sequence=)`: the phone counts on from `Participation.saves + 1`, one number for each new send of any
  page (a retry keeps its number). What arrives late with a lower number is success, and changes nothing.
- `assign(key)` before the first page that needs a condition is shown, and before the end (`journey` says when); asked
  again it gives the same. Where no page needs one, `begin` has assigned it already.
- `answers(key)` gives `{(page, influencer): {item: value}}`; the influencer is "" on pages that are asked once.
- `finish(key)`, then `completion_link(study, participation(key))`; `add_raffle_address(key, address)` after that.
- `count_resume(key)` when somebody comes back to a participation that is under way.
- `admit(slug, token, wave)` turns a token into the key of its owner, or raises NotAdmitted("token").
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from analysis.errors import DataError, Problem, StoreError
from analysis.instrument import Instrument, instrument_as_json, instrument_from_json
from analysis.kinds import Answer
from analysis.shown import page_order
from survey_app import schema
from survey_app.admission import (
    NotAdmitted,
    Reason,
    Standing,
    code_as_typed,
    current_wave,
    in_fours,
    new_token,
    standing,
    token_key,
)
from survey_app.assignment import (
    ACTIVE,
    PAUSE,
    Tallies,
    Tally,
    decisive_page,
    next_condition,
    next_influencers,
)
from survey_app.paradata import DEVICES, paradata_from
from survey_app.rows import as_json, kept_from, new_id, rows_from
from survey_app.study import (
    ON_ARRIVAL,
    AuditLine,
    Participation,
    SourceCounts,
    Study,
    StudyCounts,
    TokenCounts,
    external_from,
    is_slug,
    one_line,
)
from survey_app.study_check import study_problems

if TYPE_CHECKING:
    import pandas as pd

Visit = Literal["visit", "declined"]

_WAIT = 5
"""Seconds a write waits for another one before the respondent's phone is asked to send the page again."""

_MIGRATION_LOCK = 0x7061726173  # any fixed number: all processes that migrate take the same advisory lock
_MOST_TOKENS = 100_000
_MOST_LABELS = 200  # anybody can make up labels of links, and each is a line on the researcher's screen
_LAST_SAVE = 10**9  # a larger number is no number of a save
# One that a spreadsheet would run as a formula is refused: an apostrophe before it would make it another address.
_ADDRESS = re.compile(r"(?![=+\-\uff1d\uff0b\uff0d\uff20])[^@\s,;<>()\"]{1,64}@[^@\s,;<>()\".]+(\.[^@\s,;<>()\".]+)+")
_LINK_REMEDY = "Open the study's own link again."
_FROZEN = ("instrument", "conditions", "influencers", "rate", "per_respondent", "waves", "code", "parameters", "seed")
"""What cannot change under an open study."""

_DELETIONS = ("withdrawn", "purged", "tests removed")
"""Audit lines after which rows are missing."""

_WHY: dict[Standing, str] = {
    "draft": "has not been opened yet",
    "early": "opens later",
    "closed": "is closed",
    "late": "is over",
    "full": "has all the answers it needs",
}
_ADAPTER = TypeAdapter(Study)

_people = schema.participations

# The statements of a respondent's way are built once: building them costs more than the database's own work.
# A page save begins by touching the participation: that finds it, locks it and makes sure that it is still running.
_RUNNING = _people.c.key_hash == sa.bindparam("key"), _people.c.finished.is_(None)
_SENT = sa.bindparam("sent", type_=sa.Integer)  # the number of the save; below zero: newer than all before
_TOUCH = (
    _people.update()
    .where(*_RUNNING)
    .values(
        revision=_people.c.revision + 1,
        seen=sa.bindparam("now", type_=schema.Moment),
        saves=sa.case((_SENT < 0, _people.c.saves + 1), (_people.c.saves < _SENT, _SENT), else_=_people.c.saves),
        # Counted with the page that tells of it, and once, however often that page comes.
        resumes=_people.c.resumes
        + sa.case((_people.c.saves < _SENT, sa.bindparam("returned", type_=sa.Integer)), else_=0),
    )
    .returning(_people.c.id, _people.c.saves, _people.c.influencers)
)
_FINISH = (
    _people.update()
    .where(*_RUNNING)
    .values(
        finished=sa.bindparam("now", type_=schema.Moment),
        seen=sa.bindparam("now", type_=schema.Moment),
        withdrawal_hash=sa.bindparam("code"),
        revision=_people.c.revision + 1,
    )
)
_PARTICIPATION = sa.select(*(_people.c[name] for name in Participation.__dataclass_fields__)).where(
    _people.c.key_hash == sa.bindparam("key")
)
_ANSWERS = (
    sa.select(schema.pages.c.page, schema.pages.c.influencer, schema.pages.c.answers)
    .join(_people)
    .where(_people.c.key_hash == sa.bindparam("key"))
    .order_by(schema.pages.c.saved)
)
_BEGIN = _people.insert()
_STUDY = sa.select(schema.studies).where(schema.studies.c.slug == sa.bindparam("slug"))
# key_share: rows that refer to the study can be added meanwhile. SQLite's single writer needs no such lock.
_STUDY_LOCKED = _STUDY.with_for_update(key_share=True)


class Store:
    """Studies, participations and answers, kept in the database that `url` names.

    Opening a store connects to nothing yet. Every method is one transaction, may be called from any thread, and
    raises StoreError where the database refuses or cannot be reached. A respondent's key is never kept, only its hash.

    Parameters
    ----------
    url : str
        `sqlite:////folder/file.sqlite` or `postgresql://user:password@host/database`.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._where = f"the database {self._engine.url.render_as_string(hide_password=True)}"
        self._sqlite = self._engine.dialect.name == "sqlite"
        # On PostgreSQL each statement sees a state of its own anyway: a transaction around what is read adds nothing.
        options = {} if self._sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._readers = self._engine.execution_options(**options)
        self._glances = self._readers.execution_options(parasol_begins="")
        # SQLite has a single writer and lets the others poll for it; threads queueing here wake up at once.
        self._turn = threading.Lock() if self._sqlite else None
        self._designs: dict[str, Instrument] = {}  # by digest, so they never change
        insert = self._insert(schema.pages)
        changed = {name: insert.excluded[name] for name in ("answers", "saved", "sequence")}
        # The same page may come a second time by a way that knows neither order nor times: those first told stay.
        for name, nothing in (("shown", "[]"), ("paradata", "{}")):
            told = sa.func.nullif(insert.excluded[name], nothing)
            changed[name] = sa.func.coalesce(told, schema.pages.c[name])
        self._upsert_page = insert.on_conflict_do_update(
            index_elements=["participation", "page", "influencer"],
            set_=changed,
            where=insert.excluded.sequence >= schema.pages.c.sequence,
        )

        more = {"count": schema.visits.c.count + 1}
        counted = self._insert(schema.visits)
        self._count_visit = counted.on_conflict_do_update(index_elements=["study", "source", "what"], set_=more)

    # -- the database itself ------------------------------------------------------------------------------------

    def migrate(self) -> None:
        """Create or update the tables. Several processes may call it at once: one works, the others wait."""
        from alembic import command
        from alembic.config import Config
        from alembic.util.exc import CommandError

        self._make_place()
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        with self._writing() as connection:
            if not self._sqlite:
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # however long the other one works
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                remedy = "Install the version of Parasol that last used it, or name another database."
                raise StoreError(Problem(self._where, f"its tables cannot be updated ({error})", remedy)) from error

    def check(self) -> None:
        """Raise StoreError unless the database answers and has the tables this version needs."""
        with self._reading() as connection:
            reached = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if reached is None or reached < schema.REVISION:
            remedy = "Restart Parasol; it updates them when it starts."
            what = f"its tables are at version {reached}, this Parasol needs {schema.REVISION}"
            raise StoreError(Problem(self._where, what, remedy))

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _make_place(self) -> None:
        """Create SQLite's folder and switch the file to a write-ahead log, which it then stays in."""
        if not self._sqlite:
            return
        path = Path(str(self._engine.url.database))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)  # other users of this machine have no business in the answers
        except OSError as error:
            remedy = "Name a file in a folder you may write to in PARASOL_DATABASE."
            raise StoreError(Problem(self._where, f"its folder cannot be made ({error})", remedy)) from error
        # Where two processes switch the same new file at once, SQLite refuses one of them without waiting.
        patience = time.monotonic() + _WAIT
        while not self._keeps_log():
            if time.monotonic() > patience:
                raise _busy(self._where)
            time.sleep(0.02)

    def _keeps_log(self) -> bool:
        """Switch SQLite's file to a write-ahead log; False while another process holds it."""
        with _stating(self._where), self._engine.connect() as connection:
            try:
                connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" in str(error):
                    return False
                raise DBAPIError(None, None, error) from error
        return True

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _stating(self._where), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def _looking(self) -> Iterator[sa.Connection]:
        """For a single statement, which sees one state of the database without a transaction around it."""
        with _stating(self._where), self._glances.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with _stating(self._where), self._taking_turn(), self._engine.connect() as connection:
            connection = connection.execution_options(parasol_begins="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    @contextmanager
    def _taking_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=_WAIT):
            raise _busy(self._where)
        try:
            yield
        finally:
            self._turn.release()

    def _insert(self, table: sa.Table) -> Any:
        return postgresql.insert(table) if self._engine.dialect.name == "postgresql" else sqlite.insert(table)

    # -- instruments and studies --------------------------------------------------------------------------------

    def add_instrument(self, instrument: Instrument) -> str:
        """Keep an instrument for ever under its digest, which is returned; adding it again changes nothing."""
        row = {
            "digest": instrument.digest,
            "id": instrument.id,
            "version": instrument.version,
            "content": instrument_as_json(instrument),
            "added": _now(),
        }
        with self._writing() as connection:
            connection.execute(self._insert(schema.instruments).on_conflict_do_nothing(), row)
        return instrument.digest

    def instrument(self, digest: str) -> Instrument:
        """The instrument of that digest, exactly as it was added."""
        with self._looking() as connection:
            return self._instrument(connection, digest)

    def _instrument(self, connection: sa.Connection, digest: str) -> Instrument:
        table = schema.instruments
        content = connection.execute(sa.select(table.c.content).where(table.c.digest == digest)).scalar()
        if content is None:
            what = f"holds no instrument {digest[:12]}"
            raise StoreError(Problem(self._where, what, "Add the instrument before its study."))
        instrument = instrument_from_json(content)
        if instrument.digest != digest:
            what = f"instrument {digest[:12]} was altered after it was published"
            raise StoreError(Problem(self._where, what, "Restore the database from a backup."))
        return instrument

    def versions(self, id: str) -> dict[str, str]:
        """The digests of all instruments of that id, by their versions."""
        table = schema.instruments.c
        with self._reading() as connection:
            query = sa.select(table.version, table.digest).where(table.id == id).order_by(table.added)
            return {row.version: row.digest for row in connection.execute(query)}

    def add_study(self, study: Study) -> None:
        """Keep a new study. Its id and its slug must be free and its instrument must have been added."""
        self._check(study)
        try:
            with self._writing() as connection:
                connection.execute(schema.studies.insert(), _row_of(study))
                self._keep_consent(connection, study)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                what = "its id or slug is taken, or its instrument has not been added"
                remedy = "Choose another id and slug; add the instrument first."
                raise StoreError(Problem(f"study '{study.slug}'", what, remedy)) from error
            raise

    def change_study(self, study: Study) -> None:
        """Put this design in the place of the one the study of that slug has; its state and its times stay.

        Raises
        ------
        StoreError
            With all that is wrong, with what cannot change while the study is open, or where the text of the consent
            changed but its version did not.
        """
        self._check(study)
        with self._writing() as connection:
            old = _study(connection, study.slug, lock=True)
            new = replace(study, id=old.id, state=old.state, opened=old.opened, closed=old.closed)
            new = replace(new, rule=old.rule) if old.state == "open" else new
            where, problems = f"study '{study.slug}'", []
            if study.id != old.id:
                problems.append(Problem(where, f"its id is '{old.id}', not '{study.id}'", "Keep the id."))
            for name in _FROZEN if old.state == "open" else ():
                if getattr(new, name) != getattr(old, name):
                    problems.append(Problem(where, f"its {name} cannot change while it is open", "Close it first."))
            agreed = schema.consents.c
            kept = sa.select(agreed.texts).where(agreed.study == old.id, agreed.version == new.consent_version)
            texts = connection.execute(kept).scalar()
            if texts is not None and texts != dict(new.consent):
                what = f"the consent has another text than version '{new.consent_version}' had before"
                problems.append(Problem(where, what, "Give it a new consent_version."))
            if problems:
                raise StoreError(*problems)
            connection.execute(schema.studies.update().where(schema.studies.c.id == old.id), _row_of(new))
            self._keep_consent(connection, new)

    def _check(self, study: Study) -> None:
        table = schema.instruments
        with self._reading() as connection:
            content = connection.execute(sa.select(table.c.content).where(table.c.digest == study.instrument)).scalar()
        problems = study_problems(study, None if content is None else instrument_from_json(content))
        if problems:
            raise StoreError(*problems)

    def _keep_consent(self, connection: sa.Connection, study: Study) -> None:
        row = {"study": study.id, "version": study.consent_version, "texts": dict(study.consent), "added": _now()}
        connection.execute(self._insert(schema.consents).on_conflict_do_nothing(), row)

    def study(self, slug: str) -> Study:
        """The study at that slug, whatever its state. StudyClosed where there is none."""
        with self._reading() as connection:
            return _study(connection, slug)

    def studies(self) -> list[Study]:
        """All studies, in the order of their slugs."""
        with self._reading() as connection:
            return [_study_from(row) for row in connection.execute(sa.select(schema.studies).order_by("slug"))]

    def open_study(self, slug: str) -> None:
        """Let people begin."""
        self._set_state(slug, state="open", opened=sa.func.coalesce(schema.studies.c.opened, _now()), closed=None)

    def close_study(self, slug: str) -> None:
        """Let nobody begin any more; whoever has begun may finish."""
        self._set_state(slug, state="closed", closed=sa.func.coalesce(schema.studies.c.closed, _now()))

    def _set_state(self, slug: str, **values: Any) -> None:
        table = schema.studies
        with self._writing() as connection:
            study = _study(connection, slug, lock=True)
            connection.execute(table.update().where(table.c.id == study.id).values(values))

    # -- a respondent's way -------------------------------------------------------------------------------------

    def count_visit(self, slug: str, source: str, what: Visit) -> None:
        """Count one more visit to a study (or one more person who declined); nothing else is kept of it."""
        with self._writing() as connection:
            study = _study(connection, slug)
            label = _counted_label(connection, study, _source(study, source))
            row = {"study": study.id, "source": label, "what": what, "count": 1}
            connection.execute(self._count_visit, row)

    def standing(self, slug: str, *, wave: str = "", source: str = "") -> Standing:
        """Does the study take new people now? To be asked before the consent; `begin` asks again."""
        with self._reading() as connection:
            study, now = _study(connection, slug), _now()
            wave = wave or current_wave(study, now)
            tallies = _tallies(connection, study, wave, now) if _is_limited(study) else None
            return standing(study, now, wave=wave, source=_source(study, source), finished=tallies)

    def begin(
        self,
        slug: str,
        key: str,
        *,
        language: str,
        source: str = "",
        influencer: str = "",
        external: Mapping[str, str] | None = None,
        wave: str = "",
        person: str = "",
        unmatched: bool = False,
        of_age: bool = False,
        synthetic: bool = False,
        test: bool = False,
    ) -> Participation:
        """Begin a participation after consent; the same key gives the same participation again.

        Parameters
        ----------
        slug, key : str
            The study, and the secret that opens this participation again.
        language, source, influencer, wave : str
            As the link and the respondent say; an empty wave is the one that is on.
        external : mapping of str to str
            The parameters of the link by their names; those the study declares are kept.
        person : str
            What `admission.person_of_code` made of a self-made code, in studies with waves.
        unmatched : bool
            Begin although no earlier wave knows this code; where this wave knows it already, without a code.
        of_age : bool
            The respondent said to have the minimum age.
        synthetic, test : bool
            Nobody's answers; a trial, which is let in always and counts nowhere.

        Raises
        ------
        NotAdmitted
            With the reason: the study does not take this person now, or not like this.
        """
        with self._writing() as connection:
            # Everything is read after the study's row is locked, so that two arrivals cannot both take the last place.
            study, now = _study(connection, slug, lock=True), _now()
            begun = _participation(connection, key)
            if begun is not None:
                if begun.study != study.id:
                    raise _refused("foreign", "the link", "belongs to another study")
                return begun
            wave = wave or current_wave(study, now)
            instrument = self._design(connection, study.instrument)
            later = bool(study.conditions) and _is_assigned_later(study, instrument)
            # Everybody is counted only where that decides something now.
            counts = _is_limited(study) or not later
            tallies = _tallies(connection, study, wave, now, test=test) if counts else Tallies()
            source = _counted_label(connection, study, _source(study, source))
            if not test:
                _refuse_closed(study, standing(study, now, wave=wave, source=source, finished=tallies))
                if study.minimum_age is not None and not of_age:
                    raise _refused("young", "the minimum age", f"of {study.minimum_age} is not confirmed")
            if study.invited and not test:
                wave, person = _invited(connection, study, key)
            person, before = _recognised(connection, study, wave, person, unmatched=unmatched, test=test)
            id, arrival = new_id(), _next_number(connection, study, "arrival", test=test)
            assigned, condition, rated = 0, "", ()
            if before is not None:
                condition, rated = before.condition, before.influencers
            elif study.conditions and not later:
                assigned, condition, rated = _assigned(connection, study, tallies, test=test)
            elif not study.conditions or study.rate == "all":
                rated = next_influencers(study, tallies, arrival, "")
            participation = Participation(
                id=id,
                study=study.id,
                language=language,
                source=source,
                condition=condition,
                consent_version=study.consent_version,
                started=now,
                finished=None,
                synthetic=synthetic or study.synthetic,
                test=test,
                influencer=one_line(influencer, 200) or (rated[0] if len(rated) == 1 else ""),
                external=external_from(study, external or {}),
                instrument=study.instrument,
                influencers=rated,
                wave=wave,
                person=person,
                assigned=assigned,
                page_order=page_order(instrument, id),
            )
            row = asdict(participation) | {"key_hash": _hash(key), "arrival": arrival, "seen": now, "revision": 0}
            connection.execute(_BEGIN, row)
            return participation

    def participation(self, key: str) -> Participation | None:
        """The participation that was begun with this key; None for a key nobody began with, or a withdrawn one."""
        with self._looking() as connection:
            return _participation(connection, key)

    def assign(self, key: str) -> Participation:
        """Give this person a condition (and whom to rate, where that depends on it), once; who has one keeps it.

        Whoever had one in an earlier wave gets the same again. It is kept with the number of the assignment, from
        which and from the study's seed and rule it follows.
        """
        with self._writing() as connection:
            study = _study_by_id(connection, _begun(connection, key).study, lock=True)
            begun, now = _begun(connection, key), _now()
            if begun.condition or not study.conditions:
                return begun
            before = _earlier(connection, study, begun)
            if before is not None:
                # Whom this person rates by now stays, whoever was rated in the earlier wave.
                rated = begun.influencers or before.influencers
                values: dict[str, Any] = {"condition": before.condition, "influencers": rated}
            else:
                tallies = _tallies(connection, study, begun.wave, now, test=begun.test)
                number, condition, rated = _assigned(connection, study, tallies, test=begun.test)
                values = {"condition": condition, "assigned": number, "influencers": begun.influencers or rated}
            rated = values["influencers"]
            values["influencer"] = begun.influencer or (rated[0] if len(rated) == 1 else "")
            _change(connection, begun, **values, seen=now)
            return replace(begun, **values)

    def _design(self, connection: sa.Connection, digest: str) -> Instrument:
        """The instrument of that digest; read once, since everybody who begins needs it."""
        if digest not in self._designs:
            self._designs[digest] = self._instrument(connection, digest)
        return self._designs[digest]

    def name_influencer(self, key: str, name: str) -> None:
        """Keep (or correct) the name of the influencer the respondent follows."""
        name = one_line(name, 200)
        with self._writing() as connection:
            begun = _begun(connection, key)
            _change(connection, begun, influencer=name)
            if begun.influencer and begun.influencer != name:
                _rename_pages(connection, begun, name)

    def choose_influencers(self, key: str, chosen: Sequence[str]) -> tuple[str, ...]:
        """Keep which of the declared influencers the respondent rates; they come back in their random order.

        Whoever is not chosen any more loses the pages that were saved about them.
        """
        with self._writing() as connection:
            begun = _begun(connection, key)
            study = _study_by_id(connection, begun.study)
            ids = [influencer.id for influencer in study.influencers if influencer.id in chosen]
            if study.rate != "chosen" or not 1 <= len(set(chosen)) == len(ids) <= study.per_respondent:
                what = f"{len(set(chosen))} were chosen, {len(ids)} of them are declared"
                remedy = f"Choose from 1 to {study.per_respondent}."
                raise DataError(Problem("the influencers", what, remedy))
            order = tuple(sorted(ids, key=lambda id: hashlib.sha256(f"{begun.id}:{id}".encode()).digest()))
            name = order[0] if len(order) == 1 else ""
            _change(connection, begun, influencers=order, influencer=name)
            pages = schema.pages
            others = pages.c.participation == begun.id, pages.c.influencer.not_in(["", *order])
            connection.execute(pages.delete().where(*others))
            return order

    def change_language(self, key: str, language: str) -> None:
        """Keep the language the respondent switched to."""
        with self._writing() as connection:
            _change(connection, _begun(connection, key), language=language, switches=_people.c.switches + 1)

    def count_resume(self, key: str) -> None:
        """Count that somebody came back to a participation that is under way."""
        with self._writing() as connection:
            _change(connection, _begun(connection, key), resumes=_people.c.resumes + 1, seen=_now())

    def save_page(
        self,
        key: str,
        page: str,
        answers: Mapping[str, Answer],
        *,
        influencer: str = "",
        order: Sequence[str] = (),
        paradata: Mapping[str, Any] | None = None,
        sequence: int | None = None,
        returned: bool = False,
    ) -> None:
        """Keep the answers of one page, in one transaction; a repeat is success, a correction replaces the page.

        Parameters
        ----------
        key, page, answers, influencer
            Whose answers, to which page, about whom ("" where the page is asked once).
        order : sequence of str
            The items in the order they were shown.
        paradata : mapping
            `{"ms": page, "items": {id: [first shown, first answered, last answered]}, "device": class}`.
        sequence : int, optional
            The number of this save on the respondent's way. What has a lower number than the answers that are there
            comes too late, and changes nothing; without a number it is the newest.
        returned : bool
            Somebody who had left came back with this page; counted with its first arrival.

        Raises
        ------
        NotAdmitted
            When the key is unknown, or the participation is finished and these answers differ from those it has.
        DataError
            For answers that are no numbers or texts, or about an influencer this person does not rate.
        """
        now = _now()
        row = {
            "page": page,
            "influencer": one_line(influencer, 200),
            "answers": as_json(dict(answers)),
            "shown": as_json(list(order)),
            "paradata": as_json(dict(paradata or {})),
            "saved": now,
        }
        sent = -1 if sequence is None else min(max(sequence, 0), _LAST_SAVE)
        with self._writing() as connection:
            touch = {"key": _hash(key), "now": now, "sent": sent, "returned": int(returned)}
            touched = connection.execute(_TOUCH, touch).one_or_none()
            if touched is None:
                _refuse_late(connection, _begun(connection, key).id, row, sent)
                return
            if touched.influencers and row["influencer"] not in ("", *touched.influencers):
                remedy = "Reload the page."
                raise DataError(Problem("the page", "is about somebody this person was not asked to rate", remedy))
            row |= {"participation": touched.id, "sequence": touched.saves if sequence is None else sent}
            connection.execute(self._upsert_page, row)

    def answers(self, key: str) -> dict[tuple[str, str], dict[str, Answer]]:
        """The answers so far, {(page, influencer): {item id: value}}; empty for an unknown key."""
        with self._looking() as connection:
            rows = connection.execute(_ANSWERS, {"key": _hash(key)}).all()
        return {(page, influencer): json.loads(answers) for page, influencer, answers in rows}

    def finish(self, key: str) -> str:
        """Finish the participation and return the code that withdraws it; finishing again returns the same code."""
        code = _withdrawal_code(key)
        done = {"key": _hash(key), "now": _now(), "code": _hash(code)}
        with self._writing() as connection:
            if not connection.execute(_FINISH, done).rowcount:
                _begun(connection, key)
        return code

    def withdraw(self, code: str) -> bool:
        """Delete the participation this code belongs to, with all its answers; False where there is none (any more).

        What the same person answered in other waves goes too, and so does their token. What stays is an audit line
        with the study and the day.
        """
        people, tokens = schema.participations, schema.tokens
        mine = people.c.withdrawal_hash == _hash(code_as_typed(code))
        with self._writing() as connection:
            found = connection.execute(
                sa.select(people.c.study, people.c.person, people.c.key_hash).where(mine)
            ).first()
            if found is None or not connection.execute(people.delete().where(mine)).rowcount:
                return False
            issued = tokens.c.key_hash == found.key_hash
            if found.person:
                same = people.c.study == found.study, people.c.person == found.person
                connection.execute(people.delete().where(*same))
                issued |= sa.and_(tokens.c.study == found.study, tokens.c.person == found.person)
            connection.execute(tokens.delete().where(issued))
            _note(connection, found.study, "withdrawn")
        return True

    def add_raffle_address(self, key: str, address: str) -> None:
        """Keep an address for the raffle, one of each person, without any way back to the answers of whoever gave it.

        Whoever entered already changes nothing.

        Raises
        ------
        NotAdmitted
            Unless the key's participation is finished and its study has a raffle.
        DataError
            For what is no e-mail address.
        """
        name = one_line(address, 300)
        if len(name) > 254 or not _ADDRESS.fullmatch(name):
            raise DataError(Problem("the address", "is no e-mail address", "Write it as name@example.org."))
        with self._reading() as connection:
            begun = _begun(connection, key)
            study = _study_by_id(connection, begun.study)
        if begun.finished is None or not study.raffle:
            raise _refused("closed", "the raffle", "is for those who finished a study that has one")
        if begun.test:
            return
        row = {"study": study.id, "digest": _hash(f"{study.id}:{name.lower()}"), "address": name}
        people = schema.participations
        enters = sa.update(people).where(people.c.id == begun.id, ~people.c.raffled).values(raffled=True)
        with self._writing() as connection:
            if connection.execute(enters).rowcount:
                connection.execute(self._insert(schema.raffle).on_conflict_do_nothing(), row)

    def admit(self, slug: str, token: str, wave: str = "") -> str:
        """The key with which the owner of this token takes part (again).

        Raises
        ------
        NotAdmitted
            With the reason `token`, for a token that was not issued for this study and wave, or was withdrawn.
        """
        with self._reading() as connection:
            study = _study(connection, slug)
            key = token_key(study.id, token, wave or current_wave(study, _now()))
            _invited(connection, study, key)
        return key

    # -- what the researcher reads ------------------------------------------------------------------------------

    def counts(self, slug: str) -> StudyCounts:
        """How many people came, declined, began, finished and withdrew; test participations are left out."""
        people, visits, audit = schema.participations, schema.visits, schema.audit
        with self._reading() as connection:
            study = _study(connection, slug)
            came = connection.execute(
                sa.select(visits.c.source, visits.c.what, visits.c.count).where(visits.c.study == study.id)
            ).all()
            begun = connection.execute(
                sa.select(people.c.source, sa.func.count(), sa.func.count(people.c.finished))
                .where(people.c.study == study.id, ~people.c.test)
                .group_by(people.c.source)
            ).all()
            arms = connection.execute(
                sa.select(people.c.condition, sa.func.count(), sa.func.count(people.c.finished))
                .where(people.c.study == study.id, ~people.c.test)
                .group_by(people.c.condition)
            ).all()
            trials = sa.select(sa.func.count()).where(people.c.study == study.id, people.c.test)
            tests = connection.execute(trials).scalar_one()
            simulated = sa.select(sa.func.count(people.c.finished)).where(
                people.c.study == study.id, people.c.synthetic, ~people.c.test
            )
            synthetic = connection.execute(simulated).scalar_one()
            lines = sa.select(sa.func.count()).where(audit.c.study == study.id, audit.c.what == "withdrawn")
            withdrawn = connection.execute(lines).scalar_one()
        by_source = {source: SourceCounts() for source in sorted({row[0] for row in (*came, *begun)})}
        for source, what, count in came:
            field = "visits" if what == "visit" else "declined"
            by_source[source] = replace(by_source[source], **{field: count})
        for source, started, finished in begun:
            by_source[source] = replace(by_source[source], started=started, finished=finished)
        every = by_source.values()
        begun_in = {arm: SourceCounts(started=started, finished=finished) for arm, started, finished in arms}
        return StudyCounts(
            visits=sum(counts.visits for counts in every),
            declined=sum(counts.declined for counts in every),
            started=sum(counts.started for counts in every),
            finished=sum(counts.finished for counts in every),
            withdrawn=withdrawn,
            by_source=by_source,
            by_condition={c.id: begun_in.get(c.id, SourceCounts()) for c in study.conditions},
            tests=tests,
            synthetic=synthetic,
        )

    def last_change(self, slug: str) -> str:
        """A short text that differs whenever the study's rows have changed; cheap, made to be a cache's key."""
        with self._reading() as connection:
            return _last_change(connection, _study(connection, slug))

    def rows(self, slug: str, *, finished_only: bool = True, include_test: bool = False) -> pd.DataFrame:
        """The answers of a study, one row per participation and influencer; test participations only if asked for.

        Returns
        -------
        pandas.DataFrame
            `participation` (random id), `influencer`, `condition`, `source`, `wave`, `person` (the same in all waves
            of one person), `language`, `consented` (version of the consent text), `started` and `finished` (UTC),
            `seconds` (between the two), `device` (phone, tablet or desk), `resumes` and `switches` (returns and
            changes of language), `assigned` (the number of the assignment to a condition), `page_order` (where pages
            change places), `turn` (which of the influencers this person rated), `instrument` (digest), `synthetic`,
            `test`; one column per declared parameter of the link; then the columns of each item with the raw declared
            values, missing where not answered. Items that only an older version of the questionnaire had come last.
            Ordered by the time people began. `rows.study_columns` and `analysis.codebook` say what they are called.
        """
        people, pages = schema.participations, schema.pages
        with self._reading() as connection:
            study = _study(connection, slug)
            chosen = [people.c.study == study.id]
            if not include_test:
                chosen.append(~people.c.test)
            if finished_only:
                chosen.append(people.c.finished.is_not(None))
            names = (
                *("id", "influencer", "condition", "source", "wave", "person", "language", "consent_version"),
                *("started", "finished", "instrument", "synthetic", "test", "external", "influencers", "resumes"),
                *("switches", "assigned", "page_order"),
            )
            meta = sa.select(*(people.c[name] for name in names)).where(*chosen)
            participations = connection.execute(meta.order_by(people.c.started, people.c.id)).all()
            saved = sa.select(pages.c.participation, pages.c.influencer, pages.c.answers)
            kept = connection.execute(saved.join(people).where(*chosen)).all()
            device = sa.case(*((pages.c.paradata.contains(f'"device":"{name}"'), name) for name in DEVICES))
            told_by = sa.select(pages.c.participation, device).join(people).where(*chosen, device.is_not(None))
            devices = {row[0]: row[1] for row in connection.execute(told_by.order_by(pages.c.saved))}
        digests = dict.fromkeys([study.instrument, *(person.instrument for person in participations)])
        rows = rows_from(participations, kept, _together([self.instrument(digest) for digest in digests]), devices)
        for place, parameter in enumerate(study.parameters, start=list(rows.columns).index("test") + 1):
            told = {person.id: person.external.get(parameter.id) for person in participations}
            rows.insert(place, parameter.id, rows["participation"].map(told).astype("string"))
        return rows

    def paradata(self, slug: str, *, include_test: bool = False) -> pd.DataFrame:
        """How did people answer? One row per participation, influencer, page and item that was shown.

        Returns
        -------
        pandas.DataFrame
            `participation`, `influencer`, `turn` (which of the influencers this person rated, 1 being the first; 0 on
            pages asked once), `page`, `item`, `place` (on the page, 1 being the first), `shown_ms`, `first_ms`,
            `last_ms` (milliseconds from the page's start to the item's first showing, first and last answer, by the
            phone's own clock), `page_ms` (milliseconds on the page), `device` (phone, tablet or desk), `resumes` and
            `switches` (returns and changes of language of this participation), `saved` (UTC), `sequence` (the number of
            the save). Missing where the phone told nothing.
        """
        people, pages = schema.participations, schema.pages
        with self._reading() as connection:
            study = _study(connection, slug)
            query = sa.select(pages, people.c.influencers, people.c.resumes, people.c.switches).join(people)
            query = query.where(people.c.study == study.id)
            if not include_test:
                query = query.where(~people.c.test)
            kept = connection.execute(query.order_by(people.c.started, people.c.id, pages.c.saved)).all()
        return paradata_from(kept)

    def add_rows(self, slug: str, frame: pd.DataFrame, instrument: Instrument) -> int:
        """Add finished participations from a table, one per `participation` (or per row without that column).

        Parameters
        ----------
        slug : str
            The study; its state does not matter.
        frame : pandas.DataFrame
            Item columns with raw declared values and any of the columns `rows` gives.
        instrument : Instrument
            The study's instrument.

        Returns
        -------
        int
            The number of participations added, all under new ids.

        Raises
        ------
        DataError
            When a column is unknown or holds values the instrument does not declare; then nothing is added.
        """
        with self._writing() as connection:
            study = _study(connection, slug, lock=True)
            if instrument.digest != study.instrument:
                what = f"asks instrument {study.instrument[:12]}, the answers are of {instrument.digest[:12]}"
                raise DataError(Problem(f"study '{slug}'", what, "Add them to a study with their instrument."))
            participations, saved = kept_from(frame, instrument, study)
            for table, rows in ((schema.participations, participations), (schema.pages, saved)):
                if rows:
                    connection.execute(table.insert(), rows)
        return len(participations)

    # -- keeping house ------------------------------------------------------------------------------------------

    def add_tokens(self, slug: str, number: int) -> list[str]:
        """That many new tokens, each good for one participation (in every wave); they are told here and never again."""
        if not 1 <= number <= _MOST_TOKENS:
            remedy = f"Ask for 1 to {_MOST_TOKENS:,} at a time."
            raise StoreError(Problem("tokens", f"{number} cannot be made at once", remedy))
        tokens = [new_token() for _ in range(number)]
        with self._writing() as connection:
            study = _study(connection, slug)
            rows = [
                {
                    "study": study.id,
                    "key_hash": _hash(token_key(study.id, token, wave)),
                    "wave": wave,
                    "person": f"t{_hash(token_key(study.id, token))[:31]}" if wave else "",
                }
                for token in tokens
                for wave in [each.id for each in study.waves] or [""]
            ]
            connection.execute(schema.tokens.insert(), rows)
        return tokens

    def token_counts(self, slug: str) -> TokenCounts:
        """How many tokens were issued (counted once for each wave), and how many of them were used."""
        people, tokens = schema.participations, schema.tokens
        used = sa.select(sa.func.count(), sa.func.count(people.c.id), sa.func.count(people.c.finished))
        with self._reading() as connection:
            study = _study(connection, slug)
            joined = used.select_from(tokens.outerjoin(people, people.c.key_hash == tokens.c.key_hash))
            return TokenCounts(*connection.execute(joined.where(tokens.c.study == study.id)).one())

    def remove_tests(self, slug: str) -> int:
        """Delete all test participations of a study; how many there were."""
        people = schema.participations
        with self._writing() as connection:
            study = _study(connection, slug)
            removed = connection.execute(people.delete().where(people.c.study == study.id, people.c.test)).rowcount
            if removed:
                _note(connection, study.id, "tests removed")
        return removed

    def raffle_addresses(self, slug: str) -> list[str]:
        """The addresses left for the raffle, in an order that tells nothing."""
        raffle = schema.raffle.c
        with self._reading() as connection:
            study = _study(connection, slug)
            query = sa.select(raffle.address).where(raffle.study == study.id).order_by(raffle.digest)
            return list(connection.execute(query).scalars())

    def consents(self, slug: str) -> dict[str, dict[str, str]]:
        """Every version of the consent people were shown, {version: {language: text}}."""
        agreed = schema.consents.c
        with self._reading() as connection:
            study = _study(connection, slug)
            query = sa.select(agreed.version, agreed.texts).where(agreed.study == study.id)
            return {version: dict(texts) for version, texts in connection.execute(query.order_by(agreed.added))}

    def audit(self, slug: str) -> list[AuditLine]:
        """What was deleted or exported, oldest first; a line knows the day and no person."""
        lines = schema.audit.c
        with self._reading() as connection:
            study = _study(connection, slug)
            query = sa.select(lines.what, lines.day, lines.detail).where(lines.study == study.id)
            return [AuditLine(*row) for row in connection.execute(query.order_by(lines.id))]

    def note_export(self, slug: str, change: str, digest: str) -> None:
        """Remember that everything up to this `last_change` was written to a file with this SHA-256."""
        with self._writing() as connection:
            _note(connection, _study(connection, slug).id, "exported", f"{change} {digest}")

    def purge(self, slug: str, digest: str) -> int:
        """Delete all answers, tokens and raffle addresses of a closed study; how many participations there were.

        Parameters
        ----------
        slug : str
            The study.
        digest : str
            The SHA-256 of an export that was noted (`note_export`), and since which nothing has changed.

        Raises
        ------
        StoreError
            When the study is still open, or there is no such export.
        """
        people, tokens, raffle = schema.participations, schema.tokens, schema.raffle
        with self._writing() as connection:
            study = _study(connection, slug, lock=True)
            where = f"study '{slug}'"
            if study.state == "open":
                raise StoreError(Problem(where, "is open", "Close it first."))
            lines = schema.audit.c
            exported = lines.study == study.id, lines.what == "exported"
            noted = f"{_last_change(connection, study)} {digest}"
            if not connection.execute(sa.select(lines.id).where(*exported, lines.detail == noted)).first():
                what = "is not in that file as it is now"
                raise StoreError(Problem(where, what, f"Export it: parasol study export {slug} -o {slug}.zip"))
            deleted = connection.execute(people.delete().where(people.c.study == study.id)).rowcount
            for table in (tokens, raffle):
                connection.execute(table.delete().where(table.c.study == study.id))
            _note(connection, study.id, "purged", f"{deleted} participations")
        return deleted


# -- opening ----------------------------------------------------------------------------------------------------


def _engine(url: str) -> sa.Engine:
    remedy = "Write sqlite:////folder/file.sqlite or postgresql://user:password@host/database in PARASOL_DATABASE."
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise StoreError(Problem("the database", "its address cannot be read", remedy)) from error
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return _postgresql_engine(parsed.set(drivername="postgresql+psycopg"))
    if parsed.drivername in ("sqlite", "sqlite+pysqlite") and parsed.database not in (None, "", ":memory:"):
        return _sqlite_engine(parsed)
    what = f"'{parsed.render_as_string(hide_password=True)}' is no database Parasol can keep answers in"
    raise StoreError(Problem("the database", what, remedy))


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={"timeout": _WAIT},
        pool_timeout=_WAIT,
        pool_size=5,
        max_overflow=20,
        hide_parameters=True,  # answers and addresses stand in no log
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # sqlite3 shall not begin transactions by itself: `start` below does
        for pragma in ("foreign_keys=ON", f"busy_timeout={_WAIT * 1000}", "synchronous=NORMAL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        # A write takes the lock before it reads: an upgrade from a read lock could fail after the reading.
        begins = connection.get_execution_options().get("parasol_begins", "BEGIN")
        if begins:
            connection.exec_driver_sql(begins)

    return engine


def _postgresql_engine(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            # As many as there ever are, and kept: making one costs the database more than a page of answers does.
            pool_size=16,
            max_overflow=0,
            pool_timeout=_WAIT,
            hide_parameters=True,  # as above
            pool_pre_ping=True,  # a connection that did not survive the database's restart is replaced unnoticed
            connect_args={
                "connect_timeout": _WAIT,
                "application_name": "parasol",
                "options": f"-c timezone=UTC -c lock_timeout={_WAIT}s -c idle_in_transaction_session_timeout=60s",
            },
        )
    except ModuleNotFoundError as error:
        what = f"needs the package {error.name}, which is not installed"
        raise StoreError(Problem("PostgreSQL", what, "Install parasol-survey[postgres].")) from error


# -- saying what went wrong -------------------------------------------------------------------------------------


@contextmanager
def _stating(where: str) -> Iterator[None]:
    """Turn every failure of the database into a StoreError that says what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _refusal(where, error) from error


def _refusal(where: str, error: SQLAlchemyError) -> StoreError:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    known = said.lower()
    if "locked" in known or "lock timeout" in known:
        return _busy(where)
    if "no such table" in known or ("relation" in known and "does not exist" in known):
        remedy = "Start Parasol with `parasol serve` or `parasol demo`, which creates them."
        return StoreError(Problem(where, "it does not hold Parasol's tables yet", remedy))
    if "disk" in known and "full" in known:
        return StoreError(Problem(where, "its disk is full", "Make room; the last answers are sent again by then."))
    remedy = "Check that it is running, that it may be written to and that PARASOL_DATABASE names it rightly."
    return StoreError(Problem(where, f"it does not answer as it should ({said})", remedy))


def _busy(where: str) -> StoreError:
    remedy = "Try again; if that lasts, end the program that keeps it locked."
    return StoreError(Problem(where, f"it was busy for more than {_WAIT} seconds", remedy))


def _refused(reason: Reason, where: str, what: str) -> NotAdmitted:
    remedy = _LINK_REMEDY if where == "the link" else "Ask whoever invited you."
    return NotAdmitted(reason, Problem(where, what, remedy))


def _no_study(slug: str) -> NotAdmitted:
    what = f"there is no study '{one_line(slug, 64)}' here"
    return NotAdmitted("unknown", Problem("the link", what, "Check it; `parasol study list` names all there are."))


def _refuse_closed(study: Study, found: Standing) -> None:
    if found != "open":
        remedy = "Thank you for your interest." if found in ("full", "late") else "Ask whoever invited you."
        raise NotAdmitted(found, Problem(f"study '{study.slug}'", _WHY[found], remedy))


# -- reading single values --------------------------------------------------------------------------------------


def _study(connection: sa.Connection, slug: str, *, lock: bool = False) -> Study:
    query = _STUDY_LOCKED if lock else _STUDY
    row = connection.execute(query, {"slug": slug}).one_or_none() if is_slug(slug) else None
    if row is None:
        raise _no_study(slug)
    return _study_from(row)


def _study_by_id(connection: sa.Connection, id: str, *, lock: bool = False) -> Study:
    query = sa.select(schema.studies).where(schema.studies.c.id == id)
    return _study_from(connection.execute(query.with_for_update(key_share=True) if lock else query).one())


def _study_from(row: sa.Row[Any]) -> Study:
    kept = dict(row._mapping)
    return _ADAPTER.validate_python(kept | kept.pop("design"))


def _row_of(study: Study) -> dict[str, Any]:
    """The study as the table keeps it."""
    fields = _ADAPTER.dump_python(study, mode="json")
    row = {column.name: fields.pop(column.name) for column in schema.studies.c if column.name != "design"}
    return row | {"opened": study.opened, "closed": study.closed, "design": fields}


def _participation(connection: sa.Connection, key: str) -> Participation | None:
    row = connection.execute(_PARTICIPATION, {"key": _hash(key)}).one_or_none()
    return None if row is None else Participation(**row._mapping)


def _begun(connection: sa.Connection, key: str) -> Participation:
    begun = _participation(connection, key)
    if begun is None:
        what = "no participation was begun with it, or it was withdrawn"
        raise _refused("unknown", "the link", what)
    return begun


def _change(connection: sa.Connection, begun: Participation, **values: Any) -> None:
    people = schema.participations
    changed = people.update().where(people.c.id == begun.id).values(**values, revision=people.c.revision + 1)
    connection.execute(changed)


def _rename_pages(connection: sa.Connection, begun: Participation, name: str) -> None:
    """Pages saved under the name before go along, so that a corrected name does not make two rows of one person."""
    pages = schema.pages
    mine = pages.c.participation == begun.id
    taken = sa.select(sa.func.count()).where(mine, pages.c.influencer == name)
    if not connection.execute(taken).scalar_one():
        connection.execute(pages.update().where(mine, pages.c.influencer == begun.influencer).values(influencer=name))


def _refuse_late(connection: sa.Connection, participation: str, row: Mapping[str, Any], sent: int) -> None:
    """After the end, what is kept already and what is older than that is success; anything else is refused."""
    pages = schema.pages
    same = pages.c.participation == participation, *(pages.c[name] == row[name] for name in ("page", "influencer"))
    kept = connection.execute(sa.select(pages.c.answers, pages.c.sequence).where(*same)).one_or_none()
    older = kept is not None and 0 <= sent < kept.sequence
    if kept is None or not (older or json.loads(kept.answers) == json.loads(row["answers"])):
        what = "is finished, so its answers do not change any more"
        raise NotAdmitted("finished", Problem("this participation", what, "Answers sent before are safe."))


# -- who is there already ---------------------------------------------------------------------------------------


def _is_limited(study: Study) -> bool:
    """Can the study, a source or a condition have all the answers it needs?"""
    parts = (study, *study.sources, *study.conditions)
    return any(part.quota is not None for part in parts)


def _tallies(connection: sa.Connection, study: Study, wave: str, now: datetime, *, test: bool = False) -> Tallies:
    """Who finished, is on the way or left, where the study needs to know."""
    if not (study.conditions or _is_limited(study) or study.rate == "subset"):
        return Tallies()
    here = {"study": study.id, "wave": wave, "test": test}
    done, begun = _tally_statements(subset=study.rate == "subset")
    finished = {(*row[:2], row[2]): row[3] for row in connection.execute(done, here)}
    lately = {"paused": now - PAUSE, "left": now - ACTIVE}
    open_ = {
        (*row[:2], row[2]): (row[4], row[3] - row[5], row[5] - row[4])  # on the way, gone, silent
        for row in connection.execute(begun, here | lately)
    }
    return Tallies(
        {each: Tally(finished.get(each, 0), *open_.get(each, (0, 0, 0))) for each in finished.keys() | open_.keys()}
    )


@cache
def _tally_statements(*, subset: bool) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Those who finished are counted in an index alone; of the others each was last seen at some time."""
    people = _people.c
    group = people.condition, people.source, people.influencers if subset else sa.literal("", type_=schema.Names)
    here = tuple(people[name] == sa.bindparam(name) for name in ("study", "wave", "test"))
    done = sa.select(*group, sa.func.count()).where(*here, people.finished.is_not(None)).group_by(*group)
    since = (sa.bindparam(name, type_=schema.Moment) for name in ("paused", "left"))
    active, there = (sa.func.count(sa.case((people.seen > moment, 1))) for moment in since)
    begun = sa.select(*group, sa.func.count(), active, there)
    return done, begun.where(*here, people.finished.is_(None)).group_by(*group)


def _next_number(connection: sa.Connection, study: Study, name: str, *, test: bool) -> int:
    """The next number of an arrival or an assignment: up from 1, for tests down from -1."""
    reached = connection.execute(_furthest(name, test=test), {"study": study.id}).scalar() or 0
    return min(reached, 0) - 1 if test else max(reached, 0) + 1


@cache
def _furthest(name: str, *, test: bool) -> sa.Select[Any]:
    furthest = sa.func.min if test else sa.func.max
    return sa.select(furthest(_people.c[name])).where(_people.c.study == sa.bindparam("study"))


def _is_assigned_later(study: Study, instrument: Instrument) -> bool:
    return study.rule != ON_ARRIVAL and decisive_page(study, instrument) is not None


def _assigned(
    connection: sa.Connection, study: Study, tallies: Tallies, *, test: bool
) -> tuple[int, str, tuple[str, ...]]:
    """The number of this assignment, the condition and the influencers; the study is locked until they are kept."""
    number = _next_number(connection, study, "assigned", test=test)
    condition = next_condition(study, tallies, number)
    return number, condition, next_influencers(study, tallies, number, condition)


def _earlier(connection: sa.Connection, study: Study, begun: Participation) -> sa.Row[Any] | None:
    """What an earlier wave assigned to the same person."""
    if not begun.person:
        return None
    people = schema.participations
    mine = people.c.study == study.id, people.c.person == begun.person, people.c.test == begun.test
    met = sa.select(people.c.condition, people.c.influencers).where(*mine, people.c.condition != "")
    return connection.execute(met.order_by(people.c.started)).first()


def _recognised(
    connection: sa.Connection, study: Study, wave: str, person: str, *, unmatched: bool, test: bool
) -> tuple[str, sa.Row[Any] | None]:
    """Under which name this person goes in all waves, and what an earlier one assigned to them (by `_earlier`'s rule).

    Somebody without a code is nobody's earlier self.
    """
    if not study.waves:
        return "", None
    if wave not in {each.id for each in study.waves}:
        raise _refused("wave", "the link", f"names the wave '{one_line(wave, 32)}', which there is not")
    if study.code and not study.invited and not person and not test:
        raise _refused("code", "the code", "is missing")
    people = schema.participations
    mine = people.c.study == study.id, people.c.person == person, people.c.test == test
    met = sa.select(people.c.wave, people.c.condition, people.c.influencers).where(*mine).order_by(people.c.started)
    known = connection.execute(met).all() if person else []
    earlier = [row for row in known if row.wave != wave]
    before = next((row for row in earlier if row.condition or not study.conditions), None)
    if study.invited or not person:
        return person, before
    if any(row.wave == wave for row in known):
        if unmatched:
            return "", None
        raise _refused("code_taken", "the code", "was used in this round already")
    if not earlier and wave != study.waves[0].id and not unmatched:
        raise _refused("code_unknown", "the code", "was not met in an earlier round")
    return person, before


def _invited(connection: sa.Connection, study: Study, key: str) -> tuple[str, str]:
    """The wave and the person a token's key was issued for."""
    tokens = schema.tokens
    query = sa.select(tokens.c.wave, tokens.c.person)
    row = connection.execute(query.where(tokens.c.study == study.id, tokens.c.key_hash == _hash(key))).one_or_none()
    if row is None:
        raise _refused("token", "the link", "has no code that this study was opened for")
    return row.wave, row.person


def _last_change(connection: sa.Connection, study: Study) -> str:
    people, audit = schema.participations, schema.audit
    writes = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(people.c.revision), 0))
    started, revisions = connection.execute(writes.where(people.c.study == study.id)).one()
    lines = sa.select(sa.func.count()).where(audit.c.study == study.id, audit.c.what.in_(_DELETIONS))
    return f"{started}.{revisions}.{connection.execute(lines).scalar_one()}"


def _counted_label(connection: sa.Connection, study: Study, label: str) -> str:
    """Under which label somebody is counted: where none are declared, new ones become `other` when there are many."""
    if study.sources or not label:
        return label
    known = connection.execute(sa.select(schema.visits.c.source).where(schema.visits.c.study == study.id).distinct())
    labels = set(known.scalars())
    return label if label in labels or len(labels) < _MOST_LABELS else "other"


def _note(connection: sa.Connection, study: str, what: str, detail: str = "") -> None:
    line = {"study": study, "what": what, "day": _now().date(), "detail": detail}
    connection.execute(schema.audit.insert(), line)


# -- small conversions ------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _withdrawal_code(key: str) -> str:
    digest = hashlib.sha256(b"withdrawal:" + key.encode("utf-8", "surrogatepass")).digest()
    return in_fours(base64.b32encode(digest).decode()[:12])


def _together(instruments: Sequence[Instrument]) -> Instrument:
    """The first instrument, with the items that only others have behind its own."""
    first = instruments[0]
    items = {item.id: item for instrument in reversed(instruments) for item in instrument.items}
    own = {item.id for item in first.items}
    return replace(first, items=(*first.items, *(item for id, item in items.items() if id not in own)))


def _source(study: Study, label: str) -> str:
    """A declared label as it is, an undeclared one as `other`; where none are declared, any short label."""
    label = one_line(label, 32)
    declared = {source.id for source in study.sources}
    return label if not label or not declared or label in declared else "other"
