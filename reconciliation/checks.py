"""What must always hold of statements and runs; each query finds the rows that break one rule."""

from collections.abc import AsyncIterator

from sqlalchemy import text

from core.sessions import WriteSession

_RULES = {
    "a statement's new lines are all there": """
        SELECT s.id, 'told ' || s.new_count || ', there ' || count(l.id) AS detail
        FROM statement s LEFT JOIN statement_line l ON l.statement_id = s.id
        GROUP BY s.id, s.new_count HAVING count(l.id) <> s.new_count""",
    "a match joins equal money of one account": """
        SELECT m.payment_id AS id, m.line_id || ': ' || p.credited || ' against ' || l.amount
          AS detail
        FROM match m JOIN payment p ON p.id = m.payment_id
        JOIN statement_line l ON l.id = m.line_id
        WHERE p.credited <> l.amount OR l.direction <> 'credit'
          OR p.collection_account_id <> l.collection_account_id""",
}


async def check(session: WriteSession) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    for rule, query in _RULES.items():
        for row in await session.execute(text(query)):
            yield f"{rule}: {row.id} ({row.detail})"
