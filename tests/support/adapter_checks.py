"""What every adapter promises, gateway or feed: what it says of itself, and what is kept of it."""

import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from payments.capabilities import PROTOCOLS
from payments.gateway_info import CredentialField, GatewayInfo, GatewayKind
from payments.notice_json import UnreadableNotice, read_notice, write_notice
from payments.ports import CallbackRejected, Credit, GatewayMisuse, GatewayResult
from tests.support.rigs.contract import AdapterRig, GatewayRig

Check = Callable[[AdapterRig], Coroutine[Any, Any, None]]

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")
_ODD: Final = ("line\nend", "đặc biệt", " space", "x" * 5_000)


async def it_says_what_it_is(rig: AdapterRig) -> None:
    reader = rig.reader()
    info = reader.info
    assert type(reader).info is info, "what it is depends on the account"
    assert info.name == rig.account.gateway, f"it calls itself {info.name}"
    assert reader.account == rig.account
    assert _NAME.fullmatch(info.name), f"{info.name!r} is no name"
    for what, words in _words(info).items():
        assert words.strip() == words != "", f"{what} is empty"
        assert words.isprintable(), f"{what} is not printable"
    names = [field.name for field in info.fields]
    assert len(names) == len(set(names)), "two fields have one name"
    assert any(field.secret and field.required for field in info.fields), "nothing is secret"
    for limit in (info.least_amount, info.greatest_amount):
        assert limit is None or 1 <= limit <= 10**13, f"{limit} is no amount"
    assert (info.least_amount or 1) <= (info.greatest_amount or 10**13), "no amount is taken"
    for header in info.verifying_headers:
        assert header == header.lower(), f"{header}: header names are lower case"


async def its_kind_and_capabilities_are_true(rig: AdapterRig) -> None:
    reader = rig.reader()
    starts = hasattr(reader, "start")
    assert starts == (reader.info.kind is GatewayKind.GATEWAY), "its kind is not true"
    for capability, protocol in PROTOCOLS.items():
        keeps = isinstance(reader, protocol)
        said = capability in reader.info.capabilities
        assert keeps == said, f"{capability}: says {said}, keeps its protocol: {keeps}"


async def its_credentials_are_checked_by_name(rig: AdapterRig) -> None:
    info, good = rig.reader().info, rig.account.credentials
    assert info.check(good) == [], "its own credentials will not do"

    def faults(credentials: dict[str, str]) -> list[tuple[str, str]]:
        found = info.check(credentials)
        for secret in rig.secrets:
            assert secret not in repr(found), "a secret was told"
        return [(fault.field, fault.code) for fault in found]

    found = faults({**good, "colour": "red"})
    assert found == [("colour", "unknown")], "a field that it does not know may be given"
    for field in info.fields:
        less = {name: value for name, value in good.items() if name != field.name}
        missing = [(field.name, "missing")] if field.required else []
        assert faults(less) == missing, f"{field.name} may be missing"
        assert faults({**less, field.name: ""}) == missing, f"{field.name} may be empty"
        for odd in _ODD:
            found = faults({**good, field.name: odd})
            assert found == [(field.name, "malformed")], f"{field.name} may be {odd[:20]!r}"


async def missing_credentials_are_our_fault(rig: AdapterRig) -> None:
    for field in type(rig.reader()).info.fields:
        if not field.required:
            continue
        account = replace(rig.account, credentials={**rig.account.credentials, field.name: ""})
        complaint = ""
        try:
            type(rig.reader())(account)  # type: ignore[call-arg]  # as the registry makes one
        except GatewayMisuse as error:
            complaint = error.detail
        assert field.name in complaint, f"an adapter was made without {field.name}"
        assert not any(secret in complaint for secret in rig.secrets), "a secret was told"


async def what_is_kept_reads_the_same(rig: AdapterRig) -> None:
    """Its value through the stored JSON, and its raw bytes with the headers it wants kept."""
    reader = rig.reader()
    notices = await rig.genuine()
    assert notices, "a rig must send something"
    for notice in notices:
        value = reader.read_notice(notice)
        assert value is not None, "a genuine notice was read as nothing"
        try:
            kept = read_notice(write_notice(value))
        except UnreadableNotice as error:
            raise AssertionError(f"what was kept cannot be read: {error}") from error
        assert kept == value, "what was kept is not what was verified"
        assert type(kept) is (Credit if reader.info.kind is GatewayKind.FEED else GatewayResult)
        headers = {n: v for n, v in notice.headers.items() if n in reader.info.kept_headers}
        try:
            again = reader.read_notice(replace(notice, headers=headers))
        except CallbackRejected as error:
            raise AssertionError(f"a header that it needs is not kept: {error.detail}") from error
        assert again == value, "the kept bytes read otherwise"
        proofs = reader.info.verifying_headers
        borne = [name for name in proofs if name in headers]
        assert bool(borne) == bool(proofs), "it bears none of the headers that are said to verify"
        for name in borne:
            without = {n: v for n, v in headers.items() if n != name}
            try:
                reader.read_notice(replace(notice, headers=without))
            except CallbackRejected:
                continue
            raise AssertionError(f"{name} is said to verify and proves nothing")


async def its_limits_are_kept(rig: AdapterRig) -> None:
    info, settings = rig.reader().info, rig.account.credentials
    least, greatest = info.limits(settings)
    inside = [limit for limit in (least, greatest) if limit is not None]
    outside = [limit + step for limit, step in ((least, -1), (greatest, 1)) if limit is not None]
    outside = [amount for amount in outside if amount >= 1]
    for amount in inside:
        assert info.takes(amount, settings), f"{amount} is not offered"
    for amount in outside:
        assert not info.takes(amount, settings), f"{amount} is offered"
    if info.kind is GatewayKind.GATEWAY:
        gateway_rig: GatewayRig = rig  # type: ignore[assignment]  # a gateway's rig is one
        for amount in outside:
            result: object = None
            try:
                result = await gateway_rig.gateway().start(gateway_rig.request(amount))
            except GatewayMisuse:
                continue
            raise AssertionError(f"{amount} was started: {result!r}")


CHECKS: Final[dict[str, Check]] = {
    check.__name__: check
    for check in (
        it_says_what_it_is,
        its_kind_and_capabilities_are_true,
        its_credentials_are_checked_by_name,
        missing_credentials_are_our_fault,
        what_is_kept_reads_the_same,
        its_limits_are_kept,
    )
}


def _words(info: GatewayInfo) -> dict[str, str]:
    words = {"title_vi": info.title_vi, "title_en": info.title_en}
    for field in info.fields:
        words |= _labels(field)
    return words


def _labels(field: CredentialField) -> dict[str, str]:
    return {f"{field.name}.label_vi": field.label_vi, f"{field.name}.label_en": field.label_en}
