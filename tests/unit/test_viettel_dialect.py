"""Viettel's words: checksums to the byte, borders between fields, and what each code means.

No vector is public. The digests here were made with OpenSSL 3.0.19
(`openssl dgst -sha1 -hmac KEY`) over texts written by hand.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from adapters.viettel import dialect
from adapters.viettel.gateway import ViettelMoney
from adapters.wording import Malformed, WrongSeal
from payments.ports import (
    AcceptedAttempt,
    AttemptKey,
    CallbackRejected,
    CallbackResult,
    GatewayAccount,
    GatewayMisuse,
    NoticeUnreadable,
    Outcome,
    RawCallback,
    StartRequest,
)
from payments.pulls import PulledBill, PullKey, PullState

CREDENTIALS = dialect.Credentials("LEPHI1", "ACCESS", "KEY")
HEX = replace(CREDENTIALS, checksum="hex")
AT = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
ORDER = "LPABCDEFGHJKLM-01"
REQUEST = StartRequest(
    ORDER,
    "pay_1",
    150_000,
    "Nộp phí, lệ phí LPABCDEFGHJKLM",
    "https://le-phi.example/b/LPABC?t=1",
    "https://le-phi.example/callbacks/viettel/x",
    created_at=AT,
)
RESULT = {
    "billcode": f"{ORDER}-150000VND",
    "cust_msisdn": "84912345678",
    "error_code": "00",
    "merchant_code": "LEPHI1",
    "order_id": ORDER,
    "payment_status": "1",
    "trans_amount": "150000",
    "vt_transaction_id": "179597580000100001",
}
ANSWER = {
    "error_code": "00",
    "merchant_code": "LEPHI1",
    "order_id": ORDER,
    "payment_status": "1",
    "version": "2.0",
    "vt_transaction_id": "179597580000100001",
    "trans_amount": 150_000,
    "check_sum": "NmdTP//skEGZ9z8/NNYhKyKqddY=",
}
CHECK = {
    "billcode": f"{ORDER}-150000VND",
    "merchant_code": "LEPHI1",
    "order_id": ORDER,
    "check_sum": "Vr4cllDdse7tF9XS2uKkfoTPqLI=",
}
ACCOUNT = GatewayAccount(
    "viettel",
    "x",
    "https://pay.example:8450",
    {"merchant_code": "LEPHI1", "access_code": "ACCESS", "hash_key": "KEY"},
)


def posted(fields: dict[str, str], seal: str = "haJZ7hXD0EynQ7fDejeDMjHkHWE=") -> bytes:
    return urlencode({**fields, "check_sum": seal}).encode()


def sealed(**changes: str) -> bytes:
    """A result of Viettel's own, with other words."""
    fields = {**RESULT, **changes}
    return posted(fields, dialect._seal(CREDENTIALS, dialect._RESULT, fields))


def raw(body: bytes) -> RawCallback:
    return RawCallback("POST", "/callbacks/viettel/x", "", {}, body, AT)


def test_what_is_sent_is_sealed_as_written_by_hand() -> None:
    for credentials, page, asked in (
        (CREDENTIALS, "ZfCjIIRLtXfxHteOEtzB5pbKm3A=", "vg+wAnk/A2hPPa07/Am9+kzNPEk="),
        (
            HEX,
            "65f0a320844bb577f11ed78e12dcc1e696ca9b70",
            "be0fb002793f03684f3dad3bfc09bdfa4ccd3c49",
        ),
    ):
        assert parse_qs(dialect.pay_query(credentials, REQUEST))["check_sum"] == [page]
        question = parse_qs(dialect.question(credentials, ORDER).decode())
        assert question["check_sum"] == [asked]
    sent = parse_qs(dialect.pay_query(CREDENTIALS, REQUEST))
    assert sent["trans_amount"] == ["150000"]
    assert sent["billcode"] == [f"{ORDER}-150000VND"]
    assert sent["desc"] == ["Nop phi, le phi LPABCDEFGHJKLM"]
    assert "access_code" not in sent


async def test_the_page_is_below_the_account_s_address() -> None:
    gateway = ViettelMoney(ACCOUNT)
    started = await gateway.start(REQUEST)
    assert isinstance(started, AcceptedAttempt)
    parts = urlsplit(started.url or "")
    assert (parts.netloc, parts.path) == ("pay.example:8450", "/PaymentGateway/payment")
    await gateway.aclose()


