"""Rows of the catalogue: procedures, fees with shares, reliefs, the budget index, and the law.

Each is dated and says where it was read. Nothing here is a constant of the code: amounts, sub-items
and legal bases are data that hold from a day to a day. What the database refuses beyond these
checks (two prices on one day) stands in `guards`; what a fee's `rule` means is read by
`payments.catalogue.rules.kinds`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Connection, String, Table, event, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment
from payments.catalogue.guards import (
    CREATE_GUARDS,
    CREATE_LAW_GUARDS,
    CREATE_OFFER_GUARDS,
    CREATE_RELIEF_GUARDS,
    CREATE_SHARE_GUARDS,
    CREATE_SUB_ITEM_GUARDS,
    DROP_FEE_GUARDS,
    DROP_OFFER_GUARDS,
    DROP_RELIEF_GUARDS,
    DROP_STAMP_GUARDS,
)

_CERTAINTIES = "('confirmed', 'secondary', 'unconfirmed')"


def _dated() -> tuple[CheckConstraint, ...]:
    """The checks of every dated row with a source."""
    return (
        CheckConstraint("basis <> '' AND source <> ''", name="basis_and_source"),
        CheckConstraint(f"certainty IN {_CERTAINTIES}", name="certainty"),
        CheckConstraint("valid_to >= valid_from", name="validity"),
    )


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
    #: its codes at the level that handles it, where each level has a code of its own
    ministry_code: str | None = None
    province_code: str | None = None
    commune_code: str | None = None
    #: any other code that it has had or has, such as before a ministry numbered anew
    other_codes: list[str] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(String), nullable=False, server_default=text("'{}'")),
    )


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
        CheckConstraint("charged IN ('always', 'choice', 'on_request')", name="charged"),
        CheckConstraint("nature IN ('charge', 'fee', 'state_revenue', 'price')", name="nature"),
        CheckConstraint(
            "refundable IN ('unknown', 'never', 'always', 'on_terms')", name="refundable"
        ),
        CheckConstraint("refundable <> 'on_terms' OR refund_terms <> ''", name="refund_terms"),
        *_dated(),
    )

    id: str = Field(primary_key=True)
    code: str = Field(index=True)
    #: None goes with any procedure, as postage does
    procedure_id: str | None = Field(default=None, foreign_key="procedure.id", index=True)
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    name_vi: str
    name_en: str
    unit_vi: str
    unit_en: str
    kind: str
    rule: dict[str, Any] = json_field()
    #: tiểu mục of the state budget index, four digits; None is no state revenue
    sub_item: str | None = None
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
    #: whether a procedure always takes it, it is one of several to choose from, or only on request;
    #: before migration 0002 several fees of a procedure were always to choose from
    charged: str = Field(default="always", sa_column_kwargs={"server_default": "choice"})
    #: what it is in law (`payments.catalogue.rules.natures`), which decides what proves its payment
    nature: str = Field(default="charge", sa_column_kwargs={"server_default": "charge"})
    #: whether what was rightly taken is given back, and in Vietnamese when
    refundable: str = Field(default="unknown", sa_column_kwargs={"server_default": "unknown"})
    refund_terms: str | None = None


class Relief(SQLModel, table=True):
    """A relief from fees, as it stands from `valid_from` to the end of `valid_to`.

    It takes off `percent` of a line, or leaves `each` đồng to pay for each unit. Every condition
    that is set must hold. `agency_id` None is national, as with fees.
    """

    __tablename__ = "relief"
    __table_args__ = (
        CheckConstraint("code <> ''", name="code"),
        CheckConstraint("cardinality(fees) > 0", name="fees"),
        CheckConstraint("(percent IS NULL) <> (each IS NULL)", name="one_measure"),
        CheckConstraint("percent BETWEEN 1 AND 100", name="percent"),
        CheckConstraint("each BETWEEN 0 AND 10000000000000", name="each"),
        CheckConstraint("cap BETWEEN 1 AND 10000000000000", name="cap"),
        CheckConstraint(
            "age_from BETWEEN 0 AND 150 AND age_below IS NULL OR "
            "age_below BETWEEN 1 AND 150 AND coalesce(age_from, 0) < age_below OR "
            "age_from IS NULL AND age_below IS NULL",
            name="ages",
        ),
        *_dated(),
    )

    id: str = Field(primary_key=True)
    code: str = Field(index=True)
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    name_vi: str
    name_en: str
    #: codes of the fees it is a relief from
    fees: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    percent: int | None = None
    each: int | None = amount_field(default=None, nullable=True)
    cap: int | None = amount_field(default=None, nullable=True)
    #: why a person is favoured (`payments.catalogue.rules.reliefs.Ground`)
    ground: str | None = None
    #: the channel of the application that is favoured ("online")
    channel: str | None = None
    #: full years on the day the bill is opened: from … on, and below …
    age_from: int | None = None
    age_below: int | None = None
    #: at most once for each citizen in a year, counted from the first day of the code
    once_a_year: bool = False
    basis: str
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


class FeeShare(SQLModel, table=True):
    """Which share of a fee the collecting body keeps (tỷ lệ để lại), from a day to a day.

    The rest is paid in to the state budget. `agency_id` None is national; a body's own row of the
    same fee stands in its place for that body and its units, for the law lets kinds of bodies keep
    different shares. A fee without any row has a share that nobody knows.
    """

    __tablename__ = "fee_share"
    __table_args__ = (
        CheckConstraint("code <> ''", name="code"),
        CheckConstraint("kept_percent BETWEEN 0 AND 100", name="kept_percent"),
        *_dated(),
    )

    id: str = Field(primary_key=True)
    #: the fee's code
    code: str = Field(index=True)
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    kept_percent: int
    basis: str
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


class SubItem(SQLModel, table=True):
    """A sub-item (tiểu mục) of the state budget index, as it stands from a day to a day."""

    __tablename__ = "sub_item"
    __table_args__ = (CheckConstraint(r"code ~ '^\d{4}$'", name="code"), *_dated())

    id: str = Field(primary_key=True)
    code: str = Field(index=True)
    name_vi: str
    name_en: str
    basis: str
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


class LegalReference(SQLModel, table=True):
    """A legal text by its number, in force from a day to a day.

    `issuer` tells apart the resolutions that several provinces number alike.
    """

    __tablename__ = "legal_reference"
    __table_args__ = (CheckConstraint("number <> '' AND issuer <> ''", name="number"), *_dated())

    id: str = Field(primary_key=True)
    #: "226/2016/TT-BTC", as a basis names it
    number: str = Field(index=True)
    issuer: str
    title_vi: str
    title_en: str
    #: the text that says from when to when this one is in force
    basis: str
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()


class CatalogueProposal(SQLModel, table=True):
    """A change of the catalogue that one person proposed and another applies or rejects."""

    __tablename__ = "catalogue_proposal"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'applied', 'rejected')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("state <> 'applied' OR decided_by <> proposed_by", name="two_people"),
    )

    id: str = Field(primary_key=True)
    #: whose schedule it changes; None is the national one
    agency_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    file_name: str
    #: the entries of the file by table, and the differences that their proposer saw
    entries: dict[str, Any] = json_field()
    state: str
    proposed_by: str
    proposed_at: datetime = moment()
    decided_by: str | None = None
    decided_at: datetime | None = moment(default=None)
    reason: str | None = None


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


# The type that their constraints need comes with the fees.
for later in (Relief, FeeShare, SubItem, LegalReference):
    SQLModel.metadata.tables[str(later.__tablename__)].add_is_dependent_on(
        SQLModel.metadata.tables["fee"]
    )

_listen(Fee, "after_create", CREATE_GUARDS)
_listen(Relief, "after_create", CREATE_RELIEF_GUARDS)
_listen(Relief, "after_create", CREATE_OFFER_GUARDS)
_listen(FeeShare, "after_create", CREATE_SHARE_GUARDS)
_listen(SubItem, "after_create", CREATE_SUB_ITEM_GUARDS)
_listen(LegalReference, "after_create", CREATE_LAW_GUARDS)
_listen(Fee, "after_drop", (DROP_FEE_GUARDS,))
_listen(Relief, "after_drop", (DROP_OFFER_GUARDS,))
_listen(Relief, "after_drop", (DROP_RELIEF_GUARDS,))
_listen(Procedure, "after_drop", (DROP_STAMP_GUARDS,))
