"""Taking gateways' settlement files in: whole or not at all, each row once.

A settlement settles nothing by itself. It says what a gateway took, what it keeps and what it pays
over; whether that is so the comparisons say, and two people decide.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import String, any_, case, insert, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core import audit, clock
from core.cursors import Page, page_of
from core.errors import Conflict, FieldError
from core.file_names import checked_name
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, WriteSql, values_of
from payments.agencies.queries import GatewayName
from payments.refunds.commands import SettledRefund, note_settled_refunds
from reconciliation.formats.settlement_rows import SettlementRow
from reconciliation.settlements.batch_sums import BatchPaidOver, is_as_paid, list_batches
from reconciliation.settlements.matching import plain_name
from reconciliation.settlements.models import (
    RepeatedSettlementLine,
    Settlement,
    SettlementLine,
)
from reconciliation.settlements.preparing import COLUMNS, PreparedSettlement

#: Where lines stand before it is known which are new; gone with the transaction.
_STAGE = WriteSql(
    int,
    """
    CREATE TEMPORARY TABLE staged_settlement (id text, line_number int, batch_ref text,
      settled_on date, kind text, order_ref text, gateway_ref text, amount bigint, fee bigint,
      paid_at timestamptz, business_on date, fingerprint text) ON COMMIT DROP
    """,
)
#: Stores those lines that no earlier file held; how many they are.
_NEW_LINES = WriteSql(
    int,
    """
    INSERT INTO settlement_line (id, settlement_id, gateway_account_id, line_number, batch_ref,
      settled_on, kind, order_ref, gateway_ref, amount, fee, paid_at, business_on, fingerprint)
    SELECT n.id, :settlement, :account, n.line_number, n.batch_ref, n.settled_on, n.kind,
      n.order_ref, n.gateway_ref, n.amount, n.fee, n.paid_at, n.business_on, n.fingerprint
    FROM staged_settlement n
    ON CONFLICT (gateway_account_id, fingerprint) WHERE withdrawn_at IS NULL DO NOTHING
    """,
)


#: What a payment's line comes to: its batch, day, amount and fee.
_Figures = tuple[str, date, int, int]


@dataclass(frozen=True, slots=True)
class SettlementValue:
    """A settlement file; `new_count` of its rows were in no earlier one. Sums in đồng.

    `collection_account_id` is the account that its gateway paid into when its first version was
    taken in.
    """

    id: str
    collection_account_id: str
    file_name: str
    mapping: str
    row_count: int
    new_count: int
    amount: int
    fee: int
    net: int
    created_by: str
    created_at: datetime
    version: int
    replaces: str | None
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class _ToldBefore:
    """What a line says of a payment."""

    settlement_id: str
    line_number: int
    batch_ref: str
    settled_on: date
    name: str
    amount: int
    fee: int


class SettlementReissued(Conflict):
    """A payment of this file stands already with other figures: it is a newer version of a file."""

    code = "settlement_reissued"


class SettlementSuperseded(Conflict):
    """A newer version has taken this file's place."""

    code = "settlement_superseded"


@dataclass(frozen=True, slots=True)
class SettlementIntake:
    """A settlement as it was taken in; `known`: this very file had been before."""

    settlement: SettlementValue
    known: bool


def settlements_lock(gateway_account_id: str) -> str:
    """The lock under which the lines of an account at a gateway change."""
    return f"settlements:{gateway_account_id}"


