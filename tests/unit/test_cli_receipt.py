import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from adapters.keystore.demo import ensure_demo_keystore
from adapters.keystore.files import CERTIFICATE, CHAIN
from adapters.keystore.signer import SoftwareKeystore
from app.cli.receipt import app
from receipts.pdf import draw
from receipts.signing import sign
from tests.support.receipts import content


@pytest.fixture
def keystore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftwareKeystore:
    """A key outside the installation that the command looks for, which does not exist."""
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "nowhere"))
    return ensure_demo_keystore(tmp_path / "keys", "Sở Tư pháp")


@pytest.fixture
def xml(tmp_path: Path, keystore: SoftwareKeystore) -> Path:
    path = tmp_path / "receipt.xml"
    path.write_bytes(sign(content(), keystore).xml)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


@pytest.mark.parametrize("certificate", [CERTIFICATE, CHAIN])
def test_a_receipt_is_valid_and_its_signer_trusted(
    tmp_path: Path, xml: Path, certificate: str
) -> None:
    done = run(xml, "--certificate", tmp_path / "keys" / certificate)
    assert done.exit_code == 0
    assert "EBL01 26TAA no. 128, 5.000 đ, signed by Sở Tư pháp (DEMO" in done.stdout
    assert "signer trusted" in done.stdout


def test_without_a_certificate_the_answer_says_what_was_not_checked(xml: Path) -> None:
    done = run(xml)
    assert done.exit_code == 0
    assert "SIGNER NOT CHECKED" in done.stdout


def test_the_certificates_of_the_installation_are_used_by_themselves(
    tmp_path: Path, keystore: SoftwareKeystore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    own = ensure_demo_keystore(tmp_path / "data" / "keys" / "signing", "UBND phường")
    theirs, ours = tmp_path / "theirs.xml", tmp_path / "ours.xml"
    theirs.write_bytes(sign(content(), keystore).xml)
    ours.write_bytes(sign(content(), own).xml)
    assert "signer trusted" in run(ours).stdout
    assert run(theirs).exit_code == 1
    assert "untrusted_signer" in run(theirs).stderr


def test_a_pdf_is_checked_too(tmp_path: Path, keystore: SoftwareKeystore) -> None:
    path = tmp_path / "receipt.pdf"
    path.write_bytes(keystore.sign_pdf(draw(content())))
    done = run(path, "--certificate", tmp_path / "keys" / CHAIN)
    assert done.exit_code == 0
    assert "the page of a receipt, signed by Sở Tư pháp" in done.stdout


@pytest.mark.parametrize(
    ("old", "new"), [("Ngọc Ánh", "Ngọc Anh"), ("<TgTTTBSo>5000", "<TgTTTBSo>9000")]
)
def test_a_changed_receipt_ends_with_one_line_and_exit_1(xml: Path, old: str, new: str) -> None:
    xml.write_bytes(xml.read_bytes().replace(old.encode(), new.encode()))
    done = run(xml)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"{xml}: not valid, altered: Nội dung đã bị thay đổi sau khi ký."
    ]


def test_json_says_everything_that_was_found(tmp_path: Path, xml: Path) -> None:
    facts = json.loads(run(xml, "--json").stdout)
    assert facts["valid"] is True
    assert facts["trusted"] is False
    assert facts["receipt"]["amount"] == 5000
    xml.write_bytes(b"<x/>")
    done = run(xml, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["reasons"][0]["code"] == "not_a_receipt"


@pytest.mark.parametrize("missing", ["file", "certificate"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, xml: Path, missing: str) -> None:
    nowhere = tmp_path / "nowhere.pem"
    done = run(nowhere) if missing == "file" else run(xml, "--certificate", nowhere)
    assert done.exit_code == 1
    assert str(nowhere) in done.stderr


def test_a_certificate_that_is_none_is_refused(tmp_path: Path, xml: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")
    done = run(xml, "--certificate", wrong)
    assert done.exit_code == 1
    assert "PEM" in done.stderr
