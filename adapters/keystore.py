"""A signing key in files: the demo's own, or PEM files an operator provides.

It implements `receipts.ports.Signer`. The XML signature is made by signxml, the PDF signature by
pyHanko, both with a key object that is parsed once: pyHanko's own signer parses the key again for
each signature, twice, which costs an RSA key more time than all the rest.

A folder holds `signing-key.pem` (unencrypted, mode 0600), `signing.pem` (its certificate) and
`chain.pem` (the certificates above it, the root last). A body with a token or a remote signing
service needs another adapter.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from lxml import etree
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko_certvalidator.registry import SimpleCertificateStore
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.signer import XMLSigner

from core import clock
from core.settings import DEMO_MARKER
from receipts.ports import SIGNATURE_PLACE, SIGNED_ID, KeyFault

KEY, CERTIFICATE, CHAIN = "signing-key.pem", "signing.pem", "chain.pem"
DEMO_NAME = "DEMO – không có giá trị pháp lý"

_DEMO_LIFE = timedelta(days=3650)
_FIELD = "ChuKySo"
_DS = "http://www.w3.org/2000/09/xmldsig#"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class SoftwareKeystore:
    """One body's certificate with its key in memory; nothing of the key is in its repr."""

    remote: bool = False

    def __init__(
        self, key: PrivateKey, certificate: x509.Certificate, chain: Sequence[x509.Certificate]
    ) -> None:
        """`chain` are the certificates above `certificate`, the root last; it may be empty.

        Raises `KeyFault` when the key is not the certificate's.
        """
        if _public(key.public_key()) != _public(certificate.public_key()):
            raise KeyFault("The signing key does not belong to its certificate.")
        self._key = key
        self._certificate = certificate
        self._chain = tuple(chain)
        # A checker has the root already, or has no reason to trust the one in the file.
        self._intermediates = [above for above in chain if above.subject != above.issuer]
        self._pdf_signer = _CachedKeySigner(key, certificate, chain)
        method = (
            SignatureMethod.RSA_SHA256
            if isinstance(key, rsa.RSAPrivateKey)
            else SignatureMethod.ECDSA_SHA256
        )
        self._xml_signer = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=method,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )

    @classmethod
    def load(cls, folder: Path) -> "SoftwareKeystore":
        """The keystore in a folder. Raises `KeyFault` naming the file that is missing or unfit."""
        key = _read(folder / KEY, lambda pem: load_pem_private_key(pem, password=None))
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise KeyFault(f"{folder / KEY} is neither an RSA nor an elliptic-curve key.")
        certificate = _read(folder / CERTIFICATE, x509.load_pem_x509_certificate)
        chain: list[x509.Certificate] = []
        if (folder / CHAIN).exists():
            chain = _read(folder / CHAIN, x509.load_pem_x509_certificates)
        return cls(key, certificate, chain)

    @property
    def certificate_pem(self) -> bytes:
        """The signing certificate, PEM."""
        return self._certificate.public_bytes(Encoding.PEM)

    @property
    def trust_pem(self) -> bytes:
        """What a checker should trust: the top of the chain, or the certificate standing alone."""
        top = self._chain[-1] if self._chain else self._certificate
        return top.public_bytes(Encoding.PEM)

    def sign_xml(self, xml: bytes) -> bytes:
        """See `Signer.sign_xml`; `KeyFault` when the document has no empty signature place."""
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
        place = root.find("/".join(SIGNATURE_PLACE))
        if place is None or len(place):
            raise KeyFault("The document has no empty place for a signature.")
        etree.SubElement(place, f"{{{_DS}}}Signature", {"Id": "placeholder"}, {"ds": _DS})
        signed = self._xml_signer.sign(
            root,
            key=self._key,
            cert=[self._certificate, *self._intermediates],
            reference_uri=f"#{SIGNED_ID}",
            id_attribute="Id",
        )
        written: bytes = etree.tostring(signed, encoding="UTF-8", xml_declaration=True)
        return written

    def sign_pdf(self, pdf: bytes) -> bytes:
        """See `Signer.sign_pdf`. pyHanko runs an event loop of its own for the call."""
        signer = _ClockedPdfSigner(
            PdfSignatureMetadata(
                field_name=_FIELD,
                md_algorithm="sha256",
                subfilter=SigSeedSubFilter.PADES,
                name=self._pdf_signer.subject_name,
            ),
            signer=self._pdf_signer,
            new_field_spec=SigFieldSpec(_FIELD),
        )
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        output: BytesIO = signer.sign_pdf(writer, bytes_reserved=self._pdf_signer.bytes_reserved)
        return output.getvalue()