def test_a_result_sealed_elsewhere_is_read() -> None:
    result = dialect.read_result(CREDENTIALS, posted(RESULT), AT)
    assert (result.order_ref, result.outcome, result.amount) == (ORDER, Outcome.SUCCEEDED, 150_000)
    assert (result.gateway_ref, result.paid_at) == ("179597580000100001", AT)
    hexadecimal = posted(RESULT, "85a259ee15c3d04ca743b7c37a37833231e41d61")
    assert dialect.read_result(HEX, hexadecimal, AT) == result
    for credentials, body in ((HEX, posted(RESULT)), (CREDENTIALS, hexadecimal)):
        with pytest.raises(WrongSeal):
            dialect.read_result(credentials, body, AT)


def leaving_out(name: str) -> bytes:
    """A result of Viettel's own that does not have this field."""
    fields = {key: value for key, value in RESULT.items() if key != name}
    return posted(fields, dialect._seal(CREDENTIALS, dialect._RESULT, {**fields, name: ""}))


@pytest.mark.parametrize("name", RESULT)
def test_a_result_that_leaves_a_field_out_is_kept_where_viettel_has_sealed_it(name: str) -> None:
    told = leaving_out(name)
    with pytest.raises(NoticeUnreadable, match=f"{name}: missing"):
        ViettelMoney(ACCOUNT).read_notice(raw(told))
    # Sealed with what it had, nobody can say what that was.
    less = {key: value for key, value in RESULT.items() if key != name}
    with pytest.raises(WrongSeal):
        dialect.read_result(CREDENTIALS, posted(less), AT)


def test_an_unsealed_name_in_letters_of_ours_hides_no_money() -> None:
    for more in ("&cust_name=Nguyễn Văn A".encode(), b"&cust_name=Nguy\xff", b"&cust_name=%ff"):
        result = dialect.read_result(CREDENTIALS, posted(RESULT) + more, AT)
        assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, 150_000)
        acknowledged = json.loads(dialect.heard(CREDENTIALS, posted(RESULT) + more))
        assert acknowledged["order_id"] == ORDER
    for changes in ({"order_id": "đ"}, {"cust_msisdn": "８４９１"}):
        body = "&".join(f"{name}={value}" for name, value in {**RESULT, **changes}.items())
        with pytest.raises(WrongSeal):
            dialect.read_result(CREDENTIALS, f"{body}&check_sum=đ".encode(), AT)


def test_a_digit_that_changed_sides_is_not_believed() -> None:
    """The sealed text is the same to the letter: only where fields end differs."""
    moved = [
        {"trans_amount": "1500001", "vt_transaction_id": "79597580000100001"},
        {"trans_amount": "150000179", "vt_transaction_id": "597580000100001"},
        {"trans_amount": "15000", "vt_transaction_id": "0179597580000100001"},
        {"payment_status": "11", "trans_amount": "50000"},
        {"cust_msisdn": "849123456780", "error_code": "0"},
        {"cust_msisdn": "8491234567", "error_code": "800"},
        {"billcode": f"{ORDER}-150000VND8", "cust_msisdn": "4912345678"},
        {"order_id": f"{ORDER}1", "payment_status": "1", "trans_amount": "50000"},
    ]
    for changes in moved:
        fields = {**RESULT, **changes}
        text = "".join(fields[name] for name in dialect._RESULT)
        assert text == "".join(RESULT[name] for name in dialect._RESULT), changes
        with pytest.raises(Malformed) as refused:
            dialect.read_result(CREDENTIALS, posted(fields), AT)
        # It is Viettel's seal: what cannot be read of it is kept, and asked about.
        assert not isinstance(refused.value, WrongSeal)


