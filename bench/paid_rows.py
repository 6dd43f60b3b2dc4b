"""Paid bills by the hundred thousand, each as the service leaves one behind, made in the database.

Bill and line, its reference and key; the bank's notice, the money, what it paid for, the postings;
the events and their deliveries; the receipt with its file; the log. One every 28 seconds, so a
million are eleven months. Receipts and notices are as long as real ones but are not sealed: the
looks that open them have to be tried on real ones.
"""

from typing import Final

_AT: Final = "timestamptz '2026-01-01 00:30+07' + n * interval '28 seconds'"
_DAY: Final = f"(({_AT}) AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
_ID: Final = "lpad(n::text, 32, '0')"
_REFERENCE: Final = "'LP' || lpad(upper(to_hex(n)), 12, '0')"
_BANK_REF: Final = "'FT' || lpad(n::text, 14, '0')"
_FROM: Final = (
    "FROM generate_series({first}, {last}) n,"
    " (SELECT id AS account, agency_id AS agency FROM collection_account ORDER BY id LIMIT 1) a,"
    " (SELECT id AS series FROM receipt_series ORDER BY id LIMIT 1) s,"
    " (SELECT id AS gateway FROM gateway_account ORDER BY id LIMIT 1) g"
)


def _insert(table: str, values: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} {_FROM}"


def _entry(action: str, object_id: str, details: str) -> str:
    return _insert(
        "audit_entry",
        {
            "at": _AT,
            "actor": "'gateway:sepay'",
            "action": f"'{action}'",
            "object_id": object_id,
            "details": details,
        },
    )


def _posting(ledger: str, amount: int) -> str:
    return _insert(
        "posting",
        {
            "transaction_id": f"'ltx_' || {_ID}",
            "ledger": f"'{ledger}'",
            "collection_account_id": "a.account",
            "bill_id": f"'bill_' || {_ID}",
            "amount": str(amount),
        },
    )


_BILL: Final = f"'bill_' || {_ID}"
_PAYMENT: Final = f"'pay_' || {_ID}"
_RECEIPT: Final = f"'rcpt_' || {_ID}"

