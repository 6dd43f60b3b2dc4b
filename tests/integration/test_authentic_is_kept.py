"""What is signed rightly is never thrown away, whatever is in it."""

import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from adapters.registry import ADAPTERS
from adapters.sandbox.dialects import sepay, thuho
from adapters.sandbox.dialects.stripe import dialect as stripe
from adapters.sandbox.engine.store import Merchant
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from core import clock
from tests.support.callbacks import PAYGOV, SEPAY
from tests.support.gateway_setups import ACCOUNT, FEED_SECRET, MERCHANT, VNPAY, GatewaySetup
from tests.support.rigs.contract import LONG, ODD, OddTeller
from tests.support.rigs.every import RIGS
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOMO = GatewaySetup(
    "momo", {"partner_code": "MOMOTHU1", "access_key": "access-1", "secret_key": "secret-1"}
)
ZALOPAY = GatewaySetup("zalopay", {"app_id": "553", "key1": "key-1", "key2": "key-2"})
CASSO = GatewaySetup("casso", {"account_number": DEMO_ACCOUNT, "secret": "secret-of-casso"})
PAYOS = GatewaySetup(
    "payos", {"client_id": "kenh-1", "api_key": "key-1", "checksum_key": "checksum-1"}
)
STRIPE = GatewaySetup("stripe", {"api_key": "sk_test_1", "webhook_secret": "whsec_1"})
DVCQG = GatewaySetup("dvcqg", {"partner_code": "P1", "hash_key": "key-1"})
THUHO = GatewaySetup("thuho", {"partner": "BANK1", "secret": "secret-of-a-bank"})
#: Providers whose rigs say odd things themselves: whoever is added.
TELLERS = {name: rig for name, make in RIGS.items() if isinstance(rig := make(), OddTeller)}
#: Gateways of which the shared system has no account by itself.
MORE = (
    *(THUHO, DVCQG, MOMO, ZALOPAY, CASSO, PAYOS, STRIPE),
    *(GatewaySetup(name, RIGS[name]().account.credentials) for name in TELLERS),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def more_accounts(shared_system: System) -> None:
    """An account at each gateway of `MORE`, under the path of its setup."""
    async with shared_system.parts.database.transaction() as session:
        for setup in MORE:
            await configure_gateway(
                session,
                shared_system.parts.cipher,
                agency_id=shared_system.body.agency_id,
                collection_account_id=shared_system.body.collection_account_id,
                gateway=setup.name,
                account=ACCOUNT,
                base_url=f"{shared_system.sandbox_url}/{setup.name}",
                credentials=setup.credentials,
            )
    shared_system.parts.payments.agencies.forget()


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


def by_momo(odd: str, marker: str) -> Message:
    fields: dict[str, Any] = {
        "amount": 6000,
        "extraData": "",
        "message": "Successful.",
        "orderId": "LPABCDEFGHJK23-01",
        "orderInfo": "Nop phi",
        "orderType": "momo_wallet",
        "payType": "qr",
        "requestId": "r",
        "responseTime": int(clock.now().timestamp() * 1000),
        "resultCode": 0,
        "transId": int(marker) + 1,
    }
    where = {"an impossible date": "responseTime", "an oversized reference": "requestId"}
    fields[where.get(odd, "message")] = ODD[odd]
    if odd == "a fraction":
        fields["amount"], fields["message"] = "6000.0", "x"
    keys = MOMO.credentials
    said = fields | {"partnerCode": keys["partner_code"], "accessKey": keys["access_key"]}
    text = "&".join(f"{name}={said[name]}" for name in sorted(said)).encode("utf-8", "replace")
    del said["accessKey"]
    said["signature"] = hmac.new(keys["secret_key"].encode(), text, hashlib.sha256).hexdigest()
    body = json.dumps(said).replace('"6000.0"', "6000.0").encode()
    return Message("POST", MOMO.callback_path, body, {"Content-Type": "application/json"})


def by_zalopay(odd: str, marker: str) -> Message:
    at = int(clock.now().timestamp() * 1000)
    fields: dict[str, Any] = {
        "app_id": 553,
        "app_trans_id": "261129_LPABCDEFGHJK23-01",
        "app_time": at,
        "app_user": "x",
        "amount": 6000,
        "embed_data": "{}",
        "item": "[]",
        "zp_trans_id": int(marker) + 1,
        "server_time": at,
    }
    where = {"an impossible date": "server_time", "an oversized reference": "app_trans_id"}
    fields[where.get(odd, "app_user")] = ODD[odd]
    if odd == "a fraction":
        fields["amount"], fields["app_user"] = "6000.0", "x"
    data = json.dumps(fields).replace('"6000.0"', "6000.0")
    key = ZALOPAY.credentials["key2"].encode()
    seal = hmac.new(key, data.encode(), hashlib.sha256).hexdigest()
    body = json.dumps({"data": data, "mac": seal, "type": 1}).encode()
    return Message("POST", ZALOPAY.callback_path, body, {"Content-Type": "application/json"})


def by_casso(odd: str, marker: str) -> Message:
    data: dict[str, Any] = {
        "id": int(marker),
        "reference": marker,
        "description": "chuyen tien",
        "amount": 6000,
        "runningBalance": 0,
        "transactionDateTime": f"{clock.now():%Y-%m-%d %H:%M:%S}",
        "accountNumber": DEMO_ACCOUNT,
    }
    where = {"an impossible date": "transactionDateTime", "an oversized reference": "reference"}
    data[where.get(odd, "description")] = ODD[odd]
    if odd == "a fraction":
        data["amount"], data["description"] = 6000.5, "x"
    document = {"error": 0, "data": data}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    at = int(clock.now().timestamp() * 1000)
    key = CASSO.credentials["secret"].encode()
    seal = hmac.new(key, f"{at}.{text}".encode(), hashlib.sha512).hexdigest()
    headers = {"X-Casso-Signature": f"t={at},v1={seal}", "Content-Type": "application/json"}
    return Message("POST", CASSO.callback_path, json.dumps(document).encode(), headers)


def by_payos(odd: str, marker: str) -> Message:
    data: dict[str, Any] = {
        "orderCode": 10**15 + int(marker),
        "amount": 6000,
        "description": "LP1234567",
        "accountNumber": DEMO_ACCOUNT,
        "reference": f"FT{marker}",
        "transactionDateTime": f"{clock.now():%Y-%m-%d %H:%M:%S}",
        "currency": "VND",
        "code": "00",
    }
    where = {"an impossible date": "transactionDateTime", "an oversized reference": "reference"}
    data[where.get(odd, "description")] = ODD[odd]
    if odd == "a fraction":
        data["amount"], data["description"] = "6000.0", "x"
    text = "&".join(f"{name}={data[name]}" for name in sorted(data)).encode("utf-8", "replace")
    key = PAYOS.credentials["checksum_key"].encode()
    document = {"data": data, "signature": hmac.new(key, text, hashlib.sha256).hexdigest()}
    body = json.dumps(document).replace('"6000.0"', "6000.0").encode()
    return Message("POST", PAYOS.callback_path, body, {"Content-Type": "application/json"})


def by_stripe(odd: str, marker: str) -> Message:
    session: dict[str, Any] = {
        "amount_total": 6000,
        "client_reference_id": "LPABCDEFGHJK23-01",
        "currency": "vnd",
        "metadata": {"request_code": "r"},
        "payment_intent": f"pi_{marker}",
        "payment_status": "paid",
        "status": "complete",
        "customer_email": "x",
    }
    event: dict[str, Any] = {"type": "checkout.session.completed"}
    event["created"] = int(clock.now().timestamp())
    if odd == "an impossible date":
        event["created"] = ODD[odd]
    elif odd == "an oversized reference":
        session["payment_intent"] = LONG
    elif odd == "a fraction":
        session["amount_total"] = 6000.5
    else:
        session["customer_email"] = ODD[odd]
    body = json.dumps({**event, "data": {"object": session}}).encode()
    headers = stripe.signature("whsec_1", body, int(clock.now().timestamp()))
    return Message(
        "POST", STRIPE.callback_path, body, headers | {"Content-Type": "application/json"}
    )


def by_dvcqg(odd: str, marker: str) -> Message:
    fields: dict[str, Any] = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": "00",
        "MaDoiTac": "P1",
        "MaThamChieu": "LPABCDEFGHJK23-01",
        "SoTien": 6000,
        "MaTienTe": "VND",
        "MaGiaoDich": marker,
        "MaNganHang": "VCB",
        "ThoiGianGD": "20261129101010",
        "ThongTinGiaoDich": "Nop phi",
    }
    where = {"an impossible date": "ThoiGianGD", "an oversized reference": "MaGiaoDich"}
    fields[where.get(odd, "ThongTinGiaoDich")] = ODD[odd]
    if odd == "a fraction":
        fields["SoTien"], fields["ThongTinGiaoDich"] = "6000.0", "x"
    text = "|".join([*map(str, fields.values()), "key-1"]).encode("utf-8", "surrogatepass")
    document = fields | {"MaXacThuc": hashlib.sha256(text).hexdigest()}
    body = json.dumps(document).replace('"6000.0"', "6000.0").encode()
    return Message("POST", DVCQG.callback_path, body, {"Content-Type": "application/json"})


