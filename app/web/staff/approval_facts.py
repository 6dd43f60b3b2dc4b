"""What an approval was based on, told in words: its kind, its money, each of its figures. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.web.texts import noted
from core.ids import is_id
from reconciliation.words import CLASSES, REASONS, RESOLUTIONS, SIDES

#: What each kind of approval is about.
TITLES: Final = {
    "close_day": noted("Khóa sổ ngày"),
    "discrepancies": noted("Xử lý nhiều chênh lệch cùng lúc"),
    "discrepancy_assign": noted("Chênh lệch: áp vào khoản phải nộp"),
    "discrepancy_settle": noted("Chênh lệch: ghi nhận lần thanh toán thiếu thông báo"),
    "discrepancy_suspense": noted("Chênh lệch: giữ ở tiền chờ"),
    "discrepancy_refund": noted("Chênh lệch: hoàn trả"),
    "discrepancy_accept": noted("Chênh lệch: chấp nhận, theo dõi tiếp"),
    "discrepancy_returned": noted("Chênh lệch: ngân hàng đã thu lại"),
    "reopen_discrepancy": noted("Chênh lệch: mở lại sau khi đã chấp nhận"),
    "assign": noted("Tiền chờ: áp vào khoản phải nộp"),
    "refund": noted("Tiền chờ: hoàn trả"),
    "same_money": noted("Tiền chờ: cùng một khoản đã có trong sổ"),
    "other_money": noted("Tiền chờ: là một khoản tiền riêng"),
    "returned": noted("Tiền chờ: ngân hàng đã thu lại"),
    "settlement": noted("Tiền chờ: cổng chuyển trả"),
    "keep": noted("Tiền chờ: để lại, ghi rõ lý do"),
    "release_statement": noted("Ghi nhận tiền chỉ có trên sao kê"),
    "withdraw_statement": noted("Rút một sao kê"),
    "supersede_statement": noted("Thay một sao kê bằng bản phát hành lại"),
    "force_statement": noted("Nạp một sao kê có số tiền đáng ngờ"),
    "payment_refund": noted("Hoàn trả một lần thanh toán"),
    "refund_failure": noted("Xác nhận một lần hoàn trả không thành công"),
    "replace_settlement": noted("Thay một tệp quyết toán bằng bản phát hành lại"),
    "settlement_batch": noted("Gắn lô quyết toán với khoản ghi có"),
    "undo_settlement_batch": noted("Bỏ gắn lô quyết toán với khoản ghi có"),
    "undo_match": noted("Bỏ một cặp đã khớp"),
    "day_rule": noted("Đổi quy tắc ngày của tài khoản"),
    "create_agency": noted("Thêm đơn vị"),
    "change_agency": noted("Sửa đơn vị"),
    "create_account": noted("Thêm tài khoản thu"),
    "confirm_account": noted("Xác nhận số tài khoản thu"),
    "set_virtual_prefix": noted("Đổi đầu số tài khoản ảo"),
    "configure_gateway": noted("Thiết lập cổng thanh toán"),
    "create_user": noted("Thêm người dùng"),
    "reset_factor": noted("Đặt lại lớp bảo vệ thứ hai của một người"),
    "configure_sign_on": noted("Thiết lập đăng nhập riêng của cơ quan"),
    "confirm_key": noted("Cho một khóa API có hiệu lực"),
    "stall_tariff": noted("Đặt giá thuê điểm kinh doanh tại chợ"),
    "charge_tariff": noted("Đặt giá điện, nước, dịch vụ tại chợ"),
    "stall_waiver": noted("Miễn, giảm giá thuê tại chợ"),
    "debt_list": noted("Đổi khoản phải nộp theo danh sách mới"),
    "debt_withdrawal": noted("Rút một khoản phải nộp của cơ quan khác"),
    "change_signing_key": noted("Đổi khóa ký biên lai"),
}
#: What each figure is called.
_LABELS: Final = {
    "account": noted("Tài khoản"),
    "date": noted("Ngày"),
    "class": noted("Loại chênh lệch"),
    "side": noted("Bên"),
    "object": noted("Đối tượng"),
    "reference": noted("Mã"),
    "amount": noted("Số tiền"),
    "other_amount": noted("Số tiền kia"),
    "waiting": noted("Đang chờ"),
    "payment": noted("Lần thanh toán"),
    "bill": noted("Khoản phải nộp"),
    "share": noted("Phần được chia"),
    "status": noted("Tình trạng"),
    "line": noted("Dòng sao kê"),
    "count": noted("Số lượng"),
    "sum": noted("Tổng tiền"),
    "resolution": noted("Cách xử lý"),
    "place": noted("Nơi tiền đang nằm"),
    "reason": noted("Lý do"),
    "credited": noted("Đã ghi có"),
    "paid_at": noted("Thời điểm trả"),
    "allocated": noted("Đã áp"),
    "file_name": noted("Tên tệp"),
    "rows": noted("Số dòng"),
    "lines": noted("Các dòng"),
    "credits": noted("Ghi có"),
    "debits": noted("Ghi nợ"),
    "credit_count": noted("Số dòng ghi có"),
    "debit_count": noted("Số dòng ghi nợ"),
    "late_credit_count": noted("Số dòng ghi có đến muộn"),
    "late_debit_count": noted("Số dòng ghi nợ đến muộn"),
    "late_credits": noted("Ghi có đến muộn"),
    "late_debits": noted("Ghi nợ đến muộn"),
    "payments": noted("Khoản thu"),
    "carried_in": noted("Từ ngày trước chuyển sang"),
    "balances": noted("Số dư"),
    "opening": noted("Số dư đầu ngày"),
    "closing": noted("Số dư cuối ngày"),
    "agrees": noted("Số dư khớp"),
    "gateway": noted("Cổng"),
    "way": noted("Cách trả"),
    "rank": noted("Thứ tự trên trang của người nộp"),
    "gross": noted("Tiền thu"),
    "fee": noted("Phí cổng"),
    "net": noted("Tiền ròng"),
    "net_before": noted("Tiền ròng trước đó"),
    "version": noted("Bản số"),
    "before": noted("trước"),
    "after": noted("sau"),
    "withdrawn": noted("Số dòng bị rút"),
    "reversed": noted("Bị đảo"),
    "rule": noted("Quy tắc khớp"),
    "refund": noted("Hoàn trả"),
    "kept": noted("Giữ lại"),
    "accepted": noted("Chấp nhận"),
    "cleared": noted("Đã quyết toán"),
    "email": noted("Thư điện tử"),
    "name": noted("Tên"),
    "roles": noted("Vai trò"),
    "agency": noted("Cơ quan"),
    "bills": noted("Các khoản phải nộp"),
    "settled": noted("Đã trả cho khoản phải nộp"),
    "spent": noted("Đã để hoàn trả, không đảo được"),
    "reopened": noted("Khoản phải nộp mở lại"),
    "receipts": noted("Số biên lai hết giá trị"),
    "closed": noted("Ngày đã khóa sổ"),
    "new_file_name": noted("Tên tệp mới"),
    "mapping": noted("Mẫu"),
    "difference": noted("So với bản trước"),
    "gone": noted("Dòng không còn"),
    "added": noted("Dòng thêm"),
    "changed": noted("Dòng đổi"),
    "differing": noted("Số dòng khác nhau"),
    "rows_before": noted("Số dòng trước đó"),
    "credit": noted("Khoản ghi có"),
    "batches": noted("Các lô quyết toán"),
    "bank_bin": noted("Mã ngân hàng (BIN)"),
    "number": noted("Số tài khoản"),
    "holder": noted("Tên chủ tài khoản"),
    "virtual_prefix": noted("Đầu số tài khoản ảo"),
    "virtual_digits": noted("Theo sau là 16 chữ số"),
    "collection_account": noted("Tài khoản thu"),
    "base_url": noted("Địa chỉ của cổng"),
    "enabled": noted("Cho người nộp dùng"),
    "keep_hours": noted("Số giờ còn nhận khóa cũ"),
    "parent": noted("Cơ quan cấp trên"),
    "tax_code": noted("Mã số thuế"),
    "address": noted("Địa chỉ"),
    "phone": noted("Điện thoại"),
    "name_en": noted("Tên tiếng Anh"),
    "offers": noted("Thủ tục được thu"),
    "kind": noted("Loại"),
    "code": noted("Mã"),
    "scopes": noted("Phạm vi"),
    "signer": noted("Người ký"),
    "issuer": noted("Nơi cấp chứng thư"),
    "valid_to": noted("Hết hiệu lực"),
    "replaces": noted("Thay cho khóa"),
    "run": noted("Lần đối chiếu"),
    "market": noted("Chợ"),
    "market_class": noted("Hạng chợ"),
    "stall": noted("Sạp"),
    "per": noted("Tính theo"),
    "rate": noted("Đơn giá"),
    "frontage_surcharges": noted("Cộng thêm theo số mặt tiền"),
    "vat_included": noted("Giá đã có thuế GTGT"),
    "vat_percent": noted("Thuế GTGT cộng thêm (%)"),
    "basis": noted("Căn cứ"),
    "valid_from": noted("Áp dụng từ ngày"),
    "first_on": noted("Từ ngày"),
    "last_on": noted("Đến ngày"),
    "percent": noted("Tỷ lệ miễn, giảm (%)"),
    "amount_each": noted("Giảm cho mỗi sạp"),
    "list": noted("Danh sách"),
    "debt": noted("Mã khoản phải nộp ở cơ quan khác"),
    "amount_before": noted("Đang phải nộp"),
    "amount_after": noted("Sẽ phải nộp"),
    "to_give_back": noted("Đã nộp mà không phải nộp, cần hoàn trả"),
    "bills_withdrawn": noted("Số khoản được rút"),
    "debts_new": noted("Khoản mới"),
    "debts_same": noted("Khoản giữ nguyên"),
    "debts_anew": noted("Khoản đổi, lập lại"),
    "debts_supplement": noted("Khoản thu bổ sung"),
    "debts_withdrawn": noted("Khoản không còn, được rút"),
    "debts_left": noted("Khoản để nguyên, cần người xem"),
    "debts_elsewhere": noted("Khoản đã có ở danh sách khác"),
}
_MONEY: Final = frozenset(
    {
        *("amount", "other_amount", "waiting", "sum", "credited", "allocated", "credits", "debits"),
        *("late_credits", "late_debits", "opening", "closing", "gross", "fee", "net", "kept"),
        *("net_before", "reversed", "accepted", "cleared", "credit", "share", "settled", "spent"),
        *("rate", "amount_before", "amount_after", "to_give_back", "amount_each"),
    }
)
#: What says nothing to a person, or is nobody's to see.
_LEFT_OUT: Final = frozenset(
    {
        "digest",
        "hash",
        "credentials",
        "file",
        "password",
        "secret",
        "discrepancies",
        "run",
        "object",
        "sha256",
        "approval",
        "statement",
        "differences",
    }
)
_MOST_NAMED: Final = 12
#: Where what a figure names has a page of its own, by the beginning of its id.
_PAGES: Final = {"pay": "payments", "refund": "refunds", "bill": "bills", "rcpt": "receipts"}
_WAYS_BACK: Final = {"gateway": noted("Qua cổng đã thu")}
_YES_NO: Final = {True: noted("có"), False: noted("không")}


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """A figure of an approval: what it is called, and its value.

    `kind` says how it is written: `money` (đồng), `count`, `day`, `link` (the address of the page
    of what is meant), or `text`; `ours` says that the text is one of our own words.
    """

    label: str
    value: Any
    kind: str = "text"
    ours: bool = False
    #: what the label is a part of
    within: str = ""


def title_of(kind: str) -> str:
    """What a kind of approval is about; one that nobody has named is called by its name."""
    return TITLES.get(kind, kind)


def sum_of(figures: Mapping[str, Any]) -> int | None:
    """How much money an approval is about, in đồng; None where it is about none."""
    for name in ("sum", "amount", "gross", "net"):
        if isinstance(figures.get(name), int):
            return int(figures[name])
    payments = figures.get("payments")
    if isinstance(payments, Mapping) and isinstance(payments.get("sum"), int):
        return int(payments["sum"])
    return None


def facts_of(figures: Mapping[str, Any]) -> list[ApprovalFact]:
    """Every figure that says something to a person, in the order in which they were kept."""
    return list(_facts(figures, ""))


def _facts(figures: Mapping[str, Any], within: str) -> Iterator[ApprovalFact]:
    for name, value in figures.items():
        if name in _LEFT_OUT or value is None or value in ("", [], {}):
            continue
        label = CLASSES.get(name) if within == "classes" else _LABELS.get(name)
        if isinstance(value, Mapping):
            if {"count", "sum"} == value.keys():
                if within == "classes" and not any(value.values()):
                    continue
                told = (value["count"], value["sum"])
                yield ApprovalFact(label or name, told, "tally", within="")
            else:
                yield from _facts(value, name)
        elif name == "bills" and all(isinstance(one, Mapping) for one in value):
            for one in value:  # what money for several is split over, each with its figures
                yield from _facts(one, "bill")
        elif isinstance(value, list):
            yield ApprovalFact(label or name, _listed(value))
        else:
            yield _fact(name, label or name, value, _LABELS.get(within, ""))


def _listed(value: list[Any]) -> str:
    named = [str(one) for one in value if isinstance(one, str | int)]
    if len(named) < len(value):
        return str(len(value))
    more = f" … ({len(named)})" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _fact(name: str, label: str, value: Any, within: str) -> ApprovalFact:
    if isinstance(value, bool):
        return ApprovalFact(label, _YES_NO[value], ours=True, within=within)
    if isinstance(value, int):
        return ApprovalFact(label, value, "money" if name in _MONEY else "count", within=within)
    words = {
        "class": CLASSES,
        "side": SIDES,
        "resolution": RESOLUTIONS,
        "reason": REASONS,
        "way": _WAYS_BACK,
    }
    told = words.get(name, {}).get(str(value))
    if told is not None:
        return ApprovalFact(label, told, ours=True, within=within)
    prefix = str(value).partition("_")[0]
    if prefix in _PAGES and is_id(value, prefix):
        return ApprovalFact(label, f"/staff/{_PAGES[prefix]}/{value}", "link", within=within)
    kind = "day" if name == "date" and len(str(value)) == 10 else "text"
    return ApprovalFact(label, str(value), kind, within=within)
