"""The oracle of the money's machine catches services that are broken on purpose.

Short runs of the machine's own rules, always the same, pass over the service as it is; over each
broken variant the same oracle must object in the run that has to do with it.
"""

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from adapters.http import GatewayHttp
from adapters.paygov import dialect
from adapters.sandbox.engine.faults import Fault
from adapters.sandbox.engine.state import PayerOutcome
from app.invariants import broken, look
from core.ids import new_id
from payments.attempts import asking, inquiry, results
from payments.billing.credit import commands as stall_commands
from payments.books import commands, credits, identity, posting
from payments.books.allocation import (
    BillShare,
    Distribution,
    FilledBills,
    Reason,
    apportion,
    distribute,
    fill_oldest,
    pays_exactly,
)
from payments.books.identity import Identity, ToldNotice
from payments.books.recording import Recording
from payments.gateway_info import OPEN_FOR
from payments.incoming import notices
from payments.ports import CallbackResult, GatewayResult, Outcome
from reconciliation.statements import intake

if TYPE_CHECKING:
    from tests.support.money_machine import MoneyMachine

PAGES = [{"fee": "2.000815", "quantity": 3}]

Break = Callable[[pytest.MonkeyPatch], None]
Scene = Callable[["MoneyMachine"], None]


def begin(machine: "MoneyMachine", bills: int) -> None:
    """A world with so many bills of 5,000 đ."""
    machine.begin(seed=1, lines=PAGES)
    for _ in range(bills - 1):
        machine.create_bill(lines=PAGES, life=timedelta(hours=30), crash=None)


def at_the_gateway(machine: "MoneyMachine") -> None:
    """Payment pages end in every way that is not plain, and somebody forges an ending."""
    begin(machine, bills=3)
    # Bill 0: paid, and nobody tells us but the gateway's answer to a question.
    machine.start(which=0, fault=None)
    machine.pay(which=0, outcome=PayerOutcome.LOST_CALLBACK)
    # Bill 1: a failure is told first, then the success.
    machine.start(which=1, fault=None)
    machine.pay(which=0, outcome=PayerOutcome.SUCCESS_AFTER_FAILURE)
    machine.deliver(crash=None)
    # Bill 2: a forgery, then another amount than asked for.
    machine.start(which=2, fault=None)
    machine.forge(which=2, amount=2500)
    machine.pay(which=0, outcome=PayerOutcome.WRONG_AMOUNT)
    machine.wait(by=timedelta(seconds=20))
    machine.work(lie=None)
    machine.deliver(crash=None)
    # The gateway tells of the charge for bill 1 with another amount.
    machine.charge_otherwise(which=1, by=1000)
    machine.deliver(crash=None)
    machine.teardown()


def in_two_parts(machine: "MoneyMachine") -> None:
    """Half by transfer; then an attempt for the rest whose answer is lost, and which is paid."""
    begin(machine, bills=1)
    machine.transfer(which=0, amount="half", how="spaced", fault=None, copies=1, named=None)
    machine.deliver(crash=None)
    machine.start(which=0, fault=Fault.TIMEOUT)
    machine.wait(by=timedelta(seconds=20))
    machine.work(lie=None)
    machine.pay(which=0, outcome=PayerOutcome.SUCCESS)
    machine.teardown()


def by_transfer(machine: "MoneyMachine") -> None:
    """The bank tells of money twice, in other words, with another amount and under no name."""
    begin(machine, bills=2)
    # Bill 0: too much by transfer, told twice under different numbers.
    machine.transfer(which=0, amount="over", how="plain", fault=None, copies=1, named=None)
    machine.deliver(crash=None)
    machine.notify_anew(which=0, written="0{0}\\BNK")
    # Then with another amount under the same number of the bank's, and that told twice, too.
    machine.tell_otherwise(which=0, by=1000)
    machine.deliver(crash=None)
    machine.notify_anew(which=0, written="0{0}\\BNK")
    # Bill 1: paid twice, and the bank names both transfers alike.
    machine.transfer(which=1, amount="exact", how="plain", fault=None, copies=2, named="NONREF")
    machine.deliver(crash=None)
    machine.teardown()


