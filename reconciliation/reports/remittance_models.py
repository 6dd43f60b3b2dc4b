"""Rows of what a body's payments to the state budget bear beside their amounts."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import moment
from core.guards import after_create, append_only


class RemittanceCodes(SQLModel, table=True):
    """The codes of a body's payment orders to the budget (C1-02/NS), from a day on.

    Its units remit under them too, unless they have their own. A row is never changed: what is
    different from a day on is another row.
    """

    __tablename__ = "remittance_codes"
    __table_args__ = (
        CheckConstraint(r"chapter ~ '^\d{3}$'", name="chapter"),
        CheckConstraint(r"area_code ~ '^\d{5}$'", name="area_code"),
        CheckConstraint(r"treasury_account ~ '^[0-9.]{4,32}$'", name="treasury_account"),
        UniqueConstraint("agency_id", "valid_from"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    valid_from: date
    #: mã chương of the budget index
    chapter: str
    #: mã ĐBHC, of the commune
    area_code: str
    #: tài khoản KBNN, such as 7111
    treasury_account: str
    #: the treasury office that keeps it
    treasury: str
    #: cơ quan quản lý thu
    managing_body: str
    created_by: str
    created_at: datetime = moment()


after_create(RemittanceCodes, append_only("remittance_codes"))
