"""A Hypothesis state machine over bills, attempts, credits, callbacks, time and a lying sandbox.

Each rule is one thing that someone does; after each the oracle looks at the books so far, and when
a run ends, everything that was on its way comes and the oracle looks again. The rules can also be
called one by one, which is how a failure is printed and how the controls are written.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from adapters.sandbox.engine.faults import POSSIBLE, Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome
from core.references import new_reference
from payments.books.destination import joined
from tests.support.money_oracle import in_the_end, settle, so_far
from tests.support.money_sandbox import Mangling, mangled, spoilt
from tests.support.money_world import MoneyWorld

T = TypeVar("T")

WHICH = st.integers(0, 7)
CREATE_FAULTS = st.sampled_from((None, *POSSIBLE[Operation.CREATE]))
QUERY_FAULTS = st.sampled_from((None, *POSSIBLE[Operation.QUERY]))
CREDIT_FAULTS = st.sampled_from((None, None, *POSSIBLE[Operation.CREDIT]))
#: what a bank writes in place of a reference of its own; mostly it has one
BANK_NAMES = st.sampled_from((None, None, None, "", "NONREF", "0", "-", "N/A", "000000000000"))
#: how a later version of a notice writes the bank's reference
WRITTEN = st.sampled_from(("{0}", "{0}\\BNK", "00{0}", " {0} ", "NONREF", ""))
#: in which words an export of the day has a line that an earlier one had already
EXPORTED = st.sampled_from(("{}", "MBVCB.7712.{}.CT tu 0011 toi 1122", "NGUYEN VAN A ck {} //"))
MANGLINGS: st.SearchStrategy[Mangling] = st.sampled_from(
    ("plain", "lower", "spaced", "wrapped", "accented")
)
FEES = st.one_of(
    st.builds(
        lambda pages, copies: {"fee": "2.000815", "quantity": pages, "copies": copies},
        st.integers(1, 5),
        st.integers(1, 2),
    ),
    st.just({"fee": "khai-sinh-dung-han", "quantity": 1}),
    st.builds(
        lambda amount: {"description": "Phí thử", "amount": amount, "sub_item": "2716"},
        st.sampled_from((1, 2, 9_999, 10_000_000, 10**12)),
    ),
)
LIVES = st.sampled_from((None, timedelta(minutes=10), timedelta(hours=2), timedelta(hours=30)))
WAITS = st.sampled_from(
    (
        timedelta(seconds=1),
        timedelta(seconds=20),
        timedelta(minutes=2),
        timedelta(minutes=16),
        timedelta(hours=3),
        timedelta(hours=25),
        timedelta(hours=73),
        timedelta(seconds=-3),
    )
)


def pick(some: Sequence[T], which: int) -> T:
    """One of them; the same number picks the same one as long as nothing changed."""
    return some[which % len(some)]


def _refuse(problems: list[str]) -> None:
    """Raises AssertionError with everything that is wrong."""
    if problems:
        raise AssertionError("\n".join(problems))


class MoneyMachine(RuleBasedStateMachine):
    """See the module."""

    #: given by `machine_over`; one event loop serves every run, connections belong to it
    world: MoneyWorld
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self._sound = False

    def do(self, work: Awaitable[None]) -> None:
        """Do one step and look at what came of it."""

        async def step() -> list[str]:
            await work
            return await so_far(self.world)

        self._sound = False
        _refuse(self.runner.run(step()))
        self._sound = True

    def read(self, statement: str) -> list[Mapping[str, Any]]:
        """Rows of the service's database, for a closer look than the oracle's."""
        return self.runner.run(self.world.service.read(statement))

    def teardown(self) -> None:
        """Let everything come, and look at the end; nothing more where a step has failed."""

        async def end() -> list[str]:
            await settle(self.world)
            return await in_the_end(self.world)

        if self._sound:
            _refuse(self.runner.run(end()))

    @initialize(seed=st.integers(0, 2**16), lines=st.lists(FEES, min_size=1, max_size=2))
    def begin(self, seed: int, lines: list[dict[str, object]]) -> None:
        self.runner.run(self.world.begin(seed))
        self.do(self.world.create_bill(lines, None))

    # Bills.

    @rule(
        lines=st.lists(FEES, min_size=1, max_size=2),
        life=LIVES,
        crash=st.sampled_from((None, None, "bill.before_write", "bill.after_commit")),
    )
    def create_bill(
        self, lines: list[dict[str, object]], life: timedelta | None, crash: str | None
    ) -> None:
        self.do(self.world.create_bill(lines, life, crash))

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        self.do(self.world.cancel(pick(self.world.bills, which)))

    @rule(which=WHICH)
    def repeat_a_request(self, which: int) -> None:
        self.do(self.world.replay(pick(self.world.asked, which)))

    @rule(which=WHICH)
    def use_a_key_again(self, which: int) -> None:
        self.do(self.world.replay_other_body(pick(self.world.asked, which)))

    @precondition(lambda self: self.world.cut_off)
    @rule()
    def insist(self) -> None:
        self.do(self.world.insist())

    # Attempts.

    @rule(which=WHICH, fault=CREATE_FAULTS)
    def start(self, which: int, fault: Fault | None) -> None:
        self.do(self.world.start(pick(self.world.bills, which), fault))

    @rule(
        which=WHICH,
        crash=st.sampled_from(
            ("checkout.after_intent", "checkout.after_call", "checkout.before_outcome_commit")
        ),
    )
    def crash_at_start(self, which: int, crash: str) -> None:
        self.do(self.world.start(pick(self.world.bills, which), None, crash))

    @precondition(lambda self: self.world.open_orders())
    @rule(which=WHICH, outcome=st.sampled_from(PayerOutcome))
    def pay(self, which: int, outcome: PayerOutcome) -> None:
        self.do(self.world.pay(pick(self.world.open_orders(), which), outcome))

    @rule(which=WHICH, fault=CREATE_FAULTS)
    def choose_another_way(self, which: int, fault: Fault | None) -> None:
        self.do(self.world.start(pick(self.world.bills, which), fault, instead=True))

    @rule(which=WHICH, outcome=st.sampled_from(PayerOutcome))
    def start_and_pay(self, which: int, outcome: PayerOutcome) -> None:
        self.do(self.world.start(pick(self.world.bills, which)))
        if self.world.open_orders():
            self.do(self.world.pay(self.world.open_orders()[-1], outcome))

    # Transfers.

    @rule(
        which=WHICH,
        amount=st.sampled_from(("exact", "exact", "half", "rest", "over", "one")),
        how=MANGLINGS,
        fault=CREDIT_FAULTS,
        copies=st.sampled_from((1, 1, 2)),
        named=BANK_NAMES,
    )
    def transfer(
        self,
        which: int,
        amount: str,
        how: Mangling,
        fault: Fault | None,
        copies: int,
        named: str | None,
    ) -> None:
        bill = pick(self.world.bills, which)
        figures = {
            "exact": bill.amount,
            "half": bill.amount // 2,
            "rest": bill.amount - bill.amount // 2,
            "over": bill.amount + 1000,
            "one": 1,
        }
        figure = min(max(figures[amount], 1), 10**13)
        self.do(
            self.world.transfer(
                figure,
                mangled(bill.reference, how),
                bill.reference,
                fault=fault,
                copies=copies,
                named=named,
            )
        )

    @precondition(lambda self: self.world.old_names())
    @rule(which=WHICH, name=WHICH)
    def transfer_under_an_old_name(self, which: int, name: int) -> None:
        bill = pick(self.world.bills, which)
        named = pick(self.world.old_names(), name)
        amount = max(bill.amount, 1)
        self.do(self.world.transfer(amount, bill.reference, bill.reference, named=named))

    @rule(
        which=WHICH,
        amount=st.sampled_from((9_999, 10_000, 25_000, 50_000)),
        how=MANGLINGS,
        copies=st.sampled_from((1, 2)),
        named=BANK_NAMES,
    )
    def pay_by_poster(
        self, which: int, amount: int, how: Mangling, copies: int, named: str | None
    ) -> None:
        reference = pick(sorted(self.world.posters, key=self.world.posters.__getitem__), which)
        narrative = mangled(reference, how)
        self.do(self.world.transfer(amount, narrative, reference, copies=copies, named=named))

    @rule(amount=st.sampled_from((3000, 5000, 8000)))
    def run_opens_a_stalls_bill(self, amount: int) -> None:
        self.do(self.world.stall.open_bill(amount))

    @rule(
        amount=st.sampled_from((1, 3000, 5000, 7000, 20_000)),
        how=MANGLINGS,
        fault=CREDIT_FAULTS,
        copies=st.sampled_from((1, 1, 2)),
        named=BANK_NAMES,
    )
    def pay_at_the_stall(
        self, amount: int, how: Mangling, fault: Fault | None, copies: int, named: str | None
    ) -> None:
        reference = self.world.stall.reference
        narrative = mangled(reference, how)
        self.do(
            self.world.transfer(
                amount, narrative, reference, fault=fault, copies=copies, named=named
            )
        )

    @rule(
        which=WHICH,
        other=WHICH,
        kind=st.sampled_from(("none", "unknown", "spoilt", "two", "with unknown", "with poster")),
        amount=st.sampled_from((1, 2000, 5000, 10_000)),
    )
    def transfer_oddly(self, which: int, other: int, kind: str, amount: int) -> None:
        bill, second = pick(self.world.bills, which), pick(self.world.bills, other)
        poster = min(self.world.posters)
        meant: str | None = None
        match kind:
            case "none":
                narrative = "chuyen tien"
            case "unknown":
                narrative = new_reference()
            case "spoilt":
                narrative = spoilt(bill.reference, other)
            case "two":
                narrative = f"{bill.reference} va {second.reference}"
                meant = joined([bill.reference, second.reference])
            case "with unknown":
                narrative, meant = f"{new_reference()} {bill.reference}", bill.reference
            case _:
                narrative = f"{poster}/{bill.reference}"
        self.do(self.world.transfer(amount, narrative, meant))

    @precondition(lambda self: len(self.world.bills) > 1)
    @rule(
        which=WHICH,
        many=st.integers(2, 3),
        amount=st.sampled_from(("exact", "exact", "exact", "short", "over")),
        backwards=st.booleans(),
        fault=CREDIT_FAULTS,
        copies=st.sampled_from((1, 1, 2)),
        named=BANK_NAMES,
    )
    def transfer_for_several(
        self,
        which: int,
        many: int,
        amount: str,
        backwards: bool,
        fault: Fault | None,
        copies: int,
        named: str | None,
    ) -> None:
        some = {bill.id: bill for bill in (pick(self.world.bills, which + n) for n in range(many))}
        bills = list(some.values())[:: -1 if backwards else 1]
        owed = sum(bill.amount for bill in bills)
        figure = {"exact": owed, "short": owed - 1000, "over": owed + 1000}[amount]
        references = [bill.reference for bill in bills]
        self.do(
            self.world.transfer(
                min(max(figure, 1), 10**13),
                " va ".join(references),
                joined(references),
                fault=fault,
                copies=copies,
                named=named,
            )
        )

    @precondition(lambda self: self.world.credits())
    @rule()
    def split_among_several(self) -> None:
        self.do(self.world.split_strays())

    @precondition(lambda self: self.world.named_credits())
    @rule(which=WHICH, written=WRITTEN)
    def notify_anew(self, which: int, written: str) -> None:
        self.do(self.world.notify_anew(pick(self.world.named_credits()[::-1], which), written))

    @precondition(lambda self: self.world.todays_credits())
    @rule(which=WHICH, by=st.sampled_from((1, 2500, 10_000)))
    def tell_otherwise(self, which: int, by: int) -> None:
        self.do(self.world.tell_otherwise(pick(self.world.todays_credits()[::-1], which), by))

    @precondition(lambda self: self.world.charged_orders())
    @rule(which=WHICH, by=st.sampled_from((1, 2500)))
    def charge_otherwise(self, which: int, by: int) -> None:
        self.do(self.world.charge_otherwise(pick(self.world.charged_orders()[::-1], which), by))

    @precondition(lambda self: self.world.named_credits())
    @rule(which=WHICH)
    def read_on_statement(self, which: int) -> None:
        self.do(self.world.read_on_statement(pick(self.world.named_credits()[::-1], which)))

    @precondition(lambda self: self.world.todays_credits())
    @rule(words=EXPORTED)
    def export_the_day(self, words: str) -> None:
        self.do(self.world.export_day(words))

    @precondition(lambda self: self.world.credits())
    @rule(which=WHICH)
    def take_back(self, which: int) -> None:
        self.do(self.world.take_back(pick(self.world.credits()[::-1], which)))

    @precondition(lambda self: self.world.named_credits())
    @rule(which=WHICH, settle=st.booleans())
    def withdraw(self, which: int, settle: bool) -> None:
        move = pick(self.world.named_credits()[::-1], which)
        if settle:  # a bill that was settled with it may have no receipt yet
            self.do(self.world.read_on_statement(move))
            self.do(self.world.release())
        self.do(self.world.withdraw(move))

    @precondition(lambda self: self.world.credits())
    @rule()
    def release(self) -> None:
        self.do(self.world.release())

    # Callbacks.

    @rule(
        crash=st.sampled_from(
            (
                None,
                None,
                None,
                "callback.after_raw",
                "callback.before_apply_commit",
                "callback.after_apply",
            )
        )
    )
    def deliver(self, crash: str | None) -> None:
        self.do(self.world.deliver_due(crash))

    @rule()
    def be_away(self) -> None:
        self.do(self.world.deliver_due(away=True))

    @precondition(lambda self: self.world.waiting())
    @rule(which=WHICH)
    def deliver_out_of_turn(self, which: int) -> None:
        self.do(self.world.deliver(pick(self.world.waiting(), which)))

    @precondition(lambda self: self.world.sandbox.deliveries.all)
    @rule(which=WHICH)
    def deliver_again(self, which: int) -> None:
        self.do(self.world.repeat(pick(self.world.sandbox.deliveries.all[::-1], which)))

    @precondition(lambda self: self.world.sandbox.deliveries.all)
    @rule(which=WHICH)
    def storm(self, which: int) -> None:
        self.do(self.world.repeat(pick(self.world.sandbox.deliveries.all[::-1], which), 4))

    @precondition(lambda self: self.world.sandbox.store.orders)
    @rule(which=WHICH, amount=st.sampled_from((1, 2000, 5000)))
    def forge(self, which: int, amount: int) -> None:
        self.do(
            self.world.forge(pick(list(self.world.sandbox.store.orders.values()), which), amount)
        )

    # Time, and what we do as it passes.

    @rule(by=WAITS)
    def wait(self, by: timedelta) -> None:
        self.world.advance(by)

    @rule(hour=st.sampled_from((0, 16)))
    def wait_until(self, hour: int) -> None:
        self.world.advance_to(hour)

    @rule(lie=QUERY_FAULTS)
    def work(self, lie: Fault | None) -> None:
        self.do(self.world.work(lie=lie))

    @rule(
        crash=st.sampled_from(
            (
                "receipt.after_number",
                "receipt.before_commit",
                "receipt.after_commit",
                "outbox.after_claim",
            )
        )
    )
    def crash_at_work(self, crash: str) -> None:
        self.do(self.world.work(crash))

    @rule()
    def restart(self) -> None:
        self.do(self.world.restart())


def machine_over(world: MoneyWorld, runner: asyncio.Runner) -> type[MoneyMachine]:
    """The machine over this world: Hypothesis makes one after the other without arguments."""

    class Machine(MoneyMachine):
        pass

    Machine.world, Machine.runner = world, runner
    return Machine
