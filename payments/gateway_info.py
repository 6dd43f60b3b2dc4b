"""What a gateway or feed says of itself, so that nobody else has to name a provider. Pure.

Pages take its title, commands and the API check credentials against its fields, the checkout
leaves out what its limits do not allow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from core.errors import FieldError

#: How long a gateway waits for the answer to its notice where it says nothing else.
ANSWER_WITHIN: Final = timedelta(seconds=10)

#: How long a payment page takes money where its gateway says nothing else.
OPEN_FOR: Final = timedelta(minutes=15)


class GatewayKind(StrEnum):
    """Whether attempts to pay are started there, or it only tells of credits that came.

    A biller asks what a code owes, takes the money itself, and tells of it.
    """

    GATEWAY = "gateway"
    FEED = "feed"
    BILLER = "biller"


class Capability(StrEnum):
    """What a gateway can do beyond `start` and notices; each is a protocol, see `PROTOCOLS`.

    With `PULL` it is the gateway that asks: what a bill or a dossier owes, or an order of ours.
    """

    QUERY = "query"
    CANCEL = "cancel"
    REFUND = "refund"
    PULL = "pull"
    RECEIPT = "receipt"
    PAYOUT = "payout"


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One credential or setting of an account, in the gateway's own name for it.

    `pattern` is what the whole value must match; a `secret` is never shown again.
    """

    name: str
    label_vi: str
    label_en: str
    secret: bool = True
    required: bool = True
    pattern: str = r"[!-~]{1,256}"


def limit_fields() -> tuple[CredentialField, CredentialField]:
    """The two settings by which a contract's own limits replace those of `GatewayInfo`."""
    return (
        CredentialField(
            "least_amount",
            "Số tiền nhỏ nhất mỗi lần (đồng)",
            "Least amount of a payment (đồng)",
            secret=False,
            required=False,
            pattern=r"[1-9][0-9]{0,12}",
        ),
        CredentialField(
            "greatest_amount",
            "Số tiền lớn nhất mỗi lần (đồng)",
            "Greatest amount of a payment (đồng)",
            secret=False,
            required=False,
            pattern=r"[1-9][0-9]{0,12}",
        ),
    )


@dataclass(frozen=True, slots=True)
class GatewayInfo:
    """What an adapter says of itself, without any account.

    `title_*` are shown to citizens and printed on receipts. `least_amount` and `greatest_amount`
    are whole đồng, None where unknown. `open_for` is how long the payment page of an attempt takes
    money: past it an attempt that the gateway calls unpaid is over. `verifying_headers` (lower
    case) are those that prove a notice, beside its bytes. `answer_within` is
    how long it waits for the answer to a notice: an answer that comes later is none. A capability
    that is in `by_contract` too is one of accounts whose setting of its name is `yes`. Where orders
    are numbered, an attempt's reference is a whole number below 2^53 and not made of its bill's.
    `wants_dossier` says that an order names the fees and the dossier that it pays, `straight` that
    money comes by transfer to the body's own account: whose statement is its settlement file.
    """

    name: str
    title_vi: str
    title_en: str
    kind: GatewayKind
    fields: tuple[CredentialField, ...]
    capabilities: frozenset[Capability] = frozenset()
    least_amount: int | None = None
    greatest_amount: int | None = None
    verifying_headers: tuple[str, ...] = ()
    open_for: timedelta = OPEN_FOR
    answer_within: timedelta = ANSWER_WITHIN
    by_contract: frozenset[Capability] = frozenset()
    numbered_orders: bool = False
    wants_dossier: bool = False
    straight: bool = False

    @property
    def kept_headers(self) -> tuple[str, ...]:
        """The headers kept beside a notice's raw bytes, for whoever has to look at it later."""
        return ("content-type", *self.verifying_headers)

    @property
    def no_order(self) -> str:
        """A reference that no attempt of ours has: to ask whether the gateway answers at all."""
        return "1" if self.numbered_orders else "LEPHI-CHECK-00"

    def can(self, capability: Capability, settings: Mapping[str, str]) -> bool:
        """Whether an account with these settings has a capability.

        A setting of its name that says `no` takes away what others have.
        """
        if capability not in self.capabilities or settings.get(capability) == "no":
            return False
        return capability not in self.by_contract or settings.get(capability) == "yes"

    def open_until(self, created_at: datetime, expires_at: datetime | None) -> datetime:
        """When an attempt's time is over: the page's own, or its bill's where that is sooner."""
        latest = created_at + self.open_for
        return latest if expires_at is None else min(latest, expires_at)

    def check(self, credentials: Mapping[str, str]) -> list[FieldError]:
        """What is wrong with an account's credentials: each field by name, never its value."""
        known = {known.name: known for known in self.fields}
        faults = [
            FieldError(name, "unknown", f"{self.name} has no such field")
            for name in credentials
            if name not in known
        ]
        for one in self.fields:
            value = credentials.get(one.name, "")
            if not value and one.required:
                faults.append(FieldError(one.name, "missing", f"{one.label_en} is needed"))
            elif value and re.fullmatch(one.pattern, value) is None:
                faults.append(FieldError(one.name, "malformed", f"{one.label_en} is malformed"))
        return faults

    def limits(self, settings: Mapping[str, str]) -> tuple[int | None, int | None]:
        """Least and greatest amount in whole đồng, an account's own settings before ours."""
        least, greatest = settings.get("least_amount"), settings.get("greatest_amount")
        return (
            int(least) if least else self.least_amount,
            int(greatest) if greatest else self.greatest_amount,
        )

    def takes(self, amount: int, settings: Mapping[str, str]) -> bool:
        """Whether an account with these settings takes a payment of `amount` đồng."""
        least, greatest = self.limits(settings)
        return (least is None or least <= amount) and (greatest is None or amount <= greatest)
