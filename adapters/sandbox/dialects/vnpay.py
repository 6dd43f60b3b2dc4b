"""VNPay 2.1.0 as the sandbox plays it: the payment page's address, results, questions.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import contextlib
import hashlib
import hmac
import random
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Fault, Operation, PlannedFault
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.replies import Reply, answer, did_nothing, refusal
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import (
    Charge,
    Merchant,
    MoneyBack,
    Order,
    OrderRequest,
    OtherOrder,
    RefundStatus,
    TooMuchBack,
)
from core import json
from core.clock import VIETNAM
from core.errors import Invalid

_PAY_FIELDS: Final = frozenset(
    f"vnp_{name}"
    for name in (
        *("Version", "Command", "TmnCode", "Amount", "CreateDate", "CurrCode", "IpAddr"),
        *("Locale", "OrderInfo", "OrderType", "ReturnUrl", "ExpireDate", "TxnRef"),
    )
)
_QUESTION: Final = (
    "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"
)
_REFUND: Final = (
    "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo TransactionDate"
    " CreateBy CreateDate IpAddr OrderInfo"
)
_REFUND_ANSWER: Final = (
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo"
    " TransactionType TransactionStatus OrderInfo"
)
_ANSWER: Final = (
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo"
    " TransactionType TransactionStatus OrderInfo PromotionCode PromotionAmount"
)
#: dearest and cheapest payment, in đồng
_LEAST: Final = 5_000
_BELOW: Final = 1_000_000_000
_CALLS: Final = 10


class _Refused(Exception):
    """What VNPay does not take: its code and why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def _sheet(name: str, amount: str, times: int) -> SettlementSheet:
    """The reconciliation of a day. [M]: nobody here has seen one, nor knows its scale."""
    return SettlementSheet(
        name=name,
        columns=(
            ("Mã phiên đối soát", "batch"),
            ("Ngày thanh toán", "day"),
            ("vnp_TxnRef", "order"),
            ("vnp_TransactionNo", "number"),
            ("vnp_PayDate", "at"),
            ("Loại giao dịch", "kind"),
            (amount, "amount"),
            ("Phí", "fee"),
            ("Số tiền thực nhận", "net"),
        ),
        day="%Y%m%d",
        at="%Y%m%d%H%M%S",
        kinds={"payment": "Thanh toán", "refund": "Hoàn tiền"},
        times=times,
        totals="Tổng cộng",
        names_refunds=False,
    )


_SHEETS: Final = (_sheet("vnpay", "Số tiền", 1), _sheet("vnpay-x100", "vnp_Amount", 100))


