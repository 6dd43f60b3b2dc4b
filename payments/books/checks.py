"""What must always hold of bills and payments; each query finds the rows that break one rule.

`lephi invariants`, the tests, the crash harness and the restore drill run the same list.
"""

from collections.abc import AsyncIterator

from sqlalchemy import text

from core.sessions import WriteSession
from payments.states import MACHINES

_RULES = {
    "postings of a transaction sum to zero": """
        SELECT transaction_id AS id, 'sum ' || sum(amount) AS detail FROM posting
        GROUP BY 1 HAVING sum(amount) <> 0""",
    "money credited is in its places": """
        SELECT p.id, 'credited ' || p.credited || ', placed ' || coalesce(a.sum, 0)
          + coalesce(s.sum, 0) AS detail
        FROM payment p
        LEFT JOIN (SELECT payment_id, sum(amount) FROM allocation GROUP BY 1) a
          ON a.payment_id = p.id
        LEFT JOIN (SELECT payment_id, sum(amount) FROM suspense_item WHERE closed_at IS NULL
          GROUP BY 1) s ON s.payment_id = p.id
        WHERE p.credited IS NOT NULL
          AND p.credited <> coalesce(a.sum, 0) + coalesce(s.sum, 0)""",
    "the ledger agrees with the places": """
        WITH ledger AS (
          SELECT t.payment_id, o.ledger, sum(o.amount) AS sum
          FROM posting o JOIN ledger_transaction t ON t.id = o.transaction_id GROUP BY 1, 2
        ), places AS (
          SELECT id AS payment_id, 'receivable' AS ledger, credited AS sum FROM payment
            WHERE credited IS NOT NULL
          UNION ALL SELECT payment_id, 'revenue', -sum(amount) FROM allocation GROUP BY 1
          UNION ALL SELECT payment_id, place, -sum(amount) FROM suspense_item
            WHERE closed_at IS NULL GROUP BY 1, 2
        )
        SELECT coalesce(l.payment_id, p.payment_id) AS id, coalesce(l.ledger, p.ledger)
          || ': ledger ' || coalesce(l.sum, 0) || ', places ' || coalesce(p.sum, 0) AS detail
        FROM ledger l FULL JOIN places p USING (payment_id, ledger)
        WHERE coalesce(l.sum, 0) <> coalesce(p.sum, 0)""",
    "allocations reach the amount of a paid bill, and of no other": """
        SELECT b.id, b.status || ', amount ' || b.amount || ', allocated ' || coalesce(a.sum, 0)
          AS detail
        FROM bill b LEFT JOIN (SELECT bill_id, sum(amount) FROM allocation GROUP BY 1) a
          ON a.bill_id = b.id
        WHERE coalesce(a.sum, 0) <> CASE WHEN b.status = 'paid' THEN b.amount ELSE 0 END""",
    "a bill is the sum of its lines": """
        SELECT b.id, 'amount ' || b.amount || ', lines ' || coalesce(l.sum, 0) AS detail
        FROM bill b LEFT JOIN (SELECT bill_id, sum(amount) FROM bill_line GROUP BY 1) l
          ON l.bill_id = b.id
        WHERE b.amount <> coalesce(l.sum, -1)""",
    "a bill has its reference": """
        SELECT b.id, b.reference AS detail FROM bill b
        LEFT JOIN reference r ON r.reference = b.reference AND r.kind = 'bill'
        WHERE r.reference IS NULL""",
    "the same money is one payment": """
        SELECT min(p.id) AS id, count(*) || ' payments for ' || p.gateway || ' ' || p.gateway_ref
          AS detail
        FROM payment p
        -- Of two amounts told of under one name, all but the first wait whole in suspense.
        LEFT JOIN suspense_item s ON s.payment_id = p.id AND s.reason = 'conflicting_notice'
          AND s.amount = p.credited
        WHERE p.credited IS NOT NULL
        -- Money beside an attempt names no gateway account, so the account it came to decides.
        GROUP BY p.collection_account_id, p.gateway, p.gateway_ref
        HAVING count(*) FILTER (WHERE s.id IS NULL) <> 1
          OR count(*) <> count(DISTINCT p.credited)""",
    "an applied callback has left its trace": """
        SELECT c.id, c.result || ', ' || c.told[3] || ' of ' || c.told[1] AS detail
        -- Reference, outcome, amount: as `callbacks.event_key` writes them.
        FROM (SELECT id, result, regexp_match(event_key, '^(.*):(succeeded|held):([0-9]+):') AS told
          FROM callback WHERE state = 'applied') c
        WHERE c.told IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payment p
          WHERE p.gateway_ref = c.told[1] AND p.credited = CAST(c.told[3] AS bigint))""",
    "a paid bill was told": """
        SELECT b.id, 'no bill.paid event' AS detail FROM bill b
        WHERE b.status = 'paid' AND NOT EXISTS (SELECT 1 FROM outbox_event e
          WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id)""",
    "every state has its audit row": """
        SELECT id, status AS detail FROM (
          SELECT id, status, CASE status WHEN 'open' THEN 'bill.opened'
            ELSE 'bill.' || status END AS action FROM bill
          UNION ALL SELECT id, status, 'payment.' || status FROM payment
        ) s WHERE NOT EXISTS (
          SELECT 1 FROM audit_entry e WHERE e.object_id = s.id AND e.action = s.action)""",
}


async def check(session: WriteSession) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    for rule, query in _RULES.items():
        for row in await session.execute(text(query)):
            yield f"{rule}: {row.id} ({row.detail})"
    async for line in _moves(session):
        yield line


async def _moves(session: WriteSession) -> AsyncIterator[str]:
    """Every state came by allowed moves, as the audit log tells them in order."""
    for machine in MACHINES:
        told = {move.event: move.after for move in machine.moves}
        rows = await session.stream(
            text(
                "SELECT object_id, action, details ->> 'before' AS before FROM audit_entry"
                " WHERE action = ANY(CAST(:events AS text[])) ORDER BY object_id, id"
            ),
            {"events": sorted(told)},
        )
        states: dict[str, str | None] = {}
        async for row in rows:
            after, before = told[row.action], states.get(row.object_id)
            if not machine.allows(before, after) or row.before not in (None, before):
                yield f"states move as the table allows: {row.object_id} {before} → {after}"
            states[row.object_id] = after
