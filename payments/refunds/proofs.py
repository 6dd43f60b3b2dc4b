"""Which debit of a statement proves which refund: that its money has left the account. Pure.

A debit bears the refund's own reference in its words, or what the bank calls the transfer, as
whoever ordered it was told; and its amount is the refund's. The own reference goes first. What the
bank calls a transfer names nothing for certain, so where it fits several nobody is sure.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from core.bank_refs import plain_bank_ref


@dataclass(frozen=True, slots=True)
class Debit:
    """Money that a statement says left an account; `references` are those in its words.

    `booked_on` is its business day (Vietnam), `amount` in đồng.
    """

    line_id: str
    amount: int
    references: Collection[str]
    bank_ref: str
    booked_on: date


@dataclass(frozen=True, slots=True)
class ExpectedRefund:
    """A refund whose debit is awaited; `amount` in đồng.

    `told_ref` is what the bank calls its transfer, plain, "" where nobody has told or that tells
    nothing.
    """

    id: str
    amount: int
    reference: str
    told_ref: str


@dataclass(frozen=True, slots=True)
class Proof:
    """That a refund has left the account, and by which debit."""

    refund_id: str
    debit: Debit


def proofs_of(debits: Sequence[Debit], refunds: Sequence[ExpectedRefund]) -> list[Proof]:
    """Each refund that is proved, and the debit that does it; each debit proves one at most.

    The order in which they are given does not matter: of two debits under a refund's own reference
    the earlier one is its proof, for money that left twice is no other refund's. A debit that bears
    the references of several refunds of its amount is nobody's: people look.
    """
    own: list[Proof] = []
    in_time = sorted(debits, key=lambda debit: (debit.booked_on, debit.line_id))
    borne = Counter(
        debit.line_id
        for debit in in_time
        for refund in refunds
        if refund.reference in debit.references and refund.amount == debit.amount
    )
    for refund in refunds:
        bearing = [one for one in in_time if refund.reference in one.references]
        exact = [one for one in bearing if one.amount == refund.amount]
        if clear := [one for one in exact if borne[one.line_id] == 1]:
            own.append(Proof(refund.id, clear[0]))
    proved = {proof.refund_id for proof in own}
    used = {proof.debit.line_id for proof in own}
    fitting = [
        Proof(refund.id, debit)
        for refund in refunds
        if refund.id not in proved and refund.told_ref
        for debit in in_time
        if debit.line_id not in used
        and debit.amount == refund.amount
        and not debit.references
        and plain_bank_ref(debit.bank_ref) == refund.told_ref
    ]
    of_refund = Counter(proof.refund_id for proof in fitting)
    of_debit = Counter(proof.debit.line_id for proof in fitting)
    return own + [
        proof
        for proof in fitting
        if of_refund[proof.refund_id] == of_debit[proof.debit.line_id] == 1
    ]
