"""Forms by which a body's set-up is changed: who may send them, and where they lead."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path

from app.web.staff.deeds import StaffDeed
from app.web.staff.doors import SignedIn
from app.web.staff.page_rights import deed_needs, page_needs
from payments.agencies.access.rights import Action
from payments.books.approvals import ApprovalValue

Administrator = Annotated[SignedIn, page_needs(Action.ADMINISTER)]
#: What an administrator has sent; what it makes is made once, however often it is pressed.
Administered = Annotated[StaffDeed, deed_needs(Action.ADMINISTER)]

#: The code of a body or an account in an address.
OwnCode = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


def given_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, without what was left empty."""
    return {name: value for name, value in typed.items() if value}


def led_to(address: str, waits: ApprovalValue | None) -> str:
    """To what is now, or to what waits for somebody else."""
    return address if waits is None else f"/staff/approvals/{waits.id}"
