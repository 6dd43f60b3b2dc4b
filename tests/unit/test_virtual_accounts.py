"""The numbers of virtual accounts: one for each reference, and a VietQR holds them."""

from datetime import time
from itertools import permutations

import pytest

from adapters.bank_qr.emv import decode
from adapters.bank_qr.transfer import VietQrTransfer
from core.references import ALPHABET, check_characters, find_references, new_reference
from payments.administration.bodies import prefixed_account
from payments.agencies.queries import CollectionAccountValue

PREFIXES = (None, "9", "SB12", "LP", "00000", "LPLPL")


def account(prefix: str | None, *, digits: bool = False) -> CollectionAccountValue:
    return CollectionAccountValue(
        *("acct_1", "ag_1", "kbnn", "970436", "1020304050", "KBNN", time(16), None, []),
        virtual_prefix=prefix,
        virtual_digits=digits,
    )


def account_in_qr(there: CollectionAccountValue, number: str, reference: str) -> str | None:
    """The account's number as the VietQR of a bill tells it that was sent to `number`."""
    payload = VietQrTransfer().payload(
        bank_bin=there.bank_bin,
        account_number=number,
        amount=5_000,
        reference=reference,
        static=False,
    )
    return decode(payload).account


@pytest.mark.parametrize("prefix", PREFIXES[1:])
def test_a_number_is_one_references_and_tells_it(prefix: str) -> None:
    there = account(prefix)
    references = [new_reference() for _ in range(200)]
    numbers = [there.number_for(one) for one in references]
    assert len(set(numbers)) == len(references)
    for reference, number in zip(references, numbers, strict=True):
        assert reference in find_references(number)
        assert reference in find_references(f"MBVCB.7712.CK DEN TK {number.lower()} TU 0011")
        assert there.gives_out(number)
        assert account_in_qr(there, number, reference) == number


@pytest.mark.parametrize("prefix", ["9", "96", "000", "963"])
def test_a_number_of_digits_alone_is_one_references_and_tells_it(prefix: str) -> None:
    there = account(prefix, digits=True)
    ends = [f"LP{letter * 10}" for letter in (ALPHABET[0], ALPHABET[-1])]
    references = [new_reference() for _ in range(200)]
    references += [f"{end}{check_characters(end[2:])}" for end in ends]
    numbers = [there.number_for(one) for one in references]
    assert len(set(numbers)) == len(references)
    for reference, number in zip(references, numbers, strict=True):
        assert number.isdecimal()
        assert len(number) == len(prefix) + 16 <= 19
        assert there.gives_out(number)
        spaced = f" {number[:4]} {number[4:9]}-{number[9:]}"
        assert [there.references_in(one) for one in (number, spaced)] == [[reference]] * 2
        assert account_in_qr(there, number, reference) == number


def test_a_number_of_digits_that_is_none_names_nothing() -> None:
    there, beyond = account("963", digits=True), f"963{32**10:016d}"
    number = there.number_for(new_reference())
    for odd in (number[:-1], f"{number}0", "963", beyond, f"{number[:-1]}x"):
        assert there.gives_out(odd)
        assert there.references_in(odd) == []
    # Under another prefix, and at an account of letters, what stands in it is read as ever.
    reference = new_reference()
    assert there.references_in(f"SB12{reference}") == [reference]
    assert account("963").references_in(number) == []


def test_a_number_of_letters_names_its_reference_though_digits_follow_now() -> None:
    """A bill's paper may show a number of before: it is one bill's for ever."""
    reference = new_reference()
    printed = account("963").number_for(reference)
    assert account("963", digits=True).references_in(printed) == [reference]


def test_no_digits_follow_where_there_is_no_prefix() -> None:
    """Else who decides would read what does not come to be."""
    assert prefixed_account("acct_1", None, digits=True) == prefixed_account("acct_1", None)
    asked = prefixed_account("acct_1", "963", digits=True).wanted
    assert asked == {"virtual_prefix": "963", "virtual_digits": True}


def test_one_wrong_character_of_a_number_names_nothing() -> None:
    reference = new_reference()
    number = account("SB12").number_for(reference)
    other = {at: "X" if number[at] != "X" else "Y" for at in range(6, 18)}
    wrong = [f"{number[:at]}{letter}{number[at + 1 :]}" for at, letter in other.items()]
    assert all(reference not in find_references(one) for one in wrong)
    assert all(account("SB12").gives_out(one) for one in wrong)


def test_an_account_without_a_prefix_has_its_own_number_alone() -> None:
    there = account(None)
    assert there.number_for(new_reference()) == "1020304050"
    assert not there.gives_out("1020304050")
    assert not there.gives_out("")


@pytest.mark.parametrize("written", ["1020304050 ", "1020 3040 50", "1020-3040-50"])
def test_the_accounts_own_number_is_its_own_however_a_feed_writes_it(written: str) -> None:
    """Else all the money that is sent to the account itself would wait for people."""
    assert not account("10203").gives_out(written)


def test_a_number_that_is_given_out_is_known_however_a_feed_writes_it() -> None:
    number = account("SB12").number_for(new_reference())
    for written in (f" {number}", number.lower(), f"SB-12 {number[4:]}", "S B12 7"):
        assert account("SB12").gives_out(written)
    assert account("00").gives_out("007")


def test_what_is_sent_to_the_account_itself_or_under_another_prefix_is_not_given_out() -> None:
    there = account("10203")
    assert not there.gives_out("1020304050")
    assert there.gives_out("1020399")
    for one, other in permutations(("SB12", "SC12")):
        assert not account(one).gives_out(account(other).number_for(new_reference()))
