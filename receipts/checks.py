"""What must always hold of receipts: the rules of `checks.sql`."""

from collections.abc import AsyncIterator

from core.checks import breaches, load_rules
from core.sessions import ReadSession

#: The rules that one statement each can tell of.
RULES = load_rules("receipts")


def check(session: ReadSession) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    return breaches(session, RULES)
