"""What users of other reconciliation systems complain of, and that it does not happen here.

One test for each complaint, by its number: wrong matches on the amount alone, files that take a
night, money dropped as a double, a bad amount read as nothing, and so on. Where the whole system
matters it runs over HTTP; where only the rules do, the rules are asked.
"""

import csv
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from core import clock
from core.calendar import national
from core.ids import new_id
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.matching.engine import add_rows, connect, create_relations, match
from reconciliation.matching.files import reconcile_files
from reconciliation.matching.suggesting import Candidate, PlainCredit, suggest
from reconciliation.settlements.batch_matching import BankCredit, compare_batches
from reconciliation.settlements.matching import SettledLine, TakenPayment, compare_settlement
from tests.api.test_filled_sheets import fetched, filled, row_of, send
from tests.api.test_working_discrepancies import detail, unknown_line
from tests.integration.test_payouts import batch_of, line_of
from tests.support.days import ON, at, reference_of
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.settlements import pay_over, settled, take_settlement, undo_payout
from tests.support.slow_matching import Line, Payment
from tests.support.staff import finance_office
from tests.support.statements import reconcile
from tests.support.system import System
from tests.support.tcvn3 import as_bytes
from tests.support.workbooks import treasury

over_http = pytest.mark.asyncio(loop_scope="module")

MANY = 250_000


def matched(payments: Sequence[Payment], lines: Sequence[Line]) -> dict[str, str]:
    """What is matched by itself: payment by line."""
    with closing(connect(threads=1)) as duck:
        create_relations(duck)
        paid = [(one.payment_id, one.reference, one.amount, one.paid_at) for one in payments]
        add_rows(duck, "payments", paid)
        booked = [
            (x.line_id, x.booked_at, x.amount, x.direction, x.reference, x.narrative, x.bank_ref)
            for x in lines
        ]
        add_rows(duck, "lines", booked)
        match(duck, national())
        pairs = duck.execute("SELECT line_id, payment_id FROM matches").fetchall()
    return {str(line): str(payment) for line, payment in pairs}


def credit(name: str, amount: int, reference: str = "", words: str = "") -> Line:
    return Line(name, at(ON, 10), amount, "credit", reference, words, f"FT{name}")


def refused(content: bytes, mapping: str) -> set[tuple[str, str]]:
    """Where and why a statement is refused."""
    with pytest.raises(StatementRefused) as told:
        read_statement(content, ReadingTask(mapping, date(2026, 11, 2)))
    return {(one.field, one.code) for one in told.value.errors}


def test_complaint_01_a_quarter_of_a_million_records_time_out(tmp_path: Path) -> None:
    """All are matched in one go, in a quarter of a gigabyte, spilling where that is too little."""
    payments, lines, when = tmp_path / "p.csv", tmp_path / "l.csv", at(ON, 9).isoformat()
    with payments.open("w", newline="") as first, lines.open("w", newline="") as second:
        paid, booked = csv.writer(first), csv.writer(second)
        paid.writerow(["payment_id", "reference", "amount", "paid_at", "gateway", "gateway_ref"])
        booked.writerow(
            [*("line_id", "booked_at", "amount", "direction"), "reference", "narrative", "bank_ref"]
        )
        for number in range(MANY):
            reference = reference_of(number)
            paid.writerow([f"pay_{number}", reference, 5000, when, "bank", ""])
            booked.writerow([f"L{number}", when, 5000, "credit", reference, "LE PHI", ""])
    summary = reconcile_files(payments, lines, ON, tmp_path / "out", memory_limit="256MB")
    assert summary.classes["matched"].count == MANY
    assert summary.classes["matched"].sum == MANY * 5000
    assert sum(tally.count for tally in summary.classes.values()) == MANY


def test_complaint_02_money_is_matched_by_its_amount_alone() -> None:
    """Five identical rows are nobody's by themselves, and no suggestion about them is sure."""
    payments = [Payment(f"p{n}", reference_of(n), 5000, at(ON, 9)) for n in range(5)]
    lines = [credit(f"L{n}", 5000, words="CHUYEN TIEN") for n in range(5)]
    assert matched(payments, lines) == {}
    # The one that bears a reference is that payment's, whatever stands before it.
    assert matched(payments, [*lines, credit("L9", 5000, reference_of(3))]) == {"L9": "p3"}
    suggested = suggest(
        [PlainCredit(x.line_id, x.narrative, x.amount, x.booked_at) for x in lines],
        [Candidate(p.payment_id, p.reference, p.amount, p.paid_at) for p in payments],
    )
    assert suggested.keys() == {line.line_id for line in lines}
    assert max(one.confidence for some in suggested.values() for one in some) <= 25