class VNPay:
    """See `engine.gateway.GatewayDialect` and `SealingDialect`."""

    name = "vnpay"
    calls = frozenset({Operation.QUERY, Operation.REFUND})
    sheets = _SHEETS
    seals_answers_to = frozenset({Operation.QUERY, Operation.REFUND})

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "tmn_code": f"DEMO{secrets.token_hex(2).upper()}",
            "hash_secret": secrets.token_hex(16).upper(),
            "refund": "yes",
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        return {name: credentials[name] for name in ("tmn_code", "hash_secret")}["tmn_code"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """Only 00 and 02 end the calls, with HTTP 200."""
        squeezed = "".join(answer.split())
        return status == 200 and any(f'"RspCode":"{code}"' in squeezed for code in ("00", "02"))

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        """Ten calls at one distance (five minutes, shortened as the usual schedule is)."""
        return usual[:1] * (_CALLS - 1)

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        if request.path.endswith("vpcpay.html"):
            return _page(engine, request.query)
        if (request.method, request.path) == ("POST", "merchant_webapi/api/transaction"):
            asked = _read(request.body)
            known = asked.get("vnp_Command") == "refund"
            return _refund(engine, asked) if known else _query(engine, asked)
        return None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        """At most fifteen digits."""
        local = now.astimezone(VIETNAM)
        second = local.hour * 3600 + local.minute * 60 + local.second
        return f"{local:%y%j}{second:05d}{rng.randrange(1000):03d}{count % 100:02d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage:
        return WebhookMessage(
            f"{merchant.callback_url}?{_result(merchant, order, charge)}", b"", "GET"
        )

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> WebhookMessage:
        result = _result(merchant, order, None, transaction_no)
        return WebhookMessage(f"{merchant.callback_url}?{result}", b"", "GET")

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        outsider = _outsider(merchant)
        known = order_id if order is None else order.order_id
        info = "" if order is None else order.order_info
        result = signed(outsider, _fields(merchant, known, info, charge, charge.transaction_no))
        return WebhookMessage(f"{merchant.callback_url}?{result}", b"", "GET")

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        join = "&" if "?" in order.return_url else "?"
        return f"{order.return_url}{join}{_result(merchant, order, charge)}"


DIALECT: Final = VNPay()


def _signer(merchant: Merchant, planned: PlannedFault | None) -> Merchant:
    """Who signs an answer: somebody else, where that was planned."""
    if planned is None or planned.fault is not Fault.FORGED_ANSWER:
        return merchant
    return _outsider(merchant)


def _outsider(merchant: Merchant) -> Merchant:
    """Somebody without the secret; everything else is right."""
    keys = {**merchant.credentials, "hash_secret": "not the secret"}
    return Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)


def signed(merchant: Merchant, fields: Mapping[str, str]) -> str:
    """A query with its hash, as VNPay writes it."""
    text = urlencode(sorted((name, value) for name, value in fields.items() if value != ""))
    return f"{text}&vnp_SecureHash={_sha512(merchant, text)}"


def seal(merchant: Merchant, names: str, fields: Mapping[str, str]) -> str:
    """The hash over values joined by bars, in the order of `names`."""
    return _sha512(merchant, "|".join(fields.get(f"vnp_{name}", "") for name in names.split()))


def _sha512(merchant: Merchant, text: str) -> str:
    key = merchant.credentials["hash_secret"].encode()
    return hmac.new(key, text.encode("utf-8"), hashlib.sha512).hexdigest()


def _page(engine: Engine, query: str) -> Reply | Order:
    """Take the order that an address asks for, and show its page; the same address is the same."""
    try:
        return _take(engine, query)
    except _Refused as refused:
        words = f"<!doctype html><html lang=vi><h1>Loi {refused.code}</h1><p>{refused}</p></html>"
        return Reply(400, words.encode(), media_type="text/html")


def _take(engine: Engine, query: str) -> Order:
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    fields = dict(pairs)
    merchant = engine.merchant(DIALECT.name, fields.get("vnp_TmnCode", ""))
    if merchant is None:
        raise _Refused("71", "vnp_TmnCode")
    given = fields.pop("vnp_SecureHash", "")
    text = urlencode(sorted(fields.items()))
    fits = hmac.compare_digest(given, _sha512(merchant, text))
    if not engine.sealed(fits and len(pairs) == len(fields) + 1):
        raise _Refused("70", "vnp_SecureHash")
    if fields.keys() != _PAY_FIELDS or not all(fields.values()):
        raise _Refused("03", ", ".join(sorted(fields.keys() ^ _PAY_FIELDS)) or "empty")
    fixed = {"vnp_Version": "2.1.0", "vnp_Command": "pay", "vnp_CurrCode": "VND"}
    if not fixed.items() <= fields.items() or fields["vnp_Locale"] not in ("vn", "en"):
        raise _Refused("03", "vnp_Version")
    amount, rest = divmod(int(fields["vnp_Amount"]), 100)
    if rest or not _LEAST <= amount < _BELOW:
        raise _Refused("149", "Số tiền không hợp lệ: từ 5.000 đến dưới 1 tỷ đồng.")
    if not fields["vnp_OrderInfo"].isascii() or not 7 <= len(fields["vnp_IpAddr"]) <= 45:
        raise _Refused("03", "vnp_OrderInfo, vnp_IpAddr")
    if _stamp(engine.now()) > fields["vnp_ExpireDate"] or len(fields["vnp_ExpireDate"]) != 14:
        raise _Refused("15", "vnp_ExpireDate")
    try:
        return engine.take(
            merchant,
            OrderRequest(
                order_id=fields["vnp_TxnRef"],
                amount=amount,
                order_info=fields["vnp_OrderInfo"],
                return_url=fields["vnp_ReturnUrl"],
                digest=hashlib.sha256(query.encode()).hexdigest(),
                details={"created": fields["vnp_CreateDate"]},
                page=f"/{DIALECT.name}/vpcpay.html?{query}",
            ),
        )
    except OtherOrder:
        raise _Refused("01", "vnp_TxnRef") from None


