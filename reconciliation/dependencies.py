"""What the routes of reconciling share: the application's parts, and fields of forms."""

from typing import Annotated

from fastapi import Depends, Form, Request
from pydantic import AfterValidator

from core.unseen import all_seen
from reconciliation.context import ReconciliationContext


async def reconciling(request: Request) -> ReconciliationContext:
    """The application's parts for reconciling."""
    found: ReconciliationContext = request.app.state.reconciling
    return found


ReconcilingDep = Annotated[ReconciliationContext, Depends(reconciling)]


#: The database takes no NUL.
FormReason = Annotated[
    str,
    Form(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    AfterValidator(all_seen),
]


FormText = Annotated[str, Form(max_length=64, pattern=r"^[^\x00]*$")]


EncodingName = Annotated[str | None, Form(max_length=20, pattern=r"^[a-z0-9-]*$")]
