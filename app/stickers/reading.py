"""What stands on the stickers of a market's stalls, read for whoever prints them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import col

from app.parts import Parts
from app.stickers.pdf import Sticker
from core.errors import FieldError, Invalid
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.banks import bank_name
from payments.billing.loading import MarketValue
from payments.billing.models import Stall
from payments.bills.presenting import bill_payload


@dataclass(frozen=True, slots=True)
class _StickerStall:
    code: str
    reference: str


#: So many stickers are printed at once: a large market's, and no more than a minute's work.
MOST = 2_000


async def read_stickers(
    session: ReadSession, parts: Parts, market: MarketValue, codes: Collection[str] = ()
) -> list[Sticker]:
    """The stickers of some stalls of a market, or of all, in the order of a walk through it.

    Raises `Invalid` for a code that no stall there has, and for more than `MOST`.
    """
    wanted = (
        values_of(_StickerStall, Stall)
        .where(col(Stall.market_id) == market.id)
        .order_by(col(Stall.route_order), col(Stall.code))
    )
    if codes:
        wanted = wanted.where(col(Stall.code).in_(codes))
    stalls = await session.all(wanted.limit(MOST + 1))
    known = {stall.code for stall in stalls}
    faults = [
        FieldError("stall", "unknown", f"Chợ này không có sạp {code}.")
        for code in sorted(set(codes) - known)
    ]
    if len(stalls) > MOST:
        detail = f"Mỗi lần in nhiều nhất {MOST} tem; hãy nêu sạp."
        faults.append(FieldError("stall", "too_many", detail))
    if faults:
        raise Invalid(faults[0].detail, errors=faults)
    context = parts.payments
    agency = await context.agencies.get_agency(market.agency_id, session)
    account = agency.account
    return [
        Sticker(
            body=agency.name,
            market=market.name,
            market_en=market.name_en,
            stall=stall.code,
            address=f"{context.urls.base_url}/v/{agency.code}/{stall.reference}",
            payload=bill_payload(context, agency, stall.reference, None, static=True) or "",
            reference=stall.reference,
            holder="" if account is None else account.account_name,
            account="" if account is None else account.number_for(stall.reference)[-4:],
            bank="" if account is None else bank_name(account.bank_bin) or account.bank_bin,
            trial=parts.settings.mode != "production",
        )
        for stall in stalls
    ]
