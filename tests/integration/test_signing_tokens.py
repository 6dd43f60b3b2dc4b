"""A signing key on a PKCS#11 token: SoftHSM stands in for a hardware module."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from pkcs11 import Attribute, KeyType
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key
from typer.testing import CliRunner, Result

from adapters.keystore.certificates import self_signed
from adapters.keystore.files import KEY, TOKEN, trusted_certificates
from adapters.keystore.signer import SoftwareKeystore
from app.cli.main import build
from receipts.pdf import draw
from receipts.ports import KeyFault, SignerUnavailable
from receipts.signing import sign
from receipts.verification import verify, verify_pdf
from tests.support.authority import Authority
from tests.support.machine import needs, skip
from tests.support.receipts import content

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN, LABEL = "so-pin-thu", "lephi-thu"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SoftHSM's library, with one token of our own in a folder of ours."""
    needs("softhsm2")
    found = next((path for path in MODULES if Path(path).exists()), None)
    if found is None:
        skip("SoftHSM's library is not where Debian puts it")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    making = ["softhsm2-util", "--init-token", "--free", "--label", LABEL]
    subprocess.run([*making, "--pin", PIN, "--so-pin", "12345678"], check=True, capture_output=True)
    pkcs11.lib(found).reinitialize()
    yield found
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def key_on_token(module: str, kind: str, label: str) -> bytes:
    """Make a key on the token; its public half, DER."""
    with pkcs11.lib(module).get_token(token_label=LABEL).open(rw=True, user_pin=PIN) as session:
        if kind == "rsa":
            public, _ = session.generate_keypair(KeyType.RSA, 2048, store=True, label=label)
            key = load_der_public_key(encode_rsa_public_key(public))
            return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        curve = session.create_domain_parameters(
            KeyType.EC,
            {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")},
            local=True,
        )
        public, _ = curve.generate_keypair(store=True, label=label)
        return encode_ec_public_key(public)


class PublicHalf:
    """All that an authority asks of a key."""

    def __init__(self, der: bytes) -> None:
        self._public = load_der_public_key(der)

    def public_key(self) -> object:
        return self._public


def certificate_of(public_der: bytes) -> bytes:
    """A certificate for a key that only the token has."""
    return Authority().certify(PublicHalf(public_der))


@pytest.fixture(autouse=True)
def alone(module: str) -> Iterator[None]:
    """A login holds for the whole process: each test begins and ends without one."""
    pkcs11.lib(module).reinitialize()
    yield
    pkcs11.lib(module).reinitialize()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys" / "signing"


@pytest.fixture(autouse=True)
def a_database_without_people(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that nobody could be the second one to decide about a key."""
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)


def lephi(tmp_path: Path, *words: object, code: int = 0, pin: str = PIN) -> Result:
    environment = {
        "LEPHI_MODE": "production",
        "LEPHI_BASE_URL": "https://phi.example.vn",
        "LEPHI_DATA_DIR": str(tmp_path / "data"),
        "LEPHI_SIGNING_SECRET": pin,
    }
    told = [str(word) for word in words]
    done = CliRunner().invoke(build("key"), ["key", *told], env=environment)
    assert done.exit_code == code, done.output
    return done


def options(module: str, label: str, certificate: Path) -> list[object]:
    place = ["--module", module, "--token", LABEL, "--token-key", label]
    return [*place, "--certificate", certificate]


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_on_a_token_signs(module: str, kind: str, tmp_path: Path, folder: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(certificate_of(key_on_token(module, kind, f"ký-{kind}")))
    lephi(tmp_path, "import", *options(module, f"ký-{kind}", own))
    assert not (folder / KEY).exists()
    place = json.loads((folder / TOKEN).read_text())
    assert place == {"module": module, "token": LABEL, "key": f"ký-{kind}"}
    assert (folder / TOKEN).stat().st_mode & 0o777 == 0o600
    keystore = SoftwareKeystore.load(folder, PIN)
    receipt = sign(content(), keystore)
    trusted = trusted_certificates(folder)
    assert verify(receipt.xml, trusted).trusted
    assert verify_pdf(keystore.sign_pdf(draw(content(), receipt.note)), trusted).trusted
    assert PIN not in repr(keystore) + repr(vars(keystore))

    # To a key in a file and back: what each signed stands.
    lephi(tmp_path, "rotate", "--organization", "Mới")
    assert not (folder / TOKEN).exists()
    assert verify(receipt.xml, trusted_certificates(folder)).trusted
    lephi(tmp_path, "rotate", *options(module, f"ký-{kind}", own))
    assert not (folder / KEY).exists()
    assert SoftwareKeystore.load(folder, PIN).certificate_pem == own.read_bytes()


def test_what_is_wrong_with_a_token_is_told(module: str, tmp_path: Path, folder: Path) -> None:
    own, other = tmp_path / "own.pem", tmp_path / "other.pem"
    own.write_bytes(certificate_of(key_on_token(module, "ec", "đúng")))
    stranger = ec.generate_private_key(ec.SECP256R1())
    other.write_bytes(self_signed(stranger, "X", timedelta(days=3)).public_bytes(Encoding.PEM))
    right = options(module, "đúng", own)
    for words, wanted, pin in (
        (right, "PinIncorrect", "sai-sai"),
        (options(module, "khong-co", own), "NoSuchKey", PIN),
        (options(module, "đúng", other), "does not belong", PIN),
        ([*right[:3], "khong-co", *right[4:]], "NoSuchToken", PIN),
        ([right[0], tmp_path / "none.so", *right[2:]], "There is no PKCS#11 library", PIN),
        (right[2:], "needs --module", PIN),
    ):
        told = lephi(tmp_path, "import", *words, code=1, pin=pin).stderr
        assert wanted in told
        assert pin not in told
        assert not (folder / TOKEN).exists()


def test_a_token_that_is_lost_is_asked_again_later(
    module: str, tmp_path: Path, folder: Path
) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(certificate_of(key_on_token(module, "ec", "mất")))
    lephi(tmp_path, "import", *options(module, "mất", own))
    keystore = SoftwareKeystore.load(folder, PIN)
    keystore._key.token._session.close()  # type: ignore[union-attr]  # as if it were pulled out
    with pytest.raises(SignerUnavailable, match="token lephi-thu, key mất"):
        sign(content(), keystore)
    assert verify(sign(content(), keystore).xml, trusted_certificates(folder)).trusted


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_on_a_token_does_nothing_but_sign(
    module: str, kind: str, tmp_path: Path, folder: Path
) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(certificate_of(key_on_token(module, kind, f"chỉ-{kind}")))
    lephi(tmp_path, "import", *options(module, f"chỉ-{kind}", own))
    key = SoftwareKeystore.load(folder, PIN)._key
    with pytest.raises(KeyFault):
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyFault):
        key.private_numbers()


def test_a_process_may_open_its_token_twice(module: str, tmp_path: Path, folder: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(certificate_of(key_on_token(module, "ec", "hai-lần")))
    lephi(tmp_path, "import", *options(module, "hai-lần", own))
    first, second = [SoftwareKeystore.load(folder, PIN) for _ in range(2)]
    for keystore in (first, second):
        assert verify(sign(content(), keystore).xml, trusted_certificates(folder)).trusted
