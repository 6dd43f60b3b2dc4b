"""A settlement file that a gateway has issued again takes the place of the one before.

What it says otherwise is shown row by row. Where anything of that matters, two people say that the
newer version is right; the file waits until then, encrypted. Lines that it has no more stand no
longer, unless another file holds them; those that it repeats stand by it.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ScalarSelect, delete, func, insert, update
from sqlmodel import col, select

from core import clock, failpoints
from core.crypto import Cipher
from core.errors import NotFound
from core.file_names import checked_name
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.principals import Principal
from payments.agencies.queries import GatewayName, find_gateway, get_collection_account
from payments.books.approvals import (
    ApprovalKind,
    ApprovalKinds,
    ApprovalValue,
    Subject,
    propose,
)
from payments.refunds.commands import forget_settled_lines
from reconciliation.formats.settlement_rows import SettlementRow
from reconciliation.formats.version_differences import (
    ReissueDifference,
    RowDifference,
    difference_of,
)
from reconciliation.settlements.batch_sums import BatchPaidOver, list_paid_refs
from reconciliation.settlements.intake import (
    SettlementIntake,
    SettlementSuperseded,
    SettlementValue,
    settlements_lock,
    store_settlement,
)
from reconciliation.settlements.models import (
    ProposedVersion,
    RepeatedSettlementLine,
    Settlement,
    SettlementLine,
)
from reconciliation.settlements.preparing import PreparedSettlement, prepared_of

REPLACE: Final = "replace_settlement"
#: How many rows that differ an approval lists one by one; its counts and sums are of all.
MOST_LISTED: Final = 200
_ROWS: Final = TypeAdapter(list[SettlementRow])


@dataclass(frozen=True, slots=True)
class _StoredFile(SettlementValue):
    """A settlement and the account at a gateway that it is of."""

    gateway_account_id: str


@dataclass(frozen=True, slots=True)
class _ProposedFile:
    """A version that waits, its rows encrypted."""

    id: str
    file_name: str
    mapping: str
    sha256: str
    lines: bytes


@dataclass(frozen=True, slots=True)
class _Replacement:
    """A settlement, locked, the version that is to take its place, and how they differ."""

    file: _StoredFile
    gateway: GatewayName
    prepared: PreparedSettlement
    difference: ReissueDifference
    #: what the file of the new version is called
    file_name: str


def version_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kind of approval about a newer version; `cipher` keeps it until it is decided."""
    return {
        REPLACE: ApprovalKind(partial(_look, cipher), partial(_replace, cipher), refuse=_forget)
    }


async def take_version(
    session: WriteSession,
    kinds: ApprovalKinds,
    cipher: Cipher,
    settlement_id: str,
    prepared: PreparedSettlement,
    *,
    file_name: str,
    reason: str,
    by: Principal,
) -> SettlementIntake | ApprovalValue:
    """A newer version of a settlement: taken where nothing that matters differs, else asked for.

    What says nothing new at all changes nothing. Raises `NotFound`, `SettlementSuperseded`,
    `BatchPaidOver`, and what `payments.books.approvals.propose` does.
    """
    file, gateway = await _lock(session, settlement_id)
    account = await get_collection_account(session, file.collection_account_id)
    if not by.agency_ids.issuperset({gateway.agency_id, account.agency_id}):
        raise NotFound("Không có bảng quyết toán này.")
    name = checked_name(file_name)
    replacement = await _compare(session, file, gateway, prepared, name)
    if not replacement.difference.rows:
        return SettlementIntake(file, known=True)
    if not replacement.difference.matters:
        taken = await _supersede(session, replacement, by.actor)
        return SettlementIntake(taken, known=False)
    proposed_id = new_id("file")
    sealed = await asyncio.to_thread(_sealed, cipher, proposed_id, prepared.rows)
    row: dict[str, object] = {
        "id": proposed_id,
        "replaces": file.id,
        "file_name": name,
        "mapping": prepared.mapping,
        "sha256": prepared.digest,
        "row_count": prepared.row_count,
        "amount": prepared.amount,
        "fee": prepared.fee,
        "net": prepared.net,
        "lines": sealed,
        "created_at": clock.now(),
    }
    await session.write(insert(ProposedVersion), row)
    return await propose(session, kinds, REPLACE, file.id, {"file": proposed_id}, reason, by)


