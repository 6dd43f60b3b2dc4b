"""What must always hold of receipts; each query finds the rows that break one rule."""

from collections.abc import AsyncIterator

from sqlalchemy import text

from core.sessions import WriteSession

_RULES = {
    "numbers of a series are 1..N": """
        SELECT s.id, s.symbol || ': counted ' || s.last_number || ', receipts ' || count(r.id)
          || ', from ' || coalesce(min(r.number), 0) || ' to ' || coalesce(max(r.number), 0)
          AS detail
        FROM receipt_series s LEFT JOIN receipt r ON r.series_id = s.id
        GROUP BY s.id, s.symbol, s.last_number
        HAVING count(r.id) <> s.last_number OR coalesce(max(r.number), 0) <> s.last_number
          OR count(DISTINCT r.number) <> s.last_number OR coalesce(min(r.number), 1) <> 1""",
    "numbers follow the order of issue": """
        SELECT id, 'number ' || number AS detail FROM (
          SELECT id, number, issued_at, lag(issued_at) OVER (PARTITION BY series_id
            ORDER BY number) AS earlier FROM receipt) o
        WHERE issued_at < earlier""",
    "a settled bill has its receipt, or it is on its way": """
        SELECT b.id, 'paid ' || b.paid_at AS detail FROM bill b
        LEFT JOIN receipt r ON r.bill_id = b.id
        WHERE b.status = 'paid' AND r.id IS NULL AND NOT EXISTS (
          SELECT 1 FROM outbox_event e JOIN outbox_delivery d ON d.event_id = e.id
          WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id
            AND d.handler = 'receipts.issue' AND d.state <> 'done')""",
    "only a settled bill has a receipt, of its amount": """
        SELECT r.id, b.status || ' ' || b.amount || ' against ' || r.amount AS detail
        FROM receipt r JOIN bill b ON b.id = r.bill_id
        WHERE b.status <> 'paid' OR b.amount <> r.amount""",
    "an issued receipt has its signed XML": """
        SELECT r.id, r.status AS detail FROM receipt r
        LEFT JOIN receipt_file f ON f.receipt_id = r.id AND f.kind = 'xml'
        WHERE r.status <> 'numbered' AND f.receipt_id IS NULL""",
}


async def check(session: WriteSession) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    for rule, query in _RULES.items():
        for row in await session.execute(text(query)):
            yield f"{rule}: {row.id} ({row.detail})"
