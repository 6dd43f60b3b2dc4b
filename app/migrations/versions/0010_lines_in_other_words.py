"""A statement's line that comes again in other words is the same line: its fingerprint is made anew.

Where two stored lines would now be one, the later keeps the fingerprint that it had.
"""

from collections import Counter
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from reconciliation.formats.rows import StatementRow
from reconciliation.statements.intake import what_it_says

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_LINES = sa.text("""
    SELECT l.id, l.statement_id, l.collection_account_id, l.line_number, l.booked_at, l.amount,
      l.direction, l.reference, l.narrative, l.bank_ref
    FROM statement_line l JOIN statement s ON s.id = l.statement_id
    ORDER BY s.created_at, s.id, l.line_number
""")
_CHANGE = sa.text("""
    UPDATE statement_line l SET fingerprint = :fingerprint
    WHERE l.id = :id AND NOT EXISTS (SELECT 1 FROM statement_line o
      WHERE o.collection_account_id = l.collection_account_id AND o.fingerprint = :fingerprint)
""")


def upgrade() -> None:
    """Make the fingerprints of all lines anew, file by file as they came."""
    connection = op.get_bind()
    met: Counter[tuple[str, bytes]] = Counter()
    for line in connection.execute(_LINES).all():
        row = StatementRow(
            line.line_number,
            line.booked_at,
            line.amount,
            line.direction,
            line.reference,
            line.narrative,
            line.bank_ref,
        )
        said = what_it_says(line.collection_account_id, row)
        met[line.statement_id, said] += 1
        fingerprint = sha256(said + b"#%d" % met[line.statement_id, said]).hexdigest()
        connection.execute(_CHANGE, {"id": line.id, "fingerprint": fingerprint})


def downgrade() -> None:
    """Nothing to do: a fingerprint is only ever compared with the next file's."""
