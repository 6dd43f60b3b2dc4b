"""What a version of a list would do with the debts that stand: read, compared, counted."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Final, TypeVar

from sqlmodel import col, select

from core.crypto import keyed_hash
from core.json import canonical
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.loading import among
from payments.bills.models import Bill
from payments.bills.untouched import has_payment
from payments.books.refunded import given_back
from payments.debts.faults import DebtFault, refused_for
from payments.debts.findings import (
    DebtChange,
    DebtDecision,
    DebtFinding,
    StandingPart,
    decide,
)
from payments.debts.models import Debt
from payments.debts.sheets import DebtRow

T = TypeVar("T")

#: How many rows are compared, and loaded, at a time.
BATCH: Final = 1_000
#: How many differing rows a comparison lists; it counts them all.
MOST_SHOWN: Final = 200
#: What takes a second person: what is owed is changed or ended.
_BY_TWO: Final = frozenset(DebtChange) - {DebtChange.NEW, DebtChange.SAME}


@dataclass(frozen=True, slots=True)
class ListName:
    """Which list: versions of one list bear one name."""

    agency_id: str
    kind: str
    code: str


@dataclass(frozen=True, slots=True)
class StandingDebt:
    """A debt that stands, with its supplements; its own part comes first."""

    list_code: str
    facts_hash: str
    parts: tuple[StandingPart, ...]

    @property
    def id(self) -> str:
        """Its own id."""
        return self.parts[0].debt_id

    @property
    def asked(self) -> int:
        """What its bills ask for together, less what was given back, in đồng."""
        return sum(part.kept for part in self.parts if part.status != "cancelled")


@dataclass(frozen=True, slots=True)
class _StandingPartRow:
    code: str
    list_code: str
    facts_hash: str
    debt_id: str
    bill_id: str
    amount: int
    status: str
    has_money: bool
    given_back: int


@dataclass(frozen=True, slots=True)
class DebtDifference:
    """A debt that a version changes or cannot; amounts in đồng, `after` 0 where it is gone."""

    code: str
    change: DebtChange
    finding: DebtFinding | None
    before: int
    after: int


@dataclass(slots=True)
class DebtComparison:
    """How many debts each change comes to, what is owed before and after, and which differ."""

    changes: Counter[DebtChange] = field(default_factory=Counter)
    findings: Counter[DebtFinding] = field(default_factory=Counter)
    before: int = 0
    after: int = 0
    #: to be given back by people, in đồng
    difference: int = 0
    _changed: list[DebtDifference] = field(default_factory=list)
    _new: list[DebtDifference] = field(default_factory=list)

    @property
    def shown(self) -> list[DebtDifference]:
        """The first debts that differ: those that were there before, then the new ones."""
        return [*self._changed, *self._new][:MOST_SHOWN]

    @property
    def takes_two(self) -> bool:
        """Whether a second person has to approve it."""
        return any(self.changes[change] for change in _BY_TWO)

    def add(self, code: str, decision: DebtDecision, before: int, after: int) -> None:
        """Count a debt."""
        self.changes[decision.change] += 1
        self.before += before
        self.after += after
        self.difference += decision.difference
        if decision.finding is not None:
            self.findings[decision.finding] += 1
        kept = self._new if decision.change is DebtChange.NEW else self._changed
        if decision.change is not DebtChange.SAME and len(kept) < MOST_SHOWN:
            told = (code, decision.change, decision.finding, before, after)
            kept.append(DebtDifference(*told))


def hash_of_facts(key: bytes, agency_id: str, row: DebtRow) -> str:
    """The keyed hash of all that a row says beside its amount and its place in the file."""
    facts = asdict(row)
    del facts["number"], facts["amount"], facts["mended_phone"]
    told = {name: value if isinstance(value, str) else str(value) for name, value in facts.items()}
    return keyed_hash(key, b"debt:" + agency_id.encode() + b":" + canonical(told))


async def find_standing(
    session: ReadSession, name: ListName, codes: Collection[str]
) -> dict[str, StandingDebt]:
    """The debts of these codes that stand in the agency's lists of that kind, whichever list."""
    rows = await session.all(
        values_of(
            _StandingPartRow,
            Debt,
            debt_id=col(Debt.id),
            amount=col(Bill.amount),
            status=col(Bill.status),
            has_money=has_payment(col(Bill.id)),
            given_back=given_back(col(Bill.id)),
        )
        .join_from(Debt, Bill, col(Bill.id) == col(Debt.bill_id))
        .where(
            col(Debt.agency_id) == name.agency_id,
            col(Debt.kind) == name.kind,
            among(Debt.code, codes),
            col(Debt.ended_at).is_(None),
        )
        .order_by(col(Debt.code), col(Debt.supplement_of).is_not(None), col(Debt.id))
    )
    found: dict[str, list[_StandingPartRow]] = defaultdict(list)
    for row in rows:
        found[row.code].append(row)
    return {
        code: StandingDebt(
            alike[0].list_code,
            alike[0].facts_hash,
            tuple(
                StandingPart(
                    *(one.debt_id, one.bill_id, one.amount, one.status, one.has_money),
                    one.given_back,
                )
                for one in alike
            ),
        )
        for code, alike in found.items()
    }


