"""Callbacks that nobody genuine sent: refused with 401, and nothing at all is written.

What is sealed rightly and cannot be read is kept instead, for a person.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from adapters.sandbox.dialects import paygov, sepay
from adapters.sandbox.engine.store import Merchant
from core import clock
from payments.incoming.set_aside import list_set_aside
from tests.support.callbacks import (
    PAYGOV,
    SEPAY,
    call,
    merchant_of,
    notice_of,
    notify,
    order_of,
    result_of,
)
from tests.support.gateway_setups import FEED_SECRET
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

Fields = dict[str, Any]


def _resealed(genuine: Merchant, purpose: str, fields: Fields) -> bytes:
    return json.dumps(fields | {"checksum": paygov.seal(genuine, purpose, fields)}).encode()


def _changed(name: str, value: object) -> Callable[[Merchant, Fields], bytes]:
    return lambda _, fields: json.dumps(fields | {name: value}).encode()


def _without(name: str) -> Callable[[Merchant, Fields], bytes]:
    return lambda _, fields: json.dumps({k: v for k, v in fields.items() if k != name}).encode()


def _outsider(partner: str = "", **keys: str) -> Callable[[Merchant, Fields], bytes]:
    def sealed(genuine: Merchant, fields: Fields) -> bytes:
        other = replace(
            genuine, id=partner or genuine.id, credentials={**genuine.credentials, **keys}
        )
        return paygov.callback_body(other, fields)

    return sealed


def _signed(**changes: object) -> Callable[[Merchant, Fields], bytes]:
    """Signed with the right key, but not what the gateway's grammar allows."""
    return lambda merchant, fields: _resealed(merchant, "paygov.callback", fields | changes)


FORGERIES: dict[str, Callable[[Merchant, Fields], bytes]] = {
    "another secret": _outsider(secret_key="guessed"),
    "another partner": _outsider(partner="PAYGOV-OTHER"),
    "another access key": _outsider(access_key="other"),
    "an answer to a query": lambda m, f: _resealed(m, "paygov.query.answer", f),
    "a query": lambda m, f: _resealed(m, "paygov.query", f),
    "no checksum": _without("checksum"),
    "an empty checksum": _changed("checksum", ""),
    "a checksum of zeros": _changed("checksum", "0" * 64),
    "a checksum that is null": _changed("checksum", None),
    "a cut checksum": lambda _, f: json.dumps(f | {"checksum": f["checksum"][:63]}).encode(),
    "a checksum in capitals": lambda _, f: json.dumps(
        f | {"checksum": f["checksum"].upper()}
    ).encode(),
    "an unkeyed hash": _changed("checksum", "e3b0c44298fc1c149afbf4c8996fb924" * 2),
    "another amount": _changed("amount", 1),
    "another order": _changed("orderId", "LPAAAAAAAAAAAA-01"),
    "another transaction": _changed("transactionNo", "T1"),
    "another code": _changed("errorCode", "07"),
    "another date": _changed("payDate", "20260101000000"),
    "another request": _changed("requestCode", "r"),
    "another narrative": _changed("orderInfo", "x"),
    "one more field": _changed("extra", "x"),
    "one field less": _without("orderInfo"),
    "nothing": lambda *_: b"",
    "no object": lambda *_: b"[]",
    "no JSON": lambda *_: b"amount=5000&errorCode=00",
    "an amount with a fraction": lambda _, f: json.dumps(f).replace("5000", "5000.0", 1).encode(),
    "the amount twice": lambda _, f: json.dumps(f)[:-1].encode() + b', "amount": 5000}',
}


#: Authentic, for the seal is right, but nothing that can be read; and the field that is at fault.
UNREADABLE: dict[str, tuple[str, Callable[[Merchant, Fields], bytes]]] = {
    "an amount as text": ("amount", _changed("amount", "5000")),
    "signed: an amount as text": ("amount", _signed(amount="5000")),
    "signed: an amount of zero": ("amount", _signed(amount=0)),
    "signed: a negative amount": ("amount", _signed(amount=-5000)),
    "signed: an amount beyond all": ("amount", _signed(amount=10**13 + 1)),
    "signed: money without a number": ("transactionNo", _signed(transactionNo="")),
    "signed: money without a date": ("payDate", _signed(payDate="")),
    "signed: a date that is none": ("payDate", _signed(payDate="20261332000000")),
    "signed: an order with a quote": ("orderId", _signed(orderId="LP' OR 1=1--")),
    "signed: a number with a colon": ("transactionNo", _signed(transactionNo="T:1")),
    "signed: a number that is long": ("transactionNo", _signed(transactionNo="9" * 600)),
    "signed: a code of nothing": ("errorCode", _signed(errorCode="")),
}


async def _fields(system: System) -> Fields:
    """The fields of the genuine callback of an order that is open."""
    order = order_of(system, await system.start(await system.create_bill()))
    fields: Fields = json.loads(result_of(system, order))
    return fields


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_callback_is_refused_and_writes_nothing(
    shared_system: System, forgery: str
) -> None:
    system = shared_system
    fields = await _fields(system)
    body = FORGERIES[forgery](merchant_of(system), fields)
    before = await contents(system.parts.database)
    answer = await call(system, body)
    assert answer.status_code == 401, answer.text
    assert answer.json()["error_code"] == "FAILED"
    assert await contents(system.parts.database) == before
    # The genuine one, spaced and ordered otherwise, still settles: only its words are signed.
    genuine = json.dumps(dict(reversed(fields.items())), indent=1).encode()
    assert (await call(system, genuine)).json()["error_code"] == "SUCCESSFUL"


