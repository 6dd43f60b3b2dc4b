"""`lephi key`: made, taken in, replaced; and what stands in the way of a start without one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from typer.testing import CliRunner, Result

from adapters.keystore.files import CHAIN, EARLIER, KEY, REQUEST, trusted_certificates
from adapters.keystore.keys import create_key
from adapters.keystore.signer import SoftwareKeystore
from app.cli.main import build
from receipts.pdf import draw
from receipts.ports import KeyFault
from receipts.signing import sign
from receipts.verification import InvalidReason, verify, verify_pdf
from tests.integration.test_cli_setting_up import rows
from tests.support.authority import Authority
from tests.support.forked_programs import run_lephi
from tests.support.receipts import content

ROOT = Path(__file__).resolve().parents[2]
Lephi = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys" / "signing"


@pytest.fixture
def lephi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Lephi:
    monkeypatch.setenv("LEPHI_MODE", "production")
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    monkeypatch.setenv("LEPHI_BASE_URL", "https://phi.example.vn")
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))

    def run(*words: object, code: int = 0, secret: str = "") -> Result:
        told = [str(word) for word in words]
        environment = {"LEPHI_SIGNING_SECRET": secret}
        done = CliRunner().invoke(build(told[0]), told, env=environment)
        assert done.exit_code == code, done.output
        return done

    return run


def modes(folder: Path) -> dict[str, str]:
    found = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    return found | {".": oct(folder.stat().st_mode & 0o777)}


def signed(folder: Path, secret: str | None = None) -> tuple[bytes, bytes]:
    keystore = SoftwareKeystore.load(folder, secret)
    receipt = sign(content(), keystore)
    return receipt.xml, keystore.sign_pdf(draw(content(), receipt.note))


def test_a_key_is_made_and_signs(lephi: Lephi, folder: Path) -> None:
    told = json.loads(lephi("key", "create", "--organization", "UBND phường Thử", "--json").stdout)
    assert told["signer"] == "UBND phường Thử"
    assert modes(folder)[KEY] == "0o600"
    assert modes(folder)["."] == "0o700"
    assert not (folder / "next").exists()
    xml, pdf = signed(folder)
    assert verify(xml, trusted_certificates(folder)).trusted
    assert verify_pdf(pdf, trusted_certificates(folder)).trusted
    request = x509.load_pem_x509_csr((folder / REQUEST).read_bytes())
    assert request.is_signature_valid
    before = (folder / KEY).read_bytes()
    told = lephi("key", "create", "--organization", "Ai đó", code=1).stderr
    assert "lephi key rotate" in told
    assert (folder / KEY).read_bytes() == before


def test_an_encrypted_key_needs_its_passphrase(lephi: Lephi, folder: Path) -> None:
    lephi("key", "create", "--organization", "X", "--rsa", 2048, secret="mat-khau")
    assert b"ENCRYPTED" in (folder / KEY).read_bytes()
    assert verify(signed(folder, "mat-khau")[0]).valid
    for wrong in (None, "", "khac"):
        with pytest.raises(KeyFault, match="LEPHI_SIGNING_SECRET") as refused:
            SoftwareKeystore.load(folder, wrong)
        assert "khac" not in refused.value.detail.replace("LEPHI_SIGNING_SECRET", "")


@pytest.mark.parametrize("secret", [None, b"mat-khau"])
def test_a_key_of_ones_own_is_taken_in(
    lephi: Lephi, folder: Path, tmp_path: Path, secret: bytes | None
) -> None:
    authority = Authority()
    mine = authority.files(tmp_path, secret=secret)
    lephi("key", "import", *mine, secret=(secret or b"").decode())
    assert modes(folder)[KEY] == "0o600"
    xml, pdf = signed(folder, (secret or b"").decode())
    root = authority.chain[-1].public_bytes(Encoding.PEM)
    assert verify(xml, root).trusted
    assert verify_pdf(pdf, root).trusted


def test_an_authoritys_certificate_follows_the_key_that_was_made(
    lephi: Lephi, folder: Path, tmp_path: Path
) -> None:
    lephi("key", "create", "--organization", "Sở Tư pháp")
    early, _ = signed(folder)
    authority, key = Authority(), SoftwareKeystore.load(folder)._key
    (tmp_path / "own.pem").write_bytes(authority.certify(key))
    (tmp_path / "chain.pem").write_bytes(
        b"".join(one.public_bytes(Encoding.PEM) for one in authority.chain)
    )
    options = ("--certificate", tmp_path / "own.pem", "--chain", tmp_path / "chain.pem")
    lephi("key", "import", *options)
    assert verify(signed(folder)[0], authority.chain[-1].public_bytes(Encoding.PEM)).trusted
    assert verify(early, trusted_certificates(folder)).trusted
    assert not (folder / REQUEST).exists()


def test_what_does_not_fit_is_refused_and_nothing_is_written(
    lephi: Lephi, folder: Path, tmp_path: Path
) -> None:
    authority = Authority()
    mine, other = authority.files(tmp_path, "Một"), authority.files(tmp_path, "Hai")
    expired = tmp_path / "expired.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    expired_key = tmp_path / "expired-key.pem"
    expired_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    expired.write_bytes(authority.certify(key, life=timedelta(hours=1)))
    backwards = tmp_path / "backwards.pem"
    backwards.write_bytes(
        b"".join(one.public_bytes(Encoding.PEM) for one in reversed(authority.chain))
    )
    for options, words in (
        ([*mine[:2], *other[2:]], "does not belong"),
        (["--key", expired_key, "--certificate", expired], "not valid today"),
        ([*mine[:4], "--chain", backwards], "the root last"),
        ([*mine[:4], "--chain", mine[1]], "cannot be read"),
        (["--key", mine[3], "--certificate", mine[3]], "cannot be read"),
        (["--key", tmp_path / "none.pem", "--certificate", mine[3]], "No such file"),
        (mine[2:4], "There is no signing key"),
    ):
        assert words in lephi("key", "import", *options, code=1).stderr
        assert not (folder / KEY).exists()


@pytest.mark.parametrize("own", [False, True])
def test_what_the_old_key_signed_stands_after_a_rotation(
    lephi: Lephi, folder: Path, tmp_path: Path, own: bool
) -> None:
    authority = Authority()
    lephi("key", "import", *authority.files(tmp_path, "Cũ"))
    xml, pdf = signed(folder)
    receipt = tmp_path / "receipt.xml"
    receipt.write_bytes(xml)
    new = authority.files(tmp_path, "Mới") if own else ["--organization", "Mới"]
    lephi("key", "rotate", *new)
    assert (folder / CHAIN).exists() is own
    later, later_pdf = signed(folder)
    assert verify(later).signer.startswith("Mới")
    trusted = trusted_certificates(folder)
    for one in (xml, later):
        assert verify(one, trusted).trusted
    for page in (pdf, later_pdf):
        assert verify_pdf(page, trusted).trusted
    assert "signer trusted" in lephi("receipt", "verify", receipt).stdout
    lephi("key", "rotate", "--organization", "Mới nữa")
    assert verify(xml, trusted_certificates(folder)).trusted
    # The negative control: without the earlier certificates it stands no longer.
    (folder / EARLIER).unlink()
    assert verify(xml, trusted_certificates(folder)).reasons == (InvalidReason.UNTRUSTED_SIGNER,)


def test_a_rotation_needs_one_of_two_things(lephi: Lephi, tmp_path: Path) -> None:
    mine = Authority().files(tmp_path)
    for options in ([], mine[:2], ["--organization", "X", *mine]):
        assert "Give --organization" in lephi("key", "rotate", *options, code=1).stderr


def test_a_rotation_that_is_broken_off_is_finished_by_the_next_reader(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every single step: the key is the old one or the new one, and never a mixture."""

    class Killed(BaseException):
        pass

    steps = 0
    for stop in range(100):
        own = folder / f"{stop}"
        create_key(own, "Cũ", secret=None)
        old = SoftwareKeystore.load(own).certificate_pem
        left = stop

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def step(*given: Any, **more: Any) -> Any:
                nonlocal left
                if left == 0:
                    raise Killed
                left -= 1
                return real(*given, **more)

            return step

        with monkeypatch.context() as patch:
            for name in ("replace", "rename", "unlink", "rmdir"):
                patch.setattr(Path, name, counted(getattr(Path, name)))
            try:
                create_key(own, "Mới", secret=None, replacing=True)
            except Killed:
                pass
            else:
                steps = stop
                break
        found = SoftwareKeystore.load(own)
        signer = verify(sign(content(), found).xml, trusted_certificates(own))
        assert signer.trusted
        assert (found.certificate_pem == old) == (signer.signer == "Cũ")
        assert not (own / "next").exists()
    assert steps > 8, "it was never broken off: is anything replaced?"


