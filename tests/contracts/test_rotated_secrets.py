"""While an account's secrets are rotated both are taken, of every adapter; then only the new."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from adapters.registry import ADAPTERS, Directory
from adapters.sandbox.engine.discovery import dialects
from payments.agencies.queries import CollectionAccountValue, GatewayAccountValue
from payments.incoming.verifying import verified
from payments.ports import CallbackRejected, GatewayAccount, NoticeContent, RawCallback
from tests.support.rigs.every import RIGS

NOW = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=24)
COLLECTION = CollectionAccountValue(
    *("acct_1", "agency_1", "tk", "970436", "0011", "TK THU", time(16), None, [])
)


def with_new_secrets(account: GatewayAccount) -> GatewayAccount:
    """The account with other secrets and nothing else that differs."""
    fresh = dialects()[account.gateway].demo_credentials("DEMO00000001")
    assert fresh is not None
    secret = {field.name for field in ADAPTERS[account.gateway].info.fields if field.secret}
    renewed: Mapping[str, str] = {
        name: fresh.get(name, value) if name in secret else value
        for name, value in account.credentials.items()
    }
    assert renewed != account.credentials
    return replace(account, credentials=renewed)


def rotated(new: GatewayAccount, old: GatewayAccount | None) -> GatewayAccountValue:
    return GatewayAccountValue("gw_1", "agency_1", COLLECTION, new, old, UNTIL)


def read(
    account: GatewayAccountValue, raw: RawCallback, now: datetime
) -> tuple[NoticeContent, ...]:
    return verified(Directory(), account, raw, now)


@pytest.mark.parametrize("name", ADAPTERS)
async def test_both_secrets_are_taken_within_the_window_and_the_old_one_not_after_it(
    name: str,
) -> None:
    rig = RIGS[name]()
    async with rig.running():
        notices = await rig.genuine()
        assert notices
        signed_by, other = rig.account, with_new_secrets(rig.account)
        for raw in notices:
            told = read(rotated(signed_by, None), raw, NOW)
            # Under the old secret: within the window, and not a moment after it.
            assert read(rotated(other, signed_by), raw, UNTIL - timedelta(seconds=1)) == told
            for late in (UNTIL, UNTIL + timedelta(days=1)):
                with pytest.raises(CallbackRejected):
                    read(rotated(other, signed_by), raw, late)
            # Under the new one: at once, and for ever.
            for now in (NOW, UNTIL + timedelta(days=1)):
                assert read(rotated(signed_by, other), raw, now) == told


@pytest.mark.parametrize("name", ADAPTERS)
async def test_without_a_window_or_under_neither_secret_a_notice_is_refused(name: str) -> None:
    rig = RIGS[name]()
    async with rig.running():
        other = with_new_secrets(rig.account)
        for raw in await rig.genuine():
            with pytest.raises(CallbackRejected):
                read(rotated(other, None), raw, NOW)
            with pytest.raises(CallbackRejected):
                read(rotated(other, with_new_secrets(rig.account)), raw, NOW)


async def test_a_window_that_never_ends_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(GatewayAccountValue, "earlier_at", lambda self, _: self.previous)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await test_both_secrets_are_taken_within_the_window_and_the_old_one_not_after_it("momo")


async def test_a_rotation_keeps_two_adapters_and_opens_no_third_for_each_notice() -> None:
    rig = RIGS["momo"]()
    async with rig.running():
        (raw, *_) = await rig.genuine()
        directory, other = Directory(), with_new_secrets(rig.account)
        for _ in range(5):
            verified(directory, rotated(other, rig.account), raw, NOW)
        assert len(directory._readers[("momo", rig.account.account)]) == 2
        assert directory._retired == []
        await directory.aclose()
