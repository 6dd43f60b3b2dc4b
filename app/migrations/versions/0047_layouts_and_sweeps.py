"""Layouts of settlement files, days without a sweep, and what a waiting file is written in."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0043"
branch_labels = None
depends_on = None

_UNIQUE = "uq_saved_layout_agency_id_{}name_version"


def upgrade() -> None:
    """Add the columns: what there is are layouts of statements, and rules that ask no sweep."""
    op.add_column(
        "saved_layout",
        sa.Column("kind", sa.String(), nullable=False, server_default="statement"),
    )
    op.alter_column("saved_layout", "kind", server_default=None)
    op.create_check_constraint(
        op.f("ck_saved_layout_kind"), "saved_layout", "kind IN ('statement', 'settlement')"
    )
    op.drop_constraint(op.f(_UNIQUE.format("")), "saved_layout")
    op.create_unique_constraint(
        op.f(_UNIQUE.format("kind_")), "saved_layout", ["agency_id", "kind", "name", "version"]
    )
    op.add_column(
        "day_rule",
        sa.Column("swept_daily", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.alter_column("day_rule", "swept_daily", server_default=None)
    op.create_check_constraint(
        op.f("ck_day_rule_swept_daily"),
        "day_rule",
        "NOT swept_daily OR cardinality(sweep_words) + cardinality(sweep_accounts) > 0",
    )
    op.add_column("proposed_statement", sa.Column("encoding", sa.String(), nullable=True))


def downgrade() -> None:
    """Take them away, with the layouts of settlement files, which the schema before has not."""
    op.drop_column("proposed_statement", "encoding")
    op.drop_column("day_rule", "swept_daily")
    op.execute("ALTER TABLE saved_layout DISABLE TRIGGER USER")
    op.execute("DELETE FROM saved_layout WHERE kind = 'settlement'")
    op.execute("ALTER TABLE saved_layout ENABLE TRIGGER USER")
    op.drop_constraint(op.f(_UNIQUE.format("kind_")), "saved_layout")
    op.create_unique_constraint(
        op.f(_UNIQUE.format("")), "saved_layout", ["agency_id", "name", "version"]
    )
    op.drop_column("saved_layout", "kind")