def by_thuho(odd: str, marker: str) -> Message:
    fields: dict[str, Any] = {
        "call": "pay",
        "partner": "BANK1",
        "bankNumber": marker,
        "code": "LPABCDEFGHJK23",
        "amount": 6000,
        "paidAt": "20261129101010",
    }
    where = {"an impossible date": "paidAt", "an oversized reference": "bankNumber"}
    fields[where.get(odd, "code")] = ODD[odd]
    if odd == "a fraction":
        fields["amount"], fields["code"] = "6000.0", "LPABCDEFGHJK23"
    body = json.dumps(fields).replace('"6000.0"', "6000.0").encode()
    merchant = Merchant("thuho", "BANK1", THUHO.credentials, "")
    headers = thuho.signature(merchant, body, clock.now(), "pay")
    return Message("POST", THUHO.callback_path, body, headers)


def by_rig(name: str) -> Callable[[str, str], Message]:
    """What the provider of a rig says."""

    def said(odd: str, marker: str) -> Message:
        told = TELLERS[name].odd_notice(odd, marker)
        path = f"/callbacks/{name}/{ACCOUNT}"
        query = f"?{told.query}" if told.query else ""
        return Message(told.method, f"{path}{query}", told.body, told.headers)

    return said


SENDERS: dict[str, Callable[[str, str], Message]] = {
    "thuho": by_thuho,
    "dvcqg": by_dvcqg,
    "stripe": by_stripe,
    "payos": by_payos,
    "casso": by_casso,
    "paygov": by_paygov,
    "sepay": by_sepay,
    "vnpay": by_vnpay,
    "momo": by_momo,
    "zalopay": by_zalopay,
    **{name: by_rig(name) for name in TELLERS},
}


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
        assert answer.status_code in (200, 204), answer.text
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


@pytest.mark.parametrize(("currency", "money"), [("usd", 0), ("vnd", 1)])
async def test_money_in_another_currency_is_kept_and_pays_nothing(
    shared_system: System, currency: str, money: int
) -> None:
    """Kept for people, and no đồng of anybody; in đồng the same event is money."""
    system = shared_system
    bill = await system.create_bill()
    session = {
        "client_reference_id": f"{bill['reference']}-01",
        "amount_total": bill["amount"],
        "currency": currency,
        "metadata": {"request_code": "r"},
        "payment_intent": f"pi_{currency}",
        "payment_status": "paid",
        "status": "complete",
    }
    event = {"type": "checkout.session.completed", "created": int(clock.now().timestamp())}
    body = json.dumps({**event, "data": {"object": session}}).encode()
    headers = stripe.signature("whsec_1", body, int(clock.now().timestamp()))
    before = await contents(system.parts.database)
    answer = await Message("POST", STRIPE.callback_path, body, headers).send(system)
    assert answer.status_code == 200, answer.text
    after = await contents(system.parts.database)
    assert after["callback"][0] == before["callback"][0] + 1
    assert after["payment"][0] == before["payment"][0] + money
    assert (await system.read(bill))["status"] == "open"
    assert await system.broken() == []
