"""Signatures of receipts, as xmlsec1, pdfsig and qpdf judge them, and as we do."""

import functools
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from adapters.keystore.demo import ensure_demo_keystore
from adapters.keystore.files import CERTIFICATE, CHAIN, KEY
from adapters.keystore.signer import SoftwareKeystore
from core import clock
from core.errors import Invalid
from core.settings import DEMO_MARKER
from receipts import xml as document
from receipts.pdf import draw
from receipts.ports import KeyFault, Signer
from receipts.signing import SignatureRefused, sign
from receipts.verification import InvalidReason, verify, verify_pdf
from tests.support.machine import needs
from tests.support.receipts import content

AGENCY = "Ủy ban nhân dân phường Cửa Nam"


def rsa_certificate(key: rsa.RSAPrivateKey, name: str, serial: int) -> bytes:
    """A certificate that nobody but its own key signed, PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    others = dict.fromkeys(
        [
            *("key_encipherment", "data_encipherment", "key_agreement", "encipher_only"),
            *("decipher_only", "key_cert_sign", "crl_sign"),
        ],
        False,
    )
    usage = x509.KeyUsage(digital_signature=True, content_commitment=True, **others)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=365))
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def rsa_keystore(folder: Path) -> SoftwareKeystore:
    """A body's own RSA key with a certificate that stands alone."""
    key = rsa.generate_private_key(65537, 2048)
    folder.mkdir(mode=0o700)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / KEY).touch(mode=0o600)
    (folder / KEY).write_bytes(secret)
    (folder / CERTIFICATE).write_bytes(rsa_certificate(key, "Sở Tư pháp thành phố Hà Nội", 1))
    return SoftwareKeystore.load(folder)


