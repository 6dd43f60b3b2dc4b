"""Says whether a receipt file is what a collecting body signed.

Three questions are kept apart: is the file a receipt at all, does the signature fit every byte of
what is shown, and is the signer someone the reader trusts. The last can only be answered against a
certificate that came by another way than the file itself; without one a result may be valid and
still not `trusted`.

The signing time is the signer's own word (there is no time stamp yet); certificates are judged at
that time, so that a receipt stays checkable after its certificate has expired. Everything here
blocks; call it outside the event loop.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from io import BytesIO

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from core import clock
from core.errors import Invalid
from receipts import xml as document
from receipts.content import ReceiptContent
from receipts.ports import SIGNATURE_PLACE
from receipts.text import clean

MAX_PDF_BYTES = 20_000_000
#: How far ahead of ours the clock of a signer may be.
_CLOCK_SLACK = timedelta(minutes=5)

_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
# Its findings come back as a status; logged as well, each untrusted file would leave a stack trace.
logging.getLogger("pyhanko.sign.validation").setLevel(logging.CRITICAL)

_DS = {"ds": "http://www.w3.org/2000/09/xmldsig#"}
_BASE64 = {
    f"{{{_DS['ds']}}}{name}" for name in ("DigestValue", "SignatureValue", "X509Certificate")
}


class InvalidReason(StrEnum):
    """Why a file is not valid; `detail` is what a person reads."""

    NOT_A_RECEIPT = "not_a_receipt"
    NOT_A_PDF = "not_a_pdf"
    NOT_SIGNED = "not_signed"
    BAD_SIGNATURE = "bad_signature"
    ALTERED = "altered"
    NOT_WHOLE_FILE = "not_whole_file"
    NO_SIGNING_TIME = "no_signing_time"
    SIGNED_IN_FUTURE = "signed_in_future"
    CERTIFICATE_DATES = "certificate_dates"
    UNTRUSTED_SIGNER = "untrusted_signer"

    @property
    def detail(self) -> str:
        """The reason as a sentence in Vietnamese."""
        return _DETAILS[self]


_DETAILS = {
    InvalidReason.NOT_A_RECEIPT: "Tệp không phải là biên lai đọc được.",
    InvalidReason.NOT_A_PDF: "Tệp không phải là PDF đọc được.",
    InvalidReason.NOT_SIGNED: "Tệp không có chữ ký số.",
    InvalidReason.BAD_SIGNATURE: "Chữ ký số bị hỏng hoặc dùng thuật toán không được chấp nhận.",
    InvalidReason.ALTERED: "Nội dung đã bị thay đổi sau khi ký.",
    InvalidReason.NOT_WHOLE_FILE: "Chữ ký số không bao phủ toàn bộ tệp.",
    InvalidReason.NO_SIGNING_TIME: "Tệp không ghi thời điểm ký.",
    InvalidReason.SIGNED_IN_FUTURE: "Thời điểm ký nằm trong tương lai.",
    InvalidReason.CERTIFICATE_DATES: "Chứng thư chưa hoặc không còn hiệu lực vào thời điểm ký.",
    InvalidReason.UNTRUSTED_SIGNER: "Người ký không thuộc chứng thư được tin cậy.",
}


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """What a check found. `valid` is True exactly when `reasons` is empty.

    `trusted` says that the signer was checked against a certificate the caller gave; without one
    it is False and anyone may have signed. `signer` is the name in the certificate, `signed_at`
    aware UTC. `content` is read from the signed part only, and only when that part is unaltered;
    a PDF has none.
    """

    valid: bool
    trusted: bool
    signer: str
    signed_at: datetime | None
    content: ReceiptContent | None
    reasons: tuple[InvalidReason, ...]


def verify(xml: bytes, certificate_pem: bytes | None = None) -> VerificationResult:
    """Check the XML of a receipt, never raising for anything the file holds.

    `certificate_pem` holds what the caller trusts: the signing certificate itself, or authorities
    above it, one or more. Raises `Invalid` when that is not PEM.
    """
    anchors = _anchors(certificate_pem)
    try:
        root = document.parse_tree(xml)
        shown = document.data_element(root)
    except Invalid:
        return _failed(InvalidReason.NOT_A_RECEIPT)
    place = "/".join(SIGNATURE_PLACE)
    signature = root.find(f"{place}/ds:Signature", _DS)
    if signature is None:
        return _failed(
            InvalidReason.NOT_A_RECEIPT if _read(shown) is None else InvalidReason.NOT_SIGNED
        )
    # The signature first: data that was changed may well not add up any more.
    try:
        for item in signature.iterfind(".//*"):
            _check_base64(item)
        certificates = [
            x509.load_der_x509_certificate(b64decode(item.text or ""))
            for item in signature.iterfind("ds:KeyInfo/ds:X509Data/ds:X509Certificate", _DS)
        ]
        leaf = certificates[0]
        signed = XMLVerifier().verify(
            root,
            x509_cert=leaf,
            id_attribute="Id",
            expect_config=SignatureConfiguration(
                location=f"./{place}/",
                expect_references=1,
                signature_methods=_METHODS,
                digest_algorithms=_DIGESTS,
                # The dates of the certificate are judged below, with a reason of their own.
                verification_time=leaf.not_valid_before_utc,
            ),
        )
    except InvalidSignature:
        return _failed(InvalidReason.ALTERED)
    except Exception:  # noqa: BLE001 - a hostile signature can make its reader raise anything
        return _failed(InvalidReason.BAD_SIGNATURE)
    # Only what the signature covered is read from here on.
    data = None if isinstance(signed, list) else signed.signed_xml
    if data is None:
        return _failed(InvalidReason.BAD_SIGNATURE)
    told = _read(data)
    if told is None:
        return _failed(InvalidReason.NOT_A_RECEIPT)
    if _read(shown) != told:
        # A signature does not see everything: a comment that splits a figure, for one.
        return _failed(InvalidReason.ALTERED)
    content, signed_at = told
    reasons = time_reasons(leaf, signed_at)
    trusted = signed_at is not None and _is_trusted(certificates, anchors, signed_at)
    if anchors and not trusted:
        reasons.append(InvalidReason.UNTRUSTED_SIGNER)
    return VerificationResult(
        valid=not reasons,
        trusted=trusted,
        signer=signer_name(leaf),
        signed_at=signed_at,
        content=content,
        reasons=tuple(reasons),
    )


def verify_each(files: Sequence[bytes], certificates: bytes) -> list[VerificationResult]:
    """The verdict of each file, in order. Blocks: some milliseconds a file."""
    return [verify(file, certificates) for file in files]


def verify_pdf(pdf: bytes, certificate_pem: bytes | None = None) -> VerificationResult:
    """Check the signature of a receipt's page, never raising for anything the file holds.

    There must be one signature and it must cover the whole file. `certificate_pem` is as for
    `verify`.
    """
    anchors = _anchors(certificate_pem)
    if len(pdf) > MAX_PDF_BYTES or not pdf.startswith(b"%PDF-"):
        return _failed(InvalidReason.NOT_A_PDF)
    try:
        signatures = PdfFileReader(BytesIO(pdf)).embedded_signatures
    except Exception:  # noqa: BLE001 - a hostile file can make its reader raise anything
        return _failed(InvalidReason.NOT_A_PDF)
    if len(signatures) != 1:
        return _failed(InvalidReason.NOT_SIGNED if not signatures else InvalidReason.BAD_SIGNATURE)
    try:
        signature = signatures[0]
        signed_at = signature.self_reported_timestamp
        context = ValidationContext(
            trust_roots=_as_pyhanko(anchors), allow_fetching=False, moment=signed_at
        )
        status = validate_pdf_signature(signature, signer_validation_context=context)
        leaf = x509.load_der_x509_certificate(status.signing_cert.dump())
    except Exception:  # noqa: BLE001 - as above
        return _failed(InvalidReason.BAD_SIGNATURE)
    if not (status.intact and status.valid):
        return _failed(InvalidReason.ALTERED)
    reasons = time_reasons(leaf, signed_at)
    entire = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    if not entire or not _is_tidy(pdf, signature.byte_range):
        reasons.append(InvalidReason.NOT_WHOLE_FILE)
    trusted = bool(anchors) and status.trusted
    if anchors and not trusted:
        reasons.append(InvalidReason.UNTRUSTED_SIGNER)
    return VerificationResult(
        valid=not reasons,
        trusted=trusted,
        signer=signer_name(leaf),
        signed_at=signed_at,
        content=None,
        reasons=tuple(reasons),
    )


def signer_name(certificate: x509.Certificate) -> str:
    """Who a certificate names: its organization, and its common name when that differs.

    Empty for a name that cannot be read.
    """
    names: list[str] = []
    try:
        for attribute in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
            for item in certificate.subject.get_attributes_for_oid(attribute)[:1]:
                if str(item.value) not in names:
                    names.append(str(item.value))
    except ValueError:
        return ""
    return clean(f"{names[0]} ({names[1]})" if len(names) == 2 else "".join(names), 160)


def _read(data: etree._Element) -> tuple[ReceiptContent, datetime | None] | None:
    """The content and signing time in a data element, None where it is not a receipt's."""
    try:
        return document.read_data(data)
    except Invalid:
        return None


