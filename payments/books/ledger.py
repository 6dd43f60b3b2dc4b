"""Double entry: every credit and every later move of its money as postings that sum to zero.

Ledgers, per collection account: `receivable` (the gateway or bank owes it to the account),
`revenue` (given to bills), `suspense`, `refundable`, `paid_back`. Debits are positive. The database
refuses a transaction whose postings do not sum to zero (a deferred constraint trigger) and any
change of a posting.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import text

from core import clock
from core.ids import new_id
from core.sessions import WriteSession


async def post(
    session: WriteSession,
    *,
    kind: str,
    payment_id: str,
    collection_account_id: str,
    accounting_on: date,
    amounts: Mapping[str, int],
    bill_id: str | None = None,
) -> str:
    """Write one ledger transaction; `amounts` maps ledger → đồng (zeros are left out).

    Raises ValueError if the amounts do not sum to zero: a fault of ours, never of the input.
    """
    entries = {ledger: amount for ledger, amount in amounts.items() if amount}
    if sum(entries.values()) != 0 or not entries:
        raise ValueError(f"postings of {payment_id} do not sum to zero: {entries}")
    transaction_id = new_id("ltx")
    await session.execute(
        text(
            "WITH t AS (INSERT INTO ledger_transaction"
            "  (id, kind, payment_id, accounting_on, created_at)"
            "  VALUES (:id, :kind, :payment_id, :accounting_on, :now))"
            " INSERT INTO posting"
            "  (transaction_id, ledger, collection_account_id, bill_id, amount)"
            " SELECT :id, ledger, :account, :bill_id, amount"
            " FROM unnest(CAST(:ledgers AS text[]), CAST(:amounts AS bigint[]))"
            "  AS p(ledger, amount)"
        ),
        {
            "id": transaction_id,
            "kind": kind,
            "payment_id": payment_id,
            "accounting_on": accounting_on,
            "now": clock.now(),
            "account": collection_account_id,
            "bill_id": bill_id,
            "ledgers": list(entries),
            "amounts": list(entries.values()),
        },
    )
    return transaction_id


async def balances(session: WriteSession) -> list[dict[str, Any]]:
    """The balance of each ledger of each collection account, in đồng (debit positive)."""
    rows = await session.execute(
        text(
            "SELECT collection_account_id, ledger, sum(amount)::bigint AS amount FROM posting"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        )
    )
    return [dict(row) for row in rows.mappings()]