async def take_settlement(
    session: WriteSession,
    gateway: GatewayName,
    prepared: PreparedSettlement,
    *,
    file_name: str,
    actor: str,
    separate: bool = False,
) -> SettlementIntake:
    """Store the rows of a settlement file, in the caller's transaction.

    The same file again, under whatever name, changes nothing but the log; rows that an earlier file
    of this account held are passed over. Raises `SettlementReissued` for a row that an earlier file
    tells otherwise, unless the caller says that they are `separate`, `SettlementSuperseded`, and
    `BatchPaidOver` for a new row of a batch that a credit has paid over.
    """
    await lock_names(session, settlements_lock(gateway.id))
    if (known := await find_taken(session, gateway.id, prepared.digest)) is not None:
        again = "settlement.taken_again"
        await audit.record(session, actor=actor, action=again, object_id=known.id)
        return SettlementIntake(known, known=True)
    of_file = values_of(SettlementValue, Settlement).where(
        Settlement.gateway_account_id == gateway.id, Settlement.sha256 == prepared.digest
    )
    if (older := await session.first(of_file)) is not None:
        raise SettlementSuperseded(
            f"Tệp này ({older.id}) đã được thay bằng bản mới hơn; nếu nay nó lại đúng,"
            " hãy nộp nó làm bản mới của bản đang dùng."
        )
    if not separate:
        await _check_first_told(session, gateway.id, prepared.rows)
    taken = await store_settlement(session, gateway, prepared, file_name=file_name, actor=actor)
    return SettlementIntake(taken, known=False)


async def find_taken(
    session: ReadSession, gateway_account_id: str, digest: str
) -> SettlementValue | None:
    """The file of these bytes that stands for an account at a gateway; None without one."""
    return await session.first(_standing(gateway_account_id, digest))


def _standing(gateway_account_id: str, digest: str) -> ValueSelect[SettlementValue]:
    return values_of(SettlementValue, Settlement).where(
        Settlement.gateway_account_id == gateway_account_id,
        Settlement.sha256 == digest,
        col(Settlement.superseded_at).is_(None),
    )


async def store_settlement(
    session: WriteSession,
    gateway: GatewayName,
    prepared: PreparedSettlement,
    *,
    file_name: str,
    actor: str,
    replacing: SettlementValue | None = None,
) -> SettlementValue:
    """Write a file and those of its rows that stand nowhere yet; the account's lines are locked.

    Lines of the version that it is `replacing` stand by it from now on where it has them too, and
    it is of the same account, wherever the gateway pays into by now. Raises `BatchPaidOver`.
    """
    settlement_id = new_id("settle")
    account = gateway if replacing is None else replacing
    settlement = {
        "id": settlement_id,
        "gateway_account_id": gateway.id,
        "collection_account_id": account.collection_account_id,
        "sha256": prepared.digest,
        "file_name": checked_name(file_name),
        "mapping": prepared.mapping,
        "row_count": prepared.row_count,
        "new_count": 0,
        "amount": prepared.amount,
        "fee": prepared.fee,
        "net": prepared.net,
        "created_by": actor,
        "created_at": clock.now(),
        "version": 1 if replacing is None else replacing.version + 1,
        "replaces": None if replacing is None else replacing.id,
    }
    await session.write(insert(Settlement), settlement)
    its_own = any_(literal(list(prepared.fingerprints), ARRAY(String)))
    stands = (
        col(SettlementLine.gateway_account_id) == gateway.id,
        col(SettlementLine.withdrawn_at).is_(None),
        col(SettlementLine.fingerprint) == its_own,
    )
    if replacing is not None:
        kept = update(SettlementLine).where(
            *stands, col(SettlementLine.settlement_id) == replacing.id
        )
        await session.write(kept.values(settlement_id=settlement_id))
    repeated = select(literal(settlement_id), col(SettlementLine.id)).where(
        *stands, col(SettlementLine.settlement_id) != settlement_id
    )
    told_again = insert(RepeatedSettlementLine).from_select(["settlement_id", "line_id"], repeated)
    await session.write(told_again)
    await session.write(_STAGE)
    await session.copy_in("staged_settlement", COLUMNS, (prepared.lines,))
    told = {"settlement": settlement_id, "account": gateway.id}
    new_count = await session.write(_NEW_LINES, told)
    await _check_not_paid(session, gateway.id, settlement_id)
    await _note_refunds(session, gateway.id, settlement_id, actor=actor)
    changed = update(Settlement).where(col(Settlement.id) == settlement_id)
    await session.write(changed.values(new_count=new_count))
    await audit.record(
        session,
        actor=actor,
        action="settlement.taken",
        object_id=settlement_id,
        details={
            "rows": prepared.row_count,
            "new": new_count,
            "sha256": prepared.digest,
            "replaces": settlement["replaces"],
        },
    )
    return await session.one(_standing(gateway.id, prepared.digest))


