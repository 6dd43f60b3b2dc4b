"""Rows of the catalogue: procedures, and the fees asked for them, each dated and with its source.

Nothing here is a constant of the code: amounts, sub-items and legal bases are data that hold from
a day to a day. What the database refuses beyond these checks (two prices on one day) stands in
`guards`; what a fee's `rule` means is read by `payments.fees`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Connection, Table, event
from sqlmodel import Field, SQLModel

from core.db import json_field, moment
from payments.catalogue.guards import CREATE_GUARDS, DROP_FEE_GUARDS, DROP_STAMP_GUARDS

_CERTAINTIES = "('confirmed', 'secondary', 'unconfirmed')"


class Procedure(SQLModel, table=True):
    """An administrative procedure, by its code in the national database of procedures."""

    __tablename__ = "procedure"
    __table_args__ = (
        CheckConstraint("code <> ''", name="code"),
        CheckConstraint(f"code_certainty IN {_CERTAINTIES}", name="code_certainty"),
    )

    id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    name_vi: str
    name_en: str
    #: the field of administration (lĩnh vực), in Vietnamese
    field: str
    #: how sure we are of `code` and name; each fee has a certainty of its own
    code_certainty: str
    #: what a search looks through; made by `payments.catalogue.search`
    search_text: str
    created_at: datetime = moment()
    updated_at: datetime = moment()


class Fee(SQLModel, table=True):
    """A fee of a procedure, as it stands from `valid_from` to the end of `valid_to`.

    `agency_id` is None for the national fee; an agency's own fee of the same code stands in its
    place for that agency.
    """

    __tablename__ = "fee"
    __table_args__ = (
        CheckConstraint("code <> ''", name="code"),
        CheckConstraint("kind ~ '^[a-z][a-z_]*$'", name="kind"),
        CheckConstraint("jsonb_typeof(rule) = 'object'", name="rule"),
        CheckConstraint(r"sub_item ~ '^\d{4}$'", name="sub_item"),
        CheckConstraint("basis <> '' AND source <> ''", name="basis_and_source"),
        CheckConstraint(f"certainty IN {_CERTAINTIES}", name="certainty"),
        CheckConstraint("valid_to >= valid_from", name="validity"),
    )

    id: str = Field(primary_key=True)
    code: str = Field(index=True)
    procedure_id: str = Field(foreign_key="procedure.id", index=True)
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    name_vi: str
    name_en: str
    unit_vi: str
    unit_en: str
    kind: str
    rule: dict[str, Any] = json_field()
    #: tiểu mục of the state budget index, four digits
    sub_item: str
    #: the legal text that sets the amount
    basis: str
    #: where we read it, and what about it is not certain
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    #: the last day; None is open
    valid_to: date | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


class CatalogueStamp(SQLModel, table=True):
    """One row whose `stamp` the database renews with every change of a procedure or a fee."""

    __tablename__ = "catalogue_stamp"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    stamp: str


def _listen(model: type[SQLModel], when: str, statements: tuple[str, ...]) -> None:
    def run(_table: Table, connection: Connection, **_options: object) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    event.listen(SQLModel.metadata.tables[str(model.__tablename__)], when, run)


_listen(Fee, "after_create", CREATE_GUARDS)
_listen(Fee, "after_drop", (DROP_FEE_GUARDS,))
_listen(Procedure, "after_drop", (DROP_STAMP_GUARDS,))
