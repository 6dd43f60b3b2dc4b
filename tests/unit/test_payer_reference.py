"""What a bank writes in the payer's field does not hide the reference that stands in the words."""

from datetime import date

import pytest

from reconciliation.formats.naming import payer_reference
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.matching.values import DayLine
from tests.support.camt import detail, document, entry, statement
from tests.support.swift import line, message
from tests.unit.test_reconciliation_day import MORNING, matched, payment, run

#: Always the same: it is part of the names of tests.
OURS = "LPPAYERHEREKAP"
ON = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("said", "words", "found"),
    [
        ("BANK-77", f"NOP PHI {OURS}", (None, f"NOP PHI {OURS} BANK-77")),
        ("BANK-77", "NOP PHI", ("BANK-77", "NOP PHI")),
        (OURS, f"NOP PHI {OURS}", (OURS, f"NOP PHI {OURS}")),
        # Wrong check characters have spoken: the words do not make them good.
        ("LPAAAAAAAAAAAA", f"NOP {OURS}", ("LPAAAAAAAAAAAA", f"NOP {OURS}")),
        (None, OURS, (None, OURS)),
        ("", OURS, ("", OURS)),
    ],
)
def test_a_field_that_names_no_bill_gives_way_to_words_that_do(
    said: str | None, words: str, found: tuple[str | None, str]
) -> None:
    assert payer_reference(said, words) == found


@pytest.mark.parametrize("mapping", ["mt940", "camt"])
def test_money_is_matched_by_its_words_whatever_number_the_bank_has_put_beside(
    mapping: str,
) -> None:
    swift = message(line("C10000,", f"NOP PHI {OURS}", ref="BANK-77//FT9"), closing=1_010_000)
    part = detail("10000", f"NOP PHI {OURS}", payer="BANK-77")
    iso = document(statement(entry("10000", "CRDT", part, ref="FT9")))
    content = (swift if mapping == "mt940" else iso).encode()
    (row,) = read_statement(content, ReadingTask(mapping, ON)).rows
    assert (row.amount, row.bank_ref) == (10_000, "FT9")
    credited = DayLine(
        *("l1", MORNING, row.amount, "credit"),
        *(row.reference or "", row.narrative, row.bank_ref),
    )
    day = run([payment("p1", OURS, ref="FT-OTHER")], [credited])
    assert matched(day) == {"p1": ("l1", "narrative")}
    assert day.discrepancies == []
