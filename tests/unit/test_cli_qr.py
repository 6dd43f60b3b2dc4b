"""`lephi qr encode` and `lephi qr decode`, as a person and as a script use them."""

import json

import pytest
from typer.testing import CliRunner

from adapters.bank_qr.emv import Initiation, VietQr, encode
from app.cli.qr import app

PAYEE = ["--bin", "970436", "--account", "1031933430"]
BILL = VietQr(
    initiation=Initiation.DYNAMIC,
    bin="970436",
    account="1031933430",
    amount=50000,
    purpose="Le phi",
    bill_number="LPABCDEFGH2345",
)
FULL = [*PAYEE, "--amount", "50000", "--purpose", "Lệ phí", "--bill-number", "LPABCDEFGH2345"]
PUBLISHED = (
    "00020101021238540010A00000072701240006970436011010319334300208QRIBFTTA"
    "53037045405500005802VN62140810Thanh toan630438A6"
)
WRONG = PUBLISHED.replace("970436", "97O436")


def test_encode_prints_the_payload_and_nothing_else() -> None:
    run = CliRunner().invoke(app, ["encode", *FULL])
    assert (run.exit_code, run.stdout) == (0, encode(BILL) + "\n")


def test_encode_gives_the_payload_that_others_publish() -> None:
    run = CliRunner().invoke(
        app, ["encode", *PAYEE, "--amount", "50000", "--purpose", "Thanh toan"]
    )
    assert run.stdout == PUBLISHED + "\n"


@pytest.mark.parametrize(
    ("options", "initiation"),
    [([], "11"), (["--amount", "5000"], "12"), (["--amount", "5000", "--static"], "11")],
)
def test_a_code_is_for_one_payment_only_if_it_has_an_amount_and_is_not_static(
    options: list[str], initiation: str
) -> None:
    run = CliRunner().invoke(app, ["encode", *PAYEE, *options])
    assert run.stdout[6:12] == f"0102{initiation}"


def test_encode_prints_json_when_asked() -> None:
    run = CliRunner().invoke(app, ["encode", *FULL, "--json"])
    assert json.loads(run.stdout) == {"payload": encode(BILL)} | BILL.facts()


def test_encode_names_every_option_that_does_not_fit() -> None:
    run = CliRunner().invoke(
        app, ["encode", "--bin", "97", "--account", "1 2", "--amount", "0", "--purpose", "x" * 26]
    )
    assert run.exit_code == 1
    assert run.stdout == ""
    assert sorted(line.partition(" ")[0] for line in run.stderr.splitlines()) == [
        "account",
        "amount",
        "bin",
        "purpose",
    ]


def test_decode_prints_what_the_payload_says() -> None:
    run = CliRunner().invoke(app, ["decode", encode(BILL)])
    assert run.exit_code == 0
    assert json.loads(run.stdout) == BILL.facts()


def test_decode_tells_every_reason_and_exits_1() -> None:
    run = CliRunner().invoke(app, ["decode", WRONG])
    assert (run.exit_code, run.stdout) == (1, "")
    assert [line.partition(":")[0] for line in run.stderr.splitlines()] == [
        "63 (checksum)",
        "38.01.00 (form)",
    ]


def test_decode_tells_every_reason_as_json_when_asked() -> None:
    run = CliRunner().invoke(app, ["decode", WRONG, "--json"])
    assert run.exit_code == 1
    told = json.loads(run.stdout)
    assert told["code"] == "invalid_qr_payload"
    assert [(each["field"], each["code"]) for each in told["errors"]] == [
        ("63", "checksum"),
        ("38.01.00", "form"),
    ]


def test_a_missing_option_is_a_fault_of_usage() -> None:
    assert CliRunner().invoke(app, ["encode", "--bin", "970436"]).exit_code == 2
