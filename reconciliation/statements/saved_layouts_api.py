"""The HTTP surface of saved layouts: a sample and a layout that reads it, kept under a name."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from pydantic import BaseModel

from core.bodies import FORM_BYTES
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.idempotency import IdempotencyDep
from core.ids import new_id
from core.schemas import Instant
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from reconciliation.dependencies import EncodingName, FormText, ReconcilingDep
from reconciliation.formats.limits import LIMITS
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.statements.layout_versions import LayoutVersion, list_versions
from reconciliation.statements.looking import TriedLayout, try_layout
from reconciliation.statements.preview_api import LayoutText
from reconciliation.statements.saved_layouts import save_layout
from reconciliation.statements.takings import taking_turn
from reconciliation.statements.uploads import own_account, receive, today

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


class SavedLayoutOut(BaseModel):
    """A version of a layout; files are read by the one that has begun last."""

    id: str
    name: str
    version: int
    valid_from: date
    layout: dict[str, Any]
    created_by: str
    created_at: Instant

    @classmethod
    def of(cls, one: LayoutVersion) -> "SavedLayoutOut":
        """The answer for a version."""
        told = {name: getattr(one, name) for name in cls.model_fields}
        return cls(**told)


class LayoutSavedOut(SavedLayoutOut):
    """A version as it was saved, with what it made of its sample.

    `vouched`: the sample has totals or balances that agree. A statement without them settles
    nothing by itself; its money is released item by item.
    """

    rows: int
    vouched: bool


class SavedLayoutList(BaseModel):
    """Saved layouts by name, the newest version first."""

    items: list[SavedLayoutOut]

    @classmethod
    def of(cls, layouts: Sequence[LayoutVersion]) -> "SavedLayoutList":
        """The answer for these versions."""
        return cls(items=[SavedLayoutOut.of(one) for one in layouts])


@router.post(
    "/statement-layouts",
    status_code=201,
    response_model=LayoutSavedOut,
    max_body_size=LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def save_statement_layout(
    principal: Annotated[Principal, needs(Action.SAVE_LAYOUT)],
    file: Annotated[UploadFile, File(description="A statement that the layout reads.")],
    account: FormText,
    name: FormText,
    layout: LayoutText,
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
    valid_from: Annotated[date | None, Form()] = None,
    encoding: EncodingName = None,
) -> Response:
    """Save a layout under a name for the body of `account`: `mapping` of statements from then on.

    It is refused where it does not read the sample, row by row. Under a name that the body has
    already it is the next version, which holds from `valid_from`, today unless told otherwise.
    """
    uploaded = await receive(parts, principal, file, account, "", encoding)
    async with taking_turn(parts.database, uploaded.taking(new_id("stmt"))):
        await uploaded.file.seek(0)
        number = uploaded.account.account_number
        task = ReadingTask("", today(), account_number=number, encoding=encoding)
        content = await uploaded.file.read()
        found: TriedLayout = await parts.elsewhere(try_layout, content, task, layout, name)

    async def work(session: WriteSession) -> LayoutSavedOut:
        made = await save_layout(
            session, uploaded.account, found, valid_from or today(), actor=principal.actor
        )
        told = SavedLayoutOut.of(made).model_dump()
        return LayoutSavedOut(**told, rows=found.rows, vouched=found.vouched)

    said = {"name": name, "layout": layout, "valid_from": str(valid_from)}
    return await idempotent(idempotent.claim(principal.owner, uploaded.claimed | said), work)


@router.get("/statement-layouts")
async def read_statement_layouts(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    account: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")],
    session: ReadSessionDep,
) -> SavedLayoutList:
    """The layouts that statements of an account may be read by, beside ours; all versions."""
    found = await own_account(session, principal, account)
    return SavedLayoutList.of(await list_versions(session, "statement", found.agency_id))