def test_without_the_asked_amount_in_the_bill_code_a_digit_could_change_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: what the border check is for."""
    monkeypatch.setattr(dialect, "_may_be", lambda _asked, _tail: False)
    fields = {**RESULT, "trans_amount": "1500001", "vt_transaction_id": "79597580000100001"}
    assert dialect.read_result(CREDENTIALS, posted(fields), AT).amount == 1_500_001


def test_another_amount_that_is_no_moved_border_is_told_as_it_is() -> None:
    for told in ("1500", "149999", "1500000", "99000"):
        result = dialect.read_result(CREDENTIALS, sealed(trans_amount=told), AT)
        assert result.amount == int(told)


def test_what_is_contradicted_or_not_clear_is_not_final() -> None:
    expected = {
        Outcome.SUCCEEDED: (("00", "1"),),
        Outcome.FAILED: (("01", "2"), ("W02", "2")),
        Outcome.PENDING: (("00", "2"), ("01", "1"), ("W04", "3"), ("00", "0"), ("00", "-1")),
    }
    for outcome, said in expected.items():
        assert {dialect.outcome_of(*one) for one in said} == {outcome}
    held = dialect.read_result(CREDENTIALS, sealed(error_code="W04", payment_status="3"), AT)
    assert (held.outcome, held.paid_at) == (Outcome.PENDING, None)


@pytest.mark.parametrize("seal", ["NmdTP//skEGZ9z8/NNYhKyKqddY=", "WI6UccjQIuvOogSsBS6N1bQmJUs="])
def test_an_answer_is_read_under_either_way_of_sealing_it(seal: str) -> None:
    answer = {**ANSWER, "check_sum": seal}
    result = dialect.read_answer(CREDENTIALS, AttemptKey(ORDER, AT), answer)
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, 150_000)
    assert result.gateway_ref == "179597580000100001"
    assert result.paid_at is None, "an answer tells no time of payment"


@pytest.mark.parametrize(
    "changes",
    [
        {"check_sum": "WI6UccjQIuvOogSsBS6N1bQmJUt="},
        {"check_sum": None},
        {"check_sum": []},
        {"order_id": f"{ORDER}1"},
        {"trans_amount": None},
        {"trans_amount": ""},
        {"vt_transaction_id": ""},
        {"vt_transaction_id": {"a": 1}},
        {"payment_status": 1, "error_code": []},
    ],
)
def test_an_answer_without_what_proves_money_tells_nothing(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        dialect.read_answer(CREDENTIALS, AttemptKey(ORDER, AT), {**ANSWER, **changes})


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        ("-1", "00", Outcome.NOT_FOUND),
        ("0", "00", Outcome.PENDING),
        ("2", "00", Outcome.FAILED),
        ("3", "W04", None),
        ("1", "01", None),
        # It was not understood, or could not look: that is no word of the order.
        ("-1", "03", None),
        ("-1", "02", None),
        ("2", "03", None),
    ],
)
def test_an_answer_that_viettel_does_not_know_itself_is_no_answer(
    status: str, code: str, outcome: Outcome | None
) -> None:
    fields = {**ANSWER, "payment_status": status, "error_code": code}
    text = {name: str(value) for name, value in fields.items()}
    answer = {**fields, "check_sum": dialect._seal(CREDENTIALS, dialect._ANSWERS[0], text)}
    key = AttemptKey(ORDER, AT)
    if outcome is not None:
        assert dialect.read_answer(CREDENTIALS, key, answer).outcome is outcome
        return
    with pytest.raises(Malformed, match="not decided"):
        dialect.read_answer(CREDENTIALS, key, answer)


def test_our_own_question_sent_back_is_no_answer() -> None:
    """`TRANS_INQUIRY`, merchant, order, `2.0` is the text of an answer too: status 2, version .0"""
    asked = parse_qs(dialect.question(CREDENTIALS, ORDER).decode())
    reflected = {
        "error_code": asked["cmd"][0],
        "merchant_code": "LEPHI1",
        "order_id": ORDER,
        "payment_status": asked["version"][0][:1],
        "version": asked["version"][0][1:],
        "check_sum": asked["check_sum"][0],
    }
    with pytest.raises(Malformed, match="malformed") as refused:
        dialect.read_answer(CREDENTIALS, AttemptKey(ORDER, AT), reflected)
    # The seal is right: it is the grammar that tells the two apart.
    assert not isinstance(refused.value, WrongSeal)


def test_our_own_confirmation_sent_back_is_no_result() -> None:
    """An amount that was asked for, cut into a status, a smaller amount and a number."""
    check = dialect.Check(f"{ORDER}-150001VND", ORDER, 150_001)
    said = json.loads(dialect.checked(CREDENTIALS, check))
    cut = {"payment_status": "1", "trans_amount": "5000", "vt_transaction_id": "1"}
    fields = {**said, "cust_msisdn": "", **cut}
    seal = fields.pop("check_sum")
    with pytest.raises(WrongSeal, match="our own"):
        dialect.read_result(CREDENTIALS, posted(fields, seal), AT)
    # The control: the same money under another number is Viettel's word.
    fields = {**fields, "cust_msisdn": "84912345678"}
    seal = dialect._seal(CREDENTIALS, dialect._RESULT, fields)
    assert dialect.read_result(CREDENTIALS, posted(fields, seal), AT).amount == 5_000


def test_an_answer_to_another_question_is_none() -> None:
    with pytest.raises(Malformed, match="another order's"):
        dialect.read_answer(CREDENTIALS, AttemptKey("LPABCDEFGHJKLM-02", AT), ANSWER)


@pytest.mark.parametrize(
    ("field", "value"),
    [("return_url", "short"), ("return_url", "https://le-phi.example/đ"), ("order_ref", "a b")],
)
def test_what_cannot_be_said_is_our_fault(field: str, value: str) -> None:
    with pytest.raises(GatewayMisuse):
        dialect.pay_query(CREDENTIALS, replace(REQUEST, **{field: value}))  # type: ignore[arg-type]


def test_what_is_kept_is_acknowledged_under_our_checksum() -> None:
    gateway = ViettelMoney(ACCOUNT)
    answer = gateway.acknowledge(CallbackResult.ACCEPTED, raw(posted(RESULT)))
    said = json.loads(answer.body)
    assert answer.status == 200
    assert (said["error_code"], said["order_id"]) == ("00", ORDER)
    assert said["check_sum"] == "R9lQrgip0PLE54zBLkHC7hoLTq4="


@pytest.mark.parametrize("result", [CallbackResult.REJECTED, CallbackResult.TRY_AGAIN])
def test_over_words_of_somebody_else_s_no_checksum_is_made(result: CallbackResult) -> None:
    """`ACCESS` `02` `LEPHI1` and an order of one's choosing would be the text of a result."""
    order = "x-5000VND00LEPHI102LEPHI1x1500017"
    answer = ViettelMoney(ACCOUNT).acknowledge(result, raw(posted({**RESULT, "order_id": order})))
    assert json.loads(answer.body).keys() == {"error_code"}


