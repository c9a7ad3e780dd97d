"""The store: the one seam between the app and its database, SQLite or PostgreSQL."""

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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError

from analysis.errors import DataError, Problem, StoreError, StudyClosed
from analysis.instrument import Instrument, instrument_as_json, instrument_from_json
from survey_app import schema
from survey_app.answers import Answer
from survey_app.rows import as_json, kept_from, new_id, rows_from
from survey_app.study import (
    ACTIVE,
    Condition,
    Influencer,
    Participation,
    SourceCounts,
    Study,
    StudyCounts,
    is_slug,
    next_condition,
    one_line,
    study_problems,
)

if TYPE_CHECKING:
    import pandas as pd

Visit = Literal["visit", "declined"]

_WAIT = 5
"""Seconds a write waits for another one before the respondent's phone is asked to send the page again."""

_MIGRATION_LOCK = 0x7061726173  # any fixed number: all processes that migrate take the same advisory lock
_LINK_REMEDY = "Open the study's own link again."
_DIGIT_FOR_LETTER = str.maketrans("018", "OIB")  # base32 has no 0, 1 and 8: whoever types one misread a letter

_people = schema.participations

# The statements of a respondent's way are built once: building them costs more than the database's own work.
# A page save begins by touching the participation: that finds it, locks it and makes sure that it is still running.
_RUNNING = _people.c.key_hash == sa.bindparam("key"), _people.c.finished.is_(None)
_TOUCH = _people.update().where(*_RUNNING).values(revision=_people.c.revision + 1).returning(_people.c.id)
_FINISH = (
    _people.update()
    .where(*_RUNNING)
    .values(
        finished=sa.bindparam("now", type_=schema.Moment),
        withdrawal_hash=sa.bindparam("code"),
        revision=_people.c.revision + 1,
    )
)
_PARTICIPATION = sa.select(*(_people.c[name] for name in Participation.__dataclass_fields__)).where(
    _people.c.key_hash == sa.bindparam("key")
)
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
        # SQLite has a single writer and lets the others poll for it; threads queueing here wake up at once.
        self._turn = threading.Lock() if self._sqlite else None
        insert = self._insert(schema.pages)
        changed = {name: insert.excluded[name] for name in ("answers", "saved")}
        # The same page may come a second time by a way that knows neither order nor times: those first told stay.
        for name, nothing in (("shown", "[]"), ("paradata", "{}")):
            told = sa.func.nullif(insert.excluded[name], nothing)
            changed[name] = sa.func.coalesce(told, schema.pages.c[name])
        self._upsert_page = insert.on_conflict_do_update(
            index_elements=["participation", "page", "influencer"], set_=changed
        )

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
        with _stating(self._where), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with _stating(self._where), self._taking_turn(), self._engine.connect() as connection:
            connection = connection.execution_options(parasol_writes=True)
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
        table = schema.instruments
        with self._reading() as connection:
            content = connection.execute(sa.select(table.c.content).where(table.c.digest == digest)).scalar()
        if content is None:
            what = f"holds no instrument {digest[:12]}"
            raise StoreError(Problem(self._where, what, "Add the instrument before its study."))
        instrument = instrument_from_json(content)
        if instrument.digest != digest:
            what = f"instrument {digest[:12]} was altered after it was published"
            raise StoreError(Problem(self._where, what, "Restore the database from a backup."))
        return instrument

    def add_study(self, study: Study) -> None:
        """Keep a new study. Its id and its slug must be free and its instrument must have been added."""
        problems = study_problems(study)
        if problems:
            raise StoreError(*problems)
        row = {column.name: getattr(study, column.name) for column in schema.studies.c}
        row |= {"conditions": [asdict(c) for c in study.conditions], "sources": list(study.sources)}
        row |= {"influencers": [asdict(i) for i in study.influencers], "languages": list(study.languages)}
        row |= {"title": dict(study.title), "consent": dict(study.consent)}
        try:
            with self._writing() as connection:
                connection.execute(schema.studies.insert(), row)
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                what = "its id or slug is taken, or its instrument has not been added"
                remedy = "Choose another id and slug; add the instrument first."
                raise StoreError(Problem(f"study '{study.slug}'", what, remedy)) from error
            raise

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
            insert = self._insert(schema.visits)
            more = {"count": schema.visits.c.count + 1}
            row = {"study": study.id, "source": _source(study, source), "what": what, "count": 1}
            connection.execute(insert.on_conflict_do_update(index_elements=["study", "source", "what"], set_=more), row)

    def begin(
        self,
        slug: str,
        key: str,
        *,
        language: str,
        source: str = "",
        influencer: str = "",
        external: Mapping[str, str] | None = None,
        synthetic: bool = False,
        test: bool = False,
    ) -> Participation:
        """Begin a participation after consent; the same key gives the same participation again.

        Raises
        ------
        StudyClosed
            When the study does not exist, is not open or has reached its quota, or the key is another study's.
        """
        with self._writing() as connection:
            # Everything is read after the study's row is locked, so that two arrivals cannot both take the last place.
            study = _study(connection, slug, lock=True)
            begun = _participation(connection, key)
            if begun is not None:
                if begun.study != study.id:
                    raise StudyClosed(Problem("the link", "belongs to another study", _LINK_REMEDY))
                return begun
            finished, active = _occupancy(connection, study) if study.conditions or study.quota else ({}, {})
            _refuse_closed(study, sum(finished.values()))
            participation = Participation(
                id=new_id(),
                study=study.id,
                language=language,
                source=_source(study, source),
                condition=next_condition(study, finished, active),
                consent_version=study.consent_version,
                started=_now(),
                finished=None,
                synthetic=synthetic or study.synthetic,
                test=test,
                influencer=one_line(influencer, 200),
                external={one_line(name, 64): one_line(value, 200) for name, value in (external or {}).items()},
            )
            row = asdict(participation) | {"key_hash": _hash(key), "instrument": study.instrument, "revision": 0}
            connection.execute(schema.participations.insert(), row)
            return participation

    def participation(self, key: str) -> Participation | None:
        """The participation that was begun with this key; None for a key nobody began with, or a withdrawn one."""
        with self._reading() as connection:
            return _participation(connection, key)

    def name_influencer(self, key: str, name: str) -> None:
        """Keep (or correct) the name of the influencer the respondent follows."""
        name = one_line(name, 200)
        with self._writing() as connection:
            begun = _begun(connection, key)
            _change(connection, begun, influencer=name)
            if begun.influencer and begun.influencer != name:
                _rename_pages(connection, begun, name)

    def change_language(self, key: str, language: str) -> None:
        """Keep the language the respondent switched to."""
        with self._writing() as connection:
            _change(connection, _begun(connection, key), language=language)

    def save_page(
        self,
        key: str,
        page: str,
        answers: Mapping[str, Answer],
        *,
        influencer: str = "",
        order: Sequence[str] = (),
        paradata: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the answers of one page, in one transaction; a repeat is success, a correction replaces the page.

        Raises
        ------
        StudyClosed
            When the key is unknown, or the participation is finished and these answers differ from those it has.
        """
        row = {
            "page": page,
            "influencer": one_line(influencer, 200),
            "answers": as_json(dict(answers)),
            "shown": as_json(list(order)),
            "paradata": as_json(dict(paradata or {})),
            "saved": _now(),
        }
        with self._writing() as connection:
            id = connection.execute(_TOUCH, {"key": _hash(key)}).scalar()
            if id is not None:
                connection.execute(self._upsert_page, row | {"participation": id})
            elif not _is_kept(connection, _begun(connection, key).id, row):
                what = "is finished, so its answers do not change any more"
                raise StudyClosed(Problem("this participation", what, "Answers sent before are safe."))

    def answers(self, key: str) -> dict[str, dict[str, Answer]]:
        """The answers so far, {page id: {item id: value}}; empty for an unknown key."""
        people, pages = schema.participations, schema.pages
        query = sa.select(pages.c.page, pages.c.answers).join(people).where(people.c.key_hash == _hash(key))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(pages.c.saved)).all()
        return {page: json.loads(answers) for page, answers in rows}

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

        What stays is an audit line with the study and the day.
        """
        people = schema.participations
        given = re.sub(r"[^A-Z2-7]", "", code.upper().translate(_DIGIT_FOR_LETTER))
        gone = people.delete().where(people.c.withdrawal_hash == _hash(_in_fours(given))).returning(people.c.study)
        with self._writing() as connection:
            study = connection.execute(gone).scalar()
            if study is not None:
                connection.execute(schema.audit.insert(), {"study": study, "what": "withdrawn", "day": _now().date()})
        return study is not None

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
            lines = sa.select(sa.func.count()).where(audit.c.study == study.id, audit.c.what == "withdrawn")
            withdrawn = connection.execute(lines).scalar_one()
        by_source = {source: SourceCounts() for source in sorted({row[0] for row in (*came, *begun)})}
        for source, what, count in came:
            field = "visits" if what == "visit" else "declined"
            by_source[source] = replace(by_source[source], **{field: count})
        for source, started, finished in begun:
            by_source[source] = replace(by_source[source], started=started, finished=finished)
        every = by_source.values()
        return StudyCounts(
            visits=sum(counts.visits for counts in every),
            declined=sum(counts.declined for counts in every),
            started=sum(counts.started for counts in every),
            finished=sum(counts.finished for counts in every),
            withdrawn=withdrawn,
            by_source=by_source,
        )

    def last_change(self, slug: str) -> str:
        """A short text that differs whenever the study's rows have changed; cheap, made to be a cache's key."""
        people, audit = schema.participations, schema.audit
        with self._reading() as connection:
            study = _study(connection, slug)
            writes = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(people.c.revision), 0))
            started, revisions = connection.execute(writes.where(people.c.study == study.id)).one()
            lines = sa.select(sa.func.count()).where(audit.c.study == study.id)
            deletions = connection.execute(lines).scalar_one()
        return f"{started}.{revisions}.{deletions}"

    def rows(self, slug: str, *, finished_only: bool = True) -> pd.DataFrame:
        """The answers of a study, one row per participation and influencer; test participations are left out.

        Returns
        -------
        pandas.DataFrame
            `participation` (random id), `influencer`, `condition`, `source`, `language`, `consented` (version of the
            consent text), `started` and `finished` (UTC), `seconds` (between the two), `instrument` (digest),
            `synthetic`, `test`; then one column per item with the raw declared values, missing where not answered.
            Ordered by the time people began.
        """
        people, pages = schema.participations, schema.pages
        with self._reading() as connection:
            study = _study(connection, slug)
            chosen = [people.c.study == study.id, ~people.c.test]
            if finished_only:
                chosen.append(people.c.finished.is_not(None))
            meta = sa.select(
                people.c.id,
                people.c.influencer,
                people.c.condition,
                people.c.source,
                people.c.language,
                people.c.consent_version,
                people.c.started,
                people.c.finished,
                people.c.instrument,
                people.c.synthetic,
                people.c.test,
            )
            participations = connection.execute(meta.where(*chosen).order_by(people.c.started, people.c.id)).all()
            saved = sa.select(pages.c.participation, pages.c.influencer, pages.c.answers)
            kept = connection.execute(saved.join(people).where(*chosen)).all()
        return rows_from(participations, kept, self.instrument(study.instrument))

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
    engine = sa.create_engine(url, connect_args={"timeout": _WAIT}, pool_timeout=_WAIT, pool_size=5, max_overflow=20)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # sqlite3 shall not begin transactions by itself: `start` below does
        for pragma in ("foreign_keys=ON", f"busy_timeout={_WAIT * 1000}", "synchronous=NORMAL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def start(connection: sa.Connection) -> None:
        # A write takes the lock before it reads: an upgrade from a read lock could fail after the reading.
        writes = connection.get_execution_options().get("parasol_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql_engine(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            pool_size=10,
            max_overflow=20,
            pool_timeout=_WAIT,
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


def _no_study(slug: str) -> StudyClosed:
    return StudyClosed(Problem("the link", f"there is no study '{one_line(slug, 64)}' here", "Check the link."))


def _refuse_closed(study: Study, finished: int) -> None:
    where = f"study '{study.slug}'"
    if study.state != "open":
        what = "has not been opened yet" if study.state == "draft" else "is closed"
        raise StudyClosed(Problem(where, what, "Ask whoever invited you."))
    if study.quota is not None and finished >= study.quota:
        raise StudyClosed(Problem(where, "has all the answers it needs", "Thank you for your interest."))


# -- reading single values --------------------------------------------------------------------------------------


def _study(connection: sa.Connection, slug: str, *, lock: bool = False) -> Study:
    query = _STUDY_LOCKED if lock else _STUDY
    row = connection.execute(query, {"slug": slug}).one_or_none() if is_slug(slug) else None
    if row is None:
        raise _no_study(slug)
    return _study_from(row)


def _study_from(row: sa.Row[Any]) -> Study:
    kept = dict(row._mapping)
    kept["languages"] = tuple(kept["languages"])
    kept["sources"] = tuple(kept["sources"])
    kept["conditions"] = tuple(Condition(**condition) for condition in kept["conditions"])
    kept["influencers"] = tuple(Influencer(**influencer) for influencer in kept["influencers"])
    return Study(**kept)


def _participation(connection: sa.Connection, key: str) -> Participation | None:
    row = connection.execute(_PARTICIPATION, {"key": _hash(key)}).one_or_none()
    return None if row is None else Participation(**row._mapping)


def _begun(connection: sa.Connection, key: str) -> Participation:
    begun = _participation(connection, key)
    if begun is None:
        what = "no participation was begun with it, or it was withdrawn"
        raise StudyClosed(Problem("the link", what, _LINK_REMEDY))
    return begun


def _change(connection: sa.Connection, begun: Participation, **values: str) -> None:
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


def _is_kept(connection: sa.Connection, participation: str, row: Mapping[str, Any]) -> bool:
    pages = schema.pages
    same = pages.c.participation == participation, *(pages.c[name] == row[name] for name in ("page", "influencer"))
    kept = connection.execute(sa.select(pages.c.answers).where(*same)).scalar()
    return kept is not None and json.loads(kept) == json.loads(row["answers"])


def _occupancy(connection: sa.Connection, study: Study) -> tuple[dict[str, int], dict[str, int]]:
    """Finished participations and people on the way, by condition."""
    people = schema.participations
    on_the_way = sa.and_(people.c.finished.is_(None), people.c.started > _now() - ACTIVE)
    query = sa.select(
        people.c.condition,
        sa.func.count(people.c.finished),
        sa.func.count(sa.case((on_the_way, 1))),
    )
    counted = query.where(people.c.study == study.id, ~people.c.test).group_by(people.c.condition)
    rows = connection.execute(counted).all()
    return {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}


# -- small conversions ------------------------------------------------------------------------------------------


def _now() -> datetime:
    return datetime.now(UTC)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _withdrawal_code(key: str) -> str:
    digest = hashlib.sha256(b"withdrawal:" + key.encode("utf-8", "surrogatepass")).digest()
    return _in_fours(base64.b32encode(digest).decode()[:12])


def _in_fours(letters: str) -> str:
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _source(study: Study, label: str) -> str:
    """A declared label as it is, an undeclared one as `other`; where none are declared, any short label."""
    label = one_line(label, 32)
    return label if not label or not study.sources or label in study.sources else "other"
