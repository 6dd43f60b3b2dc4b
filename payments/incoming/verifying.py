"""Verifies a notice under the account's secrets, or those before while both are taken."""

from datetime import datetime

from payments.agencies.queries import GatewayAccountValue
from payments.capabilities import CreditBatchReader
from payments.ports import (
    CallbackRejected,
    GatewayDirectory,
    GatewayMisuse,
    NoticeContent,
    NoticeReader,
    NoticeUnreadable,
    RawCallback,
)


def verified(
    gateways: GatewayDirectory, account: GatewayAccountValue, raw: RawCallback, now: datetime
) -> tuple[NoticeContent, ...]:
    """What an authentic notice tells: nothing, one thing, or several credits.

    The present secrets hold at once, those before until their window ends. Raises
    `CallbackRejected` as the present ones have it, `NoticeUnreadable` where either proves it.
    """
    return read_told(prover(gateways, account, raw, now), raw)


def prover(
    gateways: GatewayDirectory, account: GatewayAccountValue, raw: RawCallback, now: datetime
) -> NoticeReader:
    """Under whose secrets a notice is proved: it is answered under the same.

    Who signs with the secrets before verifies our answer with them too. The present ones where it
    is proved under neither.
    """
    present, earlier = gateways.reader(account.access), account.earlier_at(now)
    if earlier is None or _proves(present, raw):
        return present
    try:
        before = gateways.reader(earlier)
    except GatewayMisuse:
        return present
    return before if _proves(before, raw) else present


def read_told(reader: NoticeReader, raw: RawCallback) -> tuple[NoticeContent, ...]:
    """What a notice tells under this reader's secrets; raises as `verified`."""
    if isinstance(reader, CreditBatchReader):
        return reader.read_credits(raw)
    told = reader.read_notice(raw)
    return () if told is None else (told,)


def _proves(reader: NoticeReader, raw: RawCallback) -> bool:
    try:
        read_told(reader, raw)
    except NoticeUnreadable:
        return True
    except (CallbackRejected, GatewayMisuse):
        return False
    return True
