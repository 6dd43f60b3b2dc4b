"""VietQR: what is written is read again, one changed character is caught, nothing else escapes.

The negative control reads with a validator that ignores the checksum, and the search for changes
that slip through finds them: it would have seen ours, had there been any.
"""

import string
from collections.abc import Iterator
from dataclasses import fields
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.bank_qr import tlv
from adapters.bank_qr.emv import Initiation, InvalidPayload, Service, VietQr, decode, encode
from tests.support.examples import examples

PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]


def text(longest: int, alphabet: str = "".join(PRINTABLE)) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=longest)


def maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


#: paths that have no name in VietQr; values short enough for their templates
OTHERS = st.dictionaries(
    st.sampled_from(["02", "27", "38.03", "38.01.05", "62.10", "65", "79", "80", "99"]),
    text(5),
    max_size=3,
).map(lambda found: tuple(sorted(found.items())))

#: the rest of the additional data, short enough for 62 to hold all of it at once
SHORT = (
    "mobile_number",
    "store_label",
    "loyalty_number",
    "reference_label",
    "customer_label",
    "terminal_label",
)
DRAWN: dict[str, st.SearchStrategy[object]] = dict(
    initiation=st.sampled_from(Initiation),
    bin=text(6, string.digits).filter(lambda digits: len(digits) == 6) | st.just("970436"),
    account=text(19, string.ascii_letters + string.digits),
    service=st.sampled_from(Service),
    amount=st.none() | st.integers(1, 10**13 - 1),
    purpose=maybe(text(15)),
    bill_number=maybe(text(15)),
    **{name: maybe(text(2)) for name in SHORT},
    requested_data=maybe(text(3, "AME")),
    merchant_name=text(25),
    merchant_city=text(15),
    postal_code=maybe(text(10)),
    mcc=st.from_regex("[0-9]{4}", fullmatch=True),
    merchant_guid=st.just("A000000775"),
    merchant_id=text(40),
    other=OTHERS,
)
CODES = st.builds(VietQr, **DRAWN)

BILL = VietQr(
    initiation=Initiation.DYNAMIC, bin="970436", account="1031933430", amount=50000, purpose="LP"
)


def read(payload: str) -> VietQr | InvalidPayload:
    """What reading gives; anything raised but InvalidPayload fails the test that asks."""
    try:
        return decode(payload)
    except InvalidPayload as refused:
        return refused


def sealed(payload: str) -> str:
    """The payload with the checksum put right."""
    return payload[:-4] + tlv.checksum(payload[:-4])


def single_changes(payload: str) -> Iterator[str]:
    for position, right in enumerate(payload):
        for wrong in PRINTABLE:
            if wrong != right:
                yield payload[:position] + wrong + payload[position + 1 :]


def slips_through(payload: str) -> list[str]:
    """The single-character changes that are still read as a valid code."""
    return [changed for changed in single_changes(payload) if isinstance(read(changed), VietQr)]


def test_the_strategy_knows_every_field() -> None:
    strange = {field.name for field in fields(VietQr)} - set(DRAWN)
    assert strange == {"currency", "country"}


@given(CODES)
@settings(deadline=None)
def test_what_is_written_is_read_again(qr: VietQr) -> None:
    payload = encode(qr)
    assert read(payload) == qr
    assert encode(decode(payload)) == payload


def test_every_change_of_one_character_is_refused_but_for_the_case_of_the_checksum() -> None:
    payload = encode(BILL)
    letters = sum(character.isalpha() for character in payload[-4:])
    slipped = slips_through(payload)
    assert len(slipped) == letters
    assert {each.upper() for each in slipped} <= {payload.upper()}
    assert {each[:-4] for each in slipped} <= {payload[:-4]}


def test_without_the_checksum_the_same_search_finds_changes_that_slip_through() -> None:
    payload = encode(BILL)
    with patch.object(tlv, "checksum", lambda text: payload[-4:]):
        slipped = slips_through(payload)
    accounts = {decode(sealed(each)).account for each in slipped}
    assert len(accounts - {BILL.account}) == 10 * (10 + 26 + 26 - 1)


@given(CODES, st.data())
@settings(deadline=None)
def test_a_change_of_one_character_of_any_payload_is_refused(
    qr: VietQr, data: st.DataObject
) -> None:
    payload = encode(qr)
    position = data.draw(st.integers(0, len(payload) - 1))
    wrong = data.draw(st.sampled_from(PRINTABLE))
    changed = payload[:position] + wrong + payload[position + 1 :]
    same = changed[:-4] == payload[:-4] and changed[-4:].upper() == payload[-4:]
    assert isinstance(read(changed), VietQr) is same


NOISE = st.text(max_size=80) | st.text(string.digits + "ABV", max_size=200)


@given(NOISE)
@example("")
@example("\ud800")
@example("00020101021138" + "9" * 30)
@settings(max_examples=examples(300), deadline=None)
def test_reading_noise_gives_a_code_or_its_reasons(noise: str) -> None:
    found = read(noise)
    assert isinstance(found, VietQr) or found.reasons


@given(CODES, st.data())
@settings(max_examples=examples(150), deadline=None)
def test_reading_a_mangled_payload_gives_a_code_or_its_reasons(
    qr: VietQr, data: st.DataObject
) -> None:
    """Cut, doubled and overwritten, with and without the checksum put right again."""
    payload = encode(qr)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(payload))] * 2)))
    piece = data.draw(st.sampled_from(["", payload[start:end] * 2]) | st.text(max_size=8))
    mangled = payload[:start] + piece + payload[end:]
    for candidate in (mangled, sealed(mangled)):
        found = read(candidate)
        assert isinstance(found, VietQr) or found.reasons