def _check_base64(element: etree._Element) -> None:
    """Raise ValueError for a value with spare bits set or strange characters.

    Decoders pass over both, and then a changed byte of the file would change nothing.
    """
    if element.tag in _BASE64:
        written = "".join((element.text or "").split())
        if len(element) or b64encode(b64decode(written, validate=True)).decode() != written:
            raise ValueError("not the base64 that a signer writes")


def _is_tidy(pdf: bytes, byte_range: Sequence[int]) -> bool:
    """Whether the one part that a PDF signature cannot cover, itself, is as a signer writes it.

    Letters of one case and nothing but zeros behind: otherwise bytes could change unseen there.
    """
    start, length, end, _ = byte_range
    written = pdf[start + length : end]
    digits = written[1:-1]
    try:
        signature = bytes.fromhex(digits.decode("ascii"))
        # The signature is one DER element: its length says where the zeros begin.
        size = int.from_bytes(signature[2:4], "big") + 4
    except ValueError:
        return False
    return (
        written[:1] + written[-1:] == b"<>"
        and digits in (digits.upper(), digits.lower())
        and signature[:2] == b"\x30\x82"
        and not any(signature[size:])
    )


def _failed(reason: InvalidReason) -> VerificationResult:
    return VerificationResult(False, False, "", None, None, (reason,))


