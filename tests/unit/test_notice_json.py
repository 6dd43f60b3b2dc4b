"""What was verified is kept as JSON of a version, and nothing else is read as one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.incoming.keeping import event_key
from payments.notice_json import UnreadableNotice, read_notice, write_notice
from payments.ports import Credit, GatewayResult, NoticeContent, Outcome

_TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
_AMOUNT = st.integers(1, 10**13)
_TIME = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001  # the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_RESULTS = st.builds(
    GatewayResult,
    order_ref=_TEXT,
    outcome=st.sampled_from(Outcome),
    gateway_ref=st.none() | _TEXT,
    amount=st.none() | _AMOUNT,
    paid_at=st.none() | _TIME,
    gateway_code=_TEXT,
    request_code=st.none() | _TEXT,
)
_CREDITS = st.builds(
    Credit,
    feed_ref=_TEXT,
    bank_ref=_TEXT,
    account_number=_TEXT,
    amount=_AMOUNT,
    narrative=_TEXT,
    credited_at=_TIME,
)
_DISPUTES = st.builds(
    GatewayDispute,
    dispute_ref=_TEXT,
    gateway_ref=_TEXT,
    amount=_AMOUNT,
    state=st.sampled_from(DisputeState),
    reason=_TEXT,
    respond_by=st.none() | _TIME,
    told_at=_TIME,
)

REPORT = GatewayResult(
    "LPAAAA-01", Outcome.SUCCEEDED, "T1", 5_000, datetime(2026, 11, 28, 1, tzinfo=UTC), "00", "p"
)


@given(_RESULTS | _CREDITS | _DISPUTES)
def test_what_was_written_reads_the_same(notice: NoticeContent) -> None:
    read = read_notice(write_notice(notice))
    assert read == notice
    assert type(read) is type(notice)


def test_the_first_version_is_this_text_for_ever() -> None:
    """Rows of today must be readable in ten years: change the reader, never this text."""
    kept = (
        b'{"version":1,"result":{"order_ref":"LPAAAA-01","outcome":"succeeded","gateway_ref":"T1",'
        b'"amount":5000,"paid_at":"2026-11-28T01:00:00Z","gateway_code":"00","request_code":"p"}}'
    )
    assert read_notice(kept) == REPORT
    assert json.loads(write_notice(REPORT)) == json.loads(kept)
    credit = (
        b'{"version":1,"credit":{"feed_ref":"1","bank_ref":"FT1","account_number":"99",'
        b'"amount":5000,"narrative":"LP","credited_at":"2026-11-28T01:00:00Z"}}'
    )
    at = datetime(2026, 11, 28, 1, tzinfo=UTC)
    assert read_notice(credit) == Credit("1", "FT1", "99", 5_000, "LP", at)
    dispute = (
        b'{"version":1,"dispute":{"dispute_ref":"du_1","gateway_ref":"pi_1","amount":5000,'
        b'"state":"lost","reason":"fraudulent","told_at":"2026-11-28T01:00:00Z"}}'
    )
    assert read_notice(dispute) == GatewayDispute(
        "du_1", "pi_1", 5_000, DisputeState.LOST, "fraudulent", at
    )


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": "1"},
        {"extra": 1},
        {"result": None},
        {"credit": {"feed_ref": "1"}},
        {"result": {"order_ref": "A"}},
        {"result": {"order_ref": "A", "outcome": "paid"}},
        {"result": {"order_ref": "A", "outcome": "failed", "amount": "5000"}},
        {"result": {"order_ref": "A", "outcome": "failed", "amount": 5000.5}},
        {"result": {"order_ref": "A", "outcome": "failed", "paid_at": "yesterday"}},
        {"result": {"order_ref": "A", "outcome": "failed", "colour": "red"}},
    ],
)
def test_anything_else_is_refused_and_not_quoted(change: dict[str, Any]) -> None:
    document = json.loads(write_notice(REPORT)) | change
    with pytest.raises(UnreadableNotice) as refused:
        read_notice(json.dumps(document).encode())
    assert "LPAAAA" not in str(refused.value)
    assert "yesterday" not in str(refused.value)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"version":1}', b"\xff"])
def test_no_json_of_ours_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableNotice):
        read_notice(raw)


@pytest.mark.parametrize(
    ("told", "key"),
    [
        (
            GatewayResult("A-1", Outcome.SUCCEEDED, "T1", 5_000),
            "T1:succeeded:5000:A-1",
        ),
        (GatewayResult("A-1", Outcome.FAILED), ":failed::A-1"),
        (
            Credit("n-1", "FT-1", "", 5_000, "x", datetime(2026, 11, 2, tzinfo=UTC)),
            "FT-1:succeeded:5000:n-1",
        ),
    ],
)
def test_the_key_of_what_happened_is_the_next_releases_too(told: NoticeContent, key: str) -> None:
    """What was kept under a key is known by it when it is told again."""
    assert event_key(told) == key
