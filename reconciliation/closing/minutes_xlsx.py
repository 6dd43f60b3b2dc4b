"""Writes the minutes of a day as a workbook, a sheet for each of their tables. Pure.

The same content gives the same bytes. Every text is written as text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciliation.words import (
    CARRIED,
    CHANNELS,
    CLASSES,
    RESOLUTIONS,
    SHARES_NOTE,
    SHARES_UNKNOWN,
    balance_words,
    has_carried,
    has_shares,
    moment_words,
    share_words,
    shared_sums,
)
from reconciliation.workbook_sheets import Rows, write_sheets


def write(content: Mapping[str, Any], digest: str) -> bytes:
    """The workbook of minutes with this hash."""
    sheets = {
        "Biên bản": (("Mục", "Nội dung"), _facts(content, digest)),
        "Kết quả": (("Mã", "Kết quả", "Số lượng", "Số tiền (đồng)"), _classes(content)),
        "Khoản thu": _fees(content),
        "Tiền ở đâu": (_PLACED, [[o[n] for n in _PLACE] for o in content["places"]]),
        **_carried(content),
        "Chuyển ngày sau": (_PLACED, [[o[n] for n in _PLACE] for o in content["waiting"]]),
        "Chênh lệch": (
            ("Số", "Loại", "Đối tượng", "Mã thanh toán", "Số tiền (đồng)", "Xử lý", "Lý do"),
            _items(content),
        ),
        "Ngày khác": (
            ("Dòng", "Số tiền (đồng)", "Ghi sổ lúc", "Khoản thanh toán", "Của ngày đã khóa"),
            [
                [
                    *(o.get("told") or o["id"], o["amount"], moment_words(o["booked_at"])),
                    o.get("payment_told") or o["payment_id"],
                    "có" if o["late"] else "",
                ]
                for o in content["other_days"]
            ],
        ),
    }  # fmt: skip
    return write_sheets("Biên bản đối chiếu", sheets)


_FEE = (
    *("agency", "procedure", "fee", "description"),
    *("sub_item", "gateway", "count", "amount"),
)
_PLACE = ("place", "reason", "count", "amount")
_PLACED = ("Nơi", "Lý do", "Số lượng", "Số tiền (đồng)")


def _facts(content: Mapping[str, Any], digest: str) -> Rows:
    lines, balances = content["lines"], content["balances"]
    told = None not in (balances["opening"], balances["closing"])
    return [
        ["Cơ quan", content["body"]["name"]],
        ["Tài khoản", f"{content['account']['number']} · {content['account']['holder']}"],
        ["Ngày", content["date"]],
        ["Lần đối chiếu", content["run"]],
        ["Số dư đầu ngày", _told(balances["opening"])],
        ["Ghi có", lines["credits"]],
        ["Ghi nợ", lines["debits"]],
        ["Số dư cuối ngày", _told(balances["closing"])],
        ["Điều chỉnh từ ngày đã khóa", lines["late_credits"] - lines["late_debits"]],
        ["Kết luận", balance_words(agrees=content["agrees"], told=told)],
        ["Đã thu theo sổ", content["payments"]["sum"]],
        *_carried_in(content),
        ["Người lập", _person(content["proposed"])],
        ["Người duyệt", _person(content["closed"])],
        ["SHA-256 biên bản này", digest],
        ["SHA-256 biên bản trước", content["previous"]["hash"]],
        *_shares(content),
    ]


def _carried_in(content: Mapping[str, Any]) -> Rows:
    if not has_carried(content):
        return []
    return [
        ["Ngày trước chuyển sang", content["carried_in"]["sum"]],
        ["Tiền đang về, chuyển ngày sau", sum(o["sum"] for o in content["carried_out"]["sums"])],
    ]


def _carried(content: Mapping[str, Any]) -> dict[str, tuple[Sequence[str], Rows]]:
    """The sheet of what is on its way at the end of the day."""
    if not has_carried(content):
        return {}
    rows: Rows = [
        [
            *(CARRIED[one["kind"]], one.get("told") or one["object_id"], one["reference"]),
            *(one["amount"], one["expected_on"]),
        ]
        for one in content["carried_out"]["items"]
    ]
    headings = ("Đang ở đâu", "Đối tượng", "Mã thanh toán", "Số tiền (đồng)", "Hạn")
    return {"Tiền đang về": (headings, rows)}


def _fees(content: Mapping[str, Any]) -> tuple[Sequence[str], Rows]:
    headings = ("Đơn vị", "Thủ tục", "Mã khoản thu", "Khoản thu", "Tiểu mục", "Kênh", "Số lượng",
                "Số tiền (đồng)")  # fmt: skip
    named = [
        {**fee, "gateway": CHANNELS.get(fee["gateway"], fee["gateway"])} for fee in content["fees"]
    ]
    rows = [[fee[name] for name in _FEE] for fee in named]
    if not has_shares(content):
        return headings, rows
    for row, fee in zip(rows, content["fees"], strict=True):
        kept = fee["kept"]
        paid_in = None if kept is None else fee["amount"] - kept
        row += [share_words(fee["kept_percent"]), kept, paid_in]
    return (*headings, "Tỷ lệ để lại", "Để lại (đồng)", "Nộp ngân sách (đồng)"), rows


def _shares(content: Mapping[str, Any]) -> Rows:
    if not has_shares(content):
        return [["Ghi chú", SHARES_UNKNOWN]]
    sums = shared_sums(content["fees"])
    return [
        ["Để lại cho cơ quan thu", sums.kept],
        ["Nộp ngân sách nhà nước", sums.paid_in],
        ["Chưa rõ tỷ lệ, chưa chia", sums.undivided],
        ["Ghi chú", SHARES_NOTE],
    ]


def _person(told: Mapping[str, Any]) -> str:
    return f"{told['name']}, {moment_words(told['at'])}"


def _told(balance: int | None) -> object:
    return "không có" if balance is None else balance


def _classes(content: Mapping[str, Any]) -> Rows:
    return [
        [name, CLASSES.get(name, name), tally["count"], tally["sum"]]
        for name, tally in content["classes"].items()
    ]


def _items(content: Mapping[str, Any]) -> Rows:
    return [
        [
            one["id"],
            CLASSES.get(one["kind"], one["kind"]),
            one.get("told") or one["object_id"],
            one["reference"],
            one["amount"],
            RESOLUTIONS.get(one["resolution"], one["resolution"]),
            one["reason"],
        ]
        for one in content["items"]
    ]