def exported_twice(machine: "MoneyMachine") -> None:
    """The bank exports the day again, in other words: first before its notice of a stray sum."""
    begin(machine, bills=1)
    machine.transfer(which=0, amount="over", how="plain", fault=None, copies=1, named=None)
    machine.deliver(crash=None)
    machine.tell_otherwise(which=0, by=1000)
    machine.transfer_oddly(which=0, other=0, kind="unknown", amount=2000)
    for words in ("{}", "MBVCB.7712.{}.CT tu 0011 toi 1122"):
        machine.export_the_day(words=words)
    machine.deliver(crash=None)
    machine.teardown()


def for_several_bills(machine: "MoneyMachine") -> None:
    """One transfer that is less than two bills, which people split, and one for two others."""
    begin(machine, bills=4)
    for which, amount in ((2, "short"), (0, "exact")):
        machine.transfer_for_several(
            which=which, many=2, amount=amount, backwards=True, fault=None, copies=1, named=None
        )
        machine.deliver(crash=None)
        if amount == "short":
            machine.split_among_several()
    machine.teardown()


def at_the_stall(machine: "MoneyMachine") -> None:
    """More than the stall's bill costs, then the next one's rest, in two parts."""
    begin(machine, bills=1)
    machine.run_opens_a_stalls_bill(amount=5000)
    machine.pay_at_the_stall(amount=7000, how="plain", fault=None, copies=1, named=None)
    machine.deliver(crash=None)
    machine.work(lie=None)
    machine.run_opens_a_stalls_bill(amount=8000)
    machine.run_opens_a_stalls_bill(amount=3000)
    machine.pay_at_the_stall(amount=3000, how="spaced", fault=None, copies=1, named=None)
    machine.deliver(crash=None)
    machine.teardown()


#: The scenes with what becomes of their bills: those of counters, then the stall's.
SCENES: dict[Scene, list[str]] = {
    at_the_gateway: ["paid", "paid", "expired"],
    in_two_parts: ["paid"],
    by_transfer: ["paid", "paid"],
    exported_twice: ["paid"],
    for_several_bills: ["paid", "paid", "paid", "expired"],
    at_the_stall: ["open", "paid", "open", "open"],
}
#: What waits in them because it was told of under a known name with another amount.
TOLD_OTHERWISE: dict[Scene, tuple[str, int]] = {
    at_the_gateway: ("paygov", 6000),
    by_transfer: ("bank", 7000),
    exported_twice: ("bank", 7000),
}


def pay_the_newest_first_at_the_stall(patch: pytest.MonkeyPatch) -> None:
    """A stall's money pays the latest bill before the others: every sum is right."""

    def broken(bills: Any, credit: int) -> FilledBills:
        ranks = sorted((bill.due_at for bill in bills), reverse=True)
        ordered = sorted(bills, key=lambda bill: bill.rank)
        turned = [replace(one, due_at=due) for one, due in zip(ordered, ranks, strict=True)]
        return fill_oldest(turned, credit)

    patch.setattr(stall_commands, "fill_oldest", broken)


def leave_credit_beside_debts(patch: pytest.MonkeyPatch) -> None:
    """A stall's money is never given to what is owed there."""
    patch.setattr(stall_commands, "fill_oldest", lambda _, credit: FilledBills((), credit))


def leave_exact_sums_to_people(patch: pytest.MonkeyPatch) -> None:
    """What pays several bills to the đồng waits all the same."""
    patch.setattr(posting, "pays_exactly", lambda *_: False)


def give_all_to_the_first(patch: pytest.MonkeyPatch) -> None:
    """Of several bills the first one gets everything: every sum is right."""

    def broken(bills: Any, credit: int) -> list[BillShare]:
        first = min(bills, key=lambda bill: bill.rank)
        placed = distribute(first.status, first.amount, first.waiting, credit)
        return [BillShare(first.bill_id, placed)]

    patch.setattr(posting, "apportion", broken)


def drop_what_the_last_gets(patch: pytest.MonkeyPatch) -> None:
    """Of an exact sum the last of several bills gets nothing, and nobody has it."""

    def broken(bills: Any, credit: int) -> list[BillShare]:
        shares = apportion(bills, credit)
        return shares[:-1] if pays_exactly(bills, credit) else shares

    patch.setattr(posting, "apportion", broken)


def drop_the_excess(patch: pytest.MonkeyPatch) -> None:
    """What is over is in no place."""

    def broken(status: str, owed: int, waiting: int, credit: int) -> Distribution:
        return replace(distribute(status, owed, waiting, credit), refundable=0)

    patch.setattr(posting, "distribute", broken)


