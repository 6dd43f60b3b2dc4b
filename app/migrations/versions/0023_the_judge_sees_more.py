"""The judge sees more: sealed links, tables that nobody empties, and what the set-up was.

The chain is ordered by our own counter, so the index of the server's transaction numbers goes; the
column stays for a service of before that is still running. What stands of bodies, accounts,
gateways, people and keys is written into the audit log once, so that later changes that the log
does not tell of are seen.
"""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting

revision = "0023"
down_revision = "0019"
branch_labels = None
depends_on = None

_LASTING = (
    "agency",
    "allocation",
    "api_key",
    "approval",
    "audit_entry",
    "audit_link",
    "bill",
    "bill_line",
    "callback",
    "collection_account",
    "credit_notice",
    "discrepancy",
    "gateway_account",
    "ledger_transaction",
    "match",
    "outbox_event",
    "payer_data",
    "payment",
    "payment_document",
    "posting",
    "receipt",
    "receipt_file",
    "receipt_series",
    "reconciliation",
    "reference",
    "staff_user",
    "statement",
    "statement_line",
    "suspense_item",
)

_FOUND = """
    INSERT INTO audit_entry (at, actor, action, object_id, details)
    SELECT now(), 'system:migration', 'setup.found', id, jsonb_build_object('after', {facts})
    FROM {table} ORDER BY id
"""
_FACTS = {
    "agency": """jsonb_build_object('name', name, 'name_en', name_en, 'tax_code', tax_code,
        'address', address, 'phone', phone, 'parent_id', parent_id,
        'return_origins', to_jsonb(return_origins))""",
    "collection_account": """jsonb_build_object('agency_id', agency_id, 'code', code,
        'bank_bin', bank_bin, 'account_number', account_number, 'account_name', account_name,
        'kind', kind, 'cut_off', to_char(cut_off, 'HH24:MI'), 'opened_on', opened_on)""",
    "gateway_account": """jsonb_build_object('agency_id', agency_id, 'base_url', base_url,
        'collection_account_id', collection_account_id, 'enabled', enabled,
        'sealed', encode(sha256(credentials), 'hex'))""",
    "api_key": """jsonb_build_object('agency_id', agency_id, 'staff_id', staff_id,
        'scopes', to_jsonb(scopes), 'hash', hash, 'revoked', revoked_at IS NOT NULL)""",
    "staff_user": """jsonb_build_object('agency_id', agency_id, 'roles', to_jsonb(roles),
        'sign_in', encode(sha256(convert_to(password_hash, 'UTF8')), 'hex'),
        'disabled', disabled_at IS NOT NULL)""",
}


def upgrade() -> None:
    """Add the column and the triggers, drop the index, and write down what is there."""
    op.add_column("audit_link", sa.Column("seal", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_audit_entry_transaction", table_name="audit_entry")
    for table, facts in _FACTS.items():
        op.execute(_FOUND.format(table=table, facts=facts))
    for table in _LASTING:
        op.execute(lasting(table))


def downgrade() -> None:
    """Take them away; what was written down stays in the log."""
    for table in _LASTING:
        op.execute(f"DROP TRIGGER lasting ON {table}")
    op.create_index("ix_audit_entry_transaction", "audit_entry", ["transaction"], unique=False)
    op.drop_column("audit_link", "seal")
