"""What is signed rightly is never thrown away, whatever is in it."""

import hashlib
import hmac
import json
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from adapters.registry import ADAPTERS
from adapters.sandbox.dialects import sepay
from app.seed.agency import DEMO_ACCOUNT
from core import clock
from tests.support.callbacks import PAYGOV, SEPAY
from tests.support.gateway_setups import FEED_SECRET, MERCHANT, VNPAY
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Does not compress, so that an index could not hold it.
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=1000))
ODD = {
    "half an emoji": "\ud83d",
    "NUL": "a\x00b",
    "1,001 characters": "x" * 1001,
    "a fraction": "6000.0",
    "an impossible date": "2026-13-45",
    "an oversized reference": LONG,
}


@dataclass(frozen=True, slots=True)
class Message:
    """A call of a provider's."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] | None = None

    async def send(self, system: System) -> httpx2.Response:
        return await system.browser.request(
            self.method, self.path, content=self.body, headers=dict(self.headers or {})
        )


def by_paygov(odd: str, marker: str) -> Message:
    fields: dict[str, Any] = {
        "orderId": "LPABCDEFGHJK23-01",
        "amount": 6000,
        "errorCode": "00",
        "transactionNo": marker,
        "payDate": "20261129101010",
        "requestCode": "r",
        "orderInfo": "Nop phi",
    }
    where = {"an impossible date": "payDate", "an oversized reference": "transactionNo"}
    fields[where.get(odd, "orderInfo")] = ODD[odd]
    if odd == "a fraction":
        fields["amount"], fields["orderInfo"] = "6000.0", "x"
    secret = MERCHANT["secret_key"].encode()
    parts = ["paygov.callback", MERCHANT["partner_code"], MERCHANT["access_key"]]
    for name in sorted(fields):
        parts += [name, str(fields[name])]
    # Half of a pair becomes a question mark, as in the language that such portals are written in.
    written = [part.encode("utf-8", "replace") for part in parts]
    sealed = b"".join(b"%d:%b," % (len(one), one) for one in written)
    document = fields | {"checksum": hmac.new(secret, sealed, hashlib.sha256).hexdigest()}
    body = json.dumps(document).replace('"6000.0"', "6000.0").encode()
    return Message("POST", PAYGOV, body, {"Content-Type": "application/json"})


def by_sepay(odd: str, marker: str) -> Message:
    fields: dict[str, Any] = {
        "id": int(marker),
        "gateway": "VCB",
        "transactionDate": f"{clock.now():%Y-%m-%d %H:%M:%S}",
        "accountNumber": "",
        "subAccount": None,
        "code": None,
        "content": "chuyen tien",
        "transferType": "in",
        "transferAmount": 6000,
        "referenceCode": marker,
    }
    where = {"an impossible date": "transactionDate", "an oversized reference": "referenceCode"}
    fields[where.get(odd, "content")] = ODD[odd]
    if odd == "a fraction":
        fields["transferAmount"], fields["content"] = 6000.0, "x"
    body = json.dumps(fields | {"accountNumber": DEMO_ACCOUNT}).encode()
    headers = sepay.notice_headers(FEED_SECRET, body, clock.now())
    return Message("POST", SEPAY, body, headers | {"Content-Type": "application/json"})


def by_vnpay(odd: str, marker: str) -> Message:
    written = {"half an emoji": "%ED%A0%BD", "NUL": "a%00b"}
    fields = {
        "vnp_Amount": "600000.0" if odd == "a fraction" else "600000",
        "vnp_OrderInfo": written.get(odd, "x" * 1001 if odd == "1,001 characters" else "Nop"),
        "vnp_PayDate": "20261345101010" if odd == "an impossible date" else "20261129101010",
        "vnp_ResponseCode": "00",
        "vnp_TmnCode": VNPAY.credentials["tmn_code"],
        "vnp_TransactionNo": LONG if odd == "an oversized reference" else marker,
        "vnp_TransactionStatus": "00",
        "vnp_TxnRef": "LPABCDEFGHJK23-01",
    }
    query = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    secret = VNPAY.credentials["hash_secret"].encode()
    seal = hmac.new(secret, query.encode(), hashlib.sha512).hexdigest()
    return Message("GET", f"{VNPAY.callback_path}?{query}&vnp_SecureHash={seal}")


SENDERS = {"paygov": by_paygov, "sepay": by_sepay, "vnpay": by_vnpay}


async def test_every_adapter_is_looked_at() -> None:
    assert set(SENDERS) == set(ADAPTERS)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("provider", SENDERS)
async def test_what_is_authentic_is_kept_once_whatever_is_in_it(
    shared_system: System, provider: str, odd: str
) -> None:
    system = shared_system
    message = SENDERS[provider](odd, str(random.Random(provider + odd).randrange(10**9)))
    before = await contents(system.parts.database)
    for _ in range(2):
        answer = await message.send(system)
        assert answer.status_code == 200, answer.text
    after = await contents(system.parts.database)
    assert after["callback"][0] == before["callback"][0] + 1
    assert await system.broken() == []


@pytest.mark.parametrize("provider", ["paygov", "vnpay"])
@pytest.mark.parametrize("odd", ODD)
async def test_the_same_words_under_another_seal_are_refused(
    shared_system: System, provider: str, odd: str
) -> None:
    """The negative control: nothing of it is kept because it is odd."""
    system = shared_system
    message = SENDERS[provider](odd, "7")
    forged = Message(
        message.method,
        message.path[:-8] + "00000000" if message.method == "GET" else message.path,
        message.body.replace(b'"checksum": "', b'"checksum": "0').replace(b'00"}', b'0"}'),
        message.headers,
    )
    before = await contents(system.parts.database)
    await forged.send(system)
    assert await contents(system.parts.database) == before
