"""What the API tells of a file of stalls."""

from typing import Literal

from pydantic import BaseModel

from core.schemas import Instant
from payments.billing.imports.queries import StallImportValue


class StallFaultOut(BaseModel):
    """What of a file does not fit what somebody else has written meanwhile."""

    field: str
    code: str
    detail: str


class StallImportOut(BaseModel):
    """A file of stalls and how far it is: ask again while it is `loading`.

    `rows_done` of its `rows` were there (`known`) or have been taken. One that is `stopped` says
    why in `errors`: what was taken stays, and the file goes on from there once it is mended.

    `mended_phones` is how many new vendors' telephone numbers got back the leading 0 that a
    spreadsheet took off; `mended_rows` says in which rows, at most 200.
    """

    id: str
    market: str
    file_name: str
    state: Literal["loading", "done", "stopped"]
    rows: int
    rows_done: int
    stalls: int
    vendors: int
    contracts: int
    known: int
    mended_phones: int
    mended_rows: list[int]
    errors: list[StallFaultOut]
    created_at: Instant
    finished_at: Instant | None

    @classmethod
    def of(cls, found: StallImportValue) -> "StallImportOut":
        """The answer for a file."""
        return cls(
            id=found.id,
            market=found.market,
            file_name=found.file_name,
            state=found.state,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            rows=found.row_count,
            rows_done=found.rows_done,
            **found.counts,
            errors=[StallFaultOut(**one) for one in found.faults],
            created_at=found.created_at,
            finished_at=found.finished_at,
        )
