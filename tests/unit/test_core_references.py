import pytest

from core.references import (
    ALPHABET,
    check_characters,
    find_references,
    is_reference,
    new_reference,
    normalise,
)

REFERENCE = "LP" + "ABCDEFGHJK" + check_characters("ABCDEFGHJK")


def test_the_alphabet_has_32_characters_none_of_which_is_mistaken_for_another() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 32
    assert not set("IO01") & set(ALPHABET)
    assert set(ALPHABET) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def test_the_check_characters_of_known_bodies_never_change() -> None:
    # References are printed on posters: another code would make all of them worthless.
    known = {body: check_characters(body) for body in ("AAAAAAAAAA", "ABCDEFGHJK", "9876543222")}
    assert known == {"AAAAAAAAAA": "DN", "ABCDEFGHJK": "XF", "9876543222": "GE"}


@pytest.mark.parametrize(
    "body", ["", "ABCDEFGHJ", "ABCDEFGHJKL", "ABCDEFGHJI", "ABCDEFGHJ0", "abcdefghjk"]
)
def test_a_body_of_another_form_has_no_check_characters(body: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        check_characters(body)


def test_a_new_reference_is_one() -> None:
    made = {new_reference() for _ in range(200)}
    assert len(made) == 200
    assert all(is_reference(reference) for reference in made)
    assert set("".join(reference[2:-2] for reference in made)) == set(ALPHABET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        REFERENCE.lower(),
        REFERENCE + "\n",
        " " + REFERENCE,
        REFERENCE[:-1],
        REFERENCE + "A",
        "LQ" + REFERENCE[2:],
        "LP" + "A" * 12,
        "LP" + "0" * 12,
    ],
)
def test_only_the_exact_form_is_a_reference(text: str) -> None:
    assert not is_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        REFERENCE,
        REFERENCE.lower(),
        f"thanh toan {REFERENCE}.",
        f"MBVCB.123.456.{REFERENCE} .CT tu 0011 NGUYEN VAN A toi 0022 UBND PHUONG tai VCB",
        f"CT DEN:0011 {REFERENCE} GD 123456",
        f"IBFT{REFERENCE}FT24123456789; tai Napas",
        f"Nộp lệ phí {REFERENCE.lower()} chứng thực",
        f"{REFERENCE[:6]} {REFERENCE[6:]}",
        " ".join(REFERENCE),
        f"{REFERENCE[:4]}-{REFERENCE[4:9]}\n{REFERENCE[9:]}",
        f"LP{REFERENCE}",
        f"LPLP{REFERENCE}LP",
        f"LPABCDE{REFERENCE}",
        "\N{FULLWIDTH LATIN CAPITAL LETTER L}" + REFERENCE[1:],
    ],
)
def test_a_reference_is_found_again_in_what_banks_make_of_it(text: str) -> None:
    assert find_references(text) == [REFERENCE]


def test_several_references_are_found_once_each_in_order() -> None:
    first, second = new_reference(), new_reference()
    text = f"{second} va {first} va lai {second.lower()}"
    assert find_references(text) == [second, first]


def test_references_that_overlap_are_all_found() -> None:
    # Any reference whose body holds LP can have another begin inside it: build such a pair.
    for filler in ALPHABET:
        outer_body = "ABCDEFGL" + "P" + filler
        outer = "LP" + outer_body + check_characters(outer_body)
        inner_body = outer[11:] + "ABCDEFG"
        inner = "LP" + inner_body + check_characters(inner_body)
        text = outer[:9] + inner
        assert text.startswith(outer)
        assert find_references(text) == [outer, inner]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LP",
        REFERENCE[:-1],
        REFERENCE[:7] + "O" + REFERENCE[7:],
        REFERENCE.replace("A", "4", 1),
        "NGUYEN VAN A chuyen tien",
    ],
)
def test_what_is_cut_or_wrong_is_not_found(text: str) -> None:
    assert find_references(text) == []


def test_text_is_searched_without_case_diacritics_and_separators() -> None:
    assert normalise("Nộp lệ phí: đường Đống-Đa, số 1.") == "NOPLEPHIDUONGDONGDASO1"
    assert normalise("Nộp".encode().decode()) == normalise("No\u0323\u0302p") == "NOP"
    assert normalise("٣ ж 三") == ""
