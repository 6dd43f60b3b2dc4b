"""What people and systems do to bills. Commands take a session and never commit."""

from collections.abc import Collection

from sqlalchemy import text

from core import audit, clock
from core.errors import Conflict, NotFound
from core.sessions import WriteSession
from payments.states import BILL, LIVE


class MoneyUnderWay(Conflict):
    """A payment of this bill has come or may still come: wait for its outcome."""

    code = "money_under_way"


async def cancel_bill(
    session: WriteSession, bill_id: str, agency_ids: Collection[str], *, actor: str
) -> None:
    """Withdraw a bill that no money has reached; cancelling twice is the same as once.

    A relief that an asset has once a year is free again. Raises `NotFound`, `IllegalMove` (paid,
    exempt) or `MoneyUnderWay`.
    """
    row = (
        await session.execute(
            text("SELECT id, agency_id, status FROM bill WHERE id = :id FOR UPDATE"),
            {"id": bill_id},
        )
    ).first()
    if row is None or row.agency_id not in agency_ids:
        raise NotFound("Không có khoản phải nộp này.")
    if row.status == "cancelled":
        return
    move = BILL.move(row.status, "cancelled")
    under_way = await session.scalar(
        text(
            "SELECT count(*) FROM payment WHERE bill_id = :id"
            " AND (status = ANY(CAST(:live AS text[])) OR credited IS NOT NULL)"
        ),
        {"id": bill_id, "live": sorted(LIVE)},
    )
    if under_way:
        raise MoneyUnderWay("Đang có giao dịch thanh toán cho khoản này; hãy chờ kết quả.")
    await session.execute(
        text("UPDATE bill SET status = 'cancelled' WHERE id = :id"), {"id": bill_id}
    )
    await session.execute(
        text(
            "UPDATE relief_use SET released_at = :now WHERE bill_id = :id AND released_at IS NULL"
        ),
        {"id": bill_id, "now": clock.now()},
    )
    await audit.record(
        session, actor=actor, action=move.event, object_id=bill_id, details={"before": row.status}
    )
