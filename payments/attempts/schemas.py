"""What the API takes to start an attempt."""

from typing import Annotated

from pydantic import (
    StringConstraints,
)

from core.schemas import RequestModel


class PaymentIn(RequestModel):
    """An attempt to start: which of the agency's gateways.

    `instead_of` is the id of the open attempt that the payer leaves for this one; its gateway is
    asked first, and it is left only if that calls it unpaid, or its payment page is past its time.
    """

    gateway: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
    instead_of: Annotated[str, StringConstraints(pattern=r"^pay_[0-9a-f]{32}$")] | None = None