def _query(engine: Engine, fields: Mapping[str, str]) -> Reply:
    """Answer a question (querydr), signed."""
    merchant = engine.merchant(DIALECT.name, fields.get("vnp_TmnCode", ""))
    if merchant is None:
        return _plain("02", "Invalid TmnCode")
    if fields.keys() != {f"vnp_{name}" for name in (*_QUESTION.split(), "SecureHash")}:
        return _plain("03", "Invalid format")
    given = fields["vnp_SecureHash"]
    if not engine.sealed(hmac.compare_digest(given, seal(merchant, _QUESTION, fields))):
        return _plain("97", "Invalid signature")
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"", json.dumps({"vnp_ResponseCode": "99"}))
    order = engine.store.orders.get((merchant.id, fields["vnp_TxnRef"]))
    unknown = order is None or order.details["created"] != fields["vnp_TransactionDate"]
    said = {
        "vnp_ResponseId": secrets.token_hex(16),
        "vnp_Command": "querydr",
        "vnp_ResponseCode": "91",
        "vnp_Message": "Giao dich khong ton tai",
        "vnp_TmnCode": merchant.id,
        "vnp_TxnRef": fields["vnp_TxnRef"],
    }
    lies = planned is not None and planned.fault is Fault.NOT_FOUND
    if order is not None and not unknown and not lies:
        charge = order.visible_charge(engine.now())
        result = _fields(merchant, order.order_id, order.order_info, charge, "")
        said |= {
            "vnp_ResponseCode": "00",
            "vnp_Message": "OK",
            "vnp_TransactionType": "01",
            "vnp_Amount": str((charge.amount if charge else order.amount) * 100),
            "vnp_BankCode": result.get("vnp_BankCode", ""),
            "vnp_PayDate": result.get("vnp_PayDate", ""),
            "vnp_TransactionNo": charge.transaction_no if charge else "0",
            "vnp_TransactionStatus": _status(order, charge),
            "vnp_OrderInfo": order.order_info,
        }
        if given_back := engine.store.refunds_of(order):
            said |= _refunded(given_back[-1])
    sealed = seal(_signer(merchant, planned), _ANSWER, said)
    return answer(planned, json.dumps({**said, "vnp_SecureHash": sealed}))


