"""The market: places, vendors, contracts, tariffs, readings, waivers, billing runs and charges."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.guards import lasting
from payments.billing.guards import CREATE_MARKET_GUARDS

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

_TABLES = (
    "market",
    "vendor",
    "billing_run",
    "charge_tariff",
    "stall",
    "stall_tariff",
    "meter_reading",
    "stall_contract",
    "stall_waiver",
    "charge",
)


def upgrade() -> None:
    """Make the tables and what watches over them; no statement empties them."""
    op.create_table(
        "market",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("market_class", sa.Integer(), nullable=False),
        sa.Column("route_order", sa.Integer(), nullable=False),
        sa.Column("opening_day", sa.Integer(), nullable=False),
        sa.Column("due_day", sa.Integer(), nullable=False),
        sa.Column("rounded_to", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("due_day BETWEEN 1 AND 28", name=op.f("ck_market_due_day")),
        sa.CheckConstraint("market_class BETWEEN 1 AND 3", name=op.f("ck_market_market_class")),
        sa.CheckConstraint("opening_day BETWEEN 1 AND 28", name=op.f("ck_market_opening_day")),
        sa.CheckConstraint("rounded_to IN (1, 100, 500, 1000)", name=op.f("ck_market_rounded_to")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_market_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market")),
        sa.UniqueConstraint("agency_id", "code", name=op.f("uq_market_agency_id_code")),
    )
    op.create_table(
        "vendor",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_vendor_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor")),
        sa.UniqueConstraint("agency_id", "code", name=op.f("uq_vendor_agency_id_code")),
    )
    op.create_table(
        "billing_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("market_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("readings_until", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "problems", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_billing_run_finished")
        ),
        sa.CheckConstraint("kind IN ('day', 'week', 'month')", name=op.f("ck_billing_run_kind")),
        sa.CheckConstraint("state IN ('running', 'done')", name=op.f("ck_billing_run_state")),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_billing_run_days")),
        sa.ForeignKeyConstraint(
            ["market_id"], ["market.id"], name=op.f("fk_billing_run_market_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_run")),
        sa.UniqueConstraint(
            "market_id", "kind", "period", name=op.f("uq_billing_run_market_id_kind_period")
        ),
    )
    op.create_table(
        "charge_tariff",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("market_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("per", sa.String(), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("vat_included", sa.Boolean(), nullable=False),
        sa.Column("vat_percent", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("approval_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'entry') = (per = 'entry')", name=op.f("ck_charge_tariff_entry_by_entry")
        ),
        sa.CheckConstraint(
            "(kind IN ('electricity', 'water')) = (per = 'unit')",
            name=op.f("ck_charge_tariff_metered_by_unit"),
        ),
        sa.CheckConstraint(
            "kind IN ('electricity', 'water', 'service', 'vehicle', 'entry')",
            name=op.f("ck_charge_tariff_kind"),
        ),
        sa.CheckConstraint(
            "per IN ('unit', 'day', 'month', 'entry')", name=op.f("ck_charge_tariff_per")
        ),
        sa.CheckConstraint(
            "NOT vat_included OR vat_percent = 0", name=op.f("ck_charge_tariff_vat_included")
        ),
        sa.CheckConstraint("rate BETWEEN 1 AND 10000000000", name=op.f("ck_charge_tariff_rate")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_charge_tariff_days")),
        sa.CheckConstraint(
            "vat_percent BETWEEN 0 AND 100", name=op.f("ck_charge_tariff_vat_percent")
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_charge_tariff_approval_id")
        ),
        sa.ForeignKeyConstraint(
            ["market_id"], ["market.id"], name=op.f("fk_charge_tariff_market_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_tariff")),
    )
    op.create_table(
        "stall",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("market_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("area", sa.Integer(), nullable=False),
        sa.Column("frontages", sa.Integer(), nullable=False),
        sa.Column("place_x", sa.Integer(), nullable=True),
        sa.Column("place_y", sa.Integer(), nullable=True),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("route_order", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=True),
        sa.Column("meter_digits", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("area BETWEEN 1 AND 10000000", name=op.f("ck_stall_area")),
        sa.CheckConstraint("frontages BETWEEN 1 AND 4", name=op.f("ck_stall_frontages")),
        sa.CheckConstraint("meter_digits BETWEEN 3 AND 9", name=op.f("ck_stall_meter_digits")),
        sa.ForeignKeyConstraint(["market_id"], ["market.id"], name=op.f("fk_stall_market_id")),
        sa.ForeignKeyConstraint(
            ["reference"], ["reference.reference"], name=op.f("fk_stall_reference")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stall")),
        sa.UniqueConstraint("market_id", "code", name=op.f("uq_stall_market_id_code")),
        sa.UniqueConstraint("reference", name=op.f("uq_stall_reference")),
    )
    op.create_table(
        "stall_tariff",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("market_class", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("per", sa.String(), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("frontage_surcharges", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("vat_included", sa.Boolean(), nullable=False),
        sa.Column("vat_percent", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("approval_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("per IN ('day', 'month')", name=op.f("ck_stall_tariff_per")),
        sa.CheckConstraint(
            "NOT vat_included OR vat_percent = 0", name=op.f("ck_stall_tariff_vat_included")
        ),
        sa.CheckConstraint(
            "market_class BETWEEN 1 AND 3", name=op.f("ck_stall_tariff_market_class")
        ),
        sa.CheckConstraint("rate BETWEEN 1 AND 10000000000", name=op.f("ck_stall_tariff_rate")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_stall_tariff_days")),
        sa.CheckConstraint(
            "vat_percent BETWEEN 0 AND 100", name=op.f("ck_stall_tariff_vat_percent")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_stall_tariff_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_stall_tariff_approval_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stall_tariff")),
    )
    op.create_table(
        "meter_reading",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("stall_id", sa.String(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column("shows", sa.Integer(), nullable=False),
        sa.Column("began_anew", sa.Boolean(), nullable=False),
        sa.Column("read_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "meter IN ('electricity', 'water')", name=op.f("ck_meter_reading_meter")
        ),
        sa.CheckConstraint("shows BETWEEN 0 AND 999999999", name=op.f("ck_meter_reading_shows")),
        sa.ForeignKeyConstraint(["stall_id"], ["stall.id"], name=op.f("fk_meter_reading_stall_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_reading")),
    )
    op.create_index(
        "uq_meter_reading_day",
        "meter_reading",
        ["stall_id", "meter", "read_on"],
        unique=True,
        postgresql_where=sa.text("voided_at IS NULL"),
    )
    op.create_table(
        "stall_contract",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("stall_id", sa.String(), nullable=False),
        sa.Column("vendor_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("billed_by", sa.String(), nullable=False),
        sa.Column(
            "services", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "billed_by IN ('day', 'week', 'month')", name=op.f("ck_stall_contract_billed_by")
        ),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_stall_contract_days")),
        sa.ForeignKeyConstraint(
            ["stall_id"], ["stall.id"], name=op.f("fk_stall_contract_stall_id")
        ),
        sa.ForeignKeyConstraint(
            ["vendor_id"], ["vendor.id"], name=op.f("fk_stall_contract_vendor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stall_contract")),
        sa.UniqueConstraint(
            "stall_id", "first_on", name=op.f("uq_stall_contract_stall_id_first_on")
        ),
    )
    op.create_index("ix_stall_contract_vendor_id", "stall_contract", ["vendor_id"], unique=False)
    op.create_table(
        "stall_waiver",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("market_id", sa.String(), nullable=False),
        sa.Column("stall_id", sa.String(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("approval_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('closed', 'storm', 'hardship')", name=op.f("ck_stall_waiver_reason")
        ),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_stall_waiver_days")),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name=op.f("ck_stall_waiver_percent")),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.id"], name=op.f("fk_stall_waiver_approval_id")
        ),
        sa.ForeignKeyConstraint(
            ["market_id"], ["market.id"], name=op.f("fk_stall_waiver_market_id")
        ),
        sa.ForeignKeyConstraint(["stall_id"], ["stall.id"], name=op.f("fk_stall_waiver_stall_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stall_waiver")),
    )
    op.create_index(
        "ix_stall_waiver_market_id", "stall_waiver", ["market_id", "first_on"], unique=False
    )
    op.create_table(
        "charge",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("stall_id", sa.String(), nullable=False),
        sa.Column("contract_id", sa.String(), nullable=False),
        sa.Column("vendor_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("waived", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "amount = 0 OR bill_id IS NOT NULL", name=op.f("ck_charge_owed_is_billed")
        ),
        sa.CheckConstraint("amount BETWEEN 0 AND 10000000000000", name=op.f("ck_charge_amount")),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_charge_days")),
        sa.CheckConstraint("waived BETWEEN 0 AND 10000000000000", name=op.f("ck_charge_waived")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_charge_bill_id")),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["stall_contract.id"], name=op.f("fk_charge_contract_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["billing_run.id"], name=op.f("fk_charge_run_id")),
        sa.ForeignKeyConstraint(["stall_id"], ["stall.id"], name=op.f("fk_charge_stall_id")),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendor.id"], name=op.f("fk_charge_vendor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
    )
    op.create_index("ix_charge_bill_id", "charge", ["bill_id"], unique=False)
    op.create_index("ix_charge_run_id", "charge", ["run_id"], unique=False)
    op.create_index("ix_charge_stall_id", "charge", ["stall_id", "period"], unique=False)
    op.create_index(
        "uq_charge_period",
        "charge",
        ["contract_id", "kind", "period"],
        unique=True,
        postgresql_where=sa.text("voided_at IS NULL"),
    )
    for statement in CREATE_MARKET_GUARDS:
        op.execute(statement)
    for table in _TABLES:
        op.execute(lasting(table))


def downgrade() -> None:
    """Take them away; the bills that were opened stay."""
    for table in reversed(_TABLES):
        op.drop_table(table)
