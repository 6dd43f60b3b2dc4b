"""The portal's question of what a dossier owes (tra cứu thanh toán hồ sơ), and its answer. Pure.

* [C] It sends `MaHoSo`; `error_code` of the answer is 1 where something is unpaid, 0 where nothing
  is or all is paid, -1 for no such dossier. `message` is what is to be paid, with `MaTraCuuTT` (the
  dossier and the time), `transaction_id` and `client_id`; else an empty list.
* [C] The known client signs nothing, and the answer says what somebody owes. So a question is
  answered only with `MaXacThuc` [assumption]: as an order's bill is asked for, over LoaiBanTin,
  PhienBan, MaDoiTac, MaHoSo and ThoiGianGD, the secret last, or with the time before the number,
  as confirmations have it, and not older than five minutes; or under the bearer token of
  `pull_token`, where the portal is given one.
* [I] What is then paid is confirmed with `transaction_id` for `MaThamChieu`: it is a bill's
  reference. Of several bills of one dossier the oldest unpaid one is told, then the next.
* [I] Where it is owed and cannot be taken now, or has expired, the answer is that of a question
  that could not be read, `return_code` -1: neither paid nor unknown is true. `return_msg` says it.
"""

import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from adapters.dvcqg import billing_block
from adapters.dvcqg.dialect import Credentials, given_seal, seal
from adapters.wording import Malformed, WrongSeal, as_sent, spelled, stamp, stamped, strict, word
from core import json
from payments.pulls import PulledBill, PullState

_ORDERS: Final = (
    ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaHoSo", "ThoiGianGD"),
    ("LoaiBanTin", "PhienBan", "MaDoiTac", "ThoiGianGD", "MaHoSo"),
)
_WITHIN: Final = timedelta(minutes=5)
_DOSSIER: Final = re.compile(r"[^\x00-\x1f\x7f|]{1,100}")
_WORD: Final = re.compile(r"[0-9A-Za-z._-]{0,64}")
_STAMP: Final = re.compile("[0-9]{14}")
_CODES: Final = {PullState.UNPAID: 1, PullState.SETTLED: 0, PullState.UNKNOWN: -1}
_WHY_NOT: Final = {
    PullState.ELSEWHERE: "Hồ sơ đang có giao dịch chưa có kết quả, hoặc phải nộp bằng cách khác",
    PullState.EXPIRED: "Khoản phải nộp của hồ sơ đã hết hạn thanh toán; hãy liên hệ cơ quan thu",
}


def read_question(credentials: Credentials, raw: bytes, at: datetime) -> str:
    """The number of the dossier that is asked about, proved by the seal.

    Raises `WrongSeal` for what is not the platform's or is old, `Malformed` naming the field.
    """
    sent = as_sent(raw)
    given = given_seal(sent)
    covered = spelled({name: sent[name] for name in _ORDERS[0] if name in sent}, "")
    if covered is None:
        raise WrongSeal("MaXacThuc: over what is no text")
    # Every order is tried, so that the time taken does not tell which one fitted.
    fits = [hmac.compare_digest(given, seal(credentials, names, covered)) for names in _ORDERS]
    if not any(fits):
        raise WrongSeal("MaXacThuc: wrong")
    document = strict(raw)
    if document.get("MaDoiTac", credentials.partner) != credentials.partner:
        raise Malformed("MaDoiTac: another account's")
    for name in ("LoaiBanTin", "PhienBan"):
        word(document, name, _WORD)
    asked_at = stamped("ThoiGianGD", word(document, "ThoiGianGD", _STAMP))
    if abs(at - asked_at) > _WITHIN:
        raise WrongSeal("ThoiGianGD: too old, or ahead of our clock")
    return word(document, "MaHoSo", _DOSSIER)


def read_bare_question(raw: bytes) -> str:
    """The number of the dossier, asked by who has shown the token. Raises `Malformed`."""
    return word(strict(raw), "MaHoSo", _DOSSIER)


def answer(credentials: Credentials, pulled: PulledBill, at: datetime) -> bytes:
    """What is owed on the dossier."""
    if (why := _WHY_NOT.get(pulled.state)) is not None:
        return refused(why)
    message: object = []
    if pulled.billed is not None:
        number = pulled.billed.number
        message = billing_block.written(pulled.billed, credentials.tax_service) | {
            "SoTien": str(pulled.amount),
            "MaTraCuuTT": f"{number}{stamp(at)}",
            "transaction_id": pulled.reference,
            "client_id": credentials.partner,
        }
    return json.canonical({"error_code": _CODES[pulled.state], "message": message})


def refused(why: str) -> bytes:
    """That the question is not answered."""
    return json.canonical({"return_code": -1, "return_msg": why})
