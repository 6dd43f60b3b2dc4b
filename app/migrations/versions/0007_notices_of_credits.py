"""What feeds and statements tell of money is kept beside it, and names it from now on.

Credits of before are tied to the notices that told of them, as far as those say which they were.
Of several notices of one feed that were taken for one credit, only the first is its own; the others
stand under `before:` and their feed's account, for nobody can say any more whether they were right.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_REASONS = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice'"
)

# As `payments.books.identity.plain_bank_ref` stood when this was written.
_PLAIN = """
CASE
  WHEN upper(btrim({ref})) ~ '^[0-9]([.,][0-9]+)?E[+]?[0-9]+$' THEN ''
  WHEN length({plain}) < 3 OR {plain} ~ '^(.)\\1*$'
    OR ({plain} ~ '^[0-9]+$' AND length({plain}) < 4)
    OR ({plain} ~ '^[A-Z]+$' AND length({plain}) < 6)
    OR {plain} IN ('NONREF', 'NONREFERENCE', 'NOREFERENCE', 'NOTPROVIDED', 'NOTAVAILABLE',
      'UNKNOWN', 'UNDEFINED', 'KHONGCO', 'KHONGRO', 'KHONGXACDINH', 'KHONGTHAMCHIEU') THEN ''
  ELSE {plain}
END
"""
_STRIPPED = "ltrim(regexp_replace(regexp_replace(upper({ref}), '[\\\\;].*$', ''), '[^0-9A-Z]', '', 'g'), '0')"

_TELLINGS = """
INSERT INTO credit_notice (source, notice_ref, amount, collection_account_id, booked_on, bank_ref,
  plain_ref, reference, payment_id, told_at)
SELECT CASE WHEN n.nth = 1 THEN n.feed ELSE 'before:' || n.feed END, n.notice_ref, n.credited,
  n.collection_account_id, n.accounting_on, n.gateway_ref, {plain}, coalesce(n.reference, ''),
  n.id, n.received_at
FROM (
  SELECT c.gateway_account_id AS feed, c.notice_ref, c.received_at, p.id, p.credited,
    p.collection_account_id, p.accounting_on, coalesce(p.gateway_ref, '') AS gateway_ref,
    p.reference,
    row_number() OVER (PARTITION BY c.gateway_account_id, p.id ORDER BY c.received_at, c.id) AS nth
  FROM (
    SELECT k.id, k.gateway_account_id, k.received_at, g.collection_account_id,
      (regexp_match(k.event_key, '^(.*):succeeded:([0-9]+):([^:]*)$')) AS told,
      (regexp_match(k.event_key, '^(.*):succeeded:([0-9]+):([^:]*)$'))[3] AS notice_ref
    FROM callback k JOIN gateway_account g ON g.id = k.gateway_account_id
    WHERE k.state = 'applied'
  ) c
  JOIN payment p ON p.kind = 'credit' AND p.gateway = 'bank'
    AND p.collection_account_id = c.collection_account_id
    AND p.gateway_ref = c.told[1] AND p.credited = CAST(c.told[2] AS bigint)
) n
ON CONFLICT DO NOTHING
"""
_THE_REST = """
INSERT INTO credit_notice (source, notice_ref, amount, collection_account_id, booked_on, bank_ref,
  plain_ref, reference, payment_id, told_at)
SELECT 'statement', p.id, p.credited, p.collection_account_id, p.accounting_on, r.ref, {plain},
  coalesce(p.reference, ''), p.id, p.created_at
FROM payment p CROSS JOIN LATERAL (SELECT coalesce(p.gateway_ref, '') AS ref) r
WHERE p.kind = 'credit' AND p.gateway = 'bank'
  AND NOT EXISTS (SELECT 1 FROM credit_notice n WHERE n.payment_id = p.id)
"""


def _plain(ref: str) -> str:
    return _PLAIN.format(ref=ref, plain=_STRIPPED.format(ref=ref))


def upgrade() -> None:
    """Make the table, and tie the credits of before to what told of them."""
    op.create_table(
        "credit_notice",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("notice_ref", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("bank_ref", sa.String(), nullable=False),
        sa.Column("plain_ref", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 10000000000000", name=op.f("ck_credit_notice_amount")
        ),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_credit_notice_collection_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_credit_notice_payment_id")
        ),
        sa.PrimaryKeyConstraint("source", "notice_ref", "amount", name=op.f("pk_credit_notice")),
    )
    for name, columns in (
        ("bank", ["collection_account_id", "booked_on", "plain_ref"]),
        ("payer", ["collection_account_id", "booked_on", "reference"]),
        ("payment", ["payment_id"]),
    ):
        op.create_index(f"ix_credit_notice_{name}", "credit_notice", columns)
    op.add_column("payment", sa.Column("doubt", sa.String(), nullable=True))
    op.execute(
        "UPDATE payment p SET doubt = s.reason FROM suspense_item s"
        " WHERE s.payment_id = p.id AND s.reason = 'conflicting_notice'"
    )
    op.execute(_TELLINGS.format(plain=_plain("n.gateway_ref")))
    op.execute(_THE_REST.format(plain=_plain("r.ref")))
    _reasons(f"{_REASONS}, 'possible_duplicate'")


def _reasons(allowed: str) -> None:
    op.drop_constraint(op.f("ck_suspense_item_reason"), "suspense_item", type_="check")
    op.create_check_constraint(
        op.f("ck_suspense_item_reason"), "suspense_item", f"reason IN ({allowed})"
    )


def downgrade() -> None:
    """Take it away; money in doubt is said to be in the older kind of doubt."""
    op.execute(
        "UPDATE suspense_item SET reason = 'conflicting_notice' WHERE reason = 'possible_duplicate'"
    )
    _reasons(_REASONS)
    op.drop_column("payment", "doubt")
    op.drop_table("credit_notice")
