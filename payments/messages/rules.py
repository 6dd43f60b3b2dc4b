"""When messages go, to which numbers, how long they are tried, and which channel one takes. Pure.

Nobody is reminded at night: from 21:00 to 07:00 in Vietnam a reminder waits for the morning. What
somebody waits for, the receipt of what they have just paid, goes at once; of money that a night's
work finds they hear in the morning.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal, get_args

from core.clock import VIETNAM
from payments.message_calls import ChannelKind

MessageKind = Literal["reminder", "receipt"]
MESSAGE_KINDS: Final[tuple[MessageKind, ...]] = get_args(MessageKind)
MessageLanguage = Literal["vi", "en"]

#: The hours of Vietnam in which nobody is reminded.
QUIET_FROM: Final = time(21)
QUIET_UNTIL: Final = time(7)

#: How long a message is tried before it is set aside.
TRIED_FOR: Final = timedelta(days=1)
#: How long what was sent or dropped can be looked up.
KEPT_FOR: Final = timedelta(days=400)
#: The longest that a message of ours is ever dated ahead: a night, and a little.
LONGEST_WAIT: Final = timedelta(hours=11)

_PAUSES: Final = tuple(timedelta(minutes=one) for one in (1, 5, 15, 60))
_MOBILE: Final = re.compile(r"(?:0|\+?84)([35789][0-9]{8})")


@dataclass(frozen=True, slots=True)
class Contact:
    """How somebody can be reached: a mobile number (84…) and an address of e-mail, or neither."""

    mobile: str | None
    email: str | None

    def at(self, kind: ChannelKind) -> str | None:
        """Where they are reached through such a channel, None where they are not."""
        return self.email if kind == "email" else self.mobile


def contact_of(data: dict[str, str]) -> Contact:
    """How whoever has this personal data can be reached."""
    return Contact(mobile_of(data.get("phone", "")), data.get("email") or None)


def mobile_of(text: str) -> str | None:
    """A Vietnamese mobile number as 84912345678; None for what is none (a landline, a typo)."""
    found = _MOBILE.fullmatch(re.sub(r"[\s.-]", "", text))
    return None if found is None else f"84{found[1]}"


def channel_for(contact: Contact, kinds: Collection[ChannelKind]) -> ChannelKind | None:
    """The channel that somebody is told through: Zalo before SMS, which costs more, then e-mail."""
    order: tuple[ChannelKind, ...] = ("zns", "sms", "email")
    return next((one for one in order if one in kinds and contact.at(one)), None)


def goes_at(kind: str, at: datetime) -> datetime:
    """When a message that is due at `at` (aware) may go; a reminder of the night in the morning."""
    if kind != "reminder":
        return at
    local = at.astimezone(VIETNAM)
    if QUIET_UNTIL <= local.time() < QUIET_FROM:
        return at
    day = local.date() + timedelta(days=local.time() >= QUIET_FROM)
    return datetime.combine(day, QUIET_UNTIL, VIETNAM).astimezone(at.tzinfo)


def pause(tries: int) -> timedelta:
    """How long a message waits after so many tries: a minute … an hour."""
    return _PAUSES[min(max(tries, 1), len(_PAUSES)) - 1]
