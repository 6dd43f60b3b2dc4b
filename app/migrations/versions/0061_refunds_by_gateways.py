"""A refund may go back by the gateway that took the payment; each goes out by one way."""

import sqlalchemy as sa
from alembic import op

from payments.books.guards import CREATE_REFUND_WAY

revision = "0061"
down_revision = "0059"
branch_labels = None
depends_on = None

_LEDGERS_BEFORE = (
    "'receivable', 'revenue', 'suspense', 'refundable', 'paid_back', 'reversed', 'in_transit',"
    " 'paying_back', 'gateway_fee'"
)
_PROVED_BEFORE = "(status = 'succeeded') = (line_id IS NOT NULL)"


def upgrade() -> None:
    """Add the columns, what binds a refund to its way, and the ledger."""
    op.add_column(
        "refund", sa.Column("way", sa.String(), server_default=sa.text("'bank'"), nullable=False)
    )
    op.alter_column("refund", "way", server_default=None)
    op.add_column("refund", sa.Column("gateway_account_id", sa.String(), nullable=True))
    op.add_column("refund", sa.Column("gateway_ref", sa.String(), nullable=True))
    op.add_column("refund", sa.Column("gateway_code", sa.String(), nullable=True))
    op.add_column("refund", sa.Column("gateway_paid_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refund", sa.Column("settlement_line_id", sa.String(), nullable=True))
    op.add_column("refund", sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "refund", sa.Column("asked", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.alter_column("refund", "asked", server_default=None)
    op.create_foreign_key(
        op.f("fk_refund_gateway_account_id"),
        "refund",
        "gateway_account",
        ["gateway_account_id"],
        ["id"],
    )
    op.create_unique_constraint(
        op.f("uq_refund_settlement_line_id"), "refund", ["settlement_line_id"]
    )
    _check("refund", "proved", f"{_PROVED_BEFORE[:-1]} OR gateway_paid_at IS NOT NULL)")
    op.create_check_constraint(op.f("ck_refund_way"), "refund", "way IN ('bank', 'gateway')")
    op.create_check_constraint(
        op.f("ck_refund_one_way"),
        "refund",
        "CASE way WHEN 'gateway' THEN gateway_account_id IS NOT NULL AND payee IS NULL"
        " AND bank_ref IS NULL AND line_id IS NULL"
        " ELSE gateway_account_id IS NULL AND gateway_ref IS NULL"
        " AND gateway_paid_at IS NULL AND settlement_line_id IS NULL AND ask_at IS NULL"
        " AND status <> 'submitted' END",
    )
    op.create_index(
        "uq_refund_under_way",
        "refund",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("way = 'gateway' AND status IN ('unknown', 'submitted')"),
    )
    op.create_index(
        "ix_refund_ask_at",
        "refund",
        ["ask_at"],
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )
    for statement in CREATE_REFUND_WAY:
        op.execute(statement)
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE}, 'gateway_back')")


def downgrade() -> None:
    """Take it all away; refused by the database once a gateway has given something back."""
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE})")
    op.execute("DROP TRIGGER refund_way ON refund")
    op.execute("DROP FUNCTION check_refund_way()")
    op.drop_index("ix_refund_ask_at", "refund")
    op.drop_index("uq_refund_under_way", "refund")
    op.drop_constraint(op.f("ck_refund_one_way"), "refund", type_="check")
    op.drop_constraint(op.f("ck_refund_way"), "refund", type_="check")
    _check("refund", "proved", _PROVED_BEFORE)
    for column in (
        *("asked", "ask_at", "settlement_line_id", "gateway_paid_at", "gateway_code"),
        *("gateway_ref", "gateway_account_id", "way"),
    ):
        op.drop_column("refund", column)


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
