"""What two people decide about money: approvals, money that is reversed, statements withdrawn.

Of statements of before it is not known which lines a later one repeated, so a line of theirs goes
with the statement that brought it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate'"
)
_REASONS = (
    f"{_REASONS_BEFORE}, 'statement_only', 'same_money', 'refund_wanted', 'statement_withdrawn',"
    " 'returned_by_bank'"
)
_LEDGERS_BEFORE = "'receivable', 'revenue', 'suspense', 'refundable', 'paid_back'"
_PLACES_BEFORE = "'suspense', 'refundable'"


def upgrade() -> None:
    """Make the tables and columns, and let money be reversed."""
    op.create_table(
        "approval",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("outcome", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'rejected')", name=op.f("ck_approval_status")
        ),
        sa.CheckConstraint(
            "(status = 'proposed') = (decided_by IS NULL)", name=op.f("ck_approval_decided")
        ),
        sa.CheckConstraint(
            "status <> 'approved' OR decided_by <> proposed_by",
            name=op.f("ck_approval_two_people"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_approval_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index("ix_approval_agency", "approval", ["agency_id", "id"])
    op.create_index(
        "uq_approval_proposed",
        "approval",
        ["object_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE}, 'reversed')")
    _check("suspense_item", "reason", f"reason IN ({_REASONS})")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE}, 'reversed')")
    for table in ("credit_notice", "statement", "statement_line"):
        op.add_column(table, sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(
        op.f("uq_statement_collection_account_id_sha256"), "statement", type_="unique"
    )
    op.drop_constraint(
        op.f("uq_statement_line_collection_account_id_fingerprint"),
        "statement_line",
        type_="unique",
    )
    stands = sa.text("withdrawn_at IS NULL")
    op.create_index(
        "uq_statement_file",
        "statement",
        ["collection_account_id", "sha256"],
        unique=True,
        postgresql_where=stands,
    )
    op.create_index(
        "uq_statement_line_fingerprint",
        "statement_line",
        ["collection_account_id", "fingerprint"],
        unique=True,
        postgresql_where=stands,
    )
    op.create_index("ix_statement_line_statement", "statement_line", ["statement_id"])
    op.create_table(
        "repeated_line",
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_repeated_line_statement_id")
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["statement_line.id"], name=op.f("fk_repeated_line_line_id")
        ),
        sa.PrimaryKeyConstraint("statement_id", "line_id", name=op.f("pk_repeated_line")),
    )
    op.create_index("ix_repeated_line_line", "repeated_line", ["line_id"])
    for column in ("opening_balance", "closing_balance"):
        op.add_column("statement", sa.Column(column, sa.BigInteger(), nullable=True))
    op.add_column("statement", sa.Column("gap_count", sa.Integer(), nullable=True))
    op.add_column("statement_line", sa.Column("balance", sa.BigInteger(), nullable=True))
    op.create_table(
        "proposed_statement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("mapping", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("debited", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_proposed_statement_collection_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposed_statement")),
    )


def downgrade() -> None:
    """Take it away; refused by the database where money is reversed or a statement withdrawn."""
    op.drop_table("proposed_statement")
    op.drop_column("statement_line", "balance")
    for column in ("gap_count", "closing_balance", "opening_balance"):
        op.drop_column("statement", column)
    op.drop_table("repeated_line")
    op.drop_index("ix_statement_line_statement", table_name="statement_line")
    op.drop_index("uq_statement_line_fingerprint", table_name="statement_line")
    op.drop_index("uq_statement_file", table_name="statement")
    op.create_unique_constraint(
        op.f("uq_statement_line_collection_account_id_fingerprint"),
        "statement_line",
        ["collection_account_id", "fingerprint"],
    )
    op.create_unique_constraint(
        op.f("uq_statement_collection_account_id_sha256"),
        "statement",
        ["collection_account_id", "sha256"],
    )
    for table in ("statement_line", "statement", "credit_notice"):
        op.drop_column(table, "withdrawn_at")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE})")
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE})")
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE})")
    op.drop_table("approval")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
