"""Settlements and their lines as they are stored, and as the first comparison takes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.formats.settlement_rows import SettlementKind
from reconciliation.settlements.matching import SettledLine
from reconciliation.settlements.models import Settlement, SettlementLine

#: A gateway pays over some days after the payment (Tết), and may date it a day earlier.
BEFORE: Final = timedelta(days=7)
AFTER: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class StoredSettlementLine:
    """A settlement line as it is stored; amounts in đồng, days in Vietnam."""

    line_id: str
    gateway_account_id: str
    batch_ref: str
    settled_on: date
    kind: SettlementKind
    order_ref: str
    gateway_ref: str
    amount: int
    fee: int
    business_on: date


@dataclass(frozen=True, slots=True)
class StoredSettlement:
    """A settlement file; `new_count` of its rows were in no earlier one."""

    file_name: str
    row_count: int
    new_count: int
    created_at: datetime


async def find_standing_settlement(
    session: ReadSession, settlement_id: str, collection_account_id: str
) -> StoredSettlement | None:
    """The settlement of that id, None if it is paid to another account or was superseded."""
    return await session.first(
        values_of(StoredSettlement, Settlement).where(
            Settlement.id == settlement_id,
            Settlement.collection_account_id == collection_account_id,
            col(Settlement.superseded_at).is_(None),
        )
    )


async def list_settlement_lines(
    session: ReadSession,
    gateway_account_ids: Sequence[str],
    business: tuple[date, date],
    settled: tuple[date, date],
) -> list[StoredSettlementLine]:
    """The standing lines of payments, or of settlements, from one day to another, by id."""
    line = SettlementLine
    of_accounts = col(line.gateway_account_id).in_(gateway_account_ids)
    near = col(line.business_on).between(*business) | col(line.settled_on).between(*settled)
    wanted = values_of(StoredSettlementLine, line, line_id=col(line.id))
    stand = col(line.withdrawn_at).is_(None)
    return await session.all(wanted.where(of_accounts, stand, near).order_by(col(line.id)))


def told_of(one: StoredSettlementLine, name_of: Mapping[str, str]) -> SettledLine:
    """A line as it is compared; `name_of` says the gateway of an account at one."""
    return SettledLine(
        one.line_id,
        one.batch_ref,
        one.kind,
        one.gateway_ref,
        one.order_ref,
        one.amount,
        one.fee,
        name_of[one.gateway_account_id],
        one.settled_on,
    )
