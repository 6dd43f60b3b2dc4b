"""Gateways' money is in transit until they pay it over; the words by which they do.

What the books have of gateways so far was posted as received on the account; a transaction of its
own for each such payment puts it in transit, because nobody has told the books that it arrived.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0024"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank', 'dated_ahead'"
)
_LEDGERS_BEFORE = "'receivable', 'revenue', 'suspense', 'refundable', 'paid_back', 'reversed'"
_PLACES_BEFORE = "'suspense', 'refundable', 'reversed'"

#: One transaction for each, under the id of the first one but for its ending.
_MOVE = """
WITH held AS (
  SELECT p.id, p.accounting_on, p.credited, p.collection_account_id, p.bill_id,
    'ltx_transit_' || p.id AS made
  FROM payment p WHERE p.gateway <> 'bank' AND p.credited IS NOT NULL
), made AS (
  INSERT INTO ledger_transaction (id, kind, payment_id, accounting_on, created_at)
  SELECT made, 'in_transit', id, accounting_on, now() FROM held
)
INSERT INTO posting (transaction_id, ledger, collection_account_id, bill_id, amount)
SELECT h.made, s.ledger, h.collection_account_id, h.bill_id, s.sign * h.credited
FROM held h CROSS JOIN (VALUES ('in_transit', 1), ('receivable', -1)) AS s (ledger, sign)
"""


def upgrade() -> None:
    """Add the ledger, the place, the reasons and the column, and move what gateways hold."""
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE}, 'in_transit')")
    added = "'gateway_settlement', 'settled_by_gateway'"
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE}, {added})")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE}, 'in_transit')")
    op.add_column(
        "collection_account",
        sa.Column(
            "settlement_words",
            postgresql.ARRAY(sa.String()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.execute(_MOVE)


def downgrade() -> None:
    """Take the column and the words away; refused by the database once money was in transit."""
    op.drop_column("collection_account", "settlement_words")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE})")
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE})")
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE})")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
