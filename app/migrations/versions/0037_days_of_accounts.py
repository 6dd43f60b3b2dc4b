"""Statements have versions and totals; an account's days have rules; what is waited for has a day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.guards import append_only, lasting

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TOTALS = (
    ("credit_count", sa.Integer()),
    ("credited", sa.BigInteger()),
    ("debit_count", sa.Integer()),
    ("debited", sa.BigInteger()),
    ("totals_stated", sa.Boolean()),
    ("first_on", sa.Date()),
    ("last_on", sa.Date()),
)

#: The days of the lines that each statement of before holds, its own and those it repeated.
_DAYS = """
UPDATE statement s SET first_on = d.first_on, last_on = d.last_on FROM (
  SELECT h.id, CAST(min(l.booked_at) AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) AS first_on,
    CAST(max(l.booked_at) AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) AS last_on
  FROM (SELECT statement_id AS id, id AS line_id FROM statement_line
    UNION ALL SELECT statement_id, line_id FROM repeated_line) h
  JOIN statement_line l ON l.id = h.line_id GROUP BY h.id
) d WHERE d.id = s.id
"""


def upgrade() -> None:
    """Add columns and the table; what was taken in before has no totals, and is version 1."""
    for name, kind in _TOTALS:
        op.add_column("statement", sa.Column(name, kind, nullable=True))
    op.add_column(
        "statement", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    op.execute(_DAYS)
    for table in ("statement", "proposed_statement"):
        op.add_column(table, sa.Column("supersedes", sa.String(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_supersedes"), table, "statement", ["supersedes"], ["id"]
        )
    _sides("'payment', 'line', 'account'")
    op.add_column("discrepancy", sa.Column("expected_on", sa.Date(), nullable=True))
    op.add_column("discrepancy", sa.Column("missing_after", sa.Integer(), nullable=True))
    op.create_table(
        "day_rule",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("sweep_words", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("sweep_accounts", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("due_after", sa.Integer(), nullable=False),
        sa.Column("missing_after", sa.Integer(), nullable=False),
        sa.Column("approval_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("due_after BETWEEN 0 AND 30", name=op.f("ck_day_rule_due_after")),
        sa.CheckConstraint(
            "missing_after BETWEEN 1 AND 60", name=op.f("ck_day_rule_missing_after")
        ),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_day_rule_collection_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_day_rule_approval_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_rule")),
        sa.UniqueConstraint(
            "collection_account_id", "gateway", "valid_from", name=op.f("uq_day_rule_first_day")
        ),
    )
    op.execute(append_only("day_rule"))
    op.execute(lasting("day_rule"))


def _sides(known: str) -> None:
    op.drop_constraint(op.f("ck_discrepancy_side"), "discrepancy", type_="check")
    op.create_check_constraint(op.f("ck_discrepancy_side"), "discrepancy", f"side IN ({known})")


def downgrade() -> None:
    """Take them away; fails where an account's own discrepancies are kept."""
    op.drop_table("day_rule")
    op.drop_column("discrepancy", "missing_after")
    op.drop_column("discrepancy", "expected_on")
    _sides("'payment', 'line'")
    for table in ("proposed_statement", "statement"):
        op.drop_constraint(op.f(f"fk_{table}_supersedes"), table, type_="foreignkey")
        op.drop_column(table, "supersedes")
    op.drop_column("statement", "version")
    for name, _ in reversed(_TOTALS):
        op.drop_column("statement", name)
