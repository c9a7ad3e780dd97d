"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instruments",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("added", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_instruments")),
    )
    op.create_table(
        "studies",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("instrument", sa.String(length=64), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("consent", sa.JSON(), nullable=False),
        sa.Column("consent_version", sa.String(length=64), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("influencers", sa.JSON(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.digest"], name=op.f("fk_studies_instrument")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
        sa.UniqueConstraint("slug", name=op.f("uq_studies_slug")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_audit_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_study_what"), "audit", ["study", "what"], unique=False)
    op.create_table(
        "participations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("instrument", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=True),
        sa.Column("withdrawal_hash", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("condition", sa.String(length=32), nullable=False),
        sa.Column("consent_version", sa.String(length=64), nullable=False),
        sa.Column("influencer", sa.String(length=200), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("external", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instruments.digest"], name=op.f("fk_participations_instrument")),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_participations_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participations")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_participations_key_hash")),
        sa.UniqueConstraint("withdrawal_hash", name=op.f("uq_participations_withdrawal_hash")),
    )
    op.create_index(op.f("ix_participations_study_finished"), "participations", ["study", "finished"], unique=False)
    op.create_table(
        "visits",
        sa.Column("study", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=8), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_visits_study")),
        sa.PrimaryKeyConstraint("study", "source", "what", name=op.f("pk_visits")),
    )
    op.create_table(
        "pages",
        sa.Column("participation", sa.String(length=32), nullable=False),
        sa.Column("page", sa.String(length=32), nullable=False),
        sa.Column("influencer", sa.String(length=200), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("paradata", sa.Text(), nullable=False),
        sa.Column("saved", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["participation"], ["participations.id"], name=op.f("fk_pages_participation"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("participation", "page", "influencer", name=op.f("pk_pages")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("pages")
    op.drop_table("visits")
    op.drop_index(op.f("ix_participations_study_finished"), table_name="participations")
    op.drop_table("participations")
    op.drop_index(op.f("ix_audit_study_what"), table_name="audit")
    op.drop_table("audit")
    op.drop_table("studies")
    op.drop_table("instruments")