def test_complaint_03_a_batch_in_one_credit_matches_none_of_its_payments() -> None:
    """The batch is the credit's, by its reference or its exact sum; each line is a payment's."""
    numbers = [f"G26{n:06}" for n in range(40)]
    payments = [TakenPayment(f"p{n}", one, "", 5000, ON) for n, one in enumerate(numbers)]
    lines = [
        SettledLine(f"l{n}", "BATCH-77", "payment", one, "", 5000, 55, "paygov")
        for n, one in enumerate(numbers)
    ]
    places = compare_settlement(payments, lines, {ON})
    assert [place.kind for place in places] == ["matched"] * 40
    net = 40 * (5000 - 55)
    for words, ours in (("QT batch 77", False), ("PAYGOV QUYET TOAN", True)):
        (batch,), left = compare_batches(lines, [BankCredit("c1", words, net, ours)])
        assert (batch.kind, batch.credit_ids, left) == ("matched", ("c1",), [])
    # Several bills that one transfer names are proposed as a set that comes to it exactly.
    bills = [Candidate(f"b{n}", reference_of(n), 1000 * n, at(ON, 8)) for n in (3, 5, 9)]
    words = " ".join(one.reference for one in bills)
    (found,) = suggest([PlainCredit("L1", words, 17_000, at(ON, 9))], bills)["L1"]
    assert (found.object_ids, found.rule) == (("b3", "b5", "b9"), "several")
    # What does not come to it is told with what is short, and is never sure.
    (found,) = suggest([PlainCredit("L1", words, 16_999, at(ON, 9))], bills)["L1"]
    assert (found.object_ids, found.rule) == (("b3", "b5", "b9"), "several_other_amount")
    assert found.confidence < 95


@over_http
async def test_complaint_04_the_gateways_fee_is_lost_or_booked_twice(shared_system: System) -> None:
    """A batch clears what was taken, its fee is one posting, and doing it again is refused."""
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system, payments=3, fee=55)
    line, _ = await line_of(system, net, "CK LO")
    async with looking(system) as seen:
        await pay_over(office, line, batch)
    assert seen[0].ledger == {"receivable": net, "in_transit": -15_000, "gateway_fee": 165}
    assert sum(seen[0].ledger.values()) == 0
    again = await office.post(
        "/settlements/payouts",
        {"gateway": "paygov/test", "batches": [batch], "credit": line, "reason": "lần nữa"},
    )
    assert again.status_code == 409, again.text