def _anchors(pem: bytes | None) -> list[x509.Certificate]:
    if pem is None:
        return []
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Invalid("Tệp chứng thư không phải là PEM.", code="certificate_malformed") from error


def time_reasons(leaf: x509.Certificate, signed_at: datetime | None) -> list[InvalidReason]:
    """What is wrong with a certificate having signed at that moment; empty when nothing is."""
    if signed_at is None:
        return [InvalidReason.NO_SIGNING_TIME]
    if signed_at > clock.now() + _CLOCK_SLACK:
        return [InvalidReason.SIGNED_IN_FUTURE]
    if not leaf.not_valid_before_utc <= signed_at <= leaf.not_valid_after_utc:
        return [InvalidReason.CERTIFICATE_DATES]
    return []


def _is_trusted(
    certificates: list[x509.Certificate], anchors: list[x509.Certificate], signed_at: datetime
) -> bool:
    """Whether the first certificate is an anchor, or a path leads from it to one."""
    leaf = certificates[0]
    if leaf in anchors:
        return True
    # A path ends as soon as it meets the name and key of an anchor. For the signer's own key that
    # would take any certificate made up around it, so there the whole certificate has to be equal.
    above = [anchor for anchor in anchors if anchor.public_key() != leaf.public_key()]
    if not above:
        return False
    try:
        own, *others = _as_pyhanko(certificates)
        context = ValidationContext(
            trust_roots=_as_pyhanko(above), allow_fetching=False, moment=signed_at
        )
        path = CertificateValidator(own, others, context)
        # Annotated in part only, like much of that library.
        asyncio.run(path.async_validate_usage({"digital_signature"}))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - a hostile certificate can make its reader raise anything
        return False
    return True


def _as_pyhanko(certificates: list[x509.Certificate]) -> list[object]:
    pem = b"".join(item.public_bytes(Encoding.PEM) for item in certificates)
    return list(load_certs_from_pemder_data(pem)) if pem else []
