"""Closed days of an account: what is recorded afterwards counts for the first open day.

Days of an account are closed one after the other, so the last of them says it all: what came on
that day or before it counts for the day after. The table stands here, below everything that records
money; who closes days, and on what figures, is `reconciliation.closing`.

Whoever records takes no lock for it. The database looks once more, under a lock that a closing
holds alone, and has a transaction that comes too late begin anew (`CREATE_OPEN_DAYS`).
"""

from datetime import date, datetime, timedelta

from sqlalchemy import UniqueConstraint, func, insert
from sqlmodel import Field, SQLModel, select

from core import clock
from core.db import moment
from core.guards import after_create, append_only
from core.name_locks import lock_names, share_name
from core.sessions import ReadSession, WriteSession
from payments.bills.models import Payment
from payments.books.models import LedgerTransaction

_DAY = timedelta(days=1)


class ClosedDay(SQLModel, table=True):
    """A business day (Vietnam) of an account that is closed for good, and the run that it shows."""

    __tablename__ = "closed_day"
    __table_args__ = (UniqueConstraint("reconciliation_id"),)

    collection_account_id: str = Field(primary_key=True, foreign_key="collection_account.id")
    business_on: date = Field(primary_key=True)
    reconciliation_id: str = Field(foreign_key="reconciliation.id")
    closed_at: datetime = moment()


async def find_last_closed(session: ReadSession, collection_account_id: str) -> date | None:
    """The last closed day of an account; None where none has been closed."""
    last = select(func.max(ClosedDay.business_on))
    found: date | None = await session.one(
        last.where(ClosedDay.collection_account_id == collection_account_id)
    )
    return found


async def find_closed_at(session: ReadSession, run_id: str) -> datetime | None:
    """When a run's day was closed by it; None where it was not."""
    closed = select(ClosedDay.closed_at).where(ClosedDay.reconciliation_id == run_id)
    return await session.first(closed)


async def accounting_day(session: ReadSession, collection_account_id: str, at: datetime) -> date:
    """The day that money of `at` (aware) counts for: its business day, or the first open one."""
    return open_day(await find_last_closed(session, collection_account_id), clock.business_date(at))


def open_day(last_closed: date | None, on: date) -> date:
    """`on`, or the day after the last closed one where that is later."""
    return on if last_closed is None or on > last_closed else last_closed + _DAY


async def share_open_days(session: WriteSession, collection_account_id: str) -> None:
    """Let no day of the account be closed before our transaction ends."""
    await share_name(session, _closing(collection_account_id))


async def lock_open_days(session: WriteSession, collection_account_id: str) -> None:
    """Let nobody record money of the account, or decide about its days, before we are done."""
    await lock_names(session, _closing(collection_account_id))


async def close_day(
    session: WriteSession, collection_account_id: str, on: date, run_id: str, at: datetime
) -> None:
    """Close a day for good; the caller has locked the account's days and looked at its figures."""
    row = {"collection_account_id": collection_account_id, "business_on": on}
    await session.write(insert(ClosedDay), {**row, "reconciliation_id": run_id, "closed_at": at})


def _closing(collection_account_id: str) -> str:
    # The guards below say the same name.
    return f"closing:{collection_account_id}"


#: Money of a closed day stays what it was, and none is recorded for one. The second is no fault of
#: whoever records: the day was closed meanwhile, and the transaction is to begin anew.
CREATE_OPEN_DAYS = (
    """
CREATE FUNCTION check_open_day(account text, day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('closing:' || account, 0));
    IF EXISTS (SELECT 1 FROM closed_day
        WHERE collection_account_id = account AND business_on >= day) THEN
        RAISE EXCEPTION '% of account % has been closed', day, account
            USING ERRCODE = 'serialization_failure';
    END IF;
END $$
""",
    """
CREATE FUNCTION check_day_of_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND EXISTS (SELECT 1 FROM closed_day
        WHERE collection_account_id = OLD.collection_account_id
          AND business_on = OLD.accounting_on)
      AND (TG_OP = 'DELETE' OR (OLD.accounting_on, OLD.credited, OLD.collection_account_id)
        IS DISTINCT FROM (NEW.accounting_on, NEW.credited, NEW.collection_account_id)) THEN
        RAISE EXCEPTION 'payment % is of a closed day', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.accounting_on IS NOT NULL
      AND (TG_OP = 'INSERT' OR NEW.accounting_on IS DISTINCT FROM OLD.accounting_on) THEN
        PERFORM check_open_day(NEW.collection_account_id, NEW.accounting_on);
    END IF;
    RETURN NEW;
END $$
""",
    "CREATE TRIGGER open_day"
    " BEFORE INSERT OR DELETE OR UPDATE OF accounting_on, credited, collection_account_id"
    " ON payment FOR EACH ROW EXECUTE FUNCTION check_day_of_payment()",
)
CREATE_OPEN_LEDGER = (
    """
CREATE FUNCTION check_day_of_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_open_day(p.collection_account_id, NEW.accounting_on)
    FROM payment p WHERE p.id = NEW.payment_id;
    RETURN NEW;
END $$
""",
    "CREATE TRIGGER open_day BEFORE INSERT ON ledger_transaction"
    " FOR EACH ROW EXECUTE FUNCTION check_day_of_posting()",
)
DROP_OPEN_DAYS = (
    "DROP TRIGGER open_day ON ledger_transaction",
    "DROP TRIGGER open_day ON payment",
    "DROP FUNCTION check_day_of_posting()",
    "DROP FUNCTION check_day_of_payment()",
    "DROP FUNCTION check_open_day(text, date)",
)

after_create(Payment, *CREATE_OPEN_DAYS)
after_create(LedgerTransaction, *CREATE_OPEN_LEDGER)
after_create(ClosedDay, append_only("closed_day"))
