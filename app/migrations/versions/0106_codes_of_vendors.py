"""A stall's short code is its vendor's: it stands with the contract, and not with the stall."""

import sqlalchemy as sa
from alembic import op

revision = "0106"
down_revision = "0104"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What each stall has goes to whoever holds it now, or did last: nobody else opens by it."""
    op.add_column("stall_contract", sa.Column("code_hash", sa.String(), nullable=True))
    op.execute("""
        UPDATE stall_contract SET code_hash = stall.code_hash
        FROM stall
        WHERE stall.id = stall_contract.stall_id AND stall.code_hash IS NOT NULL
          AND stall_contract.id = (
            SELECT c.id FROM stall_contract c WHERE c.stall_id = stall.id
            ORDER BY c.first_on > CURRENT_DATE, c.first_on DESC LIMIT 1)
    """)
    op.drop_column("stall", "code_hash")


def downgrade() -> None:
    """The newest code of each stall is the stall's again; the others are lost."""
    op.add_column("stall", sa.Column("code_hash", sa.String(), nullable=True))
    op.execute("""
        UPDATE stall SET code_hash = (
          SELECT c.code_hash FROM stall_contract c
          WHERE c.stall_id = stall.id AND c.code_hash IS NOT NULL
          ORDER BY c.first_on DESC LIMIT 1)
    """)
    op.drop_column("stall_contract", "code_hash")
