"""Invoices of what is a price, and bodies' accounts at providers of e-invoices."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting

revision = "0075"
down_revision = "0071"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)

#: A table that is dropped asks no trigger.
_REFUSED = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM invoice) THEN
        RAISE EXCEPTION 'there are invoices' USING ERRCODE = 'restrict_violation';
    END IF;
END $$
"""


def upgrade() -> None:
    """Make the tables; bills that were paid before have no invoice."""
    op.create_table(
        "invoice_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("coding", sa.String(), nullable=False),
        sa.Column("making", sa.String(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("vat_percent", sa.Integer(), nullable=True),
        sa.Column("access", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "vat_percent BETWEEN 0 AND 100", name=op.f("ck_invoice_account_vat_percent")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_invoice_account_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_account")),
    )
    op.create_index(
        "uq_invoice_account_standing",
        "invoice_account",
        ["agency_id"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.execute(lasting("invoice_account"))
    op.create_table(
        "invoice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("vat_percent", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("authority_code", sa.String(), nullable=True),
        sa.Column("lookup_url", sa.String(), nullable=True),
        sa.Column("money_back", sa.BigInteger(), nullable=False),
        sa.Column("adjusted", sa.BigInteger(), nullable=False),
        sa.Column("adjusted_by", sa.String(), nullable=True),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("waits_since", _MOMENT, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("issued_at", _MOMENT, nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_invoice_{name}"))
            for name, condition in (
                ("amount", "amount BETWEEN 1 AND 10000000000000"),
                ("vat_percent", "vat_percent BETWEEN 0 AND 100"),
                ("money_back", "money_back BETWEEN 0 AND amount"),
                ("adjusted", "adjusted BETWEEN 0 AND amount"),
                (
                    "state",
                    "state IN ('waiting', 'asking', 'unknown', 'issued', 'dropped', 'set_aside')",
                ),
                (
                    "issued",
                    "(state = 'issued') = (number IS NOT NULL AND issued_at IS NOT NULL)",
                ),
            )
        ),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_invoice_{column}"))
            for column, target in (
                ("bill_id", "bill.id"),
                ("agency_id", "agency.id"),
                ("account_id", "invoice_account.id"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("bill_id", name=op.f("uq_invoice_bill_id")),
    )
    op.create_index(
        "uq_invoice_number",
        "invoice",
        ["account_id", "form", "symbol", "number"],
        unique=True,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "ix_invoice_due",
        "invoice",
        ["due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'asking', 'unknown')"),
    )
    op.create_index("ix_invoice_agency_id", "invoice", ["agency_id", "id"])
    op.execute(lasting("invoice"))


def downgrade() -> None:
    """Take them away; refused by the database once there is an invoice."""
    op.execute(_REFUSED)
    op.drop_table("invoice")
    op.drop_table("invoice_account")