def ensure_demo_keystore(folder: Path, agency_name: str) -> SoftwareKeystore:
    """The keystore of a demo, made the first time: a root of its own and a certificate below it.

    The certificate's name says that it has no legal value, and a marker in the folder keeps a
    production start away from it. The root's key is thrown away once it has signed. Processes that
    start at once get the same key; one that is killed meanwhile leaves nothing half made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder / ".lock"):
        if not (folder / KEY).exists():
            _write_demo(folder, agency_name)
    return SoftwareKeystore.load(folder)


def _write_demo(folder: Path, agency_name: str) -> None:
    # P-256: a signature costs a tenth of RSA-2048's, and xmlsec1 and pdfsig accept both.
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _name("DEMO – chứng thư gốc", agency_name)
    root = (
        _certificate(root_name, root_name, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(for_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = (
        _certificate(_name(DEMO_NAME, agency_name), root_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(for_certificates=False), critical=True)
        .add_extension(authority, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    _replace(folder / DEMO_MARKER, b"", 0o644)
    _replace(folder / CHAIN, root.public_bytes(Encoding.PEM), 0o644)
    _replace(folder / CERTIFICATE, leaf.public_bytes(Encoding.PEM), 0o644)
    # The key comes last: where it is, the rest is too.
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(folder / KEY, secret, 0o600)


def _name(common_name: str, agency_name: str) -> x509.Name:
    # RFC 5280 allows 64 characters in each of these names.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, agency_name[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    # A day of grace, so that a checker whose clock is behind does not call it not yet valid.
    start = clock.now().replace(microsecond=0) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _DEMO_LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, for_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not for_certificates,
        content_commitment=not for_certificates,
        key_cert_sign=for_certificates,
        crl_sign=for_certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other processes out until the block ends; a killed process lets go by itself."""
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path, read: Any) -> Any:
    try:
        return read(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        # The cause is left out: a parser's message may quote the key.
        raise KeyFault(f"{path} cannot be read as a key or certificate.") from error


def _public(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


class _CachedKeySigner(Signer):
    """pyHanko's view of a key that has been parsed already."""

    def __init__(
        self, key: PrivateKey, certificate: x509.Certificate, chain: Sequence[x509.Certificate]
    ) -> None:
        # The library annotates everything of this class but its constructor.
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple(_as_pyhanko(chain))
        (own,) = _as_pyhanko([certificate])
        super().__init__(signing_cert=own, cert_registry=registry, embed_roots=False)
        self._key = key
        # In hexadecimal: the certificates, an RSA-4096 signature at most, and the attributes.
        size = sum(len(item.public_bytes(Encoding.DER)) for item in (certificate, *chain))
        self.bytes_reserved = 2 * (size + 2048)

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        if digest_algorithm != "sha256":
            raise KeyFault(f"This key signs SHA-256 digests, not {digest_algorithm}.")
        algorithm = hashes.SHA256()
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), algorithm)
        return self._key.sign(data, ec.ECDSA(algorithm))


class _ClockedPdfSigner(PdfSigner):
    """Signs at the time of `core.clock`, like everything else here."""

    def init_signing_session(self, *args: Any, **options: Any) -> PdfSigningSession:
        session = super().init_signing_session(*args, **options)
        session.system_time = clock.now()
        return session


def _as_pyhanko(certificates: Sequence[x509.Certificate]) -> list[Any]:
    pem = b"".join(item.public_bytes(Encoding.PEM) for item in certificates)
    return list(load_certs_from_pemder_data(pem)) if pem else []