async def _note_refunds(
    session: WriteSession, gateway_id: str, settlement_id: str, *, actor: str
) -> None:
    """See which of our refunds the lines of this file show."""
    wanted = values_of(SettledRefund, SettlementLine, line_id=col(SettlementLine.id)).where(
        SettlementLine.settlement_id == settlement_id, SettlementLine.kind == "refund"
    )
    await note_settled_refunds(session, gateway_id, await session.all(wanted), actor=actor)


async def _check_not_paid(session: ReadSession, gateway_id: str, settlement_id: str) -> None:
    """Raises `BatchPaidOver` where a batch with lines of this file is not what was paid over."""
    own = select(SettlementLine.batch_ref).where(SettlementLine.settlement_id == settlement_id)
    for one in await list_batches(session, gateway_id, sorted(set(await session.all(own)))):
        if one.payout_id is not None and not await is_as_paid(session, one):
            raise BatchPaidOver(
                f"Lô {one.batch_ref} đã gắn với một khoản ghi có ({one.payout_id}) và không còn"
                " như lúc đó; hãy hủy lần đó trước."
            )


async def _check_first_told(
    session: ReadSession, gateway_id: str, rows: Sequence[SettlementRow]
) -> None:
    """Raises `SettlementReissued` for a payment that an earlier file tells otherwise."""
    told: defaultdict[str, dict[_Figures, SettlementRow]] = defaultdict(dict)
    for row in rows:
        if row.kind == "payment" and plain_name(_name(row)):
            figures = row.batch_ref, row.settled_on, row.amount, row.fee
            told[_name(row)][figures] = row
    # A gateway's number is its own; our name of an order stands where there is none.
    numbered = col(SettlementLine.gateway_ref) != ""
    name = case((numbered, col(SettlementLine.gateway_ref)), else_=col(SettlementLine.order_ref))
    earlier = values_of(_ToldBefore, SettlementLine, name=name).where(
        SettlementLine.gateway_account_id == gateway_id,
        col(SettlementLine.withdrawn_at).is_(None),
        SettlementLine.kind == "payment",
        name == any_(literal(list(told), ARRAY(String))),
    )
    for line in await session.all(earlier.order_by(col(SettlementLine.id))):
        said = told[line.name]
        if (line.batch_ref, line.settled_on, line.amount, line.fee) not in said:
            row = next(iter(said.values()))
            detail = (
                f"Giao dịch {line.name} đã có trong tệp {line.settlement_id}, dòng"
                f" {line.line_number}, với số liệu khác: nếu đây là bản phát hành lại, hãy nộp nó"
                " làm bản mới của tệp đó."
            )
            fault = FieldError(f"row {row.line_no}", "told_otherwise", detail)
            raise SettlementReissued(detail, errors=[fault])


def _name(row: SettlementRow) -> str:
    return row.gateway_ref or row.order_ref


async def page_of_settlements(
    session: ReadSession, gateway_account_id: str, *, cursor: str | None = None, limit: int = 200
) -> Page[SettlementValue]:
    """Settlements of an account at a gateway, newest first; `cursor` is the one to go on after."""
    wanted = values_of(SettlementValue, Settlement).where(
        Settlement.gateway_account_id == gateway_account_id
    )
    if cursor is not None:
        wanted = wanted.where(col(Settlement.id) < cursor)
    found = await session.all(wanted.order_by(col(Settlement.id).desc()).limit(limit + 1))
    return page_of(found, limit, lambda one: one.id)
