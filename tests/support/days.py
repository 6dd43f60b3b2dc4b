"""Days of payments and ledger lines with the noise of real statements, for matching tests."""

from datetime import date, datetime, time, timedelta

from hypothesis import strategies as st

from core.clock import VIETNAM
from core.references import ALPHABET, BODY_LENGTH, PREFIX, check_characters
from tests.support.slow_matching import Line, Payment

#: A Friday, so that the next working day is not simply the next day.
ON = date(2026, 11, 6)
AMOUNTS = (5_000, 20_000, 50_000)


def reference_of(number: int) -> str:
    """A valid reference for a small number; close numbers give references that look alike."""
    body = ""
    for _ in range(BODY_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        body = ALPHABET[digit] + body
    return f"{PREFIX}{body}{check_characters(body)}"


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), VIETNAM)


@st.composite
def _said(draw: st.DrawFn, reference: str) -> str:
    """The reference as a bank's narrative has it."""
    text = draw(st.sampled_from([reference, reference.lower(), reference.title()]))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(1, len(text)))
        text = text[:place] + draw(st.sampled_from([" ", "-", ".", "\n", "\u0301"])) + text[place:]
    before = draw(st.sampled_from(["", "MBVCB.77.", "Nộp lệ phí ", "LP", "HELP", "LPLP"]))
    after = draw(st.sampled_from(["", ".CT tu 0011", " LP", "ĐẶNG THỊ Ả"]))
    return before + text + after


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Payment], list[Line]]:
    """A day of up to a dozen payments, and what a ledger makes of it."""
    numbers = draw(st.lists(st.integers(0, 40), unique=True, max_size=12))
    payments: list[Payment] = []
    lines: list[Line] = []
    for number in numbers:
        amount = draw(st.sampled_from(AMOUNTS))
        paid_at = at(ON, draw(st.sampled_from([0, 9, 15, 16, 23])), draw(st.sampled_from([0, 59])))
        reference = reference_of(number)
        payments.append(Payment(f"pay_{number}", reference, amount, paid_at))
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 1, 1, 2, 3]))):
            booked = paid_at + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 3, 4])))
            credited = amount + draw(st.sampled_from([0, 0, 0, 0, 1000, -1000]))
            how = draw(st.sampled_from(["field", "field", "field", "narrative", "loose field"]))
            said = draw(_said(reference)) if how != "field" else "CT DEN"
            field = {
                "field": reference,
                "narrative": draw(st.sampled_from(["", " ", "-", "NONREF", "0"])),
            }
            lines.append(
                Line(
                    f"L{len(lines)}",
                    booked,
                    credited,
                    "credit",
                    field.get(how, said),
                    said if how == "narrative" else draw(_noise(numbers)),
                    draw(st.sampled_from(["", f"FT26{len(lines):06d}", "FT26999999"])),
                )
            )
    for line in draw(st.lists(st.sampled_from(tuple(lines)), max_size=3)) if lines else []:
        words = draw(st.sampled_from([f"HOAN TRA {line.reference}", "HOAN TRA", line.narrative]))
        back = line.booked_at + timedelta(days=draw(st.sampled_from([0, 0, 1, 14, 15, -1])))
        own = f"L{len(lines)}"
        lines.append(Line(own, back, line.amount, "debit", "", words, line.bank_ref))
    for _ in range(draw(st.integers(0, 4))):
        direction = draw(st.sampled_from(["credit", "credit", "debit"]))
        other_field = draw(st.one_of(st.just(""), _noise(numbers)))
        lines.append(
            Line(
                f"L{len(lines)}",
                at(ON, 17),
                draw(st.sampled_from(AMOUNTS)),
                direction,
                other_field,
                draw(_noise(numbers)),
            )
        )
    return payments, lines


@st.composite
def _noise(draw: st.DrawFn, numbers: list[int]) -> str:
    """Words that name nothing, or something broken, or two payments at once."""
    known = [reference_of(number) for number in numbers] or [reference_of(99)]
    one = draw(st.sampled_from(known))
    other = draw(st.sampled_from(known))
    wrong = one[:-1] + ("A" if one[-1] != "A" else "B")
    return draw(
        st.sampled_from(
            ["", "KET CHUYEN", wrong, reference_of(77), f"{one} {other}", one[:-1], f"{wrong}{one}"]
        )
    )