def test_whether_an_order_is_ours_is_asked_with_its_amount_sealed_and_not_told() -> None:
    gateway = ViettelMoney(ACCOUNT)
    asked = raw(urlencode(CHECK).encode())
    pull = gateway.read_pull(asked)
    assert (pull.key, pull.number) == (PullKey.ORDER, ORDER)
    owed = PulledBill(PullState.UNPAID, "LPABCDEFGHJKLM", 150_000)
    said = json.loads(gateway.answer_pull(asked, owed).body)
    assert said == {
        "billcode": f"{ORDER}-150000VND",
        "error_code": "00",
        "merchant_code": "LEPHI1",
        "order_id": ORDER,
        "trans_amount": "150000",
        "check_sum": "8mT6WW7baSsj8oe8sxH7I+SRQho=",
    }


@pytest.mark.parametrize(
    "pulled",
    [
        None,
        PulledBill(PullState.UNKNOWN),
        PulledBill(PullState.SETTLED),
        PulledBill(PullState.ELSEWHERE),
        PulledBill(PullState.UNPAID, "LPABCDEFGHJKLM", 149_999),
    ],
)
def test_an_order_that_may_not_be_paid_is_not_confirmed(pulled: PulledBill | None) -> None:
    answer = ViettelMoney(ACCOUNT).answer_pull(raw(urlencode(CHECK).encode()), pulled)
    said = json.loads(answer.body)
    assert said == {"error_code": "02" if pulled is None else "01"}


@pytest.mark.parametrize(
    "changes",
    [
        {"check_sum": "haJZ7hXD0EynQ7fDejeDMjHkHWE="},
        {"billcode": f"{ORDER}-15000VND"},
        {"billcode": ORDER},
        {"merchant_code": "LEPHI2"},
        {"order_id": "LPABCDEFGHJKLM-02"},
        {"order_id": ""},
    ],
)
def test_a_forged_question_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(CallbackRejected):
        ViettelMoney(ACCOUNT).read_pull(raw(urlencode({**CHECK, **changes}).encode()))


def test_the_seal_of_one_message_is_worth_nothing_for_another() -> None:
    page = parse_qs(dialect.pay_query(CREDENTIALS, REQUEST))["check_sum"][0]
    asked = parse_qs(dialect.question(CREDENTIALS, ORDER).decode())["check_sum"][0]
    for seal in (page, asked, CHECK["check_sum"], "8mT6WW7baSsj8oe8sxH7I+SRQho="):
        with pytest.raises(WrongSeal):
            dialect.read_result(CREDENTIALS, posted(RESULT, seal), AT)
