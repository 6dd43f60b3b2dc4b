"""Settlements have versions, their lines more kinds, and batches the payouts that brought them."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting
from reconciliation.guards import CREATE_BATCH_GUARDS

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_MOST = 10_000_000_000_000
_CHECKS_BEFORE = {
    "amount": f"amount BETWEEN 1 AND {_MOST}",
    "fee": "fee BETWEEN 0 AND amount",
    "kind": "kind IN ('payment', 'refund')",
}
_CHECKS = {
    "amount": f"CASE kind WHEN 'adjustment' THEN amount BETWEEN -{_MOST} AND {_MOST}"
    f" ELSE amount BETWEEN 1 AND {_MOST} END",
    "fee": f"CASE kind WHEN 'adjustment' THEN fee BETWEEN -{_MOST} AND {_MOST} AND fee <> amount"
    " ELSE fee BETWEEN 0 AND amount END",
    "kind": "kind IN ('payment', 'refund', 'chargeback', 'adjustment')",
}


def upgrade() -> None:
    """Give files their versions and lines their ends; make the tables of batches and proposals."""
    op.add_column(
        "settlement", sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    )
    op.alter_column("settlement", "version", server_default=None)
    op.add_column("settlement", sa.Column("replaces", sa.String(), nullable=True))
    op.add_column(
        "settlement", sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True)
    )
    _refer("settlement", "replaces", "settlement")
    op.create_unique_constraint(op.f("uq_settlement_replaces"), "settlement", ["replaces"])
    op.create_check_constraint(
        op.f("ck_settlement_version"), "settlement", "(version = 1) = (replaces IS NULL)"
    )
    op.drop_constraint(op.f("uq_settlement_gateway_account_id_sha256"), "settlement")
    _unique("settlement", "uq_settlement_file", "sha256", "superseded_at IS NULL")
    op.add_column(
        "settlement_line", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.drop_constraint(op.f("uq_settlement_line_gateway_account_id_fingerprint"), "settlement_line")
    _unique(
        *("settlement_line", "uq_settlement_line_fingerprint"),
        *("fingerprint", "withdrawn_at IS NULL"),
    )
    _check_lines(_CHECKS)
    op.create_table(
        "repeated_settlement_line",
        sa.Column("settlement_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        _refers("repeated_settlement_line", "settlement_id", "settlement"),
        _refers("repeated_settlement_line", "line_id", "settlement_line"),
        sa.PrimaryKeyConstraint(
            "settlement_id", "line_id", name=op.f("pk_repeated_settlement_line")
        ),
    )
    op.create_index("ix_repeated_settlement_line_line", "repeated_settlement_line", ["line_id"])
    op.create_table(
        "proposed_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("replaces", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("mapping", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("amount", "fee", "net")),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _refers("proposed_version", "replaces", "settlement"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposed_version")),
    )
    op.create_table(
        "paid_batch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payout_id", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("batch_ref", sa.String(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("gross", "fee", "net")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("net = gross - fee", name=op.f("ck_paid_batch_net")),
        _refers("paid_batch", "payout_id", "payout"),
        _refers("paid_batch", "gateway_account_id", "gateway_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paid_batch")),
    )
    op.create_index(op.f("ix_paid_batch_payout_id"), "paid_batch", ["payout_id"])
    _unique("paid_batch", "uq_paid_batch", "batch_ref", "undone_at IS NULL")
    for statement in (*CREATE_BATCH_GUARDS, lasting("paid_batch")):
        op.execute(statement)


def downgrade() -> None:
    """Take it all away; refused by the database where a line has a new kind or two versions."""
    op.drop_table("paid_batch")
    op.execute("DROP FUNCTION check_paid_batch()")
    op.execute("DROP FUNCTION check_kept_batch()")
    op.drop_table("proposed_version")
    op.drop_table("repeated_settlement_line")
    _check_lines(_CHECKS_BEFORE)
    op.drop_index("uq_settlement_line_fingerprint", "settlement_line")
    op.create_unique_constraint(
        op.f("uq_settlement_line_gateway_account_id_fingerprint"),
        "settlement_line",
        ["gateway_account_id", "fingerprint"],
    )
    op.drop_column("settlement_line", "withdrawn_at")
    op.drop_index("uq_settlement_file", "settlement")
    op.create_unique_constraint(
        op.f("uq_settlement_gateway_account_id_sha256"),
        "settlement",
        ["gateway_account_id", "sha256"],
    )
    op.drop_constraint(op.f("ck_settlement_version"), "settlement", type_="check")
    for column in ("superseded_at", "replaces", "version"):
        op.drop_column("settlement", column)


def _check_lines(conditions: dict[str, str]) -> None:
    for name, condition in conditions.items():
        op.drop_constraint(op.f(f"ck_settlement_line_{name}"), "settlement_line", type_="check")
        op.create_check_constraint(op.f(f"ck_settlement_line_{name}"), "settlement_line", condition)


def _unique(table: str, name: str, column: str, condition: str) -> None:
    """One of each `column` of an account at a gateway, among those that stand."""
    op.create_index(
        *(name, table, ["gateway_account_id", column]),
        unique=True,
        postgresql_where=sa.text(condition),
    )


def _refer(table: str, column: str, to: str) -> None:
    op.create_foreign_key(op.f(f"fk_{table}_{column}"), table, to, [column], ["id"])


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))
