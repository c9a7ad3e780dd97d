"""The tables. A change here needs a migration in migrations/versions and a new REVISION; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

REVISION = "0004"
"""The newest migration: what the tables must have reached before this code can use them."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: SQLite keeps no time zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Names(TypeDecorator[tuple[str, ...]]):
    """Several ids in their order, with commas between them: plain text, which both databases can group by."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:
        return ",".join(value or ())

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(value.split(",")) if value else ()


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _required(name: str, type_: Any, *constraints: Any, **options: Any) -> Column[Any]:
    return Column(name, type_, *constraints, nullable=False, **options)


instruments = Table(
    "instruments",
    metadata,
    Column("digest", String(64), primary_key=True),
    _required("id", String(32)),
    _required("version", String(64)),
    _required("content", Text),
    _required("added", Moment),
)

studies = Table(
    "studies",
    metadata,
    Column("id", String(32), primary_key=True),
    _required("slug", String(63), unique=True),
    _required("title", JSON),
    _required("instrument", String(64), ForeignKey("instruments.digest")),
    _required("languages", JSON),
    _required("state", String(8)),
    _required("consent", JSON),
    _required("consent_version", String(64)),
    _required("conditions", JSON),
    _required("influencers", JSON),
    _required("sources", JSON),
    _required("model", Text),
    Column("quota", Integer),
    Column("opened", Moment),
    Column("closed", Moment),
    _required("synthetic", Boolean),
    # All the rest of a study: nothing is searched for by it, and it can grow without a migration.
    _required("design", JSON),
)

consents = Table(
    "consents",
    metadata,
    # What exactly people agreed to stays known when the text changes.
    Column("study", String(32), ForeignKey("studies.id"), primary_key=True),
    Column("version", String(64), primary_key=True),
    _required("texts", JSON),
    _required("added", Moment),
)

participations = Table(
    "participations",
    metadata,
    Column("id", String(32), primary_key=True),
    _required("study", String(32), ForeignKey("studies.id")),
    _required("instrument", String(64), ForeignKey("instruments.digest")),
    # Only hashes: whoever reads the database can neither resume nor withdraw somebody else's participation.
    Column("key_hash", String(64), unique=True),
    Column("withdrawal_hash", String(64), unique=True),
    _required("language", String(16)),
    _required("source", String(32)),
    _required("condition", String(32)),
    _required("consent_version", String(64)),
    _required("influencer", String(200)),
    _required("started", Moment),
    Column("finished", Moment),
    _required("synthetic", Boolean),
    _required("test", Boolean),
    _required("external", JSON),
    # Counts the writes, so that the sum over a study tells whether its rows have changed.
    _required("revision", Integer),
    _required("wave", String(32), default=""),
    _required("person", String(32), default=""),
    _required("influencers", Names, default=()),
    # The number of the person in the study, from 1 up; tests count down from -1, so they change no assignment.
    _required("arrival", Integer, default=0),
    # The number of the assignment to a condition, counted in the same way; 0 where there was none, or an earlier wave
    # decided.
    _required("assigned", Integer, default=0),
    # The pages in the order of this person, where the questionnaire has blocks of pages that change places.
    _required("page_order", Names, default=()),
    # When the person was last heard of.
    _required("seen", Moment, default=lambda: datetime.now(UTC)),
    _required("resumes", Integer, default=0),
    _required("switches", Integer, default=0),
    # The number of the newest page save.
    _required("saves", Integer, default=0),
    # Did this person enter the raffle? Not with which address: so nobody enters twice, and nothing leads there.
    _required("raffled", Boolean, default=False),
    Index(None, "study", "finished"),
    # Whoever begins is assigned by who got what so far: counted here, without looking at the people.
    Index("ix_participations_tallies", "study", "wave", "test", "finished", "condition", "source", "influencers"),
    Index(None, "study", "arrival"),
    Index(None, "study", "assigned"),
    Index(None, "study", "person"),
)

pages = Table(
    "pages",
    metadata,
    Column("participation", String(32), ForeignKey("participations.id", ondelete="CASCADE"), primary_key=True),
    Column("page", String(32), primary_key=True),
    Column("influencer", String(200), primary_key=True),
    # JSON as plain text: the values come back with the types they had (3.0 stays 3.0 on both databases), and
    # `rows` can decode all pages of a study at once.
    _required("answers", Text),
    _required("shown", Text),
    _required("paradata", Text),
    _required("saved", Moment),
    _required("sequence", Integer, default=0),
    sqlite_with_rowid=False,
)

visits = Table(
    "visits",
    metadata,
    Column("study", String(32), ForeignKey("studies.id"), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("what", String(8), primary_key=True),
    _required("count", Integer),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    _required("study", String(32), ForeignKey("studies.id")),
    _required("what", String(32)),
    # The day only: a time of day could be matched with someone who was seen at it.
    _required("day", Date),
    _required("detail", String(200), default=""),
    Index(None, "study", "what"),
)

tokens = Table(
    "tokens",
    metadata,
    _required("study", String(32), ForeignKey("studies.id")),
    # The hash of the key that the token gives, so that it admits one participation and resumes it.
    Column("key_hash", String(64), primary_key=True),
    _required("wave", String(32)),
    _required("person", String(32)),
    Index(None, "study"),
)

raffle = Table(
    "raffle",
    metadata,
    # No key to a participation, no time; the digest comes first, so that the order of arrival is lost too.
    Column("study", String(32), ForeignKey("studies.id"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    _required("address", String(254)),
    sqlite_with_rowid=False,
)