@pytest.mark.parametrize("unreadable", UNREADABLE)
async def test_what_is_authentic_and_unreadable_is_kept_once_and_set_aside(
    shared_system: System, unreadable: str
) -> None:
    system = shared_system
    fields = await _fields(system)
    field, made = UNREADABLE[unreadable]
    body = made(merchant_of(system), fields)
    before = await contents(system.parts.database)
    for _ in range(2):
        answer = await call(system, body)
        assert (answer.status_code, answer.json()["error_code"]) == (200, "FAILED")
    after = await contents(system.parts.database)
    assert {name for name in after if after[name] != before[name]} == {"callback"}
    assert after["callback"][0] == before["callback"][0] + 1
    async with system.parts.database.reading() as session:
        kept = (await list_set_aside(session))[-1]
    assert kept.last_error is not None
    assert field in kept.last_error
    assert await system.broken() == []
    assert (await call(system, json.dumps(fields).encode())).json()["error_code"] == "SUCCESSFUL"


async def test_a_notice_that_is_signed_and_unreadable_is_kept(shared_system: System) -> None:
    system = shared_system
    genuine = json.loads(notice_of(system, 5000, "chuyen tien"))
    bodies = [
        json.dumps(genuine | changed).encode()
        for changed in (
            {"content": None},
            {"content": "x" * 1001},
            {"transferAmount": 5000.5},
            {"transferType": "both"},
            {"transactionDate": "hom nay"},
            {"accountNumber": "DEMO00000002"},
        )
    ] + [b"{}", b"", b"[]", b'{"id": 1, "id": 2}']
    before = await contents(system.parts.database)
    for body in bodies * 2:
        answer = await _send(system, body, _headers(body))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), body
    after = await contents(system.parts.database)
    assert {name for name in after if after[name] != before[name]} == {"callback"}
    assert after["callback"][0] == before["callback"][0] + len(bodies)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/callbacks/paygov/other", 404),
        ("/callbacks/paygov/TEST", 404),
        ("/callbacks/momo/test", 404),
        ("/callbacks/sepay/test", 401),
        ("/callbacks/paygov", 404),
        ("/callbacks/paygov/test/x", 404),
    ],
)
async def test_a_genuine_callback_to_another_address_settles_nothing(
    shared_system: System, path: str, status: int
) -> None:
    system = shared_system
    body = paygov.callback_body(merchant_of(system), await _fields(system))
    before = await contents(system.parts.database)
    answer = await system.browser.post(path, content=body)
    assert answer.status_code == status
    assert await contents(system.parts.database) == before


async def test_a_callback_by_get_or_too_large_is_refused(shared_system: System) -> None:
    system = shared_system
    body = paygov.callback_body(merchant_of(system), await _fields(system))
    before = await contents(system.parts.database)
    assert (await system.browser.request("GET", PAYGOV, content=body)).status_code == 401
    assert (await system.browser.request("GET", SEPAY)).status_code == 401
    assert (await call(system, body + b" " * 70_000)).status_code == 413
    assert await contents(system.parts.database) == before


async def _send(system: System, body: bytes, headers: dict[str, str]) -> httpx2.Response:
    return await system.browser.post(SEPAY, content=body, headers=headers)


def _headers(body: bytes, *, secret: str = FEED_SECRET, late: float = 0) -> dict[str, str]:
    return sepay.notice_headers(secret, body, clock.now() + timedelta(seconds=late))


async def test_a_forged_notice_is_refused_and_writes_nothing(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    body = notice_of(system, 5000, bill["reference"])
    good = _headers(body)
    cut = good | {"X-SePay-Signature": good["X-SePay-Signature"][:-1]}
    bare = good | {"X-SePay-Signature": good["X-SePay-Signature"].removeprefix("sha256=")}
    sha1 = good | {"X-SePay-Signature": good["X-SePay-Signature"].replace("sha256", "sha1")}
    forged: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (body, {"Authorization": f"Apikey {FEED_SECRET}"}),
        (body, {"X-SePay-Signature": good["X-SePay-Signature"]}),
        (body, {"X-SePay-Timestamp": good["X-SePay-Timestamp"]}),
        (body, cut),
        (body, bare),
        (body, sha1),
        (body, good | {"X-SePay-Timestamp": "1"}),
        (body, good | {"X-SePay-Timestamp": "9" * 30}),
        (body, good | {"X-SePay-Timestamp": good["X-SePay-Timestamp"] + ".0"}),
        (body, _headers(body, secret="guessed")),
        (body, _headers(body, secret="")),
        (body, _headers(body, late=-3602)),
        (body, _headers(body, late=302)),
        (body.replace(b"5000", b"9000"), good),
        (body + b" ", good),
    ]
    before = await contents(system.parts.database)
    for content, headers in forged:
        answer = await _send(system, content, headers)
        assert (answer.status_code, answer.json()) == (401, {"success": False}), headers
    assert await contents(system.parts.database) == before
    assert (await _send(system, body, _headers(body, late=-34 * 60))).status_code == 200
    assert (await system.read(bill))["status"] == "paid"


async def test_a_notice_of_money_that_went_out_is_acknowledged_and_credits_nobody(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    before = await contents(system.parts.database)
    body = notice_of(system, 5000, bill["reference"], direction="out")
    assert (await notify(system, body)).json() == {"success": True}
    assert await contents(system.parts.database) == before
