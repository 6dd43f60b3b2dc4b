"""How a discrepancy can be resolved, as its page offers it, the usual way first. Pure."""

from dataclasses import dataclass
from typing import Final

from app.web.texts import noted


@dataclass(frozen=True, slots=True)
class ResolutionWay:
    """A way to resolve, by its name in the API; what it is called, and what it does."""

    name: str
    title: str
    effect: str
    #: the reason where nobody writes a better one
    usual_reason: str


WAYS: Final = {
    one.name: one
    for one in (
        ResolutionWay(
            "suspense",
            noted("Giữ ở tiền chờ"),
            noted("Tiền được ghi sổ và nằm ở tiền chờ xử lý."),
            noted("Chưa rõ của ai, chờ xác minh."),
        ),
        ResolutionWay(
            "assign",
            noted("Áp vào khoản phải nộp"),
            noted("Tiền trả cho khoản phải nộp có mã bạn ghi; đủ thì có biên lai."),
            noted("Đã xác minh khoản phải nộp."),
        ),
        ResolutionWay(
            "settle",
            noted("Ghi nhận lần thanh toán thiếu thông báo"),
            noted("Lần thanh toán mà cổng chưa báo được ghi là đã trả."),
            noted("Sao kê cho thấy tiền đã về."),
        ),
        ResolutionWay(
            "refund",
            noted("Hoàn trả"),
            noted("Tiền được để riêng để hoàn trả."),
            noted("Không phải tiền của cơ quan."),
        ),
        ResolutionWay(
            "returned",
            noted("Ngân hàng đã thu lại"),
            noted("Tiền bị thu lại: khoản đã trả bằng tiền này lại còn phải nộp."),
            noted("Sao kê cho thấy ngân hàng đã thu lại tiền."),
        ),
        ResolutionWay(
            "accept",
            noted("Chấp nhận, theo dõi tiếp"),
            noted("Không đồng nào di chuyển; biên bản ghi lại chênh lệch và lý do."),
            noted("Đã xem, chấp nhận."),
        ),
    )
}
_UNKNOWN: Final = ("unknown_in_ledger", "ambiguous")
_BY_MANY: Final = ("suspense", "settle", "refund", "returned", "accept")


def ways_for(side: str, kind: str) -> list[ResolutionWay]:
    """What may be asked for about a discrepancy of a side and class."""
    if side == "line" and kind in _UNKNOWN:
        return [way for name, way in WAYS.items() if name != "returned"]
    if side == "payment" and kind == "reversed":
        return [WAYS["returned"], WAYS["accept"]]
    if side == "payment":
        return [WAYS["accept"], WAYS["suspense"], WAYS["refund"], WAYS["assign"]]
    return [WAYS["accept"]]


def ways_for_many(kinds: set[tuple[str, str]]) -> list[ResolutionWay]:
    """What may be asked for about several at once: what fits each of them, no bill to be named."""
    fitting = [{way.name for way in ways_for(*one)} for one in kinds]
    common = set(_BY_MANY).intersection(*fitting)
    return [way for name, way in WAYS.items() if name in common]


#: What may become of money that waits, by its name in the API.
_MONEY_WAYS: Final = (
    ResolutionWay(
        "assign",
        noted("Áp vào khoản phải nộp"),
        noted("Tiền trả cho khoản phải nộp có mã bạn ghi; đủ thì có biên lai."),
        "",
    ),
    ResolutionWay("refund", noted("Hoàn trả"), noted("Tiền được để riêng để hoàn trả."), ""),
    ResolutionWay("keep", noted("Để lại"), noted("Tiền giữ nguyên, lý do được ghi lại."), ""),
    ResolutionWay(
        "same_money",
        noted("Cùng một khoản đã có"),
        noted("Sổ đã có khoản tiền này: bản ghi thứ hai bị đảo."),
        "",
    ),
    ResolutionWay(
        "other_money",
        noted("Khoản tiền riêng"),
        noted("Là một khoản khác: tiền đi về nơi nó được gửi."),
        "",
    ),
    ResolutionWay(
        "returned",
        noted("Ngân hàng đã thu lại"),
        noted("Ngân hàng đã thu lại khoản này: bản ghi bị đảo."),
        "",
    ),
    ResolutionWay(
        "settlement",
        noted("Tiền cổng chuyển trả"),
        noted("Tiền này là cổng chuyển trả cho các khoản đã thu."),
        "",
    ),
)
#: Reasons for which money waits, and the ways that are usual then.
_USUAL_MONEY_WAYS: Final = {
    "possible_duplicate": ("same_money", "other_money"),
    "statement_only": ("other_money",),
    "gateway_settlement": ("settlement", "other_money"),
}


def money_ways_for(reason: str) -> list[ResolutionWay]:
    """What may be asked for about money that waits for a reason, the usual ways first."""
    usual = _USUAL_MONEY_WAYS.get(reason, ("assign", "refund", "keep"))
    return sorted(_MONEY_WAYS, key=lambda way: way.name not in usual)


def bills_named(text: str) -> dict[str, object]:
    """The references in a field, one or several, as the API takes them."""
    named = text.replace(",", " ").upper().split()
    if len(named) > 1:
        return {"bills": named}
    return {"bill": named[0]} if named else {}


def reason_for(way: str, typed: str) -> str:
    """Why: what was typed, else the usual reason of the way."""
    return typed or (WAYS[way].usual_reason if way in WAYS else "")
