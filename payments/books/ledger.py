"""Double entry: every credit and every later move of its money as postings that sum to zero.

Ledgers, per collection account: `receivable` (the bank says that it is on the account),
`in_transit` (a gateway took it and has yet to pay it over), `collector_cash` (a collector took it
in cash and has yet to pay it in), `revenue` (given to bills), `suspense`,
`refundable`, `reversed`, `paying_back` (a refund is under way), `paid_back`, `gateway_fee` (what
gateways kept of what they took), `gateway_back` (what they gave back to payers of it). Debits are
positive.
The database refuses a transaction whose postings do not sum to zero (a deferred constraint trigger)
and any change of a posting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from core import clock
from core.ids import new_id
from core.sessions import WriteSession
from core.statements import WriteSql


@dataclass(frozen=True, slots=True)
class MoneySource:
    """Whose money is posted: the payment it came as, the account it is on, and the business day."""

    payment_id: str
    collection_account_id: str
    accounting_on: date


#: Writes a ledger transaction and all its postings in one round trip: the database gives the
#: postings their numbers, and refuses at commit what does not sum to zero. What is of a closed day
#: is posted on the first open one.
_POST = WriteSql(
    int,
    """
WITH t AS (
  INSERT INTO ledger_transaction (id, kind, payment_id, accounting_on, created_at)
  VALUES (:id, :kind, :payment_id, greatest(CAST(:accounting_on AS date),
    (SELECT max(c.business_on) + 1 FROM closed_day c
      WHERE c.collection_account_id = :account)), :now)
)
INSERT INTO posting (transaction_id, ledger, collection_account_id, bill_id, amount)
SELECT :id, ledger, :account, :bill_id, amount
FROM unnest(CAST(:ledgers AS text[]), CAST(:amounts AS bigint[])) AS p(ledger, amount)
""",
)


async def post(
    session: WriteSession,
    kind: str,
    source: MoneySource,
    bill_id: str | None,
    amounts: Mapping[str, int],
) -> str:
    """Write one ledger transaction; `amounts` maps ledger → đồng (zeros are left out). Its id.

    Raises ValueError if the amounts do not sum to zero: a fault of ours, never of the input.
    """
    entries = {ledger: amount for ledger, amount in amounts.items() if amount}
    if sum(entries.values()) != 0 or not entries:
        raise ValueError(f"postings of {source.payment_id} do not sum to zero: {entries}")
    transaction_id = new_id("ltx")
    values = {
        "id": transaction_id,
        "kind": kind,
        "payment_id": source.payment_id,
        "accounting_on": source.accounting_on,
        "now": clock.now(),
        "account": source.collection_account_id,
        "bill_id": bill_id,
        "ledgers": list(entries),
        "amounts": list(entries.values()),
    }
    await session.write(_POST, values)
    return transaction_id
