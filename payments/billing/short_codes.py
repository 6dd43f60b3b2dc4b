"""The short code that opens a vendor's page of a stall: given with a contract, kept as a hash.

Commands take a session and never commit.
"""

from collections.abc import Collection

from sqlalchemy import update
from sqlmodel import col, select

from core import audit
from core.crypto import keyed_hash
from core.errors import Conflict
from core.sessions import WriteSession
from payments.billing.models import StallContract
from payments.billing.setting_up import get_stall


class NobodyHolds(Conflict):
    """The stall has no contract: a short code is its vendor's."""

    code = "nobody_holds"


async def print_sticker(
    session: WriteSession,
    stall_id: str,
    agency_ids: Collection[str],
    code: str,
    reason: str,
    *,
    key: bytes,
    actor: str,
) -> None:
    """Give the vendor of a stall's newest contract a new short code, of which only a keyed hash is
    kept; that vendor's old one is worthless, and nobody else's is touched.

    Raises `NotFound`, and `NobodyHolds` where the stall has no contract.
    """
    stall = await get_stall(session, stall_id, agency_ids)
    newest = (
        select(StallContract.id)
        .where(col(StallContract.stall_id) == stall.id)
        .order_by(col(StallContract.first_on).desc())
        .limit(1)
    )
    contract_id = await session.first(newest)
    if contract_id is None:
        raise NobodyHolds("Sạp này chưa có hợp đồng nào; mã đứng trên hợp đồng của người thuê.")
    change = update(StallContract).where(col(StallContract.id) == contract_id)
    await session.write(change.values(code_hash=hash_of_code(key, stall.id, code)))
    await audit.record(
        session,
        actor=actor,
        action="stall.sticker_printed",
        object_id=stall.id,
        details={"reason": reason, "contract": contract_id},
    )


def hash_of_code(key: bytes, stall_id: str, code: str) -> str:
    """The keyed hash of a sticker's short code, bound to its stall."""
    return keyed_hash(key, f"sticker:{stall_id}:{code.strip().upper()}".encode())