def _refund(engine: Engine, fields: Mapping[str, str]) -> Reply:
    """Answer a call for money back, signed."""
    merchant = engine.merchant(DIALECT.name, fields.get("vnp_TmnCode", ""))
    if merchant is None:
        return _plain("02", "Invalid TmnCode")
    if fields.keys() != {f"vnp_{name}" for name in (*_REFUND.split(), "SecureHash")}:
        return _plain("03", "Invalid format")
    given = fields["vnp_SecureHash"]
    if not engine.sealed(hmac.compare_digest(given, seal(merchant, _REFUND, fields))):
        return _plain("97", "Invalid signature")
    planned = engine.next_fault(merchant, Operation.REFUND)
    said = {
        "vnp_ResponseId": secrets.token_hex(16),
        "vnp_Command": "refund",
        "vnp_ResponseCode": "95",
        "vnp_Message": "VNPAY tu choi",
        **{name: fields[name] for name in ("vnp_TmnCode", "vnp_TxnRef", "vnp_Amount")},
    }
    if planned is not None and did_nothing(planned):
        declined = json.dumps({**said, "vnp_SecureHash": seal(merchant, _REFUND_ANSWER, said)})
        return refusal(planned, declined, json.dumps({"vnp_ResponseCode": "99"}))
    undecided = planned is not None and planned.fault is Fault.NOT_DECIDED
    order = engine.store.orders.get((merchant.id, fields["vnp_TxnRef"]))
    amount, rest = divmod(int(fields["vnp_Amount"]), 100)
    whole = order is not None and amount == order.charged
    number = fields["vnp_TransactionNo"]
    if order is None or number not in {charge.transaction_no for charge in order.charges}:
        said["vnp_ResponseCode"] = "91"
    elif (merchant.id, fields["vnp_RequestId"]) in engine.store.refunds:
        said["vnp_ResponseCode"] = "94"
    elif not rest and fields["vnp_TransactionType"] == ("02" if whole else "03"):
        status = RefundStatus.OPEN if undecided else RefundStatus.DONE
        with contextlib.suppress(OtherOrder, TooMuchBack):
            made = engine.refund(order, fields["vnp_RequestId"], amount, status=status)
            said |= _refunded(made)
    sealed = seal(_signer(merchant, planned), _REFUND_ANSWER, said)
    return answer(planned, json.dumps({**said, "vnp_SecureHash": sealed}))


_REFUND_STATUSES: Final = {
    RefundStatus.DONE: "00",
    RefundStatus.OPEN: "05",
    RefundStatus.REFUSED: "09",
}


def _refunded(made: MoneyBack) -> dict[str, str]:
    return {
        "vnp_ResponseCode": "00",
        "vnp_Message": "OK",
        "vnp_Amount": str(made.amount * 100),
        "vnp_TransactionNo": made.transaction_no,
        "vnp_TransactionType": "03",
        "vnp_TransactionStatus": _REFUND_STATUSES[made.status],
    }


def _status(order: Order, charge: Charge | None) -> str:
    if charge is not None:
        return "07" if charge.held else "00"
    return "02" if order.failed else "01"


def _result(
    merchant: Merchant, order: Order, charge: Charge | None, transaction_no: str = "0"
) -> str:
    fields = _fields(merchant, order.order_id, order.order_info, charge, transaction_no)
    return signed(merchant, {"vnp_Amount": str(order.amount * 100), **fields})


def _fields(
    merchant: Merchant, order_id: str, info: str, charge: Charge | None, number: str
) -> dict[str, str]:
    """What a result tells, unsigned; without a charge the payer has cancelled."""
    fields = {
        "vnp_TmnCode": merchant.id,
        "vnp_TxnRef": order_id,
        "vnp_OrderInfo": info,
        "vnp_BankCode": "NCB",
        "vnp_CardType": "ATM",
        "vnp_TransactionNo": number,
        "vnp_ResponseCode": "24",
        "vnp_TransactionStatus": "02",
    }
    if charge is None:
        return fields
    return fields | {
        "vnp_Amount": str(charge.amount * 100),
        "vnp_TransactionNo": charge.transaction_no,
        "vnp_BankTranNo": f"VNP{charge.transaction_no}",
        "vnp_PayDate": _stamp(charge.charged_at),
        "vnp_ResponseCode": "07" if charge.held else "00",
        "vnp_TransactionStatus": "07" if charge.held else "00",
    }


def _read(body: bytes) -> dict[str, str]:
    try:
        document = json.loads(body)
    except Invalid:
        return {}
    pairs: Iterable[tuple[str, object]] = document.items() if isinstance(document, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def _plain(code: str, message: str) -> Reply:
    return Reply(200, json.dumps({"vnp_ResponseCode": code, "vnp_Message": message}))


def _stamp(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")
