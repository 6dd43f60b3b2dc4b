"""Which stall's money may wait in suspense: suggestions to people, never a decision.

Money whose words name no reference that we know is held against what they do name: a reference
with a slip of the pen, a stall's code, a vendor's whole name; and against what is owed. Each stall
is told with what speaks for it. Names lie sealed and are found by keyed hashes.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from core import clock
from core.crypto import Cipher
from core.errors import NotFound
from core.references import near_references
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.credit.queries import holder_on, list_holdings
from payments.billing.dues.queries import list_owed
from payments.billing.models import Market, Stall, StallCharge, StallContract
from payments.billing.suggesting.likeness import (
    code_forms,
    cut_reference,
    name_runs,
    words_of,
)
from payments.bills.models import Bill, PayerData
from payments.bills.names import hash_of_name
from payments.bills.queries import read_payer
from payments.books.allocation import Reason
from payments.books.destination import MOST_AT_ONCE
from payments.books.queries import WaitingMoney, find_waiting_money

#: What speaks for a stall: its reference or a bill's, all but right; its code; its holder's name;
#: that the sum is what its holder owes there, or one bill of it.
StallClue = Literal["reference", "code", "name", "amount"]
_CLUES: Final[tuple[StallClue, ...]] = get_args(StallClue)
#: How much each clue says. A reference says more than all others together; a sum says little, for
#: many stalls cost the same.
WEIGHTS: Final[dict[StallClue, int]] = {"reference": 100, "code": 40, "name": 35, "amount": 15}

#: The reasons for which money waits that nobody's reference came with.
UNNAMED: Final = (Reason.NO_REFERENCE, Reason.UNKNOWN_REFERENCE)
#: How many stalls are suggested, and how many are looked at for that.
MOST: Final = 5
_LOOKED_AT: Final = 40


@dataclass(frozen=True, slots=True)
class StallSuggestion:
    """A stall that money may be for; amounts in đồng.

    `clues` say why, `score` orders. `owed` is what its holder owes there on the day of the money;
    `bills` are the references of what that money would pay of it, in order, and no more of them
    than money can be assigned to at once.
    """

    stall_id: str
    stall: str
    market: str
    vendor_id: str
    clues: tuple[StallClue, ...]
    owed: int
    bills: tuple[str, ...]

    @property
    def score(self) -> int:
        """How much speaks for it."""
        return sum(WEIGHTS[clue] for clue in self.clues)


@dataclass(frozen=True, slots=True)
class _NamedHolder:
    """That somebody of a name that the words say has held a stall."""

    stall_id: str
    vendor_id: str


@dataclass(frozen=True, slots=True)
class _LikelyStall:
    id: str
    code: str
    reference: str
    market: str


async def suggest_stalls(
    session: ReadSession, cipher: Cipher, key: bytes, item_id: str, within: Collection[str]
) -> list[StallSuggestion]:
    """The stalls of these bodies that money in suspense may be for, the likeliest first.

    None where it waits for another reason than that its words name nothing. Raises `NotFound`.
    """
    item = await find_waiting_money(session, within, item_id)
    if item is None:
        raise NotFound("Không có khoản này.")
    if item.reason not in UNNAMED or item.place != "suspense":
        return []
    narrative = (await read_payer(session, cipher, item.payment_id)).get("narrative", "")
    words = words_of(narrative)
    named = await _by_name(session, key, name_runs(words), within)
    found: defaultdict[str, set[StallClue]] = defaultdict(set)
    for stall_id in await _by_reference(session, narrative, within):
        found[stall_id].add("reference")
    for stall_id in await _by_code(session, code_forms(words), within):
        found[stall_id].add("code")
    for one in named:
        found[one.stall_id].add("name")
    for stall_id in await _by_amount(session, item.amount, within):
        found[stall_id].add("amount")
    likeliest = sorted(
        found, key=lambda stall_id: (-sum(WEIGHTS[one] for one in found[stall_id]), stall_id)
    )
    looked_at = await _look(session, item, likeliest[:_LOOKED_AT], found, named)
    return sorted(looked_at, key=lambda one: (-one.score, one.stall))[:MOST]


async def _by_reference(session: ReadSession, narrative: str, within: Collection[str]) -> set[str]:
    near, cut = near_references(narrative), cut_reference(narrative)
    if not near and cut is None:
        return set()
    of_stall: ColumnElement[bool] = col(Stall.reference).in_(near)
    of_bill: ColumnElement[bool] = col(Bill.reference).in_(near)
    if cut is not None:
        of_stall = or_(of_stall, col(Stall.reference).startswith(cut, autoescape=True))
        of_bill = or_(of_bill, col(Bill.reference).startswith(cut, autoescape=True))
    mine = col(Market.agency_id).in_(within)
    stalls = (
        select(Stall.id)
        .join(Market, col(Market.id) == col(Stall.market_id))
        .where(mine, of_stall)
        .limit(_LOOKED_AT)
    )
    billed = (
        select(StallCharge.stall_id)
        .join(Bill, col(Bill.id) == col(StallCharge.bill_id))
        .where(col(Bill.agency_id).in_(within), of_bill)
        .limit(_LOOKED_AT)
    )
    return {*await session.all(stalls), *await session.all(billed)}


async def _by_code(
    session: ReadSession, forms: Collection[str], within: Collection[str]
) -> set[str]:
    if not forms:
        return set()
    wanted = (
        select(Stall.id)
        .join(Market, col(Market.id) == col(Stall.market_id))
        .where(col(Market.agency_id).in_(within), col(Stall.plain_code).in_(forms))
    )
    return set(await session.all(wanted.limit(_LOOKED_AT)))


async def _by_name(
    session: ReadSession, key: bytes, names: Collection[str], within: Collection[str]
) -> set[_NamedHolder]:
    if not names:
        return set()
    # A payer's words make hundreds of names, and of the bodies of a province few have a market.
    selling = select(Market.agency_id).where(col(Market.agency_id).in_(within)).distinct()
    bodies = await session.all(selling)
    hashes = {hash_of_name(key, agency_id, name) for agency_id in bodies for name in names}
    if not hashes:
        return set()
    holding = (
        values_of(_NamedHolder, StallContract)
        .join(PayerData, col(PayerData.subject_id) == col(StallContract.vendor_id))
        .where(col(PayerData.name_hash).in_(hashes))
    )
    return set(await session.all(holding.limit(_LOOKED_AT)))


async def _by_amount(session: ReadSession, amount: int, within: Collection[str]) -> set[str]:
    billed = (
        select(StallCharge.stall_id)
        .join(Bill, col(Bill.id) == col(StallCharge.bill_id))
        .where(
            col(Bill.agency_id).in_(within),
            col(Bill.amount) == amount,
            col(Bill.status).in_(("open", "expired")),
            col(StallCharge.voided_at).is_(None),
        )
    )
    return set(await session.all(billed.order_by(col(Bill.id)).limit(_LOOKED_AT)))


async def _look(
    session: ReadSession,
    item: WaitingMoney,
    stall_ids: Collection[str],
    found: Mapping[str, set[StallClue]],
    named: Collection[_NamedHolder],
) -> list[StallSuggestion]:
    """Each of these stalls with whoever held it on the money's day, and what is owed there."""
    wanted = (
        values_of(_LikelyStall, Stall, market=col(Market.code))
        .join(Market, col(Market.id) == col(Stall.market_id))
        .where(col(Stall.id).in_(stall_ids))
    )
    stalls = await session.all(wanted)
    holdings = defaultdict(list)
    for one in await list_holdings(session, [stall.reference for stall in stalls]):
        holdings[one.reference].append(one)
    day = clock.business_date(item.paid_at or clock.now())
    looked_at = []
    for stall in stalls:
        holder = holder_on(holdings[stall.reference], day)
        if holder is None:
            continue
        owed = await list_owed(session, holder)
        whole = sum(bill.missing for bill in owed)
        clues = set(found[stall.id])
        if _NamedHolder(stall.id, holder.vendor_id) not in named:
            # Whoever bears that name held it at another time.
            clues.discard("name")
        # Of a bill that is paid in part less is owed than it asked for.
        if item.amount in (whole, *(bill.missing for bill in owed)):
            clues.add("amount")
        else:
            clues.discard("amount")
        if not clues:
            continue
        bills: list[str] = []
        left = item.amount
        for bill in owed:
            if left > 0 and len(bills) < MOST_AT_ONCE:
                bills.append(bill.reference)
            left -= bill.missing
        looked_at.append(
            StallSuggestion(
                stall_id=stall.id,
                stall=stall.code,
                market=stall.market,
                vendor_id=holder.vendor_id,
                clues=tuple(clue for clue in _CLUES if clue in clues),
                owed=whole,
                bills=tuple(bills),
            )
        )
    return looked_at
