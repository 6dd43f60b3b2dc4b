"""Files of stalls as frozen values: how far each is, and what it added."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import col

from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.imports.models import NOTHING_ADDED, StallImport
from payments.billing.models import Market


@dataclass(frozen=True, slots=True)
class StallImportValue:
    """A file of stalls; `added` and `faults` as the model says, of any file by `counts`."""

    id: str
    market_id: str
    market: str
    agency_id: str
    file_name: str
    row_count: int
    rows_done: int
    state: str
    added: dict[str, Any]
    faults: list[dict[str, str]]
    created_by: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def counts(self) -> Mapping[str, Any]:
        """What it has added, with what files of before did not tell."""
        return {**NOTHING_ADDED, **self.added}


_IMPORTS: Final = values_of(
    StallImportValue,
    StallImport,
    market=col(Market.code),
    agency_id=col(Market.agency_id),
).join(Market, col(Market.id) == col(StallImport.market_id))


async def get_import(
    session: ReadSession, import_id: str, within: Collection[str]
) -> StallImportValue:
    """A file of a market of one of these bodies. Raises `NotFound`."""
    found = await session.first(
        _IMPORTS.where(col(StallImport.id) == import_id, col(Market.agency_id).in_(within))
    )
    if found is None:
        raise NotFound("Không có lần nạp tệp này.")
    return found


async def list_imports(
    session: ReadSession, market_id: str, limit: int = 20
) -> list[StallImportValue]:
    """The files of a market, the newest first."""
    wanted = _IMPORTS.where(col(StallImport.market_id) == market_id)
    return await session.all(wanted.order_by(col(StallImport.id).desc()).limit(limit))
