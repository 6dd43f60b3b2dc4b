"""Which codes a body's payments to the state budget bear on a day, and how they are set."""

import re
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import audit, clock
from core.errors import Conflict, FieldError, Invalid
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import find_lineages
from reconciliation.reports.remittance_models import RemittanceCodes

#: What each code looks like, and how that is said.
_FORMS = {
    "chapter": (re.compile(r"[0-9]{3}"), "Mã chương có ba chữ số."),
    "area_code": (re.compile(r"[0-9]{5}"), "Mã ĐBHC có năm chữ số."),
    "treasury_account": (re.compile(r"[0-9.]{4,32}"), "Số tài khoản chỉ gồm chữ số và dấu chấm."),
    "treasury": (re.compile(r"[^\x00-\x1f\x7f]{1,200}"), "Ghi tên Kho bạc."),
    "managing_body": (re.compile(r"[^\x00-\x1f\x7f]{1,200}"), "Ghi tên cơ quan quản lý thu."),
}


class CodesExist(Conflict):
    """The body has codes from that day on already; others need another day."""

    code = "codes_exist"


@dataclass(frozen=True, slots=True)
class RemittanceBearing:
    """What a payment order to the budget bears beside its lines; see `RemittanceCodes`."""

    chapter: str
    area_code: str
    treasury_account: str
    treasury: str
    managing_body: str


@dataclass(frozen=True, slots=True)
class _OwnedCodes:
    agency_id: str
    valid_from: date
    chapter: str
    area_code: str
    treasury_account: str
    treasury: str
    managing_body: str


async def find_codes(session: ReadSession, agency_id: str, on: date) -> RemittanceBearing | None:
    """The codes of a body on a day, its own or the nearest above it; None where nobody set any."""
    above = (await find_lineages(session)).get(agency_id, ())
    rows = await session.all(
        values_of(_OwnedCodes, RemittanceCodes).where(
            col(RemittanceCodes.agency_id).in_(above), col(RemittanceCodes.valid_from) <= on
        )
    )
    if not rows:
        return None
    nearest = min(rows, key=lambda row: (above.index(row.agency_id), -row.valid_from.toordinal()))
    told = asdict(nearest)
    return RemittanceBearing(
        **{name: told[name] for name in RemittanceBearing.__dataclass_fields__}
    )


async def set_codes(
    session: WriteSession, agency_id: str, valid_from: date, codes: RemittanceBearing, *, actor: str
) -> str:
    """Set a body's codes from a day on; their id. Raises `CodesExist`, and `Invalid` by field."""
    wrong = [
        FieldError(name, "malformed", words)
        for name, (form, words) in _FORMS.items()
        if form.fullmatch(getattr(codes, name)) is None
    ]
    if wrong:
        raise Invalid("Mã nộp ngân sách chưa đúng.", errors=wrong)
    row = {
        "id": new_id("remit"),
        "agency_id": agency_id,
        "valid_from": valid_from,
        **asdict(codes),
        "created_by": actor,
        "created_at": clock.now(),
    }
    written = await session.write(insert(RemittanceCodes).on_conflict_do_nothing(), row)
    if written == 0:
        raise CodesExist(f"Đã có mã nộp ngân sách từ {valid_from:%d/%m/%Y}; hãy chọn ngày khác.")
    await audit.record(
        session,
        actor=actor,
        action="remittance_codes.set",
        object_id=str(row["id"]),
        details={"agency": agency_id, "valid_from": valid_from.isoformat(), **asdict(codes)},
    )
    return str(row["id"])
