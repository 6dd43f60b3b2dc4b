"""A list of debts becoming bills, a batch at a time: stopped anywhere, it goes on where it was.

Each batch is one transaction: its rows become debts with their bills and are kept no more. So a
list that was killed is `loading`, what its batches committed is billed, and whoever goes on (the
worker by itself, or the command line) does the rest; two who go on at once take turns. A debt of
one code stands once, which the database itself sees to.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg.errors import UniqueViolation
from sqlalchemy import update
from sqlmodel import col, select

from core import audit, clock, failpoints
from core.crypto import Cipher
from core.db import Database
from core.errors import Conflict
from core.outbox import emit
from core.sessions import WriteSession
from core.statements import values_of
from payments.billing.loading import among
from payments.bills.commands import cancel_bill
from payments.bills.locks import lock_bills
from payments.debts.comparing import (
    BATCH,
    ListName,
    StandingDebt,
    decision_about,
    find_standing,
    hash_of_facts,
)
from payments.debts.findings import DebtChange, DebtDecision, DebtFinding, decide
from payments.debts.kept_rows import KEPT_DEBTS
from payments.debts.models import Debt, DebtList
from payments.debts.sheets import DebtRow
from payments.debts.writing import DebtWriter, OwedDebt
from payments.events import DebtListWaits


@dataclass(frozen=True, slots=True)
class LoadingList:
    """A list as whoever loads it reads it."""

    id: str
    agency_id: str
    kind: str
    code: str
    state: str
    created_by: str
    outcome: dict[str, Any]

    @property
    def name(self) -> ListName:
        """Which list it is a version of."""
        return ListName(self.agency_id, self.kind, self.code)


@dataclass(slots=True)
class _BatchWork:
    """What a batch comes to: what is billed, and what is noted of debts that stand."""

    owed: list[OwedDebt] = field(default_factory=list)
    #: debts that are ended, their bills withdrawn
    ended: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    #: what stays, with the hash of its row's facts, None where it has no row any more
    left: list[tuple[StandingDebt, str | None, DebtDecision]] = field(default_factory=list)
    counts: Counter[DebtChange] = field(default_factory=Counter)
    #: codes that another list has meanwhile
    elsewhere: list[str] = field(default_factory=list)

    def add(
        self, standing: StandingDebt | None, row: DebtRow | None, facts: str, done: DebtDecision
    ) -> None:
        """Note what is decided about a debt."""
        self.counts[done.change] += 1
        if done.change is DebtChange.ELSEWHERE:
            self.elsewhere += [] if row is None else [row.code]
            return
        self.ended += [part.debt_id for part in done.withdrawn]
        self.withdrawn += [part.bill_id for part in done.withdrawn]
        is_supplement = done.change is DebtChange.SUPPLEMENT
        if done.billed and row is not None:
            first = standing if is_supplement else None
            self.owed.append(OwedDebt(row, done.billed, first))
        if standing is not None and standing.id not in self.ended:
            self.left.append((standing, None if row is None else facts, done))


#: How often a batch is tried again whose codes others load at the same time.
_MOST_COLLISIONS: Final = 5
_COLLIDING: Final = "Danh sách khác đang nạp cùng mã khoản phải nộp; hãy chờ xong rồi nạp tiếp."


class CodeTakenMeanwhile(Conflict):
    """Other lists are being loaded with the same codes: wait until they are, and go on."""

    code = "code_taken_meanwhile"


def is_code_taken(error: UniqueViolation) -> bool:
    """Whether a debt could not be written because one of its code stands since we looked."""
    return error.diag.constraint_name == "uq_debt_standing"


_LISTS: Final = values_of(LoadingList, DebtList)


async def load_next(session: WriteSession, list_id: str, cipher: Cipher, key: bytes) -> bool:
    """Load the next batch of a list in the caller's transaction; whether there is more to do.

    Rows come first, then the debts that the list has no more. A list that is not `loading` is left
    as it is.
    """
    found = await session.lock_first(_LISTS.where(DebtList.id == list_id), of=DebtList)
    if found is None or found.state != "loading":
        return False
    batch = await KEPT_DEBTS.find_next(session, list_id)
    if batch is not None:
        rows = KEPT_DEBTS.opened(cipher, batch)
        work = await _rows_work(session, found.name, rows, key)
    else:
        work = await _gone_work(session, found)
        if not work.counts:
            await _finish(session, found)
            failpoints.hit("debts.before_commit")
            return False
    await _carry_out(
        session, found, work, DebtWriter(found.name, list_id, cipher, key, found.created_by)
    )
    if batch is not None:
        await KEPT_DEBTS.forget(session, batch)
    failpoints.hit("debts.before_commit")
    return True


async def load_list(database: Database, list_id: str, cipher: Cipher, key: bytes) -> None:
    """Load what is left of a list, in transactions of a batch each; may be killed and run again.

    A code that another list has by then is left to it. Raises `CodeTakenMeanwhile` where that
    happens again and again.
    """

    async def work(session: WriteSession) -> bool:
        return await load_next(session, list_id, cipher, key)

    taken_meanwhile = 0
    while True:
        try:
            if not await database.run(work):
                return
        except UniqueViolation as error:
            # Another list has loaded a code of ours since we looked: next time we see it there.
            if not is_code_taken(error):
                raise
            taken_meanwhile += 1
            if taken_meanwhile == _MOST_COLLISIONS:
                raise CodeTakenMeanwhile(_COLLIDING) from error


async def load_by_events(
    session: WriteSession, events: Sequence[DebtListWaits], cipher: Cipher, key: bytes
) -> None:
    """Load a batch of each list that waits, and say so again where there is more."""
    for event in events:
        if await load_next(session, event.list_id, cipher, key):
            await emit(session, event)


async def _rows_work(
    session: WriteSession, name: ListName, rows: Sequence[DebtRow], key: bytes
) -> _BatchWork:
    codes = [row.code for row in rows]
    standing = await find_standing(session, name, codes)
    differing = [
        one
        for row in rows
        if (one := standing.get(row.code)) is not None
        and decision_about(name, one, row, key).change
        not in (DebtChange.SAME, DebtChange.ELSEWHERE)
    ]
    if await _lock(session, differing):
        standing = await find_standing(session, name, codes)
    work = _BatchWork()
    for row in rows:
        one = standing.get(row.code)
        facts = hash_of_facts(key, name.agency_id, row)
        work.add(one, row, facts, decision_about(name, one, row, key))
    return work


async def _gone_work(session: WriteSession, found: LoadingList) -> _BatchWork:
    """The next debts of a list that its newest version says nothing of."""
    codes = await session.all(
        select(Debt.code)
        .where(
            col(Debt.agency_id) == found.agency_id,
            col(Debt.kind) == found.kind,
            col(Debt.list_code) == found.code,
            col(Debt.last_list_id) != found.id,
            col(Debt.ended_at).is_(None),
            col(Debt.supplement_of).is_(None),
        )
        .order_by(col(Debt.id))
        .limit(BATCH)
    )
    work = _BatchWork()
    if not codes:
        return work
    await _lock(session, list((await find_standing(session, found.name, codes)).values()))
    for one in (await find_standing(session, found.name, codes)).values():
        work.add(one, None, "", decide(one.parts, 0, is_same=False))
    return work


async def _lock(session: WriteSession, debts: Sequence[StandingDebt]) -> bool:
    """Lock the bills of debts, so that no money comes while it is decided about them."""
    bills = {part.bill_id for one in debts for part in one.parts}
    if bills:
        await lock_bills(session, bills)
    return bool(bills)


async def _carry_out(
    session: WriteSession, found: LoadingList, work: _BatchWork, writer: DebtWriter
) -> None:
    for bill_id in work.withdrawn:
        await cancel_bill(session, bill_id, [found.agency_id], actor=writer.actor)
    await end_debts(session, work.ended)
    for one, facts, done in work.left:
        await _note(session, found.id, one, facts, done)
    # All of them in one statement: most rows of a newer version say what the one before said.
    same = [one.id for one, _, done in work.left if done.change is DebtChange.SAME]
    await session.write(
        update(Debt)
        .where(among(Debt.id, same))
        .values(last_list_id=found.id, finding=None, difference=None)
    )
    await writer.write(session, work.owed)
    if work.elsewhere:
        await audit.record(
            session,
            actor=writer.actor,
            action="debt_list.not_taken",
            object_id=found.id,
            details={"elsewhere": work.elsewhere},
        )
    outcome = _added(found.outcome, work.counts)
    await session.write(
        update(DebtList).where(col(DebtList.id) == found.id).values(outcome=outcome)
    )


async def end_debts(session: WriteSession, debt_ids: Sequence[str]) -> None:
    """Say that debts are owed no more as they were; their bills are withdrawn."""
    if debt_ids:
        ended = update(Debt).where(col(Debt.id).in_(debt_ids))
        await session.write(ended.values(ended_at=clock.now(), finding=None, difference=None))


async def _note(
    session: WriteSession, list_id: str, one: StandingDebt, facts: str | None, done: DebtDecision
) -> None:
    if done.change is DebtChange.SAME:
        return
    values: dict[str, Any] = {
        "last_list_id": list_id,
        "finding": done.finding,
        "difference": None if done.finding is None else done.difference,
    }
    if facts is not None and (
        done.change is not DebtChange.LEFT or done.finding is DebtFinding.OTHER_FACTS
    ):
        values["facts_hash"] = facts
    await session.write(update(Debt).where(col(Debt.id) == one.id).values(**values))


def _added(outcome: Mapping[str, Any], counts: Counter[DebtChange]) -> dict[str, Any]:
    named = {change.value: count for change, count in counts.items()}
    return {name: outcome.get(name, 0) + named.get(name, 0) for name in {*outcome, *named}}


async def _finish(session: WriteSession, found: LoadingList) -> None:
    await session.write(
        update(DebtList)
        .where(col(DebtList.id) == found.id)
        .values(state="done", finished_at=clock.now())
    )
    await audit.record(
        session,
        actor=found.created_by,
        action="debt_list.loaded",
        object_id=found.id,
        details=found.outcome,
    )
