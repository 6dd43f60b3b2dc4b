"""Matching agrees with the slow and obvious way, loses nothing, and does not mind the order."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, time

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import references
from core.calendar import national
from core.errors import Invalid
from reconciliation.matching import engine as matching
from reconciliation.matching.engine import ClassTally
from reconciliation.matching.reference_macros import replace_unlike
from tests.support.days import ON, at, days, reference_of
from tests.support.examples import examples
from tests.support.slow_matching import Line, Payment, Result, match_slowly

Day = tuple[list[Payment], list[Line]]
Row = tuple[object, ...]

relaxed = settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(matching.connect(threads=1)) as connection:
        yield connection


def fill(
    duck: duckdb.DuckDBPyConnection, payments: Sequence[Payment], lines: Sequence[Line]
) -> None:
    matching.create_relations(duck)
    matching.add_rows(
        duck, "payments", [(p.payment_id, p.reference, p.amount, p.paid_at) for p in payments]
    )
    matching.add_rows(
        duck,
        "lines",
        [
            (x.line_id, x.booked_at, x.amount, x.direction, x.reference, x.narrative, x.bank_ref)
            for x in lines
        ],
    )


def rows(duck: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    return duck.execute(sql).fetchall()


def result(duck: duckdb.DuckDBPyConnection) -> Result:
    return Result(
        frozenset(
            (str(p), str(line), str(r), int(a), str(rule))
            for p, line, r, a, rule in duck.execute(
                "SELECT payment_id, line_id, reference, amount, rule FROM matches"
            ).fetchall()
        ),
        frozenset(
            (str(side), str(name), str(kind), int(a), None if o is None else int(o))
            for side, name, kind, a, o in duck.execute(
                "SELECT side, id, class, amount, other_amount FROM discrepancies"
            ).fetchall()
        ),
    )


@relaxed
@given(days(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    duck: duckdb.DuckDBPyConnection, day: Day, chance: random.Random
) -> None:
    payments, lines = day
    everything = (
        "SELECT * FROM discrepancies ORDER BY side, id, class",
        "SELECT payment_id, line_id, rule FROM matches ORDER BY payment_id",
        "SELECT * FROM placed_lines ORDER BY line_id",
    )
    fill(duck, payments, lines)
    tallies = matching.match(duck, national())
    before = [rows(duck, sql) for sql in everything]

    fill(duck, chance.sample(payments, len(payments)), chance.sample(lines, len(lines)))

    assert matching.match(duck, national()) == tallies
    assert [rows(duck, sql) for sql in everything] == before


@relaxed
@given(days())
def test_it_gives_what_the_slow_way_gives_with_everything_in_one_place(
    duck: duckdb.DuckDBPyConnection, day: Day
) -> None:
    payments, lines = day
    fill(duck, payments, lines)

    tallies = matching.match(duck, national())

    found = result(duck)
    assert found == match_slowly(payments, lines)
    doubtful = [row for row in found.discrepancies if row[0] == "payment" and row[2] != "late"]
    placed = [row[0] for row in found.matches] + [row[1] for row in doubtful]
    assert sorted(placed) == sorted(payment.payment_id for payment in payments)
    credits = {line.line_id: line for line in lines if line.direction == "credit"}
    places = rows(duck, "SELECT line_id, payment_id, class FROM placed_lines")
    assert sorted(str(row[0]) for row in places) == sorted(credits)
    assert all((payment is None) == (kind == "unknown_in_ledger") for _, payment, kind in places)
    came = sum(line.amount for line in credits.values())
    went = sum(
        tallies[name].sum if other is None else other
        for name, other in (
            ("matched", None),
            ("unknown_in_ledger", None),
            ("", sum(row[4] or 0 for row in doubtful)),
            ("", int(str(rows(duck, "SELECT coalesce(sum(amount), 0) FROM returned")[0][0]))),
        )
    )
    assert went == came
    assert sum(payment.amount for payment in payments) == sum(
        tallies[name].sum
        for name in ("matched", "missing_in_ledger", "amount_mismatch", "duplicate", "reversed")
    )
    assert tallies["late"].count == sum(row[2] == "late" for row in found.discrepancies)


def test_a_return_that_is_overlooked_is_seen_by_the_comparison(
    duck: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = Payment("pay_1", reference_of(1), 5_000, at(ON, 9))
    there = Line("L1", at(ON, 10), 5_000, "credit", reference_of(1), "", "FT26001")
    back = Line("L2", at(ON, 11), 5_000, "debit", "", "HOAN TRA", "FT26001")
    fill(duck, [payment], [there, back])
    matching.match(duck, national())
    assert result(duck) == match_slowly([payment], [there, back])
    monkeypatch.setattr(matching, "find_returned", lambda connection: None)
    fill(duck, [payment], [there, back])
    matching.match(duck, national())
    assert result(duck) != match_slowly([payment], [there, back])


def test_a_broken_rule_is_seen_by_the_comparison(
    duck: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: matching that forgets the amount does not agree with the slow way."""
    sound = matching._steps()
    careless = [(step, sql.replace("NOT is_exact", "false")) for step, sql in sound]
    assert careless != sound
    payment = Payment("pay_1", reference_of(1), 5_000, at(ON, 9))
    line = Line("L1", at(ON, 9), 4_000, "credit", payment.reference, "")
    fill(duck, [payment], [line])
    matching.match(duck, national())
    assert result(duck) == match_slowly([payment], [line])

    monkeypatch.setattr(matching, "_steps", lambda: careless)
    with pytest.raises(matching.ControlTotalsDiffer):
        matching.match(duck, national())

    assert result(duck) != match_slowly([payment], [line])


