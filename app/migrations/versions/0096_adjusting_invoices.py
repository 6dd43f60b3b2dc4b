"""Invoices that adjust another: asked for at its provider under a key of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A bill has one invoice still, beside those that adjust it."""
    op.add_column("invoice", sa.Column("adjusts", sa.String(), nullable=True))
    op.add_column("invoice", sa.Column("change", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_invoice_adjusts"), "invoice", "invoice", ["adjusts"], ["id"])
    op.create_check_constraint(
        op.f("ck_invoice_adjusts"), "invoice", "(adjusts IS NULL) = (change IS NULL)"
    )
    op.create_check_constraint(op.f("ck_invoice_change"), "invoice", "abs(change) = amount")
    op.drop_constraint(op.f("uq_invoice_bill_id"), "invoice")
    op.create_index(
        "uq_invoice_bill_id",
        "invoice",
        ["bill_id"],
        unique=True,
        postgresql_where=sa.text("adjusts IS NULL"),
    )
    op.create_index(
        "uq_invoice_adjusting",
        "invoice",
        ["adjusts"],
        unique=True,
        postgresql_where=sa.text("adjusts IS NOT NULL AND state NOT IN ('issued', 'dropped')"),
    )
    op.create_index(
        "ix_invoice_adjusts",
        "invoice",
        ["adjusts"],
        postgresql_where=sa.text("adjusts IS NOT NULL"),
    )


def downgrade() -> None:
    """Of adjusting invoices the version before knows the number alone, on the one adjusted."""
    op.execute("DELETE FROM invoice WHERE adjusts IS NOT NULL")
    op.drop_index("ix_invoice_adjusts", "invoice")
    op.drop_index("uq_invoice_adjusting", "invoice")
    op.drop_index("uq_invoice_bill_id", "invoice")
    op.create_unique_constraint(op.f("uq_invoice_bill_id"), "invoice", ["bill_id"])
    op.drop_constraint(op.f("ck_invoice_change"), "invoice")
    op.drop_constraint(op.f("ck_invoice_adjusts"), "invoice")
    op.drop_constraint(op.f("fk_invoice_adjusts"), "invoice")
    op.drop_column("invoice", "change")
    op.drop_column("invoice", "adjusts")
