"""VietQR payloads from the field: what each says, or every reason why it is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.bank_qr.emv import InvalidPayload, decode, encode
from adapters.bank_qr.tlv import checksum

GOLDEN = json.loads(Path(__file__).with_name("vietqr.json").read_text("utf-8"))
VECTORS: list[dict[str, Any]] = GOLDEN["vectors"]
VALID = [vector for vector in VECTORS if vector["valid"]]
INVALID = [vector for vector in VECTORS if not vector["valid"]]


def told(vector: dict[str, Any]) -> str:
    return str(vector["what"])


def test_the_vectors_are_all_there() -> None:
    assert (len(VALID), len(INVALID)) == (11, 4)


@pytest.mark.parametrize("vector", VALID, ids=told)
def test_a_valid_payload_says_exactly_these_facts(vector: dict[str, Any]) -> None:
    facts = decode(vector["payload"]).facts()
    assert {name: fact for name, fact in facts.items() if fact not in (None, {})} == vector["facts"]


@pytest.mark.parametrize("vector", INVALID, ids=told)
def test_an_invalid_payload_is_refused_for_exactly_these_reasons(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayload) as refused:
        decode(vector["payload"])
    reasons = [[each.field, each.code] for each in refused.value.reasons]
    assert reasons == vector["reasons"]


@pytest.mark.parametrize("vector", VALID, ids=told)
def test_what_was_read_is_written_again_byte_for_byte(vector: dict[str, Any]) -> None:
    if "31 characters" in vector["what"]:
        with pytest.raises(InvalidPayload) as refused:
            encode(decode(vector["payload"]))
        assert [each.field for each in refused.value.reasons] == ["merchant_name"]
    else:
        assert encode(decode(vector["payload"])) == vector["payload"][:-4] + (
            vector["payload"][-4:].upper()
        )


def test_the_checksum_has_its_published_check_value() -> None:
    assert checksum(GOLDEN["checksum"]["text"]) == GOLDEN["checksum"]["is"]
