"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.audit import CREATE_GUARDS as AUDIT
from core.guards import CREATE_APPEND_ONLY
from payments.books.guards import CREATE_GUARDS as PAYMENTS
from payments.catalogue.guards import CREATE_GUARDS as CATALOGUE
from payments.catalogue.guards import DROP_FEE_GUARDS, DROP_STAMP_GUARDS
from receipts.guards import CREATE_GUARDS as RECEIPTS

# The guards are taken from where they are explained. One that changes gets a new name there and a
# migration of its own; this step keeps the old text.
GUARDS = (*CATALOGUE, *PAYMENTS, *RECEIPTS, *AUDIT)
FUNCTIONS = ("check_zero_sum", "check_overdraft", "check_frozen_receipt", "forbid_change")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, then the rules that the database keeps by itself."""
    op.execute(CREATE_APPEND_ONLY)
    op.create_table(
        "agency",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=True),
        sa.Column("tax_code", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("return_origins", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["agency.id"], name=op.f("fk_agency_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency")),
        sa.UniqueConstraint("code", name=op.f("uq_agency_code")),
    )
    op.create_index(op.f("ix_agency_parent_id"), "agency", ["parent_id"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "transaction",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_object_id"), "audit_entry", ["object_id"], unique=False)
    op.create_index(
        op.f("ix_audit_entry_transaction"), "audit_entry", ["transaction"], unique=False
    )
    op.create_table(
        "catalogue_stamp",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stamp", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_stamp_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_stamp")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('in_flight', 'done', 'expired')", name=op.f("ck_idempotency_key_state")
        ),
        sa.PrimaryKeyConstraint("owner", "route", "key_hash", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        "ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False
    )
    op.create_table(
        "outbox_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_event")),
    )
    op.create_table(
        "payer_data",
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_payer_data")),
    )
    op.create_table(
        "procedure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_vi", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("code_certainty", sa.String(), nullable=False),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("code <> ''", name=op.f("ck_procedure_code")),
        sa.CheckConstraint(
            "code_certainty IN ('confirmed', 'secondary', 'unconfirmed')",
            name=op.f("ck_procedure_code_certainty"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedure")),
        sa.UniqueConstraint("code", name=op.f("uq_procedure_code")),
    )
    op.create_table(
        "audit_link",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["audit_entry.id"], name=op.f("fk_audit_link_entry_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_link")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_link_entry_id")),
    )
    op.create_table(
        "bill",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("dossier_number", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("return_url", sa.String(), nullable=True),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(amount = 0) = (status = 'exempt')", name=op.f("ck_bill_exempt_is_zero")
        ),
        sa.CheckConstraint(
            "(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_bill_paid_has_time")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'exempt', 'expired', 'cancelled')",
            name=op.f("ck_bill_status"),
        ),
        sa.CheckConstraint("amount BETWEEN 0 AND 10000000000000", name=op.f("ck_bill_amount")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_bill_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill")),
        sa.UniqueConstraint("reference", name=op.f("uq_bill_reference")),
    )
    op.create_index(
        "ix_bill_agency_created", "bill", ["agency_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_bill_dossier",
        "bill",
        ["agency_id", "dossier_number"],
        unique=False,
        postgresql_where=sa.text("dossier_number IS NOT NULL"),
    )
    op.create_index(
        "ix_bill_expiring",
        "bill",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open' AND expires_at IS NOT NULL"),
    )
    op.create_table(
        "collection_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("bank_bin", sa.String(), nullable=False),
        sa.Column("account_number", sa.String(), nullable=False),
        sa.Column("account_name", sa.String(), nullable=False),
        sa.Column("cut_off", sa.Time(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("bank_bin ~ '^\\d{6}$'", name=op.f("ck_collection_account_bank_bin")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_collection_account_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_account")),
        sa.UniqueConstraint("code", name=op.f("uq_collection_account_code")),
    )
    op.create_index(
        op.f("ix_collection_account_agency_id"), "collection_account", ["agency_id"], unique=False
    )
    op.create_table(
        "fee",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("procedure_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=True),
        sa.Column("name_vi", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("unit_vi", sa.String(), nullable=False),
        sa.Column("unit_en", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sub_item", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("basis <> '' AND source <> ''", name=op.f("ck_fee_basis_and_source")),
        sa.CheckConstraint(
            "certainty IN ('confirmed', 'secondary', 'unconfirmed')", name=op.f("ck_fee_certainty")
        ),
        sa.CheckConstraint("code <> ''", name=op.f("ck_fee_code")),
        sa.CheckConstraint("jsonb_typeof(rule) = 'object'", name=op.f("ck_fee_rule")),
        sa.CheckConstraint("kind ~ '^[a-z][a-z_]*$'", name=op.f("ck_fee_kind")),
        sa.CheckConstraint("sub_item ~ '^\\d{4}$'", name=op.f("ck_fee_sub_item")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_fee_validity")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_fee_agency_id")),
        sa.ForeignKeyConstraint(
            ["procedure_id"], ["procedure.id"], name=op.f("fk_fee_procedure_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fee")),
    )
    op.create_index(op.f("ix_fee_agency_id"), "fee", ["agency_id"], unique=False)
    op.create_index(op.f("ix_fee_code"), "fee", ["code"], unique=False)
    op.create_index(op.f("ix_fee_procedure_id"), "fee", ["procedure_id"], unique=False)
    op.create_table(
        "outbox_delivery",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("handler", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'set_aside')", name=op.f("ck_outbox_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["outbox_event.id"], name=op.f("fk_outbox_delivery_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", "handler", name=op.f("pk_outbox_delivery")),
    )
    op.create_index(
        "ix_outbox_delivery_waiting",
        "outbox_delivery",
        ["handler", "due_at", "event_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "receipt_series",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "last_number BETWEEN 0 AND 99999999", name=op.f("ck_receipt_series_last_number")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_receipt_series_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_series")),
        sa.UniqueConstraint(
            "agency_id",
            "template",
            "symbol",
            name=op.f("uq_receipt_series_agency_id_template_symbol"),
        ),
    )
    op.create_table(
        "reference",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("fee_code", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'procedure') = (fee_code IS NOT NULL)",
            name=op.f("ck_reference_procedure_has_fee"),
        ),
        sa.CheckConstraint(
            "kind IN ('bill', 'procedure', 'stall')", name=op.f("ck_reference_kind")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_reference_agency_id")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_reference")),
        sa.UniqueConstraint("agency_id", "fee_code", name=op.f("uq_reference_agency_id_fee_code")),
    )
    op.create_table(
        "staff_user",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_staff_user_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_user_email")),
    )
    op.create_index(op.f("ix_staff_user_agency_id"), "staff_user", ["agency_id"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("staff_id", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'person') = (staff_id IS NOT NULL)", name=op.f("ck_api_key_person_has_staff")
        ),
        sa.CheckConstraint("kind IN ('system', 'person')", name=op.f("ck_api_key_kind")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_api_key_agency_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_user.id"], name=op.f("fk_api_key_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
    )
    op.create_index(op.f("ix_api_key_agency_id"), "api_key", ["agency_id"], unique=False)
    op.create_table(
        "bill_line",
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("fee_id", sa.String(), nullable=True),
        sa.Column("fee", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("description_en", sa.String(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("sub_item", sa.String(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.CheckConstraint("amount BETWEEN 0 AND 10000000000000", name=op.f("ck_bill_line_amount")),
        sa.CheckConstraint("quantity >= 1 AND copies >= 1", name=op.f("ck_bill_line_counts")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_bill_line_bill_id")),
        sa.ForeignKeyConstraint(["fee_id"], ["fee.id"], name=op.f("fk_bill_line_fee_id")),
        sa.PrimaryKeyConstraint("bill_id", "position", name=op.f("pk_bill_line")),
    )
    op.create_table(
        "gateway_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("credentials", sa.LargeBinary(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_gateway_account_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_gateway_account_collection_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_account")),
        sa.UniqueConstraint("gateway", "account", name=op.f("uq_gateway_account_gateway_account")),
    )
    op.create_index(
        op.f("ix_gateway_account_agency_id"), "gateway_account", ["agency_id"], unique=False
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("series_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('numbered', 'issued', 'replaced', 'notified', 'refunded')",
            name=op.f("ck_receipt_status"),
        ),
        sa.CheckConstraint("amount BETWEEN 1 AND 10000000000000", name=op.f("ck_receipt_amount")),
        sa.CheckConstraint("number BETWEEN 1 AND 99999999", name=op.f("ck_receipt_number")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_receipt_agency_id")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_receipt_bill_id")),
        sa.ForeignKeyConstraint(
            ["series_id"], ["receipt_series.id"], name=op.f("fk_receipt_series_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("bill_id", name=op.f("uq_receipt_bill_id")),
        sa.UniqueConstraint("code", name=op.f("uq_receipt_code")),
        sa.UniqueConstraint("series_id", "number", name=op.f("uq_receipt_series_id_number")),
    )
    op.create_index(op.f("ix_receipt_agency_id"), "receipt", ["agency_id"], unique=False)
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_reconciliation_agency_id")
        ),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_reconciliation_collection_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation")),
    )
    op.create_index(
        "ix_reconciliation_day",
        "reconciliation",
        ["collection_account_id", "business_on"],
        unique=False,
    )
    op.create_table(
        "statement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("mapping", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_statement_collection_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint(
            "collection_account_id",
            "sha256",
            name=op.f("uq_statement_collection_account_id_sha256"),
        ),
    )
    op.create_table(
        "callback",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("event_key", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('received', 'applied')", name=op.f("ck_callback_state")),
        sa.ForeignKeyConstraint(
            ["gateway_account_id"],
            ["gateway_account.id"],
            name=op.f("fk_callback_gateway_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
        sa.UniqueConstraint(
            "gateway_account_id", "event_key", name=op.f("uq_callback_gateway_account_id_event_key")
        ),
    )
    op.create_index(
        "ix_callback_received",
        "callback",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "discrepancy",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("other_amount", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("side IN ('payment', 'line')", name=op.f("ck_discrepancy_side")),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliation.id"],
            name=op.f("fk_discrepancy_reconciliation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy")),
    )
    op.create_index(
        "ix_discrepancy_reconciliation", "discrepancy", ["reconciliation_id"], unique=False
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=True),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=True),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=True),
        sa.Column("order_ref", sa.String(), nullable=True),
        sa.Column("request_code", sa.String(), nullable=True),
        sa.Column("gateway_ref", sa.String(), nullable=True),
        sa.Column("settlement_key", sa.String(), nullable=True),
        sa.Column("gateway_code", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("checkout", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accounting_on", sa.Date(), nullable=True),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'attempt') = (order_ref IS NOT NULL)",
            name=op.f("ck_payment_attempt_has_order"),
        ),
        sa.CheckConstraint(
            "(status IN ('succeeded', 'held')) = (credited IS NOT NULL)",
            name=op.f("ck_payment_credited_if_money"),
        ),
        sa.CheckConstraint(
            "kind <> 'attempt' OR bill_id IS NOT NULL", name=op.f("ck_payment_attempt_has_bill")
        ),
        sa.CheckConstraint("kind IN ('attempt', 'credit')", name=op.f("ck_payment_kind")),
        sa.CheckConstraint(
            "status IN ('created', 'submitted', 'unknown', 'held', 'succeeded', 'failed', 'expired')",
            name=op.f("ck_payment_status"),
        ),
        sa.CheckConstraint(
            "(credited IS NULL) = (accounting_on IS NULL)",
            name=op.f("ck_payment_accounting_if_money"),
        ),
        sa.CheckConstraint("amount BETWEEN 1 AND 10000000000000", name=op.f("ck_payment_amount")),
        sa.CheckConstraint(
            "credited BETWEEN 1 AND 10000000000000", name=op.f("ck_payment_credited")
        ),
        sa.CheckConstraint(
            "credited IS NULL OR settlement_key IS NOT NULL", name=op.f("ck_payment_money_has_key")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_payment_agency_id")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_payment_bill_id")),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_payment_collection_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["gateway_account_id"],
            ["gateway_account.id"],
            name=op.f("fk_payment_gateway_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("order_ref", name=op.f("uq_payment_order_ref")),
        sa.UniqueConstraint("settlement_key", name=op.f("uq_payment_settlement_key")),
    )
    op.create_index(
        "ix_payment_accounting", "payment", ["collection_account_id", "accounting_on"], unique=False
    )
    op.create_index("ix_payment_bill", "payment", ["bill_id"], unique=False)
    op.create_index(
        "ix_payment_to_ask",
        "payment",
        ["ask_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('created', 'submitted', 'unknown')"),
    )
    op.create_table(
        "receipt_file",
        sa.Column("receipt_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('xml', 'pdf')", name=op.f("ck_receipt_file_kind")),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["receipt.id"], name=op.f("fk_receipt_file_receipt_id")
        ),
        sa.PrimaryKeyConstraint("receipt_id", "kind", name=op.f("pk_receipt_file")),
    )
    op.create_table(
        "statement_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("line_number", sa.Integer(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("narrative", sa.String(), nullable=False),
        sa.Column("bank_ref", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.CheckConstraint(
            "direction IN ('credit', 'debit')", name=op.f("ck_statement_line_direction")
        ),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 10000000000000", name=op.f("ck_statement_line_amount")
        ),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_statement_line_collection_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_statement_line_statement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_line")),
        sa.UniqueConstraint(
            "collection_account_id",
            "fingerprint",
            name=op.f("uq_statement_line_collection_account_id_fingerprint"),
        ),
    )
    op.create_index(
        "ix_statement_line_booked",
        "statement_line",
        ["collection_account_id", "booked_at"],
        unique=False,
    )
    op.create_table(
        "allocation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 10000000000000", name=op.f("ck_allocation_amount")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_allocation_bill_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_allocation_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation")),
        sa.UniqueConstraint("payment_id", "bill_id", name=op.f("uq_allocation_payment_id_bill_id")),
    )
    op.create_index("ix_allocation_bill", "allocation", ["bill_id"], unique=False)
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("accounting_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_ledger_transaction_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transaction")),
    )
    op.create_index(
        op.f("ix_ledger_transaction_payment_id"), "ledger_transaction", ["payment_id"], unique=False
    )
    op.create_table(
        "match",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["statement_line.id"], name=op.f("fk_match_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_match_payment_id")),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"], ["reconciliation.id"], name=op.f("fk_match_reconciliation_id")
        ),
        sa.PrimaryKeyConstraint("reconciliation_id", "payment_id", name=op.f("pk_match")),
        sa.UniqueConstraint(
            "reconciliation_id", "line_id", name=op.f("uq_match_reconciliation_id_line_id")
        ),
    )
    op.create_table(
        "suspense_item",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "place IN ('suspense', 'due_back')", name=op.f("ck_suspense_item_place")
        ),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 10000000000000", name=op.f("ck_suspense_item_amount")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_suspense_item_bill_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_suspense_item_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspense_item")),
    )
    op.create_index(
        "ix_suspense_item_bill",
        "suspense_item",
        ["bill_id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_suspense_item_payment", "suspense_item", ["payment_id"], unique=False)
    op.create_table(
        "posting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transaction_id", sa.String(), nullable=False),
        sa.Column("ledger", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "ledger IN ('receivable', 'fees', 'suspense', 'due_back', 'paid_back')",
            name=op.f("ck_posting_ledger"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_posting_not_zero")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_posting_bill_id")),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_posting_collection_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transaction.id"], name=op.f("fk_posting_transaction_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index(
        "ix_posting_account", "posting", ["collection_account_id", "ledger"], unique=False
    )
    op.create_index("ix_posting_transaction", "posting", ["transaction_id"], unique=False)
    for statement in GUARDS:
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_posting_transaction", table_name="posting")
    op.drop_index("ix_posting_account", table_name="posting")
    op.drop_table("posting")
    op.drop_index("ix_suspense_item_payment", table_name="suspense_item")
    op.drop_index(
        "ix_suspense_item_bill",
        table_name="suspense_item",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("suspense_item")
    op.drop_table("match")
    op.drop_index(op.f("ix_ledger_transaction_payment_id"), table_name="ledger_transaction")
    op.drop_table("ledger_transaction")
    op.drop_index("ix_allocation_bill", table_name="allocation")
    op.drop_table("allocation")
    op.drop_index("ix_statement_line_booked", table_name="statement_line")
    op.drop_table("statement_line")
    op.drop_table("receipt_file")
    op.drop_index(
        "ix_payment_to_ask",
        table_name="payment",
        postgresql_where=sa.text("status IN ('created', 'submitted', 'unknown')"),
    )
    op.drop_index("ix_payment_bill", table_name="payment")
    op.drop_index("ix_payment_accounting", table_name="payment")
    op.drop_table("payment")
    op.drop_index("ix_discrepancy_reconciliation", table_name="discrepancy")
    op.drop_table("discrepancy")
    op.drop_index(
        "ix_callback_received",
        table_name="callback",
        postgresql_where=sa.text("state = 'received'"),
    )
    op.drop_table("callback")
    op.drop_table("statement")
    op.drop_index("ix_reconciliation_day", table_name="reconciliation")
    op.drop_table("reconciliation")
    op.drop_index(op.f("ix_receipt_agency_id"), table_name="receipt")
    op.drop_table("receipt")
    op.drop_index(op.f("ix_gateway_account_agency_id"), table_name="gateway_account")
    op.drop_table("gateway_account")
    op.drop_table("bill_line")
    op.drop_index(op.f("ix_api_key_agency_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_index(op.f("ix_staff_user_agency_id"), table_name="staff_user")
    op.drop_table("staff_user")
    op.drop_table("reference")
    op.drop_table("receipt_series")
    op.drop_index(
        "ix_outbox_delivery_waiting",
        table_name="outbox_delivery",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_table("outbox_delivery")
    op.drop_index(op.f("ix_fee_procedure_id"), table_name="fee")
    op.drop_index(op.f("ix_fee_code"), table_name="fee")
    op.drop_index(op.f("ix_fee_agency_id"), table_name="fee")
    op.drop_table("fee")
    op.drop_index(op.f("ix_collection_account_agency_id"), table_name="collection_account")
    op.drop_table("collection_account")
    op.drop_index(
        "ix_bill_expiring",
        table_name="bill",
        postgresql_where=sa.text("status = 'open' AND expires_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_bill_dossier", table_name="bill", postgresql_where=sa.text("dossier_number IS NOT NULL")
    )
    op.drop_index("ix_bill_agency_created", table_name="bill")
    op.drop_table("bill")
    op.drop_table("audit_link")
    op.drop_table("procedure")
    op.drop_table("payer_data")
    op.drop_table("outbox_event")
    op.drop_index("ix_idempotency_key_created_at", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("catalogue_stamp")
    op.drop_index(op.f("ix_audit_entry_transaction"), table_name="audit_entry")
    op.drop_index(op.f("ix_audit_entry_object_id"), table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index(op.f("ix_agency_parent_id"), table_name="agency")
    op.drop_table("agency")
    op.execute(DROP_FEE_GUARDS)
    op.execute(DROP_STAMP_GUARDS)
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
