"""The contract of `payments.ports.CreditFeed`, one function a promise; see `gateway_checks`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from core import clock
from payments.ports import (
    CallbackRejected,
    CallbackResult,
    Credit,
    CreditFeed,
    GatewayAccount,
    GatewayMisuse,
    RawCallback,
)
from tests.support.rigs.contract import FeedRig

Check = Callable[[FeedRig], None]


def outcome(feed: CreditFeed, callback: RawCallback) -> Credit | str | None:
    """What the feed made of a notice; "rejected" if it refused it in the one proper way."""
    try:
        return feed.read_notice(callback)
    except CallbackRejected:
        return "rejected"
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} for a bad notice") from error


def a_genuine_notice_is_read_in_full(rig: FeedRig) -> None:
    for amount in (1, 5_000, 123_456_789, 10**13):
        notice = rig.notice(amount, "CT DEN LPABCDEFGH Nguyen Van A")
        credit = rig.feed().read_notice(notice)
        assert isinstance(credit, Credit)
        assert credit.amount == amount, f"{amount} read as {credit.amount}"
        assert credit.account_number == rig.account.credentials["account_number"]
        assert credit.narrative == "CT DEN LPABCDEFGH Nguyen Van A"
        assert credit.credited_at.utcoffset() == timedelta(0), "not in UTC"
        assert abs(credit.credited_at - clock.now()) < timedelta(minutes=1)
        assert credit.feed_ref


def money_that_goes_out_is_no_credit(rig: FeedRig) -> None:
    assert outcome(rig.feed(), rig.debit()) is None, "a debit read as a credit"


def forged_notices_are_rejected(rig: FeedRig) -> None:
    genuine = rig.notice()
    feed = rig.feed()
    assert isinstance(feed.read_notice(genuine), Credit)
    count = 0
    for what, forged in rig.forgeries(genuine):
        assert forged != genuine, f"not a forgery: {what}"
        assert outcome(feed, forged) == "rejected", f"accepted a forged notice: {what}"
        count += 1
    assert count > 20, "a rig must try harder than this"


def a_notice_too_old_or_too_new_is_rejected(rig: FeedRig) -> None:
    feed = rig.feed()
    # A retry may bear its first stamp, and the provider's schedule of retries takes 33 minutes.
    for seconds in (-299, 0, 34 * 60, 3599):
        read = outcome(feed, _shifted(rig.notice(), seconds))
        assert isinstance(read, Credit), f"refused {seconds} s away"
    for seconds in (-301, 3602, 86_400):
        read = outcome(feed, _shifted(rig.notice(), seconds))
        assert read == "rejected", f"accepted {seconds} s away"


def a_repeated_notice_is_the_same_credit(rig: FeedRig) -> None:
    notice = rig.notice()
    first, again = (rig.feed().read_notice(notice) for _ in range(2))
    assert first == again, "not the same credit"


def two_credits_that_look_alike_are_two(rig: FeedRig) -> None:
    """Also at a bank that gives neither a reference nor a balance."""
    for reference, balance in (("", 0), (None, None)):
        notices = [rig.notice(bank_ref=reference, balance=balance) for _ in range(2)]
        credits = [rig.feed().read_notice(notice) for notice in notices]
        numbers = {credit.feed_ref for credit in credits if credit is not None}
        assert len(numbers) == 2, "two credits share a number"


def the_bank_s_own_reference_is_told_as_it_is(rig: FeedRig) -> None:
    for reference in ("FT26326000001", "ft26326000001\\BNK", "NONREF", "0", ""):
        credit = rig.feed().read_notice(rig.notice(bank_ref=reference))
        assert credit is not None
        assert credit.bank_ref == reference, "not as the bank calls it"


def the_virtual_account_is_told_as_it_is(rig: FeedRig) -> None:
    for number in ("SB12LPABCDEFGHJKMN", "SB121", "SB12lp"):
        credit = rig.feed().read_notice(rig.notice(virtual_account=number))
        assert credit is not None
        assert credit.virtual_account == number, "not the number it was sent to"
        assert credit.account_number == rig.account.credentials["account_number"]
    own = rig.feed().read_notice(rig.notice())
    assert own is not None
    assert own.virtual_account == "", "sent to the account itself"


def both_keys_are_accepted_while_one_is_replaced(rig: FeedRig) -> None:
    notice = rig.notice()
    old = rig.account.credentials["secret"]
    between = _with(rig.account, secret="whsec-new", previous_secret=old)
    after = _with(rig.account, secret="whsec-new")
    assert isinstance(outcome(rig.feed(between), notice), Credit), "old key refused too early"
    assert outcome(rig.feed(after), notice) == "rejected", "old key accepted for ever"
    none = _with(rig.account, previous_secret="")
    assert isinstance(outcome(rig.feed(none), notice), Credit)


def missing_credentials_are_our_fault(rig: FeedRig) -> None:
    for name in ("secret", "account_number"):
        complaint = ""
        try:
            rig.feed(_with(rig.account, **{name: ""}))
        except GatewayMisuse as error:
            complaint = str(error)
        assert complaint, f"a feed was made without {name}"
        for secret in rig.secrets:
            assert secret not in complaint


def acknowledgements_tell_the_feed_what_to_do(rig: FeedRig) -> None:
    notice = rig.notice()
    answers = {result: rig.feed().acknowledge(result, notice) for result in CallbackResult}
    status = answers[CallbackResult.REJECTED].status
    assert status in rig.statuses_of_refusal, f"status {status} for a rejected notice"
    for result in (CallbackResult.ACCEPTED, CallbackResult.REPEATED):
        assert rig.ends_the_calls(answers[result]), f"the feed goes on calling: {result}"
    for result in (CallbackResult.REJECTED, CallbackResult.TRY_AGAIN):
        assert not rig.ends_the_calls(answers[result]), f"the feed would not call again: {result}"
    assert answers[CallbackResult.ACCEPTED].body != answers[CallbackResult.TRY_AGAIN].body


def no_secret_is_ever_told(rig: FeedRig) -> None:
    feed = rig.feed()
    told = [repr(feed), str(feed), repr(feed.account)]
    for _, forged in rig.forgeries(rig.notice()):
        try:
            told.append(repr(feed.read_notice(forged)))
        except CallbackRejected as error:
            told.append(f"{error!r} {error.__context__!r}")
    for secret in rig.secrets:
        assert secret not in "\n".join(told), "a secret was told"


CHECKS: Final[dict[str, Check]] = {
    check.__name__: check
    for check in (
        a_genuine_notice_is_read_in_full,
        money_that_goes_out_is_no_credit,
        forged_notices_are_rejected,
        a_notice_too_old_or_too_new_is_rejected,
        a_repeated_notice_is_the_same_credit,
        two_credits_that_look_alike_are_two,
        the_bank_s_own_reference_is_told_as_it_is,
        the_virtual_account_is_told_as_it_is,
        both_keys_are_accepted_while_one_is_replaced,
        missing_credentials_are_our_fault,
        acknowledgements_tell_the_feed_what_to_do,
        no_secret_is_ever_told,
    )
}


def _shifted(notice: RawCallback, seconds: int) -> RawCallback:
    """The same notice, received so many seconds after the second it was signed in."""
    whole = notice.received_at.replace(microsecond=0)
    return replace(notice, received_at=whole + timedelta(seconds=seconds))


def _with(account: GatewayAccount, **changes: str) -> GatewayAccount:
    return replace(account, credentials={**account.credentials, **changes})
