"""The HTTP surface of saved layouts of settlement files: a sample and the layout that reads it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile

from core.bodies import FORM_BYTES
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_gateway_name
from reconciliation.dependencies import EncodingName, FormText, ReconcilingDep
from reconciliation.formats.settlement_file import SETTLEMENT_LIMITS
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.settlements.api import checked_file, known_layouts
from reconciliation.settlements.batch_schemas import GATEWAY_PATH
from reconciliation.settlements.owners import own_gateway
from reconciliation.settlements.saved_layouts import save_settlement_layout
from reconciliation.settlements.trying import TriedSettlementLayout, try_settlement_layout
from reconciliation.statements.intake import file_digest
from reconciliation.statements.layout_versions import list_versions
from reconciliation.statements.preview_api import LayoutText
from reconciliation.statements.saved_layouts_api import SavedLayoutList, SavedLayoutOut
from reconciliation.statements.uploads import today

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


class SettlementLayoutSavedOut(SavedLayoutOut):
    """A version as it was saved, with what it made of its sample: its rows and sums, in đồng."""

    rows: int
    amount: int
    fee: int
    net: int


@router.post(
    "/settlement-layouts",
    status_code=201,
    response_model=SettlementLayoutSavedOut,
    max_body_size=SETTLEMENT_LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def save_layout_of_settlements(
    principal: Annotated[Principal, needs(Action.SAVE_LAYOUT)],
    file: Annotated[UploadFile, File(description="A settlement file that the layout reads.")],
    gateway: Annotated[
        str, Form(pattern=GATEWAY_PATH, description="gateway/account, as in callbacks.")
    ],
    name: FormText,
    layout: LayoutText,
    layouts: Annotated[Sequence[SettlementLayout], Depends(known_layouts)],
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
    valid_from: Annotated[date | None, Form()] = None,
    encoding: EncodingName = None,
) -> Response:
    """Save a layout under a name for the body of `gateway`: a `mapping` of its settlements.

    It is refused where it does not read the sample, row by row. Under a name that the body has
    already it is the next version, which holds from `valid_from`, today unless told otherwise.
    """
    checked_file(file, encoding)
    found = await own_gateway(parts, principal, gateway)
    content = await file.read()
    tried: TriedSettlementLayout = await parts.elsewhere(
        try_settlement_layout, *(content, layout, name, layouts, today(), encoding)
    )

    async def work(session: WriteSession) -> SettlementLayoutSavedOut:
        made = await save_settlement_layout(
            session, found, tried, valid_from or today(), actor=principal.actor
        )
        return SettlementLayoutSavedOut(
            **SavedLayoutOut.of(made).model_dump(),
            rows=tried.rows,
            amount=tried.amount,
            fee=tried.fee,
            net=tried.net,
        )

    said = {"gateway": found.id, "name": name, "layout": layout, "encoding": encoding or ""}
    more = {"valid_from": str(valid_from), "sha256": file_digest(content)}
    return await idempotent(idempotent.claim(principal.owner, said | more), work)


@router.get("/settlement-layouts")
async def read_layouts_of_settlements(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    gateway: Annotated[
        str, Query(pattern=GATEWAY_PATH, description="gateway/account, as in callbacks.")
    ],
    session: ReadSessionDep,
) -> SavedLayoutList:
    """The layouts that settlements of an account at a gateway may be read by, beside ours."""
    found = await get_gateway_name(session, gateway, principal.agency_ids)
    return SavedLayoutList.of(await list_versions(session, "settlement", found.agency_id))
