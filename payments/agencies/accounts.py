"""Whether two people stand by where a body's money goes, as every page of it tells its payers."""

import re
from typing import Final

from sqlalchemy import func, or_, update
from sqlmodel import col, select

from core import clock
from core.audit import record
from core.errors import FieldError, Invalid
from core.name_locks import lock_names
from core.sessions import WriteSession
from payments.agencies.changes import CodeTaken, record_change
from payments.agencies.models import CollectionAccount
from payments.agencies.queries import CollectionAccountValue, get_collection_account

#: A VietQR's account number has 19 characters (tag 38, NAPAS 1.5.2), a reference 14.
_PREFIX: Final = re.compile("[0-9A-Z]{1,5}")
#: In digits a reference has sixteen of the nineteen.
_DIGITS: Final = re.compile("[0-9]{1,3}")


async def confirm_account(session: WriteSession, account_id: str, *, actor: str) -> bool:
    """Say, as the second person, that an account is right; whether that was not said before."""
    told = update(CollectionAccount).where(
        col(CollectionAccount.id) == account_id, col(CollectionAccount.confirmed_at).is_(None)
    )
    if not await session.write(told.values(confirmed_at=clock.now())):
        return False
    await record(session, actor=actor, action="account.confirmed", object_id=account_id)
    return True


async def doubt_account(session: WriteSession, account_id: str, *, actor: str) -> bool:
    """Note that one person alone has sent money to an account; whether nobody doubted it before."""
    told = update(CollectionAccount).where(
        col(CollectionAccount.id) == account_id, col(CollectionAccount.confirmed_at).is_not(None)
    )
    if not await session.write(told.values(confirmed_at=None)):
        return False
    await record(session, actor=actor, action="account.doubted", object_id=account_id)
    return True


async def set_virtual_prefix(
    session: WriteSession,
    account_id: str,
    prefix: str | None,
    *,
    digits: bool = False,
    actor: str,
) -> None:
    """Say what the bank's virtual accounts of an account begin with, None: it has none any more.

    Sixteen `digits` follow where the bank takes no letters, else a reference. Payers are then sent
    to other numbers. Raises `Invalid` for what is no prefix, and `CodeTaken` where numbers of
    another account at the same bank begin so.
    """
    if prefix is not None and (_DIGITS if digits else _PREFIX).fullmatch(prefix) is None:
        detail = "A prefix has one to five digits and capital letters: a VietQR holds no more."
        if digits:
            detail = "A prefix that sixteen digits follow has one to three: a VietQR holds no more."
        raise Invalid(detail, errors=[FieldError("prefix", "malformed", detail)])
    digits = digits and prefix is not None
    which = col(CollectionAccount.id) == account_id
    await session.lock_one(select(CollectionAccount.id).where(which))
    account = await get_collection_account(session, account_id)
    before = {"virtual_prefix": account.virtual_prefix, "virtual_digits": account.virtual_digits}
    after = {"virtual_prefix": prefix, "virtual_digits": digits}
    if before == after:
        return
    if prefix is not None:
        await _refuse_taken(session, account, prefix)
    await session.write(update(CollectionAccount).where(which).values(after))
    changed = [name for name in after if before[name] != after[name]]
    was, now = ({name: told[name] for name in changed} for told in (before, after))
    await record_change(session, actor, "account.changed", account_id, was, now)


async def _refuse_taken(
    session: WriteSession, account: CollectionAccountValue, prefix: str
) -> None:
    """A number leads to one account: of two prefixes at a bank neither begins with the other."""
    await lock_names(session, f"virtual_prefixes:{account.bank_bin}")
    other = col(CollectionAccount.virtual_prefix)
    alike = or_(func.starts_with(other, prefix), func.starts_with(prefix, other))
    taken = select(CollectionAccount.id).where(
        CollectionAccount.bank_bin == account.bank_bin, CollectionAccount.id != account.id, alike
    )
    if await session.first(taken) is not None:
        raise CodeTaken("Một tài khoản khác ở ngân hàng này có tài khoản ảo cùng đầu số.")
