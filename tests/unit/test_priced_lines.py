"""The golden table: lines of the seed's catalogue, priced by hand."""

import csv
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import AssessmentNotice, FeeRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_fees
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import Schedule
from tests.support.explanations import left_told_en, left_told_vi
from tests.support.seeded_fees import seeded_reliefs, seeded_schedule

with (Path(__file__).parents[1] / "golden" / "priced_lines.csv").open(encoding="utf-8") as file:
    GOLDEN = list(csv.DictReader(file))


@cache
def schedule_named(name: str) -> Schedule:
    """The seed's national schedule, or with a local one above it."""
    return seeded_schedule({name: "agency_1"} if name else None)


def schedule_of(row: dict[str, str]) -> Schedule:
    """The schedule that a row of the table is priced by."""
    return schedule_named(row["schedule"])


def priced(row: dict[str, str], schedule: Schedule | None = None) -> NewLine:
    """The line of a row of the table."""
    circumstances = Circumstances(
        on=date.fromisoformat(row["on"]),
        channel=row["channel"] or "counter",
        claims=frozenset(filter(None, row["claims"].split(";"))),
        born_on=date.fromisoformat(row["born_on"]) if row["born_on"] else None,
        identified=bool(row["identified"]),
    )
    asked = FeeRequest(
        int(row["quantity"] or 1),
        int(row["copies"] or 1),
        int(row["value"]) if row["value"] else None,
        _notice(row["notice"]),
    )
    (line,) = price_fees(schedule or schedule_of(row), row["fee"], asked, circumstances)
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
    shown = (
        "fee",
        "on",
        "quantity",
        "copies",
        "value",
        "channel",
        "claims",
        "born_on",
        "identified",
    )
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


LEVEL_2 = [
    relief for relief in seeded_reliefs({"ha-noi": "a"}) if relief.ground is Ground.IDENTITY_LEVEL_2
]


def test_every_relief_of_level_2_holds_online_only() -> None:
    assert len(LEVEL_2) >= 13
    assert {relief.channel for relief in LEVEL_2} == {"online"}


#: Reliefs that the table has on both sides of each condition.
WATCHED = [
    relief
    for relief in seeded_reliefs({"ha-noi": "a"})
    if relief.code.startswith(("tt117-", "nq6622-"))
    or relief.code in ("tt64-ho-chieu", "tt64-giay-thong-hanh", "ha-noi-gcn-nong-thon")
]


def rows_of(relief: ReliefValue) -> list[dict[str, str]]:
    """The rows of the table that a relief could concern."""
    return [row for row in GOLDEN if row["fee"] in relief.fees]


def slips(relief: ReliefValue) -> list[dict[str, Any]]:
    """What could be wrong with a relief of the seed; dates as far as its fees go back."""
    day = timedelta(days=1)
    wrong: list[dict[str, Any]] = [
        {"channel": None if relief.channel else "online"},
        {"ground": None if relief.ground else Ground.MERIT},
        {"fees": frozenset()},
    ]
    if relief.once_a_year:
        wrong.append({"once_a_year": False})
    if relief.valid_to is not None:
        wrong += [{"valid_to": relief.valid_to - day}, {"valid_to": relief.valid_to + day}]
    if any(date.fromisoformat(row["on"]) < relief.valid_from for row in rows_of(relief)):
        wrong += [{"valid_from": relief.valid_from - day}, {"valid_from": relief.valid_from + day}]
    return wrong


@pytest.mark.parametrize("relief", WATCHED, ids=lambda relief: relief.code)
def test_the_table_catches_each_slip_in_a_relief(relief: ReliefValue) -> None:
    for slip in slips(relief):
        caught = False
        for row in rows_of(relief):
            right = schedule_of(row)
            reliefs = [
                replace(one, **slip) if one.code == relief.code else one for one in right.reliefs
            ]
            wrong = Schedule(right.fees, reliefs, right.owners)
            caught = caught or priced(row, wrong).amount != int(row["amount"])
        assert caught, slip


DATED = [
    relief
    for relief in seeded_reliefs({"ha-noi": "a"})
    if relief.valid_to is not None and relief.code.startswith(("tt117-", "nq6622-", "tt64-"))
]


@pytest.mark.parametrize("relief", DATED, ids=lambda relief: relief.code)
def test_every_fee_of_a_dated_relief_has_its_last_day_and_the_day_after(
    relief: ReliefValue,
) -> None:
    assert relief.valid_to is not None
    after = relief.valid_to + timedelta(days=1)
    held = {row["fee"] for row in GOLDEN if row["relief"] == relief.code}
    assert held == relief.fees
    won = {(row["fee"], row["on"]) for row in GOLDEN if row["relief"] == relief.code}
    lost = {(row["fee"], row["on"]) for row in GOLDEN if row["relief"] != relief.code}
    last = {fee for fee, on in won if on == relief.valid_to.isoformat()}
    gone = {fee for fee, on in lost if on == after.isoformat()}
    assert relief.fees - last == relief.fees - gone == set()


def test_most_reliefs_of_level_2_are_watched_from_their_first_day() -> None:
    dated = [relief.code for relief in WATCHED if any("valid_from" in one for one in slips(relief))]
    assert len(dated) >= 8
