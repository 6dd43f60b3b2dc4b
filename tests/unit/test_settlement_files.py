"""Gateways' settlement files: read whole or refused, by row, column and reason."""

from collections.abc import Sequence
from datetime import date

import pytest

from app.settlement_layouts import settlement_layouts
from core.errors import FieldError
from reconciliation.formats.limits import Limits
from reconciliation.formats.mappings import UnknownMapping, list_mappings
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.settlement_file import SETTLEMENT_LIMITS, read_settlement
from reconciliation.formats.settlement_layouts import (
    UNCONFIRMED,
    UNCONFIRMED_EN,
    get_layout,
    read_layouts,
)
from reconciliation.formats.settlement_rows import SettlementRow
from tests.support.workbooks import Cell, workbook

ON = date(2026, 11, 28)
HEADER = "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at"
GOOD = "B1,2026-11-28,payment,LP1,G1,5000,55,4945,2026-11-27T09:00:00+07:00"
BACK = "B1,2026-11-28,refund,LP0,G0,2000,20,1980,"


def read(*rows: str, limits: Limits = SETTLEMENT_LIMITS) -> list[SettlementRow]:
    content = "\n".join((HEADER, *rows)).encode()
    layout = get_layout(settlement_layouts(), "lephi-settlement", ON)
    return read_settlement(content, layout, ON, limits=limits)


def faults(*rows: str, limits: Limits = SETTLEMENT_LIMITS) -> list[tuple[str, str]]:
    with pytest.raises(StatementRefused) as refused:
        read(*rows, limits=limits)
    return _told(refused.value.errors)


def _told(errors: Sequence[FieldError]) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in errors]


def test_a_payment_and_a_refund_are_read() -> None:
    paid, back = read(GOOD, BACK)
    assert (paid.kind, paid.amount, paid.fee, paid.net, paid.paid_over) == (
        *("payment", 5000, 55, 4945),
        4945,
    )
    assert (paid.line_no, paid.order_ref, paid.gateway_ref) == (2, "LP1", "G1")
    assert (back.kind, back.net, back.paid_over, back.paid_at) == ("refund", 1980, -1980, None)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("4945", "4946", ("row 2, column net", "net")),
        ("5000,55,4945", "0,0,0", ("row 2, column amount", "amount")),
        ("5000,55,4945", "-5000,-55,-4945", ("row 2, column amount", "amount")),
        ("5000,55,4945", "5000,-1,5001", ("row 2, column fee", "amount")),
        ("5000,55,4945", "5000,5001,-1", ("row 2, column net", "amount")),
        ("5000,55,4945", "5.000,55,4945", ("row 2, column amount", "amount")),
        ("payment", "gift", ("row 2, column kind", "kind")),
        ("B1", "", ("row 2, column batch_ref", "empty")),
        ("LP1,G1", ",", ("row 2", "empty")),
        ("G1", "5.26E+15", ("row 2, column gateway_ref", "mangled")),
        ("2026-11-28", "2026-11-31", ("row 2, column settled_on", "time")),
        ("2026-11-28", "2027-11-28", ("row 2, column settled_on", "future")),
        ("2026-11-27T", "2027-11-27T", ("row 2, column paid_at", "future")),
        (",G1,", ",G1,,", ("row 2", "width")),
        ("G1", "G" * 201, ("row 2, column gateway_ref", "too_long")),
        ("G1", "G\u202e1", ("row 2, column gateway_ref", "unprintable")),
    ],
)
def test_a_bad_row_is_named_with_column_and_reason(
    old: str, new: str, told: tuple[str, str]
) -> None:
    assert old in GOOD
    assert faults(GOOD.replace(old, new))[0] == told
    assert read(GOOD)


def test_every_bad_row_is_named_and_nothing_is_taken() -> None:
    bad = GOOD.replace("4945", "1")
    assert faults(bad, GOOD, bad) == [
        ("row 2, column net", "net"),
        ("row 4, column net", "net"),
    ]


@pytest.mark.parametrize(
    ("totals", "told"),
    [
        ("TOTAL,,,,,3000,35,2965,", []),
        ("TOTAL,,,,,3001,35,2965,", [("row 4, column amount", "total")]),
        ("TOTAL,,,,,3000,36,2965,", [("row 4, column fee", "total")]),
        ("TOTAL,,,,,3000,35,2964,", [("row 4, column net", "total")]),
        # As if what goes back were paid over too.
        (
            "TOTAL,,,,,7000,75,6925,",
            [(f"row 4, column {name}", "total") for name in ("amount", "fee", "net")],
        ),
    ],
)
def test_the_totals_are_those_of_the_rows(totals: str, told: list[tuple[str, str]]) -> None:
    if told:
        assert faults(GOOD, BACK, totals) == told
    else:
        assert len(read(GOOD, BACK, totals)) == 2


def test_no_row_stands_after_the_totals() -> None:
    assert faults(GOOD, "TOTAL,,,,,5000,55,4945,", BACK) == [("row 4", "after_trailer")]


def test_a_file_without_rows_or_with_too_many_is_refused() -> None:
    assert faults() == [("file", "empty")]
    assert faults(GOOD, BACK, limits=Limits(rows=1)) == [("row 3", "too_many_rows")]
    assert faults(GOOD, limits=Limits(size=20)) == [("file", "too_large")]


def in_scale(scale: int, amounts: str) -> list[SettlementRow]:
    code = {1: "vnpay", 100: "vnpay-x100"}[scale]
    layout = get_layout(settlement_layouts(), code, ON)
    heading = ";".join(layout.columns.values())
    row = f"P1;28/11/2026;Thanh toán;LP1;G1;{amounts};27/11/2026 09:00:00"
    return read_settlement(f"{heading}\n{row}\n".encode(), layout, ON)