def test_a_key_that_others_can_read_is_refused(lephi: Lephi, folder: Path) -> None:
    lephi("key", "create", "--organization", "X")
    for path, mode, right in ((folder / KEY, 0o640, 0o600), (folder, 0o750, 0o700)):
        path.chmod(mode)
        with pytest.raises(KeyFault, match=f"open to others: make its mode {right:04o}"):
            SoftwareKeystore.load(folder)
        assert "open to others" in lephi("key", "rotate", "--organization", "Y", code=1).stderr
        path.chmod(right)
    SoftwareKeystore.load(folder)


@pytest.mark.parametrize("command", ["serve", "worker", "invariants"])
def test_without_a_key_nothing_starts_and_one_line_says_why(command: str, tmp_path: Path) -> None:
    """Each is the same program: one of them is begun anew, with whatever that says at its end."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "LEPHI_"}
    environment |= {
        "LEPHI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "LEPHI_BASE_URL": "https://phi.example.vn",
        "LEPHI_DATA_DIR": str(tmp_path),
    }
    said = tmp_path / "said.txt"
    if command == "serve":
        with said.open("wb") as written:
            status = subprocess.run(
                [sys.executable, "-c", "from app.cli.main import main; main()", command],
                cwd=ROOT,
                env=environment,
                stdout=written,
                stderr=written,
                timeout=60,
                check=False,
            ).returncode
    else:
        status = run_lephi([command], said, environment=environment)
    # What could not be told is another answer than what is broken.
    assert status == (2 if command == "invariants" else 1)
    lines = [line for line in said.read_text("utf-8").splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("There is no signing key in ")
    assert "lephi key create" in lines[0]


def test_the_doctor_tells_of_the_key(lephi: Lephi, folder: Path) -> None:
    def key() -> dict[str, Any]:
        checks = json.loads(lephi("doctor", "--json", code=1).stdout)["checks"]
        found: dict[str, Any] = next(one for one in checks if one["check"] == "signing key")
        return found

    assert not key()["ok"]
    assert "lephi key create" in key()["detail"]
    lephi("key", "create", "--organization", "UBND phường Thử")
    assert key()["ok"]
    assert "UBND phường Thử" in key()["detail"]


def test_a_demos_key_is_no_key_for_production(lephi: Lephi, folder: Path) -> None:
    from adapters.keystore.demo import ensure_demo_keystore

    ensure_demo_keystore(folder, "DEMO")
    assert "made for a demo" in lephi("invariants", code=2).stderr


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(build(None), ["--version"])
    assert done.exit_code == 0
    assert done.stdout == "lephi 0.1.0\n"


def test_a_key_that_is_made_or_replaced_leaves_an_audit_row(
    lephi: Lephi, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPHI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    away = lephi("key", "create", "--organization", "UBND phường Thử")
    assert "No audit row" in away.stderr
    # Whoever leaves the database out gets no second key in: it alone knows who decides.
    refused = lephi("key", "rotate", "--organization", "UBND phường Thử", code=1)
    assert "cannot be reached" in refused.stderr
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    done = lephi("key", "rotate", "--organization", "UBND phường Thử")
    assert "No audit row" not in done.stderr
    (noted,) = rows(database_url, "SELECT actor, action FROM audit_entry")
    assert noted == {"actor": "system:operator", "action": "signing_key.rotated"}