def real_key(folder: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key((folder / KEY).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@dataclass(frozen=True)
class Signed:
    """A keystore with one receipt signed by it."""

    folder: Path
    keystore: SoftwareKeystore
    xml: bytes
    pdf: bytes

    @property
    def trust(self) -> Path:
        chain = self.folder / CHAIN
        return chain if chain.exists() else self.folder / CERTIFICATE


@pytest.fixture(scope="module", params=["demo", "rsa"])
def signed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """A receipt signed with the demo's key, and with an RSA key from files."""
    folder = tmp_path_factory.mktemp("keys") / "signing"
    make = functools.partial(ensure_demo_keystore, agency_name=AGENCY)
    keystore = make(folder) if request.param == "demo" else rsa_keystore(folder)
    receipt = sign(content(demo=True), keystore)
    return Signed(
        folder, keystore, receipt.xml, keystore.sign_pdf(draw(content(demo=True), receipt.note))
    )


def xmlsec1(tmp_path: Path, xml: bytes, *trust: str) -> bool:
    """Whether xmlsec1 accepts a document."""
    path = tmp_path / "receipt.xml"
    path.write_bytes(xml)
    done = subprocess.run(
        [needs("xmlsec1"), "--verify", "--id-attr:Id", "DLBLai", *trust, str(path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    accepted = done.returncode == 0
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert ("OK" in said.split()) == accepted, said
    return accepted


def pdfsig(tmp_path: Path, pdf: bytes) -> str:
    """What pdfsig says of a document."""
    path = tmp_path / "receipt.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(
        [needs("poppler-utils"), "-nocert", str(path)],
        capture_output=True,
        timeout=60,
        check=False,
        env=os.environ | {"TZ": "UTC", "HOME": str(tmp_path)},
    )
    return done.stdout.decode("utf-8", "replace")


def changed(data: bytes, place: int) -> bytes:
    """The same bytes with one bit of one byte turned."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_xmlsec1_accepts_the_xml(tmp_path: Path, signed: Signed) -> None:
    assert xmlsec1(tmp_path, signed.xml, "--trusted-pem", str(signed.trust))
    certificate = str(signed.folder / CERTIFICATE)
    assert xmlsec1(tmp_path, signed.xml, "--pubkey-cert-pem", certificate)


def test_xmlsec1_refuses_the_xml_after_one_changed_byte(tmp_path: Path, signed: Signed) -> None:
    for text in ("128<", "5000<", "Nguyễn", "26TAA", "2026-11-22<"):
        place = signed.xml.index(text.encode())
        assert not xmlsec1(tmp_path, changed(signed.xml, place), "--trusted-pem", str(signed.trust))


def test_xmlsec1_refuses_another_body(tmp_path: Path, signed: Signed) -> None:
    ensure_demo_keystore(tmp_path / "other", "Sở Y tế")
    assert not xmlsec1(tmp_path, signed.xml, "--trusted-pem", str(tmp_path / "other" / CHAIN))


def test_pdfsig_accepts_the_pdf(tmp_path: Path, signed: Signed) -> None:
    said = pdfsig(tmp_path, signed.pdf)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


def test_pdfsig_refuses_the_pdf_after_one_changed_byte(tmp_path: Path, signed: Signed) -> None:
    place = signed.pdf.index(b"stream") + 40
    assert "Signature is Valid" not in pdfsig(tmp_path, changed(signed.pdf, place))


def test_qpdf_finds_nothing_wrong_with_the_pdf(tmp_path: Path, signed: Signed) -> None:
    path = tmp_path / "receipt.pdf"
    path.write_bytes(signed.pdf)
    done = subprocess.run(
        [needs("qpdf"), "--check", str(path)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_others_accept_we_accept(signed: Signed) -> None:
    for pem in (signed.keystore.certificate_pem, signed.keystore.trust_pem):
        of_xml, of_pdf = verify(signed.xml, pem), verify_pdf(signed.pdf, pem)
        for result in (of_xml, of_pdf):
            assert (result.valid, result.trusted, result.reasons) == (True, True, ())
        assert of_xml.content == content(demo=True)
        assert of_xml.signer == of_pdf.signer != ""
        assert of_xml.signed_at is not None


def test_without_a_certificate_a_receipt_is_valid_but_not_trusted(signed: Signed) -> None:
    for result in (verify(signed.xml), verify_pdf(signed.pdf)):
        assert (result.valid, result.trusted) == (True, False)


def test_another_body_is_not_trusted(tmp_path: Path, signed: Signed) -> None:
    other = ensure_demo_keystore(tmp_path / "other", "Sở Y tế")
    for pem in (other.trust_pem, other.certificate_pem):
        for result in (verify(signed.xml, pem), verify_pdf(signed.pdf, pem)):
            assert (result.valid, result.reasons) == (False, (InvalidReason.UNTRUSTED_SIGNER,))


def test_one_changed_byte_anywhere_in_the_xml_is_refused(signed: Signed) -> None:
    accepted = [
        place
        for place in [*range(40), *range(40, len(signed.xml), 11)]
        if verify(changed(signed.xml, place), signed.keystore.trust_pem).valid
    ]
    assert accepted == []


def test_one_changed_byte_anywhere_in_the_pdf_is_refused(signed: Signed) -> None:
    places = range(10, len(signed.pdf), len(signed.pdf) // 12)
    for place in places:
        assert not verify_pdf(changed(signed.pdf, place), signed.keystore.trust_pem).valid


def test_something_added_to_a_signed_pdf_is_seen(tmp_path: Path, signed: Signed) -> None:
    result = verify_pdf(signed.pdf + b"\n% more\n", signed.keystore.trust_pem)
    assert not result.valid


def test_files_without_a_signature_say_so(signed: Signed) -> None:
    assert verify(document.render(content())).reasons == (InvalidReason.NOT_SIGNED,)
    assert verify_pdf(draw(content())).reasons == (InvalidReason.NOT_SIGNED,)


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7\n", b"%PDF-1.7" + b"\xff" * 500, b"<BLai/>", b"x"]
)
def test_what_is_no_receipt_says_so(data: bytes) -> None:
    assert verify(data).reasons == (InvalidReason.NOT_A_RECEIPT,)
    assert verify_pdf(data).reasons in ((InvalidReason.NOT_A_PDF,), (InvalidReason.NOT_SIGNED,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # The sum, a line, and both: whether or not the figures still agree with one another.
        ("<TgTTTBSo>5000<", "<TgTTTBSo>9000<"),
        ("<TTien>5000<", "<TTien>9000<"),
        ("5000<", "9000<"),
        ("<TgTTTBSo>5000<", "<TgTTTBSo>many<"),
        ("<TgTTTBSo>5000<", "<TgTTTBSo>5<!-- -->000<"),
        ("<TTien>5000</TTien>", ""),
        ("</NDBLai>", "<Them>1</Them></NDBLai>"),
        ("2026-11-22<", "2026-11-32<"),
    ],
)
def test_a_changed_figure_is_an_alteration_even_where_it_makes_no_sense(
    signed: Signed, old: str, new: str
) -> None:
    text = signed.xml.decode()
    assert old in text
    result = verify(text.replace(old, new).encode(), signed.keystore.trust_pem)
    assert (result.valid, result.content, result.reasons) == (False, None, (InvalidReason.ALTERED,))


def test_what_is_signed_but_no_receipt_says_so(signed: Signed) -> None:
    nonsense = document.render(content(), clock.now()).replace(b"<TTien>5000<", b"<TTien>9000<")
    result = verify(signed.keystore.sign_xml(nonsense), signed.keystore.trust_pem)
    assert result.reasons == (InvalidReason.NOT_A_RECEIPT,)
    # The same without a signature is no unsigned receipt either.
    assert verify(nonsense).reasons == (InvalidReason.NOT_A_RECEIPT,)


def data_of(text: str) -> str:
    """The business data of a document."""
    return text[text.index("<DLBLai") : text.index("<DSCKS>")]


def forged_in_front(text: str) -> str:
    return text.replace("<DLBLai", data_of(text).replace("5000", "9000") + "<DLBLai", 1)


def wrapped_in_a_forgery(text: str) -> str:
    """Show a forged receipt that holds the signed one inside."""
    inside = data_of(text)
    outside = inside.replace("5000", "9000").replace("</DLBLai>", inside + "</DLBLai>")
    return text.replace(inside, outside)


def moved_aside(text: str) -> str:
    """Show a forged receipt, and keep the signed one where only the signature finds it."""
    shown = text.replace('Id="data"', 'Id="shown"').replace("5000", "9000")
    return shown.replace("</BLai>", f"<x>{data_of(text)}</x></BLai>")


def hidden_in_the_signature(text: str) -> str:
    hidden = f"<ds:Object>{data_of(text)}</ds:Object></ds:Signature>"
    shown = text.replace('Id="data"', 'Id="fake"').replace("Nguyễn", "Trần")
    return shown.replace("</ds:Signature>", hidden)


def signed_twice(text: str) -> str:
    end = "</TCThu></DSCKS>"
    return text.replace(end, text[text.index("<ds:Signature ") : text.index(end)] + end)


def without_certificate(text: str) -> str:
    end = "</ds:KeyInfo>"
    return text[: text.index("<ds:KeyInfo>")] + text[text.index(end) + len(end) :]


@pytest.mark.parametrize(
    "attack",
    [
        forged_in_front,
        wrapped_in_a_forgery,
        moved_aside,
        hidden_in_the_signature,
        signed_twice,
        without_certificate,
        lambda text: text.replace("<TgTTTBSo>5000", "<TgTTTBSo>5<!-- -->000"),
        lambda text: text.replace("<TTien>5000<", "<TTien>5000<?x?><"),
        lambda text: text.replace('URI="#data"', 'URI=""'),
        lambda text: text.replace("xmlenc#sha256", "xmldsig#sha1"),
        lambda text: text.replace("-sha256", "-sha1"),
        lambda text: text.replace("#ecdsa-", "#hmac-").replace("#rsa-", "#hmac-"),
        lambda text: text.replace("<ds:X509Certificate>", "<ds:X509Certificate>AAAA"),
        lambda text: text.replace("==</ds:SignatureValue>", "=</ds:SignatureValue>"),
        lambda text: text.replace("<ds:SignatureValue>", "<ds:SignatureValue>\u00a0"),
    ],
)
def test_a_forged_document_is_refused(signed: Signed, attack: Callable[[str], str]) -> None:
    text = signed.xml.decode()
    forged = attack(text)
    assert forged != text
    result = verify(forged.encode(), signed.keystore.trust_pem)
    assert not result.valid
    assert result.content is None


def test_a_checker_that_only_follows_the_reference_takes_a_forged_receipt(
    tmp_path: Path, signed: Signed
) -> None:
    forged = moved_aside(signed.xml.decode()).encode()
    assert xmlsec1(tmp_path, forged, "--trusted-pem", str(signed.trust))
    assert verify(forged, signed.keystore.trust_pem).reasons == (InvalidReason.NOT_A_RECEIPT,)


def test_bytes_that_a_pdf_signature_cannot_cover_are_watched(signed: Signed) -> None:
    letter = next(
        place
        for place in range(signed.pdf.index(b"/Contents <") + 20, len(signed.pdf))
        if signed.pdf[place : place + 1].isalpha()
    )
    other_case = signed.pdf[:letter] + signed.pdf[letter : letter + 1].swapcase()
    other_case += signed.pdf[letter + 1 :]
    padding = signed.pdf.index(b"0" * 200) + 150
    for pdf in (other_case, changed(signed.pdf, padding)):
        assert verify_pdf(pdf, signed.keystore.trust_pem).reasons == (InvalidReason.NOT_WHOLE_FILE,)


def test_a_certificate_made_up_around_the_same_key_is_not_trusted(tmp_path: Path) -> None:
    real = rsa_keystore(tmp_path / "keys")
    made_up = rsa_certificate(real_key(tmp_path / "keys"), "Sở Tư pháp thành phố Hà Nội", 7)
    (tmp_path / "keys" / CERTIFICATE).write_bytes(made_up)
    receipt = sign(content(), SoftwareKeystore.load(tmp_path / "keys")).xml
    assert verify(receipt).valid
    assert verify(receipt, real.certificate_pem).reasons == (InvalidReason.UNTRUSTED_SIGNER,)


def test_the_certificate_counts_at_the_time_of_signing(tmp_path: Path) -> None:
    keystore = ensure_demo_keystore(tmp_path / "keys", AGENCY)
    receipt, pdf = sign(content(), keystore).xml, keystore.sign_pdf(draw(content()))
    pem = keystore.trust_pem
    with clock.frozen(clock.now() + timedelta(days=20 * 365)):
        # Long expired today, valid when it signed.
        assert verify(receipt, pem).valid
        assert verify_pdf(pdf, pem).valid
        with pytest.raises(SignatureRefused, match="certificate_dates"):
            sign(content(), keystore)
        late = keystore.sign_xml(document.render(content(), clock.now()))
        assert verify(late, pem).reasons == (
            InvalidReason.CERTIFICATE_DATES,
            InvalidReason.UNTRUSTED_SIGNER,
        )
    with clock.frozen(clock.now() - timedelta(hours=1)):
        assert verify(receipt, pem).reasons == (InvalidReason.SIGNED_IN_FUTURE,)


def test_a_receipt_must_say_when_it_was_signed(tmp_path: Path) -> None:
    keystore = ensure_demo_keystore(tmp_path / "keys", AGENCY)
    result = verify(keystore.sign_xml(document.render(content())), keystore.certificate_pem)
    assert InvalidReason.NO_SIGNING_TIME in result.reasons


class RemoteSigner:
    """A signing service that answers with whatever `answer` makes of a good signature."""

    remote = True

    def __init__(self, keystore: SoftwareKeystore, answer: Callable[[bytes], bytes]) -> None:
        self._keystore, self._answer = keystore, answer

    @property
    def certificate_pem(self) -> bytes:
        return self._keystore.certificate_pem

    def sign_xml(self, xml: bytes) -> bytes:
        return self._answer(xml)

    def sign_pdf(self, pdf: bytes) -> bytes:
        return self._keystore.sign_pdf(pdf)


def test_what_a_remote_signer_gives_back_is_checked(tmp_path: Path) -> None:
    keystore = ensure_demo_keystore(tmp_path / "keys", AGENCY)
    other = ensure_demo_keystore(tmp_path / "other", AGENCY)
    good: Signer = RemoteSigner(keystore, keystore.sign_xml)
    assert verify(sign(content(), good).xml, keystore.trust_pem).valid
    another_receipt = document.render(content(number=129), clock.now())
    for answer in (
        lambda xml: xml,
        other.sign_xml,
        lambda xml: keystore.sign_xml(another_receipt),
        lambda xml: b"",
        lambda xml: keystore.sign_xml(xml).replace(b">128<", b">129<"),
    ):
        with pytest.raises(SignatureRefused):
            sign(content(), RemoteSigner(keystore, answer))


def test_the_demo_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "keys"
    first = ensure_demo_keystore(folder, AGENCY)
    assert ensure_demo_keystore(folder, AGENCY).certificate_pem == first.certificate_pem
    assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600
    assert (folder / DEMO_MARKER).exists()
    subject = x509.load_pem_x509_certificate(first.certificate_pem).subject.rfc4514_string()
    assert "DEMO – không có giá trị pháp lý" in subject
    assert AGENCY in subject


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    code = (
        "import sys; from pathlib import Path;"
        " from adapters.keystore.demo import ensure_demo_keystore;"
        " sys.stdout.buffer.write(ensure_demo_keystore(Path(sys.argv[1]), 'x').certificate_pem)"
    )

    def start(_: int) -> bytes:
        return subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout

    with ThreadPoolExecutor(2) as pool:
        certificates = set(pool.map(start, range(2)))
    assert len(certificates) == 1


def test_a_demo_key_half_made_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    ensure_demo_keystore(folder, AGENCY)
    (folder / KEY).unlink()
    keystore = ensure_demo_keystore(folder, AGENCY)
    assert verify(sign(content(), keystore).xml, keystore.trust_pem).valid


def test_a_key_that_does_not_fit_is_named(tmp_path: Path) -> None:
    ensure_demo_keystore(tmp_path / "one", AGENCY)
    ensure_demo_keystore(tmp_path / "two", AGENCY)
    (tmp_path / "one" / CERTIFICATE).write_bytes((tmp_path / "two" / CERTIFICATE).read_bytes())
    with pytest.raises(KeyFault, match="does not belong"):
        SoftwareKeystore.load(tmp_path / "one")
    (tmp_path / "two" / KEY).write_text("secret")
    with pytest.raises(KeyFault, match=KEY) as refused:
        SoftwareKeystore.load(tmp_path / "two")
    assert "secret" not in refused.value.detail
    with pytest.raises(KeyFault, match="nowhere: make one with `lephi key create`"):
        SoftwareKeystore.load(tmp_path / "nowhere")


def test_nothing_of_the_key_is_in_a_repr(tmp_path: Path) -> None:
    keystore = ensure_demo_keystore(tmp_path / "keys", AGENCY)
    secret = (tmp_path / "keys" / KEY).read_text().splitlines()[1]
    assert secret not in repr(keystore) + repr(vars(keystore))


def test_only_a_document_with_an_empty_place_is_signed(signed: Signed) -> None:
    for xml in (b"<BLai/>", signed.xml):
        with pytest.raises(KeyFault):
            signed.keystore.sign_xml(xml)


def test_a_certificate_to_trust_must_be_one(signed: Signed) -> None:
    with pytest.raises(Invalid):
        verify(signed.xml, b"not a certificate")
