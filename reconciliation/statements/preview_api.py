"""A look into a statement's file over HTTP, before it is taken in: nothing is stored."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile

from core.bodies import FORM_BYTES
from core.deadlines import LONG_SECONDS, allowing
from core.ids import new_id
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from reconciliation.dependencies import EncodingName, FormText, ReconcilingDep
from reconciliation.formats.layouts import LONGEST
from reconciliation.formats.limits import LIMITS
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.statements.looking import look
from reconciliation.statements.preview_schemas import PreviewOut
from reconciliation.statements.takings import taking_turn
from reconciliation.statements.uploads import receive, today

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])

LayoutText = Annotated[
    str,
    Form(max_length=LONGEST, pattern=r"^[^\x00]*$", description="A mapping in JSON, to be tried."),
]


@router.post("/statements/preview", max_body_size=LIMITS.size + FORM_BYTES)
@allowing(LONG_SECONDS)
async def preview_statement(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    file: Annotated[UploadFile, File(description="The statement file.")],
    account: FormText,
    parts: ReconcilingDep,
    mapping: FormText = "",
    layout: LayoutText = "",
    encoding: EncodingName = None,
) -> PreviewOut:
    """See what a file would say: its columns, its first rows, and its sums; nothing is stored.

    Without `mapping` and `layout` one of ours that fits is taken, else one proposed by the words
    that head its columns.
    """
    uploaded = await receive(parts, principal, file, account, mapping, encoding)
    async with taking_turn(parts.database, uploaded.taking(new_id("stmt"))):
        await uploaded.file.seek(0)
        task = ReadingTask(
            mapping=mapping,
            on=today(),
            account_number=uploaded.account.account_number,
            encoding=encoding,
            layout=None if layout else uploaded.layout,
        )
        content = await uploaded.file.read()
        shown: PreviewOut = await parts.elsewhere(look, content, task, layout)
    return shown
