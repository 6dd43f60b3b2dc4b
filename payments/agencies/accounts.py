"""Whether two people stand by where a body's money goes, as every page of it tells its payers."""

from sqlalchemy import update
from sqlmodel import col

from core import clock
from core.audit import record
from core.sessions import WriteSession
from payments.agencies.models import CollectionAccount


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
