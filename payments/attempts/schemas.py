"""What the API takes to start an attempt."""

from typing import Annotated

from pydantic import (
    StringConstraints,
)

from core.schemas import RequestModel


class PaymentIn(RequestModel):
    """An attempt to start: which of the agency's gateways."""

    gateway: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
