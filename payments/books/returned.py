"""What runs have found of money that banks took back: the log says so, once for each debit."""

from collections.abc import Collection
from typing import Final

from core import audit
from core.sessions import ReadSession
from payments.books.allocation import Reason

#: What the log calls it; its details name the debit's line.
RETURNED: Final = f"payment.{Reason.RETURNED_BY_BANK}"


async def find_returned(session: ReadSession, payment_ids: Collection[str]) -> frozenset[str]:
    """Those of these payments of which a run has found that the bank took their money back.

    Also where the debit's statement was withdrawn since: then people look at them one by one.
    """
    return await audit.recorded_of(session, RETURNED, payment_ids)
