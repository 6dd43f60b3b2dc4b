"""Which money a told credit is: one that the books have, another one, or one that nobody can tell.

What a source tells is a notice; a credit is money, and several sources may tell of it. A bank's
reference alone names no money: real ones are placeholders, start again each day, are shared by a
batch, or come with a suffix here and without it there. So:

1. a source's own number is one notice, however often it comes and in whatever version;
2. a source tells each credit once, so two of its notices are two credits;
3. notices of different sources are one credit if account, business day and amount agree, and
   either the bank's reference does (as `plain_bank_ref` reads it) or, where that tells nothing of
   this payer's money, the payer's; one to one, the oldest first;
4. what may or may not be the same is a credit of its own that waits whole in suspense: so is what
   another source tells with some of the payer's references and not with all of them.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Text, cast, func, literal_column
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import and_, col, or_

from core import clock
from core.bank_refs import line_bank_ref, plain_bank_ref
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.books.allocation import Reason
from payments.books.models import CreditNotice

#: The source of what a statement tells. Every other one is a feed: the id of its gateway account.
STATEMENT = "statement"

_KEEP = insert(CreditNotice).on_conflict_do_nothing()

#: As the index of these few says it: written out, for a plan that is used again knows no values.
_NAMES_SEVERAL = func.strpos(CreditNotice.reference, literal_column("' '")) > literal_column("0")


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """What one source tells of money that came: `notice_ref` is the source's own number of it.

    `amount` in đồng; `reference` is the payer's, "" where the words hold none; several stand in
    order with spaces between.
    """

    source: str
    notice_ref: str
    collection_account_id: str
    booked_on: date
    amount: int
    bank_ref: str
    reference: str

    @property
    def key(self) -> str:
        """The name of the money, if this notice is the first to tell of it."""
        return f"bank:{self.collection_account_id}:{self.source}:{self.notice_ref}:{self.amount}"


@dataclass(frozen=True, slots=True)
class KnownNotice:
    """A notice that the books have, and the payment whose money it tells of."""

    source: str
    notice_ref: str
    amount: int
    plain_ref: str
    reference: str
    payment_id: str
    bill_id: str | None
    credited: int
    #: why the payment waits, if it does
    doubt: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    """`same` is the notice of this very money; else it is new, and `doubt` says if it must wait.

    With `doubt`, `beside` is the notice that it may be the same as.
    """

    same: KnownNotice | None = None
    doubt: Reason | None = None
    beside: KnownNotice | None = None


_KNOWN = (
    values_of(KnownNotice, CreditNotice, Payment)
    .join_from(CreditNotice, Payment, col(Payment.id) == col(CreditNotice.payment_id))
    .order_by(col(Payment.paid_at), col(Payment.id), col(CreditNotice.source))
)


def notices_of(account_id: str) -> str:
    """The name of all notices about an account: shared by who tells, alone for who takes back."""
    return f"notices:{account_id}"


async def lock_notice(session: WriteSession, notice: ToldNotice) -> None:
    """Let nobody else decide about this notice or the money it may tell of, until we have.

    Taken before every other lock, always in this order.
    """
    day = f"{notice.collection_account_id}:{notice.booked_on}"
    names = [f"notice:{notice.source}:{notice.notice_ref}", f"notice:{day}:{notice.amount}"]
    if plain := plain_bank_ref(notice.bank_ref):
        names.append(f"notice:{day}:{plain}")
    await lock_names(session, *names, within=notices_of(notice.collection_account_id))


async def identify(session: ReadSession, notice: ToldNotice) -> Identity:
    """Which money a locked notice tells of."""
    plain = plain_bank_ref(notice.bank_ref)
    is_own = and_(
        col(CreditNotice.source) == notice.source, col(CreditNotice.notice_ref) == notice.notice_ref
    )
    known = await session.all(
        _KNOWN.where(
            col(CreditNotice.withdrawn_at).is_(None),
            or_(
                is_own,
                and_(
                    col(CreditNotice.collection_account_id) == notice.collection_account_id,
                    col(CreditNotice.booked_on) == notice.booked_on,
                    or_(
                        col(CreditNotice.plain_ref).in_(_names_of(notice, plain)),
                        and_(
                            col(CreditNotice.amount) == notice.amount,
                            _names_any_of(notice.reference),
                        ),
                    ),
                ),
            ),
        )
    )
    return judge(notice, plain, known)


def _names_any_of(references: str) -> ColumnElement[bool]:
    """That a notice names one of these references of payers, alone or beside others."""
    wanted = references.split()
    named = func.string_to_array(CreditNotice.reference, " ", type_=ARRAY(Text))
    return or_(
        col(CreditNotice.reference).in_({references, *wanted} if wanted else ()),
        and_(_NAMES_SEVERAL, named.overlap(cast(wanted, ARRAY(Text)))),
    )


def _names_of(notice: ToldNotice, plain: str) -> frozenset[str]:
    """What its money is known by: a notice of before labels were read apart bears both in one."""
    return frozenset({plain, line_bank_ref(notice.bank_ref) or plain}) if plain else frozenset()


def judge(notice: ToldNotice, plain: str, known: list[KnownNotice]) -> Identity:
    """Which money a notice tells of, by the known ones that have something in common with it."""
    named = (notice.source, notice.notice_ref)
    if own := [one for one in known if (one.source, one.notice_ref) == named]:
        same = next((one for one in own if one.amount == notice.amount), None)
        return Identity(same) if same else _doubtful(own, Reason.CONFLICTING_NOTICE)
    told = {one.payment_id for one in known if one.source == notice.source}
    names = _names_of(notice, plain)
    alike = [one for one in known if one.plain_ref in names]
    # A batch gives all its payers one reference of the bank's: another purpose is other money,
    # whatever its amount.
    if one_purpose := [one for one in alike if _is_for_one(one.reference, notice.reference)]:
        return _by_bank_reference(one_purpose, notice, told)
    # What another source told of this payer under a reference of its own may be this money still.
    apart = (one for one in known if one.plain_ref not in names)
    untold = [one for one in apart if one.payment_id not in told]
    return _by_payers_reference(untold, notice, plain)


def _by_bank_reference(alike: list[KnownNotice], notice: ToldNotice, told: set[str]) -> Identity:
    """`told` are the payments that the source has told of already."""
    fitting = [one for one in alike if one.amount == notice.amount]
    if not fitting:
        return _doubtful(alike, Reason.CONFLICTING_NOTICE)
    # Money that stands comes first, then what bears the payer's very reference, hints last.
    fitting.sort(
        key=lambda one: (
            _is_reversed(one),
            one.reference != notice.reference,
            one.doubt == Reason.UNSIGNED_NOTICE,
        )
    )
    untold = [one for one in fitting if one.payment_id not in told]
    # The source has told of all of these already: this is another one, unless it is mistaken.
    return _told_of(untold[0]) if untold else _doubtful(fitting, Reason.POSSIBLE_DUPLICATE)


def _is_for_one(known: str, told: str) -> bool:
    """Whether money sent for these references may be one: words may be cut after the first."""
    some, others = set(known.split()), set(told.split())
    return not some or not others or bool(some & others)


def _by_payers_reference(untold: list[KnownNotice], notice: ToldNotice, plain: str) -> Identity:
    # Statements are matched before anything is recorded from them: what is left is other money,
    # unless the bank's reference tells nothing.
    from_statement = notice.source == STATEMENT
    comparable = [
        one
        for one in untold
        if not (plain and one.plain_ref) or not (from_statement or one.source == STATEMENT)
    ]
    comparable.sort(key=_is_reversed)
    for one in comparable:
        if one.reference == notice.reference:
            return _told_of(one)
    # Words that a source has cut, or the number that it was sent to, which only one source tells:
    # the same money in part of its words, or another payer's of this very amount. A hint that
    # nobody has signed waits anyhow, and must not make what is signed wait for it.
    standing = [one for one in comparable if one.doubt != Reason.UNSIGNED_NOTICE]
    return _doubtful(standing, Reason.POSSIBLE_DUPLICATE) if standing else Identity()


def _is_reversed(known: KnownNotice) -> bool:
    """Whether people took the money for none, or the bank took it back."""
    return known.doubt in (Reason.SAME_MONEY, Reason.RETURNED_BY_BANK)


def _told_of(found: KnownNotice) -> Identity:
    """This money; but who tells of reversed money, and has not told of it before, has seen some."""
    if _is_reversed(found):
        return _doubtful([found], Reason.POSSIBLE_DUPLICATE)
    return Identity(found)


def _doubtful(beside: list[KnownNotice], doubt: Reason) -> Identity:
    return Identity(doubt=doubt, beside=beside[0])


async def keep_notice(session: WriteSession, notice: ToldNotice, payment_id: str) -> None:
    """Keep what was told, and tie it to its money; told again it is one notice."""
    kept = {
        "source": notice.source,
        "notice_ref": notice.notice_ref,
        "amount": notice.amount,
        "collection_account_id": notice.collection_account_id,
        "booked_on": notice.booked_on,
        "bank_ref": notice.bank_ref,
        "plain_ref": plain_bank_ref(notice.bank_ref),
        "reference": notice.reference,
        "payment_id": payment_id,
        "told_at": clock.now(),
    }
    await session.write(_KEEP, kept)
