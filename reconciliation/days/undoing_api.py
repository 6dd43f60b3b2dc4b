"""The HTTP surface of undoing a match."""

from typing import Annotated

from fastapi import APIRouter, Response

from core.bodies import documented
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep, ObjectId, ReasonBody
from payments.books.approvals import propose
from payments.books.schemas import ApprovalOut, ReasonIn
from reconciliation.days.undoing import UNDO_MATCH
from reconciliation.queries import get_run

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


@router.post(
    "/reconciliations/{run_id}/matches/{payment_id}/undo",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ReasonIn),
)
async def propose_undoing(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    run_id: ObjectId,
    payment_id: ObjectId,
    body: ReasonBody,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a match of a run be undone, and say why; another person approves it.

    What only the line told of is reversed, and a bill that it had settled is open again; where a
    receipt was issued this is refused. The day is to be reconciled again; of a closed day the run
    stays, and the reversal counts for the first open day.
    """

    async def work(session: WriteSession) -> ApprovalOut:
        run = await get_run(session, run_id, principal.agency_ids)
        told, reason = {"run": run.id}, body.model.reason
        made = await propose(session, kinds, UNDO_MATCH, payment_id, told, reason, principal)
        return ApprovalOut.of(made)

    told = {"run": run_id, "payment": payment_id, "body": body.value}
    return await idempotent(idempotent.claim(principal.owner, told), work, status=202)