def test_the_scale_of_amounts_is_declared() -> None:
    assert [row.net for row in in_scale(1, "500000;5500;494500")] == [494_500]
    assert [row.net for row in in_scale(100, "500000;5500;494500")] == [4_945]
    with pytest.raises(StatementRefused) as refused:
        in_scale(100, "500050;5500;494550")
    assert refused.value.errors[0].code == "scale"


def sheet(*rows: list[Cell]) -> bytes:
    return workbook([[*HEADER.split(",")], *rows])


def xlsx(*cells: Cell) -> list[SettlementRow]:
    layout = get_layout(settlement_layouts(), "lephi-settlement", ON)
    return read_settlement(sheet(list(cells)), layout, ON)


def test_a_workbook_is_read_and_what_it_has_spoilt_refused() -> None:
    good: list[Cell] = ["B1", "2026-11-28", "payment", "LP1", "G1", 5000, 55, 4945, ""]
    assert [row.net for row in xlsx(*good)] == [4945]
    # A number lost its leading zeros, whatever it was.
    with pytest.raises(StatementRefused) as refused:
        xlsx(*good[:4], 123, *good[5:])
    assert _told(refused.value.errors) == [("row 2, column gateway_ref", "mangled")]
    with pytest.raises(StatementRefused) as refused:
        xlsx(*good[:7], ("=5000-55", 4945), "")
    assert _told(refused.value.errors) == [("row 2, column net", "formula")]


def test_stripes_refunds_are_negative_and_its_title_says_unconfirmed() -> None:
    layout = get_layout(settlement_layouts(), "stripe-payout", ON)
    heading = ",".join(layout.columns.values())
    rows = "po_1,2026-11-28,refund,LP1,pi_1,-5000.00,0.00,-5000.00,2026-11-27 09:00:00"
    (row,) = read_settlement(f"{heading}\n{rows}\n".encode(), layout, ON)
    assert (row.kind, row.amount, row.net, row.paid_over) == ("refund", 5000, 5000, -5000)
    assert UNCONFIRMED in layout.title


def test_what_stripe_charges_for_a_dispute_is_its_own_and_no_payers() -> None:
    """As `adapters.stripe.payouts` has it: the payer has the amount back, the fee is beside it."""
    layout = get_layout(settlement_layouts(), "stripe-payout", ON)
    heading = ",".join(layout.columns.values())
    dispute = "po_1,2026-11-28,dispute,LP1,pi_1,-15000.00,9000.00,-24000.00,2026-11-27 09:00:00"
    rows = read_settlement(f"{heading}\n{dispute}\n".encode(), layout, ON)
    assert [(row.kind, row.amount, row.fee, row.net, row.paid_over) for row in rows] == [
        ("chargeback", 15_000, 0, 15_000, -15_000),
        ("adjustment", -9_000, 0, -9_000, -9_000),
    ]
    for wrong, told in (("charge,", "amount"), ("dispute,LP1,pi_1,-15000.00,9001.00", "net")):
        line = dispute.replace("dispute,", wrong, 1) if told == "amount" else None
        line = line or dispute.replace("dispute,LP1,pi_1,-15000.00,9000.00", wrong)
        with pytest.raises(StatementRefused) as refused:
            read_settlement(f"{heading}\n{line}\n".encode(), layout, ON)
        assert [one.code for one in refused.value.errors] == [told]
    # Where signs are not written nobody can tell what was charged from what was given back.
    assert faults("b1,2026-11-28,chargeback,o,g,15000,-9000,24000,") != []


def test_only_layouts_that_were_seen_say_so() -> None:
    confirmed = {one.code for one in settlement_layouts() if UNCONFIRMED not in one.title}
    # Of these two it is we who say what they are.
    assert confirmed == {"lephi-settlement", "thuho"}
    wanted = {"vnpay", "momo", "zalopay", "stripe-payout", "dvcqg", "paygov"}
    assert wanted <= {one.code for one in settlement_layouts()}
    with pytest.raises(UnknownMapping, match="lephi-settlement"):
        get_layout(settlement_layouts(), "napas", ON)


def test_every_layout_of_ours_has_a_title_in_english() -> None:
    assert len(settlement_layouts()) + len(list_mappings()) > 10
    lacking = [one.code for one in settlement_layouts() if not one.title_en]
    assert lacking + [one.code for one in list_mappings() if not one.title_en] == []
    unconfirmed = {one.code for one in settlement_layouts() if UNCONFIRMED_EN in one.title_en}
    assert unconfirmed == {one.code for one in settlement_layouts() if not one.confirmed}


LAYOUT = """
[[layout]]
code = "x"
title = "X (chưa xác nhận)"
confirmed = false
valid_from = 2026-01-01
days = ["%Y-%m-%d"]
scale = 1
columns = {batch_ref="b", settled_on="s", gateway_ref="g", amount="a", fee="f", net="n"}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("confirmed = false", "confirmed = true"),
        ("scale = 1", ""),
        ("scale = 1", "scale = 10"),
        ("scale = 1", 'scale = 1\ntimes = ["iso"]'),
        ("scale = 1", 'scale = 1\nrefund_words = ["r"]'),
        ('gateway_ref="g", ', ""),
        ('net="n"', 'nett="n"'),
        ("days =", "daze ="),
    ],
)
def test_a_wrong_layout_is_caught(old: str, new: str) -> None:
    assert [one.code for one in read_layouts(LAYOUT)] == ["x"]
    assert old in LAYOUT
    with pytest.raises(ValueError):  # noqa: PT011  # pydantic's own, or ours
        read_layouts(LAYOUT.replace(old, new))
    with pytest.raises(ValueError, match="two layouts"):
        read_layouts(LAYOUT + LAYOUT)
