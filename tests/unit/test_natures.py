"""What a fee is in law: told by the shipped files and a clerk's, and read where neither does."""

import tomllib
from pathlib import Path

import pytest

from payments.catalogue.rules.natures import FeeNature, Refundability, nature_of_before
from payments.catalogue.upkeep.entries import FeeEntry
from payments.catalogue.upkeep.sheets.columns import COLUMNS
from tests.support.catalogue_files import FEE, csv_of, fees_csv
from tests.unit.test_sheets import taken

SEED = Path(__file__).parents[2] / "app" / "seed" / "procedures"
#: What the files of before had.
HEADER = [column.key for column in COLUMNS["fees"] if not column.later]


def seeded() -> list[dict[str, object]]:
    """Every fee of the shipped files, as they are written."""
    found: list[dict[str, object]] = []
    for file in sorted(SEED.glob("*.toml")):
        document = tomllib.loads(file.read_text("utf-8"))
        found += document.get("fee", [])
        for procedure in document.get("procedure", []):
            found += procedure.get("fee", [])
    return found


def test_every_shipped_fee_says_what_it_is() -> None:
    natures = {str(fee["code"]): FeeNature(str(fee["nature"])) for fee in seeded()}
    assert len(natures) >= 140
    assert natures["chung-thuc-ban-sao"] is FeeNature.CHARGE
    assert natures["thuong-tru"] is FeeNature.FEE
    assert natures["tien-su-dung-dat"] is FeeNature.STATE_REVENUE
    assert natures["tra-ket-qua-qua-buu-chinh"] is FeeNature.PRICE
    tax_offices = {code for code, nature in natures.items() if nature is FeeNature.STATE_REVENUE}
    assert tax_offices == {code for code in natures if code.startswith(("truoc-ba", "tien-su"))}


def test_whether_a_fee_is_given_back_is_said_where_a_text_says_it_and_nowhere_else() -> None:
    told = {
        str(fee["code"]): str(fee.get("refund_terms")) for fee in seeded() if "refundable" in fee
    }
    assert all(code.startswith("ho-kinh-doanh-") for code in told)
    assert {"ho-kinh-doanh-dang-ky", "ho-kinh-doanh-thay-doi"} <= told.keys()
    assert "NĐ 168/2025/NĐ-CP, Điều 97 khoản 1" in told["ho-kinh-doanh-dang-ky"]
    # Of changing and ending one the decree says nothing: there others quote the province's text.
    assert "nguồn thứ cấp" in told["ho-kinh-doanh-thay-doi"]


def test_what_is_read_of_a_fee_of_before_is_what_its_file_says_now() -> None:
    """So an upgraded catalogue and a fresh one say the same."""
    for fee in seeded():
        sub_item = fee.get("sub_item")
        read = nature_of_before(
            str(fee["name_vi"]), str(fee["kind"]), None if sub_item is None else str(sub_item)
        )
        assert read == fee["nature"], fee["code"]


@pytest.mark.parametrize(
    ("changes", "nature"),
    [
        ({}, FeeNature.CHARGE),
        ({"name_vi": "Lệ phí mới"}, FeeNature.FEE),
        ({"name_vi": "LỆ PHÍ TRƯỚC BẠ nhà"}, FeeNature.STATE_REVENUE),
        ({"name_vi": "Tiền thuê đất"}, FeeNature.STATE_REVENUE),
        ({"kind": "assessed", "amount": ""}, FeeNature.STATE_REVENUE),
        ({"sub_item": ""}, FeeNature.PRICE),
    ],
)
def test_a_file_of_before_or_a_blank_cell_is_read_by_name_and_sub_item(
    changes: dict[str, str], nature: FeeNature
) -> None:
    for content in (csv_of(FEE | changes, header=HEADER), fees_csv(changes)):
        (placed,) = taken(content).placed
        assert isinstance(placed.entry, FeeEntry)
        assert placed.entry.nature is nature
        assert placed.entry.refundable is Refundability.UNKNOWN


def test_a_file_says_what_a_fee_is_and_when_it_is_given_back() -> None:
    told = {"nature": "price", "refundable": "on_terms", "refund_terms": "Khi chưa thụ lý hồ sơ"}
    (placed,) = taken(fees_csv(told)).placed
    assert isinstance(placed.entry, FeeEntry)
    assert placed.entry.nature is FeeNature.PRICE
    assert placed.entry.value(None).refund_terms == "Khi chưa thụ lý hồ sơ"


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"nature": "thue"}, "nature"),
        ({"refundable": "maybe"}, "refundable"),
        ({"refundable": "on_terms"}, "refund_terms"),
    ],
)
def test_a_nature_nobody_knows_or_terms_that_are_missing_are_named(
    changes: dict[str, str], column: str
) -> None:
    (fault,) = taken(fees_csv(changes)).faults
    assert fault.column == column