async def check_rows(session: ReadSession, name: ListName, rows: Sequence[DebtRow]) -> None:
    """Raises `DebtSheetRefused` for codes that stand in another list of the kind."""
    if faults := await faults_elsewhere(session, name, rows):
        raise refused_for(faults)


async def faults_elsewhere(
    session: ReadSession, name: ListName, rows: Sequence[DebtRow]
) -> list[DebtFault]:
    """A fault for each row whose code stands in another list of the kind."""
    elsewhere = await _find_elsewhere(session, name, rows)
    return [
        DebtFault(row.number, "code", "elsewhere", f"Mã đã có ở danh sách {elsewhere[row.code]}.")
        for row in rows
        if row.code in elsewhere
    ]


async def _find_elsewhere(
    session: ReadSession, name: ListName, rows: Sequence[DebtRow]
) -> dict[str, str]:
    """The codes that stand in another list of that kind, with what that list is called."""
    found: dict[str, str] = {}
    for batch in batched(rows):
        standing = await find_standing(session, name, [row.code for row in batch])
        found |= {
            code: one.list_code for code, one in standing.items() if one.list_code != name.code
        }
    return found


async def compare(
    session: ReadSession, name: ListName, rows: Iterable[DebtRow], key: bytes
) -> DebtComparison:
    """What a version with these rows would do now; nothing is changed."""
    made = DebtComparison()
    codes: set[str] = set()
    for batch in batched(rows):
        codes.update(row.code for row in batch)
        standing = await find_standing(session, name, [row.code for row in batch])
        for row in batch:
            one = standing.get(row.code)
            decision = decision_about(name, one, row, key)
            made.add(row.code, decision, 0 if one is None else one.asked, row.amount)
    for batch_of_codes in batched(await _gone(session, name, codes)):
        for code, one in (await find_standing(session, name, batch_of_codes)).items():
            made.add(code, decide(one.parts, 0, is_same=False), one.asked, 0)
    return made


def decision_about(
    name: ListName, standing: StandingDebt | None, row: DebtRow, key: bytes
) -> DebtDecision:
    """What a row does to the debt of its code; nothing to one of another list."""
    if standing is None:
        return decide((), row.amount, is_same=False)
    if standing.list_code != name.code:
        return DebtDecision(DebtChange.ELSEWHERE)
    said = [row]
    if row.mended_phone:  # what was billed before such numbers were mended has it as the file does
        said.append(replace(row, phone=row.phone[1:]))
    is_same = standing.facts_hash in [hash_of_facts(key, name.agency_id, one) for one in said]
    return decide(standing.parts, row.amount, is_same=is_same)


async def _gone(session: ReadSession, name: ListName, codes: Collection[str]) -> list[str]:
    """The codes of the list's debts that are not among these."""
    standing = await session.all(
        select(Debt.code).where(
            col(Debt.agency_id) == name.agency_id,
            col(Debt.kind) == name.kind,
            col(Debt.list_code) == name.code,
            col(Debt.ended_at).is_(None),
            col(Debt.supplement_of).is_(None),
        )
    )
    return sorted(code for code in standing if code not in codes)


def batched(values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch
