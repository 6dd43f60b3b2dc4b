"""Which share of each fee a body keeps, the codes of what it remits, and days of the ledger."""

import sqlalchemy as sa
from alembic import op

from core.guards import append_only, lasting

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

#: As `payments.catalogue.guards` has it.
_NO_OVERLAP = """
ALTER TABLE fee_share ADD CONSTRAINT ex_fee_share_validity EXCLUDE USING gist (
    text_range(coalesce(agency_id, ''), coalesce(agency_id, ''), '[]') WITH &&,
    text_range(code, code, '[]') WITH &&,
    daterange(valid_from, valid_to, '[]') WITH &&
)
"""


def upgrade() -> None:
    """Make the table, and the index that reports of a period are read by."""
    op.create_table(
        "fee_share",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=True),
        sa.Column("kept_percent", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("code <> ''", name=op.f("ck_fee_share_code")),
        sa.CheckConstraint(
            "kept_percent BETWEEN 0 AND 100", name=op.f("ck_fee_share_kept_percent")
        ),
        sa.CheckConstraint(
            "basis <> '' AND source <> ''", name=op.f("ck_fee_share_basis_and_source")
        ),
        sa.CheckConstraint(
            "certainty IN ('confirmed', 'secondary', 'unconfirmed')",
            name=op.f("ck_fee_share_certainty"),
        ),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_fee_share_validity")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_fee_share_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee_share")),
    )
    op.create_index(op.f("ix_fee_share_code"), "fee_share", ["code"])
    op.create_index(op.f("ix_fee_share_agency_id"), "fee_share", ["agency_id"])
    op.execute(_NO_OVERLAP)
    op.create_table(
        "remittance_codes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("chapter", sa.String(), nullable=False),
        sa.Column("area_code", sa.String(), nullable=False),
        sa.Column("treasury_account", sa.String(), nullable=False),
        sa.Column("treasury", sa.String(), nullable=False),
        sa.Column("managing_body", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(r"chapter ~ '^\d{3}$'", name=op.f("ck_remittance_codes_chapter")),
        sa.CheckConstraint(r"area_code ~ '^\d{5}$'", name=op.f("ck_remittance_codes_area_code")),
        sa.CheckConstraint(
            "treasury_account ~ '^[0-9.]{4,32}$'",
            name=op.f("ck_remittance_codes_treasury_account"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_remittance_codes_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance_codes")),
        sa.UniqueConstraint(
            "agency_id", "valid_from", name=op.f("uq_remittance_codes_agency_id_valid_from")
        ),
    )
    op.execute(append_only("remittance_codes"))
    op.execute(lasting("remittance_codes"))
    op.create_index("ix_ledger_transaction_accounting", "ledger_transaction", ["accounting_on"])


def downgrade() -> None:
    """Take both away."""
    op.drop_index("ix_ledger_transaction_accounting", "ledger_transaction")
    op.drop_table("remittance_codes")
    op.drop_table("fee_share")
