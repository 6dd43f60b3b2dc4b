"""Rows of debts that other offices set: the lists as they came, and each debt with its bill.

A list has versions; a newer one ends or changes debts of the one before. Personal data of a debtor
is in the bill's `payer_data`, encrypted; here are keyed hashes alone, by which a debt is found and
compared. Rows that a list has still to load are kept sealed in `debt_batch` and go when they are
loaded.

Input never reaches these classes unchecked; the limits stand here again as CHECK constraints.
"""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment
from payments.debts.findings import DebtFinding
from payments.debts.kinds import DebtKind

_KINDS: Final = ", ".join(f"'{kind}'" for kind in DebtKind)
_FINDINGS: Final = ", ".join(f"'{finding}'" for finding in DebtFinding)


class DebtList(SQLModel, table=True):
    """One version of a list of debts: where it came from, and how far it is.

    `proposed` waits for a second person, `loading` has rows that are no debts yet.
    """

    __tablename__ = "debt_list"
    __table_args__ = (
        UniqueConstraint("agency_id", "kind", "code", "version"),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint("state IN ('proposed', 'rejected', 'loading', 'done')", name="state"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
        CheckConstraint("row_count BETWEEN 0 AND 100000", name="row_count"),
        CheckConstraint("version >= 1", name="version"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    kind: str
    #: what the office calls the list; versions bear the same
    code: str
    version: int
    file_name: str
    sha256: str
    row_count: int
    #: the sum of its rows, in đồng
    amount: int = amount_field()
    state: str
    created_by: str
    created_at: datetime = moment()
    finished_at: datetime | None = moment(default=None)
    #: what became of its rows, and of the debts that it has no more: counts by `DebtChange`
    outcome: dict[str, Any] = json_field()


class DebtBatch(SQLModel, table=True):
    """Some rows of a list that are no debts yet, sealed; they go in the transaction that loads."""

    __tablename__ = "debt_batch"

    list_id: str = Field(primary_key=True, foreign_key="debt_list.id")
    number: int = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Debt(SQLModel, table=True):
    """What somebody owes by a list, and the bill by which it is paid.

    It stands until `ended_at`: then its bill was withdrawn, and another may have taken its place. A
    debt that was raised after it was paid has a second one, `supplement_of` the first, for the
    difference.
    """

    __tablename__ = "debt"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint(f"finding IN ({_FINDINGS})", name="finding"),
        CheckConstraint("(finding IS NULL) = (difference IS NULL)", name="difference"),
        UniqueConstraint("bill_id"),
        UniqueConstraint("supplement_of", "list_id"),
        Index(
            "uq_debt_standing",
            *("agency_id", "kind", "code"),
            unique=True,
            postgresql_where=text("ended_at IS NULL AND supplement_of IS NULL"),
        ),
        Index(
            "ix_debt_list",
            *("agency_id", "kind", "list_code", "last_list_id", "id"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_debt_code", "code", "agency_id"),
        Index("ix_debt_name", "name_hash"),
        Index("ix_debt_tax", "tax_hash", postgresql_where=text("tax_hash IS NOT NULL")),
        Index(
            "ix_debt_dossier",
            *("agency_id", "dossier_number"),
            postgresql_where=text("dossier_number IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    #: the version that brought it as it is
    list_id: str = Field(foreign_key="debt_list.id")
    #: the newest version that has it or has said something of it
    last_list_id: str = Field(foreign_key="debt_list.id")
    kind: str
    list_code: str
    #: the office's own id of what is owed (ID khoản phải nộp)
    code: str
    bill_id: str = Field(foreign_key="bill.id")
    dossier_number: str | None = None
    decision_number: str | None = None
    decided_on: date | None = None
    due_on: date | None = None
    #: keyed hash of all that its row said, to see whether a newer version says the same
    facts_hash: str
    #: keyed hash of the agency and the debtor's name (`payments.bills.names`)
    name_hash: str | None = None
    #: keyed hash of the agency and the debtor's tax number
    tax_hash: str | None = None
    supplement_of: str | None = Field(default=None, foreign_key="debt.id")
    #: what the newest version or a withdrawal wanted and could not do, for people to settle
    finding: str | None = None
    #: of that, how much is to be given back, in đồng; 0 where nothing is
    difference: int | None = amount_field(default=None, nullable=True)
    created_at: datetime = moment()
    ended_at: datetime | None = moment(default=None)
