"""How often one address may look things up, and open bills, at all processes together.

Only what guesses or fills the tables is counted: a bill's page, its QR and its way to a gateway
are not, for half a town may stand behind one address of a mobile carrier. Opening bills has turns
of its own, so that a neighbour who looks codes up without end takes nobody's. Of an address a keyed
hash is kept, for as long as its turns are not all back.
"""

from datetime import timedelta
from ipaddress import IPv6Address, ip_address

from fastapi import Request

from core import allowances
from core.allowances import Pace
from core.crypto import keyed_hash
from core.errors import RateLimited
from payments.context import Context, ContextDep

#: A code has 60 random bits; at this pace guessing one takes longer than the house will stand.
LOOK_UPS = Pace(120, timedelta(minutes=1))
#: More than the busiest counter's neighbourhood needs; a bill that nobody pays goes away again.
OPENINGS = Pace(120, timedelta(minutes=1))

#: A customer of IPv6 has a network of so many bits, and any address in it.
_OF_ONE_CUSTOMER = 64


async def limited(request: Request, context: ContextDep) -> None:
    """Raise `RateLimited` for an address that looks things up too often."""
    if not await _take(request, context, "look_up", LOOK_UPS):
        raise RateLimited("Bạn tra cứu quá nhanh; hãy chờ một phút rồi thử lại.")


async def limit_opening(request: Request, context: Context) -> None:
    """Raise `RateLimited` for an address from which too many bills are opened."""
    if not await _take(request, context, "open", OPENINGS):
        raise RateLimited(
            "Đang có quá nhiều khoản được lập từ mạng của bạn; hãy chờ vài giây rồi thử lại. Mã QR "
            "trên bảng ở quầy và những khoản đã lập vẫn thanh toán được."
        )


async def _take(request: Request, context: Context, what: str, pace: Pace) -> bool:
    said = request.client.host if request.client else "unknown"
    whose = keyed_hash(context.request_key, network_of(said).encode())
    async with context.database.transaction() as session:
        return await allowances.take(session, f"{what}:{whose}", pace)


def network_of(address: str) -> str:
    """Whose address it is: the address itself, or the network of an IPv6 customer."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    bits = 128 - _OF_ONE_CUSTOMER
    return str(IPv6Address(int(found) >> bits << bits))
