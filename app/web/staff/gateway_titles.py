"""What staff call the ways by which money comes."""

from collections.abc import Callable
from typing import Final

from fastapi import Request

from payments.context import Context
from payments.ports import GatewayDirectory

#: Money that came straight to the account, whichever feed told of it.
_BANK: Final = ("Chuyển khoản ngân hàng", "Bank transfer")
#: Money that a collector took at a market.
_CASH: Final = ("Tiền mặt, người thu nhận", "Cash taken by a collector")
_OWN: Final = {"bank": _BANK, "cash": _CASH}


def gateway_titles(gateways: GatewayDirectory) -> Callable[[str], tuple[str, str]]:
    """Gives a gateway's title in Vietnamese and in English, by its name; the name where it has
    none."""

    def title(name: str) -> tuple[str, str]:
        if name in _OWN:
            return _OWN[name]
        info = gateways.find_info(name)
        return (name, name) if info is None else (info.title_vi, info.title_en)

    return title


def titles_of(request: Request) -> Callable[[str], tuple[str, str]]:
    """The same, for a page that has nothing else to ask of the application's parts."""
    context: Context = request.app.state.payments
    return gateway_titles(context.gateways)
