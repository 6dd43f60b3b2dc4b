"""Refunds as gateways' settlement files show them: each line is one refund's, or calls for people.

A line is a refund's by our reference in its words, else by the gateway's number of it, and the
amount is the refund's. One that still waits for its gateway's word is paid by it, but not one that
the payer's bank disputes: what the gateway holds back is decided later, by its word alone. The
caller keeps the lines from changing before our transaction ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import update
from sqlmodel import col

from core import audit, clock
from core.references import find_references
from core.sessions import WriteSession
from payments.books.models import Refund
from payments.refunds.locks import LockedRefund, list_of_gateway, list_shown_by, lock_refunds
from payments.refunds.outcomes import (
    BY_FILE,
    CALLED,
    is_another_called,
    paid_by_gateway,
    shown_no_more,
)

#: A line bears a refund's name and is not what shows it.
UNEXPECTED: Final = "refund.unexpected_settlement"


@dataclass(frozen=True, slots=True)
class SettledRefund:
    """A line by which a gateway says that money went back to a payer; `amount` in đồng."""

    line_id: str
    order_ref: str
    gateway_ref: str
    amount: int


async def note_settled_refunds(
    session: WriteSession, gateway_account_id: str, lines: Sequence[SettledRefund], *, actor: str
) -> list[str]:
    """Note which refunds these lines of an account at a gateway show; the ids of those paid by it.

    What bears a refund's name and is of another amount, of one that was not called for, or shown
    already, is told to people once.
    """
    if not lines:
        return []
    names = {name for line in lines for name in _names_of(line)}
    numbers = {line.gateway_ref for line in lines if line.gateway_ref}
    known = await list_of_gateway(session, gateway_account_id, names, numbers)
    refunds = {one.id: one for one in await lock_refunds(session, known)}
    shown = {one.settlement_line_id for one in refunds.values() if one.settlement_line_id}
    met: set[str] = set()
    paid: list[str] = []
    for line in sorted(lines, key=lambda one: one.line_id):
        if line.line_id in shown:
            continue
        own = [one for one in refunds.values() if _is_of(line, one)]
        fitting = [one for one in own if one.id not in met and _fits(line, one)]
        if len(fitting) == 1:
            refund = fitting[0]
            met.add(refund.id)
            if refund.status in CALLED:
                number = line.gateway_ref or refund.gateway_ref
                await paid_by_gateway(
                    session, refund, number, BY_FILE, actor=actor, line_id=line.line_id
                )
                paid.append(refund.id)
            else:
                linked = update(Refund).where(col(Refund.id) == refund.id)
                await session.write(linked.values(settlement_line_id=line.line_id, ask_at=None))
        for refund in own if len(fitting) != 1 else []:
            told = {"line": line.line_id, "amount": line.amount}
            if not await audit.is_recorded(session, UNEXPECTED, refund.id, told):
                await audit.record(
                    session, actor=actor, action=UNEXPECTED, object_id=refund.id, details=told
                )
    return paid


async def forget_settled_lines(
    session: WriteSession, line_ids: Sequence[str], *, actor: str
) -> None:
    """These lines stand no more: their gateways are asked again about the refunds they showed.

    One that only its line said to be paid is unclear again, unless the gateway is at another of the
    payment (`uq_refund_under_way` allows one): then it stands as paid until it is asked about.
    """
    for refund in await lock_refunds(session, await list_shown_by(session, line_ids)):
        by_file = refund.status == "succeeded" and refund.gateway_code == BY_FILE
        if by_file and not await is_another_called(session, refund):
            await shown_no_more(session, refund, actor=actor)
            continue
        forgotten = update(Refund).where(col(Refund.id) == refund.id)
        await session.write(forgotten.values(settlement_line_id=None, ask_at=clock.now()))


def _names_of(line: SettledRefund) -> list[str]:
    return find_references(f"{line.order_ref} {line.gateway_ref}")


def _is_of(line: SettledRefund, refund: LockedRefund) -> bool:
    if refund.reference in _names_of(line):
        return True
    return bool(line.gateway_ref) and line.gateway_ref == refund.gateway_ref


def _fits(line: SettledRefund, refund: LockedRefund) -> bool:
    open_still = () if refund.way == "dispute" else CALLED
    called = refund.status in (*open_still, "succeeded")
    return called and refund.settlement_line_id is None and line.amount == refund.amount
