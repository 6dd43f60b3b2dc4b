"""What messages say and cost, to which numbers and at which hours they go."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.messages.senders import Senders
from payments.billing.periods import month_opened_by
from payments.message_calls import ChannelAccess, ChannelKind
from payments.messages.lengths import is_gsm, parts_of, plain
from payments.messages.rules import Contact, channel_for, contact_of, goes_at, mobile_of, pause
from payments.messages.wording import (
    PlaceName,
    ReceiptFacts,
    ReminderFacts,
    receipt_words,
    reminder_words,
)

REMINDER = ReminderFacts(
    body=PlaceName("Ban quản lý chợ Bến Mẫu", "Ben Mau market board"),
    market=PlaceName("Chợ Bến Mẫu", "Ben Mau market"),
    stalls=("A-001",),
    month=date(2026, 11, 1),
    amount=1_200_000,
    due_on=date(2026, 11, 15),
    link="https://phi.example.gov.vn/v/cho-ben-mau/LP23456789ABCD",
    stop="https://phi.example.gov.vn/n/LP23456789ABCD?t=abcdefghij2345670000",
)
RECEIPT = ReceiptFacts(
    PlaceName("UBND phường Mẫu", "Mau ward"), 5_000, "K26TAA", 7, "https://phi.example.vn/r/AB"
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        *(("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3)),
        # What stands in the extension costs two, and is never cut: 152 and one left over.
        *(("€" * 80, 1), ("€" * 81, 2), ("a" * 152 + "€" * 5, 2), ("€" * 152, 2), ("€" * 153, 3)),
        *(("ộ" * 70, 1), ("ộ" * 71, 2), ("ộ" * 134, 2), ("ộ" * 135, 3)),
        # One letter with a mark and all of it is UCS-2; a sign beyond the BMP costs two.
        *(("a" * 70 + "ộ", 2), ("😀" * 35, 1), ("😀" * 36, 2), ("😀" * 66, 2), ("😀" * 67, 3)),
    ],
)
def test_an_sms_is_counted_as_networks_count(text: str, parts: int) -> None:
    assert parts_of(text) == parts


@given(st.text())
def test_a_plain_text_always_fits_seven_bits(text: str) -> None:
    assert is_gsm(plain(text))


def test_a_plain_text_reads_the_same() -> None:
    assert plain("Nộp 5.000 đ – hạn “15/11”…") == 'Nop 5.000 d - han "15/11"...'
    assert plain("中") == "?"


def test_without_marks_a_reminder_costs_fewer_parts() -> None:
    words = reminder_words(REMINDER, "vi").text
    assert not is_gsm(words)
    assert parts_of(plain(words)) <= 3 < parts_of(words)
    assert parts_of(plain(receipt_words(RECEIPT, "vi").text)) == 1


def test_a_reminder_says_all_that_is_needed_in_both_languages() -> None:
    vietnamese, english = (reminder_words(REMINDER, language) for language in ("vi", "en"))
    for words in (vietnamese, english):
        for said in ("A-001", REMINDER.link, REMINDER.stop):
            assert said in words.text
        assert set(words.params) == {
            *("body", "market", "stalls", "month", "amount", "due", "link", "stop")
        }
    for said in ("1.200.000 VND", "tháng 11/2026", "15/11/2026", "Xin cảm ơn", "Chợ Bến Mẫu"):
        assert said in vietnamese.text
    for said in ("1,200,000 VND", "November 2026", "15 November 2026", "Thank you", "stall A-001"):
        assert said in english.text


def test_many_stalls_are_counted() -> None:
    facts = ReminderFacts(
        *(REMINDER.body, REMINDER.market, ("A-1", "A-2", "A-3", "A-4"), REMINDER.month),
        *(REMINDER.amount, REMINDER.due_on, REMINDER.link, REMINDER.stop),
    )
    assert "4 sạp" in reminder_words(facts, "vi").text
    assert "4 stalls" in reminder_words(facts, "en").text


def test_a_receipt_is_told_with_its_address() -> None:
    assert receipt_words(RECEIPT, "vi").text == (
        "UBND phường Mẫu đã nhận 5.000 VND. Biên lai K26TAA-7: https://phi.example.vn/r/AB"
        " Xin cảm ơn."
    )
    assert "Mau ward has received 5,000 VND" in receipt_words(RECEIPT, "en").text


@pytest.mark.parametrize(
    ("local", "goes"),
    [
        *(("05 06:59", "05 07:00"), ("05 07:00", "05 07:00"), ("05 20:59", "05 20:59")),
        *(("05 21:00", "06 07:00"), ("05 23:59", "06 07:00"), ("06 00:00", "06 07:00")),
        ("30 22:00", "31 07:00"),
    ],
)
def test_a_reminder_of_the_night_goes_in_the_morning(local: str, goes: str) -> None:
    at, then = (datetime.fromisoformat(f"2026-12-{one}:00+07:00") for one in (local, goes))
    assert goes_at("reminder", at.astimezone(UTC)) == then
    # Who has just paid is told at once.
    assert goes_at("receipt", at.astimezone(UTC)) == at


@pytest.mark.parametrize(
    ("typed", "mobile"),
    [
        *(("0912 345 678", "84912345678"), ("+84 912-345-678", "84912345678")),
        *(("84.912.345.678", "84912345678"), ("024 3333 4444", None), ("0912 345 67", None)),
        *(("", None), ("+1 912 345 6789", None), ("٠٩١٢٣٤٥٦٧٨", None)),
    ],
)
def test_only_a_mobile_number_is_written_to(typed: str, mobile: str | None) -> None:
    assert mobile_of(typed) == mobile


@pytest.mark.parametrize(
    ("contact", "kinds", "kind"),
    [
        (Contact("849", "a@b.vn"), ("sms", "zns", "email"), "zns"),
        (Contact("849", "a@b.vn"), ("sms", "email"), "sms"),
        (Contact(None, "a@b.vn"), ("sms", "zns", "email"), "email"),
        (Contact("849", None), ("email",), None),
        (Contact(None, None), ("sms", "zns", "email"), None),
        (Contact("849", "a@b.vn"), (), None),
    ],
)
def test_each_is_told_through_one_channel(
    contact: Contact, kinds: tuple[ChannelKind, ...], kind: ChannelKind | None
) -> None:
    assert channel_for(contact, kinds) == kind


def test_a_contact_is_what_the_payer_left() -> None:
    assert contact_of({"phone": "0912345678", "email": "a@b.vn"}) == Contact(
        "84912345678", "a@b.vn"
    )
    assert contact_of({"name": "A"}) == Contact(None, None)


def test_pauses_grow_to_an_hour() -> None:
    minutes = [pause(tries).total_seconds() / 60 for tries in (0, 1, 2, 3, 4, 50)]
    assert minutes == [1, 1, 5, 15, 60, 60]


@pytest.mark.parametrize(
    ("day", "opening_day", "due_day", "month", "opened"),
    [
        ("2026-12-01", 1, 15, "2026-12", "2026-12-01"),
        ("2026-12-31", 1, 15, "2026-12", "2026-12-01"),
        ("2026-12-04", 5, 15, "2026-11", "2026-11-05"),
        ("2026-12-05", 5, 15, "2026-12", "2026-12-05"),
        # After the day by which it is due, it is the next month's: opened before it begins.
        ("2026-12-24", 25, 15, "2026-12", "2026-11-25"),
        ("2026-12-25", 25, 15, "2027-01", "2026-12-25"),
        ("2027-01-03", 25, 15, "2027-01", "2026-12-25"),
        ("2027-03-01", 28, 15, "2027-03", "2027-02-28"),
    ],
)
def test_the_month_that_is_opened(
    day: str, opening_day: int, due_day: int, month: str, opened: str
) -> None:
    found, on = month_opened_by(date.fromisoformat(day), opening_day, due_day)
    assert (found.name, on.isoformat()) == (month, opened)


def faults(kind: ChannelKind, url: str, sender: str = "UBND", **credentials: str) -> list[str]:
    access = ChannelAccess(kind, url, sender, False, credentials)
    return [f"{one.field} {one.code}" for one in Senders().faults(access)]


def test_what_a_channel_lacks_is_said_by_field() -> None:
    keys = {"api_key": "k", "secret_key": "canary"}
    assert faults("sms", "https://sms.example.vn", **keys) == []
    assert faults("sms", "https://sms.example.vn", api_key="k") == ["secret_key required"]
    assert faults("sms", "http://sms.example.vn", **keys) == ["url not_a_url"]
    assert faults("sms", "https://a.vn", **keys, token="x") == ["token unknown"]
    assert faults("zns", "https://a.vn", access_token="t") == [
        *("template_receipt required", "template_reminder required")
    ]
    assert faults("email", "smtps://u:p@mail.example.vn", "phi@example.vn") == []
    assert faults("email", "https://mail.example.vn", "a\nb") == [
        *("sender invalid", "url not_a_url")
    ]