async def _look(
    cipher: Cipher, session: WriteSession, settlement_id: str, wanted: Mapping[str, Any]
) -> Subject:
    found = await _waiting(cipher, session, settlement_id, wanted)
    account = await get_collection_account(session, found.file.collection_account_id)
    difference = found.difference
    if paid := await list_paid_refs(session, found.gateway.id, sorted(difference.batches)):
        raise BatchPaidOver(
            f"Lô {paid[0]} đã gắn với một khoản ghi có; hãy hủy lần đó trước khi thay tệp."
        )
    figures = {
        "gateway": f"{found.gateway.gateway}/{found.gateway.account}",
        "file_name": found.file.file_name,
        "new_file_name": found.file_name,
        "version": found.file.version + 1,
        "rows": found.prepared.row_count,
        "rows_before": found.file.row_count,
        "differing": difference.counts,
        "net": difference.net_after,
        "net_before": difference.net_before,
        "batches": sorted(difference.batches)[:MOST_LISTED],
        "differences": [_shown(one) for one in difference.rows[:MOST_LISTED]],
        "sha256": found.prepared.digest,
    }
    return Subject(found.gateway.agency_id, figures, (account.agency_id,))


async def _replace(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    found = await _waiting(cipher, session, approval.object_id, approval.wanted)
    taken = await _supersede(session, found, actor)
    await _forget(session, approval.object_id)
    return {"settlement": taken.id, "version": taken.version, **found.difference.counts}


async def _supersede(session: WriteSession, found: _Replacement, actor: str) -> SettlementValue:
    now, old = clock.now(), found.file
    ended = update(Settlement).where(col(Settlement.id) == old.id)
    await session.write(ended.values(superseded_at=now))
    # Lines that it has no more go before its own come, which may have changed in their time alone.
    own = set(found.prepared.fingerprints)
    standing = await session.all(
        select(SettlementLine.fingerprint).where(
            SettlementLine.settlement_id == old.id, col(SettlementLine.withdrawn_at).is_(None)
        )
    )
    gone = (
        col(SettlementLine.settlement_id) == old.id,
        col(SettlementLine.withdrawn_at).is_(None),
        col(SettlementLine.fingerprint).in_(sorted(set(standing) - own)),
    )
    inherited = update(SettlementLine).where(*gone, _heir().is_not(None))
    await session.write(inherited.values(settlement_id=_heir()))
    await session.write(update(SettlementLine).where(*gone).values(withdrawn_at=now))
    withdrawn = select(SettlementLine.id).where(
        SettlementLine.settlement_id == old.id, col(SettlementLine.withdrawn_at) == now
    )
    await forget_settled_lines(session, await session.all(withdrawn), actor=actor)
    failpoints.hit("superseding.after_ended")
    return await store_settlement(
        session,
        found.gateway,
        found.prepared,
        file_name=found.file_name,
        actor=actor,
        replacing=old,
    )


def _heir() -> ScalarSelect[str]:
    """Another file, still standing, that held a line too."""
    return (
        select(func.min(RepeatedSettlementLine.settlement_id))
        .join(Settlement, col(Settlement.id) == col(RepeatedSettlementLine.settlement_id))
        .where(
            col(RepeatedSettlementLine.line_id) == col(SettlementLine.id),
            col(RepeatedSettlementLine.settlement_id) != col(SettlementLine.settlement_id),
            col(Settlement.superseded_at).is_(None),
        )
        .correlate(SettlementLine)
        .scalar_subquery()
    )


async def get_gateway_of(
    session: ReadSession, settlement_id: str, agency_ids: Collection[str] | None
) -> GatewayName:
    """The account at a gateway that a settlement is of. Raises `NotFound`."""
    wanted = select(Settlement.gateway_account_id).where(Settlement.id == settlement_id)
    found = await find_gateway(session, await session.first(wanted) or "")
    if found is None or (agency_ids is not None and found.agency_id not in agency_ids):
        raise NotFound("Không có bảng quyết toán này.")
    return found


async def _lock(session: WriteSession, settlement_id: str) -> tuple[_StoredFile, GatewayName]:
    """A settlement that stands, with its account's lines locked."""
    wanted = values_of(_StoredFile, Settlement).where(Settlement.id == settlement_id)
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có bảng quyết toán này.")
    await lock_names(session, settlements_lock(found.gateway_account_id))
    file = await session.one(wanted)
    if file.superseded_at is not None:
        raise SettlementSuperseded("Bảng quyết toán này đã được thay bằng bản mới hơn.")
    return file, await get_gateway_of(session, settlement_id, None)


async def _waiting(
    cipher: Cipher, session: WriteSession, settlement_id: str, wanted: Mapping[str, Any]
) -> _Replacement:
    file, gateway = await _lock(session, settlement_id)
    version = await session.first(
        values_of(_ProposedFile, ProposedVersion).where(
            ProposedVersion.id == wanted["file"], ProposedVersion.replaces == file.id
        )
    )
    if version is None:
        raise NotFound("Bản mới này không còn chờ duyệt.")
    prepared = await asyncio.to_thread(_opened, cipher, version)
    return await _compare(session, file, gateway, prepared, version.file_name)


async def _compare(
    session: ReadSession,
    file: _StoredFile,
    gateway: GatewayName,
    prepared: PreparedSettlement,
    file_name: str,
) -> _Replacement:
    repeated = select(RepeatedSettlementLine.line_id).where(
        RepeatedSettlementLine.settlement_id == file.id
    )
    held = (col(SettlementLine.settlement_id) == file.id) | col(SettlementLine.id).in_(repeated)
    stored = values_of(
        SettlementRow,
        SettlementLine,
        line_no=col(SettlementLine.line_number),
        net=col(SettlementLine.amount) - col(SettlementLine.fee),
    ).where(held, col(SettlementLine.withdrawn_at).is_(None))
    before = await session.all(stored.order_by(col(SettlementLine.id)))
    difference = await asyncio.to_thread(difference_of, before, prepared.rows)
    return _Replacement(file, gateway, prepared, difference, file_name)


async def _forget(session: WriteSession, settlement_id: str, _: str = "") -> None:
    await session.write(
        delete(ProposedVersion).where(col(ProposedVersion.replaces) == settlement_id)
    )


def _shown(one: RowDifference) -> dict[str, Any]:
    return {
        "change": one.change,
        "before": None if one.before is None else _told(one.before),
        "after": None if one.after is None else _told(one.after),
    }


def _told(row: SettlementRow) -> dict[str, Any]:
    return {
        "row": row.line_no,
        "batch_ref": row.batch_ref,
        "settled_on": row.settled_on.isoformat(),
        "kind": row.kind,
        "order_ref": row.order_ref,
        "gateway_ref": row.gateway_ref,
        "amount": row.amount,
        "fee": row.fee,
    }


def _sealed(cipher: Cipher, proposed_id: str, rows: tuple[SettlementRow, ...]) -> bytes:
    return cipher.encrypt(_ROWS.dump_json(list(rows)), _place(proposed_id))


def _opened(cipher: Cipher, version: _ProposedFile) -> PreparedSettlement:
    rows = _ROWS.validate_json(cipher.decrypt(bytes(version.lines), _place(version.id)))
    return prepared_of(rows, version.mapping, version.sha256)


def _place(proposed_id: str) -> str:
    """What the rows' encryption is bound to."""
    return f"settlement:{proposed_id}"
