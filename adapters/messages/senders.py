"""The providers of messages there are, by the kind of channel: see `payments.message_calls`."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from adapters.http import GatewayHttp, checked_url
from adapters.messages import letters, sms, zns
from core.errors import FieldError
from payments.message_calls import (
    ChannelAccess,
    ChannelKind,
    DeliveryReport,
    OutgoingText,
    RawReport,
    RenewAnswer,
    RenewFate,
    ReportRejected,
    SendAnswer,
    SendFate,
)
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown

#: In seconds, a whole call: a message can wait, its worker's others should not for long.
TOTAL_DEADLINE: Final = 20.0

_FIELDS: Final[Mapping[ChannelKind, Sequence[str]]] = {
    "sms": sms.FIELDS,
    "zns": zns.FIELDS,
    "email": letters.FIELDS,
}
_REPEATABLE: Final[Mapping[ChannelKind, bool]] = {
    "sms": sms.REPEATABLE,
    "zns": zns.REPEATABLE,
    "email": letters.REPEATABLE,
}
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class Senders:
    """See `payments.message_calls.MessageSenders`; a connection is made for each message."""

    def __init__(self, *, total_deadline: float = TOTAL_DEADLINE) -> None:
        self._total = total_deadline

    async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
        """Send a message once; never raises for what a provider or the network does."""
        if channel.kind == "email":
            return await letters.send(channel, message)
        try:
            http = GatewayHttp(channel.url, total_deadline=self._total, attempts=1)
        except GatewayMisuse as error:
            return SendAnswer(SendFate.LATER, None, error.detail)
        call = sms.send if channel.kind == "sms" else zns.send
        try:
            return await call(http, channel, message)
        except (GatewayUnavailable, GatewayMisuse) as error:
            return SendAnswer(SendFate.LATER, None, error.detail)
        except OutcomeUnknown as error:
            return SendAnswer(SendFate.UNCLEAR, None, error.detail)
        finally:
            await http.aclose()

    async def renew(self, channel: ChannelAccess) -> RenewAnswer:
        """Ask for new tokens in the place of those that end; never raises for what happens."""
        try:
            place = channel.credentials.get("oauth_url", zns.OAUTH)
            http = GatewayHttp(place, total_deadline=self._total, attempts=1)
        except GatewayMisuse as error:
            return RenewAnswer(RenewFate.LATER, fault=error.detail)
        try:
            return await zns.renew(http, channel)
        except (GatewayUnavailable, GatewayMisuse) as error:
            return RenewAnswer(RenewFate.LATER, fault=error.detail)
        except OutcomeUnknown as error:
            return RenewAnswer(RenewFate.UNCLEAR, fault=error.detail)
        finally:
            await http.aclose()

    def read_report(self, channel: ChannelAccess, report: RawReport) -> DeliveryReport | None:
        """What a provider tells of a message; None where it tells something else.

        Raises `ReportRejected`.
        """
        match channel.kind:
            case "zns":
                return zns.read_report(channel, report)
            case "sms":
                return sms.read_report(report)
            case "email":
                raise ReportRejected("nobody tells of letters")

    def renews(self, channel: ChannelAccess) -> bool:
        """Whether the channel has tokens that end, and what new ones are asked for by."""
        return channel.kind == "zns" and bool(channel.credentials.get("refresh_token"))

    def repeatable(self, kind: ChannelKind) -> bool:
        """Whether a repeat under the same id is the same message there."""
        return _REPEATABLE[kind]

    def faults(self, channel: ChannelAccess) -> list[FieldError]:
        """What is wrong with a channel as it is set up, field by field; never tells a value."""
        wanted, given = set(_FIELDS[channel.kind]), channel.credentials
        more: set[str] = set()
        if channel.kind == "zns":
            more = {*zns.RENEWAL, *zns.OPTIONAL}
            wanted |= set(zns.RENEWAL) if more & set(given) else set()
        found = [
            FieldError(name, "required", "is missing")
            for name in sorted(wanted)
            if not given.get(name)
        ]
        found += [
            FieldError(name, "unknown", "is not known there")
            for name in sorted(set(given) - wanted - more)
        ]
        if "oauth_url" in given and not _is_https(given["oauth_url"]):
            found.append(FieldError("oauth_url", "not_a_url", "must begin with https://"))
        if _LINE.fullmatch(channel.sender) is None:
            found.append(FieldError("sender", "invalid", "is one line of at most 200 characters"))
        if not _is_address(channel):
            schemes = "smtp:// or smtps://" if channel.kind == "email" else "https://"
            found.append(FieldError("url", "not_a_url", f"must begin with {schemes}"))
        return found


def _is_address(channel: ChannelAccess) -> bool:
    try:
        if channel.kind == "email":
            parts = urlsplit(channel.url)
            return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return _is_https(channel.url)


def _is_https(url: str) -> bool:
    try:
        checked_url(url)
    except (ValueError, GatewayMisuse):
        return False
    return True
