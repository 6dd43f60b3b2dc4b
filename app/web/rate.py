"""A brake on guessing: so many look-ups by code from one address a minute."""

from fastapi import Request
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from core.errors import RateLimited

#: A code has 60 random bits; at this rate guessing one takes longer than the house will stand.
PER_MINUTE = parse("120/minute")

_limiter = MovingWindowRateLimiter(MemoryStorage())


async def limited(request: Request) -> None:
    """Raise `RateLimited` for an address that asks too often."""
    address = request.client.host if request.client else "unknown"
    if not await _limiter.hit(PER_MINUTE, "code", address):
        raise RateLimited("Bạn tra cứu quá nhanh; hãy chờ một phút rồi thử lại.")
