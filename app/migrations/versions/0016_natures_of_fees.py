"""Fees and lines say what they are in law; what is no fee gets documents of its own.

Fees of before get the nature that their name and sub-item tell, as
`payments.catalogue.rules.natures.nature_of_before` reads them, and so do the lines of bills that are
still to be paid. Lines of paid bills stay without one and keep the receipts that they have.
"""

import sqlalchemy as sa
from alembic import op

from core.guards import append_only
from payments.catalogue.rules.natures import nature_of_before

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_FEES = sa.text("SELECT id, name_vi, kind, sub_item FROM fee")
_OWN_LINES = sa.text("""
    SELECT l.bill_id, l.position, l.description, l.sub_item FROM bill_line l
    JOIN bill b ON b.id = l.bill_id WHERE l.fee_id IS NULL AND b.status IN ('open', 'expired')
""")
_TELL_LINES_OF_FEES = """
    UPDATE bill_line l SET nature = f.nature FROM fee f, bill b
    WHERE f.id = l.fee_id AND b.id = l.bill_id AND b.status IN ('open', 'expired')
"""
_TELL_LINE = sa.text(
    "UPDATE bill_line SET nature = :nature WHERE bill_id = :bill_id AND position = :position"
)
_TELL = sa.text("UPDATE fee SET nature = :nature WHERE id = ANY(:ids)")


def upgrade() -> None:
    """Add the columns, and read the fees that are there."""
    # Defaults, so that the version before this one can go on writing fees meanwhile.
    op.add_column(
        "fee",
        sa.Column("nature", sa.String(), server_default=sa.text("'charge'"), nullable=False),
    )
    op.add_column(
        "fee",
        sa.Column("refundable", sa.String(), server_default=sa.text("'unknown'"), nullable=False),
    )
    op.add_column("fee", sa.Column("refund_terms", sa.String(), nullable=True))
    op.add_column("bill_line", sa.Column("nature", sa.String(), nullable=True))
    connection = op.get_bind()
    told: dict[str, list[str]] = {}
    for fee in connection.execute(_FEES):
        nature = nature_of_before(fee.name_vi, fee.kind, fee.sub_item)
        told.setdefault(nature.value, []).append(fee.id)
    for value, ids in told.items():
        connection.execute(_TELL, {"nature": value, "ids": ids})
    connection.execute(sa.text(_TELL_LINES_OF_FEES))
    for line in connection.execute(_OWN_LINES).all():
        nature = nature_of_before(line.description, "", line.sub_item)
        told_line = {"nature": nature.value, "bill_id": line.bill_id, "position": line.position}
        connection.execute(_TELL_LINE, told_line)
    op.create_check_constraint(
        op.f("ck_fee_nature"), "fee", "nature IN ('charge', 'fee', 'state_revenue', 'price')"
    )
    op.create_check_constraint(
        op.f("ck_fee_refundable"),
        "fee",
        "refundable IN ('unknown', 'never', 'always', 'on_terms')",
    )
    op.create_check_constraint(
        op.f("ck_fee_refund_terms"), "fee", "refundable <> 'on_terms' OR refund_terms <> ''"
    )

    op.create_table(
        "payment_document",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('treasury_slip', 'confirmation')", name=op.f("ck_payment_document_kind")
        ),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 10000000000000", name=op.f("ck_payment_document_amount")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_payment_document_agency_id")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_payment_document_bill_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_document")),
        sa.UniqueConstraint("bill_id", "kind", name=op.f("uq_payment_document_bill_id_kind")),
        sa.UniqueConstraint("code", name=op.f("uq_payment_document_code")),
    )
    op.create_index(
        op.f("ix_payment_document_agency_id"), "payment_document", ["agency_id"], unique=False
    )
    op.execute(append_only("payment_document"))


def downgrade() -> None:
    """Take the table and the columns away with their checks."""
    op.drop_table("payment_document")
    op.drop_column("bill_line", "nature")
    for name in ("refund_terms", "refundable", "nature"):
        op.execute(f"ALTER TABLE fee DROP CONSTRAINT ck_fee_{name}")
    for name in ("refund_terms", "refundable", "nature"):
        op.drop_column("fee", name)
