"""Conditions are assigned where the questionnaire first needs them; pages of a block come in a random order"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("participations", sa.Column("assigned", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("participations", sa.Column("page_order", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE participations SET assigned = arrival WHERE condition <> ''")
    op.create_index(op.f("ix_participations_study_assigned"), "participations", ["study", "assigned"])


def downgrade() -> None:
    op.drop_index(op.f("ix_participations_study_assigned"), table_name="participations")
    op.drop_column("participations", "page_order")
    op.drop_column("participations", "assigned")