def keep_the_excess(patch: pytest.MonkeyPatch) -> None:
    """What is over waits in suspense instead of being refundable: every sum is right."""

    def broken(status: str, owed: int, waiting: int, credit: int) -> Distribution:
        placed = distribute(status, owed, waiting, credit)
        return replace(placed, suspense=placed.suspense + placed.refundable, refundable=0)

    patch.setattr(posting, "distribute", broken)


def forget_what_waits(patch: pytest.MonkeyPatch) -> None:
    """A bill's parts are never put together."""

    def broken(status: str, owed: int, waiting: int, credit: int) -> Distribution:
        return distribute(status, owed, 0, credit)

    patch.setattr(posting, "distribute", broken)


def take_short_money_for_enough(patch: pytest.MonkeyPatch) -> None:
    """Half the money settles the whole bill."""

    def broken(status: str, owed: int, waiting: int, credit: int) -> Distribution:
        placed = distribute(status, owed, waiting, credit)
        short = placed.reason is Reason.SHORT
        return Distribution(allocated=credit) if short else placed

    patch.setattr(posting, "distribute", broken)


def forget_what_was_told(patch: pytest.MonkeyPatch) -> None:
    """Each notice of a credit is new money."""

    async def broken(session: Any, notice: Any) -> Identity:
        return Identity()

    patch.setattr(credits, "identify", broken)
    patch.setattr(ToldNotice, "key", property(lambda _: new_id("again")))


def take_placeholders_for_names(patch: pytest.MonkeyPatch) -> None:
    """What a bank writes where it has no reference is believed to name money."""
    patch.setattr(identity, "plain_bank_ref", lambda ref: ref)


def drop_the_second_amount(patch: pytest.MonkeyPatch) -> None:
    """Another amount under a known reference is taken for a repeat."""
    patch.setattr(credits, "conflicting_key", lambda key, amount: key)


def pay_from_the_second_amount(patch: pytest.MonkeyPatch) -> None:
    """Another amount under a known reference is money like any other."""
    record = credits.record_credit

    async def broken(session: Any, account: Any, credit: Any, **more: Any) -> Recording:
        recorded = await record(session, account, credit, **more)
        if recorded.result is not CallbackResult.MISMATCH:
            return recorded
        await session.execute(
            text("UPDATE suspense_item SET reason = 'short' WHERE payment_id = :id"),
            {"id": recorded.payment_id},
        )
        return recorded

    patch.setattr(notices, "record_credit", broken)


def ignore_success_after_failure(patch: pytest.MonkeyPatch) -> None:
    """A failed attempt stays failed, whatever the gateway says later."""
    money = results._money

    async def broken(
        session: Any, account: Any, payment: Any, bill: Any, *more: Any, **named: Any
    ) -> Recording:
        if payment.status == "failed":
            return Recording(CallbackResult.ACCEPTED, payment.id, bill.id)
        return await money(session, account, payment, bill, *more, **named)

    patch.setattr(results, "_money", broken)


def expire_without_asking(patch: pytest.MonkeyPatch) -> None:
    """The status inquiry ends attempts by the clock alone."""

    async def broken(context: Any, row: Any) -> None:
        async def write(session: Any) -> None:
            nothing = GatewayResult(row.order_ref, Outcome.PENDING)
            await asking._conclude(session, row.id, nothing, row.created_at + OPEN_FOR)

        await context.database.run(write)

    patch.setattr(inquiry, "ask_safely", broken)


def create_again_after_a_timeout(patch: pytest.MonkeyPatch) -> None:
    """The client repeats a create whose answer was lost."""
    post = GatewayHttp.post_json

    async def broken(self: GatewayHttp, *given: Any, repeatable: bool) -> Any:
        return await post(self, *given, repeatable=True)

    patch.setattr(GatewayHttp, "post_json", broken)


def believe_anybody(patch: pytest.MonkeyPatch) -> None:
    """Checksums are not compared."""
    trusting = SimpleNamespace(new=hmac.new, compare_digest=lambda given, right: True)
    patch.setattr(dialect, "hmac", trusting)


def take_any_amount(patch: pytest.MonkeyPatch) -> None:
    """What the gateway charged counts as what was asked for, and the rest is forgotten."""
    record = results._money

    async def broken(
        session: Any,
        account: Any,
        payment: Any,
        bill: Any,
        report: GatewayResult,
        *more: Any,
        **named: Any,
    ) -> Recording:
        said = replace(report, amount=payment.amount)
        return await record(session, account, payment, bill, said, *more, **named)

    patch.setattr(results, "_money", broken)


