"""The portal's question about a dossier: who may ask, how old, and what it is told."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from adapters.dvcqg import pulls
from adapters.dvcqg.dialect import Credentials
from adapters.wording import Malformed, WrongSeal
from payments.billed import BilledDossier, BilledFee
from payments.pulls import PulledBill, PullState

CREDENTIALS = Credentials("DEMO", "HASHKEY")
AT = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
BILLED = BilledDossier(
    "G12-1", "don-vi", "Đơn vị", "999999", "1", "TK", (BilledFee("1", "Lệ phí", 150_000),)
)
ASKED: Final = {
    "LoaiBanTin": "GETDOSSIER",
    "PhienBan": "1.0",
    "MaDoiTac": "DEMO",
    "MaHoSo": "G12-1",
    "ThoiGianGD": "20261122080000",
}
#: Both by hand: in the order in which an order's bill is asked for, and in a confirmation's.
NUMBER_FIRST = hashlib.sha256(b"GETDOSSIER|1.0|DEMO|G12-1|20261122080000|HASHKEY").hexdigest()
TIME_FIRST = hashlib.sha256(b"GETDOSSIER|1.0|DEMO|20261122080000|G12-1|HASHKEY").hexdigest()


def body(given: str, **changes: Any) -> bytes:
    return json.dumps({**ASKED, "MaXacThuc": given, **changes}).encode()


@pytest.mark.parametrize("given", [NUMBER_FIRST, TIME_FIRST])
def test_a_question_sealed_in_either_order_is_read(given: str) -> None:
    assert pulls.read_question(CREDENTIALS, body(given), AT) == "G12-1"
    for seconds in (-300, 300):
        at = AT + timedelta(seconds=seconds)
        assert pulls.read_question(CREDENTIALS, body(given), at) == "G12-1"


@pytest.mark.parametrize("given", [NUMBER_FIRST, TIME_FIRST])
def test_a_question_of_somebody_else_or_of_another_time_is_not(given: str) -> None:
    for changes in (
        {"MaHoSo": "G12-2"},
        {"MaDoiTac": "KHAC"},
        {"PhienBan": "2.0"},
        {"ThoiGianGD": "20261122080001"},
        {"MaXacThuc": given.upper()},
        {"MaXacThuc": given[:63]},
        {"MaXacThuc": None},
        {"MaHoSo": ["G12-1"]},
    ):
        with pytest.raises(Malformed):
            pulls.read_question(CREDENTIALS, body(given, **changes), AT)
    with pytest.raises(WrongSeal):
        pulls.read_question(Credentials("DEMO", "OTHER"), body(given), AT)
    for seconds in (-301, 301):
        with pytest.raises(WrongSeal, match="ThoiGianGD"):
            pulls.read_question(CREDENTIALS, body(given), AT + timedelta(seconds=seconds))


def test_a_number_that_holds_a_bar_is_refused_though_it_is_sealed() -> None:
    text = b"GETDOSSIER|1.0|DEMO|G12|1|20261122080000|HASHKEY"
    sealed = hashlib.sha256(text).hexdigest()
    with pytest.raises(Malformed, match="MaHoSo"):
        pulls.read_question(CREDENTIALS, body(sealed, MaHoSo="G12|1"), AT)


def test_what_is_owed_is_told_with_the_reference_it_is_paid_by() -> None:
    pulled = PulledBill(PullState.UNPAID, "LPABCDEFGHJKLM", 150_000, BILLED)
    told = json.loads(pulls.answer(CREDENTIALS, pulled, AT))
    assert told["error_code"] == 1
    message = told["message"]
    assert message["MaTraCuuTT"] == "G12-120261122080000"
    assert (message["transaction_id"], message["client_id"]) == ("LPABCDEFGHJKLM", "DEMO")
    assert (message["SoTien"], message["MaDichVu"]) == ("150000", 2)
    assert [fee["SoTien"] for fee in message["PhiLePhi"]] == ["150000"]


@pytest.mark.parametrize(("state", "code"), [(PullState.SETTLED, 0), (PullState.UNKNOWN, -1)])
def test_nothing_owed_and_nothing_known_are_told_apart(state: PullState, code: int) -> None:
    told = json.loads(pulls.answer(CREDENTIALS, PulledBill(state), AT))
    assert told == {"error_code": code, "message": []}


def test_what_cannot_be_taken_now_is_neither_paid_nor_unknown() -> None:
    said = set()
    for state in (PullState.ELSEWHERE, PullState.EXPIRED):
        told = json.loads(pulls.answer(CREDENTIALS, PulledBill(state), AT))
        assert told["return_code"] == -1
        assert "error_code" not in told
        said.add(told["return_msg"])
    assert len(said) == 2, "they cannot be told apart"
