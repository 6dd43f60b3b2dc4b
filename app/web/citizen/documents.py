"""The page of what proves what no receipt proves: a treasury slip's data, or a confirmation."""

from fastapi import APIRouter, Depends, Request, Response

from app.web.rate import limited
from app.web.templating import render
from core.db import ReadSessionDep
from core.errors import NotFound
from core.idempotency import CipherDep
from receipts.queries import find_document

router = APIRouter(include_in_schema=False)


@router.get("/d/{code}", dependencies=[Depends(limited)])
async def document_page(
    code: str, request: Request, session: ReadSessionDep, cipher: CipherDep
) -> Response:
    """All that the document says, for whoever has its code, as a receipt's PDF is."""
    found = await find_document(session, cipher, code.strip().upper().replace("-", ""))
    if found is None:
        raise NotFound("Không có chứng từ nào mang mã này.")
    return render(request, "document.html", document=found)
