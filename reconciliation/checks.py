"""What must always hold of statements and runs: the rules of `checks.sql`, and those of words."""

from collections.abc import AsyncIterator

from core.checks import breaches, load_rules
from core.crypto import Cipher
from core.sessions import ReadSession
from reconciliation.days.taken_back import matches_taken_back
from reconciliation.statements.told_twice import lines_told_twice

#: The rules that one statement each can tell of.
RULES = load_rules("reconciliation")


def check(session: ReadSession) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    return breaches(session, RULES)


async def check_words(session: ReadSession, cipher: Cipher) -> AsyncIterator[str]:
    """As `check`, of what only the bank's words tell, which are sealed."""
    async for line in lines_told_twice(session, cipher):
        yield line
    async for line in matches_taken_back(session, cipher):
        yield line
