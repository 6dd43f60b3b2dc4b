"""The HTTP surface of gateways' settlement files."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel

from core.bodies import FORM_BYTES
from core.cursors import Page
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import TooLarge
from core.idempotency import IdempotencyDep
from core.schemas import Instant
from core.sessions import WriteSession
from core.uploads import name_of
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import GatewayName, get_gateway_name
from payments.books.api import ApprovalKindsDep, Cursor, ObjectId
from payments.books.schemas import ApprovalOut
from reconciliation.context import ReconciliationContext
from reconciliation.dependencies import EncodingName, FormReason, FormText, ReconcilingDep
from reconciliation.formats.decoding import check_encoding
from reconciliation.formats.settlement_file import SETTLEMENT_LIMITS
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.settlements.batch_schemas import GATEWAY_PATH
from reconciliation.settlements.intake import (
    SettlementIntake,
    SettlementValue,
    page_of_settlements,
    take_settlement,
)
from reconciliation.settlements.owners import own_gateway, own_layout, own_settlement
from reconciliation.settlements.preparing import PreparedSettlement, prepare_settlement
from reconciliation.settlements.versions import take_version
from reconciliation.statements.uploads import today

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


async def known_layouts(request: Request) -> Sequence[SettlementLayout]:
    """The layouts of settlement files that the house knows."""
    found: Sequence[SettlementLayout] = request.app.state.settlement_layouts
    return found


class SettlementOut(BaseModel):
    """A settlement file as it was taken in. `new` counts the rows that no earlier file held.

    `amount`, `fee` and `net` are what its rows come to, in đồng, what goes back taken off; `known`:
    this very file had been taken in before, or a newer one says the same: nothing was changed.
    A file that was issued again is the next `version` of the one that it `replaces`;
    `superseded_at` is when the next one took its own place.
    """

    id: str
    gateway: str
    mapping: str
    rows: int
    new: int
    amount: int
    fee: int
    net: int
    known: bool
    created_at: Instant
    version: int
    replaces: str | None
    superseded_at: Instant | None

    @classmethod
    def of(cls, gateway: str, taken: SettlementIntake) -> "SettlementOut":
        """The answer for a settlement; `gateway` as the caller names the account."""
        one = taken.settlement
        return cls(
            id=one.id,
            gateway=gateway,
            mapping=one.mapping,
            rows=one.row_count,
            new=one.new_count,
            amount=one.amount,
            fee=one.fee,
            net=one.net,
            known=taken.known,
            created_at=one.created_at,
            version=one.version,
            replaces=one.replaces,
            superseded_at=one.superseded_at,
        )


class VersionOut(BaseModel):
    """What became of a newer version: taken (or known) as `settlement`, or asked for."""

    settlement: SettlementOut | None
    approval: ApprovalOut | None


class SettlementList(BaseModel):
    """Settlements, the newest first; `next_cursor` asks for those that follow, null at the end."""

    items: list[SettlementOut]
    next_cursor: str | None

    @classmethod
    def of(cls, gateway: str, page: Page[SettlementValue]) -> "SettlementList":
        """The answer for these settlements."""
        found = [SettlementOut.of(gateway, SettlementIntake(one, known=True)) for one in page.items]
        return cls(items=found, next_cursor=page.next_cursor)


@router.post(
    "/settlements",
    status_code=201,
    response_model=SettlementOut,
    max_body_size=SETTLEMENT_LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def upload_settlement(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    file: Annotated[UploadFile, File(description="The settlement file, CSV or XLSX.")],
    gateway: Annotated[
        str, Form(pattern=GATEWAY_PATH, description="gateway/account, as in callbacks.")
    ],
    mapping: FormText,
    layouts: Annotated[Sequence[SettlementLayout], Depends(known_layouts)],
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
    encoding: EncodingName = None,
    separate: Annotated[bool, Form(description="Payments are told of in parts.")] = False,
) -> Response:
    """Take a gateway's settlement file in, whole or not at all.

    A bad row is named with its column and reason; so is one whose net is not its amount less its
    fee. The same file again is the same settlement. A payment that stands already with other
    figures refuses it (409 `settlement_reissued`): a file that was issued again is the next version
    of the one before, unless the gateway settles such a payment in parts (`separate`).
    """
    name = checked_file(file, encoding)
    found = await own_gateway(parts, principal, gateway)
    prepared = await _prepared(parts, found, layouts, file, mapping, encoding)
    claimed = {"gateway": found.id, "mapping": mapping, "sha256": prepared.digest}
    more = {"encoding": encoding or "", "separate": str(separate)}
    claim = idempotent.claim(principal.owner, claimed | more)

    async def work(session: WriteSession) -> SettlementOut:
        taken = await take_settlement(
            session, found, prepared, file_name=name, actor=principal.actor, separate=separate
        )
        return SettlementOut.of(gateway, taken)

    return await idempotent(claim, work)


def checked_file(file: UploadFile, encoding: str | None) -> str:
    """The name of a file that may be read. Raises `UnknownEncoding`, `TooLarge`, `BadFileName`."""
    check_encoding(encoding)
    if file.size is None or file.size > SETTLEMENT_LIMITS.size:
        most = f"{SETTLEMENT_LIMITS.size:,}".replace(",", ".")
        raise TooLarge(f"Tệp quyết toán vượt quá {most} byte; hãy chia thành nhiều tệp.")
    return name_of(file)


async def _prepared(
    parts: ReconciliationContext,
    gateway: GatewayName,
    layouts: Sequence[SettlementLayout],
    file: UploadFile,
    mapping: str,
    encoding: str | None,
) -> PreparedSettlement:
    """What a file says, read elsewhere. Raises `StatementRefused` and `UnknownMapping`."""
    layout = await own_layout(parts, layouts, gateway, mapping)
    content = await file.read()
    prepared: PreparedSettlement = await parts.elsewhere(
        prepare_settlement, content, layout, today(), encoding
    )
    return prepared


@router.post(
    "/settlements/{settlement_id}/versions",
    status_code=202,
    response_model=VersionOut,
    max_body_size=SETTLEMENT_LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def upload_version(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    settlement_id: ObjectId,
    file: Annotated[UploadFile, File(description="The settlement file as it was issued again.")],
    mapping: FormText,
    reason: FormReason,
    layouts: Annotated[Sequence[SettlementLayout], Depends(known_layouts)],
    parts: ReconcilingDep,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
    encoding: EncodingName = None,
) -> Response:
    """Give the newer version of a settlement file that a gateway has issued again.

    Where anything that counts differs, it is asked for: the `figures` of `approval` show what was
    added, is gone and has changed, row by row and in sum, and another person approves it. What says
    the same is `known` and changes nothing.
    """
    name = checked_file(file, encoding)
    gateway = await own_settlement(parts, principal, settlement_id)
    prepared = await _prepared(parts, gateway, layouts, file, mapping, encoding)
    claimed = {"settlement": settlement_id, "mapping": mapping, "sha256": prepared.digest}
    more = {"encoding": encoding or "", "reason": reason}
    claim = idempotent.claim(principal.owner, claimed | more)

    async def work(session: WriteSession) -> VersionOut:
        taken = await take_version(
            *(session, kinds, parts.cipher, settlement_id, prepared),
            file_name=name,
            reason=reason,
            by=principal,
        )
        if isinstance(taken, SettlementIntake):
            path = f"{gateway.gateway}/{gateway.account}"
            return VersionOut(settlement=SettlementOut.of(path, taken), approval=None)
        return VersionOut(settlement=None, approval=ApprovalOut.of(taken))

    return await idempotent(claim, work, status=202)


@router.get("/settlements")
async def read_settlements(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    gateway: Annotated[
        str, Query(pattern=GATEWAY_PATH, description="gateway/account, as in callbacks.")
    ],
    session: ReadSessionDep,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> SettlementList:
    """The settlement files that were taken in of one account at a gateway, the newest first."""
    found = await get_gateway_name(session, gateway, principal.agency_ids)
    page = await page_of_settlements(session, found.id, cursor=cursor, limit=limit)
    return SettlementList.of(gateway, page)
