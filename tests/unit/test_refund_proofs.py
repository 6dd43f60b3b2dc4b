"""Which debit proves which refund: one to one, by name and amount, in any order."""

from datetime import date
from itertools import permutations

from payments.refunds.proofs import Debit, ExpectedRefund, proofs_of

ON = date(2026, 11, 27)
REF = "FT2633300001"


def refund(number: int, told_ref: str = "") -> ExpectedRefund:
    return ExpectedRefund(f"refund_{number}", 5000, f"LPREFUND{number:06d}", told_ref)


def debit(
    name: str, *references: str, amount: int = 5000, bank_ref: str = "", day: int = 27
) -> Debit:
    return Debit(name, amount, references, bank_ref, ON.replace(day=day))


def proved(debits: list[Debit], *refunds: ExpectedRefund) -> set[tuple[str, str]]:
    return {(one.refund_id, one.debit.line_id) for one in proofs_of(debits, refunds)}


def test_the_own_reference_and_the_amount_prove_a_refund() -> None:
    one = refund(1)
    assert proved([debit("a", one.reference)], one) == {("refund_1", "a")}
    assert proved([debit("a", one.reference, amount=4999)], one) == set()
    assert proved([debit("a", refund(2).reference)], one) == set()


def test_of_two_debits_under_one_reference_the_earlier_is_the_proof() -> None:
    one = refund(1)
    twice = [debit("b", one.reference, day=26), debit("a", one.reference, day=27)]
    for order in permutations(twice):
        assert proved(list(order), one) == {("refund_1", "b")}


def test_what_the_bank_calls_it_proves_only_what_nothing_else_fits() -> None:
    one, two, untold = refund(1, REF), refund(2, REF), refund(1)
    assert proved([debit("a", bank_ref=REF)], one) == {("refund_1", "a")}
    assert proved([debit("a", bank_ref=REF)], untold) == set()
    assert proved([debit("a", bank_ref=REF)], one, two) == set()
    assert proved([debit("a", bank_ref=REF), debit("b", bank_ref=REF)], one) == set()
    # A debit that bears a name is that refund's and no other's.
    assert proved([debit("a", two.reference, bank_ref=REF)], one) == set()


def test_the_own_reference_goes_first_whatever_the_order() -> None:
    one, two = refund(1, REF), refund(2, REF)
    debits = [debit("a", bank_ref=REF), debit("b", two.reference)]
    for some in permutations(debits):
        for others in permutations([one, two]):
            assert proved(list(some), *others) == {("refund_1", "a"), ("refund_2", "b")}


def test_a_debit_that_names_several_refunds_of_its_amount_proves_none() -> None:
    one, two = refund(1), refund(2)
    both = debit("a", one.reference, two.reference)
    assert proved([both], one, two) == set()
    # Where only one of them is still to be paid, or it has a debit of its own, there is no doubt.
    assert proved([both], one) == {("refund_1", "a")}
    assert proved([both, debit("b", two.reference)], one, two) == {("refund_2", "b")}