@over_http
async def test_complaint_05_two_real_payments_alike_are_taken_for_one(
    shared_system: System,
) -> None:
    """Equal rows of one file stay two, and the next export of them adds none."""
    when = clock.now().isoformat()
    same, other = (f"{when},7000,credit,,{words},{new_id('ft')}" for words in ("NOP PHI", "SAU"))

    async def taken(*rows: str) -> tuple[int, int]:
        heading = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
        numbered = (f"S{number},{row}" for number, row in enumerate(rows))
        answer = await shared_system.office.post(
            "/api/v1/statements",
            files={"file": ("sao-ke.csv", "\n".join((heading, *numbered)).encode(), "text/csv")},
            data={"account": shared_system.body.collection_code, "mapping": "lephi-basic"},
            headers={"Idempotency-Key": new_id("k")},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["rows"], answer.json()["new"]

    assert await taken(same, same) == (2, 2)
    assert await taken(same, same, other) == (3, 1)
    assert await taken(same, same, same) == (3, 1)


@over_http
async def test_complaint_06_a_late_settlement_file_or_a_cut_reference_goes_wrong(
    shared_system: System,
) -> None:
    """Waiting for a file is no fault; rows told again count once; a cut reference is a question."""
    payment = TakenPayment("p1", "G1", "", 5000, ON)
    (waiting,) = compare_settlement([payment], [], {ON - timedelta(days=1)})
    (missing,) = compare_settlement([payment], [], {ON})
    assert (waiting.kind, missing.kind) == ("expected", "missing_in_settlement")
    batch = new_id("b").replace("_", "")
    rows = [settled(batch, new_id("g"), 5000, 55) for _ in range(2)]
    first = await take_settlement(shared_system, rows[0])
    late = await take_settlement(shared_system, *rows)
    assert (first.json()["new"], late.json()["new"]) == (1, 1)
    reference = reference_of(5)
    paid = Payment("p1", reference, 5000, at(ON, 9))
    cut = credit("L1", 5000, words=f"NOP LE PHI {reference[:10]}")
    assert matched([paid], [cut]) == {}
    suggested = suggest(
        [PlainCredit("L1", cut.narrative, 5000, at(ON, 10))],
        [Candidate("p1", reference, 5000, at(ON, 9))],
    )
    assert [(one.object_ids, one.rule) for one in suggested["L1"]] == [(("p1",), "damaged")]


@pytest.mark.parametrize("cell", ["12..34", "năm nghìn", "", "5.000,5", "0"])
def test_complaint_07_what_cannot_be_read_becomes_nothing(cell: str) -> None:
    """The row is named, and the whole file refused."""
    rows = [
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref",
        "L1,2026-11-02T09:00:00+07:00,5000,credit,,NOP PHI,FT1",
        f'L2,2026-11-02T09:00:00+07:00,"{cell}",credit,,NOP PHI,FT2',
    ]
    content = "\n".join(rows).encode()
    assert refused(content, "lephi-basic") == {("row 3, column amount", "amount")}


def test_complaint_08_leading_zeros_and_letters_do_not_survive() -> None:
    """Zeros stay, or the cell is refused; letters are the same whatever wrote them."""
    heading = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"
    row = "02/11/2026;000123;Nộp lệ phí Đặng Thị ả;;50.000;50.000"
    sums = "Cộng phát sinh;;;0;50.000;\nSố giao dịch;1;;;;"
    text = f"{heading}\n{row}\n{sums}"
    for content in (
        text.encode(),
        text.encode("utf-8-sig"),
        text.encode("utf-16"),
        as_bytes(text),
    ):
        (read,) = read_statement(content, ReadingTask("kbnn-so-phu", date(2026, 11, 2))).rows
        assert (read.bank_ref, read.narrative) == ("000123", "Nộp lệ phí Đặng Thị ả")
    kept = treasury(["02/11/2026", "000123", "NOP PHI", "", 50_000])
    (read,) = read_statement(kept, ReadingTask("kbnn-so-phu", date(2026, 11, 2))).rows
    assert read.bank_ref == "000123"
    number = treasury(["02/11/2026", 123, "NOP PHI", "", 50_000])
    assert {field for field, _ in refused(number, "kbnn-so-phu")} == {"row 2, column Số tham chiếu"}


@over_http
async def test_complaint_09_exceptions_cannot_be_worked_in_a_sheet(shared_system: System) -> None:
    """A run's discrepancies go out as a workbook and come back filled in, to be approved."""
    office = await finance_office(shared_system)
    _, first = await unknown_line(office)
    run, second = await unknown_line(office)
    rows = await fetched(office, run)
    changes = [(row_of(rows, odd), "accept", "", "theo dõi") for odd in (first, second)]
    answer = await send(office, run, filled(rows, *changes))
    assert answer.status_code == 202, answer.text
    for approval in answer.json()["approvals"]:
        await office.approve(approval)
    for odd in (first, second):
        assert (await detail(office, odd))["discrepancy"]["status"] == "resolved"
    # One bad row of the sheet, and nothing of it is asked for.
    run, third = await unknown_line(office)
    rows = await fetched(office, run)
    bad = filled(rows, (row_of(rows, third), "accept", "", ""))
    problem(await send(office, run, bad), 422, "sheet_refused")


def test_complaint_10_sums_are_a_little_off() -> None:
    """Money is whole: the greatest amounts add up to the last đồng, and a fraction is refused."""
    greatest = 10**13 - 1
    payments = [Payment(f"p{n}", reference_of(n), greatest - 2 * n, at(ON, 9)) for n in range(1999)]
    lines = [credit(f"L{n}", greatest - 2 * n, reference_of(n)) for n in range(1999)]
    with closing(connect(threads=1)) as duck:
        create_relations(duck)
        paid = [(one.payment_id, one.reference, one.amount, one.paid_at) for one in payments]
        add_rows(duck, "payments", paid)
        booked = [(x.line_id, x.booked_at, x.amount, "credit", x.reference, "", "") for x in lines]
        add_rows(duck, "lines", booked)
        tallies = match(duck, national())
    exact = sum(one.amount for one in payments)
    assert float(exact) != exact  # a floating sum could not say it
    assert (tallies["matched"].count, tallies["matched"].sum) == (1999, exact)
    fraction = treasury(["02/11/2026", "FT1", "NOP PHI", "", 50_000.5])
    assert ("row 2, column Phát sinh có", "amount") in refused(fraction, "kbnn-so-phu")


@over_http
async def test_complaint_11_nobody_knows_why_it_matched_and_it_cannot_be_undone(
    shared_system: System,
) -> None:
    """Each match says by which rule, and what two people matched two people undo, with a reason."""
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system, fee=43)
    line, _ = await line_of(system, net, "CK LO")
    async with looking(system) as seen:
        payout = (await pay_over(office, line, batch))["outcome"]["payout"]
        run = await reconcile(system)
        matches = f"/api/v1/reconciliations/{run['id']}/matches?limit=1000"
        (own,) = [
            one for one in (await system.office.get(matches)).json()["items"] if one["line"] == line
        ]
        assert own["rule"] == "batch"
        silent = await office.post(f"/settlements/payouts/{payout}/undo", {"reason": ""})
        assert silent.status_code == 422, silent.text
        await undo_payout(office, payout)
    # What the credit brought waits for people again, and the batch is still to be paid over.
    assert seen[0].ledger == {"receivable": net, "suspense": -net}
    assert [amount for _, _, amount in seen[0].waiting] == [net]
