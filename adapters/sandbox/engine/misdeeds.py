"""What an account can be told to do wrong next, in words for its page: one button each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.sandbox.engine.dialect import Dialect, FeedDialect
from adapters.sandbox.engine.faults import POSSIBLE, Fault, FaultPlan, Operation
from adapters.sandbox.engine.gateway import GatewayDialect, SealingDialect

#: the words on the button, and what happens
_WORDS: Final[dict[Fault, tuple[str, str]]] = {
    Fault.TIMEOUT: ("Im lặng", "Đã nhận yêu cầu, không bao giờ trả lời."),
    Fault.TIMEOUT_AFTER_CHARGE: (
        "Trừ tiền rồi im lặng",
        "Đã nhận và đã trừ tiền, không trả lời; kết quả vẫn được báo.",
    ),
    Fault.DECLINE: ("Từ chối", "Trả lời đúng cách rằng không nhận."),
    Fault.SERVER_ERROR: ("Lỗi 500", "Đã làm theo yêu cầu, rồi trả lời lỗi 500."),
    Fault.UNAVAILABLE: ("Bận (503)", "Chưa làm gì, mời gọi lại sau một giây."),
    Fault.RATE_LIMITED: ("Gọi quá nhiều (429)", "Chưa làm gì, mời gọi lại sau một giây."),
    Fault.SLOW: ("Rất chậm", "Trả lời từng byte một."),
    Fault.TRUNCATED: ("Cắt ngang", "Ngắt kết nối giữa câu trả lời."),
    Fault.HUGE: ("Dài vô tận", "Trả lời hàng chục megabyte."),
    Fault.HTML: ("Trang HTML", "Trả lời một trang HTML với mã 200."),
    Fault.FORGED_ANSWER: (
        "Trả lời sai chữ ký",
        "Đã làm theo yêu cầu; câu trả lời do người ngoài ký bằng khóa khác.",
    ),
    Fault.NOT_FOUND: ("Nói không biết", "Nói là không có giao dịch, dù có."),
    Fault.NOT_DECIDED: ("Để ngỏ", "Nhận yêu cầu hoàn tiền mà không quyết định."),
    Fault.DUPLICATE_CALLBACK: ("Báo nhiều lần", "Gửi cùng một thông báo nhiều lần."),
    Fault.LATE_CALLBACK: ("Báo muộn", "Ít lâu sau mới báo."),
    Fault.LOST_CALLBACK: ("Không báo", "Thông báo bị thất lạc."),
    Fault.FORGED_CALLBACK: (
        "Sai chữ ký",
        "Trước thông báo thật có một thông báo của người ngoài, ký bằng khóa khác.",
    ),
    Fault.WRONG_AMOUNT: ("Sai số tiền", "Trừ và báo một số tiền khác."),
    Fault.SUCCESS_AFTER_FAILURE: ("Thất bại rồi thành công", "Báo thất bại trước, thành công sau."),
}
_EARLY: Final = {
    Operation.CREATE: ("Báo trước khi trả lời", "Trừ tiền và báo kết quả rồi mới trả lời."),
    Operation.CALLBACK: ("Báo quá sớm", "Báo kết quả khi hỏi cổng còn chưa thấy."),
}
_HEADINGS: Final = {
    Operation.CREATE: "Lần tạo giao dịch sắp tới",
    Operation.QUERY: "Lần hỏi kết quả sắp tới",
    Operation.CALLBACK: "Lần nộp thành công sắp tới",
    Operation.REFUND: "Lần hoàn tiền sắp tới",
    Operation.CREDIT: "Lần báo có sắp tới",
}
#: what a gateway asks for that did nothing: a second, as real ones do
_RETRY_AFTER: Final = "1"
_STATUS: Final = 500
#: where a 500 did nothing: a button of its own
_UNDONE: Final = "undone"


@dataclass(frozen=True, slots=True)
class Button:
    """One misdeed: what the form sends, the words on it, and what happens."""

    value: str
    words: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ButtonGroup:
    """The misdeeds at one kind of request."""

    operation: Operation
    heading: str
    buttons: Sequence[Button]


class UnknownMisdeed(Exception):
    """No button sends this."""


def groups_of(dialect: Dialect) -> list[ButtonGroup]:
    """What an account in that dialect can do wrong: a feed only tells of credits, who is never
    called has no answers, and who signs none has none to sign wrongly."""
    happens = {Operation.CREDIT} if isinstance(dialect, FeedDialect) else {Operation.CALLBACK}
    if isinstance(dialect, GatewayDialect):
        happens |= set(dialect.calls)
    shown = [one for one in POSSIBLE if one in happens]
    return [ButtonGroup(one, _HEADINGS[one], _buttons(one, dialect)) for one in shown]


def words_of(operation: Operation, fault: Fault) -> str:
    """The words of a misdeed, without its heading."""
    return (_EARLY[operation] if fault is Fault.EARLY_CALLBACK else _WORDS[fault])[0]


def heading_of(operation: Operation) -> str:
    """Which request is meant."""
    return _HEADINGS[operation]


def plan(faults: FaultPlan, account: str, value: str) -> None:
    """Do what a button says at the account's next request of its kind. Raises `UnknownMisdeed`."""
    name, _, rest = value.partition(":")
    said, _, variant = rest.partition(":")
    try:
        faults.script(
            account,
            Operation(name),
            Fault(said),
            retry_after=_RETRY_AFTER,
            status=_STATUS,
            takes_effect=variant != _UNDONE,
        )
    except ValueError:
        raise UnknownMisdeed(value) from None


def _buttons(operation: Operation, dialect: Dialect) -> list[Button]:
    made = []
    seals = isinstance(dialect, SealingDialect) and operation in dialect.seals_answers_to
    for fault in POSSIBLE[operation]:
        if fault is Fault.FORGED_ANSWER and not seals:
            continue
        words, meaning = _EARLY[operation] if fault is Fault.EARLY_CALLBACK else _WORDS[fault]
        made.append(Button(f"{operation}:{fault}", words, meaning))
        if fault is Fault.SERVER_ERROR:
            undone = "Không làm gì, trả lời lỗi 500."
            value = f"{operation}:{fault}:{_UNDONE}"
            made.append(Button(value, "Lỗi 500, chưa nhận", undone))
    return made