def test_a_verdict_that_is_not_beside_its_payment_stops_the_run(
    duck: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: of how verdicts are laid beside payments, not of any rule."""
    sound = matching._steps()
    turned = [
        (step, sql.replace("ORDER BY payment)", "ORDER BY payment DESC)")) for step, sql in sound
    ]
    assert turned != sound
    fill(duck, [Payment(f"p{n}", reference_of(n), 5_000, at(ON, 9)) for n in range(2)], [])
    matching.match(duck, national())
    monkeypatch.setattr(matching, "_steps", lambda: turned)

    with pytest.raises(matching.ControlTotalsDiffer, match="places"):
        matching.match(duck, national())


def test_a_lost_line_stops_the_run(
    duck: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = matching._steps()
    losing = [
        (step, sql + ("\nDELETE FROM unknown;" if step == "reasons" else "")) for step, sql in sound
    ]
    fill(duck, [], [Line("L1", at(ON, 9), 4_000, "credit", "", "")])
    monkeypatch.setattr(matching, "_steps", lambda: losing)

    with pytest.raises(matching.ControlTotalsDiffer, match="credits"):
        matching.match(duck, national())


def verdict(duck: duckdb.DuckDBPyConnection, *lines: Line, cut_off: time = time(16)) -> list[Row]:
    payment = Payment("pay_1", reference_of(1), 50_000, at(ON, 9))
    fill(duck, [payment], lines)
    matching.match(duck, national(), cut_off=cut_off)
    return rows(duck, "SELECT side, id, class, other_amount FROM discrepancies ORDER BY 1 DESC, 2")


def credit(name: str, reference: str, narrative: str = "", amount: int = 50_000) -> Line:
    return Line(name, at(ON, 10), amount, "credit", reference, narrative)


ONE = reference_of(1)
WRONG = ONE[:-1] + ("A" if ONE[-1] != "A" else "B")


def test_a_second_credit_makes_a_duplicate_with_the_sum_of_all(
    duck: duckdb.DuckDBPyConnection,
) -> None:
    found = verdict(duck, credit("L1", ONE), credit("L2", "", f"ND {ONE.lower()}", 20_000))

    assert found == [("payment", "pay_1", "duplicate", 70_000)]
    assert rows(duck, "SELECT * FROM matches") == []


def test_a_first_credit_of_another_amount_is_a_mismatch(duck: duckdb.DuckDBPyConnection) -> None:
    found = verdict(duck, credit("L1", ONE, amount=49_999))

    assert found == [("payment", "pay_1", "amount_mismatch", 49_999)]


def test_wrong_check_characters_are_unknown_even_if_the_narrative_knows(
    duck: duckdb.DuckDBPyConnection,
) -> None:
    found = verdict(duck, credit("L1", WRONG, f"ND {ONE}"))

    assert found == [
        ("payment", "pay_1", "missing_in_ledger", None),
        ("line", "L1", "unknown_in_ledger", None),
    ]
    ((reference, reason),) = rows(
        duck, "SELECT reference, reason FROM discrepancies WHERE side = 'line'"
    )
    assert reference == WRONG
    assert "ký tự kiểm tra" in str(reason)


@pytest.mark.parametrize(
    "nothing",
    [
        *("NONREF", "nonref", " 0 ", "000000", "N/A", "-", "Không có", "NOT PROVIDED", "null"),
        *("No Ref", "Chưa có mã", "Chuyển khoản", "KHONG CO SO THAM CHIEU"),
    ],
)
def test_a_reference_that_is_none_leaves_the_word_to_the_narrative(
    duck: duckdb.DuckDBPyConnection, nothing: str
) -> None:
    assert verdict(duck, credit("L1", nothing, f"ND {ONE.lower()}")) == []
    assert rows(duck, "SELECT rule FROM matches") == [("narrative",)]
    # A payment is never found by what stands where there is no reference.
    fill(duck, [], [credit("L1", nothing, nothing)])
    matching.match(duck, national())
    assert rows(duck, "SELECT reference FROM discrepancies") == [(None,)]


@pytest.mark.parametrize("something", ["HD 17", "NONREF1", "１", "0007"])
def test_a_reference_that_is_something_has_spoken(
    duck: duckdb.DuckDBPyConnection, something: str
) -> None:
    found = verdict(duck, credit("L1", something, f"ND {ONE}"))
    assert [kind for _, _, kind, _ in found] == ["missing_in_ledger", "unknown_in_ledger"]


def test_a_narrative_that_names_two_payments_is_unknown_and_names_both(
    duck: duckdb.DuckDBPyConnection,
) -> None:
    payments = [Payment(f"pay_{n}", reference_of(n), 50_000, at(ON, 9)) for n in (1, 2)]
    fill(duck, payments, [credit("L1", "", f"{reference_of(2)}{ONE}")])

    matching.match(duck, national())

    ((reason,),) = rows(duck, "SELECT reason FROM discrepancies WHERE side = 'line'")
    assert ONE in str(reason)
    assert reference_of(2) in str(reason)
    assert rows(duck, "SELECT count(*) FROM matches") == [(0,)]


@pytest.mark.parametrize(
    ("field", "narrative", "expected"),
    [
        ("", "", "Không có mã"),
        ("", f"x {WRONG} y", WRONG),
        ("", f"x {reference_of(7)} y", reference_of(7)),
        (reference_of(7), "", reference_of(7)),
        ("FT123", f"x {ONE}", "sai dạng"),
    ],
)
def test_an_unknown_line_tells_why(
    duck: duckdb.DuckDBPyConnection, field: str, narrative: str, expected: str
) -> None:
    verdict(duck, credit("L1", field, narrative))

    ((reason,),) = rows(duck, "SELECT reason FROM discrepancies WHERE side = 'line'")
    assert expected in str(reason)


@pytest.mark.parametrize(
    ("paid", "booked", "is_late"),
    [
        (at(date(2026, 11, 6), 15, 59), at(date(2026, 11, 6), 23, 59), False),
        (at(date(2026, 11, 6), 15, 59), at(date(2026, 11, 7), 0), True),
        (at(date(2026, 11, 6), 16), at(date(2026, 11, 9), 23, 59), False),
        (at(date(2026, 11, 6), 16), at(date(2026, 11, 10), 0), True),
        # Paid on the last working day before Tết, booked on the first one after it.
        (at(date(2027, 2, 4), 16, 5), at(date(2027, 2, 11), 9), False),
    ],
)
def test_late_is_counted_by_cut_off_and_calendar(
    duck: duckdb.DuckDBPyConnection, paid: object, booked: object, is_late: bool
) -> None:
    payment = Payment("pay_1", ONE, 50_000, paid)  # type: ignore[arg-type] # parametrized
    line = Line("L1", booked, 50_000, "credit", ONE, "")  # type: ignore[arg-type] # parametrized
    fill(duck, [payment], [line])

    tallies = matching.match(duck, national())

    assert tallies["matched"] == ClassTally(1, 50_000)
    assert tallies["late"] == (ClassTally(1, 50_000) if is_late else ClassTally(0, 0))


def test_cut_off_is_an_option(duck: duckdb.DuckDBPyConnection) -> None:
    late = Line("L1", at(date(2026, 11, 9), 9), 50_000, "credit", ONE, "")

    assert verdict(duck, late) == [("payment", "pay_1", "late", 50_000)]
    assert verdict(duck, late, cut_off=time(9)) == []


def test_a_day_beyond_the_calendar_is_refused(duck: duckdb.DuckDBPyConnection) -> None:
    fill(duck, [Payment("pay_1", ONE, 50_000, at(date(2150, 1, 4), 9))], [])

    with pytest.raises(Invalid):
        matching.match(duck, national())


def test_nothing_at_all_gives_every_class_with_zero(duck: duckdb.DuckDBPyConnection) -> None:
    fill(duck, [], [])

    assert matching.match(duck, national()) == dict.fromkeys(matching.CLASSES, ClassTally(0, 0))


def test_many_lines_in_a_reason_are_cut(duck: duckdb.DuckDBPyConnection) -> None:
    verdict(duck, *(credit(f"L{n}", ONE) for n in range(8)))

    ((reason,),) = rows(duck, "SELECT reason FROM discrepancies")
    assert str(reason).endswith("L0, L1, L2, L3, L4 và 3 mục nữa")
    assert "400.000 đ" in str(reason)


def test_sql_and_python_agree_on_every_reference(duck: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(7)
    texts = [references.new_reference() for _ in range(300)]
    for text in list(texts):
        place = chance.randrange(len(text))
        texts.append(text[:place] + chance.choice("ABZ29IO01a é") + text[place + 1 :])
        texts.append(text[:place] + text[place + 1 :])
    texts += ["", "LP", "LPéééééé", "LP" + "é" * 12, "LP" + "A" * 12, "lp" + texts[0][2:]]
    said = duck.execute(
        """
        SELECT text, coalesce(check_holds(first_half(number), second_half(number)), false)
        FROM (SELECT text, as_number(text) AS number FROM (SELECT unnest(?::VARCHAR[]) AS text))
        """,
        [texts],
    ).fetchall()

    assert said == [(text, references.is_reference(text)) for text in texts]
    assert sum(holds for _, holds in said) >= 300


def test_sql_and_python_read_every_character_alike(duck: duckdb.DuckDBPyConnection) -> None:
    """One character at a time is enough: normalising joins what each of them gives."""
    codes = [*range(1, 0x3100), *range(0xFB00, 0x10000), *range(0x1D400, 0x1D800), 0x1F150]
    duck.execute("CREATE OR REPLACE TABLE spoken (line BIGINT, words VARCHAR)")
    characters = [chr(code) for code in codes]
    duck.execute(
        "INSERT INTO spoken SELECT i - 1, t[i] FROM (SELECT ?::VARCHAR[] AS t), range(1, ?) r(i)",
        [characters, len(characters) + 1],
    )

    replace_unlike(duck, "spoken", "words")

    found = duck.execute("SELECT searchable(words) FROM spoken ORDER BY line").fetchall()
    differing = [
        (hex(code), sql, references.normalise(chr(code)))
        for code, (sql,) in zip(codes, found, strict=True)
        if sql != references.normalise(chr(code))
    ]
    assert differing == []


@relaxed
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["LP", "L", "P", " ", "đ", "Ả", "Ａ"]),
            st.integers(0, 3).map(reference_of),
        ),
        max_size=12,
    )
)
def test_references_are_found_in_sql_as_in_python(
    duck: duckdb.DuckDBPyConnection, pieces: list[str]
) -> None:
    text = "".join(pieces)
    duck.execute("CREATE OR REPLACE TABLE spoken AS SELECT ? AS words", [text])
    replace_unlike(duck, "spoken", "words")
    found = duck.execute(
        """
        SELECT DISTINCT place FROM (
            SELECT unnest(reference_places(searchable(words))) AS place FROM spoken
        ) WHERE check_holds(first_half(as_number(place)), second_half(as_number(place)))
        """
    ).fetchall()

    assert sorted(place for (place,) in found) == sorted(references.find_references(text))


def test_times_of_other_offsets_fall_on_their_vietnamese_day(
    duck: duckdb.DuckDBPyConnection,
) -> None:
    late_evening_in_utc = at(ON, 9).astimezone(UTC).replace(hour=18)
    line = Line("L1", late_evening_in_utc, 50_000, "credit", ONE, "")

    assert verdict(duck, line) == [("payment", "pay_1", "late", 50_000)]