def believe_each_export(patch: pytest.MonkeyPatch) -> None:
    """A line in other words is another line."""
    patch.setattr(intake, "find_references", lambda words: [])


VARIANTS: dict[Break, tuple[Scene, str]] = {
    pay_the_newest_first_at_the_stall: (at_the_stall, "the stall's bills are"),
    leave_credit_beside_debts: (
        at_the_stall,
        "a stall's money waits only where its holder owes nothing there",
    ),
    drop_the_excess: (by_transfer, "money credited is in its places"),
    keep_the_excess: (by_transfer, "must be \\(True, 5000, 7000, 1000\\)"),
    forget_what_waits: (in_two_parts, "must be \\(True, 5000, 0, 0\\)"),
    take_short_money_for_enough: (in_two_parts, "allocations reach the amount of a paid bill"),
    forget_what_was_told: (by_transfer, "money that nobody paid, or have it twice"),
    take_placeholders_for_names: (by_transfer, "must be \\(True, 5000, 0, 5000\\)"),
    drop_the_second_amount: (at_the_gateway, "an applied callback has left its trace"),
    pay_from_the_second_amount: (by_transfer, "of amounts told of under one name"),
    ignore_success_after_failure: (at_the_gateway, "an applied callback has left its trace"),
    expire_without_asking: (at_the_gateway, "was paid and is not in our books"),
    create_again_after_a_timeout: (in_two_parts, "was sent twice"),
    believe_anybody: (at_the_gateway, "a forged callback was answered"),
    take_any_amount: (at_the_gateway, "money that nobody paid"),
    believe_each_export: (exported_twice, "credits were exported and"),
    give_all_to_the_first: (for_several_bills, "get more than they cost"),
    leave_exact_sums_to_people: (for_several_bills, "waits, and is what they cost"),
    drop_what_the_last_gets: (for_several_bills, "money credited is in its places"),
}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_service_as_it_is_passes(money_machine: type["MoneyMachine"], scene: Scene) -> None:
    machine = money_machine()
    scene(machine)
    rows = machine.read("SELECT status FROM bill ORDER BY channel = 'billing_run', created_at, id")
    assert [row["status"] for row in rows] == SCENES[scene]
    rows = machine.read(
        "SELECT p.gateway, s.amount FROM suspense_item s JOIN payment p ON p.id = s.payment_id"
        " WHERE s.reason = 'conflicting_notice'"
    )
    told_otherwise = [TOLD_OTHERWISE[scene]] if scene in TOLD_OTHERWISE else []
    assert [(row["gateway"], row["amount"]) for row in rows] == told_otherwise


def test_money_told_again_after_its_statement_was_withdrawn_is_there_once(
    money_machine: type["MoneyMachine"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its negative control: a withdrawal that takes nothing back."""

    def live(machine: "MoneyMachine") -> None:
        machine.begin(seed=1, lines=PAGES)
        machine.transfer(which=0, amount="exact", how="plain", fault=None, copies=1, named=None)
        machine.read_on_statement(which=0)
        machine.withdraw(which=0, settle=False)
        machine.teardown()  # its notice comes only now

    machine = money_machine()
    live(machine)
    rows = machine.read("SELECT status FROM bill")
    assert [row["status"] for row in rows] == ["paid"]

    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(commands, "reverse_item", nothing)
    with pytest.raises(AssertionError, match="have it twice"):
        live(money_machine())


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_a_broken_service_is_caught(
    money_machine: type["MoneyMachine"], monkeypatch: pytest.MonkeyPatch, variant: Break
) -> None:
    scene, objection = VARIANTS[variant]
    variant(monkeypatch)
    with pytest.raises(AssertionError, match=objection):
        scene(money_machine())


def test_all_rules_at_once_say_what_each_says(
    money_machine: type["MoneyMachine"], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = money_machine()

    async def both() -> tuple[list[str], list[str]]:
        database = machine.world.service.parts.database
        async with database.transaction() as session:
            at_once = await broken(session)
        async with database.transaction() as session:
            return at_once, [line async for line in look(session, None)]

    drop_the_excess(monkeypatch)
    with pytest.raises(AssertionError, match="money credited is in its places"):
        by_transfer(machine)
    at_once, one_by_one = machine.runner.run(both())
    assert sorted(at_once) == sorted(one_by_one) != []
