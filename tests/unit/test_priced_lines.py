"""The golden table: lines of the seed's catalogue, priced by hand."""

import csv
from datetime import date
from pathlib import Path

import pytest

from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import AssessmentNotice, FeeRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_fees
from tests.support.explanations import left_told_en, left_told_vi
from tests.support.seeded_fees import seeded_schedule

with (Path(__file__).parents[1] / "golden" / "priced_lines.csv").open(encoding="utf-8") as file:
    GOLDEN = list(csv.DictReader(file))


def priced(row: dict[str, str]) -> NewLine:
    """The line of a row of the table, by the national schedule or a local one above it."""
    schedule = seeded_schedule({row["schedule"]: "agency_1"} if row["schedule"] else None)
    circumstances = Circumstances(
        on=date.fromisoformat(row["on"]),
        channel=row["channel"] or "counter",
        claims=frozenset(filter(None, row["claims"].split(";"))),
        born_on=date.fromisoformat(row["born_on"]) if row["born_on"] else None,
        asset=row["asset"] or None,
    )
    asked = FeeRequest(
        int(row["quantity"] or 1),
        int(row["copies"] or 1),
        int(row["value"]) if row["value"] else None,
        _notice(row["notice"]),
    )
    (line,) = price_fees(schedule, row["fee"], asked, circumstances)
    return line


def _notice(told: str) -> AssessmentNotice | None:
    if not told:
        return None
    number, issued_on, amount = told.split(";")
    return AssessmentNotice(
        number=number,
        issued_on=date.fromisoformat(issued_on),
        amount=int(amount),
        treasury="KBNN khu vực I",
        chapter="757",
        sub_item="2801",
    )


def _name(row: dict[str, str]) -> str:
    shown = ("fee", "on", "quantity", "copies", "value", "channel", "claims", "born_on")
    return "-".join(row[column] for column in shown if row[column])


@pytest.mark.parametrize("row", GOLDEN, ids=_name)
def test_a_line_comes_to_the_hand_checked_amount_and_says_why(row: dict[str, str]) -> None:
    line = priced(row)
    assert (line.full_amount, line.amount) == (int(row["full_amount"]), int(row["amount"]))
    assert (line.relief or {}).get("code", "") == row["relief"]
    if row["explanation_vi"]:
        assert line.explanation == row["explanation_vi"]
        assert line.explanation_en == row["explanation_en"]
    units = line.quantity * line.copies
    assert left_told_vi(line.explanation or "", line.relief, units) == line.amount
    assert left_told_en(line.explanation_en or "", line.relief, units) == line.amount


def test_the_table_is_as_large_and_as_wide_as_it_is_meant_to_be() -> None:
    assert len(GOLDEN) >= 60
    assert len({row["fee"] for row in GOLDEN}) >= 20
    pages = {
        int(row["quantity"])
        for row in GOLDEN
        if row["fee"] == "chung-thuc-ban-sao" and row["copies"] in ("", "1")
    }
    assert {1, 2, 3, 198, 199, 200} <= pages
    for column in ("value", "notice", "channel", "claims", "born_on", "schedule", "relief"):
        assert any(row[column] for row in GOLDEN), column