#: What a row of everything takes; `{first}` and `{last}` are numbers of bills. No trigger
#: runs meanwhile.
PAID: Final = (
    "SET LOCAL session_replication_role = replica",
    _insert(
        "reference",
        {
            "reference": _REFERENCE,
            "kind": "'bill'",
            "agency_id": "a.agency",
            "created_at": _AT,
        },
    ),
    _insert(
        "bill",
        {
            "id": _BILL,
            "agency_id": "a.agency",
            "reference": _REFERENCE,
            "status": "'paid'",
            "amount": "5000",
            "dossier_number": "'H01.' || n",
            "channel": "'api'",
            "language": "'vi'",
            "extra": "'{{}}'",
            "created_at": _AT,
            "opened_on": _DAY,
            "paid_at": _AT,
        },
    ),
    _insert(
        "bill_line",
        {
            "bill_id": _BILL,
            "position": "1",
            "fee": "'chung-thuc-ban-sao'",
            "description": "'Phí chứng thực bản sao từ bản chính'",
            "description_en": "'Fee for certifying a copy'",
            "quantity": "3",
            "unit": "'trang'",
            "copies": "1",
            "amount": "5000",
            "full_amount": "5000",
            "sub_item": "'2716'",
            "explanation": "'3 trang: 2 × 2.000 đ + 1 × 1.000 đ'",
            "explanation_en": "'3 pages: 2 × 2,000 VND + 1 × 1,000 VND'",
            "basis": "'TT 226/2016/TT-BTC, Điều 4'",
            "certainty": "'confirmed'",
            "nature": "'charge'",
        },
    ),
    _insert(
        "idempotency_key",
        {
            "owner": "'key:bench'",
            "route": "'POST /bills'",
            "key_hash": "md5(n::text)",
            "request_hash": "md5(n::text)",
            "state": "'done'",
            "object_id": _BILL,
            "status": "201",
            "created_at": _AT,
        },
    ),
    _insert(
        "callback",
        {
            "id": f"'cb_' || {_ID}",
            "gateway_account_id": "g.gateway",
            "event_key": f"{_BANK_REF} || ':succeeded:5000'",
            "raw": "decode(repeat('00', 400), 'hex')",
            "content": "decode(repeat('00', 400), 'hex')",
            "state": "'applied'",
            "result": "'accepted'",
            "attempts": "1",
            "received_at": _AT,
            "applied_at": _AT,
            "due_at": _AT,
        },
    ),
    _insert(
        "payment",
        {
            "id": _PAYMENT,
            "kind": "'credit'",
            "agency_id": "a.agency",
            "bill_id": _BILL,
            "gateway": "'bank'",
            "collection_account_id": "a.account",
            "status": "'succeeded'",
            "amount": "5000",
            "credited": "5000",
            "gateway_ref": _BANK_REF,
            "settlement_key": f"'bank:' || {_BANK_REF}",
            "reference": _REFERENCE,
            "created_at": _AT,
            "paid_at": _AT,
            "accounting_on": _DAY,
            "asked": "0",
        },
    ),
    _insert(
        "credit_notice",
        {
            "source": "g.gateway",
            "notice_ref": "n::text",
            "amount": "5000",
            "collection_account_id": "a.account",
            "booked_on": _DAY,
            "bank_ref": _BANK_REF,
            "plain_ref": _BANK_REF,
            "reference": _REFERENCE,
            "payment_id": _PAYMENT,
            "told_at": _AT,
        },
    ),
    _insert(
        "allocation",
        {
            "id": f"'alloc_' || {_ID}",
            "payment_id": _PAYMENT,
            "bill_id": _BILL,
            "amount": "5000",
            "created_at": _AT,
        },
    ),
    _insert(
        "ledger_transaction",
        {
            "id": f"'ltx_' || {_ID}",
            "kind": "'credit'",
            "payment_id": _PAYMENT,
            "accounting_on": _DAY,
            "created_at": _AT,
        },
    ),
    _posting("revenue", -5000),
    _posting("receivable", 5000),
    _insert(
        "outbox_event",
        {
            "id": "n + 1000",
            "name": "'bill.paid'",
            "version": "1",
            "payload": f"jsonb_build_object('amount', 5000, 'bill_id', {_BILL})",
            "created_at": _AT,
        },
    ).replace(") SELECT", ") OVERRIDING SYSTEM VALUE SELECT", 1),
    _insert(
        "outbox_delivery",
        {
            "event_id": "n + 1000",
            "handler": "'receipts.issue'",
            "state": "'done'",
            "attempts": "1",
            "due_at": _AT,
            "done_at": _AT,
        },
    ),
    _insert(
        "receipt",
        {
            "id": _RECEIPT,
            "series_id": "s.series",
            "number": "n",
            "agency_id": "a.agency",
            "bill_id": _BILL,
            "code": "lpad(upper(to_hex(n)), 12, '0')",
            "status": "'issued'",
            "amount": "5000",
            "issued_on": _DAY,
            "issued_at": _AT,
            "content": "decode(repeat('00', 900), 'hex')",
            "signer": "'UBND phường Bến Mẫu'",
            "signed_at": _AT,
            "paid_at": _AT,
        },
    ),
    _insert(
        "receipt_file",
        {
            "receipt_id": _RECEIPT,
            "kind": "'xml'",
            "sha256": "repeat('0', 64)",
            "data": "decode(repeat('00', 2500), 'hex')",
            "created_at": _AT,
        },
    ),
    _entry("bill.opened", _BILL, "jsonb_build_object('amount', 5000, 'status', 'open')"),
    _entry(
        "payment.succeeded",
        _PAYMENT,
        f"jsonb_build_object('amount', 5000, 'gateway', 'bank', 'accounting_on', {_DAY})",
    ),
    _entry("bill.paid", _BILL, "jsonb_build_object('amount', 5000, 'before', 'open')"),
    _entry(
        "receipt.issued",
        _RECEIPT,
        f"jsonb_build_object('bill', {_BILL}, 'number', n)",
    ),
)
