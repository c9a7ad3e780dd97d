"""The design of a study: waves, influencers in their order, tokens, raffle, versions of the consent"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LONG_AGO = "1970-01-01 00:00:00.000000"


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.execute("UPDATE participations SET seen = coalesce(finished, started)")
    op.create_index(
        "ix_participations_tallies",
        "participations",
        ["study", "wave", "test", "finished", "condition", "source", "influencers"],
    )
    op.create_index(op.f("ix_participations_study_arrival"), "participations", ["study", "arrival"])
    op.create_index(op.f("ix_participations_study_person"), "participations", ["study", "person"])
    op.create_table(
        "consents",
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("added", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_consents_study")),
        sa.PrimaryKeyConstraint("study", "version", name=op.f("pk_consents")),
    )
    op.create_table(
        "tokens",
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("wave", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_tokens_study")),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_study"), "tokens", ["study"])
    op.create_table(
        "raffle",
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_raffle_study")),
        sa.PrimaryKeyConstraint("study", "digest", name=op.f("pk_raffle")),
        sqlite_with_rowid=False,
    )
    _convert_studies()


def _added() -> dict[str, list[sa.Column]]:
    """The new columns; the defaults are for the rows that are there already."""

    def text(name: str, length: int) -> sa.Column:
        return sa.Column(name, sa.String(length=length), nullable=False, server_default="")

    def number(name: str) -> sa.Column:
        return sa.Column(name, sa.Integer(), nullable=False, server_default="0")

    return {
        "studies": [sa.Column("design", sa.JSON(), nullable=False, server_default="{}")],
        "participations": [
            text("wave", 32),
            text("person", 32),
            sa.Column("influencers", sa.Text(), nullable=False, server_default=""),
            number("arrival"),
            sa.Column("seen", sa.DateTime(timezone=True), nullable=False, server_default=_LONG_AGO),
            number("resumes"),
            number("switches"),
            number("saves"),
        ],
        "pages": [number("sequence")],
        "audit": [text("detail", 200)],
    }


def _convert_studies() -> None:
    """Sources were bare names, and the consent was kept with the study only."""
    connection = op.get_bind()
    studies = sa.table(
        "studies",
        *(sa.column("id"), sa.column("sources", sa.JSON), sa.column("consent", sa.JSON), sa.column("consent_version")),
    )
    consents = sa.table(
        "consents",
        *(sa.column("study"), sa.column("version"), sa.column("texts", sa.JSON)),
        sa.column("added", sa.DateTime(timezone=True)),
    )
    for study in connection.execute(sa.select(studies)).all():
        sources = [{"id": source} for source in study.sources]
        connection.execute(studies.update().where(studies.c.id == study.id).values(sources=sources))
        kept = {"study": study.id, "version": study.consent_version, "texts": study.consent}
        connection.execute(consents.insert(), kept | {"added": datetime.now(UTC)})


def downgrade() -> None:
    for table in ("raffle", "tokens", "consents"):
        op.drop_table(table)
    op.drop_index(op.f("ix_participations_study_person"), table_name="participations")
    op.drop_index("ix_participations_tallies", table_name="participations")
    op.drop_index(op.f("ix_participations_study_arrival"), table_name="participations")
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)
    studies = sa.table("studies", sa.column("id"), sa.column("sources", sa.JSON))
    for study in op.get_bind().execute(sa.select(studies)).all():
        sources = [source["id"] for source in study.sources]
        op.get_bind().execute(studies.update().where(studies.c.id == study.id).values(sources=sources))
