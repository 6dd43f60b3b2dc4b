"""Where staff pages lead: the list that every page shows, and where one may go after signing in.

After signing in people are led to staff pages of this host, and nowhere else. Pure.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.web.texts import noted
from payments.agencies.access.rights import Action

HOME: Final = "/staff"
SIGN_IN: Final = "/staff/sign-in"
SECOND_FACTOR: Final = "/staff/second-factor"

#: A path below `/staff` or `/collect`, with a query: no host, no climbing up, no sign that a
#: browser reads anew.
_PLACE = re.compile(r"/(?:staff|collect)(/[\w.-]+)*(\?[\w.~%=&+:@/-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class StaffPlace:
    """A page that the list leads to; `action` is the right it takes, None for everybody.

    `beside` are the paths of what it leads to that do not stand below its own.
    """

    path: str
    title: str
    action: Action | None = None
    beside: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a page is this one or one that it leads to; the first page holds itself alone."""
        if self.path == HOME:
            return path == HOME or path.startswith(self.beside)
        return path == self.path or path.startswith((f"{self.path}/", *self.beside))


#: The list at the top of every staff page, in this order.
PLACES: Final = (
    StaffPlace(HOME, noted("Hôm nay"), beside=("/staff/takings", "/staff/opened")),
    StaffPlace("/staff/days", noted("Các ngày"), Action.READ_RECONCILIATIONS),
    StaffPlace("/staff/approvals", noted("Chờ duyệt"), Action.READ_APPROVALS),
    StaffPlace("/collect", noted("Đi thu"), Action.COLLECT),
    StaffPlace("/staff/cash", noted("Tiền mặt"), Action.READ_CASH),
    StaffPlace("/staff/suspense", noted("Tiền chờ xử lý"), Action.READ_SUSPENSE),
    StaffPlace("/staff/load", noted("Nạp tệp"), Action.TAKE_STATEMENT),
    StaffPlace("/staff/markets", noted("Các chợ"), Action.READ_MARKETS, ("/staff/stalls/",)),
    StaffPlace("/staff/debts", noted("Danh sách phải nộp"), Action.KEEP_DEBTS),
    StaffPlace(
        *("/staff/find", noted("Tra cứu"), Action.READ_BILLS),
        ("/staff/bills/", "/staff/payments/", "/staff/receipts/"),
    ),
    StaffPlace("/staff/settings", noted("Thiết lập"), Action.READ_PROPOSALS),
)


def places_for(may: Callable[[Action], bool]) -> list[StaffPlace]:
    """The pages of the list that somebody may see, by what they may do."""
    return [one for one in PLACES if one.action is None or may(one.action)]


def safe_place(wanted: str) -> str:
    """Where somebody wanted to go, if that is a page of ours behind the door; else the first."""
    path = wanted.partition("?")[0]
    if _PLACE.fullmatch(wanted) is None or path.startswith((SIGN_IN, SECOND_FACTOR)):
        return HOME
    if any(part in (".", "..") for part in path.split("/")):
        return HOME
    return wanted
