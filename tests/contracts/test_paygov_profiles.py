"""PayGov's units, and one that is a matter of settings alone, keep the contract too."""

import json
from dataclasses import replace

import pytest

from payments.ports import CallbackRejected, GatewayMisuse, GatewayResult, Outcome
from tests.support import adapter_checks, gateway_checks
from tests.support.rigs.paygov import PayGovRig

#: A unit that nobody here has seen: bars between the fields, and a keyed checksum of results.
OTHER = {
    "create_fields": "partnerCode,returnUrl,orderId,amount,orderInfo,requestCode,checksum",
    "create_checksum": "sha256|(partnerCode,orderId,amount,requestCode,secretKey)",
    "callback_checksum": (
        "hmac-sha256|(orderId,amount,errorCode,transactionNo,payDate,requestCode)"
    ),
}
#: Another, as docs/gateways.md says it is added: HMAC in every direction, and headers of its own.
KEYED = {
    "create_fields": "partnerCode,accessKey,returnUrl,orderId,amount,requestCode,checksum",
    "create_checksum": "hmac-sha256|(partnerCode,orderId,amount,requestCode)",
    "callback_checksum": (
        "hmac-sha512|(orderId,amount,errorCode,transactionNo,payDate,requestCode,transactionCode)"
    ),
    "headers": "X-Api-Key:token,X-Partner:partnerCode,lgspaccesstoken:lgspAccessToken",
}
UNITS: dict[str, dict[str, str]] = {
    "keyed, by settings": KEYED,
    "dongthap": {"profile": "dongthap"},
    "bogtvt": {"profile": "bogtvt"},
    "by settings": OTHER,
}
CHECKS = (
    "same_key_is_the_same_attempt",
    "another_request_under_a_used_key_is_our_fault",
    "amounts_are_exact_inwards",
    "a_genuine_callback_is_read_in_full",
    "outcomes_are_told_apart",
    "no_secret_is_ever_told",
)


@pytest.mark.parametrize("unit", UNITS)
async def test_a_unit_keeps_the_contract(unit: str) -> None:
    for check in CHECKS:
        rig = PayGovRig(settings=UNITS[unit])
        async with rig.running():
            await gateway_checks.CHECKS[check](rig)
    rig = PayGovRig(settings=UNITS[unit])
    async with rig.running():
        await adapter_checks.CHECKS["what_is_kept_reads_the_same"](rig)


async def test_another_unit_s_results_are_not_read() -> None:
    """Each direction: the profile is the account's, and no other one fits."""
    notices = {}
    for unit in ("dongthap", "by settings"):
        rig = PayGovRig(settings=UNITS[unit])
        async with rig.running():
            notices[unit] = await gateway_checks.paid(rig)
    for unit, other in (("dongthap", "by settings"), ("by settings", "dongthap")):
        reader = PayGovRig(settings=UNITS[unit]).gateway()
        assert reader.read_notice(notices[unit]) is not None
        with pytest.raises(CallbackRejected):
            reader.read_notice(notices[other])


async def test_what_a_checksum_leaves_out_is_not_believed() -> None:
    short = OTHER | {"callback_checksum": "hmac-sha256|(orderId,amount,errorCode,transactionNo)"}
    rig = PayGovRig(settings=short)
    async with rig.running():
        genuine = await gateway_checks.paid(rig)
        forged = json.loads(genuine.body) | {"payDate": "20200101000000", "requestCode": "x"}
        result = rig.gateway().read_notice(replace(genuine, body=json.dumps(forged).encode()))
        assert isinstance(result, GatewayResult)
        assert (result.outcome, result.paid_at) == (Outcome.SUCCEEDED, None)
        assert result.request_code is None
        changed = json.loads(genuine.body) | {"amount": 1}
        with pytest.raises(CallbackRejected):
            rig.gateway().read_notice(replace(genuine, body=json.dumps(changed).encode()))


@pytest.mark.parametrize(
    "settings",
    [
        {"callback_checksum": "hmac-sha256(orderId,amount)"},
        {"callback_checksum": "sha256|(orderId,amount,errorCode,transactionNo)"},
        {"create_fields": "partnerCode,returnUrl,orderId,amount"},
        {"create_fields": "partnerCode,returnUrl,orderId,amount,requestCode,colour"},
        {"create_fields": "partnerCode,returnUrl,orderId,amount,requestCode"}
        | {"create_checksum": "sha256(orderId)"},
        {"profile": "dongthap", "create_checksum": "sha256(orderId)"},
        {"profile": "ha-noi"},
        {"create_checksum": "md5(orderId)"},
        {"headers": "X-Api-Key:secretKey"},
        {"headers": "X-Api Key:token"},
        {"headers": "X-Api-Key:token\r\nHost:token"},
        {"create_checksum": "sha256(orderId"},
    ],
)
async def test_settings_that_would_let_anybody_in_or_fit_nothing_are_refused(
    settings: dict[str, str],
) -> None:
    with pytest.raises(GatewayMisuse, match="|".join(settings)):
        PayGovRig(settings=settings).gateway()
