"""What an attempt pays for, as gateways of the state want it told."""

from dataclasses import dataclass, replace
from datetime import date

from sqlmodel import col

from core.crypto import Cipher
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.agencies.queries import CollectionAccountValue
from payments.billed import BilledDecision, BilledDossier, BilledFee, BilledService
from payments.bills.lines import LineValue, lines_of
from payments.bills.models import Bill
from payments.bills.queries import read_payer
from payments.debts.kinds import DebtKind
from payments.debts.queries import find_debt_of_bill
from payments.ports import GatewayResult

_REST = "Số còn phải nộp"


@dataclass(frozen=True, slots=True)
class _BilledOf:
    """Whose bill it is, and its dossier."""

    dossier_number: str | None
    code: str
    name: str


async def dossier_of(
    session: ReadSession,
    account: CollectionAccountValue,
    bill_id: str,
    amount: int,
    *,
    cipher: Cipher,
) -> BilledDossier:
    """The bill's fees, and where they go. What is left of a bill is one fee of that amount.

    A bill whose lines one decision set is a fine or a tax, and names who has to pay. One of several
    decisions, or of fees beside one, is told as fees: an order names one decision.
    """
    of_bill = values_of(_BilledOf, Bill, Agency).join_from(
        Bill, Agency, col(Agency.id) == col(Bill.agency_id)
    )
    billed = await session.one(of_bill.where(col(Bill.id) == bill_id))
    lines = [line for line in (await lines_of(session, [bill_id]))[bill_id] if line.amount]
    decision = _decision_of(lines)
    service = BilledService.FEES
    if decision is not None:
        debt = await find_debt_of_bill(session, bill_id)
        is_fine = debt is not None and debt.kind == DebtKind.FINE
        service = BilledService.FINE if is_fine else BilledService.TAX
        decision = _with_payer(decision, await read_payer(session, cipher, bill_id))
    fees = tuple(_fee_of(line) for line in lines)
    if sum(fee.amount for fee in fees) != amount:
        fees = (_rest_of(fees, amount),)
    return BilledDossier(
        number=billed.dossier_number or "",
        agency_code=billed.code,
        agency_name=billed.name,
        bank_bin=account.bank_bin,
        account_number=account.account_number,
        account_name=account.account_name,
        fees=fees,
        service=service,
        decision=decision,
    )


async def differing_from_billed(
    session: ReadSession,
    result: GatewayResult,
    account: CollectionAccountValue,
    bill_id: str,
    amount: int,
    *,
    cipher: Cipher,
) -> list[str]:
    """What a gateway tells back of what was paid for, and tells otherwise than it is billed.

    No signature covers it: whoever passes it on may have changed it.
    """
    number, told = result.dossier_number, result.billed
    if number is None and told is None:
        return []
    billed = await dossier_of(session, account, bill_id, amount, cipher=cipher)
    differing = [] if number in (None, billed.number) else ["dossier_number"]
    return differing if told is None else differing + told.differs_from(billed)


def _decision_of(lines: list[LineValue]) -> BilledDecision | None:
    """The one decision that set every line, None where there is none or more than one."""
    told = [line.notice for line in lines]
    named = {
        (notice["number"], notice["issued_on"], notice["treasury"]) for notice in told if notice
    }
    if None in told or len(named) != 1:
        return None
    number, issued_on, treasury = named.pop()
    return BilledDecision(number, date.fromisoformat(issued_on), treasury)


def _with_payer(decision: BilledDecision, payer: dict[str, str]) -> BilledDecision:
    """Who has to pay by the decision: the one it is paid for, where somebody else pays."""
    of = "behalf_" if payer.get("behalf_name") else ""
    return replace(
        decision,
        tax_number=payer.get("tax_number", ""),
        payer_name=payer.get(f"{of}name", ""),
        payer_address=payer.get(f"{of}address", ""),
    )


def _fee_of(line: LineValue) -> BilledFee:
    fee = BilledFee(line.fee or "", line.description, line.amount)
    if (notice := line.notice) is None:
        return fee
    return replace(fee, chapter=notice["chapter"], sub_item=notice["sub_item"])


def _rest_of(fees: tuple[BilledFee, ...], amount: int) -> BilledFee:
    """What is left of a bill, booked where all of it is booked if that is one place."""
    booked = {(fee.chapter, fee.sub_item) for fee in fees}
    chapter, sub_item = booked.pop() if len(booked) == 1 else ("", "")
    return BilledFee("", _REST, amount, chapter, sub_item)
