"""Days are closed: their minutes, what people make of discrepancies, and what stays as it is.

Discrepancies of runs of before have no case until their day is reconciled again.
"""

import sqlalchemy as sa
from alembic import op

from core.guards import append_only, lasting
from payments.books.closed_days import CREATE_OPEN_DAYS, CREATE_OPEN_LEDGER, DROP_OPEN_DAYS
from reconciliation.guards import CREATE_GUARDS, DROP_GUARDS

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_APPEND_ONLY = (
    "closed_day",
    "late_line",
    "day_minutes",
    "minutes_file",
    "discrepancy_comment",
    "discrepancy_attachment",
)
_LASTING = (*_APPEND_ONLY, "placed_line", "discrepancy_case")


def upgrade() -> None:
    """Make the tables and the guards."""
    op.create_table(
        "closed_day",
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        _moment("closed_at"),
        _key("closed_day", "collection_account_id", "business_on"),
        _named("closed_day", "collection_account_id", "collection_account.id"),
        _named("closed_day", "reconciliation_id", "reconciliation.id"),
        sa.UniqueConstraint("reconciliation_id", name=op.f("uq_closed_day_reconciliation_id")),
    )
    op.create_table(
        "late_line",
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("accounting_on", sa.Date(), nullable=False),
        _key("late_line", "line_id"),
        _named("late_line", "line_id", "statement_line.id"),
    )
    op.create_table(
        "placed_line",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=True),
        _key("placed_line", "reconciliation_id", "line_id"),
        _named("placed_line", "reconciliation_id", "reconciliation.id"),
        _named("placed_line", "line_id", "statement_line.id"),
        _named("placed_line", "payment_id", "payment.id"),
    )
    op.create_table(
        "day_minutes",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        _moment("created_at"),
        _key("day_minutes", "reconciliation_id"),
        _named("day_minutes", "reconciliation_id", "reconciliation.id"),
        _named("day_minutes", "collection_account_id", "collection_account.id"),
        sa.UniqueConstraint(
            "collection_account_id",
            "business_on",
            name=op.f("uq_day_minutes_collection_account_id_business_on"),
        ),
    )
    op.create_table(
        "minutes_file",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _moment("created_at"),
        _key("minutes_file", "reconciliation_id", "kind"),
        _named("minutes_file", "reconciliation_id", "day_minutes.reconciliation_id"),
    )
    op.create_table(
        "discrepancy_case",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("other_amount", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        _moment("opened_at"),
        sa.Column("resolution", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("approval_id", sa.String(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'resolved', 'gone')", name=op.f("ck_discrepancy_case_status")
        ),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolution IS NOT NULL)",
            name=op.f("ck_discrepancy_case_resolution"),
        ),
        _key("discrepancy_case", "id"),
        _named("discrepancy_case", "collection_account_id", "collection_account.id"),
        _named("discrepancy_case", "owner_id", "staff_user.id"),
        _named("discrepancy_case", "approval_id", "approval.id"),
        sa.UniqueConstraint(
            "collection_account_id",
            "business_on",
            "side",
            "object_id",
            "kind",
            name=op.f("uq_discrepancy_case_identity"),
        ),
    )
    op.create_index(
        "ix_discrepancy_case_owner",
        "discrepancy_case",
        ["owner_id"],
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "discrepancy_comment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        _moment("written_at"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _key("discrepancy_comment", "id"),
        _named("discrepancy_comment", "case_id", "discrepancy_case.id"),
    )
    op.create_index("ix_discrepancy_comment_case", "discrepancy_comment", ["case_id", "id"])
    op.create_table(
        "discrepancy_attachment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=False),
        _moment("sent_at"),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _key("discrepancy_attachment", "id"),
        _named("discrepancy_attachment", "case_id", "discrepancy_case.id"),
    )
    op.create_index("ix_discrepancy_attachment_case", "discrepancy_attachment", ["case_id", "id"])
    for statement in (*CREATE_OPEN_DAYS, *CREATE_OPEN_LEDGER, *CREATE_GUARDS):
        op.execute(statement)
    for table in _APPEND_ONLY:
        op.execute(append_only(table))
    for table in _LASTING:
        op.execute(lasting(table))


def downgrade() -> None:
    """Take them away, and with them what is known of closed days."""
    for statement in (*DROP_GUARDS, *DROP_OPEN_DAYS):
        op.execute(statement)
    for table in (
        "discrepancy_attachment",
        "discrepancy_comment",
        "discrepancy_case",
        "minutes_file",
        "day_minutes",
        "placed_line",
        "late_line",
        "closed_day",
    ):
        op.drop_table(table)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _named(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [other], name=op.f(f"fk_{table}_{column}"))
