"""A file that somebody sends, read and marked in a helper process, for it may be long."""

from fastapi import UploadFile

from core import clock
from core.errors import TooLarge
from payments.context import Context
from payments.debts.error_sheet import write_error_sheet
from payments.debts.kinds import DebtKind
from payments.debts.sheets import LIMITS, DebtSheet, read_debts


async def read_upload(upload: UploadFile) -> bytes:
    """The bytes of an uploaded list. Raises `TooLarge`."""
    if upload.size is None or upload.size > LIMITS.file_bytes:
        raise TooLarge(f"Tệp vượt quá {LIMITS.file_bytes} byte.")
    return await upload.read()


async def read_apart(context: Context, content: bytes, kind: DebtKind) -> DebtSheet:
    """What a file says. Raises `DebtSheetRefused` where no row can be read."""
    today = clock.business_date(clock.now())
    sheet: DebtSheet = await context.elsewhere(read_debts, content, kind, today)
    return sheet


async def mark_apart(context: Context, sheet: DebtSheet) -> bytes:
    """The error sheet of a file."""
    written: bytes = await context.elsewhere(write_error_sheet, sheet)
    return written
