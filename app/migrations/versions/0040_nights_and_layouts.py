"""Days that are reconciled by themselves, and layouts of statements that bodies have saved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.guards import append_only, lasting

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; no statement empties them, and what people set is only ever added."""
    op.create_table(
        "nightly_schedule",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("at", sa.Time(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _refers("nightly_schedule", "agency_id", "agency"),
        _refers("nightly_schedule", "collection_account_id", "collection_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nightly_schedule")),
    )
    for name, column, which in (
        ("account", "collection_account_id", "IS NOT NULL"),
        ("agency", "agency_id", "IS NULL"),
    ):
        op.create_index(
            f"uq_nightly_schedule_{name}",
            "nightly_schedule",
            [column, "valid_from"],
            unique=True,
            postgresql_where=sa.text(f"collection_account_id {which}"),
        )
    op.create_table(
        "nightly_run",
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("reconciliation_id", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'waiting', 'done')", name=op.f("ck_nightly_run_state")
        ),
        sa.CheckConstraint(
            "reconciliation_id IS NULL OR state = 'done'", name=op.f("ck_nightly_run_run_is_done")
        ),
        _refers("nightly_run", "collection_account_id", "collection_account"),
        _refers("nightly_run", "reconciliation_id", "reconciliation"),
        sa.PrimaryKeyConstraint(
            "collection_account_id", "business_on", name=op.f("pk_nightly_run")
        ),
    )
    op.create_index(
        "ix_nightly_run_open",
        "nightly_run",
        ["state"],
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_table(
        "saved_layout",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("layout", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{0,63}$'", name=op.f("ck_saved_layout_name")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_saved_layout_version")),
        _refers("saved_layout", "agency_id", "agency"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_layout")),
        sa.UniqueConstraint(
            "agency_id", "name", "version", name=op.f("uq_saved_layout_agency_id_name_version")
        ),
    )
    op.execute(append_only("nightly_schedule"))
    op.execute(append_only("saved_layout"))
    for table in ("nightly_schedule", "nightly_run", "saved_layout"):
        op.execute(lasting(table))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def downgrade() -> None:
    """Take them away."""
    op.drop_table("saved_layout")
    op.drop_table("nightly_run")
    op.drop_table("nightly_schedule")
