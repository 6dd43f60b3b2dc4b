"""What a deed did to the books: every row that it wrote or changed, to be held against literals.

The deed is done among rows drawn by lot (`tests.support.bare_books`): what it ought to have left
alone is there to be changed by mistake.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import text

from app.seed.agency import DemoBody
from core import clock
from core.events import Subscriptions
from core.ids import new_id
from core.references import BODY_LENGTH, PREFIX, check_characters
from core.sessions import WriteSession
from payments.books import suspense
from payments.books.suspense import LockedItem
from tests.support.bare_books import NOW, Row
from tests.support.bare_rows import add_bill, add_credit, insert

ACTOR: Final = "finance:an"
#: The day on which deeds are done.
TODAY: Final = "2027-03-01"
#: The body of the stories, and an account of its own.
BODY: Final = DemoBody("agency_1", "co-quan-0", "acct_1", "tk-0")
_EVENTS = ("bill.paid", "bill.reopened", "stall_credit.waits", "collector_deposit.waits")
_TABLES = (
    *("bill", "payment", "allocation", "suspense_item", "payout", "ledger_transaction"),
    *("posting", "audit_entry", "outbox_event"),
)
_ROWS = text(
    " UNION ALL ".join(
        f"SELECT '{one}' AS kind, id::text AS id, to_jsonb(t) AS told FROM {one} t"
        for one in _TABLES
    )
)


def reference(letter: str) -> str:
    """A right reference, always the same one for a letter."""
    body = letter * BODY_LENGTH
    return f"{PREFIX}{body}{check_characters(body)}"


@dataclass(slots=True)
class Done:
    """What was done; lists are in the order of what they say."""

    #: payment, bill, amount, and which allocation it takes back
    given: list[tuple[Any, ...]] = field(default_factory=list)
    #: payment, bill, place, amount and reason of what is held now
    held: list[tuple[Any, ...]] = field(default_factory=list)
    #: the items that are closed now
    closed: list[str] = field(default_factory=list)
    #: deed, payment, day, account, bill, and what was posted on each ledger
    posted: list[tuple[Any, ...]] = field(default_factory=list)
    #: payouts as they were written, without their id
    payouts: list[Row] = field(default_factory=list)
    #: what is another of bills, payments and payouts, by id and column
    changed: dict[str, Row] = field(default_factory=dict)
    #: action, object and details of what the log says
    noted: list[tuple[str, str, Row]] = field(default_factory=list)
    told: list[tuple[str, Row]] = field(default_factory=list)


@asynccontextmanager
async def doing(session: WriteSession) -> AsyncIterator[Done]:
    """What the block does, at `NOW`; new ids are told as the name of their table."""
    session.info["subscriptions"] = Subscriptions((name, "somebody") for name in _EVENTS)
    done, before = Done(), await _rows(session)
    with clock.frozen(NOW):
        yield done
    after = await _rows(session)
    assert before.keys() <= after.keys()
    new = {key: row for key, row in after.items() if key not in before}
    names = {row["id"]: kind for (kind, _), row in new.items()}

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: plain(one) for name, one in value.items()}
        return names.get(value, value) if isinstance(value, str) else value

    def rows(kind: str) -> list[Row]:
        found = [row for (of, _), row in new.items() if of == kind]
        assert {row.get("created_at", row.get("at", _NOW)) for row in found} <= {_NOW}
        return found

    postings = rows("posting")
    done.given = _sorted(
        (row["payment_id"], plain(row["bill_id"]), row["amount"], row["reverses"])
        for row in rows("allocation")
    )
    done.held = _sorted(
        (row["payment_id"], plain(row["bill_id"]), row["place"], row["amount"], row["reason"])
        for row in rows("suspense_item")
    )
    done.posted = _sorted(
        (
            *(deed["kind"], deed["payment_id"], deed["accounting_on"], account, plain(bill_id)),
            {
                row["ledger"]: row["amount"]
                for row in postings
                if row["transaction_id"] == deed["id"]
            },
        )
        for deed in rows("ledger_transaction")
        for account, bill_id in {
            (row["collection_account_id"], row["bill_id"])
            for row in postings
            if row["transaction_id"] == deed["id"]
        }
    )
    done.payouts = [
        {name: plain(value) for name, value in row.items() if name not in ("id", "created_at")}
        for row in rows("payout")
    ]
    log = rows("audit_entry")
    assert {row["actor"] for row in log} <= {ACTOR}
    done.noted = _sorted(
        (row["action"], plain(row["object_id"]), plain(row["details"])) for row in log
    )
    done.told = _sorted((row["name"], plain(row["payload"])) for row in rows("outbox_event"))
    for (kind, row_id), was in before.items():
        other = {
            name: plain(value) for name, value in after[kind, row_id].items() if was[name] != value
        }
        if kind == "suspense_item" and other:
            assert other == {"closed_at": _NOW}
            done.closed.append(row_id)
        elif other:
            done.changed[row_id] = other
    done.closed.sort()


_NOW: Final = NOW.isoformat()


async def _rows(session: WriteSession) -> dict[tuple[str, str], Row]:
    found = (await session.execute(_ROWS)).all()
    return {(row.kind, row.id): row.told for row in found}


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=repr)


async def bill(session: WriteSession, bill_id: str, **changes: Any) -> str:
    """An open bill of 5,000 đ of the body, with its reference; its id."""
    named = {"id": bill_id, "reference": reference(bill_id[-1].upper()), "created_at": NOW}
    made = await add_bill(session, BODY, **(named | changes))
    own = {"reference": (named | changes)["reference"], "kind": "bill", "created_at": NOW}
    await insert(session, "reference", {**own, "agency_id": changes.get("agency_id", "agency_1")})
    return made


async def money(session: WriteSession, payment_id: str, credited: int, **changes: Any) -> str:
    """A credit of the bank that came for the body; its id."""
    came = {"id": payment_id, "amount": credited, "credited": credited, "paid_at": NOW}
    return await add_credit(session, BODY, **(came | changes))


async def waits(
    session: WriteSession, payment_id: str, amount: int, reason: str, **changes: Any
) -> LockedItem:
    """What of a payment waits in suspense, as whoever moves it has locked it."""
    values = {
        "id": new_id("susp"),
        "payment_id": payment_id,
        "place": "suspense",
        "amount": amount,
        "reason": reason,
        "created_at": NOW,
    } | changes
    await insert(session, "suspense_item", values)
    return await suspense.lock_item(session, str(values["id"]))
