"""Signs with a key that is parsed once: XML by signxml, PDF by pyHanko.

It implements `receipts.ports.Signer`. pyHanko's own signer parses the key again for each signature,
twice, which costs an RSA key more time than all the rest.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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

from adapters.keystore.files import PrivateKey, read_folder
from core import clock
from receipts.ports import SIGNATURE_PLACE, SIGNED_ID, KeyFault

_FIELD = "ChuKySo"
_DS = "http://www.w3.org/2000/09/xmldsig#"


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
    def load(cls, folder: Path, secret: str | None = None) -> "SoftwareKeystore":
        """The keystore in a folder; `secret` is the key's passphrase or the token's PIN.

        Raises `KeyFault` naming the file that is missing or unfit, and what to do.
        """
        held = read_folder(folder, secret)
        return cls(held.key, held.certificate, held.chain)

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

    def sign_bytes(self, data: bytes) -> bytes:
        """A bare signature with SHA-256: PKCS#1 v1.5, or ECDSA in DER."""
        return _sign(self._key, data)

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


def _sign(key: PrivateKey, data: bytes) -> bytes:
    algorithm = hashes.SHA256()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), algorithm)
    return key.sign(data, ec.ECDSA(algorithm))


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
        return _sign(self._key, data)


class _ClockedPdfSigner(PdfSigner):
    """Signs at the time of `core.clock`, like everything else here."""

    def init_signing_session(self, *args: Any, **options: Any) -> PdfSigningSession:
        session = super().init_signing_session(*args, **options)
        session.system_time = clock.now()
        return session


def _as_pyhanko(certificates: Sequence[x509.Certificate]) -> list[Any]:
    pem = b"".join(item.public_bytes(Encoding.PEM) for item in certificates)
    return list(load_certs_from_pemder_data(pem)) if pem else []
