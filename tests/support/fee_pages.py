"""Procedures with fees of every kind, of the demonstration body alone, for the tests of pages.

They are its own rows and not the seed's, so that a law that changes changes no test.
"""

from datetime import date
from typing import Any

from payments.catalogue.upkeep.entries import Entry, FeeEntry, ProcedureEntry, ReliefEntry
from payments.catalogue.upkeep.writing import lock_catalogue, write_entries
from tests.support.system import System

#: The last day of a relief and of a fee that end.
END = date(2099, 12, 31)

_DATED: dict[str, Any] = {
    "basis": "NQ 1/2020/NQ-HĐND thử nghiệm, Điều 2",
    "source": "Dữ liệu của bài kiểm thử",
    "certainty": "confirmed",
    "checked_on": date(2026, 11, 22),
    "valid_from": date(2020, 1, 1),
}


def _procedure(code: str, name: str, **changes: Any) -> ProcedureEntry:
    given = {"code": code, "name_vi": name, "name_en": f"Procedure {code}", "field": "Thử nghiệm"}
    return ProcedureEntry.model_validate(given | {"code_certainty": "confirmed"} | changes)


def _fee(code: str, procedure: str | None, kind: str, rule: object, **changes: Any) -> FeeEntry:
    given = {"code": code, "procedure": procedure, "kind": kind, "rule": rule, "sub_item": "2716"}
    names = {"name_vi": f"Phí {code}", "name_en": f"Fee {code}", "unit_vi": "hồ sơ"}
    return FeeEntry.model_validate(_DATED | given | names | {"unit_en": "dossier"} | changes)


def _relief(code: str, fees: list[str], **changes: Any) -> ReliefEntry:
    given = {"code": code, "name_vi": f"Giảm {code}", "name_en": f"Relief {code}", "fees": fees}
    return ReliefEntry.model_validate(_DATED | given | changes)


_PAGE = {"unit_vi": "trang", "unit_en": "page"}

ENTRIES: tuple[Entry, ...] = (
    _procedure("9.000001", "Thủ tục tính theo tỷ lệ", code_certainty="unconfirmed"),
    _fee(
        "ty-le",
        "9.000001",
        "percentage",
        {"percent": "0.15", "floor": 100_000, "ceiling": 5_000_000},
        certainty="unconfirmed",
    ),
    _procedure("9.000002", "Thủ tục có nhiều khoản cùng thu"),
    _fee("nhieu-co-dinh", "9.000002", "fixed", {"amount": 30_000}),
    _fee("nhieu-trang", "9.000002", "per_unit", {"steps": [{"from": 1, "each": 2000}]}, **_PAGE),
    _fee(
        "nhieu-anh",
        "9.000002",
        "per_unit",
        {"steps": [{"from": 1, "each": 700}], "cap": 7000},
        unit_vi="ảnh",
        unit_en="photo",
        certainty="secondary",
    ),
    _procedure("9.000003", "Thủ tục phải chọn trường hợp"),
    _fee("chon-moi", "9.000003", "fixed", {"amount": 50_000}, charged="choice"),
    _fee("chon-doi", "9.000003", "fixed", {"amount": 20_000}, charged="choice"),
    _fee(
        "chon-cu",
        "9.000003",
        "fixed",
        {"amount": 9000},
        charged="choice",
        valid_to=date(2021, 5, 6),
    ),
    _fee("chon-luon-thu", "9.000003", "fixed", {"amount": 5000}),
    _procedure("9.000004", "Thủ tục theo thông báo"),
    _fee("thong-bao", "9.000004", "assessed", {}, unit_vi="thông báo", unit_en="notice"),
    _procedure("9.000005", "Thủ tục thu ngoại tệ"),
    _fee("ngoai-te", "9.000005", "foreign_currency", {"currency": "USD", "amount": 25}),
    _procedure("9.000006", "Thủ tục có miễn, giảm"),
    _fee("duoc-giam", "9.000006", "fixed", {"amount": 50_000}, valid_to=END),
    _relief("giam-moi-nguoi", ["duoc-giam"], percent=50, certainty="secondary", valid_to=END),
    _relief("giam-ho-ngheo", ["duoc-giam"], percent=100, ground="poor_household"),
    _relief("giam-tre-em", ["duoc-giam"], each=10_000, age_below=14, certainty="unconfirmed"),
    _relief("giam-it", ["duoc-giam"], percent=10, ground="merit"),
    _procedure("9.000007", "Thủ tục giảm khi nộp trực tuyến"),
    _fee("nop-truc-tuyen", "9.000007", "fixed", {"amount": 40_000}),
    _relief("giam-truc-tuyen", ["nop-truc-tuyen"], percent=25, channel="online"),
    _procedure("9.000008", "Thủ tục miễn cho mọi người"),
    _fee("mien-het", "9.000008", "fixed", {"amount": 60_000}),
    _relief("mien-moi-nguoi", ["mien-het"], percent=100),
    _fee(
        "gui-tra-tan-nha",
        None,
        "fixed",
        {"amount": 31_000},
        charged="on_request",
        sub_item=None,
        name_vi="Trả kết quả tại nhà",
        name_en="Return by post",
        unit_vi="lần gửi",
        unit_en="delivery",
    ),
    _fee(
        "ban-in-them",
        "9.000002",
        "per_unit",
        {"steps": [{"from": 1, "each": 3000}]},
        charged="on_request",
        name_vi="Bản in thêm",
        name_en="Further print",
        unit_vi="bản in",
        unit_en="print",
    ),
)

#: What each procedure of `ENTRIES` is there to show, by the name of its page.
PAGES = {
    "percentage": "9.000001",
    "several always": "9.000002",
    "choices": "9.000003",
    "one of several": "chon-doi",
    "assessed": "9.000004",
    "foreign currency": "9.000005",
    "relief": "9.000006",
    "relief online": "9.000007",
    "exempt for everybody": "9.000008",
    "postage alone": "gui-tra-tan-nha",
}


async def fees_of_every_kind(system: System) -> dict[str, str]:
    """Write `ENTRIES`; the path of the page of each of `PAGES`."""
    async with system.parts.database.transaction() as session:
        await lock_catalogue(session)
        await write_entries(session, ENTRIES, system.body.agency_id)
    system.parts.payments.price_book.forget()
    return {name: f"/p/{system.body.agency_code}/{code}" for name, code in PAGES.items()}
