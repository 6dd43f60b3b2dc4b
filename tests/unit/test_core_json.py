import json

import pytest

from core.errors import Invalid
from core.json import MAX_BYTES, MAX_DEPTH, MAX_FAULTS, canonical, dumps, loads


def faults(raw: bytes) -> list[tuple[str, str]]:
    """The (field, code) of every fault that `loads` reports."""
    with pytest.raises(Invalid) as caught:
        loads(raw)
    assert caught.value.code == "invalid_json"
    assert caught.value.status == 422
    return [(error.field, error.code) for error in caught.value.errors]


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b"0",
        b"-1",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"null",
        b'"text"',
        b' {"a" : [1, 2, {"b": null}], "c": true}\n',
        '{"name": "Nguyễn Văn A", "emoji": "😀"}'.encode(),
        rb'{"name": "Nguy\u1ec5n", "emoji": "\ud83d\ude00", "path": "a\\u0000b"}',
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b'"' + b"[" * 100 + b'"',
        b"[" + b"[]," * 100 + b"[]]",
        rb'["\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["]',
    ],
)
def test_a_good_body_means_what_it_means_everywhere(raw: bytes) -> None:
    assert loads(raw) == json.loads(raw)


@pytest.mark.parametrize("number", ["1e3", "1000.0", "1E3", "0.5", "-0.0", "-0", "1e-2", "1e400"])
def test_a_number_that_is_no_plain_integer_is_refused_with_its_path(number: str) -> None:
    raw = f'{{"lines": [{{"amount": 1}}, {{"amount": {number}}}]}}'.encode()
    assert faults(raw) == [("lines.1.amount", "not_an_integer")]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_refused_with_its_path(number: str) -> None:
    assert faults(f'{{"amount": {number}}}'.encode()) == [("amount", "not_an_integer")]


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "1" + "0" * 30, "9" * 10_000]
)
def test_an_integer_beyond_64_bits_is_refused_with_its_path(number: str) -> None:
    assert faults(f'{{"amount": {number}}}'.encode()) == [("amount", "out_of_range")]


def test_a_bad_number_that_is_the_whole_body_is_refused() -> None:
    assert faults(b"1e3") == [("body", "not_an_integer")]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"amount": 1, "amount": 1}', "amount"),
        (b'{"a": {"b": [0, {"c": 1, "d": 2, "c": 3}]}}', "a.b.1.c"),
        (rb'{"amount": 1, "\u0061mount": 2}', "amount"),
        (b'[{"": 1, "": 2}]', "0."),
    ],
)
def test_a_name_given_twice_is_refused_with_its_path(raw: bytes, field: str) -> None:
    assert faults(raw) == [(field, "duplicate_key")]


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        (rb'{"name": "\ud800"}', "name", "lone_surrogate"),
        (rb'{"name": ["x", "\udc00\ud800"]}', "name.1", "lone_surrogate"),
        (rb'"\ud83d"', "body", "lone_surrogate"),
        (rb'{"\udfff": 1}', "\ufffd", "lone_surrogate"),
        (rb'{"name": "a\u0000b"}', "name", "nul_character"),
        (rb'{"a": {"b\u0000": 1}}', "a.b\ufffd", "nul_character"),
    ],
)
def test_text_that_cannot_be_stored_is_refused_with_its_path(
    raw: bytes, field: str, code: str
) -> None:
    assert faults(raw) == [(field, code)]


@pytest.mark.parametrize(
    "raw", [b"1e3", b"-0", b"NaN", b'{"a": 1, "a": 2}', rb'"\ud800"', rb'"\u0000"', b"9" * 20]
)
def test_a_plain_reader_takes_what_this_one_refuses(raw: bytes) -> None:
    json.loads(raw)
    assert faults(raw)


def test_every_fault_is_named_at_once() -> None:
    raw = rb'{"a": 1.0, "b": "\ud800", "a": 2, "c": [NaN, 9223372036854775808]}'
    assert faults(raw) == [
        ("a", "not_an_integer"),
        ("b", "lone_surrogate"),
        ("a", "duplicate_key"),
        ("c.0", "not_an_integer"),
        ("c.1", "out_of_range"),
    ]


def test_the_number_of_reported_faults_is_bounded_and_so_is_their_length() -> None:
    raw = b'{"' + b"k" * 100_000 + b'": [' + b"1.5," * 30_000 + b"1.5]}"
    reported = faults(raw)
    assert len(reported) == MAX_FAULTS
    assert all(len(field) < 200 for field, _ in reported)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"a": 1} x', "line 1 column 10"),
        (b'{"a": 1}{"a": 1}', "line 1 column 9"),
        (b'{"a": 1,}', "line 1 column 9"),
        (b'{\n"a": 1,\n  b: 2}', "line 3 column 3"),
        (b'{"a": 1e3', "line 1 column 10"),
        (b'{"a": "x', "line 1 column 7"),
        (b"{'a': 1}", "line 1 column 2"),
        (b'{"a": 01}', "line 1 column 8"),
        (b'{"a": +1}', "line 1 column 7"),
        (b'{"a": 1 /* note */}', "line 1 column 9"),
        (b'{"a": "one\ntwo"}', "line 1 column 11"),
        (b'{"a": "one\x00two"}', "line 1 column 11"),
        (b"nil", "line 1 column 1"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
        (rb'{"a": "\x41"}', "line 1 column 8"),
    ],
)
def test_what_is_not_json_is_refused_with_its_position(raw: bytes, field: str) -> None:
    assert faults(raw) == [(field, "syntax")]


@pytest.mark.parametrize("raw", [b"", b" \n"])
def test_an_empty_body_is_refused(raw: bytes) -> None:
    assert faults(raw) == [("body", "empty")]


@pytest.mark.parametrize(
    ("raw", "position"),
    [(b'"\xff"', 1), ("{}".encode("utf-16"), 0), (b'{"a": "\xed\xa0\x80"}', 7), (b'"\xc0\x80"', 1)],
)
def test_bytes_that_are_not_utf8_are_refused_with_their_position(raw: bytes, position: int) -> None:
    assert faults(raw) == [(f"byte {position}", "not_utf8")]


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * (MAX_DEPTH + 1) + b'"' * 100_000,
    ],
)
def test_a_body_nested_too_deep_is_refused_before_it_is_parsed(raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        loads(raw, max_bytes=10**6)
    assert caught.value.errors[0].code == "too_deep"


def test_a_body_over_the_limit_is_refused_unread() -> None:
    assert faults(b" " * MAX_BYTES + b"1") == [("body", "too_large")]
    with pytest.raises(Invalid):
        loads(b"[1, 2]", max_bytes=5)
    assert loads(b"[1,2]", max_bytes=5) == [1, 2]


def test_canonical_json_has_one_form() -> None:
    value = {"b": [1, "Nguyễn"], "a": {"d": None, "c": True}}
    assert canonical(value) == '{"a":{"c":true,"d":null},"b":[1,"Nguyễn"]}'.encode()
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})


def test_plain_json_keeps_its_order() -> None:
    assert dumps({"b": 1, "a": "đ"}) == '{"b":1,"a":"đ"}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"a": ["\udfff"]}])
def test_a_value_that_json_cannot_carry_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"surrogates|JSON"):
        canonical(value)
    with pytest.raises(ValueError, match=r"surrogates|JSON"):
        dumps(value)


def test_an_object_without_a_json_form_is_not_written() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})
