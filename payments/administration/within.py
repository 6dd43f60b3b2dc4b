"""What an administrator may set up: the own body and its units, and what belongs to them.

Asked anew each time, not taken from the key or the session: a unit that was made a moment ago
counts.
"""

from sqlmodel import col, select

from core.crypto import Cipher
from core.errors import FieldError, Invalid, NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.listing import GatewayEntry, list_accounts, list_gateways
from payments.agencies.models import GatewayAccountRow
from payments.agencies.queries import get_account_id, get_agency_id, list_gateway_accounts
from payments.agencies.tree import reach
from payments.ports import GatewayAccount


async def own_agency_id(session: ReadSession, admin: Principal, code: str) -> str:
    """The id of a body that is the administrator's, or below it. Raises `NotFound`."""
    found = await get_agency_id(session, code)
    if found not in await reach(session, admin.agency_id):
        raise NotFound(f"Không có cơ quan {code}.")
    return found


async def own_account_id(session: ReadSession, admin: Principal, code: str) -> str:
    """The id of a collection account of the administrator's body, or of one below it.

    Raises `NotFound`, or `Invalid` for another body's, one above it too: whoever chooses the key
    that a feed signs with says what has arrived on its account, for every body below that.
    """
    found = await get_account_id(session, code)
    page = await list_accounts(session, await reach(session, admin.agency_id), only=found)
    if not page.items:
        detail = "Tài khoản thu của cơ quan khác chỉ do người vận hành gắn với cổng thanh toán."
        raise Invalid(detail, errors=[FieldError("collection_account", "not_yours", detail)])
    return found


async def own_gateway(
    session: ReadSession, admin: Principal, gateway_account_id: str
) -> GatewayEntry:
    """An account at a gateway of the administrator's body, or of one below it.

    Raises `NotFound`.
    """
    own = await reach(session, admin.agency_id)
    page = await list_gateways(session, own, only=gateway_account_id)
    if not page.items:
        raise NotFound("Không có tài khoản cổng thanh toán này.")
    return page.items[0]


async def read_access(
    session: ReadSession, cipher: Cipher, gateway_account_id: str
) -> GatewayAccount:
    """What an adapter gets of an account at a gateway, as it is now and not as it is remembered."""
    which = col(GatewayAccountRow.id) == gateway_account_id
    return (await list_gateway_accounts(session, cipher, which))[0].access


async def lock_access(
    session: WriteSession, cipher: Cipher, gateway_account_id: str
) -> GatewayAccount:
    """As `read_access`, and nobody else changes it until the transaction ends."""
    which = col(GatewayAccountRow.id) == gateway_account_id
    await session.lock_one(select(GatewayAccountRow.id).where(which))
    return await read_access(session, cipher, gateway_account_id)
