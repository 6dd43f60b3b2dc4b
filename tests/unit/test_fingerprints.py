"""Fingerprints of statement rows: a row that comes again is the same, a twin is another."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.clock import VIETNAM
from core.references import check_characters
from reconciliation.formats.csv_statement import read
from reconciliation.formats.rows import StatementRow
from reconciliation.statements.intake import file_digest, fingerprint_rows

ROW = StatementRow(
    line_no=2,
    booked_at=datetime(2026, 11, 2, 8, 15, tzinfo=VIETNAM),
    amount=50_000,
    direction="credit",
    reference=None,
    narrative="NOP LE PHI",
    bank_ref="FT1",
    balance=1_000_000,
)

ROWS = st.lists(
    st.builds(
        replace,
        st.just(ROW),
        amount=st.sampled_from([5_000, 50_000]),
        direction=st.sampled_from(["credit", "debit"]),
        narrative=st.sampled_from(["NOP LE PHI", "NOP"]),
        bank_ref=st.sampled_from(["FT1", "FT2"]),
    ),
    max_size=12,
)


def test_two_genuine_equal_rows_of_one_file_stay_two() -> None:
    first, second = fingerprint_rows("acc_1", [ROW, replace(ROW, line_no=3)])

    assert first != second


def test_the_same_file_again_gives_the_same_fingerprints() -> None:
    rows = [ROW, ROW, replace(ROW, amount=1)]

    assert fingerprint_rows("acc_1", rows) == fingerprint_rows("acc_1", list(rows))


def test_a_cancel_pair_of_one_id_stays_two() -> None:
    credit, debit = fingerprint_rows("acc_1", [ROW, replace(ROW, direction="debit")])

    assert credit != debit


def test_an_overlapping_export_repeats_only_what_it_repeats() -> None:
    monday = [replace(ROW, bank_ref=f"FT{n}") for n in range(3)] + [ROW, ROW]
    tuesday = [replace(ROW, booked_at=datetime(2026, 11, 3, 9, tzinfo=VIETNAM))]
    both = [replace(row, line_no=row.line_no + 40, balance=None) for row in monday + tuesday]

    before = fingerprint_rows("acc_1", monday)
    after = fingerprint_rows("acc_1", both)

    assert after[: len(before)] == before
    assert after[-1] not in before


def test_a_twin_that_comes_with_a_later_export_is_new() -> None:
    before = fingerprint_rows("acc_1", [ROW])
    after = fingerprint_rows("acc_1", [ROW, ROW])

    assert after[0] == before[0]
    assert after[1] not in before


def test_zone_balance_place_and_spaces_do_not_count() -> None:
    same = replace(
        ROW,
        line_no=99,
        balance=None,
        booked_at=ROW.booked_at.astimezone(UTC),
        narrative="  NOP  LE PHI ",
        reference="",
    )

    assert fingerprint_rows("acc_1", [same]) == fingerprint_rows("acc_1", [ROW])


def test_everything_a_row_says_counts() -> None:
    others = [
        replace(ROW, amount=50_001),
        replace(ROW, direction="debit"),
        replace(ROW, narrative="NOP LE PH"),
        replace(ROW, bank_ref=""),
        replace(ROW, reference="FT1", bank_ref=""),
        replace(ROW, booked_at=datetime(2026, 11, 2, 8, 15, 1, tzinfo=VIETNAM)),
    ]
    found = [fingerprint_rows("acc_1", [row])[0] for row in [ROW, *others]]
    found += fingerprint_rows("acc_2", [ROW])

    assert len(set(found)) == len(found)


ONE, OTHER = (f"LP{body}{check_characters(body)}" for body in ("ABCDEFGHJK", "BBCDEFGHJK"))
PAYS = replace(ROW, narrative=f"{ONE} nop phi", bank_ref="FT58675073")


def test_a_row_in_other_words_is_the_same() -> None:
    others = [
        replace(PAYS, narrative=f"CT DI:9704 {ONE} NOP PHI-CHUYEN TIEN"),
        replace(PAYS, reference=ONE, narrative=""),
        replace(PAYS, bank_ref="ft58675073\\BNK"),
        replace(PAYS, booked_at=datetime(2026, 11, 2, tzinfo=VIETNAM)),
    ]
    assert {tuple(fingerprint_rows("acc_1", [row])) for row in others} == {
        tuple(fingerprint_rows("acc_1", [PAYS]))
    }


def test_what_pays_something_else_or_tells_too_little_is_another() -> None:
    others = [
        replace(PAYS, narrative=f"{OTHER} nop phi"),
        replace(PAYS, narrative="nop phi"),
        replace(PAYS, amount=1),
        replace(PAYS, direction="debit"),
        replace(PAYS, bank_ref="FT58675074"),
        replace(PAYS, booked_at=datetime(2026, 11, 3, tzinfo=VIETNAM)),
        replace(PAYS, bank_ref="NONREF"),
        replace(PAYS, bank_ref="NONREF", narrative=f"{ONE} nop"),
    ]
    found = {tuple(fingerprint_rows("acc_1", [row])) for row in [PAYS, *others]}
    assert len(found) == len(others) + 1


@given(ROWS, st.randoms(use_true_random=False))
def test_rows_in_another_order_give_the_same_set(rows: list[StatementRow], chance: object) -> None:
    shuffle = getattr(chance, "shuffle")  # noqa: B009 - hypothesis does not type its randoms
    mixed = list(rows)
    shuffle(mixed)

    found = fingerprint_rows("acc_1", rows)

    assert sorted(fingerprint_rows("acc_1", mixed)) == sorted(found)
    assert len(set(found)) == len(rows)


@given(ROWS, st.integers(0, 12), st.integers(0, 12))
def test_any_piece_of_a_file_is_part_of_it(rows: list[StatementRow], start: int, end: int) -> None:
    whole = set(fingerprint_rows("acc_1", rows))

    assert set(fingerprint_rows("acc_1", rows[start:end])) <= whole


def test_a_golden_statement_has_as_many_fingerprints_as_rows() -> None:
    path = Path(__file__).parents[1] / "golden" / "statements" / "agribank-gl02.csv"
    rows = read(path.read_bytes(), "agribank-gl02", datetime(2026, 11, 2, tzinfo=UTC).date())

    assert len(set(fingerprint_rows("acc_1", rows))) == len(rows) == 3


def test_a_file_is_known_by_its_bytes() -> None:
    assert file_digest(b"a") == file_digest(b"a")
    assert file_digest(b"a") != file_digest(b"b")
    assert len(file_digest(b"")) == 64
